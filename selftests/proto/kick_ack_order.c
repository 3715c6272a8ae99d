// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A kick is acked when its work is registered with the calendar, not before. */
#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(kick) {
	struct sim s;
};

FIXTURE_SETUP(kick)
{
	sim_open(&self->s, "kick-latency=7");
}

FIXTURE_TEARDOWN(kick)
{
	sim_close(&self->s);
}

TEST_F(kick, reply_waits_for_the_ack_of_the_request)
{
	struct fvu *f = &self->s.f;
	struct ttp *cal = &self->s.cal;
	u32 seq;

	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	seq = ttp_expect(cal, TT_GET, U64_MAX);
	nothing_comes(f->fd, "the slave", QUIET_MS);
	ttp_ack(cal, seq, 500);
	seq = ttp_expect(cal, TT_REQUEST, 507);
	nothing_comes(f->fd, "the slave", QUIET_MS);
	/* What the calendar says meanwhile is no such ACK. */
	cal_alive(cal, 507);
	nothing_comes(f->fd, "the slave", QUIET_MS);
	ttp_ack(cal, seq, 0);
	fvu_kicked(f);
	ttp_quiet(cal);
}

TEST_F(kick, request_is_for_the_time_of_the_kick)
{
	struct fvu *f = &self->s.f;
	struct ttp *cal = &self->s.cal;

	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	cal_kick(cal, 500, 507);
	fvu_kicked(f);
	cal_run(cal, 507, NEVER);
	cal_expect(cal, TT_UPDATE, 1507, 0);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	check_eq(507, echo_get(f, 0, 0).t_start);
}

/* The one before it has been asked for, and is early enough. */
TEST_F(kick, earlier_request_stands_for_a_later_kick)
{
	struct fvu *f = &self->s.f;
	struct ttp *cal = &self->s.cal;

	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	cal_kick(cal, 500, 507);
	fvu_kicked(f);
	echo_put(f, 1, 0, 1000);
	fvu_kick(f, 1);
	cal_expect(cal, TT_GET, U64_MAX, 503);
	fvu_kicked(f);
	cal_run(cal, 507, 508);
	/* Its own time, and not that of the first. */
	cal_expect(cal, TT_REQUEST, 510, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
	cal_run(cal, 510, NEVER);
	cal_expect(cal, TT_UPDATE, 1507, 0);
	fvu_called(f, 0);
	check_eq(507, echo_get(f, 0, 0).t_start);
	fvu_answer(f, 0);
	cal_expect(cal, TT_UPDATE, 1510, 0);
	fvu_called(f, 1);
	fvu_answer(f, 0);
	check_eq(510, echo_get(f, 1, 0).t_start);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
}

/* Nothing is read from a front-end whose kick is not answered. */
TEST_F(kick, next_message_waits_for_the_reply)
{
	struct fvu *f = &self->s.f;
	struct ttp *cal = &self->s.cal;
	u64 features;
	u32 seq;

	fvu_kick(f, 0);
	fvu_send(f, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
	seq = ttp_expect(cal, TT_GET, U64_MAX);
	nothing_comes(f->fd, "the slave", QUIET_MS);
	ttp_ack(cal, seq, 1);
	cal_expect(cal, TT_REQUEST, 8, 0);
	fvu_kicked(f);
	fvu_reply(f, VHOST_USER_GET_FEATURES, &features, sizeof(features));
}

TEST_HARNESS_MAIN
