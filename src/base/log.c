// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One line per event on stderr, tagged with the object it is about. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

static enum log_level log_level = LOG_WARN;

void log_set_level(enum log_level level)
{
	log_level = level;
}

int log_enabled(enum log_level level)
{
	return level <= log_level;
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
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* One write, so that lines of several processes do not mix. */
	if (write(STDERR_FILENO, line, len) < 0)
		(void)0; /* nowhere left to say so */
	errno = saved_errno;
}
