// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Expectations: what is known of tests before they are run. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "expect.h"
#include "text.h"

enum takes { NO_VALUE, A_TIME, A_SIZE };

static const struct verb {
	const char *name;
	bool reason, subtests;
	enum takes takes;
} verbs[] = {
	[EXPECT_SKIP] = { "skip", true, false, NO_VALUE },
	[EXPECT_FAIL] = { "fail", true, true, NO_VALUE },
	[EXPECT_VACUOUS] = { "vacuous", true, false, NO_VALUE },
	[EXPECT_WARN] = { "warn", true, false, NO_VALUE },
	[EXPECT_NO_PLAN] = { "no-plan", true, false, NO_VALUE },
	[EXPECT_BOOT] = { "boot", false, false, NO_VALUE },
	[EXPECT_BUSY] = { "busy", false, false, NO_VALUE },
	[EXPECT_BUSY_COST] = { "busy-cost", false, false, A_TIME },
	[EXPECT_TIME_LIMIT] = { "time-limit", false, false, A_TIME },
	[EXPECT_WALL_LIMIT] = { "wall-limit", false, false, A_TIME },
	[EXPECT_MEM] = { "mem", false, false, A_SIZE },
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The word at *@s, which is moved behind it. "\ " does not end a word. */
static char *take_word(const char **s, const char *end)
{
	const char *p, *from;

	while (*s < end && is_space(**s))
		(*s)++;
	from = *s;
	for (p = from; p < end && !is_space(*p); p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	*s = p;
	return strndup(from, (size_t)(p - from));
}

/* No part of COLLECTION:TEST[:SUBTEST] is empty. */
static bool is_name(const char *name)
{
	const char *test = strchr(name, ':'), *sub;

	if (!test || test == name || !test[1] || test[1] == ':')
		return false;
	sub = strchr(test + 1, ':');
	return !sub || sub[1];
}

/* Takes over @name. false: there is no memory */
static bool take_name(struct expect_rule *r, char *name)
{
	char *test = strchr(name, ':'), *sub;

	r->collection = name;
	*test++ = '\0';
	r->test = strdup(test);
	sub = r->test ? strchr(r->test, ':') : NULL;
	if (sub) {
		*sub++ = '\0';
		r->subtest = strdup(sub);
	}
	return r->test && (!sub || r->subtest);
}

static int find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Text of the user's in a message of ours */
static void quote(char *why, const char *before, const char *text,
		  const char *after)
{
	char clean[64];

	text_clean(clean, sizeof(clean), text, strlen(text));
	snprintf(why, EXPECT_WHY_LEN, "%s'%s'%s", before, clean, after);
}

static bool take_value(struct expect_rule *r, const char **s, const char *end,
		       char *why)
{
	const struct verb *v = &verbs[r->verb];
	char *word;
	bool ok;

	if (v->takes == NO_VALUE)
		return true;
	word = take_word(s, end);
	if (!word)
		return false;
	if (v->takes == A_TIME)
		ok = !units_time(word, NSEC_PER_SEC, &r->value) && r->value;
	else
		ok = !units_size(word, &r->value) && r->value;
	if (!ok)
		quote(why, "", word, v->takes == A_TIME ?
		      " is not a time, as 10s or 2h" : " is not a size, as 512M");
	free(word);
	return ok;
}

static bool take_verb(struct expect_rule *r, const char **s, const char *end,
		      char *why)
{
	char *word = take_word(s, end);
	int verb = word ? find_verb(word) : -1;
	bool ok = verb >= 0;

	if (word && !*word)
		snprintf(why, EXPECT_WHY_LEN, "no verb behind the name");
	else if (word && !ok)
		quote(why, "", word, " is no verb; there are skip, fail, vacuous, warn, no-plan, boot, busy, busy-cost, time-limit, wall-limit, mem");
	free(word);
	if (!ok)
		return false;
	r->verb = (enum expect_verb)verb;
	if (r->subtest && !verbs[verb].subtests) {
		snprintf(why, EXPECT_WHY_LEN, "'%s' is for a test, not for a subtest",
			 verbs[verb].name);
		return false;
	}
	return take_value(r, s, end, why);
}

static bool take_reason(struct expect_rule *r, const char *s, const char *end,
			char *why)
{
	r->reason = text_dup(s, (size_t)(end - s));
	if (r->reason && !*r->reason && verbs[r->verb].reason) {
		snprintf(why, EXPECT_WHY_LEN, "'%s' needs a reason behind it",
			 verbs[r->verb].name);
		return false;
	}
	return r->reason;
}

static void rule_free(struct expect_rule *r)
{
	free(r->collection);
	free(r->test);
	free(r->subtest);
	free(r->reason);
}

static bool parse_line(struct expect_rule *r, const char *s, const char *end,
		       char *why)
{
	char *name = take_word(&s, end);

	if (!name)
		return false;
	if (!is_name(name)) {
		quote(why, "", name, " is not COLLECTION:TEST or COLLECTION:TEST:SUBTEST");
		free(name);
		return false;
	}
	return take_name(r, name) && take_verb(r, &s, end, why) && take_reason(r, s, end, why);
}

static bool add(struct expect *e, const struct expect_rule *r)
{
	struct expect_rule *more;

	/* Room is made for 1, 2, 4... */
	if ((e->n & (e->n - 1)) == 0) {
		more = realloc(e->rules, (e->n ? e->n * 2 : 1) * sizeof(*more));
		if (!more)
			return false;
		e->rules = more;
	}
	e->rules[e->n++] = *r;
	return true;
}

/* Nothing, or only a comment */
static bool is_empty(const char *s, const char *end)
{
	while (s < end && is_space(*s))
		s++;
	return s == end || *s == '#';
}

unsigned int expect_parse(struct expect *e, const char *text, size_t len,
			  char *why)
{
	const char *s = text, *stop = text + len, *end;
	unsigned int line = 1;

	for (; s < stop; s = end + 1, line++) {
		struct expect_rule r = { .line = line };

		end = memchr(s, '\n', (size_t)(stop - s));
		if (!end)
			end = stop;
		if (is_empty(s, end))
			continue;
		snprintf(why, EXPECT_WHY_LEN, "out of memory");
		if (memchr(s, '\0', (size_t)(end - s)))
			snprintf(why, EXPECT_WHY_LEN, "this is not text");
		else if (parse_line(&r, s, end, why) && add(e, &r))
			continue;
		rule_free(&r);
		return line;
	}
	return 0;
}

void expect_fini(struct expect *e)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		rule_free(&e->rules[i]);
	free(e->rules);
	e->rules = NULL;
	e->n = 0;
}

static bool matches(const struct expect_rule *r, const char *collection,
		    const char *test, const char *subtest)
{
	return fnmatch(r->collection, collection, 0) == 0 &&
	       fnmatch(r->test, test, 0) == 0 && !r->subtest == !subtest &&
	       (!subtest || fnmatch(r->subtest, subtest, 0) == 0);
}

struct expect_rule *expect_find(struct expect *e, enum expect_verb verb,
				const char *collection, const char *test,
				const char *subtest)
{
	size_t i;

	for (i = e->n; i-- > 0;) {
		struct expect_rule *r = &e->rules[i];

		if (r->verb != verb || !matches(r, collection, test, subtest))
			continue;
		r->used = true;
		return r;
	}
	return NULL;
}

void expect_unmark(struct expect *e)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		e->rules[i].used = false;
}

bool expect_unused(const struct expect *e, const char *collection,
		   const char *test)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		const struct expect_rule *r = &e->rules[i];

		if (r->verb == EXPECT_FAIL && r->subtest && !r->used &&
		    strcmp(r->collection, collection) == 0 &&
		    strcmp(r->test, test) == 0)
			return true;
	}
	return false;
}
