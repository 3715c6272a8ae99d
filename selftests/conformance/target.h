/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Between the processes of the suite: who the back-end is. */
#ifndef CONFORMANCE_TARGET_H
#define CONFORMANCE_TARGET_H

#include "conf.h"

/** struct target - in memory that the tests' processes share */
struct target {
	pid_t pid;
};

void target_share(struct target *t);
/** target_learn() - the other end of a connection is @pid */
void target_learn(pid_t pid);

/* expect.c */

/**
 * struct expected - one line of the file of known differences
 * @sometimes: it does not always show
 */
struct expected {
	char *test, *came, *why;
	bool sometimes;
};

/** expect_load() - read @path; ends the program when it makes no sense */
void expect_load(const char *path);
/** expect_find() - NULL when @test is not expected to differ */
const struct expected *expect_find(const char *test);

/* main.c */
const struct test *test_find(const char *name);

/* exec.c */

/** exec_start() - start --exec's command, if it is there and does not run */
void exec_start(void);
/** exec_look() - Return: NULL if it runs or has ended well, else how it ended */
const char *exec_look(void);
/** exec_running() - there is no command, or it has not ended */
bool exec_running(void);
void exec_stop(void);

#endif
