// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: vhost-user messages, whole streams of them. */
#include <errno.h>

#include "../../src/vu/msg.h"
#include "input.h"

static void check_decoded(const struct vu_msg *m, const u8 *payload, u32 size)
{
	switch (m->request) {
	case VHOST_USER_SET_MEM_TABLE:
		MUST(m->mem.nr <= VHOST_USER_MAX_REGIONS);
		MUST(m->mem.nr == m->nfds);
		break;
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_SET_CONFIG:
		MUST(m->config.size <= VU_MSG_MAX_CONFIG);
		MUST(m->config.data + m->config.size == payload + size);
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		MUST(m->state.num <= 1);
		break;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		MUST(m->nfds == !m->vring_fd.nofd);
		break;
	default:
		break;
	}
	MUST(m->nfds <= VU_MSG_MAX_FDS);
}

static void one_message(struct input *in)
{
	struct vhost_user_hdr h;
	struct vu_msg m;
	unsigned int nfds = take_u8(in) % 12;
	u8 *payload;
	int len, ret;

	take(in, &h, sizeof(h));
	len = vu_msg_payload_len(&h);
	if (len < 0) {
		MUST(len == -EPROTO || len == -EMSGSIZE);
		return;
	}
	MUST((u32)len == h.size && h.size <= VU_MSG_MAX_PAYLOAD);
	/* Exactly as long as said, so that one byte more is found out. */
	payload = malloc((size_t)len + 1);
	take(in, payload + 1, (size_t)len);
	ret = vu_msg_decode(&m, &h, payload + 1, nfds);
	MUST(ret == 0 || ret == -ENOTSUP || ret == -EMSGSIZE || ret == -EINVAL);
	MUST(m.request == h.request && m.nfds == nfds);
	MUST(m.need_reply == !!(h.flags & VHOST_USER_NEED_REPLY));
	if (!ret)
		check_decoded(&m, payload + 1, h.size);
	free(payload);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	while (in.left)
		one_message(&in);
	return 0;
}
