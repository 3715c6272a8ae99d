// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Reports in a kernel's log: that something is wrong with it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "klog.h"

/*
 * What begins a message, from the kernel's sources: lib/bug.c, kernel/panic.c,
 * kernel/locking/lockdep.c ("WARNING: possible circular locking..."),
 * lib/ubsan.c, mm/kasan/report.c ("BUG: KASAN:"), kernel/hung_task.c,
 * kernel/rcu/tree_stall.h, kernel/sched/core.c ("BUG: scheduling while atomic").
 */
static const char *const starts[] = {
	"WARNING: ", "BUG: ", "kernel BUG at ", "Oops", "UBSAN: ",
	"Kernel panic - not syncing", "general protection fault",
	"INFO: task ", "INFO: rcu", "rcu: INFO: ", "INFO: trying to register",
	"INFO: possible ", "Kernel mode fault at ", "Segfault with no mm",
	"Unable to handle kernel ", "watchdog: BUG: ", "kmemleak: ",
	"list_add corruption", "list_del corruption", "refcount_t: ",
	"Bad page state",
};

#define PANIC	"Kernel panic - not syncing"

struct line {
	const char *s;
	size_t len;
};

static struct line line_at(const char *log, size_t len, size_t at)
{
	const char *nl = memchr(log + at, '\n', len - at);

	return (struct line){ log + at, nl ? (size_t)(nl - log) - at : len - at };
}

/* "[   12.345678] " and perhaps "[    T1] ": ns, and what comes behind it */
static u64 take_time(struct line *l)
{
	u64 s = 0, us = 0;
	size_t i = 0;
	int digits = 0;

	if (!l->len || *l->s != '[')
		return 0;
	for (i = 1; i < l->len && *l->s && l->s[i] != ']'; i++) {
		if (l->s[i] == '.')
			digits = 1;
		else if (isdigit((unsigned char)l->s[i]) && digits)
			us = us * 10 + (u64)(l->s[i] - '0') * (digits++ <= 6);
		else if (isdigit((unsigned char)l->s[i]))
			s = s * 10 + (u64)(l->s[i] - '0');
		else if (l->s[i] != ' ' && l->s[i] != 'T' && l->s[i] != 'C')
			return 0;
		if (i > 32)
			return 0;
	}
	if (i >= l->len)
		return 0;
	i++;
	if (i < l->len && l->s[i] == ' ')
		i++;
	l->s += i;
	l->len -= i;
	/* A caller's id has no point in it. */
	if (digits && l->len && *l->s == '[')
		(void)take_time(l);
	return s * NSEC_PER_SEC + us * NSEC_PER_USEC;
}

static bool begins(const struct line *l, const char *with)
{
	size_t n = strlen(with);

	return l->len >= n && memcmp(l->s, with, n) == 0;
}

static bool is_report(const struct line *l)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		if (begins(l, starts[i]))
			return true;
	return false;
}

/* Up to the next report, the end that the kernel puts there, or enough */
static size_t extent(const char *log, size_t len, size_t from)
{
	size_t at = from;
	int lines = 0;

	while (at < len && lines++ < KLOG_LINES) {
		struct line whole = line_at(log, len, at), l = whole;

		take_time(&l);
		if (at > from && (is_report(&l) || begins(&l, "#umtt ")))
			break;
		at += min_size(whole.len + 1, len - at);
		if (begins(&l, "---[ end "))
			break;
	}
	return at - from;
}

bool klog_next(const char *log, size_t len, size_t *at, struct klog_report *r)
{
	while (*at < len) {
		struct line whole = line_at(log, len, *at), l = whole;
		u64 now = take_time(&l);

		r->at = *at;
		*at += min_size(whole.len + 1, len - *at);
		if (!is_report(&l))
			continue;
		text_clean(r->title, sizeof(r->title), l.s, l.len);
		r->now = now;
		r->panic = begins(&l, PANIC);
		r->len = extent(log, len, r->at);
		return true;
	}
	return false;
}

size_t klog_find_mark(const char *log, size_t len, const char *word,
		      const char *what, const char *name)
{
	char want[1024];
	size_t at = 0;
	int n;

	n = snprintf(want, sizeof(want), "#umtt %s %s %s", word, what, name);
	if (n < 0 || (size_t)n >= sizeof(want))
		return len;
	while (at < len) {
		struct line whole = line_at(log, len, at), l = whole;

		take_time(&l);
		if (begins(&l, want) &&
		    (l.len == (size_t)n || l.s[n] == ' ' || l.s[n] == '\r'))
			return at;
		at += min_size(whole.len + 1, len - at);
	}
	return len;
}
