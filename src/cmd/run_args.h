/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The command line of umtt run, and the lab that it asks for. */
#ifndef CMD_RUN_ARGS_H
#define CMD_RUN_ARGS_H

#include "../lab/identity.h"
#include "../lab/lab.h"
#include "../lab/replay.h"

/**
 * struct run_args - the command line
 * @lab_file: NULL: none
 * @command: NULL: none
 * @nodes_given, @shell: with or without a value
 * @cpu: see host_pin()
 * The other strings are NULL when the option was not given; all are as they
 * were given.
 */
struct run_args {
	const char *lab_file;
	char **command;
	unsigned int nodes;
	bool nodes_given, stats, counters, no_shm, shell, kasan;
	int cpu, verbose;
	const char *kernel, *kdir, *root, *mem, *dtb, *dts, *seed, *tod, *busy;
	const char *time_limit, *wall_limit, *stall_limit;
	const char *out, *trace, *replay, *report, *gcov, *kcov;
	const char *shell_node, *pace, *gdb, *gdb_command;
	struct strvec devices, links, append, modules, config, gcov_of, kcov_of;
};

/**
 * run_args_lab() - the lab that is asked for; what it needs is built
 * @rp: the recording that is replayed, where @a says so
 * @rec: what it says besides the lab
 *
 * Return: 0; -errno after a line that says what is wrong
 */
int __must_check run_args_lab(const struct run_args *a, const struct replay *rp,
			      struct lab *lab, struct recorded *rec);

#endif
