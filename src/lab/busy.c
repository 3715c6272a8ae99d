// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What the work of processes costs in simulated time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "busy.h"

/* The kernel's side: uml-glue/kernel/patches, "um: let processes take time". */
#define SYSCALL_ARG	"tt_syscall="
#define CLOCK_ARG	"tt_clock="
#define USER_ARG	"tt_user="
#define CHARGED		"time_travel_user_charged"
#define CHARGED_LINE	"this run cannot be repeated exactly"

/* The clock's resolution, and what a look at it costs anyway */
#define MIN_CLOCK	256u
/* More, and the kernel's ticks come in between while it reads. */
#define MAX_CLOCK	NSEC_PER_MSEC
#define MAX_COST	NSEC_PER_SEC
#define MAX_GRACE	(3600 * NSEC_PER_SEC)

static const struct busy defaults = {
	.on = true,
	.syscall = 10 * NSEC_PER_USEC,
	.clock = 10 * NSEC_PER_USEC,
	.user = 10 * NSEC_PER_MSEC,
	.grace = 200 * NSEC_PER_MSEC,
};

static const char *set_cost(struct busy *b, const char *key, const char *value)
{
	u64 v;

	if (units_time(value, 1, &v))
		return "a cost is a time, as 10us";
	if (strcmp(key, "syscall") == 0) {
		b->syscall = v;
		return v > MAX_COST ? "syscall= is at most 1s" : NULL;
	}
	if (strcmp(key, "clock") == 0) {
		b->clock = v;
		return v < MIN_CLOCK || v > MAX_CLOCK ?
		       "clock= is from 256ns to 1ms" : NULL;
	}
	if (strcmp(key, "user") == 0) {
		b->user = v;
		return v > MAX_COST ? "user= is at most 1s" : NULL;
	}
	if (strcmp(key, "grace") == 0) {
		b->grace = v;
		return v > MAX_GRACE ? "grace= is at most 1h" : NULL;
	}
	return "expected is " BUSY_HELP;
}

const char *busy_parse(const char *s, struct busy *b)
{
	char *copy = xstrdup(s), *rest = copy, *word = strsep(&rest, ",");
	const char *why = NULL;

	memset(b, 0, sizeof(*b));
	if (strcmp(word, "advance") == 0)
		*b = defaults;
	else if (strcmp(word, "none") != 0 || rest)
		why = "expected is " BUSY_HELP;
	while (!why && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		why = set_cost(b, word, value ? value : "");
	}
	free(copy);
	return why;
}

char *busy_text(const struct busy *b)
{
	if (!b->on)
		return xstrdup("none");
	return xasprintf("advance,syscall=%" PRIu64 "ns,clock=%" PRIu64 "ns,user=%" PRIu64 "ns,grace=%" PRIu64 "ns",
			 b->syscall, b->clock, b->user, b->grace);
}

void busy_args(const struct busy *b, struct strvec *argv)
{
	if (!b->on)
		return;
	strvec_addf(argv, SYSCALL_ARG "%" PRIu64, b->syscall);
	strvec_addf(argv, CLOCK_ARG "%" PRIu64, b->clock);
	if (b->user)
		strvec_addf(argv, USER_ARG "%" PRIu64 ",%" PRIu64, b->user,
			    b->grace);
}

bool busy_missing(const struct busy *b, const struct peek *kernel)
{
	return b->on && !peek_contains(kernel, USER_ARG);
}

static bool log_says(const char *log)
{
	FILE *f = fopen(log, "re");
	char line[512];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, CHARGED_LINE);
	fclose(f);
	return found;
}

bool busy_charged(const struct peek *kernel, pid_t pid, const char *log)
{
	u64 n;

	if (pid && peek_u64(kernel, pid, CHARGED, &n) == 0)
		return n;
	return log && log_says(log);
}
