// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A client, or the calendar, that leaves at any byte of what it has to say. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define MSG	((unsigned int)sizeof(struct tt_msg))

/* How it leaves. */
enum how {
	CLOSE,		/* all that was said to it has been read */
	UNREAD,		/* not so */
	SHUT_SEND,	/* half of it first, then when the other side has ended */
	NR_HOWS
};

/**
 * struct tape - what one side says, up to some byte
 * @left: bytes
 * @whole: the last message was one
 */
struct tape {
	struct ttp p;
	enum how how;
	unsigned int left;
	bool whole;
};

/* Return: go on; there is more to say */
static bool more(struct tape *t, u32 op, u32 seq, u64 time, const int *fds,
		 unsigned int nfds)
{
	struct tt_msg m = { .op = op, .seq = seq, .time = time };
	unsigned int n = t->left < MSG ? t->left : MSG;

	if (n)
		send_bytes(t->p.fd, &m, n, fds, nfds);
	t->left -= n;
	if (n)
		t->whole = n == MSG;
	return n == MSG && (t->left || t->how != UNREAD);
}

static bool says(struct tape *t, u32 op, u64 time)
{
	return t->left && more(t, op, ++t->p.seq, time, NULL, 0);
}

static bool acks(struct tape *t, u32 seq)
{
	return t->left && more(t, TT_ACK, seq, 0, NULL, 0);
}

static void hangs_up(int fd)
{
	struct pollfd pfd = { fd, 0, 0 };

	if (poll(&pfd, 1, 8000) != 1 || !(pfd.revents & POLLHUP))
		fail("the other side does not close its end");
}

static void leave(struct tape *t)
{
	struct pollfd pfd = { t->p.fd, POLLIN, 0 };

	/* What is said last may not be answered. */
	if (t->how == UNREAD && t->whole)
		(void)poll(&pfd, 1, 20);
	if (t->how == SHUT_SEND) {
		shutdown(t->p.fd, SHUT_WR);
		hangs_up(t->p.fd);
	}
	close(t->p.fd);
}

/*
 * A client. Another one, @other, has the turn before and after.
 */

FIXTURE(client) {
	struct umtt cal;
	struct ttp other;
	u64 now;
	unsigned int fds;
	off_t said;
};

FIXTURE_VARIANT(client) {
	enum how how;
};

FIXTURE_VARIANT_ADD(client, leaves) { .how = CLOSE };
FIXTURE_VARIANT_ADD(client, leaves_without_reading) { .how = UNREAD };
FIXTURE_VARIANT_ADD(client, ends_its_half_first) { .how = SHUT_SEND };

/* Until it has the turn it acks whatever it is told. Return: what time it is */
static u64 comes_to_run(struct ttp *p)
{
	struct tt_msg m;

	do {
		m = ttp_recv(p);
		check(m.op == TT_FREE_UNTIL || m.op == TT_RUN ||
		      m.op == TT_BROADCAST);
		ttp_ack(p, m.seq, 0);
	} while (m.op != TT_RUN);
	return m.time;
}

FIXTURE_SETUP(client)
{
	umtt_start(&self->cal, "calendar", "--socket", path("cal"), NULL);
	client_open(&self->other, "the other client", 1);
	client_admitted(&self->other, NULL);
	client_wait(&self->other, 10);
	self->now = comes_to_run(&self->other);
	self->said = 0;
	self->fds = umtt_fds(&self->cal);
	self->cal.may_complain = true;
}

FIXTURE_TEARDOWN(client)
{
	close(self->other.fd);
	umtt_ends(&self->cal, 0);
}

/* From START to the second WAIT. Return: has it been let in? */
static bool live(struct tape *t, struct ttp *other, u64 now)
{
	struct ttp *p = &t->p;
	u32 seq, run;

	(void)says(t, TT_START, 2);
	if (!t->p.seq || !t->whole)
		return false;
	ttp_ack(other, ttp_expect(other, TT_FREE_UNTIL, now), 0);
	client_wait(other, now + 1000);
	if (!t->left && t->how == UNREAD)
		return true;
	client_admitted(p, NULL);
	if (!says(t, TT_GET, 0))
		return true;
	ttp_expect_ack(p, 0);
	if (!says(t, TT_BROADCAST, 7))
		return true;
	ttp_expect_ack(p, 0);
	if (!says(t, TT_REQUEST, 10))
		return true;
	ttp_expect_ack(p, 0);
	if (!says(t, TT_WAIT, 0))
		return true;
	ttp_expect_ack(p, 0);
	/* What has not been read would make the end a reset. */
	seq = ttp_expect(p, TT_FREE_UNTIL, 1000);
	run = ttp_expect(p, TT_RUN, 10);
	if (!acks(t, seq) || !acks(t, run))
		return true;
	if (!says(t, TT_UPDATE, 20))
		return true;
	ttp_expect_ack(p, 0);
	if (!says(t, TT_REQUEST, 5000))
		return true;
	ttp_expect_ack(p, 0);
	if (says(t, TT_WAIT, 0))
		ttp_expect_ack(p, 0);
	return true;
}

#define LIVE_BYTES	(10 * MSG)

TEST_F(client, after_each_byte)
{
	unsigned int cut;
	bool in;

	for (cut = 0; cut <= LIVE_BYTES; cut++) {
		struct tape t = { .how = variant->how, .left = cut,
				  .whole = !cut };

		t.p = (struct ttp){ .name = "the client",
				    .fd = connect_to(path("cal")) };
		in = live(&t, &self->other, self->now);
		check_eq(0, t.left);
		leave(&t);
		if (in)
			self->now = comes_to_run(&self->other);
		umtt_adds(&self->cal, &self->said, t.whole ? NULL :
			  "left in the middle of a message; it is thrown out");
		umtt_has_fds(&self->cal, self->fds);
	}
}

/*
 * The calendar of a slave
 */

FIXTURE(calendar) {
	int listener;
};

FIXTURE_VARIANT(calendar) {
	enum how how;
};

FIXTURE_VARIANT_ADD(calendar, leaves) { .how = CLOSE };
FIXTURE_VARIANT_ADD(calendar, leaves_without_reading) { .how = UNREAD };
FIXTURE_VARIANT_ADD(calendar, ends_its_half_first) { .how = SHUT_SEND };

FIXTURE_SETUP(calendar)
{
	self->listener = cal_open();
}

FIXTURE_TEARDOWN(calendar)
{
	close(self->listener);
}

/* The slave is to say that, and is acked. */
static bool hears(struct tape *t, u32 op, u64 time)
{
	return acks(t, ttp_expect(&t->p, op, time));
}

static bool starts(struct tape *t)
{
	u32 seq = ttp_expect(&t->p, TT_START, 5);
	int fds[2] = { memfd_create("no-calendar", MFD_CLOEXEC),
		       open("/dev/null", O_WRONLY | O_CLOEXEC) };
	bool ret;

	check(ftruncate(fds[0], 4096) == 0);
	ret = t->left && more(t, TT_ACK, seq, 1, fds, 2);
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* A kick, the turn that it has asked for, and a call. */
static void serve(struct tape *t, struct fvu *f)
{
	if (!starts(t) || !hears(t, TT_WAIT, U64_MAX))
		return;
	fvu_open(f, "a");
	echo_put(f, 0, 0, 10);
	fvu_kick(f, 0);
	if (!hears(t, TT_GET, U64_MAX) || !hears(t, TT_REQUEST, 0))
		return;
	fvu_kicked(f);
	if (!says(t, TT_FREE_UNTIL, 1000))
		return;
	ttp_expect_ack(&t->p, 0);
	if (!says(t, TT_RUN, 0))
		return;
	ttp_expect_ack(&t->p, 0);
	if (!hears(t, TT_UPDATE, 10))
		return;
	fvu_called(f, 0);
	fvu_answer(f, 0);
	(void)hears(t, TT_WAIT, U64_MAX);
}

#define SERVE_BYTES	(8 * MSG)

/* It ends, and says who has left, and how; so does who is served by it. */
static void one_cut(int listener, enum how how, unsigned int cut)
{
	struct tape t = { .how = how, .left = cut, .whole = !cut };
	struct fvu f = { .fd = -1 };
	struct umtt u;

	umtt_start(&u, "slave", "--id=5", "--calendar", path("cal"), "--device",
		   device("echo", "a", NULL), NULL);
	cal_accept(&t.p, listener);
	serve(&t, &f);
	check_eq(0, t.left);
	leave(&t);
	umtt_says(&u, t.whole ? "/cal has left, and so do we" :
				"/cal has left in the middle of a message");
	umtt_ends(&u, t.whole ? 0 : 125);
	check(access(path("a"), F_OK) < 0);
	if (f.fd < 0)
		return;
	hangs_up(f.fd);
	fvu_close(&f);
}

/* Each byte would be a slave each: those where a message begins or ends. */
TEST_F(calendar, after_many_a_byte)
{
	unsigned int cut;

	for (cut = 0; cut <= SERVE_BYTES; cut++)
		if (cut % MSG <= 1 || cut % MSG == MSG - 1)
			one_cut(self->listener, variant->how, cut);
}

TEST_HARNESS_MAIN
