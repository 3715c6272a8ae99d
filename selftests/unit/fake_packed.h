/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The driver's side of a packed virtqueue, in the memory of fake_ring.h. */
#ifndef FAKE_PACKED_H
#define FAKE_PACKED_H

#include "fake_ring.h"

#define FAKE_PACKED_MAX	64u	/* buffer ids whose chains are remembered */

/** What a packed ring's base says at its beginning. */
#define FAKE_PACKED_BASE	0x80008000u

/**
 * struct fake_packed - the driver of one packed queue
 * @desc: the ring, in guest memory
 * @driver, @device: the event suppression structures, too
 * @avail, @avail_wrap: where the next buffer goes
 * @used, @used_wrap: where the next used one is seen
 * @slots: of each id, how long its chain is
 */
struct fake_packed {
	const struct mem *mem;
	unsigned int num;
	u64 gpa;
	struct vring_packed_desc *desc;
	struct vring_packed_desc_event *driver, *device;
	u16 avail, used;
	bool avail_wrap, used_wrap;
	u16 slots[FAKE_PACKED_MAX];
};

/** fake_packed_init() - an empty ring of @num entries at @gpa */
void fake_packed_init(struct fake_packed *r, const struct mem *m, u64 gpa,
		      unsigned int num);

u64 fake_packed_driver_gpa(const struct fake_packed *r);
u64 fake_packed_device_gpa(const struct fake_packed *r);

/** fake_packed_set_addr() - SET_VRING_ADDR for this ring */
int fake_packed_set_addr(const struct fake_packed *r, struct vq *vq);

/** fake_packed_connect() - set @vq up from the beginning, start, enable it */
int fake_packed_connect(const struct fake_packed *r, struct vq *vq);

/** fake_packed_flags() - @flags, of what is available at the wrap counter */
u16 fake_packed_flags(u16 flags, bool wrap);

/** fake_packed_put() - a descriptor at @slot, as available in this round */
void fake_packed_put(struct fake_packed *r, u16 slot, u64 addr, u32 len, u16 id,
		     u16 flags);

/**
 * fake_packed_offer() - make a chain of @n descriptors of one byte available
 *
 * The first is at FAKE_DATA + @id. All have @flags, besides NEXT.
 */
void fake_packed_offer(struct fake_packed *r, u16 id, unsigned int n, u16 flags);

/** fake_packed_used() - the next used buffer: true with @id and @len filled in */
bool fake_packed_used(struct fake_packed *r, u32 *id, u32 *len);

#endif
