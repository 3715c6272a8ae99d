// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The slave's channel to the master: VRING_CALL, CONFIG_CHANGE, VRING_ERR. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

/*
 *	IDLE -vu_chan_call()-> SENT -answer-> IDLE, or SENT with the next one
 *
 * Whoever simulates holds the instant from the call until done(); that the
 * clock is right before it is sent is the caller's business, too.
 */

/* The answer is a u64, and only that. */
struct answer {
	struct vhost_user_hdr hdr;
	u8 payload[sizeof(u64)];
};

/* A stream with a way back: it may outlive the channel's interest in it. */
struct chan_stream {
	struct stream st;
	struct vu_chan *ch;	/* NULL once replaced or closed */
};

static void send_next(struct vu_chan *ch)
{
	const struct vu_call *c = STAILQ_FIRST(&ch->calls);
	struct vhost_user_vring_state state = { .index = 0 };
	struct vhost_user_hdr hdr;
	u8 msg[sizeof(hdr) + sizeof(state)];

	if (!c || ch->sent || !ch->st)
		return;
	hdr = (struct vhost_user_hdr){
		.request = c->request,
		.flags = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
		.size = c->request == VHOST_USER_SLAVE_CONFIG_CHANGE ?
			0 : sizeof(state),
	};
	state.index = c->vq;
	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &state, sizeof(state));
	ch->sent = true;
	ch->nr_calls++;
	/* Any other failure shows as the end of the stream. */
	if (stream_send(ch->st, msg, sizeof(hdr) + hdr.size, NULL, 0) ==
	    -ENOMEM)
		ring_work(ch->ring, &ch->no_memory);
	stream_recv(ch->st);
}

static void finish_first(struct vu_chan *ch, int err)
{
	struct vu_call *c = STAILQ_FIRST(&ch->calls);

	STAILQ_REMOVE_HEAD(&ch->calls, entry);
	c->queued = false;
	ch->sent = false;
	if (c->done)
		c->done(c, err);
}

static void chan_stream_released(struct stream *st)
{
	free(container_of(st, struct chan_stream, st));
}

static void drop_stream(struct vu_chan *ch)
{
	struct stream *st = ch->st;

	if (!st)
		return;
	ch->rx += st->rx_msgs;
	ch->tx += st->tx_msgs;
	ch->st = NULL;
	container_of(st, struct chan_stream, st)->ch = NULL;
	stream_close(st, chan_stream_released);
}

static void fail_all(struct vu_chan *ch)
{
	struct vu_call_list calls = STAILQ_HEAD_INITIALIZER(calls);
	struct vu_call *c;

	STAILQ_CONCAT(&calls, &ch->calls);
	ch->sent = false;
	while ((c = STAILQ_FIRST(&calls))) {
		STAILQ_REMOVE_HEAD(&calls, entry);
		c->queued = false;
		if (c->done)
			c->done(c, -ECONNRESET);
	}
}

static void chan_broken(struct vu_chan *ch, const char *why)
{
	drop_stream(ch);
	fail_all(ch);
	ch->broken(ch, why);
}

/* No answer will come: who waits for it must not do so for ever. */
static void no_memory(struct work *w)
{
	chan_broken(container_of(w, struct vu_chan, no_memory),
		    "cannot be called: out of memory");
}

static void chan_msg(struct stream *st, const void *buf, size_t len,
		     int *fds, unsigned int nfds)
{
	struct vu_chan *ch = container_of(st, struct chan_stream, st)->ch;
	const struct vu_call *c;
	struct vhost_user_hdr hdr;
	u64 status;

	(void)fds;
	if (!ch)
		return;
	c = STAILQ_FIRST(&ch->calls);
	memcpy(&hdr, buf, sizeof(hdr));
	if (!ch->sent || hdr.request != c->request || nfds ||
	    hdr.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY) ||
	    len != sizeof(hdr) + sizeof(status)) {
		chan_broken(ch, "sent something else than the answer to a request of ours on the slave channel");
		return;
	}
	memcpy(&status, (const u8 *)buf + sizeof(hdr), sizeof(status));
	finish_first(ch, status ? -EIO : 0);
	/* The done() callback may have closed the channel. */
	if (ch->st == st) {
		stream_recv(st);
		send_next(ch);
	}
}

static void chan_closed(struct stream *st, int err)
{
	struct vu_chan *ch = container_of(st, struct chan_stream, st)->ch;

	if (ch)
		chan_broken(ch, err && err != -ECONNRESET && err != -EPIPE ?
			    "sent a malformed message on the slave channel" :
			    NULL);
}

static int chan_payload_len(const void *buf)
{
	struct vhost_user_hdr hdr;

	memcpy(&hdr, buf, sizeof(hdr));
	return hdr.size > sizeof(u64) ? -EMSGSIZE : (int)hdr.size;
}

static const struct stream_ops chan_ops = {
	.hdr_len = sizeof(struct vhost_user_hdr),
	.max_payload = sizeof(u64),
	.payload_len = chan_payload_len,
	.msg = chan_msg,
	.closed = chan_closed,
};

void vu_chan_init(struct vu_chan *ch, struct ring *r, void *owner,
		  void (*broken)(struct vu_chan *ch, const char *why))
{
	memset(ch, 0, sizeof(*ch));
	ch->ring = r;
	ch->owner = owner;
	ch->broken = broken;
	ch->no_memory.fn = no_memory;
	STAILQ_INIT(&ch->calls);
}

int vu_chan_set_fd(struct vu_chan *ch, int fd)
{
	struct chan_stream *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return -ENOMEM;
	if (stream_open(&cs->st, ch->ring, fd, &chan_ops) < 0) {
		free(cs);
		return -ENOMEM;
	}
	cs->ch = ch;
	drop_stream(ch);
	ch->st = &cs->st;
	stream_recv_hint(ch->st, sizeof(struct answer));
	/* Armed always, so that the end of the peer is noticed. */
	stream_recv(ch->st);
	if (ch->sent)
		finish_first(ch, -ECONNRESET);
	if (ch->st == &cs->st)
		send_next(ch);
	return 0;
}

void vu_chan_call(struct vu_chan *ch, struct vu_call *c, u32 request, u32 vq)
{
	c->request = request;
	c->vq = vq;
	c->queued = true;
	STAILQ_INSERT_TAIL(&ch->calls, c, entry);
	send_next(ch);
}

void vu_chan_close(struct vu_chan *ch)
{
	ring_work_cancel(ch->ring, &ch->no_memory);
	drop_stream(ch);
	fail_all(ch);
}

void vu_chan_msgs(const struct vu_chan *ch, u64 *rx, u64 *tx)
{
	*rx = ch->rx + (ch->st ? ch->st->rx_msgs : 0);
	*tx = ch->tx + (ch->st ? ch->st->tx_msgs : 0);
}
