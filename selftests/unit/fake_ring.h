/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The driver's side of a virtqueue, in the memory of a guest that is none. */
#ifndef FAKE_RING_H
#define FAKE_RING_H

#include <linux/virtio_ring.h>

#include "../../src/vu/mem.h"
#include "../../src/vu/vring.h"

/*
 * Guest memory: two adjacent regions, a hole, one more. Each is an allocation
 * of its own here, so that a sanitizer sees every step over an edge. User
 * addresses are guest addresses + FAKE_UVA. Rings are at the start of the
 * first region, everything behind FAKE_DATA is free for buffers.
 */
#define FAKE_UVA	0x7000000000ULL
#define FAKE_LOW	0x100000ULL	/* gpa of the first region */
#define FAKE_LOW_SIZE	0x300000ULL
#define FAKE_MID	(FAKE_LOW + FAKE_LOW_SIZE)	/* adjacent */
#define FAKE_MID_SIZE	0x10000ULL
#define FAKE_HIGH	0x800000ULL	/* behind a hole */
#define FAKE_HIGH_SIZE	0x10000ULL

#define FAKE_RING_SPAN	0x100000ULL	/* room for one queue's rings */
#define FAKE_DATA	(FAKE_LOW + FAKE_RING_SPAN)

struct fake_mem {
	struct mem mem;
};

void fake_mem_init(struct fake_mem *m);
void fake_mem_fini(struct fake_mem *m);

/** fake_host() - where guest address @gpa is here; aborts when nowhere */
void *fake_host(const struct mem *m, u64 gpa);

/**
 * struct fake_ring - the driver of one queue
 * @desc, @avail, @used: the rings, in guest memory
 * @avail_idx: the driver's copy of avail->idx
 * @used_seen: how far the driver has read the used ring
 */
struct fake_ring {
	const struct mem *mem;
	unsigned int num;
	u64 gpa;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 avail_idx, used_seen;
};

/** fake_ring_init() - empty rings of @num entries at @gpa (FAKE_LOW + ...) */
void fake_ring_init(struct fake_ring *r, const struct mem *m, u64 gpa,
		    unsigned int num);

u64 fake_desc_uva(const struct fake_ring *r);
u64 fake_avail_uva(const struct fake_ring *r);
u64 fake_used_uva(const struct fake_ring *r);

/** fake_connect() - set @vq up on these rings, start and enable it; 0 or -errno */
int fake_connect(const struct fake_ring *r, struct vq *vq);

void fake_desc(struct fake_ring *r, unsigned int i, u64 addr, u32 len,
	       u16 flags, u16 next);

/** fake_avail() - make the chain that begins at @head available */
void fake_avail(struct fake_ring *r, u16 head);

/** fake_used() - the next used entry: true with @id and @len filled in */
bool fake_used(struct fake_ring *r, u32 *id, u32 *len);

u16 *fake_used_event(const struct fake_ring *r);
u16 *fake_avail_event(const struct fake_ring *r);

#endif
