/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The verdict on a test, from what is known of its run. */
#ifndef KTAP_JUDGE_H
#define KTAP_JUDGE_H

#include "expect.h"
#include "ktap.h"

/* Why the output of a test has no end, if it has none */
enum judge_end {
	END_MARKED,		/* it has: the test has ended */
	END_MISSING,		/* the boot has ended in order, and yet... */
	END_PANIC,		/* the kernel has */
	END_KERNEL_GONE,	/* ... otherwise */
	END_ASLEEP,		/* nothing can happen any more */
	END_STALL,		/* simulated time stands still */
	END_TIME_LIMIT, END_WALL_LIMIT, END_OUTPUT_LIMIT,
	END_RUN_FAILED,		/* umtt run has failed */
	END_INTERRUPTED,	/* by the user */
	END_NOT_BUILT,		/* it has never begun */
};

enum judge_outcome {
	JUDGE_PASS, JUDGE_FAIL, JUDGE_SKIP,
	JUDGE_XFAIL,		/* it has failed, as it was expected to */
	JUDGE_NOT_RUN,		/* the run was interrupted */
};

#define JUDGE_TIMEOUT	124	/* of coreutils' timeout, in the guest */

/**
 * struct judge_case - what is known of a test
 * @status: with which it has ended, if @end is END_MARKED
 * @end_detail: of @end, for people; "" if there is none
 * @report: first line of the first report in the kernel's log, NULL: none
 * @said: what it has printed; NULL: it has not begun
 */
struct judge_case {
	const char *collection, *test;
	enum judge_end end;
	int status;
	const char *end_detail, *report;
	struct ktap *said;
};

/**
 * struct judge_verdict - what became of it
 * @limit: it was ended by a limit: of time, output, or patience
 * @surprise: it was expected to fail and has not
 * @why: of all but a pass: what was wrong, or why it was skipped. Of a
 *	surprise: the reason why it was expected to fail
 * @known: of JUDGE_XFAIL: why that was expected
 */
struct judge_verdict {
	enum judge_outcome outcome;
	bool limit, surprise;
	char why[TEXT_MAX];
	char known[TEXT_MAX];
};

/**
 * judge() - the verdict
 *
 * Marks the results of @c->said that may fail. The first of these that holds
 * is the reason of a failure:
 *
 * 1. the output has no end mark: what ended it
 * 2. the kernel has reported something, and no rule "warn" is for the test
 * 3. exit status 124: it has been ended at its timeout
 * 4. "Bail out!"; a result that is "not ok" and has no directive that allows it;
 *    a line "# Totals:" that counts more failures than there are
 * 5. it prints (K)TAP, but no plan, or it has not kept the plan; unless it has
 *    said that it skips the rest: exit status 4 after a SKIP
 * 6. exit status other than 0, and 4, which is a skip
 *
 * A rule "no-plan" is for tests that print none: their results count without.
 * A rule "fail" makes these expected, except 2; one for subtests only 4 and an
 * exit status besides them, and only if it covers all that has failed. Of 4 to
 * 6, what is not a result is covered by a rule whose subtest is the reason.
 */
void judge(struct judge_verdict *v, const struct judge_case *c,
	   struct expect *e);

#endif
