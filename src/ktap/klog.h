/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Reports in a kernel's log: that something is wrong with it. */
#ifndef KTAP_KLOG_H
#define KTAP_KLOG_H

#include <stdbool.h>

#include "../base/types.h"
#include "text.h"

/* Lines of a report that are shown, at most */
#define KLOG_LINES	24

/**
 * struct klog_report - panic, oops, BUG, WARNING, KASAN, lockdep, UBSAN, hung task...
 * @title: its first line, clean, without time
 * @now: simulated ns, in steps of a jiffy
 * @at: where it begins in the log; @len: bytes, up to KLOG_LINES whole lines
 * @panic: the kernel has ended by it
 */
struct klog_report {
	char title[TEXT_MAX];
	u64 now;
	size_t at, len;
	bool panic;
};

/**
 * klog_next() - the next report in a log
 * @at: where to go on, 0 at first; moved on
 *
 * Return: false: there is no more
 */
bool klog_next(const char *log, size_t len, size_t *at, struct klog_report *r);

/**
 * klog_find_mark() - where in the log test @name begins or ends
 * @what: "begin" or "end"
 *
 * Return: offset; @len: there is no such line
 */
size_t klog_find_mark(const char *log, size_t len, const char *word,
		      const char *what, const char *name);

#endif
