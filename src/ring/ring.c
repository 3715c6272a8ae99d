// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The event loop: one io_uring, one place that submits and waits. */
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/bug.h"
#include "ring.h"

/*
 * DOC: Theory of operation
 *
 * A turn of ring_run() is: run the work queue until it is empty, let streams
 * put what they gathered into one send each, enter the kernel once (submit and
 * wait), then call done() of everything that completed. Nothing else enters
 * the kernel for I/O, so a request that makes us answer and receive again costs
 * one system call.
 *
 * Quiet operations: a send that succeeds at once tells us nothing, but its
 * completion would end the wait. They are submitted with MSG_DONTWAIT and
 * CQE_SKIP_SUCCESS: the kernel tries them during submission, so when the
 * submission is over and there is no completion for one, it has succeeded.
 */

#define RING_ENTRIES	1024u
#define CQ_PER_SQ	8u

static int read_int(const char *path, int *v)
{
	FILE *f = fopen(path, "re");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%d", v);
	fclose(f);
	return n == 1 ? 0 : -EINVAL;
}

/* Name the gate that refused io_uring_setup() with @err. */
static void explain(int err, char *why, size_t len)
{
	int disabled = 0;

	read_int("/proc/sys/kernel/io_uring_disabled", &disabled);
	if (err == -EPERM && disabled == 2)
		snprintf(why, len, "io_uring is switched off on this host (kernel.io_uring_disabled=2); try: sysctl -w kernel.io_uring_disabled=0");
	else if (err == -EPERM && disabled == 1)
		snprintf(why, len, "io_uring is for privileged users on this host (kernel.io_uring_disabled=1); run as root, join the group in kernel.io_uring_group, or: sysctl -w kernel.io_uring_disabled=0");
	else if (err == -EPERM || err == -EACCES)
		snprintf(why, len, "io_uring is refused by a seccomp filter or security module (a container's default profile?); allow io_uring_setup, io_uring_enter and io_uring_register there, or run outside of it");
	else if (err == -ENOSYS)
		snprintf(why, len, "this kernel has no io_uring, or a seccomp filter hides it; Linux 6.1 or later with CONFIG_IO_URING is needed");
	else if (err == -EINVAL)
		snprintf(why, len, "this kernel's io_uring is too old (no SINGLE_ISSUER and DEFER_TASKRUN); Linux 6.1 or later is needed");
	else if (err == -ENOMEM)
		snprintf(why, len, "not enough memory for an io_uring; raise 'ulimit -l' or the memory limit of the cgroup");
	else
		snprintf(why, len, "io_uring_setup: %s", strerror(-err));
}

/* recvmsg with SCM_RIGHTS must deliver the fd: kernels before 5.12 refuse. */
static int probe_recvmsg_fd(struct ring *r)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf),
	};
	struct io_uring_cqe *cqe;
	struct cmsghdr *cm;
	int sv[2], fd, ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	cm = CMSG_FIRSTHDR(&mh);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &sv[0], sizeof(int));
	ret = sendmsg(sv[0], &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (ret)
		goto out;

	memset(&ctl, 0, sizeof(ctl));
	mh.msg_controllen = sizeof(ctl.buf);
	io_uring_prep_recvmsg(io_uring_get_sqe(&r->uring), sv[1], &mh,
			      MSG_CMSG_CLOEXEC);
	ret = io_uring_submit_and_wait(&r->uring, 1);
	if (ret < 0)
		goto out;
	ret = io_uring_wait_cqe(&r->uring, &cqe);
	if (ret < 0)
		goto out;
	ret = cqe->res < 0 ? cqe->res : 0;
	io_uring_cqe_seen(&r->uring, cqe);
	cm = CMSG_FIRSTHDR(&mh);
	if (!ret && (!cm || cm->cmsg_type != SCM_RIGHTS))
		ret = -EINVAL;
	if (!ret) {
		memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
		close(fd);
	}
out:
	close(sv[0]);
	close(sv[1]);
	return ret;
}

int ring_init(struct ring *r, char *why, size_t why_len)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
		.cq_entries = RING_ENTRIES * CQ_PER_SQ,
	};
	int ret;

	memset(r, 0, sizeof(*r));
	STAILQ_INIT(&r->work);
	STAILQ_INIT(&r->flush);
	LIST_INIT(&r->quiet);
	ret = io_uring_queue_init_params(RING_ENTRIES, &r->uring, &p);
	if (ret < 0) {
		explain(ret, why, why_len);
		return ret;
	}
	/* Saves a reference count per enter; harmless where it is refused. */
	(void)!io_uring_register_ring_fd(&r->uring);
	ret = probe_recvmsg_fd(r);
	if (ret < 0) {
		snprintf(why, why_len, "io_uring cannot receive file descriptors here (%s); Linux 6.1 or later is needed",
			 strerror(-ret));
		io_uring_queue_exit(&r->uring);
	}
	return ret;
}

/* Take the quiet operations whose submission is over. */
static void take_quiet(struct ring *r, struct op_list *list)
{
	LIST_INIT(list);
	if (io_uring_sq_ready(&r->uring) || LIST_EMPTY(&r->quiet))
		return;
	list->lh_first = r->quiet.lh_first;
	list->lh_first->quiet_entry.le_prev = &list->lh_first;
	LIST_INIT(&r->quiet);
}

static void op_done(struct ring *r, struct op *op, int res)
{
	r->busy--;
	if (op->quiet)
		LIST_REMOVE(op, quiet_entry);
	op->quiet = false;
	op->busy = false;
	op->done(op, res);
}

/* Completions, then the quiet operations that had none. */
static void dispatch(struct ring *r)
{
	struct io_uring_cqe *cqe;
	struct op_list quiet;
	struct op *op;
	int res;

	take_quiet(r, &quiet);
	while (io_uring_peek_cqe(&r->uring, &cqe) == 0) {
		op = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&r->uring, cqe);
		if (op)
			op_done(r, op, res);
	}
	while ((op = LIST_FIRST(&quiet)))
		op_done(r, op, op->expect);
}

static void run_first(struct work_list *list)
{
	struct work *w = STAILQ_FIRST(list);

	STAILQ_REMOVE_HEAD(list, entry);
	w->queued = false;
	w->fn(w);
}

/* Bounded, so that work which makes work cannot keep signals and limits out. */
static void run_work(struct ring *r)
{
	unsigned int budget = 64;

	while (!STAILQ_EMPTY(&r->work) && !r->stop && budget--)
		run_first(&r->work);
	while (!STAILQ_EMPTY(&r->flush))
		run_first(&r->flush);
}

static int enter(struct ring *r, unsigned int wait)
{
	int ret;

	r->enters++;
	ret = wait ? io_uring_submit_and_wait(&r->uring, wait) :
		     io_uring_submit_and_get_events(&r->uring);
	return ret == -EINTR || ret == -EAGAIN || ret == -EBUSY || ret == -ETIME
	       ? 0 : ret;
}

/* One turn of the loop. */
static int turn(struct ring *r)
{
	int ret;

	run_work(r);
	/* What was decided before a stop still goes out. */
	ret = enter(r, !r->stop && STAILQ_EMPTY(&r->work) ? 1 : 0);
	if (ret < 0)
		return ret;
	dispatch(r);
	return 0;
}

int ring_run(struct ring *r)
{
	int ret = 0;

	BUG_ON(r->running);
	r->running = true;
	while (!r->stop && ret >= 0)
		ret = turn(r);
	r->running = false;
	return ret < 0 ? ret : r->status;
}

void ring_drain(struct ring *r)
{
	int ret = 0;

	BUG_ON(r->running);
	r->running = r->draining = true;
	r->stop = false;
	while ((r->busy || !STAILQ_EMPTY(&r->work) ||
		!STAILQ_EMPTY(&r->flush)) && ret >= 0) {
		run_work(r);
		if (r->busy)
			ret = turn(r);
	}
	r->running = r->draining = false;
}

void ring_stop(struct ring *r, int status)
{
	/* Once everything is being closed there is nothing left to stop. */
	if (r->stop || r->draining)
		return;
	r->stop = true;
	r->status = status;
}

void ring_fini(struct ring *r)
{
	struct op *op;

	while ((op = LIST_FIRST(&r->quiet))) {
		LIST_REMOVE(op, quiet_entry);
		op->busy = op->quiet = false;
	}
	io_uring_queue_exit(&r->uring);
}

void ring_work(struct ring *r, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	STAILQ_INSERT_TAIL(&r->work, w, entry);
}

void ring_work_cancel(struct ring *r, struct work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	STAILQ_REMOVE(&r->work, w, work, entry);
}

void ring_flush(struct ring *r, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	STAILQ_INSERT_TAIL(&r->flush, w, entry);
}

void ring_flush_cancel(struct ring *r, struct work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	STAILQ_REMOVE(&r->flush, w, work, entry);
}

/* A place in the submission queue; when that is full, submit without waiting. */
static struct io_uring_sqe *get_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);

	while (!sqe) {
		enter(r, 0);
		sqe = io_uring_get_sqe(&r->uring);
	}
	return sqe;
}

static struct io_uring_sqe *op_sqe(struct ring *r, struct op *op)
{
	BUG_ON(op->busy);
	op->busy = true;
	op->quiet = false;
	r->busy++;
	return get_sqe(r);
}

void ring_recvmsg(struct ring *r, struct op *op, int fd, struct msghdr *mh,
		  int flags)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_recvmsg(sqe, fd, mh, (unsigned int)flags);
	io_uring_sqe_set_data(sqe, op);
}

void ring_sendmsg(struct ring *r, struct op *op, int fd, struct msghdr *mh,
		  size_t len, bool quiet)
{
	unsigned int flags = MSG_NOSIGNAL | MSG_WAITALL;
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_sendmsg(sqe, fd, mh, flags | (quiet ? MSG_DONTWAIT : 0));
	io_uring_sqe_set_data(sqe, op);
	if (!quiet)
		return;
	op->quiet = true;
	op->expect = (int)len;
	io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
	LIST_INSERT_HEAD(&r->quiet, op, quiet_entry);
}

void ring_accept(struct ring *r, struct op *op, int fd)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, op);
}

void ring_read(struct ring *r, struct op *op, int fd, void *buf, size_t len)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_read(sqe, fd, buf, (unsigned int)len, (u64)-1);
	io_uring_sqe_set_data(sqe, op);
}

void ring_write(struct ring *r, struct op *op, int fd, const void *buf,
		size_t len)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_write(sqe, fd, buf, (unsigned int)len, (u64)-1);
	io_uring_sqe_set_data(sqe, op);
}

void ring_pread(struct ring *r, struct op *op, int fd, void *buf, size_t len,
		u64 off)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_read(sqe, fd, buf, (unsigned int)len, off);
	io_uring_sqe_set_data(sqe, op);
}

void ring_pwrite(struct ring *r, struct op *op, int fd, const void *buf,
		 size_t len, u64 off)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_write(sqe, fd, buf, (unsigned int)len, off);
	io_uring_sqe_set_data(sqe, op);
}

void ring_fdatasync(struct ring *r, struct op *op, int fd)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, op);
}

void ring_fallocate(struct ring *r, struct op *op, int fd, int flags, u64 off,
		    u64 len)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_fallocate(sqe, fd, flags, (off_t)off, (off_t)len);
	io_uring_sqe_set_data(sqe, op);
}

void ring_poll_in(struct ring *r, struct op *op, int fd)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	io_uring_prep_poll_add(sqe, fd, POLLIN);
	io_uring_sqe_set_data(sqe, op);
}

void ring_timeout(struct ring *r, struct op *op, u64 at)
{
	struct io_uring_sqe *sqe = op_sqe(r, op);

	op->until.tv_sec = (s64)(at / NSEC_PER_SEC);
	op->until.tv_nsec = (s64)(at % NSEC_PER_SEC);
	io_uring_prep_timeout(sqe, &op->until, 0, IORING_TIMEOUT_ABS);
	io_uring_sqe_set_data(sqe, op);
}

u64 ring_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

void ring_cancel(struct ring *r, struct op *op)
{
	struct io_uring_sqe *sqe;

	if (!op->busy || op->quiet)
		return;
	sqe = get_sqe(r);
	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data(sqe, NULL);
	io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}
