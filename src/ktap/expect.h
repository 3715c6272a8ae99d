/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Expectations: what is known of tests before they are run. */
#ifndef KTAP_EXPECT_H
#define KTAP_EXPECT_H

#include <stdbool.h>

#include "../base/types.h"

enum expect_verb {
	EXPECT_SKIP, EXPECT_FAIL, EXPECT_VACUOUS, EXPECT_WARN, EXPECT_NO_PLAN,
	EXPECT_BOOT, EXPECT_BUSY, EXPECT_BUSY_COST, EXPECT_TIME_LIMIT,
	EXPECT_WALL_LIMIT, EXPECT_MEM,
};

/**
 * struct expect_rule - a line of the file
 * @collection: and @test, @subtest: patterns as of fnmatch(3); @subtest NULL:
 *	of the test itself
 *	Of a failure that is not a result, @subtest is the reason.
 * @value: of a limit or cost, ns, or of mem, bytes
 * @reason: "" where none is needed
 */
struct expect_rule {
	char *collection, *test, *subtest;
	enum expect_verb verb;
	u64 value;
	char *reason;
	unsigned int line;
	bool used;
};

/**
 * struct expect - the rules, in the order of the file
 */
struct expect {
	struct expect_rule *rules;
	size_t n;
};

#define EXPECT_WHY_LEN	200

/**
 * expect_parse() - read the text of a file, add its rules to @e
 * @text: ends with NUL at @len
 * @why: EXPECT_WHY_LEN bytes; on error, what is wrong
 *
 * Return: 0, or the number of the line that is wrong (or there is no memory
 *	for it)
 */
unsigned int expect_parse(struct expect *e, const char *text, size_t len,
			  char *why);
void expect_fini(struct expect *e);

/**
 * expect_find() - the last rule with @verb for a test, or for one of its subtests
 * @subtest: NULL: for the test itself
 *
 * Return: NULL: there is none; else it is marked as used
 */
struct expect_rule *expect_find(struct expect *e, enum expect_verb verb,
				const char *collection, const char *test,
				const char *subtest);

/** expect_unmark() - no rule is marked as used any more */
void expect_unmark(struct expect *e);

/**
 * expect_unused() - is there a rule "fail" for a part of just this test, that is
 * not marked as used?
 */
bool expect_unused(const struct expect *e, const char *collection,
		   const char *test);

#endif
