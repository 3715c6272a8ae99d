// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Without a calendar: front-ends in real time, with messages or event fds. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define MS	NSEC_PER_MSEC

FIXTURE(plain) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(plain)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
}

FIXTURE_TEARDOWN(plain)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

static bool wait_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* The next used buffer, whenever it comes. */
static struct echo_response comes_back(struct fvu *f, u32 vq, unsigned int slot)
{
	u64 end = wall_ms() + 5000;

	while (__atomic_load_n(&f->ring[vq].used->idx, __ATOMIC_SEQ_CST) ==
	       f->ring[vq].used_seen) {
		if (wall_ms() > end)
			fail("request %u does not come back", slot);
		sleep_ms(1);
	}
	return echo_get(f, vq, slot);
}

static void stays_away(struct fvu *f, u32 vq)
{
	sleep_ms(QUIET_MS);
	check_eq(-1, fvu_used(f, vq, NULL));
}

/*
 * In band: a kernel that does not answer calls while it waits for a kick
 */

TEST_F(plain, kick_is_acked_before_the_call)
{
	struct fvu *f = &self->f;
	unsigned int i;

	fvu_open(f, "a");
	for (i = 0; i < 200; i++) {
		echo_put(f, 0, i % 31, 0);
		fvu_kick(f, 0);
		check(wait_readable(f->slave, 5000));
		/* The call is here, so the ack must be. */
		if (!wait_readable(f->fd, 0))
			fail("a call has come before the ack of the kick");
		fvu_kicked(f);
		fvu_called(f, 0);
		fvu_answer(f, 0);
		echo_get(f, 0, i % 31);
	}
}

/* It answers no call at all before all its kicks have been acked. */
TEST_F(plain, kicks_are_acked_while_a_call_is_not_answered)
{
	struct fvu *f = &self->f;
	unsigned int i;

	fvu_open(f, "a");
	for (i = 0; i < 20; i++) {
		echo_put(f, 0, i, 0);
		fvu_kick(f, 0);
		fvu_kicked(f);
	}
	/* One call, and another for all that came since. */
	fvu_called(f, 0);
	for (i = 0; i < 20; i++)
		comes_back(f, 0, i);
	nothing_comes(f->slave, "the slave", QUIET_MS);
	fvu_answer(f, 0);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	nothing_comes(f->slave, "the slave", QUIET_MS);
}

TEST_F(plain, calls_of_different_queues)
{
	struct fvu *f = &self->f;

	fvu_open(f, "a");
	echo_put(f, 0, 0, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	echo_put(f, 1, 0, 0);
	fvu_kick(f, 1);
	fvu_kicked(f);
	comes_back(f, 1, 0);
	/* Answers carry no number, so there is one at a time. */
	nothing_comes(f->slave, "the slave", QUIET_MS);
	fvu_answer(f, 0);
	fvu_called(f, 1);
	fvu_answer(f, 0);
	echo_get(f, 0, 0);
}

TEST_F(plain, latency_is_the_least_that_passes)
{
	struct fvu *f = &self->f;
	struct echo_response r;
	u64 begin, took;

	fvu_open(f, "a");
	begin = wall_ms();
	echo_put(f, 0, 0, 80 * MS);
	echo_put(f, 0, 1, 40 * MS);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	r = echo_get(f, 0, 1);
	took = wall_ms() - begin;
	check(took >= 39 && took < 2000);
	check(r.t_done - r.t_start >= 40 * MS);
	fvu_answer(f, 0);
	fvu_called(f, 0);
	r = echo_get(f, 0, 0);
	took = wall_ms() - begin;
	check(took >= 79 && took < 2000);
	fvu_answer(f, 0);
}

/* One that comes while a later one is waited for. */
TEST_F(plain, earlier_than_what_is_waited_for)
{
	struct fvu *f = &self->f;
	u64 begin = wall_ms();

	fvu_open(f, "a");
	echo_put(f, 0, 0, 3600 * NSEC_PER_SEC);
	fvu_kick(f, 0);
	fvu_kicked(f);
	sleep_ms(20);
	echo_put(f, 0, 1, 30 * MS);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	echo_get(f, 0, 1);
	fvu_answer(f, 0);
	check(wall_ms() - begin < 3000);
}

/* Before there is a channel the call waits for it. */
TEST_F(plain, slave_channel_comes_later)
{
	struct fvu *f = &self->f;
	int first;

	fvu_open(f, "a");
	first = f->slave;
	echo_put(f, 0, 0, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	check(wait_readable(first, 5000));
	/* Another one, while a call is out on the first. */
	f->slave = -1;
	fvu_slave_channel(f, true);
	close(first);
	echo_put(f, 0, 1, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 0);
	echo_get(f, 0, 1);
}

TEST_F(plain, no_slave_channel_yet)
{
	struct fvu *f = &self->f;

	fvu_connect(f, path("a"));
	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
	fvu_mem(f, true);
	fvu_queue(f, 0);
	echo_put(f, 0, 0, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	comes_back(f, 0, 0);
	echo_put(f, 0, 1, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	comes_back(f, 0, 1);
	fvu_slave_channel(f, true);
	fvu_called(f, 0);
	fvu_answer(f, 0);
}

/*
 * Event fds: QEMU, or anybody who has never heard of in-band notifications
 */

struct events {
	int kick, call;
};

static void set_fd(struct fvu *f, u32 request, u32 vq, int fd)
{
	u64 v = vq | (fd < 0 ? VHOST_USER_VRING_NOFD_MASK : 0);

	fvu_send(f, request, 0, &v, sizeof(v), &fd, fd >= 0);
}

static void open_events(struct fvu *f, struct events *e, u64 protocol,
			int flags)
{
	fvu_connect(f, path("a"));
	f->protocol = protocol;
	fvu_negotiate(f);
	fvu_queue(f, 0);
	e->kick = eventfd(0, flags);
	e->call = eventfd(0, flags);
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, e->call);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e->kick);
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
}

static void kick(const struct events *e)
{
	u64 one = 1;

	check(write(e->kick, &one, sizeof(one)) == sizeof(one));
}

static u64 called(const struct events *e)
{
	u64 n = 0;

	if (!wait_readable(e->call, 5000))
		fail("there is no call");
	check(read(e->call, &n, sizeof(n)) == sizeof(n));
	return n;
}

static void not_called(const struct events *e)
{
	if (wait_readable(e->call, QUIET_MS))
		fail("there is a call, and should be none");
}

static void close_events(const struct events *e)
{
	close(e->kick);
	close(e->call);
}

static void use_events(struct umtt *u, struct fvu *f, int flags)
{
	struct events e;
	unsigned int i;
	u64 cpu;

	open_events(f, &e, 0, flags);
	for (i = 0; i < 100; i++) {
		echo_put(f, 0, i % 31, 0);
		kick(&e);
		check_eq(1, called(&e));
		echo_get(f, 0, i % 31);
	}
	/* Waiting costs nothing. */
	cpu = umtt_cpu_ms(u);
	not_called(&e);
	sleep_ms(2 * QUIET_MS);
	if (umtt_cpu_ms(u) - cpu > QUIET_MS / 2)
		fail("the slave is busy waiting");
	close_events(&e);
}

TEST_F(plain, event_fds)
{
	use_events(&self->slave, &self->f, 0);
}

/*
 * The first request cannot be unfetched, since the second one has been used:
 * the driver must hear that it comes back, though its ring stops with that.
 */
TEST_F(plain, called_for_what_a_stop_uses)
{
	struct vhost_user_vring_state st = { .index = 0 };
	struct fvu *f = &self->f;
	struct events e;
	u32 len;

	open_events(f, &e, 0, EFD_NONBLOCK);
	echo_put(f, 0, 0, 3600 * NSEC_PER_SEC);
	echo_put(f, 0, 1, 0);
	kick(&e);
	called(&e);
	check_eq(2, fvu_used(f, 0, &len));
	fvu_send(f, VHOST_USER_GET_VRING_BASE, 0, &st, sizeof(st), NULL, 0);
	fvu_reply(f, VHOST_USER_GET_VRING_BASE, &st, sizeof(st));
	check_eq(0, fvu_used(f, 0, &len));
	check_eq(0, len);
	called(&e);
	close_events(&e);
}

/* As QEMU's. */
TEST_F(plain, event_fds_that_do_not_block)
{
	use_events(&self->slave, &self->f, EFD_NONBLOCK);
}

/* No bit 30: rings are enabled from the start. */
TEST_F(plain, front_end_of_old)
{
	struct fvu *f = &self->f;
	struct events e;

	fvu_connect(f, path("a"));
	f->protocol = 0;
	f->features = BIT_ULL(32);
	fvu_negotiate(f);
	fvu_queue(f, 0);
	e.kick = eventfd(0, 0);
	e.call = eventfd(0, 0);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e.kick);
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, e.call);
	/* Not only from the first kick on. */
	echo_put(f, 0, 0, 0);
	kick(&e);
	called(&e);
	echo_get(f, 0, 0);
	close_events(&e);
}

/* As plain UML: both ends are of socket pairs. */
TEST_F(plain, socket_for_calls)
{
	struct fvu *f = &self->f;
	struct events e;
	int sv[2], i;

	open_events(f, &e, 0, 0);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, sv[1]);
	close(sv[1]);
	close(e.call);
	e.call = sv[0];
	for (i = 0; i < 3; i++) {
		echo_put(f, 0, (unsigned int)i, 0);
		kick(&e);
		check_eq(1, called(&e));
		echo_get(f, 0, (unsigned int)i);
	}
	/* Nobody listens any more: that is no reason to end. */
	close(sv[0]);
	e.call = -1;
	echo_put(f, 0, 5, 0);
	kick(&e);
	comes_back(f, 0, 5);
	echo_put(f, 0, 6, 0);
	kick(&e);
	comes_back(f, 0, 6);
	close(e.kick);
}

/* What was there before the kick fd came is served without a kick. */
TEST_F(plain, buffers_before_the_kick_fd)
{
	struct fvu *f = &self->f;
	struct events e;

	fvu_connect(f, path("a"));
	f->protocol = 0;
	fvu_negotiate(f);
	echo_put(f, 0, 0, 0);
	fvu_queue(f, 0);
	e.kick = eventfd(0, 0);
	e.call = eventfd(0, 0);
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, e.call);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e.kick);
	called(&e);
	echo_get(f, 0, 0);
	close_events(&e);
}

/* A driver that polls has no call fd: what is used is just there. */
TEST_F(plain, polling_driver)
{
	struct fvu *f = &self->f;
	struct events e;

	open_events(f, &e, 0, 0);
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, -1);
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
	echo_put(f, 0, 0, 0);
	kick(&e);
	comes_back(f, 0, 0);
	not_called(&e);
	close_events(&e);
}

TEST_F(plain, no_kick_fd)
{
	struct fvu *f = &self->f;
	struct events e;

	open_events(f, &e, 0, 0);
	/* Without one there is nothing to be told by. */
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, -1);
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
	echo_put(f, 0, 0, 0);
	kick(&e);
	stays_away(f, 0);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e.kick);
	called(&e);
	echo_get(f, 0, 0);
	close_events(&e);
}

TEST_F(plain, replaced_event_fds)
{
	struct fvu *f = &self->f;
	unsigned int fds, i;
	struct events e, old;

	open_events(f, &e, 0, 0);
	fds = umtt_fds(&self->slave);
	for (i = 0; i < 50; i++) {
		old = e;
		e.kick = eventfd(0, 0);
		e.call = eventfd(0, 0);
		set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e.kick);
		set_fd(f, VHOST_USER_SET_VRING_CALL, 0, e.call);
		check(fvu_get(f, VHOST_USER_GET_FEATURES));
		echo_put(f, 0, i % 31, 0);
		kick(&old);
		if (i < 2)
			stays_away(f, 0);
		kick(&e);
		called(&e);
		echo_get(f, 0, i % 31);
		close_events(&old);
	}
	umtt_has_fds(&self->slave, fds);
	close_events(&e);
}

TEST_F(plain, no_interrupt_wanted)
{
	struct fvu *f = &self->f;
	struct events e;

	open_events(f, &e, 0, 0);
	f->ring[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	echo_put(f, 0, 0, 0);
	kick(&e);
	comes_back(f, 0, 0);
	not_called(&e);
	close_events(&e);
}

TEST_F(plain, stopped_ring)
{
	struct vhost_user_vring_state st = { 0, 0 };
	struct fvu *f = &self->f;
	struct events e;

	open_events(f, &e, 0, 0);
	echo_put(f, 0, 0, 0);
	kick(&e);
	called(&e);
	echo_get(f, 0, 0);
	fvu_send(f, VHOST_USER_GET_VRING_BASE, 0, &st, sizeof(st), NULL, 0);
	fvu_reply(f, VHOST_USER_GET_VRING_BASE, &st, sizeof(st));
	check_eq(1, st.num);
	echo_put(f, 0, 1, 0);
	kick(&e);
	stays_away(f, 0);
	/* Stopped, it has lost both fds; with others it goes on. */
	set_fd(f, VHOST_USER_SET_VRING_CALL, 0, e.call);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, e.kick);
	called(&e);
	echo_get(f, 0, 1);
	close_events(&e);
}

/* Where a file is no event fd the slave must not spin, and may refuse. */
TEST_F(plain, what_is_no_event_fd)
{
	struct fvu *f = &self->f;
	struct umtt *u = &self->slave;
	int fd[] = { open("/dev/null", O_RDWR), open("/dev/zero", O_RDWR),
		     open("/", O_RDONLY), memfd_create("file", 0) };
	unsigned int i, fds;
	u64 v = 0, cpu;
	int p[2];

	fvu_open(f, "a");
	fds = umtt_fds(u);
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		fvu_send(f, VHOST_USER_SET_VRING_KICK, VHOST_USER_NEED_REPLY,
			 &v, sizeof(v), &fd[i], 1);
		fvu_acked(f, VHOST_USER_SET_VRING_KICK, 1);
		umtt_says(u, "the file descriptor is not one for events");
		close(fd[i]);
	}
	umtt_has_fds(u, fds);
	/* One whose other end is closed is readable for ever. */
	check(pipe(p) == 0);
	set_fd(f, VHOST_USER_SET_VRING_KICK, 0, p[0]);
	close(p[1]);
	close(p[0]);
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
	cpu = umtt_cpu_ms(u);
	sleep_ms(2 * QUIET_MS);
	if (umtt_cpu_ms(u) - cpu > QUIET_MS / 2)
		fail("the slave spins on a closed pipe");
}

/* Two at once, and none where one is announced. */
TEST_F(plain, number_of_event_fds)
{
	struct fvu *f = &self->f;
	struct umtt *u = &self->slave;
	u64 v = 0, no = VHOST_USER_VRING_NOFD_MASK;
	int fd[2] = { eventfd(0, 0), eventfd(0, 0) };
	u32 req;

	fvu_open(f, "a");
	for (req = VHOST_USER_SET_VRING_KICK; req <= VHOST_USER_SET_VRING_ERR;
	     req++) {
		fvu_send(f, req, VHOST_USER_NEED_REPLY, &v, 8, fd, 2);
		fvu_acked(f, req, 1);
		umtt_says(u, "refused SET_VRING_");
		fvu_send(f, req, VHOST_USER_NEED_REPLY, &v, 8, NULL, 0);
		fvu_acked(f, req, 1);
		umtt_says(u, "refused SET_VRING_");
		fvu_send(f, req, VHOST_USER_NEED_REPLY, &no, 8, fd, 1);
		fvu_acked(f, req, 1);
		umtt_says(u, "refused SET_VRING_");
	}
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
