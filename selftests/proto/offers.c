// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is offered, how options change that, and what only some devices have. */
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define MQ		BIT_ULL(VHOST_USER_PROTOCOL_F_MQ)
#define RARP		BIT_ULL(VHOST_USER_PROTOCOL_F_RARP)
#define MTU		BIT_ULL(VHOST_USER_PROTOCOL_F_MTU)
#define LOG_SHMFD	BIT_ULL(VHOST_USER_PROTOCOL_F_LOG_SHMFD)
#define REPLY_ACK	BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK)
#define NETWORK		(RARP | MTU)

#define RINGS	(BIT_ULL(VIRTIO_F_RING_PACKED) |		\
		 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
		 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

static void offered(const char *type, const char *options, u64 *features,
		    u64 *protocol)
{
	struct umtt u;
	struct fvu f;

	umtt_start(&u, "slave", "--device", device(type, "a", options), NULL);
	fvu_connect(&f, path("a"));
	*features = fvu_get(&f, VHOST_USER_GET_FEATURES);
	*protocol = fvu_get(&f, VHOST_USER_GET_PROTOCOL_FEATURES);
	fvu_close(&f);
	umtt_term(&u, 0);
}

TEST(by_every_device)
{
	static const char *const types[] = { "echo", "rng", "net" };
	u64 f, p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		offered(types[i], NULL, &f, &p);
		check_eq(RINGS | FVU_FEATURES, f & (RINGS | FVU_FEATURES));
		check(f & BIT_ULL(VHOST_USER_F_LOG_ALL));
		/* Nothing of what we do not do, and nothing above 23. */
		check_eq(0, f & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
		check_eq(0, p >> 17);
		check(p & LOG_SHMFD);
		check_eq(i == 2 ? NETWORK : 0, p & NETWORK);
	}
}

TEST(options)
{
	u64 f, p;

	offered("rng", "packed=off", &f, &p);
	check_eq(RINGS & ~BIT_ULL(VIRTIO_F_RING_PACKED), f & RINGS);
	offered("rng", "event-idx=off,indirect=off", &f, &p);
	check_eq(BIT_ULL(VIRTIO_F_RING_PACKED), f & RINGS);
	offered("rng", "migration=off", &f, &p);
	check(!(f & BIT_ULL(VHOST_USER_F_LOG_ALL)));
	check(!(p & LOG_SHMFD));
	check_eq(RINGS, f & RINGS);
}

/* What was not offered cannot be had. */
TEST(options_are_kept_to)
{
	struct umtt u;
	struct fvu f;
	u64 v = FVU_FEATURES | BIT_ULL(VIRTIO_F_RING_PACKED);

	umtt_start(&u, "slave", "--device",
		   device("rng", "a", "packed=off,migration=off"),
		   NULL);
	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, REPLY_ACK, true);
	fvu_send(&f, VHOST_USER_SET_FEATURES, VHOST_USER_NEED_REPLY, &v,
		 sizeof(v), NULL, 0);
	fvu_acked(&f, VHOST_USER_SET_FEATURES, 1);
	umtt_says(&u, "were never offered");
	v = REPLY_ACK | LOG_SHMFD;
	fvu_send(&f, VHOST_USER_SET_PROTOCOL_FEATURES, VHOST_USER_NEED_REPLY,
		 &v, sizeof(v), NULL, 0);
	fvu_acked(&f, VHOST_USER_SET_PROTOCOL_FEATURES, 1);
	umtt_says(&u, "were never offered");
	fvu_close(&f);
	umtt_term(&u, 0);
}

/* Two network devices on a link, in real time. */
FIXTURE(net) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(net)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("net", "a", "mtu=1400"), "--device",
		   device("net", "b", NULL), NULL);
	fvu_connect(&self->f, path("a"));
}

FIXTURE_TEARDOWN(net)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

/* Pairs for who thinks in pairs; each of them for UML. */
TEST_F(net, number_of_queues)
{
	struct fvu *f = &self->f;

	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, MQ, false);
	check_eq(1, fvu_get(f, VHOST_USER_GET_QUEUE_NUM));
	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND | MQ, true);
	check_eq(2, fvu_get(f, VHOST_USER_GET_QUEUE_NUM));
}

TEST_F(net, mtu)
{
	static const u64 bad[] = { 0, 67, 1401, 65536 + 1400, ~0ULL };
	struct fvu *f = &self->f;
	unsigned int i;

	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, REPLY_ACK | MTU, true);
	fvu_u64(f, VHOST_USER_NET_SET_MTU, 1400, true);
	fvu_u64(f, VHOST_USER_NET_SET_MTU, 68, true);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fvu_send(f, VHOST_USER_NET_SET_MTU, VHOST_USER_NEED_REPLY,
			 &bad[i], 8, NULL, 0);
		fvu_acked(f, VHOST_USER_NET_SET_MTU, 1);
		umtt_says(&self->slave, "refused NET_SET_MTU");
	}
}

TEST_F(net, announce)
{
	static const u8 mac[8] = { 2, 0, 0, 0, 0, 9 }, all[6] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	const size_t hdr = sizeof(struct virtio_net_hdr_v1);
	struct fvu *f = &self->f, other;
	const u8 *p;
	u32 len = 0;
	u64 v;

	fvu_open(&other, "b");
	fvu_desc(&other, 0, 0, FVU_DATA, 2000, VRING_DESC_F_WRITE, 0);
	fvu_avail(&other, 0, 0);
	fvu_kick(&other, 0);
	fvu_kicked(&other);
	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, REPLY_ACK | RARP, true);
	memcpy(&v, mac, sizeof(v));
	fvu_u64(f, VHOST_USER_SEND_RARP, v, true);
	fvu_called(&other, 0);
	fvu_answer(&other, 0);
	check_eq(0, fvu_used(&other, 0, &len));
	check_eq(hdr + 60, len);
	p = (u8 *)fvu_host(&other, FVU_DATA) + hdr;
	check(!memcmp(p, all, 6));
	check(!memcmp(p + 6, mac, 6));
	check(!memcmp(p + 12, "\x80\x35\0\1\x08\0\6\4\0\3", 10));
	check(!memcmp(p + 22, mac, 6));
	check(!memcmp(p + 32, mac, 6));
	fvu_close(&other);
}

TEST_HARNESS_MAIN
