// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The host's clock in place of a calendar. */
#include <errno.h>
#include <stdlib.h>

#include "wall.h"

/*
 * A calendar with one client: everything is granted at once, except that RUN
 * comes when the host's clock has reached the request.
 */
struct tt_wall {
	struct ring *ring;
	struct tt *tt;
	u64 start;
	u64 request;		/* U64_MAX: none */
	bool waiting, closing;
	bool ack_start;
	u32 start_seq;
	struct work work;
	struct op timer;
	u64 timer_at;
};

static u64 wall_now(const struct tt_wall *w)
{
	return ring_clock() - w->start;
}

static void arm(struct tt_wall *w)
{
	if (w->timer.busy) {
		/* Too late for the new request: its completion arms anew. */
		if (w->timer_at > w->request)
			ring_cancel(w->ring, &w->timer);
		return;
	}
	w->timer_at = w->request;
	ring_timeout(w->ring, &w->timer, w->start + w->request);
}

static void check(struct work *work)
{
	struct tt_wall *w = container_of(work, struct tt_wall, work);
	struct tt_msg m = { .op = TT_ACK, .seq = w->start_seq };
	u64 now;

	if (w->ack_start) {
		w->ack_start = false;
		(void)tt_input(w->tt, &m);
		return;
	}
	if (!w->waiting || w->request == U64_MAX)
		return;
	now = wall_now(w);
	if (now < w->request) {
		arm(w);
		return;
	}
	w->waiting = false;
	w->request = U64_MAX;
	m = (struct tt_msg){ .op = TT_RUN, .time = now };
	(void)tt_input(w->tt, &m);
}

static void timer_done(struct op *op, int res)
{
	struct tt_wall *w = container_of(op, struct tt_wall, timer);

	(void)res;
	if (w->closing)
		free(w);
	else
		ring_work(w->ring, &w->work);
}

static void wall_send(struct tt *tt, const struct tt_msg *m)
{
	struct tt_wall *w = tt->priv;

	if (m->op == TT_START) {
		w->ack_start = true;
		w->start_seq = m->seq;
	} else if (m->op == TT_WAIT) {
		w->waiting = true;
	}
	ring_work(w->ring, &w->work);
}

static u64 wall_horizon(struct tt *tt)
{
	return wall_now(tt->priv) + 1;
}

static bool wall_get(struct tt *tt, u64 *now)
{
	*now = max_u64(*now, wall_now(tt->priv));
	return true;
}

static bool wall_request(struct tt *tt, u64 when)
{
	struct tt_wall *w = tt->priv;

	w->request = when;
	ring_work(w->ring, &w->work);
	return true;
}

static bool wall_update(struct tt *tt, u64 now)
{
	(void)tt;
	(void)now;
	return true;
}

static bool wall_silent(const struct tt *tt)
{
	(void)tt;
	return true;
}

/* Everybody is at the same time. */
static u64 wall_reach(struct tt *tt, pid_t pid)
{
	(void)pid;
	return tt->now;
}

static const struct tt_transport wall_transport = {
	.send = wall_send,
	.horizon = wall_horizon,
	.get = wall_get,
	.request = wall_request,
	.update = wall_update,
	.silent = wall_silent,
	.reach = wall_reach,
};

int tt_wall_open(struct tt_wall **out, struct tt *tt, struct ring *r)
{
	struct tt_wall *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->ring = r;
	w->tt = tt;
	w->start = ring_clock();
	w->request = U64_MAX;
	w->work.fn = check;
	w->timer.done = timer_done;
	tt_init(tt, r, &wall_transport, w);
	*out = w;
	return 0;
}

void tt_wall_close(struct tt_wall *w)
{
	if (!w)
		return;
	ring_work_cancel(w->ring, &w->work);
	w->closing = true;
	if (w->timer.busy)
		ring_cancel(w->ring, &w->timer);
	else
		free(w);
}
