/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One run of a lab: calendar, devices and kernels, from start to end. */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include "identity.h"
#include "replay.h"
#include "report.h"

/* Exit status of a run besides its command's own */
#define RUN_DIFFERS	REPLAY_DIFFERS
#define RUN_TIME_LIMIT	124
#define RUN_FAILED	125

/**
 * struct run_cfg - what to run, and how
 * @lab: the lab
 * @out: directory for logs that are to stay; NULL: none
 * @trace: file for a trace of the run; NULL: none
 * @replay: what the run is to be like; NULL: nothing
 * @report: to be filled in: how it has ended
 * @gcov, @kcov: directory and file where coverage goes, if the lab has it;
 *	absolute; NULL: nowhere
 * @cwd: absolute path of the directory that it is started in
 * @env: environment that its commands are started with
 * @gdb_command: file for gdb, where a node has one; NULL: none
 * @cpu: see host_pin()
 * @no_shm: kernels talk to the calendar by messages only
 * @stats: print what was simulated, and what it cost
 * @counters: print all counters of devices and links, too
 * @verbose: show the kernels' logs
 */
struct run_cfg {
	const struct lab *lab;
	const char *out, *trace, *cwd, *gdb_command, *gcov, *kcov;
	char *const *env;
	struct replay *replay;
	struct report *report;
	int cpu;
	bool no_shm, stats, counters, verbose;
};

/**
 * run_lab() - run it
 *
 * The lab ends when the commands of all nodes with @wait have ended, when a
 * limit is reached, when something fails, or by a signal.
 *
 * Return: exit status: the first one that is not 0 of the commands waited for,
 *	in the order of nodes; RUN_TIME_LIMIT, RUN_FAILED, RUN_DIFFERS; 128 + signal
 */
int run_lab(const struct run_cfg *cfg);

#endif
