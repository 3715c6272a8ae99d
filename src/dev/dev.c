// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Devices on a bus: binds sessions and the clock to the device API. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../base/prng.h"
#include "../ring/listen.h"
#include "../vu/session.h"
#include "args.h"
#include "bus.h"
#include "link.h"

/*
 * DOC: Theory of operation
 *
 * A kick becomes an event of the clock, at the instant of the kick plus the
 * device's kick latency:
 *
 *	IDLE -VRING_KICK-> GET -> REGISTER(now + latency) -> answer -> IDLE
 *	                    '-> DEVICE -calls answered-'  (dev_ops.in_kick)
 *
 * so the kernel that kicked goes on only when nobody can run past the device's
 * turn. In that turn the device's callbacks run; what they push marks queues.
 * When the instant has no more events, each marked queue whose driver wants to
 * hear of it gets one call:
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
 * A ring that was enabled without a kick is looked at so much later when it is
 * not known how far its kernel has run ahead; see tt_reach().
 */
#define UNKNOWN_REACH	NSEC_PER_SEC

#define CONFIG		UINT_MAX	/* in place of a queue's index */

enum kick_state { KICK_IDLE, KICK_GET, KICK_DEVICE, KICK_REGISTER };

/**
 * struct kick - the VRING_KICK being handled
 * @aborted: its session has ended: the answer has nowhere to go
 * @next: a new session has kicked meanwhile
 */
struct kick {
	enum kick_state state;
	unsigned int vq, next_vq;
	bool aborted, next;
	struct tt_op op;
};

/** struct notify - a call for a queue, or CONFIG_CHANGE */
struct notify {
	struct dev *d;
	unsigned int vq;
	bool queued, again;
	struct vu_call call;
	STAILQ_ENTRY(notify) entry;
};

/** struct dev_vq - what the bus knows of a queue */
struct dev_vq {
	struct dev *d;
	unsigned int index;
	bool dirty;
	STAILQ_ENTRY(dev_vq) dirty_entry;
	struct tt_event ready;
	struct notify notify;
	/* moderation: see dev_vq_coalesce() */
	u64 coalesce_ns;
	u32 coalesce_bufs;
	bool call_now;
	struct tt_event call_due;
	/* looking at the ring without a kick */
	bool rescan;
	struct tt_op rescan_op;
};

struct dev {
	const struct dev_ops *ops;
	struct dev_bus *bus;
	TAILQ_ENTRY(dev) entry;
	char *name;
	struct dev_args *args;
	void *priv;
	u8 *config;
	struct prng prng;
	u64 kick_latency;
	bool probed, started;

	struct vu_cfg cfg;
	struct listener listener;
	struct vu_session *session;
	struct dev_vq *vq;
	struct kick kick;
	struct notify config_notify;
	bool config_dirty, config_due, called;
	struct tt_event config_event;

	/* of sessions that have ended */
	struct dev_bus_stats past;
};

struct shared {
	TAILQ_ENTRY(shared) entry;
	const char *type;
	char *name;
	void *obj;
	void (*release)(void *obj);
	void (*stats)(const void *obj, FILE *f);
};

enum call_state { CALL_IDLE, CALL_UPDATE, CALL_SENT };

struct dev_bus {
	struct dev_bus_cfg cfg;
	struct tt *tt;
	unsigned int refs;
	TAILQ_HEAD(, dev) devs;
	TAILQ_HEAD(, shared) shared;
	STAILQ_HEAD(, dev_vq) dirty;
	struct tt_event flush_event;
	bool config_changes;		/* there has been one, ever */

	STAILQ_HEAD(notify_list, notify) notifies;
	enum call_state call_state;
	struct tt_op update_op;
};

#define DEV(x)	extern const struct dev_ops x##_dev_ops;
#include "devices.def"
#undef DEV

static const struct dev_ops *const dev_types[] = {
#define DEV(x)	&x##_dev_ops,
#include "devices.def"
#undef DEV
};

/* Calls: see the state machine above */

static void next_call(struct dev_bus *b);
static void kick_device_done(struct dev *d);

static bool send_notify(struct notify *n)
{
	struct vu_session *s = n->d->session;

	if (!s)
		return false;
	n->d->called = true;
	return n->vq == CONFIG ? vu_notify_config(s, &n->call) :
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
	kick_device_done(n->d);
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

	if (err == -EIO)
		log_warn(n->d->name, "the front-end refused a call");
	if (b->cfg.simulated) {
		if (n->d->session)
			tt_called(b->tt, n->d->session->pid);
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
	if (!b->cfg.simulated) {
		n->queued = true;
		n->queued = send_notify(n);
		return;
	}
	n->queued = true;
	if (STAILQ_EMPTY(&b->notifies))
		tt_hold(b->tt);
	STAILQ_INSERT_TAIL(&b->notifies, n, entry);
	if (b->call_state == CALL_IDLE)
		next_call(b);
}

static void init_notify(struct notify *n, struct dev *d, unsigned int vq)
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

static void mark_dirty(struct dev_vq *v)
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
	struct vq *vq;

	if (!d->session)
		return;
	if (d->config_due) {
		/* This instant is the configuration's. */
		mark_dirty(v);
		tt_event_arm(d->bus->tt, &d->bus->flush_event,
			     d->bus->tt->now + 1);
		return;
	}
	vq = &d->session->vring[v->index].vq;
	if (v->coalesce_ns && !v->call_now &&
	    vq->nr_pushed < v->coalesce_bufs) {
		if (!v->call_due.node.queued)
			tt_event_arm(d->bus->tt, &v->call_due,
				     d->bus->tt->now + v->coalesce_ns);
		return;
	}
	v->call_now = false;
	tt_event_cancel(d->bus->tt, &v->call_due);
	if (vq_take_pushed(vq))
		notify(&v->notify);
}

/* Flush it out of turn. */
static void unmark_dirty(struct dev_vq *v)
{
	STAILQ_REMOVE(&v->d->bus->dirty, v, dev_vq, dirty_entry);
	v->dirty = false;
	flush_vq(v);
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
	if (!d->config_due) {
		if (d->config_dirty && !d->config_event.node.queued)
			tt_event_arm(d->bus->tt, &d->config_event,
				     d->bus->tt->now + (d->called ? 1 : 0));
		return;
	}
	d->config_due = d->config_dirty = false;
	notify(&d->config_notify);
}

static void config_event(struct tt_event *ev)
{
	container_of(ev, struct dev, config_event)->config_due = true;
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

/* Kicks */

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

/* Once the calls it made have been answered, the kick goes on. */
static void kick_device_done(struct dev *d)
{
	unsigned int i;

	if (d->kick.state != KICK_DEVICE || d->kick.op.queued)
		return;
	for (i = 0; i < d->ops->nr_vqs; i++)
		if (d->vq[i].notify.queued)
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
	unsigned int i;

	d->kick.state = KICK_DEVICE;
	if (vq_usable(&d->session->vring[d->kick.vq].vq))
		d->ops->vq_ready(d, d->kick.vq);
	/* Its own queues only: the kernels behind the others are not in a kick. */
	for (i = 0; i < d->ops->nr_vqs; i++)
		if (d->vq[i].dirty)
			unmark_dirty(&d->vq[i]);
	kick_device_done(d);
}

static void kick_step(struct tt_op *op, int err)
{
	struct dev *d = container_of(op, struct dev, kick.op);

	if (d->kick.aborted) {
		kick_aborted(d);
		return;
	}
	if (!err && d->kick.state == KICK_GET && serve_in_kick(d)) {
		kick_device(d);
		return;
	}
	if (!err && d->kick.state == KICK_GET) {
		d->kick.state = KICK_REGISTER;
		arm_ready(&d->vq[d->kick.vq], kick_time(d));
		tt_register(d->bus->tt, op);
		return;
	}
	d->kick.state = KICK_IDLE;
	vu_kick_done(d->session, err);
}

static void session_kick(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;

	if (d->kick.state == KICK_IDLE) {
		begin_kick(d, vq);
		return;
	}
	/* Only the answer of an ended session's kick can still be out. */
	BUG_ON(!d->kick.aborted || d->kick.next);
	d->kick.next = true;
	d->kick.next_vq = vq;
}

static void rescan_got_time(struct tt_op *op, int err)
{
	struct dev_vq *v = container_of(op, struct dev_vq, rescan_op);

	if (err || !v->d->session)
		return;
	arm_ready(v, kick_time(v->d));
	op->done = NULL;
	tt_register(v->d->bus->tt, op);
}

static void session_ready(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;
	struct dev_vq *v = &d->vq[vq];

	v->rescan = d->bus->cfg.simulated;
	if (v->rescan_op.queued)
		return;
	v->rescan_op.done = rescan_got_time;
	tt_get(d->bus->tt, &v->rescan_op);
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

	if (!d->session || !d->started || too_early(v))
		return;
	v->rescan = false;
	if (vq_usable(&d->session->vring[v->index].vq))
		d->ops->vq_ready(d, v->index);
}

/* Sessions */

static void session_negotiated(struct vu_session *s)
{
	struct dev *d = s->cfg->owner;

	d->started = true;
	if (d->ops->start)
		d->ops->start(d);
}

static void session_stop(struct vu_session *s, unsigned int vq)
{
	struct dev *d = s->cfg->owner;

	if (d->ops->stop)
		d->ops->stop(d, &s->vring[vq].vq);
}

static int session_config_set(struct vu_session *s, size_t off, size_t len)
{
	struct dev *d = s->cfg->owner;

	return d->ops->config_set ? d->ops->config_set(d, off, len) : -EROFS;
}

static void session_pushed(struct vq *vq)
{
	struct vu_session *s = vq->owner;
	struct dev *d = s->cfg->owner;

	mark_dirty(&d->vq[vq->index]);
}

static void add_stats(struct dev_bus_stats *st, const struct vu_session *s)
{
	u64 rx, tx;

	vu_chan_msgs(&s->chan, &rx, &tx);
	st->kicks += s->kicks;
	st->calls += s->chan.nr_calls + s->event_calls;
	st->rx += s->st.rx_msgs + rx;
	st->tx += s->st.tx_msgs + tx;
}

static void forget_session(struct dev *d)
{
	unsigned int i;

	if (d->started && d->ops->stop)
		d->ops->stop(d, NULL);
	d->started = false;
	add_stats(&d->past, d->session);
	d->session = NULL;
	d->kick.next = false;
	if (d->kick.state != KICK_IDLE)
		d->kick.aborted = true;
	for (i = 0; i < d->ops->nr_vqs; i++) {
		tt_event_cancel(d->bus->tt, &d->vq[i].ready);
		tt_event_cancel(d->bus->tt, &d->vq[i].call_due);
	}
	tt_event_cancel(d->bus->tt, &d->config_event);
	d->config_due = d->config_dirty = false;
}

static void session_closed(struct vu_session *s, const char *why)
{
	struct dev *d = s->cfg->owner;
	struct dev_bus *b = d->bus;

	forget_session(d);
	if (b->cfg.session_ended)
		b->cfg.session_ended(b->cfg.owner, d, why);
	else if (why)
		log_err(d->name, "session of pid %d ended: %s", (int)s->pid,
			why);
	else
		log_info(d->name, "pid %d has left", (int)s->pid);
}

static const struct vu_ops session_ops = {
	.negotiated = session_negotiated,
	.kick = session_kick,
	.ready = session_ready,
	.stop = session_stop,
	.config_set = session_config_set,
	.pushed = session_pushed,
	.closed = session_closed,
};

static void accepted(struct listener *l, int fd, pid_t pid)
{
	struct dev *d = container_of(l, struct dev, listener);

	if (d->session) {
		log_err(d->name, "pid %d was turned away: pid %d is connected already",
			(int)pid, (int)d->session->pid);
		close(fd);
		return;
	}
	if (vu_session_new(&d->session, d->bus->cfg.ring, fd, pid,
			   &d->cfg) < 0) {
		log_err(d->name, "no memory for the session of pid %d",
			(int)pid);
		close(fd);
		return;
	}
	log_info(d->name, "pid %d has connected", (int)pid);
}

/* Making devices */

static const struct dev_ops *find_type(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dev_types); i++)
		if (!strcmp(dev_types[i]->name, name))
			return dev_types[i];
	return NULL;
}

static struct dev *find_dev(const struct dev_bus *b, const char *name)
{
	struct dev *d;

	TAILQ_FOREACH(d, &b->devs, entry)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

/* "rng0", "rng1": the first that is free. */
static char *make_name(const struct dev_bus *b, const char *type)
{
	unsigned int i;
	char *name;

	for (i = 0;; i++) {
		if (asprintf(&name, "%s%u", type, i) < 0)
			return NULL;
		if (!find_dev(b, name))
			return name;
		free(name);
	}
}

static void free_dev(struct dev *d)
{
	if (d->probed && d->ops->remove)
		d->ops->remove(d);
	dev_args_free(d->args);
	free(d->vq);
	free(d->config);
	free(d->priv);
	free(d->name);
	free(d);
}

static int alloc_parts(struct dev *d)
{
	const struct dev_ops *ops = d->ops;
	unsigned int i;

	d->priv = calloc(1, ops->priv_size + 1);
	d->config = calloc(1, ops->config_size + 1);
	d->vq = calloc(ops->nr_vqs, sizeof(*d->vq));
	if (!d->priv || !d->config || !d->vq)
		return -ENOMEM;
	for (i = 0; i < ops->nr_vqs; i++) {
		d->vq[i].d = d;
		d->vq[i].index = i;
		d->vq[i].ready.fn = vq_ready;
		d->vq[i].call_due.fn = call_due;
		init_notify(&d->vq[i].notify, d, i);
	}
	init_notify(&d->config_notify, d, CONFIG);
	d->config_event.fn = config_event;
	d->kick.op.done = kick_step;
	d->cfg = (struct vu_cfg){
		.name = d->name, .ops = &session_ops, .owner = d,
		.features = ops->features, .nr_vqs = ops->nr_vqs,
		.config = d->config, .config_size = ops->config_size,
		.inband_only = d->bus->cfg.simulated,
	};
	return 0;
}

static int probe(struct dev *d)
{
	const char *unused;
	int ret;

	/* Who starts the guest wants to know these, not the device. */
	(void)dev_arg_str(d->args, "ip", NULL);
	(void)dev_arg_str(d->args, "gw", NULL);
	ret = dev_arg_time(d->args, "kick-latency", &d->kick_latency);
	if (!ret && d->ops->probe)
		ret = d->ops->probe(d, d->args);
	if (ret < 0)
		return ret;
	d->probed = true;
	unused = dev_args_unused(d->args);
	if (unused) {
		log_err(d->name, "device type '%s' has no option '%s'; see --help",
			d->ops->name, unused);
		return -EINVAL;
	}
	return 0;
}

static int set_name(struct dev *d, const char *name)
{
	name = dev_arg_str(d->args, "name", name);
	if (name && find_dev(d->bus, name)) {
		log_err(name, "there is a device of this name already");
		return -EEXIST;
	}
	d->name = name ? strdup(name) : make_name(d->bus, d->ops->name);
	if (!d->name)
		return -ENOMEM;
	dev_args_set_tag(d->args, d->name);
	prng_seed(&d->prng, d->bus->cfg.seed, d->name);
	return 0;
}

static int open_socket(struct dev *d, const char *path)
{
	int ret;

	path = dev_arg_str(d->args, "socket", path);
	if (!path) {
		log_err(d->name, "give it a socket to listen on: socket=PATH");
		return -EINVAL;
	}
	ret = listen_unix(&d->listener, d->bus->cfg.ring, path, accepted);
	if (ret < 0)
		log_err(d->name, "cannot listen on %s: %s", path,
			strerror(-ret));
	return ret;
}

static void list_types(char *buf, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(dev_types) && n < len; i++)
		n += (size_t)snprintf(buf + n, len - n, "%s%s",
				      i ? ", " : "", dev_types[i]->name);
}

int dev_add(struct dev_bus *b, const char *spec, const char *name,
	    const char *socket, struct dev **out)
{
	struct dev *d = calloc(1, sizeof(*d));
	char types[256];
	int ret;

	if (!d)
		return -ENOMEM;
	d->bus = b;
	ret = dev_args_parse(&d->args, name, spec);
	if (ret < 0)
		goto err;
	d->ops = find_type(dev_args_type(d->args));
	if (!d->ops) {
		list_types(types, sizeof(types));
		log_err(NULL, "--device %s: there is no device type '%s'; there are: %s",
			spec, dev_args_type(d->args), types);
		ret = -EINVAL;
		goto err;
	}
	ret = set_name(d, name);
	if (!ret)
		ret = alloc_parts(d);
	if (!ret)
		ret = open_socket(d, socket);
	if (ret < 0)
		goto err;
	ret = probe(d);
	TAILQ_INSERT_TAIL(&b->devs, d, entry);
	b->refs++;
	/* With the listener open, it goes the way of the others. */
	if (ret < 0)
		return ret;
	if (out)
		*out = d;
	return 0;
err:
	if (ret == -ENOMEM)
		log_err(name, "out of memory");
	free_dev(d);
	return ret;
}

int dev_add_link(struct dev_bus *b, const char *spec)
{
	struct dev_args *a;
	const char *unused;
	int ret;

	ret = dev_args_parse(&a, NULL, spec);
	if (ret < 0)
		return ret;
	ret = link_new(b, dev_args_type(a), a, NULL);
	unused = dev_args_unused(a);
	if (!ret && unused) {
		log_err(dev_args_type(a), "a link has no option '%s'; see --help",
			unused);
		ret = -EINVAL;
	}
	dev_args_free(a);
	return ret;
}

/* The bus */

int dev_bus_new(struct dev_bus **out, const struct dev_bus_cfg *cfg)
{
	struct dev_bus *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->cfg = *cfg;
	b->tt = cfg->tt;
	b->refs = 1;
	TAILQ_INIT(&b->devs);
	TAILQ_INIT(&b->shared);
	STAILQ_INIT(&b->dirty);
	STAILQ_INIT(&b->notifies);
	b->flush_event.fn = nothing;
	b->update_op.done = updated;
	b->tt->owner = b;
	b->tt->instant_end = instant_end;
	*out = b;
	return 0;
}

static void put_bus(struct dev_bus *b)
{
	struct shared *sh;

	if (--b->refs)
		return;
	while ((sh = TAILQ_FIRST(&b->shared))) {
		TAILQ_REMOVE(&b->shared, sh, entry);
		sh->release(sh->obj);
		free(sh->name);
		free(sh);
	}
	free(b);
}

static void dev_released(struct listener *l)
{
	struct dev *d = container_of(l, struct dev, listener);
	struct dev_bus *b = d->bus;

	free_dev(d);
	put_bus(b);
}

void dev_bus_free(struct dev_bus *b)
{
	struct vu_session *s;
	struct dev *d;

	if (!b)
		return;
	while ((d = TAILQ_FIRST(&b->devs))) {
		TAILQ_REMOVE(&b->devs, d, entry);
		s = d->session;
		if (s) {
			forget_session(d);
			vu_session_close(s);
		}
		listen_close(&d->listener, dev_released);
	}
	put_bus(b);
}

void dev_types_help(FILE *f)
{
	const char *p, *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dev_types); i++) {
		fprintf(f, "  %s (virtio device id %u)\n", dev_types[i]->name,
			dev_types[i]->virtio_id);
		for (p = dev_types[i]->help; p && *p; p = end + !!*end) {
			end = strchrnul(p, '\n');
			fprintf(f, "    %.*s\n", (int)(end - p), p);
		}
	}
	fprintf(f, "  every device\n"
		"    socket=PATH         where the front-end connects\n"
		"    name=NAME           in messages; also part of the seed\n"
		"    kick-latency=TIME   from a kick until the device looks (default: 0)\n"
		"    ip=ADDR/PLEN, gw=ADDR  for the guest to configure (umtt run)\n");
}

void dev_link_help(FILE *f)
{
	const char *p, *end;

	for (p = LINK_HELP; *p; p = end + !!*end) {
		end = strchrnul(p, '\n');
		fprintf(f, "    %.*s\n", (int)(end - p), p);
	}
}

u32 dev_virtio_id(const struct dev *d)
{
	return d->ops->virtio_id;
}

const char *dev_option(const struct dev *d, const char *key)
{
	return dev_arg_str(d->args, key, NULL);
}

void dev_bus_stats(const struct dev_bus *b, struct dev_bus_stats *st)
{
	const struct dev *d;

	memset(st, 0, sizeof(*st));
	TAILQ_FOREACH(d, &b->devs, entry) {
		st->kicks += d->past.kicks;
		st->calls += d->past.calls;
		st->rx += d->past.rx;
		st->tx += d->past.tx;
		if (d->session)
			add_stats(st, d->session);
	}
}

void dev_bus_show(const struct dev_bus *b, FILE *f)
{
	const struct shared *sh;
	const struct dev *d;

	TAILQ_FOREACH(d, &b->devs, entry) {
		struct dev_bus_stats st = d->past;

		if (d->session)
			add_stats(&st, d->session);
		fprintf(f, "%s:\nkicks %" PRIu64 "\ncalls %" PRIu64 "\n",
			d->name, st.kicks, st.calls);
		if (d->ops->stats)
			d->ops->stats(d, f);
	}
	TAILQ_FOREACH(sh, &b->shared, entry) {
		fprintf(f, "%s %s:\n", sh->type, sh->name);
		if (sh->stats)
			sh->stats(sh->obj, f);
	}
}

void *dev_bus_shared(const struct dev_bus *b, const char *type,
		     const char *name)
{
	const struct shared *sh;

	TAILQ_FOREACH(sh, &b->shared, entry)
		if (!strcmp(sh->type, type) && !strcmp(sh->name, name))
			return sh->obj;
	return NULL;
}

int dev_bus_share(struct dev_bus *b, const char *type, const char *name,
		  void *obj, void (*release)(void *obj),
		  void (*stats)(const void *obj, FILE *f))
{
	struct shared *sh;

	if (dev_bus_shared(b, type, name))
		return -EEXIST;
	sh = calloc(1, sizeof(*sh));
	if (!sh)
		return -ENOMEM;
	sh->name = strdup(name);
	if (!sh->name) {
		free(sh);
		return -ENOMEM;
	}
	sh->type = type;
	sh->obj = obj;
	sh->release = release;
	sh->stats = stats;
	TAILQ_INSERT_TAIL(&b->shared, sh, entry);
	return 0;
}

/* The device API */

const char *dev_name(const struct dev *d)
{
	return d->name;
}

void *dev_priv(const struct dev *d)
{
	return d->priv;
}

void *dev_config(const struct dev *d)
{
	return d->config;
}

struct dev_bus *dev_bus(const struct dev *d)
{
	return d->bus;
}

struct vq *dev_vq(const struct dev *d, unsigned int i)
{
	return d->session ? &d->session->vring[i].vq : NULL;
}

bool dev_feature(const struct dev *d, unsigned int bit)
{
	return d->session && (d->session->features & BIT_ULL(bit));
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

u64 dev_bus_now(const struct dev_bus *b)
{
	return b->tt->now;
}

u64 dev_now(const struct dev *d)
{
	return dev_bus_now(d->bus);
}

static void timer_event(struct tt_event *ev)
{
	struct dev_timer *t = container_of(ev, struct dev_timer, event);

	t->fn(t);
}

void dev_timer_init(struct dev_timer *t, struct dev_bus *b,
		    void (*fn)(struct dev_timer *t))
{
	memset(t, 0, sizeof(*t));
	t->event.fn = timer_event;
	t->bus = b;
	t->fn = fn;
}

void dev_timer_arm(struct dev_timer *t, u64 when)
{
	tt_event_arm(t->bus->tt, &t->event, when);
}

void dev_timer_cancel(struct dev_timer *t)
{
	tt_event_cancel(t->bus->tt, &t->event);
}

u64 dev_rand(struct dev *d)
{
	return prng_next(&d->prng);
}

u64 dev_bus_seed(const struct dev_bus *b, const char *name)
{
	struct prng p;

	prng_seed(&p, b->cfg.seed, name);
	return prng_next(&p);
}
