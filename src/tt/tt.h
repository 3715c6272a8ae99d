/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Client of a calendar: the clock and the events of one slave. */
#ifndef TT_TT_H
#define TT_TT_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "../base/heap.h"
#include "../ring/ring.h"
#include "../wire/timetravel.h"

struct tt;

/**
 * enum tt_state - the client's half of the turn
 * @TT_OFFLINE: START not sent, or the calendar is gone
 * @TT_STARTING: START sent, its ACK outstanding
 * @TT_RUNNING: it is our turn: events run, time may move on when no hold is left
 * @TT_WAITING: WAIT sent; only RUN makes us run again. REQUESTs may be made.
 */
enum tt_state { TT_OFFLINE, TT_STARTING, TT_RUNNING, TT_WAITING };

/** struct tt_event - something to do at an instant */
struct tt_event {
	struct heap_node node;
	void (*fn)(struct tt_event *ev);
};

/**
 * struct tt_op - a conversation with the calendar that the owner waits for
 * @done: called from the loop when all of it has been acked, err 0 or -errno
 */
struct tt_op {
	void (*done)(struct tt_op *op, int err);
	u8 kind;
	u64 arg;
	STAILQ_ENTRY(tt_op) entry;
};

/**
 * struct tt_transport - how messages reach the calendar
 * @send: pass @m on; the ACK comes back through tt_input()
 * @horizon: time before which we may move on without asking, ns
 * @called: a call has just been answered by process @pid, which may have
 *	stored a request in shared memory
 * @get, @request, @update: do it without a message: true when that was
 *	possible; may be NULL
 * @close: end the connection
 * @silent: WAIT and RUN are not acked (shared memory)
 */
struct tt_transport {
	void (*send)(struct tt *tt, const struct tt_msg *m);
	u64 (*horizon)(struct tt *tt);
	void (*called)(struct tt *tt, pid_t pid);
	bool (*get)(struct tt *tt, u64 *now);
	bool (*request)(struct tt *tt, u64 when);
	bool (*update)(struct tt *tt, u64 now);
	bool (*silent)(const struct tt *tt);
	void (*close)(struct tt *tt);
};

STAILQ_HEAD(tt_op_list, tt_op);

/**
 * struct tt - the client
 * @instant_end: called when all events of the present instant have run and
 *	before time may move on; may take holds
 * @lost: the calendar is gone or has broken the protocol, @why says how
 * @now: simulated ns, as last learnt
 */
struct tt {
	const struct tt_transport *tp;
	struct ring *ring;
	void *priv;
	void (*instant_end)(struct tt *tt);
	void (*lost)(struct tt *tt, const char *why);
	void (*started)(struct tt *tt);
	void *owner;

	enum tt_state state;
	u64 now;
	u64 propagated;		/* the time that the calendar knows we are at */
	u64 free_until;		/* as told by FREE_UNTIL */
	bool have_free_until;
	u64 requested;		/* standing REQUEST */
	bool have_request;
	unsigned int holds;
	struct heap events;
	struct work step;

	struct tt_op_list ops;
	bool op_sent;		/* the first of ops is at the calendar */
	struct tt_op step_op;
	u32 seq;
};

/** tt_init() - a client that is TT_OFFLINE */
void tt_init(struct tt *tt, struct ring *r, const struct tt_transport *tp,
	     void *priv);
void tt_fini(struct tt *tt);

/** tt_start() - send START; @id as in the message, all ones for none */
void tt_start(struct tt *tt, u64 id);

/**
 * tt_input() - a message from the calendar
 *
 * Never waits. RUN, FREE_UNTIL and BROADCAST are served in every state.
 *
 * Return: 0; -EPROTO when it fits nowhere: @tt->lost() has been called
 */
int tt_input(struct tt *tt, const struct tt_msg *m);

/** tt_dead() - the transport has lost the calendar */
void tt_dead(struct tt *tt, const char *why);

/** tt_event_arm() - (re)arm @ev for @when; times that have passed mean now */
void tt_event_arm(struct tt *tt, struct tt_event *ev, u64 when);
void tt_event_cancel(struct tt *tt, struct tt_event *ev);

/**
 * tt_hold() - time may not move on until tt_put()
 *
 * Something is outstanding that must finish in this instant.
 */
void tt_hold(struct tt *tt);
void tt_put(struct tt *tt);

/**
 * tt_get() - learn the calendar's time: @tt->now is right in @op->done()
 */
void tt_get(struct tt *tt, struct tt_op *op);

/**
 * tt_register() - make sure that the calendar knows of our earliest event
 *
 * @op->done() is called after the REQUEST for it, if one was needed, has been
 * acked: from then on no other client can run past that event.
 */
void tt_register(struct tt *tt, struct tt_op *op);

/**
 * tt_propagate() - make sure that the calendar knows @tt->now
 *
 * To be done before another party can see us act (UPDATE).
 */
void tt_propagate(struct tt *tt, struct tt_op *op);

/** tt_called() - process @pid has answered a call of ours */
void tt_called(struct tt *tt, pid_t pid);

/** tt_local_open(), tt_remote_open(), tt_wall_open(): see local.h, remote.h, wall.h */

#endif
