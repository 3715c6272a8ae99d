/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A look into a node's kernel from outside, by the symbols of its program. */
#ifndef LAB_PEEK_H
#define LAB_PEEK_H

#include <stdbool.h>
#include <sys/types.h>

#include "../base/types.h"

struct peek;

#define PEEK_COMM_LEN	16
#define PEEK_WHERE_LEN	256

/**
 * struct peek_task - the task that a kernel runs
 * @pid: as the node's first pid namespace has it; 0: not known, or the idle task
 * @comm: "" when not known
 */
struct peek_task {
	int pid;
	char comm[PEEK_COMM_LEN];
};

/**
 * peek_open() - read the symbols of the kernel program @path
 *
 * Return: never NULL; without symbols nothing can be seen by it
 */
struct peek *peek_open(const char *path);
void peek_free(struct peek *p);

/** peek_u64() - a variable of the kernel that process @pid is; 0 or -errno */
int __must_check peek_u64(const struct peek *p, pid_t pid, const char *name,
			  u64 *v);

/** peek_time() - simulated time by the kernel's own count, ns; 0 or -errno */
int __must_check peek_time(const struct peek *p, pid_t pid, u64 *ns);

/** peek_contains() - is @text in the program, whatever it means there */
bool peek_contains(const struct peek *p, const char *text);

/** peek_task() - the current task; what cannot be seen is left empty */
void peek_task(const struct peek *p, pid_t pid, struct peek_task *t);

/**
 * peek_where() - the place in the kernel where process @pid is
 * @pc, @sp: of the process
 * @where: "symbol+0x12"; "" when not known. When @pc is in a library or in a
 *	call of the host, it is the place in the kernel that has led there.
 */
void peek_where(const struct peek *p, pid_t pid, u64 pc, u64 sp,
		char where[PEEK_WHERE_LEN]);

#endif
