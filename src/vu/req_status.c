// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about the device as a whole: its status, and resets. */
#include <errno.h>

#include <linux/virtio_config.h>

#include "request.h"

/* Memory, event fds and what has been negotiated of the protocol stay. */
static void reset(struct vu_session *s)
{
	vu_disable_all(s);
	s->features = 0;
	s->have_features = false;
	s->status = 0;
	s->cfg->ops->reset(s);
}

int vu_req_reset_owner(struct vu_session *s, int *fds)
{
	(void)fds;
	vu_disable_all(s);
	return 0;
}

int vu_req_reset_device(struct vu_session *s, int *fds)
{
	(void)fds;
	if (vu_need(s, VHOST_USER_PROTOCOL_F_RESET_DEVICE, "RESET_DEVICE") < 0)
		return -EPROTO;
	reset(s);
	return 0;
}

static int need_status(struct vu_session *s)
{
	return vu_need(s, VHOST_USER_PROTOCOL_F_STATUS, "STATUS");
}

int vu_req_get_status(struct vu_session *s, int *fds)
{
	unsigned int i;
	u8 broken = 0;

	(void)fds;
	if (need_status(s) < 0)
		return -EPROTO;
	for (i = 0; i < s->nr_vqs; i++)
		if (s->vring[i].vq.broken)
			broken = VIRTIO_CONFIG_S_NEEDS_RESET;
	return vu_reply_u64(s, s->status | broken);
}

int vu_req_set_status(struct vu_session *s, int *fds)
{
	u64 v = s->msg.u64;

	(void)fds;
	if (need_status(s) < 0)
		return -EPROTO;
	if (v > UINT8_MAX)
		return vu_refuse(s, "status %#llx is none", (unsigned long long)v);
	if (!v) {
		reset(s);
		return 0;
	}
	if (s->status & ~v)
		return vu_refuse(s, "a bit of status %#x can be taken back by a reset only",
				 s->status);
	/* The driver reads it back: so it learns that there are no features. */
	if (!s->have_features)
		v &= ~(u64)VIRTIO_CONFIG_S_FEATURES_OK;
	s->status = (u8)(v & ~(u64)VIRTIO_CONFIG_S_NEEDS_RESET);
	return 0;
}
