// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Links: learning switches in simulated time that network ports join. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/prng.h"
#include "link.h"

/*
 * DOC: What a link does to a frame
 *
 * A port sends one frame at a time: it takes the frame's bytes (from the
 * destination address on; neither preamble, checksum nor gap are counted) at
 * the link's bandwidth. The latency follows, and stands for all the way from
 * one port to the other. Whether a frame is lost is drawn when it is sent; a
 * lost one has used the wire like any other, and is lost for all receivers.
 *
 * When it arrives, the switch learns where its source is, looks up its
 * destination, and gives it to that port, or to all others. A copy is never
 * made: the ports share the frame.
 *
 * Each frame under way has a timer of its own, armed when it is sent. Timers
 * of the same instant run in the order in which they were armed, so frames
 * that arrive together do so in the order in which they were sent.
 */

#define MAC_LEN		6
#define MAC_SLOTS	1024u	/* of the hash, a power of two */
#define MAC_MAX		4096u	/* addresses learnt; a guest may invent many */

struct mac {
	u8 addr[MAC_LEN];
	struct link_port *port;
	SLIST_ENTRY(mac) entry;
};

SLIST_HEAD(mac_list, mac);

struct link {
	struct dev_bus *bus;
	unsigned int number;
	u64 latency, bandwidth, loss, mtu, queue;
	struct prng prng;
	TAILQ_HEAD(, link_port) ports;
	struct link_flight_list flights;
	struct mac_list macs[MAC_SLOTS];
	unsigned int nr_macs;
	struct link_stats stats;
};

/**
 * struct link_flight - a frame under way
 * @from: NULL when that port has left meanwhile
 * @begin: when the first bit leaves
 * @waiting: in @from's list of those that wait
 * @lost: will not arrive
 */
struct link_flight {
	struct link *link;
	struct link_port *from;
	struct link_frame *frame;
	u64 begin;
	bool waiting, lost;
	struct dev_timer arrive;
	TAILQ_ENTRY(link_flight) entry, wait_entry;
};

/*
 * Frames
 */

struct link_frame *link_frame_new(u32 len)
{
	struct link_frame *f = malloc(sizeof(*f) + len);

	if (!f)
		return NULL;
	f->refs = 1;
	f->len = len;
	return f;
}

struct link_frame *link_frame_get(struct link_frame *f)
{
	f->refs++;
	return f;
}

void link_frame_put(struct link_frame *f)
{
	if (!--f->refs)
		free(f);
}

static const u8 *frame_dst(const struct link_frame *f)
{
	return f->data;
}

static const u8 *frame_src(const struct link_frame *f)
{
	return f->data + MAC_LEN;
}

static bool is_group(const u8 *addr)
{
	return addr[0] & 1;
}

#define VLAN_TAG_LEN	4u

static bool has_vlan_tag(const struct link_frame *f)
{
	u32 type = (u32)f->data[12] << 8 | f->data[13];

	return type == 0x8100 || type == 0x88a8;
}

u32 link_max_frame(u32 mtu)
{
	return LINK_MIN_FRAME + VLAN_TAG_LEN + mtu;
}

bool link_fits(const struct link_frame *f, u32 mtu)
{
	u32 max = link_max_frame(mtu);

	if (f->len < LINK_MIN_FRAME || !has_vlan_tag(f))
		max -= VLAN_TAG_LEN;
	return f->len <= max;
}

/*
 * Addresses learnt
 */

static struct mac_list *mac_slot(struct link *l, const u8 *addr)
{
	u64 v = 0;

	memcpy(&v, addr, MAC_LEN);
	return &l->macs[(v * 0x9e3779b97f4a7c15ULL >> 32) & (MAC_SLOTS - 1)];
}

static struct mac *mac_find(struct link *l, const u8 *addr)
{
	struct mac *m;

	SLIST_FOREACH(m, mac_slot(l, addr), entry)
		if (!memcmp(m->addr, addr, MAC_LEN))
			return m;
	return NULL;
}

static void mac_learn(struct link *l, const u8 *addr, struct link_port *p)
{
	struct mac *m;

	if (is_group(addr))
		return;
	m = mac_find(l, addr);
	if (m) {
		m->port = p;
		return;
	}
	m = l->nr_macs < MAC_MAX ? malloc(sizeof(*m)) : NULL;
	if (!m) {
		l->stats.macs_not_learnt++;
		return;
	}
	memcpy(m->addr, addr, MAC_LEN);
	m->port = p;
	SLIST_INSERT_HEAD(mac_slot(l, addr), m, entry);
	l->nr_macs++;
}

/* NULL: of all ports */
static void macs_forget(struct link *l, const struct link_port *p)
{
	struct mac *m, *next;
	unsigned int i;

	for (i = 0; i < MAC_SLOTS; i++) {
		for (m = SLIST_FIRST(&l->macs[i]); m; m = next) {
			next = SLIST_NEXT(m, entry);
			if (p && m->port != p)
				continue;
			SLIST_REMOVE(&l->macs[i], m, mac, entry);
			free(m);
			l->nr_macs--;
		}
	}
}

static const char *const drop_names[LINK_NR_DROPS] = {
	[LINK_DROP_RUNT]	= "runt",
	[LINK_DROP_MTU]		= "too_long",
	[LINK_DROP_QUEUE]	= "queue_full",
	[LINK_DROP_LOSS]	= "lost",
	[LINK_DROP_SAME_PORT]	= "same_port",
	[LINK_DROP_ALONE]	= "no_other_port",
	[LINK_DROP_MEMORY]	= "no_memory",
};

/* @from: NULL when that port has left meanwhile */
static void count_drop(struct link *l, const struct link_port *from,
		       const struct link_frame *f, enum link_drop why)
{
	l->stats.drops[why]++;
	if (from)
		dev_trace_lost(l->bus, from->number, f->number, f->len,
			       drop_names[why]);
}

/*
 * Arriving
 */

static void deliver(struct link *l, struct link_port *to, struct link_frame *f)
{
	l->stats.delivered++;
	dev_trace_rx(l->bus, to->number, f->number, f->len);
	to->rx(to, f);
}

static void flood(struct link *l, const struct link_port *from,
		  struct link_frame *f)
{
	struct link_port *p;
	bool any = false;

	TAILQ_FOREACH(p, &l->ports, entry) {
		if (p == from)
			continue;
		any = true;
		deliver(l, p, f);
	}
	if (any)
		l->stats.flooded++;
	else
		count_drop(l, from, f, LINK_DROP_ALONE);
}

static void forward(struct link *l, struct link_port *from,
		    struct link_frame *f)
{
	struct mac *m;

	if (from)
		mac_learn(l, frame_src(f), from);
	/* Addresses of groups were never learnt, so they are not found. */
	m = mac_find(l, frame_dst(f));
	if (!m)
		flood(l, from, f);
	else if (m->port == from)
		count_drop(l, from, f, LINK_DROP_SAME_PORT);
	else
		deliver(l, m->port, f);
}

static void stop_waiting(struct link_flight *fl)
{
	if (!fl->waiting)
		return;
	fl->waiting = false;
	TAILQ_REMOVE(&fl->from->waiting, fl, wait_entry);
	fl->from->nr_waiting--;
}

static void flight_free(struct link_flight *fl)
{
	stop_waiting(fl);
	dev_timer_cancel(&fl->arrive);
	TAILQ_REMOVE(&fl->link->flights, fl, entry);
	link_frame_put(fl->frame);
	free(fl);
}

static void flight_arrive(struct dev_timer *t)
{
	struct link_flight *fl = container_of(t, struct link_flight, arrive);

	if (!fl->lost)
		forward(fl->link, fl->from, fl->frame);
	flight_free(fl);
}

/*
 * Sending
 */

/* Simulated time ends at S64_MAX: what is due then never happens. */
static u64 add_time(u64 a, u64 b)
{
	u64 sum;

	if (__builtin_add_overflow(a, b, &sum) || sum > S64_MAX)
		return S64_MAX;
	return sum;
}

/* Rounded up. A frame has fewer than 2^17 bytes: nothing overflows. */
static u64 wire_time(const struct link *l, const struct link_frame *f)
{
	if (!l->bandwidth)
		return 0;
	return (f->len * 8 * NSEC_PER_SEC + l->bandwidth - 1) / l->bandwidth;
}

static bool draw_loss(struct link *l)
{
	return l->loss && prng_next(&l->prng) <= l->loss;
}

/* Frames are taken off the list when they begin to leave, or later: here. */
static bool queue_full(struct link *l, struct link_port *p, u64 now)
{
	struct link_flight *fl;

	while ((fl = TAILQ_FIRST(&p->waiting)) && fl->begin <= now)
		stop_waiting(fl);
	return p->free_at > now && p->nr_waiting >= l->queue;
}

static struct link_flight *flight_new(struct link_port *p, struct link_frame *f)
{
	struct link_flight *fl = calloc(1, sizeof(*fl));

	if (!fl)
		return NULL;
	fl->link = p->link;
	fl->from = p;
	fl->frame = f;
	dev_timer_init(&fl->arrive, p->link->bus, flight_arrive);
	TAILQ_INSERT_TAIL(&p->link->flights, fl, entry);
	return fl;
}

static void take_off(struct link *l, struct link_flight *fl, u64 now)
{
	struct link_port *p = fl->from;

	fl->begin = max_u64(now, p->free_at);
	p->free_at = add_time(fl->begin, wire_time(l, fl->frame));
	if (fl->begin > now) {
		fl->waiting = true;
		TAILQ_INSERT_TAIL(&p->waiting, fl, wait_entry);
		p->nr_waiting++;
	}
	fl->lost = draw_loss(l);
	if (fl->lost)
		count_drop(l, p, fl->frame, LINK_DROP_LOSS);
	dev_timer_arm(&fl->arrive, add_time(p->free_at, l->latency));
}

static void drop(struct link *l, const struct link_port *from,
		 struct link_frame *f, enum link_drop why)
{
	count_drop(l, from, f, why);
	link_frame_put(f);
}

u64 link_send(struct link_port *p, struct link_frame *f)
{
	struct link *l = p->link;
	struct link_flight *fl;
	u64 now;

	if (!l) {
		link_frame_put(f);
		return 0;
	}
	now = dev_bus_now(l->bus);
	l->stats.sent++;
	f->number = dev_trace_tx(l->bus, p->number, f->data, f->len);
	if (f->len < LINK_MIN_FRAME) {
		drop(l, p, f, LINK_DROP_RUNT);
	} else if (!link_fits(f, link_mtu(l))) {
		drop(l, p, f, LINK_DROP_MTU);
	} else if (queue_full(l, p, now)) {
		drop(l, p, f, LINK_DROP_QUEUE);
	} else {
		fl = flight_new(p, f);
		if (fl)
			take_off(l, fl, now);
		else
			drop(l, p, f, LINK_DROP_MEMORY);
	}
	return max_u64(now, p->free_at);
}

/*
 * Ports
 */

unsigned int link_number(const struct link *l)
{
	return l->number;
}

void link_join(struct link *l, struct link_port *p)
{
	p->link = l;
	p->free_at = 0;
	p->nr_waiting = 0;
	TAILQ_INIT(&p->waiting);
	TAILQ_INSERT_TAIL(&l->ports, p, entry);
}

void link_leave(struct link_port *p)
{
	struct link *l = p->link;
	struct link_flight *fl;

	if (!l)
		return;
	TAILQ_FOREACH(fl, &l->flights, entry) {
		if (fl->from != p)
			continue;
		stop_waiting(fl);
		fl->from = NULL;
	}
	macs_forget(l, p);
	TAILQ_REMOVE(&l->ports, p, entry);
	p->link = NULL;
}

/*
 * The link itself
 */

static void link_free(void *obj)
{
	struct link *l = obj;
	struct link_port *p;
	struct link_flight *fl;

	while ((p = TAILQ_FIRST(&l->ports)))
		link_leave(p);
	while ((fl = TAILQ_FIRST(&l->flights)))
		flight_free(fl);
	macs_forget(l, NULL);
	free(l);
}

static void link_show(const void *obj, FILE *f)
{
	const struct link_stats *s = &((const struct link *)obj)->stats;
	int i;

	fprintf(f, "sent %" PRIu64 "\n", s->sent);
	fprintf(f, "delivered %" PRIu64 "\n", s->delivered);
	fprintf(f, "flooded %" PRIu64 "\n", s->flooded);
	for (i = 0; i < LINK_NR_DROPS; i++)
		fprintf(f, "dropped_%s %" PRIu64 "\n", drop_names[i], s->drops[i]);
	fprintf(f, "macs_not_learnt %" PRIu64 "\n", s->macs_not_learnt);
}

static int get_options(struct link *l, const char *name, struct dev_args *a)
{
	u64 bandwidth = U64_MAX;
	int err;

	err = dev_arg_time(a, "latency", &l->latency);
	if (!err)
		err = dev_arg_rate(a, "bandwidth", &bandwidth);
	if (!err)
		err = dev_arg_prob(a, "loss", &l->loss);
	if (!err)
		err = dev_arg_u64(a, "mtu", &l->mtu);
	if (!err)
		err = dev_arg_u64(a, "queue", &l->queue);
	if (err)
		return err;
	if (l->mtu < LINK_MIN_MTU || l->mtu > LINK_MAX_MTU) {
		log_err(name, "option mtu=%s: not from %u to %u",
			dev_arg_str(a, "mtu", ""), LINK_MIN_MTU, LINK_MAX_MTU);
		return -EINVAL;
	}
	if (!bandwidth) {
		log_err(name, "option bandwidth=%s: nothing would ever arrive",
			dev_arg_str(a, "bandwidth", ""));
		return -EINVAL;
	}
	l->bandwidth = bandwidth == U64_MAX ? 0 : bandwidth;
	return 0;
}

int link_new(struct dev_bus *b, const char *name, struct dev_args *a,
	     struct link **out)
{
	struct link *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->bus = b;
	l->mtu = 1500;
	l->queue = 1000;
	TAILQ_INIT(&l->ports);
	TAILQ_INIT(&l->flights);
	prng_seed(&l->prng, dev_bus_seed(b, "link"), name);
	err = a ? get_options(l, name, a) : 0;
	if (err)
		goto err_free;
	err = dev_bus_share(b, "link", name, l, link_free, link_show);
	if (err == -EEXIST)
		log_err(name, "there is a link of this name already");
	if (err)
		goto err_free;
	l->number = dev_trace_link(b, name);
	if (out)
		*out = l;
	return 0;

err_free:
	free(l);
	return err;
}

int link_find(struct dev_bus *b, const char *name, struct link **out)
{
	*out = dev_bus_shared(b, "link", name);
	return *out ? 0 : link_new(b, name, NULL, out);
}

u32 link_mtu(const struct link *l)
{
	return (u32)l->mtu;
}

const struct link_stats *link_get_stats(const struct link *l)
{
	return &l->stats;
}
