// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A slave that shares memory with its calendar: fewer messages, same order. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define SLOTS		8
#define SLOT		3	/* the slave's */
#define OTHER		5	/* of who runs when the slave does not */
#define SHM_LEN		(sizeof(struct tt_shm) + \
			 SLOTS * sizeof(struct tt_shm_slot))

FIXTURE(shm) {
	struct umtt slave;
	struct ttp cal;
	struct fvu f;
	struct tt_shm *shm;
	int memfd;
};

static struct tt_shm *make_shm(int *memfd)
{
	struct tt_shm *shm;

	*memfd = memfd_create("calendar", MFD_CLOEXEC);
	check(ftruncate(*memfd, SHM_LEN) == 0);
	shm = mmap(NULL, SHM_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, *memfd,
		   0);
	check(shm != MAP_FAILED);
	shm->version = TT_SHM_VERSION;
	shm->len = SHM_LEN;
	shm->max_clients = SLOTS;
	shm->running_id = SLOT;
	shm->slots[OTHER].capa = TT_SHM_CAP_TIME_SHARE;
	return shm;
}

FIXTURE_SETUP(shm)
{
	int listener = cal_open();

	self->shm = make_shm(&self->memfd);
	umtt_start(&self->slave, "slave", "--calendar", path("cal"), "--id",
		   "77", "--device", device("echo", "a", NULL), NULL);
	cal_accept(&self->cal, listener);
	close(listener);
}

FIXTURE_TEARDOWN(shm)
{
	if (self->slave.pid)
		umtt_term(&self->slave, 0);
	close(self->cal.fd);
	fvu_close(&self->f);
	munmap(self->shm, SHM_LEN);
	close(self->memfd);
}

/* Someone else has the turn, at @now. */
static void other_runs(struct tt_shm *shm, u64 now, u64 until)
{
	shm->current_time = now;
	shm->free_until = until;
	shm->running_id = OTHER;
}

static void slave_runs(struct ttp *cal, struct tt_shm *shm, u64 now, u64 until)
{
	shm->current_time = now;
	shm->free_until = until;
	shm->running_id = SLOT;
	ttp_say(cal, TT_RUN, now);
}

/* START is acked, and the slave has WAITed; it is @now. */
static void begin(struct ttp *cal, struct fvu *f, struct tt_shm *shm,
		  int memfd, u64 now)
{
	u32 seq = ttp_expect(cal, TT_START, 77);

	shm->current_time = shm->free_until = now;
	cal_ack_start(cal, seq, SLOT, memfd);
	ttp_expect(cal, TT_WAIT, U64_MAX);
	other_runs(shm, now, now + 10000);
	fvu_open(f, "a");
}

TEST_F(shm, slave_says_that_it_shares)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	check_eq(TT_SHM_CAP_TIME_SHARE, self->shm->slots[SLOT].capa);
	check_eq(0, self->shm->slots[SLOT].flags);
	ttp_quiet(&self->cal);
}

TEST_F(shm, request_is_stored)
{
	struct tt_shm *shm = self->shm;
	struct fvu *f = &self->f;

	begin(&self->cal, f, shm, self->memfd, 0);
	other_runs(shm, 500, 10000);
	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	fvu_kicked(f);
	/* It is there before the kick is acked. */
	check_eq(TT_SHM_REQ_RUN, shm->slots[SLOT].flags);
	check_eq(500, shm->slots[SLOT].req_time);
	check_eq(500, shm->free_until);
	ttp_quiet(&self->cal);
	slave_runs(&self->cal, shm, 500, 600);
	/* RUN is not acked, nor WAIT. */
	ttp_expect(&self->cal, TT_WAIT, U64_MAX);
	check_eq(TT_SHM_REQ_RUN, shm->slots[SLOT].flags);
	check_eq(1500, shm->slots[SLOT].req_time);
	check_eq(600, shm->free_until);
	slave_runs(&self->cal, shm, 1500, 9000);
	fvu_called(f, 0);
	check_eq(0, shm->slots[SLOT].flags);
	fvu_answer(f, 0);
	ttp_expect(&self->cal, TT_WAIT, U64_MAX);
	check_eq(0, shm->slots[SLOT].flags);
	check_eq(500, echo_get(f, 0, 0).t_start);
}

TEST_F(shm, horizon_is_never_raised)
{
	struct tt_shm *shm = self->shm;
	struct fvu *f = &self->f;

	begin(&self->cal, f, shm, self->memfd, 0);
	other_runs(shm, 500, 499);
	fvu_kick(f, 0);
	fvu_kicked(f);
	check_eq(500, shm->slots[SLOT].req_time);
	check_eq(499, shm->free_until);
}

/* Who runs does not look there. */
static void request_by_message(struct ttp *cal, struct fvu *f,
			       struct tt_shm *shm)
{
	u32 seq;

	shm->current_time = 500;
	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	seq = ttp_expect(cal, TT_REQUEST, 500);
	nothing_comes(f->fd, "the slave", QUIET_MS);
	check_eq(0, shm->slots[SLOT].flags);
	ttp_ack(cal, seq, 0);
	fvu_kicked(f);
}

TEST_F(shm, request_to_one_that_does_not_share_is_a_message)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	self->shm->running_id = OTHER + 1;
	request_by_message(&self->cal, &self->f, self->shm);
}

/* The front-end is no client, and kicks while all of them wait. */
TEST_F(shm, request_while_nobody_runs_is_a_message)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	self->shm->running_id = SLOT;
	request_by_message(&self->cal, &self->f, self->shm);
}

TEST_F(shm, request_to_nobody_there_is_a_message)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	self->shm->running_id = SLOTS;
	request_by_message(&self->cal, &self->f, self->shm);
}

TEST_F(shm, request_to_nobody_anywhere_is_a_message)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	self->shm->running_id = 0xffff;
	request_by_message(&self->cal, &self->f, self->shm);
}

TEST_F(shm, time_is_moved_in_memory_before_a_call)
{
	struct tt_shm *shm = self->shm;
	struct fvu *f = &self->f;

	begin(&self->cal, f, shm, self->memfd, 0);
	echo_put(f, 0, 0, 1000);
	echo_put(f, 0, 1, 2000);
	echo_put(f, 0, 2, 3000);
	fvu_kick(f, 0);
	fvu_kicked(f);
	slave_runs(&self->cal, shm, 0, 9000);
	fvu_called(f, 0);
	check_eq(1000, shm->current_time);
	fvu_answer(f, 0);
	fvu_called(f, 0);
	check_eq(2000, shm->current_time);
	ttp_quiet(&self->cal);
	/* The called kernel lowers the horizon, and that counts at once. */
	shm->free_until = 2500;
	fvu_answer(f, 0);
	ttp_expect(&self->cal, TT_WAIT, U64_MAX);
	check_eq(3000, shm->slots[SLOT].req_time);
	check_eq(2000, shm->current_time);
	check_eq(2500, shm->free_until);
}

TEST_F(shm, messages_are_served_all_the_same)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	ttp_ask(&self->cal, TT_BROADCAST, 5);
	ttp_ask(&self->cal, TT_FREE_UNTIL, 5);
}

/* Its clock is the calendar's then. */
TEST_F(shm, late_joiner)
{
	struct tt_shm *shm = self->shm;
	struct fvu *f = &self->f;

	begin(&self->cal, f, shm, self->memfd, 5000);
	other_runs(shm, 5200, 9000);
	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	fvu_kicked(f);
	check_eq(5200, shm->slots[SLOT].req_time);
	shm->current_time = 5200;
	shm->free_until = 9000;
	shm->running_id = SLOT;
	/* Some calendars count its time from its start, but in messages only. */
	ttp_say(&self->cal, TT_RUN, 200);
	fvu_called(f, 0);
	check_eq(6200, shm->current_time);
	check_eq(6200, echo_get(f, 0, 0).t_done);
	fvu_answer(f, 0);
	ttp_expect(&self->cal, TT_WAIT, U64_MAX);
}

/* The calendar makes the file shorter: there is no time any more. */
static void is_lost(struct umtt *slave)
{
	umtt_says(slave, "/cal has taken away the memory that it had shared");
	umtt_ends(slave, 125);
}

TEST_F(shm, taken_away_before_a_kick)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	check(ftruncate(self->memfd, 0) == 0);
	fvu_kick(&self->f, 0);
	is_lost(&self->slave);
}

TEST_F(shm, taken_away_before_a_turn)
{
	begin(&self->cal, &self->f, self->shm, self->memfd, 0);
	check(ftruncate(self->memfd, 0) == 0);
	ttp_say(&self->cal, TT_RUN, 100);
	is_lost(&self->slave);
}

TEST_F(shm, taken_away_during_a_call)
{
	struct tt_shm *shm = self->shm;
	struct fvu *f = &self->f;

	begin(&self->cal, f, shm, self->memfd, 0);
	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	fvu_kicked(f);
	slave_runs(&self->cal, shm, 0, 9000);
	fvu_called(f, 0);
	check(ftruncate(self->memfd, 0) == 0);
	fvu_answer(f, 0);
	is_lost(&self->slave);
}

TEST_F(shm, time_must_not_go_back)
{
	struct tt_shm *shm = self->shm;

	begin(&self->cal, &self->f, shm, self->memfd, 5000);
	slave_runs(&self->cal, shm, 4000, 9000);
	umtt_says(&self->slave, "time 4000): time went back");
	umtt_ends(&self->slave, 125);
}

/*
 * What is no such memory leaves the slave with messages.
 */

static void message_mode(struct ttp *cal, struct fvu *f, struct tt_shm *shm,
			 int memfd, u16 slot)
{
	cal_ack_start(cal, ttp_expect(cal, TT_START, 77), slot, memfd);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
	check_eq(0, shm->slots[SLOT].capa);
	fvu_open(f, "a");
	echo_put(f, 0, 0, 1000);
	fvu_kick(f, 0);
	cal_kick(cal, 70, 70);
	fvu_kicked(f);
	cal_run(cal, 70, 71);
	cal_expect(cal, TT_REQUEST, 1070, 0);
	cal_expect(cal, TT_WAIT, U64_MAX, 0);
	check_eq(0, shm->slots[SLOT].flags);
	check_eq(0, shm->current_time);
}

TEST_F(shm, older_version)
{
	self->shm->version = 1;
	message_mode(&self->cal, &self->f, self->shm, self->memfd, SLOT);
}

TEST_F(shm, newer_version)
{
	self->shm->version = 3;
	message_mode(&self->cal, &self->f, self->shm, self->memfd, SLOT);
}

TEST_F(shm, says_it_is_longer_than_it_is)
{
	self->shm->len = SHM_LEN + 1;
	message_mode(&self->cal, &self->f, self->shm, self->memfd, SLOT);
}

TEST_F(shm, says_it_is_too_short)
{
	self->shm->len = sizeof(*self->shm) +
			 (SLOT + 1) * sizeof(struct tt_shm_slot) - 1;
	message_mode(&self->cal, &self->f, self->shm, self->memfd, SLOT);
}

TEST_F(shm, slot_is_not_in_it)
{
	message_mode(&self->cal, &self->f, self->shm, self->memfd, SLOTS);
}

TEST_F(shm, is_empty)
{
	int fd = memfd_create("empty", MFD_CLOEXEC);

	message_mode(&self->cal, &self->f, self->shm, fd, SLOT);
	close(fd);
}

TEST_F(shm, is_a_pipe)
{
	int fd[2];

	check(pipe(fd) == 0);
	message_mode(&self->cal, &self->f, self->shm, fd[0], SLOT);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(shm, is_read_only)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", self->memfd);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	message_mode(&self->cal, &self->f, self->shm, fd, SLOT);
	close(fd);
}

TEST_F(shm, does_not_come)
{
	u32 seq = ttp_expect(&self->cal, TT_START, 77);

	ttp_ack(&self->cal, seq, SLOT);
	cal_expect(&self->cal, TT_WAIT, U64_MAX, 0);
	fvu_open(&self->f, "a");
	fvu_kick(&self->f, 0);
	cal_kick(&self->cal, 70, 70);
	fvu_kicked(&self->f);
}

TEST_HARNESS_MAIN
