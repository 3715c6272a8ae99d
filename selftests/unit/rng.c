// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The random number device: which bytes, and when. */
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

extern const struct dev_ops rng_dev_ops;

FIXTURE(rng) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(rng)
{
	self->b = fake_bus_new(1);
	self->d = fake_dev_new(self->b, &rng_dev_ops, "rng", "r");
	ASSERT_NE(NULL, self->d);
	fake_dev_connect(self->d, 0);
}

FIXTURE_TEARDOWN(rng)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static void ask(struct dev *d, unsigned int slot, u32 len)
{
	memset(fake_in(d, 0, slot), 0, FAKE_SLOT_BYTES);
	fake_offer(d, 0, slot, 0, len);
	fake_dev_kick(d, 0);
}

TEST_F(rng, bytes_follow_from_seed_and_name)
{
	struct prng p;
	u8 want[24];

	prng_seed(&p, 1, "r");
	ask(self->d, 0, 20);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(20, self->len);
	prng_bytes(&p, want, 20);
	EXPECT_EQ(0, memcmp(want, fake_in(self->d, 0, 0), 20));
	EXPECT_EQ(0, fake_in(self->d, 0, 0)[20]);
	/* It goes on; it does not start again. */
	ask(self->d, 0, 8);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	prng_bytes(&p, want, 8);
	EXPECT_EQ(0, memcmp(want, fake_in(self->d, 0, 0), 8));
	EXPECT_EQ(2, fake_dev_stat(self->d, "buffers"));
	EXPECT_EQ(28, fake_dev_stat(self->d, "bytes"));
}

TEST_F(rng, another_name_another_sequence)
{
	struct dev *d = fake_dev_new(self->b, &rng_dev_ops, "rng", "s");

	ASSERT_NE(NULL, d);
	fake_dev_connect(d, 0);
	ask(self->d, 0, 16);
	ask(d, 0, 16);
	EXPECT_NE(0, memcmp(fake_in(d, 0, 0), fake_in(self->d, 0, 0), 16));
}

TEST_F(rng, all_buffers_at_once)
{
	unsigned int i;

	for (i = 0; i < FAKE_SLOTS; i++)
		fake_offer(self->d, 0, i, 0, 64);
	fake_dev_kick(self->d, 0);
	for (i = 0; i < FAKE_SLOTS; i++) {
		ASSERT_EQ(i, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(64, self->len);
	}
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(rng, nothing_to_write_to)
{
	ask(self->d, 0, 0);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	fake_offer(self->d, 0, 1, 100, 0);
	fake_dev_kick(self->d, 0);
	ASSERT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
}

TEST_F(rng, large_buffer_is_filled_in_part)
{
	/* Slots lie one behind the other: 64 of them make 256 KiB. */
	fake_offer(self->d, 0, 0, 0, 0x40000);
	fake_dev_kick(self->d, 0);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0x10000, self->len);
}

FIXTURE(rate) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(rate)
{
	self->b = fake_bus_new(1);
	self->d = fake_dev_new(self->b, &rng_dev_ops, "rng,rate=3M", "r");
	ASSERT_NE(NULL, self->d);
	fake_dev_connect(self->d, 0);
	fake_bus_run_until(self->b, 1000);
}

FIXTURE_TEARDOWN(rate)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

TEST_F(rate, one_after_the_other_rounded_up)
{
	/* 10 bytes take 3333.3 ns */
	ask(self->d, 0, 10);
	ask(self->d, 1, 10);
	ask(self->d, 2, 3);
	fake_bus_run_until(self->b, 1000 + 3333);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_bus_run_until(self->b, 1000 + 3334);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(10, self->len);
	fake_bus_run_until(self->b, 1000 + 2 * 3334 - 1);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_bus_run_until(self->b, 1000 + 2 * 3334);
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
	fake_bus_run(self->b);
	EXPECT_EQ(1000 + 2 * 3334 + 1000, dev_now(self->d));
	EXPECT_EQ(2, fake_take(self->d, 0, &self->len));
}

TEST_F(rate, bytes_are_the_same)
{
	struct prng p;
	u8 want[10];

	prng_seed(&p, 1, "r");
	prng_bytes(&p, want, sizeof(want));
	ask(self->d, 0, 10);
	fake_bus_run(self->b);
	EXPECT_EQ(0, memcmp(want, fake_in(self->d, 0, 0), 10));
}

TEST_F(rate, queue_taken_away_and_given_back)
{
	ask(self->d, 0, 3);
	ask(self->d, 1, 3);
	fake_dev_suspend(self->d, 0);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_bus_run_until(self->b, 10000);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_dev_resume(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(12000, dev_now(self->d));
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
}

TEST_F(rate, front_end_leaves)
{
	ask(self->d, 0, 3);
	fake_dev_disconnect(self->d);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_dev_connect(self->d, 0);
	ask(self->d, 0, 3);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
}

TEST_F(rate, refused)
{
	EXPECT_EQ(NULL, fake_dev_new(self->b, &rng_dev_ops, "rng,rate=0", "x"));
	EXPECT_EQ(NULL, fake_dev_new(self->b, &rng_dev_ops, "rng,rate=x", "x"));
	EXPECT_EQ(NULL, fake_dev_new(self->b, &rng_dev_ops, "rng,speed=1", "x"));
	EXPECT_EQ(4, rng_dev_ops.virtio_id);
}

TEST_HARNESS_MAIN
