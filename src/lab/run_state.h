/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What run.c and its run_*.c have in common: a run while it lasts. */
#ifndef LAB_RUN_STATE_H
#define LAB_RUN_STATE_H

#include "../cal/server.h"
#include "../dev/bus.h"
#include "../ring/signals.h"
#include "../tt/local.h"
#include "debugger.h"
#include "node.h"
#include "record.h"
#include "run.h"
#include "shell.h"
#include "stall.h"
#include "wiring.h"

/**
 * struct run - a run
 * @failed: the node that is the reason of the end, NULL: none
 * @output_lost: exit status when stdout could not be written, else 0
 * @trace: of the run; without a file for it, the last records
 * @heard: the same, if what nodes say is to be in it; else NULL
 * @identity: what the run is given, if anybody wants to know
 * @status: with which it has ended
 * @why: the reason that trace_end() was given
 * @kernels: that the nodes run
 * @watch: for a node that keeps time from moving
 * @recorded: simulated time of the last record of the trace
 * @exit_at: while a command's end is recorded: the time of it; else 0
 * @over: the lab has ended; only last words are still to come
 * @began: wall time, ns
 */
struct run {
	const struct run_cfg *cfg;
	const char *cwd;
	char *init, *preload;
	struct kernels kernels;
	struct trace_identity identity;
	const char *mem_dir;
	struct rundir rundir;
	struct ring ring;
	bool have_ring;
	struct outq outq;
	struct signals signals;
	struct op wall_op;
	struct trace *trace, *heard;
	int status;
	const char *why;
	struct stall_watch watch;
	struct cal_server *calendar;
	struct tt tt;
	bool have_tt;
	struct dev_bus *bus;
	struct node_env env;
	struct node *nodes, *failed;
	unsigned int nr_nodes;
	struct wiring wiring;
	struct shell shell;
	struct debugger debugger;
	bool over;
	u64 recorded, exit_at;
	int output_lost;
	u64 began;
	FILE *kcov;
};

/*
 * Reasons to end, and what is heard of nodes: run_events.c
 */

/** run_stop() - end the run; the first reason is the one that counts */
void run_stop(struct run *r, int status, const char *why);

/** run_simulated() - simulated time, ns: nodes may be ahead of the calendar */
u64 run_simulated(const struct run *r);

void run_limit_wall(struct run *r, u64 began);
void run_limit_stall(struct run *r);

extern const struct console_ops run_console_ops;
void run_got_signal(struct signals *sg, int signo);
void run_calendar_ended(void *owner, enum cal_verdict v);
void run_client_gone(void *owner, u64 id, pid_t pid, const char *why);
void run_turn_ends(void *owner, u64 id);
void run_session_ended(void *owner, struct dev *d, const char *why);
void run_clock_lost(struct tt *tt, const char *why);

/** run_start() - calendar, devices and kernels; 0 or -errno, after a line */
int __must_check run_start(struct run *r);

/**
 * run_finish() - end all processes, write out what is left, say how it went
 * @ran: run_start() was a success
 *
 * Return: 0 or -errno: the trace is not complete
 */
int run_finish(struct run *r, bool ran);

#endif
