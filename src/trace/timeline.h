/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A trace as slices, instants and arrows on tracks: what pictures of it are made of. */
#ifndef TRACE_TIMELINE_H
#define TRACE_TIMELINE_H

#include <stdbool.h>

#include "names.h"

#define TIMELINE_NONE		UINT32_MAX
#define TIMELINE_MAX_VALUES	4

/* enum track_kind - what a track is about */
enum track_kind {
	TRACK_THE_RUN,
	TRACK_NODE,
	TRACK_CONSOLE,
	TRACK_DEV,
	TRACK_QUEUE,
	TRACK_LINK,
};

/**
 * struct timeline_track - a row of the picture
 * @id: of the node, device or link
 * @vq: of a queue, its index
 * @parent: TIMELINE_NONE: it stands for itself
 * @nr_lanes: rows that its items need not to overlap
 */
struct timeline_track {
	enum track_kind kind;
	u64 id;
	unsigned int vq;
	u32 parent;
	u32 nr_lanes;
};

/* enum item_kind - see items.def */
enum item_kind {
#define ITEM(upper, name, track, slice, values) ITEM_##upper,
#include "items.def"
#undef ITEM
	NR_ITEM_KINDS
};

/** struct item_desc - one kind of items; @values: names, separated by spaces */
struct item_desc {
	const char *name;
	bool slice;
	const char *values;
};

/* ITEM_OPEN: it was still going on at the end. ITEM_LOST: it came to nothing. */
#define ITEM_OPEN	1u
#define ITEM_LOST	2u

/**
 * struct timeline_item - something on a track
 * @start, @end: simulated ns; equal for instants
 * @begin_seq, @end_seq: number of the record that began and ended it
 * @text, @text_len: in the timeline's text
 * @next: (building) another one of the same queue
 */
struct timeline_item {
	u64 start, end;
	u64 begin_seq, end_seq;
	u64 v[TIMELINE_MAX_VALUES];
	u32 track, lane;
	u32 next;
	u8 kind, flags;
	size_t text, text_len;
};

/** struct timeline_edge - an arrow: item @from was the reason for item @to */
struct timeline_edge {
	u32 from, to;
};

/**
 * struct timeline - a trace that has been looked at
 * @track, @item, @edge, @text: the result
 * @end: time of the last record
 *
 * The others are the builder's own.
 */
struct timeline {
	struct timeline_track *track;
	struct timeline_item *item;
	struct timeline_edge *edge;
	char *text;
	size_t nr_tracks, nr_items, nr_edges, text_len;
	u64 end;

	size_t max_tracks, max_items, max_edges, max_text;
	struct timeline_node *node;
	struct timeline_dev *dev;
	u32 *link;
	size_t nr_nodes, nr_devs, nr_links;
	struct timeline_frame *frame;
	size_t nr_frames, max_frames;
	u64 seq;
	u32 the_run;
	int err;
};

const struct item_desc *item_desc(unsigned int kind);

/**
 * timeline_add() - the next record
 * @names: of all records up to @rec
 *
 * What does not fit to what came before, as in a part of a trace, is left out.
 *
 * Return: 0 or -ENOMEM
 */
int __must_check timeline_add(struct timeline *t, const struct trace_names *names,
			      const struct trace_rec *rec);

/**
 * timeline_finish() - there are no more records: end what is open, assign lanes
 *
 * Return: 0 or -ENOMEM
 */
int __must_check timeline_finish(struct timeline *t);

void timeline_fini(struct timeline *t);

/**
 * timeline_track_name() - into @buf
 *
 * Return: @buf, or a name that @names has
 */
const char *timeline_track_name(const struct timeline *t, u32 track,
				const struct trace_names *names, char *buf,
				size_t len);

#endif
