// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* In-band notifications and the slave channel: R9, R10. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"

#define SECT		"In-band notifications"
#define SECT_KICK	"Front-end message types, VRING_KICK"
#define SECT_CALL	"Back-end message types, VRING_CALL"

TEST(R9, work, SECT,
     "With INBAND_NOTIFICATIONS rings work by VRING_KICK and VRING_CALL alone.")
{
	struct fe *fe = fe_start(FE_INBAND);
	unsigned int i;

	for (i = 0; i < 200; i++)
		work(fe, work_queue(fe), "by messages");
}

TEST(R9, kick_with_a_number, SECT_KICK,
     "The number in VRING_KICK must be 0.")
{
	struct vhost_user_vring_state s = { .num = 1 };
	struct fe *fe = fe_start(FE_INBAND);

	s.index = work_queue(fe)->index;
	if (opt.strict)
		refused(fe, VRING_KICK, &s, sizeof(s), NULL, 0, "with number 1");
	else
		ask(fe, VRING_KICK, ACKED, &s, sizeof(s), NULL, 0);
}

TEST(R9, kick_without_the_feature, SECT_KICK,
     "VRING_KICK needs INBAND_NOTIFICATIONS.")
{
	struct vhost_user_vring_state s = { .num = 0 };
	struct fe *fe = fe_start(0);

	refused(fe, VRING_KICK, &s, sizeof(s), NULL, 0, "without INBAND_NOTIFICATIONS");
}

TEST(R9, kick_of_a_queue_that_there_is_not, SECT_KICK,
     "VRING_KICK for a queue that there is not is refused.")
{
	static const u32 index[] = { 255, 256, 0x10000, 0xffffffff };
	struct vhost_user_vring_state s = { .num = 0 };
	struct fe *fe = fe_open(FE_INBAND);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(index); i++) {
		s.index = index[i];
		if (!refused(fe, VRING_KICK, &s, sizeof(s), NULL, 0,
			     "of a queue that there is not")) {
			fe_close(fe);
			fe = fe_open(FE_INBAND);
		}
	}
}

TEST(R9, kick_of_a_ring_that_is_not_set_up, SECT_KICK,
     "VRING_KICK for a ring without size or addresses is refused, or does nothing.")
{
	struct vhost_user_vring_state s = { .num = 0 };
	struct fe *fe = fe_open(FE_INBAND);

	if (ask(fe, VRING_KICK, ACKED, &s, sizeof(s), NULL, 0).closed)
		return;
	must_state(fe, SET_VRING_NUM, 0, QUEUE_NUM);
	ask(fe, VRING_KICK, ACKED, &s, sizeof(s), NULL, 0);
}

TEST(R9, work_while_disabled, "Ring states",
     "What is added while the ring is disabled is processed once it is enabled, without another VRING_KICK.")
{
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	u16 id;

	work(fe, q, "before");
	queue_enable(fe, q, false);
	id = work_put(fe, q, 0);
	queue_enable(fe, q, true);
	work_done(fe, q, 0, id, "enabled again, and no kick");
}

TEST(R9, call_before_the_channel_is_there, SECT,
     "A call that is due before SET_BACKEND_REQ_FD is made when the channel comes (strict), or not at all.")
{
	struct fe *fe = fe_start(FE_INBAND | FE_NO_SLAVE);
	struct queue *q = work_queue(fe);
	int sv[2];
	u16 id = work_put(fe, q, 0);

	queue_kick(fe, q);
	work_done(fe, q, 0, id, "without a slave channel");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		broken("socketpair");
	must_ask(fe, SET_SLAVE_REQ_FD, NULL, 0, &sv[1], 1);
	close(sv[1]);
	fe->slave = sv[0];
	pump(fe, NULL, QUIET);
	if (opt.strict && !queue_called(fe, q))
		fail("expected the call that was due; came: none");
	work(fe, q, "with a slave channel");
}

/* Messages of the channel, by hand. */

static bool slave_msg(struct fe *fe, struct vhost_user_hdr *h,
		      struct vhost_user_vring_state *s, int ms)
{
	struct pollfd p = { .fd = fe->slave, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return false;
	if (recv(fe->slave, h, sizeof(*h), MSG_WAITALL) != sizeof(*h))
		return false;
	if (h->size != sizeof(*s))
		fail("slave channel: expected 8 bytes of payload to request %u; came: %u",
		     h->request, h->size);
	return recv(fe->slave, s, sizeof(*s), MSG_WAITALL) == sizeof(*s);
}

static void answer(struct fe *fe, u32 request, u32 flags, u32 size, u64 v)
{
	struct { struct vhost_user_hdr h; u8 payload[64]; } m = {
		.h = { request, flags, size },
	};

	memcpy(m.payload, &v, sizeof(v));
	if (send(fe->slave, &m, sizeof(m.h) + (size < 64 ? size : 64), MSG_NOSIGNAL) < 0)
		note("slave channel: closed");
}

#define REPLY_FLAGS	(VHOST_USER_VERSION | VHOST_USER_REPLY)

/* A front-end whose channel is not read by itself, and with a call on its way. */
static struct fe *called(struct queue **q, struct vhost_user_hdr *h,
			 struct vhost_user_vring_state *s)
{
	struct fe *fe = fe_start(FE_INBAND);
	u16 id;

	*q = work_queue(fe);
	fe->deaf = true;
	id = work_put(fe, *q, 0);
	queue_kick(fe, *q);
	if (!slave_msg(fe, h, s, PATIENCE))
		fail("expected VRING_CALL on the slave channel; came: nothing");
	work_done(fe, *q, 0, id, "called for");
	return fe;
}

TEST(R10, form_of_a_call, SECT_CALL,
     "VRING_CALL has the index of the queue and the number 0, and asks for a reply.")
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct queue *q;

	called(&q, &h, &s);
	if (h.request != SLAVE_VRING_CALL || s.index != q->index || s.num ||
	    (h.flags & ~VHOST_USER_NEED_REPLY) != VHOST_USER_VERSION)
		fail("expected request 4 with flags 0x1 or 0x9, index %u and number 0; came: request %u, flags %#x, index %u, number %u",
		     q->index, h.request, h.flags, s.index, s.num);
}

TEST(R10, used_before_called, SECT_CALL,
     "The used ring is written before the call is made.")
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	struct used u;
	unsigned int i;

	fe->deaf = true;
	for (i = 0; i < 100; i++) {
		work_put(fe, q, 0);
		queue_kick(fe, q);
		if (!slave_msg(fe, &h, &s, PATIENCE))
			fail("expected VRING_CALL; came: nothing");
		if (!queue_used(q, &u))
			fail("expected a used buffer when VRING_CALL comes; came: none");
		answer(fe, h.request, REPLY_FLAGS, 8, 0);
	}
}

TEST(R10, kick_is_acked_before_the_call_is_answered, SECT_KICK,
     "The ack of VRING_KICK does not wait for the answer to a VRING_CALL: a front-end may answer none until it has its ack.")
{
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	unsigned int i;
	u16 id[20];

	fe->deaf = true;
	for (i = 0; i < 20; i++) {
		id[i] = work_put(fe, q, i);
		queue_kick(fe, q);	/* fails without an ack */
	}
	fe->deaf = false;
	work_all_done(fe, q, id, 20, "kicked while a call was not answered");
}

TEST(R10, requests_while_a_call_is_not_answered, SECT_CALL,
     "While a call is not answered, requests of the front-end are.")
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct queue *q;
	struct fe *fe = called(&q, &h, &s);
	struct outcome o;

	get_u64(fe, GET_FEATURES);
	fe_mem(fe);
	o = ask(fe, SET_OWNER, ACKED, NULL, 0, NULL, 0);
	if (!is_ack(&o, SET_OWNER, true))
		fail("expected SET_OWNER to be acked; came: %s", describe(&o));
	answer(fe, h.request, REPLY_FLAGS, 8, 0);
	fe->deaf = false;
	work(fe, q, "after the answer");
}

TEST(R10, call_refused, SECT_CALL,
     "A call that is answered with a failure changes nothing else.")
{
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	unsigned int i;

	fe->refusing = true;
	for (i = 0; i < 5; i++)
		work(fe, q, "though calls are refused");
}

TEST(R10, call_answered_badly, SECT_CALL,
     "An answer that is none ends the session at worst.")
{
	static const struct { u32 request, flags, size; } bad[] = {
		{ 77, REPLY_FLAGS, 8 }, { SLAVE_VRING_CALL, PLAIN, 8 },
		{ SLAVE_VRING_CALL, REPLY_FLAGS, 4 },
		{ SLAVE_VRING_CALL, REPLY_FLAGS, 0 },
		{ SLAVE_VRING_CALL, REPLY_FLAGS, 16 },
		{ SLAVE_VRING_CALL, REPLY_FLAGS, 0xffffffff },
		{ SLAVE_VRING_CALL, 0, 8 },
	};
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fe = called(&q, &h, &s);
		answer(fe, bad[i].request, bad[i].flags, bad[i].size, 0);
		settle(fe);
		not_spinning("after a bad answer on the slave channel");
		fe_close(fe);
	}
}

TEST(R10, channel_closed, SECT_CALL,
     "The end of the slave channel, also while a call is not answered, kills nobody.")
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct queue *q;
	struct fe *fe = called(&q, &h, &s);
	struct outcome o;

	close(fe->slave);
	fe->slave = -1;
	o = settle(fe);
	if (!o.closed) {
		work_put(fe, q, 0);
		ask(fe, VRING_KICK, ACKED,
		    &(struct vhost_user_vring_state){ q->index, 0 }, 8, NULL, 0);
	}
	not_spinning("the slave channel is closed");
}

TEST(R10, channel_replaced, "Front-end message types, SET_BACKEND_REQ_FD",
     "A new slave channel takes the place of the old one, also while a call is not answered.")
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr h;
	struct queue *q;
	struct fe *fe = called(&q, &h, &s);
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		broken("socketpair");
	must_ask(fe, SET_SLAVE_REQ_FD, NULL, 0, &sv[1], 1);
	close(sv[1]);
	close(fe->slave);
	fe->slave = sv[0];
	fe->deaf = false;
	work(fe, q, "with a new slave channel");
	work(fe, q, "with a new slave channel");
}

TEST(R10, event_fd_is_preferred, SECT,
     "Where there is an event fd for calls, it is preferred over the message.")
{
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	u64 v, end = now_ms() + PATIENCE;
	u16 id;

	work(fe, q, "by messages");
	target_settles();
	queue_called(fe, q);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_vring_fd(fe, SET_VRING_CALL, q->index, q->call);
	pump(fe, NULL, 0);
	fe->calls[q->index] = 0;
	id = work_put(fe, q, 0);
	queue_kick(fe, q);
	work_done(fe, q, 0, id, "with an event fd for calls");
	while (read(q->call, &v, sizeof(v)) < 0) {
		if (now_ms() > end)
			fail("expected the event fd to be written; it is not");
		pump(fe, q, 2);
	}
	pump(fe, NULL, 5);
	if (fe->calls[q->index])
		fail("expected no VRING_CALL beside the event fd; there was one");
}

TEST(D9, kick_messages_for_nothing, SECT_KICK,
     "20000 VRING_KICKs for an empty ring are all acked, and do nothing.")
{
	struct { struct vhost_user_hdr h; struct vhost_user_vring_state s; } k = {
		.h = { VRING_KICK, ACKED, 8 },
	};
	struct fe *fe = fe_start(FE_INBAND);
	unsigned int sent = 0, got = 0;
	struct msg m;

	k.s.index = work_queue(fe)->index;
	while (got < 20000) {
		for (; sent < 20000 && sent - got < 100; sent++)
			send_raw(fe, &k, sizeof(k), NULL, 0);
		if (recv_msg(fe, &m, PATIENCE) != 1)
			fail("expected 20000 acks; came: %u", got);
		got++;
	}
	work(fe, work_queue(fe), "after all the kicks");
}

TEST(D9, kick_messages_of_rings_that_do_not_run, SECT_KICK,
     "VRING_KICK for a disabled ring is answered, and does nothing else.")
{
	struct fe *fe = fe_start(FE_INBAND);
	struct queue *q = work_queue(fe);
	unsigned int i;
	u16 id;

	work(fe, q, "before");
	queue_enable(fe, q, false);
	id = work_put(fe, q, 0);
	for (i = 0; i < 50; i++)
		queue_kick(fe, q);
	if (opt.profile != profile_find("net"))
		no_used(fe, q, "the ring is disabled");
	queue_enable(fe, q, true);
	work_done(fe, q, 0, id, "enabled again");
}
