// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Finds the node that keeps simulated time from moving, and what it does. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "hostproc.h"
#include "stall.h"
#include "strvec.h"

/*
 * DOC: Theory of operation
 *
 * The node whose turn it is may move time by itself, without a word to the
 * calendar, as long as nobody else wants to run. So it is not enough to count
 * messages: its kernel's own count of time is read from its memory, too.
 *
 * When neither has changed for the limit, the node is stopped for a look, a few
 * times. A User-Mode Linux kernel runs a process by letting another process of
 * the host go, the stub, and waiting for it: who is found in that wait has a
 * process in user mode, or one that makes system calls, which the stub stops at.
 * A kernel that loops itself is never found there.
 */

#define MAX_PERIOD	(500 * NSEC_PER_MSEC)
#define MIN_PERIOD	(5 * NSEC_PER_MSEC)
/* What is stopped needs a moment to be so. */
#define SETTLE		(5 * NSEC_PER_MSEC)
#define SAMPLES		24u
/* On a busy host it may have to wait for a CPU before it can stop. */
#define TRIES		400u
/* Less than this part of the limit on a CPU is not a loop; but nobody waits for ever. */
#define CPU_SHARE	10u
#define PATIENCE	10u

static u64 period(const struct stall_watch *w)
{
	return max_u64(MIN_PERIOD, min_u64(MAX_PERIOD, w->limit / 8));
}

static void after(struct stall_watch *w, u64 ns,
		  void (*next)(struct stall_watch *w))
{
	w->next = next;
	w->due = ring_clock() + ns;
	ring_timeout(w->ring, &w->op, w->due);
}

/*
 * Samples
 */

static void stop_node(struct stall_watch *w);

static void conclude(struct stall_watch *w, enum stall_mode mode)
{
	w->result.mode = mode;
	peek_task(w->last.kernel, w->last.pid, &w->result.task);
	w->found(w, &w->result);
}

/* The stub has been stopped, by its kernel's wish or by ours. */
static void look_at_stub(struct stall_watch *w)
{
	struct hostproc_call c;
	int ret = hostproc_call(w->stub, &c);

	if (ret == 0 && c.nr == HOSTPROC_RUNNING && ++w->tries < TRIES) {
		after(w, SETTLE, look_at_stub);
		return;
	}
	if (ret == 0 && c.nr != HOSTPROC_RUNNING) {
		snprintf(w->result.where, sizeof(w->result.where),
			 "0x%" PRIx64, c.pc);
		w->result.syscall = c.nr;
	}
	conclude(w, STALL_USER);
}

static void sample_user(struct stall_watch *w, pid_t stub)
{
	w->stub = stub;
	if (hostproc_state(stub) == 't') {
		look_at_stub(w);
		return;
	}
	kill(stub, SIGSTOP);
	after(w, SETTLE, look_at_stub);
}

static void tick(struct stall_watch *w);

/* It may end, or somebody may do something for it, while it is looked at. */
static bool is_over(struct stall_watch *w)
{
	struct stall_sight s = { 0 };

	w->look(w, &s);
	if (s.pid == w->last.pid && s.messages == w->last.messages)
		return false;
	if (s.pid == w->last.pid)
		kill(s.pid, SIGCONT);
	w->since = ring_clock();
	w->samples = w->tries = 0;
	after(w, period(w), tick);
	return true;
}

static void sample(struct stall_watch *w)
{
	struct hostproc_call c;

	if (is_over(w))
		return;
	if (hostproc_call(w->last.pid, &c) < 0) {
		conclude(w, STALL_UNKNOWN);
		return;
	}
	if (c.nr == HOSTPROC_RUNNING && ++w->tries < TRIES) {
		after(w, SETTLE, sample);
		return;
	}
	if (c.nr == SYS_wait4 && (s32)c.arg0 > 0) {
		sample_user(w, (s32)c.arg0);
		return;
	}
	if (c.nr != HOSTPROC_RUNNING)
		peek_where(w->last.kernel, w->last.pid, c.pc, c.sp,
			   w->result.where);
	if (++w->samples == SAMPLES) {
		conclude(w, STALL_KERNEL);
		return;
	}
	kill(w->last.pid, SIGCONT);
	after(w, SETTLE, stop_node);
}

static void stop_node(struct stall_watch *w)
{
	if (is_over(w))
		return;
	kill(w->last.pid, SIGSTOP);
	after(w, SETTLE, sample);
}

/*
 * The watch
 */

/* Who is stopped does not hold anything up: somebody looks at it, with a debugger. */
static bool is_stopped(pid_t pid)
{
	char state = hostproc_state(pid);

	return state == 't' || state == 'T';
}

/* Has anything happened since the last time, or can it be nobody's fault. */
static bool has_moved(struct stall_watch *w)
{
	struct stall_sight s = { 0 };
	u64 time = 0;
	bool same;

	w->look(w, &s);
	if (!s.pid || is_stopped(s.pid) ||
	    peek_time(s.kernel, s.pid, &time) < 0)
		time = 0;
	same = s.pid == w->last.pid && s.messages == w->last.messages &&
	       time == w->time;
	w->last = s;
	w->time = time;
	return !same || !s.pid || s.excused || is_stopped(s.pid);
}

/* A node that did not get to run on a busy host is not to blame, for a while. */
static bool was_idle(const struct stall_watch *w, u64 still)
{
	return hostproc_cpu(w->last.pid) - w->cpu < w->limit / CPU_SHARE &&
	       still < w->limit * PATIENCE;
}

static void tick(struct stall_watch *w)
{
	u64 now = ring_clock(), still;

	/* When we did not run ourselves, neither may the nodes have. */
	if (has_moved(w) || now - w->due > 4 * period(w))
		w->since = now;
	still = now - w->since;
	if (!still)
		w->cpu = hostproc_cpu(w->last.pid);
	if (still >= w->limit && !was_idle(w, still))
		stop_node(w);
	else if (still < w->limit)
		after(w, min_u64(period(w), w->limit - still), tick);
	else
		after(w, period(w), tick);
}

static void timeout(struct op *op, int res)
{
	struct stall_watch *w = container_of(op, struct stall_watch, op);

	/* It may come when all has ended and much has been freed already. */
	if (res == -ETIME && w->next && !w->ring->draining)
		w->next(w);
}

void stall_begin(struct stall_watch *w)
{
	w->op.done = timeout;
	w->since = ring_clock();
	w->result.syscall = -1;
	after(w, period(w), tick);
}

void stall_end(struct stall_watch *w)
{
	w->next = NULL;
	if (w->op.done)
		ring_cancel(w->ring, &w->op);
}

static const char *mode_text(const struct stall_found *f)
{
	if (f->mode == STALL_KERNEL)
		return "in the kernel";
	return f->syscall >= 0 ? "with system calls" : "in user mode";
}

char *stall_text(const struct stall_found *f)
{
	char *task, *text;

	if (f->mode == STALL_UNKNOWN)
		return xstrdup("the host does not let us see what it does");
	task = f->task.pid > 0 && *f->task.comm ?
	       xasprintf("process %d (%s)", f->task.pid, f->task.comm) :
	       xstrdup(*f->task.comm ? f->task.comm : "a process");
	text = xasprintf("%s is busy %s%s%s", task, mode_text(f),
			 *f->where ? ", at " : "", f->where);
	free(task);
	return text;
}
