// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The dirty log: begun and ended while requests are under way. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define LOG_SHMFD	BIT_ULL(VHOST_USER_PROTOCOL_F_LOG_SHMFD)
#define LOG_ALL		BIT_ULL(VHOST_USER_F_LOG_ALL)

/* A bit per page of 4 KiB, up to the end of memory. */
#define LOG_LEN		((FVU_GPA + FVU_MEM) / 4096 / 8)
/* Not at a page: it must be applied once, and once only. */
#define LOG_OFF		72u
#define USED_GPA	(FVU_GPA + 0x4000)

FIXTURE(log) {
	struct umtt slave;
	struct fvu f;
	int fd;
	u8 *file;
};

FIXTURE_SETUP(log)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	self->fd = memfd_create("log", MFD_CLOEXEC);
	check(ftruncate(self->fd, LOG_OFF + LOG_LEN) == 0);
	self->file = mmap(NULL, LOG_OFF + LOG_LEN, PROT_READ | PROT_WRITE,
			  MAP_SHARED, self->fd, 0);
	check(self->file != MAP_FAILED);
	fvu_connect(&self->f, path("a"));
	self->f.protocol |= LOG_SHMFD;
	fvu_negotiate(&self->f);
	fvu_queue(&self->f, 0);
}

FIXTURE_TEARDOWN(log)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
	munmap(self->file, LOG_OFF + LOG_LEN);
	close(self->fd);
}

static void log_base(struct fvu *f, int fd, u64 size, u64 off)
{
	struct vhost_user_log l = { size, off };

	fvu_send(f, VHOST_USER_SET_LOG_BASE, 0, &l, sizeof(l), &fd, 1);
}

static void begin(FIXTURE_DATA(log) *self)
{
	u64 v;

	log_base(&self->f, self->fd, LOG_LEN, LOG_OFF);
	fvu_reply(&self->f, VHOST_USER_SET_LOG_BASE, &v, sizeof(v));
	check_eq(0, v);
}

/* As QEMU does it: the same addresses, with another flag. */
static void log_used(struct fvu *f, u32 flags)
{
	struct vhost_user_vring_addr a = {
		.flags = flags, .desc = FVU_GPA, .avail = FVU_GPA + 0x2000,
		.used = USED_GPA, .log = USED_GPA,
	};

	fvu_send(f, VHOST_USER_SET_VRING_ADDR, VHOST_USER_NEED_REPLY, &a,
		 sizeof(a), NULL, 0);
	fvu_acked(f, VHOST_USER_SET_VRING_ADDR, 0);
}

static bool logged(FIXTURE_DATA(log) *self, u64 gpa)
{
	u64 page = gpa / 4096;

	return self->file[LOG_OFF + page / 8] & 1u << page % 8;
}

static unsigned int nr_logged(FIXTURE_DATA(log) *self)
{
	unsigned int i, n = 0;

	for (i = 0; i < LOG_OFF + LOG_LEN; i++)
		n += (unsigned int)__builtin_popcount(self->file[i]);
	return n;
}

static u64 page_of(unsigned int slot)
{
	return FVU_GPA + FVU_DATA + slot * FVU_SLOT;
}

static void put(struct fvu *f, unsigned int slot, u64 latency)
{
	echo_put(f, 0, slot, latency);
	fvu_kick(f, 0);
	fvu_kicked(f);
}

static void comes_back(struct fvu *f, unsigned int slot)
{
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

TEST_F(log, while_requests_are_under_way)
{
	struct fvu *f = &self->f;

	put(f, 0, 0);
	comes_back(f, 0);
	put(f, 2, 100 * NSEC_PER_MSEC);
	begin(self);
	check_eq(0, nr_logged(self));
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES | LOG_ALL, true);
	log_used(f, VHOST_USER_VRING_F_LOG);
	comes_back(f, 2);
	check(logged(self, page_of(2)));
	check(logged(self, USED_GPA));
	check_eq(2, nr_logged(self));
	/* And the end of it. */
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
	log_used(f, 0);
	put(f, 4, 0);
	comes_back(f, 4);
	check(!logged(self, page_of(4)));
	check_eq(2, nr_logged(self));
}

/* No flag, no used ring. */
TEST_F(log, buffers_alone)
{
	struct fvu *f = &self->f;

	begin(self);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES | LOG_ALL, true);
	put(f, 0, 0);
	comes_back(f, 0);
	check(logged(self, page_of(0)));
	check_eq(1, nr_logged(self));
}

/* Without the feature it is memory that happens to be shared. */
TEST_F(log, base_alone)
{
	struct fvu *f = &self->f;

	begin(self);
	log_used(f, VHOST_USER_VRING_F_LOG);
	put(f, 0, 0);
	comes_back(f, 0);
	check_eq(0, nr_logged(self));
}

TEST_F(log, replaced_many_times)
{
	unsigned int fds, i;

	begin(self);
	fds = umtt_fds(&self->slave);
	for (i = 0; i < 200; i++)
		begin(self);
	fvu_send(&self->f, VHOST_USER_SET_LOG_FD, VHOST_USER_NEED_REPLY, NULL,
		 0, &self->fd, 1);
	fvu_acked(&self->f, VHOST_USER_SET_LOG_FD, 0);
	umtt_has_fds(&self->slave, fds);
}

/* It has an answer of its own, so there is none to an error. */
static void no_log(struct umtt *u, int fd, u64 size, u64 off)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	f.protocol |= LOG_SHMFD;
	fvu_negotiate(&f);
	log_base(&f, fd, size, off);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(u, "SET_LOG_BASE");
	fvu_close(&f);
}

TEST_F(log, that_cannot_be)
{
	struct umtt *u = &self->slave;
	int p[2];

	check(pipe(p) == 0);
	fvu_close(&self->f);
	no_log(u, self->fd, 0, 0);
	no_log(u, self->fd, LOG_LEN + 1, LOG_OFF);
	no_log(u, self->fd, LOG_LEN, LOG_OFF + 1);
	no_log(u, self->fd, U64_MAX, LOG_OFF);
	no_log(u, self->fd, LOG_OFF + 1, U64_MAX - LOG_OFF);
	no_log(u, p[0], LOG_LEN, 0);
	close(p[0]);
	close(p[1]);
	fvu_open(&self->f, "a");
	log_base(&self->f, self->fd, LOG_LEN, 0);
	comes_to_an_end(self->f.fd, "the slave");
	umtt_says(u, "SET_LOG_BASE without protocol feature LOG_SHMFD");
}

/* A log that ends before the memory does: what is beyond is not logged. */
TEST_F(log, too_short)
{
	struct fvu *f = &self->f;
	u64 v;

	log_base(f, self->fd, FVU_GPA / 4096 / 8, 0);
	fvu_reply(f, VHOST_USER_SET_LOG_BASE, &v, sizeof(v));
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES | LOG_ALL, true);
	log_used(f, VHOST_USER_VRING_F_LOG);
	put(f, 0, 0);
	comes_back(f, 0);
	check_eq(0, nr_logged(self));
}

TEST_F(log, taken_away)
{
	struct fvu *f = &self->f;

	begin(self);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES | LOG_ALL, true);
	check(ftruncate(self->fd, 0) == 0);
	put(f, 0, 0);
	fvu_called(f, 0);
	fvu_send(f, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
	comes_to_an_end(f->fd, "the slave");
	umtt_says(&self->slave, "has taken away memory that it had shared");
	check(ftruncate(self->fd, LOG_OFF + LOG_LEN) == 0);
}

TEST_HARNESS_MAIN
