/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the work of processes costs in simulated time. */
#ifndef LAB_BUSY_H
#define LAB_BUSY_H

#include <stdbool.h>

#include "peek.h"
#include "strvec.h"

/**
 * struct busy - costs in simulated ns
 * @on: there are any
 * @syscall: of each system call
 * @clock: of each look at the clock
 * @user: of each 10 ms of the host's CPU that processes use in user mode, 0: none
 * @grace: but only after so many ns of it without a system call
 */
struct busy {
	bool on;
	u64 syscall, clock, user, grace;
};

#define BUSY_HELP	"none, or advance[,syscall=TIME][,clock=TIME][,user=TIME][,grace=TIME]"

/**
 * busy_parse() - BUSY_HELP
 *
 * Return: NULL, or what is wrong with @s
 */
const char *busy_parse(const char *s, struct busy *b);

/** busy_text() - what busy_parse() reads; to be freed */
char *busy_text(const struct busy *b);

/** busy_args() - add what the kernel's command line needs */
void busy_args(const struct busy *b, struct strvec *argv);

/** busy_missing() - @b cannot be had with this kernel, which lacks our patch */
bool busy_missing(const struct busy *b, const struct peek *kernel);

/**
 * busy_charged() - has user mode cost time, so that the host had a say in it
 * @pid: the kernel's process; 0: it has ended, and only its log can tell
 * @log: path of its log
 */
bool busy_charged(const struct peek *kernel, pid_t pid, const char *log);

#endif
