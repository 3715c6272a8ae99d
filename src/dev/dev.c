// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Devices: made from options, each with a socket, served while connected. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "../trace/trace.h"
#include "args.h"
#include "binding.h"
#include "link.h"

/*
 * DOC: The bus
 *
 * Here sessions (src/vu) and the clock (src/tt), which do not know each other,
 * become what dev.h promises: kick.c makes events of kicks, notify.c makes
 * calls of what devices push, services.c is the API itself.
 */


#define DEV(x)	extern const struct dev_ops x##_dev_ops;
#include "devices.def"
#undef DEV

static const struct dev_ops *const dev_types[] = {
#define DEV(x)	&x##_dev_ops,
#include "devices.def"
#undef DEV
};

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

static void session_reset(struct vu_session *s)
{
	struct dev *d = s->cfg->owner;

	if (d->started && d->ops->stop)
		d->ops->stop(d, NULL);
	d->started = false;
	if (d->probed_config)
		memcpy(d->config, d->probed_config, d->ops->config_size);
}

static void session_announce(struct vu_session *s, u64 mac)
{
	struct dev *d = s->cfg->owner;

	d->ops->announce(d, mac);
}

static int session_mtu(struct vu_session *s, u64 mtu)
{
	struct dev *d = s->cfg->owner;

	return d->ops->mtu(d, mtu);
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
	if (d->started && d->ops->stop)
		d->ops->stop(d, NULL);
	d->started = false;
	add_stats(&d->past, d->session);
	d->session = NULL;
	forget_kick(d);
	forget_calls(d);
}

static void session_closed(struct vu_session *s, const char *why)
{
	struct dev *d = s->cfg->owner;
	struct dev_bus *b = d->bus;

	forget_session(d);
	TRACE_TEXT(d->cfg.trace, DISCONNECT, why ? why : "", d->cfg.id);
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
	.enabled = session_enabled,
	.reset = session_reset,
	.stop = session_stop,
	.config_set = session_config_set,
	.announce = session_announce,
	.mtu = session_mtu,
	.pushed = session_pushed,
	.broke = session_broke,
	.closed = session_closed,
};

static void accepted(struct listener *l, int fd, pid_t pid)
{
	struct dev *d = container_of(l, struct dev, listener);

	if (d->session && !vu_session_gone(d->session)) {
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
	TRACE(d->cfg.trace, CONNECT, d->cfg.id);
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
	free(d->probed_config);
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
		dev_vq_init_kick(&d->vq[i]);
		dev_vq_init_calls(&d->vq[i]);
	}
	dev_init_kick(d);
	dev_init_calls(d);
	d->cfg = (struct vu_cfg){
		.name = d->name, .ops = &session_ops, .owner = d,
		.nr_vqs = ops->nr_vqs,
		.protocol = (u64)!!ops->announce << VHOST_USER_PROTOCOL_F_RARP |
			    (u64)!!ops->mtu << VHOST_USER_PROTOCOL_F_MTU,
		.queue_pairs = ops->virtio_id == VIRTIO_ID_NET,
		.config = d->config, .config_size = ops->config_size,
		.inband_only = d->bus->cfg.simulated,
		.trace = d->bus->cfg.trace, .id = d->bus->nr_devs++,
	};
	return 0;
}

/* Where the driver can write to it, a reset undoes that. */
static int keep_config(struct dev *d)
{
	if (!d->ops->config_set || !d->ops->config_size)
		return 0;
	d->probed_config = malloc(d->ops->config_size);
	if (!d->probed_config)
		return -ENOMEM;
	memcpy(d->probed_config, d->config, d->ops->config_size);
	return 0;
}

/* A feature that every device has, unless its user withholds it. */
static int common_feature(struct dev *d, const char *option, unsigned int bit)
{
	bool on = true;
	int ret = dev_arg_bool(d->args, option, &on);

	if (!ret && on)
		d->cfg.features |= BIT_ULL(bit);
	return ret;
}

static int common_features(struct dev *d)
{
	int ret;

	d->cfg.features = d->ops->features | BIT_ULL(VIRTIO_F_VERSION_1);
	/* What lives in simulated time cannot leave it. */
	d->cfg.migration = !d->bus->cfg.simulated;
	ret = common_feature(d, "packed", VIRTIO_F_RING_PACKED);
	if (!ret)
		ret = common_feature(d, "event-idx", VIRTIO_RING_F_EVENT_IDX);
	if (!ret)
		ret = common_feature(d, "indirect", VIRTIO_RING_F_INDIRECT_DESC);
	if (!ret)
		ret = dev_arg_bool(d->args, "migration", &d->cfg.migration);
	return ret;
}

static int probe(struct dev *d)
{
	const char *unused;
	int ret;

	/* Who starts the guest wants to know these, not the device. */
	(void)dev_arg_str(d->args, "ip", NULL);
	(void)dev_arg_str(d->args, "gw", NULL);
	ret = dev_arg_time(d->args, "kick-latency", &d->kick_latency);
	if (!ret)
		ret = common_features(d);
	if (!ret && d->ops->probe)
		ret = d->ops->probe(d, d->args);
	if (ret < 0)
		return ret;
	d->probed = true;
	ret = keep_config(d);
	if (ret < 0)
		return ret;
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

/* Whose socket is given by other means cannot name another. */
static int only_socket(struct dev *d, const char *given)
{
	const char *path = dev_arg_str(d->args, "socket", NULL);

	if (!path || !given)
		return 0;
	log_err(d->name, "option socket=%s: it has a socket already, %s", path,
		given);
	return -EINVAL;
}

static int open_socket(struct dev *d, const char *path)
{
	int ret = only_socket(d, path);

	if (ret)
		return ret;
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

static int open_fd(struct dev *d, int fd)
{
	int ret = only_socket(d, "from who has started this program");

	if (ret)
		return ret;
	if (is_listening(fd)) {
		listen_fd(&d->listener, d->bus->cfg.ring, fd, accepted);
		return 0;
	}
	/* The front-end is there already, and nobody else can come. */
	listen_nowhere(&d->listener, d->bus->cfg.ring);
	return 0;
}

/* To be done once it is known what is served. */
static int serve_fd(struct dev *d, int fd)
{
	if (fd < 0 || is_listening(fd))
		return 0;
	return vu_session_new(&d->session, d->bus->cfg.ring, fd, peer_pid(fd),
			      &d->cfg);
}

static void list_types(char *buf, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(dev_types) && n < len; i++)
		if (dev_types[i]->help)
			n += (size_t)snprintf(buf + n, len - n, "%s%s",
					      n ? ", " : "", dev_types[i]->name);
}

/* On @fd, or when that is negative as dev_add() says. */
static int add(struct dev_bus *b, const char *spec, const char *name,
	       const char *socket, int fd, struct dev **out)
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
		ret = fd < 0 ? open_socket(d, socket) : open_fd(d, fd);
	if (ret < 0)
		goto err;
	ret = probe(d);
	if (!ret)
		ret = serve_fd(d, fd);
	TAILQ_INSERT_TAIL(&b->devs, d, entry);
	b->refs++;
	/* With the listener open, it goes the way of the others. */
	if (ret < 0)
		return ret;
	TRACE_TEXT(b->cfg.trace, DEVICE, d->name, d->cfg.id, b->node,
		   d->ops->virtio_id, d->cfg.nr_vqs);
	if (out)
		*out = d;
	return 0;
err:
	if (ret == -ENOMEM)
		log_err(name, "out of memory");
	free_dev(d);
	return ret;
}

int dev_add(struct dev_bus *b, const char *spec, const char *name,
	    const char *socket, struct dev **out)
{
	return add(b, spec, name, socket, -1, out);
}

int dev_add_fd(struct dev_bus *b, const char *spec, int fd)
{
	return add(b, spec, NULL, NULL, fd, NULL);
}

int dev_type_virtio_id(const char *type)
{
	const struct dev_ops *ops = find_type(type);

	return ops ? (int)ops->virtio_id : -ENOENT;
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
	TAILQ_INIT(&b->files);
	b->tt->owner = b;
	dev_bus_init_calls(b);
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
		/* Not for users: others make it. */
		if (!dev_types[i]->help)
			continue;
		fprintf(f, "  %s (virtio device id %u)\n", dev_types[i]->name,
			dev_types[i]->virtio_id);
		for (p = dev_types[i]->help; *p; p = end + !!*end) {
			end = strchrnul(p, '\n');
			fprintf(f, "    %.*s\n", (int)(end - p), p);
		}
	}
	fprintf(f, "  every device\n"
		"    socket=PATH         where the front-end connects\n"
		"    name=NAME           in messages; also part of the seed\n"
		"    kick-latency=TIME   from a kick until the device looks (default: 0)\n"
		"    packed=off          do not offer packed virtqueues\n"
		"    event-idx=off, indirect=off  do not offer these virtqueue features\n"
		"    migration=off       do not offer the log that live migration needs\n"
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

void dev_bus_node(struct dev_bus *b, unsigned int node)
{
	b->node = node;
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
