// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The verdict on a test, from what is known of its run. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge.h"

#define SKIP_STATUS	4	/* KSFT_SKIP */

/* @sep: what is between that and the detail, if there is one */
static const struct {
	const char *what;
	bool limit;
	const char *sep;
} ends[] = {
	[END_MARKED] = { "", false, ": " },
	[END_MISSING] = { "the end marker is missing", false, ": " },
	[END_PANIC] = { "the kernel has panicked", false, ": " },
	[END_KERNEL_GONE] = { "the kernel has ended", false, ": " },
	[END_ASLEEP] = { "nothing can happen any more: everybody waits for ever", true, ": " },
	[END_STALL] = { "hang: simulated time has not moved", true, " for " },
	[END_TIME_LIMIT] = { "limit of simulated time", true, " of " },
	[END_WALL_LIMIT] = { "limit of wall time", true, " of " },
	[END_OUTPUT_LIMIT] = { "limit of output", true, " of " },
	[END_RUN_FAILED] = { "umtt run has failed", false, ": " },
	[END_INTERRUPTED] = { "interrupted", false, ": " },
	[END_NOT_BUILT] = { "not built", false, ": " },
};

static void __printf(2, 3) set_why(struct judge_verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	text_cut(v->why);
}

/* A reason that may be cut: it has been cleaned, and is as long as we are. */
static void __printf(2, 3) fail(struct judge_verdict *v, const char *fmt, ...)
{
	va_list ap;

	v->outcome = JUDGE_FAIL;
	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	text_cut(v->why);
}

/**
 * struct tally - the results that are "not ok"
 * @open: of which nobody has said that they may fail
 * @known: the others
 * @first: of the open ones; @reason: of the first known one
 */
struct tally {
	unsigned int open, known, passed;
	const struct ktap_result *first;
	const char *reason;
};

static bool any_failed(const struct ktap_list *list)
{
	const struct ktap_result *r;

	STAILQ_FOREACH(r, list, entry)
		if (r->status == KTAP_FAIL || any_failed(&r->subs))
			return true;
	return false;
}

/*
 * A result that has failed because of its subtests is as they are. One that is
 * covered by itself covers what is below it.
 */
static void look(struct tally *t, struct expect *e, const struct judge_case *c,
		 struct ktap_list *list, const struct expect_rule *above)
{
	struct ktap_result *r;

	STAILQ_FOREACH(r, list, entry) {
		const struct expect_rule *rule =
			expect_find(e, EXPECT_FAIL, c->collection, c->test,
				    r->name);
		bool below = any_failed(&r->subs);

		if (!rule)
			rule = above;
		look(t, e, c, &r->subs, rule);
		if (r->status != KTAP_FAIL) {
			/* A rule for more than one may be kept by another. */
			t->passed += rule && rule != above && !below &&
				     r->status == KTAP_PASS;
			continue;
		}
		if (rule) {
			r->expected = true;
			if (!t->reason)
				t->reason = rule->reason;
			t->known += !below;
		} else if (!below) {
			t->open++;
			if (!t->first)
				t->first = r;
		}
	}
}

static void failed_results(struct judge_verdict *v, const struct judge_case *c,
			   const struct tally *t)
{
	unsigned int all = c->said->failed;

	if (all == 1)
		fail(v, "not ok: %.200s", t->first ? t->first->name : "");
	else
		fail(v, "%u results are not ok, the first: %.180s", all,
		     t->first ? t->first->name : "");
}

/* 4 after "ok N # SKIP": the rest is skipped, whatever the plan was. */
static bool skips_rest(const struct judge_case *c)
{
	return c->status == SKIP_STATUS && c->said->skipped_last;
}

static bool bad_form(const struct judge_case *c, struct expect *e)
{
	switch (c->said->problem) {
	case KTAP_FINE:
		return false;
	case KTAP_PLAN_BROKEN:
		return !skips_rest(c);
	case KTAP_NO_PLAN:
		return !expect_find(e, EXPECT_NO_PLAN, c->collection, c->test,
				    NULL);
	default:
		return true;
	}
}

/* A failure that is no result: a rule may have its reason as the subtest. */
static void excuse(struct judge_verdict *v, const struct judge_case *c,
		   const struct tally *t, struct expect *e)
{
	const struct expect_rule *rule;

	if (t->open)
		return;
	rule = expect_find(e, EXPECT_FAIL, c->collection, c->test, v->why);
	if (!rule)
		return;
	v->outcome = JUDGE_XFAIL;
	snprintf(v->known, sizeof(v->known), "%s", rule->reason);
}

static void by_status(struct judge_verdict *v, const struct judge_case *c,
		      const struct tally *t, struct expect *e)
{
	if (!c->status || c->status == SKIP_STATUS || t->known)
		return;
	fail(v, "exit status %d%s", c->status,
	     c->said->used ? ", but nothing is not ok" : "");
	excuse(v, c, t, e);
}

/* By what it has said and its exit status: 3 to 6 of judge() */
static void by_output(struct judge_verdict *v, const struct judge_case *c,
		      const struct tally *t, struct expect *e)
{
	const struct ktap *k = c->said;

	if (c->status == JUDGE_TIMEOUT) {
		v->limit = true;
		fail(v, "timeout: ended with exit status %d", c->status);
	} else if (k->problem == KTAP_BAILED) {
		fail(v, "%s", k->detail);
		excuse(v, c, t, e);
	} else if (t->open) {
		failed_results(v, c, t);
	} else if (k->told > k->failed) {
		fail(v, "its totals count %u failed, but %u result%s not ok",
		     k->told, k->failed, k->failed == 1 ? " is" : "s are");
		excuse(v, c, t, e);
	} else if (bad_form(c, e)) {
		fail(v, "%s", k->detail);
		excuse(v, c, t, e);
		if (v->outcome == JUDGE_XFAIL)
			by_status(v, c, t, e);
	} else if (c->status == SKIP_STATUS || (k->used && !k->passed &&
		   !k->failed && !k->xfailed && c->status == 0)) {
		v->outcome = JUDGE_SKIP;
	} else {
		by_status(v, c, t, e);
	}
}

/* The reason of a skip: that of the whole, or of the last result */
static void skip_reason(struct judge_verdict *v, const struct ktap *k)
{
	const struct ktap_result *r, *last = NULL;

	if (k->skip_why) {
		set_why(v, "%s", k->skip_why);
		return;
	}
	STAILQ_FOREACH(r, &k->results, entry)
		if (r->status == KTAP_SKIP)
			last = r;
	if (last)
		set_why(v, "%s", last->why && *last->why ? last->why : last->name);
}

static void by_end(struct judge_verdict *v, const struct judge_case *c)
{
	v->limit = ends[c->end].limit;
	fail(v, "%s%s%.200s", ends[c->end].what,
	     *c->end_detail ? ends[c->end].sep : "", c->end_detail);
	if (c->end == END_INTERRUPTED)
		v->outcome = JUDGE_NOT_RUN;
}

/* Does it fail as somebody has said that it would? */
static void apply_rule(struct judge_verdict *v, const struct expect_rule *rule)
{
	if (!rule)
		return;
	if (v->outcome == JUDGE_FAIL) {
		v->outcome = JUDGE_XFAIL;
		snprintf(v->known, sizeof(v->known), "%s", rule->reason);
	} else if (v->outcome == JUDGE_PASS) {
		v->surprise = true;
		set_why(v, "%s", rule->reason);
	}
}

/* All that has failed was expected to, one by one. */
static void apply_tally(struct judge_verdict *v, const struct judge_case *c,
			const struct tally *t, const struct expect *e)
{
	if (v->outcome != JUDGE_PASS)
		return;
	if (t->known) {
		v->outcome = JUDGE_XFAIL;
		set_why(v, "%u result%s not ok", t->known,
			t->known == 1 ? "" : "s");
		snprintf(v->known, sizeof(v->known), "%s", t->reason);
	} else if (t->passed) {
		v->surprise = true;
		set_why(v, "a result that was expected to fail is ok");
	} else if (expect_unused(e, c->collection, c->test)) {
		v->surprise = true;
		set_why(v, "what was expected to fail has not");
	}
}

void judge(struct judge_verdict *v, const struct judge_case *c,
	   struct expect *e)
{
	const struct expect_rule *rule =
		expect_find(e, EXPECT_FAIL, c->collection, c->test, NULL);
	bool warn = expect_find(e, EXPECT_WARN, c->collection, c->test, NULL);
	struct tally t = { 0 };

	memset(v, 0, sizeof(*v));
	expect_unmark(e);
	if (c->said)
		look(&t, e, c, &c->said->results, NULL);
	if (c->end != END_MARKED) {
		by_end(v, c);
		if (!c->report || warn || v->outcome == JUDGE_NOT_RUN)
			apply_rule(v, rule);
	} else if (c->report && !warn) {
		fail(v, "kernel: %.200s", c->report);
	} else {
		by_output(v, c, &t, e);
		if (v->outcome == JUDGE_SKIP)
			skip_reason(v, c->said);
		apply_tally(v, c, &t, e);
		apply_rule(v, rule);
	}
}
