// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about features: what is offered, and what has been agreed upon. */
#include <inttypes.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "request.h"

#define PROTOCOL_FEATURES (BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |		\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) | \
			   BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))

/* What every device offers besides its own. */
#define COMMON_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) |			\
			 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |		\
			 BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES))

static u64 offered(const struct vu_session *s)
{
	return s->cfg->features | COMMON_FEATURES;
}

int vu_req_get_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return vu_reply_u64(s, offered(s));
}

int vu_req_set_features(struct vu_session *s, int *fds)
{
	u64 f = s->msg.u64;
	unsigned int i;

	(void)fds;
	if (f & ~offered(s))
		return vu_refuse(s, "features %#" PRIx64 " were never offered",
				 f & ~offered(s));
	s->features = f;
	s->have_features = true;
	for (i = 0; i < s->nr_vqs; i++) {
		vq_set_features(&s->vring[i].vq, f);
		/* Who does not know of enabling cannot enable. */
		if (!(f & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES)))
			vq_enable(&s->vring[i].vq, true);
	}
	s->cfg->ops->negotiated(s);
	return 0;
}

int vu_req_get_protocol_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return vu_reply_u64(s, PROTOCOL_FEATURES);
}

/*
 * There is no other way to say that a set of features makes no sense than to
 * close the connection (specification, "In-band notifications").
 */
int vu_req_set_protocol_features(struct vu_session *s, int *fds)
{
	const u64 needed = BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			   BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ);
	const u64 inband =
		BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
	u64 f = s->msg.u64;

	(void)fds;
	if (f & ~PROTOCOL_FEATURES)
		return vu_refuse(s, "protocol features %#" PRIx64 " were never offered",
				 f & ~PROTOCOL_FEATURES);
	if ((f & inband) && (f & needed) != needed) {
		s->msg.need_reply = false;
		return vu_refuse(s, "INBAND_NOTIFICATIONS needs REPLY_ACK and SLAVE_REQ as well");
	}
	if (s->cfg->inband_only && !(f & inband)) {
		s->msg.need_reply = false;
		return vu_refuse(s, VU_NEEDS_INBAND);
	}
	s->protocol = f;
	return 0;
}

int vu_req_get_queue_num(struct vu_session *s, int *fds)
{
	(void)fds;
	if (!vu_negotiated(s, VHOST_USER_PROTOCOL_F_MQ))
		return vu_refuse(s, "GET_QUEUE_NUM without protocol feature MQ");
	return vu_reply_u64(s, s->nr_vqs);
}
