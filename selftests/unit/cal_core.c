// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The calendar's core: each of its rules, and a naive calendar to compare with. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "../../src/cal/core.h"
#include "kselftest_harness.h"

#define MAX_PEERS	2048
#define SEC		NSEC_PER_SEC
/* What a client is told when nothing bounds it. */
#define FOREVER		S64_MAX

/* With sanitizers: is anything lost. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/**
 * struct peer - the other end of a client
 * @seq: of its last message
 * @heard: seq of the last message to it that it has to ack
 * @acked: the last one that it has acked
 */
struct peer {
	struct cal_client *c;
	bool local, shm;
	u32 seq, heard, acked;
	u64 slot;
};

struct lab {
	struct cal *cal;
	struct cal_cfg cfg;
	struct tt_shm *shm;
	struct peer *p;
};

static bool open_lab(struct lab *l, unsigned int clients, size_t slots)
{
	memset(l, 0, sizeof(*l));
	l->p = calloc(MAX_PEERS, sizeof(*l->p));
	l->cfg.clients = clients;
	l->cfg.tod = 1000 * SEC;
	if (slots) {
		l->cfg.shm_len = sizeof(*l->shm) +
				 slots * sizeof(l->shm->slots[0]);
		l->shm = calloc(1, l->cfg.shm_len);
		l->cfg.shm = l->shm;
	}
	return l->p && cal_new(&l->cal, &l->cfg) == 0;
}

/* The same with other settings, before any client has come. */
static bool reopen_lab(struct lab *l)
{
	cal_free(l->cal);
	return cal_new(&l->cal, &l->cfg) == 0;
}

static bool close_lab(struct lab *l)
{
	cal_free(l->cal);
	free(l->shm);
	free(l->p);
	memset(l, 0, sizeof(*l));
	return !__lsan_do_recoverable_leak_check ||
	       !__lsan_do_recoverable_leak_check();
}

/* Clients are known by the order in which they were added. */
static void joins(struct lab *l, unsigned int i, unsigned int flags)
{
	l->p[i] = (struct peer){ .local = flags & CAL_LOCAL };
	l->p[i].c = cal_client_add(l->cal, &l->p[i], flags);
}

static int input(struct lab *l, unsigned int i, u32 op, u32 seq, u64 time)
{
	struct tt_msg m = { .op = op, .seq = seq, .time = time };

	return cal_input(l->cal, l->p[i].c, &m);
}

static bool says(struct lab *l, unsigned int i, u32 op, u64 time)
{
	if (!input(l, i, op, ++l->p[i].seq, time))
		return true;
	ksft_print_msg("client %u %s\n", i, cal_client_error(l->p[i].c));
	return false;
}

static bool acks(struct lab *l, unsigned int i)
{
	if (!input(l, i, TT_ACK, ++l->p[i].acked, 0))
		return true;
	ksft_print_msg("client %u %s\n", i, cal_client_error(l->p[i].c));
	return false;
}

/* It is against the rules, and this is what it is told. */
static bool may_not(struct lab *l, unsigned int i, u32 op, u64 time,
		    const char *why)
{
	const char *err;

	if (input(l, i, op, ++l->p[i].seq, time) != -EPROTO) {
		ksft_print_msg("client %u was let through\n", i);
		return false;
	}
	err = cal_client_error(l->p[i].c);
	if (!strcmp(err, why))
		return true;
	ksft_print_msg("client %u: '%s'\n", i, err);
	return false;
}

static void leaves(struct lab *l, unsigned int i)
{
	cal_client_gone(l->cal, l->p[i].c);
	l->p[i].c = NULL;
}

static void print_out(const struct cal_out *o)
{
	ksft_print_msg("the calendar says %s seq %u time %" PRIu64 " fds %d\n",
		       tt_op_name(o->msg.op), o->msg.seq, o->msg.time, o->fds);
}

/* Does a message to @p carry the seq that it must. */
static bool right_seq(struct peer *p, const struct tt_msg *m)
{
	if (m->op == TT_ACK)
		return m->seq == p->seq;
	if ((p->shm || p->local) && m->op == TT_RUN)
		return true;
	return m->seq == ++p->heard;
}

/* The next thing that the calendar says is this, to client @i. */
static bool hears(struct lab *l, unsigned int i, u32 op, u64 time)
{
	struct cal_out o;

	if (!cal_output(l->cal, &o)) {
		ksft_print_msg("the calendar says nothing\n");
		return false;
	}
	if (o.to == l->p[i].c && cal_client_owner(o.to) == &l->p[i] &&
	    o.msg.op == op && o.msg.time == time && o.fds == CAL_FDS_NONE &&
	    right_seq(&l->p[i], &o.msg))
		return true;
	print_out(&o);
	return false;
}

static bool silence(struct lab *l)
{
	struct cal_out o;

	if (!cal_output(l->cal, &o))
		return true;
	print_out(&o);
	return false;
}

/*
 * The ACK of START: @slot, and what comes with it. Who gets the shared memory
 * says in it that it understands it.
 */
static bool admitted(struct lab *l, unsigned int i, u64 slot, enum cal_fds fds)
{
	struct cal_out o;

	if (!cal_output(l->cal, &o))
		return false;
	l->p[i].shm = fds == CAL_FDS_SHM;
	l->p[i].slot = slot;
	if (l->p[i].shm)
		l->shm->slots[slot].capa |= TT_SHM_CAP_TIME_SHARE;
	if (l->p[i].shm)
		l->shm->slots[slot].capa = TT_SHM_CAP_TIME_SHARE;
	if (o.to == l->p[i].c && o.msg.op == TT_ACK && o.fds == fds &&
	    o.msg.seq == l->p[i].seq && o.msg.time == slot)
		return true;
	print_out(&o);
	return false;
}

/* Message mode: it gets its turn at @now and may go on until @horizon. */
static bool runs(struct lab *l, unsigned int i, u64 now, u64 horizon)
{
	return hears(l, i, TT_FREE_UNTIL, horizon) &&
	       hears(l, i, TT_RUN, now) && acks(l, i) && acks(l, i);
}

static bool requests(struct lab *l, unsigned int i, u64 t)
{
	return says(l, i, TT_REQUEST, t) && hears(l, i, TT_ACK, 0);
}

static bool waits(struct lab *l, unsigned int i)
{
	return says(l, i, TT_WAIT, U64_MAX) &&
	       (l->p[i].shm || l->p[i].local || hears(l, i, TT_ACK, 0));
}

static bool sleeps_until(struct lab *l, unsigned int i, u64 t)
{
	return requests(l, i, t) && waits(l, i);
}

/* Client @i connects and starts alone, with message mode. */
static bool starts(struct lab *l, unsigned int i, u64 id)
{
	joins(l, i, 0);
	return says(l, i, TT_START, id);
}

/*
 * Clients 0 to n - 1 have started, with ids of these numbers and no shared
 * memory, client i has asked for time[i], all wait and client 0 runs.
 */
static bool begin(struct lab *l, unsigned int n, const u64 *time, u64 horizon)
{
	unsigned int i;

	if (l->cfg.clients != n) {
		l->cfg.clients = n;
		if (!reopen_lab(l))
			return false;
	}
	for (i = 0; i < n; i++)
		if (!starts(l, i, i))
			return false;
	for (i = 0; i < n; i++)
		if (!admitted(l, i, i + 1, CAL_FDS_DUMMY) ||
		    !(time[i] == U64_MAX ? waits(l, i) :
		      sleeps_until(l, i, time[i])))
			return false;
	return runs(l, 0, time[0], horizon);
}

FIXTURE(cal) {
	struct lab l;
};

FIXTURE_SETUP(cal)
{
	ASSERT_TRUE(open_lab(&self->l, 1, 0));
}

FIXTURE_TEARDOWN(cal)
{
	EXPECT_TRUE(close_lab(&self->l));
}

/*
 * Beginning
 */

TEST_F(cal, nobody_before_the_expected_number)
{
	struct lab *l = &self->l;

	l->cfg.clients = 3;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 5));
	ASSERT_TRUE(starts(l, 1, 6));
	joins(l, 2, 0);
	EXPECT_TRUE(silence(l));
	EXPECT_TRUE(cal_client_parked(l->p[0].c));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	/* Who left before that does not count. */
	leaves(l, 1);
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(says(l, 2, TT_START, 7));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(starts(l, 3, 4));
	EXPECT_TRUE(admitted(l, 3, 1, CAL_FDS_DUMMY));
	EXPECT_FALSE(cal_client_parked(l->p[3].c));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, starts_in_id_order_up_to_the_first_wait)
{
	static const u64 id[] = { 30, 10, 0, 20 };
	static const unsigned int order[] = { 2, 1, 3, 0 };
	struct lab *l = &self->l;
	unsigned int i;

	l->cfg.clients = 4;
	ASSERT_TRUE(reopen_lab(l));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(starts(l, i, id[i]));
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(admitted(l, order[i], i + 1, CAL_FDS_DUMMY));
		EXPECT_TRUE(silence(l));
		/* What it does in between lets nobody else in. */
		EXPECT_TRUE(says(l, order[i], TT_GET, 0));
		EXPECT_TRUE(hears(l, order[i], TT_ACK, 0));
		ASSERT_TRUE(sleeps_until(l, order[i], 100 - i));
	}
	EXPECT_TRUE(runs(l, 0, 97, 98));
}

TEST_F(cal, clients_without_an_id_start_last_in_order_of_arrival)
{
	struct lab *l = &self->l;

	l->cfg.clients = 3;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, U64_MAX));
	ASSERT_TRUE(starts(l, 1, U64_MAX));
	ASSERT_TRUE(starts(l, 2, U64_MAX - 1));
	EXPECT_TRUE(admitted(l, 2, 1, CAL_FDS_DUMMY));
	EXPECT_TRUE(waits(l, 2));
	EXPECT_TRUE(admitted(l, 0, 2, CAL_FDS_DUMMY));
	EXPECT_TRUE(waits(l, 0));
	EXPECT_TRUE(admitted(l, 1, 3, CAL_FDS_DUMMY));
	EXPECT_EQ(U64_MAX, cal_client_id(l->p[0].c));
	EXPECT_EQ(U64_MAX - 1, cal_client_id(l->p[2].c));
}

TEST_F(cal, at_start_every_step_must_be_asked_for)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(starts(l, 0, 1));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	EXPECT_TRUE(says(l, 0, TT_UPDATE, 0));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 1,
			    "moved time to 1 ns although it was free only until 0 ns"));
}

TEST_F(cal, nobody_runs_while_others_are_yet_to_be_admitted)
{
	struct lab *l = &self->l;

	l->cfg.clients = 2;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 1));
	ASSERT_TRUE(starts(l, 1, 2));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 0, 0));
	/* Not RUN for client 0, though its time has come. */
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 1, 0));
	EXPECT_TRUE(runs(l, 0, 0, 0));
}

TEST_F(cal, id_given_twice)
{
	struct lab *l = &self->l;

	l->cfg.clients = 3;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 7));
	joins(l, 1, 0);
	EXPECT_TRUE(may_not(l, 1, TT_START, 7,
			    "sent START with id 7, which another client has; give each its own (time-travel=ext:ID:PATH)"));
	leaves(l, 1);
	/* When the first has left, the id is free. */
	leaves(l, 0);
	EXPECT_TRUE(starts(l, 2, 7));
}

/*
 * Order
 */

TEST_F(cal, earliest_request_runs)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 30, 20 }, 20));
	EXPECT_EQ(10, cal_now(l->cal));
	ASSERT_TRUE(sleeps_until(l, 0, 25));
	EXPECT_TRUE(runs(l, 2, 20, 25));
	ASSERT_TRUE(waits(l, 2));
	EXPECT_TRUE(runs(l, 0, 25, 30));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 1, 30, FOREVER));
	EXPECT_EQ(30, cal_now(l->cal));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, equal_times_run_in_order_of_request)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 4, (u64[]){ 10, 50, 60, 50 }, 50));
	/* Anew, so behind 1 and 3. */
	ASSERT_TRUE(requests(l, 2, 50));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 1, 50, 50));
	ASSERT_TRUE(waits(l, 1));
	EXPECT_TRUE(runs(l, 3, 50, 50));
	ASSERT_TRUE(waits(l, 3));
	EXPECT_TRUE(runs(l, 2, 50, FOREVER));
}

TEST_F(cal, request_of_the_running_client_counts_from_its_wait)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 60 }, 60));
	ASSERT_TRUE(requests(l, 0, 50));
	/* Later, but client 0 has not sent WAIT. */
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 50));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 50));
	ASSERT_TRUE(acks(l, 0));
	ASSERT_TRUE(hears(l, 1, TT_ACK, 0));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 1, 50, 50));
	ASSERT_TRUE(waits(l, 1));
	EXPECT_TRUE(runs(l, 0, 50, FOREVER));
}

TEST_F(cal, same_request_again_keeps_its_place)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 50 }, 50));
	ASSERT_TRUE(requests(l, 1, 50));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 1, 50, 50));
}

TEST_F(cal, another_request_replaces_the_first)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 50 }, 50));
	ASSERT_TRUE(requests(l, 1, 70));
	ASSERT_TRUE(requests(l, 1, 50));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 2, 50, 50));
	ASSERT_TRUE(waits(l, 2));
	EXPECT_TRUE(runs(l, 1, 50, FOREVER));
	/* It has been run: nothing is left of its request. */
	ASSERT_TRUE(waits(l, 1));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, request_in_the_past_means_now)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 100, 500 }, 500));
	ASSERT_TRUE(sleeps_until(l, 0, 3));
	EXPECT_TRUE(runs(l, 0, 100, 500));
	EXPECT_EQ(100, cal_now(l->cal));
}

TEST_F(cal, update_moves_time_up_to_the_horizon)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 40));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_EQ(40, cal_now(l->cal));
	ASSERT_TRUE(says(l, 1, TT_GET, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 40));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 50));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 51,
			    "moved time to 51 ns although it was free only until 50 ns"));
}

TEST_F(cal, update_is_no_request)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	ASSERT_TRUE(requests(l, 0, 30));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 40));
	ASSERT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(waits(l, 0));
	/* It asked for 30, and now it is 40. */
	EXPECT_TRUE(runs(l, 0, 40, 50));
}

/*
 * Horizon
 */

TEST_F(cal, lower_request_is_acked_after_the_running_client_knows)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 20));
	EXPECT_TRUE(cal_client_parked(l->p[1].c));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	EXPECT_TRUE(silence(l));
	/* Other messages of the running client are no such ACK. */
	ASSERT_TRUE(says(l, 0, TT_GET, 0));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 10));
	ASSERT_TRUE(requests(l, 0, 45));
	EXPECT_TRUE(silence(l));
	/* It was sent before FREE_UNTIL came, and is legal. */
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 30));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_FALSE(cal_client_parked(l->p[1].c));
	EXPECT_TRUE(silence(l));
	/* Time has gone on before it came, as the next message tells. */
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 31));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 32,
			    "moved time to 32 ns although it was free only until 20 ns"));
}

/* Client 0 runs and may do so until 20 only, when client 1 wants to run. */
static bool free_until_20(struct lab *l)
{
	return begin(l, 2, (u64[]){ 10, 50 }, 50) && says(l, 1, TT_REQUEST, 20) &&
	       hears(l, 0, TT_FREE_UNTIL, 20) && acks(l, 0) &&
	       hears(l, 1, TT_ACK, 0);
}

TEST_F(cal, free_until_may_come_when_time_is_beyond_it)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(free_until_20(l));
	/* It was there already, but no further. */
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 51,
			    "moved time to 51 ns although it was free only until 50 ns"));
}

TEST_F(cal, client_beyond_free_until_waits_for_its_turn)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(free_until_20(l));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 40));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(requests(l, 0, 45));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 1, 40, 45));
}

TEST_F(cal, request_that_lowers_nothing_is_acked_at_once)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 80 }, 50));
	EXPECT_TRUE(requests(l, 2, 50));
	EXPECT_TRUE(requests(l, 2, 60));
	EXPECT_TRUE(requests(l, 1, 70));
	EXPECT_TRUE(requests(l, 1, 50));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, several_parked_are_released_in_order)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 4, (u64[]){ 10, 50, 50, 50 }, 50));
	ASSERT_TRUE(says(l, 2, TT_REQUEST, 40));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 40));
	ASSERT_TRUE(says(l, 3, TT_REQUEST, 30));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 30));
	/* Above the last FREE_UNTIL, below what is known to be respected. */
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 45));
	EXPECT_TRUE(silence(l));
	EXPECT_TRUE(cal_client_parked(l->p[1].c));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 2, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 3, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 3, 30, 40));
}

TEST_F(cal, wait_releases_the_parked)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 20));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	/* Its WAIT crossed FREE_UNTIL. */
	ASSERT_TRUE(sleeps_until(l, 0, 15));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	EXPECT_TRUE(hears(l, 0, TT_RUN, 15));
	/* The late ACK of the first FREE_UNTIL releases nobody else. */
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 18));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 18));
	ASSERT_TRUE(acks(l, 0));
	ASSERT_TRUE(acks(l, 0));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(silence(l));
	EXPECT_TRUE(cal_client_parked(l->p[1].c));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
}

TEST_F(cal, end_of_the_running_client_releases_the_parked)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 60 }, 50));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 20));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	ASSERT_TRUE(says(l, 2, TT_REQUEST, 15));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 15));
	leaves(l, 0);
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 2, TT_ACK, 0));
	EXPECT_TRUE(runs(l, 2, 15, 20));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, end_of_a_parked_client)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 60 }, 50));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 20));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	ASSERT_TRUE(says(l, 2, TT_REQUEST, 30));
	leaves(l, 1);
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 2, TT_ACK, 0));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(runs(l, 2, 30, FOREVER));
}

TEST_F(cal, messages_to_who_has_left_are_dropped)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 60 }, 50));
	ASSERT_TRUE(says(l, 0, TT_BROADCAST, 9));
	leaves(l, 1);
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 2, TT_BROADCAST, 9));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, parked_client_may_only_ack)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	ASSERT_TRUE(says(l, 0, TT_BROADCAST, 1));
	ASSERT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(hears(l, 1, TT_BROADCAST, 1));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 20));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 20));
	EXPECT_TRUE(acks(l, 1));
	EXPECT_TRUE(may_not(l, 1, TT_GET, 0,
			    "sent GET although its last message has not been acked"));
	EXPECT_TRUE(may_not(l, 1, 77, 0,
			    "sent ? although its last message has not been acked"));
}

/*
 * Late ones
 */

TEST_F(cal, late_joiner_comes_next)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 100, 300 }, 300));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 150));
	ASSERT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(starts(l, 2, 9));
	/* Who runs is stopped where it is. */
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 150));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(sleeps_until(l, 0, 150));
	/* Before client 0, though that asked first. */
	EXPECT_TRUE(admitted(l, 2, 3, CAL_FDS_DUMMY));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(waits(l, 2));
	EXPECT_TRUE(runs(l, 0, 150, 300));
}

TEST_F(cal, late_joiner_has_a_time_of_its_own)
{
	struct lab *l = &self->l;

	l->shm = calloc(1, sizeof(*l->shm) + 8 * sizeof(l->shm->slots[0]));
	l->cfg.shm = l->shm;
	l->cfg.shm_len = sizeof(*l->shm) + 8 * sizeof(l->shm->slots[0]);
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 1));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_SHM));
	ASSERT_TRUE(sleeps_until(l, 0, 1000));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 1000));
	ASSERT_TRUE(starts(l, 1, 9));
	EXPECT_EQ(1000, l->shm->free_until);
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(sleeps_until(l, 0, 1500));

	/* No shared memory, but something in its place. */
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	EXPECT_EQ(0, l->shm->slots[2].name);
	ASSERT_TRUE(says(l, 1, TT_GET, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	ASSERT_TRUE(says(l, 1, TT_GET_TOD, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 1000 * SEC + 1000));
	ASSERT_TRUE(sleeps_until(l, 1, 100));
	EXPECT_TRUE(runs(l, 1, 100, 500));
	EXPECT_EQ(1100, cal_now(l->cal));
	ASSERT_TRUE(says(l, 1, TT_UPDATE, 200));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_EQ(1200, cal_now(l->cal));
	EXPECT_EQ(1200, l->shm->current_time);
	EXPECT_TRUE(says(l, 1, TT_GET, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 200));

	ASSERT_TRUE(says(l, 0, TT_REQUEST, 1300));
	EXPECT_TRUE(hears(l, 1, TT_FREE_UNTIL, 300));
	ASSERT_TRUE(acks(l, 1));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(sleeps_until(l, 1, S64_MAX - 500));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 1300));
	/* That one is beyond all time. */
	EXPECT_EQ(S64_MAX, l->shm->free_until);
	ASSERT_TRUE(sleeps_until(l, 0, 1400));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 1400));
	ASSERT_TRUE(requests(l, 1, 700));
	EXPECT_EQ(1700, l->shm->free_until);
	EXPECT_TRUE(may_not(l, 1, TT_UPDATE, 500,
			    "sent UPDATE while it was not running"));
}

TEST_F(cal, late_joiner_before_time_moves_is_like_the_others)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(starts(l, 0, 1));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	ASSERT_TRUE(starts(l, 1, 0));
	ASSERT_TRUE(sleeps_until(l, 0, 100));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 1, 50));
	EXPECT_TRUE(runs(l, 1, 50, 100));
}

TEST_F(cal, late_joiner_that_leaves_before_its_turn)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 100, 300 }, 300));
	ASSERT_TRUE(starts(l, 2, 7));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 100));
	leaves(l, 2);
	ASSERT_TRUE(acks(l, 0));
	ASSERT_TRUE(sleeps_until(l, 0, 200));
	EXPECT_TRUE(runs(l, 0, 200, 300));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, horizon_is_bounded_for_those_who_may_come)
{
	struct lab *l = &self->l;

	l->cfg.free_run_max = SEC;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(begin(l, 1, (u64[]){ 10 }, SEC + 10));
	ASSERT_TRUE(sleeps_until(l, 0, 5 * SEC));
	EXPECT_TRUE(runs(l, 0, 5 * SEC, 6 * SEC));
}

/*
 * Ends
 */

TEST_F(cal, request_for_ever_is_never_run)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, S64_MAX, U64_MAX - 1 }, FOREVER));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(sleeps_until(l, 0, S64_MAX - 1));
	EXPECT_TRUE(runs(l, 0, S64_MAX - 1, FOREVER));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(requests(l, 0, S64_MAX));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_ASLEEP, cal_verdict(l->cal));
	/* Unless somebody thinks again. */
	ASSERT_TRUE(requests(l, 2, S64_MAX - 1));
	EXPECT_TRUE(runs(l, 2, S64_MAX - 1, FOREVER));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
}

/* Nobody is in the way, but that is no reason to go to the end of time. */
TEST_F(cal, end_of_time_is_not_reached)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, S64_MAX }, FOREVER));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, S64_MAX - 1));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, S64_MAX,
			    "moved time to 9223372036854775807 ns although it was free only until 9223372036854775807 ns"));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, U64_MAX,
			    "moved time to 18446744073709551615 ns although it was free only until 9223372036854775807 ns"));
	EXPECT_EQ(S64_MAX - 1, cal_now(l->cal));
}

TEST_F(cal, clients_without_a_wish_do_not_sleep_for_ever)
{
	struct lab *l = &self->l;
	char buf[64];

	ASSERT_TRUE(starts(l, 0, 0));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	ASSERT_TRUE(waits(l, 0));
	/* A slave that waits for its first front-end. */
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("waits to be used", buf);
	ASSERT_TRUE(starts(l, 1, 1));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	ASSERT_TRUE(waits(l, 1));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	leaves(l, 1);
	/* And one that nobody uses any more. */
	EXPECT_EQ(CAL_EMPTY, cal_verdict(l->cal));
	ASSERT_TRUE(requests(l, 0, S64_MAX));
	EXPECT_EQ(CAL_ASLEEP, cal_verdict(l->cal));
	leaves(l, 0);
	EXPECT_EQ(CAL_EMPTY, cal_verdict(l->cal));
}

/* A look at the socket is no visit. */
TEST_F(cal, who_has_not_started_has_not_left)
{
	struct lab *l = &self->l;

	joins(l, 0, 0);
	leaves(l, 0);
	ASSERT_TRUE(starts(l, 0, 0));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	joins(l, 1, 0);
	leaves(l, 1);
	ASSERT_TRUE(starts(l, 1, 7));
	leaves(l, 1);
	/* The slave that was started first. */
	ASSERT_TRUE(waits(l, 0));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(starts(l, 1, 7));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	leaves(l, 1);
	EXPECT_EQ(CAL_EMPTY, cal_verdict(l->cal));
}

TEST_F(cal, not_asleep_while_somebody_may_start)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(starts(l, 0, 0));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	joins(l, 1, 0);
	ASSERT_TRUE(sleeps_until(l, 0, S64_MAX));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(says(l, 1, TT_START, 3));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(sleeps_until(l, 1, S64_MAX));
	EXPECT_EQ(CAL_ASLEEP, cal_verdict(l->cal));
}

TEST_F(cal, nothing_has_ended_before_it_began)
{
	struct lab *l = &self->l;

	l->cfg.clients = 2;
	ASSERT_TRUE(reopen_lab(l));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(starts(l, 0, 0));
	leaves(l, 0);
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
}

TEST_F(cal, time_limit_is_exact)
{
	struct lab *l = &self->l;

	l->cfg.time_limit = 1000;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(begin(l, 1, (u64[]){ 10 }, 1001));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 1002,
			    "moved time to 1002 ns although it was free only until 1001 ns"));
	ASSERT_TRUE(sleeps_until(l, 0, 1000));
	EXPECT_TRUE(runs(l, 0, 1000, 1001));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(sleeps_until(l, 0, 1001));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_LIMIT, cal_verdict(l->cal));
	EXPECT_EQ(1000, cal_now(l->cal));
	/* An earlier request of another client still runs. */
	ASSERT_TRUE(starts(l, 1, 1));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
	ASSERT_TRUE(sleeps_until(l, 1, 0));
	EXPECT_TRUE(runs(l, 1, 0, 1));
	ASSERT_TRUE(waits(l, 1));
	EXPECT_EQ(CAL_LIMIT, cal_verdict(l->cal));
}

/* A client may come to its horizon, but nobody is run there. */
TEST_F(cal, time_limit_is_not_passed_by_who_moved_there)
{
	struct lab *l = &self->l;

	l->cfg.time_limit = 1000;
	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, S64_MAX }, 1001));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 1001));
	ASSERT_TRUE(hears(l, 0, TT_ACK, 0));
	ASSERT_TRUE(requests(l, 1, 1000));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_LIMIT, cal_verdict(l->cal));
}

TEST_F(cal, largest_time_limit_is_one)
{
	struct lab *l = &self->l;

	l->cfg.time_limit = U64_MAX;
	ASSERT_TRUE(reopen_lab(l));
	EXPECT_TRUE(begin(l, 1, (u64[]){ 10 }, FOREVER));
}

/*
 * Shared memory
 */

FIXTURE(shm) {
	struct lab l;
};

/* Clients 0 and 1 share memory, client 2 came too late for it. All wait. */
FIXTURE_SETUP(shm)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(open_lab(l, 2, 8));
	ASSERT_TRUE(starts(l, 0, 70));
	ASSERT_TRUE(starts(l, 1, 71));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_SHM));
	EXPECT_EQ(1, l->shm->running_id);
	EXPECT_EQ(0, l->shm->free_until);
	ASSERT_TRUE(sleeps_until(l, 0, 100));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_SHM));
	EXPECT_EQ(2, l->shm->running_id);
	EXPECT_EQ(100, l->shm->free_until);
	ASSERT_TRUE(sleeps_until(l, 1, 1000));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 100));
}

FIXTURE_TEARDOWN(shm)
{
	EXPECT_TRUE(close_lab(&self->l));
}

/* What a client does that may store its request. */
static void stores(struct lab *l, unsigned int i, u64 t)
{
	struct tt_shm_slot *s = &l->shm->slots[l->p[i].slot];

	s->req_time = t;
	s->flags |= TT_SHM_REQ_RUN;
	if (t < l->shm->free_until)
		l->shm->free_until = t;
}

TEST_F(shm, header_says_what_it_is)
{
	const struct tt_shm *shm = self->l.shm;

	EXPECT_EQ(TT_SHM_VERSION, shm->version);
	EXPECT_EQ(self->l.cfg.shm_len, shm->len);
	EXPECT_EQ(8, shm->max_clients);
	EXPECT_EQ(0, shm->slots[0].capa);
	EXPECT_EQ(70, shm->slots[1].name);
	EXPECT_EQ(71, shm->slots[2].name);
}

TEST_F(shm, turn_is_visible_in_memory)
{
	struct lab *l = &self->l;

	EXPECT_EQ(1, l->shm->running_id);
	EXPECT_EQ(100, l->shm->current_time);
	EXPECT_EQ(1000, l->shm->free_until);
	EXPECT_EQ(0, l->shm->slots[1].flags & TT_SHM_REQ_RUN);
	EXPECT_EQ(TT_SHM_REQ_RUN, l->shm->slots[2].flags & TT_SHM_REQ_RUN);
	EXPECT_TRUE(silence(l));
}

TEST_F(shm, wait_and_run_are_not_acked)
{
	struct lab *l = &self->l;

	stores(l, 0, 200);
	ASSERT_TRUE(says(l, 0, TT_WAIT, 0));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 200));
	EXPECT_TRUE(silence(l));
	EXPECT_TRUE(may_not(l, 0, TT_ACK, 0,
			    "sent an ACK (seq 5) that nothing waits for"));
}

TEST_F(shm, who_runs_moves_time_in_memory)
{
	struct lab *l = &self->l;

	l->shm->current_time = 400;
	EXPECT_EQ(400, cal_now(l->cal));
	ASSERT_TRUE(says(l, 1, TT_GET, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 400));
	l->shm->current_time = 1000;
	ASSERT_TRUE(sleeps_until(l, 0, 2000));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 1000));
	EXPECT_EQ(1000, l->shm->current_time);
	EXPECT_EQ(2000, l->shm->free_until);
}

TEST_F(shm, stored_request_counts_at_the_end_of_the_turn)
{
	struct lab *l = &self->l;

	stores(l, 1, 300);
	EXPECT_EQ(300, l->shm->free_until);
	ASSERT_TRUE(sleeps_until(l, 0, 2000));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 300));
	EXPECT_EQ(0, l->shm->slots[2].flags);
}

TEST_F(shm, request_by_message_overrides_a_stored_one)
{
	struct lab *l = &self->l;

	/* REQ_RUN of before is still set when the message comes. */
	EXPECT_EQ(TT_SHM_REQ_RUN, l->shm->slots[2].flags);
	ASSERT_TRUE(requests(l, 1, 5000));
	EXPECT_EQ(5000, l->shm->slots[2].req_time);
	ASSERT_TRUE(sleeps_until(l, 0, 2000));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 2000));
	EXPECT_EQ(5000, l->shm->free_until);
	ASSERT_TRUE(requests(l, 0, 9000));
	stores(l, 0, 7000);
	ASSERT_TRUE(waits(l, 0));
	ASSERT_TRUE(hears(l, 1, TT_RUN, 5000));
	EXPECT_EQ(7000, l->shm->free_until);
}

TEST_F(shm, request_lowers_the_horizon_in_memory)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(requests(l, 1, 500));
	EXPECT_EQ(500, l->shm->free_until);
	EXPECT_FALSE(cal_client_parked(l->p[1].c));
	ASSERT_TRUE(requests(l, 1, 700));
	EXPECT_EQ(500, l->shm->free_until);
	EXPECT_TRUE(silence(l));
}

TEST_F(shm, stored_sleep_for_ever)
{
	struct lab *l = &self->l;

	stores(l, 1, S64_MAX);
	stores(l, 0, U64_MAX);
	ASSERT_TRUE(says(l, 0, TT_WAIT, 0));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_ASLEEP, cal_verdict(l->cal));
}

TEST_F(shm, time_written_back)
{
	struct lab *l = &self->l;

	l->shm->current_time = 99;
	EXPECT_EQ(100, cal_now(l->cal));
	/* Not the fault of who asks. */
	ASSERT_TRUE(says(l, 1, TT_GET, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 100));
	EXPECT_TRUE(may_not(l, 0, TT_GET, 0,
			    "wrote time 99 ns to shared memory, not between 100 and 1000"));
	leaves(l, 0);
	EXPECT_TRUE(hears(l, 1, TT_RUN, 1000));
	EXPECT_EQ(1000, l->shm->current_time);
}

TEST_F(shm, time_written_beyond_the_horizon)
{
	struct lab *l = &self->l;

	l->shm->current_time = 1001;
	EXPECT_TRUE(may_not(l, 0, TT_WAIT, 0,
			    "wrote time 1001 ns to shared memory, not between 100 and 1000"));
	leaves(l, 0);
	EXPECT_EQ(1000, cal_now(l->cal));
}

TEST_F(shm, end_of_time_written)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(requests(l, 1, S64_MAX));
	ASSERT_TRUE(sleeps_until(l, 0, 2000));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 2000));
	EXPECT_EQ(S64_MAX, l->shm->free_until);
	l->shm->current_time = S64_MAX;
	EXPECT_EQ(2000, cal_now(l->cal));
	EXPECT_EQ(-EPROTO, input(l, 0, TT_GET, 99, 0));
	l->shm->current_time = S64_MAX - 1;
	EXPECT_EQ(S64_MAX - 1, cal_now(l->cal));
}

TEST_F(shm, all_that_can_be_written_wrongly)
{
	struct lab *l = &self->l;

	/* None of this must lead beyond the memory, or back in time. */
	memset(&l->shm->running_id, 0xff, sizeof(l->shm->running_id));
	l->shm->version = l->shm->len = U64_MAX & UINT32_MAX;
	l->shm->max_clients = 0xffff;
	l->shm->free_until = 0;
	l->shm->slots[2].req_time = 3;
	l->shm->slots[2].flags = ~0u;
	ASSERT_TRUE(says(l, 0, TT_WAIT, 0));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 100));
	EXPECT_EQ(2, l->shm->running_id);
	EXPECT_EQ(~TT_SHM_REQ_RUN, l->shm->slots[2].flags);
}

TEST_F(shm, message_client_runs_among_others)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(starts(l, 2, 72));
	EXPECT_EQ(100, l->shm->free_until);
	ASSERT_TRUE(sleeps_until(l, 0, 400));
	ASSERT_TRUE(admitted(l, 2, 3, CAL_FDS_DUMMY));
	EXPECT_EQ(3, l->shm->running_id);
	/* Nothing can be stored while it runs: its slot is not capable. */
	EXPECT_EQ(0, l->shm->slots[3].capa);
	ASSERT_TRUE(sleeps_until(l, 2, 10));
	ASSERT_TRUE(runs(l, 2, 10, 300));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 200));
	EXPECT_TRUE(cal_client_parked(l->p[1].c));
	EXPECT_TRUE(hears(l, 2, TT_FREE_UNTIL, 100));
	/* What is written meanwhile is nobody's time. */
	l->shm->current_time = 150;
	EXPECT_EQ(110, cal_now(l->cal));
	ASSERT_TRUE(acks(l, 2));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	ASSERT_TRUE(waits(l, 2));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 200));
	EXPECT_EQ(200, l->shm->current_time);
}

/* As kernels that ignore what comes with an ACK. */
TEST_F(shm, client_that_does_not_understand_it)
{
	struct lab *l = &self->l;

	EXPECT_TRUE(close_lab(l));
	ASSERT_TRUE(open_lab(l, 2, 8));
	ASSERT_TRUE(starts(l, 0, 0));
	ASSERT_TRUE(starts(l, 1, 1));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_SHM));
	l->p[0].shm = false;
	l->shm->slots[1].capa = 0;
	ASSERT_TRUE(says(l, 0, TT_GET, 0));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	/* Too late now. */
	l->shm->slots[1].capa = TT_SHM_CAP_TIME_SHARE;
	l->shm->current_time = 5;
	EXPECT_EQ(0, cal_now(l->cal));
	EXPECT_TRUE(sleeps_until(l, 0, 10));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_SHM));
	EXPECT_TRUE(sleeps_until(l, 1, 20));
	EXPECT_TRUE(runs(l, 0, 10, 20));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 15));
	EXPECT_TRUE(hears(l, 0, TT_FREE_UNTIL, 15));
	ASSERT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 12));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_EQ(12, l->shm->current_time);
	EXPECT_TRUE(waits(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 15));
}

TEST_F(shm, more_clients_than_slots)
{
	struct lab *l = &self->l;

	EXPECT_TRUE(close_lab(l));
	ASSERT_TRUE(open_lab(l, 2, 2));
	ASSERT_TRUE(starts(l, 0, 1));
	ASSERT_TRUE(starts(l, 1, 2));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_SHM));
	ASSERT_TRUE(sleeps_until(l, 0, 10));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 1, 20));
	EXPECT_TRUE(hears(l, 0, TT_RUN, 10));
}

/* No matter what others do with the descriptions. */
TEST_F(shm, local_client_has_slot_0)
{
	struct lab *l = &self->l;

	EXPECT_TRUE(close_lab(l));
	ASSERT_TRUE(open_lab(l, 2, 8));
	joins(l, 0, CAL_LOCAL);
	EXPECT_EQ(TT_SHM_CAP_TIME_SHARE, l->shm->slots[0].capa);
	ASSERT_TRUE(says(l, 0, TT_START, U64_MAX));
	joins(l, 1, CAL_HINTED);
	ASSERT_TRUE(says(l, 1, TT_START, 1));
	ASSERT_TRUE(admitted(l, 1, 1, CAL_FDS_SHM));
	ASSERT_TRUE(sleeps_until(l, 1, 100));
	ASSERT_TRUE(admitted(l, 0, 0, CAL_FDS_NONE));
	EXPECT_EQ(0, l->shm->running_id);
	EXPECT_EQ(100, cal_horizon(l->cal));
	ASSERT_TRUE(sleeps_until(l, 0, 50));
	EXPECT_TRUE(hears(l, 0, TT_RUN, 50));
	EXPECT_EQ(0, l->shm->running_id);
	EXPECT_EQ(50, l->shm->current_time);
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 60));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
	EXPECT_EQ(60, l->shm->current_time);

	/* A request in memory is seen when it is pointed at, not before. */
	stores(l, 1, 70);
	EXPECT_EQ(100, cal_horizon(l->cal));
	cal_touched(l->cal, l->p[1].c);
	EXPECT_EQ(70, cal_horizon(l->cal));
	ASSERT_TRUE(waits(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_RUN, 70));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));
}

TEST_F(shm, hinted_client_is_looked_at_in_its_own_turn)
{
	struct lab *l = &self->l;

	EXPECT_TRUE(close_lab(l));
	ASSERT_TRUE(open_lab(l, 2, 8));
	joins(l, 0, CAL_HINTED);
	joins(l, 1, CAL_HINTED);
	ASSERT_TRUE(says(l, 0, TT_START, 0));
	ASSERT_TRUE(says(l, 1, TT_START, 1));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_SHM));
	stores(l, 0, 20);
	ASSERT_TRUE(waits(l, 0));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_SHM));
	stores(l, 1, 30);
	stores(l, 0, 10);
	ASSERT_TRUE(waits(l, 1));
	/* Nobody said that client 0 had changed its mind. */
	EXPECT_TRUE(hears(l, 0, TT_RUN, 20));
}

TEST_F(shm, local_client_follows_a_horizon_that_has_risen)
{
	struct lab *l = &self->l;

	EXPECT_TRUE(close_lab(l));
	ASSERT_TRUE(open_lab(l, 2, 8));
	joins(l, 0, CAL_LOCAL);
	ASSERT_TRUE(says(l, 0, TT_START, 0));
	ASSERT_TRUE(starts(l, 1, 1));
	ASSERT_TRUE(admitted(l, 0, 0, CAL_FDS_NONE));
	ASSERT_TRUE(sleeps_until(l, 0, 10));
	ASSERT_TRUE(admitted(l, 1, 1, CAL_FDS_SHM));
	ASSERT_TRUE(sleeps_until(l, 1, 100));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 10));
	EXPECT_EQ(100, cal_horizon(l->cal));
	leaves(l, 1);
	EXPECT_EQ(S64_MAX, cal_horizon(l->cal));
	ASSERT_TRUE(says(l, 0, TT_UPDATE, 500));
	EXPECT_TRUE(hears(l, 0, TT_ACK, 0));
}

TEST_F(shm, reach_of_a_client)
{
	struct lab *l = &self->l;

	/* It runs, and may have gone up to its horizon. */
	EXPECT_EQ(1000, cal_reach(l->cal, l->p[0].c));
	/* It waits, so it has stopped before what it has asked for. */
	EXPECT_EQ(100, cal_reach(l->cal, l->p[1].c));
	ASSERT_TRUE(requests(l, 1, 300));
	ASSERT_TRUE(sleeps_until(l, 0, 400));
	ASSERT_TRUE(hears(l, 1, TT_RUN, 300));
	EXPECT_EQ(400, cal_reach(l->cal, l->p[0].c));
	EXPECT_EQ(400, cal_reach(l->cal, l->p[1].c));
	/* No earlier than now. */
	l->shm->current_time = 400;
	EXPECT_EQ(400, cal_now(l->cal));
	ASSERT_TRUE(requests(l, 0, 0));
	EXPECT_EQ(400, cal_reach(l->cal, l->p[0].c));
	/* No request: it may be anywhere below its horizon. */
	ASSERT_TRUE(requests(l, 0, S64_MAX));
	EXPECT_EQ(1000, cal_reach(l->cal, l->p[0].c));
}

/*
 * Against the rules
 */

TEST_F(cal, messages_before_start)
{
	static const struct {
		u32 op;
		const char *why;
	} t[] = {
		{ TT_ACK, "sent ACK before START" },
		{ TT_REQUEST, "sent REQUEST before START" },
		{ TT_WAIT, "sent WAIT before START" },
		{ TT_GET, "sent GET before START" },
		{ TT_UPDATE, "sent UPDATE before START" },
		{ TT_RUN, "sent RUN before START" },
		{ TT_FREE_UNTIL, "sent FREE_UNTIL before START" },
		{ TT_GET_TOD, "sent GET_TOD before START" },
		{ TT_BROADCAST, "sent BROADCAST before START" },
		{ 10, "sent an unknown message before START" },
		{ ~0u, "sent an unknown message before START" },
	};
	struct lab *l = &self->l;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		joins(l, i, 0);
		EXPECT_TRUE(may_not(l, i, t[i].op, 0, t[i].why));
		leaves(l, i);
	}
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, messages_out_of_turn)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	EXPECT_TRUE(may_not(l, 1, TT_WAIT, 0,
			    "sent WAIT while it was not running"));
	EXPECT_TRUE(may_not(l, 1, TT_UPDATE, 10,
			    "sent UPDATE while it was not running"));
	EXPECT_TRUE(may_not(l, 1, TT_START, 10, "sent START twice"));
	EXPECT_TRUE(may_not(l, 0, TT_START, 10, "sent START twice"));
	EXPECT_TRUE(may_not(l, 0, TT_RUN, 10,
			    "sent RUN, which only the calendar may"));
	EXPECT_TRUE(may_not(l, 0, TT_FREE_UNTIL, 10,
			    "sent FREE_UNTIL, which only the calendar may"));
	EXPECT_TRUE(may_not(l, 0, 10, 10, "sent an unknown message (op 10)"));
	EXPECT_TRUE(may_not(l, 0, ~0u, 10,
			    "sent an unknown message (op 4294967295)"));
	EXPECT_TRUE(may_not(l, 0, TT_UPDATE, 9,
			    "moved time back, from 10 to 9 ns"));
	EXPECT_TRUE(silence(l));
}

TEST_F(cal, messages_while_start_is_not_acked)
{
	struct lab *l = &self->l;

	l->cfg.clients = 2;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 1));
	EXPECT_TRUE(may_not(l, 0, TT_GET, 0,
			    "sent GET although its last message has not been acked"));
	EXPECT_TRUE(may_not(l, 0, TT_START, 0,
			    "sent START although its last message has not been acked"));
	EXPECT_TRUE(may_not(l, 0, TT_ACK, 0,
			    "sent an ACK (seq 4) that nothing waits for"));
}

TEST_F(cal, acks_must_be_of_what_was_sent)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 2, (u64[]){ 10, 50 }, 50));
	l->p[0].seq = 99;
	EXPECT_TRUE(may_not(l, 0, TT_ACK, 0,
			    "sent an ACK (seq 100) that nothing waits for"));
	ASSERT_TRUE(says(l, 1, TT_REQUEST, 40));
	ASSERT_TRUE(says(l, 0, TT_REQUEST, 45));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 40));
	ASSERT_TRUE(hears(l, 0, TT_ACK, 0));
	l->p[0].seq = 3;
	EXPECT_TRUE(may_not(l, 0, TT_ACK, 0,
			    "sent an ACK with seq 4, 3 was expected"));
	l->p[0].seq = 1;
	EXPECT_TRUE(may_not(l, 0, TT_ACK, 0,
			    "sent an ACK with seq 2, 3 was expected"));
	EXPECT_TRUE(acks(l, 0));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
}

TEST_F(cal, broadcast_goes_to_all_others_who_have_started)
{
	struct lab *l = &self->l;

	ASSERT_TRUE(begin(l, 3, (u64[]){ 10, 50, 60 }, 50));
	joins(l, 3, 0);
	ASSERT_TRUE(starts(l, 4, 9));
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 10));
	ASSERT_TRUE(says(l, 1, TT_BROADCAST, 12345));
	EXPECT_TRUE(hears(l, 1, TT_ACK, 0));
	EXPECT_TRUE(hears(l, 0, TT_BROADCAST, 12345));
	EXPECT_TRUE(hears(l, 2, TT_BROADCAST, 12345));
	EXPECT_TRUE(silence(l));
	EXPECT_TRUE(acks(l, 2));
	/* Not before FREE_UNTIL, which came first. */
	l->p[0].acked++;
	EXPECT_EQ(-EPROTO, input(l, 0, TT_ACK, 4, 0));
	EXPECT_EQ(0, input(l, 0, TT_ACK, 3, 0));
	EXPECT_EQ(0, input(l, 0, TT_ACK, 4, 0));
}

/* Whoever passes messages in need not take them out in between. */
TEST_F(cal, output_has_room_for_everything)
{
	enum { N = 40 };
	struct lab *l = &self->l;
	u64 time[N];
	struct cal_out o;
	unsigned int i, n = 0;

	for (i = 0; i < N; i++)
		time[i] = 10 + i;
	ASSERT_TRUE(begin(l, N, time, 11));
	for (i = 0; i < N; i++)
		ASSERT_TRUE(says(l, i, TT_BROADCAST, i));
	while (cal_output(l->cal, &o))
		n++;
	EXPECT_EQ(N * N, n);
}

/*
 * Coming and going
 */

TEST_F(cal, disconnect_in_every_state)
{
	struct lab *l = &self->l;

	joins(l, 0, 0);
	leaves(l, 0);
	EXPECT_EQ(CAL_GOING, cal_verdict(l->cal));

	l->cfg.clients = 4;
	ASSERT_TRUE(reopen_lab(l));
	ASSERT_TRUE(starts(l, 0, 0));
	leaves(l, 0);
	ASSERT_TRUE(starts(l, 1, 1));
	ASSERT_TRUE(starts(l, 2, 2));
	ASSERT_TRUE(starts(l, 3, 3));
	EXPECT_TRUE(silence(l));
	ASSERT_TRUE(starts(l, 4, 4));
	ASSERT_TRUE(admitted(l, 1, 1, CAL_FDS_DUMMY));
	/* While it is being admitted, and before. */
	leaves(l, 2);
	leaves(l, 1);
	ASSERT_TRUE(admitted(l, 3, 2, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 3, 30));
	ASSERT_TRUE(admitted(l, 4, 3, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 4, 40));
	ASSERT_TRUE(runs(l, 3, 30, 40));
	/* Running. */
	leaves(l, 3);
	ASSERT_TRUE(runs(l, 4, 40, FOREVER));
	ASSERT_TRUE(starts(l, 5, 5));
	ASSERT_TRUE(hears(l, 4, TT_FREE_UNTIL, 40));
	ASSERT_TRUE(acks(l, 4));
	ASSERT_TRUE(sleeps_until(l, 4, 50));
	ASSERT_TRUE(admitted(l, 5, 4, CAL_FDS_DUMMY));
	ASSERT_TRUE(sleeps_until(l, 5, 5));
	ASSERT_TRUE(runs(l, 5, 5, 10));
	/* Waiting: its request is void. */
	leaves(l, 4);
	ASSERT_TRUE(waits(l, 5));
	EXPECT_TRUE(silence(l));
	EXPECT_EQ(CAL_EMPTY, cal_verdict(l->cal));
	leaves(l, 5);
	EXPECT_EQ(CAL_EMPTY, cal_verdict(l->cal));
	EXPECT_EQ(NULL, cal_next_client(l->cal, NULL));
	EXPECT_EQ(45, cal_now(l->cal));
}

TEST_F(cal, what_people_are_told)
{
	struct lab *l = &self->l;
	char buf[80];

	l->cfg.clients = 2;
	ASSERT_TRUE(reopen_lab(l));
	joins(l, 0, 0);
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("has connected, but not sent START", buf);
	ASSERT_TRUE(says(l, 0, TT_START, 1));
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("has sent START; 1 of 2 clients have", buf);
	ASSERT_TRUE(starts(l, 1, 2));
	ASSERT_TRUE(admitted(l, 0, 1, CAL_FDS_DUMMY));
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("runs", buf);
	ASSERT_TRUE(sleeps_until(l, 0, 5 * SEC + 7));
	ASSERT_TRUE(admitted(l, 1, 2, CAL_FDS_DUMMY));
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("waits for 5.000000007 s", buf);
	ASSERT_TRUE(requests(l, 0, S64_MAX));
	cal_client_describe(l->cal, l->p[0].c, buf, sizeof(buf));
	EXPECT_STREQ("sleeps for ever", buf);
	EXPECT_EQ(l->p[0].c, cal_next_client(l->cal, NULL));
	EXPECT_EQ(l->p[1].c, cal_next_client(l->cal, l->p[0].c));
	EXPECT_EQ(NULL, cal_next_client(l->cal, l->p[1].c));
}

static void many_clients(struct __test_metadata *_metadata, struct lab *l,
			 unsigned int n)
{
	unsigned int i, round;

	l->cfg.clients = n;
	ASSERT_TRUE(reopen_lab(l));
	for (i = 0; i < n; i++)
		ASSERT_TRUE(starts(l, i, n - i));
	for (i = n; i--;) {
		ASSERT_TRUE(admitted(l, i, n - i, CAL_FDS_DUMMY));
		ASSERT_TRUE(sleeps_until(l, i, 1000 + i));
	}
	for (round = 1; round <= 3; round++)
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(runs(l, i, 1000 * round + i,
					 i + 1 < n ? 1000 * round + i + 1 :
					 round == 1 && n == 1 ? FOREVER :
					 1000 * (round + 1)));
			ASSERT_TRUE(sleeps_until(l, i, 1000 * (round + 1) + i));
		}
	for (i = 1; i < n; i++)
		leaves(l, i);
	ASSERT_TRUE(hears(l, 0, TT_FREE_UNTIL, 4001));
	ASSERT_TRUE(hears(l, 0, TT_RUN, 4000));
}

TEST_F(cal, three_hundred_clients)
{
	many_clients(_metadata, &self->l, 300);
}

TEST_F(cal, two_thousand_clients_at_one_time)
{
	struct lab *l = &self->l;
	unsigned int i, n = 2000;

	l->cfg.clients = n;
	ASSERT_TRUE(reopen_lab(l));
	for (i = 0; i < n; i++)
		ASSERT_TRUE(starts(l, i, U64_MAX));
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(admitted(l, i, i + 1, CAL_FDS_DUMMY));
		ASSERT_TRUE(sleeps_until(l, i, 77));
	}
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(runs(l, i, 77, i + 1 < n ? 77 : 78));
		ASSERT_TRUE(sleeps_until(l, i, 78 + !i));
	}
	EXPECT_TRUE(runs(l, 1, 78, 78));
}

/*
 * A naive calendar: arrays, scanned for everything. It gets the same messages
 * and has to say the same, in the same order.
 */

#define M_MAX		24
#define M_OUT		4096

enum m_state { M_GONE, M_NEW, M_STARTING, M_RUNNING, M_WAITING };

struct m_client {
	enum m_state state;
	bool shm, local;
	u64 id, start_stamp;
	u64 offset, slot;
	u64 req, stamp;			/* U64_MAX: none */
	u64 known;			/* horizon it is known to respect */
	u64 told;			/* by the last FREE_UNTIL of the turn */
	u64 top;			/* horizon when its turn began */
	u32 sent, acked, lower_seq;
	u64 parked_stamp;		/* 0: not */
	u32 parked_seq;
};

struct model {
	unsigned int order[M_MAX], nr;	/* of arrival, then of admission */
	struct m_client c[M_MAX];
	u64 now, stamps, next_slot;
	unsigned int expected;
	bool open, shared;
	struct { unsigned int to; struct tt_msg m; } out[M_OUT];
	unsigned int nr_out;
	/* what is in the memory that all share */
	u64 mem_now, mem_free;
	u64 mem_running;
	struct { bool set; u64 req; } mem[64];
};

static void m_say(struct model *m, unsigned int i, u32 op, u32 seq, u64 time)
{
	if (m->nr_out == M_OUT)
		abort();
	m->out[m->nr_out].to = i;
	m->out[m->nr_out++].m = (struct tt_msg){ op, seq, time };
}

static u64 m_local(const struct m_client *c, u64 t)
{
	return t >= S64_MAX ? S64_MAX : t - c->offset;
}

static u64 m_global(const struct m_client *c, u64 t)
{
	return t >= S64_MAX || t + c->offset >= S64_MAX ? U64_MAX :
	       t + c->offset;
}

static int m_find(const struct model *m, enum m_state state)
{
	unsigned int i;

	for (i = 0; i < M_MAX; i++)
		if (m->c[i].state == state)
			return (int)i;
	return -1;
}

/* Who starts next: lowest id, then first come. */
static int m_next_start(const struct model *m)
{
	const struct m_client *c, *b;
	int best = -1;
	unsigned int i;

	for (i = 0; i < M_MAX; i++) {
		c = &m->c[i];
		b = &m->c[best < 0 ? 0 : best];
		if (c->state == M_STARTING &&
		    (best < 0 || c->id < b->id ||
		     (c->id == b->id && c->start_stamp < b->start_stamp)))
			best = (int)i;
	}
	return best;
}

/* Who runs next: lowest time, then first to ask. */
static int m_next_run(const struct model *m)
{
	const struct m_client *c, *b;
	int best = -1;
	unsigned int i;

	for (i = 0; i < M_MAX; i++) {
		c = &m->c[i];
		b = &m->c[best < 0 ? 0 : best];
		if (c->state == M_WAITING && c->req != U64_MAX &&
		    (best < 0 || c->req < b->req ||
		     (c->req == b->req && c->stamp < b->stamp)))
			best = (int)i;
	}
	return best;
}

static u64 m_horizon(const struct model *m)
{
	int i = m_next_run(m);

	if (!m->open || m_next_start(m) >= 0)
		return m->now;
	return i < 0 ? S64_MAX : m->c[i].req;
}

static bool m_quiet(const struct m_client *c)
{
	return c->shm || c->local;
}

static void m_turn(struct model *m, unsigned int i)
{
	struct m_client *c = &m->c[i];

	c->known = c->told = c->top = m_horizon(m);
	c->state = M_RUNNING;
	c->req = U64_MAX;
	m->mem_now = m->now;
	m->mem_free = c->told;
	m->mem_running = c->local ? 0 : c->slot;
	if (c->shm)
		m->mem[c->slot].set = false;
}

static void m_admit(struct model *m, unsigned int i)
{
	struct m_client *c = &m->c[i];
	unsigned int k, n = 0;

	for (k = 0; k < m->nr; k++)
		if (m->order[k] != i)
			m->order[n++] = m->order[k];
	m->order[n] = i;
	c->offset = c->local ? 0 : m->now;
	if (!c->local) {
		c->slot = m->next_slot++;
		c->shm = m->shared && !m->now && !(m->next_slot % 3);
	}
	c->state = M_GONE;	/* not to be in its own way */
	m_turn(m, i);
	c->known = c->told = m->now;
	m_say(m, i, TT_ACK, c->parked_seq, c->slot);
	c->parked_stamp = 0;
}

static void m_run(struct model *m, unsigned int i)
{
	struct m_client *c = &m->c[i];

	if (c->req > m->now)
		m->now = c->req;
	c->req = U64_MAX;
	m_turn(m, i);
	if (m_quiet(c)) {
		m_say(m, i, TT_RUN, 0, m_local(c, m->now));
		return;
	}
	m_say(m, i, TT_FREE_UNTIL, ++c->sent, m_local(c, c->told));
	m_say(m, i, TT_RUN, ++c->sent, m_local(c, m->now));
}

static void m_step(struct model *m)
{
	int i;

	if (!m->open || m_find(m, M_RUNNING) >= 0)
		return;
	i = m_next_start(m);
	if (i >= 0) {
		m_admit(m, (unsigned int)i);
		return;
	}
	i = m_next_run(m);
	if (i >= 0)
		m_run(m, (unsigned int)i);
}

static void m_release(struct model *m)
{
	unsigned int i;
	int best;

	for (;;) {
		best = -1;
		for (i = 0; i < M_MAX; i++)
			if (m->c[i].state == M_WAITING &&
			    m->c[i].parked_stamp &&
			    (best < 0 || m->c[i].parked_stamp <
					 m->c[best].parked_stamp))
				best = (int)i;
		if (best < 0)
			return;
		m->c[best].parked_stamp = 0;
		m_say(m, (unsigned int)best, TT_ACK, m->c[best].parked_seq, 0);
	}
}

static void m_ask(struct model *m, unsigned int i, u64 t)
{
	struct m_client *c = &m->c[i];

	if (t < m->now)
		t = m->now;
	if (t == c->req)
		return;
	c->req = t;
	c->stamp = ++m->stamps;
}

static void m_lower(struct model *m, u64 t)
{
	int r = m_find(m, M_RUNNING);
	struct m_client *c;

	if (t < m->mem_free)
		m->mem_free = t;
	if (r < 0)
		return;
	c = &m->c[r];
	if (m_quiet(c) || t >= c->told)
		return;
	c->told = t;
	m_say(m, (unsigned int)r, TT_FREE_UNTIL, ++c->sent, m_local(c, t));
	c->lower_seq = c->sent;
}

/* Requests that were stored in memory. */
static void m_look(struct model *m, unsigned int i)
{
	struct m_client *c = &m->c[i];

	if (c->shm && m->mem[c->slot].set)
		m_ask(m, i, m_global(c, m->mem[c->slot].req));
}

static void m_end_turn(struct model *m, const unsigned int *order,
		       unsigned int nr)
{
	unsigned int i;

	m_release(m);
	for (i = 0; i < nr; i++)
		if (m->c[order[i]].state == M_WAITING)
			m_look(m, order[i]);
}

/*
 * The driver: random clients do random things that are allowed, and sometimes
 * one that is not.
 */
struct game {
	struct lab l;
	struct model m;
	struct prng prng;
	u64 steps[TT_NR_OPS], parked;
};

static u64 dice(struct game *g, u64 n)
{
	return prng_next(&g->prng) % n;
}

static void g_join(struct game *g)
{
	unsigned int flags = 0, i;
	int slot = m_find(&g->m, M_GONE);

	if (slot < 0)
		return;
	i = (unsigned int)slot;
	if (!g->m.nr && dice(g, 2))
		flags = CAL_LOCAL;
	joins(&g->l, i, flags);
	g->m.c[i] = (struct m_client){
		.state = M_NEW, .local = flags, .req = U64_MAX,
	};
	g->m.order[g->m.nr++] = i;
}

static void g_leave(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	enum m_state was = m->c[i].state;
	unsigned int k, n = 0;

	if (was == M_RUNNING && m->c[i].shm)
		m->now = m->mem_now;
	leaves(&g->l, i);
	m->c[i].state = M_GONE;
	for (k = 0; k < g->m.nr; k++)
		if (g->m.order[k] != i)
			g->m.order[n++] = g->m.order[k];
	g->m.nr = n;
	if (was == M_RUNNING)
		m_end_turn(m, g->m.order, g->m.nr);
	m_step(m);
}

static void g_start(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];
	unsigned int k, n = 0;
	u64 id = dice(g, 2) ? U64_MAX : 1000 * dice(g, 5) + i;

	if (!says(&g->l, i, TT_START, id))
		abort();
	c->id = id;
	c->start_stamp = ++m->stamps;
	c->parked_stamp = 1;
	c->parked_seq = g->l.p[i].seq;
	c->state = M_STARTING;
	for (k = 0; k < M_MAX; k++)
		n += m->c[k].state == M_STARTING;
	if (n >= m->expected)
		m->open = true;
	if (m_find(m, M_RUNNING) >= 0)
		m_lower(m, m->now);
	m_step(m);
}

static u64 g_time(struct game *g, const struct m_client *c)
{
	u64 t = g->m.now - c->offset;

	switch (dice(g, 10)) {
	case 0:
		return S64_MAX + dice(g, 2);
	case 1:
		return t > 5 ? t - dice(g, 5) : t;
	case 2:
		return t;
	default:
		return t + dice(g, 40);
	}
}

static void g_request(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i], *r;
	u64 t = g_time(g, c);
	int ri = m_find(m, M_RUNNING);

	if (!says(&g->l, i, TT_REQUEST, t))
		abort();
	m_ask(m, i, m_global(c, t));
	if (c->shm) {
		m->mem[c->slot].set = true;
		m->mem[c->slot].req = t;
	}
	if (c->state == M_WAITING && ri >= 0) {
		r = &m->c[ri];
		m_lower(m, c->req);
		if (!m_quiet(r) && c->req < r->known) {
			c->parked_stamp = ++m->stamps;
			c->parked_seq = g->l.p[i].seq;
			g->parked++;
			return;
		}
	}
	m_say(m, i, TT_ACK, g->l.p[i].seq, 0);
	m_step(m);
}

/* As a client with shared memory may while another one, or itself, runs. */
static void g_store(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];
	u64 t = g_time(g, c);

	if (!c->shm || m_find(m, M_RUNNING) < 0)
		return;
	stores(&g->l, i, t);
	m->mem[c->slot].set = true;
	m->mem[c->slot].req = t;
	if (t < m->mem_free)
		m->mem_free = t;
}

static void g_wait(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];

	if (!says(&g->l, i, TT_WAIT, U64_MAX))
		abort();
	if (!m_quiet(c))
		m_say(m, i, TT_ACK, g->l.p[i].seq, 0);
	m_look(m, i);
	c->stamp = ++m->stamps;
	c->state = M_WAITING;
	m_end_turn(m, g->m.order, g->m.nr);
	m_step(m);
}

/* Time goes on: in memory, or by UPDATE. */
static void g_move(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];
	u64 top = c->shm ? c->top : c->local ? m_horizon(m) : c->known;
	u64 t = m->now + dice(g, 10);

	if (c->local)
		(void)cal_horizon(g->l.cal);
	if (t > top)
		t = top > m->now ? top : m->now;
	if (t >= S64_MAX)
		return;
	if (c->shm) {
		g->l.shm->current_time = t;
		m->mem_now = m->now = t;
		return;
	}
	if (!says(&g->l, i, TT_UPDATE, t - c->offset))
		abort();
	m->now = m->mem_now = t;
	m_say(m, i, TT_ACK, g->l.p[i].seq, 0);
}

static void g_ask(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];
	u32 op = dice(g, 2) ? TT_GET : TT_GET_TOD;

	if (!says(&g->l, i, op, 0))
		abort();
	m_say(m, i, TT_ACK, g->l.p[i].seq, op == TT_GET ?
	      m_local(c, m->now) : g->l.cfg.tod + m->now);
	m_step(m);
}

static void g_broadcast(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	unsigned int k, o;
	u64 v = dice(g, 1000);

	if (!says(&g->l, i, TT_BROADCAST, v))
		abort();
	m_say(m, i, TT_ACK, g->l.p[i].seq, 0);
	for (k = 0; k < g->m.nr; k++) {
		o = g->m.order[k];
		if (o != i && m->c[o].state >= M_RUNNING)
			m_say(m, o, TT_BROADCAST, ++m->c[o].sent, v);
	}
	m_step(m);
}

static void g_ack(struct game *g, unsigned int i)
{
	struct model *m = &g->m;
	struct m_client *c = &m->c[i];

	if (c->acked == c->sent)
		return;
	c->acked++;
	if (input(&g->l, i, TT_ACK, c->acked, 0) < 0)
		abort();
	if (c->state == M_RUNNING && c->acked == c->lower_seq) {
		c->known = c->told;
		m_release(m);
	}
	m_step(m);
}

/* Thrown out, whatever state it is in. */
static void g_break_a_rule(struct game *g, unsigned int i)
{
	u32 op = dice(g, 2) ? TT_RUN : TT_NR_OPS + (u32)dice(g, 99);

	if (input(&g->l, i, op, 0, 0) != -EPROTO)
		abort();
	g_leave(g, i);
}

static void g_act(struct game *g, unsigned int i)
{
	struct m_client *c = &g->m.c[i];
	u64 what = dice(g, 100);

	if (what < 1) {
		g_leave(g, i);
	} else if (what < 2) {
		g_break_a_rule(g, i);
	} else if (c->state == M_NEW) {
		g_start(g, i);
	} else if (c->state == M_STARTING) {
		return;
	} else if (what < 30) {
		g_ack(g, i);
	} else if (c->parked_stamp) {
		return;
	} else if (what < 55) {
		g_request(g, i);
	} else if (what < 62) {
		g_store(g, i);
	} else if (what < 66) {
		g_ask(g, i);
	} else if (what < 68) {
		g_broadcast(g, i);
	} else if (c->state == M_RUNNING) {
		if (what < 80)
			g_move(g, i);
		else
			g_wait(g, i);
	}
}

/* Often who runs, or little would happen. */
static unsigned int g_somebody(struct game *g)
{
	int r = m_find(&g->m, M_RUNNING);

	return r >= 0 && dice(g, 2) ? (unsigned int)r :
	       g->m.order[dice(g, g->m.nr)];
}

/* Both have said the same. */
static bool g_compare(struct game *g)
{
	struct model *m = &g->m;
	struct cal_out o;
	unsigned int i, to;

	for (i = 0; i < m->nr_out; i++) {
		const struct tt_msg *want = &m->out[i].m;

		to = m->out[i].to;
		/* Lost on the way to who has left. */
		if (m->c[to].state == M_GONE)
			continue;
		if (!cal_output(g->l.cal, &o)) {
			ksft_print_msg("nothing, and not %s to %u\n",
				       tt_op_name(want->op), to);
			return false;
		}
		if (o.to != g->l.p[to].c || o.msg.op != want->op ||
		    o.msg.seq != want->seq || o.msg.time != want->time) {
			print_out(&o);
			ksft_print_msg("and not %s seq %u time %" PRIu64 " to %u\n",
				       tt_op_name(want->op), want->seq,
				       want->time, to);
			return false;
		}
		g->steps[want->op]++;
		/* What the harness's own helpers need to know. */
		g->l.p[to].shm = m->c[to].shm;
		g->l.p[to].slot = m->c[to].slot;
		if (m->c[to].shm)
			g->l.shm->slots[m->c[to].slot].capa =
				TT_SHM_CAP_TIME_SHARE;
		if (g->l.p[to].shm)
			g->l.shm->slots[g->l.p[to].slot].capa =
				TT_SHM_CAP_TIME_SHARE;
	}
	m->nr_out = 0;
	return silence(&g->l);
}

static bool g_compare_state(struct game *g)
{
	struct model *m = &g->m;
	unsigned int i;

	if (cal_now(g->l.cal) != m->now) {
		ksft_print_msg("it is %" PRIu64 " and not %" PRIu64 "\n",
			       cal_now(g->l.cal), m->now);
		return false;
	}
	for (i = 0; i < M_MAX; i++)
		if (m->c[i].state != M_GONE &&
		    cal_client_parked(g->l.p[i].c) != !!m->c[i].parked_stamp)
			return false;
	if (m_find(m, M_RUNNING) < 0 || !g->l.shm)
		return true;
	return g->l.shm->running_id == m->mem_running &&
	       g->l.shm->free_until == m->mem_free &&
	       g->l.shm->current_time == m->mem_now;
}

static bool play(struct game *g, u64 seed, bool shm)
{
	unsigned int n;
	bool ok = true;

	memset(&g->m, 0, sizeof(g->m));
	prng_seed(&g->prng, seed, "calendar");
	g->m.expected = 1 + (unsigned int)dice(g, 6);
	g->m.next_slot = 1;
	g->m.nr = 0;
	if (!open_lab(&g->l, g->m.expected, shm ? 63 : 0))
		return false;
	g->m.shared = shm;
	for (n = 0; ok && n < 1500; n++) {
		if (!g->m.nr || (g->m.nr < M_MAX && !dice(g, g->m.nr < 6 ? 4 : 60)))
			g_join(g);
		else
			g_act(g, g_somebody(g));
		ok = g_compare(g) && g_compare_state(g);
	}
	if (!ok)
		ksft_print_msg("at step %u of seed %" PRIu64 "\n", n, seed);
	return close_lab(&g->l) && ok;
}

TEST_F(cal, does_what_a_naive_calendar_does)
{
	struct game *g = calloc(1, sizeof(*g));
	u64 seed;

	ASSERT_NE(NULL, g);
	for (seed = 0; seed < 60; seed++)
		ASSERT_TRUE(play(g, seed, seed % 3));
	/* The game has been about something. */
	EXPECT_GT(g->steps[TT_RUN], 3000);
	EXPECT_GT(g->steps[TT_FREE_UNTIL], 3000);
	EXPECT_GT(g->steps[TT_ACK], 10000);
	EXPECT_GT(g->steps[TT_BROADCAST], 1000);
	EXPECT_GT(g->parked, 300);
	free(g);
}

TEST_HARNESS_MAIN
