// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One line per event on stderr, tagged with the object it is about. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"

/* So long we wait for who reads our stderr. */
#define PATIENCE_MS	1000

static enum log_level log_level = LOG_WARN;
static const char *newline = "\n";
static unsigned long lost;	/* lines, since the last one that was printed */

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_raw(int raw)
{
	newline = raw ? "\r\n" : "\n";
}

const char *log_newline(void)
{
	return newline;
}

int log_enabled(enum log_level level)
{
	return level <= log_level;
}

/*
 * A pipe that nobody reads is full one day, and whoever can make us complain
 * could stop us by that. We wait once; after that, lines are lost until there is
 * room. The file may be shared: O_NONBLOCK is not ours to set.
 */
static bool has_room(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* An error is for write() to find. */
	return poll(&p, 1, lost ? 0 : PATIENCE_MS) != 0;
}

/* One write, so that lines of several processes do not mix. */
static void put(char *line, size_t len)
{
	struct iovec iov[2] = { [1] = { line, len } };
	char note[80];
	int n;

	if (!has_room()) {
		lost++;
		return;
	}
	if (lost) {
		n = snprintf(note, sizeof(note),
			     "umtt: %lu lines were lost, since nobody read stderr%s",
			     lost, newline);
		iov[0] = (struct iovec){ note, (size_t)n };
	}
	lost = 0;
	if (writev(STDERR_FILENO, iov, 2) < 0)
		(void)0; /* nowhere left to say so */
}

void log_msg(enum log_level level, const char *tag, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[1024];
	size_t len;
	va_list ap;

	if (!log_enabled(level))
		return;
	len = (size_t)snprintf(line, sizeof(line), "umtt: %s%s",
			       tag ? tag : "", tag ? ": " : "");
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	va_start(ap, fmt);
	len += (size_t)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	if (len > sizeof(line) - 3)
		len = sizeof(line) - 3;
	len += (size_t)sprintf(line + len, "%s", newline);
	put(line, len);
	errno = saved_errno;
}
