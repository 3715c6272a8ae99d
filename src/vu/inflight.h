/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The record of buffers in flight, in memory that outlives us (pure). */
#ifndef VU_INFLIGHT_H
#define VU_INFLIGHT_H

#include "vring.h"

/*
 * What is in the record, and in which order it is written, is the vhost-user
 * specification's, "Inflight I/O tracking". All is of the host's byte order,
 * but for what is copied from a packed ring's descriptors.
 */

#define INFLIGHT_VERSION	1u	/* 0: nobody has written anything yet */

/** struct inflight_hdr - what both kinds of records begin with */
struct inflight_hdr {
	u64 features;		/* 0 */
	u16 version;
	u16 desc_num;		/* how many @desc follow: vq->num */
};

/**
 * struct inflight_split_desc - the buffer that begins at a descriptor
 * @inflight: it has been fetched, and not been used
 * @next: in the last batch of used ones
 * @counter: the how manieth one fetched
 */
struct inflight_split_desc {
	u8 inflight;
	u8 padding[5];
	u16 next;
	u64 counter;
};

/**
 * struct inflight_split - a split ring's record
 * @last_batch_head: the buffers used last, a list
 * @used_idx: the used ring's index; behind, while a batch is being used
 */
struct inflight_split {
	u64 features;
	u16 version;
	u16 desc_num;
	u16 last_batch_head;
	u16 used_idx;
	struct inflight_split_desc desc[];
};

/**
 * struct inflight_packed_desc - a descriptor that has been fetched, or a free one
 * @inflight, @last, @num, @counter: of a buffer's first one: it is not used yet,
 *	its last one, how many they are, the how manieth one fetched it is
 * @next: in the chain, or in the list of free ones
 * @id, @flags, @len, @addr: the descriptor
 */
struct inflight_packed_desc {
	u8 inflight;
	u8 padding;
	u16 next;
	u16 last;
	u16 num;
	u64 counter;
	u16 id;
	u16 flags;
	u32 len;
	u64 addr;
};

/**
 * union inflight_places - where the next buffer is used, now and before
 * @raw: all of it, so that it can be written at once
 */
union inflight_places {
	struct {
		u16 used_idx, old_used_idx;
		u8 used_wrap, old_used_wrap;
		u8 padding[2];
	};
	u64 raw;
};

/**
 * struct inflight_packed - a packed ring's record
 * @free_head, @old_free_head: the free @desc, a list, now and before
 */
struct inflight_packed {
	u64 features;
	u16 version;
	u16 desc_num;
	u16 free_head, old_free_head;
	union inflight_places places;
	u8 padding[5];
	struct inflight_packed_desc desc[];
};

_Static_assert(sizeof(struct inflight_split_desc) == 16, "as specified");
_Static_assert(sizeof(struct inflight_split) == 16, "as specified");
_Static_assert(sizeof(struct inflight_packed_desc) == 32, "as specified");
_Static_assert(sizeof(struct inflight_packed) == 32, "as specified");
_Static_assert(offsetof(struct inflight_packed, places) == 16, "as specified");

/*
 * These do nothing when no record is kept. When it has happened: _fetched,
 * _unfetched (before its entries are free again) and _joined. Before the used
 * ring is written: _using, with where it goes on; after it: _used.
 */
void inflight_split_fetched(struct vq *vq, u16 head);
void inflight_split_unfetched(struct vq *vq, u16 head);
void inflight_split_joined(struct vq *vq);
void inflight_split_using(struct vq *vq, u16 head);
void inflight_split_used(struct vq *vq, u16 head);

void inflight_packed_fetched(struct vq *vq, u16 head);
void inflight_packed_unfetched(struct vq *vq, u16 head);
void inflight_packed_using(struct vq *vq, u16 head, u16 used_idx, bool used_wrap);
void inflight_packed_used(struct vq *vq, u16 head);

/** inflight_packed_save() - write all that is in flight now into the record */
void inflight_packed_save(struct vq *vq);

/**
 * inflight_packed_recover() - drop what the record says to be in flight
 *
 * Nothing else is. Afterwards the record is as after inflight_packed_save().
 *
 * Return: 0, -EINVAL when it cannot be right
 */
int inflight_packed_recover(struct vq *vq);

/** inflight_save() - write all that is in flight now into the record, if any */
void inflight_save(struct vq *vq);

/**
 * inflight_load() - keep vq->inflight from now on, and drop what is in there
 *
 * Return: 0; -EINVAL: too small, or it cannot be right (which breaks the queue)
 */
int inflight_load(struct vq *vq);

/** inflight_store() - write to the record; such stores stay in their order */
#define inflight_store(place, value) do {				\
	WRITE_ONCE(place, value);					\
	barrier();							\
} while (0)

#endif
