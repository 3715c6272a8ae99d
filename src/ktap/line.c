// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One line of (K)TAP. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "line.h"

struct cursor {
	const char *s;
	size_t len;
};

static void skip(struct cursor *c, size_t n)
{
	c->s += n;
	c->len -= n;
}

static void skip_spaces(struct cursor *c)
{
	while (c->len && (*c->s == ' ' || *c->s == '\t'))
		skip(c, 1);
}

static bool at_end_of_word(const struct cursor *c)
{
	return !c->len || *c->s == ' ' || *c->s == '\t';
}

/* Take @word, if it is there and a word of its own */
static bool take_word(struct cursor *c, const char *word)
{
	struct cursor after = *c;
	size_t n = strlen(word);

	if (c->len < n || memcmp(c->s, word, n) != 0)
		return false;
	skip(&after, n);
	if (!at_end_of_word(&after))
		return false;
	*c = after;
	return true;
}

static bool take_number(struct cursor *c, u64 *v)
{
	struct cursor was = *c;
	size_t digits = 0;

	*v = 0;
	while (c->len && isdigit((unsigned char)*c->s) && digits++ < 12) {
		*v = *v * 10 + (u64)(*c->s - '0');
		skip(c, 1);
	}
	if (digits && at_end_of_word(c))
		return true;
	*c = was;
	return false;
}

static const struct {
	const char *word;
	enum ktap_status ok, not_ok;
} directives[] = {
	{ "SKIP", KTAP_SKIP, KTAP_SKIP },
	{ "TODO", KTAP_PASS, KTAP_XFAIL },
	{ "XFAIL", KTAP_XFAIL, KTAP_XFAIL },
	{ "XPASS", KTAP_PASS, KTAP_FAIL },
	{ "TIMEOUT", KTAP_FAIL, KTAP_FAIL },
	{ "ERROR", KTAP_FAIL, KTAP_FAIL },
};

/* The directive at @s, or -1; @end: where its text begins */
static int find_directive(const char *s, size_t len, size_t *end)
{
	size_t i, n, at = 0;

	while (at < len && s[at] == ' ')
		at++;
	for (i = 0; i < ARRAY_SIZE(directives); i++) {
		n = strlen(directives[i].word);
		/* "Skipped" is what TAP 13 says, too. */
		if (len - at < n || strncasecmp(s + at, directives[i].word, n))
			continue;
		if (i == 0)
			while (at + n < len && isalpha((unsigned char)s[at + n]))
				n++;
		if (at + n < len && isalnum((unsigned char)s[at + n]))
			continue;
		*end = at + n;
		return (int)i;
	}
	return -1;
}

bool ktap_directive(const char *s, size_t len)
{
	size_t end;

	return find_directive(s, len, &end) >= 0;
}

static void set_why(struct ktap_line *l, struct cursor c)
{
	skip_spaces(&c);
	if (c.len && *c.s == ':')
		skip(&c, 1);
	skip_spaces(&c);
	l->why = c.s;
	l->why_len = c.len;
}

/* The description, and the directive behind it */
static void parse_rest(struct ktap_line *l, struct cursor c, bool ok)
{
	size_t i, end;
	int d;

	skip_spaces(&c);
	if (c.len >= 2 && c.s[0] == '-' && c.s[1] == ' ')
		skip(&c, 2);
	l->name = c.s;
	l->name_len = c.len;
	l->status = ok ? KTAP_PASS : KTAP_FAIL;
	for (i = 0; i < c.len; i++) {
		if (c.s[i] != '#' || (i && c.s[i - 1] != ' ' && c.s[i - 1] != '\t'))
			continue;
		d = find_directive(c.s + i + 1, c.len - i - 1, &end);
		if (d < 0)
			continue;
		l->name_len = i;
		l->status = ok ? directives[d].ok : directives[d].not_ok;
		skip(&c, i + 1 + end);
		set_why(l, c);
		return;
	}
}

static bool parse_plan(struct ktap_line *l, struct cursor c)
{
	size_t end;

	if (c.len < 4 || memcmp(c.s, "1..", 3) != 0)
		return false;
	skip(&c, 3);
	if (!take_number(&c, &l->number))
		return false;
	skip_spaces(&c);
	if (c.len && *c.s != '#')
		return false;
	if (c.len && find_directive(c.s + 1, c.len - 1, &end) == 0) {
		l->skip = true;
		skip(&c, end + 1);
		set_why(l, c);
	}
	l->kind = KTAP_PLAN;
	return true;
}

static bool parse_version(struct ktap_line *l, struct cursor c)
{
	u64 v;

	if (!take_word(&c, "KTAP") && !take_word(&c, "TAP"))
		return false;
	skip_spaces(&c);
	if (!take_word(&c, "version"))
		return false;
	skip_spaces(&c);
	if (!take_number(&c, &v))
		return false;
	l->kind = KTAP_VERSION;
	return true;
}

static bool parse_result(struct ktap_line *l, struct cursor c)
{
	bool ok = true;

	if (take_word(&c, "not")) {
		skip_spaces(&c);
		ok = false;
	}
	if (!take_word(&c, "ok"))
		return false;
	skip_spaces(&c);
	l->numbered = take_number(&c, &l->number);
	l->kind = KTAP_RESULT;
	parse_rest(l, c, ok);
	return true;
}

static bool parse_bail(struct ktap_line *l, struct cursor c)
{
	if (c.len < 9 || strncasecmp(c.s, "Bail out!", 9) != 0)
		return false;
	skip(&c, 9);
	set_why(l, c);
	l->kind = KTAP_BAIL;
	return true;
}

size_t ktap_prefix(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		if (i < len && (s[i] == ' ' || s[i] == '\t'))
			i++;
		else if (i + 1 < len && s[i] == '#' && s[i + 1] == ' ')
			i += 2;
		else
			return i;
	}
}

void ktap_line(struct ktap_line *l, const char *s, size_t len)
{
	struct cursor c = { s, len };

	memset(l, 0, sizeof(*l));
	while (c.len && (c.s[c.len - 1] == '\r' || c.s[c.len - 1] == ' '))
		c.len--;
	if (!parse_result(l, c) && !parse_plan(l, c) && !parse_version(l, c))
		(void)parse_bail(l, c);
}
