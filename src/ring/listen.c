// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* AF_UNIX sockets by path: listen, accept, connect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/log.h"
#include "listen.h"

static int unix_addr(struct sockaddr_un *sa, const char *path)
{
	size_t len = strlen(path);

	if (len >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	if (!len)
		return -EINVAL;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path, len);
	return 0;
}

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int connect_unix(const char *path)
{
	struct sockaddr_un sa;
	int fd, ret;

	ret = unix_addr(&sa, path);
	if (ret < 0)
		return ret;
	fd = unix_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

pid_t peer_pid(int fd)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) < 0)
		return 0;
	return uc.pid;
}

/* Remove @path if it is a socket that nobody listens on. */
static int try_remove_stale(const char *path)
{
	struct stat sb;
	int fd;

	if (lstat(path, &sb) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(sb.st_mode))
		return -EEXIST;
	fd = connect_unix(path);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd != -ECONNREFUSED)
		return fd;
	return unlink(path) < 0 ? -errno : 0;
}

/*
 * The sockets of a process that was killed live on for a moment after it, in
 * the hands of its io_uring.
 */
static int remove_stale(const char *path)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int ret = try_remove_stale(path), tries = 30;

	while (ret == -EADDRINUSE && tries--) {
		nanosleep(&pause, NULL);
		ret = try_remove_stale(path);
	}
	return ret;
}

static void accept_done(struct op *op, int res);

static void arm_accept(struct listener *l)
{
	l->op.done = accept_done;
	ring_accept(l->ring, &l->op, l->fd);
}

static void release(struct work *w)
{
	struct listener *l = container_of(w, struct listener, release);

	if (l->released)
		l->released(l);
}

static void pause_done(struct op *op, int res)
{
	struct listener *l = container_of(op, struct listener, op);

	(void)res;
	if (l->fd < 0)
		release(&l->release);
	else
		arm_accept(l);
}

/* Out of file descriptors: the connection stays queued, so do not spin. */
static void pause_accept(struct listener *l)
{
	l->op.done = pause_done;
	ring_timeout(l->ring, &l->op, ring_clock() + NSEC_PER_SEC);
}

static void accept_done(struct op *op, int res)
{
	struct listener *l = container_of(op, struct listener, op);

	if (l->fd < 0) {
		/* Closed meanwhile: a connection that slipped in goes, too. */
		if (res >= 0)
			close(res);
		release(&l->release);
		return;
	}
	if (res >= 0) {
		l->accepted(l, res, peer_pid(res));
	} else if (res != -EINTR && res != -EAGAIN && res != -ECONNABORTED) {
		log_err(l->path, "accept: %s; trying again in 1 s",
			strerror(-res));
		pause_accept(l);
	}
	if (l->fd >= 0 && !l->op.busy)
		arm_accept(l);
}

bool is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int yes = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

void listen_nowhere(struct listener *l, struct ring *r)
{
	memset(l, 0, sizeof(*l));
	l->ring = r;
	l->fd = -1;
	l->release.fn = release;
}

void listen_fd(struct listener *l, struct ring *r, int fd,
	       void (*accepted)(struct listener *l, int fd, pid_t pid))
{
	listen_nowhere(l, r);
	l->fd = fd;
	l->accepted = accepted;
	arm_accept(l);
}

int listen_unix(struct listener *l, struct ring *r, const char *path,
		void (*accepted)(struct listener *l, int fd, pid_t pid))
{
	struct sockaddr_un sa;
	mode_t mask;
	int fd, ret;
	char *copy;

	ret = unix_addr(&sa, path);
	if (ret < 0)
		return ret;
	ret = remove_stale(path);
	if (ret < 0)
		return ret;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	fd = unix_socket();
	if (fd < 0) {
		free(copy);
		return fd;
	}
	/* The mode must be right from the moment the name exists. */
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(mask);
	if (!ret && listen(fd, SOMAXCONN) < 0)
		ret = -errno;
	if (ret < 0) {
		close(fd);
		free(copy);
		return ret;
	}
	listen_fd(l, r, fd, accepted);
	l->path = copy;
	return 0;
}

void listen_close(struct listener *l, void (*released)(struct listener *l))
{
	if (l->closed)
		return;
	l->closed = true;
	l->released = released;
	if (l->path) {
		unlink(l->path);
		/* Of one made elsewhere, others may have need. */
		shutdown(l->fd, SHUT_RDWR);
	}
	free(l->path);
	l->path = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	/* Wakes the pending accept, which close() would not. */
	if (l->op.busy)
		ring_cancel(l->ring, &l->op);
	else
		ring_work(l->ring, &l->release);
}
