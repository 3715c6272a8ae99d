// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* How a run begins: its loop, calendar, devices and kernels. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "guestconf.h"
#include "run_state.h"

#define CALENDAR	"calendar.sock"
#define PRELOAD		"./preload.so"
#define MEM_DIR		"./memory"

static int open_loop(struct run *r)
{
	static const int children[] = { SIGCHLD, 0 };
	static const int terminal[] = { SIGCHLD, SIGWINCH, SIGCONT, 0 };
	int ret = signals_open_loop(&r->signals, &r->ring,
				    lab_terminal(r->cfg->lab) ? terminal : children,
				    run_got_signal);

	r->have_ring = !ret;
	r->signals.owner = r;
	return ret;
}

static u64 trace_clock(void *arg)
{
	struct run *r = arg;
	u64 now = r->calendar ? cal_server_now(r->calendar) : 0;

	/* In their turn devices move on by themselves, up to the horizon. */
	if (r->have_tt && r->tt.state == TT_RUNNING)
		now = max_u64(now, r->tt.now);
	if (r->exit_at)
		return r->exit_at;
	r->recorded = max_u64(r->recorded, now);
	return r->recorded;
}

static void make_identity(struct run *r)
{
	struct given g = { r->cwd, r->cfg->env, r->cfg->no_shm };
	struct programs p = { &r->kernels, r->init, r->preload };

	if (!r->heard && !r->cfg->verbose)
		return;
	identity_make(&r->identity, r->cfg->lab, &g, &p);
	identity_log(&r->identity);
	if (r->cfg->trace)
		identity_say(&r->identity);
}

static void replay_stops(struct replay *rp, int status, const char *why)
{
	run_stop(rp->owner, status, why);
}

static int open_trace(struct run *r)
{
	const struct run_cfg *cfg = r->cfg;
	int ret = trace_open(&r->trace, cfg->trace, trace_clock, r);

	if (ret) {
		log_err(cfg->trace, "cannot write a trace: %s", strerror(-ret));
		return ret;
	}
	if (cfg->trace || cfg->replay)
		r->heard = r->trace;
	make_identity(r);
	if (cfg->replay) {
		cfg->replay->stop = replay_stops;
		cfg->replay->owner = r;
		replay_begin(cfg->replay, r->trace, &r->identity);
	}
	record_identity(r->heard, &r->identity);
	record_nodes(r->trace, r->nodes, r->nr_nodes);
	return 0;
}

static int open_calendar(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	struct cal_server_cfg cfg = {
		.path = CALENDAR, .clients = lab->nr_nodes + 1,
		.tod = lab->tod, .time_limit = lab->time_limit,
		.no_shm = r->cfg->no_shm, .hinted = true, .trace = r->trace,
		.owner = r, .ended = run_calendar_ended,
		.client_gone = run_client_gone, .turn_ends = run_turn_ends,
	};
	int ret = cal_server_new(&r->calendar, &r->ring, &cfg);

	if (ret)
		return ret;
	ret = tt_local_open(&r->tt, &r->ring, r->calendar);
	if (ret)
		return ret;
	r->have_tt = true;
	r->tt.lost = run_clock_lost;
	return 0;
}

static int open_devices(struct run *r)
{
	struct dev_bus_cfg cfg = {
		.ring = &r->ring, .tt = &r->tt, .simulated = true,
		.seed = r->cfg->lab->seed, .trace = r->trace, .dir = r->cwd, .owner = r,
		.session_ended = run_session_ended,
	};
	int ret = dev_bus_new(&r->bus, &cfg);

	if (ret)
		return ret;
	return wiring_make(&r->wiring, r->bus, r->cfg->lab, r->nodes);
}

static void shell_ended(struct shell *s, int status, const char *why)
{
	run_stop(s->owner, status, why);
}

static int open_shell(struct run *r)
{
	if (!r->wiring.keys)
		return 0;
	r->shell.owner = r;
	r->shell.ended = shell_ended;
	r->shell.pace = r->cfg->lab->pace;
	r->shell.script = r->cfg->replay ? &r->cfg->replay->begin : NULL;
	return shell_open(&r->shell, &r->ring, r->wiring.keys);
}

static int make_initrd(struct run *r, unsigned int i)
{
	struct strvec conf = { 0 };
	char *file = node_initrd(&r->nodes[i]);
	int ret;

	guestconf_make(r->cfg->lab, i, r->cwd, r->cfg->env, r->wiring.nets,
		       r->wiring.nr_nets, &conf);
	ret = guestconf_write(r->cfg->lab, i, &conf, r->init, file);
	strvec_free(&conf);
	free(file);
	return ret;
}

static int start_nodes(struct run *r)
{
	const struct lab_node *plain = lab_terminal(r->cfg->lab);
	unsigned int i;
	int ret = 0;

	/* Fixed names: they are on the stack of the guest, too. */
	if (symlink(r->preload, PRELOAD) < 0 || symlink(r->mem_dir, MEM_DIR) < 0)
		ret = -errno;
	if (!ret)
		ret = kernels_link(&r->kernels);
	if (!plain)
		plain = &r->cfg->lab->nodes[0];
	r->env.ring = &r->ring;
	r->env.q = &r->outq;
	r->env.rundir = &r->rundir;
	r->env.preload = PRELOAD;
	r->env.mem_dir = MEM_DIR;
	r->env.seed = r->cfg->lab->seed;
	r->env.busy = &r->cfg->lab->busy;
	r->env.calendar = CALENDAR;
	r->env.log_dir = r->cfg->out;
	r->env.verbose = r->cfg->verbose;
	for (i = 0; i < r->nr_nodes && !ret; i++)
		ret = make_initrd(r, i);
	for (i = 0; i < r->nr_nodes; i++)
		cover_init(&r->nodes[i].cover, r->cfg->gcov,
			   r->nodes[i].cfg->name);
	for (i = 0; i < r->nr_nodes && !ret; i++)
		ret = node_start(&r->nodes[i], &r->env, &run_console_ops, r,
				 &r->cfg->lab->nodes[i] == plain);
	if (r->debugger.node && !ret)
		ret = debugger_start(&r->debugger, &r->rundir);
	return ret;
}

static void output_drained(struct outq *q)
{
	struct run *r = container_of(q, struct run, outq);
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++) {
		console_resume(&r->nodes[i].console);
		klog_resume(&r->nodes[i].klog);
	}
}

/* A reader that leaves ends us as it ends any other program. */
static void output_broken(struct outq *q, int fd, int err)
{
	struct run *r = container_of(q, struct run, outq);

	if (fd != STDOUT_FILENO)
		return;
	if (err != -EPIPE)
		log_err(NULL, "cannot write to stdout: %s", strerror(-err));
	r->output_lost = err == -EPIPE ? 128 + SIGPIPE : RUN_FAILED;
	run_stop(r, r->output_lost, WHY_STDOUT);
}

int run_start(struct run *r)
{
	unsigned int i;
	int ret;

	ret = open_loop(r);
	if (ret)
		return ret;
	outq_init(&r->outq, &r->ring);
	r->outq.drained = output_drained;
	r->outq.broken = output_broken;
	r->nodes = xcalloc(r->cfg->lab->nr_nodes, sizeof(*r->nodes));
	for (i = 0; i < r->cfg->lab->nr_nodes; i++) {
		node_init(&r->nodes[i], &r->cfg->lab->nodes[i], i + 1,
			  r->kernels.of[i]);
		if (r->nodes[i].cfg->gdb)
			r->debugger.node = &r->nodes[i];
	}
	r->nr_nodes = r->cfg->lab->nr_nodes;
	run_limit_wall(r, r->began);
	ret = open_trace(r);
	if (!ret)
		ret = open_calendar(r);
	if (!ret)
		ret = open_devices(r);
	if (!ret)
		ret = open_shell(r);
	if (!ret)
		ret = start_nodes(r);
	if (ret)
		return ret;
	run_limit_stall(r);
	tt_start(&r->tt, 0);
	return 0;
}
