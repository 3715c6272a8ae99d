// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about features: what is offered, and what has been agreed upon. */
#include <errno.h>
#include <inttypes.h>

#include <linux/virtio_config.h>

#include "request.h"

#define PROTOCOL_FEATURES (BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |		\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) | \
			   BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS) | \
			   BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) | \
			   BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS))

static u64 offered(const struct vu_session *s)
{
	return s->cfg->features | BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES) |
	       (u64)s->cfg->migration << VHOST_USER_F_LOG_ALL;
}

static u64 offered_protocol(const struct vu_session *s)
{
	return PROTOCOL_FEATURES | s->cfg->protocol |
	       (u64)s->cfg->migration << VHOST_USER_PROTOCOL_F_LOG_SHMFD;
}

int vu_req_get_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return vu_reply_u64(s, offered(s));
}

static void use_features(struct vu_session *s, struct vu_vring *v, u64 changed)
{
	/* Another kind of ring has to be set up anew. */
	if (changed & BIT_ULL(VIRTIO_F_RING_PACKED)) {
		vu_take_buffers(s, v);
		v->have_addr = v->away = v->resume = false;
	}
	vq_set_features(&v->vq, s->features);
	/* Who does not know of enabling cannot enable. */
	if (!(s->features & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES)))
		vq_enable(&v->vq, true);
	vu_log_update(s, v);
}

int vu_req_set_features(struct vu_session *s, int *fds)
{
	u64 f = s->msg.u64, changed = f ^ s->features;
	bool first = !s->have_features;
	unsigned int i;

	(void)fds;
	if (f & ~offered(s))
		return vu_refuse(s, "features %#" PRIx64 " were never offered",
				 f & ~offered(s));
	s->features = f;
	s->have_features = true;
	for (i = 0; i < s->nr_vqs; i++)
		use_features(s, &s->vring[i], changed);
	/* The queues have forgotten a record that was for another kind of ring. */
	if (changed & BIT_ULL(VIRTIO_F_RING_PACKED))
		vu_forget_inflight(s);
	/* Logging begins and ends while the driver works: it is not a new one. */
	if (first || changed != BIT_ULL(VHOST_USER_F_LOG_ALL))
		s->cfg->ops->negotiated(s);
	return 0;
}

int vu_req_get_protocol_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return vu_reply_u64(s, offered_protocol(s));
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
	if (f & ~offered_protocol(s))
		return vu_refuse(s, "protocol features %#" PRIx64 " were never offered",
				 f & ~offered_protocol(s));
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
	if (vu_need(s, VHOST_USER_PROTOCOL_F_MQ, "MQ") < 0)
		return -EPROTO;
	/* UML wants to know of each; QEMU multiplies by two. */
	return vu_reply_u64(s, s->cfg->queue_pairs && !vu_inband(s) ?
			    s->nr_vqs / 2 : s->nr_vqs);
}

/* Requests to network devices */

int vu_req_send_rarp(struct vu_session *s, int *fds)
{
	(void)fds;
	if (vu_need(s, VHOST_USER_PROTOCOL_F_RARP, "RARP") < 0)
		return -EPROTO;
	s->cfg->ops->announce(s, s->msg.u64);
	return 0;
}

int vu_req_net_set_mtu(struct vu_session *s, int *fds)
{
	(void)fds;
	if (vu_need(s, VHOST_USER_PROTOCOL_F_MTU, "MTU") < 0)
		return -EPROTO;
	return s->cfg->ops->mtu(s, s->msg.u64);
}
