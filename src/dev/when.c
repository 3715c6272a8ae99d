// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Which of many requests something happens to: by number, or by time. */
#include <string.h>

#include "../base/units.h"
#include "when.h"

bool when_number(const char *s, u64 *v)
{
	return *s && !s[strspn(s, "0123456789")] && !units_number(s, v);
}

static bool parse_time(const char *s, u64 *v)
{
	return s[strspn(s, ".0123456789")] && !units_time(s, 1, v);
}

static bool parse_point(struct when *w, const char *s, u64 *v)
{
	w->by_time = !when_number(s, v);
	return w->by_time ? parse_time(s, v) : *v > 0;
}

static bool parse_range(struct when *w, const char *from, const char *to)
{
	bool by_time;

	if (!parse_point(w, from, &w->first))
		return false;
	by_time = w->by_time;
	if (!parse_point(w, to, &w->last) || by_time != w->by_time)
		return false;
	if (by_time && !w->last--)
		return false;
	return w->first <= w->last;
}

bool when_parse(struct when *w, char *s)
{
	size_t len = strlen(s);
	char *dash = strchr(s, '-');

	if (dash) {
		*dash = '\0';
		return parse_range(w, s, dash + 1);
	}
	if (len && s[len - 1] == '+') {
		s[len - 1] = '\0';
		w->last = U64_MAX;
		return parse_point(w, s, &w->first);
	}
	if (!parse_point(w, s, &w->first))
		return false;
	w->once = w->by_time;
	w->last = w->by_time ? U64_MAX : w->first;
	return true;
}

bool when_fits(struct when *w, u64 nth, u64 now)
{
	u64 at = w->by_time ? now : nth;

	if (w->used || at < w->first || at > w->last)
		return false;
	w->used = w->once;
	return true;
}
