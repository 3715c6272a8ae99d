// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A timeline's tracks, items and arrows: their memory, and what finishes them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "building.h"

/* A number of an item must fit into a u32, with some to spare. */
#define MAX_ITEMS	((size_t)1 << 30)

static const struct item_desc descs[NR_ITEM_KINDS] = {
#define ITEM(upper, name, track, slice, values) \
	[ITEM_##upper] = { name, slice, values },
#include "items.def"
#undef ITEM
};

const struct item_desc *item_desc(unsigned int kind)
{
	return &descs[kind];
}

void *timeline_grown(struct timeline *t, void *array, size_t nr, size_t *max,
		     size_t size)
{
	size_t want = *max ? 2 * *max : 64;
	void *p = array;

	if (nr < *max)
		return array;
	if (nr >= MAX_ITEMS || t->err)
		p = NULL;
	else
		p = reallocarray(array, want, size);
	if (!p) {
		t->err = -ENOMEM;
		return NULL;
	}
	memset((char *)p + *max * size, 0, (want - *max) * size);
	*max = want;
	return p;
}

u32 timeline_new_track(struct timeline *t, enum track_kind kind, u64 id,
		       u32 parent)
{
	void *p = timeline_grown(t, t->track, t->nr_tracks, &t->max_tracks,
				 sizeof(*t->track));

	if (!p)
		return TIMELINE_NONE;
	t->track = p;
	t->track[t->nr_tracks] = (struct timeline_track){
		.kind = kind, .id = id, .parent = parent, .nr_lanes = 1,
	};
	return (u32)t->nr_tracks++;
}

u32 timeline_new_item(struct timeline *t, u32 track, enum item_kind kind,
		      const struct trace_rec *rec)
{
	struct timeline_item *it;
	void *p;

	if (track == TIMELINE_NONE)
		return TIMELINE_NONE;
	p = timeline_grown(t, t->item, t->nr_items, &t->max_items,
			   sizeof(*t->item));
	if (!p)
		return TIMELINE_NONE;
	t->item = p;
	it = &t->item[t->nr_items];
	it->kind = (u8)kind;
	it->track = track;
	it->start = it->end = rec->time;
	it->begin_seq = it->end_seq = t->seq;
	it->next = TIMELINE_NONE;
	/* Slices are open until something ends them. */
	it->flags = descs[kind].slice ? ITEM_OPEN : 0;
	return (u32)t->nr_items++;
}

void timeline_new_edge(struct timeline *t, u32 from, u32 to)
{
	void *p;

	if (from == TIMELINE_NONE || to == TIMELINE_NONE)
		return;
	p = timeline_grown(t, t->edge, t->nr_edges, &t->max_edges,
			   sizeof(*t->edge));
	if (!p)
		return;
	t->edge = p;
	t->edge[t->nr_edges++] = (struct timeline_edge){ from, to };
}

void timeline_set_text(struct timeline *t, u32 item,
		       const struct trace_rec *rec)
{
	size_t want = t->max_text ? t->max_text : 4096;
	char *p = t->text;

	if (item == TIMELINE_NONE || !rec->len)
		return;
	while (want - t->text_len < rec->len)
		want *= 2;
	if (want != t->max_text)
		p = realloc(t->text, want);
	if (!p) {
		t->err = -ENOMEM;
		return;
	}
	t->text = p;
	t->max_text = want;
	memcpy(p + t->text_len, rec->data, rec->len);
	t->item[item].text = t->text_len;
	t->item[item].text_len = rec->len;
	t->text_len += rec->len;
}

/*
 * Lanes
 */

/* struct lanes - of a track: for each, the record that ended its last item */
struct lanes {
	u64 *busy;
	size_t max;
};

static bool overlaps(const struct timeline_track *tr)
{
	return tr->kind == TRACK_QUEUE || tr->kind == TRACK_LINK;
}

static int put_on_lane(struct timeline *t, struct lanes *l,
		       struct timeline_item *it)
{
	struct timeline_track *tr = &t->track[it->track];
	u32 i;
	void *p;

	for (i = 0; i < tr->nr_lanes && l->busy; i++)
		if (l->busy[i] <= it->begin_seq)
			break;
	p = timeline_grown(t, l->busy, i, &l->max, sizeof(*l->busy));
	if (!p)
		return t->err;
	l->busy = p;
	l->busy[i] = it->end_seq;
	it->lane = i;
	if (i >= tr->nr_lanes)
		tr->nr_lanes = i + 1;
	return 0;
}

static int assign_lanes(struct timeline *t)
{
	struct lanes *lanes = calloc(t->nr_tracks + 1, sizeof(*lanes));
	struct timeline_item *it;
	int err = lanes ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < t->nr_items && !err; i++) {
		it = &t->item[i];
		if (descs[it->kind].slice && overlaps(&t->track[it->track]))
			err = put_on_lane(t, &lanes[it->track], it);
	}
	for (i = 0; i < t->nr_tracks && lanes; i++)
		free(lanes[i].busy);
	free(lanes);
	return err;
}

int timeline_finish(struct timeline *t)
{
	struct timeline_item *it;

	if (t->err)
		return t->err;
	t->seq++;
	for (it = t->item; it < t->item + t->nr_items; it++) {
		if (!(it->flags & ITEM_OPEN))
			continue;
		it->end = t->end;
		it->end_seq = t->seq;
	}
	return assign_lanes(t);
}

void timeline_fini(struct timeline *t)
{
	size_t i;

	for (i = 0; i < t->nr_devs; i++)
		free(t->dev[i].q);
	free(t->dev);
	free(t->node);
	free(t->link);
	free(t->frame);
	free(t->track);
	free(t->item);
	free(t->edge);
	free(t->text);
	memset(t, 0, sizeof(*t));
}

static const char *name_of(const struct trace_thing *thing)
{
	return thing ? thing->name : "?";
}

const char *timeline_track_name(const struct timeline *t, u32 track,
				const struct trace_names *names, char *buf,
				size_t len)
{
	const struct timeline_track *tr = &t->track[track];

	switch (tr->kind) {
	case TRACK_NODE:
		return name_of(trace_node(names, tr->id));
	case TRACK_DEV:
		return name_of(trace_dev(names, tr->id));
	case TRACK_LINK:
		return name_of(trace_link(names, tr->id));
	case TRACK_CONSOLE:
		return "console";
	case TRACK_QUEUE:
		snprintf(buf, len, "queue %u", tr->vq);
		return buf;
	default:
		return "run";
	}
}
