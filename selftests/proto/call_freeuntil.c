// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* While a call is not answered time stands still, and all else goes on. */
#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(call) {
	struct sim s;
};

/* Request 0 has come back at 1600, and VRING_CALL is not answered yet. */
FIXTURE_SETUP(call)
{
	struct sim *s = &self->s;

	sim_open(s, NULL);
	echo_put(&s->f, 0, 0, 1000);
	echo_put(&s->f, 0, 1, 3000);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 600, 600);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 600, 1600);
	cal_expect(&s->cal, TT_REQUEST, 1600, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	cal_run(&s->cal, 1600, NEVER);
	fvu_called(&s->f, 0);
}

FIXTURE_TEARDOWN(call)
{
	sim_close(&self->s);
}

TEST_F(call, slave_neither_waits_nor_requests)
{
	struct sim *s = &self->s;

	ttp_quiet(&s->cal);
	check_eq(1600, echo_get(&s->f, 0, 0).t_done);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
	fvu_answer(&s->f, 0);
	/* Now it goes on, by itself: nobody is in the way. */
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	check_eq(3600, echo_get(&s->f, 0, 1).t_done);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* The called kernel's REQUEST makes the calendar ask this of the slave. */
TEST_F(call, free_until_is_served)
{
	struct sim *s = &self->s;

	cal_alive(&s->cal, 1650);
	cal_alive(&s->cal, 1600);
	ttp_ask(&s->cal, TT_BROADCAST, 12);
	ttp_quiet(&s->cal);
	fvu_answer(&s->f, 0);
	/* The last one counts: nothing happens before 1600 is over. */
	cal_expect(&s->cal, TT_REQUEST, 3600, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(call, run_fits_nowhere)
{
	struct sim *s = &self->s;

	ttp_send(&s->cal, TT_RUN, 77, 1700);
	umtt_says(&s->slave, "sent RUN (op 6, seq 77, time 1700): we were not waiting");
	comes_to_an_end(s->cal.fd, "the slave");
	comes_to_an_end(s->f.fd, "the slave");
	umtt_ends(&s->slave, 125);
}

TEST_F(call, kicks_of_others_are_served)
{
	struct sim *s = &self->s;
	struct fvu g;

	fvu_open(&g, "b");
	echo_put(&g, 1, 0, 0);
	fvu_kick(&g, 1);
	/* It is the slave's turn, so it knows the time and needs no REQUEST. */
	fvu_kicked(&g);
	ttp_quiet(&s->cal);
	check_eq(-1, fvu_used(&g, 1, NULL));
	fvu_answer(&s->f, 0);
	fvu_called(&g, 1);
	check_eq(1600, echo_get(&g, 1, 0).t_start);
	ttp_quiet(&s->cal);
	fvu_answer(&g, 0);
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	fvu_close(&g);
}

/* The same queue, or another of the same front-end: it is not running, but may. */
TEST_F(call, kick_of_the_called_is_served)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 1, 0, 50);
	fvu_kick(&s->f, 1);
	fvu_kicked(&s->f);
	ttp_quiet(&s->cal);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 1650, 0);
	fvu_called(&s->f, 1);
	check_eq(1600, echo_get(&s->f, 1, 0).t_start);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(call, other_requests_are_served)
{
	struct sim *s = &self->s;

	check_eq(FVU_VQS, ({ fvu_u64(&s->f, VHOST_USER_SET_PROTOCOL_FEATURES,
				     FVU_INBAND | 1, true);
			     fvu_get(&s->f, VHOST_USER_GET_QUEUE_NUM); }));
	ttp_quiet(&s->cal);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* A driver that does not want to know is no reason to stop. */
TEST_F(call, refused_call_is_over)
{
	struct sim *s = &self->s;

	fvu_answer(&s->f, 1);
	umtt_says(&s->slave, "echo0: the front-end refused a call");
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* Nor is one that is no more. */
TEST_F(call, end_of_the_called_lets_time_go_on)
{
	struct sim *s = &self->s;

	fvu_close(&s->f);
	/* Its second request has gone with it. */
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	fvu_open(&s->f, "a");
}

TEST_F(call, end_of_the_slave_channel_ends_the_session)
{
	struct sim *s = &self->s;

	close(s->f.slave);
	s->f.slave = -1;
	comes_to_an_end(s->f.fd, "the slave");
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(call, new_slave_channel_in_place_of_the_called_one)
{
	struct sim *s = &self->s;

	fvu_slave_channel(&s->f, true);
	/* The answer will never come: the call has failed. */
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* Two front-ends are called one after the other, in the order of pushing. */
TEST_F(call, one_at_a_time)
{
	struct sim *s = &self->s;
	struct fvu g;

	fvu_open(&g, "b");
	echo_put(&g, 0, 0, 2000);
	echo_put(&g, 1, 0, 2000);
	fvu_kick(&g, 0);
	fvu_kicked(&g);
	fvu_kick(&g, 1);
	fvu_kicked(&g);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 3600, 0);
	fvu_called(&s->f, 0);
	nothing_comes(g.slave, "the slave", QUIET_MS);
	ttp_quiet(&s->cal);
	fvu_answer(&s->f, 0);
	fvu_called(&g, 0);
	nothing_comes(g.slave, "the slave", QUIET_MS);
	fvu_answer(&g, 0);
	fvu_called(&g, 1);
	ttp_quiet(&s->cal);
	fvu_answer(&g, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	fvu_close(&g);
}

TEST_HARNESS_MAIN
