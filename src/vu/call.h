/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The slave's channel to the master: VRING_CALL, CONFIG_CHANGE, VRING_ERR. */
#ifndef VU_CALL_H
#define VU_CALL_H

#include "../ring/stream.h"
#include "../wire/vhost_user.h"

/**
 * struct vu_call - one request of the slave
 * @done: the answer has come: 0, -EIO when the master refused, -ECONNRESET
 *	when it will never come. Called from the loop. May be NULL.
 * @request: enum vhost_user_slave_request
 * @vq: queue index, where there is one
 */
struct vu_call {
	void (*done)(struct vu_call *c, int err);
	u32 request;
	u32 vq;
	bool queued;
	STAILQ_ENTRY(vu_call) entry;
};

STAILQ_HEAD(vu_call_list, vu_call);

/**
 * struct vu_chan - the channel; requests are sent one at a time, in order
 *
 * Answers carry no number, so there is never more than one to come.
 * @broken: the master has closed its end (@why is NULL) or does not speak the
 *	protocol; called once, from the loop, after all requests have failed
 */
struct vu_chan {
	struct ring *ring;
	void *owner;
	void (*broken)(struct vu_chan *ch, const char *why);
	struct stream *st;		/* NULL before SET_SLAVE_REQ_FD */
	struct vu_call_list calls;
	bool sent;			/* the first of calls */
	struct work no_memory;		/* it could not be */
	u64 nr_calls;
	u64 rx, tx;			/* of streams that are gone */
};

void vu_chan_init(struct vu_chan *ch, struct ring *r, void *owner,
		  void (*broken)(struct vu_chan *ch, const char *why));

/**
 * vu_chan_set_fd() - the socket has come, or another one in its place
 *
 * Requests that were waiting for it are sent now; one that was sent on an
 * earlier socket has failed.
 *
 * Return: 0 or -ENOMEM; @fd is the channel's on success
 */
int __must_check vu_chan_set_fd(struct vu_chan *ch, int fd);

/**
 * vu_chan_call() - send a request, as soon as there is a socket
 * @request, @vq: what to say
 * @c: lives until done()
 */
void vu_chan_call(struct vu_chan *ch, struct vu_call *c, u32 request, u32 vq);

/** vu_chan_close() - end it; outstanding requests are done(-ECONNRESET) first */
void vu_chan_close(struct vu_chan *ch);

/** vu_chan_msgs() - messages on the wire so far */
void vu_chan_msgs(const struct vu_chan *ch, u64 *rx, u64 *tx);

#endif
