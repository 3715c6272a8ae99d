/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* gdb on the kernel of a node. */
#ifndef LAB_DEBUGGER_H
#define LAB_DEBUGGER_H

#include <sys/types.h>

#include "node.h"
#include "terminal.h"

/**
 * struct debugger - gdb
 * @command: file with gdb's commands; NULL: they come from the terminal only
 * @cwd: directory that it works in
 * @terminal: that it works on; none: it ends with its commands
 * @node: of the lab, that it looks at
 * The others are its own:
 * @pid: of gdb; 0: it is not there, or has ended
 */
struct debugger {
	const char *command, *cwd;
	struct terminal terminal;
	struct node *node;
	struct rundir *rundir;
	pid_t pid;
};

/** debugger_check() - is there a gdb; 0 or -ENOENT after one line */
int __must_check debugger_check(void);

/**
 * debugger_start() - run it, on a node that waits at its first instruction
 *
 * It has the terminal to itself: Ctrl-C is gdb's.
 *
 * Return: 0 or -errno after one line
 */
int __must_check debugger_start(struct debugger *d, struct rundir *rd);

/**
 * debugger_reap() - has it ended
 *
 * The node goes on without it, and the terminal is umtt's again.
 */
bool debugger_reap(struct debugger *d);

/** debugger_end() - if it is there: before the node is killed, which is gdb's child, too */
void debugger_end(struct debugger *d);

#endif
