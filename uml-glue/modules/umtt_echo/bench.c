// SPDX-License-Identifier: GPL-2.0
/*
 * How many requests the echo device does, without user space in between
 *
 * Each request that comes back goes out again from the interrupt handler.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "echo.h"

#define DEFAULT_LATENCY	1000

struct bench {
	unsigned long nr;
	unsigned int depth;
	u64 latency;
	u64 first, last;
	unsigned long kicks, interrupts;
};

static void free_all(struct echo_req *r)
{
	struct echo_req *next;

	for (; r; r = next) {
		next = r->next;
		echo_forget(r);
	}
}

static struct echo_req *alloc_all(const struct bench *b)
{
	struct echo_req *all = NULL, *r;
	unsigned int i;

	for (i = 0; i < b->depth; i++) {
		r = echo_alloc(b->latency, 0);
		if (!r) {
			free_all(all);
			return NULL;
		}
		r->again = true;
		r->next = all;
		all = r;
	}
	return all;
}

/* Submits all, in one kick. */
static int submit_all(struct echo_queue *q, struct echo_req *r,
		      unsigned long again)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&q->lock, flags);
	for (; r && !err; r = r->next)
		err = echo_add(q, r);
	q->dev->bench_again = err ? 0 : again;
	if (!echo_kick(q) && !err)
		err = -EIO;
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}

/* No more goes out again: what is out must then come back by itself. */
static int wait_all(struct echo_queue *q, const struct bench *b)
{
	unsigned long flags;
	int err;

	err = echo_wait(q->dev, (b->nr / b->depth + 1) *
			(b->latency + q->dev->kick_latency));
	if (!err)
		return 0;
	spin_lock_irqsave(&q->lock, flags);
	q->dev->bench_again = 0;
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}

static void measure(struct bench *b, const struct echo_req *r)
{
	b->first = U64_MAX;
	b->last = 0;
	for (; r; r = r->next) {
		b->first = min(b->first, r->first_start);
		b->last = max(b->last, echo_t_done(r));
	}
}

static int run(struct echo_dev *e, struct bench *b)
{
	struct echo_queue *q = &e->queues[0];
	struct echo_req *all;
	int err;

	if (atomic_read(&e->in_flight))
		return -EBUSY;
	all = alloc_all(b);
	if (!all)
		return -ENOMEM;
	b->kicks = q->kicks;
	b->interrupts = q->interrupts;
	err = submit_all(q, all, b->nr - b->depth);
	if (!err)
		err = wait_all(q, b);
	if (!err) {
		measure(b, all);
		b->kicks = q->kicks - b->kicks;
		b->interrupts = q->interrupts - b->interrupts;
	}
	free_all(all);
	return err;
}

static void report(struct echo_dev *e, const struct bench *b)
{
	u64 ns = b->last - b->first;

	scnprintf(e->bench, sizeof(e->bench),
		  "requests %lu\n"
		  "depth %u\n"
		  "latency_ns %llu\n"
		  "simulated_ns %llu\n"
		  "simulated_ns_per_request %llu\n"
		  "kicks %lu\n"
		  "interrupts %lu\n",
		  b->nr, b->depth, b->latency, ns, div64_u64(ns, b->nr),
		  b->kicks, b->interrupts);
}

static int parse(const char __user *ubuf, size_t len, struct bench *b)
{
	char buf[64] = "";

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	b->depth = 1;
	b->latency = DEFAULT_LATENCY;
	if (sscanf(buf, "%lu %u %llu", &b->nr, &b->depth, &b->latency) < 1)
		return -EINVAL;
	if (!b->nr || b->nr > INT_MAX || !b->depth || b->latency > NSEC_PER_SEC)
		return -EINVAL;
	b->depth = min_t(unsigned long, b->depth, b->nr);
	return 0;
}

static ssize_t echo_bench_write(struct file *file, const char __user *ubuf,
				size_t len, loff_t *pos)
{
	struct echo_dev *e = file->private_data;
	struct bench b = {};
	int err;

	err = parse(ubuf, len, &b);
	if (err)
		return err;
	err = mutex_lock_interruptible(&e->lock);
	if (err)
		return err;
	err = run(e, &b);
	if (!err)
		report(e, &b);
	mutex_unlock(&e->lock);
	return err ? err : len;
}

static ssize_t echo_bench_read(struct file *file, char __user *ubuf,
			       size_t len, loff_t *pos)
{
	struct echo_dev *e = file->private_data;
	ssize_t ret;

	ret = mutex_lock_interruptible(&e->lock);
	if (ret)
		return ret;
	ret = simple_read_from_buffer(ubuf, len, pos, e->bench,
				      strlen(e->bench));
	mutex_unlock(&e->lock);
	return ret;
}

const struct file_operations echo_bench_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= echo_bench_read,
	.write	= echo_bench_write,
	.llseek	= default_llseek,
};
