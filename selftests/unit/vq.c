// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split virtqueues: every way a ring can be right, and every way it can be wrong. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../src/base/prng.h"
#include "fake_ring.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

#define NUM	8u
#define W	VRING_DESC_F_WRITE
#define N	VRING_DESC_F_NEXT
#define IND	VRING_DESC_F_INDIRECT

FIXTURE(vq) {
	struct fake_mem m;
	struct fake_ring r;
	struct vq vq;
	struct vq_buf b, b2, b3;
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

static const struct vq_ops ops = {
	.pushed = count_pushed,
	.broke = count_broke,
};

FIXTURE_SETUP(vq)
{
	fake_mem_init(&self->m);
	fake_ring_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	vq_init(&self->vq, 3, &ops, NULL);
	self->vq.indirect = true;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
}

FIXTURE_TEARDOWN(vq)
{
	vq_fini(&self->vq);
	fake_mem_fini(&self->m);
	EXPECT_EQ(0, leaks());
}

/* One readable and one writable byte at head @i, made available. */
static void offer(struct fake_ring *r, u16 i)
{
	fake_desc(r, i, FAKE_DATA + i, 1, W, 0);
	fake_avail(r, i);
}

static bool used_is(struct fake_ring *r, u32 want_id, u32 want_len)
{
	u32 id, len;

	return fake_used(r, &id, &len) && id == want_id && len == want_len;
}

static bool used_none(struct fake_ring *r)
{
	return r->used_seen == r->used->idx;
}

/*
 * What works
 */

TEST_F(vq, pop_and_push)
{
	struct vq *vq = &self->vq;

	fake_desc(&self->r, 2, FAKE_DATA, 10, N, 5);
	fake_desc(&self->r, 5, FAKE_DATA + 100, 20, W, 0);
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	fake_avail(&self->r, 2);
	EXPECT_TRUE(vq_pending(vq));
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_EQ(vq, self->b.vq);
	EXPECT_EQ(1, self->b.nr_out);
	EXPECT_EQ(1, self->b.nr_in);
	EXPECT_EQ(10, self->b.out_len);
	EXPECT_EQ(20, self->b.in_len);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA), self->b.iov[0].iov_base);
	EXPECT_EQ(fake_host(&self->m.mem, FAKE_DATA + 100),
		  self->b.iov[1].iov_base);
	EXPECT_EQ(1, vq_out(vq));
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_TRUE(used_none(&self->r));
	vq_push(vq, &self->b, 7);
	EXPECT_EQ(0, vq_out(vq));
	EXPECT_TRUE(used_is(&self->r, 2, 7));
	EXPECT_EQ(1, self->nr_pushed);
	EXPECT_TRUE(vq_take_pushed(vq));
	EXPECT_FALSE(vq_take_pushed(vq));
	EXPECT_EQ(1, vq->popped);
	EXPECT_EQ(1, vq->pushed_bufs);
	EXPECT_EQ(1, vq->calls);
	EXPECT_EQ(0, vq->calls_suppressed);
	EXPECT_EQ(3, vq_index(vq));
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(vq, push_out_of_order)
{
	offer(&self->r, 1);
	offer(&self->r, 2);
	offer(&self->r, 3);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	EXPECT_EQ(3, vq_out(&self->vq));
	vq_push(&self->vq, &self->b3, 1);
	vq_push(&self->vq, &self->b, 0);
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 3, 1));
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_EQ(3, self->nr_pushed);
	EXPECT_EQ(3, self->vq.nr_pushed);
}

TEST_F(vq, written_is_at_most_the_writable_part)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1000);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

TEST_F(vq, second_push_of_a_buffer_does_nothing)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	vq_push(&self->vq, &self->b, 1);
	vq_drop(&self->vq, &self->b);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
	EXPECT_TRUE(used_none(&self->r));
	EXPECT_FALSE(vq_pending(&self->vq));
}

TEST_F(vq, indexes_wrap_at_65535)
{
	struct fake_ring *r = &self->r;
	unsigned int i;

	r->avail_idx = r->used_seen = 65533;
	r->avail->idx = r->used->idx = 65533;
	ASSERT_EQ(0, fake_connect(r, &self->vq));
	for (i = 0; i < 3; i++) {
		offer(r, (u16)i);
		offer(r, (u16)(i + 3));
		ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
		ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
		EXPECT_EQ(i, self->b.head);
		EXPECT_EQ(0, vq_pop(&self->vq, &self->b3));
		vq_push(&self->vq, &self->b2, 1);
		vq_push(&self->vq, &self->b, 1);
		EXPECT_TRUE(used_is(r, i + 3, 1));
		EXPECT_TRUE(used_is(r, i, 1));
	}
	EXPECT_EQ(3, r->used->idx);
	EXPECT_EQ(3, vq_stop(&self->vq));
}

TEST_F(vq, full_ring_in_one_batch)
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
	for (i = 0; i < NUM; i++)
		vq_push(&self->vq, &b[i], 1);
	for (i = 0; i < NUM; i++)
		EXPECT_TRUE(used_is(&self->r, NUM - 1 - i, 1));
	free(b);
}

TEST_F(vq, ring_of_one)
{
	struct fake_ring r;
	unsigned int i;

	fake_ring_init(&r, &self->m.mem, FAKE_LOW, 1);
	ASSERT_EQ(0, fake_connect(&r, &self->vq));
	for (i = 0; i < 3; i++) {
		offer(&r, 0);
		ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
		EXPECT_EQ(0, vq_pop(&self->vq, &self->b2));
		vq_push(&self->vq, &self->b, 1);
		EXPECT_TRUE(used_is(&r, 0, 1));
	}
}

TEST_F(vq, largest_ring)
{
	struct fake_ring r;

	fake_ring_init(&r, &self->m.mem, FAKE_LOW, VQ_MAX_NUM);
	ASSERT_EQ(0, fake_connect(&r, &self->vq));
	offer(&r, VQ_MAX_NUM - 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&r, VQ_MAX_NUM - 1, 1));
}

TEST_F(vq, chain_as_long_as_the_ring)
{
	unsigned int i;

	for (i = 0; i < NUM; i++)
		fake_desc(&self->r, i, FAKE_DATA + i, 1,
			  i < NUM - 1 ? N : 0, (u16)(i + 1));
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(NUM, self->b.nr_out);
	EXPECT_EQ(NUM, self->b.out_len);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, empty_descriptors_are_skipped)
{
	/* Their address need not be mapped. */
	fake_desc(&self->r, 0, 1, 0, N, 1);
	fake_desc(&self->r, 1, FAKE_DATA, 5, N, 2);
	fake_desc(&self->r, 2, ~0ULL, 0, N | W, 3);
	fake_desc(&self->r, 3, FAKE_DATA, 6, W, 0);
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.nr_out);
	EXPECT_EQ(1, self->b.nr_in);
	EXPECT_EQ(5, self->b.out_len);
	EXPECT_EQ(6, self->b.in_len);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, buffer_without_bytes)
{
	fake_desc(&self->r, 0, FAKE_DATA, 0, W, 0);
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(0, self->b.nr_out + self->b.nr_in);
	EXPECT_EQ(0, vq_buf_write(&self->b, 0, "x", 1));
	EXPECT_EQ(0, vq_buf_read(&self->b, 0, &self->b2, 1));
	vq_push(&self->vq, &self->b, 3);
	EXPECT_TRUE(used_is(&self->r, 0, 0));
}

TEST_F(vq, descriptor_across_adjacent_regions)
{
	fake_desc(&self->r, 0, FAKE_MID - 3, 8, 0, 0);
	memcpy(fake_host(&self->m.mem, FAKE_MID - 3), "abc", 3);
	memcpy(fake_host(&self->m.mem, FAKE_MID), "defgh", 5);
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(2, self->b.nr_out);
	EXPECT_EQ(8, self->b.out_len);
	char got[9] = "";

	EXPECT_EQ(8, vq_buf_read(&self->b, 0, got, 20));
	EXPECT_STREQ("abcdefgh", got);
	EXPECT_EQ(4, vq_buf_read(&self->b, 2, got, 4));
	EXPECT_EQ(0, memcmp(got, "cdef", 4));
	EXPECT_EQ(1, vq_buf_read(&self->b, 7, got, 4));
	EXPECT_EQ('h', got[0]);
	EXPECT_EQ(0, vq_buf_read(&self->b, 8, got, 4));
	EXPECT_EQ(0, vq_buf_read(&self->b, (size_t)-1, got, 4));
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, write_over_segments)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		fake_desc(&self->r, i, FAKE_DATA + 10 * i, 1 + i,
			  i < 3 ? N | W : W, (u16)(i + 1));
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(10, vq_buf_write(&self->b, 0, "0123456789", 10));
	EXPECT_EQ(3, vq_buf_write(&self->b, 2, "xyz", 3));
	EXPECT_EQ(1, vq_buf_write(&self->b, 9, "ABC", 3));
	EXPECT_EQ(0, memcmp(fake_host(&self->m.mem, FAKE_DATA), "0\0", 2));
	EXPECT_EQ(0, memcmp(fake_host(&self->m.mem, FAKE_DATA + 10), "1x\0", 3));
	EXPECT_EQ(0, memcmp(fake_host(&self->m.mem, FAKE_DATA + 20), "yz5\0", 4));
	EXPECT_EQ(0, memcmp(fake_host(&self->m.mem, FAKE_DATA + 30), "678A\0", 5));
	vq_push(&self->vq, &self->b, 10);
}

TEST_F(vq, used_index_is_the_guests)
{
	self->r.used->idx = self->r.used_seen = 4711;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	offer(&self->r, 6);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_EQ(4712, self->r.used->idx);
	EXPECT_TRUE(used_is(&self->r, 6, 1));
}

/*
 * Indirect descriptors
 */

#define TABLE	(FAKE_DATA + 0x10000)

static struct vring_desc *table(FIXTURE_DATA(vq) *self)
{
	return fake_host(&self->m.mem, TABLE);
}

static void fill_table(FIXTURE_DATA(vq) *self, unsigned int nr, u64 addr,
		       u32 len)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		table(self)[i] = (struct vring_desc){
			addr, len, i < nr - 1 ? N : 0, (u16)(i + 1)
		};
}

static void offer_table(FIXTURE_DATA(vq) *self, u64 gpa, u32 len, u16 flags)
{
	fake_desc(&self->r, 3, gpa, len, IND | flags, 1);
	fake_avail(&self->r, 3);
}

TEST_F(vq, indirect)
{
	fill_table(self, 30, FAKE_DATA, 2);
	offer_table(self, TABLE, 30 * 16, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(30, self->b.nr_out);
	EXPECT_EQ(60, self->b.out_len);
	EXPECT_NE(&self->b.inline_iov[0], self->b.iov);
	vq_push(&self->vq, &self->b, 0);
	EXPECT_TRUE(used_is(&self->r, 3, 0));
}

TEST_F(vq, indirect_entry_may_be_flagged_writable)
{
	fill_table(self, 1, FAKE_DATA, 2);
	offer_table(self, TABLE, 16, W);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.nr_out);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, indirect_at_the_end_of_a_chain)
{
	fill_table(self, 2, FAKE_DATA + 8, 4);
	fake_desc(&self->r, 4, FAKE_DATA, 8, N, 0);
	fake_desc(&self->r, 0, TABLE, 32, IND, 0);
	fake_avail(&self->r, 4);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.nr_out);
	EXPECT_EQ(16, self->b.out_len);
	EXPECT_EQ(4, self->b.head);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, indirect_table_across_regions_and_unaligned)
{
	struct vring_desc d[2] = {
		{ FAKE_DATA, 3, N, 1 }, { FAKE_DATA, 5, W, 0 },
	};
	u64 gpa = FAKE_MID - 21;

	memcpy(fake_host(&self->m.mem, gpa), d, 21);
	memcpy(fake_host(&self->m.mem, FAKE_MID), (u8 *)d + 21, 11);
	offer_table(self, gpa, sizeof(d), 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.out_len);
	EXPECT_EQ(5, self->b.in_len);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, indirect_of_as_many_segments_as_allowed)
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

TEST_F(vq, bad_head_out_of_range)
{
	fake_avail(&self->r, NUM);
	EXPECT_BROKEN(-EINVAL, "head out of range");
}

TEST_F(vq, bad_head_far_out_of_range)
{
	fake_avail(&self->r, 0xffff);
	EXPECT_BROKEN(-EINVAL, "head out of range");
}

TEST_F(vq, bad_head_twice_in_one_batch)
{
	offer(&self->r, 1);
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_BROKEN(-EINVAL, "head made available twice");
	EXPECT_EQ(1, vq_out(&self->vq));
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_EQ(0, vq_out(&self->vq));
	EXPECT_TRUE(used_none(&self->r));
}

TEST_F(vq, bad_head_again_while_out)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	offer(&self->r, 1);
	EXPECT_BROKEN(-EINVAL, "head made available twice");
	vq_drop(&self->vq, &self->b2);
}

TEST_F(vq, bad_head_again_while_dropped)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b2);
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_BROKEN(-EINVAL, "head made available twice");
	vq_drop(&self->vq, &self->b2);
}

TEST_F(vq, head_again_after_push_is_fine)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		offer(&self->r, 1);
		ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
		vq_push(&self->vq, &self->b, 1);
	}
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(vq, bad_avail_index_jump)
{
	self->r.avail->idx = NUM + 1;
	EXPECT_BROKEN(-EINVAL, "avail index jumps");
}

TEST_F(vq, bad_avail_index_backwards)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	self->r.used_seen++;
	self->r.avail->idx = 0;
	EXPECT_BROKEN(-EINVAL, "avail index jumps");
}

TEST_F(vq, pending_is_true_for_what_pop_will_find_broken)
{
	self->r.avail->idx = NUM + 1;
	EXPECT_TRUE(vq_pending(&self->vq));
	EXPECT_EQ(1, self->nr_broke);
}

TEST_F(vq, bad_next_out_of_range)
{
	fake_desc(&self->r, 0, FAKE_DATA, 1, N, NUM);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EINVAL, "next descriptor out of range");
	EXPECT_EQ(0, vq_out(&self->vq));
	/* Nobody has seen it: whoever goes on must. */
	EXPECT_EQ(0, vq_stop(&self->vq));
}

TEST_F(vq, bad_loop_of_one)
{
	fake_desc(&self->r, 0, FAKE_DATA, 1, N, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-ELOOP, "descriptor chain loops");
}

TEST_F(vq, bad_loop_of_two)
{
	fake_desc(&self->r, 0, FAKE_DATA, 1, N, 7);
	fake_desc(&self->r, 7, FAKE_DATA, 1, N, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-ELOOP, "descriptor chain loops");
}

TEST_F(vq, bad_loop_of_empty_descriptors)
{
	fake_desc(&self->r, 0, 0, 0, N, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-ELOOP, "descriptor chain loops");
}

TEST_F(vq, bad_address_zero)
{
	fake_desc(&self->r, 0, 0, 1, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_address_in_hole)
{
	fake_desc(&self->r, 0, FAKE_HIGH - 1, 1, W, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_address_begins_before_region)
{
	fake_desc(&self->r, 0, FAKE_HIGH - 1, 2, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_address_ends_behind_region)
{
	fake_desc(&self->r, 0, FAKE_HIGH + FAKE_HIGH_SIZE - 1, 2, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_address_wraps)
{
	fake_desc(&self->r, 0, ~0ULL - 1, 0x200000, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_length_of_4g)
{
	fake_desc(&self->r, 0, FAKE_DATA, 0xffffffff, W, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, bad_readable_after_writable)
{
	fake_desc(&self->r, 0, FAKE_DATA, 1, W | N, 1);
	fake_desc(&self->r, 1, FAKE_DATA, 1, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EINVAL, "readable descriptor after a writable one");
}

TEST_F(vq, bad_readable_after_empty_writable)
{
	fake_desc(&self->r, 0, FAKE_DATA, 0, W | N, 1);
	fake_desc(&self->r, 1, FAKE_DATA, 1, 0, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EINVAL, "readable descriptor after a writable one");
}

/* A region of 5 GiB that is never touched, behind all others. */
#define HUGE	0x100000000ULL

static void add_huge_region(FIXTURE_DATA(vq) *self)
{
	struct mem *m = &self->m.mem;
	void *p = mmap(NULL, 0x140000000, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	mem_insert(m, &(struct mem_region){
		.gpa = HUGE, .uva = HUGE, .size = 0x140000000, .host = p,
	});
}

static void remove_huge_region(FIXTURE_DATA(vq) *self)
{
	struct mem_region *r = &self->m.mem.region[--self->m.mem.nr];

	munmap(r->host, r->size);
}

TEST_F(vq, buffer_of_just_below_4g)
{
	add_huge_region(self);
	fake_desc(&self->r, 0, HUGE, 0x80000000, N, 1);
	fake_desc(&self->r, 1, HUGE, 0x7fffffff, W, 0);
	fake_avail(&self->r, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(0x7fffffff, self->b.in_len);
	vq_drop(&self->vq, &self->b);
	remove_huge_region(self);
}

TEST_F(vq, bad_total_length_of_4g)
{
	add_huge_region(self);
	fake_desc(&self->r, 0, HUGE, 0x80000000, N, 1);
	fake_desc(&self->r, 1, HUGE, 0x80000000, W, 0);
	fake_avail(&self->r, 0);
	EXPECT_BROKEN(-EINVAL, "buffer of 4 GiB or more");
	remove_huge_region(self);
}

TEST_F(vq, bad_too_many_segments)
{
	/* Each of the entries allowed makes two segments. */
	fill_table(self, VQ_MAX_SEGS, FAKE_MID - 1, 2);
	offer_table(self, TABLE, VQ_MAX_SEGS * 16, 0);
	EXPECT_BROKEN(-E2BIG, "buffer of too many segments");
}

TEST_F(vq, bad_indirect_not_negotiated)
{
	self->vq.indirect = false;
	fill_table(self, 1, FAKE_DATA, 2);
	offer_table(self, TABLE, 16, 0);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor, not negotiated");
}

TEST_F(vq, bad_indirect_nested)
{
	fill_table(self, 2, FAKE_DATA, 2);
	table(self)[1] = (struct vring_desc){ TABLE, 16, IND, 0 };
	offer_table(self, TABLE, 32, 0);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor in an indirect table");
}

static void move_region(struct mem *m, unsigned int i, u64 gpa)
{
	struct mem_region r = m->region[i];

	for (m->nr--; i < m->nr; i++)
		m->region[i] = m->region[i + 1];
	r.gpa = gpa;
	mem_insert(m, &r);
}

TEST_F(vq, bad_indirect_nested_in_table_at_address_zero)
{
	/* Address 0 is an address like others. */
	move_region(&self->m.mem, 2, 0);
	*(struct vring_desc *)(void *)self->m.mem.region[0].host =
		(struct vring_desc){ 0, 16, IND, 0 };
	offer_table(self, 0, 16, 0);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor in an indirect table");
}

TEST_F(vq, bad_indirect_with_next)
{
	fill_table(self, 1, FAKE_DATA, 2);
	offer_table(self, TABLE, 16, N);
	EXPECT_BROKEN(-EINVAL, "indirect descriptor with a next one");
}

TEST_F(vq, bad_indirect_length_not_of_descriptors)
{
	offer_table(self, TABLE, 24, 0);
	EXPECT_BROKEN(-EINVAL, "indirect table of a wrong length");
}

TEST_F(vq, bad_indirect_length_zero)
{
	offer_table(self, TABLE, 0, 0);
	EXPECT_BROKEN(-EINVAL, "indirect table of a wrong length");
}

TEST_F(vq, bad_indirect_too_long)
{
	offer_table(self, TABLE, VQ_MAX_SEGS * 16 + 16, 0);
	EXPECT_BROKEN(-E2BIG, "indirect table too long");
}

TEST_F(vq, bad_indirect_table_unmapped)
{
	offer_table(self, FAKE_HIGH - 16, 16, 0);
	EXPECT_BROKEN(-EFAULT, "indirect table not in guest memory");
}

TEST_F(vq, bad_indirect_table_ends_behind_region)
{
	u64 gpa = FAKE_HIGH + FAKE_HIGH_SIZE - 16;

	*(struct vring_desc *)fake_host(&self->m.mem, gpa) =
		(struct vring_desc){ FAKE_DATA, 1, N, 1 };
	offer_table(self, gpa, 32, 0);
	EXPECT_BROKEN(-EFAULT, "indirect table not in guest memory");
}

TEST_F(vq, bad_indirect_table_wraps)
{
	/* Both ends would be mapped. */
	move_region(&self->m.mem, 2, 0 - FAKE_HIGH_SIZE);
	move_region(&self->m.mem, 1, 0);
	memset(self->m.mem.region[2].host, 0, FAKE_HIGH_SIZE);
	*(struct vring_desc *)(void *)(self->m.mem.region[2].host +
				       FAKE_HIGH_SIZE - 16) =
		(struct vring_desc){ FAKE_DATA, 1, N, 1 };
	offer_table(self, 0ULL - 16, 32, 0);
	EXPECT_BROKEN(-EFAULT, "indirect table not in guest memory");
}

TEST_F(vq, bad_indirect_next_out_of_range)
{
	fill_table(self, 3, FAKE_DATA, 2);
	offer_table(self, TABLE, 32, 0);
	EXPECT_BROKEN(-EINVAL, "next descriptor out of range");
}

TEST_F(vq, bad_indirect_loop)
{
	fill_table(self, 3, FAKE_DATA, 2);
	table(self)[2] = (struct vring_desc){ FAKE_DATA, 1, N, 1 };
	offer_table(self, TABLE, 48, 0);
	EXPECT_BROKEN(-ELOOP, "descriptor chain loops");
}

TEST_F(vq, bad_indirect_readable_after_writable)
{
	fill_table(self, 1, FAKE_DATA, 2);
	fake_desc(&self->r, 4, FAKE_DATA, 8, N | W, 0);
	fake_desc(&self->r, 0, TABLE, 16, IND, 0);
	fake_avail(&self->r, 4);
	EXPECT_BROKEN(-EINVAL, "readable descriptor after a writable one");
}

TEST_F(vq, bad_ring_after_good_buffers)
{
	offer(&self->r, 1);
	fake_avail(&self->r, NUM);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
	EXPECT_BROKEN(-EINVAL, "head out of range");
	/* The driver shall hear of the good one. */
	EXPECT_TRUE(vq_take_pushed(&self->vq));
}

TEST_F(vq, broken_until_set_up_again)
{
	fake_avail(&self->r, NUM);
	EXPECT_EQ(-EINVAL, vq_pop(&self->vq, &self->b));
	vq_enable(&self->vq, false);
	vq_enable(&self->vq, true);
	vq_stop(&self->vq);
	EXPECT_EQ(0, vq_start(&self->vq));
	EXPECT_TRUE(self->vq.broken);
	fake_ring_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	EXPECT_FALSE(self->vq.broken);
	EXPECT_EQ(NULL, self->vq.why);
	offer(&self->r, 1);
	EXPECT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

/*
 * Kicks and calls
 */

TEST_F(vq, no_interrupt_suppresses_calls)
{
	offer(&self->r, 1);
	offer(&self->r, 2);
	self->r.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	EXPECT_EQ(1, self->vq.calls_suppressed);
	self->r.avail->flags = 0;
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	EXPECT_EQ(1, self->vq.calls);
	EXPECT_EQ(2, self->nr_pushed);
}

static void use_one(FIXTURE_DATA(vq) *self)
{
	offer(&self->r, 1);
	if (vq_pop(&self->vq, &self->b) != 1)
		abort();
	vq_push(&self->vq, &self->b, 1);
}

TEST_F(vq, event_idx_call_when_used_event_is_passed)
{
	self->vq.event_idx = true;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	/* The first one after set-up always: we do not know what was before. */
	*fake_used_event(&self->r) = 100;
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	use_one(self);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	/* used index 2: a call when entry 3 of index 3 is used */
	*fake_used_event(&self->r) = 3;
	use_one(self);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	use_one(self);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	/* passed in the middle of a batch */
	*fake_used_event(&self->r) = 6;
	use_one(self);
	use_one(self);
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	EXPECT_EQ(3, self->vq.calls);
	EXPECT_EQ(3, self->vq.calls_suppressed);
}

TEST_F(vq, event_idx_once_around_always_calls)
{
	unsigned int i;

	self->vq.event_idx = true;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	*fake_used_event(&self->r) = 5000;
	for (i = 0; i < 65536 + 10; i++)
		use_one(self);
	EXPECT_TRUE(vq_take_pushed(&self->vq));
}

TEST_F(vq, event_idx_asks_for_a_kick_only_when_empty)
{
	self->vq.event_idx = true;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	*fake_avail_event(&self->r) = 0x7777;
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(0x7777, *fake_avail_event(&self->r));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(0x7777, *fake_avail_event(&self->r));
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b3));
	EXPECT_EQ(2, *fake_avail_event(&self->r));
	vq_push(&self->vq, &self->b, 1);
	vq_push(&self->vq, &self->b2, 1);
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_FALSE(vq_pending(&self->vq));
	EXPECT_EQ(3, *fake_avail_event(&self->r));
	vq_push(&self->vq, &self->b, 1);
}

TEST_F(vq, event_idx_asks_for_a_kick_when_it_begins)
{
	/* Going on where another back-end stopped. */
	self->vq.event_idx = true;
	self->r.avail_idx = self->r.avail->idx = 500;
	*fake_avail_event(&self->r) = 3;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	EXPECT_EQ(500, *fake_avail_event(&self->r));
	/* And when it was disabled meanwhile. */
	vq_enable(&self->vq, false);
	*fake_avail_event(&self->r) = 3;
	EXPECT_FALSE(vq_pending(&self->vq));
	EXPECT_EQ(3, *fake_avail_event(&self->r));
	vq_enable(&self->vq, true);
	EXPECT_EQ(500, *fake_avail_event(&self->r));
	/* Or enabled before it was started. */
	EXPECT_EQ(500, vq_stop(&self->vq));
	*fake_avail_event(&self->r) = 3;
	ASSERT_EQ(0, vq_start(&self->vq));
	EXPECT_EQ(500, *fake_avail_event(&self->r));
}

TEST_F(vq, without_event_idx_nothing_is_written_behind_the_ring)
{
	*fake_avail_event(&self->r) = 0x7777;
	use_one(self);
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	EXPECT_TRUE(vq_take_pushed(&self->vq));
	EXPECT_EQ(0x7777, *fake_avail_event(&self->r));
	EXPECT_EQ(0, self->r.used->flags);
}

TEST_F(vq, no_call_for_a_queue_that_was_taken_away)
{
	use_one(self);
	vq_enable(&self->vq, false);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	vq_enable(&self->vq, true);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	use_one(self);
	vq_stop(&self->vq);
	EXPECT_FALSE(vq_take_pushed(&self->vq));
	ASSERT_EQ(0, vq_start(&self->vq));
	use_one(self);
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	EXPECT_FALSE(vq_take_pushed(&self->vq));
}

/*
 * States
 */

TEST_F(vq, popped_only_when_started_and_enabled)
{
	struct vq *vq = &self->vq;
	unsigned int i;

	ASSERT_EQ(0, fake_connect(&self->r, vq));
	offer(&self->r, 1);
	for (i = 0; i < 3; i++) {
		vq->started = i & 1;
		vq->enabled = i & 2;
		EXPECT_FALSE(vq_usable(vq));
		EXPECT_FALSE(vq_pending(vq));
		EXPECT_EQ(0, vq_pop(vq, &self->b));
	}
	vq->started = vq->enabled = true;
	EXPECT_TRUE(vq_pending(vq));
	EXPECT_EQ(1, vq_pop(vq, &self->b));
	vq_drop(vq, &self->b);
}

TEST_F(vq, start_needs_a_complete_setup)
{
	struct vq *vq = &self->vq;

	vq_fini(vq);
	vq_init(vq, 0, &ops, NULL);
	EXPECT_EQ(-EINVAL, vq_start(vq));
	EXPECT_EQ(-EINVAL, vq_set_addr(vq, &self->m.mem, fake_desc_uva(&self->r),
				       fake_avail_uva(&self->r),
				       fake_used_uva(&self->r)));
	ASSERT_EQ(0, vq_set_num(vq, NUM));
	EXPECT_EQ(-EINVAL, vq_start(vq));
	vq_enable(vq, true);
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_EQ(0, vq_stop(vq));
	ASSERT_EQ(0, vq_set_addr(vq, &self->m.mem, fake_desc_uva(&self->r),
				 fake_avail_uva(&self->r),
				 fake_used_uva(&self->r)));
	EXPECT_EQ(0, vq_start(vq));
	EXPECT_EQ(0, vq_start(vq));
	EXPECT_TRUE(vq_usable(vq));
}

TEST_F(vq, set_num_refuses_what_is_no_ring_size)
{
	static const u32 bad[] = { 0, 3, 7, 65535, 65536, 32769, 0x80000000,
				   0xffffffff };
	size_t i;

	offer(&self->r, 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, vq_set_num(&self->vq, bad[i]));
	/* and leaves the queue as it was */
	EXPECT_EQ(NUM, self->vq.num);
	EXPECT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, set_base_takes_16_bits)
{
	EXPECT_EQ(-EINVAL, vq_set_base(&self->vq, 65536));
	EXPECT_EQ(0, vq_set_base(&self->vq, 65535));
	EXPECT_EQ(65535, vq_stop(&self->vq));
	EXPECT_EQ(65535, vq_stop(&self->vq));
}

#define SET_ADDR(d, a, u) vq_set_addr(&self->vq, &self->m.mem, d, a, u)

TEST_F(vq, set_addr_refuses_what_is_not_mapped_or_aligned)
{
	u64 d = fake_desc_uva(&self->r), a = fake_avail_uva(&self->r);
	u64 u = fake_used_uva(&self->r), end = FAKE_UVA + FAKE_HIGH + FAKE_HIGH_SIZE;

	EXPECT_EQ(-EINVAL, SET_ADDR(d + 8, a, u));
	EXPECT_EQ(-EINVAL, SET_ADDR(d, a + 1, u));
	EXPECT_EQ(-EINVAL, SET_ADDR(d, a, u + 2));
	EXPECT_EQ(-EFAULT, SET_ADDR(0, a, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, 0, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, a, 0));
	EXPECT_EQ(-EFAULT, SET_ADDR(~0ULL & ~15ULL, a, u));
	EXPECT_EQ(-EFAULT, vq_set_addr(&self->vq, NULL, d, a, u));
	/* The last place where each part fits, and 1 entry further. */
	EXPECT_EQ(0, SET_ADDR(end - 16 * NUM, a, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(end - 16 * NUM + 16, a, u));
	EXPECT_EQ(0, SET_ADDR(d, end - 6 - 2 * NUM, u));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, end - 6 - 2 * NUM + 2, u));
	EXPECT_EQ(0, SET_ADDR(d, a, (end - 6 - 8 * NUM) & ~3ULL));
	EXPECT_EQ(-EFAULT, SET_ADDR(d, a, end - 6 - 8 * NUM + 2));
	/* A part of the ring in two regions is in none, adjacent or not. */
	EXPECT_EQ(-EFAULT, SET_ADDR(FAKE_UVA + FAKE_MID - 16, a, u));
	/* Nothing has changed by what was refused. */
	EXPECT_EQ(d, self->vq.desc_uva);
	EXPECT_TRUE(vq_usable(&self->vq));
}

TEST_F(vq, set_addr_looks_at_the_alignment_here_too)
{
	/* User addresses are what the front-end says they are. */
	self->m.mem.region[2].uva = 0x1001;
	EXPECT_EQ(-EINVAL, SET_ADDR(0x1010, fake_avail_uva(&self->r),
				    fake_used_uva(&self->r)));
	EXPECT_EQ(-EINVAL, SET_ADDR(fake_desc_uva(&self->r), 0x1002,
				    fake_used_uva(&self->r)));
	EXPECT_EQ(-EINVAL, SET_ADDR(fake_desc_uva(&self->r),
				    fake_avail_uva(&self->r), 0x1004));
}

TEST_F(vq, set_addr_keeps_buffers_that_are_out)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(0, SET_ADDR(fake_desc_uva(&self->r), fake_avail_uva(&self->r),
			      fake_used_uva(&self->r)));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

/*
 * Buffers and queues that are taken away
 */

TEST_F(vq, dropped_buffers_come_again_in_their_old_order)
{
	struct vq *vq = &self->vq;
	unsigned int i;

	for (i = 1; i <= 4; i++)
		offer(&self->r, (u16)(8 - i));
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	ASSERT_EQ(1, vq_pop(vq, &self->b2));
	ASSERT_EQ(1, vq_pop(vq, &self->b3));
	vq_push(vq, &self->b2, 1);
	vq_drop(vq, &self->b3);
	vq_drop(vq, &self->b);
	vq_enable(vq, false);
	EXPECT_FALSE(vq_pending(vq));
	EXPECT_EQ(0, vq_pop(vq, &self->b));
	vq_enable(vq, true);
	EXPECT_TRUE(vq_pending(vq));
	ASSERT_EQ(1, vq_pop(vq, &self->b));
	EXPECT_EQ(7, self->b.head);
	ASSERT_EQ(1, vq_pop(vq, &self->b2));
	EXPECT_EQ(5, self->b2.head);
	ASSERT_EQ(1, vq_pop(vq, &self->b3));
	EXPECT_EQ(4, self->b3.head);
	vq_drop(vq, &self->b3);
	vq_push(vq, &self->b2, 1);
	vq_push(vq, &self->b, 1);
	ASSERT_EQ(1, vq_pop(vq, &self->b3));
	EXPECT_EQ(4, self->b3.head);
	vq_push(vq, &self->b3, 1);
	EXPECT_TRUE(used_is(&self->r, 6, 1));
	EXPECT_TRUE(used_is(&self->r, 5, 1));
	EXPECT_TRUE(used_is(&self->r, 7, 1));
	EXPECT_TRUE(used_is(&self->r, 4, 1));
	EXPECT_EQ(0, vq_pop(vq, &self->b));
}

TEST_F(vq, dropped_buffer_is_looked_at_anew)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_drop(&self->vq, &self->b);
	self->r.desc[1].addr = 0;
	EXPECT_BROKEN(-EFAULT, "descriptor not in guest memory");
}

TEST_F(vq, push_while_disabled_counts_as_drop)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_enable(&self->vq, false);
	vq_push(&self->vq, &self->b, 1);
	EXPECT_EQ(NULL, self->b.vq);
	EXPECT_TRUE(used_none(&self->r));
	EXPECT_EQ(0, self->nr_pushed);
	vq_enable(&self->vq, true);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.head);
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

TEST_F(vq, set_up_anew_forgets)
{
	fill_table(self, 30, FAKE_DATA, 2);
	offer_table(self, TABLE, 30 * 16, 0);
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	vq_drop(&self->vq, &self->b2);
	fake_ring_init(&self->r, &self->m.mem, FAKE_LOW, NUM);
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	EXPECT_EQ(0, vq_out(&self->vq));
	EXPECT_FALSE(vq_pending(&self->vq));
	/* Buffers of before are stale, even if their heads are in use again. */
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b, 2);
	vq_drop(&self->vq, &self->b3);
	EXPECT_TRUE(used_none(&self->r));
	EXPECT_EQ(1, vq_out(&self->vq));
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(2, self->b2.head);
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_EQ(0, self->nr_broke);
}

TEST_F(vq, set_base_forgets)
{
	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(0, vq_set_base(&self->vq, 0));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&self->r));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.head);
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
}

TEST_F(vq, set_up_with_another_size)
{
	struct fake_ring r;

	offer(&self->r, 7);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	fake_ring_init(&r, &self->m.mem, FAKE_LOW, 4);
	ASSERT_EQ(0, fake_connect(&r, &self->vq));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&r));
	fake_avail(&r, 4);
	EXPECT_EQ(-EINVAL, vq_pop(&self->vq, &self->b));
}

TEST_F(vq, stop_gives_the_next_index_and_start_goes_on)
{
	use_one(self);
	use_one(self);
	offer(&self->r, 3);
	EXPECT_EQ(2, vq_stop(&self->vq));
	EXPECT_EQ(2, vq_stop(&self->vq));
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(0, vq_start(&self->vq));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.head);
	vq_push(&self->vq, &self->b, 1);
}

TEST_F(vq, stop_goes_back_over_dropped_buffers)
{
	use_one(self);
	offer(&self->r, 4);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b);
	/* b2 is still held: as if dropped. */
	EXPECT_EQ(1, vq_stop(&self->vq));
	EXPECT_EQ(1, vq_stop(&self->vq));
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
	EXPECT_TRUE(used_none(&self->r));
	ASSERT_EQ(0, vq_start(&self->vq));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(4, self->b.head);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(2, self->b2.head);
	vq_drop(&self->vq, &self->b);
	vq_drop(&self->vq, &self->b2);
}

TEST_F(vq, stop_completes_what_it_cannot_go_back_over)
{
	unsigned int i;

	for (i = 1; i <= 3; i++)
		offer(&self->r, (u16)i);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b3));
	vq_push(&self->vq, &self->b2, 1);
	vq_drop(&self->vq, &self->b3);
	vq_drop(&self->vq, &self->b);
	EXPECT_EQ(2, vq_stop(&self->vq));
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_TRUE(used_is(&self->r, 1, 0));
	EXPECT_TRUE(used_none(&self->r));
	ASSERT_EQ(0, vq_start(&self->vq));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.head);
	vq_drop(&self->vq, &self->b);
}

TEST_F(vq, stop_of_a_disabled_queue_writes_nothing)
{
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b2, 1);
	vq_drop(&self->vq, &self->b);
	vq_enable(&self->vq, false);
	EXPECT_EQ(2, vq_stop(&self->vq));
	EXPECT_TRUE(used_is(&self->r, 2, 1));
	EXPECT_TRUE(used_none(&self->r));
}

TEST_F(vq, stop_wraps_backwards)
{
	self->r.avail_idx = self->r.avail->idx = 65535;
	ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b);
	vq_drop(&self->vq, &self->b2);
	EXPECT_EQ(65535, vq_stop(&self->vq));
}

TEST_F(vq, new_memory_table)
{
	struct mem moved = self->m.mem;
	u64 size = FAKE_LOW_SIZE;
	u8 *copy = aligned_alloc(4096, size);
	struct fake_ring r = self->r;

	ASSERT_NE(NULL, copy);
	offer(&self->r, 1);
	offer(&self->r, 2);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_drop(&self->vq, &self->b2);
	memcpy(copy, moved.region[0].host, size);
	moved.region[0].host = copy;
	r.mem = &moved;
	r.avail_idx = self->r.avail_idx;
	r.used = (void *)(copy + ((u8 *)self->r.used -
				  self->m.mem.region[0].host));
	ASSERT_EQ(0, vq_set_mem(&self->vq, &moved));
	/* Nothing goes to where it was. */
	memset(self->m.mem.region[0].host, 0xee, size);
	EXPECT_TRUE(vq_pending(&self->vq));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&r));
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(1, self->b.head);
	EXPECT_EQ(copy + (FAKE_DATA - FAKE_LOW) + 1, self->b.iov[0].iov_base);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	vq_push(&self->vq, &self->b, 1);
	vq_push(&self->vq, &self->b2, 1);
	EXPECT_TRUE(used_is(&r, 1, 1));
	EXPECT_TRUE(used_is(&r, 2, 1));
	free(copy);
}

TEST_F(vq, memory_table_without_the_ring_stops_it)
{
	struct mem less = { .nr = 1, .region = { self->m.mem.region[2] } };

	offer(&self->r, 1);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(-EFAULT, vq_set_mem(&self->vq, &less));
	EXPECT_FALSE(self->vq.started);
	EXPECT_EQ(0, vq_pop(&self->vq, &self->b2));
	EXPECT_FALSE(vq_pending(&self->vq));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_none(&self->r));
	EXPECT_EQ(-EINVAL, vq_start(&self->vq));
	EXPECT_EQ(0, vq_set_mem(&self->vq, &self->m.mem));
	EXPECT_EQ(-EINVAL, vq_start(&self->vq));
	EXPECT_EQ(0, SET_ADDR(fake_desc_uva(&self->r), fake_avail_uva(&self->r),
			      fake_used_uva(&self->r)));
	EXPECT_EQ(0, vq_start(&self->vq));
	/* What was out comes again. */
	EXPECT_EQ(1, vq_pop(&self->vq, &self->b));
	vq_push(&self->vq, &self->b, 1);
	EXPECT_TRUE(used_is(&self->r, 1, 1));
	EXPECT_EQ(-EFAULT, vq_set_mem(&self->vq, NULL));
	EXPECT_FALSE(vq_usable(&self->vq));
}

TEST_F(vq, without_memory_there_is_room_for_one_long_buffer)
{
	unsigned int i;

	fill_table(self, 30, FAKE_DATA, 2);
	oom = true;
	for (i = 0; i < 3; i++) {
		offer_table(self, TABLE, 30 * 16, 0);
		ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
		EXPECT_EQ(30, self->b.nr_out);
		vq_push(&self->vq, &self->b, 0);
	}
	oom = false;
}

TEST_F(vq, without_memory_a_second_long_buffer_comes_later)
{
	fill_table(self, 30, FAKE_DATA, 2);
	fake_desc(&self->r, 2, TABLE, 30 * 16, IND, 0);
	fake_avail(&self->r, 2);
	offer_table(self, TABLE, 30 * 16, 0);
	offer(&self->r, 1);
	oom = true;
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(-ENOMEM, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(-ENOMEM, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(-ENOMEM, vq_set_num(&self->vq, NUM));
	EXPECT_EQ(NULL, self->b2.vq);
	EXPECT_EQ(1, vq_out(&self->vq));
	EXPECT_EQ(0, self->nr_broke);
	/* The room is free again with the buffer that had it. */
	vq_push(&self->vq, &self->b, 0);
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b));
	EXPECT_EQ(3, self->b.head);
	oom = false;
	ASSERT_EQ(1, vq_pop(&self->vq, &self->b2));
	EXPECT_EQ(1, self->b2.head);
	vq_push(&self->vq, &self->b, 1);
	vq_push(&self->vq, &self->b2, 1);
}

TEST_F(vq, ten_thousand_setups)
{
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		ASSERT_EQ(0, fake_connect(&self->r, &self->vq));
		ASSERT_EQ(0, vq_set_num(&self->vq, 1u << (i % 9)));
	}
}

/*
 * Many random operations, against a model of what must come out
 */

#define M_NUM	16u

struct model {
	struct vq_buf buf[M_NUM];
	enum { FREE, AVAIL, OUT, AGAIN, USED } state[M_NUM];
	u64 order[M_NUM];	/* of being made available */
	u64 next;
	u32 written[M_NUM];
	bool enabled;
};

/* The head that must be popped next: dropped ones first, by age. */
static int model_next(const struct model *m)
{
	int i, best = -1;

	for (i = 0; i < (int)M_NUM; i++) {
		if (m->state[i] != AVAIL && m->state[i] != AGAIN)
			continue;
		if (best < 0 || m->state[i] > m->state[best] ||
		    (m->state[i] == m->state[best] &&
		     m->order[i] < m->order[best]))
			best = i;
	}
	return best;
}

static unsigned int count(const struct model *m, int state)
{
	unsigned int i, n = 0;

	for (i = 0; i < M_NUM; i++)
		n += (int)m->state[i] == state;
	return n;
}

/* Like AVAIL before AGAIN in the comparison above. */
_Static_assert((int)AVAIL < (int)AGAIN, "model_next() relies on it");

TEST_F(vq, random_operations)
{
	struct model *m = calloc(1, sizeof(*m));
	struct vq *vq = &self->vq;
	struct fake_ring r;
	struct prng rnd;
	u64 used_expected = 0;
	unsigned int step;
	u32 id, len;
	int want, i;

	ASSERT_NE(NULL, m);
	prng_seed(&rnd, 1, "vq");
	fake_ring_init(&r, &self->m.mem, FAKE_LOW, M_NUM);
	ASSERT_EQ(0, fake_connect(&r, vq));
	m->enabled = true;
	for (step = 0; step < 300000; step++) {
		i = (int)(prng_next(&rnd) % M_NUM);
		switch (prng_next(&rnd) % 16) {
		case 0 ... 4:	/* the driver adds a buffer */
			if (m->state[i] != FREE)
				break;
			fake_desc(&r, (unsigned int)i, FAKE_DATA, 100, W, 0);
			fake_avail(&r, (u16)i);
			m->state[i] = AVAIL;
			m->order[i] = m->next++;
			break;
		case 5 ... 9:	/* the device pops one */
			want = m->enabled ? model_next(m) : -1;
			ASSERT_EQ(want >= 0, vq_pending(vq));
			if (want < 0) {
				ASSERT_EQ(0, vq_pop(vq, &self->b));
				break;
			}
			ASSERT_EQ(1, vq_pop(vq, &m->buf[want]));
			ASSERT_EQ(want, m->buf[want].head);
			m->state[want] = OUT;
			break;
		case 10 ... 12:	/* the device pushes one */
			if (m->state[i] != OUT)
				break;
			len = (u32)(prng_next(&rnd) % 101);
			vq_push(vq, &m->buf[i], len);
			m->state[i] = m->enabled ? USED : AGAIN;
			m->written[i] = len;
			used_expected += m->enabled;
			break;
		case 13:	/* or drops it */
			if (m->state[i] != OUT)
				break;
			vq_drop(vq, &m->buf[i]);
			m->state[i] = AGAIN;
			break;
		case 14:	/* the driver takes what is used */
			while (fake_used(&r, &id, &len)) {
				ASSERT_EQ(USED, m->state[id]);
				ASSERT_EQ(m->written[id], len);
				m->state[id] = FREE;
				used_expected--;
			}
			ASSERT_EQ(0, used_expected);
			break;
		case 15:
			if (step % 7)
				break;
			m->enabled = !m->enabled;
			vq_enable(vq, m->enabled);
			break;
		}
		ASSERT_EQ(count(m, OUT), vq_out(vq));
	}
	EXPECT_EQ(0, self->nr_broke);
	for (i = 0; i < (int)M_NUM; i++)
		if (m->state[i] == OUT)
			vq_drop(vq, &m->buf[i]);
	free(m);
}

/*
 * A driver that runs at the same time, and kicks only when it is asked to
 */

#define RACE_BUFS	100000u

struct race {
	struct fake_ring *r;
	u64 kicks;		/* atomic */
	bool stop;		/* atomic */
	bool gave_up;
};

static void *race_driver(void *arg)
{
	struct race *race = arg;
	struct fake_ring *r = race->r;
	unsigned int sent = 0, done = 0, idle = 0;
	u32 id, len;
	u16 old;

	while (done < RACE_BUFS) {
		while (fake_used(r, &id, &len)) {
			done++;
			idle = 0;
		}
		if (sent < RACE_BUFS && sent - done < r->num) {
			old = r->avail_idx;
			offer(r, (u16)(sent++ % r->num));
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			if (vring_need_event(READ_ONCE(*fake_avail_event(r)),
					     r->avail_idx, old))
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

TEST_F(vq, no_kick_is_lost)
{
	struct race race = { .r = &self->r };
	struct vq *vq = &self->vq;
	u64 seen = 0, now;
	pthread_t t;

	vq->event_idx = true;
	ASSERT_EQ(0, fake_connect(&self->r, vq));
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

static void *double_fetch_driver(void *arg)
{
	static const u64 addrs[] = {
		TABLE, TABLE + 64, FAKE_DATA, FAKE_MID - 8, 0, ~0ULL,
		FAKE_HIGH + FAKE_HIGH_SIZE - 4,
	};
	static const u64 lens[] = { 16, 48, 0, 1, 7, 4096, 0xffffffff };
	static const u64 flags[] = { 0, W, N, N | W, IND, IND | N };
	static const u64 nexts[] = { 1, 2, 0, 3, NUM - 1, NUM };
	struct race *race = arg;
	struct fake_ring *r = race->r;
	struct vring_desc *t = fake_host(r->mem, TABLE), *d;
	struct prng rnd;
	u64 i;

	prng_seed(&rnd, 2, "double fetch");
	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		i = prng_next(&rnd) % NUM;
		d = prng_next(&rnd) & 1 ? &r->desc[i] : &t[i % 4];
		WRITE_ONCE(d->addr, PICK(addrs));
		WRITE_ONCE(d->len, (u32)PICK(lens));
		WRITE_ONCE(d->flags, (u16)PICK(flags));
		WRITE_ONCE(d->next, (u16)PICK(nexts));
		WRITE_ONCE(r->avail->ring[i],
			   (u16)(prng_next(&rnd) % (i ? NUM : NUM + 1)));
	}
	return NULL;
}

TEST_F(vq, nothing_is_fetched_twice)
{
	struct race race = { .r = &self->r };
	struct vq *vq = &self->vq;
	unsigned int i, good = 0, bad = 0;
	u8 bytes[64] = { 0 };
	pthread_t t;
	int ret;

	vq->event_idx = true;
	ASSERT_EQ(0, pthread_create(&t, NULL, double_fetch_driver, &race));
	for (i = 0; i < 100000 || (i < 50000000 && (good < 1000 || bad < 1000)); i++) {
		if (vq->broken) {
			bad++;
			ASSERT_EQ(0, fake_connect(&self->r, vq));
		}
		WRITE_ONCE(self->r.avail->idx, (u16)(vq->last_avail + 1));
		ret = vq_pop(vq, &self->b);
		if (ret != 1)
			continue;
		good++;
		vq_buf_read(&self->b, 0, bytes, sizeof(bytes));
		vq_buf_write(&self->b, 0, bytes, sizeof(bytes));
		vq_push(vq, &self->b, 1);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	/* Else it was no test. */
	EXPECT_LE(1000, good);
	EXPECT_LE(1000, bad);
}

/* Whoever used the ring before us may not have wanted any. */
TEST_F(vq, kicks_are_wanted)
{
	vq_enable(&self->vq, false);
	self->r.used->flags = htole16(VRING_USED_F_NO_NOTIFY);
	vq_enable(&self->vq, false);
	EXPECT_EQ(htole16(VRING_USED_F_NO_NOTIFY), self->r.used->flags);
	vq_enable(&self->vq, true);
	EXPECT_EQ(0, self->r.used->flags);
}

TEST_HARNESS_MAIN
