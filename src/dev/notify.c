// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Interrupts: from what devices have pushed to calls of their drivers. */
#include <stdlib.h>

#include "../trace/trace.h"
#include "binding.h"

/*
 * DOC: Calls
 *
 * What devices push marks queues. When the instant has no more events, each
 * marked queue whose driver wants to hear of it gets one call:
 *
 *	IDLE -> UPDATE -> SENT -answer-> IDLE, or UPDATE for the next one
 *
 * one after the other over all devices, since the order in which the called
 * kernels make their requests is the order in which they run. From the first
 * to the last of them the instant is held. Without a calendar nobody is kept
 * waiting for anybody: calls go out at once, and nothing is held.
 *
 * CONFIG_CHANGE needs an instant in which its device calls for no queue: UML
 * handles only one of the two per interrupt. Whichever comes second is put off
 * by a nanosecond.
 */

/*
 * UML disables the queues of a driver that leaves only after the driver has
 * taken back its buffers, and freed their indirect tables. In real time we may
 * look at what is not there any more. So a queue is broken if its driver still
 * uses it so much later.
 */
#define LEAVING		NSEC_PER_SEC

static void next_call(struct dev_bus *b);

static void record(const struct notify *n, bool done)
{
	struct trace *t = n->d->cfg.trace;
	unsigned int dev = n->d->cfg.id;

	if (n->vq == CONFIG && done)
		TRACE(t, CONFIG_DONE, dev);
	else if (n->vq == CONFIG)
		TRACE(t, CONFIG_CALL, dev);
	else if (n->err)
		return;	/* that the queue is broken has been recorded */
	else if (done)
		TRACE(t, CALL_DONE, dev, n->vq);
	else
		TRACE(t, CALL, dev, n->vq);
}

static bool send_notify(struct notify *n)
{
	struct vu_session *s = n->d->session;

	if (!s || n->stale)
		return false;
	n->pid = s->pid;
	record(n, false);
	if (n->vq == CONFIG)
		return vu_notify_config(s, &n->call);
	return n->err ? vu_notify_err(s, &n->call, n->vq) :
			vu_notify(s, &n->call, n->vq);
}

static void drop_notify(struct dev_bus *b, struct notify *n)
{
	STAILQ_REMOVE_HEAD(&b->notifies, entry);
	n->queued = false;
	b->call_state = CALL_IDLE;
	if (STAILQ_EMPTY(&b->notifies))
		tt_put(b->tt);
	else
		next_call(b);
	kick_calls_done(n->d);
}

/* The clock is right: send it. */
static void updated(struct tt_op *op, int err)
{
	struct dev_bus *b = container_of(op, struct dev_bus, update_op);
	struct notify *n = STAILQ_FIRST(&b->notifies);

	b->call_state = CALL_SENT;
	if (err || !send_notify(n))
		drop_notify(b, n);
}

static void next_call(struct dev_bus *b)
{
	b->call_state = CALL_UPDATE;
	tt_propagate(b->tt, &b->update_op);
}

static void call_done(struct vu_call *c, int err)
{
	struct notify *n = container_of(c, struct notify, call);
	struct dev_bus *b = n->d->bus;

	record(n, true);
	/* UML does not know VRING_ERR, and says so. */
	if (err == -EIO && n->err)
		log_dbg(n->d->name, "the front-end refused VRING_ERR");
	else if (err == -EIO && n->d->session)
		vu_warn(n->d->session, "the front-end refused a call");
	if (b->cfg.simulated) {
		/* The kernel may live on, though its session does not. */
		tt_called(b->tt, n->pid);
		drop_notify(b, n);
		return;
	}
	n->queued = false;
	if (n->again) {
		n->again = false;
		n->queued = send_notify(n);
	}
}

static void notify(struct notify *n)
{
	struct dev_bus *b = n->d->bus;

	if (n->queued) {
		n->again = true;
		return;
	}
	n->queued = true;
	n->stale = false;
	/* It is sent in this instant, but perhaps after other events of it. */
	*(n->vq == CONFIG ? &n->d->config_at : &n->d->called_at) = b->tt->now;
	if (!b->cfg.simulated) {
		n->queued = send_notify(n);
		return;
	}
	if (STAILQ_EMPTY(&b->notifies))
		tt_hold(b->tt);
	STAILQ_INSERT_TAIL(&b->notifies, n, entry);
	if (b->call_state == CALL_IDLE)
		next_call(b);
}

void notify_init(struct notify *n, struct dev *d, unsigned int vq)
{
	n->d = d;
	n->vq = vq;
	n->call.done = call_done;
}

/* The end of an instant */

static void nothing(struct tt_event *ev)
{
	(void)ev;
}

void mark_dirty(struct dev_vq *v)
{
	struct dev_bus *b = v->d->bus;

	if (v->dirty)
		return;
	v->dirty = true;
	STAILQ_INSERT_TAIL(&b->dirty, v, dirty_entry);
	/* Not our turn: get one in this instant. */
	if (b->tt->state != TT_RUNNING && v->d->kick.state != KICK_DEVICE &&
	    !b->flush_event.node.queued)
		tt_event_arm(b->tt, &b->flush_event, b->tt->now);
}

static void flush_vq(struct dev_vq *v)
{
	struct dev *d = v->d;
	struct tt *tt = d->bus->tt;
	struct vq *vq;

	if (!d->session)
		return;
	if (d->config_due || d->config_at == tt->now) {
		/* This instant is the configuration's. */
		mark_dirty(v);
		if (!d->bus->flush_event.node.queued)
			tt_event_arm(tt, &d->bus->flush_event, tt->now + 1);
		return;
	}
	if (v->err_due) {
		v->err_due = false;
		notify(&v->err_notify);
	}
	vq = &d->session->vring[v->index].vq;
	if (v->coalesce_ns && !v->call_now &&
	    vq->nr_pushed < v->coalesce_bufs) {
		if (!v->call_due.node.queued)
			tt_event_arm(tt, &v->call_due, tt->now + v->coalesce_ns);
		return;
	}
	v->call_now = false;
	tt_event_cancel(tt, &v->call_due);
	if (!vq->nr_pushed)
		return;
	if (vq_take_pushed(vq))
		notify(&v->notify);
	else
		TRACE(d->cfg.trace, CALL_SAVED, d->cfg.id, v->index);
}

static void tell_broken(struct dev_vq *v)
{
	struct dev_bus *b = v->d->bus;

	vu_say_broken(v->d->session, v->index);
	v->err_due = true;
	mark_dirty(v);
	/* It may be found out at the very end of an instant: have another one. */
	if (!b->flush_event.node.queued)
		tt_event_arm(b->tt, &b->flush_event, b->tt->now);
}

static void still_broken(struct tt_event *ev)
{
	struct dev_vq *v = container_of(ev, struct dev_vq, broken);

	if (v->d->session && vu_broken(v->d->session, v->index))
		tell_broken(v);
}

void session_broke(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;
	struct tt *tt = d->bus->tt;

	if (d->bus->cfg.simulated)
		tell_broken(&d->vq[vq]);
	else
		tt_event_arm(tt, &d->vq[vq].broken, tt->now + LEAVING);
}

/* Buffers have waited long enough for their call. */
static void call_due(struct tt_event *ev)
{
	struct dev_vq *v = container_of(ev, struct dev_vq, call_due);

	v->call_now = true;
	mark_dirty(v);
}

static void flush_config(struct dev *d)
{
	struct tt *tt = d->bus->tt;

	if (!d->config_due) {
		if (d->config_dirty && !d->config_event.node.queued)
			tt_event_arm(tt, &d->config_event, tt->now);
		return;
	}
	d->config_due = d->config_dirty = false;
	notify(&d->config_notify);
}

static void config_event(struct tt_event *ev)
{
	struct dev *d = container_of(ev, struct dev, config_event);
	struct tt *tt = d->bus->tt;

	if (d->called_at == tt->now)
		tt_event_arm(tt, ev, tt->now + 1);
	else
		d->config_due = true;
}

static void instant_end(struct tt *tt)
{
	struct dev_bus *b = tt->owner;
	unsigned int n = 0;
	struct dev_vq *v;
	struct dev *d;

	/* As many as there are now: flush_vq() may put one back. */
	STAILQ_FOREACH(v, &b->dirty, dirty_entry)
		n++;
	while (n--) {
		v = STAILQ_FIRST(&b->dirty);
		STAILQ_REMOVE_HEAD(&b->dirty, dirty_entry);
		v->dirty = false;
		flush_vq(v);
	}
	if (!b->config_changes)
		return;
	TAILQ_FOREACH(d, &b->devs, entry)
		flush_config(d);
}

void flush_now(struct dev *d)
{
	struct dev_vq *v;
	unsigned int i;

	for (i = 0; i < d->ops->nr_vqs; i++) {
		v = &d->vq[i];
		if (!v->dirty)
			continue;
		STAILQ_REMOVE(&d->bus->dirty, v, dev_vq, dirty_entry);
		v->dirty = false;
		flush_vq(v);
	}
}

bool calls_pending(const struct dev *d)
{
	unsigned int i;

	for (i = 0; i < d->ops->nr_vqs; i++)
		if (d->vq[i].notify.queued || d->vq[i].err_notify.queued)
			return true;
	return false;
}

void forget_calls(struct dev *d)
{
	unsigned int i;

	for (i = 0; i < d->ops->nr_vqs; i++) {
		tt_event_cancel(d->bus->tt, &d->vq[i].call_due);
		tt_event_cancel(d->bus->tt, &d->vq[i].broken);
		d->vq[i].notify.stale = true;
		d->vq[i].err_notify.stale = true;
		d->vq[i].err_due = false;
	}
	d->config_notify.stale = true;
	tt_event_cancel(d->bus->tt, &d->config_event);
	d->config_due = d->config_dirty = false;
}

/* Set-up, and what devices ask for */

void dev_vq_init_calls(struct dev_vq *v)
{
	v->call_due.fn = call_due;
	v->broken.fn = still_broken;
	notify_init(&v->notify, v->d, v->index);
	notify_init(&v->err_notify, v->d, v->index);
	v->err_notify.err = true;
}

void dev_init_calls(struct dev *d)
{
	notify_init(&d->config_notify, d, CONFIG);
	d->config_event.fn = config_event;
	d->called_at = d->config_at = U64_MAX;
}

void dev_bus_init_calls(struct dev_bus *b)
{
	STAILQ_INIT(&b->dirty);
	STAILQ_INIT(&b->notifies);
	b->flush_event.fn = nothing;
	b->update_op.done = updated;
	b->tt->instant_end = instant_end;
}

void dev_config_changed(struct dev *d)
{
	struct tt *tt = d->bus->tt;

	if (!d->session)
		return;
	d->config_dirty = true;
	d->bus->config_changes = true;
	if (tt->state != TT_RUNNING && !d->bus->flush_event.node.queued)
		tt_event_arm(tt, &d->bus->flush_event, tt->now);
}

void dev_vq_coalesce(struct dev *d, unsigned int vq, u64 ns, u32 bufs)
{
	d->vq[vq].coalesce_ns = ns;
	d->vq[vq].coalesce_bufs = bufs;
}
