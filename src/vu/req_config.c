// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about the configuration space. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "request.h"

/* UML wants exactly as many bytes as it asked for, always from 0. */
int vu_req_get_config(struct vu_session *s, int *fds)
{
	struct vhost_user_config_hdr h = {
		.offset = s->msg.config.offset,
		.size = s->msg.config.size,
		.flags = s->msg.config.flags,
	};
	u8 buf[VU_MSG_MAX_PAYLOAD] = { 0 };
	u64 end = (u64)h.offset + h.size;

	(void)fds;
	if (!vu_negotiated(s, VHOST_USER_PROTOCOL_F_CONFIG) ||
	    end > VU_MSG_MAX_CONFIG) {
		/* How an error is said here. */
		vu_reply(s, buf, 0);
		return 0;
	}
	memcpy(buf, &h, sizeof(h));
	/* A newer driver may know more fields than we: those are 0. */
	if (h.offset < s->cfg->config_size)
		memcpy(buf + sizeof(h), s->cfg->config + h.offset,
		       min_size(h.size, s->cfg->config_size - h.offset));
	vu_reply(s, buf, (u32)sizeof(h) + h.size);
	return 0;
}

int vu_req_set_config(struct vu_session *s, int *fds)
{
	u64 off = s->msg.config.offset, len = s->msg.config.size;
	u8 old[VU_MSG_MAX_CONFIG];
	int ret;

	(void)fds;
	if (vu_need(s, VHOST_USER_PROTOCOL_F_CONFIG, "CONFIG") < 0)
		return -EPROTO;
	if (off + len > s->cfg->config_size)
		return vu_refuse(s, "bytes %" PRIu64 " to %" PRIu64 " are not in the configuration space of %zu",
				 off, off + len, s->cfg->config_size);
	if (!s->cfg->ops->config_set)
		return vu_refuse(s, "the configuration space is read-only");
	memcpy(old, s->cfg->config + off, len);
	memcpy(s->cfg->config + off, s->msg.config.data, len);
	ret = s->cfg->ops->config_set(s, off, len);
	if (ret < 0)
		memcpy(s->cfg->config + off, old, len);
	return ret;
}
