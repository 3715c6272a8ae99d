// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about queues: set-up, state, kicks. */
#include <errno.h>

#include <linux/virtio_config.h>

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

void vu_disable_all(struct vu_session *s)
{
	unsigned int i;

	for (i = 0; i < s->nr_vqs; i++)
		disable(s, &s->vring[i]);
}

/* One whose memory is away starts when that comes back. */
static int start(struct vu_session *s, struct vu_vring *v)
{
	if (v->away) {
		v->resume = true;
		return 0;
	}
	if (vq_start(&v->vq) == 0)
		return 0;
	return vu_refuse(s, "queue %u cannot start: its set-up is not complete",
			 v->vq.index);
}

/* Set-up */

/*
 * A ring that works must not be set up. One that is disabled starts afresh,
 * and so does one that is broken: once the new value has been accepted, what
 * the device still holds of before is taken back.
 */
bool vu_in_use(struct vu_session *s, const struct vu_vring *v)
{
	if (!v->vq.started || !v->vq.enabled || v->vq.broken)
		return false;
	vu_refuse(s, "queue %u is in use; stop or disable it first",
		  v->vq.index);
	return true;
}

static void start_afresh(struct vu_session *s, struct vu_vring *v)
{
	vu_take_buffers(s, v);
	vq_stop(&v->vq);
}

int vu_req_set_vring_num(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);
	bool out;
	int ret;

	(void)fds;
	if (!v || vu_in_use(s, v))
		return -EPROTO;
	if (s->inflight.map && s->msg.state.num > s->inflight.num)
		return vu_refuse(s, "the record of buffers in flight is for queues of %u",
				 s->inflight.num);
	out = vq_out(&v->vq);
	ret = vq_set_num(&v->vq, s->msg.state.num);
	if (ret < 0)
		return ret;
	if (out)
		s->cfg->ops->stop(s, v->vq.index);
	v->have_addr = v->away = v->resume = false;
	return 0;
}

/* UML says 0 for any ring, and means the beginning: both wrap counters are 1. */
static u32 base_of(const struct vu_session *s)
{
	if (!s->msg.state.num && vu_inband(s) &&
	    s->features & BIT_ULL(VIRTIO_F_RING_PACKED))
		return 0x80008000;
	return s->msg.state.num;
}

int vu_req_set_vring_base(struct vu_session *s, int *fds)
{
	struct vu_vring *v = vu_get_vring(s, s->msg.state.index);
	bool out;
	int ret;

	(void)fds;
	if (!v || vu_in_use(s, v))
		return -EPROTO;
	out = vq_out(&v->vq);
	ret = vq_set_base(&v->vq, base_of(s));
	if (ret < 0)
		return ret;
	if (out)
		s->cfg->ops->stop(s, v->vq.index);
	vq_stop(&v->vq);
	v->resume = false;
	return 0;
}

static bool same_addr(const struct vu_vring *v,
		      const struct vhost_user_vring_addr *a)
{
	return v->have_addr && v->addr.desc == a->desc &&
	       v->addr.avail == a->avail && v->addr.used == a->used;
}

int vu_req_set_vring_addr(struct vu_session *s, int *fds)
{
	const struct vhost_user_vring_addr *a = &s->msg.addr;
	struct vu_vring *v = vu_get_vring(s, a->index);
	int ret;

	(void)fds;
	if (!v)
		return -EPROTO;
	/* UML sends a log address of all ones with the flag off. */
	if (a->flags & ~VHOST_USER_VRING_F_LOG)
		return vu_refuse(s, "vring flags %#x are not known", a->flags);
	/* Said again while it works: QEMU begins or ends to log. */
	if (v->vq.started && same_addr(v, a)) {
		v->addr = *a;
		vu_log_update(s, v);
		return 0;
	}
	if (vu_in_use(s, v))
		return -EPROTO;
	if (!s->mem)
		return vu_refuse(s, "there is no memory table yet");
	ret = vq_set_addr(&v->vq, s->mem, a->desc, a->avail, a->used);
	if (ret < 0)
		return ret;
	start_afresh(s, v);
	v->addr = *a;
	v->have_addr = true;
	v->away = v->resume = false;
	vu_log_update(s, v);
	return 0;
}

/* State */

/*
 * What has been used, and not been called for yet: a ring that is stopped
 * calls for nothing. One call too many does no harm.
 */
static void call_for_last(struct vu_session *s, struct vu_vring *v)
{
	if (!v->call || !v->vq.nr_pushed)
		return;
	s->event_calls++;
	vring_fd_signal(v->call);
}

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
	call_for_last(s, v);
	vring_fd_close(v->kick);
	vring_fd_close(v->call);
	v->kick = v->call = NULL;
	v->uncalled = v->resume = false;
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
	if (v->vq.broken && !v->told)
		vu_tell_broken(s, v);
	/* After a suspend UML does not kick again. */
	if (s->cfg->inband_only && vq_pending(&v->vq)) {
		s->cfg->ops->enabled(s, v->vq.index);
		return VU_LATER;
	}
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
	if (start(s, v) < 0) {
		s->why[0] = '\0';
		return;
	}
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
	bool started;
	int ret;

	if (!v)
		return -EPROTO;
	if (s->cfg->inband_only && !vu_inband(s))
		return vu_refuse(s, VU_NEEDS_INBAND);
	ret = may_have_event_fd(s);
	if (ret < 0)
		return ret;
	started = v->vq.started;
	ret = start(s, v);
	if (ret < 0)
		return ret;
	ret = set_vring_fd(s, &v->kick, fds);
	if (ret < 0) {
		if (!started)
			(void)vq_stop(&v->vq);
		return ret;
	}
	if (v->kick)
		vring_fd_watch(v->kick, kicked);
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
	if (vu_need(s, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS,
		    "INBAND_NOTIFICATIONS") < 0)
		return -EPROTO;
	if (start(s, v) < 0)
		return -EPROTO;
	s->kicks++;
	s->cfg->ops->kick(s, v->vq.index);
	return VU_LATER;
}
