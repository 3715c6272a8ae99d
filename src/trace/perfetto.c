// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A timeline in the format of Perfetto: its native one, whose times are exact. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/vhost_user.h"
#include "perfetto.h"
#include "protobuf.h"

/*
 * DOC: Theory of operation
 *
 * The file is a message Trace, which is packets one after the other: first
 * descriptions of the tracks, then events, in the order of the records that
 * they come from. Slices of one track of theirs must nest, so that requests
 * and frames, which overlap, have one per lane; the user interface shows
 * tracks of the same name and parent as one.
 */

/* Numbers of fields: protos/perfetto/trace of the Perfetto project */
enum {
	TRACE_PACKET = 1,

	PACKET_TIMESTAMP = 8, PACKET_SEQUENCE_ID = 10, PACKET_TRACK_EVENT = 11,
	PACKET_SEQUENCE_FLAGS = 13, PACKET_TRACK_DESCRIPTOR = 60,

	TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5,
	TRACK_COUNTER = 8, TRACK_CHILD_ORDERING = 11, TRACK_RANK = 12,
	PROCESS_PID = 1, PROCESS_NAME = 6,
	COUNTER_UNIT = 3,

	EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11,
	EVENT_CATEGORY = 22, EVENT_NAME = 23, EVENT_COUNTER_VALUE = 30,
	EVENT_FLOW = 47, EVENT_LAST_FLOW = 48,
	ANNOTATION_UINT = 3, ANNOTATION_STRING = 6, ANNOTATION_NAME = 10,
};

/* Their values */
enum {
	FLAG_STATE_CLEARED = 1,
	ORDERING_EXPLICIT = 3,
	UNIT_COUNT = 2, UNIT_SIZE_BYTES = 3,
	TYPE_SLICE_BEGIN = 1, TYPE_SLICE_END = 2, TYPE_INSTANT = 3,
	TYPE_COUNTER = 4,
};

/* All is from one source. */
#define SEQUENCE_ID	1

/* Tracks that are made of one of ours: itself, its counter, its lanes */
enum { SUB_ITSELF, SUB_COUNTER, SUB_LANES };

/**
 * struct step - something begins or ends
 * @key: by which they are sorted
 */
struct step {
	u64 key;
	u32 item;
	bool end;
};

/**
 * struct writer - what is known while it is written
 * @first_in, @first_out: per item, its first arrow, by @next_in and @next_out
 * @value: per track, of its counter
 */
struct writer {
	FILE *f;
	const struct timeline *t;
	const struct trace_names *names;
	struct pb packet, event, inner;
	u32 *first_in, *first_out, *next_in, *next_out;
	u64 *value;
	bool *used;
	bool begun;
};

static u64 uuid(u32 track, u32 sub)
{
	return ((u64)track + 1) << 32 | sub;
}

static void write_packet(struct writer *w, unsigned int field, struct pb *what)
{
	struct pb *p = &w->packet;

	pb_uint(p, PACKET_SEQUENCE_ID, SEQUENCE_ID);
	if (!w->begun)
		pb_uint(p, PACKET_SEQUENCE_FLAGS, FLAG_STATE_CLEARED);
	w->begun = true;
	pb_message(p, field, what);
	/* The whole file is a message, too. */
	pb_message(&w->inner, TRACE_PACKET, p);
	fwrite(w->inner.buf, 1, w->inner.len, w->f);
	w->inner.len = 0;
}

/*
 * Tracks
 */

static void describe_process(struct writer *w, u64 id, const char *name)
{
	/* 0 would be something special there; the nodes' ids begin at 1. */
	pb_uint(&w->inner, PROCESS_PID, id);
	pb_string(&w->inner, PROCESS_NAME, name);
	pb_message(&w->event, TRACK_PROCESS, &w->inner);
}

static void describe(struct writer *w, u64 id, u64 parent, const char *name)
{
	pb_uint(&w->event, TRACK_UUID, id);
	pb_string(&w->event, TRACK_NAME, name);
	if (parent)
		pb_uint(&w->event, TRACK_PARENT, parent);
	pb_uint(&w->event, TRACK_CHILD_ORDERING, ORDERING_EXPLICIT);
	pb_uint(&w->event, TRACK_RANK, id >> 32);
}

static void describe_counter(struct writer *w, u32 track, const char *name,
			     unsigned int unit)
{
	describe(w, uuid(track, SUB_COUNTER), uuid(track, SUB_ITSELF), name);
	pb_uint(&w->inner, COUNTER_UNIT, unit);
	pb_message(&w->event, TRACK_COUNTER, &w->inner);
	write_packet(w, PACKET_TRACK_DESCRIPTOR, &w->event);
}

/* Slices of a track, and their number */
static void describe_lanes(struct writer *w, u32 track)
{
	const struct timeline_track *tr = &w->t->track[track];
	bool link = tr->kind == TRACK_LINK;
	u32 i;

	for (i = 0; i < tr->nr_lanes; i++) {
		describe(w, uuid(track, SUB_LANES + i), uuid(track, SUB_ITSELF),
			 link ? "frames" :
			 tr->kind == TRACK_QUEUE ? "requests" : "kernel");
		write_packet(w, PACKET_TRACK_DESCRIPTOR, &w->event);
	}
	if (link)
		describe_counter(w, track, "bytes in flight", UNIT_SIZE_BYTES);
	else if (tr->kind == TRACK_QUEUE)
		describe_counter(w, track, "requests in flight", UNIT_COUNT);
}

static bool has_lanes(const struct timeline_track *tr)
{
	return tr->kind == TRACK_QUEUE || tr->kind == TRACK_LINK ||
	       tr->kind == TRACK_NODE;
}

static void describe_track(struct writer *w, u32 track)
{
	const struct timeline_track *tr = &w->t->track[track];
	char buf[32];
	const char *name = timeline_track_name(w->t, track, w->names, buf,
					       sizeof(buf));

	describe(w, uuid(track, SUB_ITSELF), tr->parent == TIMELINE_NONE ? 0 :
		 uuid(tr->parent, SUB_ITSELF), name);
	if (tr->kind == TRACK_NODE)
		describe_process(w, tr->id, name);
	write_packet(w, PACKET_TRACK_DESCRIPTOR, &w->event);
	if (has_lanes(tr))
		describe_lanes(w, track);
}

/* Those without anything on them or below them are left out. */
static void describe_tracks(struct writer *w)
{
	const struct timeline *t = w->t;
	u32 i, track;

	for (i = 0; i < t->nr_items; i++)
		for (track = t->item[i].track; track != TIMELINE_NONE &&
		     !w->used[track]; track = t->track[track].parent)
			w->used[track] = true;
	for (i = 0; i < t->nr_tracks; i++)
		if (w->used[i])
			describe_track(w, i);
}

/*
 * Events
 */

static void annotate_text(struct writer *w, const char *name, const u8 *p,
			  size_t len)
{
	pb_string(&w->inner, ANNOTATION_NAME, name);
	pb_text(&w->inner, ANNOTATION_STRING, p, len);
	pb_message(&w->event, EVENT_ANNOTATION, &w->inner);
}

static const char *dev_name(struct writer *w, u64 dev)
{
	const struct trace_thing *d = trace_dev(w->names, dev);

	return d ? d->name : "?";
}

static void annotate_value(struct writer *w, const char *name, size_t len,
			   u64 v)
{
	bool dev = len == 3 && strncmp(name, "dev", len) == 0;

	pb_bytes(&w->inner, ANNOTATION_NAME, name, len);
	if (dev)
		pb_string(&w->inner, ANNOTATION_STRING, dev_name(w, v));
	else
		pb_uint(&w->inner, ANNOTATION_UINT, v);
	pb_message(&w->event, EVENT_ANNOTATION, &w->inner);
}

static void annotate(struct writer *w, const struct timeline_item *it)
{
	const char *name = item_desc(it->kind)->values;
	unsigned int i;
	size_t len;

	for (i = 0; *name; i++, name += len + !!name[len]) {
		len = strcspn(name, " ");
		annotate_value(w, name, len, it->v[i]);
	}
	if (it->text_len)
		annotate_text(w, "text", (u8 *)w->t->text + it->text,
			      it->text_len);
}

static void flows(struct writer *w, u32 item)
{
	u32 i;

	for (i = w->first_out[item]; i != TIMELINE_NONE; i = w->next_out[i])
		pb_fixed64(&w->event, EVENT_FLOW, (u64)i + 1);
	for (i = w->first_in[item]; i != TIMELINE_NONE; i = w->next_in[i])
		pb_fixed64(&w->event, EVENT_LAST_FLOW, (u64)i + 1);
}

static void name_it(struct writer *w, const struct timeline_item *it)
{
	const char *what = item_desc(it->kind)->name;
	char buf[300];

	switch (it->kind) {
	case ITEM_KICK:
	case ITEM_CALL:
		snprintf(buf, sizeof(buf), "%s %.250s %u", what,
			 dev_name(w, it->v[0]), (unsigned int)it->v[1]);
		break;
	case ITEM_MESSAGE:
		snprintf(buf, sizeof(buf), "%s", vhost_user_name((u32)it->v[0]));
		break;
	case ITEM_CONSOLE:
		pb_text(&w->event, EVENT_NAME, (u8 *)w->t->text + it->text,
			it->text_len);
		return;
	default:
		snprintf(buf, sizeof(buf), "%s%s", it->flags & ITEM_LOST ?
			 "lost " : "", what);
	}
	pb_string(&w->event, EVENT_NAME, buf);
}

static u64 track_of(struct writer *w, const struct timeline_item *it)
{
	const struct timeline_track *tr = &w->t->track[it->track];
	bool lane = item_desc(it->kind)->slice && has_lanes(tr);

	return uuid(it->track, lane ? SUB_LANES + it->lane : SUB_ITSELF);
}

static void write_event(struct writer *w, u64 time)
{
	pb_uint(&w->packet, PACKET_TIMESTAMP, time);
	write_packet(w, PACKET_TRACK_EVENT, &w->event);
}

static void write_count(struct writer *w, const struct timeline_item *it,
			bool end)
{
	u64 n = it->kind == ITEM_FRAME ? it->v[1] : 1;

	if (it->kind != ITEM_FRAME && it->kind != ITEM_REQUEST)
		return;
	w->value[it->track] += end ? -n : n;
	pb_uint(&w->event, EVENT_TYPE, TYPE_COUNTER);
	pb_uint(&w->event, EVENT_TRACK, uuid(it->track, SUB_COUNTER));
	pb_uint(&w->event, EVENT_COUNTER_VALUE, w->value[it->track]);
	write_event(w, end ? it->end : it->start);
}

static void write_step(struct writer *w, const struct step *s)
{
	const struct timeline_item *it = &w->t->item[s->item];
	bool slice = item_desc(it->kind)->slice;

	pb_uint(&w->event, EVENT_TYPE, s->end ? TYPE_SLICE_END :
		slice ? TYPE_SLICE_BEGIN : TYPE_INSTANT);
	pb_uint(&w->event, EVENT_TRACK, track_of(w, it));
	if (!s->end) {
		pb_string(&w->event, EVENT_CATEGORY, item_desc(it->kind)->name);
		name_it(w, it);
		flows(w, s->item);
		annotate(w, it);
	}
	write_event(w, s->end ? it->end : it->start);
	write_count(w, it, s->end);
}

/* Of one record: what it ends, innermost first; what it begins; what that ends */
static int by_order(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->item == y->item)
		return (x->end > y->end) - (x->end < y->end);
	return (x->item < y->item) == x->end ? 1 : -1;
}

static u64 step_key(const struct timeline_item *it, bool end)
{
	if (!end)
		return 4 * it->begin_seq + 1;
	return 4 * it->end_seq + (it->begin_seq == it->end_seq ? 2 : 0);
}

static int write_steps(struct writer *w)
{
	struct step *s = calloc(2 * w->t->nr_items + 1, sizeof(*s)), *p = s;
	const struct timeline_item *it;
	u32 i;

	if (!s)
		return -ENOMEM;
	for (i = 0; i < w->t->nr_items; i++) {
		it = &w->t->item[i];
		*p++ = (struct step){ step_key(it, false), i, false };
		if (item_desc(it->kind)->slice)
			*p++ = (struct step){ step_key(it, true), i, true };
	}
	qsort(s, (size_t)(p - s), sizeof(*s), by_order);
	for (i = 0; s + i < p; i++)
		write_step(w, &s[i]);
	free(s);
	return 0;
}

static void sort_edges(struct writer *w)
{
	const struct timeline *t = w->t;
	u32 i;

	memset(w->first_in, 0xff, t->nr_items * sizeof(u32));
	memset(w->first_out, 0xff, t->nr_items * sizeof(u32));
	for (i = (u32)t->nr_edges; i-- > 0;) {
		w->next_in[i] = w->first_in[t->edge[i].to];
		w->first_in[t->edge[i].to] = i;
		w->next_out[i] = w->first_out[t->edge[i].from];
		w->first_out[t->edge[i].from] = i;
	}
}

int perfetto_write(FILE *f, const struct timeline *t,
		   const struct trace_names *names)
{
	struct writer w = { .f = f, .t = t, .names = names };
	int err = -ENOMEM;

	w.first_in = calloc(t->nr_items + 1, sizeof(u32));
	w.first_out = calloc(t->nr_items + 1, sizeof(u32));
	w.next_in = calloc(t->nr_edges + 1, sizeof(u32));
	w.next_out = calloc(t->nr_edges + 1, sizeof(u32));
	w.value = calloc(t->nr_tracks + 1, sizeof(u64));
	w.used = calloc(t->nr_tracks + 1, sizeof(bool));
	if (w.first_in && w.first_out && w.next_in && w.next_out && w.value &&
	    w.used) {
		sort_edges(&w);
		describe_tracks(&w);
		err = write_steps(&w);
	}
	if (w.packet.failed || w.event.failed || w.inner.failed)
		err = -ENOMEM;
	pb_fini(&w.packet);
	pb_fini(&w.event);
	pb_fini(&w.inner);
	free(w.first_in);
	free(w.first_out);
	free(w.next_in);
	free(w.next_out);
	free(w.value);
	free(w.used);
	return err;
}
