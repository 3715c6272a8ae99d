// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The calendar's messages in pieces, and more of them than it can take. */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(framing) {
	struct umtt cal;
	struct ttp a, b;
};

/* a waits for 1000, b runs, at 500. */
FIXTURE_SETUP(framing)
{
	umtt_start(&self->cal, "calendar", "--socket", path("cal"),
		   "--clients=2", NULL);
	client_open(&self->a, "client 1", 1);
	client_open(&self->b, "client 2", 2);
	client_admitted(&self->a, NULL);
	client_wait(&self->a, 1000);
	client_admitted(&self->b, NULL);
	client_wait(&self->b, 500);
	client_runs(&self->b, 500, 1000);
}

FIXTURE_TEARDOWN(framing)
{
	close(self->a.fd);
	close(self->b.fd);
	umtt_ends(&self->cal, 0);
}

static void wait_until_read(int fd)
{
	u64 end = wall_ms() + 5000;
	int n = 1;

	while (ioctl(fd, SIOCOUTQ, &n) == 0 && n)
		if (wall_ms() > end)
			fail("the calendar does not read");
}

TEST_F(framing, split_anywhere)
{
	struct tt_msg m = { .op = TT_GET };
	struct ttp *b = &self->b;
	size_t at;

	for (at = 1; at < sizeof(m); at++) {
		m.seq = ++b->seq;
		send_bytes(b->fd, &m, at, NULL, 0);
		wait_until_read(b->fd);
		nothing_comes(b->fd, b->name, 0);
		/* Others are not kept waiting. */
		ttp_say(&self->a, TT_GET, 0);
		ttp_expect_ack(&self->a, 500);
		send_bytes(b->fd, (u8 *)&m + at, sizeof(m) - at, NULL, 0);
		ttp_expect_ack(b, 500);
	}
}

TEST_F(framing, many_in_one_piece)
{
	struct tt_msg m[100];
	struct ttp *b = &self->b;
	unsigned int i;

	for (i = 0; i < 100; i++)
		m[i] = (struct tt_msg){ .op = TT_UPDATE, .seq = ++b->seq,
					.time = 500 + i };
	send_bytes(b->fd, m, sizeof(m), NULL, 0);
	for (i = 0; i < 100; i++)
		check_eq(m[i].seq, ttp_expect(b, TT_ACK, 0));
	ttp_say(b, TT_GET, 0);
	ttp_expect_ack(b, 599);
}

/* What a parked client sends in advance is not lost, and not before its turn. */
TEST_F(framing, pipelined_while_parked)
{
	struct ttp *a = &self->a, *b = &self->b;
	unsigned int i;
	u32 first = a->seq + 1, seq;

	ttp_say(a, TT_REQUEST, 700);
	for (i = 0; i < 50; i++)
		ttp_say(a, TT_GET, 0);
	ttp_say(a, TT_REQUEST, 600);
	ttp_say(a, TT_GET, 0);
	seq = ttp_expect(b, TT_FREE_UNTIL, 700);
	ttp_quiet(a);
	nothing_comes(b->fd, b->name, 0);
	ttp_ack(b, seq, 0);
	check_eq(first, ttp_expect(a, TT_ACK, 0));
	for (i = 1; i <= 50; i++)
		check_eq(first + i, ttp_expect(a, TT_ACK, 500));
	/* The next one that has to wait. */
	seq = ttp_expect(b, TT_FREE_UNTIL, 600);
	ttp_quiet(a);
	ttp_ack(b, seq, 0);
	check_eq(first + 51, ttp_expect(a, TT_ACK, 0));
	check_eq(first + 52, ttp_expect(a, TT_ACK, 500));
	client_wait(b, U64_MAX);
	client_runs(a, 600, 600 + NSEC_PER_SEC);
}

/* A parked client that leaves is noticed at once. */
TEST_F(framing, end_of_a_parked_client)
{
	struct ttp *b = &self->b;
	u32 seq;

	ttp_say(&self->a, TT_REQUEST, 700);
	ttp_ack(b, ttp_expect(b, TT_FREE_UNTIL, 700), 0);
	ttp_expect_ack(&self->a, 0);
	ttp_say(&self->a, TT_REQUEST, 600);
	seq = ttp_expect(b, TT_FREE_UNTIL, 600);
	close(self->a.fd);
	sleep_ms(50);
	ttp_ack(b, seq, 0);
	client_wait(b, 800);
	client_runs(b, 800, 800 + NSEC_PER_SEC);
}

TEST_F(framing, many_broadcasts_at_once)
{
	struct ttp p[40];
	unsigned int i, k;

	ttp_say(&self->b, TT_WAIT, 0);
	ttp_expect_ack(&self->b, 0);
	client_runs(&self->a, 1000, 1000 + NSEC_PER_SEC);
	for (i = 0; i < 40; i++) {
		client_open(&p[i], "another client", 100 + i);
		/* Who runs is stopped, once. */
		if (!i)
			ttp_ack(&self->a, ttp_expect(&self->a, TT_FREE_UNTIL,
						     1000), 0);
	}
	client_wait(&self->a, 5000);
	for (i = 0; i < 40; i++) {
		client_admitted(&p[i], NULL);
		client_wait(&p[i], 9000);
	}
	client_runs(&self->a, 5000, 10000);
	for (i = 0; i < 40; i++)
		ttp_say(&p[i], TT_BROADCAST, i);
	/* Everybody gets all of them, but for its own. */
	for (i = 0; i < 40; i++)
		for (k = 0; k < 40; k++) {
			struct tt_msg m = ttp_recv(&p[i]);

			check(m.op == TT_BROADCAST || m.op == TT_ACK);
			if (m.op == TT_BROADCAST)
				ttp_ack(&p[i], m.seq, 0);
		}
	for (k = 0; k < 40; k++)
		ttp_ack(&self->a, ttp_recv(&self->a).seq, 0);
	for (i = 0; i < 40; i++)
		close(p[i].fd);
}

/* Who does not read is not read from, and others go on. */
TEST_F(framing, client_that_does_not_read)
{
	struct tt_msg m = { .op = TT_GET };
	struct ttp *a = &self->a, *b = &self->b;
	u64 sent = 0, still = wall_ms();
	unsigned int i, n;
	ssize_t ret;

	while (wall_ms() - still < 300) {
		m.seq = a->seq + (u32)sent + 1;
		ret = send(a->fd, &m, sizeof(m), MSG_DONTWAIT);
		if (ret == (ssize_t)sizeof(m)) {
			still = wall_ms();
			if (++sent > 100000)
				fail("the calendar reads on although nobody listens to it");
		} else {
			check(ret < 0 && errno == EAGAIN);
			sleep_ms(10);
		}
	}
	for (i = 0; i < 10; i++) {
		ttp_say(b, TT_GET, 0);
		ttp_expect_ack(b, 500);
	}
	/* When it reads, nothing is missing. */
	for (n = 1; n <= sent; n++)
		check_eq(a->seq + n, ttp_expect(a, TT_ACK, 500));
	a->seq += (u32)sent;
	ttp_say(a, TT_GET, 0);
	ttp_expect_ack(a, 500);
}

TEST_HARNESS_MAIN
