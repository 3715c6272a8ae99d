// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split virtqueues: every way a ring can be right, and every way it can be wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_ring.h"
#include "kselftest_harness.h"

#define NUM	8u
#define W	VRING_DESC_F_WRITE
#define N	VRING_DESC_F_NEXT
#define IND	VRING_DESC_F_INDIRECT

FIXTURE(vq) {
	struct fake_mem m;
	struct fake_ring r;
	struct vq vq;
	struct vq_buf b, b2;
	unsigned int nr_pushed, nr_broke;
};

static void count_pushed(struct vq *vq)
{
	container_of(vq, FIXTURE_DATA(vq), vq)->nr_pushed++;
}

static void count_broke(struct vq *vq)
{
	container_of(vq, FIXTURE_DATA(vq), vq)->nr_broke++;
}

static const struct vq_ops ops = { count_pushed, count_broke };

FIXTURE_SETUP(vq)
{
	fake_mem_init(&self->m);
	fake_ring_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	vq_init(&self->vq, 3, &ops, NULL);
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
}

FIXTURE_TEARDOWN(vq)
{
	vq_fini(&self->vq);
	fake_mem_fini(&self->m);
}

TEST_F(vq, pop_and_push)
{
	struct vq *vq = &self->vq;
	u32 id, len;

	fake_desc(&self->r, 2, FAKE_DATA, 10, N, 5);
	fake_desc(&self->r, 5, FAKE_DATA + 100, 20, W, 0);
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	fake_avail(&self->r, 2);
	EXPECT_TRUE(vq_pending(vq));
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_EQ(1, self->b.nr_out);
	EXPECT_EQ(1, self->b.nr_in);
	EXPECT_EQ(10, self->b.out_len);
	EXPECT_EQ(20, self->b.in_len);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA), self->b.iov[0].iov_base);
	EXPECT_EQ(1, vq_out(vq));
	EXPECT_FALSE(fake_used(&self->r, &id, &len));
	vq_push(vq, &self->b, 7);
	EXPECT_EQ(0, vq_out(vq));
	ASSERT_TRUE(fake_used(&self->r, &id, &len));
	EXPECT_EQ(2, id);
	EXPECT_EQ(7, len);
	EXPECT_EQ(1, self->nr_pushed);
	EXPECT_TRUE(vq_take_pushed(vq));
	EXPECT_FALSE(vq_take_pushed(vq));
}

TEST_HARNESS_MAIN
