// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Sockets of devices: peers that are slow, full or gone, and waits that end either way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/dev/binding.h"
#include "kselftest_harness.h"
#include "leaks.h"

/* The ring: operations that a test ends when it wants */

#define NOW	(5 * NSEC_PER_SEC)

static struct op *poll_op, *timeout_op;
static u64 deadline;
static unsigned int holds, cancelled, polls;

static void begin(struct op *op)
{
	if (op->busy || !holds)
		abort();
	op->busy = true;
}

void ring_poll_in(struct ring *r, struct op *op, int fd)
{
	(void)r;
	(void)fd;
	begin(op);
	poll_op = op;
	polls++;
}

void ring_timeout(struct ring *r, struct op *op, u64 at)
{
	(void)r;
	begin(op);
	timeout_op = op;
	deadline = at;
}

u64 ring_clock(void)
{
	return NOW;
}

void ring_cancel(struct ring *r, struct op *op)
{
	(void)r;
	cancelled += op->busy;
}

static void end(struct op *op, int res)
{
	if (!op->busy)
		abort();
	op->busy = false;
	op->done(op, res);
}

void tt_hold(struct tt *tt)
{
	(void)tt;
	holds++;
}

void tt_put(struct tt *tt)
{
	(void)tt;
	if (!holds--)
		abort();
}

/* Who listens hears of a connection when a test says so. */

static struct listener *listening;

int listen_unix(struct listener *l, struct ring *r, const char *path,
		void (*accepted)(struct listener *l, int fd, pid_t pid))
{
	(void)r;
	if (strstr(path, "taken"))
		return -EADDRINUSE;
	l->accepted = accepted;
	listening = l;
	return 0;
}

void listen_close(struct listener *l, void (*released)(struct listener *l))
{
	listening = NULL;
	released(l);
}

const char *dev_name(const struct dev *d)
{
	return d->name;
}

char *host_path(const struct dev_bus *b, const char *path)
{
	char *full;

	return asprintf(&full, "%s/%s", b->cfg.dir, path) < 0 ? NULL : full;
}

FIXTURE(sock) {
	struct dev_bus bus;
	struct dev dev;
	char dir[32], path[64];
	int server, peer;
	struct dev_sock *s;
};

static unsigned int calls;

/* What ready() does besides counting */
static enum { NOTHING, CLOSE, AGAIN } then;

static void ready(void *owner)
{
	struct dev_sock **s = owner;

	calls++;
	if (then == CLOSE) {
		dev_sock_close(*s);
		*s = NULL;
	} else if (then == AGAIN) {
		then = NOTHING;
		dev_sock_wait(*s, 1, ready, owner);
	}
}

static int serve(const char *path, int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, backlog) < 0)
		abort();
	return fd;
}

FIXTURE_SETUP(sock)
{
	memset(self, 0, sizeof(*self));
	holds = cancelled = calls = polls = 0;
	then = NOTHING;
	strcpy(self->dir, "/tmp/umtt-sock.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	self->bus.cfg.dir = self->dir;
	self->dev.bus = &self->bus;
	self->dev.name = (char *)(uintptr_t)"d";
	snprintf(self->path, sizeof(self->path), "%s/s", self->dir);
	self->server = serve(self->path, 0);
	ASSERT_EQ(0, dev_sock_connect(&self->dev, "s", &self->s));
	self->peer = accept(self->server, NULL, NULL);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(sock)
{
	char cmd[64];

	dev_sock_close(self->s);
	if (self->peer >= 0)
		close(self->peer);
	close(self->server);
	snprintf(cmd, sizeof(cmd), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(cmd));
	EXPECT_EQ(0, holds);
	EXPECT_EQ(0, leaks());
}

/* Bytes */

TEST_F(sock, receives_what_there_is)
{
	char buf[8] = "";

	EXPECT_EQ(-EAGAIN, dev_sock_recv(self->s, buf, sizeof(buf)));
	ASSERT_EQ(3, write(self->peer, "abc", 3));
	EXPECT_EQ(2, dev_sock_recv(self->s, buf, 2));
	EXPECT_EQ(1, dev_sock_recv(self->s, buf + 2, sizeof(buf) - 2));
	EXPECT_STREQ("abc", buf);
	EXPECT_EQ(-EAGAIN, dev_sock_recv(self->s, buf, sizeof(buf)));
}

TEST_F(sock, sends_what_there_is_room_for)
{
	static u8 buf[1 << 20], got[1 << 20];
	size_t sent = 0, i;
	ssize_t n;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)(i * 7 >> 3);
	while ((n = dev_sock_send(self->s, buf + sent, sizeof(buf) - sent)) > 0)
		sent += (size_t)n;
	EXPECT_EQ(-EAGAIN, n);
	ASSERT_LT(0, sent);
	ASSERT_LT(sent, sizeof(buf));
	ASSERT_EQ((ssize_t)sent, recv(self->peer, got, sent, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, got, sent));
	EXPECT_LT(0, dev_sock_send(self->s, buf, 10));
}

/* What it has said before is received; then it is gone. */
TEST_F(sock, peer_that_has_gone)
{
	char buf[8];

	ASSERT_EQ(2, write(self->peer, "hi", 2));
	close(self->peer);
	self->peer = -1;
	EXPECT_EQ(2, dev_sock_recv(self->s, buf, sizeof(buf)));
	EXPECT_EQ(0, dev_sock_recv(self->s, buf, sizeof(buf)));
	EXPECT_EQ(0, dev_sock_recv(self->s, buf, sizeof(buf)));
	/* And SIGPIPE has not come. */
	EXPECT_EQ(-EPIPE, dev_sock_send(self->s, "x", 1));
}

/* It has not read all that it was sent. */
TEST_F(sock, peer_that_has_not_listened)
{
	char buf[8];

	EXPECT_EQ(3, dev_sock_send(self->s, "abc", 3));
	close(self->peer);
	self->peer = -1;
	EXPECT_EQ(-ECONNRESET, dev_sock_recv(self->s, buf, sizeof(buf)));
	EXPECT_EQ(-EPIPE, dev_sock_send(self->s, "x", 1));
}

TEST_F(sock, half_closed)
{
	char buf[8];

	EXPECT_EQ(3, dev_sock_send(self->s, "abc", 3));
	dev_sock_shutdown(self->s);
	dev_sock_shutdown(self->s);
	EXPECT_EQ(3, read(self->peer, buf, sizeof(buf)));
	EXPECT_EQ(0, read(self->peer, buf, sizeof(buf)));
	EXPECT_EQ(-EPIPE, dev_sock_send(self->s, "x", 1));
	ASSERT_EQ(2, write(self->peer, "yz", 2));
	EXPECT_EQ(2, dev_sock_recv(self->s, buf, sizeof(buf)));
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_EQ(0, dev_sock_recv(self->s, buf, sizeof(buf)));
}

TEST_F(sock, nobody_to_connect_to)
{
	char name[200];
	struct dev_sock *s = NULL;

	EXPECT_EQ(-ENOENT, dev_sock_connect(&self->dev, "nothing", &s));
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	EXPECT_EQ(-ENAMETOOLONG, dev_sock_connect(&self->dev, name, &s));
	close(self->server);
	EXPECT_EQ(-ECONNREFUSED, dev_sock_connect(&self->dev, "s", &s));
	self->server = dup(0);
	EXPECT_EQ(NULL, s);
}

/* A connection waits to be accepted, and there is room for no other. */
TEST_F(sock, busy_listener)
{
	struct dev_sock *a = NULL, *b = NULL;

	ASSERT_EQ(0, dev_sock_connect(&self->dev, "s", &a));
	EXPECT_EQ(-EAGAIN, dev_sock_connect(&self->dev, "s", &b));
	EXPECT_EQ(NULL, b);
	dev_sock_close(a);
}

/* Waiting */

TEST_F(sock, waits_for_an_answer)
{
	dev_sock_wait(self->s, 20 * NSEC_PER_SEC, ready, &self->s);
	EXPECT_EQ(NOW + 20 * NSEC_PER_SEC, deadline);
	EXPECT_EQ(1, holds);
	/* Once is enough. */
	dev_sock_wait(self->s, 1, ready, &self->s);
	EXPECT_EQ(1, holds);
	EXPECT_EQ(0, calls);
	end(poll_op, 1);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(0, holds);
	EXPECT_EQ(1, cancelled);
	end(timeout_op, -ECANCELED);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(0, holds);
}

TEST_F(sock, does_not_wait_for_ever)
{
	dev_sock_wait(self->s, U64_MAX, ready, &self->s);
	EXPECT_LT(NOW, deadline);
	end(timeout_op, -ETIME);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(0, holds);
	end(poll_op, -ECANCELED);
	EXPECT_EQ(1, calls);
}

/* The operation of the last wait has not come back yet. */
TEST_F(sock, waits_again)
{
	dev_sock_wait(self->s, 5, ready, &self->s);
	end(poll_op, 1);
	dev_sock_wait(self->s, 5, ready, &self->s);
	EXPECT_EQ(1, holds);
	EXPECT_EQ(1, polls);
	end(timeout_op, -ECANCELED);
	EXPECT_EQ(2, polls);
	EXPECT_EQ(1, calls);
	end(poll_op, 1);
	EXPECT_EQ(2, calls);
	EXPECT_EQ(0, holds);
	end(timeout_op, -ECANCELED);
}

TEST_F(sock, waits_again_from_within)
{
	then = AGAIN;
	dev_sock_wait(self->s, 5, ready, &self->s);
	end(timeout_op, -ETIME);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(1, holds);
	EXPECT_EQ(1, polls);
	end(poll_op, -ECANCELED);
	EXPECT_EQ(2, polls);
	end(poll_op, 1);
	EXPECT_EQ(2, calls);
	EXPECT_EQ(0, holds);
	end(timeout_op, -ECANCELED);
}

TEST_F(sock, closed_while_it_waits)
{
	char buf[8];

	dev_sock_wait(self->s, 5, ready, &self->s);
	dev_sock_close(self->s);
	self->s = NULL;
	EXPECT_EQ(0, holds);
	EXPECT_EQ(2, cancelled);
	/* The peer knows at once. */
	EXPECT_EQ(0, recv(self->peer, buf, sizeof(buf), MSG_DONTWAIT));
	end(timeout_op, -ECANCELED);
	end(poll_op, -ECANCELED);
	EXPECT_EQ(0, calls);
}

TEST_F(sock, closed_from_within)
{
	then = CLOSE;
	dev_sock_wait(self->s, 5, ready, &self->s);
	end(poll_op, 1);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(0, holds);
	end(timeout_op, -ECANCELED);
	EXPECT_EQ(1, calls);
}

/* It waits for the operations of the wait before. */
TEST_F(sock, closed_before_it_begins)
{
	dev_sock_wait(self->s, 5, ready, &self->s);
	end(poll_op, 1);
	dev_sock_wait(self->s, 5, ready, &self->s);
	dev_sock_close(self->s);
	self->s = NULL;
	EXPECT_EQ(0, holds);
	end(timeout_op, -ECANCELED);
	EXPECT_EQ(1, calls);
	EXPECT_EQ(1, polls);
}

/* Listening */

static int comes(void)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		abort();
	listening->accepted(listening, sv[0], 1);
	return sv[1];
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

TEST_F(sock, accepts_in_order)
{
	struct dev_listener *l;
	struct dev_sock *s;
	char c[3] = "";
	int fd[2], i;

	ASSERT_EQ(0, dev_listen(&self->dev, "l", &l));
	EXPECT_EQ(NULL, dev_accept(l));
	for (i = 0; i < 2; i++) {
		fd[i] = comes();
		ASSERT_EQ(1, write(fd[i], &"ab"[i], 1));
	}
	for (i = 0; i < 2; i++) {
		s = dev_accept(l);
		ASSERT_NE(NULL, s);
		EXPECT_EQ(1, dev_sock_recv(s, &c[i], 1));
		dev_sock_close(s);
		EXPECT_TRUE(is_closed(fd[i]));
		close(fd[i]);
	}
	EXPECT_STREQ("ab", c);
	EXPECT_EQ(NULL, dev_accept(l));
	dev_listen_close(l);
}

TEST_F(sock, too_many_programs)
{
	struct dev_listener *l;
	int fd[66], i;

	ASSERT_EQ(0, dev_listen(&self->dev, "l", &l));
	for (i = 0; i < 66; i++)
		fd[i] = comes();
	EXPECT_FALSE(is_closed(fd[63]));
	EXPECT_TRUE(is_closed(fd[64]));
	dev_sock_close(dev_accept(l));
	EXPECT_TRUE(is_closed(fd[0]));
	close(fd[65]);
	fd[65] = comes();
	EXPECT_FALSE(is_closed(fd[65]));
	dev_listen_close(l);
	for (i = 0; i < 66; i++) {
		EXPECT_TRUE(is_closed(fd[i]));
		close(fd[i]);
	}
}

TEST_F(sock, cannot_listen)
{
	struct dev_listener *l = NULL;

	EXPECT_EQ(-EADDRINUSE, dev_listen(&self->dev, "taken", &l));
	EXPECT_EQ(NULL, l);
	dev_listen_close(NULL);
	dev_sock_close(NULL);
}

TEST_HARNESS_MAIN
