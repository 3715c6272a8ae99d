/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The calendar: who runs when. Messages in, messages out (pure). */
#ifndef CAL_CORE_H
#define CAL_CORE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "../wire/timetravel.h"

/*
 * DOC: The rules
 *
 * One client runs at a time. Another runs when that one WAITs, at the time of
 * the earliest request; equal times run in the order of the requests, where
 * the request of a running client counts from its WAIT. Time never goes back.
 *
 * The horizon of the running client is the earliest request of the others: it
 * may move on by itself while it stays before that. A REQUEST that lowers the
 * horizon is acked only after the running client has acked the new FREE_UNTIL,
 * so whoever made it knows that nobody will run past it.
 *
 * Clients are admitted in the order of their START ids, one at a time, each up
 * to its first WAIT, and not before the expected number of them is there. A
 * client that comes later starts at its own time 0; only clients that start
 * when time does get the shared memory, since UML and the documentation of the
 * shared memory disagree about the time domain of all others.
 *
 * A request at S64_MAX is a wish to sleep for ever. Nobody is run for it: when
 * nothing else is left the lab is asleep.
 */

struct cal;
struct cal_client;

/* Enough slots for every client id that fits the ACK of START. */
#define CAL_MAX_SLOTS	0xffffu

/*
 * Time of day at simulated time 0, unless told otherwise: 2030-01-01, UTC, later
 * than the time stamps of the host's files, which make wants to be in the past.
 */
#define CAL_DEFAULT_TOD	((u64)1893456000 * NSEC_PER_SEC)

/**
 * struct cal_cfg - what kind of calendar
 * @clients: time begins when so many have sent START
 * @tod: time of day at simulated time 0, ns since 1970
 * @time_limit: last instant that may be run, simulated ns; 0: no limit
 * @free_run_max: bound of a horizon that nobody's request bounds, ns ahead;
 *	0: none. Needed when clients may come later: a client that runs free
 *	hears of them only when it asks.
 * @shm: shared memory, zeroed, @shm_len bytes; NULL: messages only
 */
struct cal_cfg {
	unsigned int clients;
	u64 tod;
	u64 time_limit;
	u64 free_run_max;
	struct tt_shm *shm;
	size_t shm_len;
};

/**
 * enum cal_verdict - can anything still happen
 * @CAL_GOING: yes, or it has not begun
 * @CAL_ASLEEP: every client waits, none has a request that will come, and at
 *	least one has asked to sleep for ever
 * @CAL_LIMIT: the next request is beyond the time limit
 * @CAL_EMPTY: clients have gone, and those that are left, if any, wait without
 *	a request, as a slave does that nobody uses
 */
enum cal_verdict { CAL_GOING, CAL_ASLEEP, CAL_LIMIT, CAL_EMPTY };

/**
 * enum cal_fds - what must ride on a message
 * @CAL_FDS_SHM: the shared memory and the log
 * @CAL_FDS_DUMMY: a file that is not the shared memory, and the log: UML uses
 *	an uninitialised variable if there are none
 */
enum cal_fds { CAL_FDS_NONE, CAL_FDS_SHM, CAL_FDS_DUMMY };

/** struct cal_out - a message to send to @owner's client */
struct cal_out {
	struct cal_client *to;
	struct tt_msg msg;
	enum cal_fds fds;
};

int __must_check cal_new(struct cal **out, const struct cal_cfg *cfg);
void cal_free(struct cal *cal);

/**
 * enum cal_client_flags
 * @CAL_LOCAL: lives in this process: it asks cal_horizon() instead of being
 *	sent FREE_UNTIL, and runs with the calendar's own slot of the shared
 *	memory
 * @CAL_HINTED: stores a request in shared memory only while it runs itself, or
 *	when cal_touched() says so; all others are looked at after every turn
 */
enum cal_client_flags { CAL_LOCAL = 1, CAL_HINTED = 2 };

/**
 * cal_client_add() - somebody has connected
 *
 * Return: the client; NULL when out of memory
 */
struct cal_client *cal_client_add(struct cal *cal, void *owner,
				  unsigned int flags);

/**
 * cal_client_gone() - and has left, or is thrown out; frees @c
 *
 * Its turn ends, its requests are void, who waited for its acks goes on.
 */
void cal_client_gone(struct cal *cal, struct cal_client *c);

/**
 * cal_input() - a message from a client
 *
 * Look at cal_output() and cal_verdict() afterwards. While
 * cal_client_parked() the client's next message must not be passed in.
 *
 * Return: 0; -EPROTO when the client has broken the protocol:
 *	cal_client_error() says how, and it must be thrown out
 */
int __must_check cal_input(struct cal *cal, struct cal_client *c,
			   const struct tt_msg *m);

/** cal_client_parked() - an ACK to it is being held back; ACKs of its own may come */
bool cal_client_parked(const struct cal_client *c);

/** cal_touched() - @c may have stored a request in shared memory just now */
void cal_touched(struct cal *cal, struct cal_client *c);

/** cal_output() - next message to send, in order; false when there is none */
bool cal_output(struct cal *cal, struct cal_out *out);

/** cal_horizon() - time before which the running client may go on, ns */
u64 cal_horizon(struct cal *cal);

/** cal_reach() - a time that @c has certainly not gone beyond, U64_MAX: none is known */
u64 cal_reach(const struct cal *cal, const struct cal_client *c);

/** cal_now() - simulated ns */
u64 cal_now(struct cal *cal);

enum cal_verdict cal_verdict(const struct cal *cal);

/** cal_turn() - the client whose turn it is; NULL: nobody's */
struct cal_client *cal_turn(const struct cal *cal);

/**
 * cal_missed() - without @c, how many clients are missing for time to begin
 *
 * Return: 0 when it has begun
 */
unsigned int cal_missed(const struct cal *cal, const struct cal_client *c);

void *cal_client_owner(const struct cal_client *c);
/** cal_client_id() - of its START message; all ones when it had none */
u64 cal_client_id(const struct cal_client *c);
/** cal_client_started() - has @c sent START */
bool cal_client_started(const struct cal_client *c);
/** cal_client_wants() - when @c wants to run, ns; U64_MAX: it does not say */
u64 cal_client_wants(const struct cal *cal, const struct cal_client *c);
/** cal_client_error() - what @c did wrong, one line */
const char *cal_client_error(const struct cal_client *c);
/** cal_client_describe() - "waiting for 5.000000000 s" and the like, for people */
void cal_client_describe(const struct cal *cal, const struct cal_client *c,
			 char *buf, size_t len);

/** cal_next_client() - walk over all clients, in the order of their admission; NULL begins and ends */
struct cal_client *cal_next_client(const struct cal *cal,
				   const struct cal_client *c);

#endif
