// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The keys device: when what is typed is typed, time that stands, and odd drivers. */
#include <linux/virtio_console.h>
#include <string.h>

#include "../../src/dev/keys.h"
#include "../../src/lab/channel.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

extern const struct dev_ops keys_dev_ops;

#define MS	(1000 * NSEC_PER_USEC)

enum { RX, TX, CTL_IN, CTL_OUT };

FIXTURE(keys) {
	struct dev_bus *b;
	struct dev *d;
};

/* The host: what it has been told, and what it types in its turns */
static unsigned int waits;
static u64 turns, waited_at;
static const char *to_type;

static void has_turn(void *owner, u64 n)
{
	FIXTURE_DATA(keys) *self = owner;

	turns = n;
	if (to_type)
		keys_put(self->d, to_type, strlen(to_type));
	to_type = NULL;
}

static void guest_waits(void *owner, u64 now)
{
	(void)owner;
	waits++;
	waited_at = now;
}

FIXTURE_SETUP(keys)
{
	struct keys_host h = { self, has_turn, guest_waits };

	waits = 0;
	turns = waited_at = 0;
	to_type = NULL;
	self->b = fake_bus_new(1);
	self->d = fake_dev_new(self->b, &keys_dev_ops, "keys", "k");
	ASSERT_NE(NULL, self->d);
	keys_attach(self->d, &h);
	fake_dev_connect(self->d, BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT));
}

FIXTURE_TEARDOWN(keys)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

/* The driver, and init behind it */

static void room(struct dev *d, unsigned int slot, u32 len)
{
	memset(fake_in(d, RX, slot), 0, FAKE_SLOT_BYTES);
	fake_offer(d, RX, slot, 0, len);
	fake_dev_kick(d, RX);
}

static void say(struct dev *d, const void *p, size_t len)
{
	u32 used;

	memcpy(fake_out(d, TX, 0), p, len);
	fake_offer(d, TX, 0, (u32)len, 0);
	fake_dev_kick(d, TX);
	if (fake_take(d, TX, &used) != 0 || used)
		abort();
}

static void state(struct dev *d, u64 got, bool is_waiting)
{
	struct channel_keys k = { .got = got, .waits = is_waiting };

	say(d, &k, sizeof(k));
}

/* What has been typed into the next buffer, "" if none; static */
static const char *typed(struct dev *d)
{
	static char buf[FAKE_SLOT_BYTES + 1];
	u32 len;
	int slot = fake_take(d, RX, &len);

	if (slot < 0)
		return "";
	memcpy(buf, fake_in(d, RX, (unsigned int)slot), len);
	buf[len] = '\0';
	return buf;
}

static void put(struct dev *d, const char *text)
{
	keys_put(d, text, strlen(text));
}

/* Time stands */

TEST_F(keys, waits_for_the_host)
{
	room(self->d, 0, 100);
	fake_bus_run_until(self->b, 5 * MS);
	EXPECT_EQ(0, fake_bus_holds(self->b));
	state(self->d, 0, true);
	EXPECT_EQ(1, waits);
	EXPECT_EQ(5 * MS, waited_at);
	EXPECT_EQ(1, turns);
	EXPECT_TRUE(keys_held(self->d));
	EXPECT_EQ(1, fake_bus_holds(self->b));
	EXPECT_EQ(0, fake_bus_timers(self->b));
	/* It is told once, whatever the guest says. */
	state(self->d, 0, true);
	state(self->d, 0, false);
	EXPECT_EQ(1, waits);
	EXPECT_EQ(1, fake_bus_holds(self->b));
	put(self->d, "ls\n");
	EXPECT_EQ(3, keys_backlog(self->d));
	EXPECT_STREQ("", typed(self->d));
	keys_go(self->d, 5 * MS);
	EXPECT_EQ(0, fake_bus_holds(self->b));
	EXPECT_FALSE(keys_held(self->d));
	fake_bus_run_until(self->b, 5 * MS);
	EXPECT_STREQ("ls\n", typed(self->d));
	EXPECT_EQ(0, keys_backlog(self->d));
	EXPECT_FALSE(keys_held(self->d));
}

/* What it says is about what was typed before. */
TEST_F(keys, has_not_read_all)
{
	room(self->d, 0, 100);
	state(self->d, 0, true);
	put(self->d, "abc");
	keys_go(self->d, 0);
	fake_bus_run_until(self->b, 0);
	EXPECT_STREQ("abc", typed(self->d));
	state(self->d, 0, true);
	state(self->d, 2, true);
	state(self->d, 4, true);
	EXPECT_FALSE(keys_held(self->d));
	state(self->d, 3, false);
	EXPECT_FALSE(keys_held(self->d));
	state(self->d, 3, true);
	EXPECT_TRUE(keys_held(self->d));
	EXPECT_EQ(2, waits);
	keys_go(self->d, 0);
}

/* Nothing was typed up to there: it waits again, at that time. */
TEST_F(keys, goes_on_for_a_while)
{
	state(self->d, 0, true);
	keys_go(self->d, 3 * MS);
	state(self->d, 0, true);
	EXPECT_FALSE(keys_held(self->d));
	fake_bus_run_until(self->b, 3 * MS - 1);
	EXPECT_FALSE(keys_held(self->d));
	EXPECT_EQ(1, waits);
	fake_bus_run_until(self->b, 3 * MS);
	EXPECT_TRUE(keys_held(self->d));
	EXPECT_EQ(2, waits);
	EXPECT_EQ(3 * MS, waited_at);
	EXPECT_EQ(2, turns);
}

TEST_F(keys, nothing_to_let_go)
{
	keys_go(self->d, 1);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	put(self->d, "x");
	keys_go(self->d, 1);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	EXPECT_EQ(1, keys_backlog(self->d));
}

/* Time goes on */

/* The next turn is an eighth of the time since the last change away, 1 ms at least. */
TEST_F(keys, turns_become_rarer)
{
	static const u64 want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	u64 before, i;

	state(self->d, 0, false);
	EXPECT_EQ(1, turns);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ASSERT_TRUE(fake_bus_timer(self->b));
		EXPECT_EQ(want[i] * MS, dev_now(self->d));
		EXPECT_EQ(i + 2, turns);
	}
	/* 9 ms / 8 */
	ASSERT_TRUE(fake_bus_timer(self->b));
	EXPECT_EQ(10125000, dev_now(self->d));
	while (dev_now(self->d) < 3600 * NSEC_PER_SEC)
		fake_bus_timer(self->b);
	before = dev_now(self->d);
	EXPECT_GT(200, turns);
	fake_bus_timer(self->b);
	EXPECT_EQ(before / 8, dev_now(self->d) - before);
	EXPECT_EQ(0, waits);
	/* A change, and they are near each other again. */
	before = dev_now(self->d);
	state(self->d, 0, true);
	EXPECT_EQ(1, waits);
	keys_go(self->d, before);
	put(self->d, "x");
	room(self->d, 0, 1);
	fake_bus_timer(self->b);
	EXPECT_STREQ("x", typed(self->d));
	fake_bus_timer(self->b);
	EXPECT_EQ(before + MS, dev_now(self->d));
}

TEST_F(keys, typed_in_a_turn)
{
	room(self->d, 0, 100);
	state(self->d, 0, false);
	to_type = "^C";
	EXPECT_STREQ("", typed(self->d));
	fake_bus_timer(self->b);
	EXPECT_EQ(MS, dev_now(self->d));
	EXPECT_STREQ("^C", typed(self->d));
	EXPECT_EQ(2, turns);
}

/* Odd drivers */

TEST_F(keys, no_room_for_keys)
{
	state(self->d, 0, true);
	put(self->d, "abcdefg");
	keys_go(self->d, MS);
	fake_bus_timer(self->b);
	/* None of it has been typed, so the guest has all that was. */
	EXPECT_EQ(7, keys_backlog(self->d));
	EXPECT_TRUE(keys_held(self->d));
	room(self->d, 0, 3);
	room(self->d, 1, 0);
	room(self->d, 2, 2);
	keys_go(self->d, 2 * MS);
	fake_bus_timer(self->b);
	EXPECT_STREQ("abc", typed(self->d));
	EXPECT_STREQ("", typed(self->d));
	EXPECT_STREQ("de", typed(self->d));
	EXPECT_EQ(2, keys_backlog(self->d));
	EXPECT_FALSE(keys_held(self->d));
	room(self->d, 0, 100);
	fake_bus_timer(self->b);
	EXPECT_STREQ("fg", typed(self->d));
	state(self->d, 7, true);
	EXPECT_TRUE(keys_held(self->d));
}

/* A state can come in any number of writes, and several in one. */
TEST_F(keys, states_in_pieces)
{
	struct channel_keys k[3] = {
		{ .waits = 1 }, { .waits = 0 }, { .waits = 1 },
	};
	const u8 *p = (const u8 *)k;

	say(self->d, p, 1);
	say(self->d, p, 0);
	say(self->d, p + 1, 14);
	EXPECT_EQ(0, turns);
	say(self->d, p + 15, 1);
	EXPECT_EQ(1, turns);
	EXPECT_TRUE(keys_held(self->d));
	keys_go(self->d, 0);
	fake_bus_timer(self->b);
	keys_go(self->d, 5);
	fake_bus_timer(self->b);
	EXPECT_EQ(3, waits);
	keys_go(self->d, 10);
	/* It counts what it has said last. */
	say(self->d, p, 40);
	say(self->d, p + 40, 8);
	fake_bus_timer(self->b);
	EXPECT_EQ(4, waits);
}

TEST_F(keys, driver_that_goes)
{
	state(self->d, 0, true);
	put(self->d, "left");
	fake_dev_disconnect(self->d);
	EXPECT_FALSE(keys_held(self->d));
	EXPECT_EQ(0, fake_bus_holds(self->b));
	EXPECT_EQ(0, fake_bus_timers(self->b));
	/* Nobody is there to type at. */
	keys_go(self->d, 0);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_dev_connect(self->d, BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT));
	room(self->d, 0, 100);
	state(self->d, 0, true);
	EXPECT_STREQ("left", typed(self->d));
	EXPECT_FALSE(keys_held(self->d));
}

TEST_F(keys, driver_that_goes_between_turns)
{
	state(self->d, 0, true);
	keys_go(self->d, MS);
	fake_dev_suspend(self->d, RX);
	EXPECT_EQ(0, fake_bus_timers(self->b));
	fake_dev_resume(self->d, RX);
	/* Half of a state is of no use to the next driver. */
	say(self->d, "half", 4);
	fake_dev_suspend(self->d, TX);
	fake_dev_resume(self->d, TX);
	state(self->d, 0, true);
	EXPECT_TRUE(keys_held(self->d));
	EXPECT_EQ(2, waits);
}

/* Without a host nobody would let time go on. */
TEST_F(keys, no_host)
{
	struct keys_host h = { 0 };

	keys_attach(self->d, &h);
	state(self->d, 0, true);
	EXPECT_FALSE(keys_held(self->d));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

static void control(struct dev *d, u32 id, u16 event, u32 len)
{
	struct virtio_console_control c = { id, event, 1 };
	u32 used;

	memcpy(fake_out(d, CTL_OUT, 0), &c, sizeof(c));
	fake_offer(d, CTL_OUT, 0, len, 0);
	fake_dev_kick(d, CTL_OUT);
	if (fake_take(d, CTL_OUT, &used) != 0 || used)
		abort();
}

/* The next control message: its event, with its value; -1: none */
static int next_control(struct dev *d, u16 *value)
{
	struct virtio_console_control c;
	u32 len;
	int slot = fake_take(d, CTL_IN, &len);

	if (slot < 0)
		return -1;
	memcpy(&c, fake_in(d, CTL_IN, (unsigned int)slot), sizeof(c));
	*value = c.value;
	return len == sizeof(c) && !c.id ? c.event : -2;
}

TEST_F(keys, introduces_its_port)
{
	unsigned int i;
	u16 value = 0;

	control(self->d, 0, VIRTIO_CONSOLE_DEVICE_READY, 7);
	control(self->d, 0, VIRTIO_CONSOLE_DEVICE_READY, 8);
	control(self->d, 0, VIRTIO_CONSOLE_PORT_READY, 8);
	control(self->d, 0, VIRTIO_CONSOLE_PORT_OPEN, 8);
	for (i = 0; i < 4; i++)
		fake_offer(self->d, CTL_IN, i, 0, 8);
	fake_dev_kick(self->d, CTL_IN);
	EXPECT_EQ(VIRTIO_CONSOLE_PORT_ADD, next_control(self->d, &value));
	EXPECT_EQ(1, value);
	EXPECT_EQ(VIRTIO_CONSOLE_PORT_OPEN, next_control(self->d, &value));
	EXPECT_EQ(1, value);
	EXPECT_EQ(-1, next_control(self->d, &value));
}

/* Who asks again and again, and takes nothing, costs nothing. */
TEST_F(keys, asked_without_end)
{
	unsigned int i;
	u16 value;

	for (i = 0; i < 1000; i++)
		control(self->d, 0, VIRTIO_CONSOLE_DEVICE_READY, 8);
	for (i = 0; i < 20; i++)
		fake_offer(self->d, CTL_IN, i, 0, 8);
	fake_dev_kick(self->d, CTL_IN);
	for (i = 0; next_control(self->d, &value) >= 0; i++)
		;
	EXPECT_EQ(8, i);
}

TEST_HARNESS_MAIN
