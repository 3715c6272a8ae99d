/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What is written about tests that have been run: KTAP, JUnit XML, a summary. */
#ifndef KTAP_REPORT_H
#define KTAP_REPORT_H

#include <stdio.h>

#include "judge.h"

/**
 * struct report_test - a test, and how it went
 * @said: what it printed; NULL: nothing
 * @begun: it was run: @simulated and @wall, both ns, make sense
 * @loose: the host has ended it, so that @simulated and @tail differ each time
 * @log: lines of the kernel's log that are the reason; @tail: the end of what it
 *	has printed. Not terminated, not clean; NULL: none
 * @where: where it was when it was ended, and other things that the host says;
 *	a line each, not clean; NULL: none
 * @vacuous: why it means nothing that it passes; NULL: it means something
 * @unlike: why the run cannot be repeated exactly; NULL: it can
 * @reports: kernel reports
 */
struct report_test {
	const char *collection, *name;
	struct judge_verdict verdict;
	const struct ktap *said;
	bool begun, loose;
	u64 simulated, wall;
	const char *log, *tail, *where, *vacuous, *unlike;
	size_t log_len, tail_len;
	unsigned int reports;
};

/**
 * struct report_totals - the summary
 * @wall: of the whole run, ns; @simulated: the sum over all tests but loose ones
 */
struct report_totals {
	unsigned int tests, passed, failed, skipped, expected, not_run;
	unsigned int limits, surprises, vacuous, unlike;
	u64 simulated, wall;
};

/* How much report_ktap() says */
#define REPORT_HOST	1	/* what depends on the host as well, as "# host: " */
#define REPORT_BRIEF	2	/* results of the tests only */

/** report_plan() - the beginning of a stream of @tests tests */
void report_plan(FILE *f, unsigned int tests);

/** report_ktap() - a test, as number @number of the stream */
void report_ktap(FILE *f, unsigned int number, const struct report_test *t,
		 unsigned int flags);

void report_add(struct report_totals *sum, const struct report_test *t);

/**
 * report_summary() - what there is to say at the end, as diagnostics
 * @tests: all of them, to name those that something is to be said about
 */
void report_summary(FILE *f, const struct report_totals *sum,
		    const struct report_test *const *tests, unsigned int flags);

/**
 * report_junit() - all tests as JUnit XML
 *
 * A suite for each collection; in it a case for each test and, behind it, one
 * for each of its results, whose class is COLLECTION.TEST.
 */
void report_junit(FILE *f, const struct report_totals *sum,
		  const struct report_test *const *tests);

#endif
