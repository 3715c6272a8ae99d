// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How clients come to a calendar: when time begins, in which order, with what. */
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(start) {
	struct umtt cal;
};

FIXTURE_SETUP(start)
{
}

FIXTURE_TEARDOWN(start)
{
	/* All clients have left, so it ends by itself. */
	umtt_ends(&self->cal, 0);
}

static void open_calendar(struct umtt *u, const char *clients,
			  const char *option)
{
	umtt_start(u, "calendar", "--socket", path("cal"), "--clients",
		   clients, option, NULL);
}

static void leave(struct ttp *p, unsigned int n)
{
	while (n--)
		close(p[n].fd);
}

TEST_F(start, waits_for_the_expected_number)
{
	struct ttp p[3];
	unsigned int i;

	open_calendar(&self->cal, "3", NULL);
	client_open(&p[0], "client 30", 30);
	client_open(&p[1], "client 10", 10);
	ttp_quiet(&p[0]);
	ttp_quiet(&p[1]);
	client_open(&p[2], "client 20", 20);
	client_admitted(&p[1], NULL);
	ttp_quiet(&p[2]);
	ttp_quiet(&p[0]);
	/* A client at a time, up to its first WAIT. */
	ttp_say(&p[1], TT_GET, 0);
	ttp_expect_ack(&p[1], 0);
	ttp_quiet(&p[2]);
	client_wait(&p[1], 100);
	client_admitted(&p[2], NULL);
	ttp_quiet(&p[0]);
	client_wait(&p[2], 90);
	client_admitted(&p[0], NULL);
	client_wait(&p[0], 90);
	client_runs(&p[2], 90, 90);
	for (i = 0; i < 2; i++)
		nothing_comes(p[i].fd, p[i].name, 0);
	leave(p, 3);
}

/* Time waits for the living. */
TEST_F(start, client_that_dies_before_time_begins)
{
	struct ttp p[3];
	struct ttp dead;
	char line[128];

	open_calendar(&self->cal, "2", NULL);
	client_open(&dead, "client 1", 1);
	sleep_ms(20);
	close(dead.fd);
	snprintf(line, sizeof(line),
		 "client 1 (pid %d): has left before time began, which now waits for 2 more of 2 clients",
		 (int)getpid());
	umtt_says(&self->cal, line);
	/* Its id is free again. */
	client_open(&p[0], "client 1", 1);
	ttp_quiet(&p[0]);
	client_open(&dead, "client 0", 0);
	client_admitted(&dead, NULL);
	ttp_quiet(&p[0]);
	close(dead.fd);
	client_admitted(&p[0], NULL);
	leave(p, 1);
}

/* Before START it has no name but that of its process. */
TEST_F(start, client_that_dies_before_its_start)
{
	struct ttp p;
	char line[128];

	open_calendar(&self->cal, "1", NULL);
	close(connect_to(path("cal")));
	snprintf(line, sizeof(line),
		 "calendar: pid %d: has connected and left without START; time waits for 1 more of 1 clients",
		 (int)getpid());
	umtt_says(&self->cal, line);
	client_open(&p, "client 1", 1);
	client_admitted(&p, NULL);
	leave(&p, 1);
}

/* What comes with the ACK of START: two files, whatever it is about. */
TEST_F(start, shared_memory)
{
	struct tt_start_ack a[2], late;
	struct ttp p[3];

	open_calendar(&self->cal, "2", NULL);
	client_open(&p[0], "client 7", 7);
	client_open(&p[1], "client 8", 8);
	client_admitted(&p[0], &a[0]);
	check(a[0].shm);
	check_eq(a[0].len, a[0].shm->len);
	check_eq(1, a[0].slot);
	check_eq(7, a[0].shm->slots[1].name);
	check_eq(1, a[0].shm->running_id);
	check(a[0].len >= sizeof(*a[0].shm) + 65 * sizeof(a[0].shm->slots[0]));
	a[0].shm->slots[1].capa = TT_SHM_CAP_TIME_SHARE;
	/* WAIT is not acked by one that shares memory. */
	ttp_ask(&p[0], TT_REQUEST, 100);
	ttp_say(&p[0], TT_WAIT, 0);
	client_admitted(&p[1], &a[1]);
	check(a[1].shm);
	check_eq(2, a[1].slot);
	check_eq(2, a[0].shm->running_id);
	/* It does not say that it understands: messages, for this one. */
	client_wait(&p[1], 200);
	ttp_expect(&p[0], TT_RUN, 100);
	check_eq(100, a[0].shm->current_time);
	check_eq(200, a[0].shm->free_until);
	client_open(&p[2], "client 9", 9);
	ttp_quiet(&p[2]);
	check_eq(100, a[0].shm->free_until);
	a[0].shm->slots[1].req_time = 150;
	a[0].shm->slots[1].flags |= TT_SHM_REQ_RUN;
	ttp_say(&p[0], TT_WAIT, 0);
	/* The late one has messages, since its time 0 is now. */
	client_admitted(&p[2], &late);
	check(!late.shm);
	ttp_say(&p[2], TT_GET, 0);
	ttp_expect_ack(&p[2], 0);
	ttp_say(&p[2], TT_GET_TOD, 0);
	ttp_expect_ack(&p[2], 1893456000 * NSEC_PER_SEC + 100);
	client_wait(&p[2], 10);
	client_runs(&p[2], 10, 50);
	client_wait(&p[2], U64_MAX);
	ttp_expect(&p[0], TT_RUN, 150);
	leave(p, 3);
	client_release(&a[0]);
	client_release(&a[1]);
	client_release(&late);
}

TEST_F(start, no_shared_memory)
{
	struct tt_start_ack a;
	struct ttp p;

	open_calendar(&self->cal, "1", "--no-shm");
	client_open(&p, "client 1", U64_MAX);
	client_admitted(&p, &a);
	check(!a.shm);
	client_release(&a);
	ttp_say(&p, TT_GET, 0);
	ttp_expect_ack(&p, 0);
	leave(&p, 1);
}

/* Nobody can take the memory away from under the others. */
TEST_F(start, shared_memory_cannot_be_cut)
{
	struct tt_start_ack a;
	struct ttp p;

	open_calendar(&self->cal, "1", NULL);
	client_open(&p, "client 1", 1);
	client_admitted(&p, &a);
	check(ftruncate(a.memfd, 4096) < 0);
	check(ftruncate(a.memfd, (off_t)a.len * 2) < 0);
	client_release(&a);
	leave(&p, 1);
}

TEST_F(start, time_of_day)
{
	struct ttp p;

	open_calendar(&self->cal, "1", "--tod=1000");
	client_open(&p, "client 1", 1);
	client_admitted(&p, NULL);
	ttp_say(&p, TT_GET_TOD, 0);
	ttp_expect_ack(&p, 1000 * NSEC_PER_SEC);
	client_wait(&p, 5);
	client_runs(&p, 5, NSEC_PER_SEC + 5);
	ttp_say(&p, TT_GET_TOD, 0);
	ttp_expect_ack(&p, 1000 * NSEC_PER_SEC + 5);
	leave(&p, 1);
}

TEST_F(start, socket_is_private_and_not_taken_from_another)
{
	struct umtt second;
	struct stat sb;
	struct ttp p;

	open_calendar(&self->cal, "1", NULL);
	client_open(&p, "client 1", 1);
	client_admitted(&p, NULL);
	check(stat(path("cal"), &sb) == 0);
	check_eq(S_IFSOCK | 0600, sb.st_mode);
	open_calendar(&second, "1", NULL);
	umtt_says(&second, "cannot listen for time-travel clients: Address already in use");
	umtt_ends(&second, 125);
	/* And the first one still has it. */
	check(stat(path("cal"), &sb) == 0);
	leave(&p, 1);
}

/* What a calendar that was killed has left is no obstacle. */
TEST_F(start, stale_socket)
{
	struct umtt first;
	struct ttp p;

	open_calendar(&first, "1", NULL);
	client_open(&p, "client 1", 1);
	client_admitted(&p, NULL);
	umtt_killed(&first);
	leave(&p, 1);
	open_calendar(&self->cal, "1", NULL);
	client_open(&p, "client 1", 1);
	client_admitted(&p, NULL);
	leave(&p, 1);
}

TEST_HARNESS_MAIN
