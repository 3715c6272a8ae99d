// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A front-end and its driver, which compare a slave with the model of it. */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session_front.h"

/* Our ends of what has been given to the slave */

static void drop_end(struct front *f, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	f->w.mine--;
}

static void keep_end(struct front *f, int *place, int fd)
{
	drop_end(f, place);
	*place = fd;
	if (fd >= 0)
		f->w.mine++;
}

static void drop_ends(struct front *f)
{
	unsigned int q;

	drop_end(f, &f->w.fd);
	drop_end(f, &f->chan);
	for (q = 0; q < MODEL_VQS; q++) {
		drop_end(f, &f->kick[q]);
		drop_end(f, &f->call[q]);
		drop_end(f, &f->err[q]);
	}
	f->asked = f->kicking = false;
}

/* The slave has let go of these. */
static void drop_unused_ends(struct front *f)
{
	const struct model *m = &f->m;
	unsigned int q;

	if (!m->connected) {
		drop_ends(f);
		return;
	}
	for (q = 0; q < MODEL_VQS; q++) {
		if (!m->vring[q].kick)
			drop_end(f, &f->kick[q]);
		if (!m->vring[q].call)
			drop_end(f, &f->call[q]);
		if (!m->vring[q].err)
			drop_end(f, &f->err[q]);
	}
}

/* Which place the file descriptor on a message is for, if it is accepted. */
static int *place_of(struct front *f, const struct message *msg)
{
	unsigned int q = msg->payload[0];

	if (msg->nfds != 1 || (msg->payload[0] >= MODEL_VQS &&
			       msg->hdr.request != VHOST_USER_SET_SLAVE_REQ_FD))
		return NULL;
	switch (msg->hdr.request) {
	case VHOST_USER_SET_VRING_KICK:
		return &f->kick[q];
	case VHOST_USER_SET_VRING_CALL:
		return &f->call[q];
	case VHOST_USER_SET_VRING_ERR:
		return &f->err[q];
	case VHOST_USER_SET_SLAVE_REQ_FD:
		return &f->chan;
	default:
		return NULL;
	}
}

/* The driver */

void driver_reset(struct driver *d)
{
	memset(d, 0, sizeof(*d));
}

void front_dirty(struct front *f, unsigned int q)
{
	f->drv[q].clean = false;
	f->m.vring[q].dirty = true;
}

static bool any_dirty(const struct front *f)
{
	unsigned int q;

	for (q = 0; q < MODEL_VQS; q++)
		if (f->m.vring[q].dirty)
			return true;
	return false;
}

static void dirty_all(struct front *f)
{
	unsigned int q;

	for (q = 0; q < MODEL_VQS; q++)
		front_dirty(f, q);
}

/* Does guest memory from @off on, so many bytes, mean the file at @off. */
static bool is_usual(const struct model *m, u32 off, u32 len)
{
	const struct vhost_user_region *g;
	unsigned int i;

	for (i = 0; i < m->nr_regions; i++) {
		g = &m->region[i];
		if (GPA + off < g->guest_addr ||
		    GPA + off + len > g->guest_addr + g->size)
			continue;
		return m->region_fd[i] == FD_RAM &&
		       g->mmap_offset + (GPA + off - g->guest_addr) == off &&
		       g->user_addr - g->guest_addr == UVA - GPA;
	}
	return false;
}

bool front_memory_is_usual(const struct front *f)
{
	u32 off;

	for (off = 0; off < BUFFERS_END; off += 0x100)
		if (!is_usual(&f->m, off, 0x100))
			return false;
	return true;
}

static struct vring_avail *avail_of(struct front *f, unsigned int q)
{
	return (void *)(f->w.ram + avail_off(q));
}

static const struct vring_used *used_of(struct front *f, unsigned int q)
{
	return (void *)(f->w.ram + used_off(q));
}

static u32 buffer_off(unsigned int q, unsigned int slot)
{
	return BUFFERS + (q * SLOTS + slot) * 0x200;
}

struct echo_request {
	u64 latency, cookie;
};

struct echo_response {
	u64 cookie, t_start, t_done;
	u32 status, payload_len;
};

static void write_chain(struct front *f, unsigned int q, unsigned int i)
{
	struct vring_desc *d = (void *)(f->w.ram + desc_off(q));
	u32 at = buffer_off(q, i), table = TABLES + (q * SLOTS + i) * 0x40;
	struct slot *s = &f->drv[q].slot[i];
	struct vring_desc *two = &d[2 * i];
	u16 first = (u16)(2 * i);

	if (s->indirect) {
		d[2 * i] = (struct vring_desc){ GPA + table, 32,
						VRING_DESC_F_INDIRECT, 0 };
		two = (void *)(f->w.ram + table);
		first = 0;
	}
	two[0] = (struct vring_desc){ GPA + at, s->out_len, VRING_DESC_F_NEXT,
				      (u16)(first + 1) };
	two[1] = (struct vring_desc){ GPA + at + 0x100, s->in_len,
				      VRING_DESC_F_WRITE, 0 };
}

static void write_request(struct front *f, unsigned int q, unsigned int i)
{
	const struct slot *s = &f->drv[q].slot[i];
	struct echo_request r = { s->latency, s->cookie };
	u8 *p = f->w.ram + buffer_off(q, i);

	memset(p, (int)s->cookie, 0x200);
	memcpy(p, &r, sizeof(r));
}

void front_post(struct front *f, struct input *in)
{
	static const u64 latency[] = { 0, 1, 1000, 1000000 };
	u8 what = take_u8(in), size = take_u8(in);
	unsigned int q = what & 1, i;
	struct driver *d = &f->drv[q];

	for (i = 0; i < SLOTS && d->slot[i].posted; i++)
		;
	if (i == SLOTS || !d->clean)
		return;
	d->slot[i] = (struct slot){
		.posted = true, .pos = d->avail_idx,
		.indirect = what & 2 &&
			    f->m.features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.latency = latency[what >> 2 & 3], .cookie = ++f->cookie,
		.out_len = size & 1 ? size & 0x7f : 16 + (size & 0x7f),
		.in_len = what & 0x80 ? size : 64,
	};
	write_chain(f, q, i);
	write_request(f, q, i);
	avail_of(f, q)->flags = what & 0x40 ? VRING_AVAIL_F_NO_INTERRUPT : 0;
	avail_of(f, q)->ring[d->avail_idx++ % RING_NUM] = (u16)(2 * i);
	__atomic_store_n(&avail_of(f, q)->idx, d->avail_idx, __ATOMIC_RELEASE);
}

/* What comes back is what this request must be answered with. */
static void check_echo(struct front *f, unsigned int q, unsigned int i, u32 len)
{
	const struct slot *s = &f->drv[q].slot[i];
	const u8 *p = f->w.ram + buffer_off(q, i) + 0x100;
	struct echo_response r;
	u32 k;

	if (s->in_len < sizeof(r)) {
		MUST(!len);
		return;
	}
	memcpy(&r, p, sizeof(r));
	MUST(len == sizeof(r) + r.payload_len);
	MUST(r.t_done >= r.t_start && r.t_done <= max_u64(f->w.now, f->w.tt.now));
	if (s->out_len < sizeof(struct echo_request)) {
		MUST(r.status == 1 && !r.payload_len);
		return;
	}
	MUST(!r.status && r.cookie == s->cookie);
	MUST(r.t_done - r.t_start == s->latency);
	MUST(r.payload_len == min_size(s->out_len - 16, s->in_len - 32));
	for (k = 0; k < r.payload_len; k++)
		MUST(p[sizeof(r) + k] == (u8)s->cookie);
}

static void take_used(struct front *f, unsigned int q)
{
	const struct vring_used *used = used_of(f, q);
	struct driver *d = &f->drv[q];
	const struct vring_used_elem *e;
	struct slot *s;

	while (d->used_seen != used->idx) {
		e = &used->ring[d->used_seen++ % RING_NUM];
		MUST(!(e->id & 1) && e->id / 2 < SLOTS);
		s = &d->slot[e->id / 2];
		MUST(s->posted);
		if (e->len || !d->stopping) {
			if (f->echo)
				check_echo(f, q, e->id / 2, e->len);
			else
				MUST(e->len == s->in_len);
		}
		if ((int16_t)(s->pos - d->last_pos) >= 0)
			d->last_pos = s->pos;
		s->posted = false;
	}
	/* What is used while the driver wants no calls needs none later. */
	if (avail_of(f, q)->flags & VRING_AVAIL_F_NO_INTERRUPT)
		d->called = d->used_seen;
	d->stopping = false;
}

static void take_all_used(struct front *f)
{
	unsigned int q;

	for (q = 0; q < f->m.nr_vqs; q++)
		if (f->drv[q].clean)
			take_used(f, q);
}

/* The slave looks at these queues' rings: what is there now must come back. */
static void looked_at(struct front *f)
{
	unsigned int q, i;

	for (q = 0; q < f->m.nr_vqs; q++) {
		if (!(f->m.looked_at & 1u << q) || !f->m.have_features ||
		    !model_usable(&f->m, q))
			continue;
		for (i = 0; i < SLOTS; i++)
			f->drv[q].slot[i].seen = true;
	}
	f->m.looked_at = 0;
}

/* The slave's requests, and its event fds */

static void was_called(struct front *f, unsigned int q)
{
	f->drv[q].called = used_of(f, q)->idx;
}

static void read_asked(struct front *f)
{
	struct vhost_user_vring_state s;
	u8 buf[sizeof(f->asked_hdr) + sizeof(s) + 1];
	ssize_t n;

	if (f->chan < 0)
		return;
	n = recv(f->chan, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0)
		return;
	/* One at a time, and the channel stays as long as the session. */
	MUST(!f->asked && n == sizeof(f->asked_hdr) + sizeof(s));
	memcpy(&f->asked_hdr, buf, sizeof(f->asked_hdr));
	memcpy(&s, buf + sizeof(f->asked_hdr), sizeof(s));
	MUST(f->asked_hdr.request == VHOST_USER_SLAVE_VRING_CALL ||
	     (f->asked_hdr.request == VHOST_USER_SLAVE_VRING_ERR &&
	      !f->drv[s.index % MODEL_VQS].clean));
	MUST(f->asked_hdr.flags == 0x9 && f->asked_hdr.size == sizeof(s));
	/* In band or not: one may have waited while that was negotiated anew. */
	MUST(s.index < f->m.nr_vqs && !s.num);
	f->asked = true;
	if (f->asked_hdr.request == VHOST_USER_SLAVE_VRING_CALL)
		was_called(f, s.index);
}

static void read_call_fds(struct front *f)
{
	unsigned int q;
	u64 v;

	for (q = 0; q < f->m.nr_vqs; q++) {
		if (f->call[q] < 0 || f->m.vring[q].call_kind == FD_PIPE)
			continue;
		if (f->m.vring[q].call_kind == FD_SOCKET)
			while (recv(f->call[q], &v, sizeof(v), MSG_DONTWAIT) > 0)
				was_called(f, q);
		else if (read(f->call[q], &v, sizeof(v)) > 0)
			was_called(f, q);
	}
}

/* All that happened since the last time. */
static void take_all(struct front *f)
{
	read_asked(f);
	read_call_fds(f);
	take_all_used(f);
}

void front_answer_call(struct front *f, u8 how, struct input *in)
{
	struct {
		struct vhost_user_hdr hdr;
		u64 status;
	} a = { f->asked_hdr, how & 1 };
	size_t len = sizeof(a.hdr) + sizeof(a.status);
	bool good = f->asked;

	if (f->chan < 0)
		return;
	a.hdr.flags = 0x5;
	a.hdr.size = sizeof(a.status);
	if (how > 0xf8) {
		drop_end(f, &f->chan);
		front_answered(f);
		world_settle(&f->w);
		model_gone(&f->m);
		return;
	}
	if (how > 0xc0) {
		u8 at = take_u8(in) % sizeof(a.hdr), bit = take_u8(in);

		((u8 *)&a)[at] ^= bit;
		good &= !bit;
		/* Else the rest of it is still to come. */
		len = sizeof(a.hdr) + min_size(a.hdr.size, sizeof(a.status));
	}
	f->asked = false;
	world_send(f->chan, &a, len, NULL, 0);
	world_settle(&f->w);
	if (!good)
		model_gone(&f->m);
	drop_unused_ends(f);
}

/* Messages */

static void see_answer(struct front *f, const struct expect *e)
{
	u8 buf[sizeof(e->answer) + 1];
	size_t have = 0;
	ssize_t n;

	/* Others may follow it. */
	while (have < e->len) {
		n = recv(f->w.fd, buf + have, e->len - have, MSG_DONTWAIT);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (e->closes && !have)
		return;
	MUST(have == e->len);
	if (e->any_num)
		memcpy((u8 *)e->answer + 16, buf + 16, 4);
	MUST(!memcmp(buf, e->answer, e->len));
}

static void no_more_answers(struct front *f, bool closed)
{
	u8 byte;
	ssize_t n = recv(f->w.fd, &byte, 1, MSG_DONTWAIT);

	if (closed)
		MUST(n == 0 || (n < 0 && errno == ECONNRESET));
	else
		MUST(n < 0 && errno == EAGAIN);
}

/* What is said of a ring's buffers by where it has been stopped. */
static void ring_stopped(struct front *f, const struct message *msg,
			 const struct expect *e, bool usable)
{
	unsigned int q = msg->payload[0], i;
	struct driver *d = &f->drv[q];
	u32 base;

	memcpy(&base, e->answer + 16, sizeof(base));
	d->base = (u16)base;
	if (!d->clean)
		return;
	if (!usable) {
		/* What was disabled with buffers in between is lost. */
		front_dirty(f, q);
		return;
	}
	MUST(base <= 0xffff);
	for (i = 0; i < SLOTS; i++)
		MUST(!d->slot[i].posted ||
		     (int16_t)(d->slot[i].pos - (u16)base) >= 0);
	MUST((int16_t)((u16)base - d->last_pos) >= 0);
	MUST((int16_t)(d->avail_idx - (u16)base) >= 0);
	for (i = 0; i < SLOTS; i++)
		d->slot[i].seen = false;
}

/* Whether a ring that means nothing has broken its queue is not ours to say. */
static void note_broken(struct front *f)
{
	const struct vu_session *s = world_session(&f->w);
	unsigned int q;

	f->m.broken = 0;
	for (q = 0; q < f->m.nr_vqs && s; q++)
		if (f->m.vring[q].dirty && s->vring[q].vq.broken)
			f->m.broken |= 1u << q;
}

/* Nor is what a record of buffers in flight does that somebody has made up. */
static void note_not_started(struct front *f)
{
	const struct vu_session *s = world_session(&f->w);
	unsigned int q;

	f->m.not_started = 0;
	for (q = 0; q < f->m.nr_vqs; q++)
		if (!s || !s->vring[q].vq.started)
			f->m.not_started |= 1u << q;
}

/* Whether such a record is accepted by a ring that works is not, either. */
static bool hard_to_say(const struct front *f, const struct message *msg)
{
	unsigned int q;

	if (msg->hdr.request != VHOST_USER_SET_INFLIGHT_FD)
		return false;
	for (q = 0; q < f->m.nr_vqs; q++)
		if (f->m.vring[q].started)
			return true;
	return false;
}

static unsigned int usable_mask(const struct front *f)
{
	unsigned int q, mask = 0;

	for (q = 0; q < f->m.nr_vqs; q++)
		mask |= model_usable(&f->m, q) << q;
	return mask;
}

/* What follows for the driver from a message that has been accepted. */
static void after(struct front *f, const struct message *msg,
		  const struct expect *e, unsigned int usable)
{
	unsigned int q, i;

	for (q = 0; q < f->m.nr_vqs; q++)
		if (f->m.touched & 1u << q)
			front_dirty(f, q);
	switch (e->refused ? 0 : msg->hdr.request) {
	case VHOST_USER_SET_MEM_TABLE:
	case VHOST_USER_ADD_MEM_REG:
	case VHOST_USER_REM_MEM_REG:
		for (q = 0; q < f->m.nr_vqs; q++)
			if (!f->m.vring[q].away && !front_memory_is_usual(f))
				front_dirty(f, q);
		break;
	case VHOST_USER_SET_FEATURES:
		for (q = 0; q < f->m.nr_vqs; q++)
			for (i = 0; i < SLOTS; i++)
				if (f->drv[q].slot[i].indirect)
					front_dirty(f, q);
		break;
	case VHOST_USER_SET_INFLIGHT_FD:
		dirty_all(f);
		break;
	case VHOST_USER_SET_LOG_BASE:
		/* A front-end whose log is its own memory. */
		if (msg->fd[0] == FD_RAM)
			dirty_all(f);
		break;
	case VHOST_USER_GET_VRING_BASE:
		q = msg->payload[0];
		f->drv[q].stopping = true;
		take_all_used(f);
		ring_stopped(f, msg, e, usable & 1u << q);
		break;
	default:
		break;
	}
}

static void note_features(struct front *f)
{
	unsigned int q;

	for (q = 0; q < f->m.nr_vqs; q++)
		f->drv[q].ever_event_idx |=
			!!(f->m.features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX));
}

/* After so many a session says no more. */
static bool too_many_lines(const struct front *f)
{
	return world_session(&f->w) &&
	       world_session(&f->w)->nr_warnings >= 100;
}

/* Send messages in one piece, or one in two, with files on the first byte. */
static void transmit(struct front *f, const struct message *msg,
		     unsigned int n, const int *fds)
{
	static u8 buf[4 * (sizeof(struct vhost_user_hdr) + MODEL_MAX_BYTES)];
	size_t len = 0, cut, body;
	unsigned int i;

	for (i = 0; i < n; i++) {
		memcpy(buf + len, &msg[i].hdr, sizeof(msg[i].hdr));
		len += sizeof(msg[i].hdr);
		body = min_size(msg[i].hdr.size, sizeof(msg[i].payload));
		memcpy(buf + len, msg[i].payload, body);
		len += body;
	}
	cut = f->split && f->split < len ? f->split : len;
	world_send(f->w.fd, buf, cut, fds, n == 1 ? msg->nfds : 0);
	if (cut < len) {
		world_settle(&f->w);
		world_send(f->w.fd, buf + cut, len - cut, NULL, 0);
	}
}

/* A kick that the calendar keeps waiting: the rest of the answers comes later. */
static bool wait_for_answer(struct front *f, const struct expect *e)
{
	if (!e->later || !f->w.slow || !f->w.owes)
		return false;
	f->kicking = true;
	f->pending = *e;
	return true;
}

void front_answered(struct front *f)
{
	f->w.slow = false;
	while (world_ack(&f->w))
		;
	world_settle(&f->w);
	if (!f->kicking)
		return;
	f->kicking = false;
	if (!f->m.connected || f->w.fd < 0)
		return;
	see_answer(f, &f->pending);
	no_more_answers(f, false);
}

void front_messages(struct front *f, const struct message *msg, unsigned int n)
{
	static struct expect e;
	unsigned int i, usable;

	if (!f->m.connected)
		return;
	if (any_dirty(f)) {
		/* What one does to a queue that makes no sense is to be seen. */
		for (i = 0; i < n; i++)
			front_message(f, &msg[i]);
		return;
	}
	front_answered(f);
	/* They are handled one after the other, but seen only afterwards. */
	for (i = 0; i < n; i++)
		if (msg[i].hdr.request == VHOST_USER_GET_VRING_BASE)
			dirty_all(f);
	f->m.broken = 0;
	transmit(f, msg, n, NULL);
	world_settle(&f->w);
	for (i = 0; i < n && f->m.connected; i++) {
		usable = usable_mask(f);
		model_message(&f->m, &msg[i], &e);
		see_answer(f, &e);
		if (f->m.connected) {
			after(f, &msg[i], &e, usable);
			looked_at(f);
			note_features(f);
		}
	}
	no_more_answers(f, !f->m.connected);
	drop_unused_ends(f);
	take_all(f);
}

bool front_message(struct front *f, const struct message *msg)
{
	unsigned int i, usable, lines = front_log_lines();
	int fds[MODEL_MAX_FDS], other[MODEL_MAX_FDS], *place;
	static struct expect e;

	if (!f->m.connected || hard_to_say(f, msg))
		return false;
	front_answered(f);
	note_broken(f);
	for (i = 0; i < msg->nfds; i++)
		fds[i] = world_file(&f->w, msg->fd[i], &other[i]);
	usable = usable_mask(f);
	transmit(f, msg, 1, fds);
	for (i = 0; i < msg->nfds; i++)
		close(fds[i]);
	world_settle(&f->w);
	note_not_started(f);
	model_message(&f->m, msg, &e);
	place = f->m.connected && !e.refused ? place_of(f, msg) : NULL;
	/* A kick fd stays even if its ring cannot start. */
	if (f->m.connected && e.refused &&
	    msg->hdr.request == VHOST_USER_SET_VRING_KICK && msg->nfds == 1 &&
	    msg->payload[0] < f->m.nr_vqs && f->m.vring[msg->payload[0]].kick)
		place = f->kick[msg->payload[0]] < 0 ? place_of(f, msg) : NULL;
	for (i = 0; i < msg->nfds; i++)
		if (place)
			keep_end(f, place, other[i]);
		else if (other[i] >= 0)
			close(other[i]);
	if (place == &f->chan)
		f->asked = false;
	if (!wait_for_answer(f, &e)) {
		see_answer(f, &e);
		no_more_answers(f, e.closes);
	}
	MUST(!e.refused || front_log_lines() > lines || too_many_lines(f));
	if (f->m.connected) {
		after(f, msg, &e, usable);
		looked_at(f);
		note_features(f);
	}
	drop_unused_ends(f);
	take_all(f);
	return !e.refused;
}

/* Kicks */

static void kick_by_fd(struct front *f, unsigned int q)
{
	u64 one = 1;

	(void)!write(f->kick[q], &one, sizeof(one));
	world_settle(&f->w);
	note_not_started(f);
	model_kicked(&f->m, q);
	looked_at(f);
	take_all(f);
}

void front_kick(struct front *f, unsigned int q)
{
	struct message msg = { .hdr = { VHOST_USER_VRING_KICK, 0x9, 8 } };

	if (!f->m.connected || q >= f->m.nr_vqs)
		return;
	if (f->kick[q] >= 0) {
		kick_by_fd(f, q);
	} else if (model_inband(&f->m)) {
		msg.payload[0] = (u8)q;
		front_message(f, &msg);
	}
}

/* Life */

void front_connect(struct front *f)
{
	unsigned int q;

	f->w.fd = world_connect(&f->w);
	f->w.mine++;
	world_settle(&f->w);
	model_connect(&f->m);
	for (q = 0; q < MODEL_VQS; q++)
		driver_reset(&f->drv[q]);
}

void front_disconnect(struct front *f)
{
	drop_ends(f);
	front_answered(f);
	world_settle(&f->w);
	model_gone(&f->m);
}

/* While one is served, another is turned away. */
static void second_one(struct front *f)
{
	int fd = world_connect(&f->w);
	u8 byte;

	world_settle(&f->w);
	MUST(recv(fd, &byte, 1, MSG_DONTWAIT) == 0);
	close(fd);
}

void front_reconnect(struct front *f, u8 how)
{
	if (f->m.connected && how & 1) {
		second_one(f);
		return;
	}
	if (f->m.connected && how & 2)
		drop_ends(f);	/* and not a word to the loop */
	else if (f->m.connected)
		front_disconnect(f);
	if (!(how & 4) || f->m.connected)
		front_connect(f);
}

/* Answer whatever comes until nothing does. */
static void answer_all(struct front *f)
{
	struct input none = { NULL, 0 };
	unsigned int n = 0;

	do {
		MUST(n++ < 1000);
		front_answer_call(f, 0, &none);
		take_all(f);
	} while (f->asked);
}

static void all_came_back(struct front *f, unsigned int q)
{
	const struct driver *d = &f->drv[q];
	unsigned int i;

	if (!d->clean || !model_usable(&f->m, q))
		return;
	for (i = 0; i < SLOTS; i++)
		MUST(!d->slot[i].posted || !d->slot[i].seen);
	if (f->m.vring[q].call || d->ever_event_idx ||
	    !model_inband(&f->m) || f->chan < 0)
		return;
	MUST(d->called == d->used_seen);
}

void front_quiesce(struct front *f)
{
	unsigned int q, n = 0;

	front_answered(f);
	take_all(f);
	do {
		MUST(n++ < 100);
		if (f->asked)
			answer_all(f);
		world_advance(&f->w, 10 * NSEC_PER_SEC);
		take_all(f);
	} while (f->asked);
	/* A call with nowhere to go holds simulated time. */
	if (f->w.simulated && f->chan < 0)
		return;
	for (q = 0; q < f->m.nr_vqs && f->m.connected; q++)
		all_came_back(f, q);
}

static void check_vring(const struct front *f, unsigned int q)
{
	const struct vu_vring *real = &world_session(&f->w)->vring[q];
	const struct model_vring *v = &f->m.vring[q];

	MUST(real->vq.num == v->num && real->have_addr == v->have_addr);
	MUST(real->away == v->away && real->vq.have_addr == (v->have_addr && !v->away));
	MUST(real->vq.started == v->started && real->vq.enabled == v->enabled);
	MUST(!f->drv[q].clean || !real->vq.broken);
	MUST(!real->kick == !v->kick && !real->call == !v->call &&
	     !real->err == !v->err);
}

void front_check(struct front *f)
{
	const struct vu_session *s = world_session(&f->w);
	unsigned int q;

	drop_unused_ends(f);
	take_all(f);
	MUST(world_maps(&f->w) == model_maps(&f->m));
	MUST(world_fds() == f->w.fds + 1 + f->w.mine + model_fds(&f->m));
	MUST(!s == !f->m.connected);
	if (!s)
		return;
	MUST(s->features == f->m.features && s->protocol == f->m.protocol);
	for (q = 0; q < f->m.nr_vqs; q++)
		check_vring(f, q);
}

void front_open(struct front *f, const char *spec, bool simulated, bool echo)
{
	unsigned int q;

	memset(&f->m, 0, sizeof(f->m));
	f->chan = -1;
	for (q = 0; q < MODEL_VQS; q++)
		f->kick[q] = f->call[q] = f->err[q] = -1;
	f->asked = f->kicking = false;
	f->split = 0;
	f->cookie = 0;
	f->echo = echo;
	world_open(&f->w, spec, simulated);
	f->m.nr_vqs = f->w.dev->ops->nr_vqs;
	f->m.config = f->w.dev->config;
	f->m.config_size = f->w.dev->ops->config_size;
	f->m.simulated = simulated;
	f->m.ram_size = RAM_SIZE;
	f->m.page = PAGE;
}

void front_close(struct front *f)
{
	drop_ends(f);
	f->w.slow = false;
	while (world_ack(&f->w))
		;
	world_close(&f->w);
}
