/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The two kinds of rings, as vq.c sees them (pure). */
#ifndef VU_LAYOUT_H
#define VU_LAYOUT_H

#include "dirty.h"
#include "vring.h"

/* Stores before, loads after: "I have seen all" must precede the last look. */
#define full_barrier()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

/**
 * struct vq_layout - what is different between split and packed rings
 *
 * From @join on, except for @unfetch and @chain, the ring is mapped when they
 * are called.
 */
struct vq_layout {
	bool packed;
	bool (*num_ok)(u32 num);

	/* at the first entry of an empty ring; no buffers are known */
	void (*begin)(struct vq *vq);
	int (*set_base)(struct vq *vq, u32 base);
	u32 (*base)(const struct vq *vq);

	/* all buffers are the driver's again */
	void (*forget)(struct vq *vq);

	/* translate the addresses: 0, -EFAULT or -EINVAL */
	int (*map)(struct vq *vq, const struct mem *mem, u64 desc, u64 avail,
		   u64 used);
	void (*unmap)(struct vq *vq);

	/* the ring is another one: what it says is the truth */
	void (*join)(struct vq *vq);

	/* has the driver made something available: 1, 0, -errno (it cannot be) */
	int (*available)(struct vq *vq);

	/* ask for a kick for the next buffer */
	void (*want_kick)(struct vq *vq);

	/* take what is available: 1 with the head; -errno: it cannot be right */
	int (*fetch)(struct vq *vq, u16 *head);

	/* the opposite, for the buffer fetched last */
	void (*unfetch)(struct vq *vq, u16 head);

	/* where the chain of a head begins */
	u16 (*chain)(const struct vq *vq, u16 head, struct chain *c);

	/* give a buffer back as used */
	void (*use)(struct vq *vq, u16 head, u32 written);

	/* does the driver want a call for vq->used_since entries */
	bool (*wants_call)(struct vq *vq);
};

extern const struct vq_layout vq_split, vq_packed;

/* vq.c: the ring cannot be right. Returns @err. */
int vq_break(struct vq *vq, int err, const char *why);

/* vq.c: @head has been fetched. 0, or -errno when it cannot be right. */
int vq_take_head(struct vq *vq, u16 head);

/* vq.c: nothing is in flight any more. */
void vq_forget(struct vq *vq);

/* vq.c: @head is in flight, and nobody has it. */
void vq_recover(struct vq *vq, u16 head, u64 fetched);

/* packed.c: has the driver been told that something is used at @i */
bool vq_packed_was_used(const struct vq *vq, u16 i, bool wrap);

/* packed.c: vq->nr_kept descriptors from the used ones on are in flight */
void vq_packed_recovered(struct vq *vq);

/* Is @host, and its user address, a multiple of @to? */
static inline bool vq_aligned(u64 uva, const void *host, unsigned int to)
{
	/* A region may begin at any address, so one does not tell the other. */
	return !(uva % to) && !((uintptr_t)host % to);
}

/* Bytes of the used ring, or of the device area, have been written. */
static inline void vq_log_used(const struct vq *vq, u64 off, u64 len)
{
	if (vq->log && vq->log_used)
		dirty_mark(vq->log, vq->used_gpa + off, len);
}

#endif
