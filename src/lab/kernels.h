/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The kernel programs of a run: which node runs which, and what they are. */
#ifndef LAB_KERNELS_H
#define LAB_KERNELS_H

#include <stdbool.h>

#include "host.h"
#include "peek.h"

/**
 * struct kernel - a program
 * @path: of it
 * @link: its name in the run's directory, so that no node sees the path
 * @release: what it says that it is, "6.12.38"
 * @old_lines: its serial lines do not block (before 6.8)
 * @is_static: it does without the dynamic linker, and so without preload.so
 * @view: to look into the nodes that run it
 */
struct kernel {
	char *path, *link;
	char release[HOST_RELEASE_LEN];
	bool old_lines, is_static;
	struct peek *view;
};

/**
 * struct kernels - all of them
 * @list: each program once, in the order of the nodes
 * @of: what node number i runs, one of @list
 */
struct kernels {
	struct kernel **list, **of;
	unsigned int n;
};

/**
 * kernels_open() - find the kernels of @lab
 * @cwd: what relative paths count from
 *
 * A node's own, else the lab's, else the one that was built with umtt.
 *
 * Return: 0; -ENOENT after a line: one is not there, or is no User-Mode Linux.
 *	To be closed in any case.
 */
int __must_check kernels_open(struct kernels *ks, const struct lab *lab,
			      const char *cwd);
void kernels_close(struct kernels *ks);

/** kernels_link() - give each its name in the present directory; 0 or -errno */
int __must_check kernels_link(const struct kernels *ks);

#endif
