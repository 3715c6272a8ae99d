/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The UML time-travel protocol as it is on the wire and in shared memory. */
#ifndef WIRE_TIMETRAVEL_H
#define WIRE_TIMETRAVEL_H

#include <assert.h>

#include "../base/types.h"

/*
 * Facts of include/uapi/linux/um_timetravel.h (Linux 6.12). The host's
 * installed header may be older and lack the shared memory, so it is not used.
 */

/**
 * enum tt_msg_op - message operation; client -> calendar unless said otherwise
 * @TT_ACK: answer to any message, both directions, same seq
 * @TT_START: first message, time is the client's id (all ones: none)
 * @TT_REQUEST: run me at time; a later REQUEST replaces it
 * @TT_WAIT: I have nothing to do until then
 * @TT_GET: the ACK carries the present time
 * @TT_UPDATE: I have moved to time, sent before another party can see it
 * @TT_RUN: calendar -> client: it is time, run
 * @TT_FREE_UNTIL: calendar -> client: before time you need not ask
 * @TT_GET_TOD: the ACK carries the time of day
 * @TT_BROADCAST: both directions: to be passed to everybody
 */
enum tt_msg_op {
	TT_ACK = 0,
	TT_START = 1,
	TT_REQUEST = 2,
	TT_WAIT = 3,
	TT_GET = 4,
	TT_UPDATE = 5,
	TT_RUN = 6,
	TT_FREE_UNTIL = 7,
	TT_GET_TOD = 8,
	TT_BROADCAST = 9,
	TT_NR_OPS
};

/** struct tt_msg - every message, both directions; @time in simulated ns */
struct tt_msg {
	u32 op;
	u32 seq;
	u64 time;
};
static_assert(sizeof(struct tt_msg) == 16, "wire format");

/* File descriptors that ride on the ACK of START. */
#define TT_START_ACK_MEMFD	0
#define TT_START_ACK_LOGFD	1
#define TT_START_ACK_NR_FDS	2
/* The part of that ACK's time which is the client's slot. */
#define TT_START_ACK_ID		0xffffULL

#define TT_SHM_VERSION		2
#define TT_SHM_CAP_TIME_SHARE	0x1u
#define TT_SHM_REQ_RUN		0x1u

/**
 * struct tt_shm_slot - one party's place in the shared memory
 * @capa: TT_SHM_CAP_TIME_SHARE: others may store instead of sending
 *	while this party runs
 * @flags: TT_SHM_REQ_RUN: @req_time is a standing request
 * @req_time: in simulated ns of the calendar
 * @name: id of the START message
 */
struct tt_shm_slot {
	u32 capa;
	u32 flags;
	u64 req_time;
	u64 name;
	u8 reserved[104];
};
static_assert(sizeof(struct tt_shm_slot) == 128, "wire format");

/**
 * struct tt_shm - the shared memory ("schedshm"), version 2
 * @len: bytes of the whole, header and slots
 * @free_until: whoever runs may do so while it is before this time
 * @current_time: written by who runs
 * @running_id: slot of who runs
 * @max_clients: number of slots
 */
struct tt_shm {
	union {
		struct {
			u32 version;
			u32 len;
			u64 free_until;
			u64 current_time;
			u16 running_id;
			u16 max_clients;
		};
		u8 header[4096];
	};
	struct tt_shm_slot slots[];
};
static_assert(sizeof(struct tt_shm) == 4096, "wire format");
static_assert(offsetof(struct tt_shm, running_id) == 24, "wire format");

/** tt_op_name() - "REQUEST" for TT_REQUEST; "?" for what is none */
const char *tt_op_name(u32 op);

#endif
