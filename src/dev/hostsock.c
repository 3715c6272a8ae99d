// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Sockets of the host for devices: programs that live in real time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "binding.h"

/*
 * DOC: Theory of operation
 *
 * Whoever connects is kept, up to a number, until the device looks. All else is
 * system calls that do not wait, made when the device asks, but for
 * dev_sock_wait(): a poll and a timeout in the ring, and a hold on the instant
 * until one of them is over. The other is cancelled then; both must have come
 * back before they can be used again, or the socket be freed.
 */

#define MAX_WAITING	64u

/**
 * struct dev_sock - a connection
 * @wanted: time is held for it
 * @begun: the operations of this wait are under way
 */
struct dev_sock {
	struct dev_bus *bus;
	int fd;
	struct op poll, timeout;
	bool wanted, begun, closed;
	u64 ns;
	void (*ready)(void *owner);
	void *owner;
};

/** struct dev_listener - a name that programs connect to, @nr of them in @fd */
struct dev_listener {
	struct dev *d;
	struct listener l;
	int fd[MAX_WAITING];
	unsigned int nr;
};

/* Waiting */

static bool is_busy(const struct dev_sock *s)
{
	return s->poll.busy || s->timeout.busy;
}

static void begin(struct dev_sock *s)
{
	struct ring *r = s->bus->cfg.ring;
	s->begun = true;
	ring_poll_in(r, &s->poll, s->fd);
	ring_timeout(r, &s->timeout, ring_clock() + s->ns);
}

static void cancel(struct dev_sock *s)
{
	ring_cancel(s->bus->cfg.ring, &s->poll);
	ring_cancel(s->bus->cfg.ring, &s->timeout);
}

static void free_sock(struct dev_sock *s)
{
	close(s->fd);
	free(s);
}

static void op_over(struct dev_sock *s)
{
	struct dev_bus *b = s->bus;

	if (s->closed) {
		if (!is_busy(s))
			free_sock(s);
		return;
	}
	if (s->begun) {
		s->begun = s->wanted = false;
		cancel(s);
		s->ready(s->owner);
		tt_put(b->tt);
	} else if (s->wanted && !is_busy(s)) {
		begin(s);
	}
}

static void polled(struct op *op, int res)
{
	(void)res;
	op_over(container_of(op, struct dev_sock, poll));
}

static void timed_out(struct op *op, int res)
{
	(void)res;
	op_over(container_of(op, struct dev_sock, timeout));
}

void dev_sock_wait(struct dev_sock *s, u64 ns, void (*ready)(void *owner),
		   void *owner)
{
	if (s->wanted)
		return;
	s->wanted = true;
	s->ns = min_u64(ns, S64_MAX / 2);
	s->ready = ready;
	s->owner = owner;
	tt_hold(s->bus->tt);
	if (!is_busy(s))
		begin(s);
}

/* Connections */

static struct dev_sock *new_sock(struct dev *d, int fd)
{
	struct dev_sock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->bus = d->bus;
	s->fd = fd;
	s->poll.done = polled;
	s->timeout.done = timed_out;
	return s;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Where nobody has accepted the others yet this one is refused, too. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

int dev_sock_connect(struct dev *d, const char *path, struct dev_sock **out)
{
	char *full = host_path(d->bus, path);
	int fd = full ? connect_to(full) : -ENOMEM;

	free(full);
	if (fd < 0)
		return fd;
	*out = new_sock(d, fd);
	if (*out)
		return 0;
	close(fd);
	return -ENOMEM;
}

ssize_t dev_sock_recv(struct dev_sock *s, void *buf, size_t len)
{
	ssize_t n = recv(s->fd, buf, len, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

ssize_t dev_sock_send(struct dev_sock *s, const void *buf, size_t len)
{
	ssize_t n = send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

void dev_sock_shutdown(struct dev_sock *s)
{
	shutdown(s->fd, SHUT_WR);
}

void dev_sock_close(struct dev_sock *s)
{
	if (!s)
		return;
	s->closed = true;
	if (s->wanted)
		tt_put(s->bus->tt);
	shutdown(s->fd, SHUT_RDWR);
	if (is_busy(s))
		cancel(s);
	else
		free_sock(s);
}

/* Listening */

static void has_connected(struct listener *l, int fd, pid_t pid)
{
	struct dev_listener *dl = container_of(l, struct dev_listener, l);

	(void)pid;
	if (dl->nr == MAX_WAITING)
		close(fd);
	else
		dl->fd[dl->nr++] = fd;
}

int dev_listen(struct dev *d, const char *path, struct dev_listener **out)
{
	struct dev_listener *dl = calloc(1, sizeof(*dl));
	char *full = host_path(d->bus, path);
	int err = -ENOMEM;

	if (dl && full) {
		dl->d = d;
		err = listen_unix(&dl->l, d->bus->cfg.ring, full,
				  has_connected);
	}
	free(full);
	if (!err) {
		*out = dl;
		return 0;
	}
	log_err(dev_name(d), "cannot listen on %s: %s", path, strerror(-err));
	free(dl);
	return err;
}

struct dev_sock *dev_accept(struct dev_listener *l)
{
	struct dev_sock *s;

	if (!l->nr)
		return NULL;
	s = new_sock(l->d, l->fd[0]);
	if (!s)
		close(l->fd[0]);
	memmove(l->fd, l->fd + 1, --l->nr * sizeof(l->fd[0]));
	return s;
}

static void listener_released(struct listener *l)
{
	free(container_of(l, struct dev_listener, l));
}

void dev_listen_close(struct dev_listener *l)
{
	if (!l)
		return;
	while (l->nr)
		close(l->fd[--l->nr]);
	listen_close(&l->l, listener_released);
}
