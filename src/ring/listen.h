/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* AF_UNIX sockets by path: listen, accept, connect. */
#ifndef RING_LISTEN_H
#define RING_LISTEN_H

#include <sys/types.h>

#include "ring.h"

/**
 * struct listener - a listening socket
 * @accepted: a connection; the callee owns @fd. @pid is the peer's.
 */
struct listener {
	struct ring *ring;
	int fd;
	bool closed;
	char *path;
	struct op op;		/* accept, or the pause after running out of fds */
	struct work release;
	void (*accepted)(struct listener *l, int fd, pid_t pid);
	void (*released)(struct listener *l);
};

/**
 * listen_unix() - create @path and accept connections to it
 *
 * Only the owner may connect (mode 0600). A socket that is left over, with
 * nobody listening, is replaced; anything else at @path is an error.
 *
 * Return: 0; -ENAMETOOLONG, -EADDRINUSE, -errno
 */
int __must_check listen_unix(struct listener *l, struct ring *r,
			     const char *path,
			     void (*accepted)(struct listener *l, int fd,
					      pid_t pid));

/**
 * listen_fd() - accept connections on a listening socket made elsewhere
 */
void listen_fd(struct listener *l, struct ring *r, int fd,
	       void (*accepted)(struct listener *l, int fd, pid_t pid));

/** listen_nowhere() - nobody ever comes; for listen_close() to end */
void listen_nowhere(struct listener *l, struct ring *r);

/** is_listening() - is @fd a socket that listens */
bool is_listening(int fd);

/** listen_close() - stop, unlink the path; @released as for stream_close() */
void listen_close(struct listener *l, void (*released)(struct listener *l));

/** connect_unix() - blocking connect; Return: fd or -errno */
int connect_unix(const char *path);

/** peer_pid() - process at the other end of @fd, 0 when unknown */
pid_t peer_pid(int fd);

#endif
