// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The last events of a run as sentences, and who waits for what. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/timetravel.h"
#include "../wire/vhost_user.h"
#include "names.h"
#include "story.h"

#define EVENTS		16u
#define MAX_NODES	16u	/* more are not told about, nor are their devices */
#define MAX_QUEUES	64u

/**
 * struct doing - what a node was last seen to do
 * @op: TT_WAIT, TT_RUN; anything else: not known
 * @since: when
 * @until: with TT_WAIT, what it has asked for; beyond all times: nothing
 */
struct doing {
	u64 op, since, until;
};

/**
 * struct queue - something that has been taken from a queue, or is to be
 * @kicked: there was a kick, and no answer to that
 * @taken: requests taken and not given back
 * @since: when the first of them was taken, or when it was kicked
 */
struct queue {
	u64 dev, vq, since;
	unsigned int taken;
	bool kicked;
};

struct story {
	struct trace_names names;
	struct trace_rec event[EVENTS];
	u64 nr_events;
	struct doing node[MAX_NODES];
	struct queue queue[MAX_QUEUES];
	unsigned int nr_queues;
};

static const char *name_of(const struct trace_thing *t)
{
	return t ? t->name : "somebody";
}

static const char *node_of(const struct story *s, const struct trace_rec *rec)
{
	return name_of(trace_node(&s->names, trace_about_node(&s->names, rec)));
}

static const char *link_of(const struct story *s, const struct trace_rec *rec)
{
	const struct trace_port *p = trace_port(&s->names, rec->v[0]);

	return name_of(p ? trace_link(&s->names, p->link) : NULL);
}

static void print_time(FILE *f, u64 ns)
{
	fprintf(f, "%" PRIu64 ".%09" PRIu64, ns / NSEC_PER_SEC,
		ns % NSEC_PER_SEC);
}

static bool is_event(const struct trace_rec *rec)
{
	switch (rec->kind) {
	case TRACE_TT_FROM:
		return rec->v[1] == TT_WAIT && rec->v[0];
	case TRACE_TT_TO:
		return rec->v[1] == TT_RUN && rec->v[0];
	case TRACE_VU_REQUEST:
		/* There is a record of the kick itself, too. */
		return rec->v[1] != VHOST_USER_VRING_KICK;
	case TRACE_CONNECT:
	case TRACE_DISCONNECT:
	case TRACE_KICK:
	case TRACE_CALL:
	case TRACE_CONFIG_CALL:
	case TRACE_VQ_BROKEN:
	case TRACE_FRAME_TX:
	case TRACE_FRAME_RX:
	case TRACE_FRAME_LOST:
	case TRACE_EXIT:
		return true;
	default:
		return false;
	}
}

/* What a node does to a device, or a device to its node */
static void print_queue_event(FILE *f, const struct story *s,
			      const struct trace_rec *rec)
{
	const char *dev = name_of(trace_about(&s->names, rec));
	const char *node = node_of(s, rec);

	if (rec->kind == TRACE_KICK)
		fprintf(f, "%s kicks queue %" PRIu64 " of %s", node, rec->v[1], dev);
	else if (rec->kind == TRACE_CALL)
		fprintf(f, "%s calls %s for queue %" PRIu64, dev, node, rec->v[1]);
	else if (rec->kind == TRACE_CONFIG_CALL)
		fprintf(f, "%s tells %s that its configuration has changed", dev, node);
	else if (rec->kind == TRACE_CONNECT)
		fprintf(f, "%s connects to %s", node, dev);
	else if (rec->kind == TRACE_VU_REQUEST)
		fprintf(f, "%s asks %s for %s", node, dev,
			vhost_user_name((u32)rec->v[1]));
	else if (rec->kind == TRACE_DISCONNECT)
		fprintf(f, "%s leaves %s%s%.*s", node, dev, rec->len ? ": " : "",
			(int)rec->len, (const char *)rec->data);
	else
		fprintf(f, "queue %" PRIu64 " of %s is broken: %.*s", rec->v[1],
			dev, (int)rec->len, (const char *)rec->data);
}

static void print_frame_event(FILE *f, const struct story *s,
			      const struct trace_rec *rec)
{
	const char *port = name_of(trace_about(&s->names, rec));

	if (rec->kind == TRACE_FRAME_TX)
		fprintf(f, "%s sends frame %" PRIu64 " of %" PRIu64 " bytes to %s",
			port, rec->v[1], rec->v[2], link_of(s, rec));
	else if (rec->kind == TRACE_FRAME_RX)
		fprintf(f, "%s gets frame %" PRIu64 " of %" PRIu64 " bytes from %s",
			port, rec->v[1], rec->v[2], link_of(s, rec));
	else
		fprintf(f, "%s does not get frame %" PRIu64 " from %s: %.*s",
			port, rec->v[1], link_of(s, rec), (int)rec->len,
			(const char *)rec->data);
}

static void print_wait(FILE *f, u64 until)
{
	if (until >= S64_MAX) {
		fputs("waits, and has asked for no time", f);
		return;
	}
	fputs("waits until ", f);
	print_time(f, until);
}

static void print_event(FILE *f, const struct story *s,
			const struct trace_rec *rec)
{
	fprintf(f, "%6" PRIu64 ".%09" PRIu64 " ", rec->time / NSEC_PER_SEC,
		rec->time % NSEC_PER_SEC);
	switch (rec->kind) {
	case TRACE_TT_FROM:
		fprintf(f, "%s ", node_of(s, rec));
		print_wait(f, rec->v[2]);
		break;
	case TRACE_TT_TO:
		fprintf(f, "%s runs", node_of(s, rec));
		break;
	case TRACE_FRAME_TX:
	case TRACE_FRAME_RX:
	case TRACE_FRAME_LOST:
		print_frame_event(f, s, rec);
		break;
	case TRACE_EXIT:
		fprintf(f, "the command of %s ends with status %" PRIu64,
			node_of(s, rec), rec->v[1]);
		break;
	default:
		print_queue_event(f, s, rec);
	}
	fputc('\n', f);
}

static struct queue *queue(struct story *s, const struct trace_rec *rec)
{
	struct queue *q = s->queue;
	unsigned int i;

	for (i = 0; i < s->nr_queues; i++, q++)
		if (q->dev == rec->v[0] && q->vq == rec->v[1])
			return q;
	if (s->nr_queues == MAX_QUEUES)
		return NULL;
	s->nr_queues++;
	*q = (struct queue){ .dev = rec->v[0], .vq = rec->v[1] };
	return q;
}

static void note_queue(struct story *s, const struct trace_rec *rec)
{
	struct queue *q = queue(s, rec);

	if (!q)
		return;
	if ((rec->kind == TRACE_KICK || rec->kind == TRACE_POP) &&
	    !q->kicked && !q->taken)
		q->since = rec->time;
	if (rec->kind == TRACE_KICK || rec->kind == TRACE_KICK_DONE)
		q->kicked = rec->kind == TRACE_KICK;
	else if (rec->kind == TRACE_POP)
		q->taken++;
	else if (q->taken)
		q->taken--;
}

static void note(struct story *s, const struct trace_rec *rec)
{
	bool wait = rec->kind == TRACE_TT_FROM && rec->v[1] == TT_WAIT;

	switch (rec->kind) {
	case TRACE_TT_FROM:
	case TRACE_TT_TO:
		if (rec->v[0] < MAX_NODES && (wait || rec->v[1] == TT_RUN))
			s->node[rec->v[0]] = (struct doing){
				rec->v[1], rec->time, rec->v[2],
			};
		break;
	case TRACE_KICK:
	case TRACE_KICK_DONE:
	case TRACE_POP:
	case TRACE_PUSH:
	case TRACE_DROP:
		note_queue(s, rec);
		break;
	}
	if (is_event(rec))
		s->event[s->nr_events++ % EVENTS] = *rec;
}

static void print_node(FILE *f, const struct trace_thing *t,
		       const struct doing *d)
{
	if (!t || (d->op != TT_WAIT && d->op != TT_RUN))
		return;
	fprintf(f, "%s ", t->name);
	if (d->op == TT_WAIT)
		print_wait(f, d->until);
	else
		fputs("has its turn, and the others wait for it", f);
	fputs("; since ", f);
	print_time(f, d->since);
	fputc('\n', f);
}

static void print_queue(FILE *f, const struct story *s, const struct queue *q)
{
	const struct trace_thing *d = trace_dev(&s->names, q->dev);

	if (!d || (!q->taken && !q->kicked))
		return;
	fprintf(f, "%s waits for %s: ",
		name_of(trace_node(&s->names, d->node)), d->name);
	if (q->taken)
		fprintf(f, "%u request%s of queue %" PRIu64 " not answered",
			q->taken, q->taken > 1 ? "s" : "", q->vq);
	else
		fprintf(f, "a kick of queue %" PRIu64 " not answered", q->vq);
	fputs("; since ", f);
	print_time(f, q->since);
	fputc('\n', f);
}

static void print_story(FILE *f, const struct story *s, const char *heading)
{
	u64 i = s->nr_events > EVENTS ? s->nr_events - EVENTS : 0;

	if (!s->nr_events)
		return;
	fprintf(f, "%s\n", heading);
	for (; i < s->nr_events; i++)
		print_event(f, s, &s->event[i % EVENTS]);
	for (i = 1; i < MAX_NODES; i++)
		print_node(f, trace_node(&s->names, i), &s->node[i]);
	for (i = 0; i < s->nr_queues; i++)
		print_queue(f, s, &s->queue[i]);
}

/* Names are learnt from the first part: the others may begin in the middle. */
static void read_part(struct story *s, const struct trace_part *p, bool names)
{
	struct trace_reader r;
	struct trace_rec rec;

	trace_reader_part(&r, p->buf, p->len, p->time);
	while (trace_next(&r, &rec) > 0) {
		if (!names)
			note(s, &rec);
		else if (trace_names_learn(&s->names, &rec) < 0)
			return;
	}
}

void trace_story_of(FILE *f, const struct trace_part parts[3],
		    const char *heading)
{
	struct story *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	read_part(s, &parts[0], true);
	read_part(s, &parts[1], false);
	read_part(s, &parts[2], false);
	print_story(f, s, heading);
	trace_names_fini(&s->names);
	free(s);
}

void trace_story(FILE *f, struct trace *t, const char *heading)
{
	struct trace_part parts[3];

	trace_recent(t, parts);
	trace_story_of(f, parts, heading);
}
