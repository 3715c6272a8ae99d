// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How a run ends: processes, trace, report, and the last words to the user. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../trace/story.h"
#include "host.h"
#include "run_state.h"
#include "stats.h"

static int close_trace(struct run *r)
{
	int ret = trace_close(r->trace);

	if (ret)
		log_err(r->cfg->trace, "the trace is not complete: %s",
			strerror(-ret));
	return ret;
}

/* To be printed after the nodes' last words, when all has been freed. */
static char *make_stats(struct run *r)
{
	struct stats_source src = {
		.calendar = r->calendar, .bus = r->bus,
		.simulated = run_simulated(r), .wall = ring_clock() - r->began,
		.enters = r->ring.enters, .counters = r->cfg->counters,
	};

	return stats_text(&src);
}

static void close_loop(struct run *r)
{
	unsigned int i;
	sigset_t none;

	/*
	 * What a node wrote before it was ended should be seen to the end. When
	 * its command has ended before, it was all there, and what others there
	 * may have added meanwhile depends on when they were killed.
	 */
	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].exited)
			console_close(&r->nodes[i].console);
	shell_close(&r->shell);
	if (r->bus)
		dev_bus_free(r->bus);
	if (r->have_tt)
		tt_fini(&r->tt);
	if (r->calendar)
		cal_server_free(r->calendar);
	ring_cancel(&r->ring, &r->wall_op);
	stall_end(&r->watch);
	signals_close(&r->signals);
	/* Whoever reads our output may be slow: a signal still ends us. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	ring_drain(&r->ring);
	ring_fini(&r->ring);
	outq_fini(&r->outq);
}

/* How it came to that, for who has to find out */
static void tell_story(struct run *r)
{
	if (r->status == RUN_FAILED || r->status == RUN_TIME_LIMIT)
		trace_story(stderr, r->trace,
			    "umtt: the last events, in simulated time:");
}

/* Of the last command: its node may have gone on before it was ended. */
static u64 time_of_exit(const struct run *r)
{
	u64 now = 0;
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].cfg->wait)
			now = max_u64(now, r->nodes[i].now);
	return now;
}

/* As run_simulated(), and what the kernels themselves have counted */
static u64 time_in_nodes(const struct run *r)
{
	u64 now, t;
	unsigned int i;

	if (r->why && strcmp(r->why, WHY_EXITED) == 0)
		return time_of_exit(r);
	now = run_simulated(r);
	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].pid && !r->nodes[i].exited &&
		    peek_time(r->nodes[i].kernel->view, r->nodes[i].pid,
			      &t) == 0)
			now = max_u64(now, t);
	return now;
}

/* Did the host have a say in how far time has gone. */
static void tell_charged(struct run *r)
{
	const struct node *n;
	unsigned int i;

	for (i = 0; i < r->nr_nodes && r->cfg->lab->busy.user; i++) {
		n = &r->nodes[i];
		if (!busy_charged(r->kernels.of[i]->view, n->pid,
				  n->log))
			continue;
		r->cfg->report->why_not = "user mode was charged";
		log_warn(n->cfg->name, "a process has computed without end and was charged for it (--busy): no two runs are the same");
		return;
	}
}

static void make_report(struct run *r, bool ran)
{
	struct report *rep = r->cfg->report;

	if (ran)
		tell_charged(r);
	rep->wall = ring_clock() - r->began;
	rep->why = r->why;
	if (ran)
		rep->simulated = time_in_nodes(r);
	if (r->why && !rep->why_not &&
	    strncmp(r->why, RECORD_HOST, sizeof(RECORD_HOST) - 1) == 0)
		rep->why_not = "the host has ended it";
}

/* Nothing there is no error, but hardly what somebody wants. */
static void check_cover(const struct run *r)
{
	unsigned int i, files = 0;

	for (i = 0; i < r->nr_nodes; i++)
		files += r->nodes[i].cover.files;
	if (r->cfg->gcov && !files && !r->failed)
		log_warn(r->cfg->gcov, "no coverage has come: no module was built with --module DIR, and no directory of the kernel is named by --gcov-of");
}

/* Return: as kcov_write() */
static int write_node(struct run *r, unsigned int i)
{
	const char *kernel = r->kernels.of[i]->path;
	char *vmlinux = host_beside(kernel, "vmlinux");
	char *source = host_kernel_source(kernel);
	int n;

	n = kcov_write(&r->nodes[i].kcov, r->nodes[i].cfg,
		       vmlinux ? vmlinux : kernel, source, r->kcov);
	free(source);
	free(vmlinux);
	return n;
}

/*
 * What the nodes have reached that have a command, one after the other. Return: 0;
 * -EIO after a line
 */
static int write_kcov(struct run *r)
{
	unsigned int i;
	int ret = 0, n, places = 0, sent = 0;

	if (!r->kcov)
		return 0;
	for (i = 0; i < r->nr_nodes; i++) {
		if (!r->nodes[i].cfg->command.n)
			continue;
		if (!r->nodes[i].exited) {
			fprintf(r->kcov, "# %s: the command had not ended\n",
				r->nodes[i].cfg->name);
			continue;
		}
		sent++;
		n = write_node(r, i);
		if (n < 0)
			ret = -EIO;
		else
			places += n;
	}
	if (ferror(r->kcov) | fclose(r->kcov)) {
		log_err(r->cfg->kcov, "%s", strerror(errno));
		ret = -EIO;
	}
	if (sent && !places && !ret && !r->failed)
		log_warn(r->cfg->kcov, "nothing was reached: no module was built with --module DIR, and no directory of the kernel is named by --kcov-of, that the command has to do with");
	return ret;
}

int run_finish(struct run *r, bool ran)
{
	char *stats = NULL;
	unsigned int i;
	int ret;

	r->over = true;
	make_report(r, ran);
	debugger_end(&r->debugger);
	for (i = 0; i < r->nr_nodes; i++)
		node_kill(&r->nodes[i], &r->env);
	if (ran && r->cfg->stats)
		stats = make_stats(r);
	if (r->have_ring)
		close_loop(r);
	shell_fini(&r->shell);
	tell_story(r);
	if (ran)
		check_cover(r);
	ret = close_trace(r);
	if (write_kcov(r) < 0)
		ret = -EIO;
	if (r->cfg->replay && ran)
		replay_end(r->cfg->replay);
	if (r->failed)
		node_explain(r->failed, r->cfg->out);
	if (stats)
		fputs(stats, stderr);
	free(stats);
	for (i = 0; i < r->nr_nodes; i++)
		node_fini(&r->nodes[i]);
	rundir_close(&r->rundir);
	free(r->nodes);
	wiring_free(&r->wiring);
	kernels_close(&r->kernels);
	free(r->preload);
	free(r->init);
	trace_identity_fini(&r->identity);
	return ret;
}
