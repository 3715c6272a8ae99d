// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The echo device, to the nanosecond. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"
#include "oom.h"

extern const struct dev_ops echo_dev_ops;

struct request {
	u64 latency, cookie;
};

struct response {
	u64 cookie, t_start, t_done;
	u32 status, payload_len;
};

#define REQ	((u32)sizeof(struct request))
#define RESP	((u32)sizeof(struct response))
_Static_assert(sizeof(struct request) == 16 && sizeof(struct response) == 32,
	       "the device's format");

FIXTURE(echo) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(echo)
{
	self->b = fake_bus_new(1);
	self->d = fake_dev_new(self->b, &echo_dev_ops, "echo", "e");
	ASSERT_NE(NULL, self->d);
	fake_dev_connect(self->d, 0);
	fake_bus_run_until(self->b, 1000);
}

FIXTURE_TEARDOWN(echo)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static void put_request(struct dev *d, unsigned int q, unsigned int slot,
			u64 latency, u64 cookie)
{
	struct request r = { latency, cookie };

	memcpy(fake_out(d, q, slot), &r, sizeof(r));
	memset(fake_in(d, q, slot), 0xee, FAKE_SLOT_BYTES);
}

/* Requests without payload. */
static void offer(struct dev *d, unsigned int q, unsigned int slot,
		  u64 latency)
{
	put_request(d, q, slot, latency, 1000 * q + slot);
	fake_offer(d, q, slot, REQ, RESP);
}

static void send(struct dev *d, unsigned int q, unsigned int slot, u64 latency)
{
	offer(d, q, slot, latency);
	fake_dev_kick(d, q);
}

static struct response response(struct dev *d, unsigned int q,
				unsigned int slot)
{
	struct response r;

	memcpy(&r, fake_in(d, q, slot), sizeof(r));
	return r;
}

TEST_F(echo, comes_back_exactly_when_due)
{
	struct response r;

	send(self->d, 0, 3, 500);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_bus_run_until(self->b, 1499);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_bus_run_until(self->b, 1500);
	ASSERT_EQ(3, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(RESP, self->len);
	r = response(self->d, 0, 3);
	EXPECT_EQ(3, r.cookie);
	EXPECT_EQ(1000, r.t_start);
	EXPECT_EQ(1500, r.t_done);
	EXPECT_EQ(0, r.status);
	EXPECT_EQ(0, r.payload_len);
	EXPECT_EQ(1, fake_dev_stat(self->d, "requests"));
	EXPECT_EQ(0, fake_dev_stat(self->d, "bad"));
}

TEST_F(echo, no_latency_is_now_but_not_within_the_kick)
{
	send(self->d, 1, 0, 0);
	EXPECT_EQ(-1, fake_take(self->d, 1, &self->len));
	fake_bus_run_until(self->b, 1000);
	ASSERT_EQ(0, fake_take(self->d, 1, &self->len));
	EXPECT_EQ(1000, response(self->d, 1, 0).t_done);
}

TEST_F(echo, many_in_flight_come_back_in_due_order)
{
	unsigned int i;

	for (i = 0; i < FAKE_SLOTS; i++)
		offer(self->d, 0, i, 10 * (FAKE_SLOTS - i));
	fake_dev_kick(self->d, 0);
	EXPECT_EQ(FAKE_SLOTS, fake_dev_stat(self->d, "in_flight_max"));
	for (i = 0; i < FAKE_SLOTS; i++) {
		ASSERT_TRUE(fake_bus_step(self->b));
		ASSERT_EQ(FAKE_SLOTS - 1 - i, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(1010 + 10 * i, response(self->d, 0, FAKE_SLOTS - 1 - i).t_done);
		EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	}
	EXPECT_FALSE(fake_bus_step(self->b));
}

TEST_F(echo, same_due_time_in_order_of_arrival)
{
	unsigned int i;

	/* Sent at different times, due at the same one. */
	for (i = 0; i < 10; i++) {
		fake_bus_run_until(self->b, 2000 + i);
		send(self->d, 0, (i * 7) % 10, 1000 - i);
	}
	ASSERT_TRUE(fake_bus_step(self->b));
	EXPECT_EQ(3000, dev_now(self->d));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ((i * 7) % 10, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(2000 + i, response(self->d, 0, (i * 7) % 10).t_start);
	}
}

TEST_F(echo, both_queues_are_alike)
{
	send(self->d, 0, 0, 20);
	send(self->d, 1, 0, 10);
	fake_bus_run_until(self->b, 1010);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, fake_take(self->d, 1, &self->len));
	EXPECT_EQ(1000, response(self->d, 1, 0).cookie);
	fake_bus_run_until(self->b, 1020);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
}

TEST_F(echo, payload_as_much_as_there_is_and_as_fits)
{
	static const struct { u32 out, in, back; } cases[] = {
		{ 0, 0, 0 }, { 0, 50, 0 }, { 50, 0, 0 }, { 50, 50, 50 },
		{ 50, 49, 49 }, { 49, 50, 49 }, { 1, 1, 1 },
		{ 4000, 4000, 4000 },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put_request(self->d, 0, 0, 5, 77);
		for (k = 0; k < cases[i].out; k++)
			fake_out(self->d, 0, 0)[REQ + k] = (u8)(k * 31 + 1);
		fake_offer(self->d, 0, 0, REQ + cases[i].out,
			   RESP + cases[i].in);
		fake_dev_kick(self->d, 0);
		fake_bus_run(self->b);
		ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(RESP + cases[i].back, self->len);
		EXPECT_EQ(cases[i].back, response(self->d, 0, 0).payload_len);
		EXPECT_EQ(0, response(self->d, 0, 0).status);
		EXPECT_EQ(0, memcmp(fake_in(self->d, 0, 0) + RESP,
				    fake_out(self->d, 0, 0) + REQ,
				    cases[i].back));
		EXPECT_EQ(0xee, fake_in(self->d, 0, 0)[RESP + cases[i].back]);
	}
}

/* One buffer made by hand, out of descriptors of the test's choice. */
static u64 gpa(struct dev *d, unsigned int slot, bool in)
{
	/* As in fake_offer(), which shows us where. */
	fake_desc(fake_dev_ring(d, 0), 2 * slot, 0, 0, 0, 0);
	fake_offer(d, 0, slot, 0, 0);
	fake_dev_ring(d, 0)->avail->idx = --fake_dev_ring(d, 0)->avail_idx;
	return fake_dev_ring(d, 0)->desc[2 * slot + in].addr;
}

TEST_F(echo, long_payload_through_many_descriptors)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	const unsigned int n = 10;
	u64 out[10], in[10];
	unsigned int i;

	for (i = 0; i < n; i++) {
		out[i] = gpa(self->d, i, false);
		in[i] = gpa(self->d, i, true);
		memset(fake_out(self->d, 0, i), 'a' + (int)i, 4000);
	}
	put_request(self->d, 0, 0, 5, 77);
	for (i = 0; i < n; i++) {
		fake_desc(r, i, out[i], 4000, VRING_DESC_F_NEXT, (u16)(i + 1));
		fake_desc(r, n + i, in[i], 4000, VRING_DESC_F_WRITE |
			  (i < n - 1 ? VRING_DESC_F_NEXT : 0),
			  (u16)(n + i + 1));
	}
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	/* The response is longer than the request by 16 bytes. */
	EXPECT_EQ(40000, self->len);
	EXPECT_EQ(40000 - RESP, response(self->d, 0, 0).payload_len);
	for (i = 1; i < n; i++) {
		EXPECT_EQ('a' + i - 1, fake_in(self->d, 0, i)[0]);
		EXPECT_EQ('a' + i - 1, fake_in(self->d, 0, i)[15]);
		EXPECT_EQ('a' + i, fake_in(self->d, 0, i)[16]);
		EXPECT_EQ('a' + i, fake_in(self->d, 0, i)[3999]);
	}
}

TEST_F(echo, headers_cut_to_bytes)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	u64 out = gpa(self->d, 0, false), in = gpa(self->d, 0, true);
	unsigned int i;

	put_request(self->d, 0, 0, 5, 0x1122334455667788);
	for (i = 0; i < REQ; i++)
		fake_desc(r, i, out + i, 1, VRING_DESC_F_NEXT, (u16)(i + 1));
	for (i = 0; i < RESP; i++)
		fake_desc(r, REQ + i, in + i, 1, VRING_DESC_F_WRITE |
			  (i < RESP - 1 ? VRING_DESC_F_NEXT : 0),
			  (u16)(REQ + i + 1));
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(RESP, self->len);
	EXPECT_EQ(0x1122334455667788, response(self->d, 0, 0).cookie);
	EXPECT_EQ(1005, response(self->d, 0, 0).t_done);
}

TEST_F(echo, payload_has_an_upper_limit)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	u64 out = gpa(self->d, 0, false);
	unsigned int i;

	/* The same memory again and again makes more than it is. */
	put_request(self->d, 0, 0, 5, 7);
	for (i = 0; i < 60; i++)
		fake_desc(r, i, out, 0x10000, (i < 30 ? 0 : VRING_DESC_F_WRITE) |
			  (i < 59 ? VRING_DESC_F_NEXT : 0), (u16)(i + 1));
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(RESP + 1024 * 1024, self->len);
}

TEST_F(echo, parts_that_are_the_same_memory)
{
	struct fake_ring *r = fake_dev_ring(self->d, 0);
	u64 out = gpa(self->d, 0, false);

	put_request(self->d, 0, 0, 5, 7);
	fake_desc(r, 0, out, 4000, VRING_DESC_F_NEXT, 1);
	fake_desc(r, 1, out + 1, 4000, VRING_DESC_F_WRITE, 0);
	fake_avail(r, 0);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(4000, self->len);
}

TEST_F(echo, what_was_asked_counts_not_what_is_there_later)
{
	send(self->d, 0, 0, 500);
	put_request(self->d, 0, 0, 1, 99);
	fake_bus_run_until(self->b, 1499);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	fake_bus_run_until(self->b, 1500);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, response(self->d, 0, 0).cookie);
}

TEST_F(echo, request_too_short_is_bad)
{
	u32 out;

	for (out = 0; out < REQ; out++) {
		put_request(self->d, 0, 0, 500, 7);
		fake_offer(self->d, 0, 0, out, RESP);
		fake_dev_kick(self->d, 0);
		ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(RESP, self->len);
		EXPECT_EQ(1, response(self->d, 0, 0).status);
		EXPECT_EQ(1000, response(self->d, 0, 0).t_start);
		EXPECT_EQ(1000, response(self->d, 0, 0).t_done);
		EXPECT_EQ(0, response(self->d, 0, 0).payload_len);
	}
	EXPECT_EQ(REQ, fake_dev_stat(self->d, "bad"));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(echo, due_beyond_the_end_of_time_is_bad)
{
	static const struct { u64 latency; bool bad; } cases[] = {
		{ S64_MAX - 1000, true }, { S64_MAX, true },
		{ 1ULL << 63, true }, { U64_MAX, true },
		{ U64_MAX - 999, true }, { S64_MAX - 1001, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		send(self->d, 0, i, cases[i].latency);
		EXPECT_EQ(cases[i].bad ? (int)i : -1,
			  fake_take(self->d, 0, &self->len));
		if (cases[i].bad) {
			EXPECT_EQ(1, response(self->d, 0, i).status);
			EXPECT_EQ(i, response(self->d, 0, i).cookie);
		}
	}
	fake_bus_run(self->b);
	EXPECT_EQ(S64_MAX - 1, dev_now(self->d));
	EXPECT_EQ(5, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, response(self->d, 0, 5).status);
}

TEST_F(echo, without_room_nothing_is_written)
{
	u32 in;

	for (in = 0; in < RESP; in++) {
		put_request(self->d, 0, 0, 5, 7);
		fake_offer(self->d, 0, 0, REQ, in);
		fake_dev_kick(self->d, 0);
		ASSERT_EQ(0, fake_take(self->d, 0, &self->len));
		EXPECT_EQ(0, self->len);
		EXPECT_EQ(0xee, fake_in(self->d, 0, 0)[0]);
	}
	EXPECT_EQ(RESP, fake_dev_stat(self->d, "no_room"));
}

TEST_F(echo, queue_taken_away_and_given_back)
{
	send(self->d, 0, 0, 500);
	send(self->d, 0, 1, 300);
	send(self->d, 1, 0, 400);
	fake_dev_suspend(self->d, 0);
	fake_bus_run_until(self->b, 5000);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, fake_take(self->d, 1, &self->len));
	EXPECT_EQ(1400, response(self->d, 1, 0).t_done);
	fake_dev_resume(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(5000, response(self->d, 0, 1).t_start);
	EXPECT_EQ(5300, response(self->d, 0, 1).t_done);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(5500, response(self->d, 0, 0).t_done);
}

TEST_F(echo, front_end_leaves_and_another_comes)
{
	send(self->d, 0, 0, 500);
	send(self->d, 1, 0, 500);
	fake_dev_disconnect(self->d);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_bus_run_until(self->b, 5000);
	fake_dev_connect(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	send(self->d, 0, 0, 1);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
}

TEST_F(echo, malformed_ring_ends_that_queue_only)
{
	send(self->d, 0, 0, 500);
	fake_avail(fake_dev_ring(self->d, 0), 0xffff);
	fake_dev_kick(self->d, 0);
	fake_bus_run(self->b);
	EXPECT_EQ(-1, fake_take(self->d, 0, &self->len));
	send(self->d, 1, 0, 500);
	fake_bus_run(self->b);
	EXPECT_EQ(0, fake_take(self->d, 1, &self->len));
}

TEST_F(echo, without_memory_nothing_is_written)
{
	offer(self->d, 0, 0, 10);
	offer(self->d, 0, 1, 10);
	oom = true;
	fake_dev_kick(self->d, 0);
	oom = false;
	EXPECT_EQ(0, fake_bus_timers(self->b));
	EXPECT_EQ(2, fake_dev_stat(self->d, "no_memory"));
	EXPECT_EQ(0, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(1, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(0, self->len);
	send(self->d, 0, 2, 10);
	fake_bus_run(self->b);
	EXPECT_EQ(2, fake_take(self->d, 0, &self->len));
	EXPECT_EQ(RESP, self->len);
}

TEST_F(echo, config_space)
{
	static const u8 want[16] = { 'e', 'c', 'h', 'o', 1, 0, 0, 0,
				     0xe8, 3, 0, 0, 0, 0, 0, 0 };
	struct dev *d;

	d = fake_dev_new(self->b, &echo_dev_ops, "echo,kick-latency=1us", "f");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(16, echo_dev_ops.config_size);
	EXPECT_EQ(0, memcmp(want, dev_config(d), 16));
	EXPECT_EQ(63, echo_dev_ops.virtio_id);
	EXPECT_EQ(NULL, fake_dev_new(self->b, &echo_dev_ops,
				     "echo,kick-latency=x", "g"));
}

TEST_F(echo, random_requests)
{
	u64 due[2][FAKE_SLOTS] = { { 0 } }, seq[2][FAKE_SLOTS], n = 0;
	u64 last_due = 0, last_seq = 0;
	unsigned int q, slot, step, done = 0;
	struct prng rnd;
	int got;

	prng_seed(&rnd, 3, "echo");
	for (step = 0; step < 50000; step++) {
		q = prng_next(&rnd) % 2;
		slot = prng_next(&rnd) % FAKE_SLOTS;
		if (!due[q][slot] && prng_next(&rnd) % 2) {
			u64 latency = prng_next(&rnd) % 20;

			send(self->d, q, slot, latency);
			due[q][slot] = dev_now(self->d) + latency;
			seq[q][slot] = n++;
			continue;
		}
		if (!fake_bus_step(self->b))
			continue;
		for (q = 0; q < 2; q++) {
			last_due = last_seq = 0;
			while ((got = fake_take(self->d, q, &self->len)) >= 0) {
				struct response r = response(self->d, q,
							     (unsigned int)got);

				ASSERT_EQ(due[q][got], r.t_done);
				ASSERT_EQ(dev_now(self->d), r.t_done);
				ASSERT_EQ(1000 * q + (unsigned int)got, r.cookie);
				if (last_due == r.t_done)
					ASSERT_LT(last_seq, seq[q][got]);
				last_due = r.t_done;
				last_seq = seq[q][got];
				due[q][got] = 0;
				done++;
			}
		}
	}
	EXPECT_LT(5000, done);
}

TEST_HARNESS_MAIN
