// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A trace in numbers: queues, nodes, links, and the run as a whole. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/timetravel.h"
#include "summary.h"

/* Heads are 16 bits wide. */
#define MAX_HEADS	65536u

/* An array of things that are all zeros at first, with room for @n of them */
static void *grown(void *array, size_t *nr, size_t n, size_t size)
{
	size_t want = n < 2 * *nr ? 2 * *nr : n;
	void *p;

	if (n <= *nr)
		return array;
	p = realloc(array, want * size);
	if (p) {
		memset((u8 *)p + *nr * size, 0, (want - *nr) * size);
		*nr = want;
	}
	return p;
}

static struct trace_queue_sum *queue(struct trace_summary *s, u64 dev, u64 vq)
{
	struct trace_queue_sum *q;
	size_t i;

	for (i = 0; i < s->nr_queues; i++)
		if (s->queue[i].dev == dev && s->queue[i].vq == vq)
			return &s->queue[i];
	q = realloc(s->queue, (s->nr_queues + 1) * sizeof(*q));
	if (!q)
		return NULL;
	s->queue = q;
	q += s->nr_queues++;
	*q = (struct trace_queue_sum){ .dev = dev, .vq = vq };
	return q;
}

static int add_pop(struct trace_queue_sum *q, const struct trace_rec *rec)
{
	u64 head = rec->v[2], *p;

	q->pops++;
	q->out += rec->v[3];
	if (head >= MAX_HEADS)
		return 0;
	p = grown(q->popped_at, &q->nr_heads, (size_t)head + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	q->popped_at = p;
	p[head] = rec->time + 1;
	return 0;
}

static int add_push(struct trace_queue_sum *q, const struct trace_rec *rec)
{
	u64 head = rec->v[2], *p = q->latency;

	q->in += rec->v[3];
	if (head >= q->nr_heads || !q->popped_at[head])
		return 0;
	/* Room for twice as many whenever the number is a power of two */
	if (!(q->nr_latency & (q->nr_latency - 1)))
		p = realloc(p, (q->nr_latency ? 2 * q->nr_latency : 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	q->latency = p;
	p[q->nr_latency++] = rec->time + 1 - q->popped_at[head];
	q->popped_at[head] = 0;
	return 0;
}

static int add_queue(struct trace_summary *s, const struct trace_rec *rec)
{
	struct trace_queue_sum *q = queue(s, rec->v[0], rec->v[1]);

	if (!q)
		return -ENOMEM;
	if (rec->kind == TRACE_POP)
		return add_pop(q, rec);
	if (rec->kind == TRACE_PUSH)
		return add_push(q, rec);
	q->kicks += rec->kind == TRACE_KICK;
	q->calls += rec->kind == TRACE_CALL;
	q->saved += rec->kind == TRACE_CALL_SAVED;
	q->drops += rec->kind == TRACE_DROP;
	return 0;
}

static struct trace_node_sum *node(struct trace_summary *s,
				   const struct trace_names *names, u64 id)
{
	struct trace_node_sum *n;

	if (!trace_node(names, id))
		return NULL;
	n = grown(s->node, &s->nr_nodes, (size_t)id + 1, sizeof(*n));
	if (!n)
		return NULL;
	s->node = n;
	return &n[id];
}

static void add_turn(struct trace_node_sum *n, const struct trace_rec *rec)
{
	bool run = rec->kind == TRACE_TT_TO && rec->v[1] == TT_RUN;
	bool wait = rec->kind == TRACE_TT_FROM && rec->v[1] == TT_WAIT;

	if (!n)
		return;
	if (!n->seen)
		n->from = rec->time;
	n->seen = true;
	n->runs += run;
	if (wait && n->running)
		n->busy += rec->time - n->since;
	if (run && !n->running)
		n->since = rec->time;
	if (run || wait)
		n->running = run;
}

static struct trace_lost_sum *lost(struct trace_summary *s, u64 link,
				   const struct trace_rec *rec)
{
	struct trace_lost_sum *l, new = { .link = link };
	size_t i;

	snprintf(new.why, sizeof(new.why), "%.*s", (int)rec->len,
		 rec->len ? (const char *)rec->data : "");
	for (i = 0; i < s->nr_lost; i++)
		if (s->lost[i].link == link &&
		    strcmp(s->lost[i].why, new.why) == 0)
			return &s->lost[i];
	l = realloc(s->lost, (s->nr_lost + 1) * sizeof(*l));
	if (!l)
		return NULL;
	s->lost = l;
	l[s->nr_lost] = new;
	return &l[s->nr_lost++];
}

static int add_frame(struct trace_summary *s, const struct trace_names *names,
		     const struct trace_rec *rec)
{
	const struct trace_port *p = trace_port(names, rec->v[0]);
	struct trace_lost_sum *why;
	struct trace_link_sum *l;

	if (!p || !trace_link(names, p->link))
		return 0;
	l = grown(s->link, &s->nr_links, (size_t)p->link + 1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	s->link = l;
	l += p->link;
	if (rec->kind == TRACE_FRAME_TX) {
		l->sent++;
		l->bytes += rec->v[2];
	} else if (rec->kind == TRACE_FRAME_RX) {
		l->received++;
	} else {
		why = lost(s, p->link, rec);
		if (!why)
			return -ENOMEM;
		why->n++;
	}
	return 0;
}

int trace_summary_add(struct trace_summary *s, const struct trace_names *names,
		      const struct trace_rec *rec)
{
	struct trace_node_sum *n;

	if (!s->records++)
		s->first = rec->time;
	s->last = rec->time;
	switch (rec->kind) {
	case TRACE_TT_FROM:
	case TRACE_TT_TO:
		add_turn(node(s, names, rec->v[0]), rec);
		return 0;
	case TRACE_KICK:
		n = node(s, names, trace_about_node(names, rec));
		if (n)
			n->kicks++;
		return add_queue(s, rec);
	case TRACE_POP:
	case TRACE_PUSH:
	case TRACE_DROP:
	case TRACE_CALL:
	case TRACE_CALL_SAVED:
		return add_queue(s, rec);
	case TRACE_FRAME_TX:
	case TRACE_FRAME_RX:
	case TRACE_FRAME_LOST:
		return add_frame(s, names, rec);
	default:
		return 0;
	}
}

static int by_size(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void print_ns(FILE *f, u64 ns)
{
	fprintf(f, " %5" PRIu64 ".%09" PRIu64, ns / NSEC_PER_SEC,
		ns % NSEC_PER_SEC);
}

/* The smallest that @percent of all are not above */
static u64 percentile(const struct trace_queue_sum *q, unsigned int percent)
{
	return q->latency[(q->nr_latency - 1) * percent / 100];
}

static void print_queues(FILE *f, const struct trace_summary *s,
			 const struct trace_names *names)
{
	const struct trace_queue_sum *q = s->queue;
	const struct trace_thing *d;
	size_t i;

	if (s->nr_queues)
		fprintf(f, "%-14s %2s %9s %9s %9s %9s %11s %11s\n", "device", "vq",
			"requests", "kicks", "calls", "saved", "bytes out",
			"bytes in");
	for (i = 0; i < s->nr_queues; i++, q++) {
		d = trace_dev(names, q->dev);
		fprintf(f, "%-14s %2" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %11" PRIu64 " %11" PRIu64 "\n",
			d ? d->name : "-", q->vq, q->pops, q->kicks, q->calls,
			q->saved, q->out, q->in);
	}
}

static void print_latencies(FILE *f, const struct trace_summary *s,
			    const struct trace_names *names)
{
	static const unsigned int percent[] = { 0, 50, 90, 99, 100 };
	const struct trace_queue_sum *q = s->queue;
	const struct trace_thing *d;
	size_t i, j;

	if (s->nr_queues)
		fprintf(f, "\n%-14s %2s %9s %15s %15s %15s %15s %15s\n",
			"pop to push, s", "vq", "requests", "min", "50%", "90%",
			"99%", "max");
	for (i = 0; i < s->nr_queues; i++, q++) {
		if (!q->nr_latency)
			continue;
		qsort(q->latency, q->nr_latency, sizeof(*q->latency), by_size);
		d = trace_dev(names, q->dev);
		fprintf(f, "%-14s %2" PRIu64 " %9zu", d ? d->name : "-", q->vq,
			q->nr_latency);
		for (j = 0; j < ARRAY_SIZE(percent); j++)
			print_ns(f, percentile(q, percent[j]));
		fputc('\n', f);
	}
}

static void print_nodes(FILE *f, const struct trace_summary *s,
			const struct trace_names *names)
{
	const struct trace_node_sum *n = s->node;
	u64 i, span;

	if (s->nr_nodes)
		fprintf(f, "\n%-14s %9s %9s %9s\n", "node", "wakeups", "kicks",
			"waits");
	for (i = 0; i < s->nr_nodes; i++, n++) {
		if (!n->seen && !n->kicks)
			continue;
		span = s->last - n->from;
		fprintf(f, "%-14s %9" PRIu64 " %9" PRIu64, trace_node(names, i)->name,
			n->runs, n->kicks);
		if (n->seen && span)
			fprintf(f, " %8.4f%%", 100.0 * (double)(span - n->busy) /
				(double)span);
		fputc('\n', f);
	}
}

static void print_links(FILE *f, const struct trace_summary *s,
			const struct trace_names *names)
{
	const struct trace_link_sum *l = s->link;
	const char *sep;
	size_t i, j;

	if (s->nr_links)
		fprintf(f, "\n%-14s %9s %11s %9s  %s\n", "link", "sent", "bytes",
			"received", "lost");
	for (i = 0; i < s->nr_links; i++, l++) {
		if (!trace_link(names, i))
			continue;
		fprintf(f, "%-14s %9" PRIu64 " %11" PRIu64 " %9" PRIu64 "  ",
			trace_link(names, i)->name, l->sent, l->bytes,
			l->received);
		for (sep = "", j = 0; j < s->nr_lost; j++) {
			if (s->lost[j].link != i)
				continue;
			fprintf(f, "%s%" PRIu64 " %s", sep, s->lost[j].n,
				s->lost[j].why);
			sep = ", ";
		}
		fputs(*sep ? "\n" : "0\n", f);
	}
}

static int by_number(const void *a, const void *b)
{
	const struct trace_queue_sum *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->vq < y->vq ? -1 : x->vq > y->vq;
}

void trace_summary_print(FILE *f, struct trace_summary *s,
			 const struct trace_names *names)
{
	if (s->nr_queues)
		qsort(s->queue, s->nr_queues, sizeof(*s->queue), by_number);
	print_queues(f, s, names);
	print_latencies(f, s, names);
	print_nodes(f, s, names);
	print_links(f, s, names);
	fprintf(f, "\n%" PRIu64 " records, from", s->records);
	print_ns(f, s->first);
	fputs(" to", f);
	print_ns(f, s->last);
	fputs(" s\n", f);
}

void trace_summary_fini(struct trace_summary *s)
{
	size_t i;

	for (i = 0; i < s->nr_queues; i++) {
		free(s->queue[i].popped_at);
		free(s->queue[i].latency);
	}
	free(s->queue);
	free(s->node);
	free(s->link);
	free(s->lost);
	memset(s, 0, sizeof(*s));
}
