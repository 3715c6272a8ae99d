// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A calendar on a host that has run out of something. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/base/log.h"
#include "../../src/cal/server.h"
#include "../../src/ring/listen.h"
#include "kselftest_harness.h"
#include "leaks.h"

/* The call with this number fails, of all of those below; 0: none. */
static unsigned int fail_at, calls;

static bool fails(void)
{
	return fail_at && ++calls == fail_at;
}

/* The linker puts these in place of the others: --wrap. */

void *__real_calloc(size_t nr, size_t size);
void *__real_malloc(size_t size);
int __real_memfd_create(const char *name, unsigned int flags);
int __real_ftruncate(int fd, off_t len);
int __real_open(const char *path, int flags, ...);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);

void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : __real_calloc(nr, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	errno = EMFILE;
	return fails() ? -1 : __real_memfd_create(name, flags);
}

int __wrap_ftruncate(int fd, off_t len)
{
	errno = ENOSPC;
	return fails() ? -1 : __real_ftruncate(fd, len);
}

int __wrap_open(const char *path, int flags, ...)
{
	errno = EMFILE;
	return fails() ? -1 : __real_open(path, flags);
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off)
{
	errno = ENOMEM;
	return fails() ? MAP_FAILED :
			 __real_mmap(addr, len, prot, flags, fd, off);
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

FIXTURE(server) {
	struct ring r;
	struct op timer;
	struct cal_server *s;
	struct cal_server_cfg cfg;
	char path[64];
};

FIXTURE_SETUP(server)
{
	char why[256];

	ASSERT_EQ(0, ring_init(&self->r, why, sizeof(why)));
	snprintf(self->path, sizeof(self->path), "/tmp/umtt-unit-cal-%d",
		 (int)getpid());
	self->cfg = (struct cal_server_cfg){ .path = self->path, .clients = 1 };
	log_set_level(LOG_ERR);
	fail_at = calls = 0;
}

FIXTURE_TEARDOWN(server)
{
	fail_at = 0;
	ring_fini(&self->r);
}

static struct ring *stopped;

static void time_over(struct op *op, int res)
{
	ring_stop(stopped, 0);
}

/* The loop, for long enough. */
static void run(FIXTURE_DATA(server) *self)
{
	self->timer.done = time_over;
	stopped = &self->r;
	self->r.stop = false;
	ring_timeout(&self->r, &self->timer, ring_clock() + 50 * NSEC_PER_MSEC);
	ring_run(&self->r);
}

/* Whatever is missing: an error, nothing is left behind, no calendar. */
TEST_F(server, cannot_begin)
{
	unsigned int before = open_fds(), n;
	int ret = -1;

	for (n = 1; ret; n++) {
		ASSERT_LT(n, 100);
		fail_at = n;
		calls = 0;
		ret = cal_server_new(&self->s, &self->r, &self->cfg);
		if (ret) {
			ASSERT_LT(ret, 0);
			ASSERT_EQ(before, open_fds());
		}
	}
	EXPECT_LT(8, (int)n);
	fail_at = 0;
	cal_server_free(self->s);
	ring_drain(&self->r);
	EXPECT_EQ(before, open_fds());
	EXPECT_EQ(0, leaks());
}

/* Who cannot be served is turned away, and who comes next is served. */
TEST_F(server, no_memory_for_a_client)
{
	unsigned int n;
	char byte;
	int fd;

	ASSERT_EQ(0, cal_server_new(&self->s, &self->r, &self->cfg));
	for (n = 1; n <= 3; n++) {
		fd = connect_unix(self->path);
		ASSERT_LE(0, fd);
		fail_at = n;
		calls = 0;
		run(self);
		fail_at = 0;
		EXPECT_EQ(0, recv(fd, &byte, 1, MSG_DONTWAIT));
		close(fd);
	}
	fd = connect_unix(self->path);
	run(self);
	EXPECT_EQ(-1, recv(fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	cal_server_free(self->s);
	ring_drain(&self->r);
}

/* Of a process that is no client nothing is known. */
TEST_F(server, reach_of_a_stranger)
{
	ASSERT_EQ(0, cal_server_new(&self->s, &self->r, &self->cfg));
	EXPECT_EQ(U64_MAX, cal_server_reach(self->s, 1));
	cal_server_free(self->s);
	ring_drain(&self->r);
}

TEST_HARNESS_MAIN
