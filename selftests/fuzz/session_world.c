// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A slave with one device in this process, and sockets to it, for a fuzzer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "input.h"
#include "session_world.h"

/* No file descriptor is higher. */
#define MAX_FD	128u

/* Mappings of guest memory are counted: the linker puts these in between. */

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __real_munmap(void *addr, size_t len);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __wrap_munmap(void *addr, size_t len);

static unsigned int maps;

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off)
{
	void *p = __real_mmap(addr, len, prot, flags, fd, off);

	maps += p != MAP_FAILED;
	return p;
}

int __wrap_munmap(void *addr, size_t len)
{
	int ret = __real_munmap(addr, len);

	MUST(!ret && maps);
	maps--;
	return ret;
}

unsigned int world_maps(const struct world *w)
{
	return maps - w->maps;
}

/* In one system call, which is why it is not done by /proc/self/fd. */
unsigned int world_fds(void)
{
	struct pollfd p[MAX_FD];
	unsigned int i, n = 0;

	for (i = 0; i < MAX_FD; i++)
		p[i] = (struct pollfd){ .fd = (int)i };
	MUST(poll(p, MAX_FD, 0) >= 0);
	for (i = 0; i < MAX_FD; i++)
		n += !(p[i].revents & POLLNVAL);
	return n;
}

/* The clock */

static struct world *world_of(const struct tt *tt)
{
	return tt->priv;
}

static void ack_start(struct work *work)
{
	struct world *w = container_of(work, struct world, start);
	struct tt_msg m = { .op = TT_ACK, .seq = w->tt.seq };

	MUST(!tt_input(&w->tt, &m));
}

static void clock_send(struct tt *tt, const struct tt_msg *m)
{
	struct world *w = world_of(tt);

	switch (m->op) {
	case TT_START:
		ring_work(&w->ring, &w->start);
		break;
	case TT_WAIT:
		w->waiting = true;
		break;
	case TT_GET:
	case TT_REQUEST:
	case TT_UPDATE:
		MUST(w->slow && !w->owes);
		w->owes = true;
		w->owed = *m;
		break;
	default:
		MUST(!"a message that a client does not send");
	}
}

static u64 clock_horizon(struct tt *tt)
{
	return world_of(tt)->horizon;
}

static bool clock_get(struct tt *tt, u64 *now)
{
	struct world *w = world_of(tt);

	if (!w->slow)
		*now = max_u64(*now, w->now);
	return !w->slow;
}

static bool clock_request(struct tt *tt, u64 when)
{
	struct world *w = world_of(tt);

	if (!w->slow)
		w->request = when;
	return !w->slow;
}

static bool clock_update(struct tt *tt, u64 now)
{
	MUST(now >= world_of(tt)->now);
	return !world_of(tt)->slow;
}

static bool clock_silent(const struct tt *tt)
{
	(void)tt;
	return true;
}

static u64 clock_reach(struct tt *tt, pid_t pid)
{
	(void)pid;
	return tt->now;
}

static void clock_lost(struct tt *tt, const char *why)
{
	(void)tt;
	(void)why;
	MUST(!"the calendar has done nothing wrong");
}

bool world_ack(struct world *w)
{
	struct tt_msg m = { .op = TT_ACK, .seq = w->owed.seq };

	if (!w->owes)
		return false;
	w->owes = false;
	if (w->owed.op == TT_GET)
		m.time = max_u64(w->now, w->tt.now);
	if (w->owed.op == TT_REQUEST)
		w->request = w->owed.time;
	MUST(!tt_input(&w->tt, &m));
	world_settle(w);
	return true;
}

/* It is the slave's turn at the time of its request. */
static void run(struct world *w)
{
	struct tt_msg m = { .op = TT_RUN, .time = max_u64(w->request, w->now) };

	w->now = m.time;
	w->waiting = false;
	w->request = U64_MAX;
	MUST(!tt_input(&w->tt, &m));
	world_settle(w);
}

void world_advance(struct world *w, u64 ns)
{
	u64 until = w->now + ns;
	unsigned int n = 0;

	w->horizon = until;
	while (w->waiting && !w->owes && w->request <= until) {
		MUST(n++ < 100000);
		run(w);
	}
	/* In its turn the time is what it says, and it holds it. */
	if (w->waiting)
		w->now = max_u64(until, w->tt.now);
	else
		w->now = max_u64(w->now, w->tt.now);
	w->horizon = 0;
}

/* The loop */

/* An operation that does nothing, so that the loop never sleeps. */
static void submit_nop(struct world *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring.uring);

	MUST(sqe);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, &w->nop);
	w->submitted = w->ring.uring.sq.sqe_tail;
	w->nop.busy = true;
	w->ring.busy++;
}

/* When several turns in a row had nothing to do, there is nothing to do. */
static void nop_done(struct op *op, int res)
{
	struct world *w = container_of(op, struct world, nop);
	const struct ring *r = &w->ring;

	(void)res;
	if (r->uring.sq.sqe_tail != w->submitted || !STAILQ_EMPTY(&r->work))
		w->idle = 0;
	else
		w->idle++;
	if (w->idle < 3)
		submit_nop(w);
	else
		ring_stop(&w->ring, 0);
}

void world_settle(struct world *w)
{
	w->idle = 0;
	w->ring.stop = false;
	w->nop.done = nop_done;
	submit_nop(w);
	MUST(!ring_run(&w->ring));
	w->ring.stop = false;
}

/* Files */

static int make_file(size_t size)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	MUST(fd >= 0 && !ftruncate(fd, (off_t)size));
	return fd;
}

static int ends(int ret, const int *sv, int *other)
{
	MUST(!ret);
	*other = sv[1];
	return sv[0];
}

int world_file(struct world *w, enum fd_kind kind, int *other)
{
	int sv[2], fd = -1;

	*other = -1;
	switch (kind) {
	case FD_RAM:
	case FD_SHORT:
	case FD_NULL:
		fd = dup(w->file[kind]);
		break;
	case FD_EVENT:
		fd = eventfd(0, EFD_CLOEXEC);
		*other = dup(fd);
		fcntl(*other, F_SETFL, O_NONBLOCK);
		break;
	case FD_SOCKET:
		fd = ends(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			  sv, other);
		break;
	case FD_PIPE:
		fd = ends(pipe2(sv, O_CLOEXEC), sv, other);
		break;
	default:
		break;
	}
	MUST(fd >= 0);
	return fd;
}

void world_send(int fd, const void *buf, size_t len, const int *fds,
		unsigned int nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MODEL_MAX_FDS)];
		struct cmsghdr align;
	} ctl = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (nfds) {
		mh.msg_control = ctl.buf;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nfds * sizeof(int));
	}
	/* Who has gone does not get it. */
	(void)!sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Life */

void world_init(struct world *w)
{
	char why[256];

	memset(w, 0, sizeof(*w));
	MUST(!ring_init(&w->ring, why, sizeof(why)));
	w->file[FD_RAM] = make_file(RAM_SIZE);
	w->file[FD_SHORT] = make_file(PAGE);
	w->file[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	w->ram = __real_mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, w->file[FD_RAM], 0);
	MUST(w->ram != MAP_FAILED);
	snprintf(w->path, sizeof(w->path), "/tmp/umtt-fuzz-%d", (int)getpid());
}

static void open_clock(struct world *w)
{
	w->now = w->horizon = 0;
	w->request = U64_MAX;
	w->waiting = w->slow = w->owes = false;
	w->start.fn = ack_start;
	w->transport = (struct tt_transport){
		.send = clock_send, .horizon = clock_horizon,
		.get = clock_get, .request = clock_request,
		.update = clock_update, .silent = clock_silent,
		.reach = clock_reach,
	};
	tt_init(&w->tt, &w->ring, &w->transport, w);
	w->tt.lost = clock_lost;
}

void world_open(struct world *w, const char *spec, bool simulated)
{
	struct dev_bus_cfg cfg = {
		.ring = &w->ring, .tt = &w->tt, .simulated = simulated,
		.seed = 1,
	};

	w->fd = -1;
	w->mine = 0;
	w->fds = world_fds();
	w->simulated = simulated;
	w->maps = maps;
	memset(w->ram, 0, RAM_SIZE);
	MUST(pwrite(w->file[FD_SHORT], w->ram, PAGE, 0) == PAGE);
	open_clock(w);
	MUST(!dev_bus_new(&w->bus, &cfg));
	MUST(!dev_add(w->bus, spec, NULL, w->path, &w->dev));
	tt_start(&w->tt, U64_MAX);
	world_settle(w);
}

void world_close(struct world *w)
{
	if (w->fd >= 0)
		close(w->fd);
	dev_bus_free(w->bus);
	tt_fini(&w->tt);
	world_settle(w);
	ring_work_cancel(&w->ring, &w->start);
	MUST(!w->ring.busy && STAILQ_EMPTY(&w->ring.work));
	MUST(maps == w->maps);
	MUST(world_fds() == w->fds);
}

int world_connect(struct world *w)
{
	int fd = connect_unix(w->path);

	MUST(fd >= 0);
	return fd;
}
