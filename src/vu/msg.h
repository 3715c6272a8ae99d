/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* vhost-user messages: is this one well formed, and what does it say (pure). */
#ifndef VU_MSG_H
#define VU_MSG_H

#include <stdbool.h>

#include "../wire/vhost_user.h"

#define VU_MSG_MAX_CONFIG	4096u	/* bytes of configuration space */
#define VU_MSG_MAX_PAYLOAD	(sizeof(struct vhost_user_config_hdr) + \
				 VU_MSG_MAX_CONFIG)
#define VU_MSG_MAX_FDS		VHOST_USER_MAX_REGIONS

/** enum vu_reply - how a request is answered */
enum vu_reply {
	VU_REPLY_ACK,	/* u64 status, only if asked for with NEED_REPLY */
	VU_REPLY_OWN,	/* a body of its own, always, and no other ack */
};

/**
 * struct vu_msg - one decoded request
 * @request: enum vhost_user_request
 * @need_reply: the flag as sent
 * @reply: how it is answered
 * @nfds: file descriptors that came with it
 *
 * Which member of the union counts follows from @request.
 */
struct vu_msg {
	u32 request;
	bool need_reply;
	enum vu_reply reply;
	unsigned int nfds;
	union {
		u64 u64;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addr addr;
		struct {
			unsigned int nr;
			struct vhost_user_region region[VHOST_USER_MAX_REGIONS];
		} mem;
		struct {
			u32 offset, size, flags;
			const u8 *data;	/* @size bytes of the input */
		} config;
		struct {
			u8 index;
			bool nofd;
		} vring_fd;
		struct vhost_user_region region;
		struct vhost_user_log log;
		struct {
			u32 size;	/* of the payload: so must be the answer's */
			struct vhost_user_inflight area;
		} inflight;
	};
};

/**
 * vu_msg_payload_len() - what follows this header
 * @h: as received
 *
 * Return: bytes of payload; -EPROTO for a wrong version, a reply, reserved
 *	flags; -EMSGSIZE for more than VU_MSG_MAX_PAYLOAD. Framing is lost
 *	after an error.
 */
int vu_msg_payload_len(const struct vhost_user_hdr *h);

/**
 * vu_msg_decode() - check a whole message against what its request allows
 * @m: result; @m->request, need_reply and reply are set on error as well,
 *	so that the message can be refused with an ack
 * @h: its header, accepted by vu_msg_payload_len()
 * @payload: @h->size bytes, any alignment
 * @nfds: file descriptors that came with it
 *
 * A size other than the request's own is refused, except for SET_MEM_TABLE,
 * which may be longer than its regions need: UML always sends room for two.
 * REM_MEM_REG may bring a file descriptor, which nobody needs (specification).
 *
 * Return: 0; -ENOTSUP: unknown request; -EMSGSIZE: wrong size for it;
 *	-EINVAL: number of fds or contents do not fit
 */
int vu_msg_decode(struct vu_msg *m, const struct vhost_user_hdr *h,
		  const void *payload, unsigned int nfds);

#endif
