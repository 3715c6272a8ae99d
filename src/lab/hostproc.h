/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Processes of the host, as /proc shows them. */
#ifndef LAB_HOSTPROC_H
#define LAB_HOSTPROC_H

#include <sys/types.h>

#include "../base/types.h"

/** hostproc_state() - the letter in /proc/PID/stat, 0: there is none */
char hostproc_state(pid_t pid);

/** hostproc_cpu() - CPU time that a process and its children have used, ns */
u64 hostproc_cpu(pid_t pid);

#define HOSTPROC_RUNNING	-2L
#define HOSTPROC_NO_CALL	-1L

/**
 * struct hostproc_call - what a process does
 * @nr: number of the system call that it is in; HOSTPROC_NO_CALL: in none, but
 *	stopped; HOSTPROC_RUNNING: it runs, and the rest is not known
 * @arg0: first argument of the system call
 */
struct hostproc_call {
	long nr;
	u64 arg0, sp, pc;
};

/** hostproc_call() - 0 or -errno */
int __must_check hostproc_call(pid_t pid, struct hostproc_call *c);

#endif
