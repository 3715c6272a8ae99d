// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The services that dev.h promises to device models. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/bug.h"
#include "../trace/trace.h"
#include "binding.h"

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

u64 dev_bus_now(const struct dev_bus *b)
{
	return b->tt->now;
}

u64 dev_now(const struct dev *d)
{
	return dev_bus_now(d->bus);
}

void dev_hold(struct dev *d)
{
	tt_hold(d->bus->tt);
}

void dev_put(struct dev *d)
{
	tt_put(d->bus->tt);
}

static void timer_event(struct tt_event *ev)
{
	struct dev_timer *t = container_of(ev, struct dev_timer, event);

	t->fn(t);
}

void dev_offer(struct dev *d, u64 features)
{
	d->cfg.features |= features;
}

void dev_set_nr_vqs(struct dev *d, unsigned int n)
{
	BUG_ON(!n || n > d->ops->nr_vqs);
	d->cfg.nr_vqs = n;
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

unsigned int dev_trace_link(struct dev_bus *b, const char *name)
{
	TRACE_TEXT(b->cfg.trace, LINK, name, b->nr_links);
	return b->nr_links++;
}

unsigned int dev_trace_port(struct dev *d, unsigned int link)
{
	struct dev_bus *b = d->bus;

	TRACE(b->cfg.trace, PORT, b->nr_ports, link, d->cfg.id);
	return b->nr_ports++;
}

u64 dev_trace_tx(struct dev_bus *b, unsigned int port, const void *frame,
		 size_t len)
{
	TRACE_DATA(b->cfg.trace, FRAME_TX, frame, len, port, b->nr_frames,
		   len);
	return b->nr_frames++;
}

void dev_trace_rx(struct dev_bus *b, unsigned int port, u64 frame, size_t len)
{
	TRACE(b->cfg.trace, FRAME_RX, port, frame, len);
}

void dev_trace_lost(struct dev_bus *b, unsigned int port, u64 frame, size_t len,
		    const char *why)
{
	TRACE_TEXT(b->cfg.trace, FRAME_LOST, why, port, frame, len);
}

void dev_trace_keys(struct dev *d, u64 turn, const void *keys, size_t len)
{
	TRACE_DATA(d->bus->cfg.trace, KEYS, keys, len, d->cfg.id, turn,
		   dev_now(d));
}
