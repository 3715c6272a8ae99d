// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What the records of a trace mean for its timeline. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/timetravel.h"
#include "../wire/vhost_user.h"
#include "building.h"

/*
 * DOC: Theory of operation
 *
 * What begins something makes an item, and notes its number where the record
 * that ends it will look: a stack per node, lists per queue, a table of frames.
 *
 * Arrows say what was the reason for what, as far as the order of records tells:
 *
 *	kick -> request		popped from a queue since it was kicked
 *	request -> frame	sent in the instant in which a request was popped
 *	frame -> request	popped in the instant in which a frame came
 *	request -> interrupt	for what has been pushed since the one before
 */

/* More than virtio has */
#define MAX_VQS	1024u

static struct timeline_node *node_of(struct timeline *t, u64 id)
{
	return id < t->nr_nodes && t->node[id].known ? &t->node[id] : NULL;
}

static struct timeline_dev *dev_of(struct timeline *t, u64 id)
{
	return id < t->nr_devs && t->dev[id].known ? &t->dev[id] : NULL;
}

static struct timeline_queue *queue_of(struct timeline *t,
				       const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);

	return d && rec->v[1] < d->nr_vqs ? &d->q[rec->v[1]] : NULL;
}

static void end_item(struct timeline *t, u32 item, const struct trace_rec *rec)
{
	struct timeline_item *it;

	if (item == TIMELINE_NONE)
		return;
	it = &t->item[item];
	it->end = rec->time;
	it->end_seq = t->seq;
	it->flags &= (u8)~ITEM_OPEN;
}

/*
 * Who is who. Names have been learnt, so that numbers are sane.
 */

static void *table(struct timeline *t, void *array, size_t *nr, size_t want,
		   size_t size)
{
	void *p;

	if (want <= *nr)
		return array;
	p = reallocarray(array, want, size);
	if (!p) {
		t->err = -ENOMEM;
		return NULL;
	}
	memset((char *)p + *nr * size, 0, (want - *nr) * size);
	*nr = want;
	return p;
}

static void add_node(struct timeline *t, const struct trace_names *names, u64 id)
{
	struct timeline_node *n;
	void *p = table(t, t->node, &t->nr_nodes, names->nr_nodes, sizeof(*n));

	if (!p)
		return;
	t->node = p;
	n = &t->node[id];
	/* Of the devices as a party there is nothing to be seen. */
	if (n->known || id == 0)
		return;
	n->track = timeline_new_track(t, TRACK_NODE, id, TIMELINE_NONE);
	n->console = timeline_new_track(t, TRACK_CONSOLE, id, n->track);
	n->known = !t->err;
}

static void add_queues(struct timeline *t, struct timeline_dev *d, u64 id)
{
	struct timeline_queue *q = d->q;
	unsigned int i;

	for (i = 0; i < d->nr_vqs; i++, q++) {
		q->track = timeline_new_track(t, TRACK_QUEUE, id, d->track);
		if (q->track != TIMELINE_NONE)
			t->track[q->track].vq = i;
		q->kick = q->open = q->done = TIMELINE_NONE;
	}
}

static void add_dev(struct timeline *t, const struct trace_names *names, u64 id)
{
	const struct trace_thing *thing = trace_dev(names, id);
	struct timeline_dev *d;
	struct timeline_node *n;
	void *p = table(t, t->dev, &t->nr_devs, names->nr_devs, sizeof(*d));

	if (!p)
		return;
	t->dev = p;
	d = &t->dev[id];
	if (d->known)
		return;
	n = node_of(t, thing->node);
	d->node = thing->node;
	d->track = timeline_new_track(t, TRACK_DEV, id,
				      n ? n->track : TIMELINE_NONE);
	d->popped = d->frame = d->message = TIMELINE_NONE;
	d->nr_vqs = (unsigned int)min_u64(thing->nr_vqs, MAX_VQS);
	free(d->q);
	d->q = calloc(d->nr_vqs + 1, sizeof(*d->q));
	if (!d->q)
		t->err = -ENOMEM;
	else
		add_queues(t, d, id);
	d->known = !t->err;
}

static void add_link(struct timeline *t, const struct trace_names *names, u64 id)
{
	void *p = table(t, t->link, &t->nr_links, names->nr_links,
			sizeof(*t->link));

	if (!p)
		return;
	t->link = p;
	/* 0 is no link's: the track of the run is there before. */
	if (!t->link[id])
		t->link[id] = timeline_new_track(t, TRACK_LINK, id,
						 TIMELINE_NONE);
}

/*
 * Slices of nodes
 */

static u32 begin(struct timeline *t, struct timeline_node *n,
		 enum item_kind kind, const struct trace_rec *rec)
{
	u32 item;

	if (!n || n->depth == TIMELINE_MAX_DEPTH)
		return TIMELINE_NONE;
	item = timeline_new_item(t, n->track, kind, rec);
	if (item != TIMELINE_NONE)
		n->stack[n->depth++] = item;
	return item;
}

/* Those of dev and queue: they are the first of what is compared. */
static u32 begin_of_vq(struct timeline *t, enum item_kind kind,
		       const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);
	u32 item = begin(t, d ? node_of(t, d->node) : NULL, kind, rec);

	if (item != TIMELINE_NONE)
		memcpy(t->item[item].v, rec->v, 2 * sizeof(rec->v[0]));
	return item;
}

/* And what is nested in it; @n: how many of its values must be those of @rec */
static void end(struct timeline *t, struct timeline_node *n,
		enum item_kind kind, const struct trace_rec *rec, size_t nr)
{
	const struct timeline_item *it;
	unsigned int i;

	for (i = n ? n->depth : 0; i > 0; i--) {
		it = &t->item[n->stack[i - 1]];
		if (it->kind == kind &&
		    memcmp(it->v, rec->v, nr * sizeof(it->v[0])) == 0)
			break;
	}
	while (i > 0 && n->depth >= i)
		end_item(t, n->stack[--n->depth], rec);
}

static void end_of_vq(struct timeline *t, enum item_kind kind,
		      const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);

	end(t, d ? node_of(t, d->node) : NULL, kind, rec, 2);
}

static void add_tt_to(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_node *n = node_of(t, rec->v[0]);

	/* What a kernel gets first is the ACK that admits it. */
	if (!n || (rec->v[1] != TT_RUN && n->depth))
		return;
	end(t, n, ITEM_IDLE, rec, 0);
	end(t, n, ITEM_RUN, rec, 0);
	begin(t, n, ITEM_RUN, rec);
}

static void add_tt_from(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_node *n = node_of(t, rec->v[0]);

	if (!n || rec->v[1] != TT_WAIT)
		return;
	end(t, n, ITEM_RUN, rec, 0);
	end(t, n, ITEM_IDLE, rec, 0);
	begin(t, n, ITEM_IDLE, rec);
}

static void add_exit(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_node *n = node_of(t, rec->v[0]);
	u32 item;

	if (!n)
		return;
	while (n->depth)
		end_item(t, n->stack[--n->depth], rec);
	item = timeline_new_item(t, n->track, ITEM_EXIT, rec);
	if (item != TIMELINE_NONE)
		t->item[item].v[0] = rec->v[1];
}

/*
 * Queues
 */

static void mark(struct timeline *t, enum item_kind kind,
		 const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);
	u32 item;

	if (!q)
		return;
	item = timeline_new_item(t, q->track, kind, rec);
	timeline_set_text(t, item, rec);
}

static void add_kick(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);

	if (!q)
		return;
	mark(t, ITEM_AT_KICK, rec);
	q->kick = begin_of_vq(t, ITEM_KICK, rec);
}

static void add_pop(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);
	struct timeline_dev *d = dev_of(t, rec->v[0]);
	u32 item = timeline_new_item(t, q ? q->track : TIMELINE_NONE,
				     ITEM_REQUEST, rec);

	if (item == TIMELINE_NONE)
		return;
	memcpy(t->item[item].v, rec->v + 2, 3 * sizeof(rec->v[0]));
	if (d->frame != TIMELINE_NONE && t->item[d->frame].end == rec->time)
		timeline_new_edge(t, d->frame, item);
	else
		timeline_new_edge(t, q->kick, item);
	d->frame = TIMELINE_NONE;
	d->popped = item;
	t->item[item].next = q->open;
	q->open = item;
}

/* The open request of that head, which is then in no list any more */
static u32 take_open(struct timeline *t, struct timeline_queue *q, u64 head)
{
	u32 *p, item;

	for (p = &q->open; *p != TIMELINE_NONE; p = &t->item[*p].next) {
		item = *p;
		if (t->item[item].v[0] == head) {
			*p = t->item[item].next;
			return item;
		}
	}
	return TIMELINE_NONE;
}

static void add_push(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);
	u32 item = q ? take_open(t, q, rec->v[2]) : TIMELINE_NONE;

	if (item == TIMELINE_NONE)
		return;
	end_item(t, item, rec);
	t->item[item].v[3] = rec->v[3];
	t->item[item].next = q->done;
	q->done = item;
}

static void add_drop(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);
	u32 item = q ? take_open(t, q, rec->v[2]) : TIMELINE_NONE;

	if (item == TIMELINE_NONE)
		return;
	end_item(t, item, rec);
	t->item[item].flags |= ITEM_LOST;
}

static void add_call(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);
	u32 call, i;

	if (!q)
		return;
	mark(t, ITEM_AT_CALL, rec);
	call = begin_of_vq(t, ITEM_CALL, rec);
	for (i = q->done; i != TIMELINE_NONE; i = t->item[i].next)
		timeline_new_edge(t, i, call);
	q->done = TIMELINE_NONE;
}

static void add_saved(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_queue *q = queue_of(t, rec);

	mark(t, ITEM_SAVED, rec);
	if (q)
		q->done = TIMELINE_NONE;
}

/* Requests of a session that has ended will not be pushed. */
static void forget_open(struct timeline *t, struct timeline_dev *d,
			const struct trace_rec *rec)
{
	struct timeline_queue *q;
	u32 i;

	for (q = d->q; q < d->q + d->nr_vqs; q++) {
		for (i = q->open; i != TIMELINE_NONE; i = t->item[i].next) {
			end_item(t, i, rec);
			t->item[i].flags |= ITEM_LOST;
		}
		q->open = q->done = q->kick = TIMELINE_NONE;
	}
}

/*
 * Devices and links
 */

static void add_come_or_go(struct timeline *t, enum item_kind kind,
			   const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);

	if (!d)
		return;
	forget_open(t, d, rec);
	d->message = TIMELINE_NONE;
	timeline_set_text(t, timeline_new_item(t, d->track, kind, rec), rec);
}

/* Kicks have slices of their own. A message without answer has no length. */
static void add_request(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);

	if (!d)
		return;
	d->message = TIMELINE_NONE;
	if (rec->v[1] == VHOST_USER_VRING_KICK)
		return;
	d->message = timeline_new_item(t, d->track, ITEM_MESSAGE, rec);
	if (d->message == TIMELINE_NONE)
		return;
	memcpy(t->item[d->message].v, rec->v + 1, 2 * sizeof(rec->v[0]));
	end_item(t, d->message, rec);
}

static void add_reply(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_dev *d = dev_of(t, rec->v[0]);

	if (!d || d->message == TIMELINE_NONE ||
	    t->item[d->message].v[0] != rec->v[1])
		return;
	end_item(t, d->message, rec);
	d->message = TIMELINE_NONE;
}

static u32 frame_by_number(const struct timeline *t, u64 number)
{
	size_t low = 0, high = t->nr_frames, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (t->frame[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->nr_frames && t->frame[low].number == number ?
	       t->frame[low].item : TIMELINE_NONE;
}

static u32 new_frame(struct timeline *t, const struct trace_port *p,
		     const struct trace_rec *rec)
{
	u32 item;
	void *frames;

	if (t->nr_frames && t->frame[t->nr_frames - 1].number >= rec->v[1])
		return TIMELINE_NONE;
	frames = timeline_grown(t, t->frame, t->nr_frames, &t->max_frames,
				sizeof(*t->frame));
	if (!frames)
		return TIMELINE_NONE;
	t->frame = frames;
	item = timeline_new_item(t, t->link[p->link], ITEM_FRAME, rec);
	t->frame[t->nr_frames++] = (struct timeline_frame){ rec->v[1], item };
	return item;
}

static void add_tx(struct timeline *t, const struct trace_names *names,
		   const struct trace_rec *rec)
{
	const struct trace_port *p = trace_port(names, rec->v[0]);
	struct timeline_dev *d = p ? dev_of(t, p->dev) : NULL;
	u32 item;

	if (!d || p->link >= t->nr_links || !t->link[p->link])
		return;
	item = new_frame(t, p, rec);
	if (item == TIMELINE_NONE)
		return;
	t->item[item].v[0] = p->dev;
	t->item[item].v[1] = rec->v[2];
	if (d->popped != TIMELINE_NONE && t->item[d->popped].start == rec->time)
		timeline_new_edge(t, d->popped, item);
}

/* It may come to several ports: the last of these is its end. */
static void add_rx(struct timeline *t, const struct trace_names *names,
		   const struct trace_rec *rec)
{
	const struct trace_port *p = trace_port(names, rec->v[0]);
	struct timeline_dev *d = p ? dev_of(t, p->dev) : NULL;
	u32 item = frame_by_number(t, rec->v[1]);

	end_item(t, item, rec);
	if (item != TIMELINE_NONE)
		t->item[item].v[2]++;
	if (d)
		d->frame = item;
}

static void add_lost(struct timeline *t, const struct trace_rec *rec)
{
	u32 item = frame_by_number(t, rec->v[1]);

	if (item == TIMELINE_NONE)
		return;
	end_item(t, item, rec);
	t->item[item].v[3]++;
	t->item[item].flags |= ITEM_LOST;
	timeline_set_text(t, item, rec);
}

/*
 * The rest
 */

static void add_said(struct timeline *t, const struct trace_rec *rec)
{
	struct timeline_node *n = node_of(t, rec->v[0]);
	u32 item = timeline_new_item(t, n ? n->console : TIMELINE_NONE,
				     ITEM_CONSOLE, rec);

	if (item != TIMELINE_NONE)
		t->item[item].v[0] = rec->v[1];
	timeline_set_text(t, item, rec);
}

static void add_run(struct timeline *t, enum item_kind kind,
		    const struct trace_rec *rec)
{
	u32 item = timeline_new_item(t, t->the_run, kind, rec);

	if (item != TIMELINE_NONE)
		t->item[item].v[0] = rec->v[0];
	timeline_set_text(t, item, rec);
}

/* Those that define something, and those about the run, nodes and links */
static bool add_other(struct timeline *t, const struct trace_names *names,
		      const struct trace_rec *rec)
{
	switch (rec->kind) {
	case TRACE_IDENTITY: add_run(t, ITEM_IDENTITY, rec); return true;
	case TRACE_END: add_run(t, ITEM_END, rec); return true;
	case TRACE_NODE: add_node(t, names, rec->v[0]); return true;
	case TRACE_DEVICE: add_dev(t, names, rec->v[0]); return true;
	case TRACE_LINK: add_link(t, names, rec->v[0]); return true;
	case TRACE_TT_FROM: add_tt_from(t, rec); return true;
	case TRACE_TT_TO: add_tt_to(t, rec); return true;
	case TRACE_FRAME_TX: add_tx(t, names, rec); return true;
	case TRACE_FRAME_RX: add_rx(t, names, rec); return true;
	case TRACE_FRAME_LOST: add_lost(t, rec); return true;
	case TRACE_CONSOLE: add_said(t, rec); return true;
	case TRACE_EXIT: add_exit(t, rec); return true;
	default: return false;
	}
}

static void add_of_dev(struct timeline *t, const struct trace_rec *rec)
{
	switch (rec->kind) {
	case TRACE_CONNECT: add_come_or_go(t, ITEM_CONNECT, rec); break;
	case TRACE_DISCONNECT: add_come_or_go(t, ITEM_DISCONNECT, rec); break;
	case TRACE_VU_REQUEST: add_request(t, rec); break;
	case TRACE_VU_REPLY: add_reply(t, rec); break;
	case TRACE_KICK: add_kick(t, rec); break;
	case TRACE_KICK_DONE: end_of_vq(t, ITEM_KICK, rec); break;
	case TRACE_POP: add_pop(t, rec); break;
	case TRACE_PUSH: add_push(t, rec); break;
	case TRACE_DROP: add_drop(t, rec); break;
	case TRACE_CALL: add_call(t, rec); break;
	case TRACE_CALL_DONE: end_of_vq(t, ITEM_CALL, rec); break;
	case TRACE_CALL_SAVED: add_saved(t, rec); break;
	case TRACE_CONFIG_CALL: begin_of_vq(t, ITEM_CONFIG, rec); break;
	case TRACE_CONFIG_DONE: end_of_vq(t, ITEM_CONFIG, rec); break;
	case TRACE_VQ_BROKEN: mark(t, ITEM_BROKEN, rec); break;
	}
}

int timeline_add(struct timeline *t, const struct trace_names *names,
		 const struct trace_rec *rec)
{
	if (!t->nr_tracks)
		t->the_run = timeline_new_track(t, TRACK_THE_RUN, 0,
						TIMELINE_NONE);
	t->seq++;
	t->end = rec->time;
	if (!t->err && !add_other(t, names, rec))
		add_of_dev(t, rec);
	return t->err;
}
