/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One vhost-user connection: messages in, queues and interrupts out. */
#ifndef VU_SESSION_H
#define VU_SESSION_H

#include <sys/types.h>

#include "../ring/stream.h"
#include "call.h"
#include "dirty.h"
#include "msg.h"
#include "vring.h"

struct map;
struct mem;
struct trace;
struct vu_session;
struct vring_fd;

/**
 * struct vu_ops - what a session asks of who owns the device
 * @negotiated: the driver's features are in s->features
 * @kick: VRING_KICK for queue @vq, started and in order. No further message
 *	is read before vu_kick_done().
 * @ready: queue @vq may have buffers, and nobody waits for an answer
 * @enabled: the same, and as for @kick the request is to be answered; only if
 *	the session must be in band
 * @reset: the device is as if no driver had ever been there; its queues are
 *	disabled and have been stop()ped
 * @stop: let go of all buffers of queue @vq, now
 * @config_set: the driver has written to cfg->config; -errno refuses, then
 *	the old contents are restored
 * @announce: say on the network that address @mac is here now; may be NULL
 * @mtu: -errno when the driver cannot be told to send so much; may be NULL
 * @pushed: the device has used a buffer of @vq
 * @broke: queue @vq is broken, and the front-end is to hear of it by message;
 *	now, or when it can be no more than a driver that leaves: see vu_broken()
 * @closed: the session has ended: @why is NULL when the front-end just left.
 *	Its queues are gone afterwards. Called once.
 */
struct vu_ops {
	void (*negotiated)(struct vu_session *s);
	void (*kick)(struct vu_session *s, unsigned int vq);
	void (*ready)(struct vu_session *s, unsigned int vq);
	void (*enabled)(struct vu_session *s, unsigned int vq);
	void (*reset)(struct vu_session *s);
	void (*stop)(struct vu_session *s, unsigned int vq);
	int (*config_set)(struct vu_session *s, size_t off, size_t len);
	void (*announce)(struct vu_session *s, u64 mac);
	int (*mtu)(struct vu_session *s, u64 mtu);
	void (*pushed)(struct vq *vq);
	void (*broke)(struct vu_session *s, unsigned int vq);
	void (*closed)(struct vu_session *s, const char *why);
};

/**
 * struct vu_cfg - what is served; shared by all sessions of a device
 * @name: of the device, for messages
 * @features: virtio features that are offered, without those that are the
 *	session's business: bit 30 and the dirty log's
 * @protocol: protocol features that only some devices have: RARP, MTU
 * @migration: offer the dirty log
 * @queue_pairs: GET_QUEUE_NUM counts pairs, as QEMU does for a network device
 * @trace, @id: where to say what happens, and as which device; NULL: nowhere
 * @inband_only: a front-end without in-band notifications and reply-ack is
 *	refused: its kicks and our calls would have no place in simulated time
 */
struct vu_cfg {
	const char *name;
	const struct vu_ops *ops;
	void *owner;
	u64 features, protocol;
	bool migration, queue_pairs;
	unsigned int nr_vqs;
	u8 *config;
	size_t config_size;
	bool inband_only;
	struct trace *trace;
	unsigned int id;
};

/**
 * struct vu_vring - a queue and its event fds
 * @uncalled: there was something to call for, and no way to do so
 * @addr: the last SET_VRING_ADDR, if @have_addr
 * @told: that it is broken has been said
 * @away: it is in no memory that we have; @resume: start it when it is
 */
struct vu_vring {
	struct vq vq;
	struct vring_fd *kick, *call, *err;
	bool uncalled, told;
	struct vhost_user_vring_addr addr;
	bool have_addr, away, resume;
};

/**
 * struct vu_inflight - the record that SET_INFLIGHT_FD has brought
 * @nr_queues: that have a piece of it, of @len bytes each
 * @num: the most descriptors that such a queue may have
 */
struct vu_inflight {
	struct map *map;
	unsigned int nr_queues;
	u16 num;
	size_t len;
};

/**
 * struct vu_session - the fields are for reading
 * @pid: the front-end's process, 0 when unknown
 * @features, @protocol: as negotiated; @have_features: since the last reset
 * @status: of the virtio device, as the driver has written it
 * @log: what is in @log_map, if there is one
 * @inflight: the record of buffers in flight; no map: there is none
 * @msg: the request being handled, while @handling
 * @refs: the stream and each event fd that the kernel may still hold
 * @no_memory: an answer is missing
 * @nr_warnings: of this session
 * @closed, @closing: the owner has been told; everything is being closed
 */
struct vu_session {
	const struct vu_cfg *cfg;
	struct ring *ring;
	pid_t pid;
	u64 features, protocol;
	bool have_features;
	u8 status;
	struct vu_vring *vring;
	unsigned int nr_vqs;

	struct stream st;
	struct vu_chan chan;
	struct mem *mem;
	struct dirty_log log;
	struct map *log_map;
	struct vu_inflight inflight;
	struct vu_msg msg;
	bool handling, no_memory, closing, closed;
	unsigned int nr_warnings;
	unsigned int refs;
	char why[160];
	u64 kicks, event_calls;
};

/**
 * vu_session_new() - serve a front-end on @fd
 *
 * Return: 0; -ENOMEM, @fd is then still the caller's
 */
int __must_check vu_session_new(struct vu_session **out, struct ring *r,
				int fd, pid_t pid, const struct vu_cfg *cfg);

/** vu_session_close() - end it from our side; ops->closed() is not called */
void vu_session_close(struct vu_session *s);

/**
 * vu_session_gone() - has the front-end left
 *
 * It may have, unnoticed, while a kick of its is not answered, or just now.
 * Return: true when it has; ops->closed() has been called then
 */
bool vu_session_gone(struct vu_session *s);

/**
 * vu_warn() - a line for the user, who is not told everything
 *
 * A front-end, or its guest, could fill a disk with them: after some the rest
 * is only counted.
 */
void vu_warn(struct vu_session *s, const char *fmt, ...) __printf(2, 3);

/** vu_kick_done() - answer the VRING_KICK and read on; @err 0 or -errno */
void vu_kick_done(struct vu_session *s, int err);

/** vu_inband() - do kicks and calls travel as messages */
bool vu_inband(const struct vu_session *s);

/**
 * vu_notify() - the driver is to look at queue @vq
 * @c: done() when a call that needs an answer has got it
 *
 * Return: true when @c is under way; false when nothing will come (an event
 *	fd was written, or the driver polls)
 */
bool vu_notify(struct vu_session *s, struct vu_call *c, unsigned int vq);

/** vu_notify_config() - the driver is to look at the configuration space; as vu_notify() */
bool vu_notify_config(struct vu_session *s, struct vu_call *c);

/** vu_broken() - queue @vq is broken, and its driver uses it */
bool vu_broken(const struct vu_session *s, unsigned int vq);

/** vu_say_broken() - a line for the user: queue @vq is broken, and why */
void vu_say_broken(struct vu_session *s, unsigned int vq);

/**
 * vu_notify_err() - the driver is to hear that queue @vq is broken; as vu_notify()
 *
 * Those who gave an event fd for it have been told by that.
 */
bool vu_notify_err(struct vu_session *s, struct vu_call *c, unsigned int vq);

#endif
