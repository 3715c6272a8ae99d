// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the echo device that go round until they are told not to
 *
 * With them on their way, a driver can be unbound, or its kernel suspended. Each
 * submission has a number of its own, so that what comes back twice, or as the
 * answer to another one, is noticed; so is a device that keeps something.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "echo.h"

#define MAX_DEPTH	32	/* of a queue; a ring has room for 85 of them */

/* Submits a request, under a number that no other has. */
static int submit(struct echo_queue *q, struct echo_req *r)
{
	int err;

	r->req->cookie = cpu_to_le64(++q->load.submitted);
	memset(r->resp, 0, sizeof(*r->resp));
	err = echo_add(q, r);
	if (err)
		q->load.submitted--;
	return err;
}

static u64 took(const struct echo_req *r)
{
	return echo_t_done(r) - echo_t_start(r);
}

static bool answer_ok(const struct echo_req *r)
{
	return le32_to_cpu(r->resp->status) == UMTT_ECHO_OK &&
	       r->resp->cookie == r->req->cookie &&
	       r->used == sizeof(*r->resp) + r->len &&
	       took(r) >= le64_to_cpu(r->req->latency_ns) &&
	       echo_payload_ok(r);
}

/* One has come back: true when it has gone out again, without a kick. */
bool echo_load_returned(struct echo_queue *q, struct echo_req *r)
{
	lockdep_assert_held(&q->lock);
	q->load.returned++;
	if (!answer_ok(r))
		q->load.wrong++;
	else if (took(r) > le64_to_cpu(r->req->latency_ns))
		q->load.late++;
	if (q->load.on && !submit(q, r))
		return true;
	echo_free(r);
	return false;
}

/* What is out comes back, and stays. */
static void no_more(struct echo_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->load.on = false;
	spin_unlock_irqrestore(&q->lock, flags);
}

static int add_one(struct echo_queue *q, u64 latency, size_t len)
{
	struct echo_req *r = echo_alloc(latency, len);
	unsigned long flags;
	int err;

	if (!r)
		return -ENOMEM;
	r->load = true;
	spin_lock_irqsave(&q->lock, flags);
	err = submit(q, r);
	if (!err && !echo_kick(q))
		err = -EIO;
	spin_unlock_irqrestore(&q->lock, flags);
	if (err && err != -EIO)
		echo_free(r);
	return err;
}

static int start(struct echo_dev *e, unsigned int depth, u64 latency)
{
	struct echo_queue *q;
	unsigned int i;
	int err = 0;

	for (i = 0; i < UMTT_ECHO_NR_QUEUES; i++) {
		if (atomic_read(&e->in_flight))
			return -EBUSY;
		memset(&e->queues[i].load, 0, sizeof(e->queues[i].load));
		e->queues[i].load.on = true;
	}
	/* Not all due at once, and with payloads from none to two pages */
	for (i = 0; i < depth * UMTT_ECHO_NR_QUEUES && !err; i++) {
		q = &e->queues[i % UMTT_ECHO_NR_QUEUES];
		err = add_one(q, latency + i, (i % 3) * PAGE_SIZE);
	}
	e->load_latency = latency + i;
	return err;
}

static int stop(struct echo_dev *e)
{
	unsigned int i;

	for (i = 0; i < UMTT_ECHO_NR_QUEUES; i++)
		no_more(&e->queues[i]);
	return echo_wait(e, e->load_latency + e->kick_latency);
}

static ssize_t echo_load_write(struct file *file, const char __user *ubuf,
			       size_t len, loff_t *pos)
{
	struct echo_dev *e = file->private_data;
	char buf[64] = "";
	unsigned int depth;
	u64 latency = 0;
	int err;

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	if (sscanf(buf, "%u %llu", &depth, &latency) < 1 || depth > MAX_DEPTH)
		return -EINVAL;
	err = mutex_lock_interruptible(&e->lock);
	if (err)
		return err;
	err = depth ? start(e, depth, latency) : stop(e);
	mutex_unlock(&e->lock);
	return err ? err : len;
}

static ssize_t echo_load_read(struct file *file, char __user *ubuf,
			      size_t len, loff_t *pos)
{
	struct echo_dev *e = file->private_data;
	struct echo_load sum = {};
	char text[128];
	unsigned int i;
	int n;

	for (i = 0; i < UMTT_ECHO_NR_QUEUES; i++) {
		sum.submitted += e->queues[i].load.submitted;
		sum.returned += e->queues[i].load.returned;
		sum.wrong += e->queues[i].load.wrong;
		sum.late += e->queues[i].load.late;
	}
	n = scnprintf(text, sizeof(text),
		      "submitted %llu\nreturned %llu\nwrong %llu\nlate %llu\nin_flight %d\n",
		      sum.submitted, sum.returned, sum.wrong, sum.late,
		      atomic_read(&e->in_flight));
	return simple_read_from_buffer(ubuf, len, pos, text, n);
}

const struct file_operations echo_load_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= echo_load_read,
	.write	= echo_load_write,
	.llseek	= default_llseek,
};
