// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is written about tests that have been run: KTAP and a summary. */
#include <inttypes.h>
#include <string.h>

#include "../base/units.h"
#include "line.h"
#include "report.h"

/*
 * DOC: Two kinds of lines
 *
 * What follows from the lab and its seed is the same in each run. What does
 * not (wall time, which instruction of a loop it was) goes to lines of its own
 * that begin with "# host: ", which REPORT_HOST asks for.
 */

#define STEP	"  "	/* by which the spec indents subtests */

/* A description: nothing in it may look like a directive. */
static void put_name(FILE *f, const char *name)
{
	const char *p;

	for (p = name; *p; p++) {
		if (*p == '#' && ktap_directive(p + 1, strlen(p + 1)))
			fputc('\\', f);
		fputc(*p, f);
	}
}

/* Each line of a text, clean, behind @before */
static void put_lines(FILE *f, const char *before, const char *text, size_t len)
{
	char line[TEXT_MAX];
	const char *nl;
	size_t n;

	while (len) {
		nl = memchr(text, '\n', len);
		n = nl ? (size_t)(nl - text) : len;
		text_clean(line, sizeof(line), text, n);
		fprintf(f, "%s%s%s\n", before, *line ? " " : "", line);
		n += !!nl;
		text += n;
		len -= n;
	}
}

static void put_indent(FILE *f, unsigned int depth)
{
	while (depth--)
		fputs(STEP, f);
}

static void put_result(FILE *f, unsigned int number,
		       const struct ktap_result *r)
{
	static const char *const word[] = {
		[KTAP_PASS] = NULL, [KTAP_FAIL] = NULL, [KTAP_SKIP] = "SKIP",
		[KTAP_XFAIL] = "XFAIL",
	};
	const char *directive = word[r->status];

	if (r->status == KTAP_FAIL && r->expected)
		directive = "XFAIL";
	fprintf(f, "%sok %u", r->status == KTAP_FAIL && !r->expected ?
		"not " : "", number);
	if (*r->name) {
		fputc(' ', f);
		put_name(f, r->name);
	}
	if (directive)
		fprintf(f, " # %s", directive);
	if (directive && r->why && *r->why)
		fprintf(f, " %s", r->why);
	fputc('\n', f);
}

static void put_results(FILE *f, const struct ktap_list *list,
			unsigned int depth)
{
	const struct ktap_result *r;
	unsigned int n = 0;

	STAILQ_FOREACH(r, list, entry)
		n++;
	put_indent(f, depth);
	fputs("KTAP version 1\n", f);
	put_indent(f, depth);
	fprintf(f, "1..%u\n", n);
	n = 0;
	STAILQ_FOREACH(r, list, entry) {
		if (!STAILQ_EMPTY(&r->subs))
			put_results(f, &r->subs, depth + 1);
		put_indent(f, depth);
		put_result(f, ++n, r);
	}
}

static void put_time(FILE *f, const char *before, u64 ns, const char *after)
{
	fprintf(f, "%s%" PRIu64 ".%09" PRIu64 " s%s\n", before,
		ns / NSEC_PER_SEC, ns % NSEC_PER_SEC, after);
}

static void put_details(FILE *f, const struct report_test *t,
			unsigned int flags)
{
	char buf[UNITS_TIME_LEN];

	if (t->said && !STAILQ_EMPTY(&t->said->results))
		put_results(f, &t->said->results, 1);
	if (t->log) {
		fprintf(f, "# kernel log%s:\n", t->reports > 1 ?
			", the first of several reports" : "");
		put_lines(f, "#  |", t->log, t->log_len);
	}
	if (t->tail && (!t->loose || flags & REPORT_HOST)) {
		fprintf(f, "#%s the end of its output:\n", t->loose ? " host:" : "");
		put_lines(f, t->loose ? "# host:  >" : "#  >", t->tail,
			  t->tail_len);
	}
	if (t->begun && !t->loose)
		put_time(f, "# simulated: ", t->simulated, "");
	if (!(flags & REPORT_HOST))
		return;
	if (t->begun && t->loose)
		put_time(f, "# host: simulated: ", t->simulated, "");
	if (t->begun)
		fprintf(f, "# host: wall time: %s\n",
			units_format_time(buf, t->wall));
	if (t->where)
		put_lines(f, "# host:", t->where, strlen(t->where));
}

/* What is behind the name */
static void put_verdict(FILE *f, const struct judge_verdict *v)
{
	const char *why = v->why;

	switch (v->outcome) {
	case JUDGE_PASS:
		if (v->surprise)
			fprintf(f, " # unexpected pass: %s", why);
		break;
	case JUDGE_FAIL:
		fprintf(f, " # %s %s", v->limit ? "TIMEOUT" : "ERROR", why);
		break;
	case JUDGE_SKIP:
		fprintf(f, " # SKIP%s%s", *why ? " " : "", why);
		break;
	case JUDGE_XFAIL:
		fprintf(f, " # XFAIL %s (%s)", v->known, why);
		break;
	case JUDGE_NOT_RUN:
		fprintf(f, " # SKIP not run: %s", why);
		break;
	}
}

void report_plan(FILE *f, unsigned int tests)
{
	fprintf(f, "KTAP version 1\n1..%u\n", tests);
}

void report_ktap(FILE *f, unsigned int number, const struct report_test *t,
		 unsigned int flags)
{
	if (!(flags & REPORT_BRIEF))
		put_details(f, t, flags);
	if (t->unlike)
		fprintf(f, "# not reproducible: %s\n", t->unlike);
	if (t->vacuous && t->verdict.outcome == JUDGE_PASS)
		fprintf(f, "# vacuous in simulated time: %s\n", t->vacuous);
	fprintf(f, "%sok %u %s:%s", t->verdict.outcome == JUDGE_FAIL ?
		"not " : "", number, t->collection, t->name);
	put_verdict(f, &t->verdict);
	fputc('\n', f);
}

/*
 * Summary
 */

void report_add(struct report_totals *sum, const struct report_test *t)
{
	const struct judge_verdict *v = &t->verdict;

	sum->tests++;
	sum->passed += v->outcome == JUDGE_PASS;
	sum->failed += v->outcome == JUDGE_FAIL;
	sum->skipped += v->outcome == JUDGE_SKIP;
	sum->expected += v->outcome == JUDGE_XFAIL;
	sum->not_run += v->outcome == JUDGE_NOT_RUN;
	sum->limits += v->limit;
	sum->surprises += v->surprise;
	sum->vacuous += t->vacuous && v->outcome == JUDGE_PASS;
	sum->unlike += !!t->unlike;
	sum->simulated += t->begun && !t->loose ? t->simulated : 0;
}

enum list { LIST_FAILED, LIST_SURPRISES, LIST_VACUOUS, LIST_UNLIKE };

static const char *listed(const struct report_test *t, enum list what)
{
	const struct judge_verdict *v = &t->verdict;

	switch (what) {
	case LIST_FAILED:
		return v->outcome == JUDGE_FAIL ? v->why : NULL;
	case LIST_SURPRISES:
		return v->surprise ? v->why : NULL;
	case LIST_VACUOUS:
		return v->outcome == JUDGE_PASS ? t->vacuous : NULL;
	case LIST_UNLIKE:
		return t->unlike;
	}
	return NULL;
}

static void put_list(FILE *f, const char *title, unsigned int n,
		     const struct report_test *const *tests, enum list what)
{
	const char *why;

	if (!n)
		return;
	fprintf(f, "# %s: %u\n", title, n);
	for (; *tests; tests++) {
		why = listed(*tests, what);
		if (why)
			fprintf(f, "#   %s:%s: %s\n", (*tests)->collection,
				(*tests)->name, why);
	}
}

static void put_speed(FILE *f, const struct report_totals *sum)
{
	char buf[UNITS_TIME_LEN];
	u64 tenths = sum->wall ? sum->simulated / (sum->wall / 10 + 1) : 0;

	fprintf(f, "# host: wall time: %s in all", units_format_time(buf, sum->wall));
	if (tenths >= 10)
		fprintf(f, ", simulated time is %" PRIu64 ".%" PRIu64 " times as much",
			tenths / 10, tenths % 10);
	fputc('\n', f);
}

void report_summary(FILE *f, const struct report_totals *sum,
		    const struct report_test *const *tests, unsigned int flags)
{
	put_list(f, "failed", sum->failed, tests, LIST_FAILED);
	put_list(f, "unexpected pass", sum->surprises, tests, LIST_SURPRISES);
	put_list(f, "vacuous in simulated time", sum->vacuous, tests, LIST_VACUOUS);
	put_list(f, "not reproducible", sum->unlike, tests, LIST_UNLIKE);
	put_time(f, "# simulated: ", sum->simulated, " in all");
	if (flags & REPORT_HOST)
		put_speed(f, sum);
	fprintf(f, "# Totals: passed %u, failed %u, skipped %u, failed as expected %u, ended by a limit %u",
		sum->passed, sum->failed, sum->skipped, sum->expected,
		sum->limits);
	if (sum->not_run)
		fprintf(f, ", not run %u", sum->not_run);
	fputc('\n', f);
}
