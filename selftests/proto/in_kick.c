// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Queues that are served within the kick: what net sends, and who gets it. */
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define RX	0
#define TX	1
#define HDR	12		/* of virtio-net, before each frame */
#define FRAME	64
#define US	NSEC_PER_USEC

FIXTURE(net) {
	struct umtt slave;
	struct ttp cal;
	struct fvu a, b;
};

FIXTURE_SETUP(net)
{
	int listener = cal_open();

	umtt_start(&self->slave, "slave", "--calendar", path("cal"),
		   "--link", "wire,latency=100us",
		   "--device", device("net", "a", "link=wire"),
		   "--device", device("net", "b", "link=wire"), NULL);
	cal_begin(&self->cal, listener);
	close(listener);
	fvu_open(&self->a, "a");
	fvu_open(&self->b, "b");
}

FIXTURE_TEARDOWN(net)
{
	umtt_term(&self->slave, 0);
	close(self->cal.fd);
	fvu_close(&self->a);
	fvu_close(&self->b);
}

static u64 buf_off(u32 vq, unsigned int i)
{
	return FVU_DATA + (vq * 32 + i) * FVU_SLOT;
}

/* A frame to everybody, made available. */
static void put_frame(struct fvu *f, u16 i)
{
	u8 *p = fvu_host(f, buf_off(TX, i));

	memset(p, 0, HDR + FRAME);
	memset(p + HDR, 0xff, 6);
	memset(p + HDR + 6, 0x02, 6);
	p[HDR + 20] = (u8)i;
	fvu_desc(f, TX, i, buf_off(TX, i), HDR + FRAME, 0, 0);
	fvu_avail(f, TX, i);
}

static void put_room(struct fvu *f, u16 i)
{
	fvu_desc(f, RX, i, buf_off(RX, i), 2000, VRING_DESC_F_WRITE, 0);
	fvu_avail(f, RX, i);
}

static void got_frame(struct fvu *f, u16 i, u8 which)
{
	u32 len = 0;

	check_eq(i, fvu_used(f, RX, &len));
	check_eq(HDR + FRAME, len);
	check_eq(which, ((u8 *)fvu_host(f, buf_off(RX, i)))[HDR + 20]);
}

/* Buffers for b, which it kicks for at @now. Rx is served in its turn. */
static void b_is_ready(struct ttp *cal, struct fvu *b, u64 now)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		put_room(b, (u16)i);
	fvu_kick(b, RX);
	cal_kick(cal, now, now);
	fvu_kicked(b);
	cal_run(cal, now, now);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/* What was sent is used when the kick is acked, without a turn of the slave. */
TEST_F(net, sent_within_the_kick)
{
	struct fvu *a = &self->a;
	struct ttp *cal = &self->cal;

	a->ring[TX].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	b_is_ready(cal, &self->b, 10 * US);
	put_frame(a, 0);
	put_frame(a, 1);
	fvu_kick(a, TX);
	cal_expect(cal, TT_GET, U64_MAX, 20 * US);
	/* That of the arrival, and no other. */
	cal_expect(cal, TT_REQUEST, 120 * US, 0);
	fvu_kicked(a);
	check_eq(0, fvu_used(a, TX, NULL));
	check_eq(1, fvu_used(a, TX, NULL));
	check_eq(-1, fvu_used(&self->b, RX, NULL));
	ttp_quiet(cal);
	cal_run(cal, 120 * US, NEVER);
	fvu_called(&self->b, RX);
	got_frame(&self->b, 0, 0);
	got_frame(&self->b, 1, 1);
	fvu_answer(&self->b, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/* The interrupt, too: the kick is acked when the call is answered. */
TEST_F(net, called_within_the_kick)
{
	struct fvu *a = &self->a;
	struct ttp *cal = &self->cal;

	b_is_ready(cal, &self->b, 10 * US);
	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_expect(cal, TT_GET, U64_MAX, 20 * US);
	fvu_called(a, TX);
	check_eq(0, fvu_used(a, TX, NULL));
	nothing_comes(a->fd, "the slave", QUIET_MS);
	/* It is the turn of another: no UPDATE, and FREE_UNTIL is served. */
	cal_alive(cal, NEVER);
	fvu_answer(a, 0);
	cal_expect(cal, TT_REQUEST, 120 * US, 0);
	fvu_kicked(a);
	cal_run(cal, 120 * US, NEVER);
	fvu_called(&self->b, RX);
	fvu_answer(&self->b, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/* Others' kicks are not served meanwhile, but they are acked. */
TEST_F(net, kick_of_another_meanwhile)
{
	struct fvu *a = &self->a, *b = &self->b;
	struct ttp *cal = &self->cal;

	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_expect(cal, TT_GET, U64_MAX, 20 * US);
	fvu_called(a, TX);
	put_room(b, 0);
	fvu_kick(b, RX);
	cal_kick(cal, 20 * US, 20 * US);
	fvu_kicked(b);
	fvu_answer(a, 0);
	/* An earlier request stands. */
	fvu_kicked(a);
	cal_run(cal, 20 * US, NEVER);
	cal_expect(cal, TT_UPDATE, 120 * US, 0);
	fvu_called(b, RX);
	fvu_answer(b, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/* What it has sent is on its way, and arrives when it must. */
static void arrives(struct ttp *cal, struct fvu *b)
{
	cal_expect(cal, TT_REQUEST, 120 * US, 0);
	cal_run(cal, 120 * US, NEVER);
	fvu_called(b, RX);
	got_frame(b, 0, 0);
	fvu_answer(b, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(net, end_of_the_kicker_during_the_call)
{
	struct fvu *a = &self->a;
	struct ttp *cal = &self->cal;

	b_is_ready(cal, &self->b, 10 * US);
	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_expect(cal, TT_GET, U64_MAX, 20 * US);
	fvu_called(a, TX);
	fvu_close(a);
	arrives(cal, &self->b);
	fvu_open(a, "a");
	put_frame(a, 0);
	a->ring[TX].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	fvu_kick(a, TX);
	cal_kick(cal, 130 * US, 230 * US);
	fvu_kicked(a);
	check_eq(0, fvu_used(a, TX, NULL));
}

/* The same, but the socket says it, and not the slave channel. */
TEST_F(net, end_of_the_kickers_socket_during_the_call)
{
	struct fvu *a = &self->a;
	struct ttp *cal = &self->cal;

	b_is_ready(cal, &self->b, 10 * US);
	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_expect(cal, TT_GET, U64_MAX, 20 * US);
	fvu_called(a, TX);
	close(a->fd);
	/* Somebody else wants in, so the slave looks. */
	a->fd = connect_to(path("a"));
	check(fvu_get(a, VHOST_USER_GET_FEATURES));
	arrives(cal, &self->b);
}

/* Disabled, it is not served at all. */
TEST_F(net, disabled_queue)
{
	struct fvu *a = &self->a;

	fvu_state(a, VHOST_USER_SET_VRING_ENABLE, TX, 0, true);
	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_expect(&self->cal, TT_GET, U64_MAX, 20 * US);
	fvu_kicked(a);
	check_eq(-1, fvu_used(a, TX, NULL));
	ttp_quiet(&self->cal);
}

/* In the slave's own turn there is no other one's time to serve it in. */
TEST_F(net, kick_in_the_slaves_turn)
{
	struct fvu *a = &self->a, *b = &self->b;
	struct ttp *cal = &self->cal;

	a->ring[TX].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	b_is_ready(cal, b, 10 * US);
	put_frame(a, 0);
	fvu_kick(a, TX);
	cal_kick(cal, 20 * US, 120 * US);
	fvu_kicked(a);
	cal_run(cal, 120 * US, NEVER);
	fvu_called(b, RX);
	put_frame(a, 1);
	fvu_kick(a, TX);
	fvu_kicked(a);
	check_eq(0, fvu_used(a, TX, NULL));
	check_eq(-1, fvu_used(a, TX, NULL));
	fvu_answer(b, 0);
	cal_expect(cal, TT_UPDATE, 220 * US, 0);
	check_eq(1, fvu_used(a, TX, NULL));
	fvu_called(b, RX);
	fvu_answer(b, 0);
	got_frame(b, 0, 0);
	got_frame(b, 1, 1);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/*
 * Who has not said which features it uses is not served. A frame that takes
 * its time to be sent would else outlive the session.
 */
TEST(nothing_is_sent_without_features)
{
	struct umtt slave;
	struct ttp cal;
	struct fvu f;
	int listener = cal_open();

	umtt_start(&slave, "slave", "--calendar", path("cal"),
		   "--link", "wire,bandwidth=8kbit",
		   "--device", device("net", "a", "link=wire"), NULL);
	cal_begin(&cal, listener);
	close(listener);
	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, f.protocol, true);
	fvu_slave_channel(&f, true);
	fvu_mem(&f, true);
	fvu_queue(&f, TX);
	put_frame(&f, 0);
	fvu_kick(&f, TX);
	cal_expect(&cal, TT_GET, U64_MAX, 20 * US);
	fvu_kicked(&f);
	ttp_quiet(&cal);
	check_eq(-1, fvu_used(&f, TX, NULL));
	fvu_close(&f);
	umtt_term(&slave, 0);
	close(cal.fd);
}

TEST_HARNESS_MAIN
