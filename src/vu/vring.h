/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The other side of vq.h: what a session does with a virtqueue (pure). */
#ifndef VU_VRING_H
#define VU_VRING_H

#include "../base/heap.h"
#include "vq.h"

struct dirty_log;
struct vq_layout;
struct vring_desc;
struct vring_avail;
struct vring_used;
struct vring_packed_desc;

/** enum vq_move - how a buffer changes hands; see vq_pop(), vq_push(), vq_drop() */
enum vq_move { VQ_POP, VQ_PUSH, VQ_DROP };

/** struct vq_ops - what the owner of a queue wants to hear of */
struct vq_ops {
	/* a buffer has been used, of vq->nr_pushed since vq_take_pushed() */
	void (*pushed)(struct vq *vq);
	/* the ring is malformed and will not be touched again; vq->why */
	void (*broke)(struct vq *vq);
	/* what happens to buffer @b, for a trace; may be NULL */
	void (*moved)(struct vq *vq, enum vq_move what,
		      const struct vq_buf *b, u32 written);
};

/** enum vq_head_state - where the buffer of a head is */
enum vq_head_state {
	VQ_HEAD_FREE,	/* the driver's, or not fetched yet */
	VQ_HEAD_OUT,	/* in the hands of the device */
	VQ_HEAD_AGAIN,	/* dropped: vq_pop() hands it out again */
};

/**
 * struct vq_head - what is known of a buffer
 * @again: place among the dropped, by @fetched
 * @fetched: the how manieth buffer taken from the ring it was
 * @first, @last, @slots: packed: its descriptors in vq->kept, and how many
 *
 * It has the index of the buffer's first descriptor (split) or its id (packed).
 */
struct vq_head {
	struct heap_node again;
	u64 fetched;
	enum vq_head_state state;
	u16 first, last, slots;
};

/**
 * struct vq - one virtqueue
 *
 * The states are the specification's: started (by SET_VRING_KICK or a kick,
 * ended by GET_VRING_BASE) and enabled are independent; broken is sticky until
 * vq_set_num(). Buffers that were handed out when a queue was taken away are
 * handed out again (see vq_drop()).
 *
 * All that the guest can write is read once and checked before use.
 */
struct vq {
	const struct vq_ops *ops;
	void *owner;
	unsigned int index;

	/* set-up by messages */
	const struct mem *mem;
	unsigned int num;		/* 0: not set */
	u64 desc_uva, avail_uva, used_uva;
	bool have_addr;
	const struct vq_layout *layout;	/* split or packed */
	bool event_idx, indirect;

	/* the dirty log; used_gpa is of no use without log_used */
	struct dirty_log *log;
	bool log_used;
	u64 used_gpa;

	/* the record of what is in flight; @rec: the same, while it is kept */
	void *inflight, *rec;
	size_t inflight_len;

	/* state */
	bool started, enabled, broken;
	const char *why;		/* of broken: a constant string */
	u16 last_avail;			/* next entry to fetch */
	u16 used_idx;			/* next entry to use */
	u32 used_since;			/* entries, since we last saw if to call */
	u32 nr_pushed;			/* since vq_take_pushed() */

	/* of a split ring */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;

	/* of a packed ring; see packed.c */
	struct vring_packed_desc *ring;
	u32 *driver_event, *device_event;
	bool avail_wrap, used_wrap;
	struct vring_desc *kept;	/* @num of them, linked by next */
	u16 kept_free;
	unsigned int nr_kept;

	/* vq_pop() gives no more once so many have been popped */
	u64 pop_limit;

	/* buffers handed out or dropped */
	u32 gen;			/* vq_buf of another one is stale */
	struct vq_head *head;		/* @num of them */
	struct heap again;
	unsigned int nr_out, nr_again;
	u64 fetched;

	/* counters, since the session began */
	u64 popped, pushed_bufs, calls, calls_suppressed;

	struct iovec scratch[VQ_MAX_SEGS];
	struct iovec spare[VQ_MAX_SEGS];
	bool spare_taken;
};

/*
 * What follows may look at the ring where that is set up, and so may find it
 * broken: ops->broke() is then called from there.
 */

/** vq_init() - an unconfigured, stopped, disabled queue */
void vq_init(struct vq *vq, unsigned int index, const struct vq_ops *ops,
	     void *owner);

/** vq_fini() - free what vq_init() and set-up allocated */
void vq_fini(struct vq *vq);

/**
 * vq_set_features() - SET_FEATURES: how the driver and we use rings
 * @features: as negotiated; RING_PACKED, INDIRECT_DESC and EVENT_IDX count
 *
 * Another kind of ring than before forgets the set-up, as vq_set_num() does.
 */
void vq_set_features(struct vq *vq, u64 features);

/**
 * vq_set_num() - SET_VRING_NUM; also forgets buffers that are out
 *
 * A clean restart of the queue: UML sets up a ring again without ever
 * stopping it. Counters and the enabled state stay.
 *
 * Return: 0, -EINVAL (not up to VQ_MAX_NUM; split: not a power of two),
 *	-ENOMEM
 */
int vq_set_num(struct vq *vq, u32 num);

/**
 * vq_set_base() - SET_VRING_BASE: index of the next available entry
 *
 * Forgets buffers that are out or dropped. A packed ring's base is two indices
 * of 15 bits, each with its wrap counter above it: available, then used. Until
 * it is set it is 0x80008000, the beginning.
 *
 * Return: 0, -EINVAL (split: beyond 16 bits; packed: num not set, or there can
 *	be no such indices)
 */
int vq_set_base(struct vq *vq, u32 base);

/**
 * vq_set_addr() - SET_VRING_ADDR: user addresses of the three parts
 *
 * The parts are descriptors, avail ring, used ring; or descriptors, driver area
 * and device area. Also reads a split ring's used index from the guest: it, and
 * not ours, is the truth after a reconnect. Buffers that are out stay out.
 *
 * Return: 0, -EINVAL (num not set, misaligned), -EFAULT (not inside one
 *	region of @mem). On error nothing has changed.
 */
int vq_set_addr(struct vq *vq, const struct mem *mem, u64 desc, u64 avail,
		u64 used);

/**
 * vq_set_mem() - the memory table has been replaced
 * @mem: the new one; NULL: there is none
 *
 * The device has pushed or dropped all buffers before, since they point into
 * the old table; those that it still holds are as if dropped. vq_pending()
 * may be true afterwards.
 *
 * Return: 0; -EFAULT when the ring is not inside @mem: the queue is then
 *	stopped, and starts again only after a new vq_set_addr()
 */
int vq_set_mem(struct vq *vq, const struct mem *mem);

/**
 * vq_start() - SET_VRING_KICK or first kick
 *
 * Return: 0 (also when it was started), -EINVAL when set-up is missing, or
 *	because of the in-flight record (vq->why may say more)
 */
int vq_start(struct vq *vq);

/**
 * vq_stop() - GET_VRING_BASE
 *
 * The device has pushed or dropped all buffers before; those that it still
 * holds are as if dropped. The base is moved back over dropped buffers, so
 * that they are fetched again by whoever goes on from it. Where a buffer
 * fetched later than a dropped one has been used already, one base cannot say
 * so. If there is an in-flight record, the dropped one stays in it. If not, it is
 * completed here, with length 0, and the driver sees that nothing has been done.
 * (Not when the queue is disabled: its memory may be in use for something else
 * already, so such a buffer is lost.) A second vq_stop() changes nothing.
 *
 * Return: what vq_set_base() takes to go on from here
 */
u32 vq_stop(struct vq *vq);

/**
 * vq_inflight_len() - bytes of the record of one queue's buffers in flight
 * @num: the most descriptors that the queue may have
 *
 * A multiple of 64.
 */
size_t vq_inflight_len(bool packed, unsigned int num);

/**
 * vq_set_inflight() - SET_INFLIGHT_FD: memory that outlives this process
 * @record: of @len bytes, NULL: none from now on. All zero, or what an earlier
 *	back-end has left.
 *
 * While there is a record, each buffer fetched and not yet pushed is in it, so
 * that who goes on after our death hands out just those again. What is in it
 * when the queue starts is handed out first, and the place in the ring follows
 * from it, not from vq_set_base(). It is the front-end's memory, and checked
 * like a ring, when the queue starts. Another kind of ring forgets it.
 *
 * vq_stop() takes out what it has unfetched or completed. What it could do
 * neither with stays, and is not lost.
 *
 * Return: 0; -EINVAL: misaligned, too small for vq->num, or not new although
 *	the queue is started
 */
int vq_set_inflight(struct vq *vq, void *record, size_t len);

/** vq_check_inflight() - would vq_set_inflight() refuse @record? 0 or -EINVAL */
int vq_check_inflight(const struct vq *vq, const void *record, size_t len);

/**
 * vq_set_log() - SET_LOG_BASE, SET_VRING_ADDR: say which guest pages we write
 * @log: NULL: nobody wants to know
 * @used_gpa: where the used ring counts as being, if @log_used
 */
void vq_set_log(struct vq *vq, struct dirty_log *log, bool log_used,
		u64 used_gpa);

/** vq_enable() - SET_VRING_ENABLE; no kick will come for what vq_pending() finds then */
void vq_enable(struct vq *vq, bool on);

/** vq_pending() - would vq_pop() return something other than 0 */
bool vq_pending(struct vq *vq);

/** vq_out() - number of buffers in the hands of the device */
unsigned int vq_out(const struct vq *vq);

/**
 * vq_take_pushed() - end a round of vq_push()
 *
 * Return: does the driver want a call for it (EVENT_IDX and NO_INTERRUPT
 *	looked at; false when nothing was pushed, or the queue has been stopped
 *	or disabled meanwhile). Counts it either way.
 */
bool vq_take_pushed(struct vq *vq);

/**
 * struct chain - one chain of descriptors, as vq.c has chain.c walk it
 * @mem, @ring, @num, @indirect: of the queue: its memory, its descriptors, how
 *	many, and whether they may name tables
 * @packed: the tables are packed ones (the ring's descriptors are split ones)
 * @seg: room for VQ_MAX_SEGS segments
 * @nr_out, @nr_in: result: readable segments in @seg, then writable ones
 * @out_len, @in_len: result: their bytes
 * @writable: the readable part is over, even if there is nothing to write to
 * @why: of an error: a constant string
 */
struct chain {
	const struct mem *mem;
	const struct vring_desc *ring;
	u32 num;
	bool indirect, packed;
	struct iovec *seg;
	unsigned int nr_out, nr_in;
	u64 out_len, in_len;
	bool writable;
	const char *why;
};

/**
 * chain_walk() - find the memory that the chain from @head on stands for
 * @head: below @c->num
 *
 * Return: 0 or -errno with @c->why
 */
int chain_walk(struct chain *c, u16 head);

#endif
