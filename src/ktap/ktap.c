// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a test says in KTAP or TAP, read as it comes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "line.h"

/*
 * DOC: Theory of operation
 *
 * The open documents are a stack, the outermost first; each knows what all its
 * lines begin with. A line belongs to the document with exactly its prefix, and
 * ends those further in. An ended document waits in @pending of the one around
 * it for the result that it is part of; if none comes, its results count there
 * by themselves.
 *
 * The plan of a document is kept when each number from 1 to N has come once, in
 * any order. Tests that run others print several documents in a row: a new one
 * begins with a version line, and where the plan of the old one has been kept
 * with a plan, or with a result of number 1.
 */

/* At most this many characters of a reason or a name in one of ours */
#define SHORT	160

static void __printf(3, 4) problem(struct ktap_parser *p, enum ktap_problem what,
				   const char *fmt, ...)
{
	va_list ap;

	if (p->out.problem)
		return;
	p->out.problem = what;
	va_start(ap, fmt);
	vsnprintf(p->out.detail, sizeof(p->out.detail), fmt, ap);
	va_end(ap);
}

/*
 * Results
 */

void ktap_list_free(struct ktap_list *list)
{
	struct ktap_result *r;

	while ((r = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, entry);
		/* No recursion: what is below is freed after its siblings. */
		STAILQ_CONCAT(list, &r->subs);
		free(r->name);
		free(r->why);
		free(r);
	}
}

/* ksft_test_result_skip() puts the name behind the directive. */
static bool fill(struct ktap_result *r, const struct ktap_line *l)
{
	bool swap = l->why && !l->name_len && l->why_len;

	r->status = l->status;
	r->name = swap ? text_dup(l->why, l->why_len) :
			 text_dup(l->name, l->name_len);
	if (l->why)
		r->why = text_dup(swap ? "" : l->why, swap ? 0 : l->why_len);
	return r->name && (!l->why || r->why);
}

static struct ktap_result *new_result(struct ktap_parser *p,
				      const struct ktap_line *l)
{
	struct ktap_result *r;

	if (p->results == KTAP_MAX_RESULTS) {
		problem(p, KTAP_TOO_MUCH, "more than %d results",
			KTAP_MAX_RESULTS);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r)
		STAILQ_INIT(&r->subs);
	if (!r || !fill(r, l)) {
		problem(p, KTAP_NO_MEMORY, "out of memory");
		if (r) {
			free(r->name);
			free(r);
		}
		return NULL;
	}
	p->results++;
	return r;
}

/* Results below @list that are not ok, each counted once */
static unsigned int failures(const struct ktap_list *list)
{
	const struct ktap_result *r;
	unsigned int n = 0, below;

	STAILQ_FOREACH(r, list, entry) {
		below = failures(&r->subs);
		n += below ? below : r->status == KTAP_FAIL;
	}
	return n;
}

static void count_one(struct ktap *k, const struct ktap_result *r)
{
	switch (r->status) {
	case KTAP_PASS:
		k->passed++;
		break;
	case KTAP_FAIL:
		k->failed++;
		break;
	case KTAP_SKIP:
		k->skipped++;
		break;
	case KTAP_XFAIL:
		k->xfailed++;
		break;
	}
}

static void count(struct ktap *k, const struct ktap_list *list)
{
	const struct ktap_result *r;

	STAILQ_FOREACH(r, list, entry) {
		if (STAILQ_EMPTY(&r->subs)) {
			count_one(k, r);
			continue;
		}
		count(k, &r->subs);
		if (r->status == KTAP_FAIL && !failures(&r->subs))
			k->failed++;
	}
}

/*
 * Documents
 */

static struct ktap_group *innermost(struct ktap_parser *p)
{
	return &p->groups[p->depth - 1];
}

static void clear(struct ktap_group *g)
{
	free(g->seen);
	g->seen = NULL;
	g->seen_size = 0;
	g->version = g->planned = g->twice = false;
	g->plan = g->count = g->top = 0;
}

static void group_init(struct ktap_group *g, const char *prefix, size_t len)
{
	memset(g, 0, sizeof(*g));
	memcpy(g->prefix, prefix, len);
	g->prefix_len = len;
	STAILQ_INIT(&g->list);
	STAILQ_INIT(&g->pending);
}

/* What has been said up to here is a document: was its plan kept? */
static void check_plan(struct ktap_parser *p, struct ktap_group *g)
{
	if (!g->version && !g->planned && !g->count)
		return;
	if (!g->planned)
		problem(p, KTAP_NO_PLAN, "no plan");
	else if (g->plan != g->count)
		problem(p, KTAP_PLAN_BROKEN, "plan of %u, but %u result%s",
			g->plan, g->count, g->count == 1 ? "" : "s");
	else if (g->twice || g->top > g->plan)
		problem(p, KTAP_PLAN_BROKEN, "the results are not numbered from 1 to %u",
			g->plan);
}

static void next_document(struct ktap_parser *p, struct ktap_group *g)
{
	check_plan(p, g);
	clear(g);
}

static void pop(struct ktap_parser *p)
{
	struct ktap_group *g = innermost(p);

	next_document(p, g);
	STAILQ_CONCAT(&g->list, &g->pending);
	p->depth--;
	STAILQ_CONCAT(&innermost(p)->pending, &g->list);
}

/* Make the document with this prefix the innermost one. false: there is none */
static bool find_group(struct ktap_parser *p, const char *prefix, size_t len)
{
	unsigned int i;

	for (i = p->depth; i-- > 0;) {
		struct ktap_group *g = &p->groups[i];

		if (g->prefix_len != len || memcmp(g->prefix, prefix, len))
			continue;
		while (p->depth > i + 1)
			pop(p);
		return true;
	}
	return false;
}

/* A document begins inside of those whose prefix its own begins with. */
static bool push_group(struct ktap_parser *p, const char *prefix, size_t len)
{
	struct ktap_group *g = innermost(p);

	if (len >= KTAP_MAX_PREFIX) {
		problem(p, KTAP_TOO_MUCH, "results behind %zu characters of prefix",
			len);
		return false;
	}
	while (g->prefix_len > len || memcmp(g->prefix, prefix, g->prefix_len)) {
		pop(p);
		g = innermost(p);
	}
	if (p->depth == KTAP_MAX_DEPTH) {
		problem(p, KTAP_TOO_MUCH, "subtests nested more than %d deep",
			KTAP_MAX_DEPTH);
		return false;
	}
	group_init(&p->groups[p->depth++], prefix, len);
	return true;
}

static bool is_complete(const struct ktap_group *g)
{
	return g->planned && g->count == g->plan;
}

static void got_version(struct ktap_parser *p)
{
	struct ktap_group *g = innermost(p);

	p->out.used = true;
	if (g->version || g->count || is_complete(g))
		next_document(p, g);
	g->version = true;
}

static void got_plan(struct ktap_parser *p, const struct ktap_line *l)
{
	struct ktap_group *g = innermost(p);

	p->out.used = true;
	if (g->planned) {
		if (!is_complete(g))
			problem(p, KTAP_PLAN_BROKEN, "a second plan");
		next_document(p, g);
	}
	g->planned = true;
	g->plan = l->number > U64_MAX >> 33 ? ~0U : (unsigned int)l->number;
	if (g->plan || p->depth > 1)
		return;
	p->out.skip_all = true;
	p->out.skipped_last = true;
	if (l->why && l->why_len && !p->out.skip_why)
		p->out.skip_why = text_dup(l->why, l->why_len);
}

/* Has @number of this document come before? It has now. */
static bool mark_seen(struct ktap_parser *p, struct ktap_group *g, u64 number)
{
	size_t byte = (size_t)number / 8, size = byte * 2 + 64;
	u8 *seen, bit = (u8)(1 << number % 8);

	if (byte >= g->seen_size) {
		seen = realloc(g->seen, size);
		if (!seen) {
			problem(p, KTAP_NO_MEMORY, "out of memory");
			return false;
		}
		memset(seen + g->seen_size, 0, size - g->seen_size);
		g->seen = seen;
		g->seen_size = size;
	}
	if (g->seen[byte] & bit)
		return true;
	g->seen[byte] |= bit;
	return false;
}

static void take_place(struct ktap_parser *p, struct ktap_group *g,
		       const struct ktap_line *l)
{
	u64 number = l->numbered ? l->number : (u64)g->count + 1;

	if (is_complete(g) && (!l->numbered || number == 1))
		next_document(p, g);
	if (!l->numbered)
		number = (u64)g->count + 1;
	g->count++;
	if (!number || number > KTAP_MAX_RESULTS) {
		g->twice = true;
		return;
	}
	g->top = number > g->top ? (unsigned int)number : g->top;
	if (mark_seen(p, g, number))
		g->twice = true;
}

static void got_result(struct ktap_parser *p, const struct ktap_line *l)
{
	struct ktap_group *g = innermost(p);
	struct ktap_result *r;

	/* Without a number it is a result only where results are expected. */
	if (!l->numbered && l->status != KTAP_FAIL && !g->version && !g->planned)
		return;
	p->out.used = true;
	take_place(p, g, l);
	p->out.skipped_last = l->status == KTAP_SKIP;
	r = new_result(p, l);
	if (!r)
		return;
	STAILQ_CONCAT(&r->subs, &g->pending);
	STAILQ_INSERT_TAIL(&g->list, r, entry);
}

static void got_bail(struct ktap_parser *p, const struct ktap_line *l)
{
	char why[SHORT];

	text_clean(why, sizeof(why), l->why, l->why_len);
	p->out.used = true;
	problem(p, KTAP_BAILED, "Bail out!%s%s", *why ? " " : "", why);
}

/* What may count although no document has begun there */
static bool counts_alone(const struct ktap_line *l, const char *prefix,
			 size_t len)
{
	return l->kind == KTAP_RESULT && l->status == KTAP_FAIL &&
	       l->numbered && !memchr(prefix, '#', len);
}

/* Tests may count what they show in a form of their own. */
static void got_totals(struct ktap_parser *p, const char *s, size_t len)
{
	unsigned int fail, error;
	char line[128];

	if (len >= sizeof(line))
		return;
	memcpy(line, s, len);
	line[len] = '\0';
	if (sscanf(line, "# Totals: pass:%*u fail:%9u xfail:%*u xpass:%*u skip:%*u error:%9u",
		   &fail, &error) == 2 && fail + error > p->out.told)
		p->out.told = fail + error;
}

static void got_line(struct ktap_parser *p, const char *s, size_t len)
{
	size_t prefix = ktap_prefix(s, len);
	struct ktap_line l;

	got_totals(p, s, len);
	ktap_line(&l, s + prefix, len - prefix);
	if (l.kind == KTAP_OTHER)
		return;
	if (!find_group(p, s, prefix)) {
		if (l.kind == KTAP_BAIL && !memchr(s, '#', prefix)) {
			got_bail(p, &l);
			return;
		}
		if (l.kind != KTAP_VERSION && l.kind != KTAP_PLAN &&
		    !counts_alone(&l, s, prefix))
			return;
		if (!push_group(p, s, prefix))
			return;
	}
	if (l.kind == KTAP_VERSION)
		got_version(p);
	else if (l.kind == KTAP_PLAN)
		got_plan(p, &l);
	else if (l.kind == KTAP_RESULT)
		got_result(p, &l);
	else
		got_bail(p, &l);
}

/*
 * The stream
 */

void ktap_init(struct ktap_parser *p)
{
	memset(p, 0, sizeof(*p));
	STAILQ_INIT(&p->out.results);
	group_init(&p->groups[0], "", 0);
	p->depth = 1;
}

static void end_line(struct ktap_parser *p)
{
	if (p->len)
		got_line(p, p->line, p->len);
	p->len = 0;
}

void ktap_feed(struct ktap_parser *p, const char *data, size_t len)
{
	const char *nl;
	size_t n, room;

	while (len) {
		nl = memchr(data, '\n', len);
		n = nl ? (size_t)(nl - data) : len;
		/* The rest of a long line says nothing more. */
		room = sizeof(p->line) - p->len;
		memcpy(p->line + p->len, data, min_size(n, room));
		p->len += min_size(n, room);
		if (nl)
			end_line(p);
		n += !!nl;
		data += n;
		len -= n;
	}
}

void ktap_end(struct ktap_parser *p)
{
	struct ktap_group *root = &p->groups[0];

	end_line(p);
	while (p->depth > 1)
		pop(p);
	next_document(p, root);
	STAILQ_CONCAT(&root->list, &root->pending);
	STAILQ_CONCAT(&p->out.results, &root->list);
	count(&p->out, &p->out.results);
}

void ktap_fini(struct ktap_parser *p)
{
	unsigned int i;

	for (i = 0; i < p->depth; i++) {
		ktap_list_free(&p->groups[i].list);
		ktap_list_free(&p->groups[i].pending);
		free(p->groups[i].seen);
	}
	p->depth = 0;
	ktap_list_free(&p->out.results);
	free(p->out.skip_why);
	p->out.skip_why = NULL;
}
