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

static u64 cpu_of_one(pid_t pid)
{
	u64 user = 0, sys = 0;
	char buf[256], *p;

	if (read_file(pid, "stat", buf, sizeof(buf)))
		return 0;
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
			 &user, &sys) != 2)
		return 0;
	return (user + sys) * (NSEC_PER_SEC / (u64)sysconf(_SC_CLK_TCK));
}

u64 hostproc_cpu(pid_t pid)
{
	u64 sum = cpu_of_one(pid);
	char path[64];
	FILE *f;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
		 (int)pid);
	f = fopen(path, "re");
	if (!f)
		return sum;
	while (fscanf(f, "%d", &child) == 1)
		sum += cpu_of_one(child);
	fclose(f);
	return sum;
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
