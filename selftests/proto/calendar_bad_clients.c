// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A client that breaks the protocol or just goes: one line, and others go on. */
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(bad) {
	struct umtt cal;
	struct ttp a, b;
};

/* a waits for 1000, b for 5000; nothing says when they will run. */
FIXTURE_SETUP(bad)
{
	umtt_start(&self->cal, "calendar", "--socket", path("cal"),
		   "--clients=3", "--no-shm", NULL);
	client_open(&self->a, "client 1", 1);
	client_open(&self->b, "client 2", 2);
}

FIXTURE_TEARDOWN(bad)
{
	close(self->a.fd);
	close(self->b.fd);
	umtt_ends(&self->cal, 0);
}

/* They have started, and the third one, @c, runs at 100. */
static void all_start(struct ttp *a, struct ttp *b, struct ttp *c)
{
	client_open(c, "client 3", 3);
	client_admitted(a, NULL);
	client_wait(a, 1000);
	client_admitted(b, NULL);
	client_wait(b, 5000);
	client_admitted(c, NULL);
	client_wait(c, 100);
	client_runs(c, 100, 1000);
}

static void others_go_on(struct ttp *a, struct ttp *b)
{
	client_runs(a, 1000, 5000);
	client_wait(a, 6000);
	client_runs(b, 5000, 6000);
}

/* "client 3 (pid 77): what it did; it is thrown out"; without a START "pid 77" */
static void is_thrown_out(struct umtt *u, struct ttp *c, const char *id,
			  const char *what)
{
	char line[256];

	comes_to_an_end(c->fd, c->name);
	close(c->fd);
	snprintf(line, sizeof(line),
		 "umtt: calendar: %s%s%spid %d%s: %s; it is thrown out",
		 id ? "client " : "", id ? id : "", id ? " (" : "",
		 (int)getpid(), id ? ")" : "", what);
	umtt_says(u, line);
}

TEST_F(bad, garbage_before_start)
{
	struct ttp c = { .name = "client ?", .fd = connect_to(path("cal")) };

	send_bytes(c.fd, "GET / HTTP/1.1\r\n", 16, NULL, 0);
	is_thrown_out(&self->cal, &c, NULL,
		      "sent an unknown message before START");
	all_start(&self->a, &self->b, &c);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, wait_before_start)
{
	struct ttp c = { .name = "client ?", .fd = connect_to(path("cal")) };

	ttp_say(&c, TT_WAIT, 0);
	is_thrown_out(&self->cal, &c, NULL, "sent WAIT before START");
	all_start(&self->a, &self->b, &c);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, id_given_twice)
{
	struct ttp c;

	client_open(&c, "client 2 again", 2);
	is_thrown_out(&self->cal, &c, NULL,
		      "sent START with id 2, which another client has; give each its own (time-travel=ext:ID:PATH)");
	all_start(&self->a, &self->b, &c);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, garbage_while_running)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	send_bytes(c.fd, "garbage garbage garbage garbage", 32, NULL, 0);
	is_thrown_out(&self->cal, &c, "3",
		      "sent an unknown message (op 1651663207)");
	others_go_on(&self->a, &self->b);
}

FIXTURE(broken) {
	struct umtt cal;
	struct ttp a, b, c;
};

FIXTURE_VARIANT(broken) {
	u32 op;
	u64 time;
	const char *what;
};

#define BROKEN(name, o, t, w)						\
	FIXTURE_VARIANT_ADD(broken, name) { .op = o, .time = t, .what = w }

/* Each message that is not allowed to who runs. */
BROKEN(second_start, TT_START, 3, "sent START twice");
BROKEN(stray_ack, TT_ACK, 0, "sent an ACK (seq 5) that nothing waits for");
BROKEN(back, TT_UPDATE, 99, "moved time back, from 100 to 99 ns");
BROKEN(too_far, TT_UPDATE, 1001, "moved time to 1001 ns although it was free only until 1000 ns");
BROKEN(run, TT_RUN, 0, "sent RUN, which only the calendar may");
BROKEN(free_until, TT_FREE_UNTIL, 0, "sent FREE_UNTIL, which only the calendar may");
BROKEN(unknown, 10, 0, "sent an unknown message (op 10)");

FIXTURE_SETUP(broken)
{
	umtt_start(&self->cal, "calendar", "--socket", path("cal"),
		   "--clients=3", "--no-shm", NULL);
	client_open(&self->a, "client 1", 1);
	client_open(&self->b, "client 2", 2);
	all_start(&self->a, &self->b, &self->c);
}

FIXTURE_TEARDOWN(broken)
{
	others_go_on(&self->a, &self->b);
	close(self->a.fd);
	close(self->b.fd);
	umtt_ends(&self->cal, 0);
}

TEST_F(broken, rule)
{
	self->c.seq = 4;
	ttp_say(&self->c, variant->op, variant->time);
	is_thrown_out(&self->cal, &self->c, "3", variant->what);
}

TEST_F(bad, violations_while_waiting)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	client_wait(&c, 900);
	client_runs(&c, 900, 1000);
	/* Also a client that waits, here a. */
	ttp_say(&self->a, TT_UPDATE, 950);
	is_thrown_out(&self->cal, &self->a, "1",
		      "sent UPDATE while it was not running");
	client_wait(&c, 7000);
	client_runs(&self->b, 5000, 7000);
	self->a = c;
}

TEST_F(bad, ack_of_something_else)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	ttp_say(&self->a, TT_REQUEST, 500);
	ttp_expect(&c, TT_FREE_UNTIL, 500);
	ttp_ack(&c, 7, 0);
	is_thrown_out(&self->cal, &c, "3",
		      "sent an ACK with seq 7, 3 was expected");
	/* Who waited for that ACK goes on. */
	ttp_expect_ack(&self->a, 0);
	client_runs(&self->a, 500, 5000);
}

TEST_F(bad, leaves_before_start)
{
	struct ttp c;

	calendar_is_up(&self->cal);
	all_start(&self->a, &self->b, &c);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, leaves_while_it_is_admitted)
{
	struct ttp c;

	client_open(&c, "client 0", 0);
	client_admitted(&c, NULL);
	close(c.fd);
	client_admitted(&self->a, NULL);
	client_wait(&self->a, 1000);
	client_admitted(&self->b, NULL);
	client_wait(&self->b, 5000);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, leaves_while_running)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_F(bad, leaves_while_waiting)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	client_wait(&c, 1500);
	client_runs(&self->a, 1000, 1500);
	close(c.fd);
	sleep_ms(20);
	client_wait(&self->a, 6000);
	client_runs(&self->b, 5000, 6000);
}

TEST_F(bad, leaves_while_others_wait_for_its_ack)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	ttp_say(&self->a, TT_REQUEST, 500);
	ttp_expect(&c, TT_FREE_UNTIL, 500);
	ttp_say(&self->b, TT_REQUEST, 400);
	ttp_expect(&c, TT_FREE_UNTIL, 400);
	close(c.fd);
	ttp_expect_ack(&self->a, 0);
	ttp_expect_ack(&self->b, 0);
	client_runs(&self->b, 400, 500);
}

TEST_F(bad, leaves_in_the_middle_of_a_message)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	send_bytes(c.fd, "\4\0\0\0\5", 5, NULL, 0);
	shutdown(c.fd, SHUT_WR);
	is_thrown_out(&self->cal, &c, "3", "left in the middle of a message");
	others_go_on(&self->a, &self->b);
}

/* Nor is it an error to go while something is being sent to it. */
TEST_F(bad, leaves_while_it_is_spoken_to)
{
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	ttp_say(&c, TT_REQUEST, 700);
	ttp_say(&c, TT_WAIT, 0);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

/* What others say to everybody waits for it, but not without end. */
TEST_F(bad, does_not_read)
{
	struct ttp deaf;
	unsigned int i;
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	client_open(&deaf, "client 9", 9);
	ttp_ack(&c, ttp_expect(&c, TT_FREE_UNTIL, 100), 0);
	client_wait(&c, 500);
	client_admitted(&deaf, NULL);
	client_wait(&deaf, 9000);
	client_runs(&c, 500, 1000);
	for (i = 0; i < 20000; i++) {
		ttp_ask(&c, TT_BROADCAST, i);
		ttp_ack(&self->a, ttp_expect(&self->a, TT_BROADCAST, i), 0);
		ttp_ack(&self->b, ttp_expect(&self->b, TT_BROADCAST, i), 0);
		if (!(i % 1000) && umtt_said(&self->cal, "does not read"))
			break;
	}
	check(i < 20000);
	umtt_says(&self->cal, "): does not read what it is sent; it is thrown out");
	close(deaf.fd);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

/* A file on a message is nobody's; it is closed. */
TEST_F(bad, stray_files)
{
	unsigned int fds, i;
	struct tt_msg m = { .op = TT_GET };
	int many[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };
	struct ttp c;

	all_start(&self->a, &self->b, &c);
	fds = umtt_fds(&self->cal);
	for (i = 0; i < 50; i++) {
		m.seq = ++c.seq;
		send_bytes(c.fd, &m, sizeof(m), many, 1 + i % 8);
		ttp_expect_ack(&c, 100);
	}
	umtt_has_fds(&self->cal, fds);
	close(c.fd);
	others_go_on(&self->a, &self->b);
}

TEST_HARNESS_MAIN
