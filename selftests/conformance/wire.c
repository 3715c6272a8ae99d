// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Every request of the protocol: payload, gate, answer. */
#include <stdio.h>

#include "wire.h"

#define REQ(r, p, s, g, f, o)	[r] = { #r, p, s, g, f, o }

static const struct request_info infos[NR_REQUESTS] = {
	REQ(GET_FEATURES, P_NONE, 0, -1, 0, true),
	REQ(SET_FEATURES, P_U64, 8, -1, 0, false),
	REQ(SET_OWNER, P_NONE, 0, -1, 0, false),
	REQ(RESET_OWNER, P_NONE, 0, -1, 0, false),
	REQ(SET_MEM_TABLE, P_MEM, 72, -1, 2, false),
	REQ(SET_LOG_BASE, P_LOG, 16, PF_LOG_SHMFD, 1, true),
	REQ(SET_LOG_FD, P_NONE, 0, -1, 1, false),
	REQ(SET_VRING_NUM, P_STATE, 8, -1, 0, false),
	REQ(SET_VRING_ADDR, P_ADDR, 40, -1, 0, false),
	REQ(SET_VRING_BASE, P_STATE, 8, -1, 0, false),
	REQ(GET_VRING_BASE, P_STATE, 8, -1, 0, true),
	REQ(SET_VRING_KICK, P_VRING_FD, 8, -1, 1, false),
	REQ(SET_VRING_CALL, P_VRING_FD, 8, -1, 1, false),
	REQ(SET_VRING_ERR, P_VRING_FD, 8, -1, 1, false),
	REQ(GET_PROTOCOL_FEATURES, P_NONE, 0, -1, 0, true),
	REQ(SET_PROTOCOL_FEATURES, P_U64, 8, -1, 0, false),
	REQ(GET_QUEUE_NUM, P_NONE, 0, PF_MQ, 0, true),
	REQ(SET_VRING_ENABLE, P_STATE, 8, -1, 0, false),
	REQ(SEND_RARP, P_U64, 8, PF_RARP, 0, false),
	REQ(NET_SET_MTU, P_U64, 8, PF_MTU, 0, false),
	REQ(SET_SLAVE_REQ_FD, P_NONE, 0, PF_SLAVE_REQ, 1, false),
	REQ(IOTLB_MSG, P_OTHER, 32, -1, 0, true),
	REQ(SET_VRING_ENDIAN, P_STATE, 8, PF_CROSS_ENDIAN, 0, false),
	REQ(GET_CONFIG, P_CONFIG, 20, PF_CONFIG, 0, true),
	REQ(SET_CONFIG, P_CONFIG, 20, PF_CONFIG, 0, false),
	REQ(CREATE_CRYPTO_SESSION, P_OTHER, 64, PF_CRYPTO_SESSION, 0, true),
	REQ(CLOSE_CRYPTO_SESSION, P_U64, 8, PF_CRYPTO_SESSION, 0, false),
	REQ(POSTCOPY_ADVISE, P_NONE, 0, PF_PAGEFAULT, 0, true),
	REQ(POSTCOPY_LISTEN, P_NONE, 0, PF_PAGEFAULT, 0, false),
	REQ(POSTCOPY_END, P_NONE, 0, PF_PAGEFAULT, 0, true),
	REQ(GET_INFLIGHT_FD, P_INFLIGHT, 24, PF_INFLIGHT_SHMFD, 0, true),
	REQ(SET_INFLIGHT_FD, P_INFLIGHT, 24, PF_INFLIGHT_SHMFD, 1, false),
	REQ(GPU_SET_SOCKET, P_NONE, 0, -1, 1, false),
	REQ(RESET_DEVICE, P_NONE, 0, PF_RESET_DEVICE, 0, false),
	REQ(VRING_KICK, P_STATE, 8, PF_INBAND, 0, false),
	REQ(GET_MAX_MEM_SLOTS, P_NONE, 0, PF_MEM_SLOTS, 0, true),
	REQ(ADD_MEM_REG, P_MEM_REG, 40, PF_MEM_SLOTS, 1, false),
	REQ(REM_MEM_REG, P_MEM_REG, 40, PF_MEM_SLOTS, 0, false),
	REQ(SET_STATUS, P_U64, 8, PF_STATUS, 0, false),
	REQ(GET_STATUS, P_NONE, 0, PF_STATUS, 0, true),
	REQ(GET_SHARED_OBJECT, P_OTHER, 16, PF_SHARED_OBJECT, 0, true),
	REQ(SET_DEVICE_STATE_FD, P_OTHER, 8, PF_DEVICE_STATE, 1, true),
	REQ(CHECK_DEVICE_STATE, P_NONE, 0, PF_DEVICE_STATE, 0, true),
	REQ(GET_SHMEM_CONFIG, P_NONE, 0, 22, 0, true),
	REQ(GET_VRING_BASE_SKIP_DRAIN, P_STATE, 8, 23, 0, true),
};

const struct request_info *request_info(u32 request)
{
	if (request >= NR_REQUESTS || !infos[request].name)
		return NULL;
	return &infos[request];
}

const char *request_name(u32 request)
{
	static char buf[4][32];
	static unsigned int i;
	const struct request_info *r = request_info(request);

	if (r)
		return r->name;
	i = (i + 1) % 4;
	snprintf(buf[i], sizeof(buf[i]), "request %u", request);
	return buf[i];
}
