// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One vhost-user connection: messages in, queues and interrupts out. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../base/log.h"
#include "../trace/trace.h"
#include "map.h"
#include "request.h"
#include "vring_fd.h"

/*
 * DOC: Theory of operation
 *
 * A request is read, checked (msg.c), handled and answered before the next one
 * is read: until then the socket is not read at all. A handler returns 0 or
 * -errno, which becomes the ack, or VU_LATER when the answer comes from
 * elsewhere: that of VRING_KICK, from vu_kick_done(). The handlers are in
 * req_*.c, by topic.
 *
 * Errors: what is malformed as a frame ends the session, and so does an error
 * for which the front-end did not ask to be told. Else it gets a non-zero ack
 * and the session goes on. Whatever happens stays within the session.
 */

/* Lines on stderr that a session may cause by what can be repeated. */
#define MAX_WARNINGS	100u

bool vu_inband(const struct vu_session *s)
{
	return vu_negotiated(s, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
}

void vu_session_put(void *p)
{
	struct vu_session *s = p;
	unsigned int i;

	if (--s->refs)
		return;
	/* The device, and s->cfg with it, may be gone by now. */
	for (i = 0; i < s->nr_vqs; i++)
		vq_fini(&s->vring[i].vq);
	mem_unmap(s->mem);
	map_put(s->log_map);
	map_put(s->inflight.map);
	free(s->vring);
	free(s);
}

static void stream_released(struct stream *st)
{
	vu_session_put(container_of(st, struct vu_session, st));
}

void vu_warn(struct vu_session *s, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (s->nr_warnings++ >= MAX_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn(s->cfg->name, "%s", text);
	if (s->nr_warnings == MAX_WARNINGS)
		log_warn(s->cfg->name, "further warnings of this session are not shown");
}

/* End of the session, from our side or theirs. */
static void teardown(struct vu_session *s)
{
	unsigned int i;

	if (s->closing)
		return;
	s->closing = true;
	if (s->nr_warnings > MAX_WARNINGS)
		log_warn(s->cfg->name, "%u more warnings were not shown",
			 s->nr_warnings - MAX_WARNINGS);
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

int vu_refuse(struct vu_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return -EPROTO;
}

int vu_need(struct vu_session *s, unsigned int bit, const char *name)
{
	if (vu_negotiated(s, bit))
		return 0;
	return vu_refuse(s, "%s without protocol feature %s",
			 vhost_user_name(s->msg.request), name);
}

/* Answers */

static void reply(struct vu_session *s, const void *payload, u32 len,
		  const int *fds, unsigned int nfds)
{
	struct vhost_user_hdr hdr = {
		.request = s->msg.request,
		.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
		.size = len,
	};
	u8 buf[sizeof(hdr) + VU_MSG_MAX_PAYLOAD];

	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr), payload, len);
	TRACE_DATA(s->cfg->trace, VU_REPLY, payload, len, s->cfg->id,
		   hdr.request, len);
	/* Any other failure shows as the end of the stream. */
	if (stream_send(&s->st, buf, sizeof(hdr) + len, fds, nfds) == -ENOMEM)
		s->no_memory = true;
}

void vu_reply(struct vu_session *s, const void *payload, u32 len)
{
	reply(s, payload, len, NULL, 0);
}

void vu_reply_fd(struct vu_session *s, const void *payload, u32 len, int fd)
{
	reply(s, payload, len, &fd, 1);
}

int vu_reply_u64(struct vu_session *s, u64 v)
{
	vu_reply(s, &v, sizeof(v));
	return 0;
}

/* The request is over: ack it if that was asked for, and read on. */
static void finish(struct vu_session *s, int err)
{
	bool ack = s->msg.need_reply && s->msg.reply == VU_REPLY_ACK &&
		   vu_negotiated(s, VHOST_USER_PROTOCOL_F_REPLY_ACK);

	s->handling = false;
	if (err && !ack) {
		if (!s->why[0])
			vu_refuse(s, "%s: %s", vhost_user_name(s->msg.request),
				  strerror(-err));
		end_session(s, s->why);
		return;
	}
	if (err)
		vu_warn(s, "refused %s: %s", vhost_user_name(s->msg.request),
			s->why[0] ? s->why : strerror(-err));
	s->why[0] = '\0';
	if (ack)
		vu_reply_u64(s, err ? 1 : 0);
	if (s->no_memory) {
		end_session(s, "out of memory");
		return;
	}
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

/* Requests; those with more to do are in req_*.c */

static int set_owner(struct vu_session *s, int *fds)
{
	(void)s;
	(void)fds;
	return 0;
}

static int set_slave_req_fd(struct vu_session *s, int *fds)
{
	int ret;

	if (vu_need(s, VHOST_USER_PROTOCOL_F_SLAVE_REQ, "SLAVE_REQ") < 0)
		return -EPROTO;
	ret = vu_chan_set_fd(&s->chan, fds[0]);
	if (!ret)
		fds[0] = -1;
	return ret;
}

static int (*const handlers[])(struct vu_session *s, int *fds) = {
	[VHOST_USER_GET_FEATURES] = vu_req_get_features,
	[VHOST_USER_SET_FEATURES] = vu_req_set_features,
	[VHOST_USER_SET_OWNER] = set_owner,
	[VHOST_USER_RESET_OWNER] = vu_req_reset_owner,
	[VHOST_USER_SET_MEM_TABLE] = vu_req_set_mem_table,
	[VHOST_USER_SET_LOG_BASE] = vu_req_set_log_base,
	[VHOST_USER_SET_LOG_FD] = vu_req_set_log_fd,
	[VHOST_USER_SET_VRING_NUM] = vu_req_set_vring_num,
	[VHOST_USER_SET_VRING_ADDR] = vu_req_set_vring_addr,
	[VHOST_USER_SET_VRING_BASE] = vu_req_set_vring_base,
	[VHOST_USER_GET_VRING_BASE] = vu_req_get_vring_base,
	[VHOST_USER_SET_VRING_KICK] = vu_req_set_vring_kick,
	[VHOST_USER_SET_VRING_CALL] = vu_req_set_vring_call,
	[VHOST_USER_SET_VRING_ERR] = vu_req_set_vring_err,
	[VHOST_USER_GET_PROTOCOL_FEATURES] = vu_req_get_protocol_features,
	[VHOST_USER_SET_PROTOCOL_FEATURES] = vu_req_set_protocol_features,
	[VHOST_USER_GET_QUEUE_NUM] = vu_req_get_queue_num,
	[VHOST_USER_SET_VRING_ENABLE] = vu_req_set_vring_enable,
	[VHOST_USER_SEND_RARP] = vu_req_send_rarp,
	[VHOST_USER_NET_SET_MTU] = vu_req_net_set_mtu,
	[VHOST_USER_SET_SLAVE_REQ_FD] = set_slave_req_fd,
	[VHOST_USER_GET_CONFIG] = vu_req_get_config,
	[VHOST_USER_SET_CONFIG] = vu_req_set_config,
	[VHOST_USER_GET_INFLIGHT_FD] = vu_req_get_inflight_fd,
	[VHOST_USER_SET_INFLIGHT_FD] = vu_req_set_inflight_fd,
	[VHOST_USER_RESET_DEVICE] = vu_req_reset_device,
	[VHOST_USER_VRING_KICK] = vu_req_vring_kick,
	[VHOST_USER_GET_MAX_MEM_SLOTS] = vu_req_get_max_mem_slots,
	[VHOST_USER_ADD_MEM_REG] = vu_req_add_mem_reg,
	[VHOST_USER_REM_MEM_REG] = vu_req_rem_mem_reg,
	[VHOST_USER_SET_STATUS] = vu_req_set_status,
	[VHOST_USER_GET_STATUS] = vu_req_get_status,
};

static void session_msg(struct stream *st, const void *buf, size_t len,
			int *fds, unsigned int nfds)
{
	struct vu_session *s = container_of(st, struct vu_session, st);
	struct vhost_user_hdr hdr;
	int ret;

	(void)len;
	if (mem_lost(s->mem) || map_lost(s->log_map) || map_lost(s->inflight.map)) {
		end_session(s, "has taken away memory that it had shared");
		return;
	}
	memcpy(&hdr, buf, sizeof(hdr));
	log_dbg(s->cfg->name, "> %s size %u flags %#x fds %u",
		vhost_user_name(hdr.request), hdr.size, hdr.flags, nfds);
	TRACE_DATA(s->cfg->trace, VU_REQUEST, (const u8 *)buf + sizeof(hdr),
		   hdr.size, s->cfg->id, hdr.request, hdr.size, nfds);
	ret = vu_msg_decode(&s->msg, &hdr, (const u8 *)buf + sizeof(hdr),
			    nfds);
	if (!ret && (hdr.request >= ARRAY_SIZE(handlers) ||
		     !handlers[hdr.request]))
		ret = -ENOTSUP;
	s->handling = true;
	if (!ret)
		ret = handlers[hdr.request](s, fds);
	if (ret != VU_LATER)
		finish(s, ret);
}

static void session_closed(struct stream *st, int err)
{
	struct vu_session *s = container_of(st, struct vu_session, st);

	if (!err || err == -ECONNRESET) {
		end_session(s, NULL);
		return;
	}
	vu_refuse(s, "%s", err == -EPROTO ? "sent a malformed message" :
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

bool vu_broken(const struct vu_session *s, unsigned int vq)
{
	const struct vq *q = &s->vring[vq].vq;

	return q->broken && q->started && q->enabled;
}

void vu_say_broken(struct vu_session *s, unsigned int vq)
{
	struct vu_vring *v = &s->vring[vq];

	v->told = true;
	vu_warn(s, "queue %u is broken: %s", vq, v->vq.why);
}

void vu_tell_broken(struct vu_session *s, struct vu_vring *v)
{
	if (vu_inband(s) && !v->err) {
		s->cfg->ops->broke(s, v->vq.index);
		return;
	}
	vu_say_broken(s, v->vq.index);
	if (v->err)
		vring_fd_signal(v->err);
}

static void vq_broke(struct vq *vq)
{
	struct vu_session *s = vq->owner;

	TRACE_TEXT(s->cfg->trace, VQ_BROKEN, vq->why, s->cfg->id, vq->index);
	s->vring[vq->index].told = false;
	vu_tell_broken(s, &s->vring[vq->index]);
}

static void vq_pushed(struct vq *vq)
{
	struct vu_session *s = vq->owner;

	s->cfg->ops->pushed(vq);
}

static void vq_moved(struct vq *vq, enum vq_move what, const struct vq_buf *b,
		     u32 written)
{
	const struct vu_session *s = vq->owner;
	struct trace *t = s->cfg->trace;
	u64 dev = s->cfg->id;

	if (what == VQ_POP)
		TRACE(t, POP, dev, vq->index, b->head, b->out_len, b->in_len);
	else if (what == VQ_PUSH)
		TRACE(t, PUSH, dev, vq->index, b->head, written);
	else
		TRACE(t, DROP, dev, vq->index, b->head);
}

static const struct vq_ops session_vq_ops = {
	.moved = vq_moved,
	.pushed = vq_pushed,
	.broke = vq_broke,
};

bool vu_notify(struct vu_session *s, struct vu_call *c, unsigned int vq)
{
	struct vring_fd *call = s->vring[vq].call;

	/* It may have been stopped since there was something to call for. */
	if (!s->vring[vq].vq.started)
		return false;
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
	if (!vu_negotiated(s, VHOST_USER_PROTOCOL_F_CONFIG) ||
	    !vu_negotiated(s, VHOST_USER_PROTOCOL_F_SLAVE_REQ) ||
	    !vu_negotiated(s, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return false;
	vu_chan_call(&s->chan, c, VHOST_USER_SLAVE_CONFIG_CHANGE, 0);
	return true;
}

bool vu_notify_err(struct vu_session *s, struct vu_call *c, unsigned int vq)
{
	if (!vu_inband(s) || !s->vring[vq].vq.broken)
		return false;
	vu_chan_call(&s->chan, c, VHOST_USER_SLAVE_VRING_ERR, vq);
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
