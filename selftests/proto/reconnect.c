// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A front-end that comes after another finds everything as at first. */
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(reconnect) {
	struct sim s;
	unsigned int fds;	/* of a slave without a front-end */
};

FIXTURE_SETUP(reconnect)
{
	sim_open(&self->s, NULL);
	self->fds = umtt_fds(&self->s.slave);
	fvu_close(&self->s.f);
	/* Two sockets, and that of the memory is closed at once. */
	umtt_has_fds(&self->s.slave, self->fds - 2);
	fvu_open(&self->s.f, "a");
}

FIXTURE_TEARDOWN(reconnect)
{
	sim_close(&self->s);
}

static void works(struct sim *s, u64 now)
{
	echo_put(&s->f, 0, 5, 10);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, now, now);
	fvu_kicked(&s->f);
	cal_run(&s->cal, now, NEVER);
	cal_expect(&s->cal, TT_UPDATE, now + 10, 0);
	fvu_called(&s->f, 0);
	check_eq(now, echo_get(&s->f, 0, 5).t_start);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
}

TEST_F(reconnect, after_nothing)
{
	works(&self->s, 100);
}

TEST_F(reconnect, after_work)
{
	struct sim *s = &self->s;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		works(s, 100 * (i + 1));
		fvu_close(&s->f);
		fvu_open(&s->f, "a");
	}
	umtt_has_fds(&s->slave, self->fds);
}

TEST_F(reconnect, with_requests_in_flight)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 0, 0, 1000);
	echo_put(&s->f, 1, 0, 1000);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 100, 100);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 100, 101);
	cal_expect(&s->cal, TT_REQUEST, 1100, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	/* The turn was asked for; nobody is called for what has gone. */
	cal_run(&s->cal, 1100, NEVER);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	nothing_comes(s->f.slave, "the slave", 0);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
	works(s, 1200);
}

/* The used index is where the guest's memory says, not where the last one was. */
TEST_F(reconnect, in_the_middle_of_a_ring)
{
	struct sim *s = &self->s;

	works(s, 100);
	fvu_close(&s->f);
	fvu_connect(&s->f, path("a"));
	s->f.ring[0].used->idx = s->f.ring[0].used_seen = 0xfffe;
	s->f.ring[0].avail->idx = s->f.ring[0].avail_idx = 0xfffe;
	fvu_negotiate(&s->f);
	fvu_state(&s->f, VHOST_USER_SET_VRING_NUM, 0, FVU_NUM, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_BASE, 0, 0xfffe, true);
	fvu_addr(&s->f, 0, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	works(s, 200);
	works(s, 300);
	works(s, 400);
	check_eq(1, s->f.ring[0].used->idx);
}

TEST_F(reconnect, nothing_negotiated_is_left)
{
	struct sim *s = &self->s;
	struct vhost_user_vring_state st = { 0 };

	works(s, 100);
	fvu_close(&s->f);
	fvu_connect(&s->f, path("a"));
	/* Not even that acks are wanted. */
	fvu_send(&s->f, VHOST_USER_VRING_KICK, VHOST_USER_NEED_REPLY, &st,
		 sizeof(st), NULL, 0);
	comes_to_an_end(s->f.fd, "the slave");
	umtt_says(&s->slave, "VRING_KICK without protocol feature INBAND_NOTIFICATIONS");
	fvu_close(&s->f);
	fvu_connect(&s->f, path("a"));
	fvu_negotiate(&s->f);
	fvu_kick(&s->f, 0);
	fvu_acked(&s->f, VHOST_USER_VRING_KICK, 1);
	umtt_says(&s->slave, "queue 0 cannot start: its set-up is not complete");
}

/* While the calendar has not answered what the kick of the first one needs. */
TEST_F(reconnect, during_a_kick)
{
	struct sim *s = &self->s;
	u32 seq;

	fvu_kick(&s->f, 0);
	seq = ttp_expect(&s->cal, TT_GET, U64_MAX);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	echo_put(&s->f, 0, 0, 0);
	fvu_kick(&s->f, 0);
	ttp_quiet(&s->cal);
	ttp_ack(&s->cal, seq, 100);
	/* The second one's own. */
	cal_kick(&s->cal, 150, 150);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 150, NEVER);
	fvu_called(&s->f, 0);
	check_eq(150, echo_get(&s->f, 0, 0).t_done);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(reconnect, twice_during_a_kick)
{
	struct sim *s = &self->s;
	u32 seq;

	echo_put(&s->f, 0, 0, 0);
	fvu_kick(&s->f, 0);
	cal_expect(&s->cal, TT_GET, U64_MAX, 100);
	seq = ttp_expect(&s->cal, TT_REQUEST, 100);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	fvu_kick(&s->f, 0);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	/* This one has not kicked: nothing is left of the others. */
	ttp_quiet(&s->cal);
	ttp_ack(&s->cal, seq, 0);
	ttp_quiet(&s->cal);
	cal_run(&s->cal, 100, NEVER);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	works(s, 200);
}

/* The kick has no other sign that its front-end is gone than the socket. */
TEST_F(reconnect, during_a_kick_without_a_slave_channel)
{
	struct sim *s = &self->s;
	int slave;
	u32 seq;

	slave = s->f.slave;
	s->f.slave = -1;
	fvu_kick(&s->f, 0);
	seq = ttp_expect(&s->cal, TT_GET, U64_MAX);
	fvu_close(&s->f);
	/* Its process has not quite ended. */
	fvu_open(&s->f, "a");
	close(slave);
	ttp_ack(&s->cal, seq, 100);
	works(s, 200);
}

/* Between UPDATE and the call, and between the call and its answer. */
TEST_F(reconnect, during_a_call)
{
	struct sim *s = &self->s;
	u32 seq;

	echo_put(&s->f, 0, 0, 10);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 100, 100);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 100, NEVER);
	seq = ttp_expect(&s->cal, TT_UPDATE, 110);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	ttp_ack(&s->cal, seq, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	/* Its driver has used nothing yet. */
	nothing_comes(s->f.slave, "the slave", 0);
	echo_put(&s->f, 0, 0, 10);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 200, 200);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 200, NEVER);
	cal_expect(&s->cal, TT_UPDATE, 210, 0);
	fvu_called(&s->f, 0);
	fvu_close(&s->f);
	fvu_open(&s->f, "a");
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	works(s, 300);
}

TEST_HARNESS_MAIN
