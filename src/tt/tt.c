// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Client of a calendar: the clock and the events of one slave. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/bug.h"
#include "../base/log.h"
#include "tt.h"

/*
 * DOC: Theory of operation
 *
 *	OFFLINE -START acked-> RUNNING -last hold put-> REQUEST, WAIT -> WAITING
 *	                          ^------------------- RUN -----------------'
 *
 * Two things happen here, both from the work queue only. Operations (struct
 * tt_op) are settled one at a time: sent, acked, done. And when there is none,
 * it is our turn and nobody holds the instant, a step is taken: run the events
 * that are due, let the owner finish the instant, then move on: by ourselves
 * up to the horizon, else by REQUEST and WAIT.
 *
 * Nothing waits in between: RUN, FREE_UNTIL and BROADCAST are served and acked
 * in any state. While somebody waits for the answer to a call, that is what
 * lets the called kernel's REQUEST through.
 */

/* So many events, then the loop gets a chance to see signals and limits. */
#define STEP_BUDGET	1024

static const char *const state_names[] = {
	[TT_OFFLINE] = "OFFLINE", [TT_STARTING] = "STARTING",
	[TT_RUNNING] = "RUNNING", [TT_WAITING] = "WAITING",
};

static void set_state(struct tt *tt, enum tt_state state)
{
	log_dbg("tt", "%12llu %s -> %s", (unsigned long long)tt->now,
		state_names[tt->state], state_names[state]);
	tt->state = state;
}

static bool silent(const struct tt *tt)
{
	return tt->tp->silent && tt->tp->silent(tt);
}

static void send_msg(struct tt *tt, u32 op, u32 seq, u64 time)
{
	struct tt_msg m = { .op = op, .seq = seq, .time = time };

	tt->tp->send(tt, &m);
}

/* S64_MAX is the end of time: what is due then never comes. */
static u64 first_event(const struct tt *tt)
{
	const struct heap_node *n = heap_first(&tt->events);

	return n && n->time < S64_MAX ? n->time : U64_MAX;
}

/* Whatever the calendar says that the time is, there must be an event. */
static bool is_due(const struct tt *tt)
{
	u64 first = first_event(tt);

	return first != U64_MAX && first <= tt->now;
}

/* Does the calendar know of our earliest event. */
static bool registered(const struct tt *tt)
{
	return first_event(tt) == U64_MAX ||
	       (tt->have_request && tt->requested <= first_event(tt));
}

/* Operations */

static void queue_op(struct tt *tt, struct tt_op *op, enum tt_op_kind kind)
{
	BUG_ON(op->queued);
	op->kind = kind;
	op->queued = true;
	STAILQ_INSERT_TAIL(&tt->ops, op, entry);
	ring_work(tt->ring, &tt->work);
}

static void op_done(struct tt *tt, int err)
{
	struct tt_op *op = STAILQ_FIRST(&tt->ops);

	STAILQ_REMOVE_HEAD(&tt->ops, entry);
	op->queued = false;
	tt->op_sent = false;
	ring_work(tt->ring, &tt->work);
	if (op->done)
		op->done(op, err);
}

/* Send the message of an operation: not done until it is acked. */
static bool send_op(struct tt *tt, u32 op, u64 time)
{
	tt->op_sent = true;
	send_msg(tt, op, ++tt->seq, time);
	return false;
}

static bool request(struct tt *tt, u64 when)
{
	tt->requested = when;
	tt->have_request = true;
	if (tt->tp->request && tt->tp->request(tt, when))
		return true;
	return send_op(tt, TT_REQUEST, when);
}

static bool wait_for_run(struct tt *tt)
{
	/* WAIT voids it at the calendar, too. */
	tt->free_until = 0;
	set_state(tt, TT_WAITING);
	send_op(tt, TT_WAIT, U64_MAX);
	return silent(tt);
}

/* Begin the first operation. True when it is done without being acked. */
static bool begin_op(struct tt *tt, const struct tt_op *op)
{
	switch (op->kind) {
	case TT_OP_START:
		set_state(tt, TT_STARTING);
		return send_op(tt, TT_START, tt->id);
	case TT_OP_GET:
		/* While it is our turn the time is ours to know. */
		if (tt->state == TT_RUNNING)
			return true;
		if (tt->tp->get && tt->tp->get(tt, &tt->now))
			return true;
		return send_op(tt, TT_GET, U64_MAX);
	case TT_OP_REGISTER:
		/* In our turn the step does it before it WAITs. */
		if (tt->state != TT_WAITING || registered(tt))
			return true;
		return request(tt, first_event(tt));
	case TT_OP_PROPAGATE:
		/* In the turn of another the time is known by that one. */
		if (tt->state != TT_RUNNING || tt->propagated == tt->now)
			return true;
		tt->propagated = tt->now;
		if (tt->tp->update && tt->tp->update(tt, tt->now))
			return true;
		return send_op(tt, TT_UPDATE, tt->now);
	case TT_OP_REQUEST:
		return request(tt, first_event(tt));
	case TT_OP_WAIT:
		return wait_for_run(tt);
	}
	return true;
}

static void pump_ops(struct tt *tt)
{
	struct tt_op *op;

	while (!tt->op_sent && (op = STAILQ_FIRST(&tt->ops)))
		if (begin_op(tt, op))
			op_done(tt, 0);
}

/* Steps */

/* Run what is due. True when something was, or there is more to come. */
static bool run_due(struct tt *tt)
{
	unsigned int n = 0;
	struct heap_node *node;
	struct tt_event *ev;

	while (is_due(tt)) {
		if (n++ == STEP_BUDGET)
			return true;
		node = heap_first(&tt->events);
		heap_remove(&tt->events, node);
		ev = container_of(node, struct tt_event, node);
		ev->fn(ev);
	}
	return false;
}

/* The instant is over: to the next one, or give the turn away. */
static void move_on(struct tt *tt)
{
	u64 next = first_event(tt);

	if (next < tt->tp->horizon(tt)) {
		tt->now = next;
		ring_work(tt->ring, &tt->work);
	} else if (next != U64_MAX &&
		   !(tt->have_request && tt->requested == next)) {
		queue_op(tt, &tt->turn_op, TT_OP_REQUEST);
	} else if (tt->crossed && tt->propagated != tt->now) {
		queue_op(tt, &tt->turn_op, TT_OP_PROPAGATE);
	} else {
		queue_op(tt, &tt->turn_op, TT_OP_WAIT);
	}
}

static void step(struct tt *tt)
{
	if (run_due(tt)) {
		ring_work(tt->ring, &tt->work);
		return;
	}
	/* What a callback waits for may lead to more in this instant. */
	if (tt->holds)
		return;
	if (tt->instant_end)
		tt->instant_end(tt);
	if (tt->holds || !STAILQ_EMPTY(&tt->ops))
		return;
	if (is_due(tt))
		ring_work(tt->ring, &tt->work);
	else
		move_on(tt);
}

static void tt_work(struct work *w)
{
	struct tt *tt = container_of(w, struct tt, work);

	pump_ops(tt);
	if (tt->holds || !STAILQ_EMPTY(&tt->ops))
		return;
	if (tt->state == TT_RUNNING)
		step(tt);
	/* Armed by somebody who does not care when that is known. */
	else if (tt->state == TT_WAITING && !registered(tt))
		queue_op(tt, &tt->turn_op, TT_OP_REQUEST);
}

/* Input */

void tt_dead(struct tt *tt, const char *why)
{
	if (tt->state == TT_OFFLINE)
		return;
	set_state(tt, TT_OFFLINE);
	while (!STAILQ_EMPTY(&tt->ops))
		op_done(tt, -ECONNRESET);
	tt->lost(tt, why);
}

static int protocol_error(struct tt *tt, const struct tt_msg *m,
			  const char *what)
{
	char why[128];

	snprintf(why, sizeof(why), "sent %s (op %u, seq %u, time %llu): %s",
		 tt_op_name(m->op), m->op, m->seq,
		 (unsigned long long)m->time, what);
	tt_dead(tt, why);
	return -EPROTO;
}

static int got_ack(struct tt *tt, const struct tt_msg *m)
{
	const struct tt_op *op = STAILQ_FIRST(&tt->ops);
	bool start;

	if (!tt->op_sent)
		return protocol_error(tt, m, "nothing waits for an ACK");
	if (m->seq != tt->seq)
		return protocol_error(tt, m, "not the seq of our message");
	start = op->kind == TT_OP_START;
	if (op->kind == TT_OP_GET && m->time >= S64_MAX)
		return protocol_error(tt, m, "a time that never comes");
	/* RUN may have overtaken the ACK: never go back. */
	if (op->kind == TT_OP_GET)
		tt->now = max_u64(tt->now, m->time);
	if (start) {
		if (tt->tp->get)
			tt->tp->get(tt, &tt->now);
		tt->propagated = tt->now;
		set_state(tt, TT_RUNNING);
	}
	op_done(tt, 0);
	if (start && tt->started)
		tt->started(tt);
	return 0;
}

static bool request_is_out(const struct tt *tt)
{
	const struct tt_op *op = STAILQ_FIRST(&tt->ops);

	return tt->op_sent && (op->kind == TT_OP_REGISTER ||
			       op->kind == TT_OP_REQUEST);
}

static int got_run(struct tt *tt, const struct tt_msg *m)
{
	u64 now = m->time;

	if (tt->state != TT_WAITING)
		return protocol_error(tt, m, "we were not waiting");
	/* In shared memory, where it is beyond doubt whose time it is. */
	if (silent(tt) && tt->tp->get)
		tt->tp->get(tt, &now);
	if (now < tt->now)
		return protocol_error(tt, m, "time went back");
	if (now >= S64_MAX)
		return protocol_error(tt, m, "a time that never comes");
	tt->now = tt->propagated = now;
	tt->have_request = false;
	/*
	 * To the calendar that is a request of this turn, and we are run for it
	 * afterwards, needed or not. It must know how far we have come then.
	 */
	tt->crossed = request_is_out(tt);
	set_state(tt, TT_RUNNING);
	ring_work(tt->ring, &tt->work);
	return 0;
}

/* WAIT is on its way: what comes before its ACK is about the turn before. */
static bool wait_is_out(const struct tt *tt)
{
	const struct tt_op *op = STAILQ_FIRST(&tt->ops);

	return tt->op_sent && op->kind == TT_OP_WAIT;
}

int tt_input(struct tt *tt, const struct tt_msg *m)
{
	int ret;

	switch (m->op) {
	case TT_ACK:
		return got_ack(tt, m);
	case TT_RUN:
		ret = got_run(tt, m);
		if (ret < 0 || silent(tt))
			return ret;
		break;
	case TT_FREE_UNTIL:
		if (!wait_is_out(tt))
			tt->free_until = m->time;
		break;
	case TT_BROADCAST:
		break;
	default:
		return protocol_error(tt, m, "not for a client");
	}
	send_msg(tt, TT_ACK, m->seq, 0);
	return 0;
}

/* For the owner */

void tt_init(struct tt *tt, struct ring *r, const struct tt_transport *tp,
	     void *priv)
{
	memset(tt, 0, sizeof(*tt));
	tt->ring = r;
	tt->tp = tp;
	tt->priv = priv;
	tt->work.fn = tt_work;
	STAILQ_INIT(&tt->ops);
}

void tt_fini(struct tt *tt)
{
	ring_work_cancel(tt->ring, &tt->work);
	tt->state = TT_OFFLINE;
	STAILQ_INIT(&tt->ops);
}

void tt_start(struct tt *tt, u64 id)
{
	tt->id = id;
	queue_op(tt, &tt->turn_op, TT_OP_START);
}

void tt_event_arm(struct tt *tt, struct tt_event *ev, u64 when)
{
	heap_remove(&tt->events, &ev->node);
	heap_insert(&tt->events, &ev->node, max_u64(when, tt->now));
	ring_work(tt->ring, &tt->work);
}

void tt_event_cancel(struct tt *tt, struct tt_event *ev)
{
	heap_remove(&tt->events, &ev->node);
}

void tt_hold(struct tt *tt)
{
	tt->holds++;
}

void tt_put(struct tt *tt)
{
	BUG_ON(!tt->holds);
	if (!--tt->holds)
		ring_work(tt->ring, &tt->work);
}

void tt_get(struct tt *tt, struct tt_op *op)
{
	queue_op(tt, op, TT_OP_GET);
}

void tt_register(struct tt *tt, struct tt_op *op)
{
	queue_op(tt, op, TT_OP_REGISTER);
}

void tt_propagate(struct tt *tt, struct tt_op *op)
{
	queue_op(tt, op, TT_OP_PROPAGATE);
}

void tt_called(struct tt *tt, pid_t pid)
{
	if (tt->tp->called)
		tt->tp->called(tt, pid);
}

u64 tt_reach(struct tt *tt, pid_t pid)
{
	return tt->tp->reach ? tt->tp->reach(tt, pid) : U64_MAX;
}
