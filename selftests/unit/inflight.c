// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The record of buffers in flight: what is in it, and what may be in it. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "../../src/vu/inflight.h"
#include "fake_packed.h"
#include "kselftest_harness.h"
#include "leaks.h"

#define NUM	8u
#define W	VRING_DESC_F_WRITE
#define N	VRING_DESC_F_NEXT
#define PACKED	BIT_ULL(VIRTIO_F_RING_PACKED)

/* Both kinds of rings, where the rule is the same. */
FIXTURE(inflight) {
	struct fake_mem m;
	struct fake_ring s;
	struct fake_packed p;
	struct vq vq;
	struct vq_buf b[NUM];
	unsigned int nr_broke;
	u8 *rec;
	size_t len;
};

FIXTURE_VARIANT(inflight) {
	bool packed;
};

FIXTURE_VARIANT_ADD(inflight, split) { .packed = false };
FIXTURE_VARIANT_ADD(inflight, packed) { .packed = true };

static void count_broke(struct vq *vq)
{
	container_of(vq, FIXTURE_DATA(inflight), vq)->nr_broke++;
}

static const struct vq_ops ops = { .broke = count_broke };

static u64 features(bool packed)
{
	return packed ? PACKED : 0;
}

/* All that a front-end sends, with the base that it has after a crash. */
static int set_up(FIXTURE_DATA(inflight) *self, bool packed)
{
	struct vq *vq = &self->vq;
	int err;

	err = vq_set_num(vq, NUM);
	if (!err)
		err = vq_set_base(vq, packed ? FAKE_PACKED_BASE :
				  self->s.used->idx);
	if (!err)
		err = packed ? fake_packed_set_addr(&self->p, vq) :
		      vq_set_addr(vq, &self->m.mem, fake_desc_uva(&self->s),
				  fake_avail_uva(&self->s),
				  fake_used_uva(&self->s));
	if (!err)
		err = vq_set_inflight(vq, self->rec, self->len);
	return err;
}

static int connect(FIXTURE_DATA(inflight) *self, bool packed)
{
	int err = set_up(self, packed);

	if (!err)
		err = vq_start(&self->vq);
	vq_enable(&self->vq, true);
	return err;
}

/* This process is no more; another one takes its place. */
static int reconnect(FIXTURE_DATA(inflight) *self, bool packed)
{
	vq_fini(&self->vq);
	vq_init(&self->vq, 0, &ops, NULL);
	vq_set_features(&self->vq, features(packed));
	return connect(self, packed);
}

FIXTURE_SETUP(inflight)
{
	bool packed = variant->packed;

	fake_mem_init(&self->m);
	fake_ring_init(&self->s, &self->m.mem, FAKE_LOW, NUM);
	fake_packed_init(&self->p, &self->m.mem, FAKE_LOW + 0x10000, NUM);
	vq_init(&self->vq, 0, &ops, NULL);
	vq_set_features(&self->vq, features(packed));
	self->len = vq_inflight_len(packed, NUM);
	/* No more than what is needed, so that a sanitizer sees the end. */
	self->rec = calloc(1, self->len);
	ASSERT_NE(NULL, self->rec);
	ASSERT_EQ(0, connect(self, packed));
}

FIXTURE_TEARDOWN(inflight)
{
	vq_fini(&self->vq);
	fake_mem_fini(&self->m);
	free(self->rec);
	EXPECT_EQ(0, leaks());
}

/* In a packed ring, buffer 1 has two descriptors. */
static void offer(FIXTURE_DATA(inflight) *self, bool packed, u16 i)
{
	if (packed) {
		fake_packed_offer(&self->p, i, i == 1 ? 2 : 1, W);
		return;
	}
	fake_desc(&self->s, i, FAKE_DATA + i, 1, W, 0);
	fake_avail(&self->s, i);
}

static bool used_is(FIXTURE_DATA(inflight) *self, bool packed, u32 want_id,
		    u32 want_len)
{
	u32 id, len;
	bool any = packed ? fake_packed_used(&self->p, &id, &len) :
			    fake_used(&self->s, &id, &len);

	return any && id == want_id && len == want_len;
}

static bool used_none(FIXTURE_DATA(inflight) *self, bool packed)
{
	u32 id, len;

	return !(packed ? fake_packed_used(&self->p, &id, &len) :
			  fake_used(&self->s, &id, &len));
}

#define OFFER(i)	offer(self, variant->packed, i)
#define USED_IS(i, len)	used_is(self, variant->packed, i, len)
#define USED_NONE()	used_none(self, variant->packed)
#define CONNECT()	connect(self, variant->packed)
#define RECONNECT()	reconnect(self, variant->packed)

#define POP(i, want) do {						\
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b[i]));			\
	ASSERT_EQ(want, self->b[i].head);				\
} while (0)

#define POP_NONE() do {							\
	struct vq_buf none;						\
									\
	ASSERT_EQ(0, vq_pop(&self->vq, &none));				\
} while (0)

static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static void put16(u8 *p, unsigned int v)
{
	p[0] = (u8)v;
	p[1] = (u8)(v >> 8);
}

static u64 get64(const u8 *p)
{
	return get16(p) | (u64)get16(p + 2) << 16 | (u64)get16(p + 4) << 32 |
	       (u64)get16(p + 6) << 48;
}

TEST_F(inflight, length_is_a_multiple_of_64)
{
	static const unsigned int nums[] = { 1, 2, 3, 7, 128, 255, 32768 };
	bool packed = variant->packed;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(nums); i++) {
		size = packed ? 32 + 32 * (size_t)nums[i] :
				16 + 16 * (size_t)nums[i];
		EXPECT_EQ((size + 63) / 64 * 64,
			  vq_inflight_len(packed, nums[i]));
	}
}

TEST_F(inflight, new_record_is_begun)
{
	EXPECT_EQ(0, get64(self->rec));
	EXPECT_EQ(1, get16(self->rec + 8));
	EXPECT_EQ(NUM, get16(self->rec + 10));
}

TEST_F(inflight, comes_again_after_a_crash_in_the_old_order)
{
	OFFER(3);
	OFFER(1);
	OFFER(2);
	OFFER(5);
	OFFER(4);
	POP(0, 3);
	POP(1, 1);
	POP(2, 2);
	POP(3, 5);
	vq_push(&self->vq, &self->b[1], 1);
	EXPECT_TRUE(USED_IS(1, 1));
	vq_drop(&self->vq, &self->b[0]);
	ASSERT_EQ(0, RECONNECT());
	EXPECT_TRUE(vq_pending(&self->vq));
	POP(0, 3);
	POP(1, 2);
	POP(2, 5);
	/* Then goes on with what is new. */
	POP(3, 4);
	POP_NONE();
	vq_push(&self->vq, &self->b[1], 1);
	EXPECT_TRUE(USED_IS(2, 1));
	/* And once more. */
	ASSERT_EQ(0, RECONNECT());
	POP(0, 3);
	POP(1, 5);
	POP(2, 4);
	POP_NONE();
	vq_push(&self->vq, &self->b[2], 1);
	vq_push(&self->vq, &self->b[1], 1);
	vq_push(&self->vq, &self->b[0], 1);
	EXPECT_TRUE(USED_IS(4, 1));
	EXPECT_TRUE(USED_IS(5, 1));
	EXPECT_TRUE(USED_IS(3, 1));
	ASSERT_EQ(0, RECONNECT());
	POP_NONE();
	EXPECT_TRUE(USED_NONE());
	EXPECT_EQ(0, self->nr_broke);
}

/* What cannot be unfetched stays in the record, for who starts the queue again. */
TEST_F(inflight, stop_takes_out_what_it_has_unfetched)
{
	u32 base;

	OFFER(1);
	OFFER(2);
	OFFER(3);
	POP(0, 1);
	POP(1, 2);
	POP(2, 3);
	vq_push(&self->vq, &self->b[1], 1);
	vq_drop(&self->vq, &self->b[0]);
	base = vq_stop(&self->vq);
	EXPECT_EQ(variant->packed ? FAKE_PACKED_BASE + 0x10003 : 2, base);
	EXPECT_TRUE(USED_IS(2, 1));
	EXPECT_TRUE(USED_NONE());
	vq_push(&self->vq, &self->b[2], 1);
	ASSERT_EQ(0, vq_start(&self->vq));
	POP(0, 1);
	POP(1, 3);
	POP_NONE();
	vq_stop(&self->vq);
	EXPECT_TRUE(USED_NONE());
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	POP(1, 3);
	POP_NONE();
	vq_push(&self->vq, &self->b[1], 1);
	vq_push(&self->vq, &self->b[0], 1);
	EXPECT_TRUE(USED_IS(3, 1));
	EXPECT_TRUE(USED_IS(1, 1));
	EXPECT_TRUE(USED_NONE());
}

TEST_F(inflight, stop_of_a_disabled_queue_loses_nothing)
{
	OFFER(1);
	OFFER(2);
	OFFER(3);
	POP(0, 1);
	POP(1, 2);
	POP(2, 3);
	vq_push(&self->vq, &self->b[1], 1);
	vq_enable(&self->vq, false);
	vq_stop(&self->vq);
	EXPECT_TRUE(USED_IS(2, 1));
	EXPECT_TRUE(USED_NONE());
	vq_enable(&self->vq, true);
	ASSERT_EQ(0, vq_start(&self->vq));
	POP(0, 1);
	POP(1, 3);
	POP_NONE();
	vq_push(&self->vq, &self->b[1], 1);
	vq_push(&self->vq, &self->b[0], 1);
	EXPECT_TRUE(USED_IS(3, 1));
	EXPECT_TRUE(USED_IS(1, 1));
}

TEST_F(inflight, what_was_recovered_can_be_unfetched)
{
	u32 base = vq_stop(&self->vq);

	ASSERT_EQ(0, CONNECT());
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	POP(1, 2);
	ASSERT_EQ(0, RECONNECT());
	EXPECT_EQ(base, vq_stop(&self->vq));
	EXPECT_TRUE(USED_NONE());
}

TEST_F(inflight, what_was_recovered_stays_if_there_was_something_later)
{
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	POP(1, 2);
	vq_push(&self->vq, &self->b[1], 1);
	ASSERT_EQ(0, RECONNECT());
	EXPECT_EQ(variant->packed ? FAKE_PACKED_BASE + 0x10003 : 2,
		  vq_stop(&self->vq));
	EXPECT_TRUE(USED_IS(2, 1));
	EXPECT_TRUE(USED_NONE());
	ASSERT_EQ(0, vq_start(&self->vq));
	POP(0, 1);
	POP_NONE();
}

TEST_F(inflight, new_memory_table_changes_nothing)
{
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	POP(1, 2);
	ASSERT_EQ(0, vq_set_mem(&self->vq, &self->m.mem));
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	EXPECT_EQ(-EFAULT, vq_set_mem(&self->vq, NULL));
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	POP(1, 2);
	POP_NONE();
}

TEST_F(inflight, base_that_is_set_is_a_new_beginning)
{
	u32 base = vq_stop(&self->vq);

	ASSERT_EQ(0, CONNECT());
	OFFER(1);
	POP(0, 1);
	ASSERT_EQ(0, vq_set_base(&self->vq, base));
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	POP_NONE();
	vq_push(&self->vq, &self->b[0], 1);
	EXPECT_TRUE(USED_IS(1, 1));
	EXPECT_TRUE(USED_NONE());
}

TEST_F(inflight, record_may_come_later)
{
	ASSERT_EQ(0, vq_set_inflight(&self->vq, NULL, 0));
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	memset(self->rec, 0, self->len);
	ASSERT_EQ(0, vq_set_inflight(&self->vq, self->rec, self->len));
	POP(1, 2);
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	POP(1, 2);
	POP_NONE();
	/* But not one in which something else is said to be in flight. */
	EXPECT_EQ(-EINVAL, vq_set_inflight(&self->vq, self->rec, self->len));
}

TEST_F(inflight, without_a_record_nothing_is_written_to_it)
{
	u8 *copy = malloc(self->len);

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, vq_set_inflight(&self->vq, NULL, 0));
	memcpy(copy, self->rec, self->len);
	OFFER(1);
	POP(0, 1);
	vq_push(&self->vq, &self->b[0], 1);
	OFFER(1);
	POP(0, 1);
	vq_stop(&self->vq);
	EXPECT_EQ(0, memcmp(copy, self->rec, self->len));
	free(copy);
}

TEST_F(inflight, another_kind_of_ring_forgets_it)
{
	OFFER(1);
	POP(0, 1);
	vq_set_features(&self->vq, features(!variant->packed));
	EXPECT_EQ(NULL, self->vq.inflight);
}

/*
 * What the front-end may have done to it
 */

TEST_F(inflight, too_small_is_refused)
{
	struct vq *vq = &self->vq;
	size_t need = variant->packed ? 32 + 32 * NUM : 16 + 16 * NUM;

	vq_stop(vq);
	EXPECT_EQ(-EINVAL, vq_set_inflight(vq, self->rec, 0));
	EXPECT_EQ(-EINVAL, vq_set_inflight(vq, self->rec, need - 1));
	EXPECT_EQ(0, vq_set_inflight(vq, self->rec, need));
	EXPECT_EQ(-EINVAL, vq_set_inflight(vq, self->rec + 4, need));
}

TEST_F(inflight, too_small_for_a_later_num_does_not_start)
{
	struct fake_ring s;
	struct fake_packed p;

	vq_stop(&self->vq);
	s = self->s;
	p = self->p;
	s.num = p.num = 2 * NUM;
	ASSERT_EQ(0, vq_set_num(&self->vq, 2 * NUM));
	ASSERT_EQ(0, variant->packed ? fake_packed_set_addr(&p, &self->vq) :
		  vq_set_addr(&self->vq, &self->m.mem, fake_desc_uva(&s),
			      fake_avail_uva(&s), fake_used_uva(&s)));
	EXPECT_EQ(-EINVAL, vq_start(&self->vq));
	EXPECT_FALSE(self->vq.started);
}

#define EXPECT_BROKEN(reason) do {					\
	self->nr_broke = 0;						\
	EXPECT_EQ(-EINVAL, RECONNECT());				\
	EXPECT_EQ(1, self->nr_broke);					\
	ASSERT_NE(NULL, self->vq.why);					\
	EXPECT_STREQ(reason, self->vq.why);				\
	EXPECT_FALSE(vq_usable(&self->vq));				\
	EXPECT_FALSE(vq_pending(&self->vq));				\
	vq_stop(&self->vq);						\
} while (0)

TEST_F(inflight, bad_version)
{
	put16(self->rec + 8, 2);
	EXPECT_BROKEN("in-flight record of an unknown version");
}

TEST_F(inflight, bad_number_of_descriptors)
{
	put16(self->rec + 10, NUM - 1);
	EXPECT_BROKEN("in-flight record of a ring of another size");
	put16(self->rec + 10, 0xffff);
	EXPECT_BROKEN("in-flight record of a ring of another size");
}

TEST_F(inflight, any_bytes)
{
	struct prng rnd;
	unsigned int i, k, good = 0;
	u8 *saved = malloc(self->len);

	ASSERT_NE(NULL, saved);
	OFFER(1);
	OFFER(2);
	OFFER(3);
	POP(0, 1);
	POP(1, 2);
	vq_push(&self->vq, &self->b[1], 1);
	memcpy(saved, self->rec, self->len);
	prng_seed(&rnd, 3, "record");
	for (i = 0; i < 20000; i++) {
		memcpy(self->rec, saved, self->len);
		/* A few bytes, most of them small, so that much stays right. */
		for (k = prng_next(&rnd) % 6; k--;)
			self->rec[10 + prng_next(&rnd) % (self->len - 10)] =
				(u8)(prng_next(&rnd) >> prng_next(&rnd) % 60);
		if (RECONNECT())
			continue;
		good++;
		for (k = 0; k < NUM && vq_pop(&self->vq, &self->b[k]) == 1; k++)
			;
		while (k--)
			vq_push(&self->vq, &self->b[k], 1);
		vq_stop(&self->vq);
		vq_start(&self->vq);
	}
	EXPECT_LE(1000, good);
	EXPECT_GE(19000, good);
	free(saved);
}

/*
 * Byte by byte, as the specification says
 */

static u8 *split_desc(FIXTURE_DATA(inflight) *self, unsigned int i)
{
	return self->rec + 16 + 16 * i;
}

TEST_F(inflight, split_format)
{
	if (variant->packed)
		return;
	OFFER(3);
	OFFER(6);
	POP(0, 3);
	POP(1, 6);
	EXPECT_EQ(1, split_desc(self, 3)[0]);
	EXPECT_EQ(0, get64(split_desc(self, 3) + 8));
	EXPECT_EQ(1, split_desc(self, 6)[0]);
	EXPECT_EQ(1, get64(split_desc(self, 6) + 8));
	vq_push(&self->vq, &self->b[1], 1);
	EXPECT_EQ(0, split_desc(self, 6)[0]);
	EXPECT_EQ(6, get16(self->rec + 12));
	EXPECT_EQ(1, get16(self->rec + 14));
	EXPECT_EQ(1, split_desc(self, 3)[0]);
}

TEST_F(inflight, split_batch_that_was_not_ended)
{
	if (variant->packed)
		return;
	/* Of another implementation: two used with one store of the index. */
	OFFER(3);
	OFFER(6);
	OFFER(1);
	POP(0, 3);
	POP(1, 6);
	POP(2, 1);
	put16(split_desc(self, 3) + 6, 6);
	put16(self->rec + 12, 3);
	self->s.used->idx = 2;
	ASSERT_EQ(0, RECONNECT());
	EXPECT_EQ(2, get16(self->rec + 14));
	POP(0, 1);
	POP_NONE();
}

TEST_F(inflight, split_bad_batch)
{
	if (variant->packed)
		return;
	OFFER(3);
	POP(0, 3);
	self->s.used->idx = 2;
	put16(self->rec + 12, 3);
	put16(split_desc(self, 3) + 6, NUM);
	EXPECT_BROKEN("in-flight record with a list out of range");
	put16(self->rec + 12, 0xffff);
	EXPECT_BROKEN("in-flight record with a list out of range");
	put16(self->rec + 14, self->s.used->idx - NUM - 1);
	EXPECT_BROKEN("in-flight record of another used ring");
	put16(self->rec + 14, self->s.used->idx + 1);
	EXPECT_BROKEN("in-flight record of another used ring");
}

static u8 *packed_desc(FIXTURE_DATA(inflight) *self, unsigned int i)
{
	return self->rec + 32 + 32 * i;
}

TEST_F(inflight, packed_format)
{
	u8 *d;

	if (!variant->packed)
		return;
	OFFER(3);
	OFFER(1);
	POP(0, 3);
	POP(1, 1);
	/* The free ones are a list from 3 on. */
	EXPECT_EQ(3, get16(self->rec + 12));
	EXPECT_EQ(3, get16(self->rec + 14));
	EXPECT_EQ(4, get16(packed_desc(self, 3) + 2));
	EXPECT_LE(NUM, get16(packed_desc(self, NUM - 1) + 2));
	EXPECT_EQ(0, get16(self->rec + 16));
	EXPECT_EQ(0, get16(self->rec + 18));
	EXPECT_EQ(1, self->rec[20]);
	EXPECT_EQ(1, self->rec[21]);
	d = packed_desc(self, 0);
	EXPECT_EQ(1, d[0]);
	EXPECT_EQ(0, get16(d + 4));	/* last */
	EXPECT_EQ(1, get16(d + 6));	/* num */
	EXPECT_EQ(0, get64(d + 8));	/* counter */
	EXPECT_EQ(3, get16(d + 16));	/* id */
	EXPECT_EQ(fake_packed_flags(W, true), get16(d + 18));
	EXPECT_EQ(1, get16(d + 20));	/* len */
	EXPECT_EQ(FAKE_DATA + 3, get64(d + 24));
	d = packed_desc(self, 1);
	EXPECT_EQ(1, d[0]);
	EXPECT_EQ(2, get16(d + 2));
	EXPECT_EQ(2, get16(d + 4));
	EXPECT_EQ(2, get16(d + 6));
	EXPECT_EQ(1, get64(d + 8));
	EXPECT_EQ(fake_packed_flags(W | N, true), get16(d + 18));
	d = packed_desc(self, 2);
	EXPECT_EQ(1, get16(d + 16));
	EXPECT_EQ(FAKE_DATA + 2, get64(d + 24));
	/* The first one back, in front of the others. */
	vq_push(&self->vq, &self->b[1], 1);
	EXPECT_EQ(0, packed_desc(self, 1)[0]);
	EXPECT_EQ(3, get16(packed_desc(self, 2) + 2));
	EXPECT_EQ(1, get16(self->rec + 12));
	EXPECT_EQ(1, get16(self->rec + 14));
	EXPECT_EQ(2, get16(self->rec + 16));
	EXPECT_EQ(2, get16(self->rec + 18));
	EXPECT_EQ(1, self->rec[20]);
	EXPECT_EQ(1, self->rec[21]);
}

TEST_F(inflight, packed_use_that_was_not_ended)
{
	u8 *saved;

	if (!variant->packed)
		return;
	saved = malloc(self->len);
	ASSERT_NE(NULL, saved);
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	POP(1, 2);
	/* Killed just before the driver was told. */
	put16(packed_desc(self, 1) + 2, get16(self->rec + 12));
	put16(self->rec + 12, 0);
	put16(self->rec + 16, 2);
	memcpy(saved, self->rec, self->len);
	ASSERT_EQ(0, RECONNECT());
	POP(0, 1);
	POP(1, 2);
	POP_NONE();
	/* And just after it. */
	memcpy(self->rec, saved, self->len);
	self->p.desc[0].id = 1;
	self->p.desc[0].len = 1;
	self->p.desc[0].flags |= 1u << VRING_PACKED_DESC_F_USED;
	ASSERT_EQ(0, RECONNECT());
	EXPECT_TRUE(USED_IS(1, 1));
	POP(0, 2);
	POP_NONE();
	vq_push(&self->vq, &self->b[0], 1);
	EXPECT_TRUE(USED_IS(2, 1));
	free(saved);
}

TEST_F(inflight, packed_bad_records)
{
	u8 *saved;

	if (!variant->packed)
		return;
	saved = malloc(self->len);
	ASSERT_NE(NULL, saved);
	OFFER(1);
	OFFER(2);
	POP(0, 1);
	POP(1, 2);
	memcpy(saved, self->rec, self->len);
#define WITH(at, value) do {						\
	memcpy(self->rec, saved, self->len);				\
	put16(at, value);						\
} while (0)
	WITH(self->rec + 16, NUM);
	EXPECT_BROKEN("in-flight record with an index out of range");
	WITH(self->rec + 18, 0xffff);
	EXPECT_BROKEN("in-flight record with an index out of range");
	WITH(packed_desc(self, NUM - 1) + 2, 5);
	EXPECT_BROKEN("in-flight record whose free list loops");
	WITH(self->rec + 14, 4);
	EXPECT_BROKEN("in-flight record that has lost entries");
	WITH(packed_desc(self, 0), 0);
	EXPECT_BROKEN("in-flight record that has lost entries");
	/* Chains: too long, into free ones, out of range, none. */
	WITH(packed_desc(self, 0) + 6, 3);
	EXPECT_BROKEN("in-flight record with chains that cannot be");
	WITH(packed_desc(self, 0) + 2, 5);
	EXPECT_BROKEN("in-flight record with chains that cannot be");
	WITH(packed_desc(self, 0) + 2, NUM);
	EXPECT_BROKEN("in-flight record with chains that cannot be");
	WITH(packed_desc(self, 0) + 2, 2);
	EXPECT_BROKEN("in-flight record with chains that cannot be");
	WITH(packed_desc(self, 0) + 6, 0);
	EXPECT_BROKEN("in-flight record with buffers that cannot be");
	/* Ids: out of range, twice. */
	WITH(packed_desc(self, 1) + 16, NUM);
	EXPECT_BROKEN("in-flight record with buffers that cannot be");
	WITH(packed_desc(self, 1) + 16, 2);
	EXPECT_BROKEN("in-flight record with buffers that cannot be");
	/* Where they point to is as untrusted as the ring is. */
	WITH(packed_desc(self, 1) + 24 + 6, 0xffff);
	ASSERT_EQ(0, RECONNECT());
	EXPECT_EQ(-EFAULT, vq_pop(&self->vq, &self->b[0]));
	free(saved);
}

TEST_HARNESS_MAIN
