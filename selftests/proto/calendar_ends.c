// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How a calendar ends, and what it says then. */
#include <signal.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

static void pid_line(struct umtt *u, const char *id, const char *what)
{
	char line[128];

	snprintf(line, sizeof(line), "umtt: client %s (pid %d) %s", id,
		 (int)getpid(), what);
	umtt_says(u, line);
}

TEST(all_asleep)
{
	struct ttp a, b, c;
	struct umtt u;

	umtt_start(&u, "calendar", "--socket", path("cal"), "-n3", NULL);
	client_open(&a, "client 4", 4);
	client_open(&b, "client 5", 5);
	client_open(&c, "a slave", U64_MAX);
	client_admitted(&a, NULL);
	client_wait(&a, NEVER);
	client_admitted(&b, NULL);
	client_wait(&b, 3 * NSEC_PER_SEC);
	client_admitted(&c, NULL);
	client_wait(&c, U64_MAX);
	client_runs(&b, 3 * NSEC_PER_SEC, 4 * NSEC_PER_SEC);
	ttp_ask(&b, TT_REQUEST, NEVER);
	/* Not before the last one has said that it waits. */
	ttp_quiet(&b);
	ttp_ask(&b, TT_WAIT, 0);
	umtt_says(&u, "all clients sleep for ever");
	pid_line(&u, "4", "sleeps for ever");
	pid_line(&u, "5", "sleeps for ever");
	pid_line(&u, "-1", "waits to be used");
	umtt_ends(&u, 125);
	comes_to_an_end(a.fd, a.name);
	close(a.fd);
	close(b.fd);
	close(c.fd);
}

TEST(time_limit)
{
	struct umtt u;
	struct ttp a;

	umtt_start(&u, "calendar", "--socket", path("cal"),
		   "--time-limit=2ms", NULL);
	client_open(&a, "client 1", 1);
	client_admitted(&a, NULL);
	client_wait(&a, 1);
	client_runs(&a, 1, 2 * NSEC_PER_MSEC + 1);
	client_wait(&a, 2 * NSEC_PER_MSEC);
	/* At the limit, not beyond it. */
	client_runs(&a, 2 * NSEC_PER_MSEC, 2 * NSEC_PER_MSEC + 1);
	client_wait(&a, 2 * NSEC_PER_MSEC + 1);
	umtt_says(&u, "time limit reached");
	umtt_ends(&u, 124);
	close(a.fd);
}

TEST(all_have_left)
{
	struct umtt u;
	struct ttp a, b;

	umtt_start(&u, "calendar", "--socket", path("cal"), "-n2", "--stats",
		   NULL);
	client_open(&a, "client 1", 1);
	client_open(&b, "client 2", 2);
	client_admitted(&a, NULL);
	client_wait(&a, 50 * NSEC_PER_SEC);
	client_admitted(&b, NULL);
	client_wait(&b, 70 * NSEC_PER_SEC);
	client_runs(&a, 50 * NSEC_PER_SEC, 51 * NSEC_PER_SEC);
	close(b.fd);
	close(a.fd);
	umtt_says(&u, "simulated 50");
	umtt_ends(&u, 0);
	check(access(path("cal"), F_OK) < 0);
}

/* Who has nothing to do without others is no reason to stay. */
TEST(idle_slave_is_left)
{
	struct umtt u;
	struct ttp a, b;

	umtt_start(&u, "calendar", "--socket", path("cal"), "-n2", NULL);
	client_open(&a, "client 1", 1);
	client_open(&b, "a slave", U64_MAX);
	client_admitted(&a, NULL);
	client_wait(&a, 50);
	client_admitted(&b, NULL);
	client_wait(&b, U64_MAX);
	client_runs(&a, 50, NSEC_PER_SEC + 50);
	close(a.fd);
	umtt_ends(&u, 0);
	close(b.fd);
}

TEST(terminated)
{
	struct umtt u;
	struct ttp a;

	umtt_start(&u, "calendar", "--socket", path("cal"), "-n2", NULL);
	client_open(&a, "client 1", 1);
	ttp_quiet(&a);
	umtt_term(&u, 128 + SIGTERM);
	comes_to_an_end(a.fd, a.name);
	close(a.fd);
	check(access(path("cal"), F_OK) < 0);
}

TEST(interrupted_while_one_runs)
{
	struct umtt u;
	struct ttp a;

	umtt_start(&u, "calendar", "--socket", path("cal"), NULL);
	client_open(&a, "client 1", 1);
	client_admitted(&a, NULL);
	kill(u.pid, SIGINT);
	umtt_ends(&u, 128 + SIGINT);
	comes_to_an_end(a.fd, a.name);
	close(a.fd);
}

TEST(who_comes_and_goes)
{
	struct umtt u;
	struct ttp a;
	char line[128];

	umtt_start(&u, "calendar", "--socket", path("cal"), "-v", NULL);
	client_open(&a, "client 1", 1);
	client_admitted(&a, NULL);
	close(a.fd);
	snprintf(line, sizeof(line),
		 "umtt: calendar: client 1 (pid %d): has left", (int)getpid());
	umtt_says(&u, line);
	umtt_ends(&u, 0);
}

TEST_HARNESS_MAIN
