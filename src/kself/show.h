/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Where a run of kselftests is written about: stdout, files, the terminal. */
#ifndef KSELF_SHOW_H
#define KSELF_SHOW_H

#include "kself.h"

/**
 * struct show - all of that
 * @next: the first test that has not been shown
 * @terminal: stderr is one: there is a line that changes
 */
struct show {
	const struct kself_cfg *cfg;
	FILE *ktap, *junit;
	size_t next;
	bool terminal, line;
	u64 began;
	struct report_totals sum;
};

/** show_open() - open the files; 0, or -errno after one line */
int __must_check show_open(struct show *s, const struct kself_cfg *cfg);

/** show_done() - write about the tests that have a verdict, in their order */
void show_done(struct show *s);

/** show_progress() - say what is going on, on a terminal */
void show_progress(struct show *s, const struct kself_test *now,
		   unsigned int running);

/**
 * show_close() - what there is to say at the end
 * @why: the run was interrupted by this, NULL: it was not
 *
 * Return: exit status
 */
int show_close(struct show *s, const char *why);

#endif
