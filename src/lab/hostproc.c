// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Processes of the host, as /proc shows them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hostproc.h"

static int read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = '\0';
	return 0;
}

char hostproc_state(pid_t pid)
{
	char buf[256], *p;

	if (read_file(pid, "stat", buf, sizeof(buf)))
		return 0;
	/* Behind the name, which may hold anything */
	p = strrchr(buf, ')');
	return p && p[1] == ' ' ? p[2] : 0;
}

int hostproc_call(pid_t pid, struct hostproc_call *c)
{
	char buf[256];
	int ret = read_file(pid, "syscall", buf, sizeof(buf));

	memset(c, 0, sizeof(*c));
	if (ret)
		return ret;
	c->nr = HOSTPROC_RUNNING;
	if (strncmp(buf, "running", 7) == 0)
		return 0;
	if (sscanf(buf, "-1 %" SCNx64 " %" SCNx64, &c->sp, &c->pc) == 2) {
		c->nr = HOSTPROC_NO_CALL;
		return 0;
	}
	return sscanf(buf, "%ld %" SCNx64 " %*x %*x %*x %*x %*x %" SCNx64 " %" SCNx64,
		      &c->nr, &c->arg0, &c->sp, &c->pc) == 4 ? 0 : -EPROTO;
}
