// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vhost-user messages: what is taken, what is refused, and how it is answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/vu/msg.h"
#include "../../src/wire/timetravel.h"
#include "kselftest_harness.h"

#define V	VHOST_USER_VERSION
#define NR	VHOST_USER_NEED_REPLY

#define NONE	0
#define S64	8
#define ADDR	40

/* Each request with the payload that it must have; fds where it takes any. */
static const struct {
	u32 request;
	u32 size;
	unsigned int fds;
	enum vu_reply reply;
} served[] = {
	{ VHOST_USER_GET_FEATURES, NONE, 0, VU_REPLY_OWN },
	{ VHOST_USER_SET_FEATURES, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_OWNER, NONE, 0, VU_REPLY_ACK },
	{ VHOST_USER_RESET_OWNER, NONE, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_VRING_NUM, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_VRING_ADDR, ADDR, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_VRING_BASE, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_GET_VRING_BASE, S64, 0, VU_REPLY_OWN },
	{ VHOST_USER_SET_VRING_KICK, S64, 1, VU_REPLY_ACK },
	{ VHOST_USER_SET_VRING_CALL, S64, 1, VU_REPLY_ACK },
	{ VHOST_USER_SET_VRING_ERR, S64, 1, VU_REPLY_ACK },
	{ VHOST_USER_GET_PROTOCOL_FEATURES, NONE, 0, VU_REPLY_OWN },
	{ VHOST_USER_SET_PROTOCOL_FEATURES, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_GET_QUEUE_NUM, NONE, 0, VU_REPLY_OWN },
	{ VHOST_USER_SET_VRING_ENABLE, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_SLAVE_REQ_FD, NONE, 1, VU_REPLY_ACK },
	{ VHOST_USER_VRING_KICK, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_SET_LOG_BASE, 16, 1, VU_REPLY_OWN },
	{ VHOST_USER_SET_LOG_FD, NONE, 1, VU_REPLY_ACK },
	{ VHOST_USER_SEND_RARP, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_NET_SET_MTU, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_RESET_DEVICE, NONE, 0, VU_REPLY_ACK },
	{ VHOST_USER_GET_MAX_MEM_SLOTS, NONE, 0, VU_REPLY_OWN },
	{ VHOST_USER_ADD_MEM_REG, 40, 1, VU_REPLY_ACK },
	{ VHOST_USER_SET_STATUS, S64, 0, VU_REPLY_ACK },
	{ VHOST_USER_GET_STATUS, NONE, 0, VU_REPLY_OWN },
};

/* Those that have an answer of their own, though we do not give it. */
static const u32 refused_own[] = {
	VHOST_USER_IOTLB_MSG, VHOST_USER_CREATE_CRYPTO_SESSION,
	VHOST_USER_POSTCOPY_ADVISE, VHOST_USER_POSTCOPY_END,
	VHOST_USER_GET_SHARED_OBJECT, VHOST_USER_SET_DEVICE_STATE_FD,
	VHOST_USER_CHECK_DEVICE_STATE, VHOST_USER_GET_SHMEM_CONFIG,
	VHOST_USER_GET_VRING_BASE_SKIP_DRAIN,
};

static const u32 refused_ack[] = {
	0, VHOST_USER_SET_VRING_ENDIAN, VHOST_USER_CLOSE_CRYPTO_SESSION,
	VHOST_USER_POSTCOPY_LISTEN, VHOST_USER_GPU_SET_SOCKET,
	46, 47, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
};

static u8 payload[VU_MSG_MAX_PAYLOAD + 1];
static struct vu_msg m;

static int decode(u32 request, u32 flags, u32 size, unsigned int fds)
{
	struct vhost_user_hdr h = { request, flags, size };
	static u8 *buf;

	/* Exactly as long as said, and at an odd address. */
	free(buf);
	buf = malloc(size + 1);
	memset(&m, 0xee, sizeof(m));
	memcpy(buf + 1, payload, size);
	return vu_msg_decode(&m, &h, buf + 1, fds);
}

TEST(header_flags)
{
	struct vhost_user_hdr h = { .request = 1 };
	u32 flags, bit;
	int want;

	for (flags = 0; flags < 64; flags++) {
		h.flags = flags;
		want = flags == V || flags == (V | NR) ? 0 : -EPROTO;
		EXPECT_EQ(want, vu_msg_payload_len(&h));
	}
	for (bit = 4; bit < 32; bit++) {
		h.flags = V | 1u << bit;
		EXPECT_EQ(-EPROTO, vu_msg_payload_len(&h));
	}
}

TEST(header_size)
{
	struct vhost_user_hdr h = { 24, V, 0 };

	EXPECT_EQ(0, vu_msg_payload_len(&h));
	h.size = VU_MSG_MAX_PAYLOAD;
	EXPECT_EQ(VU_MSG_MAX_PAYLOAD, vu_msg_payload_len(&h));
	h.size++;
	EXPECT_EQ(-EMSGSIZE, vu_msg_payload_len(&h));
	h.size = 0x7fffffff;
	EXPECT_EQ(-EMSGSIZE, vu_msg_payload_len(&h));
	h.size = 0xffffffff;
	EXPECT_EQ(-EMSGSIZE, vu_msg_payload_len(&h));
}

TEST(every_request_in_its_own_size_only)
{
	size_t i;
	u32 size;
	int want;

	for (i = 0; i < ARRAY_SIZE(served); i++) {
		for (size = 0; size <= 100; size++) {
			want = size == served[i].size ? 0 : -EMSGSIZE;
			ASSERT_EQ(want, decode(served[i].request, V, size,
					       served[i].fds));
			EXPECT_EQ(served[i].request, m.request);
			EXPECT_EQ(served[i].reply, m.reply);
			EXPECT_FALSE(m.need_reply);
		}
		EXPECT_EQ(-EMSGSIZE, decode(served[i].request, V,
					    VU_MSG_MAX_PAYLOAD, served[i].fds));
	}
}

TEST(every_request_with_its_own_number_of_fds_only)
{
	unsigned int fds;
	size_t i;
	int want;

	for (i = 0; i < ARRAY_SIZE(served); i++) {
		for (fds = 0; fds <= 9; fds++) {
			want = fds == served[i].fds ? 0 : -EINVAL;
			EXPECT_EQ(want, decode(served[i].request, V | NR,
					       served[i].size, fds))
				TH_LOG("%s", vhost_user_name(served[i].request));
			EXPECT_TRUE(m.need_reply);
			EXPECT_EQ(fds, m.nfds);
		}
	}
}

TEST(requests_that_are_not_served)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refused_own); i++) {
		EXPECT_EQ(-ENOTSUP, decode(refused_own[i], V | NR, 8, 0));
		EXPECT_EQ(VU_REPLY_OWN, m.reply);
		EXPECT_TRUE(m.need_reply);
	}
	for (i = 0; i < ARRAY_SIZE(refused_ack); i++) {
		EXPECT_EQ(-ENOTSUP, decode(refused_ack[i], V | NR, 8, 2));
		EXPECT_EQ(VU_REPLY_ACK, m.reply);
		EXPECT_EQ(refused_ack[i], m.request);
	}
}

TEST(every_request_is_in_one_of_the_tables)
{
	/*
	 * SET_MEM_TABLE, REM_MEM_REG, those of the configuration space and of
	 * the record of what is in flight have tests of their own.
	 */
	EXPECT_EQ(VHOST_USER_NR_REQUESTS - 1,
		  ARRAY_SIZE(served) + 6 + ARRAY_SIZE(refused_own) + 4);
}

TEST(number)
{
	u64 v = 0x123456789abcdef0;

	memcpy(payload, &v, sizeof(v));
	EXPECT_EQ(0, decode(VHOST_USER_SET_FEATURES, V, 8, 0));
	EXPECT_EQ(v, m.u64);
}

TEST(vring_state)
{
	struct vhost_user_vring_state s = { 0x10000, 0xffffffff };

	memcpy(payload, &s, sizeof(s));
	EXPECT_EQ(0, decode(VHOST_USER_SET_VRING_NUM, V, 8, 0));
	EXPECT_EQ(0x10000, m.state.index);
	EXPECT_EQ(0xffffffff, m.state.num);
	EXPECT_EQ(0, decode(VHOST_USER_GET_VRING_BASE, V, 8, 0));
}

TEST(vring_enable_is_0_or_1)
{
	struct vhost_user_vring_state s = { 1, 0 };

	for (s.num = 0; s.num < 4; s.num++) {
		memcpy(payload, &s, sizeof(s));
		EXPECT_EQ(s.num < 2 ? 0 : -EINVAL,
			  decode(VHOST_USER_SET_VRING_ENABLE, V, 8, 0));
	}
}

TEST(vring_kick_must_be_0)
{
	struct vhost_user_vring_state s = { 7, 0 };

	memcpy(payload, &s, sizeof(s));
	EXPECT_EQ(0, decode(VHOST_USER_VRING_KICK, V | NR, 8, 0));
	EXPECT_EQ(7, m.state.index);
	s.num = 1;
	memcpy(payload, &s, sizeof(s));
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_VRING_KICK, V | NR, 8, 0));
}

TEST(vring_addr)
{
	/* As UML sends it. */
	struct vhost_user_vring_addr a = {
		1, 0, 0x1000, 0x3000, 0x2000, ~0ULL
	};

	memcpy(payload, &a, sizeof(a));
	EXPECT_EQ(0, decode(VHOST_USER_SET_VRING_ADDR, V, 40, 0));
	EXPECT_EQ(0, memcmp(&m.addr, &a, sizeof(a)));
	EXPECT_EQ(0x3000, m.addr.used);
	EXPECT_EQ(0x2000, m.addr.avail);
}

TEST(vring_fd)
{
	unsigned int fds;
	u64 v;

	for (v = 0; v < 0x400; v++) {
		memcpy(payload, &v, sizeof(v));
		for (fds = 0; fds < 3; fds++)
			ASSERT_EQ(v < 0x200 && fds == !(v & 0x100) ? 0 : -EINVAL,
				  decode(VHOST_USER_SET_VRING_CALL, V, 8, fds));
		if (v < 0x200) {
			EXPECT_EQ((u8)v, m.vring_fd.index);
			EXPECT_EQ(v >= 0x100, m.vring_fd.nofd);
		}
	}
	v = 1ULL << 32;
	memcpy(payload, &v, sizeof(v));
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_VRING_KICK, V, 8, 1));
}

static void put_table(u32 nr)
{
	struct vhost_user_mem_hdr h = { .nregions = nr };
	struct vhost_user_region r;
	u32 i;

	memcpy(payload, &h, sizeof(h));
	for (i = 0; i < nr && i < 9; i++) {
		r = (struct vhost_user_region){ i, 100 + i, 200 + i, 300 + i };
		memcpy(payload + 8 + 32 * i, &r, sizeof(r));
	}
}

TEST(mem_table)
{
	u32 nr, size;

	for (nr = 0; nr <= VHOST_USER_MAX_REGIONS; nr++) {
		put_table(nr);
		for (size = 0; size < 8 + 32 * nr; size++)
			ASSERT_EQ(-EMSGSIZE, decode(VHOST_USER_SET_MEM_TABLE, V,
						    size, nr));
		/* Longer is fine: UML always sends room for two. */
		for (; size < 300; size++)
			ASSERT_EQ(0, decode(VHOST_USER_SET_MEM_TABLE, V, size,
					    nr));
		EXPECT_EQ(nr, m.mem.nr);
		if (nr) {
			EXPECT_EQ(nr - 1, m.mem.region[nr - 1].guest_addr);
			EXPECT_EQ(299 + nr, m.mem.region[nr - 1].mmap_offset);
		}
		EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_MEM_TABLE, V, 300,
					  nr + 1));
		if (nr)
			EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_MEM_TABLE, V,
						  300, nr - 1));
	}
}

TEST(mem_table_of_too_many)
{
	static const u32 many[] = { 9, 128, 0x08000000, 0x80000000, 0xffffffff };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		put_table(many[i]);
		EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_MEM_TABLE, V,
					  VU_MSG_MAX_PAYLOAD, many[i]));
		EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_MEM_TABLE, V, 8, 8));
	}
	EXPECT_EQ(-EMSGSIZE, decode(VHOST_USER_SET_MEM_TABLE, V, 7, 0));
}

TEST(config)
{
	static const u32 requests[] = { VHOST_USER_GET_CONFIG,
					VHOST_USER_SET_CONFIG };
	struct vhost_user_config_hdr h = { 5, 0, 1 };
	size_t i;
	u32 size;

	for (i = 0; i < 2; i++) {
		for (size = 0; size <= VU_MSG_MAX_CONFIG; size += 1 + size / 7) {
			h.size = size;
			memcpy(payload, &h, sizeof(h));
			memset(payload + sizeof(h), 0x5a, size);
			ASSERT_EQ(0, decode(requests[i], V, 12 + size, 0));
			EXPECT_EQ(5, m.config.offset);
			EXPECT_EQ(size, m.config.size);
			EXPECT_EQ(1, m.config.flags);
			if (size) {
				EXPECT_EQ(0x5a, m.config.data[0]);
				EXPECT_EQ(0x5a, m.config.data[size - 1]);
				EXPECT_EQ(-EMSGSIZE, decode(requests[i], V,
							    11 + size, 0));
			}
			EXPECT_EQ(-EMSGSIZE, decode(requests[i], V, 13 + size, 0));
		}
		EXPECT_EQ(i ? VU_REPLY_ACK : VU_REPLY_OWN, m.reply);
		EXPECT_EQ(-EINVAL, decode(requests[i], V, 12 + h.size, 1));
		for (size = 0; size < 12; size++)
			EXPECT_EQ(-EMSGSIZE, decode(requests[i], V, size, 0));
		/* A size of almost 2^32 must not pass for a small one. */
		h.size = 0xfffffff8;
		memcpy(payload, &h, sizeof(h));
		EXPECT_EQ(-EMSGSIZE, decode(requests[i], V, 4, 0));
		EXPECT_EQ(-EMSGSIZE, decode(requests[i], V, 12, 0));
	}
}

TEST(one_region)
{
	struct vhost_user_mem_reg reg = { ~0ULL, { 1, 2, 3, 4 } };
	u32 size;

	memcpy(payload, &reg, sizeof(reg));
	EXPECT_EQ(0, decode(VHOST_USER_ADD_MEM_REG, V, 40, 1));
	EXPECT_EQ(0, memcmp(&m.region, &reg.region, sizeof(m.region)));
	/* The file that it may come with is for nothing. */
	for (size = 0; size < 100; size++)
		EXPECT_EQ(size == 40 ? 0 : -EMSGSIZE,
			  decode(VHOST_USER_REM_MEM_REG, V, size, 0));
	EXPECT_EQ(0, decode(VHOST_USER_REM_MEM_REG, V, 40, 1));
	EXPECT_EQ(3, m.region.user_addr);
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_REM_MEM_REG, V, 40, 2));
	EXPECT_EQ(VU_REPLY_ACK, m.reply);
}

/* The specification's 20 bytes, or QEMU's 24. */
TEST(inflight)
{
	struct vhost_user_inflight a = { 1, 2, 3, 4, 5 };
	u32 size;

	memcpy(payload, &a, sizeof(a));
	for (size = 0; size < 100; size++) {
		EXPECT_EQ(size == 20 || size == 24 ? 0 : -EMSGSIZE,
			  decode(VHOST_USER_GET_INFLIGHT_FD, V, size, 0));
		EXPECT_EQ(VU_REPLY_OWN, m.reply);
		EXPECT_EQ(size == 20 || size == 24 ? 0 : -EMSGSIZE,
			  decode(VHOST_USER_SET_INFLIGHT_FD, V, size, 1));
		EXPECT_EQ(VU_REPLY_ACK, m.reply);
		if (size != 20 && size != 24)
			continue;
		EXPECT_EQ(size, m.inflight.size);
		EXPECT_EQ(1, m.inflight.area.mmap_size);
		EXPECT_EQ(2, m.inflight.area.mmap_offset);
		EXPECT_EQ(3, m.inflight.area.num_queues);
		EXPECT_EQ(4, m.inflight.area.queue_size);
	}
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_GET_INFLIGHT_FD, V, 24, 1));
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_INFLIGHT_FD, V, 24, 0));
	EXPECT_EQ(-EINVAL, decode(VHOST_USER_SET_INFLIGHT_FD, V, 24, 2));
}

TEST(log_base)
{
	struct vhost_user_log l = { 7, 8 };

	memcpy(payload, &l, sizeof(l));
	EXPECT_EQ(0, decode(VHOST_USER_SET_LOG_BASE, V, 16, 1));
	EXPECT_EQ(7, m.log.size);
	EXPECT_EQ(8, m.log.offset);
}

TEST(names)
{
	static const char *const tt[] = {
		"ACK", "START", "REQUEST", "WAIT", "GET", "UPDATE", "RUN",
		"FREE_UNTIL", "GET_TOD", "BROADCAST",
	};
	u32 i;

	EXPECT_STREQ("SET_MEM_TABLE", vhost_user_name(5));
	EXPECT_STREQ("VRING_KICK", vhost_user_name(35));
	EXPECT_STREQ("?", vhost_user_name(0));
	EXPECT_STREQ("GET_STATUS", vhost_user_name(40));
	EXPECT_STREQ("?", vhost_user_name(46));
	EXPECT_STREQ("?", vhost_user_name(0xffffffff));
	for (i = 1; i < VHOST_USER_NR_REQUESTS; i++)
		EXPECT_STRNE("?", vhost_user_name(i));
	for (i = 0; i < TT_NR_OPS; i++)
		EXPECT_STREQ(tt[i], tt_op_name(i));
	EXPECT_STREQ("?", tt_op_name(TT_NR_OPS));
	EXPECT_STREQ("?", tt_op_name(0xffffffff));
}

TEST_HARNESS_MAIN
