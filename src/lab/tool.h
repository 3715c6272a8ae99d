/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Programs of the host that work for umtt before and after a run. */
#ifndef LAB_TOOL_H
#define LAB_TOOL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit status when there is no such program, as of a shell */
#define TOOL_MISSING	127

/**
 * tool_run() - run a program and wait for it
 * @argv: ends with NULL; argv[0] is looked for in PATH
 * @in, @out: its stdin and stdout; -1: ours, and our stderr
 *
 * Return: its exit status, or 128 and the signal that has ended it; -errno: it
 *	could not be run
 */
int tool_run(char *const *argv, int in, int out);

/**
 * tool_output() - the same, and take what it prints
 * @out: that, @len bytes and a NUL, to be freed; NULL when it could not be run
 */
int tool_output(char *const *argv, int in, char **out, size_t *len);

/** tool_exists() - is there such a program in PATH */
bool tool_exists(const char *name);

#endif
