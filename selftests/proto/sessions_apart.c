// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What one front-end does is no trouble of another one's. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(apart) {
	struct sim s;
	struct fvu g;	/* the one that misbehaves, at "b" */
};

/* A request of the good one is to come back at 1000. */
FIXTURE_SETUP(apart)
{
	struct sim *s = &self->s;

	sim_open(s, NULL);
	echo_put(&s->f, 0, 0, 1000);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 0, 0);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 0, 1);
	cal_expect(&s->cal, TT_REQUEST, 1000, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	fvu_open(&self->g, "b");
}

FIXTURE_TEARDOWN(apart)
{
	struct sim *s = &self->s;

	/* It came to no harm. */
	cal_run(&s->cal, 1000, 1001);
	fvu_called(&s->f, 0);
	check_eq(1000, echo_get(&s->f, 0, 0).t_done);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	sim_close(s);
	fvu_close(&self->g);
}

TEST_F(apart, garbage)
{
	unsigned int i;
	u8 junk[256];

	srand(1);
	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (u8)(rand() | 0x10);
	send_bytes(self->g.fd, junk, sizeof(junk), NULL, 0);
	comes_to_an_end(self->g.fd, "the slave");
	umtt_says(&self->s.slave, "echo1: session of pid ");
}

TEST_F(apart, garbage_on_the_slave_channel)
{
	send_bytes(self->g.slave, "hello, is anybody there? ", 24, NULL, 0);
	comes_to_an_end(self->g.fd, "the slave");
	umtt_says(&self->s.slave, "on the slave channel");
}

TEST_F(apart, answer_that_nobody_waits_for)
{
	fvu_answer(&self->g, 0);
	comes_to_an_end(self->g.fd, "the slave");
	umtt_says(&self->s.slave, "sent something else than the answer to a request of ours");
}

TEST_F(apart, slave_channel_that_is_none)
{
	int fd = open("/dev/null", 0);

	fvu_send(&self->g, VHOST_USER_SET_SLAVE_REQ_FD, VHOST_USER_NEED_REPLY,
		 NULL, 0, &fd, 1);
	fvu_acked(&self->g, VHOST_USER_SET_SLAVE_REQ_FD, 0);
	comes_to_an_end(self->g.fd, "the slave");
	umtt_says(&self->s.slave, "echo1: session of pid ");
	close(fd);
}

/* A queue that cannot be right breaks; the session lives on. */
TEST_F(apart, broken_queue)
{
	struct sim *s = &self->s;
	struct fvu *g = &self->g;
	u64 one = 0;
	int err = -1;
	int p[2];

	check(pipe(p) == 0);
	fvu_send(g, VHOST_USER_SET_VRING_ERR, VHOST_USER_NEED_REPLY, &one,
		 sizeof(one), &p[1], 1);
	fvu_acked(g, VHOST_USER_SET_VRING_ERR, 0);
	fvu_avail(g, 0, FVU_NUM);
	echo_put(g, 1, 0, 0);
	fvu_kick(g, 0);
	cal_kick(&s->cal, 10, 10);
	fvu_kicked(g);
	fvu_kick(g, 1);
	cal_expect(&s->cal, TT_GET, U64_MAX, 10);
	fvu_kicked(g);
	cal_run(&s->cal, 10, 11);
	umtt_says(&s->slave, "echo1: queue 0 is broken: head out of range");
	fvu_called(g, 1);
	fvu_answer(g, 0);
	echo_get(g, 1, 0);
	cal_expect(&s->cal, TT_REQUEST, 1000, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check(read(p[0], &err, sizeof(err)) > 0);
	close(p[0]);
	close(p[1]);
	/* It can be set up anew. */
	fvu_state(g, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	fvu_rings_clear(g, 0);
	fvu_queue(g, 0);
	echo_put(g, 0, 0, 0);
	fvu_kick(g, 0);
	cal_kick(&s->cal, 20, 20);
	fvu_kicked(g);
	cal_run(&s->cal, 20, 21);
	fvu_called(g, 0);
	fvu_answer(g, 0);
	echo_get(g, 0, 0);
	cal_expect(&s->cal, TT_REQUEST, 1000, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(apart, second_connection_is_turned_away)
{
	int fd = connect_to(path("b")), fd2 = connect_to(path("b"));

	comes_to_an_end(fd, "the slave");
	comes_to_an_end(fd2, "the slave");
	umtt_says(&self->s.slave, "echo1: pid ");
	umtt_says(&self->s.slave, " is connected already");
	close(fd);
	close(fd2);
	/* The first one is not disturbed. */
	check(fvu_get(&self->g, VHOST_USER_GET_FEATURES));
}

TEST_F(apart, unread_answers)
{
	struct sim *s = &self->s;
	unsigned int i, n = 400;
	u64 before;

	/* It asks and asks, and never listens. */
	for (i = 0; i < n; i++)
		fvu_send(&self->g, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL,
			 0);
	before = umtt_cpu_ms(&s->slave);
	cal_alive(&s->cal, 0);
	sleep_ms(QUIET_MS);
	/* Nor does it keep the slave busy. */
	if (umtt_cpu_ms(&s->slave) - before > QUIET_MS / 2)
		fail("the slave is busy with one that does not listen");
	while (n--) {
		fvu_reply(&self->g, VHOST_USER_GET_FEATURES, &before, 8);
		check(before & FVU_FEATURES);
	}
}

TEST_F(apart, answers_that_are_never_read)
{
	struct sim *s = &self->s;
	struct vhost_user_hdr h = { VHOST_USER_GET_FEATURES, 1, 0 };
	struct vhost_user_hdr many[1000];
	u64 end = wall_ms() + 2000, sent = 0;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < 1000; i++)
		many[i] = h;
	/* At some point the slave does not read any more, either. */
	while (wall_ms() < end) {
		n = send(self->g.fd, (u8 *)many + sent % sizeof(h),
			 sizeof(many) - sent % sizeof(h), MSG_DONTWAIT);
		if (n > 0) {
			sent += (u64)n;
			end = wall_ms() + 2000;
			if (sent > 20000000)
				fail("the slave reads on although nobody listens to it");
		} else {
			sleep_ms(10);
			if (wall_ms() + 1700 > end)
				break;
		}
	}
	cal_alive(&s->cal, 0);
}

TEST_HARNESS_MAIN
