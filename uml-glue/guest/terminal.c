// SPDX-License-Identifier: GPL-2.0
/* A command with a terminal: keys in, output out, and who waits for keys. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/*
 * DOC: Theory of operation
 *
 * init holds the master side of a pseudo-terminal. It copies output to the
 * channel as it does for any command, and what was typed from its device to the
 * terminal.
 *
 * umtt wants to know when somebody waits for keys, since simulated time may
 * stand then. That is so when a process of the terminal's foreground group is
 * in a read of a terminal; or in select() or poll(), and the terminal passes on
 * single keys, as editors and shells want it: others that poll mostly wait for
 * something else. The kernel's stack of a process tells where it is.
 *
 * Who begins to wait has nearly always written something just before, so it is
 * looked at shortly after each output and each key; and later again and again,
 * at growing distances, for who has not.
 */

#define LOOK_FIRST	10000		/* ns after output or a key */
#define LOOK_SHIFT	3		/* then an eighth of the time since */

/**
 * struct term - the terminal
 * @keys: the device; what comes of it is read a frame at a time into @frame,
 *	of which @have bytes are there
 * @out_at: a whole frame of keys waits for room, from here on; 0: none does
 * @busy_since: the last output or key
 * @pid: the command; 0: it has ended
 */
struct term {
	int keys, master;
	uint8_t frame[sizeof(struct channel_typed) + 65536];
	size_t have, out_at;
	struct channel_keys told;
	uint64_t got, busy_since, look_at;
	pid_t pid;
};

static uint64_t now(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Who waits
 */

/* Where process @pid is in the kernel, or "" */
static void read_proc(const char *pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n < 0 ? 0 : n] = '\0';
}

/* The process group and the state in /proc/PID/stat, behind "(name)" */
static bool in_group(const char *pid, pid_t group, char *state)
{
	char stat[512], *p;
	int ppid, pgrp;

	read_proc(pid, "stat", stat, sizeof(stat));
	p = strrchr(stat, ')');
	return p && sscanf(p, ") %c %d %d", state, &ppid, &pgrp) == 3 &&
	       pgrp == group;
}

static bool waits_here(const char *pid, bool single_keys)
{
	char stack[4096];

	read_proc(pid, "stack", stack, sizeof(stack));
	if (strstr(stack, "n_tty_read"))
		return true;
	return single_keys && (strstr(stack, "select") || strstr(stack, "poll"));
}

static bool foreground_waits(const struct term *t)
{
	pid_t group = tcgetpgrp(t->master);
	bool waits = false, single_keys;
	struct termios tio = { 0 };
	struct dirent *de;
	char state;
	DIR *d = opendir("/proc");

	tcgetattr(t->master, &tio);
	single_keys = !(tio.c_lflag & ICANON);
	while (d && !waits && (de = readdir(d))) {
		/* It and all of its children have come later than it. */
		if (atoi(de->d_name) < t->pid ||
		    !in_group(de->d_name, group, &state))
			continue;
		waits = state == 'S' && waits_here(de->d_name, single_keys);
	}
	if (d)
		closedir(d);
	return waits;
}

static void tell(struct term *t, bool waits)
{
	if (t->told.waits == waits && t->told.got == t->got)
		return;
	t->told.waits = waits;
	t->told.got = t->got;
	(void)!write(t->keys, &t->told, sizeof(t->told));
}

static void look(struct term *t)
{
	uint64_t at, since;

	/* What is on its way to the terminal will be read. */
	tell(t, !t->out_at && foreground_waits(t));
	at = now();
	since = (at - t->busy_since) >> LOOK_SHIFT;
	t->look_at = at + (since > LOOK_FIRST ? since : LOOK_FIRST);
}

static void look_soon(struct term *t)
{
	t->busy_since = now();
	t->look_at = t->busy_since + LOOK_FIRST;
}

/*
 * Keys
 */

static void set_size(struct term *t, const void *data, size_t len)
{
	struct channel_size size;
	struct winsize ws = { 0 };

	if (len != sizeof(size))
		return;
	memcpy(&size, data, sizeof(size));
	ws.ws_row = size.rows;
	ws.ws_col = size.cols;
	ioctl(t->master, TIOCSWINSZ, &ws);
}

/* Bytes of the frame that are still missing */
static size_t missing(const struct term *t)
{
	struct channel_typed h;

	if (t->have < sizeof(h))
		return sizeof(h) - t->have;
	memcpy(&h, t->frame, sizeof(h));
	return sizeof(h) + h.len - t->have;
}

static void frame_done(struct term *t)
{
	t->got += t->have;
	t->have = t->out_at = 0;
	look_soon(t);
}

/* As much as there is room for. More is tried when poll() says so. */
static void write_keys(struct term *t)
{
	ssize_t n = write(t->master, t->frame + t->out_at, t->have - t->out_at);

	if (n > 0)
		t->out_at += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		t->out_at = t->have;
	if (t->out_at == t->have)
		frame_done(t);
}

static void got_frame(struct term *t)
{
	struct channel_typed h;

	memcpy(&h, t->frame, sizeof(h));
	if (h.kind == CHANNEL_TYPED_KEYS && h.len) {
		t->out_at = sizeof(h);
		write_keys(t);
		return;
	}
	if (h.kind == CHANNEL_TYPED_SIZE)
		set_size(t, t->frame + sizeof(h), h.len);
	frame_done(t);
}

static void read_keys(struct term *t)
{
	ssize_t n = read(t->keys, t->frame + t->have, missing(t));

	if (n <= 0)
		return;
	t->have += (size_t)n;
	if (!missing(t))
		got_frame(t);
}

/*
 * The command
 */

static int open_keys(void)
{
	unsigned int index = (unsigned int)atoi(conf_get("keys", "0"));
	char path[512], dev[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/virtio-uml.%u",
		 index);
	if (!sysfs_descend(path, sizeof(path), "virtio") ||
	    !sysfs_descend(path, sizeof(path), "virtio-ports") ||
	    !sysfs_descend(path, sizeof(path), "vport"))
		fail("there is nothing to type at: the kernel needs CONFIG_VIRTIO_CONSOLE for a shell");
	snprintf(dev, sizeof(dev), "/dev/%.32s", strrchr(path, '/') + 1);
	fd = open(dev, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("cannot open %s: %s", dev, strerror(errno));
	/* Nobody else has business there. */
	unlink(dev);
	return fd;
}

static void open_terminal(struct term *t, char *name, size_t size)
{
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (t->master < 0 || grantpt(t->master) < 0 || unlockpt(t->master) < 0 ||
	    ptsname_r(t->master, name, size) != 0)
		fail("cannot make a terminal: %s", strerror(errno));
}

static void start(struct term *t)
{
	char name[64];
	int fd;

	open_terminal(t, name, sizeof(name));
	t->pid = fork();
	if (t->pid < 0)
		fail("cannot fork: %s", strerror(errno));
	if (t->pid)
		return;
	setsid();
	fd = open(name, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		fail("cannot open %s: %s", name, strerror(errno));
	command_exec(fd, fd, fd);
}

/* false: no more will come */
static bool copy_output(struct term *t)
{
	char buf[CHANNEL_MAX_DATA];
	ssize_t n = read(t->master, buf, sizeof(buf));

	if (n > 0)
		send_frame(CHANNEL_OUT, buf, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void wait_for_work(struct term *t, struct pollfd *fds)
{
	uint64_t at = now(), left = t->look_at > at ? t->look_at - at : 0;
	struct timespec ts = { (time_t)(left / 1000000000u),
			       (long)(left % 1000000000u) };

	/* One frame at a time: the others wait in the device, and there in umtt. */
	fds[0].events = POLLIN | (t->out_at ? POLLOUT : 0);
	fds[1].events = t->out_at ? 0 : POLLIN;
	/* When the command has ended, nothing more of this matters. */
	if (ppoll(fds, 3, t->pid ? &ts : NULL, NULL) == 0)
		look(t);
}

void run_on_terminal(void)
{
	static struct term t;
	struct pollfd fds[3] = { { 0 } };
	struct signalfd_siginfo si;
	int status;

	t.keys = open_keys();
	start(&t);
	fds[0].fd = t.master;
	fds[1].fd = t.keys;
	fds[2].fd = child_events();
	fds[2].events = POLLIN;
	look_soon(&t);
	for (;;) {
		wait_for_work(&t, fds);
		if (fds[0].revents & POLLOUT)
			write_keys(&t);
		if (fds[0].revents & (POLLIN | POLLHUP)) {
			if (!copy_output(&t))
				fds[0].fd = -1;
			look_soon(&t);
		} else if (fds[2].revents &&
			   read(fds[2].fd, &si, sizeof(si)) > 0 &&
			   reap(t.pid, &status)) {
			/* Last, so that no output comes after it. */
			report_exit(status);
			t.pid = 0;
		}
		if (fds[1].revents & POLLIN)
			read_keys(&t);
	}
}
