/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A run of kselftests: what is to be run, how, and what is written about it. */
#ifndef KSELF_KSELF_H
#define KSELF_KSELF_H

#include "tests.h"

/* Exit status of a run */
#define KSELF_FAILED	1	/* a test has failed */
#define KSELF_BROKEN	125	/* we have */

/* Defaults, ns and bytes */
#define KSELF_TIME_LIMIT	(24 * 3600 * NSEC_PER_SEC)
#define KSELF_WALL_LIMIT	(120 * NSEC_PER_SEC)
#define KSELF_STALL_LIMIT	(10 * NSEC_PER_SEC)
#define KSELF_OUTPUT_LIMIT	(16ULL << 20)

/**
 * struct kself_cfg - all that a run needs; paths are absolute
 * @tests: in the order in which they are reported
 * @expect: for their verdicts
 * @tests_dir: where they are installed; @out_arg: what guest.sh is given for it
 * @guest: guest.sh
 * @kernel: NULL: that of umtt run
 * @jobs: kernels at a time
 * @per_collection: tests of a collection share a kernel
 * @seed: a number
 * @busy: for all tests, as of umtt run --busy; NULL: only where it is expected
 * @timeout: simulated seconds, for the guest; NULL: as the tests' settings say
 * @time_limit: and @wall_limit: for a test; @stall_limit; all ns
 * @output_limit: bytes of a test
 * @mem: bytes, 0: as umtt run has it
 * @append: to the command line of the kernels
 * @modules: to be loaded before the tests, as of umtt run --module
 * @out: directory for logs; NULL: none
 * @ktap: and @junit: files; NULL: none
 * @notes: to be said at the beginning
 * @strict: a test that passes unexpectedly has failed
 * @brief: on stdout only a line per test, and the summary
 */
struct kself_cfg {
	struct kself_tests *tests;
	struct expect *expect;
	const char *tests_dir, *out_arg, *guest, *kernel;
	unsigned int jobs;
	bool per_collection, strict, brief;
	const char *seed, *busy, *timeout;
	u64 time_limit, wall_limit, stall_limit, output_limit, mem;
	const struct strvec *append, *modules, *notes;
	const char *out, *ktap, *junit;
};

/**
 * kself_run() - run them, and write about it
 *
 * Return: exit status: 0, KSELF_FAILED, KSELF_BROKEN; 128 + signal
 */
int kself_run(const struct kself_cfg *cfg);

#endif
