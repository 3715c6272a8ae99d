// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Packed virtqueues: every way a ring can be right, and every way it can be wrong. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_packed.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

#define NUM	7u	/* not a power of two */
#define W	VRING_DESC_F_WRITE
#define N	VRING_DESC_F_NEXT
#define IND	VRING_DESC_F_INDIRECT
#define F_AVAIL	(1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)
#define WRAP	(1u << VRING_PACKED_EVENT_F_WRAP_CTR)

#define FEATURES (BIT_ULL(VIRTIO_F_RING_PACKED) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))
#define EVENT_IDX BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

FIXTURE(packed) {
	struct fake_mem m;
	struct fake_packed r;
	struct vq vq;
	struct vq_buf b, b2, b3;
	unsigned int nr_pushed, nr_broke;
};

static void count_pushed(struct vq *vq)
{
	container_of(vq, FIXTURE_DATA(packed), vq)->nr_pushed++;
}

static void count_broke(struct vq *vq)
{
	container_of(vq, FIXTURE_DATA(packed), vq)->nr_broke++;
}

static const struct vq_ops ops = {
	.pushed = count_pushed,
	.broke = count_broke,
};

FIXTURE_SETUP(packed)
{
	fake_mem_init(&self->m);
	fake_packed_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	vq_init(&self->vq, 3, &ops, NULL);
	vq_set_features(&self->vq, FEATURES);
	ASSERT_EQ(0, fake_packed_connect(&self->r, &self->vq));
}

FIXTURE_TEARDOWN(packed)
{
	vq_fini(&self->vq);
	fake_mem_fini(&self->m);
	EXPECT_EQ(0, leaks());
}

static void offer(struct fake_packed *r, u16 id)
{
	fake_packed_offer(r, id, 1, W);
}

static bool used_is(struct fake_packed *r, u32 want_id, u32 want_len)
{
	u32 id, len;

	return fake_packed_used(r, &id, &len) && id == want_id && len == want_len;
}

static bool used_none(struct fake_packed *r)
{
	u32 id, len;

	return !fake_packed_used(r, &id, &len);
}

/*
 * What works
 */

TEST_F(packed, pop_and_push)
{
	struct vq *vq = &self->vq;

	EXPECT_FALSE(vq_pending(vq));
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	fake_packed_put(&self->r, 1, FAKE_DATA + 100, 20, 5, W);
	fake_packed_put(&self->r, 0, FAKE_DATA, 10, 77, N);
	self->r.slots[5] = 2;
	EXPECT_TRUE(vq_pending(vq));
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_EQ(1, self->b.nr_out);
	EXPECT_EQ(1, self->b.nr_in);
	EXPECT_EQ(10, self->b.out_len);
	EXPECT_EQ(20, self->b.in_len);
	EXPECT_EQ(5, self->b.head);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA), self->b.iov[0].iov_base);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA + 100),
		  self->b.iov[1].iov_base);
	EXPECT_EQ(1, vq_out(vq));
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_TRUE(used_none(&self->r));
	vq_push(vq, &self->b, 7);
	EXPECT_EQ(0, vq_out(vq));
	EXPECT_TRUE(used_is(&self->r, 5, 7));
	EXPECT_TRUE(vq_take_pushed(vq));
	EXPECT_EQ(1, self->nr_pushed);
	EXPECT_EQ(0, self->nr_broke);
	EXPECT_EQ(F_AVAIL | F_USED | W, self->r.desc[0].flags);
	/* The chain's other entry is skipped, and not written. */
	EXPECT_EQ(F_AVAIL | W, self->r.desc[1].flags);
	EXPECT_EQ(FAKE_PACKED_BASE + 0x20002, vq_stop(vq));
}

TEST_F(packed, used_without_bytes_is_not_flagged_written)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 0);
	EXPECT_EQ(F_AVAIL | F_USED, self->r.desc[0].flags);
	EXPECT_TRUE(used_is(&self->r, 1, 0));
}

TEST_F(packed, push_out_of_order_over_other_chains)
{
	fake_packed_offer(&self->r, 1, 2, 0);
	fake_packed_offer(&self->r, 2, 1, W);
	fake_packed_offer(&self->r, 3, 3, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	vq_push(&self->vq, &self->b3, 0);
	/* Four entries are free now; the others' have been overwritten in part. */
	EXPECT_TRUE(used_is(&self->r, 3, 0));
	fake_packed_offer(&self->r, 4, 4, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	EXPECT_EQ(4, self->b3.nr_out);
	vq_push(&self->vq, &self->b2, 1);
	vq_push(&self->vq, &self->b3, 0);
	vq_push(&self->vq, &self->b, 0);
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_TRUE(used_is(&self->r, 4, 0));
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(packed, many_times_around)
{
	static const u32 nums[] = { 1, 2, 3, 7, 8, 13, 32, 33 };
	struct fake_packed *r = &self->r;
	unsigned int i, k, n;

	for (k = 0; k < ARRAY_SIZE(nums); k++) {
		fake_packed_init(r, &self->m.mem, FAKE_LOW, nums[k]);
		ASSERT_EQ(0, fake_packed_connect(r, &self->vq));
		for (i = 0; i < 300; i++) {
			n = 1 + i % nums[k];
			fake_packed_offer(r, (u16)(i % nums[k]), n, 0);
			ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
			ASSERT_EQ(n, self->b.nr_out);
			ASSERT_EQ(0, vq_pop(&self->vq, &self->b2));
			vq_push(&self->vq, &self->b, 0);
			ASSERT_TRUE(used_is(r, i % nums[k], 0));
		}
		EXPECT_EQ(r->avail | (u32)r->avail_wrap << 15 |
			  (u32)r->used << 16 | (u32)r->used_wrap << 31,
			  vq_stop(&self->vq));
	}
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(packed, largest_ring)
{
	struct fake_packed *r = &self->r;

	fake_packed_init(r, &self->m.mem, FAKE_LOW, VQ_MAX_NUM);
	ASSERT_EQ(0, fake_packed_connect(r, &self->vq));
	ASSERT_EQ(0, vq_set_base(&self->vq, 0xffffffff));
	r->avail = r->used = VQ_MAX_NUM - 1;
	fake_packed_put(r, VQ_MAX_NUM - 1, FAKE_DATA, 1, VQ_MAX_NUM - 1, W);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_EQ(F_AVAIL | F_USED | W, r->desc[VQ_MAX_NUM - 1].flags);
	EXPECT_EQ(VQ_MAX_NUM - 1, r->desc[VQ_MAX_NUM - 1].id);
	/* Index 0, both counters flipped. */
	EXPECT_EQ(0, vq_stop(&self->vq));
}

TEST_F(packed, full_ring_in_one_batch)
{
	struct vq_buf *b = calloc(NUM, sizeof(*b));
	unsigned int i;

	ASSERT_NE(NULL, b);
	for (i = 0; i < NUM; i++)
		offer(&self->r, (u16)(NUM - 1 - i));
	for (i = 0; i < NUM; i++) {
		ASSERT_EQ(1, vq_pop(&self->vq, &b[i]));
		EXPECT_EQ(NUM - 1 - i, b[i].head);
	}
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	for (i = NUM; i--;)
		vq_push(&self->vq, &b[i], 1);
	for (i = 0; i < NUM; i++)
		EXPECT_TRUE(used_is(&self->r, i, 1));
	free(b);
}

TEST_F(packed, begins_with_both_counters_set)
{
	ASSERT_EQ(0, vq_set_num(&self->vq, NUM));
	EXPECT_EQ(FAKE_PACKED_BASE, vq_stop(&self->vq));
	EXPECT_EQ(FAKE_PACKED_BASE, vq_stop(&self->vq));
}

TEST_F(packed, base_of_another_backend)
{
	struct fake_packed *r = &self->r;

	/* Available at 2 of the second round, used at 5 of the first. */
	ASSERT_EQ(0, vq_set_base(&self->vq, 2 | 5u << 16 | 1u << 31));
	r->avail = 2;
	r->avail_wrap = false;
	r->used = 5;
	offer(r, 3);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_EQ(3, r->desc[5].id);
	EXPECT_TRUE(used_is(r, 3, 1));
	EXPECT_EQ(3 | 6u << 16 | 1u << 31, vq_stop(&self->vq));
}

TEST_F(packed, base_that_cannot_be)
{
	struct vq *vq = &self->vq;

	EXPECT_EQ(-EINVAL, vq_set_base(vq, FAKE_PACKED_BASE | NUM));
	EXPECT_EQ(-EINVAL, vq_set_base(vq, FAKE_PACKED_BASE | NUM << 16));
	EXPECT_EQ(-EINVAL, vq_set_base(vq, 0x7fff));
	/* Used before it was available, or more than once around behind. */
	EXPECT_EQ(-EINVAL, vq_set_base(vq, FAKE_PACKED_BASE | 1 << 16));
	EXPECT_EQ(-EINVAL, vq_set_base(vq, 0x80000000 | 2 | 1 << 16));
	EXPECT_EQ(0, vq_set_base(vq, 0x80000000 | 1 | 1 << 16));
	EXPECT_EQ(0, vq_set_base(vq, 0));
	EXPECT_EQ(0, vq_stop(vq));
	vq_set_features(vq, 0);
	vq_set_features(vq, FEATURES);
	EXPECT_EQ(-EINVAL, vq_set_base(vq, FAKE_PACKED_BASE));
}

TEST_F(packed, num_from_1_to_32768)
{
	static const u32 bad[] = { 0, 32769, 65535, 65536, 0x80000001, 0xffffffff };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, vq_set_num(&self->vq, bad[i]));
	EXPECT_EQ(NUM, self->vq.num);
	for (i = 1; i <= 32768; i = i * 2 + 1)
		EXPECT_EQ(0, vq_set_num(&self->vq, (u32)i));
}

#define SET_ADDR(d, a, u) vq_set_addr(&self->vq, &self->m.mem, d, a, u)

TEST_F(packed, set_addr_refuses_what_is_not_mapped_or_aligned)
{
	u64 d = self->r.gpa + FAKE_UVA;
	u64 a = fake_packed_driver_gpa(&self->r) + FAKE_UVA;
	u64 u = fake_packed_device_gpa(&self->r) + FAKE_UVA;
	u64 end = FAKE_UVA + FAKE_HIGH + FAKE_HIGH_SIZE;

	EXPECT_EQ(-EINVAL, SET_ADDR(d + 8, a, u));
	EXPECT_EQ(-EINVAL, SET_ADDR(d, a + 2, u));
	EXPECT_EQ(-EINVAL, SET_ADDR(d, a, u + 2));
	EXPECT_EQ(-EFAULT, SET_ADDR(0, a, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, 0, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, a, 0));
	EXPECT_EQ(-EFAULT, vq_set_addr(&self->vq, NULL, d, a, u));
	EXPECT_EQ(0, SET_ADDR(end - 16 * NUM, a, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(end - 16 * NUM + 16, a, u));
	EXPECT_EQ(0, SET_ADDR(d, end - 4, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, end - 2, u));
	EXPECT_EQ(0, SET_ADDR(d, a, end - 4));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, a, end - 2));
	EXPECT_EQ(-EFAULT, SET_ADDR(FAKE_UVA + FAKE_MID - 16, a, u));
	EXPECT_TRUE(vq_usable(&self->vq));
}

TEST_F(packed, another_kind_of_ring_forgets_the_set_up)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	/* The same kind does not. */
	vq_set_features(&self->vq, FEATURES | EVENT_IDX);
	EXPECT_TRUE(vq_usable(&self->vq));
	EXPECT_EQ(1, vq_out(&self->vq));
	vq_set_features(&self->vq, 0);
	EXPECT_FALSE(vq_usable(&self->vq));
	EXPECT_EQ(0, vq_out(&self->vq));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&self->r));
	EXPECT_EQ(-EINVAL, vq_start(&self->vq));
	EXPECT_EQ(-EINVAL, vq_set_num(&self->vq, NUM));
	EXPECT_EQ(0, vq_set_num(&self->vq, 8));
	vq_set_features(&self->vq, FEATURES);
	fake_packed_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	ASSERT_EQ(0, fake_packed_connect(&self->r, &self->vq));
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

/*
 * Indirect descriptors
 */

#define TABLE	(FAKE_DATA + 0x10000)

static struct vring_packed_desc *table(FIXTURE_DATA(packed) *self)
{
	return fake_host(&self->m.mem, TABLE);
}

static void fill_table(FIXTURE_DATA(packed) *self, unsigned int nr, u64 addr,
		       u32 len)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		table(self)[i] = (struct vring_packed_desc){ addr, len, 0, 0 };
}

static void offer_table(FIXTURE_DATA(packed) *self, u64 gpa, u32 len, u16 flags)
{
	fake_packed_put(&self->r, 0, gpa, len, 3, IND | flags);
	self->r.slots[3] = 1;
}

TEST_F(packed, indirect_entries_follow_each_other)
{
	unsigned int i;

	fill_table(self, 30, FAKE_DATA, 2);
	for (i = 0; i < 30; i++) {
		table(self)[i].addr = FAKE_DATA + i;
		table(self)[i].flags = i < 20 ? 0 : W;
		/* Reserved there. */
		table(self)[i].id = 0xeeee;
	}
	offer_table(self, TABLE, 30 * 16, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(20, self->b.nr_out);
	EXPECT_EQ(10, self->b.nr_in);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA + 29),
		  self->b.iov[29].iov_base);
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 3, 1));
}

TEST_F(packed, indirect_entries_other_flags_are_ignored)
{
	fill_table(self, 2, FAKE_DATA, 2);
	table(self)[0].flags = F_USED;
	table(self)[1].flags = N | F_AVAIL;
	offer_table(self, TABLE, 32, W);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(2, self->b.nr_out);
	vq_drop(&self->vq, &self->b);
}

TEST_F(packed, indirect_of_as_many_segments_as_allowed)
{
	fill_table(self, VQ_MAX_SEGS, FAKE_DATA, 1);
	offer_table(self, TABLE, VQ_MAX_SEGS * 16, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(VQ_MAX_SEGS, self->b.nr_out);
	vq_drop(&self->vq, &self->b);
}

/*
 * What does not work: the queue is broken, for a named reason, once
 */

#define EXPECT_BROKEN(err, reason) do {					\
	EXPECT_EQ(err, vq_pop(&self->vq, &self->b));			\
	EXPECT_TRUE(self->vq.broken);					\
	EXPECT_EQ(1, self->nr_broke);					\
	ASSERT_NE(NULL, self->vq.why);					\
	EXPECT_STREQ(reason, self->vq.why);				\
	EXPECT_EQ(NULL, self->b.vq);					\
	/* Sticky, and not touched again. */				\
	EXPECT_FALSE(vq_usable(&self->vq));				\
	EXPECT_FALSE(vq_pending(&self->vq));				\
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));			\
	EXPECT_EQ(1, self->nr_broke);					\
	EXPECT_TRUE(used_none(&self->r));				\
} while (0)

TEST_F(packed, bad_id_out_of_range)
{
	fake_packed_put(&self->r, 0, FAKE_DATA, 1, NUM, W);
	EXPECT_BROKEN(-EINVAL, "head out of range");
	EXPECT_EQ(FAKE_PACKED_BASE, vq_stop(&self->vq));
}

TEST_F(packed, bad_id_far_out_of_range)
{
	fake_packed_put(&self->r, 0, FAKE_DATA, 1, 0xffff, W);
	EXPECT_BROKEN(-EINVAL, "head out of range");
}

TEST_F(packed, bad_id_while_out)
{
	offer(&self->r, 1);
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_BROKEN(-EINVAL, "head made available twice");
	EXPECT_EQ(1, vq_out(&self->vq));
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_none(&self->r));
}

TEST_F(packed, bad_id_while_dropped)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b2);
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_BROKEN(-EINVAL, "head made available twice");
	vq_drop(&self->vq, &self->b2);
}

TEST_F(packed, wrong_wrap_counter_is_not_available)
{
	static const u16 not_available[] = { 0, F_USED, F_AVAIL | F_USED };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(not_available); i++) {
		offer(&self->r, 1);
		self->r.desc[0].flags = not_available[i];
		self->r.avail = 0;
		EXPECT_FALSE(vq_pending(&self->vq));
		EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	}
	/* And the other way round in the second round. */
	ASSERT_EQ(0, vq_set_base(&self->vq, 0));
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	self->r.desc[0].flags = F_AVAIL;
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	self->r.desc[0].flags = F_USED;
	EXPECT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_drop(&self->vq, &self->b);
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(packed, bad_chain_that_is_not_available)
{
	fake_packed_offer(&self->r, 1, 3, 0);
	self->r.desc[1].flags |= F_USED;
	EXPECT_BROKEN(-EINVAL, "chain into a descriptor that is not available");
	EXPECT_EQ(FAKE_PACKED_BASE, vq_stop(&self->vq));
}

TEST_F(packed, bad_chain_over_the_end_with_the_old_counter)
{
	self->r.avail = self->r.used = NUM - 1;
	ASSERT_EQ(0, vq_set_base(&self->vq, FAKE_PACKED_BASE | (NUM - 1) * 0x10001));
	fake_packed_offer(&self->r, 1, 2, 0);
	EXPECT_EQ(F_USED, self->r.desc[0].flags);
	self->r.desc[0].flags = F_AVAIL;
	EXPECT_BROKEN(-EINVAL, "chain into a descriptor that is not available");
}

TEST_F(packed, chain_as_long_as_the_ring)
{
	fake_packed_offer(&self->r, 1, NUM, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(NUM, self->b.nr_out);
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b, 0);
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_EQ(0, vq_stop(&self->vq));
}

TEST_F(packed, bad_chain_longer_than_the_ring)
{
	unsigned int i;

	for (i = 0; i < NUM; i++)
		fake_packed_put(&self->r, (u16)i, FAKE_DATA, 1, 1, N);
	EXPECT_BROKEN(-EINVAL, "more descriptors available than there are");
}

TEST_F(packed, bad_chain_into_what_is_in_flight)
{
	fake_packed_offer(&self->r, 1, 3, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	fake_packed_offer(&self->r, 2, 5, 0);
	EXPECT_BROKEN(-EINVAL, "more descriptors available than there are");
	vq_drop(&self->vq, &self->b2);
}

TEST_F(packed, bad_round_over_what_is_in_flight)
{
	fake_packed_offer(&self->r, 1, NUM, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	offer(&self->r, 2);
	EXPECT_BROKEN(-EINVAL, "more descriptors available than there are");
	vq_drop(&self->vq, &self->b2);
}

TEST_F(packed, bad_ring_of_one_that_goes_on)
{
	fake_packed_init(&self->r, &self->m.mem, FAKE_LOW, 1);
	ASSERT_EQ(0, fake_packed_connect(&self->r, &self->vq));
	fake_packed_put(&self->r, 0, FAKE_DATA, 1, 0, N);
	EXPECT_BROKEN(-EINVAL, "more descriptors available than there are");
}

TEST_F(packed, bad_address)
{
	fake_packed_put(&self->r, 0, FAKE_HIGH - 1, 2, 0, W);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
	/* Nobody has seen it: whoever goes on must. */
	EXPECT_EQ(FAKE_PACKED_BASE, vq_stop(&self->vq));
}

TEST_F(packed, bad_readable_after_writable)
{
	fake_packed_put(&self->r, 1, FAKE_DATA, 1, 0, 0);
	fake_packed_put(&self->r, 0, FAKE_DATA, 1, 0, W | N);
	EXPECT_BROKEN(-EINVAL, "readable descriptor after a writable one");
}

TEST_F(packed, bad_indirect_not_negotiated)
{
	vq_set_features(&self->vq, BIT_ULL(VIRTIO_F_RING_PACKED));
	fill_table(self, 1, FAKE_DATA, 2);
	offer_table(self, TABLE, 16, 0);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor, not negotiated");
}

TEST_F(packed, bad_indirect_nested)
{
	fill_table(self, 2, FAKE_DATA, 2);
	table(self)[1] = (struct vring_packed_desc){ TABLE, 16, 0, IND };
	offer_table(self, TABLE, 32, 0);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor in an indirect table");
}

TEST_F(packed, bad_indirect_with_next)
{
	fill_table(self, 1, FAKE_DATA, 2);
	fake_packed_put(&self->r, 1, FAKE_DATA, 1, 3, 0);
	offer_table(self, TABLE, 16, N);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor with a next one");
}

TEST_F(packed, bad_indirect_with_next_for_ever)
{
	unsigned int i;

	for (i = 0; i < NUM; i++)
		fake_packed_put(&self->r, (u16)i, TABLE, 16, 3, IND | N);
	EXPECT_BROKEN(-EINVAL, "more descriptors available than there are");
}

TEST_F(packed, bad_indirect_length)
{
	offer_table(self, TABLE, 24, 0);
	EXPECT_BROKEN(-EINVAL, "indirect table of a wrong length");
}

TEST_F(packed, bad_indirect_too_long)
{
	offer_table(self, TABLE, VQ_MAX_SEGS * 16 + 16, 0);
	EXPECT_BROKEN(-E2BIG, "indirect table too long");
}

TEST_F(packed, bad_indirect_table_unmapped)
{
	offer_table(self, FAKE_HIGH - 16, 16, 0);
	EXPECT_BROKEN(-EFAULT, "indirect table not in guest memory");
}

/*
 * Kicks and calls
 */

static void use_one(FIXTURE_DATA(packed) *self)
{
	offer(&self->r, 1);
	if (vq_pop(&self->vq, &self->b) != 1)
		abort();
	vq_push(&self->vq, &self->b, 1);
}

TEST_F(packed, disabled_calls)
{
	use_one(self);
	self->r.driver->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	self->r.driver->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	/* Reserved, or not negotiated: better once too often. */
	self->r.driver->flags = VRING_PACKED_EVENT_FLAG_DESC;
	self->r.driver->off_wrap = 0x7fff;
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	self->r.driver->flags = 3;
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	EXPECT_EQ(0, self->nr_broke);
}

static void want_call_at(FIXTURE_DATA(packed) *self, unsigned int off, bool wrap)
{
	self->r.driver->off_wrap = (u16)(off | (wrap ? WRAP : 0));
	self->r.driver->flags = VRING_PACKED_EVENT_FLAG_DESC;
}

TEST_F(packed, call_when_the_event_is_passed)
{
	struct vq *vq = &self->vq;
	unsigned int used, off, batch;

	vq_set_features(vq, FEATURES | EVENT_IDX);
	/* The first one after set-up always: we do not know what was before. */
	want_call_at(self, 3, true);
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(vq));
	/*
	 * From each place, for each batch: a call if the event, which may be
	 * up to a round ahead, is in it.
	 */
	for (used = 1; used < 50; used += batch) {
		batch = 1 + used % 3;
		off = used + used % 5;
		want_call_at(self, off % NUM, !(off / NUM & 1));
		for (off = 0; off < batch; off++)
			use_one(self);
		ASSERT_EQ(used % 5 < batch, vq_take_pushed(vq));
	}
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(packed, call_when_the_event_is_within_a_chain)
{
	vq_set_features(&self->vq, FEATURES | EVENT_IDX);
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	want_call_at(self, 2, true);
	fake_packed_offer(&self->r, 1, 3, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 0);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	want_call_at(self, 3, true);
	use_one(self);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
}

TEST_F(packed, more_than_once_around_always_calls)
{
	unsigned int i;

	vq_set_features(&self->vq, FEATURES | EVENT_IDX);
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	want_call_at(self, 1, false);
	for (i = 0; i < NUM - 1; i++)
		use_one(self);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	for (i = 0; i < NUM + 1; i++)
		use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
}

TEST_F(packed, bad_event_offset)
{
	vq_set_features(&self->vq, FEATURES | EVENT_IDX);
	use_one(self);
	want_call_at(self, NUM, true);
	/* What was used before is good, so the driver hears of it. */
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	EXPECT_TRUE(self->vq.broken);
	EXPECT_STREQ("event offset out of range", self->vq.why);
	EXPECT_EQ(1, self->nr_broke);
}

TEST_F(packed, asks_for_kicks_without_event_idx)
{
	memset(self->r.device, 0xee, sizeof(*self->r.device));
	ASSERT_EQ(0, vq_set_base(&self->vq, FAKE_PACKED_BASE));
	EXPECT_EQ(VRING_PACKED_EVENT_FLAG_ENABLE, self->r.device->flags);
}

TEST_F(packed, event_idx_asks_for_a_kick_only_when_empty)
{
	struct vring_packed_desc_event *device = self->r.device;
	unsigned int i;

	vq_set_features(&self->vq, FEATURES | EVENT_IDX);
	ASSERT_EQ(0, fake_packed_connect(&self->r, &self->vq));
	EXPECT_EQ(WRAP, device->off_wrap);
	EXPECT_EQ(VRING_PACKED_EVENT_FLAG_DESC, device->flags);
	device->off_wrap = 0x7777;
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(0x7777, device->off_wrap);
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b3));
	EXPECT_EQ(WRAP | 2, device->off_wrap);
	vq_push(&self->vq, &self->b, 1);
	vq_push(&self->vq, &self->b2, 1);
	for (i = 2; i < NUM; i++)
		use_one(self);
	EXPECT_FALSE(vq_pending(&self->vq));
	EXPECT_EQ(0, device->off_wrap);
}

/*
 * Buffers that are taken away
 */

TEST_F(packed, dropped_buffer_is_remembered)
{
	unsigned int i;

	fake_packed_offer(&self->r, 1, 2, 0);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	/* The other one's place is where the first one's descriptors were. */
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	vq_drop(&self->vq, &self->b);
	for (i = 0; i < NUM; i++)
		self->r.desc[i].addr = 0;
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.head);
	EXPECT_EQ(2, self->b.nr_out);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA + 2),
		  self->b.iov[1].iov_base);
	vq_push(&self->vq, &self->b, 0);
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(packed, dropped_indirect_buffer_is_read_anew)
{
	fill_table(self, 2, FAKE_DATA, 2);
	offer_table(self, TABLE, 32, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_drop(&self->vq, &self->b);
	table(self)[1].addr = 0;
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(packed, stop_goes_back_over_dropped_buffers)
{
	fake_packed_offer(&self->r, 4, 3, 0);
	fake_packed_offer(&self->r, 2, 2, 0);
	fake_packed_offer(&self->r, 3, 2, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	vq_push(&self->vq, &self->b, 0);
	vq_drop(&self->vq, &self->b2);
	/* b3 is still held: as if dropped. It had wrapped. */
	EXPECT_EQ(FAKE_PACKED_BASE | 3 | 3 << 16, vq_stop(&self->vq));
	EXPECT_EQ(FAKE_PACKED_BASE | 3 | 3 << 16, vq_stop(&self->vq));
	vq_push(&self->vq, &self->b3, 0);
	EXPECT_TRUE(used_is(&self->r, 4, 0));
	EXPECT_TRUE(used_none(&self->r));
	ASSERT_EQ(0, vq_start(&self->vq));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(2, self->b.head);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(3, self->b2.head);
	EXPECT_EQ(2, self->b2.nr_out);
	vq_drop(&self->vq, &self->b);
	vq_drop(&self->vq, &self->b2);
}

TEST_F(packed, stop_completes_what_it_cannot_go_back_over)
{
	unsigned int i;

	for (i = 1; i <= 3; i++)
		fake_packed_offer(&self->r, (u16)i, 2, W);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	vq_push(&self->vq, &self->b2, 1);
	vq_drop(&self->vq, &self->b3);
	vq_drop(&self->vq, &self->b);
	EXPECT_EQ(FAKE_PACKED_BASE | 4 | 4 << 16, vq_stop(&self->vq));
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_TRUE(used_none(&self->r));
	ASSERT_EQ(0, vq_start(&self->vq));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.head);
	vq_drop(&self->vq, &self->b);
}

TEST_F(packed, stop_of_a_disabled_queue_writes_nothing)
{
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b2, 1);
	vq_drop(&self->vq, &self->b);
	vq_enable(&self->vq, false);
	EXPECT_EQ(FAKE_PACKED_BASE | 2 | 1 << 16, vq_stop(&self->vq));
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_TRUE(used_none(&self->r));
}

TEST_F(packed, set_up_anew_forgets)
{
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b2);
	fake_packed_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	ASSERT_EQ(0, fake_packed_connect(&self->r, &self->vq));
	EXPECT_EQ(0, vq_out(&self->vq));
	EXPECT_FALSE(vq_pending(&self->vq));
	fake_packed_offer(&self->r, 1, NUM, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&self->r));
	vq_push(&self->vq, &self->b2, 0);
	EXPECT_TRUE(used_is(&self->r, 1, 0));
}

TEST_F(packed, new_memory_table)
{
	struct mem moved = self->m.mem;
	u8 *copy = aligned_alloc(4096, FAKE_LOW_SIZE);
	struct fake_packed r = self->r;

	ASSERT_NE(NULL, copy);
	fake_packed_offer(&r, 1, 2, W);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	memcpy(copy, moved.region[0].host, FAKE_LOW_SIZE);
	moved.region[0].host = copy;
	r.mem = &moved;
	r.desc = (void *)copy;
	ASSERT_EQ(0, vq_set_mem(&self->vq, &moved));
	memset(self->m.mem.region[0].host, 0xee, FAKE_LOW_SIZE);
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&r));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(copy + (FAKE_DATA - FAKE_LOW) + 1, self->b.iov[0].iov_base);
	vq_push(&self->vq, &self->b, 2);
	EXPECT_TRUE(used_is(&r, 1, 2));
	EXPECT_EQ(-EFAULT, vq_set_mem(&self->vq, NULL));
	EXPECT_FALSE(vq_usable(&self->vq));
	EXPECT_EQ(FAKE_PACKED_BASE | 2 | 2 << 16, vq_stop(&self->vq));
	free(copy);
}

TEST_F(packed, without_memory_the_set_up_stays)
{
	oom = true;
	EXPECT_EQ(-ENOMEM, vq_set_num(&self->vq, NUM));
	oom = false;
	use_one(self);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

struct race {
	struct fake_packed *r;
	u64 kicks;		/* atomic */
	bool stop;		/* atomic */
	bool gave_up;
};

/*
 * A driver that runs at the same time, and kicks only when it is asked to
 */

#define RACE_BUFS	100000u

static bool wants_kick(const struct fake_packed *r, u16 n)
{
	u32 event = __atomic_load_n((u32 *)(void *)r->device, __ATOMIC_RELAXED);
	u16 off = event & (WRAP - 1);

	if (event >> 16 != VRING_PACKED_EVENT_FLAG_DESC)
		return event >> 16 != VRING_PACKED_EVENT_FLAG_DISABLE;
	if (!(event & WRAP) == r->avail_wrap)
		off -= (u16)r->num;
	return vring_need_event(off, r->avail, (u16)(r->avail - n));
}

static void *race_driver(void *arg)
{
	struct race *race = arg;
	struct fake_packed *r = race->r;
	unsigned int sent = 0, done = 0, idle = 0;
	u32 id, len;

	while (done < RACE_BUFS) {
		while (fake_packed_used(r, &id, &len)) {
			done++;
			idle = 0;
		}
		if (sent < RACE_BUFS && sent - done < r->num) {
			offer(r, (u16)(sent++ % r->num));
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			if (wants_kick(r, 1))
				__atomic_add_fetch(&race->kicks, 1,
						   __ATOMIC_RELEASE);
			continue;
		}
		if (++idle > 3000000) {
			race->gave_up = true;
			break;
		}
		sched_yield();
	}
	__atomic_store_n(&race->stop, true, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(packed, no_kick_is_lost)
{
	struct race race = { .r = &self->r };
	struct vq *vq = &self->vq;
	u64 seen = 0, now;
	pthread_t t;

	vq_set_features(vq, FEATURES | EVENT_IDX);
	ASSERT_EQ(0, fake_packed_connect(&self->r, vq));
	ASSERT_EQ(0, pthread_create(&t, NULL, race_driver, &race));
	while (!__atomic_load_n(&race.stop, __ATOMIC_ACQUIRE)) {
		now = __atomic_load_n(&race.kicks, __ATOMIC_ACQUIRE);
		if (now == seen) {
			sched_yield();
			continue;
		}
		seen = now;
		while (vq_pop(vq, &self->b) == 1)
			vq_push(vq, &self->b, 1);
	}
	pthread_join(t, NULL);
	EXPECT_FALSE(race.gave_up);
	EXPECT_EQ(RACE_BUFS, vq->popped);
	EXPECT_EQ(0, self->nr_broke);
}

/*
 * A driver that changes everything all the time: nothing may be looked at
 * twice. The sanitizers are what notices.
 */

static u64 pick(struct prng *rnd, const u64 *from, size_t nr)
{
	/* Good ones come first, and more often. */
	u64 i = prng_next(rnd) % (4 * nr);

	return from[i < nr ? i : i % 2];
}

#define PICK(from) pick(&rnd, from, ARRAY_SIZE(from))

/* After so many looks the other one may go on, should there be but one CPU. */
#define TURN	1000u

static void *double_fetch_driver(void *arg)
{
	static const u64 addrs[] = {
		TABLE, TABLE + 64, FAKE_DATA, FAKE_MID - 8, 0, ~0ULL,
		FAKE_HIGH + FAKE_HIGH_SIZE - 4,
	};
	static const u64 lens[] = { 16, 48, 0, 1, 7, 4096, 0xffffffff };
	static const u64 flags[] = {
		F_AVAIL, F_USED, F_AVAIL | W, F_USED | W, F_AVAIL | N,
		F_USED | N, F_AVAIL | IND, F_USED | IND, 0, F_AVAIL | F_USED,
	};
	struct race *race = arg;
	struct fake_packed *r = race->r;
	struct vring_packed_desc *t = fake_host(r->mem, TABLE), *d;
	unsigned int rounds = 0;
	struct prng rnd;
	u64 i;

	prng_seed(&rnd, 2, "double fetch");
	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		i = prng_next(&rnd) % NUM;
		d = prng_next(&rnd) & 1 ? &r->desc[i] : &t[i % 4];
		WRITE_ONCE(d->addr, PICK(addrs));
		WRITE_ONCE(d->len, (u32)PICK(lens));
		WRITE_ONCE(d->flags, (u16)PICK(flags));
		WRITE_ONCE(d->id, (u16)(prng_next(&rnd) % (i ? NUM : NUM + 1)));
		WRITE_ONCE(r->driver->off_wrap,
			   (u16)(prng_next(&rnd) % NUM | (i & 1 ? WRAP : 0)));
		WRITE_ONCE(r->driver->flags, (u16)(i & 3));
		if (!(++rounds % TURN))
			sched_yield();
	}
	return NULL;
}

TEST_F(packed, nothing_is_fetched_twice)
{
	struct race race = { .r = &self->r };
	struct vq *vq = &self->vq;
	unsigned int i, good = 0, bad = 0;
	u8 bytes[64] = { 0 };
	pthread_t t;

	vq_set_features(vq, FEATURES | EVENT_IDX);
	ASSERT_EQ(0, pthread_create(&t, NULL, double_fetch_driver, &race));
	for (i = 0; i < 100000 || (i < 50000000 && (good < 1000 || bad < 1000)); i++) {
		if (vq->broken) {
			bad++;
			ASSERT_EQ(0, fake_packed_connect(&self->r, vq));
		}
		if (!(i % TURN))
			sched_yield();
		if (vq_pop(vq, &self->b) != 1)
			continue;
		good++;
		vq_buf_read(&self->b, 0, bytes, sizeof(bytes));
		vq_buf_write(&self->b, 0, bytes, sizeof(bytes));
		vq_push(vq, &self->b, 1);
		vq_take_pushed(vq);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	/* Else it was no test. */
	EXPECT_LE(1000, good);
	EXPECT_LE(1000, bad);
}

TEST_HARNESS_MAIN
