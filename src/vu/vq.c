// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Virtqueues on memory that the other side may change any time (pure). */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "inflight.h"
#include "layout.h"
#include "mem.h"

/*
 * DOC: Theory of operation
 *
 * A ring and the buffers in it live in memory that the guest writes to while
 * we read. So every value is copied to a local once, checked there, and only
 * the copy is used. Every loop is bounded by a number that is ours.
 *
 * What cannot be right breaks the queue (vq_break()): it is not touched again
 * until it is set up again, and the owner is told once.
 *
 * A buffer is known by the index of its first descriptor, its head; in a packed
 * ring by its id, which is called its head here, too. A head is FREE, OUT (the
 * device has it) or AGAIN (the device dropped it), so a driver that makes the
 * same head available twice is found out. Dropped heads wait in a heap ordered
 * by when they were first fetched; vq_pop() takes them before what is new in
 * the ring, and translates their descriptors anew.
 *
 * split.c and packed.c know what is where in the two kinds of rings.
 */

int vq_break(struct vq *vq, int err, const char *why)
{
	if (!vq->broken) {
		vq->broken = true;
		vq->why = why;
		if (vq->ops->broke)
			vq->ops->broke(vq);
	}
	return err;
}

/*
 * Heads: who has which buffer
 */

static void head_out(struct vq *vq, u16 head)
{
	vq->head[head].state = VQ_HEAD_OUT;
	vq->nr_out++;
}

int vq_take_head(struct vq *vq, u16 head)
{
	if (head >= vq->num)
		return vq_break(vq, -EINVAL, "head out of range");
	if (vq->head[head].state != VQ_HEAD_FREE)
		return vq_break(vq, -EINVAL, "head made available twice");
	vq->head[head].fetched = vq->fetched++;
	head_out(vq, head);
	return 0;
}

static void head_free(struct vq *vq, u16 head)
{
	vq->head[head].state = VQ_HEAD_FREE;
	vq->nr_out--;
}

static void head_drop(struct vq *vq, u16 head)
{
	struct vq_head *h = &vq->head[head];

	h->state = VQ_HEAD_AGAIN;
	heap_insert(&vq->again, &h->again, h->fetched);
	vq->nr_out--;
	vq->nr_again++;
}

static u16 head_take_again(struct vq *vq)
{
	struct heap_node *n = heap_first(&vq->again);
	u16 head = (u16)(container_of(n, struct vq_head, again) - vq->head);

	heap_remove(&vq->again, n);
	vq->nr_again--;
	head_out(vq, head);
	return head;
}

void vq_recover(struct vq *vq, u16 head, u64 fetched)
{
	vq->head[head].fetched = fetched;
	head_out(vq, head);
	head_drop(vq, head);
}

/* All buffers that the device holds count as dropped from now on. */
static void recall(struct vq *vq)
{
	unsigned int i;

	vq->gen++;
	for (i = 0; i < vq->num && vq->nr_out; i++)
		if (vq->head[i].state == VQ_HEAD_OUT)
			head_drop(vq, (u16)i);
}

/* All buffers that the device holds or dropped are the driver's again. */
void vq_forget(struct vq *vq)
{
	vq->gen++;
	if (vq->head)
		memset(vq->head, 0, vq->num * sizeof(vq->head[0]));
	memset(&vq->again, 0, sizeof(vq->again));
	vq->nr_out = 0;
	vq->nr_again = 0;
	vq->fetched = 0;
	vq->layout->forget(vq);
}

/*
 * Popping
 */

/*
 * There is room for one long buffer even when there is no memory, so that a
 * device which pushes what it has popped always gets on.
 */
static struct iovec *get_iov(struct vq *vq, struct vq_buf *b, size_t nr)
{
	struct iovec *iov;

	if (nr <= VQ_BUF_INLINE)
		return b->inline_iov;
	iov = malloc(nr * sizeof(*iov));
	if (iov || vq->spare_taken)
		return iov;
	vq->spare_taken = true;
	return vq->spare;
}

static void put_iov(struct vq_buf *b)
{
	if (b->iov == b->vq->spare)
		b->vq->spare_taken = false;
	else if (b->iov != b->inline_iov)
		free(b->iov);
	b->iov = NULL;
}

static int fill_buf(struct vq *vq, struct vq_buf *b, u16 head,
		    const struct chain *c)
{
	size_t nr = c->nr_out + c->nr_in;

	b->iov = get_iov(vq, b, nr);
	if (!b->iov)
		return -ENOMEM;
	memcpy(b->iov, vq->scratch, nr * sizeof(b->iov[0]));
	b->vq = vq;
	b->gen = vq->gen;
	b->head = head;
	b->nr_out = c->nr_out;
	b->nr_in = c->nr_in;
	b->out_len = c->out_len;
	b->in_len = c->in_len;
	return 0;
}

/*
 * Is there something new in the ring? When not, that is the truth: we have said
 * that we want a kick for the next buffer, and have looked again after that.
 */
static int avail_poll(struct vq *vq)
{
	int n = vq->layout->available(vq);

	if (n || !vq->event_idx)
		return n;
	vq->layout->want_kick(vq);
	full_barrier();
	return vq->layout->available(vq);
}

/*
 * The queue can be used from now on: make sure that the driver kicks for what
 * comes next. Also where something is there already: a packed ring that was
 * never told anything has a kick for each buffer.
 */
static void ask_for_kick(struct vq *vq)
{
	if (!vq_usable(vq))
		return;
	vq->layout->want_kick(vq);
	full_barrier();
}

static int next_head(struct vq *vq, u16 *head)
{
	int n;

	if (vq->nr_again) {
		*head = head_take_again(vq);
		return 1;
	}
	n = avail_poll(vq);
	return n > 0 ? vq->layout->fetch(vq, head) : n;
}

/* What begins at @head, into @b. The queue breaks where that makes no sense. */
static int read_chain(struct vq *vq, struct vq_buf *b, u16 head)
{
	struct chain c = {
		.mem = vq->mem,
		.num = vq->num,
		.indirect = vq->indirect,
		.seg = vq->scratch,
	};
	int ret;

	ret = chain_walk(&c, vq->layout->chain(vq, head, &c));
	if (ret)
		return vq_break(vq, ret, c.why);
	return fill_buf(vq, b, head, &c);
}

static void moved(struct vq *vq, enum vq_move what, const struct vq_buf *b,
		  u32 written)
{
	if (vq->ops->moved)
		vq->ops->moved(vq, what, b, written);
}

int vq_pop(struct vq *vq, struct vq_buf *b)
{
	u16 head;
	int ret;

	b->vq = NULL;
	if (!vq_usable(vq) || vq->popped >= vq->pop_limit)
		return 0;
	ret = next_head(vq, &head);
	if (ret <= 0)
		return ret;
	ret = read_chain(vq, b, head);
	if (ret) {
		head_drop(vq, head);
		return ret;
	}
	vq->popped++;
	moved(vq, VQ_POP, b, 0);
	return 1;
}

bool vq_pending(struct vq *vq)
{
	return vq_usable(vq) && (vq->nr_again || avail_poll(vq));
}

/*
 * Pushing
 */

static void release_buf(struct vq_buf *b)
{
	put_iov(b);
	b->vq = NULL;
}

static void push_head(struct vq *vq, u16 head, u32 written)
{
	head_free(vq, head);
	vq->layout->use(vq, head, written);
	vq->pushed_bufs++;
	vq->nr_pushed++;
	if (vq->ops->pushed)
		vq->ops->pushed(vq);
}

/* The device has written the first bytes of what it may write. */
static void log_written(const struct vq *vq, const struct vq_buf *b, u32 written)
{
	const struct iovec *iov = b->iov + b->nr_out;
	u64 gpa;
	u32 n;

	for (; vq->log && written; written -= n, iov++) {
		n = (u32)min_size(written, iov->iov_len);
		if (mem_gpa(vq->mem, iov->iov_base, &gpa))
			dirty_mark(vq->log, gpa, n);
	}
}

static void push_buf(struct vq *vq, struct vq_buf *b, u32 written)
{
	written = (u32)min_u64(written, b->in_len);
	log_written(vq, b, written);
	moved(vq, VQ_PUSH, b, written);
	push_head(vq, b->head, written);
}

void vq_push(struct vq *vq, struct vq_buf *b, u32 written)
{
	if (!b->vq)
		return;
	if (b->gen == vq->gen) {
		if (vq_usable(vq))
			push_buf(vq, b, written);
		else if (vq->broken)
			head_free(vq, b->head);
		else
			head_drop(vq, b->head);
	}
	release_buf(b);
}

void vq_drop(struct vq *vq, struct vq_buf *b)
{
	if (!b->vq)
		return;
	moved(vq, VQ_DROP, b, 0);
	if (b->gen == vq->gen)
		head_drop(vq, b->head);
	release_buf(b);
}

static bool driver_wants_call(struct vq *vq)
{
	bool call;

	/* What is used must be out before we look whether to call for it. */
	full_barrier();
	call = vq->layout->wants_call(vq);
	vq->used_since = 0;
	return call;
}

bool vq_take_pushed(struct vq *vq)
{
	bool call;

	if (!vq->nr_pushed)
		return false;
	if (!vq->started || !vq->enabled)
		call = false;
	else if (vq->broken)
		call = true;	/* what was used before is good: do not look */
	else
		call = driver_wants_call(vq);
	vq->nr_pushed = 0;
	if (call)
		vq->calls++;
	else
		vq->calls_suppressed++;
	return call;
}

/*
 * Set-up
 */

void vq_init(struct vq *vq, unsigned int index, const struct vq_ops *ops,
	     void *owner)
{
	memset(vq, 0, sizeof(*vq));
	vq->index = index;
	vq->ops = ops;
	vq->owner = owner;
	vq->pop_limit = U64_MAX;
	vq->layout = &vq_split;
}

static void unset_addr(struct vq *vq)
{
	vq->have_addr = false;
	vq->layout->unmap(vq);
	vq->started = false;
}

static void unset_num(struct vq *vq)
{
	free(vq->head);
	free(vq->kept);
	vq->head = NULL;
	vq->kept = NULL;
	vq->num = 0;
	vq_forget(vq);
	unset_addr(vq);
	vq->broken = false;
	vq->why = NULL;
	vq->nr_pushed = 0;
	vq->rec = NULL;
}

void vq_fini(struct vq *vq)
{
	unset_num(vq);
}

void vq_set_features(struct vq *vq, u64 features)
{
	const struct vq_layout *layout = &vq_split;

	if (features & BIT_ULL(VIRTIO_F_RING_PACKED))
		layout = &vq_packed;
	if (layout != vq->layout) {
		unset_num(vq);
		vq->inflight = NULL;
	}
	vq->layout = layout;
	vq->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
}

int vq_set_num(struct vq *vq, u32 num)
{
	struct vring_desc *kept = NULL;
	struct vq_head *head;

	if (!vq->layout->num_ok(num))
		return -EINVAL;
	head = calloc(num, sizeof(*head));
	if (vq->layout->packed)
		kept = calloc(num, sizeof(*kept));
	if (!head || (vq->layout->packed && !kept)) {
		free(head);
		free(kept);
		return -ENOMEM;
	}
	unset_num(vq);
	vq->head = head;
	vq->kept = kept;
	vq->num = num;
	vq_forget(vq);
	vq->layout->begin(vq);
	return 0;
}

int vq_set_base(struct vq *vq, u32 base)
{
	int err = vq->layout->set_base(vq, base);

	if (err)
		return err;
	vq_forget(vq);
	inflight_save(vq);
	ask_for_kick(vq);
	return 0;
}

int vq_set_addr(struct vq *vq, const struct mem *mem, u64 desc, u64 avail,
		u64 used)
{
	int err;

	if (!vq->num)
		return -EINVAL;
	if (!mem)
		return -EFAULT;
	err = vq->layout->map(vq, mem, desc, avail, used);
	if (err)
		return err;
	vq->mem = mem;
	vq->desc_uva = desc;
	vq->avail_uva = avail;
	vq->used_uva = used;
	vq->have_addr = true;
	vq->layout->join(vq);
	/* What the driver wants to hear of began before. */
	vq->used_since = UINT32_MAX / 2;
	ask_for_kick(vq);
	return 0;
}

int vq_set_mem(struct vq *vq, const struct mem *mem)
{
	recall(vq);
	vq->mem = mem;
	if (!vq->have_addr)
		return 0;
	if (!mem || vq->layout->map(vq, mem, vq->desc_uva, vq->avail_uva,
				    vq->used_uva)) {
		unset_addr(vq);
		return -EFAULT;
	}
	return 0;
}

int vq_start(struct vq *vq)
{
	int err;

	if (vq->started)
		return 0;
	if (!vq->num || !vq->have_addr)
		return -EINVAL;
	err = inflight_load(vq);
	if (err)
		return err;
	vq->started = true;
	ask_for_kick(vq);
	return 0;
}

/* All that was dropped is the last that was fetched: the last of it first. */
static void unfetch_dropped(struct vq *vq)
{
	struct heap last_first = { 0 };
	struct vq_head *h;
	u16 head;

	while (vq->nr_again) {
		h = &vq->head[head_take_again(vq)];
		heap_insert(&last_first, &h->again, U64_MAX - h->fetched);
	}
	while (heap_first(&last_first)) {
		h = container_of(heap_first(&last_first), struct vq_head, again);
		head = (u16)(h - vq->head);
		heap_remove(&last_first, &h->again);
		head_free(vq, head);
		vq->layout->unfetch(vq, head);
	}
}

u32 vq_stop(struct vq *vq)
{
	struct heap_node *first;

	recall(vq);
	/* Only the last buffers fetched can be unfetched: see the header. */
	while ((first = heap_first(&vq->again)) &&
	       first->time != vq->fetched - vq->nr_again) {
		u16 head = head_take_again(vq);

		if (vq_usable(vq) && !vq->rec)
			push_head(vq, head, 0);
		else
			head_free(vq, head);	/* what is recorded stays so */
	}
	unfetch_dropped(vq);
	vq_forget(vq);
	vq->rec = NULL;
	vq->started = false;
	return vq->layout->base(vq);
}

void vq_set_log(struct vq *vq, struct dirty_log *log, bool log_used,
		u64 used_gpa)
{
	vq->log = log;
	vq->log_used = log_used;
	vq->used_gpa = used_gpa;
}

void vq_enable(struct vq *vq, bool on)
{
	vq->enabled = on;
	ask_for_kick(vq);
}

unsigned int vq_out(const struct vq *vq)
{
	return vq->nr_out;
}

unsigned int vq_index(const struct vq *vq)
{
	return vq->index;
}

bool vq_usable(const struct vq *vq)
{
	return vq->started && vq->enabled && !vq->broken;
}

/*
 * Bytes of a buffer
 */

/* Copy @len bytes at @off of @iov to or from @buf; return how many there were. */
static size_t copy_iov(const struct iovec *iov, unsigned int nr, size_t off,
		       void *to, const void *from, size_t len)
{
	size_t done = 0, n;
	u8 *p;

	for (; nr && done < len; nr--, iov++) {
		if (off >= iov->iov_len) {
			off -= iov->iov_len;
			continue;
		}
		p = (u8 *)iov->iov_base + off;
		n = min_size(len - done, iov->iov_len - off);
		if (to)
			memcpy((u8 *)to + done, p, n);
		else
			memcpy(p, (const u8 *)from + done, n);
		done += n;
		off = 0;
	}
	barrier();
	return done;
}

size_t vq_buf_read(const struct vq_buf *b, size_t off, void *dst, size_t len)
{
	return copy_iov(b->iov, b->nr_out, off, dst, NULL, len);
}

size_t vq_buf_write(const struct vq_buf *b, size_t off, const void *src,
		    size_t len)
{
	return copy_iov(b->iov + b->nr_out, b->nr_in, off, NULL, src, len);
}
