/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the parts of the bus share; no device includes this. */
#ifndef DEV_BINDING_H
#define DEV_BINDING_H

#include <limits.h>
#include <sys/queue.h>

#include "../base/prng.h"
#include "../ring/listen.h"
#include "../vu/session.h"
#include "bus.h"

#define CONFIG		UINT_MAX	/* in place of a queue's index */

enum kick_state { KICK_IDLE, KICK_GET, KICK_DEVICE, KICK_REGISTER };

/**
 * struct kick - the VRING_KICK being handled
 * @aborted: its session has ended: the answer has nowhere to go
 * @next: a new session has kicked meanwhile
 */
struct kick {
	enum kick_state state;
	unsigned int vq, next_vq;
	bool aborted, next;
	struct tt_op op;
};

/**
 * struct notify - a call for a queue, its VRING_ERR, or CONFIG_CHANGE
 * @pid: who has been called
 * @err: it is about a broken queue
 * @again: and once more after the one under way (without a calendar)
 * @stale: the session that it is for has ended
 */
struct notify {
	struct dev *d;
	unsigned int vq;
	pid_t pid;
	bool err, queued, again, stale;
	struct vu_call call;
	STAILQ_ENTRY(notify) entry;
};

/** struct dev_vq - what the bus knows of a queue */
struct dev_vq {
	struct dev *d;
	unsigned int index;
	bool dirty;
	STAILQ_ENTRY(dev_vq) dirty_entry;
	struct tt_event ready;
	struct notify notify;
	/* the queue is broken: look again whether it is; tell the driver */
	struct tt_event broken;
	bool err_due;
	struct notify err_notify;
	/* moderation: see dev_vq_coalesce() */
	u64 coalesce_ns;
	u32 coalesce_bufs;
	bool call_now;
	struct tt_event call_due;
	/* looking at the ring without a kick; @enabling: who asked waits for an answer */
	bool rescan, rescan_again, enabling;
	struct tt_op rescan_op;
};

/**
 * struct dev - a device
 * @started: the driver has negotiated features
 * @probed_config: the configuration space as probe() made it, where the driver
 *	can write to it
 * @session: NULL while no front-end is connected
 * @config_dirty: dev_config_changed() was called; @config_due: this instant is
 *	for saying so
 * @called_at, @config_at: the instant of the last call for a queue, and of the
 *	last CONFIG_CHANGE
 * @past: counters of sessions that have ended
 */
struct dev {
	const struct dev_ops *ops;
	struct dev_bus *bus;
	TAILQ_ENTRY(dev) entry;
	char *name;
	struct dev_args *args;
	void *priv;
	u8 *config, *probed_config;
	struct prng prng;
	u64 kick_latency;
	bool probed, started;

	struct vu_cfg cfg;
	struct listener listener;
	struct vu_session *session;
	struct dev_vq *vq;
	struct kick kick;
	struct notify config_notify;
	bool config_dirty, config_due;
	u64 called_at, config_at;
	struct tt_event config_event;

	struct dev_bus_stats past;
};

/** struct shared - see dev_bus_share() */
struct shared {
	TAILQ_ENTRY(shared) entry;
	const char *type;
	char *name;
	void *obj;
	void (*release)(void *obj);
	void (*stats)(const void *obj, FILE *f);
};

enum call_state { CALL_IDLE, CALL_UPDATE, CALL_SENT };

/**
 * struct dev_bus - all devices of a slave
 * @dirty: queues with pushed buffers, in the order of the first one
 * @flush_event: makes an instant end, where there would be none
 * @nr_devs, @nr_links, @nr_ports, @nr_frames: how many there have been, to number
 *	them in a trace
 * @node: see dev_bus_node()
 * @config_changes: there has been one, ever
 * @notifies: calls to be made, the first one as @call_state says
 * @files: with an operation under way, in the order of their begin
 */
struct dev_bus {
	struct dev_bus_cfg cfg;
	struct tt *tt;
	unsigned int refs;
	unsigned int nr_devs, nr_links, nr_ports, node;
	u64 nr_frames;
	TAILQ_HEAD(, dev) devs;
	TAILQ_HEAD(, shared) shared;
	STAILQ_HEAD(, dev_vq) dirty;
	struct tt_event flush_event;
	bool config_changes;

	STAILQ_HEAD(, notify) notifies;
	enum call_state call_state;
	struct tt_op update_op;

	TAILQ_HEAD(, dev_file) files;
};

/* hostfile.c: what files of the host have in common */

/** host_open() - a file by its name in an option; @flags as of open(2); fd or -errno */
int host_open(struct dev_bus *b, const char *path, int flags);
/** host_path() - where a name in an option is; to be freed, NULL: no memory */
char *host_path(const struct dev_bus *b, const char *path);
/** host_lock() - against who else cares for locks; 0, -errno */
int host_lock(int fd, bool write);

/* notify.c: calls, and the end of the instant that makes them */

void notify_init(struct notify *n, struct dev *d, unsigned int vq);
void dev_vq_init_calls(struct dev_vq *v);
void dev_init_calls(struct dev *d);
void dev_bus_init_calls(struct dev_bus *b);
/** mark_dirty() - a buffer of the queue has been pushed */
void mark_dirty(struct dev_vq *v);
/** session_broke() - a queue is broken: see struct vu_ops */
void session_broke(struct vu_session *s, unsigned int vq);
/** flush_now() - make the calls of @d's queues, not waiting for the end of the instant */
void flush_now(struct dev *d);
/** calls_pending() - are calls of @d still to be answered */
bool calls_pending(const struct dev *d);
/** forget_calls() - the session has ended */
void forget_calls(struct dev *d);

/* kick.c: what wakes a device */

void dev_vq_init_kick(struct dev_vq *v);
void dev_init_kick(struct dev *d);
/** session_kick() - VRING_KICK: see struct vu_ops */
void session_kick(struct vu_session *s, unsigned int vq);
/** session_ready() - buffers without a VRING_KICK: see struct vu_ops */
void session_ready(struct vu_session *s, unsigned int vq);
/** session_enabled() - the same, in SET_VRING_ENABLE: see struct vu_ops */
void session_enabled(struct vu_session *s, unsigned int vq);
/** kick_calls_done() - no call of @d is under way any more */
void kick_calls_done(struct dev *d);
/** forget_kick() - the session has ended */
void forget_kick(struct dev *d);

#endif
