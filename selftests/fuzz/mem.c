// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: memory tables and translation, against a byte-by-byte definition. */
#include <errno.h>

#include "../../src/vu/mem.h"
#include "input.h"

/* Nobody follows these: regions may be larger than any memory. */
#define HOST(i)	((u8 *)(uintptr_t)((u64)((i) + 1) << 58))

/* Small numbers meet more often than large ones. */
static u64 take_addr(struct input *in)
{
	switch (take_u8(in) % 4) {
	case 0:
		return take_u8(in);
	case 1:
		return U64_MAX - take_u8(in);
	case 2:
		return (u64)take_u8(in) << 12;
	default:
		return take_u64(in);
	}
}

static const struct mem_region *region_of(const struct mem *m, u64 gpa)
{
	const struct mem_region *found = NULL;
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		if (gpa < m->region[i].gpa ||
		    gpa - m->region[i].gpa >= m->region[i].size)
			continue;
		MUST(!found);
		found = &m->region[i];
	}
	return found;
}

static const u8 *host_of(const struct mem *m, u64 gpa)
{
	const struct mem_region *r = region_of(m, gpa);

	return r ? r->host + (gpa - r->gpa) : NULL;
}

static void check_gpa(const struct mem *m, struct input *in)
{
	struct iovec iov[VHOST_USER_MAX_REGIONS];
	u64 gpa = take_addr(in), len = take_addr(in), at = gpa;
	unsigned int max = take_u8(in) % (VHOST_USER_MAX_REGIONS + 1);
	int n = mem_gpa_iov(m, gpa, len, iov, max), i;

	MUST(n == -EFAULT || n == -ENOBUFS || (n >= 0 && (unsigned int)n <= max));
	if (n < 0) {
		/* One byte can only fail for what it is. */
		if (len == 1 && max)
			MUST(n == -EFAULT && !host_of(m, gpa));
		return;
	}
	for (i = 0; i < n; i++) {
		MUST(iov[i].iov_len);
		MUST(iov[i].iov_base == host_of(m, at));
		at += iov[i].iov_len - 1;
		MUST((u8 *)iov[i].iov_base + iov[i].iov_len - 1 == host_of(m, at));
		at++;
	}
	MUST(at - gpa == len && at >= gpa);
}

static void check_uva(const struct mem *m, struct input *in)
{
	u64 uva = take_addr(in), len = take_addr(in);
	const u8 *p = mem_uva(m, uva, len);
	unsigned int i, n = 0;

	for (i = 0; i < m->nr; i++) {
		const struct mem_region *r = &m->region[i];

		if (uva < r->uva || uva - r->uva >= r->size ||
		    len > r->size - (uva - r->uva))
			continue;
		n++;
		MUST(p == r->host + (uva - r->uva));
	}
	MUST(n == (p ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vhost_user_region r[VHOST_USER_MAX_REGIONS + 1];
	struct input in = { data, size };
	struct mem_region add;
	struct mem m;
	unsigned int i, nr = take_u8(&in) % (ARRAY_SIZE(r) + 1);
	int err;

	for (i = 0; i < nr; i++)
		r[i] = (struct vhost_user_region){
			take_addr(&in), take_addr(&in), take_addr(&in),
			take_addr(&in),
		};
	m.nr = 0;
	err = mem_check(r, nr);
	MUST(err == 0 || err == -EINVAL || err == -EOVERFLOW);
	if (err)
		return 0;
	MUST(nr && nr <= VHOST_USER_MAX_REGIONS);
	for (i = 0; i < nr; i++) {
		/* Beyond that the made-up addresses would overlap. */
		if (r[i].size >> 57)
			return 0;
		add = (struct mem_region){
			.gpa = r[i].guest_addr, .uva = r[i].user_addr,
			.size = r[i].size, .host = HOST(i),
		};
		MUST(mem_check_add(&m, &r[i]) == 0);
		mem_insert(&m, &add);
		MUST(m.region[mem_find(&m, &r[i])].host == HOST(i));
	}
	while (in.left) {
		check_gpa(&m, &in);
		check_uva(&m, &in);
	}
	return 0;
}
