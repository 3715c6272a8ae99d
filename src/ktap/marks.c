// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a boot prints, taken apart: whose output is it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

#define START	"#umtt "

/*
 * DOC: Theory of operation
 *
 * A line is held back as long as it may become a mark: to its end if it begins
 * like one and is not too long. Everything else goes on at once, so that lines
 * may be of any length.
 */

void marks_init(struct marks *m, const struct marks_ops *ops, const char *word)
{
	memset(m, 0, sizeof(*m));
	m->ops = ops;
	m->word = word;
}

/* Could @m->line be the beginning of a mark? */
static bool may_be_mark(const struct marks *m)
{
	size_t start = strlen(START), word = strlen(m->word), rest;

	if (memcmp(m->line, START, min_size(m->len, start)) != 0)
		return false;
	if (m->len <= start)
		return true;
	rest = m->len - start;
	if (memcmp(m->line + start, m->word, min_size(rest, word)) != 0)
		return false;
	return rest <= word || m->line[start + word] == ' ';
}

static bool begin(struct marks *m, const char *what)
{
	char name[MARKS_MAX_LINE];
	unsigned long long now;
	int n = -1;

	if (sscanf(what, "begin %511s %llu%n", name, &now, &n) != 2 || what[n])
		return false;
	m->ops->begin(m, name, now);
	return true;
}

static bool end(struct marks *m, const char *what)
{
	char name[MARKS_MAX_LINE];
	unsigned long long now;
	int n = -1, status;

	if (sscanf(what, "end %511s %d %llu%n", name, &status, &now, &n) != 3 ||
	    what[n])
		return false;
	m->ops->end(m, name, status, now);
	return true;
}

/* @m->line is a whole line, without its end. */
static bool is_mark(struct marks *m)
{
	const char *what;

	if (m->len == sizeof(m->line) || !may_be_mark(m) ||
	    m->len <= strlen(START) + strlen(m->word) ||
	    memchr(m->line, '\0', m->len))
		return false;
	m->line[m->len] = '\0';
	what = m->line + strlen(START) + strlen(m->word) + 1;
	if (strcmp(what, "ready") == 0)
		m->ops->ready(m);
	else if (strcmp(what, "done") == 0)
		m->ops->done(m);
	else
		return begin(m, what) || end(m, what);
	return true;
}

static void pass_on(struct marks *m, const char *data, size_t len)
{
	if (len)
		m->ops->data(m, data, len);
}

/* One character at the beginning of a line */
static void hold(struct marks *m, char c)
{
	if (c == '\n' && is_mark(m)) {
		m->len = 0;
		return;
	}
	m->line[m->len++] = c;
	if (c != '\n' && m->len < sizeof(m->line) && may_be_mark(m))
		return;
	pass_on(m, m->line, m->len);
	m->len = 0;
	m->inside = c != '\n';
}

void marks_feed(struct marks *m, const char *data, size_t len)
{
	const char *nl;
	size_t n;

	while (len) {
		n = 1;
		if (m->inside) {
			nl = memchr(data, '\n', len);
			n = nl ? (size_t)(nl - data) + 1 : len;
			pass_on(m, data, n);
			m->inside = !nl;
		} else {
			hold(m, *data);
		}
		data += n;
		len -= n;
	}
}

void marks_end(struct marks *m)
{
	pass_on(m, m->line, m->len);
	m->len = 0;
}
