// SPDX-License-Identifier: GPL-2.0
/* The command of a node: start it, pass on what it says, report how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/*
 * DOC: How output gets out
 *
 * The command writes to pipes, so it sees what it would see in any script or
 * CI job: no terminal. init copies them to the channel. It is scheduled before
 * all others, so it runs as soon as a write has woken it up and before the
 * writer goes on: the order of writes to stdout and stderr is kept, and nothing is
 * left in a pipe when the command ends. None of this takes simulated time.
 *
 * A node stays up when its command has ended, since others may still talk to
 * it; umtt decides when the lab is over.
 */

/* All values of @key as a vector that ends with NULL */
static char **conf_vector(const char *key)
{
	size_t pos = 0, n = 0;
	char **v;
	const char *s;

	while (conf_next(key, &pos))
		n++;
	v = calloc(n + 1, sizeof(*v));
	if (!v)
		fail("out of memory");
	for (pos = 0, n = 0; (s = conf_next(key, &pos)); )
		v[n++] = (char *)s;
	return v;
}

/* As in linux/sched/types.h, which the C library's headers clash with. */
struct deadline_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

#define POLICY_DEADLINE		6
#define FLAG_RESET_ON_FORK	1

/*
 * Run before everybody else, at once. The priority of a real-time process is
 * not enough: when the scheduler's server for ordinary processes has its turn
 * (Linux 6.12), which no passing of time ends here, that goes first. An early
 * deadline does it.
 */
static void run_first(void)
{
	struct deadline_attr attr = {
		.size = sizeof(attr), .policy = POLICY_DEADLINE,
		.flags = FLAG_RESET_ON_FORK,
		.runtime = 100000, .deadline = 1000000, .period = 1000000,
	};
	struct sched_param fifo = { .sched_priority = 50 };

	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo);
}

void command_exec(int in, int out, int error)
{
	char **argv = conf_vector("arg");
	sigset_t none;
	int err;

	environ = conf_vector("env");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(error, STDERR_FILENO);
	kcov_begin();
	closefrom(STDERR_FILENO + 1);
	if (chdir(conf_get("cwd", "/")) < 0)
		(void)!chdir("/");
	execvpe(argv[0], argv, environ);
	err = errno;
	dprintf(STDERR_FILENO, "umtt: %s: %s\n", argv[0],
		err == ENOENT ? "command not found" : strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

static pid_t command_start(int out, int err)
{
	int null = open("/dev/null", O_RDONLY);
	pid_t pid;

	pid = fork();
	if (pid != 0) {
		close(null);
		return pid;
	}
	setsid();
	command_exec(null, out, err);
}

/*
 * One piece, of which poll() has said that it is there. Never reads to find
 * out that there is none: a system call that fails costs simulated time.
 */
static bool copy(int from, enum channel_kind kind)
{
	char buf[CHANNEL_MAX_DATA];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n > 0)
		send_frame(kind, buf, (size_t)n);
	return n > 0;
}

void report_exit(int status)
{
	struct channel_exit x = { 0 };
	struct timespec ts = { 0 };

	cover_send();
	x.status = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) :
				       128 + (uint32_t)WTERMSIG(status);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	x.now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	send_frame(CHANNEL_EXIT, &x, sizeof(x));
}

int child_events(void)
{
	sigset_t child;
	int fd;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	fd = signalfd(-1, &child, SFD_CLOEXEC);
	if (fd < 0)
		fail("cannot make a signalfd: %s", strerror(errno));
	return fd;
}

bool reap(pid_t command, int *status)
{
	bool ended = false;
	pid_t pid;
	int st;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == command) {
			*status = st;
			ended = true;
		}
	}
	return ended;
}

/* Never returns: the node lives until umtt ends it. */
static void __attribute__((noreturn)) serve(pid_t command, int out, int err)
{
	struct pollfd fds[] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
		{ .fd = child_events(), .events = POLLIN },
	};
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		poll(fds, 3, -1);
		if (fds[0].revents && !copy(out, CHANNEL_OUT))
			fds[0].fd = -1;
		else if (fds[1].revents && !copy(err, CHANNEL_ERR))
			fds[1].fd = -1;
		/* Last, so that no output comes after the status. */
		if (fds[0].revents || fds[1].revents || !fds[2].revents)
			continue;
		if (read(fds[2].fd, &si, sizeof(si)) > 0 &&
		    reap(command, &status))
			report_exit(status);
	}
}

/* Sleeping up to then is what makes the node give the others their turn. */
static void wait_for_start(void)
{
	uint64_t start = strtoull(conf_get("start", "0"), NULL, 10);
	struct timespec ts = {
		.tv_sec = (time_t)(start / 1000000000u),
		.tv_nsec = (long)(start % 1000000000u),
	};

	if (start)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

void run_command(void)
{
	int out[2], err[2];
	pid_t pid;

	run_first();
	wait_for_start();
	/* Drivers have had the time to find them. */
	ports_link();
	cover_check();

	if (conf_get("keys", NULL))
		run_on_terminal();
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		fail("cannot make a pipe: %s", strerror(errno));
	pid = command_start(out[1], err[1]);
	if (pid < 0)
		fail("cannot fork: %s", strerror(errno));
	close(out[1]);
	close(err[1]);
	serve(pid, out[0], err[0]);
}
