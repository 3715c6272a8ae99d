// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The input device: scripts, what the driver may ask, and what becomes of events. */
#include <endian.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/base/prng.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

#define EVENTS	0
#define STATUS	1

extern const struct dev_ops input_dev_ops;

FIXTURE(input) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(input)
{
	self->b = fake_bus_new(1);
}

FIXTURE_TEARDOWN(input)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static struct dev *make(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &input_dev_ops, spec, "i");

	if (d)
		fake_dev_connect(d, 0);
	return d;
}

static void offer(struct dev *d, unsigned int first, unsigned int n)
{
	for (; n--; first++)
		fake_offer(d, EVENTS, first % FAKE_SLOTS, 0, 8);
	fake_dev_kick(d, EVENTS);
}

/* The next event, as "type code value"; "" for none */
static const char *event(struct dev *d)
{
	static char text[60];
	struct virtio_input_event ev;
	u32 len;
	int slot = fake_take(d, EVENTS, &len);

	if (slot < 0)
		return "";
	if (len != sizeof(ev))
		return "a wrong length";
	memcpy(&ev, fake_in(d, EVENTS, (unsigned int)slot), sizeof(ev));
	snprintf(text, sizeof(text), "%u %u %d", le16toh(ev.type),
		 le16toh(ev.code), (s32)le32toh(ev.value));
	return text;
}

/* What is there for select and subsel */
static unsigned int ask(struct dev *d, u8 select, u8 subsel,
			struct virtio_input_config *c)
{
	if (fake_dev_config_set(d, 0, &select, 1) ||
	    fake_dev_config_set(d, 1, &subsel, 1))
		return 1000;
	memcpy(c, dev_config(d), sizeof(*c));
	return c->size;
}

TEST_F(input, events_come_at_their_time)
{
	self->d = make(self->b, "input,events=at 1us KEY_A press;"
		       "after 3ns key KEY_A release; at 2us every 1us times 3 REL_X -5");
	ASSERT_NE(NULL, self->d);
	offer(self->d, 0, 20);
	fake_bus_run_until(self->b, 999);
	EXPECT_STREQ("", event(self->d));
	fake_bus_run_until(self->b, 1000);
	EXPECT_STREQ("1 30 1", event(self->d));
	EXPECT_STREQ("0 0 0", event(self->d));
	EXPECT_STREQ("", event(self->d));
	fake_bus_run_until(self->b, 1003);
	EXPECT_STREQ("1 30 0", event(self->d));
	EXPECT_STREQ("0 0 0", event(self->d));
	for (int i = 2; i < 5; i++) {
		fake_bus_run_until(self->b, (u64)i * 1000 - 1);
		EXPECT_STREQ("", event(self->d));
		fake_bus_run_until(self->b, (u64)i * 1000);
		EXPECT_STREQ("2 0 -5", event(self->d));
		EXPECT_STREQ("0 0 0", event(self->d));
	}
	EXPECT_EQ(0, fake_bus_timers(self->b));
	EXPECT_EQ(5, fake_dev_stat(self->d, "updates"));
}

TEST_F(input, a_line_has_several_events)
{
	self->d = make(self->b, "input,events=at 1us KEY_A tap + ABS_X 0x10 key 31 2;"
		       "at 2us SW_LID 1 more; at 3us syn; at 4us msc 4 9 syn");
	ASSERT_NE(NULL, self->d);
	offer(self->d, 0, 20);
	fake_bus_run_until(self->b, 1000);
	EXPECT_STREQ("1 30 1", event(self->d));
	EXPECT_STREQ("0 0 0", event(self->d));
	EXPECT_STREQ("1 30 0", event(self->d));
	EXPECT_STREQ("3 0 16", event(self->d));
	EXPECT_STREQ("1 31 2", event(self->d));
	EXPECT_STREQ("0 0 0", event(self->d));
	fake_bus_run_until(self->b, 2000);
	EXPECT_STREQ("5 0 1", event(self->d));
	EXPECT_STREQ("", event(self->d));
	fake_bus_run_until(self->b, 3000);
	EXPECT_STREQ("0 0 0", event(self->d));
	fake_bus_run_until(self->b, 4000);
	EXPECT_STREQ("4 4 9", event(self->d));
	EXPECT_STREQ("0 0 0", event(self->d));
	EXPECT_STREQ("", event(self->d));
}

TEST_F(input, without_buffers_updates_wait_then_are_dropped)
{
	/* Two events each; 16 of these updates fit. */
	self->d = make(self->b, "input,queue=32,events=at 1us every 1us times 20 REL_Y 1");
	ASSERT_NE(NULL, self->d);
	offer(self->d, 0, 1);
	fake_bus_run(self->b);
	EXPECT_EQ(1, fake_dev_stat(self->d, "events"));
	/* One event has gone, which makes no room for an update. */
	EXPECT_EQ(16, fake_dev_stat(self->d, "updates"));
	EXPECT_EQ(8, fake_dev_stat(self->d, "dropped"));
	EXPECT_STREQ("2 1 1", event(self->d));
	offer(self->d, 1, 31);
	EXPECT_EQ(32, fake_dev_stat(self->d, "events"));
	for (int i = 0; i < 15; i++) {
		EXPECT_STREQ("0 0 0", event(self->d));
		EXPECT_STREQ("2 1 1", event(self->d));
	}
	EXPECT_STREQ("0 0 0", event(self->d));
	EXPECT_STREQ("", event(self->d));
}

TEST_F(input, without_a_driver_events_are_lost)
{
	self->d = fake_dev_new(self->b, &input_dev_ops,
			       "input,events=at 1us every 1us times 4 KEY_A press", "i");
	ASSERT_NE(NULL, self->d);
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(2, fake_dev_stat(self->d, "lost"));
	fake_dev_connect(self->d, 0);
	fake_dev_suspend(self->d, EVENTS);
	fake_bus_run_until(self->b, 2000);
	EXPECT_EQ(4, fake_dev_stat(self->d, "lost"));
	fake_dev_resume(self->d, EVENTS);
	/* What waits is not for the next driver. */
	fake_bus_run_until(self->b, 3000);
	fake_dev_disconnect(self->d);
	fake_dev_connect(self->d, 0);
	EXPECT_EQ(6, fake_dev_stat(self->d, "lost"));
	offer(self->d, 0, 4);
	EXPECT_STREQ("", event(self->d));
	fake_bus_run_until(self->b, 4000);
	EXPECT_STREQ("1 30 1", event(self->d));
}

TEST_F(input, the_driver_asks)
{
	struct virtio_input_config c;
	u8 byte = 0;

	self->d = make(self->b, "input,kind=touchscreen,label=A panel,serial=77,"
		       "ids=0003:0a0b:0c0d:0001,abs=ABS_X:-5:1023:10:2:1/ABS_Y:0:599");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(7, ask(self->d, VIRTIO_INPUT_CFG_ID_NAME, 0, &c));
	EXPECT_EQ(0, memcmp("A panel", c.u.string, 8));
	EXPECT_EQ(2, ask(self->d, VIRTIO_INPUT_CFG_ID_SERIAL, 0, &c));
	EXPECT_EQ(8, ask(self->d, VIRTIO_INPUT_CFG_ID_DEVIDS, 0, &c));
	EXPECT_EQ(htole16(0x0a0b), c.u.ids.vendor);
	EXPECT_EQ(1, ask(self->d, VIRTIO_INPUT_CFG_PROP_BITS, 0, &c));
	EXPECT_EQ(1 << INPUT_PROP_DIRECT, c.u.bitmap[0]);
	EXPECT_EQ(BTN_TOUCH / 8 + 1, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, &c));
	EXPECT_EQ(1 << BTN_TOUCH % 8, c.u.bitmap[BTN_TOUCH / 8]);
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, EV_LED, &c));
	EXPECT_EQ(0, c.u.bitmap[0]);
	EXPECT_EQ(20, ask(self->d, VIRTIO_INPUT_CFG_ABS_INFO, ABS_X, &c));
	EXPECT_EQ(htole32((u32)-5), c.u.abs.min);
	EXPECT_EQ(htole32(1023), c.u.abs.max);
	EXPECT_EQ(htole32(10), c.u.abs.res);
	EXPECT_EQ(htole32(2), c.u.abs.fuzz);
	EXPECT_EQ(htole32(1), c.u.abs.flat);
	/* Nonsense */
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Z, &c));
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_ABS_INFO, 0xff, &c));
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, 0xff, &c));
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_ID_NAME, 1, &c));
	EXPECT_EQ(0, ask(self->d, 0xff, 0xff, &c));
	EXPECT_GT(0, fake_dev_config_set(self->d, 2, &byte, 1));
	EXPECT_GT(0, fake_dev_config_set(self->d, 135, &byte, 1));
}

TEST_F(input, what_the_script_uses_is_there)
{
	struct virtio_input_config c;

	self->d = make(self->b, "input,events=at 1us ABS_HAT0X -1; at 1us BTN_SOUTH tap");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(BTN_SOUTH / 8 + 1, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, &c));
	EXPECT_EQ(1 << BTN_SOUTH % 8, c.u.bitmap[BTN_SOUTH / 8]);
	EXPECT_EQ(ABS_HAT0X / 8 + 1, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, &c));
	EXPECT_EQ(0, ask(self->d, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, &c));
}

static void send_status(struct dev *d, u16 type, u16 code, u32 value, u32 len)
{
	struct virtio_input_event ev = {
		htole16(type), htole16(code), htole32(value)
	};

	memcpy(fake_out(d, STATUS, 0), &ev, sizeof(ev));
	fake_offer(d, STATUS, 0, len, 0);
	fake_dev_kick(d, STATUS);
}

TEST_F(input, leds)
{
	self->d = make(self->b, "input,record=/dev/null");
	ASSERT_NE(NULL, self->d);
	send_status(self->d, EV_LED, LED_CAPSL, 1, 8);
	EXPECT_EQ(0, fake_take(self->d, STATUS, &self->len));
	EXPECT_EQ(1, fake_dev_stat(self->d, "LED_CAPSL"));
	send_status(self->d, EV_LED, LED_CAPSL, 0, 8);
	EXPECT_EQ(0, fake_take(self->d, STATUS, &self->len));
	EXPECT_EQ(0, fake_dev_stat(self->d, "LED_CAPSL"));
	send_status(self->d, 0xffff, 0xffff, 0xffffffff, 8);
	EXPECT_EQ(0, fake_take(self->d, STATUS, &self->len));
	send_status(self->d, EV_LED, LED_NUML, 1, 7);
	EXPECT_EQ(0, fake_take(self->d, STATUS, &self->len));
	EXPECT_EQ(1, fake_dev_stat(self->d, "malformed"));
	EXPECT_EQ(3, fake_dev_stat(self->d, "statuses"));
	EXPECT_EQ(0, fake_dev_stat(self->d, "LED_NUML"));
}

TEST_F(input, any_buffer_comes_back)
{
	struct prng p;
	unsigned int i, q, k;

	prng_seed(&p, 1, "buffers");
	self->d = make(self->b, "input,events=at 1us every 1us REL_X 1 + REL_Y 1");
	ASSERT_NE(NULL, self->d);
	for (i = 0; i < 5000; i++) {
		q = (unsigned int)prng_next(&p) & 1;
		for (k = 0; k < 16; k++)
			fake_out(self->d, q, 0)[k] = (u8)prng_next(&p);
		fake_offer(self->d, q, 0, (u32)prng_next(&p) % 20,
			   (u32)prng_next(&p) % 20);
		fake_dev_kick(self->d, q);
		fake_bus_run_until(self->b, (i + 1) * 1000);
		ASSERT_EQ(0, fake_take(self->d, q, &self->len));
		ASSERT_EQ(true, !self->len || self->len == 8);
	}
}

static bool refused(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &input_dev_ops, spec, "x");

	if (d)
		fake_dev_free(d);
	return !d && !fake_bus_timers(b);
}

TEST_F(input, refused)
{
	static const char *const bad[] = {
		"kind=mouth", "queue=31", "queue=65537", "queue=x", "ids=1:2:3",
		"ids=1:2:3:4:5", "abs=ABS_X:1", "abs=ABS_X:2:1", "abs=KEY_A:0:1",
		"abs=ABS_X:0:1:2:3:4:5", "abs=ABS_X:0:x", "script=/nonexistent",
		"script=/", "record=/nonexistent/x",
		"events=KEY_A press", "events=at 1s", "events=at KEY_A press",
		"events=at 1s KEY_A", "events=at 1s KEY_A on", "events=at 1s REL_X",
		"events=at 1s REL_X press", "events=at 1s KEY_NONE tap",
		"events=at 1s LED_NUML 1", "events=at 1s rel KEY_A 1",
		"events=at 1s rel 16 1", "events=at 1s rel", "events=at 1s more", "events=at 1s KEY_A tap more x",
		"events=at 1s REL_X 99999999999", "events=at 1s every 0 KEY_A tap",
		"events=at 1s every 1s times 0 KEY_A tap", "events=at 1s every",
		"events=at 1s every 1s times KEY_A tap", "events=after x KEY_A tap",
		"events=at 1s every 1s KEY_A tap; after 1s KEY_B tap",
		"events=at 1s KEY_B tap; at 1s",
	};
	char spec[200];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(spec, sizeof(spec), "input,%s", bad[i]);
		EXPECT_EQ(true, refused(self->b, spec))
			TH_LOG("%s", spec);
	}
	EXPECT_EQ(18, input_dev_ops.virtio_id);
}

TEST_F(input, at_most_so_many_events_in_a_line)
{
	char spec[1000] = "input,events=at 1s";
	unsigned int i;

	for (i = 0; i < 31; i++)
		strcat(spec, " REL_X 1");
	self->d = make(self->b, spec);
	ASSERT_NE(NULL, self->d);
	fake_bus_run(self->b);
	strcat(spec, " REL_X 1");
	EXPECT_EQ(true, refused(self->b, spec));
}

/* A script with CR LF, comments, and no newline at its end */
TEST_F(input, script_of_a_file)
{
	static const char text[] =
		"# what is pressed\r\n\r\nat 1us\tKEY_A press # first\n"
		"  after 1us KEY_A release\nafter 1us KEY_B tap";
	char path[] = "/tmp/umtt-input-XXXXXX", spec[100];
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
	snprintf(spec, sizeof(spec), "input,script=%s,events=after 1us KEY_C tap",
		 path);
	self->d = make(self->b, spec);
	unlink(path);
	ASSERT_NE(NULL, self->d);
	offer(self->d, 0, 30);
	fake_bus_run(self->b);
	/* The option's lines go on where the file has ended. */
	EXPECT_EQ(4000, dev_now(self->d));
	EXPECT_EQ(12, fake_dev_stat(self->d, "events"));
}

TEST_F(input, end_of_time)
{
	self->d = make(self->b, "input,events=at 9223372036854775807ns every 1ns KEY_A tap;"
		       "at 1ns every 9223372036854775806ns times 9 KEY_A tap");
	ASSERT_NE(NULL, self->d);
	fake_bus_run(self->b);
	EXPECT_EQ(INT64_MAX, dev_now(self->d));
}

TEST_HARNESS_MAIN
