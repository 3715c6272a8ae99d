/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a test says in KTAP or TAP, read as it comes. */
#ifndef KTAP_KTAP_H
#define KTAP_KTAP_H

#include <stdbool.h>
#include <sys/queue.h>

#include "../base/types.h"
#include "text.h"

/* More of it is a problem of the test, not ours. */
#define KTAP_MAX_LINE		4096
#define KTAP_MAX_RESULTS	65536
#define KTAP_MAX_DEPTH		16
#define KTAP_MAX_PREFIX		64

enum ktap_status { KTAP_PASS, KTAP_FAIL, KTAP_SKIP, KTAP_XFAIL };

STAILQ_HEAD(ktap_list, ktap_result);

/**
 * struct ktap_result - one "ok" or "not ok"
 * @name: its description, clean; "" if there was none
 * @why: what stood behind a directive, clean; NULL: there was no directive
 * @expected: somebody who judges it has found that it may fail
 * @subs: results of its subtests
 */
struct ktap_result {
	char *name, *why;
	enum ktap_status status;
	bool expected;
	struct ktap_list subs;
	STAILQ_ENTRY(ktap_result) entry;
};

/* What is wrong with the form; the first one that is found counts. */
enum ktap_problem {
	KTAP_FINE,
	KTAP_NO_PLAN,		/* results, or a version line, but no plan */
	KTAP_PLAN_BROKEN,	/* not each number of the plan once */
	KTAP_BAILED,		/* "Bail out!" */
	KTAP_TOO_MUCH,		/* more results, or deeper nested, than we keep */
	KTAP_NO_MEMORY,
};

/**
 * struct ktap - all that a test has said
 * @results: of all documents at the top level, one after the other
 * @passed: and @failed, @skipped, @xfailed: the results without subtests, and
 *	a failed one whose subtests have not failed
 * @used: there was something of (K)TAP
 * @skip_all: a plan of no tests; @skip_why: its reason, or NULL
 * @skipped_last: the last line that counted was a skip
 * @told: failures that a line "# Totals:" counts, as kselftest.h prints it; of
 *	several lines the most
 * @detail: of @problem, for people
 */
struct ktap {
	struct ktap_list results;
	unsigned int passed, failed, skipped, xfailed, told;
	bool used, skip_all, skipped_last;
	char *skip_why;
	enum ktap_problem problem;
	char detail[TEXT_MAX];
};

/* One document: what has the same prefix, from its start to its end */
struct ktap_group {
	char prefix[KTAP_MAX_PREFIX];
	size_t prefix_len;
	bool version, planned, twice;
	unsigned int plan, count, top;
	u8 *seen;
	size_t seen_size;
	struct ktap_list list, pending;
};

/**
 * struct ktap_parser - reads a stream of bytes
 *
 * Nested documents are told by what is before them on each of their lines:
 * spaces (KTAP), or "# " (kselftest's way to nest what a test has printed).
 * Such a document begins with a version line or a plan; only a "not ok" that is
 * indented counts without one. Documents may follow each other.
 */
struct ktap_parser {
	struct ktap out;
	char line[KTAP_MAX_LINE];
	size_t len;
	bool too_long;
	struct ktap_group groups[KTAP_MAX_DEPTH];
	unsigned int depth, results;
};

void ktap_init(struct ktap_parser *p);
void ktap_feed(struct ktap_parser *p, const char *data, size_t len);
/** ktap_end() - there is no more: @p->out is complete */
void ktap_end(struct ktap_parser *p);
void ktap_fini(struct ktap_parser *p);

/** ktap_list_free() - free all results in @list, and what is below them */
void ktap_list_free(struct ktap_list *list);

#endif
