// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A socket that carries framed messages, with file descriptors on them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/bug.h"
#include "stream.h"

/*
 * DOC: Theory of operation
 *
 * Receiving: one recvmsg at a time, never armed while a message is being
 * handled. It asks for the header (or what stream_recv_hint() said), then for
 * the rest of the payload. recvmsg always, since a plain read would silently
 * close file descriptors.
 *
 * Sending: messages queue up until the loop has no more work, then all that a
 * stream has gathered leaves in one sendmsg. One send is in flight per stream.
 * It is quiet first (see ring_sendmsg()); if the socket is full, it is repeated
 * as an ordinary one, which waits for room. Nor is it quiet when something is
 * left for another send, since nobody would tell that its turn has come.
 */

struct stream_tx {
	STAILQ_ENTRY(stream_tx) entry;
	size_t len;
	unsigned int nfds;
	int fds[STREAM_MAX_FDS];
	u8 data[];
};

static void rx_step(struct stream *st);

static void close_fds(struct stream *st)
{
	while (st->nfds)
		if (st->fds[--st->nfds] >= 0)
			close(st->fds[st->nfds]);
}

static void free_tx(struct stream *st, unsigned int n)
{
	struct stream_tx *tx;

	while (n-- && (tx = STAILQ_FIRST(&st->txq))) {
		STAILQ_REMOVE_HEAD(&st->txq, entry);
		while (tx->nfds)
			close(tx->fds[--tx->nfds]);
		free(tx);
		st->nr_tx--;
	}
}

static void maybe_release(struct stream *st)
{
	if (!st->closing || st->rx.busy || st->tx.busy || st->fd < 0)
		return;
	close(st->fd);
	st->fd = -1;
	/* The owner may free @st in there. */
	ring_work(st->ring, &st->deliver);
}

static void end(struct stream *st, int err)
{
	if (st->ended || st->closing)
		return;
	st->ended = true;
	st->end_err = err;
	ring_work(st->ring, &st->deliver);
}

/* Receiving */

/* Bytes that the message at the start of the buffer needs, -errno if bad. */
static int frame_len(const struct stream *st)
{
	int payload;

	if (st->have < st->ops->hdr_len)
		return (int)st->ops->hdr_len;
	payload = st->ops->payload_len(st->buf);
	if (payload < 0)
		return payload;
	if ((size_t)payload > st->ops->max_payload)
		return -EMSGSIZE;
	return (int)st->ops->hdr_len + payload;
}

static void arm_rx(struct stream *st, size_t len)
{
	st->rx_iov.iov_base = st->buf + st->have;
	st->rx_iov.iov_len = len;
	memset(&st->rx_mh, 0, sizeof(st->rx_mh));
	st->rx_mh.msg_iov = &st->rx_iov;
	st->rx_mh.msg_iovlen = 1;
	st->rx_mh.msg_control = st->rx_cmsg.buf;
	st->rx_mh.msg_controllen = sizeof(st->rx_cmsg.buf);
	ring_recvmsg(st->ring, &st->rx, st->fd, &st->rx_mh, MSG_CMSG_CLOEXEC);
}

/* Returns -EPROTO when more came than one message may carry. */
static int take_fds(struct stream *st)
{
	struct cmsghdr *cm;
	int fd, ret = 0;
	size_t i, n;

	if (st->rx_mh.msg_flags & MSG_CTRUNC)
		ret = -EPROTO;
	for (cm = CMSG_FIRSTHDR(&st->rx_mh); cm;
	     cm = CMSG_NXTHDR(&st->rx_mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			       sizeof(fd));
			if (st->nfds < STREAM_MAX_FDS) {
				st->fds[st->nfds++] = fd;
			} else {
				close(fd);
				ret = -EPROTO;
			}
		}
	}
	return ret;
}

static void rx_done(struct op *op, int res)
{
	struct stream *st = container_of(op, struct stream, rx);

	if (res > 0 && take_fds(st) < 0)
		res = -EPROTO;
	if (st->closing) {
		close_fds(st);
		maybe_release(st);
		return;
	}
	if (res == -EINTR || res == -EAGAIN) {
		rx_step(st);
	} else if (res < 0) {
		end(st, res);
	} else if (res == 0) {
		end(st, st->have ? -EPIPE : 0);
	} else {
		st->have += (size_t)res;
		rx_step(st);
	}
}

/* Hand over the whole message of @len bytes at the start of the buffer. */
static void rx_message(struct stream *st, size_t len)
{
	int fds[STREAM_MAX_FDS];
	unsigned int i, nfds = 0;

	/* File descriptors are those of the last message that has begun. */
	if (st->have == len) {
		nfds = st->nfds;
		memcpy(fds, st->fds, nfds * sizeof(int));
		st->nfds = 0;
	}
	st->want = st->watch = false;
	st->rx_msgs++;
	st->in_msg = true;
	st->ops->msg(st, st->buf, len, fds, nfds);
	st->in_msg = false;
	for (i = 0; i < nfds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	st->have -= len;
	memmove(st->buf, st->buf + len, st->have);
	rx_step(st);
}

/* Go on from what is in the buffer: deliver, or ask for more. */
static void rx_step(struct stream *st)
{
	int len;

	/* While a message is being handled its bytes are still in the buffer. */
	if (st->in_msg || st->rx.busy || st->closing || st->ended ||
	    st->nr_tx > STREAM_MAX_TX || !(st->want || st->watch))
		return;
	len = frame_len(st);
	if (len < 0) {
		end(st, len);
	} else if (st->have >= st->ops->hdr_len && st->have >= (size_t)len) {
		if (st->want)
			ring_work(st->ring, &st->deliver);
	} else {
		if (!st->have && st->hint > (size_t)len)
			len = (int)st->hint;
		arm_rx(st, (size_t)len - st->have);
	}
}

static void release(struct stream *st)
{
	free_tx(st, UINT_MAX);
	free(st->buf);
	st->buf = NULL;
	if (st->released)
		st->released(st);
}

/* From the loop: the message in the buffer, the end of the stream, or of all. */
static void deliver(struct work *w)
{
	struct stream *st = container_of(w, struct stream, deliver);
	int len;

	if (st->closing) {
		release(st);
		return;
	}
	if (st->ended) {
		st->ops->closed(st, st->end_err);
		return;
	}
	len = frame_len(st);
	if (st->want && len >= 0 && st->have >= (size_t)len &&
	    st->have >= st->ops->hdr_len)
		rx_message(st, (size_t)len);
}

void stream_recv(struct stream *st)
{
	if (st->want || st->closing)
		return;
	st->want = true;
	rx_step(st);
}

void stream_watch(struct stream *st)
{
	st->watch = true;
	rx_step(st);
}

bool stream_peer_gone(const struct stream *st)
{
	/* Sends nothing. */
	return send(st->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	       errno == EPIPE;
}

void stream_recv_hint(struct stream *st, size_t len)
{
	BUG_ON(len > st->ops->hdr_len + st->ops->max_payload);
	st->hint = len;
}

/* Sending */

/* Gather: as many messages as fit, but fds only on the first byte. */
static size_t gather(struct stream *st)
{
	size_t skip = st->tx_done, total = 0;
	struct stream_tx *tx;
	struct cmsghdr *cm;
	unsigned int n = 0;

	memset(&st->tx_mh, 0, sizeof(st->tx_mh));
	STAILQ_FOREACH(tx, &st->txq, entry) {
		if (n == ARRAY_SIZE(st->tx_iov) || (n && tx->nfds))
			break;
		if (tx->nfds && !skip) {
			st->tx_mh.msg_control = st->tx_cmsg.buf;
			st->tx_mh.msg_controllen =
				CMSG_SPACE(tx->nfds * sizeof(int));
			cm = CMSG_FIRSTHDR(&st->tx_mh);
			cm->cmsg_level = SOL_SOCKET;
			cm->cmsg_type = SCM_RIGHTS;
			cm->cmsg_len = CMSG_LEN(tx->nfds * sizeof(int));
			memcpy(CMSG_DATA(cm), tx->fds, tx->nfds * sizeof(int));
		}
		st->tx_iov[n].iov_base = tx->data + skip;
		st->tx_iov[n].iov_len = tx->len - skip;
		total += tx->len - skip;
		skip = 0;
		n++;
		if (tx->nfds) {
			tx = STAILQ_NEXT(tx, entry);
			break;
		}
	}
	st->tx_mh.msg_iov = st->tx_iov;
	st->tx_mh.msg_iovlen = n;
	st->tx_all = !tx;
	return total;
}

static void submit_tx(struct stream *st, bool quiet)
{
	size_t len = gather(st);

	if (len)
		ring_sendmsg(st->ring, &st->tx, st->fd, &st->tx_mh, len,
			     quiet && st->tx_all);
}

static void flush(struct work *w)
{
	struct stream *st = container_of(w, struct stream, flush);

	if (!st->tx.busy && !st->closing && !st->ended)
		submit_tx(st, true);
}

/* @res bytes are out: forget what is complete. */
static void tx_advance(struct stream *st, size_t res)
{
	struct stream_tx *tx;

	res += st->tx_done;
	while ((tx = STAILQ_FIRST(&st->txq)) && res >= tx->len) {
		res -= tx->len;
		st->tx_msgs++;
		free_tx(st, 1);
	}
	st->tx_done = res;
}

static void tx_done(struct op *op, int res)
{
	struct stream *st = container_of(op, struct stream, tx);

	if (st->closing) {
		maybe_release(st);
		return;
	}
	if (res == -EAGAIN || res == -EINTR) {
		submit_tx(st, false);
		return;
	}
	if (res < 0) {
		/* Nobody is there: as if that had been received. */
		end(st, res == -EPIPE ? -ECONNRESET : res);
		return;
	}
	tx_advance(st, (size_t)res);
	if (!STAILQ_EMPTY(&st->txq))
		ring_flush(st->ring, &st->flush);
	rx_step(st);
}

int stream_send(struct stream *st, const void *msg, size_t len,
		const int *fds, unsigned int nfds)
{
	struct stream_tx *tx;
	unsigned int i;

	BUG_ON(nfds > STREAM_MAX_FDS);
	if (st->ended || st->closing)
		return -EPIPE;
	tx = malloc(sizeof(*tx) + len);
	if (!tx)
		return -ENOMEM;
	tx->len = len;
	memcpy(tx->data, msg, len);
	for (i = 0; i < nfds; i++) {
		tx->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (tx->fds[i] < 0)
			break;
	}
	tx->nfds = i;
	STAILQ_INSERT_TAIL(&st->txq, tx, entry);
	st->nr_tx++;
	if (i < nfds) {
		end(st, -EMFILE);
		return -EMFILE;
	}
	ring_flush(st->ring, &st->flush);
	return 0;
}

bool stream_pending(const struct stream *st)
{
	return !STAILQ_EMPTY(&st->txq);
}

unsigned int stream_backlog(const struct stream *st)
{
	return st->nr_tx;
}

/* Life */

int stream_open(struct stream *st, struct ring *r, int fd,
		const struct stream_ops *ops)
{
	memset(st, 0, sizeof(*st));
	st->buf = malloc(ops->hdr_len + ops->max_payload);
	if (!st->buf)
		return -ENOMEM;
	st->ring = r;
	st->ops = ops;
	st->fd = fd;
	st->rx.done = rx_done;
	st->tx.done = tx_done;
	st->deliver.fn = deliver;
	st->flush.fn = flush;
	STAILQ_INIT(&st->txq);
	return 0;
}

void stream_close(struct stream *st, void (*released)(struct stream *st))
{
	if (st->closing)
		return;
	st->released = released;
	ring_work_cancel(st->ring, &st->deliver);
	ring_flush_cancel(st->ring, &st->flush);
	st->closing = true;
	close_fds(st);
	/* The pending receive holds a reference: close alone tells nobody. */
	shutdown(st->fd, SHUT_RDWR);
	ring_cancel(st->ring, &st->rx);
	ring_cancel(st->ring, &st->tx);
	maybe_release(st);
}
