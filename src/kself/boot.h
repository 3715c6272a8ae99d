/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One kernel that runs some tests: a child process, "umtt run". */
#ifndef KSELF_BOOT_H
#define KSELF_BOOT_H

#include <sys/types.h>

#include "../ktap/marks.h"
#include "../ring/ring.h"
#include "kself.h"

#define BOOT_CPU_ANY	-1
#define BOOT_TAIL	4096	/* of its output, bytes that are kept */

/* Why we have ended it, if we have */
enum boot_killed {
	BOOT_NOT_KILLED, BOOT_OUTPUT_LIMIT, BOOT_INTERRUPTED, BOOT_DOES_NOT_END,
};

/* What a boot has of one of its tests */
struct boot_test {
	bool begun, ended;
	int status;
	u64 begin, end;		/* simulated ns */
};

/**
 * struct boot - a boot
 * @first: its tests in cfg->tests, and how many: @n. Those from @at on have not begun
 * @tests: what has come of each
 * @now: the one that runs, NULL: none
 * @word: what marks are known by
 * @dir: a directory of its own, for what umtt run writes
 * @cpu: to run on, or BOOT_CPU_ANY
 * @over: called from the loop when the child has ended and all it has said has
 *	been read
 */
struct boot {
	const struct kself_cfg *cfg;
	struct ring *ring;
	size_t first, n, at;
	struct boot_test *tests;
	struct kself_test *now;
	const char *word;
	char *dir;
	int cpu;
	void *owner;
	void (*over)(struct boot *b);

	pid_t pid;
	int fd, wstatus;
	bool eof, reaped, is_over;
	enum boot_killed killed;
	struct op op, guard;
	struct marks marks;
	FILE *log;
	u64 logged, since;
	size_t tail;
	char tail_buf[BOOT_TAIL], buf[65536];
};

/**
 * boot_start() - start the child
 *
 * All fields up to @over are set; @dir exists.
 *
 * Return: 0, or -errno after one line
 */
int __must_check boot_start(struct boot *b);

/** boot_reaped() - it has ended; from waitpid() */
void boot_reaped(struct boot *b, int wstatus);

/** boot_kill() - end it soon, for this reason */
void boot_kill(struct boot *b, enum boot_killed why);

/** boot_close() - once it is over */
void boot_close(struct boot *b);

/** kself_log_path() - where in cfg->out something about a test is kept */
char *kself_log_path(const struct kself_cfg *cfg, const struct kself_test *x,
		     const char *suffix);

#endif
