// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The dirty log: every page that a queue writes to is marked, and no other. */
#include <linux/virtio_config.h>
#include <string.h>

#include "../../src/vu/dirty.h"
#include "fake_packed.h"
#include "kselftest_harness.h"

#define W	VRING_DESC_F_WRITE
#define N	VRING_DESC_F_NEXT
#define NUM	1024u	/* a ring of several pages */
#define PACKED	BIT_ULL(VIRTIO_F_RING_PACKED)
#define EVENT	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

/* All of the fake guest's memory, and a guard behind it. */
#define LEN	((size_t)((FAKE_HIGH + FAKE_HIGH_SIZE) / DIRTY_PAGE / 8))

FIXTURE(dirty) {
	u8 bits[LEN + 8];
	struct dirty_log log;
	struct fake_mem m;
	struct fake_ring r;
	struct fake_packed p;
	struct vq vq;
	struct vq_buf b;
};

static const struct vq_ops ops = { 0 };

FIXTURE_SETUP(dirty)
{
	self->log = (struct dirty_log){ self->bits, LEN };
	memset(self->bits, 0, sizeof(self->bits));
	fake_mem_init(&self->m);
	fake_ring_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	fake_packed_init(&self->p, &self->m.mem, FAKE_LOW, NUM);
	vq_init(&self->vq, 0, &ops, NULL);
}

FIXTURE_TEARDOWN(dirty)
{
	vq_fini(&self->vq);
	fake_mem_fini(&self->m);
}

/* Is the page of @gpa marked? It is not any more. */
static bool took(FIXTURE_DATA(dirty) *self, u64 gpa)
{
	u8 *byte = &self->bits[gpa / DIRTY_PAGE / 8];
	u8 bit = (u8)(1u << gpa / DIRTY_PAGE % 8);
	bool was = *byte & bit;

	*byte &= (u8)~bit;
	return was;
}

static bool none(FIXTURE_DATA(dirty) *self)
{
	size_t i;

	for (i = 0; i < sizeof(self->bits); i++)
		if (self->bits[i])
			return false;
	return true;
}

TEST_F(dirty, first_and_last_byte_of_a_page)
{
	dirty_mark(&self->log, 0x3000, 1);
	EXPECT_TRUE(took(self, 0x3000));
	EXPECT_TRUE(none(self));
	dirty_mark(&self->log, 0x3fff, 1);
	EXPECT_TRUE(took(self, 0x3000));
	EXPECT_TRUE(none(self));
	dirty_mark(&self->log, 0x3fff, 2);
	EXPECT_TRUE(took(self, 0x3000));
	EXPECT_TRUE(took(self, 0x4000));
	EXPECT_TRUE(none(self));
	dirty_mark(&self->log, 0x3fff, 0x1002);
	EXPECT_TRUE(took(self, 0x3000));
	EXPECT_TRUE(took(self, 0x4000));
	EXPECT_TRUE(took(self, 0x5000));
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, nothing_of_nothing)
{
	dirty_mark(&self->log, 0x3000, 0);
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, bits_of_others_stay)
{
	self->bits[0] = 0x81;
	dirty_mark(&self->log, 0x3000, 1);
	EXPECT_EQ(0x89, self->bits[0]);
}

TEST_F(dirty, what_is_beyond_the_log_is_not_logged)
{
	u64 end = LEN * 8 * DIRTY_PAGE;

	dirty_mark(&self->log, end, 0x10000);
	dirty_mark(&self->log, ~0ULL, 1);
	dirty_mark(&self->log, ~0ULL - 5, 0x10000);
	EXPECT_TRUE(none(self));
	dirty_mark(&self->log, end - 1, ~0ULL - end);
	EXPECT_TRUE(took(self, end - 1));
	EXPECT_TRUE(none(self));
	self->log.len = 0;
	dirty_mark(&self->log, 0, 1);
	EXPECT_TRUE(none(self));
}

/* Somewhere that is not where the ring is. */
#define USED_GPA	0x10000ULL

TEST_F(dirty, used_ring_where_the_front_end_says)
{
	struct vq *vq = &self->vq;

	vq_set_features(vq, EVENT);
	self->r.avail_idx = 900;
	self->r.avail->idx = self->r.used->idx = 900;
	ASSERT_EQ(0, fake_connect(&self->r, vq));
	vq_set_log(vq, &self->log, true, USED_GPA);
	fake_desc(&self->r, 5, FAKE_DATA, 1, W, 0);
	fake_avail(&self->r, 5);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_TRUE(none(self));
	vq_push(vq, &self->b, 0);
	/* Its index, and entry 900. */
	EXPECT_TRUE(took(self, USED_GPA));
	EXPECT_TRUE(took(self, USED_GPA + 4 + 8 * 900));
	EXPECT_TRUE(none(self));
	/* The avail event is behind the ring. */
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	EXPECT_TRUE(took(self, USED_GPA + 4 + 8 * NUM));
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, used_ring_only_if_it_is_to_be_logged)
{
	struct vq *vq = &self->vq;

	vq_set_features(vq, EVENT);
	ASSERT_EQ(0, fake_connect(&self->r, vq));
	vq_set_log(vq, &self->log, false, USED_GPA);
	fake_desc(&self->r, 5, FAKE_DATA, 0x1000, W, 0);
	fake_avail(&self->r, 5);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_push(vq, &self->b, 1);
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	EXPECT_TRUE(took(self, FAKE_DATA));
	EXPECT_TRUE(none(self));
	vq_set_log(vq, NULL, true, USED_GPA);
	fake_avail(&self->r, 5);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_push(vq, &self->b, 1);
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, bytes_that_were_written)
{
	struct vq *vq = &self->vq;
	unsigned int i;

	ASSERT_EQ(0, fake_connect(&self->r, vq));
	vq_set_log(vq, &self->log, false, 0);
	/* Readable; 4 bytes over two regions; far away. */
	fake_desc(&self->r, 0, FAKE_DATA, 8, N, 1);
	fake_desc(&self->r, 1, FAKE_MID - 2, 4, W | N, 2);
	fake_desc(&self->r, 2, FAKE_HIGH + 0x1fff, 0x2000, W, 0);
	for (i = 0; i <= 8; i++) {
		fake_avail(&self->r, 0);
		ASSERT_EQ(1, vq_pop(vq, &self->b));
		vq_push(vq, &self->b, i);
		EXPECT_EQ(i > 0, took(self, FAKE_MID - 1));
		EXPECT_EQ(i > 2, took(self, FAKE_MID));
		EXPECT_EQ(i > 4, took(self, FAKE_HIGH + 0x1000));
		EXPECT_EQ(i > 5, took(self, FAKE_HIGH + 0x2000));
		EXPECT_TRUE(none(self));
	}
	/* No more than there is. */
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_push(vq, &self->b, ~0u);
	EXPECT_TRUE(took(self, FAKE_MID - 1));
	EXPECT_TRUE(took(self, FAKE_MID));
	EXPECT_TRUE(took(self, FAKE_HIGH + 0x1000));
	EXPECT_TRUE(took(self, FAKE_HIGH + 0x2000));
	EXPECT_TRUE(took(self, FAKE_HIGH + 0x3000));
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, buffers_that_are_not_used_are_not_logged)
{
	struct vq *vq = &self->vq;

	ASSERT_EQ(0, fake_connect(&self->r, vq));
	vq_set_log(vq, &self->log, true, USED_GPA);
	fake_desc(&self->r, 0, FAKE_DATA, 8, W, 1);
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_drop(vq, &self->b);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_enable(vq, false);
	vq_push(vq, &self->b, 8);
	EXPECT_TRUE(none(self));
}

TEST_F(dirty, packed_ring_where_it_is)
{
	struct vq *vq = &self->vq;

	vq_set_features(vq, PACKED | EVENT);
	ASSERT_EQ(0, fake_packed_connect(&self->p, vq));
	ASSERT_EQ(0, vq_set_base(vq, FAKE_PACKED_BASE | 700 * 0x10001));
	self->p.avail = 700;
	fake_packed_offer(&self->p, 3, 1, W);
	vq_set_log(vq, &self->log, true, USED_GPA);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_TRUE(none(self));
	vq_push(vq, &self->b, 0);
	EXPECT_TRUE(took(self, FAKE_LOW + 16 * 700));
	EXPECT_TRUE(none(self));
	/* The device area is what is logged as the used ring. */
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	EXPECT_TRUE(took(self, USED_GPA));
	EXPECT_TRUE(none(self));
	vq_set_log(vq, &self->log, false, USED_GPA);
	fake_packed_offer(&self->p, 3, 1, W);
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	vq_push(vq, &self->b, 1);
	EXPECT_TRUE(took(self, FAKE_DATA));
	EXPECT_TRUE(none(self));
}

TEST_HARNESS_MAIN
