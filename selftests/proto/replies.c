// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Every request is answered once, or not at all, as the specification says. */
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define REPLY_ACK	BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK)

FIXTURE(replies) {
	struct umtt slave;
};

FIXTURE_SETUP(replies)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
}

FIXTURE_TEARDOWN(replies)
{
	umtt_term(&self->slave, 0);
}

/* How a request is answered when there is nothing wrong with it. */
enum kind {
	UNKNOWN,	/* not served; it may have a reply of its own elsewhere */
	ACKED,		/* with an ack, if that is asked for */
	REFUSED,	/* the same, but what we send is no good */
	OWN,		/* with a body of its own, and no ack */
};

/** struct req - a request; @payload as large as it must be */
struct req {
	enum kind kind;
	size_t len;
	u8 payload[64];
	bool fd;
	size_t reply;
};

static void put32(struct req *r, u32 a, u32 b)
{
	r->len = 8;
	memcpy(r->payload, &a, 4);
	memcpy(r->payload + 4, &b, 4);
}

static void put64(struct req *r, u64 v)
{
	r->len = 8;
	memcpy(r->payload, &v, 8);
}

static void put_mem(struct req *r)
{
	struct vhost_user_mem_hdr h = { .nregions = 1 };
	struct vhost_user_region reg = {
		.guest_addr = FVU_GPA, .user_addr = FVU_GPA, .size = FVU_MEM,
		.mmap_offset = FVU_HIDDEN,
	};

	memcpy(r->payload, &h, sizeof(h));
	memcpy(r->payload + sizeof(h), &reg, sizeof(reg));
	r->len = sizeof(h) + sizeof(reg);
	r->fd = true;
}

/* To a session in which features have been negotiated, and nothing else. */
static struct req request(u32 id, u64 protocol)
{
	struct req r = { .kind = ACKED };

	switch (id) {
	case VHOST_USER_GET_FEATURES:
	case VHOST_USER_GET_PROTOCOL_FEATURES:
	case VHOST_USER_GET_QUEUE_NUM:
		r.kind = OWN;
		r.reply = 8;
		break;
	case VHOST_USER_SET_FEATURES:
		put64(&r, FVU_FEATURES);
		break;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		put64(&r, protocol);
		break;
	case VHOST_USER_SET_OWNER:
	case VHOST_USER_RESET_OWNER:
		break;
	case VHOST_USER_SET_MEM_TABLE:
		put_mem(&r);
		break;
	case VHOST_USER_SET_VRING_NUM:
		put32(&r, 1, 64);
		break;
	case VHOST_USER_SET_VRING_BASE:
		put32(&r, 1, 17);
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		put32(&r, 1, 1);
		break;
	case VHOST_USER_GET_VRING_BASE:
		put32(&r, 1, 0);
		r.kind = OWN;
		r.reply = 8;
		break;
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		put64(&r, VHOST_USER_VRING_NOFD_MASK | 1);
		break;
	case VHOST_USER_GET_CONFIG:
		r.kind = OWN;
		put32(&r, 0, 4);
		r.len = 16;
		r.reply = 16;
		break;
	case VHOST_USER_SET_SLAVE_REQ_FD:
		r.fd = true;
		break;
	/* There is no memory yet, no ring, and nothing to be written. */
	case VHOST_USER_SET_VRING_ADDR:
		r.kind = REFUSED;
		r.len = 40;
		break;
	case VHOST_USER_SET_VRING_KICK:
		r.kind = REFUSED;
		put64(&r, VHOST_USER_VRING_NOFD_MASK | 1);
		break;
	case VHOST_USER_VRING_KICK:
		r.kind = REFUSED;
		put32(&r, 1, 0);
		break;
	case VHOST_USER_SET_CONFIG:
		r.kind = REFUSED;
		put32(&r, 0, 1);
		r.len = 13;
		break;
	default:
		r.kind = UNKNOWN;
	}
	return r;
}

/* Some that are not served have replies of their own, so an ack is none. */
static bool would_have_own(u32 id)
{
	return id == VHOST_USER_SET_LOG_BASE || id == VHOST_USER_IOTLB_MSG ||
	       id == VHOST_USER_CREATE_CRYPTO_SESSION ||
	       id == VHOST_USER_POSTCOPY_ADVISE ||
	       id == VHOST_USER_POSTCOPY_END ||
	       id == VHOST_USER_GET_INFLIGHT_FD ||
	       id == VHOST_USER_GET_MAX_MEM_SLOTS ||
	       id == VHOST_USER_GET_STATUS ||
	       (id >= VHOST_USER_GET_SHARED_OBJECT &&
		id <= VHOST_USER_GET_VRING_BASE_SKIP_DRAIN);
}

static void refused(struct umtt *u)
{
	umtt_says(u, "echo0: ");
}

static void one(struct umtt *u, u32 id, bool need_reply, bool reply_ack)
{
	u64 protocol = (FVU_INBAND & ~REPLY_ACK) | 1;
	bool ack = need_reply && reply_ack, good;
	struct req r;
	u8 buf[64];
	struct fvu f;
	int fd;

	if (reply_ack)
		protocol |= REPLY_ACK;
	else
		protocol &= ~BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
	r = request(id, protocol);
	good = r.kind == ACKED || r.kind == OWN;
	if (id == VHOST_USER_VRING_KICK && !reply_ack)
		good = false;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, protocol, reply_ack);
	fvu_u64(&f, VHOST_USER_SET_FEATURES, FVU_FEATURES, reply_ack);
	fd = id == VHOST_USER_SET_SLAVE_REQ_FD ? f.fd : f.memfd;
	fvu_send(&f, id, need_reply ? VHOST_USER_NEED_REPLY : 0, r.payload,
		 r.len, &fd, r.fd);
	if (r.kind == OWN) {
		fvu_reply(&f, id, buf, r.reply);
	} else if (ack && !would_have_own(id)) {
		fvu_acked(&f, id, !good);
		if (!good)
			refused(u);
	} else if (!good) {
		comes_to_an_end(f.fd, "the slave");
		refused(u);
		fvu_close(&f);
		return;
	}
	/* That was all: what comes next is the answer to the next request. */
	check(fvu_get(&f, VHOST_USER_GET_FEATURES) & FVU_FEATURES);
	fvu_close(&f);
}

TEST_F(replies, every_request)
{
	u32 id;

	for (id = 0; id < 50; id++) {
		/* Our own end as the slave channel: it talks to itself. */
		if (id == VHOST_USER_SET_SLAVE_REQ_FD)
			continue;
		one(&self->slave, id, false, false);
		one(&self->slave, id, false, true);
		one(&self->slave, id, true, false);
		one(&self->slave, id, true, true);
	}
	one(&self->slave, 0x7fffffff, true, true);
	one(&self->slave, 0x80000000, true, true);
	one(&self->slave, 0xffffffff, true, true);
	one(&self->slave, 0x10001, false, true);
}

TEST_F(replies, slave_channel)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND & ~REPLY_ACK &
		~BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS), false);
	fvu_slave_channel(&f, false);
	check(fvu_get(&f, VHOST_USER_GET_FEATURES));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
	fvu_slave_channel(&f, false);
	fvu_slave_channel(&f, true);
	check(fvu_get(&f, VHOST_USER_GET_FEATURES));
	fvu_close(&f);
}

/* It is checked against itself: is the ack agreed on, after it. */
TEST_F(replies, protocol_features_themselves)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, REPLY_ACK, true);
	/* And is no more. */
	fvu_send(&f, VHOST_USER_SET_PROTOCOL_FEATURES, VHOST_USER_NEED_REPLY,
		 "\0\0\0\0\0\0\0", 8, NULL, 0);
	check(fvu_get(&f, VHOST_USER_GET_FEATURES));
	fvu_close(&f);
}

/*
 * Values that there cannot be
 */

static void nack(struct umtt *u, struct fvu *f, u32 id, const void *payload,
		 size_t len)
{
	fvu_send(f, id, VHOST_USER_NEED_REPLY, payload, len, NULL, 0);
	fvu_acked(f, id, 1);
	refused(u);
}

TEST_F(replies, queues_that_do_not_exist)
{
	static const u32 index[] = { 2, 255, 256, 65536, 0x80000000, ~0u };
	struct umtt *u = &self->slave;
	struct vhost_user_vring_addr a = { 0 };
	struct vhost_user_vring_state s;
	struct fvu f;
	unsigned int i;
	u64 v;

	fvu_open(&f, "a");
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		s = (struct vhost_user_vring_state){ index[i], 64 };
		nack(u, &f, VHOST_USER_SET_VRING_NUM, &s, sizeof(s));
		nack(u, &f, VHOST_USER_SET_VRING_BASE, &s, sizeof(s));
		s.num = 0;
		nack(u, &f, VHOST_USER_VRING_KICK, &s, sizeof(s));
		s.num = 1;
		nack(u, &f, VHOST_USER_SET_VRING_ENABLE, &s, sizeof(s));
		a.index = index[i];
		nack(u, &f, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
		v = index[i] | VHOST_USER_VRING_NOFD_MASK;
		/* The bit that says so is no part of the index. */
		if (v == VHOST_USER_VRING_NOFD_MASK)
			continue;
		nack(u, &f, VHOST_USER_SET_VRING_KICK, &v, sizeof(v));
		nack(u, &f, VHOST_USER_SET_VRING_CALL, &v, sizeof(v));
		nack(u, &f, VHOST_USER_SET_VRING_ERR, &v, sizeof(v));
	}
	/* A reply of its own is how this one is answered, or the end. */
	s = (struct vhost_user_vring_state){ 2, 0 };
	fvu_send(&f, VHOST_USER_GET_VRING_BASE, VHOST_USER_NEED_REPLY, &s,
		 sizeof(s), NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(u, "there is no queue 2, only 2 of them");
	fvu_close(&f);
}

TEST_F(replies, numbers_that_make_no_sense)
{
	static const u32 num[] = { 0, 3, 65, 32769, 65536, ~0u };
	struct umtt *u = &self->slave;
	struct vhost_user_vring_state s;
	struct fvu f;
	unsigned int i;

	fvu_connect(&f, path("a"));
	fvu_negotiate(&f);
	for (i = 0; i < ARRAY_SIZE(num); i++) {
		s = (struct vhost_user_vring_state){ 0, num[i] };
		nack(u, &f, VHOST_USER_SET_VRING_NUM, &s, sizeof(s));
	}
	s = (struct vhost_user_vring_state){ 0, 65536 };
	nack(u, &f, VHOST_USER_SET_VRING_BASE, &s, sizeof(s));
	s.num = 2;
	nack(u, &f, VHOST_USER_SET_VRING_ENABLE, &s, sizeof(s));
	s.num = 1;
	nack(u, &f, VHOST_USER_VRING_KICK, &s, sizeof(s));
	s.num = 0;
	/* Not set up. */
	nack(u, &f, VHOST_USER_VRING_KICK, &s, sizeof(s));
	fvu_close(&f);
}

static void config_is(struct fvu *f, u32 off, u32 size, size_t reply)
{
	struct { struct vhost_user_config_hdr h; u8 data[4096]; } c = {
		.h = { .offset = off, .size = size, .flags = 5 },
	}, r;

	memset(c.data, 0xff, sizeof(c.data));
	memset(&r, 0xff, sizeof(r));
	fvu_send(f, VHOST_USER_GET_CONFIG, 0, &c, sizeof(c.h) + size, NULL, 0);
	fvu_reply(f, VHOST_USER_GET_CONFIG, &r, reply);
	if (!reply)
		return;
	check_eq(off, r.h.offset);
	check_eq(size, r.h.size);
	check_eq(5, r.h.flags);
	if (!off && size >= 5)
		check(!memcmp(r.data, "echo\1", 5));
	/* What lies beyond is 0. */
	if (size && off + size > 16)
		check_eq(0, r.data[size - 1]);
}

TEST_F(replies, configuration_space)
{
	struct fvu f;
	u32 off, size;

	fvu_open(&f, "a");
	for (off = 0; off < 40; off++)
		for (size = 0; size < 40; size++)
			config_is(&f, off, size, 12 + size);
	config_is(&f, 4095, 1, 13);
	config_is(&f, 4096, 0, 12);
	/* An error is said by a reply without payload. */
	config_is(&f, 4096, 1, 0);
	config_is(&f, 0xffffffff, 1, 0);
	config_is(&f, 0xffffffff, 4096, 0);
	config_is(&f, 0xfffffff0, 16, 0);
	fvu_close(&f);
}

TEST_F(replies, configuration_that_cannot_be_written)
{
	struct { struct vhost_user_config_hdr h; u8 data[32]; } c = {
		.h = { .offset = 0, .size = 1 },
	};
	struct fvu f;

	fvu_open(&f, "a");
	nack(&self->slave, &f, VHOST_USER_SET_CONFIG, &c, 13);
	c.h.offset = 0xffffffff;
	nack(&self->slave, &f, VHOST_USER_SET_CONFIG, &c, 13);
	c.h.offset = 16;
	nack(&self->slave, &f, VHOST_USER_SET_CONFIG, &c, 13);
	c.h.offset = 0;
	c.h.size = 0;
	nack(&self->slave, &f, VHOST_USER_SET_CONFIG, &c, 13);
	config_is(&f, 0, 16, 28);
	fvu_close(&f);
}

TEST_HARNESS_MAIN
