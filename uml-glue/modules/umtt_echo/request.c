// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the echo device: their memory, their way and back
 */
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "echo.h"

#define CHUNK	PAGE_SIZE
#define POISON	0xee

static u8 pattern(size_t i)
{
	return (i * 7 + i / 251) & 0xff;
}

static size_t chunk_len(const struct echo_req *r, unsigned int i)
{
	return min_t(size_t, r->len - i * CHUNK, CHUNK);
}

static void free_chunks(void **chunks, unsigned int n)
{
	while (chunks && n--)
		kfree(chunks[n]);
	kfree(chunks);
}

static void **alloc_chunks(unsigned int n)
{
	void **chunks = kcalloc(n, sizeof(*chunks), GFP_KERNEL);
	unsigned int i;

	for (i = 0; chunks && i < n; i++) {
		chunks[i] = kmalloc(CHUNK, GFP_KERNEL);
		if (!chunks[i]) {
			free_chunks(chunks, n);
			return NULL;
		}
	}
	return chunks;
}

static struct scatterlist *alloc_sg(void *head, size_t head_len,
				    const struct echo_req *r, void **chunks)
{
	struct scatterlist *sg;
	unsigned int i;

	sg = kmalloc_array(r->nr_chunks + 1, sizeof(*sg), GFP_KERNEL);
	if (!sg)
		return NULL;
	sg_init_table(sg, r->nr_chunks + 1);
	sg_set_buf(&sg[0], head, head_len);
	for (i = 0; i < r->nr_chunks; i++)
		sg_set_buf(&sg[i + 1], chunks[i], chunk_len(r, i));
	return sg;
}

static void fill_payload(struct echo_req *r)
{
	size_t i;

	for (i = 0; i < r->len; i++)
		((u8 *)r->tx[i / CHUNK])[i % CHUNK] = pattern(i);
	for (i = 0; i < r->nr_chunks; i++)
		memset(r->rx[i], POISON, CHUNK);
}

/* Did all of the payload come back, and was nothing behind it touched? */
bool echo_payload_ok(const struct echo_req *r)
{
	size_t i;
	u8 c;

	for (i = 0; i < r->nr_chunks * CHUNK; i++) {
		c = ((u8 *)r->rx[i / CHUNK])[i % CHUNK];
		if (c != (i < r->len ? pattern(i) : POISON))
			return false;
	}
	return true;
}

void echo_free(struct echo_req *r)
{
	if (!r)
		return;
	free_chunks(r->tx, r->nr_chunks);
	free_chunks(r->rx, r->nr_chunks);
	kfree(r->out);
	kfree(r->in);
	kfree(r->req);
	kfree(r->resp);
	kfree(r);
}

/* What the device reads and writes is apart, and each from kmalloc() */
struct echo_req *echo_alloc(u64 latency, size_t len)
{
	struct echo_req *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->len = len;
	r->nr_chunks = DIV_ROUND_UP(len, CHUNK);
	r->req = kzalloc(sizeof(*r->req), GFP_KERNEL);
	r->resp = kzalloc(sizeof(*r->resp), GFP_KERNEL);
	r->tx = alloc_chunks(r->nr_chunks);
	r->rx = alloc_chunks(r->nr_chunks);
	if (!r->req || !r->resp || !r->tx || !r->rx)
		goto fail;
	r->out = alloc_sg(r->req, sizeof(*r->req), r, r->tx);
	r->in = alloc_sg(r->resp, sizeof(*r->resp), r, r->rx);
	if (!r->out || !r->in)
		goto fail;
	r->req->latency_ns = cpu_to_le64(latency);
	r->req->cookie = cpu_to_le64((uintptr_t)r ^ latency);
	fill_payload(r);
	return r;
fail:
	echo_free(r);
	return NULL;
}

/*
 * The clock without moving it: with interrupts disabled, a kernel in simulated
 * time does not charge for a look.
 */
u64 echo_cycles(void)
{
	struct system_time_snapshot snap;
	unsigned long flags;

	local_irq_save(flags);
	ktime_get_snapshot(&snap);
	local_irq_restore(flags);
	return snap.cycles;
}

/* Adds a request to the queue, whose lock is held. */
int echo_add(struct echo_queue *q, struct echo_req *r)
{
	struct scatterlist *sgs[] = { r->out, r->in };
	int err;

	lockdep_assert_held(&q->lock);
	err = virtqueue_add_sgs(q->vq, sgs, 1, 1, r, GFP_ATOMIC);
	if (err)
		return err;
	r->q = q;
	r->state = ECHO_QUEUED;
	atomic_inc(&q->dev->in_flight);
	return 0;
}

/* Tells the device of what was added; the queue's lock is held. */
bool echo_kick(struct echo_queue *q)
{
	lockdep_assert_held(&q->lock);
	if (!virtqueue_kick_prepare(q->vq))
		return true;
	q->kicks++;
	return virtqueue_notify(q->vq);
}

/* The request came back: what the benchmark needs again goes out again. */
static bool finish(struct echo_queue *q, struct echo_req *r)
{
	struct echo_dev *e = q->dev;
	bool again = false;

	r->order = atomic_inc_return(&e->order);
	if (!r->first_start)
		r->first_start = echo_t_start(r);
	if (r->load) {
		again = echo_load_returned(q, r);
	} else if (r->state == ECHO_FORGOTTEN) {
		echo_free(r);
	} else {
		r->state = ECHO_DONE;
		if (r->again && e->bench_again) {
			e->bench_again--;
			again = !echo_add(q, r);
		}
	}
	if (atomic_dec_and_test(&e->in_flight))
		wake_up(&e->wait);
	return again;
}

/* Takes back what the device is done with; the queue's lock is held. */
unsigned int echo_reap(struct echo_queue *q, u64 cycles)
{
	struct echo_req *r;
	bool again = false;
	unsigned int n;
	u32 used;

	lockdep_assert_held(&q->lock);
	for (n = 0; (r = virtqueue_get_buf(q->vq, &used)); n++) {
		r->used = used;
		r->irq_cycles = cycles;
		q->completed++;
		again |= finish(q, r);
	}
	if (again)
		echo_kick(q);
	return n;
}

/* Whoever gives up waiting leaves the request to the queue. */
void echo_forget(struct echo_req *r)
{
	struct echo_queue *q;
	unsigned long flags;

	if (!r || !r->q) {
		echo_free(r);
		return;
	}
	q = r->q;
	spin_lock_irqsave(&q->lock, flags);
	if (r->state == ECHO_QUEUED)
		r->state = ECHO_FORGOTTEN;
	else
		echo_free(r);
	spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * Waits until everything came back, at most a (simulated) second longer than
 * @ns. Returns 0, or -ETIMEDOUT. An idle wait: hours are not too long here.
 */
int echo_wait(struct echo_dev *e, u64 ns)
{
	if (wait_event_idle_timeout(e->wait,
				    !atomic_read_acquire(&e->in_flight),
				    nsecs_to_jiffies(ns) + HZ))
		return 0;
	return -ETIMEDOUT;
}
