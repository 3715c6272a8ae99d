/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the suite knows of the protocol: every request and feature by number. */
#ifndef CONFORMANCE_WIRE_H
#define CONFORMANCE_WIRE_H

#include <stdbool.h>

#include "../../src/wire/vhost_user.h"

/*
 * Names of its own, since the suite asks for more than any one back-end
 * serves: all that the specification had in 2026.
 */
enum {
	GET_FEATURES = 1, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE,
	SET_LOG_BASE, SET_LOG_FD, SET_VRING_NUM, SET_VRING_ADDR,
	SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL,
	SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES,
	GET_QUEUE_NUM, SET_VRING_ENABLE, SEND_RARP, NET_SET_MTU,
	SET_SLAVE_REQ_FD, IOTLB_MSG, SET_VRING_ENDIAN, GET_CONFIG, SET_CONFIG,
	CREATE_CRYPTO_SESSION, CLOSE_CRYPTO_SESSION, POSTCOPY_ADVISE,
	POSTCOPY_LISTEN, POSTCOPY_END, GET_INFLIGHT_FD, SET_INFLIGHT_FD,
	GPU_SET_SOCKET, RESET_DEVICE, VRING_KICK, GET_MAX_MEM_SLOTS,
	ADD_MEM_REG, REM_MEM_REG, SET_STATUS, GET_STATUS, GET_SHARED_OBJECT,
	SET_DEVICE_STATE_FD, CHECK_DEVICE_STATE, GET_SHMEM_CONFIG,
	GET_VRING_BASE_SKIP_DRAIN, NR_REQUESTS
};

/* Protocol features, by bit. */
enum {
	PF_MQ, PF_LOG_SHMFD, PF_RARP, PF_REPLY_ACK, PF_MTU, PF_SLAVE_REQ,
	PF_CROSS_ENDIAN, PF_CRYPTO_SESSION, PF_PAGEFAULT, PF_CONFIG,
	PF_SLAVE_SEND_FD, PF_HOST_NOTIFIER, PF_INFLIGHT_SHMFD, PF_RESET_DEVICE,
	PF_INBAND, PF_MEM_SLOTS, PF_STATUS, PF_XEN_MMAP, PF_SHARED_OBJECT,
	PF_DEVICE_STATE, NR_PF
};

/* Requests of the back-end, on the slave channel. */
enum { SLAVE_CONFIG_CHANGE = 2, SLAVE_VRING_CALL = 4, SLAVE_VRING_ERR = 5 };

/* Virtio features, by bit. */
enum {
	F_LOG_ALL = 26, F_INDIRECT = 28, F_EVENT_IDX = 29, F_PROTOCOL = 30,
	F_VERSION_1 = 32, F_ACCESS_PLATFORM = 33, F_PACKED = 34,
	F_IN_ORDER = 35,
};

/* What a request looks like. */
enum payload { P_NONE, P_U64, P_STATE, P_ADDR, P_MEM, P_LOG, P_CONFIG,
	       P_VRING_FD, P_INFLIGHT, P_MEM_REG, P_OTHER };

/* Flag of SET_VRING_ADDR: writes to the used ring are logged, too. */
#define VRING_F_LOG	1u

/** struct log_desc - payload of SET_LOG_BASE */
struct log_desc {
	u64 size, offset;
};

/** struct mem_reg - payload of ADD_MEM_REG and REM_MEM_REG */
struct mem_reg {
	u64 padding;
	struct vhost_user_region region;
};

/** struct inflight_desc - payload of GET_INFLIGHT_FD and SET_INFLIGHT_FD */
struct inflight_desc {
	u64 mmap_size, mmap_offset;
	u16 num_queues, queue_size;
	u32 padding;
};

/**
 * struct request_info - what the specification says of a request
 * @own: it has an answer of its own, and so never an ack
 * @gate: the protocol feature that it needs, -1 for none
 * @fds: how many file descriptors go with it, in its plainest form
 */
struct request_info {
	const char *name;
	enum payload payload;
	u32 size;
	int gate;
	unsigned int fds;
	bool own;
};

/** request_info() - NULL for what is no request */
const struct request_info *request_info(u32 request);

/** request_name() - "SET_MEM_TABLE", or "request 77" */
const char *request_name(u32 request);

#endif
