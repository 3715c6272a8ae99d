// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Packed virtqueues (virtio 2.8), the driver's side. */
#include "conf.h"

#define DRIVER_AT	0x1000	/* event suppression structures */
#define DEVICE_AT	0x2000
#define AVAIL_FLAG	(1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_FLAG	(1u << VRING_PACKED_DESC_F_USED)

void packed_init(struct guest *g, struct queue *q)
{
	q->pdesc = guest_ptr(g, q->at);
	q->driver = guest_ptr(g, q->at + DRIVER_AT);
	q->device = guest_ptr(g, q->at + DEVICE_AT);
	q->avail_wrap = true;
	q->used_wrap = true;
	/* Index 0 and wrap counter 1, for avail and for used. */
	q->base = 0x80008000u;
}

u16 packed_avail_flags(const struct queue *q)
{
	return q->avail_wrap ? AVAIL_FLAG : USED_FLAG;
}

void packed_desc(struct queue *q, u16 i, u64 addr, u32 len, u16 id, u16 flags)
{
	q->pdesc[i].addr = addr;
	q->pdesc[i].len = len;
	q->pdesc[i].id = id;
	__atomic_store_n(&q->pdesc[i].flags, flags, __ATOMIC_RELEASE);
}

static void advance(const struct queue *q, u16 *i, bool *wrap)
{
	if (++*i < q->num)
		return;
	*i = 0;
	*wrap = !*wrap;
}

/* The first entry's flags are written last: they make the chain available. */
u16 packed_add(struct queue *q, const struct seg *s, unsigned int n)
{
	u16 id = q->free, first = q->next_avail, first_flags = 0, flags;
	unsigned int k;

	q->free = (u16)((q->free + 1) % q->num);
	q->chain_len[id] = (u16)n;
	for (k = 0; k < n; k++) {
		flags = packed_avail_flags(q) |
			(s[k].write ? VRING_DESC_F_WRITE : 0) |
			(k + 1 < n ? VRING_DESC_F_NEXT : 0);
		if (!k) {
			first_flags = flags;
			/* As it was: used, that is, not available yet. */
			flags = q->avail_wrap ? 0 : AVAIL_FLAG | USED_FLAG;
		}
		packed_desc(q, q->next_avail, s[k].gpa, s[k].len, id, flags);
		advance(q, &q->next_avail, &q->avail_wrap);
	}
	__atomic_store_n(&q->pdesc[first].flags, first_flags, __ATOMIC_RELEASE);
	return id;
}

bool packed_used(struct queue *q, struct used *u)
{
	const struct vring_packed_desc *d = &q->pdesc[q->next_used];
	u16 flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	bool avail = flags & AVAIL_FLAG, is_used = flags & USED_FLAG;
	unsigned int n;

	if (avail != is_used || is_used != q->used_wrap)
		return false;
	*u = (struct used){ .id = d->id, .len = d->len };
	if (u->id >= q->num)
		fail("used buffer id %u in a ring of %u", u->id, q->num);
	for (n = q->chain_len[u->id]; n; n--)
		advance(q, &q->next_used, &q->used_wrap);
	return true;
}
