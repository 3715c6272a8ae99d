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
#include "event.h"

struct tt;

/**
 * enum tt_state - the client's half of the turn
 * @TT_OFFLINE: START not sent, or the calendar is gone
 * @TT_STARTING: START sent, its ACK outstanding
 * @TT_RUNNING: it is our turn: events run, time may move on when no hold is left
 * @TT_WAITING: WAIT sent; only RUN makes us run again. REQUESTs may be made.
 */
enum tt_state { TT_OFFLINE, TT_STARTING, TT_RUNNING, TT_WAITING };

/** enum tt_op_kind - see tt_get(), tt_register(), tt_propagate() */
enum tt_op_kind {
	TT_OP_START, TT_OP_GET, TT_OP_REGISTER, TT_OP_PROPAGATE, TT_OP_REQUEST,
	TT_OP_WAIT
};

/**
 * struct tt_op - something to settle with the calendar
 * @done: called from the loop when it has been acked; err 0, or -errno when
 *	the calendar is gone. May be NULL.
 *
 * Operations are settled one after the other, in order.
 */
struct tt_op {
	void (*done)(struct tt_op *op, int err);
	enum tt_op_kind kind;
	bool queued;
	STAILQ_ENTRY(tt_op) entry;
};

/**
 * struct tt_transport - how the calendar is reached
 * @send: pass @m on; its ACK comes back through tt_input()
 * @horizon: time before which we may move on without asking, ns
 * @get, @request, @update: the same as the message, but without one: false
 *	when the message is needed after all. May be NULL.
 * @silent: WAIT and RUN are not acked
 * @called, @reach: see tt_called(), tt_reach(); may be NULL
 */
struct tt_transport {
	void (*send)(struct tt *tt, const struct tt_msg *m);
	u64 (*horizon)(struct tt *tt);
	bool (*get)(struct tt *tt, u64 *now);
	bool (*request)(struct tt *tt, u64 when);
	bool (*update)(struct tt *tt, u64 now);
	bool (*silent)(const struct tt *tt);
	void (*called)(struct tt *tt, pid_t pid);
	u64 (*reach)(struct tt *tt, pid_t pid);
};

STAILQ_HEAD(tt_op_list, tt_op);

/**
 * struct tt - the client
 * @priv: the transport's
 * @owner, @started, @instant_end, @lost: the owner's callbacks. @started: our
 *	first turn has begun. @instant_end: all events of the instant have run
 *	and time will move on after this; holds may be taken. @lost: the
 *	calendar is gone (@why is NULL when it just closed its end) or does not
 *	speak the protocol.
 * @now: simulated ns, as last learnt
 * @propagated: the time at which the calendar knows us to be
 * @free_until: as told by FREE_UNTIL since the last WAIT, else 0
 * @requested: standing REQUEST, if @have_request
 * @crossed: this turn's RUN has met a REQUEST of ours on its way
 * @holds: see tt_hold()
 * @ops: the first one is at the calendar if @op_sent, with @seq
 */
struct tt {
	const struct tt_transport *tp;
	struct ring *ring;
	void *priv;
	void *owner;
	void (*started)(struct tt *tt);
	void (*instant_end)(struct tt *tt);
	void (*lost)(struct tt *tt, const char *why);

	enum tt_state state;
	u64 id;
	u64 now;
	u64 propagated;
	u64 free_until;
	u64 requested;
	bool have_request, crossed;
	unsigned int holds;
	struct heap events;
	struct work work;

	struct tt_op_list ops;
	struct tt_op turn_op;
	bool op_sent;
	u32 seq;
};

/** tt_init() - a client that is TT_OFFLINE */
void tt_init(struct tt *tt, struct ring *r, const struct tt_transport *tp,
	     void *priv);

/** tt_start() - send START; @id as in the message, all ones for none */
void tt_start(struct tt *tt, u64 id);

/** tt_fini() - forget what is queued; no callback comes any more */
void tt_fini(struct tt *tt);

/**
 * tt_input() - a message from the calendar
 *
 * Never waits. RUN, FREE_UNTIL and BROADCAST are served in every state.
 *
 * Return: 0; -EPROTO when it fits nowhere: @tt->lost() has been called
 */
int tt_input(struct tt *tt, const struct tt_msg *m);

/** tt_dead() - the transport has lost the calendar; @why NULL: it just left */
void tt_dead(struct tt *tt, const char *why);

/** tt_event_arm() - (re)arm @ev for @when; times that have passed mean now */
void tt_event_arm(struct tt *tt, struct tt_event *ev, u64 when);
void tt_event_cancel(struct tt *tt, struct tt_event *ev);

/**
 * tt_hold() - time may not move on until tt_put()
 *
 * Something is outstanding that must finish in this instant. Held by an event,
 * the instant ends only afterwards, with what has come of it.
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

/**
 * tt_reach() - a time that the kernel of process @pid has not gone beyond
 *
 * A kernel that runs free tells its time only before a kick. Being called at
 * an earlier one would make its clock go back, and it panics.
 *
 * Return: simulated ns; U64_MAX: it may be anywhere
 */
u64 tt_reach(struct tt *tt, pid_t pid);

/** tt_called() - process @pid has answered a call of ours */
void tt_called(struct tt *tt, pid_t pid);

#endif
