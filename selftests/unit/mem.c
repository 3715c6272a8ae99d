// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Memory tables: which are accepted, and which ranges are inside. */
#include <errno.h>
#include <string.h>

#include "../../src/vu/mem.h"
#include "kselftest_harness.h"

#define TOP	(1ULL << 63)

static struct vhost_user_region region(u64 gpa, u64 size, u64 uva, u64 off)
{
	return (struct vhost_user_region){ gpa, size, uva, off };
}

TEST(check_one_region)
{
	struct vhost_user_region r = region(0, 1, 0, 0);

	EXPECT_EQ(0, mem_check(&r, 1));
	EXPECT_EQ(-EINVAL, mem_check(&r, 0));
	r.size = 0;
	EXPECT_EQ(-EINVAL, mem_check(&r, 1));
	r = region(5, U64_MAX - 5, 5, 5);
	EXPECT_EQ(0, mem_check(&r, 1));
}

TEST(check_wrapping_sums)
{
	struct vhost_user_region r = region(0, TOP, 0, 0);

	EXPECT_EQ(0, mem_check(&r, 1));
	r = region(TOP, TOP, 0, 0);
	EXPECT_EQ(-EOVERFLOW, mem_check(&r, 1));
	r = region(0, TOP, TOP, 0);
	EXPECT_EQ(-EOVERFLOW, mem_check(&r, 1));
	r = region(0, TOP, 0, TOP);
	EXPECT_EQ(-EOVERFLOW, mem_check(&r, 1));
	r = region(U64_MAX, U64_MAX, 0, 0);
	EXPECT_EQ(-EOVERFLOW, mem_check(&r, 1));
	r = region(TOP, TOP - 1, TOP, TOP);
	EXPECT_EQ(0, mem_check(&r, 1));
}

TEST(check_number_of_regions)
{
	struct vhost_user_region r[VHOST_USER_MAX_REGIONS + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = region(0x1000 * i, 0x1000, 0x1000 * i, 0);
	for (i = 1; i <= VHOST_USER_MAX_REGIONS; i++)
		EXPECT_EQ(0, mem_check(r, i));
	EXPECT_EQ(-EINVAL, mem_check(r, VHOST_USER_MAX_REGIONS + 1));
	EXPECT_EQ(-EINVAL, mem_check(r, 0xffffffff));
	r[7].size = 0;
	EXPECT_EQ(-EINVAL, mem_check(r, 8));
}

TEST(check_overlaps)
{
	static const struct { u64 start, size; int err; } cases[] = {
		{ 0x0fff, 1, 0 }, { 0x0fff, 2, -EINVAL }, { 0x1000, 1, -EINVAL },
		{ 0x1fff, 1, -EINVAL }, { 0x2000, 1, 0 }, { 0, 0x10000, -EINVAL },
		{ 0x1400, 0x100, -EINVAL }, { 0x1000, 0x1000, -EINVAL },
	};
	struct vhost_user_region r[2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* in guest addresses */
		r[0] = region(0x1000, 0x1000, 0x100000, 0);
		r[1] = region(cases[i].start, cases[i].size, 0x200000, 0);
		EXPECT_EQ(cases[i].err, mem_check(r, 2));
		/* in user addresses */
		r[0] = region(0x100000, 0x1000, 0x1000, 0);
		r[1] = region(0x200000, cases[i].size, cases[i].start, 0);
		EXPECT_EQ(cases[i].err, mem_check(r, 2));
	}
	/* The same part of the same file twice is fine. */
	r[0] = region(0x1000, 0x1000, 0x1000, 0x5000);
	r[1] = region(0x2000, 0x1000, 0x2000, 0x5000);
	EXPECT_EQ(0, mem_check(r, 2));
}

/* Addresses are only calculated here, never followed. */
#define HOST(n)	((u8 *)(uintptr_t)(0x10000 * (n)))

/* By guest address, whatever their order in user addresses. */
static const struct mem three = {
	.nr = 3,
	.region = {
		{ .gpa = 0x1000, .uva = 0x105000, .size = 0x1000, .host = HOST(2) },
		{ .gpa = 0x2000, .uva = 0x104000, .size = 0x1000, .host = HOST(3) },
		{ .gpa = 0x3000, .uva = 0x103000, .size = 0x1000, .host = HOST(1) },
	},
};

TEST(uva_translates_within_one_region)
{
	EXPECT_EQ(HOST(1), mem_uva(&three, 0x103000, 0x1000));
	EXPECT_EQ(HOST(1) + 5, mem_uva(&three, 0x103005, 0xffb));
	EXPECT_EQ(HOST(2) + 0xfff, mem_uva(&three, 0x105fff, 1));
	EXPECT_EQ(HOST(3), mem_uva(&three, 0x104000, 0));
	/* not its end, though the next region goes on there */
	EXPECT_EQ(NULL, mem_uva(&three, 0x103000, 0x1001));
	EXPECT_EQ(NULL, mem_uva(&three, 0x103fff, 2));
	EXPECT_EQ(NULL, mem_uva(&three, 0x102fff, 2));
	EXPECT_EQ(NULL, mem_uva(&three, 0x106000, 0));
	EXPECT_EQ(NULL, mem_uva(&three, 0x106000, 1));
	EXPECT_EQ(NULL, mem_uva(&three, 0, 1));
	EXPECT_EQ(NULL, mem_uva(&three, 0x103001, U64_MAX));
	EXPECT_EQ(NULL, mem_uva(&three, U64_MAX, 2));
	/* user addresses are no guest addresses */
	EXPECT_EQ(NULL, mem_uva(&three, 0x3000, 1));
}

TEST(gpa_within_one_region)
{
	struct iovec iov[3];

	ASSERT_EQ(1, mem_gpa_iov(&three, 0x1000, 0x1000, iov, 3));
	EXPECT_EQ(HOST(2), iov[0].iov_base);
	EXPECT_EQ(0x1000, iov[0].iov_len);
	ASSERT_EQ(1, mem_gpa_iov(&three, 0x3fff, 1, iov, 1));
	EXPECT_EQ(HOST(1) + 0xfff, iov[0].iov_base);
}

TEST(gpa_across_adjacent_regions)
{
	struct iovec iov[3];

	ASSERT_EQ(2, mem_gpa_iov(&three, 0x1fff, 2, iov, 3));
	EXPECT_EQ(HOST(2) + 0xfff, iov[0].iov_base);
	EXPECT_EQ(1, iov[0].iov_len);
	EXPECT_EQ(HOST(3), iov[1].iov_base);
	EXPECT_EQ(1, iov[1].iov_len);
	ASSERT_EQ(3, mem_gpa_iov(&three, 0x1000, 0x3000, iov, 3));
	EXPECT_EQ(HOST(1), iov[2].iov_base);
	EXPECT_EQ(0x1000, iov[2].iov_len);
	EXPECT_EQ(-ENOBUFS, mem_gpa_iov(&three, 0x1000, 0x3000, iov, 2));
	EXPECT_EQ(-ENOBUFS, mem_gpa_iov(&three, 0x1000, 1, iov, 0));
}

TEST(gpa_not_mapped)
{
	struct iovec iov[8];

	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0, 1, iov, 8));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0xfff, 2, iov, 8));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0x3fff, 2, iov, 8));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0x1000, 0x3001, iov, 8));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0x1000, U64_MAX, iov, 8));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&three, 0x103000, 1, iov, 8));
}

TEST(gpa_without_bytes_need_not_be_mapped)
{
	struct iovec iov;

	EXPECT_EQ(0, mem_gpa_iov(&three, 0, 0, &iov, 1));
	EXPECT_EQ(0, mem_gpa_iov(&three, U64_MAX, 0, &iov, 0));
}

TEST(gpa_must_not_wrap)
{
	/* Mapped at both ends of the address space. */
	static const struct mem ends = {
		.nr = 2,
		.region = {
			{ .gpa = 0, .size = 0x1000, .host = HOST(2) },
			{ .gpa = U64_MAX - 0x1000, .size = 0x1000, .host = HOST(1) },
		},
	};
	struct iovec iov[4];

	EXPECT_EQ(1, mem_gpa_iov(&ends, U64_MAX - 1, 1, iov, 4));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&ends, U64_MAX - 1, 2, iov, 4));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&ends, U64_MAX - 1, 0x10, iov, 4));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&ends, U64_MAX, 2, iov, 4));
}

/* Page @i of guest memory, as region. */
static struct mem_region page(u64 i)
{
	return (struct mem_region){
		.gpa = i << 12, .uva = i << 12, .size = 0x1000,
		.host = (u8 *)(uintptr_t)((i + 0x100) << 12),
	};
}

TEST(regions_in_any_order)
{
	static struct mem m;
	struct vhost_user_region r = region(0, 0x1000, 0, 0);
	struct mem_region reg;
	struct iovec iov[4];
	u64 i, n;

	/* 211 and the number of regions have no divisor in common. */
	for (n = 0; n < MEM_MAX_REGIONS; n++) {
		i = n * 211 % MEM_MAX_REGIONS;
		reg = page(i);
		r.guest_addr = r.user_addr = reg.gpa;
		ASSERT_EQ(0, mem_check_add(&m, &r));
		EXPECT_EQ(-ENOENT, mem_find(&m, &r));
		mem_insert(&m, &reg);
		ASSERT_EQ(-EINVAL, mem_check_add(&m, &r));
	}
	for (i = 0; i < MEM_MAX_REGIONS; i++) {
		reg = page(i);
		r.guest_addr = r.user_addr = reg.gpa;
		ASSERT_EQ(i, mem_find(&m, &r));
		ASSERT_EQ(1, mem_gpa_iov(&m, reg.gpa + 7, 0xff9, iov, 4));
		EXPECT_EQ(reg.host + 7, iov[0].iov_base);
		EXPECT_EQ(reg.host, mem_uva(&m, reg.uva, 0x1000));
	}
	EXPECT_EQ(4, mem_gpa_iov(&m, 0x7fff, 0x2002, iov, 4));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&m, MEM_MAX_REGIONS << 12, 1, iov, 4));
	r.guest_addr = r.user_addr = MEM_MAX_REGIONS << 12;
	EXPECT_EQ(-ENOSPC, mem_check_add(&m, &r));
}

TEST(regions_that_must_not_be_added)
{
	struct vhost_user_region r;

	r = region(0x1000, 0x1000, 0x200000, 0);
	EXPECT_EQ(-EINVAL, mem_check_add(&three, &r));
	r = region(0x10000, 0x1000, 0x103fff, 0);
	EXPECT_EQ(-EINVAL, mem_check_add(&three, &r));
	r = region(0, 0x10000, 0x200000, 0);
	EXPECT_EQ(-EINVAL, mem_check_add(&three, &r));
	r = region(0x10000, 0, 0x200000, 0);
	EXPECT_EQ(-EINVAL, mem_check_add(&three, &r));
	r = region(0x10000, TOP, TOP, TOP);
	EXPECT_EQ(-EOVERFLOW, mem_check_add(&three, &r));
	r = region(0x4000, 0x1000, 0x106000, 0);
	EXPECT_EQ(0, mem_check_add(&three, &r));
}

TEST(a_region_is_known_by_its_addresses_and_size)
{
	struct vhost_user_region r = region(0x2000, 0x1000, 0x104000, 77);

	EXPECT_EQ(1, mem_find(&three, &r));
	r.size--;
	EXPECT_EQ(-ENOENT, mem_find(&three, &r));
	r = region(0x2001, 0x1000, 0x104000, 0);
	EXPECT_EQ(-ENOENT, mem_find(&three, &r));
	r = region(0x2000, 0x1000, 0x105000, 0);
	EXPECT_EQ(-ENOENT, mem_find(&three, &r));
	r = region(0, 0x1000, 0x104000, 0);
	EXPECT_EQ(-ENOENT, mem_find(&three, &r));
}

TEST(nothing_is_in_an_empty_table)
{
	static const struct mem none;
	struct iovec iov;

	EXPECT_EQ(NULL, mem_uva(&none, 0, 0));
	EXPECT_EQ(-EFAULT, mem_gpa_iov(&none, 0, 1, &iov, 1));
}

TEST_HARNESS_MAIN
