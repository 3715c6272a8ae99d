/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The vhost-user protocol as it is on the wire. */
#ifndef WIRE_VHOST_USER_H
#define WIRE_VHOST_USER_H

#include <assert.h>

#include "../base/types.h"

#define VHOST_USER_VERSION		0x1u
#define VHOST_USER_VERSION_MASK		0x3u
#define VHOST_USER_REPLY		0x4u
#define VHOST_USER_NEED_REPLY		0x8u

/* Virtio feature bit that announces the protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES	30
/* Virtio feature bit that switches the dirty log on. */
#define VHOST_USER_F_LOG_ALL		26

#define VHOST_USER_PROTOCOL_F_MQ		0
#define VHOST_USER_PROTOCOL_F_LOG_SHMFD		1
#define VHOST_USER_PROTOCOL_F_RARP		2
#define VHOST_USER_PROTOCOL_F_REPLY_ACK		3
#define VHOST_USER_PROTOCOL_F_MTU		4
#define VHOST_USER_PROTOCOL_F_SLAVE_REQ		5
#define VHOST_USER_PROTOCOL_F_CROSS_ENDIAN	6
#define VHOST_USER_PROTOCOL_F_CRYPTO_SESSION	7
#define VHOST_USER_PROTOCOL_F_PAGEFAULT		8
#define VHOST_USER_PROTOCOL_F_CONFIG		9
#define VHOST_USER_PROTOCOL_F_SLAVE_SEND_FD	10
#define VHOST_USER_PROTOCOL_F_HOST_NOTIFIER	11
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD	12
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE	13
#define VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS 14
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS 15
#define VHOST_USER_PROTOCOL_F_STATUS		16

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_SET_SLAVE_REQ_FD = 21,
	VHOST_USER_IOTLB_MSG = 22,
	VHOST_USER_SET_VRING_ENDIAN = 23,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
	VHOST_USER_CREATE_CRYPTO_SESSION = 26,
	VHOST_USER_CLOSE_CRYPTO_SESSION = 27,
	VHOST_USER_POSTCOPY_ADVISE = 28,
	VHOST_USER_POSTCOPY_LISTEN = 29,
	VHOST_USER_POSTCOPY_END = 30,
	VHOST_USER_GET_INFLIGHT_FD = 31,
	VHOST_USER_SET_INFLIGHT_FD = 32,
	VHOST_USER_GPU_SET_SOCKET = 33,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_VRING_KICK = 35,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
	VHOST_USER_GET_SHARED_OBJECT = 41,
	VHOST_USER_SET_DEVICE_STATE_FD = 42,
	VHOST_USER_CHECK_DEVICE_STATE = 43,
	VHOST_USER_GET_SHMEM_CONFIG = 44,
	VHOST_USER_GET_VRING_BASE_SKIP_DRAIN = 45,
	VHOST_USER_NR_REQUESTS
};

enum vhost_user_slave_request {
	VHOST_USER_SLAVE_CONFIG_CHANGE = 2,
	VHOST_USER_SLAVE_VRING_CALL = 4,
	VHOST_USER_SLAVE_VRING_ERR = 5,
};

/** struct vhost_user_hdr - before every message; @size bytes follow */
struct vhost_user_hdr {
	u32 request;
	u32 flags;
	u32 size;
};
static_assert(sizeof(struct vhost_user_hdr) == 12, "wire format");

struct vhost_user_vring_state {
	u32 index;
	u32 num;
};
static_assert(sizeof(struct vhost_user_vring_state) == 8, "wire format");

/* Flag of SET_VRING_ADDR: the used ring is to be logged at @log. */
#define VHOST_USER_VRING_F_LOG	0x1u

struct vhost_user_vring_addr {
	u32 index;
	u32 flags;
	u64 desc;
	u64 used;
	u64 avail;
	u64 log;
};
static_assert(sizeof(struct vhost_user_vring_addr) == 40, "wire format");

#define VHOST_USER_MAX_REGIONS	8

struct vhost_user_region {
	u64 guest_addr;
	u64 size;
	u64 user_addr;
	u64 mmap_offset;
};
static_assert(sizeof(struct vhost_user_region) == 32, "wire format");

/** struct vhost_user_mem_hdr - before the regions of SET_MEM_TABLE */
struct vhost_user_mem_hdr {
	u32 nregions;
	u32 padding;
};
static_assert(sizeof(struct vhost_user_mem_hdr) == 8, "wire format");

/** struct vhost_user_mem_reg - one region, for ADD_MEM_REG and REM_MEM_REG */
struct vhost_user_mem_reg {
	u64 padding;
	struct vhost_user_region region;
};
static_assert(sizeof(struct vhost_user_mem_reg) == 40, "wire format");

/** struct vhost_user_log - of SET_LOG_BASE: where in its file the log is */
struct vhost_user_log {
	u64 size;
	u64 offset;
};
static_assert(sizeof(struct vhost_user_log) == 16, "wire format");

/**
 * struct vhost_user_inflight - of GET_INFLIGHT_FD and SET_INFLIGHT_FD
 *
 * The specification has no padding at the end, QEMU has.
 */
struct vhost_user_inflight {
	u64 mmap_size;
	u64 mmap_offset;
	u16 num_queues;
	u16 queue_size;
	u32 padding;
};
#define VHOST_USER_INFLIGHT_MIN	20u
static_assert(sizeof(struct vhost_user_inflight) == 24, "wire format");

/** struct vhost_user_config_hdr - before the bytes of GET/SET_CONFIG */
struct vhost_user_config_hdr {
	u32 offset;
	u32 size;
	u32 flags;
};
static_assert(sizeof(struct vhost_user_config_hdr) == 12, "wire format");

/* SET_VRING_KICK, _CALL, _ERR: what the u64 says. */
#define VHOST_USER_VRING_IDX_MASK	0xffu
#define VHOST_USER_VRING_NOFD_MASK	0x100u

/** vhost_user_name() - "SET_MEM_TABLE" for 5; "?" for what is none */
const char *vhost_user_name(u32 request);

#endif
