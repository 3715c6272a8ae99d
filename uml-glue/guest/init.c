// SPDX-License-Identifier: GPL-2.0
/* First process of a node: sets it up, runs its command, tells umtt how it went. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../src/lab/channel.h"
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

static int channel = -1;
char **conf;

const char *conf_next(const char *key, size_t *pos)
{
	size_t len = strlen(key);

	while (conf[*pos]) {
		const char *s = conf[(*pos)++];

		if (strncmp(s, key, len) == 0 && s[len] == '=')
			return s + len + 1;
	}
	return NULL;
}

const char *conf_get(const char *key, const char *dflt)
{
	size_t pos = 0;
	const char *v = conf_next(key, &pos);

	return v ? v : dflt;
}

static void write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

void note(const char *fmt, ...)
{
	char line[512] = "<4>umtt-init: ";
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + strlen(line), sizeof(line) - strlen(line), fmt, ap);
	va_end(ap);
	write_all(fd >= 0 ? fd : STDERR_FILENO, line, strlen(line));
	if (fd >= 0)
		close(fd);
}

/* Header and data leave in one write: see channel.h */
static void send_frame(enum channel_kind kind, const void *data, size_t len)
{
	char frame[CHANNEL_MAX_FRAME];
	struct channel_hdr hdr = {
		.kind = (uint8_t)kind, .magic = CHANNEL_MAGIC,
		.len = (uint16_t)len,
	};

	memcpy(frame, &hdr, sizeof(hdr));
	memcpy(frame + sizeof(hdr), data, len);
	write_all(channel, frame, sizeof(hdr) + len);
}

static void __attribute__((noreturn)) idle(void)
{
	for (;;)
		pause();
}

void fail(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note("%s", text);
	if (channel >= 0)
		send_frame(CHANNEL_FAIL, text, strlen(text));
	/* Without a channel: init's end is a panic, which umtt notices. */
	else
		exit(1);
	idle();
}

static void open_channel(void)
{
	struct termios t;

	channel = open(CHANNEL_TTY, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (channel < 0)
		fail("cannot open %s: %s", CHANNEL_TTY, strerror(errno));
	if (tcgetattr(channel, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(channel, TCSANOW, &t);
	}
	/* The command has no business there. */
	unlink(CHANNEL_TTY);
}

static char *read_whole(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *buf;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail("cannot read %s: %s", path, strerror(errno));
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		fail("out of memory");
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n) {
		n = read(fd, buf + *len, (size_t)st.st_size - *len);
		if (n <= 0)
			break;
	}
	buf[*len] = '\0';
	close(fd);
	return buf;
}

static void read_conf(void)
{
	size_t len, n = 0, i;
	char *buf = read_whole(CHANNEL_CONF, &len);

	for (i = 0; i < len; i++)
		n += buf[i] == '\0';
	conf = calloc(n + 1, sizeof(*conf));
	if (!conf)
		fail("out of memory");
	/* Zeroes at the end only fill the file up. */
	for (i = 0, n = 0; i < len && buf[i]; i += strlen(buf + i) + 1)
		conf[n++] = buf + i;
}

void modules_load(void)
{
	const char *value, *args;
	char path[256];
	size_t pos = 0;
	int fd;

	while ((value = conf_next("module", &pos))) {
		args = strchrnul(value, ' ');
		snprintf(path, sizeof(path), "/%.*s", (int)(args - value), value);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail("cannot open module %s: %s", path, strerror(errno));
		if (syscall(SYS_finit_module, fd, *args ? args + 1 : "", 0) < 0)
			fail("cannot load module %.*s: %s", (int)(args - value),
			     value, strerror(errno));
		close(fd);
	}
}

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

static void __attribute__((noreturn)) command_exec(char **argv)
{
	int err;

	if (chdir(conf_get("cwd", "/")) < 0)
		(void)!chdir("/");
	execvpe(argv[0], argv, environ);
	err = errno;
	dprintf(STDERR_FILENO, "umtt: %s: %s\n", argv[0],
		err == ENOENT ? "command not found" : strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

int command_start(int out, int err)
{
	char **argv = conf_vector("arg");
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;
	pid_t pid;

	environ = conf_vector("env");
	pid = fork();
	if (pid != 0) {
		close(null);
		return pid;
	}
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	closefrom(STDERR_FILENO + 1);
	command_exec(argv);
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

static void report_exit(int status)
{
	struct channel_exit x = { 0 };
	struct timespec ts = { 0 };

	x.status = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) :
				       128 + (uint32_t)WTERMSIG(status);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	x.now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	tcdrain(channel);
	send_frame(CHANNEL_EXIT, &x, sizeof(x));
	tcdrain(channel);
}

/* A descriptor that is readable when a child has ended. */
static int child_events(void)
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

/* Reap whatever has ended; true when the command is among it. */
static bool reap(pid_t command, int *status)
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

static void __attribute__((noreturn)) run_command(void)
{
	int out[2], err[2];
	pid_t pid;

	wait_for_start();

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		fail("cannot make a pipe: %s", strerror(errno));
	pid = command_start(out[1], err[1]);
	if (pid < 0)
		fail("cannot fork: %s", strerror(errno));
	close(out[1]);
	close(err[1]);
	serve(pid, out[0], err[0]);
}

/* Orphans may come to us all the same. */
static void __attribute__((noreturn)) idle_node(void)
{
	struct signalfd_siginfo si;
	int fd = child_events(), status;

	while (read(fd, &si, sizeof(si)) > 0)
		reap(-1, &status);
	idle();
}

int main(void)
{
	const char *name;
	sigset_t child;

	/* Before anything can end: it is read from a signalfd. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	mounts_early();
	open_channel();
	read_conf();
	name = conf_get("hostname", "umtt");
	sethostname(name, strlen(name));
	modules_load();
	mounts_root();
	net_setup();
	run_first();
	if (conf_get("arg", NULL))
		run_command();
	else
		idle_node();
}
