// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Guest memory: a checked table of regions, and translation of ranges (pure). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "mem.h"

/* The sums may not even reach 2^64, so that an end is always a valid number. */
static bool wraps(u64 start, u64 size)
{
	return start + size < start;
}

static bool overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int check_region(const struct vhost_user_region *r)
{
	if (!r->size)
		return -EINVAL;
	if (wraps(r->guest_addr, r->size) || wraps(r->user_addr, r->size) ||
	    wraps(r->mmap_offset, r->size))
		return -EOVERFLOW;
	return 0;
}

int mem_check(const struct vhost_user_region *r, unsigned int nr)
{
	unsigned int i, j;
	int err;

	if (!nr || nr > VHOST_USER_MAX_REGIONS)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		err = check_region(&r[i]);
		if (err)
			return err;
		for (j = 0; j < i; j++)
			if (overlap(r[i].guest_addr, r[i].size,
				    r[j].guest_addr, r[j].size) ||
			    overlap(r[i].user_addr, r[i].size,
				    r[j].user_addr, r[j].size))
				return -EINVAL;
	}
	return 0;
}

int mem_check_add(const struct mem *m, const struct vhost_user_region *r)
{
	const struct mem_region *o;
	int err = check_region(r);

	if (err)
		return err;
	for (o = m->region; o < m->region + m->nr; o++)
		if (overlap(r->guest_addr, r->size, o->gpa, o->size) ||
		    overlap(r->user_addr, r->size, o->uva, o->size))
			return -EINVAL;
	return m->nr == MEM_MAX_REGIONS ? -ENOSPC : 0;
}

/* How many regions begin at @gpa or below. */
static unsigned int begin_below(const struct mem *m, u64 gpa)
{
	unsigned int lo = 0, hi = m->nr, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (m->region[mid].gpa <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void mem_insert(struct mem *m, const struct mem_region *r)
{
	unsigned int i = begin_below(m, r->gpa);

	memmove(&m->region[i + 1], &m->region[i],
		(m->nr - i) * sizeof(m->region[0]));
	m->region[i] = *r;
	m->nr++;
}

static const struct mem_region *find_gpa(const struct mem *m, u64 gpa)
{
	unsigned int i = begin_below(m, gpa);
	const struct mem_region *r;

	if (!i)
		return NULL;
	r = &m->region[i - 1];
	return gpa - r->gpa < r->size ? r : NULL;
}

int mem_find(const struct mem *m, const struct vhost_user_region *r)
{
	const struct mem_region *o = find_gpa(m, r->guest_addr);

	if (!o || o->gpa != r->guest_addr || o->uva != r->user_addr ||
	    o->size != r->size)
		return -ENOENT;
	return (int)(o - m->region);
}

/* Only when rings are set up: there is no need to be quick. */
void *mem_uva(const struct mem *m, u64 uva, u64 len)
{
	const struct mem_region *r;
	u64 off;

	for (r = m->region; r < m->region + m->nr; r++) {
		off = uva - r->uva;
		if (uva >= r->uva && off < r->size)
			return len <= r->size - off ? r->host + off : NULL;
	}
	return NULL;
}

int mem_gpa_iov(const struct mem *m, u64 gpa, u64 len, struct iovec *iov,
		unsigned int max)
{
	const struct mem_region *r;
	unsigned int n;
	u64 chunk;

	/* A range that wraps ends here too: no region reaches 2^64. */
	for (n = 0; len; n++, gpa += chunk, len -= chunk) {
		r = find_gpa(m, gpa);
		if (!r)
			return -EFAULT;
		if (n == max)
			return -ENOBUFS;
		chunk = min_u64(len, r->size - (gpa - r->gpa));
		iov[n].iov_base = r->host + (gpa - r->gpa);
		iov[n].iov_len = chunk;
	}
	return (int)n;
}

bool mem_gpa(const struct mem *m, const void *host, u64 *gpa)
{
	const struct mem_region *r;
	u64 off;

	for (r = m->region; r < m->region + m->nr; r++) {
		off = (u64)((uintptr_t)host - (uintptr_t)r->host);
		if (off < r->size) {
			*gpa = r->gpa + off;
			return true;
		}
	}
	return false;
}
