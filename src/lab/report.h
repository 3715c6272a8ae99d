/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* How a run has ended, as a file for programs. */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include <stdbool.h>

#include "record.h"
#include "stall.h"

/* Reasons to end, as traces have them */
#define WHY_EXITED	"the commands have ended"
#define WHY_TIME_LIMIT	"time limit"
#define WHY_WALL_LIMIT	RECORD_HOST "wall-clock limit"
#define WHY_STALL	RECORD_HOST "simulated time does not move"
#define WHY_NODE	"a node has failed"
#define WHY_ASLEEP	"nothing can happen any more"
#define WHY_SIGNAL	RECORD_HOST "a signal"
#define WHY_STDOUT	RECORD_HOST "stdout"
#define WHY_NO_TERMINAL	RECORD_HOST "the terminal is gone"
#define WHY_ESCAPE	RECORD_HOST "the user has ended it"
#define WHY_DEVICES	"the devices have lost the calendar"

/**
 * struct report - how a run has ended
 * @status: exit status
 * @why: reason as trace_end() was given it; NULL: the run has never begun
 * @simulated, @wall: ns
 * @stall_node: the node that held up time, to be freed; NULL: none
 * @stall: what it did
 * @why_not: why the run cannot be repeated exactly; NULL: it can
 */
struct report {
	int status;
	const char *why;
	u64 simulated, wall;
	char *stall_node;
	struct stall_found stall;
	const char *why_not;
};

/**
 * report_prepare() - can @path be written, and remove what is there
 *
 * So that nobody takes an old report for that of a run which was killed.
 *
 * Return: 0 or -errno after one line
 */
int __must_check report_prepare(const char *path);

/** report_write() - write it, all at once; 0 or -errno after one line */
int __must_check report_write(const struct report *r, const char *path);

void report_fini(struct report *r);

#endif
