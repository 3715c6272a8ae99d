// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: a client whose calendar says what it likes, when it likes. */
#include <errno.h>

#include "../../src/tt/tt.h"
#include "quiet_log.h"

#define OPS	4u
#define EVENTS	4u

/**
 * struct world - one client
 * @to_ack: messages of the calendar that it has to ack
 * @asked: seq of its message that waits for an ACK, 0: none
 * @lost: it has said that the calendar is gone
 */
struct world {
	struct input in;
	struct tt tt;
	struct ring ring;
	struct tt_transport tp;
	struct tt_op op[OPS];
	struct tt_event event[EVENTS];
	u64 due[EVENTS];
	unsigned int holds;
	u32 to_ack, asked;
	u64 now, memory, horizon;
	bool lost;
};

/* The loop: nothing but its work queue is used here. */

void ring_work(struct ring *r, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	STAILQ_INSERT_TAIL(&r->work, w, entry);
}

void ring_work_cancel(struct ring *r, struct work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	STAILQ_REMOVE(&r->work, w, work, entry);
}

/* Time may move on for ever, so this does not. */
static void run_work(struct world *w)
{
	unsigned int budget = 100;
	struct work *work;

	while ((work = STAILQ_FIRST(&w->ring.work)) && budget--) {
		STAILQ_REMOVE_HEAD(&w->ring.work, entry);
		work->queued = false;
		work->fn(work);
		MUST(w->tt.now >= w->now);
		w->now = w->tt.now;
	}
}

/* The calendar, and shared memory */

static void on_send(struct tt *tt, const struct tt_msg *m)
{
	struct world *w = tt->priv;

	MUST(!w->lost);
	if (m->op == TT_ACK) {
		MUST(w->to_ack == m->seq);
		w->to_ack = 0;
		return;
	}
	MUST(!w->asked && m->seq && m->op != TT_RUN &&
	     m->op != TT_FREE_UNTIL);
	if (m->op != TT_WAIT || !tt->tp->silent(tt))
		w->asked = m->seq;
}

static u64 on_horizon(struct tt *tt)
{
	struct world *w = tt->priv;

	return max_u64(tt->free_until, w->horizon);
}

static bool on_get(struct tt *tt, u64 *now)
{
	struct world *w = tt->priv;

	if (!w->memory)
		return false;
	*now = max_u64(*now, w->memory);
	return true;
}

static bool on_request(struct tt *tt, u64 when)
{
	struct world *w = tt->priv;

	MUST(when < S64_MAX);
	return w->memory & 1;
}

static bool on_update(struct tt *tt, u64 now)
{
	struct world *w = tt->priv;

	MUST(now == tt->now);
	return w->memory & 2;
}

static bool on_silent(const struct tt *tt)
{
	const struct world *w = tt->priv;

	return w->memory;
}

/* The owner */

static void on_lost(struct tt *tt, const char *why)
{
	struct world *w = tt->priv;

	(void)why;
	MUST(!w->lost && STAILQ_EMPTY(&tt->ops));
	w->lost = true;
}

static void on_done(struct tt_op *op, int err)
{
	MUST(!op->queued && (!err || err == -ECONNRESET));
}

static void on_event(struct tt_event *ev)
{
	MUST(!ev->node.queued);
}

static void on_instant_end(struct tt *tt)
{
	struct world *w = tt->priv;

	MUST(tt->state == TT_RUNNING && !tt->holds);
	if (take_u8(&w->in) & 1) {
		tt_hold(tt);
		w->holds++;
	}
}

static void message(struct world *w)
{
	static const u32 ops[] = { TT_ACK, TT_ACK, TT_RUN, TT_RUN,
				   TT_FREE_UNTIL, TT_BROADCAST };
	u8 what = take_u8(&w->in), t = take_u8(&w->in);
	struct tt_msg m = { .op = ops[what % 6], .seq = 1 + (what >> 3) };
	int ret;

	if (w->lost || w->tt.state == TT_OFFLINE)
		return;
	m.time = w->tt.now + (t & 0x3f);
	if (t & 0x80)
		m.time = take_u64(&w->in);
	if (m.op == TT_ACK && what < 0xf0)
		m.seq = w->asked;
	if (what == 0xff)
		m.op = take_u8(&w->in);
	if (m.op == TT_ACK && m.seq == w->asked)
		w->asked = 0;
	w->to_ack = m.op == TT_ACK ? 0 : m.seq;
	ret = tt_input(&w->tt, &m);
	MUST(ret == 0 || ret == -EPROTO);
	MUST((ret != 0) == w->lost);
	/* Acked there and then, in every state. */
	if (!ret && (m.op == TT_FREE_UNTIL || m.op == TT_BROADCAST ||
		     (m.op == TT_RUN && !on_silent(&w->tt))))
		MUST(!w->to_ack);
}

static void operation(struct world *w, u8 what)
{
	struct tt_op *op = &w->op[what % OPS];

	if (op->queued || w->lost)
		return;
	op->done = on_done;
	switch (what >> 2 & 3) {
	case 0:
		tt_get(&w->tt, op);
		break;
	case 1:
		tt_register(&w->tt, op);
		break;
	default:
		tt_propagate(&w->tt, op);
		break;
	}
}

static void step(struct world *w)
{
	u8 what = take_u8(&w->in), v = what >> 3;

	switch (what & 7) {
	case 0:
	case 1:
	case 2:
		message(w);
		break;
	case 3:
		operation(w, v);
		break;
	case 4:
		w->event[v % EVENTS].fn = on_event;
		tt_event_arm(&w->tt, &w->event[v % EVENTS],
			     v & 4 ? take_u64(&w->in) : w->tt.now + v);
		break;
	case 5:
		tt_event_cancel(&w->tt, &w->event[v % EVENTS]);
		break;
	case 6:
		if (!w->holds)
			break;
		w->holds--;
		tt_put(&w->tt);
		break;
	default:
		if (v == 31 && !w->lost && w->tt.state != TT_OFFLINE)
			tt_dead(&w->tt, NULL);
		w->horizon = w->tt.now + (v & 7);
		break;
	}
	run_work(w);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct world w = { .in = { data, size } };
	u8 first = take_u8(&w.in);

	STAILQ_INIT(&w.ring.work);
	w.tp = (struct tt_transport){
		.send = on_send, .horizon = on_horizon, .silent = on_silent,
		.request = on_request, .update = on_update, .get = on_get,
	};
	w.memory = first & 3;
	tt_init(&w.tt, &w.ring, &w.tp, &w);
	w.tt.lost = on_lost;
	w.tt.instant_end = on_instant_end;
	tt_start(&w.tt, first);
	run_work(&w);
	while (w.in.left)
		step(&w);
	tt_fini(&w.tt);
	return 0;
}
