// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Calendar, slave and a kernel that is a fake: the whole sequence, and its ends. */
#include <signal.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(three) {
	struct umtt cal, slave;
	struct ttp uml;
	struct fvu f;
	struct tt_start_ack a;
};

FIXTURE_VARIANT(three) {
	const char *option;
	bool shm;
};

/* Both in message mode. */
FIXTURE_VARIANT_ADD(three, messages) {
	.option = "--no-shm",
};

/* Both share memory. */
FIXTURE_VARIANT_ADD(three, shared_memory) {
	.option = NULL,
	.shm = true,
};

/* The slave shares it, the kernel does not know of it. */
FIXTURE_VARIANT_ADD(three, mixed) {
	.option = NULL,
};

static void request(FIXTURE_DATA(three) *self, u64 t);

/* The kernel has the turn at 500, the slave waits to be used. */
FIXTURE_SETUP(three)
{
	umtt_start(&self->cal, "calendar", "--socket", path("cal"), "-n2",
		   variant->option, NULL);
	calendar_is_up(&self->cal);
	client_open(&self->uml, "the calendar", 1);
	umtt_start(&self->slave, "slave", "--calendar", path("cal"),
		   "--device", device("echo", "a", NULL), NULL);
	client_admitted(&self->uml, &self->a);
	if (variant->shm)
		self->a.shm->slots[self->a.slot].capa = TT_SHM_CAP_TIME_SHARE;
	else if (self->a.shm)
		self->a.slot = 0;
	if (!variant->shm) {
		client_release(&self->a);
		self->a.shm = NULL;
	}
	fvu_open(&self->f, "a");
	request(self, 500);
	ttp_say(&self->uml, TT_WAIT, 0);
	if (!self->a.shm)
		ttp_expect_ack(&self->uml, 0);
}

FIXTURE_TEARDOWN(three)
{
	fvu_close(&self->f);
	close(self->uml.fd);
	if (self->a.shm)
		client_release(&self->a);
	if (self->slave.pid) {
		/* Only the idle slave is left, so the calendar goes. */
		umtt_says(&self->slave, "has left, and so do we");
		umtt_ends(&self->slave, 0);
	}
	if (self->cal.pid)
		umtt_ends(&self->cal, 0);
}

static void request(FIXTURE_DATA(three) *self, u64 t)
{
	ttp_ask(&self->uml, TT_REQUEST, t);
}

static void wait_until(FIXTURE_DATA(three) *self, u64 t)
{
	request(self, t);
	ttp_say(&self->uml, TT_WAIT, 0);
	if (!self->a.shm)
		ttp_expect_ack(&self->uml, 0);
}

static void runs(FIXTURE_DATA(three) *self, u64 now, u64 until)
{
	if (self->a.shm) {
		ttp_expect(&self->uml, TT_RUN, now);
		check_eq(until, self->a.shm->free_until);
	} else {
		client_runs(&self->uml, now, until);
	}
}

static void is_now(FIXTURE_DATA(three) *self, u64 now)
{
	ttp_say(&self->uml, TT_GET, 0);
	ttp_expect_ack(&self->uml, now);
}

/* A kick, as a kernel makes it: the calendar is heard meanwhile. */
static void kick(FIXTURE_DATA(three) *self, u64 now)
{
	fvu_kick(&self->f, 0);
	if (!self->a.shm)
		ttp_ack(&self->uml, ttp_expect(&self->uml, TT_FREE_UNTIL, now),
			0);
	fvu_kicked(&self->f);
}

/* An interrupt: the kernel asks what time it is, and for its handling. */
static void interrupt(FIXTURE_DATA(three) *self, u64 now)
{
	fvu_called(&self->f, 0);
	is_now(self, now);
	request(self, now);
	fvu_answer(&self->f, 0);
}

TEST_F(three, requests_come_back_when_they_are_due)
{
	u64 t = 500;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		runs(self, t, t + NSEC_PER_SEC);
		echo_put(&self->f, 0, 0, 1000);
		echo_put(&self->f, 0, 1, 300);
		kick(self, t);
		wait_until(self, t + 5000);
		interrupt(self, t + 300);
		runs(self, t + 300, t + 1000);
		check_eq(t + 300, echo_get(&self->f, 0, 1).t_done);
		wait_until(self, t + 5000);
		interrupt(self, t + 1000);
		runs(self, t + 1000, t + 1000 + NSEC_PER_SEC);
		check_eq(t, echo_get(&self->f, 0, 0).t_start);
		t += 2000;
		wait_until(self, t);
	}
}

/* It is the kernel's own time at which a kick counts. */
TEST_F(three, kick_after_running_free)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	if (self->a.shm)
		self->a.shm->current_time = 777;
	else
		ttp_ask(&self->uml, TT_UPDATE, 777);
	echo_put(&self->f, 0, 0, 0);
	kick(self, 777);
	wait_until(self, 5000);
	interrupt(self, 777);
	runs(self, 777, 777 + NSEC_PER_SEC);
	check_eq(777, echo_get(&self->f, 0, 0).t_done);
}

/*
 * Ends, at all points of the sequence
 */

/* The kernel goes on when it has seen that its device is gone. */
static void slave_is_gone(FIXTURE_DATA(three) *self)
{
	umtt_killed(&self->slave);
	comes_to_an_end(self->f.fd, "the slave");
}

TEST_F(three, slave_killed_while_it_waits)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	slave_is_gone(self);
	wait_until(self, 7000);
	/* Nobody has a request any more. */
	runs(self, 7000, 7000 + NSEC_PER_SEC);
}

TEST_F(three, slave_killed_during_a_kick)
{
	u32 seq = 0;

	runs(self, 500, 500 + NSEC_PER_SEC);
	fvu_kick(&self->f, 0);
	if (!self->a.shm)
		seq = ttp_expect(&self->uml, TT_FREE_UNTIL, 500);
	else
		fvu_kicked(&self->f);
	slave_is_gone(self);
	if (!self->a.shm)
		ttp_ack(&self->uml, seq, 0);
	wait_until(self, 7000);
	runs(self, 7000, 7000 + NSEC_PER_SEC);
}

TEST_F(three, slave_killed_during_a_call)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	wait_until(self, 7000);
	fvu_called(&self->f, 0);
	is_now(self, 1500);
	slave_is_gone(self);
	/* Its turn has ended with it. */
	runs(self, 7000, 7000 + NSEC_PER_SEC);
}

TEST_F(three, slave_stopped_and_another_one_started)
{
	unsigned int i;

	runs(self, 500, 500 + NSEC_PER_SEC);
	for (i = 1; i <= 5; i++) {
		u64 t = 1000 * i;

		kill(self->slave.pid, i % 2 ? SIGKILL : SIGTERM);
		if (i % 2)
			slave_is_gone(self);
		else
			umtt_ends(&self->slave, 0);
		fvu_close(&self->f);
		umtt_start(&self->slave, "slave", "--calendar", path("cal"),
			   "--device", device("echo", "a", NULL), NULL);
		fvu_connect(&self->f, path("a"));
		/* It comes late, and starts when we wait. */
		if (self->a.shm) {
			while (READ_ONCE(self->a.shm->free_until) >
			       (i == 1 ? 500 : t - 1000 + 700))
				sleep_ms(1);
		} else {
			ttp_ack(&self->uml,
				ttp_expect(&self->uml, TT_FREE_UNTIL,
					   i == 1 ? 500 : t - 1000 + 700), 0);
		}
		wait_until(self, t);
		runs(self, t, t + NSEC_PER_SEC);
		fvu_negotiate(&self->f);
		fvu_queue(&self->f, 0);
		echo_put(&self->f, 0, 0, 100);
		kick(self, t);
		wait_until(self, t + 700);
		fvu_called(&self->f, 0);
		is_now(self, t + 100);
		fvu_answer(&self->f, 0);
		runs(self, t + 700, t + 700 + NSEC_PER_SEC);
	}
}

static void slave_says_why(struct umtt *u, const char *line)
{
	umtt_says(u, line);
	umtt_ends(u, 0);
}

TEST_F(three, calendar_killed_while_all_wait)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	umtt_killed(&self->cal);
	slave_says_why(&self->slave, "has left, and so do we");
	comes_to_an_end(self->f.fd, "the slave");
	comes_to_an_end(self->uml.fd, "the calendar");
}

TEST_F(three, calendar_killed_during_a_call)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	wait_until(self, 7000);
	fvu_called(&self->f, 0);
	umtt_killed(&self->cal);
	slave_says_why(&self->slave, "has left, and so do we");
	comes_to_an_end(self->f.fd, "the slave");
}

TEST_F(three, calendar_terminated_during_a_kick)
{
	if (self->a.shm)
		return;
	runs(self, 500, 500 + NSEC_PER_SEC);
	fvu_kick(&self->f, 0);
	ttp_expect(&self->uml, TT_FREE_UNTIL, 500);
	umtt_term(&self->cal, 143);
	slave_says_why(&self->slave, "has left, and so do we");
	/* The kernel is not left in its kick. */
	comes_to_an_end(self->f.fd, "the slave");
	comes_to_an_end(self->f.fd, "the slave");
}

TEST_F(three, kernel_dies_in_a_kick)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	fvu_kick(&self->f, 0);
	if (!self->a.shm)
		ttp_expect(&self->uml, TT_FREE_UNTIL, 500);
	/* The teardown does the rest: all go, nobody complains. */
}

TEST_F(three, kernel_dies_in_a_call)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	wait_until(self, 7000);
	fvu_called(&self->f, 0);
}

/* Which of its sockets closes first is a matter of chance. */
TEST_F(three, kernel_dies_calendar_first)
{
	runs(self, 500, 500 + NSEC_PER_SEC);
	echo_put(&self->f, 0, 0, 1000);
	kick(self, 500);
	wait_until(self, 7000);
	fvu_called(&self->f, 0);
	close(self->uml.fd);
	self->uml.fd = dup(0);
	sleep_ms(30);
}

TEST_HARNESS_MAIN
