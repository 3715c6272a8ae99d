// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How a slave starts, and what it says when it cannot. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

TEST(no_calendar)
{
	struct umtt u;

	umtt_start(&u, "slave", "--calendar", path("cal"), "--device",
		   device("echo", "a", NULL), NULL);
	umtt_says(&u, "cannot connect to the calendar at ");
	umtt_ends(&u, 125);
	check(access(path("a"), F_OK) < 0);
}

TEST(calendar_that_does_not_answer)
{
	int listener = cal_open();
	struct umtt u;
	struct ttp cal;
	struct fvu f;

	umtt_start(&u, "slave", "--calendar", path("cal"), "--device",
		   device("echo", "a", NULL), NULL);
	cal_accept(&cal, listener);
	ttp_expect(&cal, TT_START, U64_MAX);
	/* Front-ends can set up, but nothing is served before its turn. */
	fvu_open(&f, "a");
	fvu_kick(&f, 0);
	nothing_comes(f.fd, "the slave", QUIET_MS);
	ttp_quiet(&cal);
	umtt_term(&u, 0);
	comes_to_an_end(cal.fd, "the slave");
	comes_to_an_end(f.fd, "the slave");
	fvu_close(&f);
	close(cal.fd);
	close(listener);
}

/* A kick that came before the first turn is served in it. */
TEST(kick_before_the_first_turn)
{
	int listener = cal_open();
	struct umtt u;
	struct ttp cal;
	struct fvu f;
	u32 seq;

	umtt_start(&u, "slave", "--calendar", path("cal"), "--id", "12",
		   "--device", device("echo", "a", NULL), NULL);
	cal_accept(&cal, listener);
	seq = ttp_expect(&cal, TT_START, 12);
	fvu_open(&f, "a");
	echo_put(&f, 0, 0, 5);
	fvu_kick(&f, 0);
	/* It has been read. */
	nothing_comes(f.fd, "the slave", QUIET_MS);
	cal_ack_start(&cal, seq, 1, -1);
	fvu_kicked(&f);
	cal_expect(&cal, TT_REQUEST, 5, 0);
	cal_expect(&cal, TT_WAIT, U64_MAX, 0);
	cal_run(&cal, 5, 6);
	fvu_called(&f, 0);
	check_eq(0, echo_get(&f, 0, 0).t_start);
	fvu_answer(&f, 0);
	umtt_term(&u, 0);
	fvu_close(&f);
	close(cal.fd);
	close(listener);
}

TEST(calendar_that_hangs_up)
{
	int listener = cal_open();
	struct umtt u;
	struct ttp cal;

	umtt_start(&u, "slave", "--calendar", path("cal"), "--device",
		   device("echo", "a", NULL), NULL);
	cal_accept(&cal, listener);
	ttp_expect(&cal, TT_START, U64_MAX);
	close(cal.fd);
	umtt_says(&u, "has left, and so do we");
	umtt_ends(&u, 0);
	close(listener);
}

TEST(calendar_that_talks_nonsense)
{
	int listener = cal_open();
	struct umtt u;
	struct ttp cal;

	umtt_start(&u, "slave", "--calendar", path("cal"), "--device",
		   device("echo", "a", NULL), NULL);
	cal_accept(&cal, listener);
	ttp_expect(&cal, TT_START, U64_MAX);
	send_bytes(cal.fd, "HTTP/1.1 400 Bad Request\r\n\r\n....", 32, NULL, 0);
	umtt_says(&u, "not for a client");
	umtt_ends(&u, 125);
	close(cal.fd);
	close(listener);
}

TEST(socket_that_is_in_use)
{
	struct umtt u, v;

	umtt_start(&u, "slave", "--device", device("echo", "a", NULL), NULL);
	close(connect_to(path("a")));
	umtt_start(&v, "slave", "--device", device("rng", "b", NULL),
		   "--device", device("echo", "a", NULL), NULL);
	umtt_says(&v, "cannot listen on ");
	umtt_ends(&v, 125);
	/* What it had made is gone, what it had not is there. */
	check(access(path("b"), F_OK) < 0);
	check(access(path("a"), F_OK) == 0);
	umtt_term(&u, 0);
	check(access(path("a"), F_OK) < 0);
}

TEST(sockets_are_private)
{
	struct umtt u;
	struct stat sb;

	umtt_start(&u, "slave", "--device", device("echo", "a", NULL), NULL);
	close(connect_to(path("a")));
	check(stat(path("a"), &sb) == 0);
	check_eq(S_IFSOCK | 0600, sb.st_mode);
	kill(u.pid, SIGINT);
	umtt_ends(&u, 128 + SIGINT);
}

/* The socket of one that was killed may take a connection for a moment. */
static bool answers(const char *where)
{
	struct vhost_user_hdr h = { VHOST_USER_GET_FEATURES, 1, 0 };
	int fd = connect_to(where);
	bool ok = send(fd, &h, sizeof(h), MSG_NOSIGNAL) > 0 &&
		  recv(fd, &h, sizeof(h), 0) == sizeof(h);

	close(fd);
	return ok;
}

/* Killed and started again, as a supervisor does: at once. */
TEST(restarted_at_once)
{
	struct umtt u;
	unsigned int i;
	u64 end;

	for (i = 0; i < 10; i++) {
		umtt_start(&u, "slave", "--device", device("echo", "a", NULL),
			   NULL);
		end = wall_ms() + 2000;
		while (!answers(path("a")))
			check(wall_ms() < end);
		umtt_kill(&u);
	}
}

TEST_HARNESS_MAIN
