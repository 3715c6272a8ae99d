// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Sessions as a well-behaved front-end has them: features, memory, queues. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"

bool offers(const struct fe *fe, unsigned int bit)
{
	return fe->offered & BIT_ULL(bit);
}

bool offers_pf(const struct fe *fe, unsigned int bit)
{
	return fe->pf_offered & BIT_ULL(bit);
}

bool has_pf(const struct fe *fe, unsigned int bit)
{
	return fe->protocol & BIT_ULL(bit);
}

void need_pf(const struct fe *fe, unsigned int bit, const char *name)
{
	if (!offers_pf(fe, bit))
		skip("protocol feature %s is not offered", name);
}

void need_work(void)
{
	if (!opt.profile)
		skip("without --device there is no work for it to do");
}

/* Negotiation */

static void want(const struct fe *fe, unsigned int how, unsigned int flag,
		 unsigned int bit, const char *name)
{
	if ((how & flag) && !offers(fe, bit))
		skip("virtio feature %s is not offered", name);
}

static u64 choose_features(const struct fe *fe, unsigned int how)
{
	u64 f = fe->offered & BIT_ULL(F_VERSION_1);

	want(fe, how, FE_PACKED, F_PACKED, "RING_PACKED");
	want(fe, how, FE_EVENT_IDX, F_EVENT_IDX, "EVENT_IDX");
	want(fe, how, FE_INDIRECT, F_INDIRECT, "INDIRECT_DESC");
	want(fe, how, FE_LOG, F_LOG_ALL, "LOG_ALL");
	if (how & FE_PACKED)
		f |= BIT_ULL(F_PACKED);
	if (how & FE_EVENT_IDX)
		f |= BIT_ULL(F_EVENT_IDX);
	if (how & FE_INDIRECT)
		f |= BIT_ULL(F_INDIRECT);
	if (how & FE_LOG)
		f |= BIT_ULL(F_LOG_ALL);
	if (!(how & FE_NO_PF))
		f |= fe->offered & BIT_ULL(F_PROTOCOL);
	return f;
}

/* All that the suite knows, but in-band notifications only when asked for. */
static u64 choose_protocol(const struct fe *fe, unsigned int how)
{
	u64 pf = BIT_ULL(PF_MQ) | BIT_ULL(PF_LOG_SHMFD) |
		 BIT_ULL(PF_REPLY_ACK) | BIT_ULL(PF_SLAVE_REQ) |
		 BIT_ULL(PF_CONFIG) | BIT_ULL(PF_INFLIGHT_SHMFD) |
		 BIT_ULL(PF_RESET_DEVICE) | BIT_ULL(PF_MEM_SLOTS) |
		 BIT_ULL(PF_STATUS);

	if (how & FE_INBAND) {
		need_pf(fe, PF_INBAND, "INBAND_NOTIFICATIONS");
		pf |= BIT_ULL(PF_INBAND);
	}
	if (how & FE_NO_ACK)
		pf &= ~BIT_ULL(PF_REPLY_ACK);
	return pf & fe->pf_offered;
}

static void slave_channel(struct fe *fe)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		broken("socketpair");
	must_ask(fe, SET_SLAVE_REQ_FD, NULL, 0, &sv[1], 1);
	close(sv[1]);
	fe->slave = sv[0];
}

static void negotiate_protocol(struct fe *fe, unsigned int how)
{
	if (!offers(fe, F_PROTOCOL))
		return;
	fe->pf_offered = get_u64(fe, GET_PROTOCOL_FEATURES);
	fe->protocol = choose_protocol(fe, how);
	must_u64(fe, SET_PROTOCOL_FEATURES, fe->protocol);
	/* Of network devices it is the number of pairs, for some. */
	if (has_pf(fe, PF_MQ))
		fe->nr_queues = (unsigned int)min_u64(MAX_QUEUES,
			max_u64(get_u64(fe, GET_QUEUE_NUM), fe->nr_queues));
	if (has_pf(fe, PF_SLAVE_REQ) && !(how & FE_NO_SLAVE))
		slave_channel(fe);
}

void fe_negotiate(struct fe *fe, unsigned int how)
{
	unsigned int i;

	fe->offered = get_u64(fe, GET_FEATURES);
	fe->nr_queues = opt.profile ? opt.profile->nr_queues : 1;
	negotiate_protocol(fe, how);
	must_ask(fe, SET_OWNER, NULL, 0, NULL, 0);
	fe->features = choose_features(fe, how);
	must_u64(fe, SET_FEATURES, fe->features);
	for (i = 0; i < fe->nr_queues; i++)
		queue_init(&fe->g, &fe->q[i], i, QUEUE_NUM, how & FE_PACKED);
}

void fe_mem(struct fe *fe)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r[MEM_REGIONS];
	} m = { .h.nregions = MEM_REGIONS };
	unsigned int i;

	for (i = 0; i < MEM_REGIONS; i++)
		m.r[i] = guest_region(i);
	must_ask(fe, SET_MEM_TABLE, &m, sizeof(m), fe->g.fd, MEM_REGIONS);
}

/* Queues */

struct vhost_user_vring_addr vring_addr(const struct queue *q)
{
	return (struct vhost_user_vring_addr){
		.index = q->index,
		.desc = GPA_TO_UVA(q->at),
		.avail = GPA_TO_UVA(q->at + 0x1000),
		.used = GPA_TO_UVA(q->at + 0x2000),
		.log = q->at + 0x2000,
	};
}

void queue_setup(struct fe *fe, struct queue *q)
{
	struct vhost_user_vring_addr a = vring_addr(q);

	must_state(fe, SET_VRING_NUM, q->index, q->num);
	must_state(fe, SET_VRING_BASE, q->index, q->base);
	must_ask(fe, SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
}

struct outcome set_vring_fd(struct fe *fe, u32 request, u64 v, int fd)
{
	return must_ask(fe, request, &v, sizeof(v), &fd, fd >= 0);
}

static void new_event(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		broken("eventfd");
}

void queue_fds(struct fe *fe, struct queue *q)
{
	new_event(&q->err);
	set_vring_fd(fe, SET_VRING_ERR, q->index, q->err);
	if (has_pf(fe, PF_INBAND))
		return;
	new_event(&q->call);
	new_event(&q->kick);
	set_vring_fd(fe, SET_VRING_CALL, q->index, q->call);
	set_vring_fd(fe, SET_VRING_KICK, q->index, q->kick);
}

void queue_enable(struct fe *fe, struct queue *q, bool on)
{
	must_state(fe, SET_VRING_ENABLE, q->index, on);
}

void queue_start(struct fe *fe, struct queue *q)
{
	queue_setup(fe, q);
	queue_fds(fe, q);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, true);
}

u32 queue_stop(struct fe *fe, struct queue *q)
{
	struct vhost_user_vring_state s = { .index = q->index };
	struct outcome o = ask(fe, GET_VRING_BASE, PLAIN, &s, sizeof(s), NULL, 0);

	if (o.closed || o.replies != 1 || o.m.hdr.request != GET_VRING_BASE ||
	    o.m.hdr.size != sizeof(s))
		fail("expected an answer of 8 bytes to GET_VRING_BASE; came: %s",
		     describe(&o));
	memcpy(&s, o.m.payload, sizeof(s));
	if (s.index != q->index)
		fail("GET_VRING_BASE of queue %u is answered for queue %u",
		     q->index, s.index);
	return s.num;
}

void queue_kick(struct fe *fe, struct queue *q)
{
	u64 one = 1;

	if (q->kick < 0) {
		must_state(fe, VRING_KICK, q->index, 0);
		return;
	}
	if (write(q->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		broken("write to an eventfd");
}

bool queue_called(struct fe *fe, struct queue *q)
{
	bool called;
	u64 v;

	pump(fe, NULL, 0);
	called = fe->calls[q->index] > 0;
	fe->calls[q->index] = 0;
	if (q->call >= 0 && read(q->call, &v, sizeof(v)) == sizeof(v))
		called = true;
	return called;
}

struct fe *fe_open(unsigned int how)
{
	struct fe *fe = fe_connect();

	fe_negotiate(fe, how);
	fe_mem(fe);
	return fe;
}

struct queue *work_queue(struct fe *fe)
{
	return &fe->q[opt.profile ? opt.profile->queue : 0];
}

struct fe *fe_start(unsigned int how)
{
	struct fe *fe;

	need_work();
	fe = fe_open(how);
	queue_start(fe, work_queue(fe));
	return fe;
}

/* The slave channel */

static void answer_slave(struct fe *fe)
{
	struct { struct vhost_user_hdr h; u8 payload[256]; } m;
	struct vhost_user_vring_state s;
	struct { struct vhost_user_hdr h; u32 v[2]; } a = { .h.size = 8 };
	ssize_t n;

	n = recv(fe->slave, &m.h, sizeof(m.h), MSG_DONTWAIT);
	if (n <= 0)
		return;
	if (n != sizeof(m.h) || m.h.size > sizeof(m.payload) ||
	    (m.h.size && recv(fe->slave, m.payload, m.h.size, MSG_WAITALL) != m.h.size))
		fail("a message on the slave channel that is none");
	note("slave channel: request %u flags %#x size %u", m.h.request,
	     m.h.flags, m.h.size);
	fe->slave_msgs++;
	memcpy(&s, m.payload, sizeof(s));
	if (m.h.request == SLAVE_VRING_CALL && m.h.size == sizeof(s) &&
	    s.index < MAX_QUEUES)
		fe->calls[s.index]++;
	if (!(m.h.flags & VHOST_USER_NEED_REPLY))
		return;
	a.h.request = m.h.request;
	a.h.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	a.v[0] = fe->refusing;
	if (send(fe->slave, &a, sizeof(a), MSG_NOSIGNAL) < 0)
		note("slave channel: closed");
}

void pump(struct fe *fe, struct queue *q, unsigned int ms)
{
	struct pollfd p[3] = {
		{ .fd = fe->deaf ? -1 : fe->slave, .events = POLLIN },
		{ .fd = q ? q->call : -1, .events = POLLIN },
		{ .fd = q ? q->err : -1, .events = POLLIN },
	};

	if (poll(p, 3, (int)ms) > 0 && p[0].revents & POLLIN)
		answer_slave(fe);
	else if (p[0].revents & POLLHUP)
		sleep_ms(ms);
}

/* Used buffers; a call is a hint to look, whether it comes is another test. */

struct used wait_used(struct fe *fe, struct queue *q, const char *why)
{
	u64 end = now_ms() + PATIENCE;
	struct used u;

	while (!queue_used(q, &u)) {
		if (now_ms() > end)
			fail("%s: expected a used buffer in queue %u; came: none",
			     why, q->index);
		pump(fe, NULL, 1);
	}
	note("queue %u: used id %u len %u", q->index, u.id, u.len);
	return u;
}

void no_used(struct fe *fe, struct queue *q, const char *why)
{
	u64 end = now_ms() + QUIET;
	struct used u;

	while (now_ms() < end) {
		pump(fe, NULL, 2);
		if (queue_used(q, &u))
			fail("%s: expected no used buffer in queue %u; came: id %u len %u",
			     why, q->index, u.id, u.len);
	}
}
