// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A slave that has moved on by itself says so before it calls anybody. */
#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(update) {
	struct sim s;
};

/* Requests that come back after 0, 1000 and 2000 ns are being served at 100. */
FIXTURE_SETUP(update)
{
	struct sim *s = &self->s;

	sim_open(s, NULL);
	echo_put(&s->f, 0, 0, 0);
	echo_put(&s->f, 0, 1, 1000);
	echo_put(&s->f, 0, 2, 2000);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 100, 100);
	fvu_kicked(&s->f);
}

FIXTURE_TEARDOWN(update)
{
	sim_close(&self->s);
}

TEST_F(update, call_comes_after_the_ack)
{
	struct sim *s = &self->s;
	u32 seq;

	cal_run(&s->cal, 100, NEVER);
	/* The calendar knows that it is 100. */
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	seq = ttp_expect(&s->cal, TT_UPDATE, 1100);
	nothing_comes(s->f.slave, "the slave", QUIET_MS);
	cal_alive(&s->cal, NEVER);
	nothing_comes(s->f.slave, "the slave", 0);
	ttp_ack(&s->cal, seq, 0);
	fvu_called(&s->f, 0);
	/* No further step before the answer. */
	ttp_quiet(&s->cal);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 2100, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check_eq(100, echo_get(&s->f, 0, 0).t_done);
	check_eq(1100, echo_get(&s->f, 0, 1).t_done);
	check_eq(2100, echo_get(&s->f, 0, 2).t_done);
}

/* Before the horizon, and not at it. */
TEST_F(update, horizon_is_not_to_be_reached)
{
	struct sim *s = &self->s;

	cal_run(&s->cal, 100, 1101);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 1100, 0);
	fvu_called(&s->f, 0);
	/* The called one wants to run at 2100. */
	cal_alive(&s->cal, 2100);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_REQUEST, 2100, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	cal_run(&s->cal, 2100, 2100);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* FREE_UNTIL is for one turn. */
TEST_F(update, without_free_until_every_step_is_asked_for)
{
	struct sim *s = &self->s;

	ttp_ask(&s->cal, TT_RUN, 100);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_REQUEST, 1100, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	cal_run(&s->cal, 1100, 9000);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 2100, 0);
	fvu_called(&s->f, 0);
	echo_put(&s->f, 0, 3, 500);
	fvu_kick(&s->f, 0);
	fvu_kicked(&s->f);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 2600, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	/* Nor is that of an earlier turn good for this one. */
	echo_put(&s->f, 0, 4, 500);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 3000, 3000);
	fvu_kicked(&s->f);
	ttp_ask(&s->cal, TT_RUN, 3000);
	cal_expect(&s->cal, TT_REQUEST, 3500, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* Who is not called need not be told the time. */
TEST_F(update, no_call_no_update)
{
	struct sim *s = &self->s;

	s->f.ring[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	cal_run(&s->cal, 100, NEVER);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check_eq(100, echo_get(&s->f, 0, 0).t_done);
	check_eq(1100, echo_get(&s->f, 0, 1).t_done);
	check_eq(2100, echo_get(&s->f, 0, 2).t_done);
}

TEST_HARNESS_MAIN
