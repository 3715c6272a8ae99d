// SPDX-License-Identifier: GPL-2.0
/* First process of a node: sets it up, runs its command, tells umtt how it went. */
#include <errno.h>
#include <fcntl.h>
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
#include <termios.h>
#include <unistd.h>

#include "guest.h"

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
void send_frame(enum channel_kind kind, const void *data, size_t len)
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
	size_t name_pos = 0, args_pos = 0;
	const char *name, *args;
	char path[32];
	int fd, i;

	for (i = 0; (name = conf_next("module", &name_pos)); i++) {
		args = conf_next("module-args", &args_pos);
		snprintf(path, sizeof(path), "/module%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, args ? args : "", 0) < 0)
			fail("cannot load module %s: %s", name, strerror(errno));
		close(fd);
	}
}

/* A kernel that does not know dtb= passes over it without a word. */
static void check_devicetree(void)
{
	if (conf_get("devicetree", NULL) &&
	    access("/sys/firmware/devicetree/base", F_OK) < 0)
		fail("this kernel has not taken the device tree: it needs CONFIG_OF, and Linux 6.1 or later");
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
	check_devicetree();
	kcov_open();
	kcov_begin();
	modules_load();
	kcov_end();
	mounts_root();
	net_setup();
	if (conf_get("arg", NULL))
		run_command();
	else
		idle_node();
}
