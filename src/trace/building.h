/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a timeline under construction is made of; for timeline*.c only. */
#ifndef TRACE_BUILDING_H
#define TRACE_BUILDING_H

#include "timeline.h"

#define TIMELINE_MAX_DEPTH	8

/** struct timeline_node - @stack: its slices that are open, outermost first */
struct timeline_node {
	bool known;
	u32 track, console;
	u32 stack[TIMELINE_MAX_DEPTH];
	unsigned int depth;
};

/**
 * struct timeline_queue - items of a queue that others refer to
 * @kick: the last one
 * @open: requests that are not done, linked by item.next
 * @done: requests that are done, but of which the driver has not been told
 */
struct timeline_queue {
	u32 track, kick, open, done;
};

/**
 * struct timeline_dev - items of a device that others refer to
 * @popped: the last request, while it may be the reason for a frame
 * @frame: the last frame that came to it
 * @message: the last one, while it has not been answered
 */
struct timeline_dev {
	bool known;
	u64 node;
	u32 track, popped, frame, message;
	unsigned int nr_vqs;
	struct timeline_queue *q;
};

/** struct timeline_frame - frames by their numbers, which only grow */
struct timeline_frame {
	u64 number;
	u32 item;
};

/*
 * These need memory. Without it they return TIMELINE_NONE, or NULL, and set
 * @t->err; TIMELINE_NONE is a fine argument, of which nothing comes.
 */
u32 timeline_new_track(struct timeline *t, enum track_kind kind, u64 id,
		       u32 parent);
u32 timeline_new_item(struct timeline *t, u32 track, enum item_kind kind,
		      const struct trace_rec *rec);
void timeline_new_edge(struct timeline *t, u32 from, u32 to);
void timeline_set_text(struct timeline *t, u32 item,
		       const struct trace_rec *rec);
/* Room for one more, all zeros, in an array of *@max of which @nr are used */
void *timeline_grown(struct timeline *t, void *array, size_t nr, size_t *max,
		     size_t size);

#endif
