// SPDX-License-Identifier: GPL-2.0
/* What of the kernel the command reaches, sent to umtt when it has ended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcov.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "guest.h"

/*
 * DOC: Theory of operation
 *
 * One buffer takes what init itself reaches when it loads the modules, then what
 * the command reaches. The first word of the buffer counts the addresses that
 * follow; when it is full, the kernel drops the rest. With kcov_inherit, which is
 * a patch of ours, processes that the command makes go on in it. It stays where
 * it is for as long as the node lives, since they may outlive the command.
 */

#define KCOV	"/sys/kernel/debug/kcov"
#define INHERIT	"/sys/module/kernel/parameters/kcov_inherit"
#define WORDS	((size_t)2 << 20)

static int kcov = -1;
static uint64_t *area;

static void inherit(void)
{
	int fd = open(INHERIT, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "Y", 1) != 1)
		note("this kernel knows no kcov_inherit: processes that the command makes are not covered");
	if (fd >= 0)
		close(fd);
}

void kcov_open(void)
{
	if (!conf_get("kcov", NULL))
		return;
	/* Modules are loaded before all else is mounted. */
	(void)!mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	kcov = open(KCOV, O_RDWR | O_CLOEXEC);
	if (kcov < 0)
		fail("this kernel does not say what is reached: it needs CONFIG_KCOV, as the one that is built with umtt has it");
	if (ioctl(kcov, KCOV_INIT_TRACE, WORDS) < 0)
		fail("cannot begin with KCOV: %s", strerror(errno));
	area = mmap(NULL, WORDS * sizeof(*area), PROT_READ | PROT_WRITE,
		    MAP_SHARED, kcov, 0);
	if (area == MAP_FAILED)
		fail("no memory for what KCOV says: %s", strerror(errno));
	inherit();
}

void kcov_begin(void)
{
	if (kcov >= 0 && ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC) < 0)
		note("cannot begin with KCOV: %s", strerror(errno));
}

void kcov_end(void)
{
	if (kcov >= 0)
		ioctl(kcov, KCOV_DISABLE, 0);
}

/* Whole lines, as many as fit, in each frame */
static void say(bool last, const char *fmt, ...)
{
	static char buf[CHANNEL_MAX_DATA];
	static size_t len;
	char line[256];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = (size_t)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= sizeof(line))
		return;
	if (len + n > sizeof(buf)) {
		send_frame(CHANNEL_KCOV, buf, len);
		len = 0;
	}
	memcpy(buf + len, line, n);
	len += n;
	if (!last)
		return;
	send_frame(CHANNEL_KCOV, buf, len);
	len = 0;
}

static bool is_code(const char *section)
{
	static const char *const names[] = { ".text", ".init.text", ".exit.text" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(section, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void send_section(const char *dir, const char *module, const char *section)
{
	char path[768];
	uint64_t addr;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, section);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fscanf(f, "%" SCNx64, &addr) == 1 && addr)
		say(false, "section %s %s %" PRIx64 "\n", module, section, addr);
	fclose(f);
}

static int not_hidden(const struct dirent *de)
{
	return strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
}

static void send_module(const char *module)
{
	struct dirent **list;
	char dir[384];
	int n, i;

	snprintf(dir, sizeof(dir), "/sys/module/%s/sections", module);
	n = scandir(dir, &list, not_hidden, alphasort);
	for (i = 0; i < n; i++) {
		if (is_code(list[i]->d_name))
			send_section(dir, module, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void send_modules(void)
{
	struct dirent **list;
	int n = scandir("/sys/module", &list, not_hidden, alphasort), i;

	for (i = 0; i < n; i++) {
		send_module(list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void kcov_send(void)
{
	uint64_t *pc, n, i;

	if (kcov < 0)
		return;
	pc = area + 1;
	n = area[0];
	qsort(pc, n, sizeof(*pc), by_address);
	send_modules();
	for (i = 0; i < n; i++)
		if (!i || pc[i] != pc[i - 1])
			say(false, "pc %" PRIx64 "\n", pc[i]);
	say(true, "total %" PRIu64 " %s\n", n, n + 1 < WORDS ? "whole" : "full");
}
