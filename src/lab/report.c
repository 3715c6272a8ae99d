// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How a run has ended, as a file for programs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "report.h"
#include "strvec.h"

static const struct {
	const char *why, *reason;
} reasons[] = {
	{ WHY_EXITED, "exited" },
	{ WHY_TIME_LIMIT, "time-limit" },
	{ WHY_WALL_LIMIT, "wall-limit" },
	{ WHY_STALL, "stall" },
	{ WHY_NODE, "node-failed" },
	{ WHY_ASLEEP, "asleep" },
	{ WHY_SIGNAL, "signal" },
	{ WHY_STDOUT, "stdout" },
	{ WHY_NO_TERMINAL, "terminal" },
	{ WHY_ESCAPE, "terminal" },
	{ WHY_DEVICES, "devices-failed" },
};

static const char *reason(const struct report *r)
{
	size_t i;

	if (!r->why)
		return "error";
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].why, r->why) == 0)
			return reasons[i].reason;
	return "replay";
}

int report_prepare(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISLNK(st.st_mode)) {
		log_err(path, "--report needs the name of a file, and this is something else");
		return -EINVAL;
	}
	if (unlink(path) == 0)
		return 0;
	if (errno == ENOENT) {
		char *copy = xstrdup(path), *slash = strrchr(copy, '/');
		int ret;

		if (slash)
			slash[slash == copy] = '\0';
		ret = access(slash ? copy : ".", W_OK) < 0 ? -errno : 0;
		free(copy);
		if (!ret)
			return 0;
		errno = -ret;
	}
	log_err(path, "cannot write a report here: %s", strerror(errno));
	return -errno;
}

static const char *mode(const struct stall_found *f)
{
	return f->mode == STALL_USER ? "user" :
	       f->mode == STALL_KERNEL ? "kernel" : "unknown";
}

static void print_stall(const struct report *r, FILE *f)
{
	const struct stall_found *s = &r->stall;

	fprintf(f, "stall-node=%s\nstall-mode=%s\n", r->stall_node, mode(s));
	if (s->task.pid > 0)
		fprintf(f, "stall-pid=%d\n", s->task.pid);
	if (*s->task.comm)
		fprintf(f, "stall-comm=%s\n", s->task.comm);
	if (*s->where)
		fprintf(f, "stall-where=%s\n", s->where);
	if (s->syscall >= 0)
		fprintf(f, "stall-syscall=%ld\n", s->syscall);
}

static void print(const struct report *r, FILE *f)
{
	fprintf(f, "status=%d\nreason=%s\n", r->status, reason(r));
	fprintf(f, "simulated-ns=%" PRIu64 "\nwall-ns=%" PRIu64 "\n",
		r->simulated, r->wall);
	if (r->stall_node)
		print_stall(r, f);
	fprintf(f, "reproducible=%s\n", r->why_not ? "no" : "yes");
	if (r->why_not)
		fprintf(f, "why-not=%s\n", r->why_not);
}

int report_write(const struct report *r, const char *path)
{
	char *tmp = xasprintf("%s.%d.tmp", path, (int)getpid());
	FILE *f = fopen(tmp, "we");
	int ret = f ? 0 : -errno;

	if (f) {
		print(r, f);
		if (ferror(f))
			ret = -EIO;
		if (fclose(f) != 0 || (!ret && rename(tmp, path) < 0))
			ret = -errno;
		if (ret)
			unlink(tmp);
	}
	if (ret)
		log_err(path, "cannot write the report: %s", strerror(-ret));
	free(tmp);
	return ret;
}

void report_fini(struct report *r)
{
	free(r->stall_node);
}
