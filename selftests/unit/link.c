// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Links: where frames go, and when they arrive, to the nanosecond. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "../../src/dev/args.h"
#include "../../src/dev/link.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

#define PORTS	64u
#define LOG	4096u

/* What arrived, in order, at all ports. */
struct arrival {
	unsigned int port;
	u64 when;
	u32 tag, len;
};

struct test_port {
	struct link_port p;
	struct test *t;
	unsigned int nr;
	u64 rx;
};

struct test {
	struct dev_bus *b;
	struct link *l;
	struct test_port port[PORTS];
	struct arrival log[LOG];
	unsigned int nr, taken;
	u32 tag;
};

FIXTURE(link) {
	struct test *t;
};

static void arrived(struct link_port *p, struct link_frame *f)
{
	struct test_port *tp = container_of(p, struct test_port, p);
	struct test *t = tp->t;
	struct arrival *a = &t->log[t->nr++ % LOG];

	a->port = tp->nr;
	a->when = dev_bus_now(t->b);
	memcpy(&a->tag, f->data + 14, sizeof(a->tag));
	a->len = f->len;
	tp->rx++;
}

static void join(struct test *t, unsigned int first, unsigned int last)
{
	for (; first <= last; first++) {
		t->port[first].p.rx = arrived;
		t->port[first].t = t;
		t->port[first].nr = first;
		link_join(t->l, &t->port[first].p);
	}
}

static struct link *make(struct dev_bus *b, const char *spec)
{
	struct link *l = NULL;
	struct dev_args *a;

	if (dev_args_parse(&a, NULL, spec))
		abort();
	if (link_new(b, dev_args_type(a), a, &l))
		l = NULL;
	else if (dev_args_unused(a))
		abort();
	dev_args_free(a);
	return l;
}

/* Start again, with a link of these options and 4 ports. */
static struct test *restart(FIXTURE_DATA(link) *self, u64 seed,
			    const char *spec)
{
	struct test *t = calloc(1, sizeof(*t));

	if (self->t) {
		fake_bus_free(self->t->b);
		free(self->t);
	}
	self->t = t;
	t->b = fake_bus_new(seed);
	t->l = make(t->b, spec);
	if (!t->l)
		abort();
	join(t, 0, 3);
	fake_bus_run_until(t->b, 1000);
	return t;
}

FIXTURE_SETUP(link)
{
	self->t = NULL;
	restart(self, 1, "lan,latency=100");
}

FIXTURE_TEARDOWN(link)
{
	fake_bus_free(self->t->b);
	free(self->t);
	EXPECT_EQ(0, leaks());
}

/* Station @n has address 02:00:00:00:hi:lo; these two are for everybody. */
#define ALL	0xffffffffu
#define GROUP	0xfffffffeu

static void put_mac(u8 *mac, u32 n)
{
	static const u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const u8 group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
	const u8 one[6] = { 2, 0, (u8)(n >> 24), (u8)(n >> 16), (u8)(n >> 8),
			    (u8)n };

	memcpy(mac, n == ALL ? all : n == GROUP ? group : one, 6);
}

static u64 send_len(struct test *t, unsigned int port, u32 src, u32 dst,
		    u32 len)
{
	struct link_frame *f = link_frame_new(len < 18 ? 18 : len);
	u32 tag = ++t->tag;

	memset(f->data, 0, f->len);
	put_mac(f->data, dst);
	put_mac(f->data + 6, src);
	memcpy(f->data + 14, &tag, sizeof(tag));
	f->len = len;
	return link_send(&t->port[port].p, f);
}

static u64 send(struct test *t, unsigned int port, u32 src, u32 dst)
{
	return send_len(t, port, src, dst, 60);
}

/* True when the next arrival is frame @tag at @port, at this instant. */
static bool next_is(struct test *t, u32 tag, unsigned int port, u64 when)
{
	struct arrival *a = &t->log[t->taken % LOG];

	if (t->taken == t->nr)
		return false;
	t->taken++;
	return a->port == port && a->when == when && a->tag == tag;
}

static bool no_more(struct test *t)
{
	return t->taken == t->nr;
}

static u64 drops(const struct test *t, enum link_drop why)
{
	return link_get_stats(t->l)->drops[why];
}

/* Everybody says who and where he is: station n at port n. */
static void introduce(struct test *t, unsigned int ports)
{
	unsigned int i;

	for (i = 0; i < ports; i++)
		send(t, i, i, ALL);
	fake_bus_run(t->b);
	t->taken = t->nr;
}

/*
 * When
 */

TEST_F(link, arrives_the_latency_later)
{
	struct test *t = self->t;

	introduce(t, 2);
	fake_bus_run_until(t->b, 5000);
	EXPECT_EQ(5000, send(t, 0, 0, 1));
	EXPECT_TRUE(no_more(t));
	fake_bus_run_until(t->b, 5099);
	EXPECT_TRUE(no_more(t));
	fake_bus_run_until(t->b, 5100);
	EXPECT_TRUE(next_is(t, t->tag, 1, 5100));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, without_latency_now_but_not_from_within)
{
	struct test *t = restart(self, 1, "lan");

	send(t, 0, 0, 1);
	EXPECT_TRUE(no_more(t));
	fake_bus_run_until(t->b, 1000);
	EXPECT_TRUE(next_is(t, 1, 1, 1000));
}

TEST_F(link, serialisation_is_rounded_up)
{
	/* 60 bytes at 7 Mbit/s: 68571.4 ns */
	struct test *t = restart(self, 1, "lan,bandwidth=7Mbit,latency=10");

	EXPECT_EQ(1000 + 68572, send(t, 0, 0, ALL));
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 1, 1, 1000 + 68572 + 10));
	EXPECT_EQ(10, dev_bus_now(t->b) - 1000 - 68572);
	/* 1514 bytes at 1 Gbit/s: 12112 ns exactly */
	t = restart(self, 1, "lan,bandwidth=1Gbit");
	EXPECT_EQ(1000 + 12112, send_len(t, 0, 0, ALL, 1514));
	t = restart(self, 1, "lan,bandwidth=1bit");
	EXPECT_EQ(1000 + 480 * NSEC_PER_SEC, send(t, 0, 0, ALL));
	t = restart(self, 1, "lan,bandwidth=1000Tbit");
	EXPECT_EQ(1001, send(t, 0, 0, ALL));
}

TEST_F(link, frames_of_a_port_queue_behind_each_other)
{
	struct test *t = restart(self, 1, "lan,bandwidth=480Mbit,latency=5us");

	/* 60 bytes take 1 us */
	EXPECT_EQ(2000, send(t, 0, 0, ALL));
	EXPECT_EQ(3000, send(t, 0, 0, ALL));
	/* another port has a wire of its own */
	EXPECT_EQ(2000, send(t, 1, 1, ALL));
	fake_bus_run_until(t->b, 2500);
	EXPECT_EQ(4000, send(t, 0, 0, ALL));
	fake_bus_run_until(t->b, 4500);
	EXPECT_EQ(5500, send(t, 0, 0, ALL));
	join(t, 4, 4);
	fake_bus_run(t->b);
	EXPECT_EQ(5, t->port[4].rx);
	EXPECT_EQ(4, t->port[1].rx);
	EXPECT_EQ(10500, dev_bus_now(t->b));
	EXPECT_EQ(0, drops(t, LINK_DROP_QUEUE));
}

TEST_F(link, same_time_in_order_of_sending)
{
	struct test *t = restart(self, 1, "lan,bandwidth=480Mbit,latency=100");

	introduce(t, 4);
	fake_bus_run_until(t->b, 10000);
	send(t, 2, 2, 3);		/* arrives at 11100 */
	send(t, 2, 2, 3);		/* arrives at 12100, sent now */
	fake_bus_run_until(t->b, 11000);
	send(t, 0, 0, 3);		/* arrives at 12100, sent later */
	send(t, 1, 1, 3);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 5, 3, 11100));
	EXPECT_TRUE(next_is(t, 6, 3, 12100));
	EXPECT_TRUE(next_is(t, 7, 3, 12100));
	EXPECT_TRUE(next_is(t, 8, 3, 12100));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, queue_of_a_port_is_bounded)
{
	struct test *t = restart(self, 1, "lan,bandwidth=480Mbit,queue=2");

	introduce(t, 2);
	fake_bus_run_until(t->b, 10000);
	send(t, 0, 0, 1);		/* leaves */
	send(t, 0, 0, 1);		/* waits */
	EXPECT_EQ(13000, send(t, 0, 0, 1)); /* waits */
	EXPECT_EQ(0, drops(t, LINK_DROP_QUEUE));
	EXPECT_EQ(13000, send(t, 0, 0, 1)); /* finds two waiting */
	EXPECT_EQ(1, drops(t, LINK_DROP_QUEUE));
	fake_bus_run_until(t->b, 10999);
	send(t, 0, 0, 1);
	EXPECT_EQ(2, drops(t, LINK_DROP_QUEUE));
	fake_bus_run_until(t->b, 11000);
	EXPECT_EQ(14000, send(t, 0, 0, 1));
	EXPECT_EQ(2, drops(t, LINK_DROP_QUEUE));
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 3, 1, 11000));
	EXPECT_TRUE(next_is(t, 4, 1, 12000));
	EXPECT_TRUE(next_is(t, 5, 1, 13000));
	EXPECT_TRUE(next_is(t, 8, 1, 14000));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, queue_of_none)
{
	struct test *t = restart(self, 1, "lan,bandwidth=480Mbit,queue=0");

	send(t, 0, 0, ALL);
	send(t, 0, 0, ALL);
	EXPECT_EQ(1, drops(t, LINK_DROP_QUEUE));
	fake_bus_run_until(t->b, 2000);
	send(t, 0, 0, ALL);
	EXPECT_EQ(1, drops(t, LINK_DROP_QUEUE));
}

TEST_F(link, what_is_due_after_the_end_of_time_never_comes)
{
	struct test *t = restart(self, 1, "lan,latency=9223372036854775807");

	send(t, 0, 0, ALL);
	fake_bus_run_until(t->b, S64_MAX - 1);
	EXPECT_TRUE(no_more(t));
	t = restart(self, 1, "lan,bandwidth=1bit,queue=100000000");
	t->port[0].p.free_at = S64_MAX - 5;
	EXPECT_EQ(S64_MAX, send(t, 0, 0, ALL));
	EXPECT_EQ(S64_MAX, send(t, 0, 0, ALL));
}

/*
 * Where
 */

TEST_F(link, unknown_goes_to_all_others)
{
	struct test *t = self->t;

	send(t, 2, 2, 77);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 1, 0, 1100));
	EXPECT_TRUE(next_is(t, 1, 1, 1100));
	EXPECT_TRUE(next_is(t, 1, 3, 1100));
	EXPECT_TRUE(no_more(t));
	EXPECT_EQ(1, link_get_stats(t->l)->flooded);
	EXPECT_EQ(3, link_get_stats(t->l)->delivered);
}

TEST_F(link, broadcast_and_multicast_go_to_all_others)
{
	struct test *t = self->t;

	introduce(t, 4);
	send(t, 1, 1, ALL);
	send(t, 1, 1, GROUP);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 5, 0, 1200));
	EXPECT_TRUE(next_is(t, 5, 2, 1200));
	EXPECT_TRUE(next_is(t, 5, 3, 1200));
	EXPECT_TRUE(next_is(t, 6, 0, 1200));
	EXPECT_TRUE(next_is(t, 6, 2, 1200));
	EXPECT_TRUE(next_is(t, 6, 3, 1200));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, known_goes_there_alone)
{
	struct test *t = self->t;
	unsigned int i, k;

	introduce(t, 4);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++) {
			if (i == k)
				continue;
			send(t, i, i, k);
			fake_bus_run(t->b);
			EXPECT_TRUE(next_is(t, t->tag, k, dev_bus_now(t->b)));
			EXPECT_TRUE(no_more(t));
		}
	EXPECT_EQ(4, link_get_stats(t->l)->flooded);
}

TEST_F(link, never_back_to_where_it_came_from)
{
	struct test *t = self->t;

	introduce(t, 2);
	send(t, 0, 0, 0);
	/* Two stations behind one port. */
	send(t, 0, 50, ALL);
	fake_bus_run(t->b);
	t->taken = t->nr;
	send(t, 0, 0, 50);
	fake_bus_run(t->b);
	EXPECT_TRUE(no_more(t));
	EXPECT_EQ(2, drops(t, LINK_DROP_SAME_PORT));
}

TEST_F(link, station_moves)
{
	struct test *t = self->t;

	introduce(t, 4);
	send(t, 3, 0, ALL);
	fake_bus_run(t->b);
	t->taken = t->nr;
	send(t, 1, 1, 0);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, t->tag, 3, dev_bus_now(t->b)));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, group_address_as_source_is_not_learnt)
{
	struct test *t = self->t;

	introduce(t, 4);
	send(t, 2, GROUP, 0);
	send(t, 2, ALL, 0);
	fake_bus_run(t->b);
	t->taken = t->nr;
	send(t, 0, 0, GROUP);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, t->tag, 1, dev_bus_now(t->b)));
	EXPECT_TRUE(next_is(t, t->tag, 2, dev_bus_now(t->b)));
	EXPECT_TRUE(next_is(t, t->tag, 3, dev_bus_now(t->b)));
	EXPECT_EQ(0, link_get_stats(t->l)->macs_not_learnt);
}

TEST_F(link, learnt_on_arrival_not_on_sending)
{
	struct test *t = self->t;

	send(t, 0, 0, ALL);
	send(t, 1, 1, 0);
	fake_bus_run(t->b);
	/* The first had arrived when the second did. */
	EXPECT_TRUE(next_is(t, 1, 1, 1100));
	EXPECT_TRUE(next_is(t, 1, 2, 1100));
	EXPECT_TRUE(next_is(t, 1, 3, 1100));
	EXPECT_TRUE(next_is(t, 2, 0, 1100));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, alone_on_the_link)
{
	struct test *t = self->t;

	link_leave(&t->port[1].p);
	link_leave(&t->port[2].p);
	link_leave(&t->port[3].p);
	send(t, 0, 0, ALL);
	fake_bus_run(t->b);
	EXPECT_TRUE(no_more(t));
	EXPECT_EQ(1, drops(t, LINK_DROP_ALONE));
	EXPECT_EQ(0, link_get_stats(t->l)->flooded);
}

TEST_F(link, sixty_four_ports)
{
	struct test *t = self->t;
	unsigned int i, k;

	join(t, 4, PORTS - 1);
	introduce(t, PORTS);
	for (i = 0; i < PORTS; i++)
		EXPECT_EQ(PORTS - 1, t->port[i].rx);
	for (i = 0; i < PORTS; i++)
		for (k = 0; k < PORTS; k++)
			if (i != k)
				send(t, i, i, k);
	fake_bus_run(t->b);
	for (i = 0; i < PORTS; i++)
		EXPECT_EQ(2 * (PORTS - 1), t->port[i].rx);
	EXPECT_EQ(PORTS, link_get_stats(t->l)->flooded);
}

TEST_F(link, more_addresses_than_there_is_room_for)
{
	struct test *t = self->t;
	u32 n;

	for (n = 0; n < 10000; n++) {
		send(t, 0, 0x10000 + n, ALL);
		if (n % 100 == 99)
			fake_bus_run(t->b);
	}
	EXPECT_EQ(10000 - 4096, link_get_stats(t->l)->macs_not_learnt);
	/* All still works: flooded where not known. */
	t->taken = t->nr;
	send(t, 1, 1, 0x10000);
	send(t, 2, 2, 1);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 10001, 0, dev_bus_now(t->b)));
	EXPECT_TRUE(next_is(t, 10002, 0, dev_bus_now(t->b)));
	EXPECT_TRUE(next_is(t, 10002, 1, dev_bus_now(t->b)));
	EXPECT_TRUE(next_is(t, 10002, 3, dev_bus_now(t->b)));
	/* A port that leaves makes room. */
	link_leave(&t->port[0].p);
	t->taken = t->nr;
	send(t, 1, 1, ALL);
	fake_bus_run(t->b);
	t->taken = t->nr;
	send(t, 2, 2, 1);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, t->tag, 1, dev_bus_now(t->b)));
	EXPECT_TRUE(no_more(t));
}

/*
 * Which not
 */

TEST_F(link, frame_lengths)
{
	struct test *t = restart(self, 1, "lan,mtu=1000");
	struct link_frame *f;

	send_len(t, 0, 0, ALL, 13);
	EXPECT_EQ(1, drops(t, LINK_DROP_RUNT));
	send_len(t, 0, 0, ALL, 0);
	EXPECT_EQ(2, drops(t, LINK_DROP_RUNT));
	send_len(t, 0, 0, ALL, 14);
	EXPECT_EQ(2, drops(t, LINK_DROP_RUNT));
	send_len(t, 0, 0, ALL, 1014);
	EXPECT_EQ(0, drops(t, LINK_DROP_MTU));
	send_len(t, 0, 0, ALL, 1015);
	EXPECT_EQ(1, drops(t, LINK_DROP_MTU));
	/* A VLAN tag is not counted. */
	f = link_frame_new(1018);
	memset(f->data, 0xff, f->len);
	memcpy(f->data + 12, "\x81\x00", 2);
	EXPECT_TRUE(link_fits(f, 1000));
	EXPECT_FALSE(link_fits(f, 999));
	memcpy(f->data + 12, "\x88\xa8", 2);
	EXPECT_TRUE(link_fits(f, 1000));
	memcpy(f->data + 12, "\x08\x00", 2);
	EXPECT_FALSE(link_fits(f, 1000));
	link_send(&t->port[0].p, f);
	EXPECT_EQ(2, drops(t, LINK_DROP_MTU));
	EXPECT_EQ(1018, link_max_frame(1000));
	EXPECT_EQ(1000, link_mtu(t->l));
	fake_bus_run(t->b);
	EXPECT_EQ(2, t->port[1].rx);
	EXPECT_EQ(6, link_get_stats(t->l)->sent);
}

static unsigned int lost_of(struct test *t, unsigned int n, u64 *pattern)
{
	unsigned int i, lost = 0, before;

	*pattern = 0;
	for (i = 0; i < n; i++) {
		before = t->port[1].rx;
		send(t, 0, 0, ALL);
		fake_bus_run(t->b);
		if (t->port[1].rx == before) {
			lost++;
			*pattern |= BIT_ULL(i % 64);
		}
	}
	return lost;
}

TEST_F(link, loss_is_as_likely_as_said)
{
	u64 pattern;

	EXPECT_EQ(0, lost_of(restart(self, 1, "lan,loss=0"), 1000, &pattern));
	EXPECT_EQ(1000, lost_of(restart(self, 1, "lan,loss=1"), 1000, &pattern));
	/* 5 standard deviations */
	EXPECT_GT(250, abs((int)lost_of(restart(self, 1, "lan,loss=50%"), 10000,
					&pattern) - 5000));
	EXPECT_GT(50, abs((int)lost_of(restart(self, 1, "lan,loss=0.01"), 10000,
				       &pattern) - 100));
	EXPECT_EQ(drops(self->t, LINK_DROP_LOSS),
		  10000 - self->t->port[1].rx);
}

TEST_F(link, loss_follows_from_seed_and_name)
{
	u64 a, b, other_seed, other_name;

	lost_of(restart(self, 1, "lan,loss=0.5"), 64, &a);
	lost_of(restart(self, 1, "lan,loss=0.5"), 64, &b);
	lost_of(restart(self, 2, "lan,loss=0.5"), 64, &other_seed);
	lost_of(restart(self, 1, "wan,loss=0.5"), 64, &other_name);
	EXPECT_EQ(a, b);
	EXPECT_NE(a, other_seed);
	EXPECT_NE(a, other_name);
}

TEST_F(link, lost_frame_is_lost_for_all_and_uses_the_wire)
{
	struct test *t = restart(self, 1, "lan,loss=1,bandwidth=480Mbit");

	EXPECT_EQ(2000, send(t, 0, 0, ALL));
	EXPECT_EQ(3000, send(t, 0, 0, ALL));
	fake_bus_run(t->b);
	EXPECT_TRUE(no_more(t));
	EXPECT_EQ(2, drops(t, LINK_DROP_LOSS));
	EXPECT_EQ(0, link_get_stats(t->l)->delivered);
}

/*
 * Coming and going
 */

TEST_F(link, frames_of_a_port_that_left_still_arrive)
{
	struct test *t = restart(self, 1, "lan,bandwidth=480Mbit,latency=100");

	introduce(t, 4);
	fake_bus_run_until(t->b, 10000);
	send(t, 0, 0, 1);
	send(t, 0, 0, 2);
	send(t, 0, 0, ALL);
	fake_bus_run_until(t->b, 10500);
	link_leave(&t->port[0].p);
	memset(&t->port[0].p, 0xee, sizeof(t->port[0].p));
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 5, 1, 11100));
	EXPECT_TRUE(next_is(t, 6, 2, 12100));
	EXPECT_TRUE(next_is(t, 7, 1, 13100));
	EXPECT_TRUE(next_is(t, 7, 2, 13100));
	EXPECT_TRUE(next_is(t, 7, 3, 13100));
	EXPECT_TRUE(no_more(t));
	/* Nobody knows that station any more. */
	send(t, 1, 1, 0);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 8, 2, 14200));
	EXPECT_TRUE(next_is(t, 8, 3, 14200));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, frames_to_a_port_that_left_are_flooded)
{
	struct test *t = self->t;

	introduce(t, 4);
	send(t, 0, 0, 1);
	link_leave(&t->port[1].p);
	memset(&t->port[1].p, 0xee, sizeof(t->port[1].p));
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 5, 2, 1200));
	EXPECT_TRUE(next_is(t, 5, 3, 1200));
	EXPECT_TRUE(no_more(t));
}

TEST_F(link, port_that_is_not_plugged_in)
{
	struct test *t = self->t;

	link_leave(&t->port[0].p);
	link_leave(&t->port[0].p);
	EXPECT_EQ(0, send(t, 0, 0, ALL));
	fake_bus_run(t->b);
	EXPECT_TRUE(no_more(t));
	join(t, 0, 0);
	send(t, 0, 0, ALL);
	fake_bus_run(t->b);
	EXPECT_TRUE(next_is(t, 2, 1, 1100));
}

TEST_F(link, bus_goes_while_frames_are_under_way)
{
	/* The teardown is what is tested, with the leak checker. */
	send(self->t, 0, 0, ALL);
	send(self->t, 1, 1, ALL);
}

TEST_F(link, frame_is_shared_not_copied)
{
	struct link_frame *f = link_frame_new(60);

	memset(f->data, 0xff, 60);
	link_frame_get(f);
	link_send(&self->t->port[0].p, f);
	fake_bus_run(self->t->b);
	EXPECT_EQ(1, f->refs);
	link_frame_put(f);
}

TEST_F(link, found_by_name)
{
	struct dev_bus *b = self->t->b;
	struct link *l = NULL, *l2 = NULL;

	EXPECT_EQ(0, link_find(b, "lan", &l));
	EXPECT_EQ(self->t->l, l);
	EXPECT_EQ(0, link_find(b, "other", &l));
	ASSERT_NE(NULL, l);
	EXPECT_NE(self->t->l, l);
	EXPECT_EQ(0, link_find(b, "other", &l2));
	EXPECT_EQ(l, l2);
	EXPECT_EQ(1500, link_mtu(l));
	EXPECT_EQ(-EEXIST, link_new(b, "other", NULL, NULL));
	EXPECT_EQ(0, link_new(b, "third", NULL, NULL));
}

TEST_F(link, options_refused)
{
	static const char *const bad[] = {
		"x,latency=soon", "x,bandwidth=0", "x,bandwidth=fast",
		"x,loss=2", "x,mtu=67", "x,mtu=65522", "x,mtu=x", "x,queue=x",
	};
	static const char *const good[] = {
		"a,mtu=68", "b,mtu=65521", "c,loss=100%,queue=0",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, make(self->t->b, bad[i]))
			TH_LOG("case %zu", i);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		EXPECT_NE(NULL, make(self->t->b, good[i]));
}

TEST_F(link, counters_are_shown)
{
	struct test *t = self->t;

	send(t, 0, 0, ALL);
	send_len(t, 0, 0, ALL, 2000);
	fake_bus_run(t->b);
	EXPECT_EQ(2, fake_shared_stat(t->b, "link", "lan", "sent"));
	EXPECT_EQ(3, fake_shared_stat(t->b, "link", "lan", "delivered"));
	EXPECT_EQ(1, fake_shared_stat(t->b, "link", "lan", "flooded"));
	EXPECT_EQ(1, fake_shared_stat(t->b, "link", "lan", "dropped_too_long"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_runt"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_queue_full"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_lost"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_same_port"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_no_other_port"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "dropped_no_memory"));
	EXPECT_EQ(0, fake_shared_stat(t->b, "link", "lan", "macs_not_learnt"));
}

TEST_F(link, without_memory)
{
	struct test *t = self->t;
	struct link_frame *f = link_frame_new(60);
	struct link *l;

	introduce(t, 2);
	memset(f->data, 0xff, 60);
	oom = true;
	EXPECT_EQ(dev_bus_now(t->b), link_send(&t->port[0].p, f));
	EXPECT_EQ(NULL, link_frame_new(60));
	EXPECT_EQ(-ENOMEM, link_find(t->b, "other", &l));
	EXPECT_EQ(-ENOMEM, link_new(t->b, "other", NULL, NULL));
	oom = false;
	EXPECT_EQ(1, drops(t, LINK_DROP_MEMORY));
	EXPECT_EQ(0, fake_bus_timers(t->b));
	/* An address that could not be learnt. */
	send(t, 2, 2, 0);
	oom = true;
	fake_bus_run(t->b);
	oom = false;
	EXPECT_EQ(1, link_get_stats(t->l)->macs_not_learnt);
	EXPECT_TRUE(next_is(t, t->tag, 0, dev_bus_now(t->b)));
}

TEST_F(link, every_frame_is_accounted_for)
{
	struct test *t = restart(self, 9, "lan,bandwidth=100Mbit,latency=3us,loss=10%,queue=3");
	const struct link_stats *s = link_get_stats(t->l);
	u64 rx = 0, gone = 0;
	struct prng rnd;
	unsigned int i;

	prng_seed(&rnd, 4, "link");
	for (i = 0; i < 20000; i++) {
		send_len(t, (unsigned int)(prng_next(&rnd) % 4),
			 (u32)(prng_next(&rnd) % 6), (u32)(prng_next(&rnd) % 8),
			 (u32)(prng_next(&rnd) % 1600));
		if (prng_next(&rnd) % 3)
			fake_bus_run_until(t->b, dev_bus_now(t->b) +
					   prng_next(&rnd) % 50000);
	}
	fake_bus_run(t->b);
	for (i = 0; i < 4; i++)
		rx += t->port[i].rx;
	for (i = 0; i < LINK_NR_DROPS; i++)
		gone += s->drops[i];
	EXPECT_EQ(20000, s->sent);
	EXPECT_EQ(rx, s->delivered);
	/* A flooded frame is delivered three times. */
	EXPECT_EQ(s->sent, gone + s->delivered - 2 * s->flooded);
	EXPECT_LT(0, s->drops[LINK_DROP_QUEUE]);
	EXPECT_LT(0, s->drops[LINK_DROP_LOSS]);
	EXPECT_LT(0, s->drops[LINK_DROP_SAME_PORT]);
}

TEST_HARNESS_MAIN
