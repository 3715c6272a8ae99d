// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Which tests there are, which of them are wanted, and what is known of them. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "tests.h"

#define MAX_LIST	(4u << 20)
#define NOT_BUILT_NAME	"build"

char *kself_read_file(const char *path, size_t max, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *buf = NULL;
	size_t n, room = 0;
	int err;

	*len = 0;
	if (!f)
		return NULL;
	do {
		room += 65536;
		errno = 0;
		buf = xrealloc(buf, room + 1);
		n = fread(buf + *len, 1, min_size(room, max) - *len, f);
		*len += n;
	} while (n && *len < max && *len == room);
	buf[*len] = '\0';
	err = ferror(f) ? errno : 0;
	fclose(f);
	if (!err)
		return buf;
	free(buf);
	errno = err;
	return NULL;
}

/* These names become paths, here and in the guest, and words of marks. */
static bool is_name(const char *s)
{
	const char *p;

	if (!*s || *s == '/' || *s == '-')
		return false;
	for (p = s; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'\\$`;&|<>*?()[]{}#", *p))
			return false;
	return strcmp(s, "..") && strncmp(s, "../", 3) && !strstr(s, "/../") &&
	       (strlen(s) < 3 || strcmp(s + strlen(s) - 3, "/..") != 0);
}

static struct kself_test *add(struct kself_tests *t, const char *collection,
			      const char *name)
{
	struct kself_test *x;

	t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	x = &t->v[t->n++];
	memset(x, 0, sizeof(*x));
	x->collection = xstrdup(collection);
	x->name = xstrdup(name);
	return x;
}

/* COLLECTION:TEST, in place; NULL: it is something else */
static char *split(char *line)
{
	char *name = strchr(line, ':');

	if (!name)
		return NULL;
	*name++ = '\0';
	return is_name(line) && is_name(name) && !strchr(name, ':') ? name : NULL;
}

static bool has(const struct kself_tests *t, const char *collection,
		const char *name)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->v[i].collection, collection) == 0 &&
		    strcmp(t->v[i].name, name) == 0)
			return true;
	return false;
}

static int load_list(struct kself_tests *t, const char *path)
{
	unsigned int n = 0;
	char *text, *p, *line, *name;
	size_t len;

	text = kself_read_file(path, MAX_LIST, &len);
	if (!text) {
		log_err(path, "cannot read the list of tests: %s; is this where kselftests are installed?",
			strerror(errno));
		return -errno;
	}
	for (p = text; (line = strsep(&p, "\n"));) {
		n++;
		if (!*line || *line == '#')
			continue;
		name = split(line);
		if (!name) {
			log_err(path, "line %u is not COLLECTION:TEST", n);
			free(text);
			return -EINVAL;
		}
		if (!has(t, line, name))
			add(t, line, name);
	}
	free(text);
	return 0;
}

/* A line is "COLLECTION[:TEST]<tab>reason"; others are passed over. */
static void load_not_built(struct kself_tests *t, const char *path)
{
	char *text, *p, *line, *name, *why, clean[TEXT_MAX];
	size_t len;

	text = kself_read_file(path, MAX_LIST, &len);
	if (!text)
		return;
	for (p = text; (line = strsep(&p, "\n"));) {
		why = strchr(line, '\t');
		if (!why)
			continue;
		*why++ = '\0';
		name = strchr(line, ':') ? split(line) : NOT_BUILT_NAME;
		if (!name || !is_name(line) || has(t, line, name))
			continue;
		text_clean(clean, sizeof(clean), why, strlen(why));
		add(t, line, name)->not_built = xstrdup(clean);
	}
	free(text);
}

/* Tests of a collection together, in the order in which these come first */
static void group(struct kself_tests *t)
{
	struct kself_test *out = xcalloc(t->n + 1, sizeof(*out));
	bool *taken = xcalloc(t->n + 1, sizeof(*taken));
	size_t i, j, n = 0;

	for (i = 0; i < t->n; i++) {
		for (j = i; j < t->n; j++) {
			if (taken[j] || strcmp(t->v[j].collection,
					       t->v[i].collection))
				continue;
			out[n++] = t->v[j];
			taken[j] = true;
		}
	}
	free(taken);
	free(t->v);
	t->v = out;
}

int kself_tests_load(struct kself_tests *t, const char *list,
		     const char *not_built)
{
	int ret = load_list(t, list);

	if (ret)
		return ret;
	if (not_built)
		load_not_built(t, not_built);
	group(t);
	return 0;
}

/*
 * Which are wanted
 */

/* Does @pattern, COLLECTION or COLLECTION:TEST, name this one? */
static bool matches(const char *pattern, const struct kself_test *x)
{
	char *full;
	bool yes;

	if (!strchr(pattern, ':'))
		return fnmatch(pattern, x->collection, 0) == 0;
	full = xasprintf("%s:%s", x->collection, x->name);
	yes = fnmatch(pattern, full, 0) == 0;
	free(full);
	return yes;
}

/* How many letters have to be changed; small words only */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], i, j, la = strlen(a), lb = strlen(b), diag, up;

	if (la >= 64 || lb >= 64)
		return 64;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = min_size(diag + (a[i - 1] != b[j - 1]),
					  min_size(up, row[j - 1]) + 1);
			diag = up;
		}
	}
	return row[lb];
}

/* The name that is most like @name; what is only a part of one is like it, too. */
static char *suggest(const struct kself_tests *t, const char *name)
{
	char *best = NULL, *s;
	size_t i, d, least = strlen(name) / 3 + 1;

	for (i = 0; i < t->n; i++) {
		const struct kself_test *x = &t->v[i];

		s = strchr(name, ':') ?
			xasprintf("%s:%s", x->collection, x->name) :
			xstrdup(x->collection);
		d = strstr(s, name) ? 1 : distance(s, name);
		if (d < least || (d == least && !best)) {
			least = d;
			free(best);
			best = s;
		} else {
			free(s);
		}
	}
	return best;
}

static int must_match(const struct kself_tests *t, const char *option,
		      const struct strvec *patterns)
{
	char *like;
	size_t i, j;

	for (i = 0; i < patterns->n; i++) {
		for (j = 0; j < t->n; j++)
			if (matches(patterns->v[i], &t->v[j]))
				break;
		if (j < t->n)
			continue;
		like = suggest(t, patterns->v[i]);
		log_err(NULL, "--%s %s: there is no such %s%s%s%s", option,
			patterns->v[i], strchr(patterns->v[i], ':') ? "test" :
			"collection", like ? "; did you mean '" : "; --list shows all",
			like ? like : "", like ? "'?" : "");
		free(like);
		return -ENOENT;
	}
	return 0;
}

static bool any_matches(const struct strvec *patterns,
			const struct kself_test *x)
{
	size_t i;

	for (i = 0; i < patterns->n; i++)
		if (matches(patterns->v[i], x))
			return true;
	return false;
}

static void test_free(struct kself_test *x)
{
	if (x->said)
		ktap_fini(x->said);
	free(x->said);
	free(x->collection);
	free(x->name);
	free(x->not_built);
	free(x->log);
	free(x->tail);
	free(x->where);
	free(x->unlike);
}

int kself_tests_select(struct kself_tests *t, const struct kself_filter *f)
{
	bool all = !f->collections.n && !f->tests.n;
	size_t i, n = 0;

	if (must_match(t, "collection", &f->collections) ||
	    must_match(t, "test", &f->tests) || must_match(t, "skip", &f->skip))
		return -ENOENT;
	for (i = 0; i < t->n; i++) {
		struct kself_test *x = &t->v[i];

		if ((all || any_matches(&f->collections, x) ||
		     any_matches(&f->tests, x)) && !any_matches(&f->skip, x))
			t->v[n++] = *x;
		else
			test_free(x);
	}
	t->n = n;
	if (n)
		return 0;
	log_err(NULL, "no test is left to be run");
	return -ENOENT;
}

/*
 * What is known of them
 */

static const char *reason(struct expect *e, enum expect_verb verb,
			  const struct kself_test *x)
{
	const struct expect_rule *r = expect_find(e, verb, x->collection,
						  x->name, NULL);

	return r ? r->reason : NULL;
}

static u64 value(struct expect *e, enum expect_verb verb,
		 const struct kself_test *x)
{
	const struct expect_rule *r = expect_find(e, verb, x->collection,
						  x->name, NULL);

	return r ? r->value : 0;
}

void kself_tests_expect(struct kself_tests *t, struct expect *e)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct kself_test *x = &t->v[i];

		x->report.collection = x->collection;
		x->report.name = x->name;
		x->report.vacuous = reason(e, EXPECT_VACUOUS, x);
		x->skip = reason(e, EXPECT_SKIP, x);
		x->own_boot = reason(e, EXPECT_BOOT, x);
		x->busy_cost = value(e, EXPECT_BUSY_COST, x);
		x->busy = x->busy_cost || reason(e, EXPECT_BUSY, x);
		x->time_limit = value(e, EXPECT_TIME_LIMIT, x);
		x->wall_limit = value(e, EXPECT_WALL_LIMIT, x);
		x->mem = value(e, EXPECT_MEM, x);
	}
}

void kself_tests_fini(struct kself_tests *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		test_free(&t->v[i]);
	free(t->v);
	t->v = NULL;
	t->n = 0;
}
