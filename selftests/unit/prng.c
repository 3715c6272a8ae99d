// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Seeded random numbers: the same for ever, and no two the same. */
#include <string.h>

#include "../../src/base/prng.h"
#include "kselftest_harness.h"

/*
 * Other sequences would change what every recorded run did. They were
 * calculated from the published definitions of splitmix64 and FNV-1a.
 */
TEST(sequence_is_fixed)
{
	struct prng p = { .state = 1234567 };

	EXPECT_EQ(6457827717110365317ULL, prng_next(&p));
	EXPECT_EQ(3203168211198807973ULL, prng_next(&p));
	EXPECT_EQ(9817491932198370423ULL, prng_next(&p));
	EXPECT_EQ(4593380528125082431ULL, prng_next(&p));
	EXPECT_EQ(16408922859458223821ULL, prng_next(&p));
}

TEST(seeding_is_fixed)
{
	struct prng p;

	prng_seed(&p, 0, "");
	EXPECT_EQ(10827933642614501009ULL, prng_next(&p));
	prng_seed(&p, 1, "a.net0");
	EXPECT_EQ(17353898061235259165ULL, prng_next(&p));
}

TEST(seed_and_name_make_a_difference)
{
	static const char *const names[] = { "", "a", "b", "ab", "ba", "a.net0",
					     "a.net1" };
	u64 first[7 * 100];
	size_t n = 0, i, j;
	struct prng p;
	u64 seed;

	for (seed = 0; seed < 100; seed++)
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			prng_seed(&p, seed, names[i]);
			first[n++] = prng_next(&p);
		}
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			ASSERT_NE(first[i], first[j]);
}

TEST(bytes_are_those_of_next)
{
	struct prng a, b;
	u8 got[20], want[24];
	u64 v = 0;
	int i;

	prng_seed(&a, 5, "x");
	prng_seed(&b, 5, "x");
	for (i = 0; i < 24; i++) {
		if (i % 8 == 0)
			v = prng_next(&b);
		want[i] = (u8)(v >> (8 * (i % 8)));
	}
	prng_bytes(&a, got, sizeof(got));
	EXPECT_EQ(0, memcmp(got, want, sizeof(got)));
	/* What was left over is gone. */
	EXPECT_EQ(prng_next(&b), prng_next(&a));
	prng_bytes(&a, got, 0);
	EXPECT_EQ(prng_next(&b), prng_next(&a));
}

TEST(bits_are_even)
{
	unsigned int ones[64] = { 0 }, i, n;
	struct prng p;
	u64 v;

	prng_seed(&p, 42, "bits");
	for (n = 0; n < 100000; n++) {
		v = prng_next(&p);
		for (i = 0; i < 64; i++)
			ones[i] += v >> i & 1;
	}
	/* 5 standard deviations of 158 */
	for (i = 0; i < 64; i++) {
		EXPECT_LT(50000 - 800, ones[i]);
		EXPECT_GT(50000 + 800, ones[i]);
	}
}

TEST_HARNESS_MAIN
