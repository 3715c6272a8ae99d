/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A slave with one device in this process, and sockets to it, for a fuzzer. */
#ifndef FUZZ_SESSION_WORLD_H
#define FUZZ_SESSION_WORLD_H

#include "../../src/dev/binding.h"
#include "session_model.h"

/*
 * Sessions, streams, the loop and the devices are the real ones, on an
 * io_uring. The clock is ours: it stands still until world_advance(). Since
 * nothing else is waited for, all that a message causes has happened when
 * world_settle() returns.
 */

#define RAM_SIZE	0x8000u
#define PAGE		0x1000u

/**
 * struct world - one slave
 * @ram: what is in files of the kind FD_RAM
 * @fd: the front-end's end of the session, -1: not connected
 * @slow: the calendar acks only when world_ack() says so
 * @owed: what it has to ack, if @owes
 * @idle: so many turns of the loop had nothing to do; @submitted: all operations
 *	before the one that counts them
 * @fds, @maps: how many there were before it was opened
 * @mine: file descriptors of the front-end
 */
struct world {
	struct ring ring;
	struct tt tt;
	struct tt_transport transport;
	struct dev_bus *bus;
	struct dev *dev;
	u8 *ram;
	int file[FD_KINDS];
	char path[64];
	int fd;
	bool simulated;

	u64 now, request, horizon;
	bool waiting, starting, slow, owes;
	struct tt_msg owed;
	struct work start;
	unsigned int idle, submitted;
	struct op nop;

	unsigned int fds, maps, mine;
};

/** world_init() - once per process */
void world_init(struct world *w);

/** world_open() - a slave with the device @spec; nobody is connected */
void world_open(struct world *w, const char *spec, bool simulated);

/** world_close() - nothing is left of it */
void world_close(struct world *w);

/** world_connect() - a new connection */
int world_connect(struct world *w);

/** world_settle() - until the slave has nothing left to do */
void world_settle(struct world *w);

/** world_advance() - time moves on by @ns, as far as the slave lets it */
void world_advance(struct world *w, u64 ns);

/** world_ack() - the calendar acks what it was asked; false: nothing */
bool world_ack(struct world *w);

/** world_file() - a file descriptor of @kind; *@other: the front-end's end of it, or -1 */
int world_file(struct world *w, enum fd_kind kind, int *other);

/** world_send() - @len bytes with @fds on the first one; they stay the caller's */
void world_send(int fd, const void *buf, size_t len, const int *fds,
		unsigned int nfds);

/** world_fds() - file descriptors that are open in this process */
unsigned int world_fds(void);

/** world_maps() - mappings of guest memory */
unsigned int world_maps(const struct world *w);

/** world_session() - NULL: there is none */
static inline struct vu_session *world_session(const struct world *w)
{
	return w->dev->session;
}

#endif
