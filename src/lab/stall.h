/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Finds the node that keeps simulated time from moving, and what it does. */
#ifndef LAB_STALL_H
#define LAB_STALL_H

#include <stdbool.h>
#include <sys/types.h>

#include "../ring/ring.h"
#include "peek.h"

/**
 * enum stall_mode - where a node spends its time
 * @STALL_UNKNOWN: the host does not let us see
 * @STALL_USER: a process of it runs, perhaps with system calls
 * @STALL_KERNEL: its kernel
 */
enum stall_mode { STALL_UNKNOWN, STALL_USER, STALL_KERNEL };

/**
 * struct stall_found - what a node was doing when it was looked at
 * @task: the current one
 * @where: in the kernel a symbol, else the address of the process; "" if unknown
 * @syscall: number of the system call that it made, -1: none
 */
struct stall_found {
	enum stall_mode mode;
	struct peek_task task;
	char where[PEEK_WHERE_LEN];
	long syscall;
};

/**
 * struct stall_sight - who could move time, and a sign that somebody does
 * @pid: kernel process of the node whose turn it is; 0: there is none
 * @kernel: that it runs
 * @excused: it cannot help it
 * @messages: a count of all that has been said so far
 */
struct stall_sight {
	pid_t pid;
	const struct peek *kernel;
	bool excused;
	u64 messages;
};

/**
 * struct stall_watch - the watch
 * @limit: ns of the host's time
 * @look: what is the state of things
 * @found: simulated time has not moved for @limit. The node's processes are
 *	stopped then, and must be ended. The watch is over.
 * The other fields are its own.
 */
struct stall_watch {
	struct ring *ring;
	u64 limit;
	void *owner;
	void (*look)(struct stall_watch *w, struct stall_sight *s);
	void (*found)(struct stall_watch *w, const struct stall_found *f);

	struct op op;
	void (*next)(struct stall_watch *w);
	u64 due, since, time, cpu;
	struct stall_sight last;
	unsigned int samples, tries;
	pid_t stub;
	struct stall_found result;
};

/** stall_begin() - watch from now on */
void stall_begin(struct stall_watch *w);

/** stall_end() - do not any more; to be followed by ring_drain() */
void stall_end(struct stall_watch *w);

/** stall_text() - "process 23 (sh) in user mode, at 0x401136", for people; to be freed */
char *stall_text(const struct stall_found *f);

#endif
