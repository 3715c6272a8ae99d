// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The client of a calendar, with a calendar that says what the test wants. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/log.h"
#include "../../src/base/prng.h"
#include "../../src/tt/tt.h"
#include "kselftest_harness.h"

/*
 * The loop: nothing but its work queue is used here
 */

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

static unsigned int turns;

static void run_work(struct ring *r)
{
	struct work *w;

	while ((w = STAILQ_FIRST(&r->work))) {
		STAILQ_REMOVE_HEAD(&r->work, entry);
		w->queued = false;
		turns++;
		w->fn(w);
	}
}

/*
 * The transport: what is sent is kept; what memory says is scripted
 */

#define MAX_SENT	64

struct world {
	struct tt tt;
	struct ring r;
	struct tt_transport tp;
	struct tt_msg sent[MAX_SENT];
	unsigned int nr_sent, nr_seen;
	bool memory, share;	/* shared memory; who runs shares, too */
	u64 mem_now, mem_until, mem_request;
	unsigned int mem_requests, mem_updates;
	unsigned int started, lost, ends;
	char why[160];
	bool left;		/* lost() was told no reason */
	void (*at_end)(struct world *w);
	char trail[128];
};

static struct world *world_of(struct tt *tt)
{
	return tt->priv;
}

static void w_send(struct tt *tt, const struct tt_msg *m)
{
	struct world *w = world_of(tt);

	if (w->nr_sent == MAX_SENT)
		abort();
	w->sent[w->nr_sent++] = *m;
}

static u64 w_horizon(struct tt *tt)
{
	struct world *w = world_of(tt);

	return w->memory ? w->mem_until : tt->free_until;
}

static bool w_get(struct tt *tt, u64 *now)
{
	struct world *w = world_of(tt);

	if (w->memory && w->mem_now > *now)
		*now = w->mem_now;
	return w->memory;
}

static bool w_request(struct tt *tt, u64 when)
{
	struct world *w = world_of(tt);

	if (!w->memory || !w->share)
		return false;
	w->mem_request = when;
	w->mem_requests++;
	if (when < w->mem_until)
		w->mem_until = when;
	return true;
}

static bool w_update(struct tt *tt, u64 now)
{
	struct world *w = world_of(tt);

	if (!w->memory)
		return false;
	w->mem_now = now;
	w->mem_updates++;
	return true;
}

static bool w_silent(const struct tt *tt)
{
	const struct world *w = tt->priv;

	return w->memory;
}

static void w_started(struct tt *tt)
{
	world_of(tt)->started++;
}

static void w_lost(struct tt *tt, const char *why)
{
	struct world *w = world_of(tt);

	w->lost++;
	w->left = !why;
	snprintf(w->why, sizeof(w->why), "%s", why ? why : "");
}

static void w_end(struct tt *tt)
{
	struct world *w = world_of(tt);

	w->ends++;
	if (w->at_end)
		w->at_end(w);
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->tp = (struct tt_transport){
		.send = w_send, .horizon = w_horizon, .get = w_get,
		.request = w_request, .update = w_update, .silent = w_silent,
	};
	STAILQ_INIT(&w->r.work);
	tt_init(&w->tt, &w->r, &w->tp, w);
	w->tt.started = w_started;
	w->tt.lost = w_lost;
	w->tt.instant_end = w_end;
	w->share = true;
	w->mem_until = U64_MAX;
}

/* The next message is this one. */
static bool sends(struct world *w, u32 op, u64 time)
{
	const struct tt_msg *m;

	run_work(&w->r);
	if (w->nr_seen == w->nr_sent) {
		ksft_print_msg("nothing is sent, and not %s\n", tt_op_name(op));
		return false;
	}
	m = &w->sent[w->nr_seen++];
	if (m->op == op && m->time == time)
		return true;
	ksft_print_msg("%s %llu is sent, and not %s %llu\n", tt_op_name(m->op),
		       (unsigned long long)m->time, tt_op_name(op),
		       (unsigned long long)time);
	return false;
}

static bool silence(struct world *w)
{
	run_work(&w->r);
	if (w->nr_seen == w->nr_sent)
		return true;
	ksft_print_msg("%s %llu is sent\n", tt_op_name(w->sent[w->nr_seen].op),
		       (unsigned long long)w->sent[w->nr_seen].time);
	return false;
}

static bool hears(struct world *w, u32 op, u32 seq, u64 time)
{
	struct tt_msg m = { .op = op, .seq = seq, .time = time };
	bool ok = tt_input(&w->tt, &m) == 0;

	run_work(&w->r);
	return ok;
}

/* The last one of its messages is acked. */
static bool acked(struct world *w, u64 time)
{
	return hears(w, TT_ACK, w->sent[w->nr_seen - 1].seq, time);
}

static bool asks(struct world *w, u32 op, u64 time, u64 answer)
{
	return sends(w, op, time) && acked(w, answer);
}

/* It has started and, having nothing to do, waits. */
static bool begin(struct world *w)
{
	tt_start(&w->tt, 77);
	return asks(w, TT_START, 77, 1) && w->started == 1 &&
	       sends(w, TT_WAIT, U64_MAX) && (w->memory || acked(w, 0)) &&
	       silence(w) && w->tt.state == TT_WAITING;
}

static bool runs(struct world *w, u64 now, u64 until)
{
	if (w->memory) {
		w->mem_now = now;
		w->mem_until = until;
		return hears(w, TT_RUN, 50, now);
	}
	return hears(w, TT_FREE_UNTIL, 49, until) && sends(w, TT_ACK, 0) &&
	       hears(w, TT_RUN, 50, now) && sends(w, TT_ACK, 0);
}

static bool waits(struct world *w)
{
	return sends(w, TT_WAIT, U64_MAX) && (w->memory || acked(w, 0)) &&
	       silence(w);
}

/* Events that leave their mark. */
struct event {
	struct tt_event ev;
	struct world *w;
	char name;
	u64 at;			/* when it has run */
	unsigned int n;
	struct event *next;
	u64 next_when;
	bool hold;
};

static void mark(struct event *e)
{
	size_t n = strlen(e->w->trail);

	if (n < sizeof(e->w->trail) - 1)
		e->w->trail[n] = e->name;
	e->at = e->w->tt.now;
	e->n++;
}

static void event_fn(struct tt_event *ev)
{
	struct event *e = container_of(ev, struct event, ev);

	mark(e);
	if (e->next)
		tt_event_arm(&e->w->tt, &e->next->ev, e->next_when);
	if (e->hold)
		tt_hold(&e->w->tt);
}

static struct event make(struct world *w, char name)
{
	return (struct event){ .ev.fn = event_fn, .w = w, .name = name };
}

struct oper {
	struct tt_op op;
	struct world *w;
	char name;
	int err;
	unsigned int n;
	u64 at;
};

static void oper_done(struct tt_op *op, int err)
{
	struct oper *o = container_of(op, struct oper, op);
	size_t n = strlen(o->w->trail);

	o->w->trail[n] = o->name;
	o->err = err;
	o->n++;
	o->at = o->w->tt.now;
}

static struct oper make_op(struct world *w, char name)
{
	return (struct oper){ .op.done = oper_done, .w = w, .name = name };
}

FIXTURE(client) {
	struct world w;
};

FIXTURE_SETUP(client)
{
	open_world(&self->w);
}

FIXTURE_TEARDOWN(client)
{
	tt_fini(&self->w.tt);
}

/*
 * Turns
 */

TEST_F(client, start)
{
	struct world *w = &self->w;

	EXPECT_TRUE(silence(w));
	tt_start(&w->tt, U64_MAX);
	ASSERT_TRUE(sends(w, TT_START, U64_MAX));
	EXPECT_EQ(TT_STARTING, w->tt.state);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(0, w->started);
	EXPECT_TRUE(acked(w, 12));
	EXPECT_EQ(1, w->started);
	/* Its slot is no time. */
	EXPECT_EQ(0, w->tt.now);
	EXPECT_TRUE(waits(w));
}

TEST_F(client, events_armed_before_the_start)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	tt_event_arm(&w->tt, &a.ev, 100);
	tt_event_arm(&w->tt, &b.ev, 0);
	EXPECT_TRUE(silence(w));
	tt_start(&w->tt, 1);
	ASSERT_TRUE(asks(w, TT_START, 1, 0));
	EXPECT_STREQ("b", w->trail);
	ASSERT_TRUE(asks(w, TT_REQUEST, 100, 0));
	ASSERT_TRUE(waits(w));
	ASSERT_TRUE(runs(w, 100, 101));
	EXPECT_STREQ("ba", w->trail);
	EXPECT_TRUE(waits(w));
}

TEST_F(client, events_run_in_order_of_time_then_of_arming)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b'), c = make(w, 'c');
	struct event d = make(w, 'd'), e = make(w, 'e');

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 30);
	tt_event_arm(&w->tt, &b.ev, 20);
	tt_event_arm(&w->tt, &c.ev, 30);
	tt_event_arm(&w->tt, &d.ev, 30);
	tt_event_arm(&w->tt, &e.ev, 10);
	/* Armed anew: behind those of the same time. */
	tt_event_arm(&w->tt, &a.ev, 30);
	tt_event_cancel(&w->tt, &e.ev);
	tt_event_cancel(&w->tt, &e.ev);
	ASSERT_TRUE(asks(w, TT_REQUEST, 20, 0));
	w->ends = 0;
	ASSERT_TRUE(runs(w, 20, 1000));
	EXPECT_STREQ("bcda", w->trail);
	EXPECT_EQ(20, b.at);
	EXPECT_EQ(30, a.at);
	EXPECT_EQ(2, w->ends);
	EXPECT_TRUE(waits(w));
}

/* What is armed for now, or for before, is part of the instant. */
TEST_F(client, instant_ends_when_nothing_is_left_of_it)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b'), c = make(w, 'c');

	ASSERT_TRUE(begin(w));
	w->ends = 0;
	a.next = &b;
	a.next_when = 50;
	b.next = &c;
	b.next_when = 3;
	tt_event_arm(&w->tt, &a.ev, 50);
	ASSERT_TRUE(asks(w, TT_REQUEST, 50, 0));
	ASSERT_TRUE(runs(w, 50, 51));
	EXPECT_STREQ("abc", w->trail);
	EXPECT_EQ(50, c.at);
	EXPECT_EQ(1, w->ends);
	EXPECT_TRUE(waits(w));
}

static struct event *end_event;

static void arm_at_end(struct world *w)
{
	if (w->ends == 1)
		tt_event_arm(&w->tt, &end_event->ev, w->tt.now);
}

TEST_F(client, instant_that_is_lengthened_at_its_end)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	w->ends = 0;
	w->at_end = arm_at_end;
	end_event = &b;
	tt_event_arm(&w->tt, &a.ev, 50);
	ASSERT_TRUE(asks(w, TT_REQUEST, 50, 0));
	ASSERT_TRUE(runs(w, 50, 51));
	EXPECT_STREQ("ab", w->trail);
	EXPECT_EQ(50, b.at);
	EXPECT_EQ(2, w->ends);
	EXPECT_TRUE(waits(w));
}

TEST_F(client, moves_on_by_itself_before_the_horizon)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b'), c = make(w, 'c');

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_event_arm(&w->tt, &b.ev, 99);
	tt_event_arm(&w->tt, &c.ev, 100);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	EXPECT_STREQ("ab", w->trail);
	EXPECT_EQ(99, w->tt.now);
	/* Not at it. */
	ASSERT_TRUE(asks(w, TT_REQUEST, 100, 0));
	ASSERT_TRUE(waits(w));
	/* The horizon was for that turn. */
	tt_event_arm(&w->tt, &b.ev, 101);
	ASSERT_TRUE(hears(w, TT_RUN, 9, 100));
	ASSERT_TRUE(sends(w, TT_ACK, 0));
	EXPECT_STREQ("abc", w->trail);
	ASSERT_TRUE(asks(w, TT_REQUEST, 101, 0));
	EXPECT_TRUE(waits(w));
}

TEST_F(client, request_that_stands_is_not_repeated)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 50);
	ASSERT_TRUE(asks(w, TT_REQUEST, 50, 0));
	tt_event_arm(&w->tt, &b.ev, 60);
	EXPECT_TRUE(silence(w));
	/* Run, though nobody has asked: the request is void. */
	ASSERT_TRUE(runs(w, 20, 20));
	ASSERT_TRUE(asks(w, TT_REQUEST, 50, 0));
	EXPECT_TRUE(waits(w));
	EXPECT_STREQ("", w->trail);
}

/* Nobody has to say so: what is armed is registered. */
TEST_F(client, event_armed_while_waiting)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	tt_hold(&w->tt);
	tt_event_arm(&w->tt, &a.ev, 50);
	/* As long as something is under way there may be more to come. */
	EXPECT_TRUE(silence(w));
	tt_event_arm(&w->tt, &b.ev, 40);
	tt_put(&w->tt);
	ASSERT_TRUE(asks(w, TT_REQUEST, 40, 0));
	EXPECT_TRUE(silence(w));
	tt_event_arm(&w->tt, &a.ev, 30);
	ASSERT_TRUE(asks(w, TT_REQUEST, 30, 0));
	EXPECT_TRUE(silence(w));
}

/* So many events that other things must get their turn, too. */
TEST_F(client, many_events_of_one_instant)
{
	enum { N = 5000 };
	struct world *w = &self->w;
	struct event *e = calloc(N, sizeof(*e));
	unsigned int i, right = 0;

	ASSERT_TRUE(begin(w));
	for (i = 0; i < N; i++) {
		e[i] = make(w, 'x');
		tt_event_arm(&w->tt, &e[i].ev, 10);
	}
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	turns = 0;
	w->ends = 0;
	ASSERT_TRUE(runs(w, 10, 11));
	for (i = 0; i < N; i++)
		right += e[i].n == 1 && e[i].at == 10;
	EXPECT_EQ(N, right);
	EXPECT_LT(4, turns);
	EXPECT_EQ(1, w->ends);
	free(e);
}

/*
 * Holds
 */

TEST_F(client, hold_keeps_the_instant)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	w->ends = 0;
	a.hold = true;
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_event_arm(&w->tt, &b.ev, 20);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(10, w->tt.now);
	EXPECT_EQ(0, w->ends);
	/* Meanwhile the calendar is heard. */
	ASSERT_TRUE(hears(w, TT_FREE_UNTIL, 5, 15));
	EXPECT_TRUE(sends(w, TT_ACK, 0));
	ASSERT_TRUE(hears(w, TT_BROADCAST, 6, 15));
	EXPECT_TRUE(sends(w, TT_ACK, 0));
	EXPECT_EQ(6, w->sent[w->nr_seen - 1].seq);
	EXPECT_TRUE(silence(w));
	tt_hold(&w->tt);
	tt_put(&w->tt);
	EXPECT_TRUE(silence(w));
	tt_put(&w->tt);
	/* The horizon is looked at now, and not before. */
	ASSERT_TRUE(asks(w, TT_REQUEST, 20, 0));
	EXPECT_LT(0, w->ends);
	EXPECT_TRUE(waits(w));
}

static void hold_at_end(struct world *w)
{
	if (w->ends == 1)
		tt_hold(&w->tt);
}

TEST_F(client, hold_taken_at_the_end_of_an_instant)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	w->ends = 0;
	w->at_end = hold_at_end;
	tt_event_arm(&w->tt, &a.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	EXPECT_TRUE(silence(w));
	/* Something that comes of it belongs to the same instant. */
	tt_event_arm(&w->tt, &b.ev, 0);
	EXPECT_TRUE(silence(w));
	EXPECT_STREQ("a", w->trail);
	tt_put(&w->tt);
	EXPECT_TRUE(waits(w));
	EXPECT_STREQ("ab", w->trail);
	EXPECT_EQ(10, b.at);
	EXPECT_EQ(2, w->ends);
}

/*
 * Operations
 */

TEST_F(client, operations_are_settled_one_by_one)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g'), r = make_op(w, 'r');
	struct oper h = make_op(w, 'h');
	struct event a = make(w, '.');

	ASSERT_TRUE(begin(w));
	tt_get(&w->tt, &g.op);
	tt_register(&w->tt, &r.op);
	tt_get(&w->tt, &h.op);
	tt_event_arm(&w->tt, &a.ev, 70);
	ASSERT_TRUE(sends(w, TT_GET, U64_MAX));
	EXPECT_TRUE(silence(w));
	EXPECT_TRUE(acked(w, 30));
	EXPECT_STREQ("g", w->trail);
	EXPECT_EQ(30, w->tt.now);
	ASSERT_TRUE(sends(w, TT_REQUEST, 70));
	EXPECT_TRUE(silence(w));
	EXPECT_STREQ("g", w->trail);
	EXPECT_TRUE(acked(w, 0));
	EXPECT_STREQ("gr", w->trail);
	ASSERT_TRUE(asks(w, TT_GET, U64_MAX, 40));
	EXPECT_STREQ("grh", w->trail);
	EXPECT_EQ(40, h.at);
	EXPECT_TRUE(silence(w));
}

TEST_F(client, time_learnt_never_goes_back)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');

	ASSERT_TRUE(begin(w));
	tt_get(&w->tt, &g.op);
	ASSERT_TRUE(asks(w, TT_GET, U64_MAX, 90));
	tt_get(&w->tt, &g.op);
	ASSERT_TRUE(asks(w, TT_GET, U64_MAX, 80));
	EXPECT_EQ(90, g.at);
}

TEST_F(client, register_says_nothing_that_is_known)
{
	struct world *w = &self->w;
	struct oper r = make_op(w, 'r');
	struct event a = make(w, 'a');

	ASSERT_TRUE(begin(w));
	/* There is nothing. */
	tt_register(&w->tt, &r.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(1, r.n);
	tt_event_arm(&w->tt, &a.ev, 50);
	tt_register(&w->tt, &r.op);
	ASSERT_TRUE(asks(w, TT_REQUEST, 50, 0));
	EXPECT_EQ(2, r.n);
	/* It stands. */
	tt_event_arm(&w->tt, &a.ev, 60);
	tt_register(&w->tt, &r.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(3, r.n);
	/* In our own turn that is for its end. */
	ASSERT_TRUE(runs(w, 50, 51));
	EXPECT_STREQ("rrr", w->trail);
	ASSERT_TRUE(sends(w, TT_REQUEST, 60));
	tt_register(&w->tt, &r.op);
	EXPECT_TRUE(silence(w));
	ASSERT_TRUE(acked(w, 0));
	EXPECT_EQ(4, r.n);
	EXPECT_TRUE(waits(w));
}

TEST_F(client, own_turn_is_no_time_to_ask_what_time_it_is)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');
	struct event a = make(w, 'a');

	ASSERT_TRUE(begin(w));
	a.hold = true;
	tt_event_arm(&w->tt, &a.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	tt_get(&w->tt, &g.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(1, g.n);
	EXPECT_EQ(10, g.at);
	tt_put(&w->tt);
	EXPECT_TRUE(waits(w));
}

TEST_F(client, propagate_when_time_has_moved)
{
	struct world *w = &self->w;
	struct oper p = make_op(w, 'p');
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	a.hold = b.hold = true;
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_event_arm(&w->tt, &b.ev, 20);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	/* That it is 10 is what RUN has said. */
	tt_propagate(&w->tt, &p.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(1, p.n);
	tt_put(&w->tt);
	EXPECT_TRUE(silence(w));
	tt_propagate(&w->tt, &p.op);
	ASSERT_TRUE(sends(w, TT_UPDATE, 20));
	EXPECT_EQ(1, p.n);
	EXPECT_TRUE(acked(w, 0));
	EXPECT_EQ(2, p.n);
	tt_propagate(&w->tt, &p.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(3, p.n);
	tt_put(&w->tt);
	EXPECT_TRUE(waits(w));
	/* In the turn of another it is not ours to say. */
	tt_propagate(&w->tt, &p.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(4, p.n);
}

TEST_F(client, step_waits_for_operations)
{
	struct world *w = &self->w;
	struct oper p = make_op(w, 'p');
	struct event a = make(w, 'a'), b = make(w, 'b');

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_event_arm(&w->tt, &b.ev, 20);
	b.hold = true;
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 100));
	tt_propagate(&w->tt, &p.op);
	ASSERT_TRUE(sends(w, TT_UPDATE, 20));
	tt_put(&w->tt);
	EXPECT_TRUE(silence(w));
	EXPECT_TRUE(acked(w, 0));
	EXPECT_TRUE(waits(w));
}

/*
 * What crosses
 */

TEST_F(client, run_before_the_ack_of_wait)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a');
	u32 seq;

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 5, 6));
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(sends(w, TT_WAIT, U64_MAX));
	seq = w->sent[w->nr_seen - 1].seq;
	ASSERT_TRUE(hears(w, TT_RUN, 8, 10));
	ASSERT_TRUE(sends(w, TT_ACK, 0));
	EXPECT_STREQ("", w->trail);
	ASSERT_TRUE(hears(w, TT_ACK, seq, 0));
	EXPECT_STREQ("a", w->trail);
	EXPECT_TRUE(waits(w));
}

/* The calendar will run us for it, not before the time that it knows of. */
TEST_F(client, run_meets_a_request)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');
	u32 seq;

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &b.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	tt_event_arm(&w->tt, &a.ev, 5);
	ASSERT_TRUE(sends(w, TT_REQUEST, 5));
	seq = w->sent[w->nr_seen - 1].seq;
	ASSERT_TRUE(runs(w, 7, 100));
	EXPECT_TRUE(silence(w));
	ASSERT_TRUE(hears(w, TT_ACK, seq, 0));
	/* Moved on by itself, to 10. */
	ASSERT_TRUE(asks(w, TT_UPDATE, 10, 0));
	EXPECT_STREQ("ab", w->trail);
	EXPECT_TRUE(waits(w));
	ASSERT_TRUE(runs(w, 10, 100));
	EXPECT_TRUE(waits(w));
}

TEST_F(client, free_until_before_the_ack_of_wait)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a');
	u32 seq;

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 5, 6));
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(sends(w, TT_WAIT, U64_MAX));
	seq = w->sent[w->nr_seen - 1].seq;
	ASSERT_TRUE(hears(w, TT_FREE_UNTIL, 7, 500));
	ASSERT_TRUE(sends(w, TT_ACK, 0));
	ASSERT_TRUE(hears(w, TT_ACK, seq, 0));
	EXPECT_EQ(0, w->tt.free_until);
	/* One that comes after it counts. */
	ASSERT_TRUE(hears(w, TT_FREE_UNTIL, 8, 300));
	EXPECT_EQ(300, w->tt.free_until);
}

TEST_F(client, get_while_wait_is_not_acked)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');
	u32 seq;

	ASSERT_TRUE(begin(w));
	ASSERT_TRUE(runs(w, 5, 6));
	ASSERT_TRUE(sends(w, TT_WAIT, U64_MAX));
	seq = w->sent[w->nr_seen - 1].seq;
	tt_get(&w->tt, &g.op);
	EXPECT_TRUE(silence(w));
	EXPECT_TRUE(hears(w, TT_ACK, seq, 0));
	ASSERT_TRUE(asks(w, TT_GET, U64_MAX, 9));
	EXPECT_EQ(9, g.at);
}

/*
 * Shared memory
 */

FIXTURE(memory) {
	struct world w;
};

FIXTURE_SETUP(memory)
{
	open_world(&self->w);
	self->w.memory = true;
	ASSERT_TRUE(begin(&self->w));
}

FIXTURE_TEARDOWN(memory)
{
	tt_fini(&self->w.tt);
}

TEST_F(memory, nothing_but_wait_is_sent)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g'), r = make_op(w, 'r');
	struct oper p = make_op(w, 'p');
	struct event a = make(w, 'a'), b = make(w, 'b');

	w->mem_now = 40;
	tt_get(&w->tt, &g.op);
	tt_event_arm(&w->tt, &a.ev, 50);
	tt_event_arm(&w->tt, &b.ev, 60);
	tt_register(&w->tt, &r.op);
	EXPECT_TRUE(silence(w));
	EXPECT_STREQ("gr", w->trail);
	EXPECT_EQ(40, g.at);
	EXPECT_EQ(50, w->mem_request);
	EXPECT_EQ(1, w->mem_requests);
	b.hold = true;
	ASSERT_TRUE(runs(w, 50, 70));
	EXPECT_TRUE(silence(w));
	tt_propagate(&w->tt, &p.op);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(60, w->mem_now);
	EXPECT_EQ(1, w->mem_updates);
	tt_put(&w->tt);
	ASSERT_TRUE(sends(w, TT_WAIT, U64_MAX));
	EXPECT_TRUE(silence(w));
	/* Not acked, and RUN may come. */
	ASSERT_TRUE(runs(w, 80, 90));
	EXPECT_EQ(80, w->tt.now);
	EXPECT_TRUE(sends(w, TT_WAIT, U64_MAX));
}

TEST_F(memory, who_does_not_share_is_asked_by_message)
{
	struct world *w = &self->w;
	struct oper r = make_op(w, 'r');
	struct event a = make(w, 'a');

	w->share = false;
	tt_event_arm(&w->tt, &a.ev, 50);
	tt_register(&w->tt, &r.op);
	ASSERT_TRUE(sends(w, TT_REQUEST, 50));
	EXPECT_EQ(0, r.n);
	EXPECT_TRUE(acked(w, 0));
	EXPECT_EQ(1, r.n);
}

TEST_F(memory, horizon_is_read_at_each_step)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a'), b = make(w, 'b');

	tt_event_arm(&w->tt, &a.ev, 50);
	tt_event_arm(&w->tt, &b.ev, 60);
	EXPECT_TRUE(silence(w));
	a.hold = true;
	ASSERT_TRUE(runs(w, 50, 100));
	w->mem_until = 55;
	tt_put(&w->tt);
	ASSERT_TRUE(sends(w, TT_WAIT, U64_MAX));
	EXPECT_EQ(60, w->mem_request);
	EXPECT_STREQ("a", w->trail);
}

TEST_F(memory, time_is_that_of_the_memory)
{
	struct world *w = &self->w;

	w->mem_now = 5000;
	ASSERT_TRUE(hears(w, TT_RUN, 1, 100));
	EXPECT_EQ(5000, w->tt.now);
}

/*
 * Ends
 */

static bool is_lost(struct world *w, const char *why)
{
	if (w->lost == 1 && w->tt.state == TT_OFFLINE && strstr(w->why, why))
		return true;
	ksft_print_msg("lost %u times: '%s'\n", w->lost, w->why);
	return false;
}

TEST_F(client, calendar_that_leaves)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g'), r = make_op(w, 'r');
	struct event a = make(w, 'a');

	ASSERT_TRUE(begin(w));
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_get(&w->tt, &g.op);
	tt_register(&w->tt, &r.op);
	ASSERT_TRUE(sends(w, TT_GET, U64_MAX));
	tt_dead(&w->tt, NULL);
	EXPECT_EQ(-ECONNRESET, g.err);
	EXPECT_EQ(-ECONNRESET, r.err);
	EXPECT_STREQ("gr", w->trail);
	EXPECT_TRUE(w->left);
	EXPECT_TRUE(is_lost(w, ""));
	tt_dead(&w->tt, "again");
	EXPECT_EQ(1, w->lost);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(0, a.n);
}

TEST_F(client, stray_ack)
{
	struct world *w = &self->w;

	ASSERT_TRUE(begin(w));
	EXPECT_FALSE(hears(w, TT_ACK, 2, 0));
	EXPECT_TRUE(is_lost(w, "sent ACK (op 0, seq 2, time 0): nothing waits for an ACK"));
}

TEST_F(client, ack_of_another)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');

	ASSERT_TRUE(begin(w));
	tt_get(&w->tt, &g.op);
	ASSERT_TRUE(sends(w, TT_GET, U64_MAX));
	EXPECT_FALSE(hears(w, TT_ACK, 99, 0));
	EXPECT_TRUE(is_lost(w, "not the seq of our message"));
	EXPECT_EQ(-ECONNRESET, g.err);
}

TEST_F(client, run_out_of_turn)
{
	struct world *w = &self->w;
	struct event a = make(w, 'a');

	ASSERT_TRUE(begin(w));
	a.hold = true;
	tt_event_arm(&w->tt, &a.ev, 10);
	ASSERT_TRUE(asks(w, TT_REQUEST, 10, 0));
	ASSERT_TRUE(runs(w, 10, 11));
	EXPECT_FALSE(hears(w, TT_RUN, 1, 20));
	EXPECT_TRUE(is_lost(w, "we were not waiting"));
}

TEST_F(client, run_before_the_start)
{
	EXPECT_FALSE(hears(&self->w, TT_RUN, 1, 20));
	/* It was never there, so it is not lost. */
	EXPECT_EQ(0, self->w.lost);
}

TEST_F(client, run_in_the_past)
{
	struct world *w = &self->w;

	ASSERT_TRUE(begin(w));
	ASSERT_TRUE(runs(w, 100, 101));
	ASSERT_TRUE(waits(w));
	EXPECT_FALSE(hears(w, TT_RUN, 9, 99));
	EXPECT_TRUE(is_lost(w, "time went back"));
}

TEST_F(client, time_that_never_comes)
{
	static const u64 times[] = { S64_MAX, U64_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		open_world(&self->w);
		ASSERT_TRUE(begin(&self->w));
		EXPECT_FALSE(hears(&self->w, TT_RUN, 9, times[i]));
		EXPECT_TRUE(is_lost(&self->w, "a time that never comes"));
		tt_fini(&self->w.tt);
	}
}

TEST_F(client, time_that_never_comes_in_an_answer)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');

	ASSERT_TRUE(begin(w));
	tt_get(&w->tt, &g.op);
	ASSERT_TRUE(sends(w, TT_GET, U64_MAX));
	EXPECT_FALSE(acked(w, U64_MAX));
	EXPECT_TRUE(is_lost(w, "a time that never comes"));
	EXPECT_EQ(-ECONNRESET, g.err);
}

TEST_F(memory, time_that_never_comes)
{
	struct world *w = &self->w;

	ASSERT_EQ(TT_WAITING, w->tt.state);
	w->mem_now = U64_MAX;
	EXPECT_FALSE(hears(w, TT_RUN, 9, 1));
	EXPECT_TRUE(is_lost(w, "a time that never comes"));
}

TEST_F(client, messages_that_are_not_for_clients)
{
	static const u32 ops[] = { TT_START, TT_REQUEST, TT_WAIT, TT_GET,
				   TT_UPDATE, TT_GET_TOD, 10, ~0u };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		open_world(&self->w);
		ASSERT_TRUE(begin(&self->w));
		EXPECT_FALSE(hears(&self->w, ops[i], 1, 1));
		EXPECT_TRUE(is_lost(&self->w, "not for a client"));
		tt_fini(&self->w.tt);
	}
}

TEST_F(client, nothing_comes_after_fini)
{
	struct world *w = &self->w;
	struct oper g = make_op(w, 'g');
	struct event a = make(w, 'a');

	ASSERT_TRUE(begin(w));
	tt_get(&w->tt, &g.op);
	tt_event_arm(&w->tt, &a.ev, 10);
	tt_fini(&w->tt);
	EXPECT_TRUE(silence(w));
	EXPECT_EQ(0, g.n);
	EXPECT_EQ(0, a.n);
}

/*
 * Thousands of random events under a calendar with random horizons: each runs
 * once per arming, when it is due, and never where the calendar has not let us.
 */

#define EVENTS	40

struct play {
	struct world w;
	struct prng rng;
	struct play_event {
		struct tt_event ev;
		struct play *p;
		u64 due, order;
		bool armed;
	} e[EVENTS];
	u64 orders, runs, limit, run_at;
	u64 last_due, last_order;
	bool bad;
};

static void play_arm(struct play *p, unsigned int i, u64 when)
{
	struct play_event *e = &p->e[i];

	e->due = when > p->w.tt.now ? when : p->w.tt.now;
	e->order = ++p->orders;
	e->armed = true;
	tt_event_arm(&p->w.tt, &e->ev, when);
}

static u64 play_dice(struct play *p, u64 n)
{
	return prng_next(&p->rng) % n;
}

static void play_fn(struct tt_event *ev)
{
	struct play_event *e = container_of(ev, struct play_event, ev), *o;
	struct play *p = e->p;
	u64 now = p->w.tt.now;
	unsigned int i;

	if (!e->armed || e->due > now || (now != p->run_at && now >= p->limit))
		p->bad = true;
	/* Late only if the turn came late. */
	if (e->due < now && now != p->run_at)
		p->bad = true;
	/* Nothing that should have come before is left. */
	for (o = p->e; o < p->e + EVENTS; o++)
		if (o->armed && (o->due < e->due ||
				 (o->due == e->due && o->order < e->order)))
			p->bad = true;
	e->armed = false;
	p->runs++;
	for (i = 0; i < 2 && !play_dice(p, 2); i++)
		play_arm(p, (unsigned int)play_dice(p, EVENTS),
			 now + play_dice(p, 30));
}

/* Answer whatever it has sent. */
static bool play_answer(struct play *p)
{
	struct world *w = &p->w;
	const struct tt_msg *m;

	run_work(&w->r);
	while (w->nr_seen != w->nr_sent) {
		m = &w->sent[w->nr_seen++];
		if (m->op == TT_REQUEST && m->time < w->tt.now)
			return false;
		if (m->op != TT_ACK && !hears(w, TT_ACK, m->seq, 0))
			return false;
	}
	w->nr_seen = w->nr_sent = 0;
	return true;
}

TEST_F(client, random_events)
{
	struct play *p = calloc(1, sizeof(*p));
	struct tt *tt = &p->w.tt;
	unsigned int i, k;

	open_world(&p->w);
	prng_seed(&p->rng, 5, "events");
	for (i = 0; i < EVENTS; i++) {
		p->e[i].ev.fn = play_fn;
		p->e[i].p = p;
	}
	tt_start(tt, 1);
	for (k = 0; k < 20000; k++) {
		ASSERT_TRUE(play_answer(p));
		ASSERT_FALSE(p->bad);
		ASSERT_EQ(TT_WAITING, tt->state);
		for (i = 0; i < 3; i++)
			play_arm(p, (unsigned int)play_dice(p, EVENTS),
				 tt->now + play_dice(p, 50));
		if (!play_dice(p, 3)) {
			i = (unsigned int)play_dice(p, EVENTS);
			p->e[i].armed = false;
			tt_event_cancel(tt, &p->e[i].ev);
		}
		ASSERT_TRUE(play_answer(p));
		/* At its request, or at some other one's. */
		p->run_at = tt->have_request && play_dice(p, 4) &&
			    tt->requested > tt->now ? tt->requested :
			    tt->now + play_dice(p, 20);
		p->limit = p->run_at + play_dice(p, 40);
		ASSERT_TRUE(hears(&p->w, TT_FREE_UNTIL, 1, p->limit));
		ASSERT_TRUE(hears(&p->w, TT_RUN, 2, p->run_at));
	}
	EXPECT_LT(20000, p->runs);
	tt_fini(tt);
	free(p);
}

TEST_HARNESS_MAIN
