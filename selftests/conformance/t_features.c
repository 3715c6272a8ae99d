// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Feature negotiation: R2, R8, and the requests that go with it. */
#include "conf.h"

#define SECT_FEATURES	"Front-end message types, SET_FEATURES"
#define SECT_PF		"Front-end message types, SET_PROTOCOL_FEATURES"

/* Negotiate nothing but what is given. */
static struct fe *fe_with(u64 protocol, bool bit30)
{
	struct fe *fe = fe_connect();

	fe->offered = get_u64(fe, GET_FEATURES);
	if (!offers(fe, F_PROTOCOL))
		skip("protocol features are not offered");
	fe->pf_offered = get_u64(fe, GET_PROTOCOL_FEATURES);
	fe->protocol = protocol & fe->pf_offered;
	must_u64(fe, SET_PROTOCOL_FEATURES, fe->protocol);
	fe->features = fe->offered & (BIT_ULL(F_VERSION_1) |
				      (bit30 ? BIT_ULL(F_PROTOCOL) : 0));
	return fe;
}

TEST(R2, offered_features_do_not_change, SECT_FEATURES,
     "GET_FEATURES says the same each time, whatever has been set.")
{
	struct fe *fe = fe_connect();
	u64 f = get_u64(fe, GET_FEATURES);

	must_u64(fe, SET_FEATURES, f & BIT_ULL(F_VERSION_1));
	if (get_u64(fe, GET_FEATURES) != f)
		fail("expected features %#llx again; came others",
		     (unsigned long long)f);
}

TEST(R2, protocol_features_before_set_features, SECT_PF,
     "GET and SET_PROTOCOL_FEATURES are legal before SET_FEATURES, once bit 30 is offered.")
{
	struct fe *fe = fe_with(0, true);

	alive(fe);
}

TEST(R2, features_never_offered_are_refused, SECT_FEATURES,
     "A bit that was not offered cannot be set.")
{
	struct fe *fe = fe_open(0);
	unsigned int bit = 63;
	u64 f;

	while (offers(fe, bit))
		bit--;
	f = fe->features | BIT_ULL(bit);
	if (opt.strict)
		refused(fe, SET_FEATURES, &f, sizeof(f), NULL, 0,
			"with a bit that was not offered");
	else
		ask(fe, SET_FEATURES, ACKED, &f, sizeof(f), NULL, 0);
}

TEST(R2, rings_are_disabled_with_protocol_features, "Ring states",
     "With F_PROTOCOL_FEATURES negotiated a ring is disabled until SET_VRING_ENABLE.")
{
	struct fe *fe;
	struct queue *q;
	u16 id;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	if (!(fe->features & BIT_ULL(F_PROTOCOL)))
		skip("protocol features are not offered");
	queue_setup(fe, q);
	queue_fds(fe, q);
	id = work_put(fe, q, 0);
	queue_kick(fe, q);
	/* A disabled ring of a network device may drop what is sent. */
	if (opt.profile != profile_find("net"))
		no_used(fe, q, "the ring is disabled");
	queue_enable(fe, q, true);
	work_done(fe, q, 0, id, "now it is enabled");
}

TEST(R2, rings_are_enabled_without_protocol_features, "Ring states",
     "SET_FEATURES without F_PROTOCOL_FEATURES enables all rings at once.")
{
	struct fe *fe;

	need_work();
	fe = fe_start(FE_NO_PF);
	work(fe, work_queue(fe), "no SET_VRING_ENABLE was needed");
}

TEST(R2, set_features_does_not_disable, "Ring states",
     "SET_FEATURES with F_PROTOCOL_FEATURES, again, does not disable a ring that is enabled.")
{
	struct fe *fe = fe_start(0);

	must_u64(fe, SET_FEATURES, fe->features);
	must_u64(fe, SET_FEATURES, fe->features);
	work(fe, work_queue(fe), "the ring was enabled before");
}

TEST(R2, set_features_enables_even_later, "Ring states",
     "SET_FEATURES without F_PROTOCOL_FEATURES enables a ring that is disabled, and what is in it is processed.")
{
	struct fe *fe;
	struct queue *q;
	u16 id;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	if (!(fe->features & BIT_ULL(F_PROTOCOL)))
		skip("protocol features are not offered");
	queue_setup(fe, q);
	queue_fds(fe, q);
	must_u64(fe, SET_FEATURES, fe->features & ~BIT_ULL(F_PROTOCOL));
	id = work_put(fe, q, 0);
	queue_kick(fe, q);
	work_done(fe, q, 0, id, "SET_FEATURES has enabled the ring");
}

TEST(R2, protocol_features_never_offered_are_refused, SECT_PF,
     "A protocol feature that was not offered cannot be set.")
{
	struct fe *fe = fe_with(BIT_ULL(PF_REPLY_ACK), true);
	u64 f = fe->protocol | BIT_ULL(62);

	if (opt.strict)
		refused(fe, SET_PROTOCOL_FEATURES, &f, sizeof(f), NULL, 0,
			"with bit 62");
	else
		ask(fe, SET_PROTOCOL_FEATURES, ACKED, &f, sizeof(f), NULL, 0);
}

TEST(R8, inband_needs_reply_ack_and_slave_req, "In-band notifications",
     "INBAND_NOTIFICATIONS without both REPLY_ACK and SLAVE_REQ makes the back-end close the connection, without an ack.")
{
	static const u64 inband = BIT_ULL(PF_INBAND), ack = BIT_ULL(PF_REPLY_ACK),
		slave = BIT_ULL(PF_SLAVE_REQ);
	unsigned int i, flags;
	struct outcome o;
	struct fe *fe;
	bool bad;
	u64 f;

	for (i = 0; i < 16; i++) {
		f = (i & 1 ? inband : 0) | (i & 2 ? ack : 0) | (i & 4 ? slave : 0);
		flags = i & 8 ? ACKED : PLAIN;
		bad = (i & 1) && (i & 6) != 6;
		fe = fe_with(0, true);
		need_pf(fe, PF_INBAND, "INBAND_NOTIFICATIONS");
		o = ask(fe, SET_PROTOCOL_FEATURES, flags, &f, sizeof(f), NULL, 0);
		if (bad && (!o.closed || o.replies))
			fail("protocol features %#llx: expected the end of the connection and no ack; came: %s",
			     (unsigned long long)f, describe(&o));
		if (!bad && o.closed)
			fail("protocol features %#llx: expected them to be taken; came: %s",
			     (unsigned long long)f, describe(&o));
		fe_close(fe);
	}
}

TEST(R7, ack_of_what_negotiates_acks, "REPLY_ACK protocol feature",
     "Whether REPLY_ACK counts is judged after the message: SET_PROTOCOL_FEATURES that negotiates it is itself acked if that is asked for.")
{
	struct fe *fe = fe_with(0, true);
	struct outcome o;
	u64 f = BIT_ULL(PF_REPLY_ACK);

	need_pf(fe, PF_REPLY_ACK, "REPLY_ACK");
	o = ask(fe, SET_PROTOCOL_FEATURES, ACKED, &f, sizeof(f), NULL, 0);
	if (!is_ack(&o, SET_PROTOCOL_FEATURES, true) || o.closed)
		fail("expected an ack of 0; came: %s", describe(&o));
}

TEST(M, queue_num, "Multiple queue support",
     "GET_QUEUE_NUM, with MQ negotiated, says how many queues there are: at least as many as the device needs.")
{
	struct fe *fe = fe_with(BIT_ULL(PF_MQ), true);
	u64 n;

	need_pf(fe, PF_MQ, "MQ");
	n = get_u64(fe, GET_QUEUE_NUM);
	/* One pair of queues, for some, where it is a network device. */
	if (!n || (opt.profile && n < (opt.profile->queue + 2) / 2) || n > 65536)
		fail("expected a number of queues; came %llu",
		     (unsigned long long)n);
}

TEST(R16, reset_owner, "Front-end message types, RESET_OWNER",
     "RESET_OWNER (deprecated) is ignored or disables all rings; the session goes on.")
{
	struct fe *fe = fe_start(0);

	must_ask(fe, RESET_OWNER, NULL, 0, NULL, 0);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, work_queue(fe), true);
	work(fe, work_queue(fe), "the ring is enabled again");
}

TEST(R16, reset_device, "Front-end message types, RESET_DEVICE",
     "RESET_DEVICE disables all rings and resets the device, which then can be set up again.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);

	need_pf(fe, PF_RESET_DEVICE, "RESET_DEVICE");
	work(fe, q, "before the reset");
	must_ask(fe, RESET_DEVICE, NULL, 0, NULL, 0);
	work_put(fe, q, 0);
	if (q->kick >= 0)
		queue_kick(fe, q);
	if (opt.profile != profile_find("net"))
		no_used(fe, q, "the rings are disabled by RESET_DEVICE");
	must_u64(fe, SET_FEATURES, fe->features);
	fe_mem(fe);
	queue_init(&fe->g, q, q->index, QUEUE_NUM, false);
	queue_start(fe, q);
	work(fe, q, "after the reset");
}
