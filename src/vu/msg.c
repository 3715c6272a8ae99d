// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vhost-user messages: is this one well formed, and what does it say (pure). */
#include <errno.h>
#include <string.h>

#include "msg.h"

/* What the payload is, which also says how long it is. */
enum payload {
	NONE,
	U64,
	STATE,
	ADDR,
	MEM,
	CONFIG,
	VRING_FD,
	REGION,
	LOG,
	INFLIGHT,
};

/**
 * struct request - what one request looks like
 * @known: is it served at all; the others are here for their reply alone
 * @fds: how many must come with it; MEM and VRING_FD know better
 */
struct request {
	bool known;
	enum payload payload;
	u8 fds;
	enum vu_reply reply;
};

#define SERVED(p, n, r)	{ true, p, n, VU_REPLY_##r }
#define UNSERVED(r)	{ false, NONE, 0, VU_REPLY_##r }

static const struct request requests[VHOST_USER_NR_REQUESTS] = {
	[VHOST_USER_GET_FEATURES]	   = SERVED(NONE, 0, OWN),
	[VHOST_USER_SET_FEATURES]	   = SERVED(U64, 0, ACK),
	[VHOST_USER_SET_OWNER]		   = SERVED(NONE, 0, ACK),
	[VHOST_USER_RESET_OWNER]	   = SERVED(NONE, 0, ACK),
	[VHOST_USER_SET_MEM_TABLE]	   = SERVED(MEM, 0, ACK),
	[VHOST_USER_SET_LOG_BASE]	   = SERVED(LOG, 1, OWN),
	[VHOST_USER_SET_LOG_FD]		   = SERVED(NONE, 1, ACK),
	[VHOST_USER_SET_VRING_NUM]	   = SERVED(STATE, 0, ACK),
	[VHOST_USER_SET_VRING_ADDR]	   = SERVED(ADDR, 0, ACK),
	[VHOST_USER_SET_VRING_BASE]	   = SERVED(STATE, 0, ACK),
	[VHOST_USER_GET_VRING_BASE]	   = SERVED(STATE, 0, OWN),
	[VHOST_USER_SET_VRING_KICK]	   = SERVED(VRING_FD, 0, ACK),
	[VHOST_USER_SET_VRING_CALL]	   = SERVED(VRING_FD, 0, ACK),
	[VHOST_USER_SET_VRING_ERR]	   = SERVED(VRING_FD, 0, ACK),
	[VHOST_USER_GET_PROTOCOL_FEATURES] = SERVED(NONE, 0, OWN),
	[VHOST_USER_SET_PROTOCOL_FEATURES] = SERVED(U64, 0, ACK),
	[VHOST_USER_GET_QUEUE_NUM]	   = SERVED(NONE, 0, OWN),
	[VHOST_USER_SET_VRING_ENABLE]	   = SERVED(STATE, 0, ACK),
	[VHOST_USER_SEND_RARP]		   = SERVED(U64, 0, ACK),
	[VHOST_USER_NET_SET_MTU]	   = SERVED(U64, 0, ACK),
	[VHOST_USER_SET_SLAVE_REQ_FD]	   = SERVED(NONE, 1, ACK),
	[VHOST_USER_IOTLB_MSG]		   = UNSERVED(OWN),
	[VHOST_USER_SET_VRING_ENDIAN]	   = UNSERVED(ACK),
	[VHOST_USER_GET_CONFIG]		   = SERVED(CONFIG, 0, OWN),
	[VHOST_USER_SET_CONFIG]		   = SERVED(CONFIG, 0, ACK),
	[VHOST_USER_CREATE_CRYPTO_SESSION] = UNSERVED(OWN),
	[VHOST_USER_CLOSE_CRYPTO_SESSION]  = UNSERVED(ACK),
	[VHOST_USER_POSTCOPY_ADVISE]	   = UNSERVED(OWN),
	[VHOST_USER_POSTCOPY_LISTEN]	   = UNSERVED(ACK),
	[VHOST_USER_POSTCOPY_END]	   = UNSERVED(OWN),
	[VHOST_USER_GET_INFLIGHT_FD]	   = SERVED(INFLIGHT, 0, OWN),
	[VHOST_USER_SET_INFLIGHT_FD]	   = SERVED(INFLIGHT, 1, ACK),
	[VHOST_USER_GPU_SET_SOCKET]	   = UNSERVED(ACK),
	[VHOST_USER_RESET_DEVICE]	   = SERVED(NONE, 0, ACK),
	[VHOST_USER_VRING_KICK]		   = SERVED(STATE, 0, ACK),
	[VHOST_USER_GET_MAX_MEM_SLOTS]	   = SERVED(NONE, 0, OWN),
	[VHOST_USER_ADD_MEM_REG]	   = SERVED(REGION, 1, ACK),
	[VHOST_USER_REM_MEM_REG]	   = SERVED(REGION, 0, ACK),
	[VHOST_USER_SET_STATUS]		   = SERVED(U64, 0, ACK),
	[VHOST_USER_GET_STATUS]		   = SERVED(NONE, 0, OWN),
	[VHOST_USER_GET_SHARED_OBJECT]	   = UNSERVED(OWN),
	[VHOST_USER_SET_DEVICE_STATE_FD]   = UNSERVED(OWN),
	[VHOST_USER_CHECK_DEVICE_STATE]	   = UNSERVED(OWN),
	[VHOST_USER_GET_SHMEM_CONFIG]	   = UNSERVED(OWN),
	[VHOST_USER_GET_VRING_BASE_SKIP_DRAIN] = UNSERVED(OWN),
};

int vu_msg_payload_len(const struct vhost_user_hdr *h)
{
	if ((h->flags & ~VHOST_USER_NEED_REPLY) != VHOST_USER_VERSION)
		return -EPROTO;
	if (h->size > VU_MSG_MAX_PAYLOAD)
		return -EMSGSIZE;
	return (int)h->size;
}

static int want_fds(const struct vu_msg *m, unsigned int n)
{
	return m->nfds == n ? 0 : -EINVAL;
}

static int decode_u64(struct vu_msg *m, const void *payload, u32 size)
{
	if (size != sizeof(m->u64))
		return -EMSGSIZE;
	memcpy(&m->u64, payload, size);
	return 0;
}

static int decode_state(struct vu_msg *m, const void *payload, u32 size)
{
	if (size != sizeof(m->state))
		return -EMSGSIZE;
	memcpy(&m->state, payload, size);
	if (m->request == VHOST_USER_SET_VRING_ENABLE && m->state.num > 1)
		return -EINVAL;
	if (m->request == VHOST_USER_VRING_KICK && m->state.num)
		return -EINVAL;
	return 0;
}

static int decode_addr(struct vu_msg *m, const void *payload, u32 size)
{
	if (size != sizeof(m->addr))
		return -EMSGSIZE;
	memcpy(&m->addr, payload, size);
	return 0;
}

/* Longer than its regions is legal: see the header. */
static int decode_mem(struct vu_msg *m, const void *payload, u32 size)
{
	struct vhost_user_mem_hdr h;
	u32 len;

	if (size < sizeof(h))
		return -EMSGSIZE;
	memcpy(&h, payload, sizeof(h));
	if (h.nregions > VHOST_USER_MAX_REGIONS)
		return -EINVAL;
	len = h.nregions * (u32)sizeof(m->mem.region[0]);
	if (size - sizeof(h) < len)
		return -EMSGSIZE;
	m->mem.nr = h.nregions;
	memcpy(m->mem.region, (const u8 *)payload + sizeof(h), len);
	return want_fds(m, h.nregions);
}

static int decode_config(struct vu_msg *m, const void *payload, u32 size)
{
	struct vhost_user_config_hdr h;

	if (size < sizeof(h))
		return -EMSGSIZE;
	memcpy(&h, payload, sizeof(h));
	if (size - sizeof(h) != h.size)
		return -EMSGSIZE;
	m->config.offset = h.offset;
	m->config.size = h.size;
	m->config.flags = h.flags;
	m->config.data = (const u8 *)payload + sizeof(h);
	return 0;
}

static int decode_vring_fd(struct vu_msg *m, const void *payload, u32 size)
{
	u64 v;

	if (size != sizeof(v))
		return -EMSGSIZE;
	memcpy(&v, payload, size);
	if (v & ~(u64)(VHOST_USER_VRING_IDX_MASK | VHOST_USER_VRING_NOFD_MASK))
		return -EINVAL;
	m->vring_fd.index = v & VHOST_USER_VRING_IDX_MASK;
	m->vring_fd.nofd = v & VHOST_USER_VRING_NOFD_MASK;
	return want_fds(m, !m->vring_fd.nofd);
}

static int decode_region(struct vu_msg *m, const void *payload, u32 size)
{
	struct vhost_user_mem_reg r;

	if (size != sizeof(r))
		return -EMSGSIZE;
	memcpy(&r, payload, size);
	m->region = r.region;
	return 0;
}

static int decode_log(struct vu_msg *m, const void *payload, u32 size)
{
	if (size != sizeof(m->log))
		return -EMSGSIZE;
	memcpy(&m->log, payload, size);
	return 0;
}

static int decode_inflight(struct vu_msg *m, const void *payload, u32 size)
{
	if (size != sizeof(m->inflight.area) && size != VHOST_USER_INFLIGHT_MIN)
		return -EMSGSIZE;
	memcpy(&m->inflight.area, payload, size);
	m->inflight.size = size;
	return 0;
}

static int decode_payload(struct vu_msg *m, enum payload kind,
			  const void *payload, u32 size)
{
	switch (kind) {
	case NONE:
		return size ? -EMSGSIZE : 0;
	case U64:
		return decode_u64(m, payload, size);
	case STATE:
		return decode_state(m, payload, size);
	case ADDR:
		return decode_addr(m, payload, size);
	case MEM:
		return decode_mem(m, payload, size);
	case CONFIG:
		return decode_config(m, payload, size);
	case VRING_FD:
		return decode_vring_fd(m, payload, size);
	case REGION:
		return decode_region(m, payload, size);
	case LOG:
		return decode_log(m, payload, size);
	case INFLIGHT:
		return decode_inflight(m, payload, size);
	}
	return -EINVAL;
}

int vu_msg_decode(struct vu_msg *m, const struct vhost_user_hdr *h,
		  const void *payload, unsigned int nfds)
{
	const struct request *r;
	int err;

	memset(m, 0, sizeof(*m));
	m->request = h->request;
	m->need_reply = h->flags & VHOST_USER_NEED_REPLY;
	m->reply = VU_REPLY_ACK;
	m->nfds = nfds;
	if (h->request >= ARRAY_SIZE(requests))
		return -ENOTSUP;
	r = &requests[h->request];
	m->reply = r->reply;
	if (!r->known)
		return -ENOTSUP;
	err = decode_payload(m, r->payload, payload, h->size);
	if (err || r->payload == MEM || r->payload == VRING_FD)
		return err;
	if (m->request == VHOST_USER_REM_MEM_REG && nfds == 1)
		return 0;
	return want_fds(m, r->fds);
}
