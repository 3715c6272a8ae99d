// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The directory of one run, and the guard that leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "rundir.h"
#include "strvec.h"

/* What the guard is told, in pieces of this size: smaller than PIPE_BUF. */
enum guard_what { GUARD_ADD, GUARD_DEL, GUARD_GOODBYE };
struct guard_msg {
	u32 what;
	s32 pgid;
};

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

/* A dying kernel may create a file after we have looked: try again. */
static void remove_tree(const char *path)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < 100; i++) {
		if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ||
		    access(path, F_OK) < 0)
			return;
		nanosleep(&pause, NULL);
	}
}

/*
 * The guard
 */

struct groups {
	pid_t *pgid;
	size_t n;
};

static void groups_add(struct groups *g, pid_t pgid)
{
	g->pgid = xrealloc(g->pgid, (g->n + 1) * sizeof(*g->pgid));
	g->pgid[g->n++] = pgid;
}

static void groups_del(struct groups *g, pid_t pgid)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (g->pgid[i] == pgid) {
			g->pgid[i] = g->pgid[--g->n];
			return;
		}
	}
}

/*
 * A process of its own session that no signal but SIGKILL ends, and that holds
 * nothing open: who reads our output must see the end of it.
 */
static void guard_become(int fd)
{
	int null = open("/dev/null", O_RDWR), sig;

	setsid();
	prctl(PR_SET_NAME, "umtt-guard");
	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (fd != STDERR_FILENO + 1)
		dup2(fd, STDERR_FILENO + 1);
	closefrom(STDERR_FILENO + 2);
	(void)!chdir("/");
}

/* It makes what it is to remove: there is no moment at which nobody would. */
static void guard_make(int fd, char *path)
{
	s32 error = mkdtemp(path) ? 0 : errno;

	(void)!write(fd, &error, sizeof(error));
	if (error)
		_exit(0);
	(void)!write(fd, path, strlen(path));
}

static void __attribute__((noreturn)) guard_main(int fd, char *path,
						 const struct terminal *t)
{
	struct groups groups = { 0 };
	struct guard_msg m;
	ssize_t n;
	size_t i;

	guard_become(fd);
	fd = STDERR_FILENO + 1;
	guard_make(fd, path);
	while ((n = read(fd, &m, sizeof(m))) == sizeof(m) ||
	       (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (m.what == GUARD_GOODBYE)
			_exit(0);
		if (m.what == GUARD_ADD)
			groups_add(&groups, m.pgid);
		else
			groups_del(&groups, m.pgid);
	}
	for (i = 0; i < groups.n; i++)
		kill(-groups.pgid[i], SIGKILL);
	terminal_rescue(t);
	remove_tree(path);
	_exit(0);
}

/* What guard_make() has to say; @path gets its last letters by that. */
static int guard_made(int fd, char *path)
{
	ssize_t len = (ssize_t)strlen(path);
	s32 error;

	if (read(fd, &error, sizeof(error)) != sizeof(error))
		return -ECHILD;
	if (error)
		return -error;
	return read(fd, path, (size_t)len) == len ? 0 : -ECHILD;
}

static int guard_start(struct rundir *rd)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	rd->guard = fork();
	if (rd->guard == 0) {
		close(fds[1]);
		guard_main(fds[0], rd->path, rd->terminal);
	}
	close(fds[0]);
	rd->fd = fds[1];
	return rd->guard < 0 ? -errno : guard_made(rd->fd, rd->path);
}

static void guard_tell(const struct rundir *rd, enum guard_what what,
		       pid_t pgid)
{
	struct guard_msg m = { .what = what, .pgid = pgid };

	/* If the guard is gone there is only us, which is what we can do. */
	(void)!write(rd->fd, &m, sizeof(m));
}

/*
 * The directory
 */

int rundir_open(struct rundir *rd)
{
	const char *tmp = getenv("TMPDIR");
	int ret;

	rd->fd = -1;
	rd->path = xasprintf("%s/umtt-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	ret = guard_start(rd);
	if (ret) {
		log_err(NULL, "cannot make a directory like %s: %s", rd->path,
			strerror(-ret));
		/* So there is nothing to remove. */
		*rd->path = '\0';
	} else if (chdir(rd->path) < 0) {
		ret = -errno;
		log_err(NULL, "cannot use %s: %s", rd->path, strerror(-ret));
	}
	if (ret)
		rundir_close(rd);
	return ret;
}

void rundir_add_group(struct rundir *rd, pid_t pgid)
{
	guard_tell(rd, GUARD_ADD, pgid);
}

void rundir_del_group(struct rundir *rd, pid_t pgid)
{
	guard_tell(rd, GUARD_DEL, pgid);
}

void rundir_close(struct rundir *rd)
{
	if (!rd->path)
		return;
	remove_tree(rd->path);
	if (rd->fd >= 0) {
		guard_tell(rd, GUARD_GOODBYE, 0);
		close(rd->fd);
	}
	if (rd->guard > 0)
		waitpid(rd->guard, NULL, 0);
	free(rd->path);
	rd->path = NULL;
}
