// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Files of the host that devices read as a whole, or append to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"

/*
 * DOC: Why these wait for the host
 *
 * What a guest reports must be there when the run has ended, and a run may end
 * at any moment. So a write is a system call, made within the callback, to a
 * regular file: that copies to the host's cache, and nobody's slowness but the
 * host's own is in it. Pipes and terminals are refused for that reason.
 */

/**
 * struct dev_out - a file that grows
 * @lost: bytes that could not be written
 */
struct dev_out {
	struct dev *d;
	int fd;
	char *path;
	u64 lost;
};

/* NULL, or why @fd is of no use. */
static const char *not_regular(int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return strerror(errno);
	return S_ISREG(st->st_mode) ? NULL : "it is not a regular file";
}

static int complain(struct dev *d, const char *path, const char *why)
{
	log_err(dev_name(d), "cannot use %s: %s", path, why);
	return -EINVAL;
}

static const char *read_all(int fd, u8 *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? strerror(errno) : "it has become shorter";
		done += (size_t)n;
	}
	return NULL;
}

static const char *load(int fd, u8 **buf, size_t *len)
{
	const char *why;
	struct stat st;

	why = not_regular(fd, &st);
	if (why)
		return why;
	if ((u64)st.st_size > DEV_LOAD_MAX)
		return "it is larger than 64 MiB";
	*len = (size_t)st.st_size;
	if (!*len)
		return NULL;
	*buf = malloc(*len);
	if (!*buf)
		return strerror(ENOMEM);
	why = read_all(fd, *buf, *len);
	if (why) {
		free(*buf);
		*buf = NULL;
	}
	return why;
}

int dev_load(struct dev *d, const char *path, u8 **buf, size_t *len)
{
	int fd = host_open(dev_bus(d), path, O_RDONLY);
	const char *why;

	*buf = NULL;
	*len = 0;
	if (fd < 0)
		return complain(d, path, strerror(-fd));
	why = load(fd, buf, len);
	close(fd);
	return why ? complain(d, path, why) : 0;
}

/* It is emptied only when nobody else has it. */
static const char *take(int fd)
{
	const char *why;
	struct stat st;
	int err;

	why = not_regular(fd, &st);
	if (why)
		return why;
	err = host_lock(fd, true);
	if (err == -EAGAIN || err == -EACCES)
		return "another device or program uses it";
	return ftruncate(fd, 0) < 0 ? strerror(errno) : NULL;
}

int dev_out_open(struct dev *d, const char *path, struct dev_out **out)
{
	struct dev_out *o = calloc(1, sizeof(*o));
	const char *why;

	if (!o)
		return -ENOMEM;
	o->d = d;
	o->path = strdup(path);
	o->fd = host_open(dev_bus(d), path, O_WRONLY | O_CREAT | O_APPEND);
	if (o->fd < 0)
		why = strerror(-o->fd);
	else
		why = o->path ? take(o->fd) : strerror(ENOMEM);
	if (why) {
		complain(d, path, why);
		dev_out_close(o);
		return -EINVAL;
	}
	*out = o;
	return 0;
}

void dev_out_write(struct dev_out *o, const void *buf, size_t len)
{
	const u8 *p = buf;
	ssize_t n;

	while (len) {
		n = write(o->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		len -= (size_t)n;
	}
	if (len && !o->lost)
		log_err(dev_name(o->d), "%s: what the guest has written is lost: %s",
			o->path, strerror(errno));
	o->lost += len;
}

void dev_out_close(struct dev_out *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	free(o->path);
	free(o);
}
