// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The I2C bus: how long messages take, what clients answer, and what guests may get wrong. */
#include <endian.h>
#include <linux/virtio_i2c.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "../../src/dev/wire.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

#define MORE	VIRTIO_I2C_FLAGS_FAIL_NEXT
#define READ	VIRTIO_I2C_FLAGS_M_RD
#define BYTE	90000u		/* ns at 100 kHz */

extern const struct dev_ops i2c_dev_ops;

FIXTURE(i2c) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(i2c)
{
	self->b = fake_bus_new(1);
}

FIXTURE_TEARDOWN(i2c)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static struct dev *make(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &i2c_dev_ops, spec, "i");

	if (d)
		fake_dev_connect(d, 1);
	return d;
}

static void post(struct dev *d, unsigned int slot, unsigned int addr, u32 flags,
		 const void *bytes, u32 len)
{
	struct virtio_i2c_out_hdr h = {
		.addr = htole16((u16)(addr << 1)), .flags = htole32(flags)
	};

	memcpy(fake_out(d, 0, slot), &h, sizeof(h));
	memset(fake_in(d, 0, slot), 0xee, FAKE_SLOT_BYTES);
	if (len && !(flags & READ))
		memcpy(fake_out(d, 0, slot) + sizeof(h), bytes, len);
	fake_offer(d, 0, slot, (u32)sizeof(h) + (flags & READ ? 0 : len),
		   1 + (flags & READ ? len : 0));
}

/* Status of the next message that is done; -1: there is none */
static int status(struct dev *d)
{
	u32 len;
	int slot = fake_take(d, 0, &len);

	return slot < 0 ? -1 : fake_in(d, 0, (unsigned int)slot)[len - 1];
}

/* Write to a register or more, alone; returns the status */
static int put(struct dev_bus *b, struct dev *d, unsigned int addr,
	       const void *bytes, u32 len)
{
	post(d, 0, addr, 0, bytes, len);
	fake_dev_kick(d, 0);
	fake_bus_run_until(b, dev_now(d) + BYTE * (1 + len));
	return status(d);
}

/* Read from register @reg on; returns the first two bytes, -1: it has failed */
static int get(struct dev_bus *b, struct dev *d, unsigned int addr, u8 reg,
	       u32 len)
{
	const u8 *p = fake_in(d, 0, 1);

	post(d, 0, addr, MORE, &reg, 1);
	post(d, 1, addr, READ, NULL, len);
	fake_dev_kick(d, 0);
	fake_bus_run_until(b, dev_now(d) + BYTE * (2 + 1 + len));
	if (status(d) + status(d))
		return -1;
	return p[0] << 8 | p[1];
}

TEST_F(i2c, nine_bits_for_each_byte)
{
	self->d = make(self->b, "i2c,events=client 0x50 regs8;reg 0x50 0 0xab 0xcd");
	ASSERT_NE(NULL, self->d);
	post(self->d, 0, 0x50, MORE, "\0", 1);
	post(self->d, 1, 0x50, READ, NULL, 2);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, 2 * BYTE - 1);
	EXPECT_EQ(-1, status(self->d));
	fake_bus_run_until(self->b, 2 * BYTE);
	EXPECT_EQ(0, status(self->d));
	fake_bus_run_until(self->b, 5 * BYTE - 1);
	EXPECT_EQ(-1, status(self->d));
	fake_bus_run_until(self->b, 5 * BYTE);
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(3, self->len);
	EXPECT_EQ(0, memcmp("\xab\xcd\0\xee", fake_in(self->d, 0, 1), 4));
}

TEST_F(i2c, speed_is_rounded_up)
{
	self->d = make(self->b, "i2c,speed=3400k,events=client 1 regs8");
	ASSERT_NE(NULL, self->d);
	post(self->d, 0, 1, 0, NULL, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, 2647);
	EXPECT_EQ(-1, status(self->d));
	fake_bus_run_until(self->b, 2648);
	EXPECT_EQ(0, status(self->d));
}

TEST_F(i2c, nobody_there_takes_the_address_alone)
{
	self->d = make(self->b, "i2c,events=client 1 regs8;absent 1;at 1ms present 1");
	ASSERT_NE(NULL, self->d);
	post(self->d, 0, 1, 0, "abc", 3);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, BYTE);
	EXPECT_EQ(1, status(self->d));
	fake_bus_run_until(self->b, 1000000);
	EXPECT_EQ(0, put(self->b, self->d, 1, "abc", 3));
	EXPECT_EQ(1, fake_dev_stat(self->d, "naks"));
}

TEST_F(i2c, a_group_fails_at_once)
{
	self->d = make(self->b, "i2c,events=client 1 regs8;error 1 2");
	ASSERT_NE(NULL, self->d);
	post(self->d, 0, 1, MORE, "\0x", 2);
	post(self->d, 1, 1, MORE, "\1y", 2);
	post(self->d, 2, 1, MORE | READ, NULL, 9);
	post(self->d, 3, 1, 0, "\0z", 2);
	post(self->d, 4, 1, 0, "\2u", 2);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, 6 * BYTE);
	EXPECT_EQ(0, status(self->d));
	EXPECT_EQ(1, status(self->d));
	EXPECT_EQ(1, status(self->d));
	EXPECT_EQ(1, status(self->d));
	EXPECT_EQ(-1, status(self->d));
	fake_bus_run_until(self->b, 9 * BYTE);
	EXPECT_EQ(0, status(self->d));
	EXPECT_EQ(('x' << 8), get(self->b, self->d, 1, 0, 2));
	EXPECT_EQ(('u' << 8), get(self->b, self->d, 1, 2, 2));
	EXPECT_EQ(2, fake_dev_stat(self->d, "skipped"));
}

TEST_F(i2c, kinds_of_registers)
{
	self->d = make(self->b, "i2c,events=client 2 regs8 size=16;"
		       "reg 2 0 1 2 ro; reg 2 2 0xff clear; reg 2 3 0xff count; reg 2 4 0xff w1c");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0, put(self->b, self->d, 2, "\0xy", 3));
	EXPECT_EQ(0x0102, get(self->b, self->d, 2, 0, 2));
	EXPECT_EQ(0xffff, get(self->b, self->d, 2, 2, 2));
	EXPECT_EQ(0x0000, get(self->b, self->d, 2, 2, 2));
	EXPECT_EQ(0, put(self->b, self->d, 2, "\4\x0f", 2));
	EXPECT_EQ(0xf000, get(self->b, self->d, 2, 4, 2));
	/* The end is before the beginning, and a message may be longer than all. */
	EXPECT_EQ(0, put(self->b, self->d, 2, "\17ab", 3));
	EXPECT_EQ(('a' << 8 | 1), get(self->b, self->d, 2, 15, 2));
	EXPECT_LE(0, get(self->b, self->d, 2, 200, 300));
}

TEST_F(i2c, registers_of_two_bytes)
{
	self->d = make(self->b, "i2c,events=client 2 regs16;client 3 regs8 addr16 size=4096;"
		       "reg 2 1 0x1234 0x5678;reg 3 0x234 7;at 1s reg 2 1 0xffff");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0x1234, get(self->b, self->d, 2, 1, 2));
	EXPECT_EQ(0, put(self->b, self->d, 2, "\2abc", 4));
	EXPECT_EQ(('a' << 8 | 'b'), get(self->b, self->d, 2, 2, 2));
	EXPECT_EQ(0, get(self->b, self->d, 2, 3, 2));
	EXPECT_EQ(0, put(self->b, self->d, 3, "\x02\x34", 2));
	post(self->d, 0, 3, READ, NULL, 1);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, dev_now(self->d) + 2 * BYTE);
	EXPECT_EQ(0, status(self->d));
	EXPECT_EQ(7, fake_in(self->d, 0, 0)[0]);
	fake_bus_run_until(self->b, NSEC_PER_SEC);
	EXPECT_EQ(0xffff, get(self->b, self->d, 2, 1, 2));
}

TEST_F(i2c, tmp117)
{
	self->d = make(self->b, "i2c,events=client 0x48 tmp117;at 1s temp 0x48 -40.0078125");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0x0117, get(self->b, self->d, 0x48, 15, 2));
	EXPECT_EQ(0x0c80, get(self->b, self->d, 0x48, 0, 2));
	fake_bus_run_until(self->b, NSEC_PER_SEC);
	EXPECT_EQ(0xebff, get(self->b, self->d, 0x48, 0, 2));
	EXPECT_EQ(0, put(self->b, self->d, 0x48, "\0\1\1", 3));
	EXPECT_EQ(0xebff, get(self->b, self->d, 0x48, 0, 2));
}

/* Minutes and seconds of the clock, as they are written in BCD */
static int clock_says(struct dev_bus *b, struct dev *d)
{
	int v = get(b, d, 0x68, 0, 2);

	return (v & 0xff) << 8 | v >> 8;
}

TEST_F(i2c, ds1307_counts_simulated_time)
{
	u64 at;

	/* 2001-02-28 23:59:50 */
	self->d = make(self->b, "i2c,events=client 0x68 ds1307 time=983404790");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0x5950, clock_says(self->b, self->d));
	fake_bus_run_until(self->b, 9 * NSEC_PER_SEC);
	EXPECT_EQ(0x5959, clock_says(self->b, self->d));
	/* The registers are read when the reading message begins. */
	fake_bus_run_until(self->b, 10 * NSEC_PER_SEC - 2 * BYTE - 1);
	EXPECT_EQ(0x5959, clock_says(self->b, self->d));
	EXPECT_EQ(0x0000, clock_says(self->b, self->d));
	EXPECT_EQ(0x0103, get(self->b, self->d, 0x68, 4, 2));
	/* It is set, and its second begins then. */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\0\x30\x15\x12\x3\x29\x2\x24", 8));
	at = dev_now(self->d);
	fake_bus_run_until(self->b, at + NSEC_PER_SEC - 2 * BYTE - 1);
	EXPECT_EQ(0x1530, clock_says(self->b, self->d));
	EXPECT_EQ(0x1531, clock_says(self->b, self->d));
	/* The minutes alone leave the second as it is. */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\1\x47", 2));
	fake_bus_run_until(self->b, at + 2 * NSEC_PER_SEC - 2 * BYTE - 1);
	EXPECT_EQ(0x4731, clock_says(self->b, self->d));
	EXPECT_EQ(0x4732, clock_says(self->b, self->d));
	/* It is halted, and then not. */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\0\xb2", 2));
	fake_bus_run_until(self->b, at + 1000 * NSEC_PER_SEC);
	EXPECT_EQ(0x47b2, clock_says(self->b, self->d));
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\0\x05", 2));
	EXPECT_EQ(0x4705, clock_says(self->b, self->d));
	EXPECT_EQ(0x2902, get(self->b, self->d, 0x68, 4, 2));
}

static u64 fell_at;

static void pin_changed(struct wire_end *e, bool level)
{
	(void)e;
	fell_at = level ? 0 : 1;
}

TEST_F(i2c, ds1339_alarm)
{
	struct wire_end pin = { .changed = pin_changed };
	u64 begin;

	ASSERT_EQ(0, wire_join(&pin, self->b, "alarm"));
	/* 2001-02-28 23:59:00 */
	self->d = make(self->b, "i2c,events=client 0x68 ds1339 time=983404740 wire=alarm");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(true, wire_level(&pin));
	/* On the 1st at 00:00:30, with interrupt */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\7\x30\0\0\1", 5));
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\x0e\x05", 2));
	begin = 90 * NSEC_PER_SEC;
	fake_bus_run_until(self->b, begin - 1);
	EXPECT_EQ(true, wire_level(&pin));
	fake_bus_run_until(self->b, begin);
	EXPECT_EQ(1, fell_at);
	EXPECT_EQ(false, wire_level(&pin));
	EXPECT_EQ(0x0100, get(self->b, self->d, 0x68, 0x0f, 2));
	/* Writing 1 leaves the flag, 0 clears it. */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\x0f\xff", 2));
	EXPECT_EQ(false, wire_level(&pin));
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\x0f\0", 2));
	EXPECT_EQ(true, wire_level(&pin));
	/* Each minute at second 30, then each second, then never */
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\7\x30\x80\x80\x80", 5));
	fake_bus_run_until(self->b, begin + 60 * NSEC_PER_SEC - 1);
	EXPECT_EQ(true, wire_level(&pin));
	fake_bus_run_until(self->b, begin + 60 * NSEC_PER_SEC);
	EXPECT_EQ(false, wire_level(&pin));
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\7\x80\x80\x80\x80\0\0\0\5\0", 10));
	EXPECT_EQ(true, wire_level(&pin));
	fake_bus_run_until(self->b, begin + 61 * NSEC_PER_SEC);
	EXPECT_EQ(false, wire_level(&pin));
	EXPECT_EQ(0, put(self->b, self->d, 0x68, "\7\x79\x80\x80\x80\0\0\0\5\0", 10));
	EXPECT_EQ(true, wire_level(&pin));
	EXPECT_EQ(0, fake_bus_timers(self->b));
	wire_leave(&pin);
}

TEST_F(i2c, queue_taken_away_and_given_back)
{
	self->d = make(self->b, "i2c,events=client 1 regs8");
	ASSERT_NE(NULL, self->d);
	post(self->d, 0, 1, 0, "\0x", 2);
	fake_dev_kick(self->d, 0);
	fake_bus_run_until(self->b, 1000);
	fake_dev_suspend(self->d, 0);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_bus_run_until(self->b, NSEC_PER_SEC);
	EXPECT_EQ(-1, status(self->d));
	fake_dev_resume(self->d, 0);
	fake_bus_run_until(self->b, NSEC_PER_SEC + 3 * BYTE);
	EXPECT_EQ(0, status(self->d));
	post(self->d, 0, 1, 0, "\0x", 2);
	fake_dev_kick(self->d, 0);
	fake_dev_disconnect(self->d);
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(i2c, malformed)
{
	self->d = make(self->b, "i2c,speed=100M,events=client 1 regs8");
	ASSERT_NE(NULL, self->d);
	/* No header, no status */
	fake_offer(self->d, 0, 0, 7, 1);
	fake_offer(self->d, 0, 1, 8, 0);
	post(self->d, 2, 1, 0, "", 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(1, status(self->d));
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(0, status(self->d));
	/* Data to read and to write */
	post(self->d, 3, 1, READ, NULL, 4);
	fake_offer(self->d, 0, 4, 9, 4);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(0, status(self->d));
	EXPECT_EQ(1, status(self->d));
	EXPECT_EQ(3, fake_dev_stat(self->d, "malformed"));
}

TEST_F(i2c, any_buffer_comes_back)
{
	struct prng p;
	unsigned int i, k;

	prng_seed(&p, 1, "buffers");
	self->d = make(self->b, "i2c,speed=100M,record=/dev/null,events=client 0 regs8 size=3;client 1 regs16;"
		       "client 2 ds1307;client 3 ds1339;client 4 tmp117;client 5 regs8 addr16 size=65536");
	ASSERT_NE(NULL, self->d);
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < 32; k++)
			fake_out(self->d, 0, 0)[k] = (u8)prng_next(&p);
		if (i & 7) {
			fake_out(self->d, 0, 0)[0] &= 0xe;
			fake_out(self->d, 0, 0)[1] = 0;
		}
		fake_offer(self->d, 0, 0, i & 3 ? 8 + (u32)prng_next(&p) % 24 :
			   (u32)prng_next(&p) % 12, i & 1 ? 1 : (u32)prng_next(&p) % 20);
		fake_dev_kick(self->d, 0);
		fake_bus_run_until(self->b, dev_now(self->d) + 90 * 33);
		ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	}
	EXPECT_LT(5000, fake_dev_stat(self->d, "bytes"));
}

static bool refused(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &i2c_dev_ops, spec, "x");

	if (d)
		fake_dev_free(d);
	return !d && !fake_bus_timers(b);
}

TEST_F(i2c, refused)
{
	static const char *const bad[] = {
		"speed=0", "speed=200M", "speed=x", "events=client",
		"events=client 1", "events=client 0x80 regs8", "events=client 1 regs9",
		"events=client 1 regs8 size=0", "events=client 1 regs8 size=65537",
		"events=client 1 ds1307 size=9", "events=client 1 regs8 time=1",
		"events=client 1 ds1307 time=1", "events=client 1 regs8 wire=",
		"events=client 1 regs8 x", "events=client 1 regs8;client 1 regs8",
		"events=at 1s client 1 regs8", "events=reg 1 0 0",
		"events=client 1 regs8;reg 1", "events=client 1 regs8;reg 1 256 1",
		"events=client 1 regs8;reg 1 0", "events=client 1 regs8;reg 1 0 256",
		"events=client 1 regs8;reg 1 255 1 2", "events=client 1 regs8;reg 1 0 x",
		"events=client 1 regs8;reg 1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
		"events=client 1 regs8;at 1s reg 1 0 1 ro", "events=client 1 regs8;temp 1 3",
		"events=client 1 tmp117;temp 1", "events=client 1 tmp117;temp 1 256",
		"events=client 1 tmp117;temp 1 warm", "events=client 1 tmp117;temp 1 1 2",
		"events=client 1 regs8;time 1 3", "events=client 1 ds1307;time 1",
		"events=client 1 ds1307;time 1 x", "events=client 1 regs8;absent 1 1",
		"events=client 1 regs8;nak 1", "events=client 1 regs8;nak 1 0",
		"events=client 1 regs8;nak 1 1 1", "events=client 1 regs8;at 1s nak 1 1",
		"events=client 1 regs8;error 1 x", "events=eject 1", "events=at 1s",
	};
	char spec[200];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(spec, sizeof(spec), "i2c,%s", bad[i]);
		EXPECT_EQ(true, refused(self->b, spec))
			TH_LOG("%s", spec);
	}
	EXPECT_EQ(34, i2c_dev_ops.virtio_id);
	EXPECT_EQ(1, fake_dev_offered(make(self->b, "i2c")));
}

TEST_HARNESS_MAIN
