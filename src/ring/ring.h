/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The event loop: one io_uring, one place that submits and waits. */
#ifndef RING_RING_H
#define RING_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "../base/types.h"

/**
 * struct op - one operation in the kernel's hands, embedded in its owner
 * @done: called from the loop, and only from there, with the result (>= 0 or
 *	-errno); the op may be used again from then on
 * @busy: between submission and @done
 * @quiet: success makes no completion (see ring_sendmsg())
 * @expect: of a quiet op: the result that its silence stands for
 * @until: of a timeout
 */
struct op {
	void (*done)(struct op *op, int res);
	bool busy, quiet;
	int expect;
	LIST_ENTRY(op) quiet_entry;
	struct __kernel_timespec until;
};

/**
 * struct work - a call to make from the top of the loop
 *
 * What would call upwards, or recurse, is queued instead.
 */
struct work {
	void (*fn)(struct work *w);
	bool queued;
	STAILQ_ENTRY(work) entry;
};

STAILQ_HEAD(work_list, work);
LIST_HEAD(op_list, op);

/**
 * struct ring - the loop and all it has to do
 * @busy: operations in the kernel's hands
 * @enters: number of io_uring_enter() calls so far
 */
struct ring {
	struct io_uring uring;
	struct work_list work;
	struct work_list flush;
	struct op_list quiet;
	bool running, draining, stop;
	int status;
	unsigned int busy;
	u64 enters;
};

/**
 * ring_init() - set the loop up
 * @why: filled in on error with one line for the user: which gate refused
 *	io_uring, and what to do about it
 *
 * Return: 0 or -errno
 */
int __must_check ring_init(struct ring *r, char *why, size_t why_len);

/** ring_fini() - cancel what is still under way and close the ring */
void ring_fini(struct ring *r);

/**
 * ring_run() - serve until ring_stop()
 *
 * The only function that submits and waits. Calling it from a callback stops
 * the program: there are no nested loops.
 *
 * Return: the status given to ring_stop(), or -errno when the ring failed
 */
int ring_run(struct ring *r);

/**
 * ring_drain() - after ring_run(): serve until no operation is under way
 *
 * To be called once everything has been closed, so that released() callbacks
 * come and memory can be freed.
 */
void ring_drain(struct ring *r);

/** ring_stop() - make ring_run() return @status after the present callbacks */
void ring_stop(struct ring *r, int status);

/** ring_work() - call @w->fn from the top of the loop, in FIFO order */
void ring_work(struct ring *r, struct work *w);

/** ring_work_cancel() - forget @w if it is queued */
void ring_work_cancel(struct ring *r, struct work *w);

/** ring_flush() - call @w->fn after all work, before the next submission */
void ring_flush(struct ring *r, struct work *w);
void ring_flush_cancel(struct ring *r, struct work *w);

/*
 * Operations. Buffers, msghdrs and addresses live until done(). An op that is
 * busy must not be submitted again.
 */
void ring_recvmsg(struct ring *r, struct op *op, int fd, struct msghdr *mh,
		  int flags);
/**
 * ring_sendmsg() - send a whole message
 * @len: its bytes
 * @quiet: do not wait in the kernel, and make no completion on success: the
 *	loop calls done(@len) by itself once the submission is over. This saves
 *	a wake-up per message. -EAGAIN when the socket is full: submit again
 *	with @quiet false.
 */
void ring_sendmsg(struct ring *r, struct op *op, int fd, struct msghdr *mh,
		  size_t len, bool quiet);
void ring_accept(struct ring *r, struct op *op, int fd);
void ring_read(struct ring *r, struct op *op, int fd, void *buf, size_t len);
void ring_write(struct ring *r, struct op *op, int fd, const void *buf,
		size_t len);
/* At an offset of a file; @flags as of fallocate(2) */
void ring_pread(struct ring *r, struct op *op, int fd, void *buf, size_t len,
		u64 off);
void ring_pwrite(struct ring *r, struct op *op, int fd, const void *buf,
		 size_t len, u64 off);
void ring_fdatasync(struct ring *r, struct op *op, int fd);
void ring_fallocate(struct ring *r, struct op *op, int fd, int flags, u64 off,
		    u64 len);
/** ring_poll_in() - done() when there is something to read from @fd, or its end */
void ring_poll_in(struct ring *r, struct op *op, int fd);
/** ring_timeout() - done(-ETIME) when ring_clock() is @at, wall ns */
void ring_timeout(struct ring *r, struct op *op, u64 at);
/** ring_clock() - CLOCK_MONOTONIC, wall ns */
u64 ring_clock(void);
/** ring_cancel() - make @op, if busy, complete soon; done() is still called */
void ring_cancel(struct ring *r, struct op *op);

#endif
