// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Files of devices: with a host that does things in the order a test wants. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/dev/binding.h"
#include "kselftest_harness.h"
#include "leaks.h"

/* The host: what it has been asked for and has not done */

enum what { PREAD, PWRITE, FDATASYNC, FALLOCATE };

struct asked {
	enum what what;
	struct op *op;
	int fd;
	u8 *buf;
	size_t len;
	u64 off;
};

static struct asked asked[8];
static unsigned int nr_asked, holds;

static void ask(enum what what, struct op *op, int fd, const void *buf,
		size_t len, u64 off)
{
	if (op->busy || nr_asked == ARRAY_SIZE(asked) || !holds)
		abort();
	op->busy = true;
	asked[nr_asked++] = (struct asked){
		what, op, fd, (u8 *)(uintptr_t)buf, len, off
	};
}

void ring_pread(struct ring *r, struct op *op, int fd, void *buf, size_t len,
		u64 off)
{
	(void)r;
	ask(PREAD, op, fd, buf, len, off);
}

void ring_pwrite(struct ring *r, struct op *op, int fd, const void *buf,
		 size_t len, u64 off)
{
	(void)r;
	ask(PWRITE, op, fd, buf, len, off);
}

void ring_fdatasync(struct ring *r, struct op *op, int fd)
{
	(void)r;
	ask(FDATASYNC, op, fd, NULL, 0, 0);
}

void ring_fallocate(struct ring *r, struct op *op, int fd, int flags, u64 off,
		    u64 len)
{
	(void)r;
	(void)flags;
	ask(FALLOCATE, op, fd, NULL, len, off);
}

/* The host is done with the @i-th, with this result. */
static void complete(unsigned int i, int res)
{
	struct op *op = asked[i].op;

	if (i >= nr_asked)
		abort();
	nr_asked--;
	memmove(&asked[i], &asked[i + 1], (nr_asked - i) * sizeof(asked[0]));
	op->busy = false;
	op->done(op, res);
}

/* The @i-th is done by the host, but not more than @most bytes of it. */
static void work(unsigned int i, size_t most)
{
	struct asked *a = &asked[i];
	size_t len = min_size(a->len, most);
	ssize_t n = 0;

	if (a->what == PREAD)
		n = pread(a->fd, a->buf, len, (off_t)a->off);
	else if (a->what == PWRITE)
		n = pwrite(a->fd, a->buf, len, (off_t)a->off);
	complete(i, n < 0 ? -errno : (int)n);
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

struct dev_bus *dev_bus(const struct dev *d)
{
	return d->bus;
}

const char *dev_name(const struct dev *d)
{
	return d->name;
}

/* A device with files in a directory of its own */

FIXTURE(file) {
	struct dev_bus bus;
	struct dev dev;
	char dir[32];
	struct dev_file *a, *b;
};

/* What files have said: letters, and the last error */
static char said[16];
static int last_err;

static void done(void *owner, int err)
{
	strcat(said, owner);
	last_err = err;
}

static void make(const char *dir, const char *name, size_t len)
{
	char path[64], *data = malloc(len);
	int fd;

	memset(data, name[0], len);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
	free(data);
}

FIXTURE_SETUP(file)
{
	memset(&self->bus, 0, sizeof(self->bus));
	memset(&self->dev, 0, sizeof(self->dev));
	nr_asked = holds = 0;
	said[0] = '\0';
	strcpy(self->dir, "/tmp/umtt-file.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	make(self->dir, "a", 3000);
	make(self->dir, "b", 5000);
	TAILQ_INIT(&self->bus.files);
	self->bus.cfg.dir = self->dir;
	self->dev.bus = &self->bus;
	self->dev.name = (char *)(uintptr_t)"d";
	ASSERT_EQ(0, dev_file_open(&self->dev, "a", DEV_FILE_WRITE, done,
				   (void *)(uintptr_t)"a", &self->a));
	ASSERT_EQ(0, dev_file_open(&self->dev, "b", DEV_FILE_WRITE, done,
				   (void *)(uintptr_t)"b", &self->b));
}

FIXTURE_TEARDOWN(file)
{
	char cmd[64];

	dev_file_close(self->a);
	dev_file_close(self->b);
	snprintf(cmd, sizeof(cmd), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(cmd));
	EXPECT_EQ(0, holds);
	EXPECT_EQ(0, nr_asked);
	EXPECT_EQ(0, leaks());
}

TEST_F(file, reads_and_writes_at_an_offset)
{
	EXPECT_EQ(3000, dev_file_size(self->a));
	dev_file_read(self->a, 1000, 100);
	EXPECT_EQ(1, holds);
	EXPECT_STREQ("", said);
	work(0, 4096);
	EXPECT_STREQ("a", said);
	EXPECT_EQ(0, last_err);
	EXPECT_EQ('a', ((char *)dev_file_buf(self->a))[99]);
	EXPECT_EQ(0, holds);
	memset(dev_file_buf(self->a), 'x', 100);
	dev_file_write(self->a, 1001, 100);
	work(0, 4096);
	dev_file_read(self->a, 1000, 102);
	work(0, 4096);
	EXPECT_EQ('a', ((char *)dev_file_buf(self->a))[0]);
	EXPECT_EQ('x', ((char *)dev_file_buf(self->a))[1]);
	EXPECT_EQ('x', ((char *)dev_file_buf(self->a))[100]);
	EXPECT_EQ('a', ((char *)dev_file_buf(self->a))[101]);
}

TEST_F(file, reported_in_the_order_of_begin)
{
	dev_file_read(self->a, 0, 100);
	dev_file_read(self->b, 0, 100);
	work(1, 4096);
	EXPECT_STREQ("", said);
	EXPECT_EQ(2, holds);
	work(0, 4096);
	EXPECT_STREQ("ab", said);
	EXPECT_EQ(0, holds);
}

TEST_F(file, the_rest_of_what_was_done_in_part)
{
	dev_file_read(self->b, 10, 1000);
	work(0, 300);
	work(0, 300);
	EXPECT_STREQ("", said);
	EXPECT_EQ(610, asked[0].off);
	EXPECT_EQ(400, asked[0].len);
	complete(0, -EINTR);
	work(0, 4096);
	EXPECT_STREQ("b", said);
	EXPECT_EQ(0, last_err);
	EXPECT_EQ('b', ((char *)dev_file_buf(self->b))[999]);
}

TEST_F(file, one_that_has_become_shorter)
{
	dev_file_read(self->b, 4900, 200);
	work(0, 4096);
	EXPECT_EQ(100, asked[0].len);
	work(0, 4096);
	EXPECT_STREQ("b", said);
	EXPECT_EQ(-EIO, last_err);
}

TEST_F(file, errors_are_told)
{
	dev_file_write(self->a, 0, 100);
	complete(0, -ENOSPC);
	EXPECT_EQ(-ENOSPC, last_err);
	dev_file_sync(self->a);
	EXPECT_EQ(FDATASYNC, asked[0].what);
	complete(0, -EIO);
	EXPECT_EQ(-EIO, last_err);
	dev_file_sync(self->a);
	complete(0, 0);
	EXPECT_EQ(0, last_err);
	dev_file_zero(self->a, 0, 100);
	complete(0, -EFBIG);
	EXPECT_EQ(-EFBIG, last_err);
	EXPECT_STREQ("aaaa", said);
}

TEST_F(file, zeros_are_holes)
{
	dev_file_zero(self->a, 100, (u64)1 << 40);
	EXPECT_EQ(FALLOCATE, asked[0].what);
	EXPECT_EQ((u64)1 << 40, asked[0].len);
	complete(0, 0);
	EXPECT_EQ(0, last_err);
	EXPECT_STREQ("a", said);
}

TEST_F(file, or_are_written)
{
	u64 len = 2 * DEV_FILE_BUF + 5;

	memset(dev_file_buf(self->a), 1, DEV_FILE_BUF);
	dev_file_zero(self->a, 100, len);
	complete(0, -EOPNOTSUPP);
	EXPECT_EQ(PWRITE, asked[0].what);
	EXPECT_EQ(DEV_FILE_BUF, asked[0].len);
	EXPECT_EQ(0, asked[0].buf[0]);
	work(0, 10);
	EXPECT_EQ(110, asked[0].off);
	work(0, DEV_FILE_BUF);
	work(0, DEV_FILE_BUF);
	EXPECT_STREQ("a", said);
	EXPECT_EQ(0, last_err);
	/* Next time holes are tried again. */
	dev_file_zero(self->a, 0, 1);
	EXPECT_EQ(FALLOCATE, asked[0].what);
	complete(0, 0);
}

TEST_F(file, closed_while_the_host_works)
{
	dev_file_read(self->a, 0, 100);
	dev_file_read(self->b, 0, 100);
	work(1, 4096);
	dev_file_close(self->a);
	/* Who has waited for it does so no longer, and it is told nothing. */
	EXPECT_STREQ("b", said);
	EXPECT_EQ(0, holds);
	self->a = NULL;
	work(0, 4096);
	EXPECT_STREQ("b", said);
}

TEST_F(file, two_writers_are_refused_two_readers_are_not)
{
	struct dev_file *r, *s;

	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, "a", DEV_FILE_WRITE, done,
					 NULL, &r));
	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, "a", DEV_FILE_READ, done,
					 NULL, &r));
	dev_file_close(self->a);
	self->a = NULL;
	ASSERT_EQ(0, dev_file_open(&self->dev, "a", DEV_FILE_READ, done, NULL,
				   &r));
	ASSERT_EQ(0, dev_file_open(&self->dev, "a", DEV_FILE_READ, done, NULL,
				   &s));
	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, "a", DEV_FILE_WRITE, done,
					 NULL, &self->a));
	dev_file_close(r);
	dev_file_close(s);
}

TEST_F(file, what_is_not_a_file)
{
	struct dev_file *f;
	char path[64];

	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, "c", DEV_FILE_READ, done,
					 NULL, &f));
	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, ".", DEV_FILE_READ, done,
					 NULL, &f));
	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, "/dev/null",
					 DEV_FILE_WRITE, done, NULL, &f));
	snprintf(path, sizeof(path), "%s/fifo", self->dir);
	ASSERT_EQ(0, mkfifo(path, 0600));
	EXPECT_EQ(-EINVAL, dev_file_open(&self->dev, path, DEV_FILE_READ, done,
					 NULL, &f));
}

TEST_HARNESS_MAIN
