/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A socket that carries framed messages, with file descriptors on them. */
#ifndef RING_STREAM_H
#define RING_STREAM_H

#include "ring.h"

#define STREAM_MAX_FDS	8
/* With more messages than this waiting to be sent, none is received. */
#define STREAM_MAX_TX	64u

struct stream;

/**
 * struct stream_ops - what the owner of a stream does
 * @hdr_len: bytes of every message's header
 * @max_payload: bytes of the largest payload
 * @payload_len: from a whole header, -errno to end the stream
 * @msg: one message, header first; @fds may be taken by setting the entry to
 *	-1, the others are closed afterwards. No further message is delivered
 *	until stream_recv() is called, from here or later: that is the
 *	back-pressure. Who does not read what it is sent is not read from.
 * @closed: the stream has ended: 0 when the peer closed it between messages,
 *	else -errno. Called once, from the loop; not after stream_close().
 */
struct stream_ops {
	size_t hdr_len, max_payload;
	int (*payload_len)(const void *hdr);
	void (*msg)(struct stream *st, const void *msg, size_t len, int *fds,
		    unsigned int nfds);
	void (*closed)(struct stream *st, int err);
};

struct stream_tx;
STAILQ_HEAD(stream_txq, stream_tx);

/**
 * struct stream - all fields are the stream's own
 * @hint: bytes to ask for at the start of a message (see stream_recv_hint())
 * @rx_msgs, @tx_msgs: whole messages, for statistics
 */
struct stream {
	struct ring *ring;
	const struct stream_ops *ops;
	void (*released)(struct stream *st);
	int fd;

	struct op rx;
	struct work deliver;
	u8 *buf;
	size_t have, hint;
	bool want, watch, in_msg, closing, ended;
	int end_err;
	int fds[STREAM_MAX_FDS];
	unsigned int nfds;
	struct msghdr rx_mh;
	struct iovec rx_iov;
	union {
		char buf[CMSG_SPACE(sizeof(int) * STREAM_MAX_FDS)];
		struct cmsghdr align;
	} rx_cmsg;

	struct op tx;
	struct work flush;
	struct stream_txq txq;
	unsigned int nr_tx;
	bool tx_all;			/* the present send is all there is */
	size_t tx_done;			/* bytes of the first one already out */
	struct msghdr tx_mh;
	struct iovec tx_iov[8];
	union {
		char buf[CMSG_SPACE(sizeof(int) * STREAM_MAX_FDS)];
		struct cmsghdr align;
	} tx_cmsg;

	u64 rx_msgs, tx_msgs;
};

/**
 * stream_open() - take over a connected socket
 * @fd: closed by the stream in the end
 *
 * Nothing is received before stream_recv().
 *
 * Return: 0 or -ENOMEM (@fd is then still the caller's)
 */
int __must_check stream_open(struct stream *st, struct ring *r, int fd,
			     const struct stream_ops *ops);

/** stream_recv() - deliver the next message when it has come */
void stream_recv(struct stream *st);

/**
 * stream_watch() - be told when the stream ends, before stream_recv()
 *
 * One message is read ahead, and kept.
 */
void stream_watch(struct stream *st);

/** stream_peer_gone() - has the peer closed its end, whatever is still unread */
bool stream_peer_gone(const struct stream *st);

/**
 * stream_recv_hint() - expect messages of @len bytes next
 *
 * Saves the second receive for the payload. File descriptors that come with
 * more than one message in a receive are given to the last one that begins in
 * it, so the default, the header alone, is right where they matter.
 */
void stream_recv_hint(struct stream *st, size_t len);

/**
 * stream_send() - queue a message, all of it or nothing
 * @fds, @nfds: to go with it; they stay the caller's
 *
 * Messages leave in order, before the loop sleeps. A failure to send ends the
 * stream. Nothing is sent after stream_close().
 *
 * Return: 0, -ENOMEM, -EPIPE when the stream has ended
 */
int stream_send(struct stream *st, const void *msg, size_t len,
		const int *fds, unsigned int nfds);

/** stream_pending() - messages queued and not yet given to the kernel */
bool stream_pending(const struct stream *st);

/** stream_backlog() - how many those are; grows while the peer does not read */
unsigned int stream_backlog(const struct stream *st);

/**
 * stream_close() - end the stream
 * @released: called from the loop when the kernel holds no pointer into @st
 *	any more: only then may its memory go. May be NULL.
 */
void stream_close(struct stream *st, void (*released)(struct stream *st));

#endif
