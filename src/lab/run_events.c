// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What happens while a lab runs, and each reason to end it. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../base/log.h"
#include "../base/units.h"
#include "run_state.h"

/* The first reason to end is the one that counts. */
void run_stop(struct run *r, int status, const char *why)
{
	if (r->over || r->ring.stop)
		return;
	r->status = status;
	r->why = why;
	trace_end(r->trace, status, why);
	ring_stop(&r->ring, status);
}

/* Simulated time: nodes may have gone on since they last spoke to the calendar. */
u64 run_simulated(const struct run *r)
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
		run_stop(r, RUN_FAILED, WHY_NODE);
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
		run_stop(r, status_of_all(r), WHY_EXITED);
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

static void node_cover(struct console *c, u8 kind, const u8 *data, size_t len)
{
	struct node *n = container_of(c, struct node, console);
	const char *why = kind == CHANNEL_KCOV ? kcov_said(&n->kcov, data, len) :
			  kind == CHANNEL_COVER ? cover_begin(&n->cover, data, len) :
						  cover_data(&n->cover, data, len);

	if (why)
		node_failed(c, why);
}

const struct console_ops run_console_ops = {
	.cover = node_cover,
	.said = node_said,
	.exited = node_exited,
	.failed = node_failed,
	.ended = node_channel_ended,
};

static void wall_limit(struct op *op, int res)
{
	struct run *r = container_of(op, struct run, wall_op);
	char buf[UNITS_TIME_LEN];
	u64 now;

	/* It may come when all has ended and much has been freed already. */
	if (res != -ETIME || r->ring.draining || r->debugger.pid)
		return;
	now = run_simulated(r);
	log_err(NULL, "wall-clock limit of %s reached, at %" PRIu64 ".%09" PRIu64 " s of simulated time or later",
		units_format_time(buf, r->cfg->lab->wall_limit),
		now / NSEC_PER_SEC, now % NSEC_PER_SEC);
	run_stop(r, RUN_TIME_LIMIT, WHY_WALL_LIMIT);
}

void run_limit_wall(struct run *r, u64 began)
{
	if (!r->cfg->lab->wall_limit)
		return;
	r->wall_op.done = wall_limit;
	ring_timeout(&r->ring, &r->wall_op, began + r->cfg->lab->wall_limit);
}

static void reap(struct run *r)
{
	unsigned int i;
	int wstatus;

	/* Whoever looks at a kernel has all the time in the world. */
	if (debugger_reap(&r->debugger) && !r->wall_op.busy)
		run_limit_wall(r, ring_clock());

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

void run_got_signal(struct signals *sg, int signo)
{
	struct run *r = sg->owner;

	if (signo == SIGCHLD)
		reap(r);
	else if (signo == SIGWINCH || signo == SIGCONT)
		shell_resized(&r->shell);
	else
		run_stop(r, 128 + signo, WHY_SIGNAL);
}

static void time_limit(struct run *r)
{
	char buf[UNITS_TIME_LEN];

	log_err(NULL, "time limit of %s of simulated time reached",
		units_format_time(buf, r->cfg->lab->time_limit));
	run_stop(r, RUN_TIME_LIMIT, WHY_TIME_LIMIT);
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
	run_stop(r, RUN_FAILED, WHY_ASLEEP);
}

void run_calendar_ended(void *owner, enum cal_verdict v)
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

void run_client_gone(void *owner, u64 id, pid_t pid, const char *why)
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

void run_turn_ends(void *owner, u64 id)
{
	struct run *r = owner;

	if (id >= 1 && id <= r->nr_nodes)
		record_turn_end(r->heard, &r->nodes[id - 1]);
}

void run_session_ended(void *owner, struct dev *d, const char *why)
{
	(void)owner;
	if (why)
		log_warn(dev_name(d), "%s; the device is gone for this node", why);
}

void run_clock_lost(struct tt *tt, const char *why)
{
	struct run *r = container_of(tt, struct run, tt);

	log_err(NULL, "the devices have lost the calendar: %s", why);
	run_stop(r, RUN_FAILED, WHY_DEVICES);
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
	run_stop(r, RUN_TIME_LIMIT, WHY_STALL);
}

void run_limit_stall(struct run *r)
{
	r->watch.ring = &r->ring;
	r->watch.limit = r->cfg->lab->stall_limit;
	r->watch.owner = r;
	r->watch.look = stall_look;
	r->watch.found = stall_found;
	if (r->watch.limit)
		stall_begin(&r->watch);
}
