// SPDX-License-Identifier: GPL-2.0
/*
 * The echo device, tested from inside the guest
 *
 * A guest in simulated time has a clock of 256 ns, and pays for each look at
 * it; looks with interrupts disabled are free. What happened to the nanosecond
 * is seen by placing it: something due in the first nanosecond of a tick must
 * not be seen in the tick before, something due in the last not in the next.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#ifdef CONFIG_UML_TIME_TRAVEL_SUPPORT
#include <linux/time-internal.h>
#endif

#include "echo.h"

#define TICK		256	/* ns of simulated time */
#define MAX_DIAGS	6	/* a test that fails should not flood the log */
#define TEXT_SIZE	SZ_32K

#ifdef CONFIG_UML_TIME_TRAVEL_SUPPORT
static bool in_simulated_time(void)
{
	BUILD_BUG_ON(TICK != TIMER_MULTIPLIER);
	return time_travel_mode == TT_MODE_EXTERNAL;
}
#else
static bool in_simulated_time(void)
{
	return false;
}
#endif

/**
 * struct selftest - one run of all tests
 * @offset: how far the device's clock is ahead of ours, which starts at 0
 *	    when a guest joins others late
 * @timing: in simulated time
 * @failed: a check of this test failed
 * @diags: diagnostics that this test wrote
 */
struct selftest {
	struct echo_dev *e;
	u64 offset;
	bool timing;
	bool failed;
	unsigned int diags;
	size_t len;
	bool done;
	char text[TEXT_SIZE];
};

static __printf(2, 3) void say(struct selftest *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += vscnprintf(t->text + t->len, TEXT_SIZE - t->len, fmt, ap);
	va_end(ap);
}

static bool fail(struct selftest *t)
{
	t->failed = true;
	return t->diags++ < MAX_DIAGS;
}

/* Fails the test unless @got is @want. */
static void expect(struct selftest *t, const char *what, u64 got, u64 want)
{
	if (got != want && fail(t))
		say(t, "# %s: %llu, expected %llu (%+lld)\n", what, got, want,
		    (s64)(got - want));
}

static int give_up(struct selftest *t, const char *why)
{
	if (fail(t))
		say(t, "# %s\n", why);
	return -EIO;
}

/*
 * Moves time to @phase ns after the start of a tick of the clock. Returns the
 * time then. Interrupts are disabled, so that nothing else can move it.
 */
static u64 go_to_phase(unsigned int phase)
{
	u64 start = echo_cycles(), now;

	do {
		ndelay(1);
		now = echo_cycles();
	} while (now == start);
	if (phase)
		ndelay(phase);
	return now * TICK + phase;
}

static int add_request(struct selftest *t, struct echo_queue *q,
		       struct echo_req *r)
{
	int err = echo_add(q, r);

	if (err && fail(t))
		say(t, "# error %d from the virtqueue\n", err);
	return err;
}

static int kick(struct selftest *t, struct echo_queue *q)
{
	return echo_kick(q) ? 0 : give_up(t, "the device is broken");
}

/* Waits for all requests, which take @ns at most. */
static int wait(struct selftest *t, u64 ns)
{
	int err = echo_wait(t->e, ns + t->e->kick_latency);

	if (err && fail(t))
		say(t, "# %d requests are not back after %llu ns and 1 s\n",
		    atomic_read(&t->e->in_flight), ns);
	return err;
}

static u64 latency_of(const struct echo_req *r)
{
	return le64_to_cpu(r->req->latency_ns);
}

static void set_latency(struct echo_req *r, u64 ns)
{
	r->req->latency_ns = cpu_to_le64(ns);
}

static void check_answer(struct selftest *t, const struct echo_req *r)
{
	u64 took = echo_t_done(r) - echo_t_start(r);

	expect(t, "status", le32_to_cpu(r->resp->status), UMTT_ECHO_OK);
	expect(t, "cookie", le64_to_cpu(r->resp->cookie),
	       le64_to_cpu(r->req->cookie));
	expect(t, "payload_len", le32_to_cpu(r->resp->payload_len), r->len);
	expect(t, "bytes used", r->used, sizeof(*r->resp) + r->len);
	expect(t, "payload intact", echo_payload_ok(r), true);
	if (t->timing)
		expect(t, "t_done - t_start", took, latency_of(r));
	else
		expect(t, "t_done - t_start is the latency at least",
		       took >= latency_of(r), true);
}

/* Checks a request whose kick was at the time @kicked. */
static void check_times(struct selftest *t, const struct echo_req *r,
			u64 kicked)
{
	u64 start = kicked + t->e->kick_latency;

	expect(t, "t_start", echo_t_start(r) - t->offset, start);
	expect(t, "t_done", echo_t_done(r) - t->offset, start + latency_of(r));
	expect(t, "tick of the interrupt", r->irq_cycles,
	       (echo_t_done(r) - t->offset) / TICK);
}

/* Adds and kicks at @phase of the clock's tick, in simulated time. */
static int submit_at(struct selftest *t, struct echo_queue *q,
		     struct echo_req *r, unsigned int phase, u64 *kicked)
{
	unsigned long flags;
	u64 before, after;
	int err;

	spin_lock_irqsave(&q->lock, flags);
	*kicked = go_to_phase(phase);
	before = echo_cycles();
	err = add_request(t, q, r);
	if (!err)
		err = kick(t, q);
	after = echo_cycles();
	spin_unlock_irqrestore(&q->lock, flags);
	expect(t, "ticks that passed in the kick", after - before, 0);
	return err;
}

static int submit(struct selftest *t, struct echo_queue *q, struct echo_req *r)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&q->lock, flags);
	err = add_request(t, q, r);
	if (!err)
		err = kick(t, q);
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}

static void free_requests(struct echo_req **r, unsigned int n)
{
	while (r && n--)
		echo_forget(r[n]);
	kfree(r);
}

static struct echo_req **alloc_requests(unsigned int n)
{
	struct echo_req **r = kcalloc(n, sizeof(*r), GFP_KERNEL);
	unsigned int i;

	for (i = 0; r && i < n; i++) {
		r[i] = echo_alloc(0, 0);
		if (!r[i]) {
			free_requests(r, n);
			return NULL;
		}
	}
	return r;
}

/* The device's clock is ours, or always the same time away from it. */
static int test_clock(struct selftest *t, u64 unused)
{
	struct echo_queue *q = &t->e->queues[0];
	struct echo_req *r = echo_alloc(0, 0);
	u64 offset[2], kicked;
	unsigned int i;
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (i = 0; !err && i < 2; i++) {
		err = submit_at(t, q, r, 0, &kicked);
		if (!err)
			err = wait(t, 0);
		if (!err)
			offset[i] = echo_t_start(r) - t->e->kick_latency -
				    kicked;
		usleep_range(1000, 1001);
	}
	echo_forget(r);
	if (err)
		return err;
	expect(t, "clock offset, later", offset[1], offset[0]);
	t->offset = offset[0];
	if (t->offset)
		say(t, "# the device's clock is %lld ns ahead\n",
		    (s64)t->offset);
	return 0;
}

/* In the last nanosecond of a tick, any time that passes would show. */
static int test_kick(struct selftest *t, u64 queue)
{
	enum { N = 8 };
	struct echo_queue *q = &t->e->queues[queue];
	struct echo_req **r = alloc_requests(N);
	u64 kicked[N];
	unsigned int i;
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (i = 0; !err && i < N; i++) {
		set_latency(r[i], NSEC_PER_MSEC);
		err = submit_at(t, q, r[i], TICK - 1, &kicked[i]);
		/* One kick must not be served with the one before */
		ndelay(t->e->kick_latency);
	}
	if (!err)
		err = wait(t, NSEC_PER_MSEC);
	for (i = 0; !err && i < N; i++)
		check_times(t, r[i], kicked[i]);
	free_requests(r, N);
	return err;
}

/* One request that is due in the first or the last nanosecond of a tick */
static int one_interrupt(struct selftest *t, struct echo_queue *q, u64 latency,
			 unsigned int due_phase)
{
	unsigned long before = q->interrupts;
	struct echo_req *r;
	u64 kicked;
	int err;

	r = echo_alloc(latency, 0);
	if (!r)
		return -ENOMEM;
	err = submit_at(t, q, r, (due_phase - latency - t->e->kick_latency) &
			(TICK - 1), &kicked);
	if (!err)
		err = wait(t, latency);
	if (!err) {
		check_answer(t, r);
		check_times(t, r, kicked);
		expect(t, "interrupts", q->interrupts - before, 1);
	}
	echo_forget(r);
	return err;
}

static int test_interrupt(struct selftest *t, u64 latency)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < UMTT_ECHO_NR_QUEUES; i++) {
		err = one_interrupt(t, &t->e->queues[i], latency, 0);
		if (!err)
			err = one_interrupt(t, &t->e->queues[i], latency,
					    TICK - 1);
	}
	return err;
}

/* A permutation of 0 .. n - 1, always the same */
static void shuffle(unsigned int *p, unsigned int n)
{
	u32 x = 1;
	unsigned int i, j;

	for (i = 0; i < n; i++)
		p[i] = i;
	for (i = n - 1; i > 0; i--) {
		x = x * 1664525 + 1013904223;
		j = (x >> 16) % (i + 1);
		swap(p[i], p[j]);
	}
}

/* Submits r[i] to queue i % 2, all in one instant. */
static int submit_both(struct selftest *t, struct echo_req **r, unsigned int n,
		       u64 *kicked)
{
	unsigned long flags;
	unsigned int i, j;
	int err = 0;

	local_irq_save(flags);
	*kicked = go_to_phase(0);
	for (j = 0; !err && j < UMTT_ECHO_NR_QUEUES; j++) {
		struct echo_queue *q = &t->e->queues[j];

		spin_lock(&q->lock);
		for (i = j; !err && i < n; i += UMTT_ECHO_NR_QUEUES)
			err = add_request(t, q, r[i]);
		if (!err)
			err = kick(t, q);
		spin_unlock(&q->lock);
	}
	local_irq_restore(flags);
	return err;
}

static int test_order(struct selftest *t, u64 unused)
{
	enum { N = 64, FIRST = 10000, STEP = 777 };
	struct echo_queue *q = t->e->queues;
	unsigned long irqs = q[0].interrupts + q[1].interrupts;
	unsigned int base = atomic_read(&t->e->order), place[N], i;
	struct echo_req **r = alloc_requests(N);
	u64 kicked;
	int err;

	if (!r)
		return -ENOMEM;
	shuffle(place, N);
	for (i = 0; i < N; i++)
		set_latency(r[i], FIRST + place[i] * STEP);
	err = submit_both(t, r, N, &kicked);
	if (!err)
		err = wait(t, FIRST + N * STEP);
	for (i = 0; !err && i < N; i++) {
		check_answer(t, r[i]);
		check_times(t, r[i], kicked);
		expect(t, "place", r[i]->order - base - 1, place[i]);
	}
	if (!err)
		expect(t, "interrupts",
		       q[0].interrupts + q[1].interrupts - irqs, N);
	free_requests(r, N);
	return err;
}

/*
 * Requests that are due in the same instant: submitted in one go, or (at least)
 * @step ns after each other.
 */
static int test_same_due(struct selftest *t, u64 step)
{
	enum { N = 16 };
	struct echo_queue *q = &t->e->queues[1];
	u64 due, kicked;
	unsigned long irqs = q->interrupts, flags;
	unsigned int base = atomic_read(&t->e->order), i;
	struct echo_req **r = alloc_requests(N);
	int err = 0;

	if (!r)
		return -ENOMEM;
	if (step)
		step += t->e->kick_latency;
	due = 5000 + N * step;
	spin_lock_irqsave(&q->lock, flags);
	kicked = go_to_phase(0);
	for (i = 0; !err && i < N; i++) {
		set_latency(r[i], due - i * step);
		err = add_request(t, q, r[i]);
		if (!err && (step || i == N - 1))
			err = kick(t, q);
		if (step)
			ndelay(step);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (!err)
		err = wait(t, due);
	for (i = 0; !err && i < N; i++) {
		check_answer(t, r[i]);
		check_times(t, r[i], kicked + i * step);
		expect(t, "place", r[i]->order - base - 1, i);
	}
	if (!err)
		expect(t, "interrupts", q->interrupts - irqs, 1);
	free_requests(r, N);
	return err;
}

static int test_payload(struct selftest *t, u64 len)
{
	struct echo_req *r;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < UMTT_ECHO_NR_QUEUES; i++) {
		r = echo_alloc(1000, len);
		if (!r)
			return -ENOMEM;
		err = submit(t, &t->e->queues[i], r);
		if (!err)
			err = wait(t, 1000);
		if (!err)
			check_answer(t, r);
		echo_forget(r);
	}
	return err;
}

/*
 * With EVENT_IDX, "no callbacks" is said by naming an index that is far away:
 * 0, so there is one more callback when the index of the used ring, which has
 * 16 bits, passes it. Requests come and go until the next @n do not pass it.
 */
static int avoid_wrap(struct selftest *t, struct echo_queue *q, unsigned int n)
{
	int err = 0;

	while (!err && (!(u16)q->completed || (u16)(q->completed + n) <= n)) {
		struct echo_req *r = echo_alloc(0, 0);

		if (!r)
			return -ENOMEM;
		err = submit(t, q, r);
		if (!err)
			err = wait(t, 0);
		echo_forget(r);
	}
	return err;
}

static bool set_callbacks(struct echo_queue *q, bool on)
{
	unsigned long flags;
	bool ret = true;

	spin_lock_irqsave(&q->lock, flags);
	if (on)
		ret = virtqueue_enable_cb(q->vq);
	else
		virtqueue_disable_cb(q->vq);
	spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}

static unsigned int fetch(struct echo_queue *q)
{
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&q->lock, flags);
	n = echo_reap(q, 0);
	spin_unlock_irqrestore(&q->lock, flags);
	return n;
}

/* With callbacks disabled: n come back, nobody is told, but they are found. */
static int silent_requests(struct selftest *t, struct echo_queue *q,
			   struct echo_req **r, unsigned int n)
{
	unsigned long irqs = q->interrupts;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < n; i++) {
		set_latency(r[i], (i + 1) * 1000);
		err = submit(t, q, r[i]);
	}
	if (err)
		return err;
	usleep_range(10000, 10001);
	expect(t, "interrupts while disabled", q->interrupts - irqs, 0);
	expect(t, "enabling with requests to fetch says all is quiet",
	       set_callbacks(q, true), false);
	set_callbacks(q, false);
	expect(t, "requests to fetch", fetch(q), n);
	return wait(t, 0);
}

static int test_callbacks(struct selftest *t, u64 queue)
{
	enum { N = 3 };
	struct echo_queue *q = &t->e->queues[queue];
	struct echo_req **r = alloc_requests(N + 1);
	unsigned long irqs;
	bool quiet;
	int err;

	if (!r)
		return -ENOMEM;
	err = avoid_wrap(t, q, N);
	if (!err) {
		set_callbacks(q, false);
		err = silent_requests(t, q, r, N);
		quiet = set_callbacks(q, true);
		expect(t, "enabling with nothing to fetch says all is quiet",
		       quiet, true);
		if (!quiet)
			fetch(q);
	}
	irqs = q->interrupts;
	if (!err)
		err = submit(t, q, r[N]);
	if (!err)
		err = wait(t, 0);
	if (!err)
		expect(t, "interrupts once enabled", q->interrupts - irqs, 1);
	free_requests(r, N + 1);
	return err;
}

/* Adds requests until there is no more room, then kicks. */
static int fill(struct selftest *t, struct echo_queue *q, struct echo_req **r,
		unsigned int max, unsigned int *n)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&q->lock, flags);
	for (*n = 0; !err && *n < max; ++*n) {
		set_latency(r[*n], (*n * 37 % 101) * 1000);
		err = echo_add(q, r[*n]);
		if (err)
			break;
	}
	expect(t, "error when full", -err, ENOSPC);
	err = kick(t, q);
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}

static int test_full(struct selftest *t, u64 queue)
{
	struct echo_queue *q = &t->e->queues[queue];
	unsigned int max = virtqueue_get_vring_size(q->vq) + 1, n, i, round;
	struct echo_req **r = alloc_requests(max);
	int err = 0;

	if (!r)
		return -ENOMEM;
	/* Twice: all room must come back too */
	for (round = 0; !err && round < 2; round++) {
		err = fill(t, q, r, max, &n);
		if (!err)
			err = wait(t, 101000);
		if (virtio_has_feature(t->e->vdev, VIRTIO_RING_F_INDIRECT_DESC))
			expect(t, "requests that fit", n, max - 1);
		for (i = 0; !err && i < n; i++)
			check_answer(t, r[i]);
	}
	free_requests(r, max);
	return err;
}

static int test_bad_request(struct selftest *t, u64 unused)
{
	struct echo_req *r = echo_alloc(0, 0);
	int err;

	if (!r)
		return -ENOMEM;
	r->out[0].length = sizeof(*r->req) / 2;
	err = submit(t, &t->e->queues[0], r);
	if (!err)
		err = wait(t, 0);
	if (!err)
		expect(t, "status", le32_to_cpu(r->resp->status),
		       UMTT_ECHO_BAD_REQUEST);
	echo_forget(r);
	return err;
}

static const struct {
	const char *name;
	int (*run)(struct selftest *t, u64 arg);
	u64 arg;
	bool timing;
} tests[] = {
	{ "clock", test_clock, 0, true },
	{ "no_time_passes_in_kick_req0", test_kick, 0, true },
	{ "no_time_passes_in_kick_req1", test_kick, 1, true },
	{ "interrupt_after_0ns", test_interrupt, 0, true },
	{ "interrupt_after_1ns", test_interrupt, 1, true },
	{ "interrupt_after_255ns", test_interrupt, 255, true },
	{ "interrupt_after_256ns", test_interrupt, 256, true },
	{ "interrupt_after_1us", test_interrupt, NSEC_PER_USEC, true },
	{ "interrupt_after_1ms", test_interrupt, NSEC_PER_MSEC, true },
	{ "interrupt_after_1s", test_interrupt, NSEC_PER_SEC, true },
	{ "interrupt_after_1h", test_interrupt, 3600ULL * NSEC_PER_SEC, true },
	{ "due_order", test_order, 0, true },
	{ "same_due_submitted_at_once", test_same_due, 0, true },
	{ "same_due_submitted_apart", test_same_due, 100, true },
	{ "payload_0", test_payload, 0 },
	{ "payload_1", test_payload, 1 },
	{ "payload_4096", test_payload, 4096 },
	{ "payload_65536", test_payload, 65536 },
	{ "callbacks_disabled_req0", test_callbacks, 0 },
	{ "callbacks_disabled_req1", test_callbacks, 1 },
	{ "full_queue_req0", test_full, 0 },
	{ "full_queue_req1", test_full, 1 },
	{ "bad_request", test_bad_request, 0 },
};

static void run_one(struct selftest *t, unsigned int i)
{
	int err;

	if (tests[i].timing && !t->timing) {
		say(t, "ok %u %s # SKIP needs time-travel=ext\n", i + 1,
		    tests[i].name);
		return;
	}
	t->failed = false;
	t->diags = 0;
	if (atomic_read(&t->e->in_flight)) {
		give_up(t, "requests of an earlier test are still out");
	} else {
		err = tests[i].run(t, tests[i].arg);
		if (err && !t->failed && fail(t))
			say(t, "# error %d\n", err);
	}
	if (t->diags > MAX_DIAGS)
		say(t, "# and %u more\n", t->diags - MAX_DIAGS);
	say(t, "%s %u %s\n", t->failed ? "not ok" : "ok", i + 1,
	    tests[i].name);
}

static void run_all(struct selftest *t)
{
	unsigned int i;

	t->timing = in_simulated_time();
	say(t, "KTAP version 1\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		run_one(t, i);
}

static int echo_selftest_open(struct inode *inode, struct file *file)
{
	struct selftest *t = kvzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->e = inode->i_private;
	file->private_data = t;
	return 0;
}

static ssize_t echo_selftest_read(struct file *file, char __user *ubuf,
				  size_t len, loff_t *pos)
{
	struct selftest *t = file->private_data;
	int err;

	err = mutex_lock_interruptible(&t->e->lock);
	if (err)
		return err;
	if (!t->done)
		run_all(t);
	t->done = true;
	mutex_unlock(&t->e->lock);
	return simple_read_from_buffer(ubuf, len, pos, t->text, t->len);
}

static int echo_selftest_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

const struct file_operations echo_selftest_fops = {
	.owner		= THIS_MODULE,
	.open		= echo_selftest_open,
	.read		= echo_selftest_read,
	.release	= echo_selftest_release,
	.llseek		= default_llseek,
};
