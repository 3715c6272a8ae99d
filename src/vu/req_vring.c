// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about queues: set-up, state, kicks. */
#include <errno.h>

#include "request.h"
#include "vring_fd.h"

struct vu_vring *vu_get_vring(struct vu_session *s, u32 index)
{
	if (index < s->nr_vqs)
		return &s->vring[index];
	vu_refuse(s, "there is no queue %u, only %u of them", index,
		  s->nr_vqs);
	return NULL;
}

void vu_take_buffers(struct vu_session *s, struct vu_vring *v)
{
	if (vq_out(&v->vq))
		s->cfg->ops->stop(s, v->vq.index);
}

void vu_rescan(struct vu_session *s, struct vu_vring *v)
{
	if (vq_pending(&v->vq))
		s->cfg->ops->ready(s, v->vq.index);
}

static void disable(struct vu_session *s, struct vu_vring *v)
{
	vu_take_buffers(s, v);
	vq_enable(&v->vq, false);
}

int vu_req_reset_owner(struct vu_session *s, int *fds)
{
	unsigned int i;

	(void)fds;
	for (i = 0; i < s->nr_vqs; i++)
		disable(s, &s->vring[i]);
	return 0;
}

/* Set-up */

/* A ring in use must not be set up; one that is disabled starts afresh. */
static int prepare_setup(struct vu_session *s, struct vu_vring *v)
{
	if (!v->vq.started)
		return 0;
	if (v->vq.enabled && !v->vq.broken)
		return vu_refuse(s, "queue %u is in use; stop or disable it first",
				 v->vq.index);
	vu_take_buffers(s, v);
	vq_stop(&v->vq);
	return 0;
}

int vu_req_set_vring_num(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	return vq_set_num(&v->vq, s->msg.state.num);
}

int vu_req_set_vring_base(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	return vq_set_base(&v->vq, s->msg.state.num);
}

int vu_req_set_vring_addr(struct vu_session *s, int *fds)
{
	const struct vhost_user_vring_addr *a = &s->msg.addr;
	struct vu_vring *v = vu_get_vring(s, a->index);

	(void)fds;
	if (!v || prepare_setup(s, v) < 0)
		return -EPROTO;
	if (!s->mem)
		return vu_refuse(s, "there is no memory table yet");
	/* UML sends a log address of all ones with the flag off. */
	if (a->flags)
		return vu_refuse(s, "vring flags %#x are not supported", a->flags);
	return vq_set_addr(&v->vq, s->mem, a->desc, a->avail, a->used);
}

/* State */

int vu_req_get_vring_base(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);
	struct vhost_user_vring_state state;

	(void)fds;
	if (!v)
		return -EPROTO;
	vu_take_buffers(s, v);
	state.index = v->vq.index;
	state.num = vq_stop(&v->vq);
	vring_fd_close(v->kick);
	vring_fd_close(v->call);
	v->kick = v->call = NULL;
	vu_reply(s, &state, sizeof(state));
	return 0;
}

int vu_req_set_vring_enable(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v)
		return -EPROTO;
	if (!s->msg.state.num) {
		disable(s, v);
		return 0;
	}
	vq_enable(&v->vq, true);
	/* After a suspend UML does not kick again. */
	vu_rescan(s, v);
	return 0;
}

/* Event fds and kicks */

/* Put the fd of a SET_VRING_KICK, _CALL or _ERR in its place. */
static int set_vring_fd(struct vu_session *s, struct vring_fd **place,
			int *fds)
{
	struct vring_fd *vf = NULL;
	int ret;

	if (!s->msg.vring_fd.nofd) {
		ret = vring_fd_usable(fds[0]);
		if (ret < 0)
			return vu_refuse(s, "%s: the file descriptor is not one for events",
					 vhost_user_name(s->msg.request));
		vf = vring_fd_new(s->ring, fds[0], s->msg.vring_fd.index, s,
				  vu_session_put);
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
		return vu_refuse(s, "event file descriptors have no place in simulated time");
	return 0;
}

int vu_req_set_vring_kick(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.vring_fd.index);
	int ret;

	if (!v)
		return -EPROTO;
	if (s->cfg->inband_only && !vu_inband(s))
		return vu_refuse(s, VU_NEEDS_INBAND);
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
		return vu_refuse(s, "queue %u cannot start: its set-up is not complete",
				 v->vq.index);
	vu_rescan(s, v);
	return 0;
}

int vu_req_set_vring_call(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.vring_fd.index);
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

int vu_req_set_vring_err(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.vring_fd.index);

	return v ? set_vring_fd(s, &v->err, fds) : -EPROTO;
}

int vu_req_vring_kick(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);

	(void)fds;
	if (!v)
		return -EPROTO;
	if (!vu_inband(s))
		return vu_refuse(s, "VRING_KICK without protocol feature INBAND_NOTIFICATIONS");
	if (vq_start(&v->vq) < 0)
		return vu_refuse(s, "queue %u cannot start: its set-up is not complete",
				 v->vq.index);
	s->kicks++;
	s->cfg->ops->kick(s, v->vq.index);
	return VU_LATER;
}
