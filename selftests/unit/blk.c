// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The disk: what is stored, when requests come back, and what goes wrong. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

extern const struct dev_ops blk_dev_ops;

#define SECTOR		512u
#define HDR		((u32)sizeof(struct virtio_blk_outhdr))
#define US		NSEC_PER_USEC
#define CACHED		(BIT_ULL(VIRTIO_BLK_F_FLUSH) | \
			 BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE))
/* No status has this value: none has been written. */
#define NONE		0xee

/* The driver */

static void header(struct dev *d, unsigned int slot, u32 type, u64 sector)
{
	struct virtio_blk_outhdr h = { .type = type, .sector = sector };

	memcpy(fake_out(d, 0, slot), &h, sizeof(h));
}

/* A request with @out bytes of data behind the header, and room for @in. */
static void offer(struct dev *d, unsigned int slot, u32 type, u64 sector,
		  u32 out, u32 in)
{
	header(d, slot, type, sector);
	memset(fake_in(d, 0, slot), NONE, FAKE_SLOT_BYTES);
	fake_offer(d, 0, slot, HDR + out, in + 1);
}

static void submit(struct dev *d, unsigned int slot, u32 type, u64 sector,
		   u32 out, u32 in)
{
	offer(d, slot, type, sector, out, in);
	fake_dev_kick(d, 0);
}

/* The next request that has come back has this slot; its status. */
static int status_of(struct dev *d, unsigned int slot, u32 in)
{
	u32 len;

	if (fake_take(d, 0, &len) != (int)slot)
		return -1;
	return fake_in(d, 0, slot)[in];
}

/* In slot 0, until it is done. */
static int request(struct dev *d, u32 type, u64 sector, u32 out, u32 in)
{
	submit(d, 0, type, sector, out, in);
	fake_bus_run(dev_bus(d));
	return status_of(d, 0, in);
}

static int write_fill(struct dev *d, u64 sector, u32 n, u8 fill)
{
	memset(fake_out(d, 0, 0) + HDR, fill, n * SECTOR);
	return request(d, VIRTIO_BLK_T_OUT, sector, n * SECTOR, 0);
}

static bool all(const u8 *p, size_t n, u8 v)
{
	while (n && *p == v) {
		p++;
		n--;
	}
	return !n;
}

/* The byte that sector @sector is full of; -1: several, or an error. */
static int fill_of(struct dev *d, u64 sector)
{
	u8 *in = fake_in(d, 0, 0);

	if (request(d, VIRTIO_BLK_T_IN, sector, 0, SECTOR) ||
	    !all(in, SECTOR, in[0]))
		return -1;
	return in[0];
}

static int flush(struct dev *d)
{
	return request(d, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

static int ranges(struct dev *d, u32 type, u64 sector, u32 n, u32 flags)
{
	struct virtio_blk_discard_write_zeroes r = {
		.sector = sector, .num_sectors = n, .flags = flags,
	};

	memcpy(fake_out(d, 0, 0) + HDR, &r, sizeof(r));
	return request(d, type, 0, sizeof(r), 0);
}

/* In memory, without anything special */

FIXTURE(blk) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

static struct dev *make(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &blk_dev_ops, spec, "disk");

	if (d)
		fake_dev_connect(d, CACHED);
	return d;
}

FIXTURE_SETUP(blk)
{
	self->b = fake_bus_new(1);
	self->d = make(self->b, "blk,size=64Ki");
	ASSERT_NE(NULL, self->d);
}

FIXTURE_TEARDOWN(blk)
{
	fake_file_err = 0;
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

TEST_F(blk, zero_at_first_then_what_was_written)
{
	EXPECT_EQ(0, fill_of(self->d, 0));
	EXPECT_EQ(0, write_fill(self->d, 7, 2, 0x55));
	EXPECT_EQ(0, fill_of(self->d, 6));
	EXPECT_EQ(0x55, fill_of(self->d, 7));
	EXPECT_EQ(0x55, fill_of(self->d, 8));
	EXPECT_EQ(0, fill_of(self->d, 9));
	EXPECT_EQ(0, flush(self->d));
	EXPECT_EQ(0x55, fill_of(self->d, 7));
	EXPECT_EQ(1024, fake_dev_stat(self->d, "written_bytes"));
	EXPECT_EQ(0, dev_bus_now(self->b));
}

TEST_F(blk, used_length_counts_what_was_written_in_order)
{
	submit(self->d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	submit(self->d, 1, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	/* Room behind the data of a write: the status is at its end */
	submit(self->d, 2, VIRTIO_BLK_T_OUT, 0, SECTOR, 100);
	submit(self->d, 3, VIRTIO_BLK_T_IN, 128, 0, SECTOR);
	fake_bus_run(self->b);
	/* What cannot be done comes back at once. */
	ASSERT_EQ(3, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(SECTOR + 1, self->len);
	ASSERT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(1, self->len);
	ASSERT_EQ(2, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(VIRTIO_BLK_S_OK, fake_in(self->d, 0, 2)[100]);
}

TEST_F(blk, configuration)
{
	const struct virtio_blk_config *c = dev_config(self->d);
	u64 f = fake_dev_offered(self->d);

	EXPECT_EQ(60, blk_dev_ops.config_size);
	EXPECT_EQ(128, c->capacity);
	EXPECT_EQ(512, c->blk_size);
	EXPECT_EQ(1, c->num_queues);
	EXPECT_EQ(1, c->wce);
	EXPECT_NE(0, c->max_discard_sectors);
	EXPECT_NE(0, f & BIT_ULL(VIRTIO_BLK_F_FLUSH));
	EXPECT_NE(0, f & BIT_ULL(VIRTIO_BLK_F_DISCARD));
	EXPECT_EQ(0, f & BIT_ULL(VIRTIO_BLK_F_RO));
	EXPECT_EQ(0, f & BIT_ULL(VIRTIO_BLK_F_MQ));
}

TEST_F(blk, only_the_cache_mode_can_be_set)
{
	const struct virtio_blk_config *c = dev_config(self->d);
	size_t wce = offsetof(struct virtio_blk_config, wce);
	u8 v[2] = { 0, 0 };

	EXPECT_EQ(0, fake_dev_config_set(self->d, wce, v, 1));
	EXPECT_EQ(0, c->wce);
	EXPECT_EQ(-EINVAL, fake_dev_config_set(self->d, wce, v, 2));
	EXPECT_EQ(-EINVAL, fake_dev_config_set(self->d, 0, v, 1));
	v[0] = 2;
	EXPECT_EQ(-EINVAL, fake_dev_config_set(self->d, wce, v, 1));
	EXPECT_EQ(0, c->wce);
	/* A new driver finds what the first has found. */
	fake_dev_disconnect(self->d);
	fake_dev_connect(self->d, CACHED);
	EXPECT_EQ(1, c->wce);
}

TEST_F(blk, id_is_the_name_or_the_serial)
{
	struct dev *d = fake_dev_new(self->b, &blk_dev_ops,
				     "blk,size=512,serial=12345678901234567890",
				     "other");

	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_GET_ID, 0, 0, 20));
	EXPECT_EQ(0, memcmp("disk\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			    fake_in(self->d, 0, 0), 20));
	ASSERT_NE(NULL, d);
	fake_dev_connect(d, 0);
	EXPECT_EQ(0, request(d, VIRTIO_BLK_T_GET_ID, 0, 0, 20));
	EXPECT_EQ(0, memcmp("12345678901234567890", fake_in(d, 0, 0), 20));
	/* As much as there is room for */
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_GET_ID, 0, 0, 2));
	EXPECT_EQ(0, memcmp("di", fake_in(self->d, 0, 0), 2));
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_GET_ID, 0, 0, 0));
}

/* Requests that make no sense */

TEST_F(blk, unknown_requests_are_unsupported)
{
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, request(self->d, 2, 0, 0, 0));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, request(self->d, 14, 0, 0, 20));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  request(self->d, 0xffffffff, 0, 512, 512));
	EXPECT_EQ(3, fake_dev_stat(self->d, "refused"));
}

TEST_F(blk, length_that_is_not_of_sectors)
{
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_IN, 0, 0, 511));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_OUT, 0, 513, 0));
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_IN, 0, 0, 0));
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_OUT, 0, 0, 0));
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_IN, 128, 0, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_IN, 129, 0, 0));
}

TEST_F(blk, beyond_the_end)
{
	static const u64 sectors[] = {
		128, 127, U64_MAX, U64_MAX - 1, 1ull << 55, 1ull << 63,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sectors); i++) {
		EXPECT_EQ(VIRTIO_BLK_S_IOERR,
			  request(self->d, VIRTIO_BLK_T_IN, sectors[i], 0,
				  2 * SECTOR));
		EXPECT_EQ(VIRTIO_BLK_S_IOERR,
			  request(self->d, VIRTIO_BLK_T_OUT, sectors[i],
				  2 * SECTOR, 0));
		EXPECT_EQ(VIRTIO_BLK_S_IOERR,
			  ranges(self->d, VIRTIO_BLK_T_DISCARD, sectors[i], 2,
				 0));
	}
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_IN, 126, 0, 2 * SECTOR));
}

TEST_F(blk, header_too_short)
{
	memset(fake_in(self->d, 0, 0), NONE, FAKE_SLOT_BYTES);
	fake_offer(self->d, 0, 0, HDR - 1, 1);
	fake_offer(self->d, 0, 1, 0, SECTOR + 1);
	fake_dev_kick(self->d, 0);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, status_of(self->d, 0, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, status_of(self->d, 1, SECTOR));
}

TEST_F(blk, no_room_for_a_status)
{
	header(self->d, 0, VIRTIO_BLK_T_OUT, 0);
	fake_offer(self->d, 0, 0, HDR + SECTOR, 0);
	fake_dev_kick(self->d, 0);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(1, fake_dev_stat(self->d, "no_room"));
}

TEST_F(blk, any_framing)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	u64 out = fake_out_gpa(0, 0), in = fake_in_gpa(0, 0);
	u32 id, i;

	EXPECT_EQ(0, write_fill(self->d, 5, 1, 0x77));
	header(self->d, 0, VIRTIO_BLK_T_IN, 5);
	memset(fake_in(self->d, 0, 0), NONE, FAKE_SLOT_BYTES);
	/* The header a byte at a time, the data in three, the status alone */
	for (i = 0; i < HDR; i++)
		fake_desc(r, i, out + i, 1, VRING_DESC_F_NEXT, (u16)(i + 1));
	fake_desc(r, 16, in, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 17);
	fake_desc(r, 17, in + 100, 500, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
		  18);
	fake_desc(r, 18, in + 700, 11, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
		  19);
	fake_desc(r, 19, in + 900, 1, VRING_DESC_F_WRITE, 0);
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_TRUE(fake_used(r, &id, &self->len));
	EXPECT_EQ(513, self->len);
	EXPECT_TRUE(all(fake_in(self->d, 0, 0), 1, 0x77));
	EXPECT_TRUE(all(fake_in(self->d, 0, 0) + 1, 99, NONE));
	EXPECT_TRUE(all(fake_in(self->d, 0, 0) + 100, 500, 0x77));
	EXPECT_TRUE(all(fake_in(self->d, 0, 0) + 700, 11, 0x77));
	EXPECT_EQ(VIRTIO_BLK_S_OK, fake_in(self->d, 0, 0)[900]);
}

TEST_F(blk, header_and_data_in_one)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	u64 out = fake_out_gpa(0, 0), in = fake_in_gpa(0, 0);
	u32 id;

	header(self->d, 0, VIRTIO_BLK_T_OUT, 3);
	memset(fake_out(self->d, 0, 0) + HDR, 0x31, 2 * SECTOR);
	fake_desc(r, 0, out, HDR + 10, VRING_DESC_F_NEXT, 1);
	fake_desc(r, 1, out + HDR + 10, 2 * SECTOR - 10, VRING_DESC_F_NEXT, 2);
	fake_desc(r, 2, in, 1, VRING_DESC_F_WRITE, 0);
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_TRUE(fake_used(r, &id, &self->len));
	EXPECT_EQ(VIRTIO_BLK_S_OK, fake_in(self->d, 0, 0)[0]);
	EXPECT_EQ(0x31, fill_of(self->d, 4));
}

/* Longer than a piece; the same memory again and again. */
TEST_F(blk, large_requests_in_pieces)
{
	struct dev *d = make(self->b, "blk,size=64Mi,rate=512M");
	struct fake_ring *r = fake_dev_ring(d, 0);
	u32 i, id, nr = 40;

	header(d, 0, VIRTIO_BLK_T_OUT, 8);
	fake_desc(r, 0, fake_out_gpa(0, 0), HDR, VRING_DESC_F_NEXT, 1);
	for (i = 1; i <= nr; i++)
		fake_desc(r, i, fake_out_gpa(0, 1), 0xf0000,
			  VRING_DESC_F_NEXT, (u16)(i + 1));
	memset(fake_out(d, 0, 1), 0x42, 0xf0000);
	fake_desc(r, i, FAKE_MID, 1, VRING_DESC_F_WRITE, 0);
	*(u8 *)fake_host(r->mem, FAKE_MID) = NONE;
	fake_avail(r, 0);
	fake_dev_kick(d, 0);
	fake_bus_run(self->b);
	ASSERT_TRUE(fake_used(r, &id, &self->len));
	EXPECT_EQ(VIRTIO_BLK_S_OK, *(u8 *)fake_host(r->mem, FAKE_MID));
	EXPECT_EQ(nr * 0xf0000 / 512 * 1000, dev_bus_now(self->b));
	EXPECT_EQ(0, fill_of(d, 7));
	EXPECT_EQ(0x42, fill_of(d, 8));
	EXPECT_EQ(0x42, fill_of(d, 8 + nr * 0xf0000 / SECTOR - 1));
	EXPECT_EQ(0, fill_of(d, 8 + nr * 0xf0000 / SECTOR));
}

TEST_F(blk, malformed_ring_is_not_the_device_s_problem)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);

	submit(self->d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_desc(r, 40, 0x10, 16, 0, 0);
	fake_avail(r, 40);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
}

TEST_F(blk, no_memory_for_a_request)
{
	submit(self->d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	offer(self->d, 1, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	offer(self->d, 2, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	/* For the first there is memory left. */
	oom = true;
	fake_dev_kick(self->d, 0);
	oom = false;
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, status_of(self->d, 2, SECTOR));
	fake_bus_run(self->b);
	EXPECT_EQ(VIRTIO_BLK_S_OK, status_of(self->d, 0, SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_OK, status_of(self->d, 1, SECTOR));
	EXPECT_EQ(1, fake_dev_stat(self->d, "no_memory"));
}

/* Discards */

TEST_F(blk, discarded_and_zeroed_sectors_are_zero)
{
	EXPECT_EQ(0, write_fill(self->d, 0, 7, 0x11));
	EXPECT_EQ(0, write_fill(self->d, 60, 7, 0x11));
	EXPECT_EQ(0, ranges(self->d, VIRTIO_BLK_T_DISCARD, 1, 62, 0));
	EXPECT_EQ(0x11, fill_of(self->d, 0));
	EXPECT_EQ(0, fill_of(self->d, 1));
	EXPECT_EQ(0, fill_of(self->d, 6));
	EXPECT_EQ(0, fill_of(self->d, 62));
	EXPECT_EQ(0x11, fill_of(self->d, 63));
	EXPECT_EQ(0, ranges(self->d, VIRTIO_BLK_T_WRITE_ZEROES, 63, 1, 0));
	EXPECT_EQ(0, ranges(self->d, VIRTIO_BLK_T_WRITE_ZEROES, 65, 1, 1));
	EXPECT_EQ(0, fill_of(self->d, 63));
	EXPECT_EQ(0x11, fill_of(self->d, 64));
	EXPECT_EQ(0, fill_of(self->d, 65));
}

TEST_F(blk, discards_that_make_no_sense)
{
	const struct virtio_blk_config *c = dev_config(self->d);

	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  ranges(self->d, VIRTIO_BLK_T_DISCARD, 0, 1, 1));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  ranges(self->d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  ranges(self->d, VIRTIO_BLK_T_DISCARD, 0, 129, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_DISCARD, 0, 15, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_DISCARD, 0, 17, 0));
	memset(fake_out(self->d, 0, 0) + HDR, 0, 1000);
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_DISCARD, 0,
			     16 * c->max_discard_seg, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_DISCARD, 0,
			  16 * c->max_discard_seg + 16, 0));
	EXPECT_EQ(0, request(self->d, VIRTIO_BLK_T_DISCARD, 0, 0, 0));
}

TEST_F(blk, one_bad_range_and_nothing_is_discarded)
{
	struct virtio_blk_discard_write_zeroes r[2] = {
		{ .sector = 0, .num_sectors = 1 },
		{ .sector = 128, .num_sectors = 1 },
	};

	EXPECT_EQ(0, write_fill(self->d, 0, 1, 0x11));
	memcpy(fake_out(self->d, 0, 0) + HDR, r, sizeof(r));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->d, VIRTIO_BLK_T_DISCARD, 0, sizeof(r), 0));
	EXPECT_EQ(0x11, fill_of(self->d, 0));
}

TEST_F(blk, readonly)
{
	struct dev *d = make(self->b, "blk,size=512,readonly");

	ASSERT_NE(NULL, d);
	EXPECT_NE(0, fake_dev_offered(d) & BIT_ULL(VIRTIO_BLK_F_RO));
	EXPECT_EQ(0, fake_dev_offered(d) & BIT_ULL(VIRTIO_BLK_F_DISCARD));
	EXPECT_EQ(0, fill_of(d, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, write_fill(d, 0, 1, 1));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  ranges(d, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(0, fill_of(d, 0));
}

/* Times */

/* When the request in @slot, the next to come back, does; 0 if never */
static u64 done_at(struct dev *d, unsigned int slot)
{
	u32 len;
	int got;

	for (;;) {
		got = fake_take(d, 0, &len);
		if (got >= 0)
			return got == (int)slot ? dev_now(d) : 0;
		if (!fake_bus_step(dev_bus(d)))
			return 0;
	}
}

TEST_F(blk, latency_by_kind)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,latency=7us,read-latency=1us,write-latency=2us,flush-latency=3us,discard-latency=4us");

	ASSERT_NE(NULL, d);
	fake_bus_run_until(self->b, 1000);
	offer(d, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, 0, 0);
	offer(d, 1, VIRTIO_BLK_T_DISCARD, 0, 0, 0);
	offer(d, 2, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	offer(d, 3, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	offer(d, 4, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	offer(d, 5, VIRTIO_BLK_T_GET_ID, 0, 0, 20);
	fake_dev_kick(d, 0);
	EXPECT_EQ(1000, done_at(d, 5));
	EXPECT_EQ(1000 + US, done_at(d, 4));
	EXPECT_EQ(1000 + 2 * US, done_at(d, 3));
	EXPECT_EQ(1000 + 3 * US, done_at(d, 2));
	EXPECT_EQ(1000 + 4 * US, done_at(d, 1));
	EXPECT_EQ(1000 + 7 * US, done_at(d, 0));
}

/* A write is there when it is done, and not before. */
TEST_F(blk, written_at_the_end_of_the_latency)
{
	struct dev *d = make(self->b, "blk,size=64Ki,write-latency=10");

	memset(fake_out(d, 0, 0) + HDR, 0x99, SECTOR);
	submit(d, 0, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	fake_bus_run_until(self->b, 9);
	submit(d, 1, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	EXPECT_EQ(9, done_at(d, 1));
	EXPECT_EQ(0, fake_in(d, 0, 1)[0]);
	EXPECT_EQ(10, done_at(d, 0));
	submit(d, 1, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	EXPECT_EQ(10, done_at(d, 1));
	EXPECT_EQ(0x99, fake_in(d, 0, 1)[0]);
}

TEST_F(blk, so_many_in_work_the_others_wait)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,parallel=2,read-latency=10,write-latency=25");
	unsigned int i;

	offer(d, 0, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);	/* 0..25 */
	for (i = 1; i < 5; i++)				/* 10, 20, 30, 35 */
		offer(d, i, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_dev_kick(d, 0);
	EXPECT_EQ(10, done_at(d, 1));
	EXPECT_EQ(20, done_at(d, 2));
	EXPECT_EQ(25, done_at(d, 0));
	EXPECT_EQ(30, done_at(d, 3));
	EXPECT_EQ(35, done_at(d, 4));
	EXPECT_EQ(2, fake_dev_stat(d, "in_work_max"));
}

TEST_F(blk, transfers_one_after_the_other_in_the_order_of_being_ready)
{
	/* A sector takes 170666.67 ns */
	struct dev *d = make(self->b,
			     "blk,size=64Ki,rate=3M,read-latency=100us,flush-latency=300us");

	fake_bus_run_until(self->b, 5);
	offer(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	offer(d, 1, VIRTIO_BLK_T_IN, 0, 0, 3 * SECTOR);
	offer(d, 2, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	offer(d, 3, VIRTIO_BLK_T_IN, 0, 0, 0);
	offer(d, 4, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	fake_dev_kick(d, 0);
	EXPECT_EQ(5 + 100000, done_at(d, 3));
	EXPECT_EQ(5 + 170667, done_at(d, 4));
	EXPECT_EQ(5 + 300000, done_at(d, 2));
	EXPECT_EQ(5 + 2 * 170667, done_at(d, 0));
	EXPECT_EQ(5 + 2 * 170667 + 512000, done_at(d, 1));
	/* The channel is free again. */
	fake_bus_run_until(self->b, 2000000);
	submit(d, 5, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	EXPECT_EQ(2000000 + 170667, done_at(d, 5));
}

TEST_F(blk, all_at_once_in_the_order_of_arrival)
{
	unsigned int i;

	for (i = 0; i < FAKE_SLOTS; i++)
		offer(self->d, i, VIRTIO_BLK_T_IN, i, 0, SECTOR);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(0, dev_bus_now(self->b));
	for (i = 0; i < FAKE_SLOTS; i++)
		ASSERT_EQ(0, status_of(self->d, i, SECTOR));
}

TEST_F(blk, queue_taken_away_and_given_back)
{
	struct dev *d = make(self->b, "blk,size=64Ki,latency=10,parallel=1");

	offer(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	offer(d, 1, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_dev_kick(d, 0);
	fake_bus_run_until(self->b, 5);
	fake_dev_suspend(d, 0);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_bus_run_until(self->b, 100);
	EXPECT_EQ(-1, fake_take(d, 0, &self->len));
	fake_dev_resume(d, 0);
	EXPECT_EQ(110, done_at(d, 0));
	EXPECT_EQ(120, done_at(d, 1));
}

TEST_F(blk, front_end_leaves_and_another_comes)
{
	struct dev *d = make(self->b, "blk,size=64Ki,latency=10,rate=1k");

	EXPECT_EQ(0, write_fill(d, 0, 1, 0x12));
	submit(d, 0, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	fake_bus_run_until(self->b, dev_bus_now(self->b) + 20);
	fake_dev_disconnect(d);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_dev_connect(d, CACHED);
	submit(d, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	EXPECT_EQ(dev_bus_now(self->b) + 10, done_at(d, 0));
	EXPECT_EQ(0x12, fill_of(d, 0));
}

/* Nobody kicks for a request that waits for one of another queue. */
TEST_F(blk, what_waits_goes_on_when_another_queue_goes)
{
	struct dev *d = make(self->b, "blk,size=64Ki,queues=2,parallel=1,latency=10");
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_FLUSH };

	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	memcpy(fake_out(d, 1, 0), &h, sizeof(h));
	fake_offer(d, 1, 0, HDR, 1);
	fake_dev_kick(d, 1);
	fake_bus_run_until(self->b, 5);
	fake_dev_suspend(d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(d, 1, &self->len));
	EXPECT_EQ(15, dev_now(d));
}

TEST_F(blk, two_queues)
{
	struct dev *d = make(self->b, "blk,size=64Ki,queues=2,parallel=1,latency=10");
	const struct virtio_blk_config *c = dev_config(d);
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_FLUSH };

	EXPECT_EQ(2, c->num_queues);
	EXPECT_NE(0, fake_dev_offered(d) & BIT_ULL(VIRTIO_BLK_F_MQ));
	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	memcpy(fake_out(d, 1, 0), &h, sizeof(h));
	fake_offer(d, 1, 0, HDR, 1);
	fake_dev_kick(d, 1);
	submit(d, 1, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	EXPECT_EQ(10, done_at(d, 0));
	fake_bus_run_until(self->b, 20);
	EXPECT_EQ(0, fake_take(d, 1, &self->len));
	EXPECT_EQ(30, done_at(d, 1));
	/* One of them goes: its requests are not in work any more. */
	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_offer(d, 1, 0, HDR, 1);
	fake_dev_kick(d, 1);
	fake_dev_suspend(d, 0);
	fake_offer(d, 1, 1, HDR, 1);
	memcpy(fake_out(d, 1, 1), &h, sizeof(h));
	fake_dev_kick(d, 1);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(d, 1, &self->len));
	EXPECT_EQ(1, fake_take(d, 1, &self->len));
	EXPECT_EQ(50, dev_bus_now(self->b));
}

/* On a file */

FIXTURE(file) {
	struct dev_bus *b;
	char path[32];
	u32 len;
};

FIXTURE_SETUP(file)
{
	u8 data[16 * SECTOR];
	int fd;

	self->b = fake_bus_new(1);
	strcpy(self->path, "/tmp/umtt-blk.XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	memset(data, 0x44, sizeof(data));
	ASSERT_EQ(sizeof(data), write(fd, data, sizeof(data)));
	close(fd);
}

FIXTURE_TEARDOWN(file)
{
	fake_file_err = 0;
	fake_bus_free(self->b);
	unlink(self->path);
	EXPECT_EQ(0, leaks());
}

static struct dev *make_file(struct dev_bus *b, const char *path,
			     const char *options)
{
	char spec[200];

	snprintf(spec, sizeof(spec), "blk,file=%s%s", path, options);
	return make(b, spec);
}

/* The byte at the start of a sector of the file */
static int on_host(const char *path, u64 sector)
{
	u8 v = 0;
	int fd = open(path, O_RDONLY);

	if (pread(fd, &v, 1, (off_t)(sector * SECTOR)) != 1)
		v = 1;
	close(fd);
	return v;
}

TEST_F(file, is_read_and_written)
{
	struct dev *d = make_file(self->b, self->path, "");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0x44, fill_of(d, 15));
	EXPECT_EQ(0, write_fill(d, 3, 2, 0x66));
	EXPECT_EQ(0x66, fill_of(d, 4));
	EXPECT_EQ(0x44, on_host(self->path, 2));
	EXPECT_EQ(0x66, on_host(self->path, 3));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_WRITE_ZEROES, 4, 2, 0));
	EXPECT_EQ(0, on_host(self->path, 4));
	EXPECT_EQ(0, on_host(self->path, 5));
	EXPECT_EQ(0, fake_bus_syncs(self->b));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(1, fake_bus_syncs(self->b));
}

TEST_F(file, cow_leaves_it_alone)
{
	struct dev *d = make_file(self->b, self->path, ",cow");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, write_fill(d, 3, 1, 0x66));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_DISCARD, 4, 1, 0));
	EXPECT_EQ(0x66, fill_of(d, 3));
	EXPECT_EQ(0, fill_of(d, 4));
	EXPECT_EQ(0x44, fill_of(d, 5));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(0x44, on_host(self->path, 3));
	EXPECT_EQ(0x44, on_host(self->path, 4));
	/* Half of it is in the file, half in memory. */
	EXPECT_EQ(0, request(d, VIRTIO_BLK_T_IN, 2, 0, 2 * SECTOR));
	EXPECT_TRUE(all(fake_in(d, 0, 0), SECTOR, 0x44));
	EXPECT_TRUE(all(fake_in(d, 0, 0) + SECTOR, SECTOR, 0x66));
	EXPECT_EQ(0, fake_bus_syncs(self->b));
}

TEST_F(file, size_is_rounded_down_to_blocks)
{
	struct dev *d;

	ASSERT_EQ(0, truncate(self->path, 4096 + 4095));
	d = make_file(self->b, self->path, ",logical-block=4096");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(8, ((struct virtio_blk_config *)dev_config(d))->capacity);
	EXPECT_EQ(4096, ((struct virtio_blk_config *)dev_config(d))->blk_size);
	ASSERT_EQ(0, truncate(self->path, 511));
	EXPECT_EQ(NULL, make_file(self->b, self->path, ""));
}

TEST_F(file, host_fails)
{
	struct dev *d = make_file(self->b, self->path, "");

	fake_file_err = -EIO;
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(d, VIRTIO_BLK_T_IN, 0, 0, SECTOR));
	fake_file_err = -ENOSPC;
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, write_fill(d, 0, 1, 1));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, flush(d));
	fake_file_err = 0;
	EXPECT_EQ(0x44, fill_of(d, 0));
	EXPECT_EQ(3, fake_dev_stat(d, "failed"));
}

TEST_F(file, without_a_cache_writes_are_synced)
{
	struct dev *d = make_file(self->b, self->path, "");
	u8 off = 0;

	fake_dev_disconnect(d);
	fake_dev_connect(d, 0);
	EXPECT_EQ(0, write_fill(d, 0, 1, 1));
	EXPECT_EQ(1, fake_bus_syncs(self->b));
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	EXPECT_EQ(0, write_fill(d, 0, 1, 1));
	EXPECT_EQ(1, fake_bus_syncs(self->b));
	EXPECT_EQ(0, fake_dev_config_set(
			     d, offsetof(struct virtio_blk_config, wce), &off,
			     1));
	EXPECT_EQ(0, write_fill(d, 0, 1, 1));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
	EXPECT_EQ(3, fake_bus_syncs(self->b));
}

TEST_F(file, queue_goes_while_the_host_works)
{
	struct dev *d = make_file(self->b, self->path, "");

	fake_bus_run_until(self->b, 10);
	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	submit(d, 1, VIRTIO_BLK_T_IN, 1, 0, SECTOR);
	fake_bus_timer(self->b);
	fake_dev_suspend(d, 0);
	/* Now the host is done; there is nobody to tell. */
	EXPECT_TRUE(fake_bus_file(self->b));
	EXPECT_FALSE(fake_bus_file(self->b));
	EXPECT_EQ(-1, fake_take(d, 0, &self->len));
	EXPECT_TRUE(all(fake_in(d, 0, 0), SECTOR, NONE));
	fake_dev_resume(d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(0, status_of(d, 0, SECTOR));
	EXPECT_EQ(0, status_of(d, 1, SECTOR));
	EXPECT_TRUE(all(fake_in(d, 0, 0), SECTOR, 0x44));
}

TEST_F(file, front_end_and_device_go_while_the_host_works)
{
	struct dev *d = make_file(self->b, self->path, "");

	submit(d, 0, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	fake_bus_timer(self->b);
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	/* What comes now waits for what is still under way. */
	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_bus_timer(self->b);
	EXPECT_TRUE(fake_bus_file(self->b));
	EXPECT_EQ(-1, fake_take(d, 0, &self->len));
	EXPECT_TRUE(fake_bus_file(self->b));
	EXPECT_EQ(0, status_of(d, 0, SECTOR));
	submit(d, 0, VIRTIO_BLK_T_OUT, 0, SECTOR, 0);
	fake_bus_timer(self->b);
}

/* What goes wrong, when it was asked for */

FIXTURE(faults) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(faults)
{
	self->b = fake_bus_new(1);
}

FIXTURE_TEARDOWN(faults)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static int write_at(struct dev *d, u64 t, u64 sector)
{
	fake_bus_run_until(dev_bus(d), t);
	return write_fill(d, sector, 1, (u8)t);
}

TEST_F(faults, the_nth_of_its_kind)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,error=write@2/read@3+/flush@2-3/any@1");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(1, write_fill(d, 0, 1, 1));	/* the first of all */
	EXPECT_EQ(1, write_fill(d, 0, 1, 2));	/* the second write */
	EXPECT_EQ(0, write_fill(d, 0, 1, 3));
	EXPECT_EQ(3, fill_of(d, 0));
	EXPECT_EQ(3, fill_of(d, 0));
	EXPECT_EQ(-1, fill_of(d, 0));
	EXPECT_EQ(-1, fill_of(d, 0));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(1, flush(d));
	EXPECT_EQ(1, flush(d));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(6, fake_dev_stat(d, "failed"));
}

TEST_F(faults, by_time)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,error=write@10ns/write@20ns-30ns/write@50ns+/discard@0s+/zero@1");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, write_at(d, 9, 0));
	EXPECT_EQ(1, write_at(d, 12, 0));
	EXPECT_EQ(0, write_at(d, 13, 0));
	EXPECT_EQ(1, write_at(d, 20, 0));
	EXPECT_EQ(1, write_at(d, 29, 0));
	EXPECT_EQ(0, write_at(d, 30, 0));
	EXPECT_EQ(30, fill_of(d, 0));
	EXPECT_EQ(1, write_at(d, 50, 0));
	EXPECT_EQ(1, write_at(d, 60, 0));
	EXPECT_EQ(1, ranges(d, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
	EXPECT_EQ(1, ranges(d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
}

/* What is refused or has no kind does not count. */
TEST_F(faults, only_good_requests_count)
{
	struct dev *d = make(self->b, "blk,size=64Ki,error=any@1");

	EXPECT_EQ(1, request(d, VIRTIO_BLK_T_IN, 999, 0, SECTOR));
	EXPECT_EQ(0, request(d, VIRTIO_BLK_T_GET_ID, 0, 0, 20));
	EXPECT_EQ(-1, fill_of(d, 0));
	EXPECT_EQ(0, fill_of(d, 0));
}

TEST_F(faults, error_takes_the_time_of_the_request)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,error=read@1,latency=10,rate=1M");

	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	EXPECT_EQ(10 + 512000, done_at(d, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, fake_in(d, 0, 0)[SECTOR]);
}

/* The driver must not take for data what was never read. */
TEST_F(faults, failed_read_has_written_nothing)
{
	struct dev *d = make(self->b, "blk,size=64Ki,error=read@1");
	u32 len = 1;

	submit(d, 0, VIRTIO_BLK_T_IN, 0, 0, 4 * SECTOR);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(d, 0, &len));
	EXPECT_EQ(0, len);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, fake_in(d, 0, 0)[4 * SECTOR]);
}

TEST_F(faults, bad_sectors)
{
	struct dev *d = make(self->b, "blk,size=64Ki,error-sector=5/10-11");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, request(d, VIRTIO_BLK_T_IN, 0, 0, 5 * SECTOR));
	EXPECT_EQ(1, request(d, VIRTIO_BLK_T_IN, 0, 0, 6 * SECTOR));
	EXPECT_EQ(1, write_fill(d, 5, 1, 1));
	EXPECT_EQ(0, write_fill(d, 6, 4, 1));
	EXPECT_EQ(1, write_fill(d, 6, 5, 1));
	EXPECT_EQ(1, write_fill(d, 11, 1, 1));
	EXPECT_EQ(0, write_fill(d, 12, 1, 1));
	EXPECT_EQ(1, ranges(d, VIRTIO_BLK_T_DISCARD, 4, 2, 0));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_DISCARD, 4, 0, 0));
	EXPECT_EQ(0, request(d, VIRTIO_BLK_T_IN, 5, 0, 0));
	EXPECT_EQ(0, flush(d));
}

TEST_F(faults, torn_write_and_then_nothing)
{
	struct dev *d = make(self->b, "blk,size=64Ki,torn=2@3");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, write_fill(d, 0, 7, 0x10));
	EXPECT_EQ(1, write_fill(d, 0, 7, 0x20));
	EXPECT_EQ(1, write_fill(d, 0, 7, 0x30));
	EXPECT_EQ(1, flush(d));
	EXPECT_EQ(-1, fill_of(d, 0));
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	EXPECT_EQ(0x20, fill_of(d, 2));
	EXPECT_EQ(0x10, fill_of(d, 3));
}

TEST_F(faults, torn_to_nothing)
{
	struct dev *d = make(self->b, "blk,size=64Ki,torn=1@0");

	EXPECT_EQ(1, write_fill(d, 0, 1, 0x10));
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	EXPECT_EQ(0, fill_of(d, 0));
}

TEST_F(faults, hanging_request_keeps_its_place)
{
	struct dev *d = make(self->b,
			     "blk,size=64Ki,hang=read@1,parallel=2,latency=10");
	unsigned int i;

	for (i = 0; i < 3; i++)
		offer(d, i, VIRTIO_BLK_T_IN, 0, 0, SECTOR);
	fake_dev_kick(d, 0);
	EXPECT_EQ(10, done_at(d, 1));
	EXPECT_EQ(20, done_at(d, 2));
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(d, 0, &self->len));
	/* It is a new one when the queue comes back. */
	fake_dev_suspend(d, 0);
	fake_dev_resume(d, 0);
	EXPECT_EQ(30, done_at(d, 0));
}

TEST_F(faults, power_cut_loses_what_is_not_flushed)
{
	struct dev *d = make(self->b, "blk,size=64Ki,power-cut=write@4");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, write_fill(d, 0, 2, 1));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(0, write_fill(d, 1, 2, 2));
	EXPECT_EQ(0, ranges(d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
	EXPECT_EQ(0, write_fill(d, 5, 1, 2));
	EXPECT_EQ(0, fill_of(d, 0));
	EXPECT_EQ(2, fill_of(d, 1));
	EXPECT_EQ(1, write_fill(d, 6, 1, 2));
	EXPECT_EQ(1, flush(d));
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	EXPECT_EQ(1, fill_of(d, 0));
	EXPECT_EQ(1, fill_of(d, 1));
	EXPECT_EQ(0, fill_of(d, 2));
	EXPECT_EQ(0, fill_of(d, 5));
	EXPECT_EQ(0, fill_of(d, 6));
}

TEST_F(faults, power_cut_spares_what_is_written_through)
{
	struct dev *d = make(self->b, "blk,size=64Ki,power-cut=any@1s");
	u8 off = 0;

	EXPECT_EQ(0, write_fill(d, 0, 1, 1));
	EXPECT_EQ(0, fake_dev_config_set(
			     d, offsetof(struct virtio_blk_config, wce), &off,
			     1));
	EXPECT_EQ(0, write_fill(d, 1, 1, 1));
	fake_bus_run_until(self->b, 2 * NSEC_PER_SEC);
	EXPECT_EQ(-1, fill_of(d, 0));
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	EXPECT_EQ(1, fill_of(d, 0));
	EXPECT_EQ(1, fill_of(d, 1));
}

/* Sectors that survive of 100, with a seed */
static int survivors(struct dev_bus *b, const char *keep)
{
	char spec[100];
	int i, n = 0;
	struct dev *d;

	snprintf(spec, sizeof(spec),
		 "blk,size=64Ki,power-cut=flush@1,power-cut-keep=%s", keep);
	d = fake_dev_new(b, &blk_dev_ops, spec, "k");
	fake_dev_connect(d, CACHED);
	for (i = 0; i < 100; i++)
		write_fill(d, (u64)i, 1, 1);
	flush(d);
	fake_dev_disconnect(d);
	fake_dev_connect(d, CACHED);
	for (i = 0; i < 100; i++)
		n += fill_of(d, (u64)i);
	fake_dev_free(d);
	return n;
}

TEST_F(faults, power_cut_may_keep_some)
{
	int half = survivors(self->b, "50%");

	EXPECT_LT(25, half);
	EXPECT_GT(75, half);
	EXPECT_EQ(half, survivors(self->b, "50%"));
	EXPECT_EQ(0, survivors(self->b, "0"));
	EXPECT_EQ(100, survivors(self->b, "1"));
}

TEST_F(file, power_cut)
{
	struct dev *d = make_file(self->b, self->path, ",power-cut=flush@2");

	ASSERT_NE(NULL, d);
	EXPECT_EQ(0, write_fill(d, 0, 2, 1));
	EXPECT_EQ(0, write_fill(d, 7, 2, 1));
	EXPECT_EQ(0x44, on_host(self->path, 0));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(1, on_host(self->path, 1));
	EXPECT_EQ(1, on_host(self->path, 7));
	EXPECT_EQ(1, fake_bus_syncs(self->b));
	EXPECT_EQ(0, write_fill(d, 8, 2, 2));
	EXPECT_EQ(2, fill_of(d, 8));
	EXPECT_EQ(1, flush(d));
	EXPECT_EQ(1, on_host(self->path, 8));
	EXPECT_EQ(0x44, on_host(self->path, 9));
	EXPECT_EQ(1, fake_bus_syncs(self->b));
}

/* What the host has not taken stays in the cache. */
TEST_F(file, flush_fails_and_is_tried_again)
{
	struct dev *d = make_file(self->b, self->path, ",power-cut=flush@9");

	EXPECT_EQ(0, write_fill(d, 0, 2, 1));
	fake_file_err = -ENOSPC;
	EXPECT_EQ(1, flush(d));
	fake_file_err = 0;
	EXPECT_EQ(1, fill_of(d, 1));
	EXPECT_EQ(0, flush(d));
	EXPECT_EQ(1, on_host(self->path, 1));
}

/* Options */

TEST_F(faults, nonsense_is_refused)
{
	static const char specs[][64] = {
		"blk", "blk,size=0", "blk,size=511", "blk,size=x",
		"blk,size=64Ki,file=/dev/zero", "blk,file=/nowhere",
		"blk,size=64Ki,cow", "blk,size=64Ki,latency=x",
		"blk,size=64Ki,logical-block=1024",
		"blk,size=4095,logical-block=4096", "blk,size=64Ki,queues=0",
		"blk,size=64Ki,queues=17", "blk,size=64Ki,rate=0",
		"blk,size=64Ki,parallel=0",
		"blk,size=64Ki,serial=123456789012345678901",
		"blk,size=64Ki,error=", "blk,size=64Ki,error=read",
		"blk,size=64Ki,error=read@", "blk,size=64Ki,error=read@0",
		"blk,size=64Ki,error=reads@1", "blk,size=64Ki,error=@1",
		"blk,size=64Ki,error=read@1/", "blk,size=64Ki,error=read@3-2",
		"blk,size=64Ki,error=read@1-2s", "blk,size=64Ki,error=read@-1",
		"blk,size=64Ki,error=read@1s-1s", "blk,size=64Ki,error=read@1++",
		"blk,size=64Ki,error=read@1x", "blk,size=64Ki,error=read@1-2+",
		"blk,size=64Ki,error=read@99999999999999999999",
		"blk,size=64Ki,torn=1", "blk,size=64Ki,torn=write@1",
		"blk,size=64Ki,torn=1@", "blk,size=64Ki,torn=1@1s",
		"blk,size=64Ki,error-sector=", "blk,size=64Ki,error-sector=5-4",
		"blk,size=64Ki,error-sector=1-", "blk,size=64Ki,hang=7",
		"blk,size=64Ki,power-cut=5s", "blk,size=64Ki,power-cut-keep=2",
		"blk,size=64Ki,unknown",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(specs); i++)
		EXPECT_EQ(NULL, make(self->b, specs[i])) {
			TH_LOG("%s", specs[i]);
		}
}

TEST_HARNESS_MAIN
