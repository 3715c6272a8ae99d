// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests and their answers, all of them: R7, groups A2 and A4. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"

#define SECT_ACK	"REPLY_ACK protocol feature"
#define SECT_HDR	"Header"

/* The plainest form of a request: legal where its feature is negotiated. */
struct plain {
	u8 payload[128];
	u32 size;
	int fds[2];
	unsigned int nfds;
};

static void plain_mem(struct fe *fe, struct plain *p)
{
	struct vhost_user_mem_hdr h = { .nregions = 2 };
	struct vhost_user_region r[2] = { guest_region(0), guest_region(1) };

	memcpy(p->payload, &h, sizeof(h));
	memcpy(p->payload + sizeof(h), r, sizeof(r));
	p->fds[0] = fe->g.fd[0];
	p->fds[1] = fe->g.fd[1];
}

static void plain_payload(struct fe *fe, u32 request, struct plain *p)
{
	struct vhost_user_vring_state s = {
		.index = 0, .num = request == SET_VRING_NUM ? 64 : 0,
	};
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);
	struct vhost_user_config_hdr c = { .offset = 0, .size = 8 };
	u64 v = request == SET_FEATURES ? fe->features :
		request == SET_PROTOCOL_FEATURES ? fe->protocol : 0;

	switch (request_info(request)->payload) {
	case P_U64:
	case P_VRING_FD:
		memcpy(p->payload, &v, sizeof(v));
		break;
	case P_STATE:
		memcpy(p->payload, &s, sizeof(s));
		break;
	case P_ADDR:
		memcpy(p->payload, &a, sizeof(a));
		break;
	case P_MEM:
		plain_mem(fe, p);
		break;
	case P_CONFIG:
		memcpy(p->payload, &c, sizeof(c));
		break;
	default:
		break;
	}
}

static int event_like(void)
{
	int p[2];

	/* The reading end of a pipe to which nobody writes. */
	if (pipe(p) < 0)
		broken("pipe");
	return p[0];
}

static struct plain plain(struct fe *fe, u32 request)
{
	const struct request_info *r = request_info(request);
	struct plain p = { .size = r->size, .nfds = r->fds };

	if (p.nfds && r->payload != P_MEM)
		p.fds[0] = request == SET_LOG_BASE || request == ADD_MEM_REG ||
			   request == SET_INFLIGHT_FD ?
			   tmp_memfd("vu-conf-other", 4096) : event_like();
	plain_payload(fe, request, &p);
	return p;
}

static struct outcome ask_plain(struct fe *fe, u32 request, u32 flags)
{
	struct plain p = plain(fe, request);

	return ask(fe, request, flags, p.payload, p.size, p.fds, p.nfds);
}

static struct fe *open_with_acks(void)
{
	struct fe *fe = fe_open(0);

	need_pf(fe, PF_REPLY_ACK, "REPLY_ACK");
	return fe;
}

static bool negotiated(const struct fe *fe, u32 request)
{
	int gate = request_info(request)->gate;

	return gate < 0 || has_pf(fe, (unsigned int)gate);
}

TEST(R7, one_reply_for_each_request, SECT_ACK,
     "With REPLY_ACK and NEED_REPLY each request gets exactly one reply: its own, or an ack.")
{
	struct outcome o;
	struct fe *fe;
	u32 r;

	for (r = 1; r < NR_REQUESTS; r++) {
		fe = open_with_acks();
		o = ask_plain(fe, r, ACKED);
		if (o.replies > 1 || (!o.replies && !o.closed))
			fail("%s: expected one reply, or the end of the connection; came: %s",
			     request_name(r), describe(&o));
		if (o.replies && (o.m.hdr.request != r ||
				  !(o.m.hdr.flags & VHOST_USER_REPLY)))
			fail("%s: expected a reply with its number; came: %s",
			     request_name(r), describe(&o));
		fe_close(fe);
	}
}

TEST(R7, no_ack_unless_asked_for, SECT_ACK,
     "Without NEED_REPLY there is no ack.")
{
	struct fe *fe = open_with_acks();
	struct outcome o;
	u32 r;

	for (r = 1; r < NR_REQUESTS; r++) {
		if (request_info(r)->own)
			continue;
		o = ask_plain(fe, r, PLAIN);
		if (o.replies)
			fail("%s without NEED_REPLY: expected no reply; came: %s",
			     request_name(r), describe(&o));
		if (o.closed) {
			fe_close(fe);
			fe = open_with_acks();
		}
	}
}

TEST(R7, own_replies_need_no_flag, SECT_ACK,
     "Requests that have an answer of their own are answered with and without NEED_REPLY alike, once.")
{
	static const u32 own[] = { GET_FEATURES, GET_PROTOCOL_FEATURES,
				   GET_VRING_BASE, GET_QUEUE_NUM, GET_CONFIG,
				   GET_STATUS, GET_MAX_MEM_SLOTS };
	struct fe *fe = open_with_acks();
	struct outcome a, b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own); i++) {
		if (!negotiated(fe, own[i]))
			continue;
		a = ask_plain(fe, own[i], PLAIN);
		b = ask_plain(fe, own[i], ACKED);
		if (a.replies != 1 || a.closed)
			fail("%s: expected its answer; came: %s",
			     request_name(own[i]), describe(&a));
		if (b.replies != 1 || b.closed || b.m.hdr.size != a.m.hdr.size ||
		    memcmp(b.m.payload, a.m.payload, a.m.hdr.size))
			fail("%s with NEED_REPLY: expected the same answer, and no ack; came: %s",
			     request_name(own[i]), describe(&b));
	}
}

TEST(R7, flags_of_replies, SECT_HDR,
     "A reply has the flags REPLY and version 1 and no other, NEED_REPLY least of all.")
{
	struct fe *fe = open_with_acks();
	struct outcome o = ask(fe, GET_FEATURES, ACKED, NULL, 0, NULL, 0);

	if (o.m.hdr.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY))
		fail("GET_FEATURES: expected flags 0x5; came: %s", describe(&o));
	o = ask(fe, SET_OWNER, ACKED, NULL, 0, NULL, 0);
	if (!is_ack(&o, SET_OWNER, true))
		fail("SET_OWNER: expected an ack of 0 with flags 0x5; came: %s",
		     describe(&o));
}

TEST(R7, no_ack_without_reply_ack, SECT_ACK,
     "Without REPLY_ACK negotiated NEED_REPLY asks for nothing.")
{
	struct fe *fe = fe_open(FE_NO_ACK);
	struct outcome o = ask(fe, SET_OWNER, ACKED, NULL, 0, NULL, 0);

	if (o.closed)
		fail("expected SET_OWNER to be taken; came: %s", describe(&o));
	/* Some answer whoever sets the flag, and no front-end minds. */
	if (opt.strict && o.replies)
		fail("expected no reply; came: %s", describe(&o));
}

TEST(R7, errors_are_nacked, SECT_ACK,
     "With NEED_REPLY a failure is answered with a non-zero value.")
{
	struct fe *fe = open_with_acks();
	struct vhost_user_vring_state s = { .index = 200, .num = 64 };

	if (!refused(fe, SET_VRING_NUM, &s, sizeof(s), NULL, 0,
		     "of a queue that there is not") && opt.strict)
		fail("expected the session to go on");
}

/* A2: sizes */

static u32 wrong_size(u32 size, unsigned int i)
{
	static const int diff[] = { -1, 1, 8, -4 };

	if (i < 4)
		return (u32)((int)size + diff[i]);
	return i == 4 ? 0 : 4096;
}

static void sizes(bool longer)
{
	u8 payload[8192] = { 0 };
	struct fe *fe = fe_open(0);
	struct outcome o;
	struct plain p;
	unsigned int i;
	u32 r, size;

	for (r = 1; r < NR_REQUESTS; r++) {
		for (i = 0; i < 6; i++) {
			size = wrong_size(request_info(r)->size, i);
			if (!negotiated(fe, r) || size > 4096 ||
			    (size > request_info(r)->size) != longer ||
			    size == request_info(r)->size)
				continue;
			p = plain(fe, r);
			memcpy(payload, p.payload, sizeof(p.payload));
			o = ask(fe, r, ACKED, payload, size, p.fds, p.nfds);
			/* Longer is not wrong by any rule; it must stay in step. */
			if (!longer && !o.closed && has_pf(fe, PF_REPLY_ACK) &&
			    !is_ack(&o, r, false) && o.m.hdr.size)
				fail("%s with %u bytes in place of %u: expected a NACK or the end; came: %s",
				     request_name(r), size, request_info(r)->size,
				     describe(&o));
			if (!longer && !o.closed && !o.replies && has_pf(fe, PF_REPLY_ACK))
				fail("%s with %u bytes in place of %u: expected a NACK or the end; came: nothing",
				     request_name(r), size, request_info(r)->size);
			fe_close(fe);
			fe = fe_open(0);
		}
	}
}

TEST(A2, payload_too_short, SECT_HDR,
     "A request whose payload is shorter than its kind is refused: NACK, or the end of the connection.")
{
	sizes(false);
}

TEST(A2, payload_too_long, SECT_HDR,
     "A request whose payload is longer than its kind is refused, or taken without its tail; what follows is understood.")
{
	sizes(true);
}

TEST(A2, absurd_size, SECT_HDR,
     "A size that no message has ends the connection at once; nobody waits for 4 GiB to come.")
{
	static const u32 size[] = { 0xffffffff, 0x80000000, 0x7fffffff, 1u << 20 };
	struct vhost_user_hdr h = { .request = SET_MEM_TABLE, .flags = PLAIN };
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		fe = fe_open(0);
		h.size = size[i];
		send_raw(fe, &h, sizeof(h), NULL, 0);
		closes(fe, "a message with an absurd size");
		fe_close(fe);
	}
}

/* A3: flags */

static void bad_flags(u32 flags, const char *why)
{
	struct fe *fe = fe_open(0);
	struct outcome o = ask(fe, SET_OWNER, flags, NULL, 0, NULL, 0);

	if (!o.closed && !is_ack(&o, SET_OWNER, false))
		fail("%s: expected the end of the connection; came: %s", why,
		     describe(&o));
	fe_close(fe);
}

TEST(A3, version_is_not_1, SECT_HDR,
     "The version in the flags is 1; a message of another one cannot be understood.")
{
	bad_flags(0, "version 0");
	bad_flags(2, "version 2");
	bad_flags(3, "version 3");
}

TEST(A3, reply_bit_in_a_request, SECT_HDR,
     "The REPLY flag is for replies: what carries it is no request.")
{
	bad_flags(PLAIN | VHOST_USER_REPLY, "flag REPLY");
}

TEST(A3, reserved_flags, SECT_HDR,
     "Flags beyond version, REPLY and NEED_REPLY are reserved: they are ignored, or refused.")
{
	struct fe *fe = fe_open(0);
	struct outcome o = ask(fe, SET_OWNER, PLAIN | 0x10, NULL, 0, NULL, 0);

	if (o.replies || (opt.strict && !o.closed))
		fail("flag 0x10: expected no reply; came: %s", describe(&o));
}

/* A4: requests that are none, or not now */

static void unknown(u32 request, const char *why)
{
	struct fe *fe = fe_open(0);
	struct outcome o;
	int fd = stray_fd();

	o = ask(fe, request, ACKED, NULL, 0, &fd, 1);
	if (has_pf(fe, PF_REPLY_ACK) && !o.closed && !is_ack(&o, request, false))
		fail("%s, %s: expected a NACK or the end of the connection; came: %s",
		     request_name(request), why, describe(&o));
	close(fd);
	wait_target_fds(stray_name(), 0, "a file with an unknown request");
	fe_close(fe);
}

TEST(A4, unknown_requests, "Communication",
     "A request that does not exist is refused: NACK, or the end of the connection; files that came with it are closed.")
{
	static const u32 none[] = { 0, 100, 255, 256, 0x10001, 0x7fffffff,
				    0x80000000, 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		unknown(none[i], "which is none");
}

TEST(A4, requests_of_features_not_negotiated, "Protocol features",
     "A request that needs a protocol feature is refused when that has not been negotiated.")
{
	struct outcome o;
	struct fe *fe;
	u32 r;

	for (r = 1; r < NR_REQUESTS; r++) {
		fe = fe_open(0);
		if (!has_pf(fe, PF_REPLY_ACK))
			skip("protocol feature REPLY_ACK is not offered");
		if (!negotiated(fe, r)) {
			o = ask_plain(fe, r, ACKED);
			if (!o.closed && !is_ack(&o, r, false) && o.m.hdr.size)
				fail("%s: expected a NACK or the end of the connection; came: %s",
				     request_name(r), describe(&o));
		}
		fe_close(fe);
	}
}

TEST(A4, gated_requests_with_acks_alone, "Protocol features",
     "With nothing negotiated but REPLY_ACK, the requests of all other protocol features are refused.")
{
	struct fe *fe = NULL;
	struct outcome o;
	u64 f = BIT_ULL(PF_REPLY_ACK);
	u32 r;

	for (r = 1; r < NR_REQUESTS; r++) {
		if (request_info(r)->gate < 0 || r == SET_VRING_ENABLE)
			continue;
		if (!fe) {
			fe = fe_open(0);
			need_pf(fe, PF_REPLY_ACK, "REPLY_ACK");
			must_u64(fe, SET_PROTOCOL_FEATURES, f);
		}
		o = ask_plain(fe, r, ACKED);
		if (!o.closed && !is_ack(&o, r, false) &&
		    !(o.replies == 1 && !o.m.hdr.size))
			fail("%s: expected a NACK or the end of the connection; came: %s",
			     request_name(r), describe(&o));
		if (o.closed) {
			fe_close(fe);
			fe = NULL;
		}
	}
}
