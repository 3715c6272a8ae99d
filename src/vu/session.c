// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One vhost-user connection: messages in, queues and interrupts out. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "../base/bug.h"
#include "../base/log.h"
#include "map.h"
#include "session.h"
#include "vring_fd.h"

/*
 * DOC: Theory of operation
 *
 * A request is read, checked (msg.c), handled and answered before the next one
 * is read: until then the socket is not read at all. A handler returns 0 or
 * -errno, which becomes the ack, or LATER when the answer comes from elsewhere:
 * that of VRING_KICK, from vu_kick_done().
 *
 * Errors: what is malformed as a frame ends the session, and so does an error
 * for which the front-end did not ask to be told. Else it gets a non-zero ack
 * and the session goes on. Whatever happens stays within the session.
 */

#define LATER	1

#define PROTOCOL_FEATURES (BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |		\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG) |	\
			   BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))

/* What every device offers besides its own. */
#define COMMON_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) |			\
			 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |		\
			 BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES))

#define NEEDS_INBAND	"the front-end does not do in-band notifications, which simulated time needs; without --calendar it could be served"

static bool negotiated(const struct vu_session *s, unsigned int bit)
{
	return s->protocol & BIT_ULL(bit);
}

bool vu_inband(const struct vu_session *s)
{
	return negotiated(s, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
}

static u64 offered(const struct vu_session *s)
{
	return s->cfg->features | COMMON_FEATURES;
}

static void put_session(void *p)
{
	struct vu_session *s = p;
	unsigned int i;

	if (--s->refs)
		return;
	/* The device, and s->cfg with it, may be gone by now. */
	for (i = 0; i < s->nr_vqs; i++)
		vq_fini(&s->vring[i].vq);
	mem_unmap(s->mem);
	free(s->vring);
	free(s);
}

static void stream_released(struct stream *st)
{
	put_session(container_of(st, struct vu_session, st));
}

/* End of the session, from our side or theirs. */
static void teardown(struct vu_session *s)
{
	unsigned int i;

	if (s->closing)
		return;
	s->closing = true;
	for (i = 0; i < s->nr_vqs; i++) {
		vring_fd_close(s->vring[i].kick);
		vring_fd_close(s->vring[i].call);
		vring_fd_close(s->vring[i].err);
		s->vring[i].kick = s->vring[i].call = s->vring[i].err = NULL;
	}
	vu_chan_close(&s->chan);
	stream_close(&s->st, stream_released);
}

static void end_session(struct vu_session *s, const char *why)
{
	if (s->closed || s->closing)
		return;
	s->closed = true;
	s->cfg->ops->closed(s, why);
	teardown(s);
}

__printf(2, 3)
static int refuse(struct vu_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* Answers */

static void send_reply(struct vu_session *s, const void *payload, u32 len)
{
	struct vhost_user_hdr hdr = {
		.request = s->msg.request,
		.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
		.size = len,
	};
	u8 buf[sizeof(hdr) + VU_MSG_MAX_PAYLOAD];

	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr), payload, len);
	/* A failure shows as the end of the stream. */
	(void)stream_send(&s->st, buf, sizeof(hdr) + len, NULL, 0);
}

static int reply_u64(struct vu_session *s, u64 v)
{
	send_reply(s, &v, sizeof(v));
	return 0;
}

/* The request is over: ack it if that was asked for, and read on. */
static void finish(struct vu_session *s, int err)
{
	bool ack = s->msg.need_reply && s->msg.reply == VU_REPLY_ACK &&
		   negotiated(s, VHOST_USER_PROTOCOL_F_REPLY_ACK);

	s->handling = false;
	if (err && !ack) {
		if (!s->why[0])
			refuse(s, "%s: %s", vhost_user_name(s->msg.request),
			       strerror(-err));
		end_session(s, s->why);
		return;
	}
	if (err)
		log_warn(s->cfg->name, "refused %s: %s",
			 vhost_user_name(s->msg.request),
			 s->why[0] ? s->why : strerror(-err));
	s->why[0] = '\0';
	if (ack)
		reply_u64(s, err ? 1 : 0);
	/* A kick is most often followed by another: same length, no fds. */
	stream_recv_hint(&s->st, sizeof(struct vhost_user_hdr) +
			 (s->msg.request == VHOST_USER_VRING_KICK ?
			  sizeof(struct vhost_user_vring_state) : 0));
	stream_recv(&s->st);
}

void vu_kick_done(struct vu_session *s, int err)
{
	BUG_ON(!s->handling);
	if (!s->closing)
		finish(s, err);
}

/* Handlers, in the order of the requests' numbers */

static int get_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return reply_u64(s, offered(s));
}

static int set_features(struct vu_session *s, int *fds)
{
	u64 f = s->msg.u64;
	unsigned int i;

	(void)fds;
	if (f & ~offered(s))
		return refuse(s, "features %#" PRIx64 " were never offered",
			      f & ~offered(s));
	s->features = f;
	for (i = 0; i < s->nr_vqs; i++) {
		vq_set_features(&s->vring[i].vq, f);
		/* Who does not know of enabling cannot enable. */
		if (!(f & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES)))
			vq_enable(&s->vring[i].vq, true);
	}
	s->cfg->ops->negotiated(s);
	return 0;
}

static int set_owner(struct vu_session *s, int *fds)
{
	(void)s;
	(void)fds;
	return 0;
}

static struct vu_vring *get_vring(struct vu_session *s, u32 index)
{
	if (index < s->nr_vqs)
		return &s->vring[index];
	refuse(s, "there is no queue %u, only %u of them", index,
	       s->nr_vqs);
	return NULL;
}

/* The device must not touch the queue's buffers from now on. */
static void take_buffers(struct vu_session *s, struct vu_vring *v)
{
	if (vq_out(&v->vq))
		s->cfg->ops->stop(s, v->vq.index);
}

/* There may be buffers for which no kick will come. */
static void rescan(struct vu_session *s, struct vu_vring *v)
{
	if (vq_pending(&v->vq))
		s->cfg->ops->ready(s, v->vq.index);
}

static void disable(struct vu_session *s, struct vu_vring *v)
{
	take_buffers(s, v);
	vq_enable(&v->vq, false);
}

static int disable_all(struct vu_session *s, int *fds)
{
	unsigned int i;

	(void)fds;
	for (i = 0; i < s->nr_vqs; i++)
		disable(s, &s->vring[i]);
	return 0;
}

static int set_mem_table(struct vu_session *s, int *fds)
{
	struct mem *old = s->mem;
	struct vu_vring *v;
	unsigned int i;
	int ret;

	ret = mem_map(&s->mem, s->msg.mem.region, s->msg.mem.nr, fds);
	if (ret < 0)
		return ret;
	for (i = 0; i < s->nr_vqs; i++) {
		v = &s->vring[i];
		take_buffers(s, v);
		if (vq_set_mem(&v->vq, s->mem) < 0)
			log_warn(s->cfg->name, "queue %u is outside of the new memory table and has been stopped",
				 i);
	}
	mem_unmap(old);
	for (i = 0; i < s->nr_vqs; i++)
		rescan(s, &s->vring[i]);
	return 0;
}

/* A ring in use must not be set up; one that is disabled starts afresh. */
static int prepare_setup(struct vu_session *s, struct vu_vring *v)
{
	if (!v->vq.started)
		return 0;
	if (v->vq.enabled && !v->vq.broken)
		return refuse(s, "queue %u is in use; stop or disable it first",
			      v->vq.index);
	take_buffers(s, v);
	vq_stop(&v->vq);
	return 0;
}

static int set_vring_num(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	return vq_set_num(&v->vq, s->msg.state.num);
}

static int set_vring_base(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	return vq_set_base(&v->vq, s->msg.state.num);
}

static int set_vring_addr(struct vu_session *s, int *fds)
{
	const struct vhost_user_vring_addr *a = &s->msg.addr;
	struct vu_vring *v = get_vring(s, a->index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	if (!s->mem)
		return refuse(s, "there is no memory table yet");
	/* UML sends a log address of all ones with the flag off. */
	if (a->flags)
		return refuse(s, "vring flags %#x are not supported", a->flags);
	return vq_set_addr(&v->vq, s->mem, a->desc, a->avail, a->used);
}

static int get_vring_base(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.state.index);
	struct vhost_user_vring_state state;

	(void)fds;
	if (!v)
		return -EPROTO;
	take_buffers(s, v);
	state.index = v->vq.index;
	state.num = vq_stop(&v->vq);
	vring_fd_close(v->kick);
	vring_fd_close(v->call);
	v->kick = v->call = NULL;
	send_reply(s, &state, sizeof(state));
	return 0;
}

/* Put the fd of a SET_VRING_KICK, _CALL or _ERR in its place. */
static int set_vring_fd(struct vu_session *s, struct vring_fd **place,
			int *fds)
{
	struct vring_fd *vf = NULL;
	int ret;

	if (!s->msg.vring_fd.nofd) {
		ret = vring_fd_usable(fds[0]);
		if (ret < 0)
			return refuse(s, "%s: the file descriptor is not one for events",
				      vhost_user_name(s->msg.request));
		vf = vring_fd_new(s->ring, fds[0], s->msg.vring_fd.index, s,
				  put_session);
		if (!vf)
			return -ENOMEM;
		s->refs++;
		fds[0] = -1;
	}
	vring_fd_close(*place);
	*place = vf;
	return 0;
}

static void kicked(struct vring_fd *vf)
{
	struct vu_session *s = vf->owner;
	struct vu_vring *v = &s->vring[vf->index];

	if (s->closing)
		return;
	s->kicks++;
	/* Also how a ring is started, by older rules. */
	if (!v->vq.started && vq_start(&v->vq) < 0)
		return;
	s->cfg->ops->ready(s, vf->index);
}

/* An event fd would be preferred over the message (specification). */
static int may_have_event_fd(struct vu_session *s)
{
	if (s->cfg->inband_only && !s->msg.vring_fd.nofd)
		return refuse(s, "event file descriptors have no place in simulated time");
	return 0;
}

static int set_vring_kick(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.vring_fd.index);
	int ret;

	if (!v)
		return -EPROTO;
	if (s->cfg->inband_only && !vu_inband(s))
		return refuse(s, NEEDS_INBAND);
	ret = may_have_event_fd(s);
	if (ret < 0)
		return ret;
	ret = set_vring_fd(s, &v->kick, fds);
	if (ret < 0)
		return ret;
	if (v->kick)
		vring_fd_watch(v->kick, kicked);
	ret = vq_start(&v->vq);
	if (ret < 0)
		return refuse(s, "queue %u cannot start: its set-up is not complete",
			      v->vq.index);
	rescan(s, v);
	return 0;
}

static int set_vring_call(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.vring_fd.index);
	int ret;

	if (!v || may_have_event_fd(s) < 0)
		return -EPROTO;
	ret = set_vring_fd(s, &v->call, fds);
	if (ret < 0)
		return ret;
	/* QEMU sends it after SET_VRING_KICK, when the ring works already. */
	if (v->call && v->uncalled)
		vring_fd_signal(v->call);
	v->uncalled = false;
	return 0;
}

static int set_vring_err(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.vring_fd.index);

	return v ? set_vring_fd(s, &v->err, fds) : -EPROTO;
}

static int get_protocol_features(struct vu_session *s, int *fds)
{
	(void)fds;
	return reply_u64(s, PROTOCOL_FEATURES);
}

/*
 * There is no other way to say that a set of features makes no sense than to
 * close the connection (specification, "In-band notifications").
 */
static int set_protocol_features(struct vu_session *s, int *fds)
{
	const u64 needed = BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			   BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ);
	const u64 inband =
		BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
	u64 f = s->msg.u64;

	(void)fds;
	if (f & ~PROTOCOL_FEATURES)
		return refuse(s, "protocol features %#" PRIx64 " were never offered",
			      f & ~PROTOCOL_FEATURES);
	if ((f & inband) && (f & needed) != needed) {
		s->msg.need_reply = false;
		return refuse(s, "INBAND_NOTIFICATIONS needs REPLY_ACK and SLAVE_REQ as well");
	}
	if (s->cfg->inband_only && !(f & inband)) {
		s->msg.need_reply = false;
		return refuse(s, NEEDS_INBAND);
	}
	s->protocol = f;
	return 0;
}

static int get_queue_num(struct vu_session *s, int *fds)
{
	(void)fds;
	if (!negotiated(s, VHOST_USER_PROTOCOL_F_MQ))
		return refuse(s, "GET_QUEUE_NUM without protocol feature MQ");
	return reply_u64(s, s->nr_vqs);
}

static int set_vring_enable(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v)
		return -EPROTO;
	if (!s->msg.state.num) {
		disable(s, v);
		return 0;
	}
	vq_enable(&v->vq, true);
	/* After a suspend UML does not kick again. */
	rescan(s, v);
	return 0;
}

static int set_slave_req_fd(struct vu_session *s, int *fds)
{
	int ret;

	if (!negotiated(s, VHOST_USER_PROTOCOL_F_SLAVE_REQ))
		return refuse(s, "SET_SLAVE_REQ_FD without protocol feature SLAVE_REQ");
	ret = vu_chan_set_fd(&s->chan, fds[0]);
	if (!ret)
		fds[0] = -1;
	return ret;
}

/* UML wants exactly as many bytes as it asked for, always from 0. */
static int get_config(struct vu_session *s, int *fds)
{
	struct vhost_user_config_hdr h = {
		.offset = s->msg.config.offset,
		.size = s->msg.config.size,
		.flags = s->msg.config.flags,
	};
	u8 buf[VU_MSG_MAX_PAYLOAD] = { 0 };
	u64 end = (u64)h.offset + h.size;

	(void)fds;
	if (!negotiated(s, VHOST_USER_PROTOCOL_F_CONFIG) ||
	    end > VU_MSG_MAX_CONFIG) {
		/* How an error is said here. */
		send_reply(s, buf, 0);
		return 0;
	}
	memcpy(buf, &h, sizeof(h));
	/* A newer driver may know more fields than we: those are 0. */
	if (h.offset < s->cfg->config_size)
		memcpy(buf + sizeof(h), s->cfg->config + h.offset,
		       min_size(h.size, s->cfg->config_size - h.offset));
	send_reply(s, buf, (u32)sizeof(h) + h.size);
	return 0;
}

static int set_config(struct vu_session *s, int *fds)
{
	u64 off = s->msg.config.offset, len = s->msg.config.size;
	u8 old[VU_MSG_MAX_CONFIG];
	int ret;

	(void)fds;
	if (!negotiated(s, VHOST_USER_PROTOCOL_F_CONFIG))
		return refuse(s, "SET_CONFIG without protocol feature CONFIG");
	if (off + len > s->cfg->config_size)
		return refuse(s, "bytes %" PRIu64 " to %" PRIu64 " are not in the configuration space of %zu",
			      off, off + len, s->cfg->config_size);
	if (!s->cfg->ops->config_set)
		return refuse(s, "the configuration space is read-only");
	memcpy(old, s->cfg->config + off, len);
	memcpy(s->cfg->config + off, s->msg.config.data, len);
	ret = s->cfg->ops->config_set(s, off, len);
	if (ret < 0)
		memcpy(s->cfg->config + off, old, len);
	return ret;
}

static int vring_kick(struct vu_session *s, int *fds)
{
	struct vu_vring *v = get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v)
		return -EPROTO;
	if (!vu_inband(s))
		return refuse(s, "VRING_KICK without protocol feature INBAND_NOTIFICATIONS");
	if (vq_start(&v->vq) < 0)
		return refuse(s, "queue %u cannot start: its set-up is not complete",
			      v->vq.index);
	s->kicks++;
	s->cfg->ops->kick(s, v->vq.index);
	return LATER;
}

static int (*const handlers[])(struct vu_session *s, int *fds) = {
	[VHOST_USER_GET_FEATURES] = get_features,
	[VHOST_USER_SET_FEATURES] = set_features,
	[VHOST_USER_SET_OWNER] = set_owner,
	[VHOST_USER_RESET_OWNER] = disable_all,
	[VHOST_USER_SET_MEM_TABLE] = set_mem_table,
	[VHOST_USER_SET_VRING_NUM] = set_vring_num,
	[VHOST_USER_SET_VRING_ADDR] = set_vring_addr,
	[VHOST_USER_SET_VRING_BASE] = set_vring_base,
	[VHOST_USER_GET_VRING_BASE] = get_vring_base,
	[VHOST_USER_SET_VRING_KICK] = set_vring_kick,
	[VHOST_USER_SET_VRING_CALL] = set_vring_call,
	[VHOST_USER_SET_VRING_ERR] = set_vring_err,
	[VHOST_USER_GET_PROTOCOL_FEATURES] = get_protocol_features,
	[VHOST_USER_SET_PROTOCOL_FEATURES] = set_protocol_features,
	[VHOST_USER_GET_QUEUE_NUM] = get_queue_num,
	[VHOST_USER_SET_VRING_ENABLE] = set_vring_enable,
	[VHOST_USER_SET_SLAVE_REQ_FD] = set_slave_req_fd,
	[VHOST_USER_GET_CONFIG] = get_config,
	[VHOST_USER_SET_CONFIG] = set_config,
	[VHOST_USER_VRING_KICK] = vring_kick,
};

static void session_msg(struct stream *st, const void *buf, size_t len,
			int *fds, unsigned int nfds)
{
	struct vu_session *s = container_of(st, struct vu_session, st);
	struct vhost_user_hdr hdr;
	int ret;

	(void)len;
	if (mem_lost(s->mem)) {
		end_session(s, "has taken away memory that it had shared");
		return;
	}
	memcpy(&hdr, buf, sizeof(hdr));
	log_dbg(s->cfg->name, "> %s size %u flags %#x fds %u",
		vhost_user_name(hdr.request), hdr.size, hdr.flags, nfds);
	ret = vu_msg_decode(&s->msg, &hdr, (const u8 *)buf + sizeof(hdr),
			    nfds);
	if (!ret && (hdr.request >= ARRAY_SIZE(handlers) ||
		     !handlers[hdr.request]))
		ret = -ENOTSUP;
	s->handling = true;
	if (!ret)
		ret = handlers[hdr.request](s, fds);
	if (ret != LATER)
		finish(s, ret);
}

static void session_closed(struct stream *st, int err)
{
	struct vu_session *s = container_of(st, struct vu_session, st);

	if (!err || err == -ECONNRESET) {
		end_session(s, NULL);
		return;
	}
	refuse(s, "%s", err == -EPROTO ? "sent a malformed message" :
	       err == -EMSGSIZE ? "sent a message that is too long" :
	       err == -EPIPE ? "left in the middle of a message" :
	       strerror(-err));
	end_session(s, s->why);
}

bool vu_session_gone(struct vu_session *s)
{
	if (!stream_peer_gone(&s->st))
		return false;
	end_session(s, NULL);
	return true;
}

static int payload_len(const void *buf)
{
	struct vhost_user_hdr hdr;

	memcpy(&hdr, buf, sizeof(hdr));
	return vu_msg_payload_len(&hdr);
}

static const struct stream_ops session_ops = {
	.hdr_len = sizeof(struct vhost_user_hdr),
	.max_payload = VU_MSG_MAX_PAYLOAD,
	.payload_len = payload_len,
	.msg = session_msg,
	.closed = session_closed,
};

static void chan_broken(struct vu_chan *ch, const char *why)
{
	end_session(ch->owner, why);
}

/* Queues */

static void vq_broke(struct vq *vq)
{
	struct vu_session *s = vq->owner;
	struct vu_vring *v = &s->vring[vq->index];

	log_warn(s->cfg->name, "queue %u is broken: %s", vq->index, vq->why);
	if (v->err)
		vring_fd_signal(v->err);
}

static void vq_pushed(struct vq *vq)
{
	struct vu_session *s = vq->owner;

	s->cfg->ops->pushed(vq);
}

static const struct vq_ops session_vq_ops = {
	.pushed = vq_pushed,
	.broke = vq_broke,
};

bool vu_notify(struct vu_session *s, struct vu_call *c, unsigned int vq)
{
	struct vring_fd *call = s->vring[vq].call;

	/* An event fd is preferred over the message. */
	if (call) {
		s->event_calls++;
		vring_fd_signal(call);
		return false;
	}
	if (!vu_inband(s)) {
		s->vring[vq].uncalled = true;
		return false;
	}
	vu_chan_call(&s->chan, c, VHOST_USER_SLAVE_VRING_CALL, vq);
	return true;
}

bool vu_notify_config(struct vu_session *s, struct vu_call *c)
{
	if (!negotiated(s, VHOST_USER_PROTOCOL_F_CONFIG) ||
	    !negotiated(s, VHOST_USER_PROTOCOL_F_SLAVE_REQ) ||
	    !negotiated(s, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return false;
	vu_chan_call(&s->chan, c, VHOST_USER_SLAVE_CONFIG_CHANGE, 0);
	return true;
}

/* Life */

int vu_session_new(struct vu_session **out, struct ring *r, int fd, pid_t pid,
		   const struct vu_cfg *cfg)
{
	struct vu_session *s = calloc(1, sizeof(*s));
	unsigned int i;

	if (!s)
		return -ENOMEM;
	s->vring = calloc(cfg->nr_vqs, sizeof(*s->vring));
	if (!s->vring || stream_open(&s->st, r, fd, &session_ops) < 0) {
		free(s->vring);
		free(s);
		return -ENOMEM;
	}
	s->cfg = cfg;
	s->nr_vqs = cfg->nr_vqs;
	s->ring = r;
	s->pid = pid;
	s->refs = 1;
	for (i = 0; i < cfg->nr_vqs; i++)
		vq_init(&s->vring[i].vq, i, &session_vq_ops, s);
	vu_chan_init(&s->chan, r, s, chan_broken);
	stream_recv(&s->st);
	*out = s;
	return 0;
}

void vu_session_close(struct vu_session *s)
{
	s->closed = true;
	teardown(s);
}
