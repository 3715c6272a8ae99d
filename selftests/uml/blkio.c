// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Reads, writes or flushes a disk, past the page cache, and says how long each took. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static ssize_t one(int fd, char what, void *buf, size_t len)
{
	switch (what) {
	case 'r':
		return pread(fd, buf, len, 0);
	case 'w':
		return pwrite(fd, buf, len, 0);
	default:
		return fdatasync(fd);
	}
}

/* blkio DISK r|w|f COUNT BYTES: ns, one per line, after one that is not measured */
int main(int argc, char **argv)
{
	size_t len;
	long long t;
	void *buf;
	int fd, i;

	if (argc != 5)
		errx(2, "usage: blkio DISK r|w|f COUNT BYTES");
	len = (size_t)atol(argv[4]);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (posix_memalign(&buf, 4096, len + 1))
		errx(1, "no memory");
	memset(buf, 0x5a, len + 1);
	/* The first of all may meet what the kernel does only once. */
	(void)!one(fd, argv[2][0], buf, len);
	for (i = 0; i < atoi(argv[3]); i++) {
		t = now();
		if (one(fd, argv[2][0], buf, len) < 0)
			err(1, "request %d", i);
		printf("%lld\n", now() - t);
	}
	return 0;
}
