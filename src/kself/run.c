// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A run of kselftests: which boot is next, and when it is over. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/prng.h"
#include "../lab/rundir.h"
#include "../ring/signals.h"
#include "boot.h"
#include "finish.h"
#include "show.h"

/*
 * DOC: Theory of operation
 *
 * A boot takes the next tests of the list that may share a kernel. Up to
 * cfg->jobs of them run at a time; a verdict does not depend on which, since a
 * boot knows nothing of the others. When one is over before all of its tests
 * have begun, the rest is the beginning of another. Whatever the order in which
 * they end, show_done() writes about tests in the order of the list.
 *
 * Children, pipes and timers are events of the loop of src/ring, as everywhere.
 * The directory of the run is that of rundir.h, whose guard ends the children
 * and removes it if we are killed.
 */

/**
 * struct slot - a place for a boot
 * @cpu: of its own, if several run at a time
 */
struct slot {
	struct run *run;
	struct boot *boot;
	int cpu;
};

/**
 * struct span - tests that one boot is to run
 */
struct span {
	size_t first, n;
};

/**
 * struct run - the run
 * @again: parts of boots that have ended too early; they come first
 * @next: test from which on nothing has been started
 * @word: what the marks of this run are known by
 * @signal: that ended it; 0: none has
 */
struct run {
	const struct kself_cfg *cfg;
	struct show show;
	struct ring ring;
	struct signals signals;
	struct rundir rundir;
	struct work work;
	struct op tick;
	struct slot *slots;
	struct span *again;
	size_t nr_again, next;
	unsigned int boots, running;
	char word[17];
	int signal;
};

static struct kself_test *test_at(const struct run *r, size_t i)
{
	return &r->cfg->tests->v[i];
}

/*
 * Which tests are next
 */

static bool share(const struct kself_cfg *cfg, const struct kself_test *a,
		  const struct kself_test *b)
{
	return cfg->per_collection && !a->own_boot && !b->own_boot &&
	       !b->done && a->busy == b->busy && a->busy_cost == b->busy_cost &&
	       a->mem == b->mem &&
	       strcmp(a->collection, b->collection) == 0;
}

static bool next_span(struct run *r, struct span *s)
{
	size_t n = r->cfg->tests->n;

	if (r->nr_again) {
		*s = r->again[0];
		r->nr_again--;
		memmove(r->again, r->again + 1, r->nr_again * sizeof(*r->again));
		return true;
	}
	while (r->next < n && test_at(r, r->next)->done)
		r->next++;
	if (r->next == n)
		return false;
	s->first = r->next++;
	while (r->next < n && share(r->cfg, test_at(r, s->first),
				    test_at(r, r->next)))
		r->next++;
	s->n = r->next - s->first;
	return true;
}

static void run_again(struct run *r, size_t first, size_t n)
{
	r->again = xrealloc(r->again, (r->nr_again + 1) * sizeof(*r->again));
	r->again[r->nr_again++] = (struct span){ first, n };
}

/*
 * Boots
 */

static void stop(struct run *r, int status)
{
	ring_stop(&r->ring, status);
}

static void boot_over(struct boot *b)
{
	struct slot *slot = b->owner;
	struct run *r = slot->run;
	size_t n = kself_finish(b);

	if (n < b->n)
		run_again(r, b->first + n, b->n - n);
	r->running--;
	show_done(&r->show);
	/* It is still in use up the stack. */
	ring_work(&r->ring, &r->work);
}

static int start(struct run *r, struct slot *slot, const struct span *s)
{
	struct boot *b = xcalloc(1, sizeof(*b));

	b->cfg = r->cfg;
	b->ring = &r->ring;
	b->first = s->first;
	b->n = s->n;
	b->word = r->word;
	b->cpu = slot->cpu;
	b->owner = slot;
	b->over = boot_over;
	b->dir = xasprintf("%s/boot%u", r->rundir.path, r->boots++);
	slot->boot = b;
	if (mkdir(b->dir, 0777) < 0) {
		log_err(b->dir, "%s", strerror(errno));
		return -errno;
	}
	return boot_start(b);
}

static const struct kself_test *running_test(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->cfg->jobs; i++) {
		const struct boot *b = r->slots[i].boot;

		if (b && !b->is_over)
			return b->now ? b->now : test_at(r, b->first);
	}
	return NULL;
}

static void close_slot(struct run *r, struct slot *slot)
{
	struct boot *b = slot->boot;

	if (b->pid > 0)
		rundir_del_group(&r->rundir, b->pid);
	boot_close(b);
	free(b);
	slot->boot = NULL;
}

/* From the top of the loop: free what is over, start what is next */
static void turn(struct work *w)
{
	struct run *r = container_of(w, struct run, work);
	struct span s;
	unsigned int i;

	for (i = 0; i < r->cfg->jobs; i++) {
		struct slot *slot = &r->slots[i];

		if (slot->boot && slot->boot->is_over)
			close_slot(r, slot);
		if (slot->boot || r->signal || !next_span(r, &s))
			continue;
		if (start(r, slot, &s)) {
			stop(r, KSELF_BROKEN);
			return;
		}
		rundir_add_group(&r->rundir, slot->boot->pid);
		r->running++;
	}
	show_progress(&r->show, running_test(r), r->running);
	if (!r->running)
		stop(r, 0);
}

/*
 * Signals and time
 */

static void reap(struct run *r)
{
	unsigned int i;
	int wstatus;

	for (i = 0; i < r->cfg->jobs; i++) {
		struct boot *b = r->slots[i].boot;

		if (b && b->pid > 0 && !b->reaped &&
		    waitpid(b->pid, &wstatus, WNOHANG) == b->pid)
			boot_reaped(b, wstatus);
	}
}

static void got_signal(struct signals *sg, int signo)
{
	struct run *r = sg->owner;
	unsigned int i;

	if (signo == SIGCHLD) {
		reap(r);
		return;
	}
	if (r->signal)
		return;
	r->signal = signo;
	for (i = 0; i < r->cfg->jobs; i++)
		if (r->slots[i].boot && !r->slots[i].boot->is_over)
			boot_kill(r->slots[i].boot, BOOT_INTERRUPTED);
}

static void start_tick(struct run *r)
{
	ring_timeout(&r->ring, &r->tick, ring_clock() + NSEC_PER_SEC);
}

static void ticked(struct op *op, int res)
{
	struct run *r = container_of(op, struct run, tick);

	if (res != -ETIME || r->ring.draining)
		return;
	show_progress(&r->show, running_test(r), r->running);
	start_tick(r);
}

/*
 * Start and end
 */

/* Tests cannot know it, and it is the same for all runs with this seed. */
static void make_word(struct run *r)
{
	struct prng p;

	prng_seed(&p, strtoull(r->cfg->seed, NULL, 0), "kselftest marks");
	snprintf(r->word, sizeof(r->word), "%016" PRIx64, prng_next(&p));
}

/* Several at a time: each on a CPU of its own, as far as there are */
static void make_slots(struct run *r)
{
	int cpu = -1, cpus;
	cpu_set_t set;
	unsigned int i;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_ZERO(&set);
	cpus = CPU_COUNT(&set);
	r->slots = xcalloc(r->cfg->jobs, sizeof(*r->slots));
	for (i = 0; i < r->cfg->jobs; i++) {
		r->slots[i].run = r;
		r->slots[i].cpu = BOOT_CPU_ANY;
		if (r->cfg->jobs == 1 || !cpus)
			continue;
		do {
			cpu = (cpu + 1) % CPU_SETSIZE;
		} while (!CPU_ISSET(cpu, &set));
		r->slots[i].cpu = cpu;
	}
}

/* Some are known without being run. */
static void judge_unrun(struct run *r)
{
	struct kself_test *x;
	size_t i;

	for (i = 0; i < r->cfg->tests->n; i++) {
		x = test_at(r, i);
		if (x->skip) {
			x->report.verdict.outcome = JUDGE_SKIP;
			snprintf(x->report.verdict.why,
				 sizeof(x->report.verdict.why), "%s", x->skip);
			x->done = true;
		} else if (x->not_built) {
			kself_judge_unrun(x, r->cfg->expect, END_NOT_BUILT,
					  x->not_built);
		}
	}
}

static int open_loop(struct run *r)
{
	static const int children[] = { SIGCHLD, 0 };
	int ret = signals_open_loop(&r->signals, &r->ring, children, got_signal);

	r->signals.owner = r;
	return ret;
}

static void close_loop(struct run *r)
{
	unsigned int i;

	ring_cancel(&r->ring, &r->tick);
	for (i = 0; i < r->cfg->jobs; i++) {
		struct boot *b = r->slots[i].boot;

		if (!b)
			continue;
		ring_cancel(&r->ring, &b->op);
		ring_cancel(&r->ring, &b->guard);
		if (b->pid > 0 && !b->reaped) {
			kill(b->pid, SIGTERM);
			waitpid(b->pid, NULL, 0);
		}
	}
	signals_close(&r->signals);
	ring_drain(&r->ring);
	for (i = 0; i < r->cfg->jobs; i++)
		if (r->slots[i].boot)
			close_slot(r, &r->slots[i]);
	ring_fini(&r->ring);
}

/* What was not run has that as its verdict. */
static void interrupted(struct run *r)
{
	size_t i;

	for (i = 0; i < r->cfg->tests->n; i++)
		if (!test_at(r, i)->done)
			kself_judge_unrun(test_at(r, i), r->cfg->expect,
					  END_INTERRUPTED, "");
	show_done(&r->show);
}

static int finish(struct run *r, int status)
{
	char why[64];
	int shown;

	if (r->signal || status)
		interrupted(r);
	snprintf(why, sizeof(why), r->signal ? "interrupted by signal %d (%s)" :
		 "umtt has failed", r->signal, strsignal(r->signal));
	shown = show_close(&r->show, r->signal || status ? why : NULL);
	if (r->signal)
		return 128 + r->signal;
	return status ? status : shown;
}

static int run_all(struct run *r)
{
	int status;

	r->work.fn = turn;
	r->tick.done = ticked;
	if (r->show.terminal)
		start_tick(r);
	ring_work(&r->ring, &r->work);
	status = ring_run(&r->ring);
	if (status < 0) {
		log_err(NULL, "io_uring_enter: %s", strerror(-status));
		status = KSELF_BROKEN;
	}
	close_loop(r);
	return finish(r, status);
}

int kself_run(const struct kself_cfg *cfg)
{
	struct run r = { .cfg = cfg };
	int status = KSELF_BROKEN;

	if (cfg->out && mkdir(cfg->out, 0777) < 0 && errno != EEXIST) {
		log_err(NULL, "--out %s: %s", cfg->out, strerror(errno));
		return KSELF_BROKEN;
	}
	if (cfg->out && access(cfg->out, W_OK | X_OK) < 0) {
		log_err(NULL, "--out %s: %s", cfg->out, strerror(errno));
		return KSELF_BROKEN;
	}
	make_word(&r);
	if (rundir_open(&r.rundir) < 0)
		return KSELF_BROKEN;
	make_slots(&r);
	if (open_loop(&r) == 0) {
		if (show_open(&r.show, cfg) == 0) {
			judge_unrun(&r);
			show_done(&r.show);
			status = run_all(&r);
		} else {
			close_loop(&r);
		}
	}
	rundir_close(&r.rundir);
	free(r.slots);
	free(r.again);
	return status;
}
