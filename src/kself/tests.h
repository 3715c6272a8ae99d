/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Which tests there are, which of them are wanted, and what is known of them. */
#ifndef KSELF_TESTS_H
#define KSELF_TESTS_H

#include "../ktap/report.h"
#include "../lab/strvec.h"

/**
 * struct kself_test - a test
 * @report: what is written about it; its strings are the ones below
 * @not_built: why it does not exist; NULL: it does
 * @skip: why it is not to be run; NULL: it is
 * @own_boot: it must not share a kernel with others
 * @busy: system calls cost time (--busy)
 * @busy_cost: each of them, and each look at the clock, ns; 0: as by default
 * @time_limit: and @wall_limit, @mem: 0: the general one
 * @said: what it has printed
 * @done: it has a verdict
 */
struct kself_test {
	struct report_test report;
	char *collection, *name, *not_built;
	const char *skip;
	bool own_boot, busy, done;
	u64 busy_cost, time_limit, wall_limit, mem;
	struct ktap_parser *said;
	char *log, *tail, *where, *unlike;
};

struct kself_tests {
	struct kself_test *v;
	size_t n;
};

/**
 * struct kself_filter - which tests are wanted
 *
 * Patterns as of fnmatch(3): @collections COLLECTION, @tests COLLECTION:TEST,
 * @skip either. No collections and no tests: all.
 */
struct kself_filter {
	struct strvec collections, tests, skip;
};

/**
 * kself_tests_load() - tests as a kselftest-list.txt has them
 * @list: such a file
 * @not_built: file with what is not there, lines "NAME<tab>reason"; may not exist
 *
 * Return: 0, or -errno after one line
 */
int __must_check kself_tests_load(struct kself_tests *t, const char *list,
				  const char *not_built);

/**
 * kself_tests_select() - keep only those that are wanted
 *
 * Return: 0, or -ENOENT after one line: there is no such test
 */
int __must_check kself_tests_select(struct kself_tests *t,
				    const struct kself_filter *f);

/** kself_tests_expect() - apply what is known of them */
void kself_tests_expect(struct kself_tests *t, struct expect *e);

void kself_tests_fini(struct kself_tests *t);

/** kself_read_file() - all of a file, NUL behind it; NULL and errno */
char *kself_read_file(const char *path, size_t max, size_t *len);

#endif
