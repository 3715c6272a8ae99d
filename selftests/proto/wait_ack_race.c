// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* WAIT crosses what the next turn brings: its ACK comes late. */
#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(race) {
	struct sim s;
	u32 seq;	/* of the WAIT that is not acked */
};

/* A request is to come back at 2000, and WAIT is on its way. */
FIXTURE_SETUP(race)
{
	struct sim *s = &self->s;

	sim_open(s, NULL);
	echo_put(&s->f, 0, 0, 1000);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 1000, 1000);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 1000, 1500);
	cal_expect(&s->cal, TT_REQUEST, 2000, 0);
	self->seq = ttp_expect(&s->cal, TT_WAIT, U64_MAX);
}

FIXTURE_TEARDOWN(race)
{
	sim_close(&self->s);
}

/* The calendar has let the guest run, and its kick is faster than the ACK. */
TEST_F(race, kick_before_the_ack)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 1, 0, 0);
	fvu_kick(&s->f, 1);
	ttp_quiet(&s->cal);
	nothing_comes(s->f.fd, "the slave", 0);
	ttp_ack(&s->cal, self->seq, 0);
	cal_kick(&s->cal, 1500, 1500);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 1500, 2000);
	fvu_called(&s->f, 1);
	check_eq(1500, echo_get(&s->f, 1, 0).t_start);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_REQUEST, 2000, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	cal_run(&s->cal, 2000, NEVER);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* Some calendars ack WAIT after they have decided that it is over. */
TEST_F(race, run_before_the_ack)
{
	struct sim *s = &self->s;

	ttp_ask(&s->cal, TT_RUN, 2000);
	ttp_quiet(&s->cal);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
	ttp_ack(&s->cal, self->seq, 0);
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/*
 * A FREE_UNTIL that the calendar sent before it saw WAIT is about the turn that
 * is over: others may have asked for earlier times since.
 */
TEST_F(race, free_until_before_the_ack_is_void)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 1, 0, 1000);
	ttp_ask(&s->cal, TT_FREE_UNTIL, 9999);
	ttp_ack(&s->cal, self->seq, 0);
	fvu_kick(&s->f, 1);
	cal_kick(&s->cal, 1200, 1200);
	fvu_kicked(&s->f);
	/* Not all calendars say FREE_UNTIL again. */
	ttp_ask(&s->cal, TT_RUN, 1200);
	cal_expect(&s->cal, TT_REQUEST, 2000, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(race, ack_of_something_else)
{
	struct sim *s = &self->s;

	ttp_ack(&s->cal, self->seq - 1, 0);
	umtt_says(&s->slave, "not the seq of our message");
	comes_to_an_end(s->cal.fd, "the slave");
	umtt_ends(&s->slave, 125);
}

TEST_HARNESS_MAIN
