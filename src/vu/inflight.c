// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The record of buffers in flight, and that of a split ring (pure). */
#include <errno.h>

#include "inflight.h"
#include "layout.h"

/*
 * DOC: Theory of operation
 *
 * We may be killed between any two stores. Who comes after us must hand out
 * what we had fetched and not used, and nothing else, so each fetch and each
 * use takes effect with one store: of desc.inflight or of old_free_head for a
 * fetch; for a use, the one to guest memory by which the driver learns of it,
 * which is why the record has a "now" and a "before": it is put right
 * afterwards, or by who comes after us.
 *
 * We never read the record while we work, only in recover(), once per value,
 * and believe nothing of it: the front-end may write to it. What is true is in
 * vq->head and vq->kept, which are written in the same order.
 */

static size_t record_len(bool packed, u32 num)
{
	if (packed)
		return sizeof(struct inflight_packed) +
		       num * sizeof(struct inflight_packed_desc);
	return sizeof(struct inflight_split) +
	       num * sizeof(struct inflight_split_desc);
}

size_t vq_inflight_len(bool packed, unsigned int num)
{
	return (record_len(packed, num) + 63) & ~(size_t)63;
}

/*
 * The record of a split ring
 */

void inflight_split_fetched(struct vq *vq, u16 head)
{
	struct inflight_split *r = vq->rec;

	if (!r)
		return;
	inflight_store(r->desc[head].counter, vq->head[head].fetched);
	inflight_store(r->desc[head].inflight, 1);
}

void inflight_split_unfetched(struct vq *vq, u16 head)
{
	struct inflight_split *r = vq->rec;

	if (r)
		inflight_store(r->desc[head].inflight, 0);
}

/* Each buffer is a batch of its own, so the list's end does not matter. */
void inflight_split_using(struct vq *vq, u16 head)
{
	struct inflight_split *r = vq->rec;

	if (!r)
		return;
	inflight_store(r->desc[head].next, head);
	inflight_store(r->last_batch_head, head);
}

void inflight_split_used(struct vq *vq, u16 head)
{
	struct inflight_split *r = vq->rec;

	if (!r)
		return;
	inflight_store(r->desc[head].inflight, 0);
	inflight_store(r->used_idx, vq->used_idx);
}

void inflight_split_joined(struct vq *vq)
{
	struct inflight_split *r = vq->rec;

	if (r)
		inflight_store(r->used_idx, vq->used_idx);
}

static void save_split(struct vq *vq)
{
	struct inflight_split *r = vq->rec;
	u32 i;

	for (i = 0; i < vq->num; i++) {
		inflight_store(r->desc[i].inflight,
			       vq->head[i].state != VQ_HEAD_FREE);
		inflight_store(r->desc[i].counter, vq->head[i].fetched);
	}
	inflight_store(r->used_idx, vq->used_idx);
}

/* The driver has been told of these, but not yet the record. */
static int end_batch(struct vq *vq)
{
	struct inflight_split *r = vq->rec;
	u16 n = vq->used_idx - READ_ONCE(r->used_idx);
	u16 i = READ_ONCE(r->last_batch_head);

	if (n > vq->num)
		return vq_break(vq, -EINVAL, "in-flight record of another used ring");
	for (; n; n--) {
		if (i >= vq->num)
			return vq_break(vq, -EINVAL, "in-flight record with a list out of range");
		inflight_store(r->desc[i].inflight, 0);
		i = READ_ONCE(r->desc[i].next);
	}
	inflight_store(r->used_idx, vq->used_idx);
	return 0;
}

static int recover_split(struct vq *vq)
{
	struct inflight_split *r = vq->rec;
	u64 counter;
	u32 i;
	int err;

	err = end_batch(vq);
	if (err)
		return err;
	for (i = 0; i < vq->num; i++) {
		counter = READ_ONCE(r->desc[i].counter);
		vq->fetched = max_u64(vq->fetched, counter + 1);
		if (READ_ONCE(r->desc[i].inflight))
			vq_recover(vq, (u16)i, counter);
	}
	vq->last_avail = vq->used_idx + (u16)vq->nr_again;
	return 0;
}

/*
 * Either kind
 */

static void save(struct vq *vq)
{
	if (vq->layout->packed)
		inflight_packed_save(vq);
	else
		save_split(vq);
}

void inflight_save(struct vq *vq)
{
	struct inflight_hdr *hdr = vq->rec;

	if (!hdr)
		return;
	inflight_store(hdr->version, 0);
	inflight_store(hdr->features, 0);
	inflight_store(hdr->desc_num, (u16)vq->num);
	save(vq);
	inflight_store(hdr->version, INFLIGHT_VERSION);
}

static int recover(struct vq *vq)
{
	const struct inflight_hdr *hdr = vq->rec;

	if (READ_ONCE(hdr->desc_num) != vq->num)
		return vq_break(vq, -EINVAL, "in-flight record of a ring of another size");
	vq_forget(vq);
	return vq->layout->packed ? inflight_packed_recover(vq) :
				    recover_split(vq);
}

int inflight_load(struct vq *vq)
{
	const struct inflight_hdr *hdr = vq->inflight;
	int err = 0;

	if (!hdr || vq->rec)
		return 0;
	if (vq->inflight_len < record_len(vq->layout->packed, vq->num))
		return -EINVAL;
	vq->rec = vq->inflight;
	switch (READ_ONCE(hdr->version)) {
	case 0:
		inflight_save(vq);
		break;
	case INFLIGHT_VERSION:
		err = recover(vq);
		break;
	default:
		err = vq_break(vq, -EINVAL, "in-flight record of an unknown version");
		break;
	}
	if (err) {
		vq_forget(vq);
		vq->rec = NULL;
	}
	return err;
}

int vq_check_inflight(const struct vq *vq, const void *record, size_t len)
{
	const struct inflight_hdr *hdr = record;

	if (!record)
		return 0;
	if ((uintptr_t)record % sizeof(u64) ||
	    len < record_len(vq->layout->packed, vq->num))
		return -EINVAL;
	/* What is in flight already cannot be what is in there. */
	return vq->started && READ_ONCE(hdr->version) ? -EINVAL : 0;
}

int vq_set_inflight(struct vq *vq, void *record, size_t len)
{
	int err = vq_check_inflight(vq, record, len);

	if (err)
		return err;
	vq->inflight = record;
	vq->inflight_len = record ? len : 0;
	vq->rec = NULL;
	return vq->started ? inflight_load(vq) : 0;
}
