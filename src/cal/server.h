/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The calendar on its socket: clients in, messages and shared memory out. */
#ifndef CAL_SERVER_H
#define CAL_SERVER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "../ring/ring.h"
#include "core.h"

struct cal_server;
struct trace;

/**
 * struct cal_server_cfg - what kind of calendar
 * @path: socket to create
 * @clients: time does not begin before so many clients have sent START
 * @tod: time of day at simulated time 0, ns since 1970
 * @time_limit: end the run when it would pass this simulated time (ns), 0: none
 * @no_shm: message mode for everybody
 * @late: clients may join later, so nobody is let run free for too long
 * @hinted: all clients but the local one are UML kernels whose devices are the
 *	local one's: a request appears in shared memory only in the client's own
 *	turn or with cal_server_called(), so nobody else needs to be looked at
 * @trace: where to say what happens; NULL: nowhere
 * @owner: for the callbacks
 * @ended: nothing more will happen: CAL_ASLEEP, CAL_LIMIT; or CAL_EMPTY: the
 *	last client has gone. Called from the loop, may be called again after
 *	CAL_EMPTY.
 * @client_gone: a client has left or was thrown out; @why is NULL when it just
 *	closed its socket, else says what it did wrong. @pid is its process,
 *	@id its START id (all ones: none or not started). When NULL the server
 *	logs it.
 * @turn_ends: the client with this id WAITs, and does nothing until it is run
 *	again. May be NULL.
 */
struct cal_server_cfg {
	const char *path;
	unsigned int clients;
	u64 tod;
	u64 time_limit;
	bool no_shm, late, hinted;
	struct trace *trace;
	void *owner;
	void (*ended)(void *owner, enum cal_verdict v);
	void (*client_gone)(void *owner, u64 id, pid_t pid, const char *why);
	void (*turn_ends)(void *owner, u64 id);
};

/** cal_server_new() - create socket and calendar; 0 or -errno after log_err() */
int __must_check cal_server_new(struct cal_server **out, struct ring *r,
				const struct cal_server_cfg *cfg);

/** cal_server_free() - close all; must be called outside of ring_run() or from a callback */
void cal_server_free(struct cal_server *s);

/** cal_server_now() - simulated ns */
u64 cal_server_now(const struct cal_server *s);

/** cal_server_report() - who waits for what, a line per client */
void cal_server_report(const struct cal_server *s, FILE *f);

/*
 * The local client: in this process, by direct calls. What the calendar has to
 * say to it comes through @input, from the top of the loop.
 */
int __must_check cal_server_add_local(struct cal_server *s,
				      void (*input)(void *owner,
						    const struct tt_msg *m),
				      void *owner);
void cal_server_local_send(struct cal_server *s, const struct tt_msg *m);
u64 cal_server_horizon(const struct cal_server *s);
/** cal_server_called() - process @pid has answered a call of the local client */
void cal_server_called(struct cal_server *s, pid_t pid);

/** cal_server_reach() - time that client @pid has not gone beyond, U64_MAX: unknown */
u64 cal_server_reach(const struct cal_server *s, pid_t pid);

/**
 * cal_server_turn() - START id of the client whose turn it is
 *
 * Return: all ones when it is nobody's
 */
u64 cal_server_turn(const struct cal_server *s);

/** cal_server_started() - has process @pid sent START */
bool cal_server_started(const struct cal_server *s, pid_t pid);

/** struct cal_stats - messages over sockets, both directions */
struct cal_stats {
	u64 rx, tx;
	u64 rx_op[TT_NR_OPS], tx_op[TT_NR_OPS];
};
void cal_server_stats(const struct cal_server *s, struct cal_stats *st);

#endif
