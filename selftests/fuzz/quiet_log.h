/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* In place of base/log.c: what would be printed is counted. */
#ifndef FUZZ_QUIET_LOG_H
#define FUZZ_QUIET_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "../../src/base/log.h"
#include "input.h"

static unsigned int log_lines, log_warnings;

/* UMTT_FUZZ_LOG=1 shows what an input that has been found leads to. */
static bool log_shown(void)
{
	static int shown = -1;

	if (shown < 0)
		shown = getenv("UMTT_FUZZ_LOG") != NULL;
	return shown;
}

int log_enabled(enum log_level level)
{
	return level <= LOG_WARN || log_shown();
}

/* It is formatted, so that what it prints is read. */
void log_msg(enum log_level level, const char *tag, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	MUST(!tag || strlen(tag) < 4096);
	va_start(ap, fmt);
	MUST(vsnprintf(line, sizeof(line), fmt, ap) > 0);
	va_end(ap);
	if (log_shown())
		fprintf(stderr, "%s: %s\n", tag ? tag : "umtt", line);
	if (level == LOG_ERR)
		log_lines++;
	else if (level == LOG_WARN)
		log_warnings++;
}

#endif
