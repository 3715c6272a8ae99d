// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The network device: two ports on a link, seen from their drivers. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/dev/args.h"
#include "../../src/dev/link.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

extern const struct dev_ops net_dev_ops;

#define RX	0u
#define TX	1u
#define HDR	12u
#define V1	BIT_ULL(VIRTIO_F_VERSION_1)

FIXTURE(net) {
	struct dev_bus *b;
	struct dev *a, *z;	/* two ends */
	u32 len;
};

static void add_link(struct dev_bus *b, const char *spec)
{
	struct dev_args *a;

	if (dev_args_parse(&a, NULL, spec) ||
	    link_new(b, dev_args_type(a), a, NULL))
		abort();
	dev_args_free(a);
}

static void restart(FIXTURE_DATA(net) *self, const char *link,
		    const char *spec, u64 features)
{
	if (self->b)
		fake_bus_free(self->b);
	self->b = fake_bus_new(1);
	add_link(self->b, link);
	self->a = fake_dev_new(self->b, &net_dev_ops, spec, "a");
	self->z = fake_dev_new(self->b, &net_dev_ops, spec, "z");
	if (!self->a || !self->z)
		abort();
	fake_dev_connect(self->a, features);
	fake_dev_connect(self->z, features);
	fake_bus_run_until(self->b, 1000);
}

FIXTURE_SETUP(net)
{
	self->b = NULL;
	restart(self, "lan,latency=100", "net", V1);
}

FIXTURE_TEARDOWN(net)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

/* A header of zeros, then a frame of @len bytes to everybody. */
static void put_frame(struct dev *d, unsigned int slot, u32 hdr, u32 len)
{
	u8 *p = fake_out(d, TX, slot);
	u32 i;

	memset(p, 0, hdr);
	for (i = 0; i < len; i++)
		p[hdr + i] = i < 6 ? 0xff : (u8)(slot * 7 + i);
}

static void send(struct dev *d, unsigned int slot, u32 len)
{
	put_frame(d, slot, HDR, len);
	fake_offer(d, TX, slot, HDR + len, 0);
	fake_dev_kick(d, TX);
}

static void give_rx(struct dev *d, unsigned int slot, u32 len)
{
	memset(fake_in(d, RX, slot), 0xee, FAKE_SLOT_BYTES);
	fake_offer(d, RX, slot, 0, len);
	fake_dev_kick(d, RX);
}

static bool same_frame(FIXTURE_DATA(net) *self, unsigned int tx_slot,
		       unsigned int rx_slot, u32 hdr, u32 len)
{
	return !memcmp(fake_out(self->a, TX, tx_slot) + hdr,
		       fake_in(self->z, RX, rx_slot) + hdr, len);
}

TEST_F(net, frame_from_end_to_end)
{
	static const u8 hdr[HDR] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 };

	give_rx(self->z, 5, 2000);
	send(self->a, 3, 100);
	EXPECT_EQ(3, fake_take(self->a, TX, &self->len));
	EXPECT_EQ(0, self->len);
	fake_bus_run_until(self->b, 1099);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
	fake_bus_run_until(self->b, 1100);
	ASSERT_EQ(5, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 100, self->len);
	EXPECT_EQ(0, memcmp(hdr, fake_in(self->z, RX, 5), HDR));
	EXPECT_TRUE(same_frame(self, 3, 5, HDR, 100));
	EXPECT_EQ(0xee, fake_in(self->z, RX, 5)[HDR + 100]);
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
	EXPECT_EQ(100, fake_dev_stat(self->a, "tx_bytes"));
	EXPECT_EQ(1, fake_dev_stat(self->z, "rx_frames"));
	EXPECT_EQ(100, fake_dev_stat(self->z, "rx_bytes"));
	EXPECT_EQ(0, fake_dev_stat(self->a, "rx_frames"));
}

TEST_F(net, header_is_shorter_before_version_1)
{
	restart(self, "lan", "net", 0);
	give_rx(self->z, 0, 10 + 64);
	put_frame(self->a, 0, 10, 64);
	fake_offer(self->a, TX, 0, 10 + 64, 0);
	fake_dev_kick(self->a, TX);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(10 + 64, self->len);
	EXPECT_TRUE(same_frame(self, 0, 0, 10, 64));
}

TEST_F(net, buffers_that_fit_exactly)
{
	give_rx(self->z, 0, HDR + 1514);
	send(self->a, 0, 1514);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 1514, self->len);
	EXPECT_TRUE(same_frame(self, 0, 0, HDR, 1514));
}

TEST_F(net, frame_and_header_cut_to_pieces)
{
	struct fake_ring *r = fake_dev_ring(self->a, TX);
	unsigned int i;
	u64 gpa;

	give_rx(self->z, 0, 2000);
	put_frame(self->a, 0, HDR, 40);
	fake_offer(self->a, TX, 0, HDR + 40, 0);
	gpa = r->desc[0].addr;
	for (i = 0; i < HDR + 40; i++)
		fake_desc(r, i, gpa + i, 1,
			  i < HDR + 39 ? VRING_DESC_F_NEXT : 0, (u16)(i + 1));
	fake_dev_kick(self->a, TX);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 40, self->len);
	EXPECT_TRUE(same_frame(self, 0, 0, HDR, 40));
}

/*
 * What is not sent
 */

TEST_F(net, chain_shorter_than_its_header)
{
	u32 len;

	for (len = 0; len < HDR; len++) {
		put_frame(self->a, 0, HDR, 0);
		fake_offer(self->a, TX, 0, len, 0);
		fake_dev_kick(self->a, TX);
		ASSERT_EQ(0, fake_take(self->a, TX, &self->len));
	}
	EXPECT_EQ(HDR, fake_dev_stat(self->a, "tx_malformed"));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(net, runt_frame)
{
	u32 len;

	for (len = 0; len < 14; len++)
		send(self->a, 0, len);
	EXPECT_EQ(14, fake_dev_stat(self->a, "tx_runt"));
	EXPECT_EQ(0, fake_bus_timers(self->b));
	send(self->a, 0, 14);
	EXPECT_EQ(14, fake_dev_stat(self->a, "tx_runt"));
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
}

TEST_F(net, frame_longer_than_the_mtu)
{
	send(self->a, 0, 1514);
	EXPECT_EQ(0, fake_dev_stat(self->a, "tx_too_long"));
	send(self->a, 1, 1515);
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_too_long"));
	send(self->a, 2, 1519);
	EXPECT_EQ(2, fake_dev_stat(self->a, "tx_too_long"));
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
	/* With a VLAN tag it may be. */
	put_frame(self->a, 3, HDR, 1518);
	memcpy(fake_out(self->a, TX, 3) + HDR + 12, "\x81\x00", 2);
	fake_offer(self->a, TX, 3, HDR + 1518, 0);
	fake_dev_kick(self->a, TX);
	EXPECT_EQ(2, fake_dev_stat(self->a, "tx_frames"));
}

TEST_F(net, mtu_larger_than_the_links)
{
	restart(self, "lan,mtu=1000", "net,mtu=1500", V1);
	send(self->a, 0, 1015);
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
	EXPECT_EQ(1, fake_shared_stat(self->b, "link", "lan",
				      "dropped_too_long"));
	EXPECT_EQ(0, fake_take(self->a, TX, &self->len));
}

TEST_F(net, frame_that_asks_for_an_offload)
{
	put_frame(self->a, 0, HDR, 64);
	fake_out(self->a, TX, 0)[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	fake_offer(self->a, TX, 0, HDR + 64, 0);
	fake_dev_kick(self->a, TX);
	put_frame(self->a, 1, HDR, 64);
	fake_out(self->a, TX, 1)[1] = VIRTIO_NET_HDR_GSO_TCPV4;
	fake_offer(self->a, TX, 1, HDR + 64, 0);
	fake_dev_kick(self->a, TX);
	EXPECT_EQ(2, fake_dev_stat(self->a, "tx_malformed"));
	EXPECT_EQ(0, fake_dev_stat(self->a, "tx_frames"));
	EXPECT_EQ(0, fake_take(self->a, TX, &self->len));
	EXPECT_EQ(1, fake_take(self->a, TX, &self->len));
}

TEST_F(net, other_header_fields_do_not_matter)
{
	put_frame(self->a, 0, HDR, 64);
	memset(fake_out(self->a, TX, 0) + 2, 0xff, HDR - 2);
	fake_offer(self->a, TX, 0, HDR + 64, 0);
	fake_dev_kick(self->a, TX);
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
}

TEST_F(net, without_memory_a_frame_is_lost_and_counted)
{
	oom = true;
	send(self->a, 0, 60);
	oom = false;
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_no_memory"));
	EXPECT_EQ(0, fake_take(self->a, TX, &self->len));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

/*
 * Waiting to be received
 */

TEST_F(net, frames_wait_for_buffers)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		send(self->a, i, 60 + i);
	fake_bus_run_until(self->b, 5000);
	EXPECT_EQ(0, fake_dev_stat(self->z, "rx_frames"));
	give_rx(self->z, 0, 2000);
	give_rx(self->z, 1, 2000);
	ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 60, self->len);
	ASSERT_EQ(1, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 61, self->len);
	/* Newer ones do not overtake. */
	send(self->a, 5, 65);
	fake_bus_run_until(self->b, 6000);
	for (i = 2; i < 6; i++) {
		give_rx(self->z, i, 2000);
		ASSERT_EQ(i, fake_take(self->z, RX, &self->len));
		EXPECT_EQ(HDR + 60 + i, self->len);
		EXPECT_TRUE(same_frame(self, i, i, HDR, 60 + i));
	}
	EXPECT_EQ(0, fake_dev_stat(self->z, "rx_dropped"));
	EXPECT_EQ(6, fake_dev_stat(self->z, "rx_frames"));
}

TEST_F(net, buffers_added_before_their_kick)
{
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	fake_offer(self->z, RX, 0, 0, 2000);
	fake_offer(self->z, RX, 1, 0, 2000);
	/* It must not take the buffer of the one that waits. */
	send(self->a, 1, 61);
	fake_bus_run(self->b);
	fake_dev_kick(self->z, RX);
	ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 60, self->len);
	ASSERT_EQ(1, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 61, self->len);
}

TEST_F(net, waiting_frames_are_bounded_and_drops_counted)
{
	unsigned int i;

	restart(self, "lan", "net,queue=3", V1);
	for (i = 0; i < 5; i++)
		send(self->a, i, 60 + i);
	fake_bus_run(self->b);
	EXPECT_EQ(2, fake_dev_stat(self->z, "rx_dropped"));
	for (i = 0; i < 4; i++)
		give_rx(self->z, i, 2000);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(i, fake_take(self->z, RX, &self->len));
		EXPECT_EQ(HDR + 60 + i, self->len);
	}
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
	/* Around the end of the queue. */
	send(self->a, 0, 70);
	for (i = 1; i < 4; i++)
		send(self->a, i, 70 + i);
	fake_bus_run(self->b);
	ASSERT_EQ(3, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 70, self->len);
	for (i = 1; i < 4; i++) {
		give_rx(self->z, i, 2000);
		ASSERT_EQ(i, fake_take(self->z, RX, &self->len));
		EXPECT_EQ(HDR + 70 + i, self->len);
	}
}

TEST_F(net, buffer_too_small_for_the_frame)
{
	u32 len;

	for (len = 0; len < HDR + 60; len += 7) {
		give_rx(self->z, 0, len);
		send(self->a, 0, 60);
		fake_bus_run(self->b);
		ASSERT_EQ(0, fake_take(self->z, RX, &self->len));
		EXPECT_EQ(0, self->len);
		EXPECT_EQ(0xee, fake_in(self->z, RX, 0)[0]);
	}
	EXPECT_EQ(0, fake_dev_stat(self->z, "rx_frames"));
	EXPECT_EQ((HDR + 60 + 6) / 7, fake_dev_stat(self->z, "rx_too_small"));
}

TEST_F(net, port_without_a_driver)
{
	fake_dev_disconnect(self->z);
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(1, fake_dev_stat(self->z, "rx_down"));
	/* A driver that comes gets nothing that was sent before. */
	fake_dev_connect(self->z, V1);
	give_rx(self->z, 0, 2000);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
}

TEST_F(net, frames_that_waited_for_a_driver_that_left)
{
	send(self->a, 0, 60);
	send(self->a, 1, 60);
	fake_bus_run(self->b);
	fake_dev_disconnect(self->z);
	EXPECT_EQ(2, fake_dev_stat(self->z, "rx_down"));
	fake_dev_connect(self->z, V1);
	give_rx(self->z, 0, 2000);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
}

TEST_F(net, frames_that_waited_for_a_driver_that_starts_again)
{
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	fake_dev_connect(self->z, V1);
	EXPECT_EQ(1, fake_dev_stat(self->z, "rx_down"));
	give_rx(self->z, 0, 2000);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
}

TEST_F(net, suspended_receiver)
{
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	send(self->a, 1, 61);
	fake_bus_run(self->b);
	/* One has been received, one waits. */
	fake_dev_suspend(self->z, RX);
	send(self->a, 2, 62);
	fake_bus_run(self->b);
	EXPECT_EQ(1, fake_dev_stat(self->z, "rx_down"));
	fake_offer(self->z, RX, 1, 0, 2000);
	fake_dev_resume(self->z, RX);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
	ASSERT_EQ(1, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(HDR + 61, self->len);
}

TEST_F(net, broken_receiver_does_not_stop_others)
{
	struct dev *third = fake_dev_new(self->b, &net_dev_ops, "net", "t");

	ASSERT_NE(NULL, third);
	fake_dev_connect(third, V1);
	give_rx(third, 0, 2000);
	fake_avail(fake_dev_ring(self->z, RX), 0xffff);
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(third, RX, &self->len));
	send(self->a, 1, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(1, fake_dev_stat(self->z, "rx_down"));
}

/*
 * Sending over a slow link
 */

TEST_F(net, buffers_come_back_when_their_frame_has_left)
{
	unsigned int i;

	/* 60 bytes take 1 us */
	restart(self, "lan,bandwidth=480Mbit,latency=100", "net,queue=4", V1);
	for (i = 0; i < 3; i++) {
		put_frame(self->a, i, HDR, 60);
		fake_offer(self->a, TX, i, HDR + 60, 0);
		give_rx(self->z, i, 2000);
	}
	fake_dev_kick(self->a, TX);
	for (i = 0; i < 3; i++) {
		fake_bus_run_until(self->b, 1999 + 1000 * i);
		EXPECT_EQ(-1, fake_take(self->a, TX, &self->len));
		fake_bus_run_until(self->b, 2000 + 1000 * i);
		EXPECT_EQ(i, fake_take(self->a, TX, &self->len));
		fake_bus_run_until(self->b, 2099 + 1000 * i);
		EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
		fake_bus_run_until(self->b, 2100 + 1000 * i);
		EXPECT_EQ(i, fake_take(self->z, RX, &self->len));
	}
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(net, frame_is_read_when_it_begins_to_leave)
{
	restart(self, "lan,bandwidth=480Mbit", "net", V1);
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	fake_out(self->a, TX, 0)[HDR + 20] ^= 0xff;
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_FALSE(same_frame(self, 0, 0, HDR, 60));
}

TEST_F(net, many_frames_on_a_slow_link_lose_none)
{
	unsigned int i, n = 0, got = 0;

	restart(self, "lan,bandwidth=1Mbit,queue=0", "net,queue=1", V1);
	for (i = 0; i < FAKE_SLOTS; i++) {
		put_frame(self->a, i, HDR, 100);
		fake_offer(self->a, TX, i, HDR + 100, 0);
	}
	for (i = 0; i < FAKE_SLOTS; i++)
		fake_offer(self->z, RX, i, 0, 2000);
	fake_dev_kick(self->a, TX);
	while (fake_bus_step(self->b)) {
		while (fake_take(self->a, TX, &self->len) >= 0)
			n++;
		while (fake_take(self->z, RX, &self->len) >= 0)
			got++;
		EXPECT_GE(1, n - got);
	}
	EXPECT_EQ(FAKE_SLOTS, n);
	EXPECT_EQ(FAKE_SLOTS, got);
	EXPECT_EQ(1000 + FAKE_SLOTS * 800000ULL, dev_now(self->a));
	EXPECT_EQ(0, fake_shared_stat(self->b, "link", "lan",
				      "dropped_queue_full"));
}

TEST_F(net, sender_taken_away_while_it_sends)
{
	restart(self, "lan,bandwidth=480Mbit", "net", V1);
	give_rx(self->z, 0, 2000);
	give_rx(self->z, 1, 2000);
	give_rx(self->z, 2, 2000);
	send(self->a, 0, 60);
	send(self->a, 1, 60);
	fake_bus_run_until(self->b, 1500);
	fake_dev_suspend(self->a, TX);
	/* What is on the wire has been sent, and must not be sent again. */
	EXPECT_EQ(0, fake_take(self->a, TX, &self->len));
	EXPECT_EQ(-1, fake_take(self->a, TX, &self->len));
	fake_bus_run_until(self->b, 1700);
	fake_dev_resume(self->a, TX);
	fake_bus_run_until(self->b, 2000);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
	/* The wire was busy until then. */
	fake_bus_run_until(self->b, 2999);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
	fake_bus_run_until(self->b, 3000);
	EXPECT_EQ(1, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(1, fake_take(self->a, TX, &self->len));
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(2, fake_dev_stat(self->a, "tx_frames"));
}

TEST_F(net, sender_leaves_while_it_sends)
{
	restart(self, "lan,bandwidth=480Mbit", "net", V1);
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	send(self->a, 1, 60);
	fake_dev_disconnect(self->a);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
	EXPECT_EQ(1, fake_dev_stat(self->a, "tx_frames"));
	fake_dev_connect(self->a, V1);
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
}

TEST_F(net, device_goes_while_its_frame_is_under_way)
{
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	fake_dev_free(self->a);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
}

TEST_F(net, receiver_goes_with_frames_waiting)
{
	/* The leak checker is what tests. */
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	fake_dev_free(self->z);
}

/*
 * Options
 */

static const struct virtio_net_config *config(const struct dev *d)
{
	return dev_config(d);
}

TEST_F(net, config_space)
{
	struct dev *d;

	EXPECT_EQ(1, net_dev_ops.virtio_id);
	EXPECT_EQ(12, net_dev_ops.config_size);
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, config(self->a)->status);
	EXPECT_EQ(1500, config(self->a)->mtu);
	add_link(self->b, "big,mtu=9000");
	d = fake_dev_new(self->b, &net_dev_ops, "net,link=big", "d");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(9000, config(d)->mtu);
	d = fake_dev_new(self->b, &net_dev_ops, "net,link=big,mtu=1400", "e");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(1400, config(d)->mtu);
	d = fake_dev_new(self->b, &net_dev_ops,
			 "net,mac=0A:1b:2c:Dd:EE:0f", "f");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, memcmp(config(d)->mac, "\x0a\x1b\x2c\xdd\xee\x0f", 6));
}

TEST_F(net, default_mac_follows_from_seed_and_name)
{
	struct dev_bus *b;
	struct dev *d;

	EXPECT_EQ(2, config(self->a)->mac[0] & 3);
	EXPECT_NE(0, memcmp(config(self->a)->mac, config(self->z)->mac, 6));
	b = fake_bus_new(1);
	d = fake_dev_new(b, &net_dev_ops, "net,link=another", "a");
	EXPECT_EQ(0, memcmp(config(self->a)->mac, config(d)->mac, 6));
	fake_bus_free(b);
	b = fake_bus_new(2);
	d = fake_dev_new(b, &net_dev_ops, "net", "a");
	EXPECT_NE(0, memcmp(config(self->a)->mac, config(d)->mac, 6));
	fake_bus_free(b);
}

TEST_F(net, options_refused)
{
	static const char *const bad[] = {
		"net,mac=", "net,mac=02:00:00:00:00", "net,mac=02:00:00:00:00:0",
		"net,mac=02:00:00:00:00:00:", "net,mac=02:00:00:00:00:00:01",
		"net,mac=02-00-00-00-00-00", "net,mac=02:00:00:00:00:0g",
		"net,mac=03:00:00:00:00:01", "net,mac=ff:ff:ff:ff:ff:ff",
		"net,mac=00:00:00:00:00:00", "net,mac=2:0:0:0:0:1",
		"net,mac=020000000001", "net,mac=02:00:00:00:00:\x10\x11",
		"net,mtu=67", "net,mtu=70000", "net,queue=0", "net,queue=65537",
		"net,queue=x", "net,linc=lan",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, fake_dev_new(self->b, &net_dev_ops, bad[i], "x"))
			TH_LOG("case %zu", i);
}

TEST_F(net, links_are_apart)
{
	struct dev *d = fake_dev_new(self->b, &net_dev_ops, "net,link=b", "d");

	ASSERT_NE(NULL, d);
	fake_dev_connect(d, V1);
	give_rx(d, 0, 2000);
	give_rx(self->z, 0, 2000);
	send(self->a, 0, 60);
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(d, RX, &self->len));
	EXPECT_EQ(0, fake_take(self->z, RX, &self->len));
}

TEST_HARNESS_MAIN
