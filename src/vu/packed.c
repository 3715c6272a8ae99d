// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Packed rings: one ring for what is available and what is used (pure). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "inflight.h"
#include "layout.h"
#include "mem.h"

/*
 * DOC: Theory of operation
 *
 * A buffer is a chain of descriptors that follow each other in the ring; the
 * last one has the buffer's id, by which we know it (its "head"). Used buffers
 * are written over the descriptors, in the order of use, each moving on by as
 * many entries as its chain had. So the descriptors of a buffer that is still
 * out may be overwritten, and are kept: in vq->kept, an array as long as the
 * ring, whose free entries and chains are lists. That is how the in-flight
 * record has them, too. A buffer that is handed out again is read from there.
 *
 * Whether a descriptor is available or used is said by two of its flags, whose
 * meaning changes each time around the ring: the wrap counters.
 */

#define F_AVAIL		((u16)(1u << VRING_PACKED_DESC_F_AVAIL))
#define F_USED		((u16)(1u << VRING_PACKED_DESC_F_USED))
#define WRAP		((u16)(1u << VRING_PACKED_EVENT_F_WRAP_CTR))

/* A place in the ring, as the base and the event structures write it. */
static u16 place(u16 idx, bool wrap)
{
	return idx | (wrap ? WRAP : 0);
}

/* Go on by @n entries, at most once around. */
static void advance(const struct vq *vq, u16 *idx, bool *wrap, u32 n)
{
	u32 to = *idx + n;

	if (to >= vq->num) {
		to -= vq->num;
		*wrap = !*wrap;
	}
	*idx = (u16)to;
}

static bool packed_num_ok(u32 num)
{
	return num && num <= VQ_MAX_NUM;
}

static void packed_begin(struct vq *vq)
{
	vq->last_avail = vq->used_idx = 0;
	vq->avail_wrap = vq->used_wrap = true;
}

static int packed_set_base(struct vq *vq, u32 base)
{
	u16 avail = base & (WRAP - 1), used = base >> 16 & (WRAP - 1);
	bool avail_wrap = base & WRAP, used_wrap = base >> 16 & WRAP;

	if (avail >= vq->num || used >= vq->num)
		return -EINVAL;
	/* What is used comes behind what is available, at most once around. */
	if (avail_wrap == used_wrap ? used > avail : used < avail)
		return -EINVAL;
	vq->last_avail = avail;
	vq->avail_wrap = avail_wrap;
	vq->used_idx = used;
	vq->used_wrap = used_wrap;
	return 0;
}

static u32 packed_base(const struct vq *vq)
{
	return place(vq->last_avail, vq->avail_wrap) |
	       (u32)place(vq->used_idx, vq->used_wrap) << 16;
}

static void packed_forget(struct vq *vq)
{
	u32 i;

	for (i = 0; i < vq->num; i++)
		vq->kept[i].next = htole16((u16)(i + 1));
	vq->kept_free = 0;
	vq->nr_kept = 0;
}

static int packed_map(struct vq *vq, const struct mem *mem, u64 desc,
		      u64 driver, u64 device)
{
	void *r = mem_uva(mem, desc, vq->num * sizeof(*vq->ring));
	void *a = mem_uva(mem, driver, sizeof(*vq->driver_event));
	void *u = mem_uva(mem, device, sizeof(*vq->device_event));

	if (!r || !a || !u)
		return -EFAULT;
	if (!vq_aligned(desc, r, 16) || !vq_aligned(driver, a, 4) ||
	    !vq_aligned(device, u, 4))
		return -EINVAL;
	vq->ring = r;
	vq->driver_event = a;
	vq->device_event = u;
	return 0;
}

static void packed_unmap(struct vq *vq)
{
	vq->ring = NULL;
	vq->driver_event = NULL;
	vq->device_event = NULL;
}

/* Nothing in the ring says where it is used: the base does. */
static void packed_join(struct vq *vq)
{
	(void)vq;
}

static u16 load_flags(const struct vq *vq, u16 i)
{
	return le16toh(__atomic_load_n(&vq->ring[i].flags, __ATOMIC_ACQUIRE));
}

static bool flags_available(u16 flags, bool wrap)
{
	return !(flags & F_AVAIL) == !wrap && !(flags & F_USED) == wrap;
}

static int packed_available(struct vq *vq)
{
	return flags_available(load_flags(vq, vq->last_avail), vq->avail_wrap);
}

/* Place and flags in one store, since the driver may read them as one. */
static void packed_want_kick(struct vq *vq)
{
	u32 event = VRING_PACKED_EVENT_FLAG_ENABLE << 16;

	if (vq->event_idx)
		event = place(vq->last_avail, vq->avail_wrap) |
			(u32)VRING_PACKED_EVENT_FLAG_DESC << 16;
	WRITE_ONCE(*vq->device_event, htole32(event));
	vq_log_used(vq, 0, sizeof(event));
}

/*
 * Copy the descriptor at @i to @keep, linked as it is, and look only at that.
 * Return its flags; they are loaded before the rest of it.
 */
static u16 keep_desc(struct vq *vq, u16 i, struct vring_desc *keep, u16 *id)
{
	u16 flags = load_flags(vq, i);

	keep->addr = READ_ONCE(vq->ring[i].addr);
	keep->len = READ_ONCE(vq->ring[i].len);
	*id = le16toh(READ_ONCE(vq->ring[i].id));
	keep->flags = htole16(flags);
	return flags;
}

/*
 * Keep the chain that is next in free entries, which remain free. All of it is
 * available when its first descriptor is, so the others are looked at later.
 */
static int keep_chain(struct vq *vq, struct vq_head *h, u16 *id)
{
	u16 e = vq->kept_free, i = vq->last_avail, flags;
	bool wrap = vq->avail_wrap;

	h->first = e;
	for (h->slots = 1; vq->nr_kept + h->slots <= vq->num; h->slots++) {
		flags = keep_desc(vq, i, &vq->kept[e], id);
		if (!flags_available(flags, wrap))
			return vq_break(vq, -EINVAL, "chain into a descriptor that is not available");
		h->last = e;
		if (!(flags & VRING_DESC_F_NEXT))
			return 0;
		e = le16toh(vq->kept[e].next);
		advance(vq, &i, &wrap, 1);
	}
	return vq_break(vq, -EINVAL, "more descriptors available than there are");
}

static int packed_fetch(struct vq *vq, u16 *head)
{
	struct vq_head h = { 0 };
	u16 id = 0;
	int err;

	err = keep_chain(vq, &h, &id);
	if (!err)
		err = vq_take_head(vq, id);
	if (err)
		return err;
	vq->head[id].first = h.first;
	vq->head[id].last = h.last;
	vq->head[id].slots = h.slots;
	vq->kept_free = le16toh(vq->kept[h.last].next);
	vq->nr_kept += h.slots;
	advance(vq, &vq->last_avail, &vq->avail_wrap, h.slots);
	inflight_packed_fetched(vq, id);
	*head = id;
	return 1;
}

static void release_kept(struct vq *vq, const struct vq_head *h)
{
	vq->kept[h->last].next = htole16(vq->kept_free);
	vq->kept_free = h->first;
	vq->nr_kept -= h->slots;
}

static void packed_unfetch(struct vq *vq, u16 head)
{
	const struct vq_head *h = &vq->head[head];

	/* Back is once around, without what is too much. */
	advance(vq, &vq->last_avail, &vq->avail_wrap, vq->num - h->slots);
	vq->avail_wrap = !vq->avail_wrap;
	inflight_packed_unfetched(vq, head);
	release_kept(vq, h);
}

static u16 packed_chain(const struct vq *vq, u16 head, struct chain *c)
{
	c->ring = vq->kept;
	c->packed = true;
	return vq->head[head].first;
}

static void log_desc(const struct vq *vq, const struct vring_packed_desc *d)
{
	u64 gpa;

	if (vq->log && vq->log_used && mem_gpa(vq->mem, d, &gpa))
		dirty_mark(vq->log, gpa, sizeof(*d));
}

/* The flags go last: they make it used. */
static void packed_use(struct vq *vq, u16 head, u32 written)
{
	struct vring_packed_desc *d = &vq->ring[vq->used_idx];
	const struct vq_head *h = &vq->head[head];
	u16 flags = vq->used_wrap ? F_AVAIL | F_USED : 0;
	u16 next = vq->used_idx;
	bool wrap = vq->used_wrap;

	if (written)
		flags |= VRING_DESC_F_WRITE;
	advance(vq, &next, &wrap, h->slots);
	inflight_packed_using(vq, head, next, wrap);
	WRITE_ONCE(d->id, htole16(head));
	WRITE_ONCE(d->len, htole32(written));
	__atomic_store_n(&d->flags, htole16(flags), __ATOMIC_RELEASE);
	barrier();
	release_kept(vq, h);
	vq->used_idx = next;
	vq->used_wrap = wrap;
	vq->used_since += h->slots;
	inflight_packed_used(vq, head);
	log_desc(vq, d);
}

/* Is the place that the driver names among the entries used last? */
static bool event_passed(struct vq *vq, u16 event)
{
	u16 off = event & (WRAP - 1);

	if (off >= vq->num) {
		vq_break(vq, -EINVAL, "event offset out of range");
		return true;
	}
	if (vq->used_since > vq->num)
		return true;
	if (!(event & WRAP) == vq->used_wrap)
		off -= vq->num;
	return vring_need_event(off, vq->used_idx,
				(u16)(vq->used_idx - vq->used_since));
}

static bool packed_wants_call(struct vq *vq)
{
	u32 event = le32toh(READ_ONCE(*vq->driver_event));

	switch (event >> 16 & 3) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		return !vq->event_idx || event_passed(vq, (u16)event);
	default:
		return true;
	}
}

bool vq_packed_was_used(const struct vq *vq, u16 i, bool wrap)
{
	return !flags_available(load_flags(vq, i), wrap);
}

void vq_packed_recovered(struct vq *vq)
{
	vq->last_avail = vq->used_idx;
	vq->avail_wrap = vq->used_wrap;
	advance(vq, &vq->last_avail, &vq->avail_wrap, vq->nr_kept);
}

const struct vq_layout vq_packed = {
	.packed = true,
	.num_ok = packed_num_ok,
	.begin = packed_begin,
	.set_base = packed_set_base,
	.base = packed_base,
	.forget = packed_forget,
	.map = packed_map,
	.unmap = packed_unmap,
	.join = packed_join,
	.available = packed_available,
	.want_kick = packed_want_kick,
	.fetch = packed_fetch,
	.unfetch = packed_unfetch,
	.chain = packed_chain,
	.use = packed_use,
	.wants_call = packed_wants_call,
};
