// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Kicks: from what a driver has made available to the device's turn. */
#include <stdlib.h>

#include "../base/bug.h"
#include "../trace/trace.h"
#include "binding.h"

/*
 * DOC: Kicks
 *
 * A kick becomes an event of the clock, at the instant of the kick plus the
 * device's kick latency:
 *
 *	IDLE -VRING_KICK-> GET -> REGISTER(now + latency) -> answer -> IDLE
 *	                    '-> DEVICE -calls answered-'  (dev_ops.in_kick)
 *
 * so the kernel that kicked goes on only when nobody can run past the device's
 * turn. In that turn the device's callbacks run.
 */

/*
 * A ring that was enabled without a kick is looked at so much later when it is
 * not known how far its kernel has run ahead; see tt_reach().
 */
#define UNKNOWN_REACH	NSEC_PER_SEC

static u64 kick_time(const struct dev *d)
{
	return d->bus->tt->now + d->kick_latency;
}

/* The queue is looked at, at @when or at an earlier time already set. */
static void arm_ready(struct dev_vq *v, u64 when)
{
	if (!v->ready.node.queued || v->ready.node.time > when)
		tt_event_arm(v->d->bus->tt, &v->ready, when);
}

/*
 * The device's turn at a queue: as many buffers as the ring holds. Who makes
 * more available meanwhile, as a driver on another CPU can, has to let the
 * others have theirs first. A device that was not started gets no buffers: it
 * would not be told to let go of them.
 */
static void serve_vq(struct dev *d, unsigned int i)
{
	struct vq *vq = &d->session->vring[i].vq;
	bool limited;

	if (!d->started || !vq_usable(vq))
		return;
	TRACE(d->cfg.trace, TURN, d->cfg.id, i);
	vq->pop_limit = vq->popped + vq->num;
	d->ops->vq_ready(d, i);
	limited = vq->popped == vq->pop_limit;
	vq->pop_limit = U64_MAX;
	if (limited && vq_pending(vq))
		arm_ready(&d->vq[i], d->bus->tt->now + 1);
}

static void begin_kick(struct dev *d, unsigned int vq)
{
	d->kick.state = KICK_GET;
	d->kick.vq = vq;
	tt_get(d->bus->tt, &d->kick.op);
}

/* The session ended under it; serve the one that came since. */
static void kick_aborted(struct dev *d)
{
	d->kick.state = KICK_IDLE;
	d->kick.aborted = false;
	if (d->kick.next) {
		d->kick.next = false;
		begin_kick(d, d->kick.next_vq);
	}
}

/* Once the calls that were made in it have been answered, a kick goes on. */
void kick_calls_done(struct dev *d)
{
	if (d->kick.state != KICK_DEVICE || calls_pending(d))
		return;
	if (d->kick.aborted) {
		kick_aborted(d);
		return;
	}
	d->kick.state = KICK_REGISTER;
	tt_register(d->bus->tt, &d->kick.op);
}

/* May this kick be served at once: it is the driver's turn, and ours alone. */
static bool serve_in_kick(const struct dev *d)
{
	const struct dev_bus *b = d->bus;

	return (d->ops->in_kick & BIT_ULL(d->kick.vq)) && !d->kick_latency &&
	       b->cfg.simulated && b->tt->state == TT_WAITING &&
	       STAILQ_EMPTY(&b->notifies);
}

static void kick_device(struct dev *d)
{
	d->kick.state = KICK_DEVICE;
	serve_vq(d, d->kick.vq);
	/* Its own queues only: the kernels behind the others are not in a kick. */
	flush_now(d);
	kick_calls_done(d);
}

static void kick_step(struct tt_op *op, int err)
{
	struct dev *d = container_of(op, struct dev, kick.op);

	if (d->kick.aborted) {
		kick_aborted(d);
		return;
	}
	/* There is no time any more, and that ends us: nothing to be said here. */
	if (err)
		return;
	/* Who kicks is at this very time, and not ahead of it. */
	d->vq[d->kick.vq].rescan = false;
	if (d->kick.state == KICK_GET && serve_in_kick(d)) {
		kick_device(d);
		return;
	}
	if (d->kick.state == KICK_GET) {
		d->kick.state = KICK_REGISTER;
		arm_ready(&d->vq[d->kick.vq], kick_time(d));
		tt_register(d->bus->tt, op);
		return;
	}
	d->kick.state = KICK_IDLE;
	TRACE(d->cfg.trace, KICK_DONE, d->cfg.id, d->kick.vq);
	vu_kick_done(d->session, 0);
}

void session_kick(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;

	TRACE(d->cfg.trace, KICK, d->cfg.id, vq);
	if (d->kick.state == KICK_IDLE) {
		begin_kick(d, vq);
		return;
	}
	/* Only the answer of an ended session's kick can still be out. */
	BUG_ON(!d->kick.aborted || d->kick.next);
	d->kick.next = true;
	d->kick.next_vq = vq;
}

static void begin_rescan(struct dev_vq *v);

/* Nobody can run past the device's turn: who has enabled the queue may go on. */
static void rescan_registered(struct tt_op *op, int err)
{
	struct dev_vq *v = container_of(op, struct dev_vq, rescan_op);

	if (v->rescan_again && !err) {
		v->rescan_again = false;
		begin_rescan(v);
		return;
	}
	if (!v->enabling || err)
		return;
	v->enabling = false;
	vu_kick_done(v->d->session, 0);
}

static void rescan_got_time(struct tt_op *op, int err)
{
	struct dev_vq *v = container_of(op, struct dev_vq, rescan_op);

	if (err || !v->d->session)
		return;
	/* Unless a kick has said already when it is to be looked at. */
	if (!v->ready.node.queued || v->ready.node.time > kick_time(v->d))
		v->rescan = v->d->bus->cfg.simulated;
	arm_ready(v, kick_time(v->d));
	op->done = rescan_registered;
	tt_register(v->d->bus->tt, op);
}

static void begin_rescan(struct dev_vq *v)
{
	v->rescan_op.done = rescan_got_time;
	tt_get(v->d->bus->tt, &v->rescan_op);
}

void session_ready(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;
	struct dev_vq *v = &d->vq[vq];

	if (!v->rescan_op.queued)
		begin_rescan(v);
	else if (v->rescan_op.done == rescan_registered)
		v->rescan_again = true;	/* it was for a session that has ended */
}

void session_enabled(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;

	d->vq[vq].enabling = true;
	session_ready(s, vq);
}

/* True when the queue's kernel may be ahead of now: look again later. */
static bool too_early(struct dev_vq *v)
{
	struct dev_bus *b = v->d->bus;
	u64 t;

	if (!v->rescan)
		return false;
	t = tt_reach(b->tt, v->d->session->pid);
	if (t == U64_MAX) {
		v->rescan = false;
		t = b->tt->now + UNKNOWN_REACH;
	}
	if (t <= b->tt->now)
		return false;
	tt_event_arm(b->tt, &v->ready, t);
	return true;
}

static void vq_ready(struct tt_event *ev)
{
	struct dev_vq *v = container_of(ev, struct dev_vq, ready);
	struct dev *d = v->d;

	if (!d->session || too_early(v))
		return;
	v->rescan = false;
	serve_vq(d, v->index);
}

void forget_kick(struct dev *d)
{
	unsigned int i;

	d->kick.next = false;
	if (d->kick.state != KICK_IDLE)
		d->kick.aborted = true;
	for (i = 0; i < d->ops->nr_vqs; i++) {
		d->vq[i].enabling = d->vq[i].rescan_again = false;
		tt_event_cancel(d->bus->tt, &d->vq[i].ready);
	}
}

void dev_vq_init_kick(struct dev_vq *v)
{
	v->ready.fn = vq_ready;
}

void dev_init_kick(struct dev *d)
{
	d->kick.op.done = kick_step;
}
