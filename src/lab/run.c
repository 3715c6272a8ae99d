// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One run of a lab: calendar, devices and kernels, from start to end. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../cal/server.h"
#include "../dev/bus.h"
#include "../ring/signals.h"
#include "../trace/story.h"
#include "../tt/local.h"
#include "debugger.h"
#include "guestconf.h"
#include "host.h"
#include "kbuild.h"
#include "node.h"
#include "record.h"
#include "run.h"
#include "shell.h"
#include "stats.h"
#include "wiring.h"

/*
 * DOC: The life of a run
 *
 * run_prepare() does what can fail for reasons that the user should hear of
 * before anything is started; run_start() makes calendar, devices and kernels;
 * ring_run() is the lab; run_finish() ends all processes, writes out what is
 * left, and says how it went. Between start and end everything happens in
 * callbacks of the loop, and every reason to end goes through stop().
 *
 * The calendar's clients: the devices, which live in this process, with id 0,
 * and the nodes from 1 on, in the order of the lab. They start in this order.
 */

#define CALENDAR	"calendar.sock"
#define PRELOAD		"./preload.so"
#define MEM_DIR		"./memory"

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
	bool have_signals;
	struct op wall_op;
	struct __kernel_timespec wall_ts;
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
};

static u64 wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

/* The first reason to end is the one that counts. */
static void stop(struct run *r, int status, const char *why)
{
	if (r->over || r->ring.stop)
		return;
	r->status = status;
	r->why = why;
	trace_end(r->trace, status, why);
	ring_stop(&r->ring, status);
}

/* Simulated time: nodes may have gone on since they last spoke to the calendar. */
static u64 simulated(const struct run *r)
{
	u64 now = cal_server_now(r->calendar);
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		now = max_u64(now, r->nodes[i].now);
	return now;
}

/*
 * Nodes: what the consoles and the system tell
 */

/* A node cannot go on. Is that the end of the lab? */
static void node_lost(struct run *r, struct node *n)
{
	if (r->ring.stop || r->over || n->lost)
		return;
	n->lost = true;
	if (n->cfg->needed || (n->cfg->wait && !n->exited)) {
		r->failed = n;
		stop(r, RUN_FAILED, WHY_NODE);
	} else {
		log_warn(n->cfg->name, "this node has ended; the lab goes on without it");
	}
}

/* The process and all it wrote must be there before anything is concluded. */
static void check_gone(struct run *r, struct node *n)
{
	if (n->reaped && n->channel_ended)
		node_lost(r, n);
}

static int status_of_all(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].cfg->wait && r->nodes[i].status)
			return (int)r->nodes[i].status;
	return 0;
}

static void node_exited(struct console *c, u32 status, u64 now)
{
	struct node *n = container_of(c, struct node, console);
	struct run *r = c->owner;
	bool all = true;
	unsigned int i;

	n->exited = true;
	n->status = status & 255;
	n->now = now;
	/*
	 * In the calendar's time it depends on the host how far the node, which
	 * may run on, has come when we hear of it.
	 */
	r->recorded = r->exit_at = max_u64(now, r->recorded);
	record_exit(r->trace, n);
	log_info(n->cfg->name, "the command has ended with status %u", status);
	for (i = 0; i < r->nr_nodes && all; i++)
		all = !r->nodes[i].cfg->wait || r->nodes[i].exited;
	if (all)
		stop(r, status_of_all(r), WHY_EXITED);
	r->exit_at = 0;
}

static void node_failed(struct console *c, const char *why)
{
	struct node *n = container_of(c, struct node, console);

	if (!n->failure)
		n->failure = xstrdup(why);
	node_lost(c->owner, n);
}

static void node_channel_ended(struct console *c)
{
	struct node *n = container_of(c, struct node, console);

	n->channel_ended = true;
	check_gone(c->owner, n);
}

static void node_said(struct console *c, int fd, const u8 *data, size_t len)
{
	struct run *r = c->owner;

	record_said(r->heard, container_of(c, struct node, console), fd, data,
		    len);
}

static void node_cover(struct console *c, bool begin, const u8 *data, size_t len)
{
	struct node *n = container_of(c, struct node, console);
	const char *why = begin ? cover_begin(&n->cover, data, len) :
				  cover_data(&n->cover, data, len);

	if (why)
		node_failed(c, why);
}

static const struct console_ops console_ops = {
	.cover = node_cover,
	.said = node_said,
	.exited = node_exited,
	.failed = node_failed,
	.ended = node_channel_ended,
};

static void start_wall_limit(struct run *r, u64 began);

static void reap(struct run *r)
{
	unsigned int i;
	int wstatus;

	/* Whoever looks at a kernel has all the time in the world. */
	if (debugger_reap(&r->debugger) && !r->wall_op.busy)
		start_wall_limit(r, wall_now());

	for (i = 0; i < r->nr_nodes; i++) {
		struct node *n = &r->nodes[i];

		if (!n->pid || waitpid(n->pid, &wstatus, WNOHANG) != n->pid)
			continue;
		node_ended(n, &r->env, wstatus);
		check_gone(r, n);
	}
}

/*
 * Other reasons to end
 */

static void got_signal(struct signals *sg, int signo)
{
	struct run *r = sg->owner;

	if (signo == SIGCHLD)
		reap(r);
	else if (signo == SIGWINCH || signo == SIGCONT)
		shell_resized(&r->shell);
	else
		stop(r, 128 + signo, WHY_SIGNAL);
}

static void time_limit(struct run *r)
{
	char buf[UNITS_TIME_LEN];

	log_err(NULL, "time limit of %s of simulated time reached",
		units_format_time(buf, r->cfg->lab->time_limit));
	stop(r, RUN_TIME_LIMIT, WHY_TIME_LIMIT);
}

static void wall_limit(struct op *op, int res)
{
	struct run *r = container_of(op, struct run, wall_op);
	char buf[UNITS_TIME_LEN];
	u64 now;

	/* It may come when all has ended and much has been freed already. */
	if (res != -ETIME || r->ring.draining || r->debugger.pid)
		return;
	now = simulated(r);
	log_err(NULL, "wall-clock limit of %s reached, at %" PRIu64 ".%09" PRIu64 " s of simulated time or later",
		units_format_time(buf, r->cfg->lab->wall_limit),
		now / NSEC_PER_SEC, now % NSEC_PER_SEC);
	stop(r, RUN_TIME_LIMIT, WHY_WALL_LIMIT);
}

static void asleep(struct run *r)
{
	unsigned int i;

	log_err(NULL, "nothing can happen any more: everybody waits, and nobody for a time that will come");
	cal_server_report(r->calendar, stderr);
	for (i = 0; i < r->nr_nodes && r->nr_nodes <= 16; i++)
		log_err(NULL, "client %u is node %s; its command %s",
			r->nodes[i].id, r->nodes[i].cfg->name,
			!r->nodes[i].cfg->command.n ? "is to idle" :
			r->nodes[i].exited ? "has ended" : "has not ended");
	stop(r, RUN_FAILED, WHY_ASLEEP);
}

static void calendar_ended(void *owner, enum cal_verdict v)
{
	struct run *r = owner;

	if (v == CAL_LIMIT)
		time_limit(r);
	else if (v == CAL_ASLEEP)
		asleep(r);
}

/* Its id comes with START; one that leaves before that is known by its process. */
static struct node *node_of(struct run *r, u64 id, pid_t pid)
{
	unsigned int i;

	if (id >= 1 && id <= r->nr_nodes)
		return &r->nodes[id - 1];
	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].pid == pid)
			return &r->nodes[i];
	return NULL;
}

static void client_gone(void *owner, u64 id, pid_t pid, const char *why)
{
	struct run *r = owner;
	struct node *n;

	n = node_of(r, id, pid);
	if (!n) {
		log_warn("calendar", "a client that is no node (pid %d) has left%s%s",
			 (int)pid, why ? ": it " : "", why ? why : "");
		return;
	}
	if (why && !n->failure)
		n->failure = xasprintf("its kernel has broken the time-travel protocol: it %s",
				       why);
	/*
	 * A node that dies drops this first. The others must not go on as if
	 * nothing had happened until we hear of the end of its process.
	 */
	node_lost(r, n);
}

static void turn_ends(void *owner, u64 id)
{
	struct run *r = owner;

	if (id >= 1 && id <= r->nr_nodes)
		record_turn_end(r->heard, &r->nodes[id - 1]);
}

static void session_ended(void *owner, struct dev *d, const char *why)
{
	(void)owner;
	if (why)
		log_warn(dev_name(d), "%s; the device is gone for this node", why);
}

static void clock_lost(struct tt *tt, const char *why)
{
	struct run *r = container_of(tt, struct run, tt);

	log_err(NULL, "the devices have lost the calendar: %s", why);
	stop(r, RUN_FAILED, WHY_DEVICES);
}

/*
 * A node that keeps time from moving
 */

/* One that has not joined the calendar yet keeps all others from starting. */
static struct node *node_to_start(struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].pid &&
		    !cal_server_started(r->calendar, r->nodes[i].pid))
			return &r->nodes[i];
	return NULL;
}

static struct node *node_in_turn(struct run *r)
{
	u64 id = cal_server_turn(r->calendar);

	if (id >= 1 && id <= r->nr_nodes)
		return &r->nodes[id - 1];
	return id == U64_MAX ? node_to_start(r) : NULL;
}

static void stall_look(struct stall_watch *w, struct stall_sight *s)
{
	struct run *r = w->owner;
	struct dev_bus_stats ds;
	struct cal_stats cs;
	struct node *n = node_in_turn(r);

	cal_server_stats(r->calendar, &cs);
	dev_bus_stats(r->bus, &ds);
	s->messages = cs.rx + cs.tx + ds.rx + ds.tx;
	/* Who does not read what the nodes have to say holds them up, too. */
	s->excused = outq_full(&r->outq);
	s->pid = n ? n->pid : 0;
	s->kernel = n ? n->kernel->view : NULL;
}

static void stall_found(struct stall_watch *w, const struct stall_found *f)
{
	struct run *r = w->owner;
	const struct node *n = node_of(r, 0, w->last.pid);
	char *what = stall_text(f), buf[UNITS_TIME_LEN];

	log_err(n->cfg->name, "simulated time has not moved for %s: %s",
		units_format_time(buf, w->limit), what);
	free(what);
	r->cfg->report->stall_node = xstrdup(n->cfg->name);
	r->cfg->report->stall = *f;
	stop(r, RUN_TIME_LIMIT, WHY_STALL);
}

static void start_stall_limit(struct run *r)
{
	r->watch.ring = &r->ring;
	r->watch.limit = r->cfg->lab->stall_limit;
	r->watch.owner = r;
	r->watch.look = stall_look;
	r->watch.found = stall_found;
	if (r->watch.limit)
		stall_begin(&r->watch);
}

/*
 * Before anything is started
 */

static int make_out_dir(const char *out)
{
	if (!out || mkdir(out, 0777) == 0 || errno == EEXIST)
		return 0;
	log_err(out, "%s", strerror(errno));
	return -errno;
}

/* A kernel that does not know what it is told passes it on to init. */
static int check_busy(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->kernels.n; i++) {
		if (!busy_missing(&r->cfg->lab->busy, r->kernels.list[i]->view))
			continue;
		log_err(r->kernels.list[i]->path, "--busy needs a patch that this kernel does not have; uml-glue/kernel/build.sh makes kernels with it");
		return -ENOSYS;
	}
	return 0;
}

static int open_kernels(struct run *r)
{
	int ret = kernels_open(&r->kernels, r->cfg->lab, r->cwd);
	unsigned int i;

	if (!ret)
		ret = check_busy(r);
	for (i = 0; i < r->kernels.n && !ret; i++) {
		if (!r->kernels.list[i]->is_static)
			continue;
		r->cfg->report->why_not = "the kernel is linked statically";
		log_warn(r->kernels.list[i]->path, "this kernel is linked statically: its random numbers are the host's, and no two runs are the same");
	}
	return ret;
}

/* What a replay types is in the recording. */
static int find_terminal(struct run *r)
{
	if (!lab_terminal(r->cfg->lab) || r->cfg->replay)
		return 0;
	if (terminal_find(&r->shell.terminal) < 0) {
		log_err(NULL, "--shell: stdin is not a terminal; a COMMAND behind -- needs none");
		return -ENOTTY;
	}
	r->rundir.terminal = &r->shell.terminal;
	return 0;
}

/* The kernel would refuse them, too, but its reason is in its log only. */
static int check_modules(const struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	unsigned int i;
	int ret = 0;
	size_t j;

	for (i = 0; i < lab->nr_nodes; i++)
		for (j = 0; j < lab->nodes[i].modules.n && !ret; j++)
			ret = kbuild_check_module(lab->nodes[i].modules.v[j],
						  r->kernels.of[i]->release);
	return ret;
}

static int find_debugger(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	unsigned int i;
	bool wanted = false;

	for (i = 0; i < lab->nr_nodes; i++)
		wanted |= lab->nodes[i].gdb;
	if (!wanted)
		return 0;
	if (debugger_check() < 0)
		return -ENOENT;
	r->debugger.command = r->cfg->gdb_command;
	r->debugger.cwd = r->cwd;
	/* Without a terminal gdb has its commands from a file. */
	if (terminal_find(&r->debugger.terminal) == 0)
		r->rundir.terminal = &r->debugger.terminal;
	return 0;
}

static int run_prepare(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	int ret;

	r->cwd = r->cfg->cwd;
	r->init = host_init_program();
	r->preload = host_preload();
	if (!r->init || !r->preload)
		return -ENOENT;
	ret = open_kernels(r);
	if (!ret)
		ret = find_terminal(r);
	if (!ret)
		ret = check_modules(r);
	if (!ret)
		ret = find_debugger(r);
	if (!ret)
		ret = make_out_dir(r->cfg->out);
	if (!ret)
		ret = make_out_dir(r->cfg->gcov);
	if (!ret)
		ret = host_pin(r->cfg->cpu);
	if (!ret)
		ret = rundir_open(&r->rundir);
	if (ret)
		return ret;
	r->mem_dir = host_memory_dir(lab);
	host_raise_files();
	/* What a kernel leaves when it dies becomes ours to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

/*
 * Start
 */

static int open_loop(struct run *r)
{
	char why[256];
	sigset_t set;

	if (ring_init(&r->ring, why, sizeof(why)) < 0) {
		log_err(NULL, "%s", why);
		return -ENOSYS;
	}
	r->have_ring = true;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (lab_terminal(r->cfg->lab)) {
		sigaddset(&set, SIGWINCH);
		sigaddset(&set, SIGCONT);
	}
	if (signals_open(&r->signals, &r->ring, &set, got_signal) < 0) {
		log_err(NULL, "signalfd: %s", strerror(errno));
		return -EINVAL;
	}
	r->have_signals = true;
	r->signals.owner = r;
	return 0;
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
	stop(rp->owner, status, why);
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

static int close_trace(struct run *r)
{
	int ret = trace_close(r->trace);

	if (ret)
		log_err(r->cfg->trace, "the trace is not complete: %s",
			strerror(-ret));
	return ret;
}

static int open_calendar(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	struct cal_server_cfg cfg = {
		.path = CALENDAR, .clients = lab->nr_nodes + 1,
		.tod = lab->tod, .time_limit = lab->time_limit,
		.no_shm = r->cfg->no_shm, .hinted = true, .trace = r->trace,
		.owner = r, .ended = calendar_ended,
		.client_gone = client_gone, .turn_ends = turn_ends,
	};
	int ret = cal_server_new(&r->calendar, &r->ring, &cfg);

	if (ret)
		return ret;
	ret = tt_local_open(&r->tt, &r->ring, r->calendar);
	if (ret)
		return ret;
	r->have_tt = true;
	r->tt.lost = clock_lost;
	return 0;
}

static int open_devices(struct run *r)
{
	struct dev_bus_cfg cfg = {
		.ring = &r->ring, .tt = &r->tt, .simulated = true,
		.seed = r->cfg->lab->seed, .trace = r->trace, .dir = r->cwd, .owner = r,
		.session_ended = session_ended,
	};
	int ret = dev_bus_new(&r->bus, &cfg);

	if (ret)
		return ret;
	return wiring_make(&r->wiring, r->bus, r->cfg->lab, r->nodes);
}

static void shell_ended(struct shell *s, int status, const char *why)
{
	stop(s->owner, status, why);
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
		ret = node_start(&r->nodes[i], &r->env, &console_ops, r,
				 &r->cfg->lab->nodes[i] == plain);
	if (r->debugger.node && !ret)
		ret = debugger_start(&r->debugger, &r->rundir);
	return ret;
}

static void start_wall_limit(struct run *r, u64 began)
{
	u64 end = began + r->cfg->lab->wall_limit;

	if (!r->cfg->lab->wall_limit)
		return;
	r->wall_op.done = wall_limit;
	r->wall_ts.tv_sec = (s64)(end / NSEC_PER_SEC);
	r->wall_ts.tv_nsec = (s64)(end % NSEC_PER_SEC);
	ring_timeout(&r->ring, &r->wall_op, &r->wall_ts);
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
	stop(r, r->output_lost, WHY_STDOUT);
}

static int run_start(struct run *r)
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
	start_wall_limit(r, r->began);
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
	start_stall_limit(r);
	tt_start(&r->tt, 0);
	return 0;
}

/*
 * End
 */

/* To be printed after the nodes' last words, when all has been freed. */
static char *make_stats(struct run *r)
{
	struct stats_source src = {
		.calendar = r->calendar, .bus = r->bus,
		.simulated = simulated(r), .wall = wall_now() - r->began,
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
	if (r->have_signals)
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

/* As simulated(), and what the kernels themselves have counted */
static u64 time_in_nodes(const struct run *r)
{
	u64 now, t;
	unsigned int i;

	if (r->why && strcmp(r->why, WHY_EXITED) == 0)
		return time_of_exit(r);
	now = simulated(r);
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
	rep->wall = wall_now() - r->began;
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

static int run_finish(struct run *r, bool ran)
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

int run_lab(const struct run_cfg *cfg)
{
	struct run r = { .cfg = cfg, .began = wall_now() };
	int status = RUN_FAILED, ret;

	ret = run_prepare(&r);
	if (!ret)
		ret = run_start(&r);
	if (!ret) {
		status = ring_run(&r.ring);
		if (status < 0) {
			log_err(NULL, "io_uring_enter: %s", strerror(-status));
			status = RUN_FAILED;
		}
	}
	if (run_finish(&r, !ret) && !status)
		status = RUN_FAILED;
	/* The command may have ended before its output was out. */
	cfg->report->status = status ? status : r.output_lost;
	return cfg->report->status;
}
