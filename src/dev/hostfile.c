// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Files of the host for devices: I/O for which simulated time stands still. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/bug.h"
#include "binding.h"

/*
 * DOC: Theory of operation
 *
 * From the begin of an operation to its done() there is a hold (see
 * tt_hold()), so the loop goes on, and time does not. Files with an operation
 * under way are in a list of the bus; one that has completed stays there until
 * all before it have. So devices hear of completions in the order in which they
 * asked, whatever the order in which the host has worked.
 *
 * Guest memory is never given to the kernel. When a queue or the memory table
 * is taken away while an operation is under way, the device forgets its
 * request, and the operation ends in the file's buffer, which nobody looks at
 * then. A file that is closed meanwhile is freed when the kernel has let go of
 * it. The price is a copy, of at most DEV_FILE_BUF at a time.
 */

enum file_op { FILE_READ, FILE_WRITE, FILE_ZERO, FILE_SYNC };

/**
 * struct dev_file - an open file
 * @busy: in the list of its bus, from begin to done()
 * @ended: the host has done it, with @err
 * @closed: free it when @op comes back
 * @kind, @off, @left: what is under way: @left bytes from @off on are missing
 * @filled: bytes of @buf that are done
 * @zeros: of FILE_ZERO: it is written, from @buf
 */
struct dev_file {
	struct dev_bus *bus;
	int fd;
	u64 size;
	u8 *buf;
	void (*done)(void *owner, int err);
	void *owner;
	bool busy, ended, closed;
	int err;
	TAILQ_ENTRY(dev_file) entry;

	struct op op;
	struct ring *ring;
	enum file_op kind;
	u64 off, left;
	size_t filled;
	bool zeros;
};

/* Operations */

static void zero_step(struct dev_file *f)
{
	if (f->zeros)
		ring_pwrite(f->ring, &f->op, f->fd, f->buf,
			    (size_t)min_u64(f->left, DEV_FILE_BUF), f->off);
	else
		ring_fallocate(f->ring, &f->op, f->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       f->off, f->left);
}

static void step(struct dev_file *f)
{
	switch (f->kind) {
	case FILE_READ:
		ring_pread(f->ring, &f->op, f->fd, f->buf + f->filled,
			   (size_t)f->left, f->off);
		break;
	case FILE_WRITE:
		ring_pwrite(f->ring, &f->op, f->fd, f->buf + f->filled,
			    (size_t)f->left, f->off);
		break;
	case FILE_ZERO:
		zero_step(f);
		break;
	case FILE_SYNC:
		ring_fdatasync(f->ring, &f->op, f->fd);
		break;
	}
}

/* Tell of all that have ended and have nobody before them. */
static void report(struct dev_bus *b)
{
	struct dev_file *f;

	while ((f = TAILQ_FIRST(&b->files)) && f->ended) {
		TAILQ_REMOVE(&b->files, f, entry);
		f->busy = false;
		f->done(f->owner, f->err);
		tt_put(b->tt);
	}
}

static void end(struct dev_file *f, int err)
{
	f->ended = true;
	f->err = err;
	report(f->bus);
}

static void free_file(struct dev_file *f)
{
	close(f->fd);
	free(f->buf);
	free(f);
}

/* A file system without holes: write zeros instead. */
static bool write_zeros(struct dev_file *f, int res)
{
	if (f->kind != FILE_ZERO || f->zeros ||
	    (res != -EOPNOTSUPP && res != -ENODEV))
		return false;
	f->zeros = true;
	memset(f->buf, 0, DEV_FILE_BUF);
	return true;
}

static void op_done(struct op *op, int res)
{
	struct dev_file *f = container_of(op, struct dev_file, op);

	if (f->closed) {
		free_file(f);
		return;
	}
	if (res == -EINTR || write_zeros(f, res)) {
		step(f);
		return;
	}
	if (res < 0 || f->kind == FILE_SYNC ||
	    (f->kind == FILE_ZERO && !f->zeros)) {
		end(f, res < 0 ? res : 0);
		return;
	}
	/* Somebody has made it shorter. */
	if (!res) {
		end(f, -EIO);
		return;
	}
	f->off += (u64)res;
	f->left -= (u64)res;
	if (f->kind != FILE_ZERO)
		f->filled += (size_t)res;
	if (f->left)
		step(f);
	else
		end(f, 0);
}

static void begin(struct dev_file *f, enum file_op kind, u64 off, u64 len)
{
	BUG_ON(f->busy);
	BUG_ON((kind == FILE_READ || kind == FILE_WRITE) &&
	       (!len || len > DEV_FILE_BUF));
	f->busy = true;
	f->ended = f->zeros = false;
	f->kind = kind;
	f->off = off;
	f->left = len;
	f->filled = 0;
	TAILQ_INSERT_TAIL(&f->bus->files, f, entry);
	tt_hold(f->bus->tt);
	step(f);
}

void dev_file_read(struct dev_file *f, u64 off, size_t len)
{
	begin(f, FILE_READ, off, len);
}

void dev_file_write(struct dev_file *f, u64 off, size_t len)
{
	begin(f, FILE_WRITE, off, len);
}

void dev_file_zero(struct dev_file *f, u64 off, u64 len)
{
	begin(f, FILE_ZERO, off, len);
}

void dev_file_sync(struct dev_file *f)
{
	begin(f, FILE_SYNC, 0, 0);
}

/* Opening */

int host_lock(int fd, bool write)
{
	struct flock fl = {
		.l_type = write ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
	};

	return fcntl(fd, F_OFD_SETLK, &fl) < 0 ? -errno : 0;
}

/* NULL when @f can be used, else why not. */
static const char *look_at(struct dev_file *f, enum dev_file_mode mode)
{
	struct stat st;
	int err;

	if (fstat(f->fd, &st) < 0)
		return strerror(errno);
	if (S_ISREG(st.st_mode))
		f->size = (u64)st.st_size;
	else if (!S_ISBLK(st.st_mode))
		return "it is neither a regular file nor a block device";
	else if (ioctl(f->fd, BLKGETSIZE64, &f->size) < 0)
		return strerror(errno);
	err = host_lock(f->fd, mode == DEV_FILE_WRITE);
	if (err == -EAGAIN || err == -EACCES)
		return mode == DEV_FILE_WRITE ?
		       "another device or program uses it" :
		       "another device or program writes to it";
	/* A file system without locks does not keep it from being used. */
	return NULL;
}

char *host_path(const struct dev_bus *b, const char *path)
{
	char *full;

	if (*path == '/' || !b->cfg.dir)
		return strdup(path);
	return asprintf(&full, "%s/%s", b->cfg.dir, path) < 0 ? NULL : full;
}

FILE *dev_fopen(struct dev *d, const char *path, const char *mode)
{
	char *full = host_path(dev_bus(d), path);
	FILE *f = full ? fopen(full, mode) : NULL;

	free(full);
	return f;
}

int host_open(struct dev_bus *b, const char *path, int flags)
{
	char *full = host_path(b, path);
	int fd;

	if (!full)
		return -ENOMEM;
	/* A fifo would make open() wait; afterwards it must not say EAGAIN. */
	fd = open(full, flags | O_NONBLOCK | O_CLOEXEC, 0666);
	if (fd < 0)
		fd = -errno;
	else
		(void)fcntl(fd, F_SETFL, flags & O_APPEND);
	free(full);
	return fd;
}

int dev_file_open(struct dev *d, const char *path, enum dev_file_mode mode,
		  void (*done)(void *owner, int err), void *owner,
		  struct dev_file **out)
{
	struct dev_file *f = calloc(1, sizeof(*f));
	const char *why;

	if (!f)
		return -ENOMEM;
	f->bus = dev_bus(d);
	f->ring = f->bus->cfg.ring;
	f->op.done = op_done;
	f->done = done;
	f->owner = owner;
	f->fd = host_open(f->bus, path,
			  mode == DEV_FILE_WRITE ? O_RDWR : O_RDONLY);
	why = f->fd < 0 ? strerror(-f->fd) : look_at(f, mode);
	if (!why) {
		f->buf = malloc(DEV_FILE_BUF);
		why = f->buf ? NULL : strerror(ENOMEM);
	}
	if (why) {
		log_err(dev_name(d), "cannot use %s: %s", path, why);
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

void dev_file_close(struct dev_file *f)
{
	struct dev_bus *b;

	if (!f)
		return;
	b = f->bus;
	if (f->busy) {
		TAILQ_REMOVE(&b->files, f, entry);
		tt_put(b->tt);
		/* It may have been the one that others were waiting for. */
		report(b);
	}
	f->closed = true;
	if (!f->op.busy)
		free_file(f);
}

u64 dev_file_size(const struct dev_file *f)
{
	return f->size;
}

void *dev_file_buf(const struct dev_file *f)
{
	return f->buf;
}
