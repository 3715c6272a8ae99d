// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split rings: descriptors, what is available and what is used apart (pure). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>

#include "inflight.h"
#include "layout.h"
#include "mem.h"

static u16 load_avail_idx(const struct vq *vq)
{
	return le16toh(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE));
}

static u16 load_avail_entry(const struct vq *vq, u16 i)
{
	return le16toh(READ_ONCE(vq->avail->ring[i & (vq->num - 1)]));
}

/* After the avail ring: the used index from which on a call is wanted. */
static u16 load_used_event(const struct vq *vq)
{
	return le16toh(READ_ONCE(vq->avail->ring[vq->num]));
}

static u64 used_offset(const struct vq *vq, const void *p)
{
	return (u64)((const u8 *)p - (const u8 *)vq->used);
}

static bool split_num_ok(u32 num)
{
	return num && num <= VQ_MAX_NUM && !(num & (num - 1));
}

static void split_begin(struct vq *vq)
{
	vq->last_avail = 0;
}

static int split_set_base(struct vq *vq, u32 base)
{
	if (base > UINT16_MAX)
		return -EINVAL;
	vq->last_avail = (u16)base;
	return 0;
}

static u32 split_base(const struct vq *vq)
{
	return vq->last_avail;
}

static void split_forget(struct vq *vq)
{
	(void)vq;
}

static int split_map(struct vq *vq, const struct mem *mem, u64 desc, u64 avail,
		     u64 used)
{
	u64 n = vq->num;
	void *d = mem_uva(mem, desc, n * sizeof(struct vring_desc));
	void *a = mem_uva(mem, avail, 6 + 2 * n);
	void *u = mem_uva(mem, used, 6 + 8 * n);

	if (!d || !a || !u)
		return -EFAULT;
	if (!vq_aligned(desc, d, VRING_DESC_ALIGN_SIZE) ||
	    !vq_aligned(avail, a, VRING_AVAIL_ALIGN_SIZE) ||
	    !vq_aligned(used, u, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	vq->desc = d;
	vq->avail = a;
	vq->used = u;
	return 0;
}

static void split_unmap(struct vq *vq)
{
	vq->desc = NULL;
	vq->avail = NULL;
	vq->used = NULL;
}

static void split_join(struct vq *vq)
{
	vq->used_idx = le16toh(READ_ONCE(vq->used->idx));
	inflight_split_joined(vq);
}

static int split_available(struct vq *vq)
{
	u16 n = load_avail_idx(vq) - vq->last_avail;

	if (n > vq->num)
		return vq_break(vq, -EINVAL, "avail index jumps");
	return n != 0;
}

/* We never set it, but who has used the ring before us may have. */
static void clear_no_notify(struct vq *vq)
{
	u16 *flags = &vq->used->flags;

	if (!READ_ONCE(*flags))
		return;
	WRITE_ONCE(*flags, 0);
	vq_log_used(vq, used_offset(vq, flags), sizeof(*flags));
}

/* After the used ring: the avail index from which on we want a kick. */
static void split_want_kick(struct vq *vq)
{
	u16 *event = (u16 *)(void *)&vq->used->ring[vq->num];

	if (!vq->event_idx) {
		clear_no_notify(vq);
		return;
	}
	WRITE_ONCE(*event, htole16(vq->last_avail));
	vq_log_used(vq, used_offset(vq, event), sizeof(*event));
}

static int split_fetch(struct vq *vq, u16 *head)
{
	u16 h = load_avail_entry(vq, vq->last_avail);
	int err;

	err = vq_take_head(vq, h);
	if (err)
		return err;
	vq->last_avail++;
	inflight_split_fetched(vq, h);
	*head = h;
	return 1;
}

static void split_unfetch(struct vq *vq, u16 head)
{
	inflight_split_unfetched(vq, head);
	vq->last_avail--;
}

static u16 split_chain(const struct vq *vq, u16 head, struct chain *c)
{
	c->ring = vq->desc;
	return head;
}

static void split_use(struct vq *vq, u16 head, u32 written)
{
	struct vring_used_elem *e = &vq->used->ring[vq->used_idx & (vq->num - 1)];

	WRITE_ONCE(e->id, htole32(head));
	WRITE_ONCE(e->len, htole32(written));
	vq->used_idx++;
	vq->used_since++;
	inflight_split_using(vq, head);
	__atomic_store_n(&vq->used->idx, htole16(vq->used_idx),
			 __ATOMIC_RELEASE);
	barrier();
	inflight_split_used(vq, head);
	vq_log_used(vq, used_offset(vq, e), sizeof(*e));
	vq_log_used(vq, used_offset(vq, &vq->used->idx), sizeof(u16));
}

static bool split_wants_call(struct vq *vq)
{
	if (!vq->event_idx)
		return !(le16toh(READ_ONCE(vq->avail->flags)) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	/* Once around the index, the event says nothing. */
	if (vq->used_since > UINT16_MAX)
		return true;
	return vring_need_event(load_used_event(vq), vq->used_idx,
				(u16)(vq->used_idx - vq->used_since));
}

const struct vq_layout vq_split = {
	.num_ok = split_num_ok,
	.begin = split_begin,
	.set_base = split_set_base,
	.base = split_base,
	.forget = split_forget,
	.map = split_map,
	.unmap = split_unmap,
	.join = split_join,
	.available = split_available,
	.want_kick = split_want_kick,
	.fetch = split_fetch,
	.unfetch = split_unfetch,
	.chain = split_chain,
	.use = split_use,
	.wants_call = split_wants_call,
};
