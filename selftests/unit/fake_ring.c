// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The driver's side of a virtqueue, in the memory of a guest that is none. */
#include <stdlib.h>
#include <string.h>

#include "fake_ring.h"

/* Little endian hosts only, like everything that runs these tests. */

static void add_region(struct mem *m, u64 gpa, u64 size)
{
	struct mem_region *r = &m->region[m->nr++];

	*r = (struct mem_region){
		.gpa = gpa, .uva = gpa + FAKE_UVA, .size = size,
		.host = aligned_alloc(4096, size),
	};
	if (!r->host)
		abort();
	memset(r->host, 0, size);
}

void fake_mem_init(struct fake_mem *m)
{
	memset(m, 0, sizeof(*m));
	add_region(&m->mem, FAKE_LOW, FAKE_LOW_SIZE);
	add_region(&m->mem, FAKE_MID, FAKE_MID_SIZE);
	add_region(&m->mem, FAKE_HIGH, FAKE_HIGH_SIZE);
}

void fake_mem_fini(struct fake_mem *m)
{
	while (m->mem.nr)
		free(m->mem.region[--m->mem.nr].host);
}

void *fake_host(const struct mem *m, u64 gpa)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		if (gpa - m->region[i].gpa < m->region[i].size)
			return m->region[i].host + (gpa - m->region[i].gpa);
	abort();
}

static u64 avail_off(unsigned int num)
{
	return num * sizeof(struct vring_desc);
}

static u64 used_off(unsigned int num)
{
	return (avail_off(num) + 6 + 2 * num + 3) & ~3ULL;
}

void fake_ring_init(struct fake_ring *r, const struct mem *m, u64 gpa,
		    unsigned int num)
{
	memset(r, 0, sizeof(*r));
	r->mem = m;
	r->num = num;
	r->gpa = gpa;
	r->desc = fake_host(m, gpa);
	r->avail = fake_host(m, gpa + avail_off(num));
	r->used = fake_host(m, gpa + used_off(num));
	memset(r->desc, 0, used_off(num) + 6 + 8 * num);
}

u64 fake_desc_uva(const struct fake_ring *r)
{
	return r->gpa + FAKE_UVA;
}

u64 fake_avail_uva(const struct fake_ring *r)
{
	return r->gpa + avail_off(r->num) + FAKE_UVA;
}

u64 fake_used_uva(const struct fake_ring *r)
{
	return r->gpa + used_off(r->num) + FAKE_UVA;
}

int fake_connect(const struct fake_ring *r, struct vq *vq)
{
	int err;

	err = vq_set_num(vq, r->num);
	if (!err)
		err = vq_set_base(vq, r->avail_idx);
	if (!err)
		err = vq_set_addr(vq, r->mem, fake_desc_uva(r),
				  fake_avail_uva(r), fake_used_uva(r));
	if (!err)
		err = vq_start(vq);
	vq_enable(vq, true);
	return err;
}

void fake_desc(struct fake_ring *r, unsigned int i, u64 addr, u32 len,
	       u16 flags, u16 next)
{
	r->desc[i] = (struct vring_desc){ addr, len, flags, next };
}

void fake_avail(struct fake_ring *r, u16 head)
{
	r->avail->ring[r->avail_idx++ % r->num] = head;
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
}

bool fake_used(struct fake_ring *r, u32 *id, u32 *len)
{
	const struct vring_used_elem *e;

	if (r->used_seen == __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE))
		return false;
	e = &r->used->ring[r->used_seen++ % r->num];
	*id = e->id;
	*len = e->len;
	return true;
}

u16 *fake_used_event(const struct fake_ring *r)
{
	return &r->avail->ring[r->num];
}

u16 *fake_avail_event(const struct fake_ring *r)
{
	return (u16 *)(void *)&r->used->ring[r->num];
}
