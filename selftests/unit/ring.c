// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The event loop, framed sockets and listeners, on the real io_uring. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/base/log.h"
#include "../../src/base/prng.h"
#include "../../src/ring/listen.h"
#include "../../src/ring/signals.h"
#include "../../src/ring/stream.h"
#include "kselftest_harness.h"

#define TIMED_OUT	99

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/*
 * The loop, for as long as it takes
 */

struct env {
	struct ring r;
	struct op timer;
	int timer_status;
	bool reaping;
};

static void timer_done(struct op *op, int res)
{
	struct env *e = container_of(op, struct env, timer);

	if (res == -ETIME || e->reaping)
		ring_stop(&e->r, e->timer_status);
}

static void at(struct env *e, unsigned int ms)
{
	ring_timeout(&e->r, &e->timer, ring_clock() + ms * NSEC_PER_MSEC);
}

/* Run until somebody stops the loop; TIMED_OUT when nobody does. */
static int serve(struct env *e)
{
	int ret;

	e->r.stop = false;
	e->timer_status = TIMED_OUT;
	at(e, 3000);
	ret = ring_run(&e->r);
	if (!e->timer.busy)
		return ret;
	ring_cancel(&e->r, &e->timer);
	e->reaping = true;
	e->r.stop = false;
	(void)ring_run(&e->r);
	e->reaping = false;
	return ret;
}

/* Run for so long, and nobody is to stop it. */
static bool nothing_stops(struct env *e, unsigned int ms)
{
	e->r.stop = false;
	e->timer_status = 0;
	at(e, ms);
	return ring_run(&e->r) == 0 && !e->timer.busy;
}

static unsigned int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *de;
	unsigned int n = 0;

	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	closedir(d);
	return n;
}

FIXTURE(ring) {
	struct env e;
	unsigned int fds;
};

FIXTURE_SETUP(ring)
{
	char why[256];

	log_set_level(LOG_ERR);
	self->fds = open_fds();
	ASSERT_EQ(0, ring_init(&self->e.r, why, sizeof(why))) {
		TH_LOG("%s", why);
	}
	self->e.timer.done = timer_done;
}

FIXTURE_TEARDOWN(ring)
{
	ring_drain(&self->e.r);
	EXPECT_EQ(0, self->e.r.busy);
	ring_fini(&self->e.r);
	EXPECT_EQ(self->fds, open_fds());
	if (__lsan_do_recoverable_leak_check) {
		EXPECT_EQ(0, __lsan_do_recoverable_leak_check());
	}
}

/*
 * Work
 */

struct job {
	struct work w;
	struct ring *r;
	char name;
	struct job *next;	/* to be queued from within */
	bool stop;
};

static char trail[64];

static void job_fn(struct work *w)
{
	struct job *j = container_of(w, struct job, w);
	size_t n = strlen(trail);

	if (n < sizeof(trail) - 1)
		trail[n] = j->name;
	if (j->next)
		ring_work(j->r, &j->next->w);
	if (j->stop)
		ring_stop(j->r, 7);
}

static void flush_fn(struct work *w)
{
	job_fn(w);
}

TEST_F(ring, work_is_done_in_order)
{
	struct ring *r = &self->e.r;
	struct job c = { { .fn = job_fn }, r, 'c', NULL, true };
	struct job a = { { .fn = job_fn }, r, 'a', &c, false };
	struct job b = { { .fn = job_fn }, r, 'b', NULL, false };
	struct job f = { { .fn = flush_fn }, r, 'f', NULL, false };
	struct job x = { { .fn = job_fn }, r, 'x', NULL, false };

	ring_flush(r, &f.w);
	ring_work(r, &a.w);
	ring_work(r, &x.w);
	ring_work(r, &b.w);
	/* Once is enough. */
	ring_work(r, &a.w);
	ring_work_cancel(r, &x.w);
	ring_work_cancel(r, &x.w);
	EXPECT_EQ(7, serve(&self->e));
	EXPECT_STREQ("abcf", trail);
}

TEST_F(ring, first_stop_counts)
{
	ring_stop(&self->e.r, 3);
	ring_stop(&self->e.r, 4);
	EXPECT_EQ(3, ring_run(&self->e.r));
	EXPECT_EQ(3, self->e.r.status);
}

/* Work that makes work cannot keep the rest of the world out. */
TEST_F(ring, endless_work)
{
	struct ring *r = &self->e.r;
	struct job a = { { .fn = job_fn }, r, 'a', &a, false };

	ring_work(r, &a.w);
	EXPECT_TRUE(nothing_stops(&self->e, 20));
	ring_work_cancel(r, &a.w);
}

static void nested(struct work *w)
{
	(void)ring_run(container_of(w, struct job, w)->r);
}

/* It stops the program, with a line about where. */
static bool is_a_bug(void (*fn)(struct env *e), struct env *e)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), 2);
		fn(e);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

static void run_nested(struct env *e)
{
	struct job a = { { .fn = nested }, &e->r, 'a', NULL, false };

	ring_work(&e->r, &a.w);
	(void)ring_run(&e->r);
}

static void submit_twice(struct env *e)
{
	at(e, 1000);
	at(e, 1000);
}

TEST_F(ring, bugs_of_ours_stop_the_program)
{
	EXPECT_TRUE(is_a_bug(run_nested, &self->e));
	EXPECT_TRUE(is_a_bug(submit_twice, &self->e));
}

/*
 * Operations
 */

struct reader {
	struct op op;
	struct ring *r;
	u8 byte;
	int res;
	unsigned int *left;
};

static void read_done(struct op *op, int res)
{
	struct reader *rd = container_of(op, struct reader, op);

	rd->res = res;
	if (!--*rd->left)
		ring_stop(rd->r, 0);
}

/* More at a time than the submission queue holds. */
TEST_F(ring, more_operations_than_entries)
{
	enum { N = 3000 };
	struct reader *rd = calloc(N, sizeof(*rd));
	unsigned int left = N, i, good = 0;
	u8 *bytes = calloc(1, N);
	int p[2];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	for (i = 0; i < N; i++) {
		rd[i] = (struct reader){ .op.done = read_done,
					 .r = &self->e.r, .left = &left };
		ring_read(&self->e.r, &rd[i].op, p[0], &rd[i].byte, 1);
	}
	ASSERT_EQ(N, write(p[1], bytes, N));
	EXPECT_EQ(0, serve(&self->e));
	for (i = 0; i < N; i++)
		good += rd[i].res == 1 && !rd[i].op.busy;
	EXPECT_EQ(N, good);
	close(p[0]);
	close(p[1]);
	free(rd);
	free(bytes);
}

TEST_F(ring, cancelled_operation_completes)
{
	struct reader rd = { .op.done = read_done, .r = &self->e.r };
	unsigned int left = 1;
	int p[2];

	rd.left = &left;
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ring_cancel(&self->e.r, &rd.op);
	ring_read(&self->e.r, &rd.op, p[0], &rd.byte, 1);
	EXPECT_TRUE(nothing_stops(&self->e, 20));
	EXPECT_TRUE(rd.op.busy);
	ring_cancel(&self->e.r, &rd.op);
	EXPECT_EQ(0, serve(&self->e));
	EXPECT_TRUE(rd.res == -ECANCELED || rd.res == -EINTR);
	close(p[0]);
	close(p[1]);
}

/* Reads, writes and the rest of files: one after the other */
struct file_test {
	struct op op;
	struct ring *r;
	int fd, step, res[6];
	char buf[8];
};

static void file_step(struct op *op, int res)
{
	struct file_test *t = container_of(op, struct file_test, op);

	t->res[t->step++] = res;
	switch (t->step) {
	case 1:
		ring_fdatasync(t->r, op, t->fd);
		break;
	case 2:
		ring_pread(t->r, op, t->fd, t->buf, 3, 10);
		break;
	case 3:
		ring_fallocate(t->r, op, t->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 11,
			       1);
		break;
	case 4:
		ring_pread(t->r, op, t->fd, t->buf + 3, 5, 10);
		break;
	default:
		ring_stop(t->r, 0);
	}
}

TEST_F(ring, files_at_an_offset)
{
	struct file_test t = { .op.done = file_step, .r = &self->e.r };
	FILE *f = tmpfile();

	t.fd = fileno(f);
	ring_pwrite(&self->e.r, &t.op, t.fd, "abc", 3, 10);
	EXPECT_EQ(0, serve(&self->e));
	EXPECT_EQ(3, t.res[0]);
	EXPECT_EQ(0, t.res[1]);
	EXPECT_EQ(3, t.res[2]);
	EXPECT_EQ(0, memcmp("abc", t.buf, 3));
	/* It ends there; and not every file system has holes. */
	EXPECT_EQ(3, t.res[4]);
	EXPECT_EQ(0, memcmp(t.res[3] ? "abc" : "a\0c", t.buf + 3, 3));
	fclose(f);
}

/*
 * Streams: a header of two bytes, the length of the payload and a mark
 */

#define MAX	200

struct peer {
	struct stream st;
	struct env *e;
	int fd;				/* the other end */
	unsigned int msgs, closed, released, stop_after;
	int err;
	u8 last[2 + MAX], marks[256];
	size_t last_len;
	unsigned int nfds;
	int kept;			/* fd taken from the last message */
	bool no_more, keep_fd, close_in_msg;
};

static int payload_len(const void *hdr)
{
	u8 n = ((const u8 *)hdr)[0];

	return n == 255 ? -EPROTO : n == 254 ? MAX + 1 : n;
}

static void released(struct stream *st)
{
	struct peer *p = container_of(st, struct peer, st);

	p->released++;
	ring_stop(&p->e->r, 5);
}

static void got_msg(struct stream *st, const void *msg, size_t len, int *fds,
		    unsigned int nfds)
{
	struct peer *p = container_of(st, struct peer, st);

	memcpy(p->last, msg, len);
	p->last_len = len;
	p->marks[p->msgs++ % 256] = p->last[1];
	p->nfds = nfds;
	if (p->keep_fd && nfds) {
		p->kept = fds[0];
		fds[0] = -1;
	}
	if (p->close_in_msg)
		stream_close(st, released);
	else if (!p->no_more)
		stream_recv(st);
	if (p->msgs == p->stop_after)
		ring_stop(&p->e->r, 1);
}

static void got_end(struct stream *st, int err)
{
	struct peer *p = container_of(st, struct peer, st);

	p->closed++;
	p->err = err;
	ring_stop(&p->e->r, 2);
}

static const struct stream_ops ops = {
	.hdr_len = 2, .max_payload = MAX, .payload_len = payload_len,
	.msg = got_msg, .closed = got_end,
};

FIXTURE(stream) {
	struct env e;
	struct peer p;
	unsigned int fds;
};

FIXTURE_SETUP(stream)
{
	char why[256];
	int sv[2];

	log_set_level(LOG_ERR);
	self->fds = open_fds();
	ASSERT_EQ(0, ring_init(&self->e.r, why, sizeof(why)));
	self->e.timer.done = timer_done;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	self->p.e = &self->e;
	self->p.fd = sv[0];
	ASSERT_EQ(0, stream_open(&self->p.st, &self->e.r, sv[1], &ops));
}

FIXTURE_TEARDOWN(stream)
{
	if (!self->p.released) {
		stream_close(&self->p.st, released);
		EXPECT_EQ(5, serve(&self->e));
	}
	EXPECT_EQ(1, self->p.released);
	close(self->p.fd);
	ring_drain(&self->e.r);
	EXPECT_EQ(0, self->e.r.busy);
	ring_fini(&self->e.r);
	EXPECT_EQ(self->fds, open_fds());
	if (__lsan_do_recoverable_leak_check) {
		EXPECT_EQ(0, __lsan_do_recoverable_leak_check());
	}
}

/* A message of @n bytes of payload. */
static size_t make(u8 *buf, u8 n, u8 mark)
{
	buf[0] = n;
	buf[1] = mark;
	memset(buf + 2, mark, n);
	return 2u + n;
}

static bool sends(struct peer *p, const u8 *buf, size_t len)
{
	return send(p->fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

TEST_F(stream, nothing_is_delivered_unasked)
{
	struct peer *p = &self->p;
	u8 buf[16];
	size_t n = make(buf, 5, 'a');

	ASSERT_TRUE(sends(p, buf, n));
	EXPECT_TRUE(nothing_stops(&self->e, 20));
	EXPECT_EQ(0, p->msgs);
	p->stop_after = 1;
	p->no_more = true;
	stream_recv(&p->st);
	EXPECT_EQ(1, serve(&self->e));
	EXPECT_EQ(7, p->last_len);
	EXPECT_EQ(0, memcmp(buf, p->last, n));
	/* Nor is the next one, nor the end. */
	ASSERT_TRUE(sends(p, buf, n));
	shutdown(p->fd, SHUT_WR);
	EXPECT_TRUE(nothing_stops(&self->e, 20));
	EXPECT_EQ(1, p->msgs);
	EXPECT_EQ(0, p->closed);
}

TEST_F(stream, split_anywhere)
{
	struct peer *p = &self->p;
	u8 buf[16];
	size_t n = make(buf, 9, 'x'), cut;

	stream_recv(&p->st);
	for (cut = 1; cut < n; cut++) {
		p->stop_after = p->msgs + 1;
		ASSERT_TRUE(sends(p, buf, cut));
		ASSERT_TRUE(nothing_stops(&self->e, 2));
		ASSERT_TRUE(sends(p, buf + cut, n - cut));
		ASSERT_EQ(1, serve(&self->e));
		ASSERT_EQ(n, p->last_len);
		ASSERT_EQ(0, memcmp(buf, p->last, n));
	}
}

static void several(struct __test_metadata *_metadata, struct env *e,
		    struct peer *p, size_t hint)
{
	u8 buf[600];
	size_t n = 0;
	u8 i;

	for (i = 0; i < 20; i++)
		n += make(buf + n, i * 7 % 23, 'a' + i);
	stream_recv_hint(&p->st, hint);
	p->stop_after = 20;
	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, buf, n));
	ASSERT_EQ(1, serve(e));
	EXPECT_EQ(0, memcmp("abcdefghijklmnopqrst", p->marks, 20));
	EXPECT_EQ(20, p->st.rx_msgs);
}

TEST_F(stream, several_at_once)
{
	several(_metadata, &self->e, &self->p, 2);
}

TEST_F(stream, several_at_once_with_a_hint)
{
	several(_metadata, &self->e, &self->p, 30);
}

TEST_F(stream, hint_saves_a_receive)
{
	struct peer *p = &self->p;
	u8 buf[16];
	size_t n = make(buf, 5, 'a');
	u64 enters;

	p->stop_after = 1;
	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, buf, n));
	ASSERT_EQ(1, serve(&self->e));
	enters = self->e.r.enters;
	stream_recv_hint(&p->st, n);
	/* The one that is armed already does not know of it. */
	p->stop_after = 2;
	ASSERT_TRUE(sends(p, buf, n));
	ASSERT_EQ(1, serve(&self->e));
	p->stop_after = 3;
	ASSERT_TRUE(sends(p, buf, n));
	enters = self->e.r.enters;
	ASSERT_EQ(1, serve(&self->e));
	EXPECT_GE(4, self->e.r.enters - enters);
}

TEST_F(stream, end_between_messages)
{
	struct peer *p = &self->p;

	stream_recv(&p->st);
	shutdown(p->fd, SHUT_WR);
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(0, p->err);
	EXPECT_EQ(1, p->closed);
	/* It is told once. */
	stream_recv(&p->st);
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	EXPECT_EQ(1, p->closed);
}

TEST_F(stream, end_within_a_message)
{
	struct peer *p = &self->p;

	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, (const u8 *)"\3a.", 3));
	shutdown(p->fd, SHUT_WR);
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-EPIPE, p->err);
}

TEST_F(stream, messages_before_the_end_are_delivered)
{
	struct peer *p = &self->p;

	ASSERT_TRUE(sends(p, (const u8 *)"\1aa\0b\0c", 7));
	shutdown(p->fd, SHUT_WR);
	stream_recv(&p->st);
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(0, p->err);
	EXPECT_EQ(3, p->msgs);
}

TEST_F(stream, bad_header)
{
	struct peer *p = &self->p;

	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, (const u8 *)"\377a", 2));
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-EPROTO, p->err);
	EXPECT_EQ(0, p->msgs);
}

TEST_F(stream, too_long)
{
	struct peer *p = &self->p;

	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, (const u8 *)"\376a", 2));
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-EMSGSIZE, p->err);
}

TEST_F(stream, watch_tells_the_end_and_keeps_a_message)
{
	struct peer *p = &self->p;

	stream_watch(&p->st);
	ASSERT_TRUE(sends(p, (const u8 *)"\1aa\0b", 5));
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	EXPECT_EQ(0, p->msgs);
	p->no_more = true;
	p->stop_after = 1;
	stream_recv(&p->st);
	EXPECT_EQ(1, serve(&self->e));
	EXPECT_EQ('a', p->last[1]);
	/* It has to be asked for again, like stream_recv(). */
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	p->stop_after = 2;
	stream_recv(&p->st);
	EXPECT_EQ(1, serve(&self->e));
	EXPECT_EQ('b', p->last[1]);
	stream_watch(&p->st);
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	shutdown(p->fd, SHUT_WR);
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(0, p->err);
}

TEST_F(stream, peer_that_is_gone)
{
	struct peer *p = &self->p;

	EXPECT_FALSE(stream_peer_gone(&p->st));
	ASSERT_TRUE(sends(p, (const u8 *)"\1aa", 3));
	EXPECT_FALSE(stream_peer_gone(&p->st));
	close(p->fd);
	/* Though there is something left to be read. */
	EXPECT_TRUE(stream_peer_gone(&p->st));
	p->fd = dup(0);
}

/*
 * File descriptors
 */

static bool sends_fds(struct peer *p, const u8 *buf, size_t len, const int *fds,
		      unsigned int n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 253)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(cm), fds, sizeof(int) * n);
	return sendmsg(p->fd, &mh, MSG_NOSIGNAL) == (ssize_t)len;
}

TEST_F(stream, files_that_are_not_taken_are_closed)
{
	struct peer *p = &self->p;
	int fds[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };
	unsigned int before, i;

	stream_recv(&p->st);
	before = open_fds();
	for (i = 1; i <= 8; i++) {
		p->stop_after = p->msgs + 1;
		ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab", 3, fds, i));
		ASSERT_EQ(1, serve(&self->e));
		EXPECT_EQ(i, p->nfds);
		EXPECT_EQ(before, open_fds());
	}
	p->keep_fd = true;
	p->stop_after = p->msgs + 1;
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab", 3, fds, 3));
	ASSERT_EQ(1, serve(&self->e));
	EXPECT_EQ(before + 1, open_fds());
	EXPECT_EQ(FD_CLOEXEC, fcntl(p->kept, F_GETFD));
	close(p->kept);
	/* Those of a message that is not asked for any more. */
	p->no_more = true;
	p->keep_fd = false;
	p->stop_after = p->msgs + 1;
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab", 3, fds, 3));
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab", 3, fds, 3));
	ASSERT_EQ(1, serve(&self->e));
	stream_watch(&p->st);
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	/* The teardown counts. */
}

TEST_F(stream, too_many_files)
{
	struct peer *p = &self->p;
	unsigned int before = open_fds(), i;
	int fds[253];

	for (i = 0; i < 253; i++)
		fds[i] = 0;
	stream_recv(&p->st);
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab", 3, fds, 253));
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-EPROTO, p->err);
	EXPECT_EQ(0, p->msgs);
	/* Eight may be kept until the stream is closed, no more. */
	EXPECT_GE(before + 8, open_fds());
}

/* A file goes with the message that begins with it. */
TEST_F(stream, files_of_pipelined_messages)
{
	struct peer *p = &self->p;
	int fd = 0;

	stream_recv_hint(&p->st, 8);
	p->no_more = true;
	ASSERT_TRUE(sends(p, (const u8 *)"\0a", 2));
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\4bbbbb", 6, &fd, 1));
	ASSERT_TRUE(sends(p, (const u8 *)"\0c", 2));
	p->stop_after = 1;
	stream_recv(&p->st);
	ASSERT_EQ(1, serve(&self->e));
	EXPECT_EQ(0, p->nfds);
	p->stop_after = 2;
	stream_recv(&p->st);
	ASSERT_EQ(1, serve(&self->e));
	EXPECT_EQ('b', p->last[1]);
	EXPECT_EQ(1, p->nfds);
	p->stop_after = 3;
	stream_recv(&p->st);
	ASSERT_EQ(1, serve(&self->e));
	EXPECT_EQ('c', p->last[1]);
	EXPECT_EQ(0, p->nfds);
}

/*
 * Sending
 */

static bool reads(struct peer *p, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = recv(p->fd, (u8 *)buf + done, len - done, MSG_DONTWAIT);
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

TEST_F(stream, messages_leave_in_order)
{
	struct peer *p = &self->p;
	u8 buf[2 + MAX], got[2 + MAX];
	size_t n;
	unsigned int i;

	/* More than go into one send. */
	for (i = 0; i < 50; i++) {
		n = make(buf, (u8)(i * 3), (u8)i);
		ASSERT_EQ(0, stream_send(&p->st, buf, n, NULL, 0));
	}
	EXPECT_TRUE(stream_pending(&p->st));
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	EXPECT_FALSE(stream_pending(&p->st));
	EXPECT_EQ(50, p->st.tx_msgs);
	for (i = 0; i < 50; i++) {
		n = make(buf, (u8)(i * 3), (u8)i);
		ASSERT_TRUE(reads(p, got, n));
		EXPECT_EQ(0, memcmp(buf, got, n));
	}
	EXPECT_FALSE(reads(p, got, 1));
}

/* Sends that succeed at once do not wake anybody. */
TEST_F(stream, answer_and_next_receive_are_one_enter)
{
	struct peer *p = &self->p;
	u8 buf[16];
	u64 enters;

	stream_recv_hint(&p->st, 3);
	stream_recv(&p->st);
	p->stop_after = 1;
	ASSERT_TRUE(sends(p, (const u8 *)"\1ab", 3));
	ASSERT_EQ(1, serve(&self->e));
	ASSERT_EQ(0, stream_send(&p->st, "\1cd", 3, NULL, 0));
	enters = self->e.r.enters;
	/* One for both, and one in which the time is up. */
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	EXPECT_EQ(1, self->e.r.enters - enters);
	EXPECT_TRUE(reads(p, buf, 3));
}

static unsigned int read_files(struct peer *p, u8 *byte)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 16)];
		struct cmsghdr align;
	} ctl;
	u8 buf[3];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	struct cmsghdr *cm;
	unsigned int n, i;
	int fd;

	if (recvmsg(p->fd, &mh, MSG_DONTWAIT) != 3)
		return 99;
	*byte = buf[1];
	cm = CMSG_FIRSTHDR(&mh);
	if (!cm)
		return 0;
	n = (unsigned int)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
		close(fd);
	}
	return n;
}

TEST_F(stream, files_leave_with_their_message)
{
	struct peer *p = &self->p;
	int fds[3] = { 0, 1, 2 };
	unsigned int before = open_fds();
	u8 mark;

	ASSERT_EQ(0, stream_send(&p->st, "\1a.", 3, NULL, 0));
	ASSERT_EQ(0, stream_send(&p->st, "\1b.", 3, fds, 2));
	ASSERT_EQ(0, stream_send(&p->st, "\1c.", 3, fds, 3));
	ASSERT_EQ(0, stream_send(&p->st, "\1d.", 3, NULL, 0));
	EXPECT_TRUE(nothing_stops(&self->e, 10));
	EXPECT_EQ(0, read_files(p, &mark));
	EXPECT_EQ('a', mark);
	EXPECT_EQ(2, read_files(p, &mark));
	EXPECT_EQ('b', mark);
	EXPECT_EQ(3, read_files(p, &mark));
	EXPECT_EQ('c', mark);
	EXPECT_EQ(0, read_files(p, &mark));
	EXPECT_EQ('d', mark);
	EXPECT_EQ(before, open_fds());
}

/* A socket that is full: short sends, waits, and nothing lost. */
static void through_a_full_socket(struct __test_metadata *_metadata,
				  struct env *e, struct peer *p, int sndbuf)
{
	enum { N = 3000 };
	u8 buf[2 + MAX], got[2 + MAX];
	struct prng rng;
	unsigned int i;
	size_t n, done;
	ssize_t ret;

	if (sndbuf)
		ASSERT_EQ(0, setsockopt(p->st.fd, SOL_SOCKET, SO_SNDBUF,
					&sndbuf, sizeof(sndbuf)));
	prng_seed(&rng, 1, "sizes");
	for (i = 0; i < N; i++) {
		n = make(buf, (u8)(prng_next(&rng) % MAX), (u8)i);
		ASSERT_EQ(0, stream_send(&p->st, buf, n, NULL, 0));
	}
	prng_seed(&rng, 1, "sizes");
	ASSERT_TRUE(nothing_stops(e, 2));
	EXPECT_TRUE(stream_pending(&p->st));
	for (i = 0; i < N; i++) {
		n = make(buf, (u8)(prng_next(&rng) % MAX), (u8)i);
		for (done = 0; done < n; done += (size_t)ret) {
			ret = recv(p->fd, got + done, n - done, MSG_DONTWAIT);
			if (ret < 0) {
				ret = 0;
				ASSERT_TRUE(nothing_stops(e, 1));
				ASSERT_TRUE(stream_pending(&p->st) ||
					    recv(p->fd, got + done, 1,
						 MSG_DONTWAIT | MSG_PEEK) == 1);
			}
		}
		ASSERT_EQ(0, memcmp(buf, got, n));
	}
	EXPECT_TRUE(nothing_stops(e, 2));
	EXPECT_FALSE(stream_pending(&p->st));
	EXPECT_EQ(N, p->st.tx_msgs);
}

TEST_F(stream, full_socket)
{
	through_a_full_socket(_metadata, &self->e, &self->p, 0);
}

TEST_F(stream, small_full_socket)
{
	through_a_full_socket(_metadata, &self->e, &self->p, 5000);
}

/* A message that is longer than what the socket takes leaves in pieces. */
TEST_F(stream, long_message_through_a_small_socket)
{
	struct peer *p = &self->p;
	size_t len = 1000000, done = 0;
	u8 *buf = malloc(len), *got = malloc(len);
	int fd = 0, size = 5000;
	struct prng rng;
	ssize_t n;
	size_t i;

	ASSERT_EQ(0, setsockopt(p->st.fd, SOL_SOCKET, SO_SNDBUF, &size,
				sizeof(size)));
	prng_seed(&rng, 2, "bytes");
	for (i = 0; i < len; i++)
		buf[i] = (u8)prng_next(&rng);
	ASSERT_EQ(0, stream_send(&p->st, "\0a", 2, NULL, 0));
	ASSERT_EQ(0, stream_send(&p->st, buf, len, &fd, 1));
	ASSERT_EQ(0, stream_send(&p->st, "\0b", 2, NULL, 0));
	ASSERT_TRUE(nothing_stops(&self->e, 2));
	ASSERT_TRUE(reads(p, got, 2));
	while (done < len) {
		n = recv(p->fd, got + done, len - done, MSG_DONTWAIT);
		if (n > 0)
			done += (size_t)n;
		else
			ASSERT_TRUE(nothing_stops(&self->e, 1));
	}
	EXPECT_EQ(0, memcmp(buf, got, len));
	ASSERT_TRUE(nothing_stops(&self->e, 2));
	ASSERT_TRUE(reads(p, got, 2));
	EXPECT_EQ('b', got[1]);
	free(buf);
	free(got);
}

/* The same, when it is tried at once: some of it fits. */
TEST_F(stream, long_message_alone)
{
	struct peer *p = &self->p;
	size_t len = 1000000, done = 0, i;
	u8 *buf = malloc(len), *got = malloc(len);
	struct prng rng;
	int size = 50000;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(p->st.fd, SOL_SOCKET, SO_SNDBUF, &size,
				sizeof(size)));
	prng_seed(&rng, 4, "bytes");
	for (i = 0; i < len; i++)
		buf[i] = (u8)prng_next(&rng);
	ASSERT_EQ(0, stream_send(&p->st, buf, len, NULL, 0));
	ASSERT_TRUE(nothing_stops(&self->e, 2));
	EXPECT_EQ(0, p->st.tx_msgs);
	while (done < len) {
		n = recv(p->fd, got + done, len - done, MSG_DONTWAIT);
		if (n > 0)
			done += (size_t)n;
		else
			ASSERT_TRUE(nothing_stops(&self->e, 1));
	}
	EXPECT_EQ(0, memcmp(buf, got, len));
	ASSERT_TRUE(nothing_stops(&self->e, 2));
	EXPECT_EQ(1, p->st.tx_msgs);
	EXPECT_FALSE(reads(p, got, 1));
	free(buf);
	free(got);
}

TEST_F(stream, who_does_not_read_is_not_read_from)
{
	struct peer *p = &self->p;
	u8 buf[2 + MAX];
	unsigned int i, n = 0;

	/* Fill the socket, and queue as many as are tolerated. */
	while (p->st.nr_tx <= STREAM_MAX_TX) {
		ASSERT_EQ(0, stream_send(&p->st, buf, make(buf, MAX, 'a'),
					 NULL, 0));
		n++;
		if (!(n % 64))
			ASSERT_TRUE(nothing_stops(&self->e, 1));
	}
	stream_recv(&p->st);
	ASSERT_TRUE(sends(p, (const u8 *)"\0q", 2));
	EXPECT_TRUE(nothing_stops(&self->e, 20));
	EXPECT_EQ(0, p->msgs);
	/* When it reads again, so do we. */
	p->stop_after = 1;
	for (i = 0; i < n * 3 / 4; i++)
		ASSERT_TRUE(reads(p, buf, 2 + MAX));
	EXPECT_EQ(1, serve(&self->e));
	EXPECT_EQ('q', p->last[1]);
}

TEST_F(stream, peer_that_leaves_while_it_is_sent_to)
{
	struct peer *p = &self->p;

	close(p->fd);
	p->fd = dup(0);
	ASSERT_EQ(0, stream_send(&p->st, "\0a", 2, NULL, 0));
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-ECONNRESET, p->err);
	EXPECT_EQ(1, p->closed);
	EXPECT_EQ(-EPIPE, stream_send(&p->st, "\0a", 2, NULL, 0));
}

/* Out of file descriptors: the stream ends, the program does not. */
TEST_F(stream, no_file_descriptor_left_to_send)
{
	struct peer *p = &self->p;
	struct rlimit old, none;
	int fd = 0;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, stream_send(&p->st, "\0a", 2, &fd, 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(2, serve(&self->e));
	EXPECT_EQ(-EMFILE, p->err);
}

/*
 * The end
 */

TEST_F(stream, closed_with_everything_under_way)
{
	struct peer *p = &self->p;
	u8 buf[2 + MAX];
	int fd = 0;
	unsigned int i;

	stream_recv(&p->st);
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, stream_send(&p->st, buf, make(buf, MAX, 'a'),
					 i % 7 ? NULL : &fd, !(i % 7)));
	EXPECT_TRUE(nothing_stops(&self->e, 5));
	ASSERT_TRUE(sends(p, (const u8 *)"\3a", 2));
	EXPECT_TRUE(nothing_stops(&self->e, 5));
	stream_close(&p->st, released);
	stream_close(&p->st, NULL);
	EXPECT_EQ(0, p->released);
	EXPECT_EQ(-EPIPE, stream_send(&p->st, "\0a", 2, NULL, 0));
	stream_recv(&p->st);
	EXPECT_EQ(5, serve(&self->e));
	EXPECT_EQ(1, p->released);
	EXPECT_EQ(0, p->closed);
	EXPECT_EQ(0, p->msgs);
}

TEST_F(stream, closed_before_it_was_used)
{
	stream_close(&self->p.st, released);
	EXPECT_EQ(5, serve(&self->e));
}

TEST_F(stream, closed_while_a_message_is_handled)
{
	struct peer *p = &self->p;
	int fd = 0;

	p->close_in_msg = true;
	stream_recv(&p->st);
	ASSERT_TRUE(sends_fds(p, (const u8 *)"\1ab\0c", 5, &fd, 1));
	EXPECT_EQ(5, serve(&self->e));
	EXPECT_EQ(1, p->msgs);
	EXPECT_EQ(0, p->closed);
}

TEST_F(stream, closed_with_a_quiet_send_not_yet_submitted)
{
	struct peer *p = &self->p;
	u8 buf[2];

	ASSERT_EQ(0, stream_send(&p->st, "\0a", 2, NULL, 0));
	stream_close(&p->st, released);
	EXPECT_EQ(5, serve(&self->e));
	/* What was not given to the kernel is not sent. */
	EXPECT_FALSE(reads(p, buf, 2));
}

/* Any order of sending, receiving and closing, on many streams at once. */
TEST_F(ring, many_streams)
{
	enum { N = 64 };
	struct peer *p = calloc(N, sizeof(*p));
	struct prng rng;
	unsigned int i, k;
	u8 buf[2 + MAX];
	int sv[2], fd = 0;

	prng_seed(&rng, 3, "streams");
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
					sv));
		p[i].e = &self->e;
		p[i].fd = sv[0];
		p[i].no_more = true;
		ASSERT_EQ(0, stream_open(&p[i].st, &self->e.r, sv[1], &ops));
	}
	for (k = 0; k < 20000; k++) {
		i = (unsigned int)(prng_next(&rng) % N);
		switch (prng_next(&rng) % 8) {
		case 0:
		case 1:
			(void)stream_send(&p[i].st, buf,
					  make(buf, (u8)(k % MAX), 'a'), &fd,
					  !(k % 5));
			break;
		case 2:
		case 3:
			(void)send(p[i].fd, buf, make(buf, (u8)(k % 9), 'b'),
				   MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 4:
			stream_recv(&p[i].st);
			break;
		case 5:
			while (recv(p[i].fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
				;
			break;
		case 6:
			if (!(k % 50))
				stream_close(&p[i].st, released);
			else if (!(k % 51))
				shutdown(p[i].fd, SHUT_RDWR);
			break;
		default:
			if (!(k % 16))
				(void)nothing_stops(&self->e, 0);
		}
	}
	for (i = 0; i < N; i++)
		stream_close(&p[i].st, released);
	ring_drain(&self->e.r);
	for (i = 0; i < N; i++) {
		EXPECT_EQ(1, p[i].released);
		EXPECT_GE(1, p[i].closed);
		close(p[i].fd);
	}
	free(p);
}

/*
 * Listeners
 */

struct host {
	struct listener l;
	struct env *e;
	unsigned int accepted, released;
	int fd[8];
	pid_t pid;
};

static void host_accepted(struct listener *l, int fd, pid_t pid)
{
	struct host *h = container_of(l, struct host, l);

	h->fd[h->accepted++ % 8] = fd;
	h->pid = pid;
	ring_stop(&h->e->r, 1);
}

static void host_released(struct listener *l)
{
	struct host *h = container_of(l, struct host, l);

	h->released++;
	ring_stop(&h->e->r, 2);
}

FIXTURE(listen) {
	struct env e;
	struct host h;
	char dir[32], path[64];
	unsigned int fds;
};

FIXTURE_SETUP(listen)
{
	char why[256];

	log_set_level(LOG_ERR);
	self->fds = open_fds();
	strcpy(self->dir, "/tmp/umtt-unit-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/sock", self->dir);
	ASSERT_EQ(0, ring_init(&self->e.r, why, sizeof(why)));
	self->e.timer.done = timer_done;
	self->h.e = &self->e;
}

FIXTURE_TEARDOWN(listen)
{
	unsigned int i;

	ring_drain(&self->e.r);
	ring_fini(&self->e.r);
	for (i = 0; i < self->h.accepted && i < 8; i++)
		close(self->h.fd[i]);
	unlink(self->path);
	EXPECT_EQ(0, rmdir(self->dir));
	EXPECT_EQ(self->fds, open_fds());
	if (__lsan_do_recoverable_leak_check) {
		EXPECT_EQ(0, __lsan_do_recoverable_leak_check());
	}
}

static bool stops_listening(struct env *e, struct host *h)
{
	listen_close(&h->l, host_released);
	listen_close(&h->l, host_released);
	return serve(e) == 2 && h->released == 1;
}

TEST_F(listen, accepts_one_after_the_other)
{
	struct host *h = &self->h;
	struct stat sb;
	int fd[3], i;

	ASSERT_EQ(0, listen_unix(&h->l, &self->e.r, self->path,
				 host_accepted));
	ASSERT_EQ(0, stat(self->path, &sb));
	EXPECT_EQ(S_IFSOCK | 0600, sb.st_mode);
	for (i = 0; i < 3; i++) {
		fd[i] = connect_unix(self->path);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(1, serve(&self->e));
		EXPECT_EQ(i + 1, h->accepted);
		EXPECT_EQ(getpid(), h->pid);
		EXPECT_EQ(FD_CLOEXEC, fcntl(h->fd[i], F_GETFD));
		close(fd[i]);
	}
	EXPECT_TRUE(stops_listening(&self->e, h));
	EXPECT_LT(stat(self->path, &sb), 0);
	EXPECT_EQ(-ENOENT, connect_unix(self->path));
}

TEST_F(listen, what_is_at_the_path)
{
	struct host *h = &self->h;
	struct host other = { .e = &self->e };
	int fd;

	/* Something else is not ours to remove. */
	fd = open(self->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	EXPECT_EQ(-EEXIST, listen_unix(&h->l, &self->e.r, self->path,
				       host_accepted));
	EXPECT_EQ(0, unlink(self->path));
	/* Somebody who listens is not, either. */
	ASSERT_EQ(0, listen_unix(&other.l, &self->e.r, self->path,
				 host_accepted));
	EXPECT_EQ(-EADDRINUSE, listen_unix(&h->l, &self->e.r, self->path,
					   host_accepted));
	EXPECT_EQ(0, access(self->path, F_OK));
	listen_close(&other.l, host_released);
	EXPECT_EQ(2, serve(&self->e));
}

TEST_F(listen, stale_socket_is_replaced)
{
	struct host *h = &self->h;
	char elsewhere[80];
	int status;
	pid_t pid;

	/* What a process leaves that has not cleaned up. */
	pid = fork();
	if (!pid) {
		struct host other = { .e = &self->e };

		if (listen_unix(&other.l, &self->e.r, self->path,
				host_accepted) < 0)
			_exit(1);
		close(other.l.fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, access(self->path, F_OK));
	ASSERT_EQ(0, listen_unix(&h->l, &self->e.r, self->path,
				 host_accepted));
	EXPECT_TRUE(stops_listening(&self->e, h));
	snprintf(elsewhere, sizeof(elsewhere), "%s/no/where", self->dir);
	EXPECT_EQ(-ENOENT, listen_unix(&h->l, &self->e.r, elsewhere,
				       host_accepted));
}

TEST_F(listen, paths_that_cannot_be)
{
	struct host *h = &self->h;
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	EXPECT_EQ(-ENAMETOOLONG, listen_unix(&h->l, &self->e.r, name,
					     host_accepted));
	EXPECT_EQ(-ENAMETOOLONG, connect_unix(name));
	EXPECT_EQ(-EINVAL, listen_unix(&h->l, &self->e.r, "", host_accepted));
	EXPECT_EQ(-EINVAL, connect_unix(""));
}

TEST_F(listen, connection_that_comes_with_the_end)
{
	struct host *h = &self->h;
	int fd;

	ASSERT_EQ(0, listen_unix(&h->l, &self->e.r, self->path,
				 host_accepted));
	EXPECT_TRUE(nothing_stops(&self->e, 2));
	fd = connect_unix(self->path);
	EXPECT_TRUE(stops_listening(&self->e, h));
	EXPECT_EQ(0, h->accepted);
	close(fd);
}

/* The connection waits; so does the loop, for a second. */
TEST_F(listen, out_of_file_descriptors)
{
	struct host *h = &self->h;
	struct rlimit old, none;
	u64 enters, begin;
	int fd;

	ASSERT_EQ(0, listen_unix(&h->l, &self->e.r, self->path,
				 host_accepted));
	fd = connect_unix(self->path);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	enters = self->e.r.enters;
	begin = ring_clock();
	EXPECT_TRUE(nothing_stops(&self->e, 100));
	EXPECT_GE(5, self->e.r.enters - enters);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(1, serve(&self->e));
	EXPECT_LT(900 * NSEC_PER_MSEC, ring_clock() - begin);
	EXPECT_EQ(1, h->accepted);
	close(fd);
	EXPECT_TRUE(stops_listening(&self->e, h));
}

/*
 * Signals
 */

static struct env *signal_env;

static void got_signal(struct signals *sg, int signo)
{
	(void)sg;
	ring_stop(&signal_env->r, signo);
}

TEST_F(ring, signals_come_as_events)
{
	static struct signals sg;
	sigset_t set;

	signal_env = &self->e;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	ASSERT_EQ(0, signals_open(&sg, &self->e.r, &set, got_signal));
	kill(getpid(), SIGTERM);
	EXPECT_EQ(SIGTERM, serve(&self->e));
	kill(getpid(), SIGINT);
	EXPECT_EQ(SIGINT, serve(&self->e));
	signals_close(&sg);
	signals_close(&sg);
}

TEST_HARNESS_MAIN
