// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The device's status, and resets. */
#include <linux/virtio_config.h>
#include <string.h>

#include "peer.h"
#include "kselftest_harness.h"

#define STATUS	BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS)
#define RESET	BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE)

#define BEGUN	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define READY	(BEGUN | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

FIXTURE(status) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(status)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	fvu_connect(&self->f, path("a"));
	self->f.protocol |= STATUS | RESET;
}

FIXTURE_TEARDOWN(status)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

static void set(struct fvu *f, u64 v)
{
	fvu_u64(f, VHOST_USER_SET_STATUS, v, true);
}

static u64 get(struct fvu *f)
{
	return fvu_get(f, VHOST_USER_GET_STATUS);
}

static void refused(struct umtt *u, struct fvu *f, u64 v)
{
	fvu_send(f, VHOST_USER_SET_STATUS, VHOST_USER_NEED_REPLY, &v, sizeof(v),
		 NULL, 0);
	fvu_acked(f, VHOST_USER_SET_STATUS, 1);
	umtt_says(u, "refused SET_STATUS");
}

static void works(struct fvu *f, unsigned int slot)
{
	echo_put(f, 0, slot, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

TEST_F(status, as_a_driver_writes_it)
{
	struct fvu *f = &self->f;
	u64 v;

	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, f->protocol, true);
	check_eq(0, get(f));
	set(f, BEGUN);
	check_eq(BEGUN, get(f));
	/* No features have been accepted, so they cannot be in order. */
	set(f, BEGUN | VIRTIO_CONFIG_S_FEATURES_OK);
	check_eq(BEGUN, get(f));
	fvu_negotiate(f);
	set(f, BEGUN | VIRTIO_CONFIG_S_FEATURES_OK);
	check_eq(BEGUN | VIRTIO_CONFIG_S_FEATURES_OK, get(f));
	set(f, READY);
	check_eq(READY, get(f));
	refused(&self->slave, f, BEGUN);
	refused(&self->slave, f, 0x100 | READY);
	v = ~0ULL;
	refused(&self->slave, f, v);
	check_eq(READY, get(f));
	fvu_queue(f, 0);
	works(f, 0);
}

TEST_F(status, queue_that_is_broken)
{
	struct fvu *f = &self->f;

	fvu_negotiate(f);
	fvu_queue(f, 0);
	set(f, READY);
	fvu_avail(f, 0, FVU_NUM);
	fvu_kick(f, 0);
	fvu_kicked(f);
	umtt_says(&self->slave, "queue 0 is broken");
	check_eq(READY | VIRTIO_CONFIG_S_NEEDS_RESET, get(f));
	/* As one who adds a bit to what he has read. */
	set(f, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	set(f, 0);
	fvu_rings_clear(f, 0);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
	fvu_queue(f, 0);
	check_eq(0, get(f));
}

static void reset_with_requests_in_flight(struct fvu *f, bool by_status)
{
	struct vhost_user_vring_state st = { 0, 0 };
	unsigned int i;

	fvu_negotiate(f);
	fvu_queue(f, 0);
	set(f, READY);
	for (i = 0; i < 3; i++)
		echo_put(f, 0, i, 20 * NSEC_PER_MSEC);
	fvu_kick(f, 0);
	fvu_kicked(f);
	if (by_status) {
		set(f, 0);
	} else {
		fvu_send(f, VHOST_USER_RESET_DEVICE, VHOST_USER_NEED_REPLY,
			 NULL, 0, NULL, 0);
		fvu_acked(f, VHOST_USER_RESET_DEVICE, 0);
	}
	nothing_comes(f->slave, "the slave", QUIET_MS);
	check_eq(-1, fvu_used(f, 0, NULL));
	check_eq(0, get(f));
	/* Where it was can still be asked; a kick is answered, and that is all. */
	fvu_send(f, VHOST_USER_GET_VRING_BASE, 0, &st, sizeof(st), NULL, 0);
	fvu_reply(f, VHOST_USER_GET_VRING_BASE, &st, sizeof(st));
	check_eq(0, st.num);
	fvu_kick(f, 0);
	fvu_kicked(f);
	nothing_comes(f->slave, "the slave", QUIET_MS);
	/* The memory is still there. */
	fvu_rings_clear(f, 0);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
	fvu_queue(f, 0);
	works(f, 3);
	check_eq(-1, fvu_used(f, 0, NULL));
}

TEST_F(status, zero_is_a_reset)
{
	reset_with_requests_in_flight(&self->f, true);
}

TEST_F(status, reset_device)
{
	reset_with_requests_in_flight(&self->f, false);
}

TEST_F(status, not_negotiated)
{
	struct fvu *f = &self->f;

	f->protocol &= ~(STATUS | RESET);
	fvu_negotiate(f);
	refused(&self->slave, f, 1);
	fvu_send(f, VHOST_USER_RESET_DEVICE, VHOST_USER_NEED_REPLY, NULL, 0,
		 NULL, 0);
	fvu_acked(f, VHOST_USER_RESET_DEVICE, 1);
	umtt_says(&self->slave, "RESET_DEVICE without protocol feature RESET_DEVICE");
	fvu_send(f, VHOST_USER_GET_STATUS, 0, NULL, 0, NULL, 0);
	comes_to_an_end(f->fd, "the slave");
	umtt_says(&self->slave, "GET_STATUS without protocol feature STATUS");
}

TEST_HARNESS_MAIN
