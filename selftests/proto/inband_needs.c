// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* In-band notifications need REPLY_ACK and SLAVE_REQ; simulated time needs them. */
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define REPLY_ACK	BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK)
#define SLAVE_REQ	BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ)
#define INBAND		BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS)

FIXTURE(plain) {
	struct umtt slave;
};

FIXTURE_SETUP(plain)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
}

FIXTURE_TEARDOWN(plain)
{
	umtt_term(&self->slave, 0);
}

/* SET_PROTOCOL_FEATURES ends the connection, and nothing else. */
static void closes(u64 features, bool ack)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	fvu_send(&f, VHOST_USER_SET_PROTOCOL_FEATURES,
		 ack ? VHOST_USER_NEED_REPLY : 0, &features, sizeof(features),
		 NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	fvu_close(&f);
}

/* It is taken, and the connection lives. @ack: whether to ask for one. */
static void goes_on(u64 features, bool ack)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	fvu_send(&f, VHOST_USER_SET_PROTOCOL_FEATURES,
		 ack ? VHOST_USER_NEED_REPLY : 0, &features, sizeof(features),
		 NULL, 0);
	/* Whether there is an ack follows from what it sets. */
	if (ack && (features & REPLY_ACK))
		fvu_acked(&f, VHOST_USER_SET_PROTOCOL_FEATURES, 0);
	check(fvu_get(&f, VHOST_USER_GET_FEATURES) & FVU_FEATURES);
	fvu_close(&f);
}

TEST_F(plain, all_combinations)
{
	unsigned int i;
	bool ack;
	u64 set;

	for (i = 0; i < 16; i++) {
		ack = i & 8;
		set = (i & 1 ? REPLY_ACK : 0) | (i & 2 ? SLAVE_REQ : 0) |
		      (i & 4 ? INBAND : 0);
		if ((set & INBAND) && (i & 3) != 3) {
			closes(set, ack);
			umtt_says(&self->slave,
				  "INBAND_NOTIFICATIONS needs REPLY_ACK and SLAVE_REQ as well");
		} else {
			goes_on(set, ack);
		}
	}
}

/* Also when an earlier one had agreed on acks. */
TEST_F(plain, not_even_a_negative_ack)
{
	struct fvu f;
	u64 bad = INBAND;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
	fvu_send(&f, VHOST_USER_SET_PROTOCOL_FEATURES, VHOST_USER_NEED_REPLY,
		 &bad, sizeof(bad), NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(&self->slave, "INBAND_NOTIFICATIONS needs");
	fvu_close(&f);
}

/*
 * RING_PACKED, VERSION_1, PROTOCOL_FEATURES, EVENT_IDX, INDIRECT_DESC, and the
 * log of who migrates.
 */
#define FEATURES (BIT_ULL(34) | BIT_ULL(32) | BIT_ULL(30) | BIT_ULL(29) | \
		  BIT_ULL(28) | BIT_ULL(VHOST_USER_F_LOG_ALL))

#define PROTOCOL (FVU_INBAND | BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |	\
		  BIT_ULL(VHOST_USER_PROTOCOL_F_LOG_SHMFD) |		\
		  BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) |	\
		  BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |		\
		  BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |	\
		  BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS))

TEST_F(plain, what_is_offered)
{
	struct fvu f;

	fvu_connect(&f, path("a"));
	check_eq(FEATURES, fvu_get(&f, VHOST_USER_GET_FEATURES));
	check_eq(PROTOCOL, fvu_get(&f, VHOST_USER_GET_PROTOCOL_FEATURES));
	fvu_close(&f);
}

TEST_F(plain, protocol_bits_not_offered)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if (!(PROTOCOL & BIT_ULL(bit))) {
			closes(FVU_INBAND | BIT_ULL(bit), bit & 1);
			umtt_says(&self->slave, "were never offered");
		}
}

TEST_F(plain, feature_bits_not_offered)
{
	struct fvu f;
	u64 bad;
	u32 bit;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
	for (bit = 0; bit < 64; bit++) {
		if (FEATURES & BIT_ULL(bit))
			continue;
		bad = FVU_FEATURES | BIT_ULL(bit);
		fvu_send(&f, VHOST_USER_SET_FEATURES, VHOST_USER_NEED_REPLY,
			 &bad, sizeof(bad), NULL, 0);
		fvu_acked(&f, VHOST_USER_SET_FEATURES, 1);
		umtt_says(&self->slave, "refused SET_FEATURES: features");
	}
	/* Without asking for an ack there is only one way to say it. */
	fvu_send(&f, VHOST_USER_SET_FEATURES, 0, &bad, sizeof(bad), NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(&self->slave, "were never offered");
	fvu_close(&f);
}

TEST_F(plain, messages_without_their_feature)
{
	struct vhost_user_vring_state s = { 0 };
	u64 just_ack = REPLY_ACK;
	struct fvu f;
	int fd = 0;

	fvu_connect(&f, path("a"));
	fvu_u64(&f, VHOST_USER_SET_PROTOCOL_FEATURES, just_ack, true);
	fvu_send(&f, VHOST_USER_VRING_KICK, VHOST_USER_NEED_REPLY, &s,
		 sizeof(s), NULL, 0);
	fvu_acked(&f, VHOST_USER_VRING_KICK, 1);
	umtt_says(&self->slave, "refused VRING_KICK: ");
	fvu_send(&f, VHOST_USER_SET_SLAVE_REQ_FD, VHOST_USER_NEED_REPLY, NULL,
		 0, &fd, 1);
	fvu_acked(&f, VHOST_USER_SET_SLAVE_REQ_FD, 1);
	umtt_says(&self->slave, "refused SET_SLAVE_REQ_FD: ");
	fvu_send(&f, VHOST_USER_GET_QUEUE_NUM, 0, NULL, 0, NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(&self->slave, "GET_QUEUE_NUM without protocol feature MQ");
	fvu_close(&f);
}

FIXTURE(simulated) {
	struct umtt slave;
	struct ttp cal;
};

FIXTURE_SETUP(simulated)
{
	int listener = cal_open();

	umtt_start(&self->slave, "slave", "--calendar", path("cal"),
		   "--device", device("echo", "a", NULL), NULL);
	cal_begin(&self->cal, listener);
	close(listener);
}

FIXTURE_TEARDOWN(simulated)
{
	umtt_term(&self->slave, 0);
	close(self->cal.fd);
}

#define WHY "the front-end does not do in-band notifications, which simulated time needs"

TEST_F(simulated, protocol_features_without_inband)
{
	closes(REPLY_ACK | SLAVE_REQ, true);
	umtt_says(&self->slave, WHY);
	closes(0, false);
	umtt_says(&self->slave, WHY);
	goes_on(FVU_INBAND, true);
}

/* As a front-end that has never heard of protocol features. */
TEST_F(simulated, kick_fd)
{
	struct fvu f;
	u64 nofd = VHOST_USER_VRING_NOFD_MASK;

	fvu_connect(&f, path("a"));
	f.features = BIT_ULL(32);
	f.protocol = 0;
	fvu_negotiate(&f);
	fvu_queue(&f, 0);
	fvu_send(&f, VHOST_USER_SET_VRING_KICK, 0, &nofd, sizeof(nofd), NULL,
		 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(&self->slave, WHY);
	fvu_close(&f);
}

TEST_F(simulated, inband_with_event_fds)
{
	static const u32 req[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
	};
	unsigned int i;
	struct fvu f;
	u64 v = 0;
	int sv[2];

	/* An event fd takes precedence, and has no place in simulated time. */
	fvu_open(&f, "a");
	check(pipe(sv) == 0);
	for (i = 0; i < 2; i++) {
		fvu_send(&f, req[i], VHOST_USER_NEED_REPLY, &v, sizeof(v),
			 &sv[!i ? 0 : 1], 1);
		fvu_acked(&f, req[i], 1);
		umtt_says(&self->slave, "event file descriptors have no place in simulated time");
	}
	close(sv[0]);
	close(sv[1]);
	echo_put(&f, 0, 0, 0);
	fvu_kick(&f, 0);
	cal_kick(&self->cal, 9, 9);
	fvu_kicked(&f);
	cal_run(&self->cal, 9, NEVER);
	fvu_called(&f, 0);
	fvu_close(&f);
}

TEST_HARNESS_MAIN
