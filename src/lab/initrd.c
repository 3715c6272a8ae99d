// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The first file system of a node: a cpio archive in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "initrd.h"
#include "strvec.h"

#define HEADER_LEN	110	/* "070701" and 13 numbers of 8 hex digits */

static void append(struct initrd *rd, const void *data, size_t len)
{
	rd->data = xrealloc(rd->data, rd->len + len);
	memcpy(rd->data + rd->len, data, len);
	rd->len += len;
}

/* Headers and contents begin at multiples of 4. */
static void align(struct initrd *rd)
{
	static const u8 zeroes[4];

	append(rd, zeroes, -rd->len & 3);
}

/* Times and owners are zero: an archive depends on what is in it alone. */
static void add(struct initrd *rd, const char *path, u32 mode, const void *data,
		size_t len, unsigned int major, unsigned int minor)
{
	char header[HEADER_LEN + 1];
	size_t name_len = strlen(path) + 1;

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 rd->inode++, mode, 0u, 0u, 1u, 0u, (u32)len, 0u, 0u,
		 major, minor, (u32)name_len, 0u);
	append(rd, header, HEADER_LEN);
	append(rd, path, name_len);
	align(rd);
	append(rd, data, len);
	align(rd);
}

void initrd_dir(struct initrd *rd, const char *path)
{
	add(rd, path, S_IFDIR | 0755, "", 0, 0, 0);
}

void initrd_chardev(struct initrd *rd, const char *path, unsigned int major,
		    unsigned int minor)
{
	add(rd, path, S_IFCHR | 0600, "", 0, major, minor);
}

void initrd_data(struct initrd *rd, const char *path, const void *data,
		 size_t len)
{
	add(rd, path, S_IFREG | 0644, data, len, 0, 0);
}

static int read_all(int fd, u8 *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = read(fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

int initrd_copy(struct initrd *rd, const char *path, const char *from)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC), ret = -errno;
	struct stat st;
	u8 *buf = NULL;

	if (fd >= 0)
		ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0 && !S_ISREG(st.st_mode))
		ret = -EISDIR;
	if (ret == 0) {
		buf = xcalloc(1, (size_t)st.st_size);
		ret = read_all(fd, buf, (size_t)st.st_size);
	}
	if (ret == 0)
		add(rd, path, S_IFREG | 0755, buf, (size_t)st.st_size, 0, 0);
	else
		log_err(from, "%s", strerror(-ret));
	free(buf);
	if (fd >= 0)
		close(fd);
	return ret;
}

int initrd_write(struct initrd *rd, const char *file)
{
	int fd, ret = 0;
	size_t done = 0;
	ssize_t n;

	add(rd, "TRAILER!!!", 0, "", 0, 0, 0);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		ret = -errno;
	while (!ret && done < rd->len) {
		n = write(fd, rd->data + done, rd->len - done);
		if (n < 0 && errno != EINTR)
			ret = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (ret)
		log_err(file, "%s", strerror(-ret));
	return ret;
}

void initrd_free(struct initrd *rd)
{
	free(rd->data);
	memset(rd, 0, sizeof(*rd));
}
