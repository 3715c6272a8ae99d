/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* From what a boot has left to the verdicts on its tests. */
#ifndef KSELF_FINISH_H
#define KSELF_FINISH_H

#include "boot.h"

/**
 * kself_finish() - judge the tests of a boot that is over
 *
 * Return: how many of its tests have a verdict now; the others, at the end, are
 *	to be run in another boot. At least one, so that there is an end to it.
 */
size_t kself_finish(struct boot *b);

/** kself_judge() - the verdict on a test that was not run, because of @end */
void kself_judge_unrun(struct kself_test *x, struct expect *e,
		       enum judge_end end, const char *detail);

#endif
