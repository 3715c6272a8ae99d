// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split virtqueues on memory that the other side may change any time (pure). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "vring.h"

/*
 * DOC: Theory of operation
 *
 * A ring and the buffers in it live in memory that the guest writes to while
 * we read. So every value is copied to a local once, checked there, and only
 * the copy is used. Every loop is bounded by a number that is ours.
 *
 * What cannot be right breaks the queue (break_vq()): it is not touched again
 * until it is set up again, and the owner is told once.
 *
 * A buffer is known by the index of its first descriptor, its head. A head is
 * FREE, OUT (the device has it) or AGAIN (the device dropped it), so a driver
 * that makes the same head available twice is found out. Dropped heads wait in
 * a heap ordered by when they were first fetched; vq_pop() takes them before
 * the avail ring, and looks at their descriptors anew.
 */

/* The driver's stores happen behind the compiler's back. */
#define barrier()	__asm__ volatile("" ::: "memory")

/* Stores before, loads after: "I have seen all" must precede the last look. */
#define full_barrier()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

static int break_vq(struct vq *vq, int err, const char *why)
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
 * Accessors of the ring
 */

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

/* After the used ring: the avail index from which on we want a kick. */
static void store_avail_event(struct vq *vq, u16 i)
{
	u16 *event = (u16 *)(void *)&vq->used->ring[vq->num];

	WRITE_ONCE(*event, htole16(i));
}

static void store_used(struct vq *vq, u16 head, u32 written)
{
	struct vring_used_elem *e = &vq->used->ring[vq->used_idx & (vq->num - 1)];

	WRITE_ONCE(e->id, htole32(head));
	WRITE_ONCE(e->len, htole32(written));
	__atomic_store_n(&vq->used->idx, htole16(++vq->used_idx),
			 __ATOMIC_RELEASE);
}

/*
 * Heads: who has which buffer
 */

static void head_take(struct vq *vq, u16 head)
{
	vq->head[head].state = VQ_HEAD_OUT;
	vq->nr_out++;
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
	head_take(vq, head);
	return head;
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
static void forget(struct vq *vq)
{
	vq->gen++;
	if (vq->head)
		memset(vq->head, 0, vq->num * sizeof(vq->head[0]));
	memset(&vq->again, 0, sizeof(vq->again));
	vq->nr_out = 0;
	vq->nr_again = 0;
	vq->fetched = 0;
}

/*
 * Popping
 */

static int fill_buf(struct vq *vq, struct vq_buf *b, u16 head,
		    const struct chain *c)
{
	size_t nr = c->nr_out + c->nr_in;

	b->iov = b->inline_iov;
	if (nr > VQ_BUF_INLINE) {
		b->iov = malloc(nr * sizeof(b->iov[0]));
		if (!b->iov)
			return -ENOMEM;
	}
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

/* Number of new entries in the avail ring, -errno when it cannot be right. */
static int avail_count(struct vq *vq)
{
	u16 n = load_avail_idx(vq) - vq->last_avail;

	if (n > vq->num)
		return break_vq(vq, -EINVAL, "avail index jumps");
	return n;
}

/*
 * As avail_count(), but 0 is the truth: we have said that we want a kick for
 * the next entry, and have looked again after that.
 */
static int avail_poll(struct vq *vq)
{
	int n = avail_count(vq);

	if (n || !vq->event_idx)
		return n;
	store_avail_event(vq, vq->last_avail);
	full_barrier();
	return avail_count(vq);
}

/* The queue can be used from now on: make sure that the driver kicks. */
static void ask_for_kick(struct vq *vq)
{
	if (vq->event_idx && vq_usable(vq))
		avail_poll(vq);
}

static int fetch_head(struct vq *vq, u16 *head)
{
	u16 h = load_avail_entry(vq, vq->last_avail);

	if (h >= vq->num)
		return break_vq(vq, -EINVAL, "head out of range");
	if (vq->head[h].state != VQ_HEAD_FREE)
		return break_vq(vq, -EINVAL, "head made available twice");
	vq->last_avail++;
	vq->head[h].fetched = vq->fetched++;
	head_take(vq, h);
	*head = h;
	return 1;
}

static int next_head(struct vq *vq, u16 *head)
{
	int n;

	if (vq->nr_again) {
		*head = head_take_again(vq);
		return 1;
	}
	n = avail_poll(vq);
	return n > 0 ? fetch_head(vq, head) : n;
}

/* What begins at @head, into @b. The queue breaks where that makes no sense. */
static int read_chain(struct vq *vq, struct vq_buf *b, u16 head)
{
	struct chain c = {
		.mem = vq->mem,
		.ring = vq->desc,
		.num = vq->num,
		.indirect = vq->indirect,
		.seg = vq->scratch,
	};
	int ret;

	ret = chain_walk(&c, head);
	if (ret)
		return break_vq(vq, ret, c.why);
	return fill_buf(vq, b, head, &c);
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
	if (b->iov != b->inline_iov)
		free(b->iov);
	b->iov = NULL;
	b->vq = NULL;
}

static void push_head(struct vq *vq, u16 head, u32 written)
{
	head_free(vq, head);
	store_used(vq, head, written);
	vq->pushed_bufs++;
	vq->nr_pushed++;
	if (vq->ops->pushed)
		vq->ops->pushed(vq);
}

void vq_push(struct vq *vq, struct vq_buf *b, u32 written)
{
	if (!b->vq)
		return;
	if (b->gen == vq->gen) {
		if (vq_usable(vq))
			push_head(vq, b->head,
				  (u32)min_u64(written, b->in_len));
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
	if (b->gen == vq->gen)
		head_drop(vq, b->head);
	release_buf(b);
}

static bool driver_wants_call(struct vq *vq)
{
	u16 old = vq->signalled_used, event;
	bool valid = vq->signalled_valid;

	/* The used index must be out before we look whether to call for it. */
	full_barrier();
	if (!vq->event_idx)
		return !(le16toh(READ_ONCE(vq->avail->flags)) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = load_used_event(vq);
	vq->signalled_used = vq->used_idx;
	vq->signalled_valid = true;
	/* Once around the index, @old says nothing. */
	if (!valid || vq->nr_pushed > UINT16_MAX)
		return true;
	return vring_need_event(event, vq->used_idx, old);
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
}

void vq_fini(struct vq *vq)
{
	free(vq->head);
	vq->head = NULL;
	vq->num = 0;
	vq->started = false;
	vq->gen++;
}

static void unset_addr(struct vq *vq)
{
	vq->have_addr = false;
	vq->desc = NULL;
	vq->avail = NULL;
	vq->used = NULL;
	vq->started = false;
}

void vq_set_features(struct vq *vq, u64 features)
{
	vq->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
}

int vq_set_num(struct vq *vq, u32 num)
{
	struct vq_head *head;

	if (!num || num > VQ_MAX_NUM || (num & (num - 1)))
		return -EINVAL;
	head = calloc(num, sizeof(*head));
	if (!head)
		return -ENOMEM;
	free(vq->head);
	vq->head = head;
	vq->num = num;
	forget(vq);
	unset_addr(vq);
	vq->broken = false;
	vq->why = NULL;
	vq->last_avail = 0;
	vq->nr_pushed = 0;
	return 0;
}

int vq_set_base(struct vq *vq, u32 base)
{
	if (base > UINT16_MAX)
		return -EINVAL;
	forget(vq);
	vq->last_avail = (u16)base;
	ask_for_kick(vq);
	return 0;
}

static bool aligned(u64 uva, const void *host, unsigned int to)
{
	/* A region may begin at any address, so one does not tell the other. */
	return !(uva % to) && !((uintptr_t)host % to);
}

static int translate_ring(struct vq *vq, const struct mem *mem, u64 desc,
			  u64 avail, u64 used)
{
	u64 n = vq->num;
	void *d = mem_uva(mem, desc, n * sizeof(struct vring_desc));
	void *a = mem_uva(mem, avail, 6 + 2 * n);
	void *u = mem_uva(mem, used, 6 + 8 * n);

	if (!d || !a || !u)
		return -EFAULT;
	if (!aligned(desc, d, VRING_DESC_ALIGN_SIZE) ||
	    !aligned(avail, a, VRING_AVAIL_ALIGN_SIZE) ||
	    !aligned(used, u, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	vq->desc = d;
	vq->avail = a;
	vq->used = u;
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
	err = translate_ring(vq, mem, desc, avail, used);
	if (err)
		return err;
	vq->mem = mem;
	vq->desc_uva = desc;
	vq->avail_uva = avail;
	vq->used_uva = used;
	vq->have_addr = true;
	vq->used_idx = le16toh(READ_ONCE(vq->used->idx));
	vq->signalled_valid = false;
	ask_for_kick(vq);
	return 0;
}

int vq_set_mem(struct vq *vq, const struct mem *mem)
{
	recall(vq);
	vq->mem = mem;
	if (!vq->have_addr)
		return 0;
	if (!mem || translate_ring(vq, mem, vq->desc_uva, vq->avail_uva,
				   vq->used_uva)) {
		unset_addr(vq);
		return -EFAULT;
	}
	return 0;
}

int vq_start(struct vq *vq)
{
	if (vq->started)
		return 0;
	if (!vq->num || !vq->have_addr)
		return -EINVAL;
	vq->started = true;
	ask_for_kick(vq);
	return 0;
}

u32 vq_stop(struct vq *vq)
{
	struct heap_node *first;

	recall(vq);
	/* Only the last buffers fetched can be unfetched: see the header. */
	while ((first = heap_first(&vq->again)) &&
	       first->time != vq->fetched - vq->nr_again) {
		u16 head = head_take_again(vq);

		if (vq_usable(vq))
			push_head(vq, head, 0);
		else
			head_free(vq, head);
	}
	vq->last_avail -= vq->nr_again;
	forget(vq);
	vq->started = false;
	return vq->last_avail;
}

size_t vq_inflight_len(bool packed, unsigned int num)
{
	(void)packed;
	(void)num;
	return 64;
}

int vq_set_inflight(struct vq *vq, void *record, size_t len)
{
	(void)vq;
	(void)len;
	return record ? -ENOTSUP : 0;
}

void vq_set_log(struct vq *vq, struct dirty_log *log, bool log_used,
		u64 used_gpa)
{
	(void)vq;
	(void)log;
	(void)log_used;
	(void)used_gpa;
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
