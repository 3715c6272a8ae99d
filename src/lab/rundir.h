/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The directory of one run, and the guard that leaves nothing behind. */
#ifndef LAB_RUNDIR_H
#define LAB_RUNDIR_H

#include <sys/types.h>

#include "../base/types.h"
#include "terminal.h"

/*
 * The guard is a small process forked before anything else. It makes the
 * directory, and is told of every node's process group. When umtt ends without
 * saying goodbye, even by SIGKILL, the guard kills these groups, removes the
 * directory, and leaves the terminal as it was.
 */

/**
 * struct rundir - all fields are the rundir's own
 * @path: absolute path of the directory
 * @guard: process id of the guard
 * @fd: to the guard
 * @terminal: to be set before rundir_open(): how it is to be left; NULL: no matter
 */
struct rundir {
	char *path;
	pid_t guard;
	int fd;
	const struct terminal *terminal;
};

/**
 * rundir_open() - start the guard, have the directory made, make it the current one
 *
 * Everything in it goes by short relative names from then on, so neither a
 * socket's path gets too long, nor does a guest ever see the name of the
 * directory, which is different in every run. To be called before there is an
 * io_uring, which a forked process must not share.
 *
 * Return: 0 or -errno after one line
 */
int __must_check rundir_open(struct rundir *rd);

/** rundir_add_group() - a process group that must not outlive us */
void rundir_add_group(struct rundir *rd, pid_t pgid);
/** rundir_del_group() - it has ended */
void rundir_del_group(struct rundir *rd, pid_t pgid);

/** rundir_close() - remove the directory, let the guard end */
void rundir_close(struct rundir *rd);

#endif
