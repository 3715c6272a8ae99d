// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The driver's side of a packed virtqueue, in the memory of fake_ring.h. */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_config.h>

#include "fake_packed.h"

#define F_AVAIL	(1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)

u64 fake_packed_driver_gpa(const struct fake_packed *r)
{
	return r->gpa + r->num * sizeof(*r->desc);
}

u64 fake_packed_device_gpa(const struct fake_packed *r)
{
	return fake_packed_driver_gpa(r) + sizeof(*r->driver);
}

void fake_packed_init(struct fake_packed *r, const struct mem *m, u64 gpa,
		      unsigned int num)
{
	memset(r, 0, sizeof(*r));
	r->mem = m;
	r->num = num;
	r->gpa = gpa;
	r->desc = fake_host(m, gpa);
	r->driver = fake_host(m, fake_packed_driver_gpa(r));
	r->device = fake_host(m, fake_packed_device_gpa(r));
	r->avail_wrap = r->used_wrap = true;
	memset(r->desc, 0, num * sizeof(*r->desc) + 8);
}

int fake_packed_set_addr(const struct fake_packed *r, struct vq *vq)
{
	return vq_set_addr(vq, r->mem, r->gpa + FAKE_UVA,
			   fake_packed_driver_gpa(r) + FAKE_UVA,
			   fake_packed_device_gpa(r) + FAKE_UVA);
}

int fake_packed_connect(const struct fake_packed *r, struct vq *vq)
{
	int err;

	err = vq_set_num(vq, r->num);
	if (!err)
		err = vq_set_base(vq, FAKE_PACKED_BASE);
	if (!err)
		err = fake_packed_set_addr(r, vq);
	if (!err)
		err = vq_start(vq);
	vq_enable(vq, true);
	return err;
}

u16 fake_packed_flags(u16 flags, bool wrap)
{
	return (u16)(flags | (wrap ? F_AVAIL : F_USED));
}

void fake_packed_put(struct fake_packed *r, u16 slot, u64 addr, u32 len, u16 id,
		     u16 flags)
{
	struct vring_packed_desc *d = &r->desc[slot];
	bool wrap = r->avail_wrap ^ (slot < r->avail);

	d->addr = addr;
	d->len = len;
	d->id = id;
	__atomic_store_n(&d->flags, fake_packed_flags(flags, wrap),
			 __ATOMIC_RELEASE);
}

/* The last descriptor first, so that the chain is there with its head. */
void fake_packed_offer(struct fake_packed *r, u16 id, unsigned int n, u16 flags)
{
	unsigned int i;

	for (i = n; i--;)
		fake_packed_put(r, (u16)((r->avail + i) % r->num),
				FAKE_DATA + id + i, 1, id, i + 1 < n ?
				flags | VRING_DESC_F_NEXT : flags);
	if (r->avail + n >= r->num)
		r->avail_wrap = !r->avail_wrap;
	r->avail = (u16)((r->avail + n) % r->num);
	r->slots[id % FAKE_PACKED_MAX] = (u16)n;
}

bool fake_packed_used(struct fake_packed *r, u32 *id, u32 *len)
{
	const struct vring_packed_desc *d = &r->desc[r->used];
	u16 flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	unsigned int to;

	if (!(flags & F_AVAIL) == r->used_wrap || !(flags & F_USED) == r->used_wrap)
		return false;
	*id = d->id;
	*len = d->len;
	if (!(flags & VRING_DESC_F_WRITE) != !*len)
		abort();
	to = r->used + r->slots[*id % FAKE_PACKED_MAX];
	if (to >= r->num) {
		to -= r->num;
		r->used_wrap = !r->used_wrap;
	}
	r->used = (u16)to;
	return true;
}
