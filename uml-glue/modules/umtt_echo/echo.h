/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of the driver for umtt's echo device
 */
#ifndef ECHO_H
#define ECHO_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/virtio.h>
#include <linux/wait.h>

#include "umtt_echo.h"

struct scatterlist;
struct dentry;

/**
 * struct echo_load - requests of a queue that go round
 * @on: what comes back goes out again
 * @submitted: how many times one went out; the number of the last
 * @wrong: those among @returned that were not as they should be
 * @late: those that took longer than they should, as in real time they may
 */
struct echo_load {
	bool on;
	u64 submitted, returned, wrong, late;
};

/**
 * struct echo_queue - one request queue
 * @lock: held around everything that is done with @vq
 * @interrupts: how often the device called
 * @kicks: how often the device was kicked
 * @completed: how many buffers came back; mod 2^16 the index in the used ring
 * @gone: the driver is being unbound: what comes back stays where it is
 */
struct echo_queue {
	struct echo_dev *dev;
	struct virtqueue *vq;
	spinlock_t lock;	/* see above */
	unsigned long interrupts;
	unsigned long kicks;
	unsigned long completed;
	struct echo_load load;
	bool gone;
};

/**
 * struct echo_dev - one echo device
 * @lock: one test or benchmark at a time
 * @in_flight: requests that the device has, forgotten ones too
 * @order: counts completions, over both queues
 * @wait: woken when @in_flight reaches 0
 * @bench_again: requests that the benchmark still has to submit, under the
 *		 lock of its queue
 * @load_latency: of the slowest request that goes round
 * @bench: what the last benchmark measured, as text
 */
struct echo_dev {
	struct virtio_device *vdev;
	struct echo_queue queues[UMTT_ECHO_NR_QUEUES];
	u64 kick_latency;
	struct mutex lock;	/* see above */
	atomic_t in_flight;
	atomic_t order;
	wait_queue_head_t wait;
	int id;
	struct dentry *dir;
	unsigned long bench_again;
	u64 load_latency;
	char bench[256];
};

enum echo_state {
	ECHO_IDLE,	/* belongs to who allocated it */
	ECHO_QUEUED,	/* the device has it */
	ECHO_DONE,	/* came back */
	ECHO_FORGOTTEN,	/* the device has it, nobody waits: freed on return */
};

/**
 * struct echo_req - a request
 * @q: the queue it was last added to
 * @next: for who has several
 * @again: submit it again when it comes back, while bench_again counts down
 * @load: one of those that go round
 * @len: size of the payload
 * @req: what the device reads first, then the payload
 * @resp: what the device writes first, then the echo of the payload
 * @state: see there; under the lock of the queue
 * @used: how much the device says it wrote
 * @irq_cycles: the clock at the interrupt that brought it back
 * @first_start: t_start of the first time it was submitted
 * @order: its place among all that came back
 */
struct echo_req {
	struct umtt_echo_req *req;
	struct umtt_echo_resp *resp;
	struct echo_queue *q;
	struct echo_req *next;
	bool again, load;
	size_t len;
	unsigned int nr_chunks;
	void **tx, **rx;
	struct scatterlist *out, *in;
	enum echo_state state;
	u32 used;
	u64 irq_cycles;
	u64 first_start;
	unsigned int order;
};

struct echo_req *echo_alloc(u64 latency, size_t len);
void echo_free(struct echo_req *r);
void echo_forget(struct echo_req *r);
int echo_add(struct echo_queue *q, struct echo_req *r);
bool echo_kick(struct echo_queue *q);
unsigned int echo_reap(struct echo_queue *q, u64 cycles);
int echo_wait(struct echo_dev *e, u64 ns);
bool echo_payload_ok(const struct echo_req *r);
u64 echo_cycles(void);
bool echo_load_returned(struct echo_queue *q, struct echo_req *r);

static inline u64 echo_t_start(const struct echo_req *r)
{
	return le64_to_cpu(r->resp->t_start);
}

static inline u64 echo_t_done(const struct echo_req *r)
{
	return le64_to_cpu(r->resp->t_done);
}

extern const struct file_operations echo_selftest_fops;
extern const struct file_operations echo_bench_fops;
extern const struct file_operations echo_load_fops;

#endif /* ECHO_H */
