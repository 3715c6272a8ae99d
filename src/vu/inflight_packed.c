// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The record of a packed ring's buffers in flight (pure). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "inflight.h"
#include "layout.h"

/* Its entries have the same places as in vq->kept, and the same links. */

static void store_places(struct inflight_packed *r, const struct vq *vq,
			 u16 used_idx, bool used_wrap)
{
	union inflight_places p = {
		.used_idx = used_idx,
		.old_used_idx = vq->used_idx,
		.used_wrap = used_wrap,
		.old_used_wrap = vq->used_wrap,
	};

	inflight_store(r->places.raw, p.raw);
}

/* All entries of a chain; only the first one's matter that are not of the ring. */
static void store_chain(struct inflight_packed *r, const struct vq *vq, u16 head)
{
	const struct vq_head *h = &vq->head[head];
	struct inflight_packed_desc *d = &r->desc[h->first];
	const struct vring_desc *kept;
	u16 n, i = h->first;

	inflight_store(d->num, h->slots);
	inflight_store(d->counter, h->fetched);
	inflight_store(d->last, h->last);
	for (n = 0; n < h->slots; n++) {
		kept = &vq->kept[i];
		d = &r->desc[i];
		inflight_store(d->addr, kept->addr);
		inflight_store(d->len, kept->len);
		inflight_store(d->flags, kept->flags);
		inflight_store(d->id, htole16(head));
		i = le16toh(kept->next);
	}
	inflight_store(r->desc[h->first].inflight, 1);
}

void inflight_packed_fetched(struct vq *vq, u16 head)
{
	struct inflight_packed *r = vq->rec;

	if (!r)
		return;
	store_chain(r, vq, head);
	inflight_store(r->free_head, vq->kept_free);
	/* As long as its entries are in that list, it is not in flight. */
	inflight_store(r->old_free_head, vq->kept_free);
}

static void store_freed(struct inflight_packed *r, const struct vq *vq, u16 head)
{
	const struct vq_head *h = &vq->head[head];

	inflight_store(r->desc[h->last].next, vq->kept_free);
	inflight_store(r->free_head, h->first);
}

void inflight_packed_unfetched(struct vq *vq, u16 head)
{
	struct inflight_packed *r = vq->rec;

	if (!r)
		return;
	store_freed(r, vq, head);
	inflight_store(r->old_free_head, vq->head[head].first);
	inflight_store(r->desc[vq->head[head].first].inflight, 0);
}

void inflight_packed_using(struct vq *vq, u16 head, u16 used_idx, bool used_wrap)
{
	struct inflight_packed *r = vq->rec;

	if (!r)
		return;
	store_freed(r, vq, head);
	store_places(r, vq, used_idx, used_wrap);
}

void inflight_packed_used(struct vq *vq, u16 head)
{
	struct inflight_packed *r = vq->rec;

	if (!r)
		return;
	inflight_store(r->desc[vq->head[head].first].inflight, 0);
	inflight_store(r->old_free_head, vq->kept_free);
	store_places(r, vq, vq->used_idx, vq->used_wrap);
}

void inflight_packed_save(struct vq *vq)
{
	struct inflight_packed *r = vq->rec;
	u32 i;

	for (i = 0; i < vq->num; i++) {
		inflight_store(r->desc[i].inflight, 0);
		inflight_store(r->desc[i].counter, 0);
		inflight_store(r->desc[i].next, le16toh(vq->kept[i].next));
	}
	for (i = 0; i < vq->num; i++)
		if (vq->head[i].state != VQ_HEAD_FREE)
			store_chain(r, vq, (u16)i);
	inflight_store(r->free_head, vq->kept_free);
	inflight_store(r->old_free_head, vq->kept_free);
	store_places(r, vq, vq->used_idx, vq->used_wrap);
}

/*
 * Recovery
 */

/**
 * struct census - whether each entry is either in a chain or free
 * @seen: of each entry
 * @nr: how many of them
 */
struct census {
	u64 seen[VQ_MAX_NUM / 64];
	u32 nr;
};

/* Is @i an entry, and one that has not been seen yet? Now it has. */
static bool see(struct census *c, const struct vq *vq, u16 i)
{
	u64 bit = BIT_ULL(i % 64);

	if (i >= vq->num || (c->seen[i / 64] & bit))
		return false;
	c->seen[i / 64] |= bit;
	c->nr++;
	return true;
}

/*
 * If the driver has been told of what was being used last, this has happened;
 * else it has not.
 */
static int end_use(struct vq *vq)
{
	struct inflight_packed *r = vq->rec;
	union inflight_places p = { .raw = READ_ONCE(r->places.raw) };
	u16 free_head = READ_ONCE(r->free_head);

	if (p.used_idx >= vq->num || p.old_used_idx >= vq->num)
		return vq_break(vq, -EINVAL, "in-flight record with an index out of range");
	if ((p.used_idx != p.old_used_idx || p.used_wrap != p.old_used_wrap) &&
	    vq_packed_was_used(vq, p.old_used_idx, p.old_used_wrap)) {
		inflight_store(r->old_free_head, free_head);
		p.old_used_idx = p.used_idx;
		p.old_used_wrap = p.used_wrap;
	}
	vq->used_idx = p.old_used_idx;
	vq->used_wrap = p.old_used_wrap;
	store_places(r, vq, vq->used_idx, vq->used_wrap);
	inflight_store(r->free_head, READ_ONCE(r->old_free_head));
	return 0;
}

/* What is in the free list is not in flight. */
static int recover_free(struct vq *vq, struct census *c)
{
	struct inflight_packed *r = vq->rec;
	u16 i = READ_ONCE(r->free_head), next;

	vq->kept_free = i;
	for (; i < vq->num; i = next) {
		if (!see(c, vq, i))
			return vq_break(vq, -EINVAL, "in-flight record whose free list loops");
		next = READ_ONCE(r->desc[i].next);
		vq->kept[i].next = htole16(next);
		inflight_store(r->desc[i].inflight, 0);
	}
	return 0;
}

static void recover_desc(struct vq *vq, u16 i, bool last)
{
	const struct inflight_packed *r = vq->rec;
	const struct inflight_packed_desc *d = &r->desc[i];
	const u16 more = htole16(VRING_DESC_F_NEXT);
	struct vring_desc *kept = &vq->kept[i];

	kept->addr = READ_ONCE(d->addr);
	kept->len = READ_ONCE(d->len);
	kept->flags = READ_ONCE(d->flags) & ~more;
	if (!last)
		kept->flags |= more;
	kept->next = htole16(READ_ONCE(d->next));
}

/* The chain that begins at entry @i, into @h. */
static int recover_chain(struct vq *vq, struct census *c, u16 i,
			 struct vq_head *h)
{
	const struct inflight_packed *r = vq->rec;
	u16 left = READ_ONCE(r->desc[i].num);

	h->first = i;
	h->slots = left;
	for (; left; left--) {
		if (!see(c, vq, i))
			return vq_break(vq, -EINVAL, "in-flight record with chains that cannot be");
		recover_desc(vq, i, left == 1);
		h->last = i;
		i = le16toh(vq->kept[i].next);
	}
	return 0;
}

static int recover_buffer(struct vq *vq, struct census *c, u16 i, u64 counter)
{
	const struct inflight_packed *r = vq->rec;
	struct vq_head h = { 0 };
	u16 id;
	int err;

	err = recover_chain(vq, c, i, &h);
	if (err)
		return err;
	id = le16toh(READ_ONCE(r->desc[h.last].id));
	if (!h.slots || id >= vq->num || vq->head[id].state != VQ_HEAD_FREE)
		return vq_break(vq, -EINVAL, "in-flight record with buffers that cannot be");
	vq->head[id].first = h.first;
	vq->head[id].last = h.last;
	vq->head[id].slots = h.slots;
	vq->nr_kept += h.slots;
	vq_recover(vq, id, counter);
	return 0;
}

int inflight_packed_recover(struct vq *vq)
{
	struct inflight_packed *r = vq->rec;
	struct census c = { 0 };
	u64 counter;
	int err;
	u32 i;

	err = end_use(vq);
	if (!err)
		err = recover_free(vq, &c);
	for (i = 0; !err && i < vq->num; i++) {
		counter = READ_ONCE(r->desc[i].counter);
		vq->fetched = max_u64(vq->fetched, counter + 1);
		if (READ_ONCE(r->desc[i].inflight))
			err = recover_buffer(vq, &c, (u16)i, counter);
	}
	if (err)
		return err;
	if (c.nr != vq->num)
		return vq_break(vq, -EINVAL, "in-flight record that has lost entries");
	vq_packed_recovered(vq);
	return 0;
}
