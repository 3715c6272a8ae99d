// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The record of buffers in flight: a slave dies, and the next one goes on. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define INFLIGHT BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)
#define MS	NSEC_PER_MSEC
#define QEMU	24u	/* bytes of the payload; the specification's are 20 */

FIXTURE(inflight) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(inflight)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	fvu_connect(&self->f, path("a"));
	self->f.protocol |= INFLIGHT;
	fvu_negotiate(&self->f);
}

FIXTURE_TEARDOWN(inflight)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

/* The answer, and the file that comes with it. */
static int take_area(struct fvu *f, struct vhost_user_inflight *a, size_t len)
{
	struct vhost_user_hdr h;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c;
	struct iovec iov[2] = { { &h, sizeof(h) }, { a, len } };
	struct msghdr mh = {
		.msg_iov = iov, .msg_iovlen = 2,
		.msg_control = c.buf, .msg_controllen = sizeof(c.buf),
	};
	int fd;

	check_eq(sizeof(h) + len, recvmsg(f->fd, &mh, MSG_WAITALL));
	check_eq(VHOST_USER_GET_INFLIGHT_FD, h.request);
	check_eq(VHOST_USER_VERSION | VHOST_USER_REPLY, h.flags);
	check_eq(len, h.size);
	check(CMSG_FIRSTHDR(&mh));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
	return fd;
}

static int get_area(struct fvu *f, struct vhost_user_inflight *a, size_t len)
{
	int fd;

	fvu_send(f, VHOST_USER_GET_INFLIGHT_FD, 0, a, len, NULL, 0);
	fd = take_area(f, a, len);
	/* What has been sent is closed when there is something to do again. */
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
	return fd;
}

static int usual_area(struct fvu *f, struct vhost_user_inflight *a)
{
	*a = (struct vhost_user_inflight){ .num_queues = 2,
					   .queue_size = FVU_NUM };
	return get_area(f, a, QEMU);
}

static void set_area(struct fvu *f, struct vhost_user_inflight a, int fd,
		     u64 status)
{
	fvu_send(f, VHOST_USER_SET_INFLIGHT_FD, VHOST_USER_NEED_REPLY, &a, QEMU,
		 &fd, 1);
	fvu_acked(f, VHOST_USER_SET_INFLIGHT_FD, status);
}

TEST_F(inflight, memory_that_is_given)
{
	struct vhost_user_inflight a = { .num_queues = 2, .queue_size = 64 };
	struct fvu *f = &self->f;
	unsigned int fds = umtt_fds(&self->slave), i;
	struct stat sb;
	int fd;

	for (i = 0; i < 100; i++) {
		fd = get_area(f, &a, i % 2 ? QEMU : VHOST_USER_INFLIGHT_MIN);
		check_eq(0, a.mmap_offset);
		check_eq(2, a.num_queues);
		check_eq(64, a.queue_size);
		check(fstat(fd, &sb) == 0);
		check(a.mmap_size >= 2 * 64 * 16);
		check_eq(a.mmap_size, sb.st_size);
		/* Nobody can take it away from those who have it mapped. */
		check(ftruncate(fd, 0) < 0);
		check(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK);
		close(fd);
	}
	umtt_has_fds(&self->slave, fds);
}

TEST_F(inflight, set_many_times)
{
	struct vhost_user_inflight a;
	struct fvu *f = &self->f;
	unsigned int fds, i;
	int fd = usual_area(f, &a);

	fds = umtt_fds(&self->slave);
	for (i = 0; i < 200; i++)
		set_area(f, a, fd, 0);
	umtt_has_fds(&self->slave, fds);
	close(fd);
}

TEST_F(inflight, that_cannot_be)
{
	struct fvu *f = &self->f;
	struct vhost_user_inflight a, bad[10];
	int fd = usual_area(f, &a), mine, p[2];
	unsigned int i, fds = umtt_fds(&self->slave);

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = a;
	bad[0].num_queues = 0;
	bad[1].num_queues = 3;
	bad[2].num_queues = 65535;
	bad[3].queue_size = 0;
	bad[4].queue_size = 32769;
	bad[5].queue_size = 2 * FVU_NUM;
	bad[6].mmap_size--;
	bad[7].mmap_size = U64_MAX;
	bad[8].mmap_offset = 64;
	bad[9].mmap_offset = U64_MAX - 4095;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set_area(f, bad[i], fd, 1);
		umtt_says(&self->slave, "refused SET_INFLIGHT_FD");
	}
	/* It would fit, but does not begin with a page. */
	mine = memfd_create("mine", MFD_CLOEXEC);
	check(ftruncate(mine, (off_t)a.mmap_size + 4096) == 0);
	set_area(f, bad[8], mine, 1);
	umtt_says(&self->slave, "a record that does not begin with a page");
	close(mine);
	check(pipe(p) == 0);
	set_area(f, a, p[0], 1);
	umtt_says(&self->slave, "refused SET_INFLIGHT_FD");
	umtt_has_fds(&self->slave, fds);
	close(p[0]);
	close(p[1]);
	/* There is no way to say no to this one. */
	fvu_send(f, VHOST_USER_GET_INFLIGHT_FD, 0, &bad[2], QEMU, NULL, 0);
	comes_to_an_end(f->fd, "the slave");
	umtt_says(&self->slave, "a record for 65535 queues, of which there are 2");
	close(fd);
}

TEST_F(inflight, not_negotiated)
{
	struct vhost_user_inflight a = { .num_queues = 1, .queue_size = 64 };

	fvu_close(&self->f);
	fvu_open(&self->f, "a");
	set_area(&self->f, a, self->f.memfd, 1);
	umtt_says(&self->slave, "SET_INFLIGHT_FD without protocol feature INFLIGHT_SHMFD");
}

static void works(struct fvu *f, unsigned int slot)
{
	echo_put(f, 0, slot, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

/* The record's size is that of its queues, whatever is said later. */
static void enable(struct fvu *f, u32 on)
{
	struct vhost_user_vring_state st = { 0, on };

	fvu_send(f, VHOST_USER_SET_VRING_ENABLE, VHOST_USER_NEED_REPLY, &st,
		 sizeof(st), NULL, 0);
	fvu_acked(f, VHOST_USER_SET_VRING_ENABLE, 0);
}

TEST_F(inflight, larger_queue_afterwards)
{
	struct vhost_user_vring_state st = { 0, 2 * FVU_NUM };
	struct vhost_user_inflight a;
	struct fvu *f = &self->f;
	int fd = usual_area(f, &a);

	set_area(f, a, fd, 0);
	fvu_send(f, VHOST_USER_SET_VRING_NUM, VHOST_USER_NEED_REPLY, &st,
		 sizeof(st), NULL, 0);
	fvu_acked(f, VHOST_USER_SET_VRING_NUM, 1);
	umtt_says(&self->slave, "the record of buffers in flight is for queues of 64");
	fvu_queue(f, 0);
	works(f, 0);
	/* A record that is too small for it leaves the old one where it is. */
	a.queue_size = FVU_NUM / 2;
	enable(f, 0);
	set_area(f, a, fd, 1);
	umtt_says(&self->slave, "refused SET_INFLIGHT_FD");
	fvu_send(f, VHOST_USER_SET_VRING_NUM, VHOST_USER_NEED_REPLY, &st,
		 sizeof(st), NULL, 0);
	fvu_acked(f, VHOST_USER_SET_VRING_NUM, 1);
	umtt_says(&self->slave, "the record of buffers in flight is for queues of 64");
	enable(f, 1);
	/* Nor is it replaced under a queue that works. */
	set_area(f, a, fd, 1);
	umtt_says(&self->slave, "queue 0 is in use");
	works(f, 1);
	close(fd);
}

/* Like one that has noticed that its back-end is gone: all that it had stays. */
static void connect_again(FIXTURE_DATA(inflight) *self)
{
	struct fvu *f = &self->f;

	umtt_killed(&self->slave);
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	close(f->fd);
	close(f->slave);
	f->slave = -1;
	f->fd = connect_to(path("a"));
	fvu_negotiate(f);
}

TEST_F(inflight, slave_that_is_killed)
{
	struct vhost_user_inflight a;
	struct fvu *f = &self->f;
	int fd = usual_area(f, &a);

	set_area(f, a, fd, 0);
	fvu_queue(f, 0);
	echo_put(f, 0, 0, 3600 * NSEC_PER_SEC);
	echo_put(f, 0, 1, 0);
	echo_put(f, 0, 2, 3600 * NSEC_PER_SEC);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 1);
	/* Those that it had are soon ready, this time. */
	*(u64 *)fvu_host(f, FVU_DATA) = 0;
	*(u64 *)fvu_host(f, FVU_DATA + 2 * FVU_SLOT) = 50 * MS;
	connect_again(self);
	set_area(f, a, fd, 0);
	fvu_state(f, VHOST_USER_SET_VRING_NUM, 0, FVU_NUM, true);
	fvu_state(f, VHOST_USER_SET_VRING_BASE, 0, 1, true);
	fvu_addr(f, 0, true);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 0);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 2);
	check_eq(-1, fvu_used(f, 0, NULL));
	works(f, 3);
	close(fd);
}

TEST_F(inflight, taken_away)
{
	struct vhost_user_inflight a;
	struct fvu *f = &self->f;
	int fd = usual_area(f, &a), mine = memfd_create("mine", MFD_CLOEXEC);

	check(ftruncate(mine, (off_t)a.mmap_size) == 0);
	set_area(f, a, mine, 0);
	fvu_queue(f, 0);
	works(f, 0);
	check(ftruncate(mine, 0) == 0);
	echo_put(f, 0, 1, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_send(f, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
	comes_to_an_end(f->fd, "the slave");
	umtt_says(&self->slave, "has taken away memory that it had shared");
	close(fd);
	close(mine);
}

TEST_HARNESS_MAIN
