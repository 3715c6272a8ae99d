// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Three hundred clients on one calendar. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define N	300

FIXTURE(many) {
	struct umtt cal;
	struct ttp *p;
	struct tt_start_ack *a;
};

FIXTURE_SETUP(many)
{
	struct rlimit r;

	check(getrlimit(RLIMIT_NOFILE, &r) == 0);
	r.rlim_cur = r.rlim_max;
	check(setrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur > 2 * N + 50);
	self->p = calloc(N, sizeof(*self->p));
	self->a = calloc(N, sizeof(*self->a));
}

FIXTURE_TEARDOWN(many)
{
	unsigned int i;

	for (i = 0; i < N; i++) {
		close(self->p[i].fd);
		client_release(&self->a[i]);
	}
	umtt_ends(&self->cal, 0);
	free(self->p);
	free(self->a);
}

static void open_all(struct umtt *u, struct ttp *p, const char *option)
{
	unsigned int i;

	umtt_start(u, "calendar", "--socket", path("cal"), "--clients=300",
		   option, NULL);
	/* In any order; they start in that of their ids. */
	for (i = 0; i < N; i++)
		client_open(&p[i * 7 % N], "a client", i * 7 % N);
}

TEST_F(many, in_message_mode)
{
	struct ttp *p = self->p;
	unsigned int i, round;

	open_all(&self->cal, p, "--no-shm");
	for (i = 0; i < N; i++) {
		client_admitted(&p[i], &self->a[i]);
		check_eq(i + 1, self->a[i].slot);
		client_wait(&p[i], 1000 + i);
	}
	for (round = 1; round <= 3; round++)
		for (i = 0; i < N; i++) {
			client_runs(&p[i], 1000 * round + i, i + 1 < N ?
				    1000 * round + i + 1 : 1000 * (round + 1));
			client_wait(&p[i], 1000 * (round + 1) + i);
		}
	client_runs(&p[0], 4000, 4001);
}

TEST_F(many, in_shared_memory)
{
	struct ttp *p = self->p;
	struct tt_shm *shm;
	unsigned int i, round;

	open_all(&self->cal, p, NULL);
	for (i = 0; i < N; i++) {
		client_admitted(&p[i], &self->a[i]);
		shm = self->a[i].shm;
		check(shm);
		shm->slots[i + 1].capa = TT_SHM_CAP_TIME_SHARE;
		shm->slots[i + 1].req_time = 1000;
		shm->slots[i + 1].flags = TT_SHM_REQ_RUN;
		ttp_say(&p[i], TT_WAIT, 0);
	}
	/* All at one time, in the order of their requests. */
	for (round = 1; round <= 3; round++)
		for (i = 0; i < N; i++) {
			ttp_expect(&p[i], TT_RUN, 1000 * round);
			shm = self->a[i].shm;
			check_eq(i + 1, shm->running_id);
			check_eq(0, shm->slots[i + 1].flags);
			shm->slots[i + 1].req_time = 1000 * (round + 1);
			shm->slots[i + 1].flags = TT_SHM_REQ_RUN;
			ttp_say(&p[i], TT_WAIT, 0);
		}
	ttp_expect(&p[0], TT_RUN, 4000);
}

/* All but two leave at once. */
TEST_F(many, most_leave)
{
	struct ttp *p = self->p;
	unsigned int i;

	open_all(&self->cal, p, NULL);
	for (i = 0; i < N; i++) {
		client_admitted(&p[i], &self->a[i]);
		client_wait(&p[i], 1000 + i);
	}
	client_runs(&p[0], 1000, 1001);
	for (i = 1; i < N - 1; i++)
		shutdown(p[i].fd, SHUT_RDWR);
	sleep_ms(50);
	client_wait(&p[0], 5000);
	client_runs(&p[N - 1], 1000 + N - 1, 5000);
	client_wait(&p[N - 1], 9000);
	client_runs(&p[0], 5000, 9000);
}

TEST_HARNESS_MAIN
