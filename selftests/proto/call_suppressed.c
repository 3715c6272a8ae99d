// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One call for all that an instant brings, and none that the driver does not want. */
#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(calls) {
	struct sim s;
};

FIXTURE_SETUP(calls)
{
	sim_open(&self->s, NULL);
}

FIXTURE_TEARDOWN(calls)
{
	sim_close(&self->s);
}

/* Kick queue 0 at @now, and let the slave have the turn. */
static void kick_and_run(struct sim *s, u64 now)
{
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, now, now);
	fvu_kicked(&s->f);
	cal_run(&s->cal, now, NEVER);
}

/* The slave is done, without a call. */
static void no_call(struct sim *s)
{
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	nothing_comes(s->f.slave, "the slave", 0);
}

static void one_call(struct sim *s)
{
	fvu_called(&s->f, 0);
	fvu_answer(&s->f, 0);
	no_call(s);
}

TEST_F(calls, one_for_several_buffers)
{
	struct sim *s = &self->s;
	unsigned int i;

	for (i = 0; i < 5; i++)
		echo_put(&s->f, 0, i, 0);
	kick_and_run(s, 100);
	one_call(s);
	for (i = 0; i < 5; i++)
		check_eq(100, echo_get(&s->f, 0, i).t_done);
}

/* Timers of one instant are one instant, too. */
TEST_F(calls, one_for_several_callbacks)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 0, 0, 1000);
	echo_put(&s->f, 0, 1, 1000);
	echo_put(&s->f, 0, 2, 999);
	kick_and_run(s, 100);
	cal_expect(&s->cal, TT_UPDATE, 1099, 0);
	fvu_called(&s->f, 0);
	check_eq(1099, echo_get(&s->f, 0, 2).t_done);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_UPDATE, 1100, 0);
	one_call(s);
	check_eq(1100, echo_get(&s->f, 0, 0).t_done);
	check_eq(1100, echo_get(&s->f, 0, 1).t_done);
}

TEST_F(calls, one_per_queue)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 0, 0, 0);
	echo_put(&s->f, 1, 0, 0);
	fvu_kick(&s->f, 1);
	cal_kick(&s->cal, 100, 100);
	fvu_kicked(&s->f);
	fvu_kick(&s->f, 0);
	cal_expect(&s->cal, TT_GET, U64_MAX, 100);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 100, NEVER);
	fvu_called(&s->f, 1);
	fvu_answer(&s->f, 0);
	one_call(s);
}

TEST_F(calls, none_with_no_interrupt)
{
	struct sim *s = &self->s;

	s->f.ring[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	echo_put(&s->f, 0, 0, 0);
	kick_and_run(s, 100);
	no_call(s);
	check_eq(100, echo_get(&s->f, 0, 0).t_done);
	s->f.ring[0].avail->flags = 0;
	echo_put(&s->f, 0, 1, 0);
	kick_and_run(s, 200);
	one_call(s);
}

/* What the driver sees first is the used index, then the call. */
TEST_F(calls, used_before_the_call)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 0, 0, 0);
	kick_and_run(s, 100);
	fvu_called(&s->f, 0);
	check_eq(1, s->f.ring[0].used->idx);
	echo_get(&s->f, 0, 0);
	fvu_answer(&s->f, 0);
}

TEST_F(calls, event_idx)
{
	struct sim *s = &self->s;
	__virtio16 *used_event = &s->f.ring[0].avail->ring[FVU_NUM];
	unsigned int i;

	fvu_u64(&s->f, VHOST_USER_SET_FEATURES,
		FVU_FEATURES | BIT_ULL(VIRTIO_RING_F_EVENT_IDX), true);
	/* NO_INTERRUPT means nothing now. */
	s->f.ring[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	*used_event = 0;
	echo_put(&s->f, 0, 0, 0);
	kick_and_run(s, 100);
	one_call(s);
	/* Wanted when the fourth has been used: index 3. */
	*used_event = 3;
	for (i = 1; i < 3; i++) {
		echo_put(&s->f, 0, i, 0);
		kick_and_run(s, 100 + i);
		no_call(s);
	}
	echo_put(&s->f, 0, 3, 0);
	kick_and_run(s, 200);
	one_call(s);
	/* It has been passed: no call until it is set anew. */
	echo_put(&s->f, 0, 4, 0);
	kick_and_run(s, 300);
	no_call(s);
	*used_event = 5;
	echo_put(&s->f, 0, 5, 0);
	echo_put(&s->f, 0, 6, 0);
	kick_and_run(s, 400);
	one_call(s);
	for (i = 0; i < 7; i++)
		echo_get(&s->f, 0, i);
}

TEST_HARNESS_MAIN
