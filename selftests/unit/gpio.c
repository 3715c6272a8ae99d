// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* GPIO lines: requests, levels, interrupts, wires, and what guests may get wrong. */
#include <endian.h>
#include <linux/virtio_gpio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

#define REQUEST	0
#define EVENT	1
#define NO_IRQ	0
#define IRQ	1
#define ERROR	-1
#define RISING	VIRTIO_GPIO_IRQ_TYPE_EDGE_RISING
#define FALLING	VIRTIO_GPIO_IRQ_TYPE_EDGE_FALLING
#define BOTH	VIRTIO_GPIO_IRQ_TYPE_EDGE_BOTH
#define HIGH	VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH
#define LOW	VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW

extern const struct dev_ops gpio_dev_ops;

FIXTURE(gpio) {
	struct dev_bus *b;
	struct dev *d;
	u32 len;
};

FIXTURE_SETUP(gpio)
{
	self->b = fake_bus_new(1);
}

FIXTURE_TEARDOWN(gpio)
{
	fake_bus_free(self->b);
	EXPECT_EQ(0, leaks());
}

static struct dev *make(struct dev_bus *b, const char *spec, const char *name)
{
	struct dev *d = fake_dev_new(b, &gpio_dev_ops, spec, name);

	if (d)
		fake_dev_connect(d, IRQ);
	return d;
}

static void post(struct dev *d, unsigned int type, unsigned int line, u32 value)
{
	struct virtio_gpio_request r = {
		htole16((u16)type), htole16((u16)line), htole32(value)
	};

	memcpy(fake_out(d, REQUEST, 0), &r, sizeof(r));
	fake_offer(d, REQUEST, 0, sizeof(r), 2);
	fake_dev_kick(d, REQUEST);
}

/* Value of the response that is there; ERROR */
static int response(struct dev *d)
{
	const u8 *p = fake_in(d, REQUEST, 0);
	u32 len;

	if (fake_take(d, REQUEST, &len) || len != 2)
		return -2;
	return p[0] == VIRTIO_GPIO_STATUS_OK ? p[1] : ERROR;
}

static int ask(struct dev *d, unsigned int type, unsigned int line, u32 value)
{
	post(d, type, line, value);
	return response(d);
}

static int get(struct dev *d, unsigned int line)
{
	return ask(d, VIRTIO_GPIO_MSG_GET_VALUE, line, 0);
}

static int set(struct dev *d, unsigned int line, u32 value)
{
	return ask(d, VIRTIO_GPIO_MSG_SET_VALUE, line, value);
}

static int direction(struct dev *d, unsigned int line, u32 value)
{
	return ask(d, VIRTIO_GPIO_MSG_SET_DIRECTION, line, value);
}

static int irq_type(struct dev *d, unsigned int line, u32 type)
{
	return ask(d, VIRTIO_GPIO_MSG_IRQ_TYPE, line, type);
}

/* A buffer for the interrupt of @line, in the slot of that number */
static void lend(struct dev *d, unsigned int line)
{
	u16 n = htole16((u16)line);

	memcpy(fake_out(d, EVENT, line % FAKE_SLOTS), &n, sizeof(n));
	fake_offer(d, EVENT, line % FAKE_SLOTS, sizeof(n), 1);
	fake_dev_kick(d, EVENT);
}

/* 1: an interrupt of @line, and nothing else; 0: nothing; else something wrong */
static int interrupt(struct dev *d, unsigned int line)
{
	u32 len = 0;
	int slot = fake_take(d, EVENT, &len);

	if (slot < 0)
		return 0;
	if (slot != (int)line || len != 1)
		return 2;
	return fake_in(d, EVENT, line)[0] == VIRTIO_GPIO_IRQ_STATUS_VALID ? 1 : 3;
}

TEST_F(gpio, config_and_names)
{
	const struct virtio_gpio_config *c;

	self->d = make(self->b, "gpio,lines=4,names=A//LONGER,events=name 3 D", "g");
	ASSERT_NE(NULL, self->d);
	c = dev_config(self->d);
	EXPECT_EQ(htole16(4), c->ngpio);
	EXPECT_EQ(htole32(12), c->gpio_names_size);
	memcpy(fake_out(self->d, REQUEST, 0), "\1\0\0\0\0\0\0\0", 8);
	fake_offer(self->d, REQUEST, 0, 8, 13);
	fake_dev_kick(self->d, REQUEST);
	EXPECT_EQ(0, fake_take(self->d, REQUEST, &self->len));
	EXPECT_EQ(13, self->len);
	EXPECT_EQ(0, memcmp("\0A\0\0LONGER\0D\0", fake_in(self->d, REQUEST, 0), 13));
	c = dev_config(make(self->b, "gpio", "h"));
	EXPECT_EQ(htole16(8), c->ngpio);
	EXPECT_EQ(0, c->gpio_names_size);
}

TEST_F(gpio, directions_and_values)
{
	self->d = make(self->b, "gpio,events=set 1 1; at 1us set 1 toggle; at 1us set 0 1", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(VIRTIO_GPIO_DIRECTION_NONE,
		  ask(self->d, VIRTIO_GPIO_MSG_GET_DIRECTION, 1, 0));
	EXPECT_EQ(0, get(self->d, 0));
	EXPECT_EQ(1, get(self->d, 1));
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(1, get(self->d, 0));
	EXPECT_EQ(0, get(self->d, 1));
	/* The value comes first, as the driver does it. */
	EXPECT_EQ(0, set(self->d, 1, 1));
	EXPECT_EQ(0, get(self->d, 1));
	EXPECT_EQ(0, direction(self->d, 1, VIRTIO_GPIO_DIRECTION_OUT));
	EXPECT_EQ(1, get(self->d, 1));
	EXPECT_EQ(1, fake_dev_stat(self->d, "out_1"));
	EXPECT_EQ(0, set(self->d, 1, 0));
	EXPECT_EQ(0, get(self->d, 1));
	EXPECT_EQ(2, fake_dev_stat(self->d, "outputs"));
	EXPECT_EQ(0, direction(self->d, 1, VIRTIO_GPIO_DIRECTION_IN));
	EXPECT_EQ(VIRTIO_GPIO_DIRECTION_IN,
		  ask(self->d, VIRTIO_GPIO_MSG_GET_DIRECTION, 1, 0));
	EXPECT_EQ(-1, fake_dev_stat(self->d, "out_1"));
	/* A new driver finds it unused. */
	fake_dev_disconnect(self->d);
	fake_dev_connect(self->d, IRQ);
	EXPECT_EQ(VIRTIO_GPIO_DIRECTION_NONE,
		  ask(self->d, VIRTIO_GPIO_MSG_GET_DIRECTION, 1, 0));
	EXPECT_EQ(1, get(self->d, 0));
}

TEST_F(gpio, edges)
{
	self->d = make(self->b, "gpio,events=at 1us every 1us set 2 toggle", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0, irq_type(self->d, 2, RISING));
	lend(self->d, 2);
	fake_bus_run_until(self->b, 999);
	EXPECT_EQ(0, interrupt(self->d, 2));
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(1, interrupt(self->d, 2));
	lend(self->d, 2);
	fake_bus_run_until(self->b, 2000);
	EXPECT_EQ(0, interrupt(self->d, 2));
	fake_bus_run_until(self->b, 3000);
	EXPECT_EQ(1, interrupt(self->d, 2));
	/* Without a buffer one is remembered, and no more. */
	fake_bus_run_until(self->b, 9000);
	EXPECT_EQ(0, interrupt(self->d, 2));
	lend(self->d, 2);
	EXPECT_EQ(1, interrupt(self->d, 2));
	lend(self->d, 2);
	EXPECT_EQ(0, interrupt(self->d, 2));
	EXPECT_EQ(2, fake_dev_stat(self->d, "merged"));
	/* The type goes, and with it the buffer. */
	EXPECT_EQ(0, irq_type(self->d, 2, 0));
	EXPECT_EQ(3, interrupt(self->d, 2));
	EXPECT_EQ(0, irq_type(self->d, 2, FALLING));
	lend(self->d, 2);
	fake_bus_run_until(self->b, 10000);
	EXPECT_EQ(1, interrupt(self->d, 2));
	EXPECT_EQ(0, irq_type(self->d, 2, 0));
	EXPECT_EQ(0, irq_type(self->d, 2, BOTH));
	lend(self->d, 2);
	fake_bus_run_until(self->b, 11000);
	EXPECT_EQ(1, interrupt(self->d, 2));
	lend(self->d, 2);
	fake_bus_run_until(self->b, 12000);
	EXPECT_EQ(1, interrupt(self->d, 2));
}

TEST_F(gpio, levels)
{
	self->d = make(self->b, "gpio,events=at 1us set 2 1; at 2us set 2 0", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0, irq_type(self->d, 2, HIGH));
	lend(self->d, 2);
	EXPECT_EQ(0, interrupt(self->d, 2));
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(1, interrupt(self->d, 2));
	lend(self->d, 2);
	EXPECT_EQ(1, interrupt(self->d, 2));
	fake_bus_run_until(self->b, 2000);
	lend(self->d, 2);
	EXPECT_EQ(0, interrupt(self->d, 2));
	/* With a buffer there already */
	EXPECT_EQ(0, irq_type(self->d, 2, LOW));
	EXPECT_EQ(1, interrupt(self->d, 2));
	lend(self->d, 2);
	EXPECT_EQ(1, interrupt(self->d, 2));
}

/* Who comes to a wire later has the level that it has by then. */
TEST_F(gpio, wire_that_is_high_already)
{
	struct dev *d;

	make(self->b, "gpio,events=wire 0 w; set 0 1", "first");
	d = make(self->b, "gpio,events=wire 5 w; wire 6 v", "g");
	EXPECT_EQ(1, get(d, 5));
	EXPECT_EQ(0, get(d, 6));
}

TEST_F(gpio, an_output_is_another_input)
{
	struct dev *o = make(self->b, "gpio,events=wire 0 w", "other");

	self->d = make(self->b, "gpio,events=wire 5 w; wire 6 w; at 1us set 5 0", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0, irq_type(self->d, 5, BOTH));
	lend(self->d, 5);
	EXPECT_EQ(0, set(o, 0, 1));
	EXPECT_EQ(0, interrupt(self->d, 5));
	EXPECT_EQ(0, direction(o, 0, VIRTIO_GPIO_DIRECTION_OUT));
	EXPECT_EQ(1, interrupt(self->d, 5));
	EXPECT_EQ(1, get(self->d, 5));
	EXPECT_EQ(1, get(self->d, 6));
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(0, get(self->d, 6));
	EXPECT_EQ(1, get(o, 0));
	EXPECT_EQ(0, direction(o, 0, VIRTIO_GPIO_DIRECTION_IN));
	EXPECT_EQ(0, get(o, 0));
	EXPECT_EQ(2, fake_shared_stat(self->b, "wire", "w", "changes"));
}

TEST_F(gpio, requests_take_their_time)
{
	self->d = make(self->b, "gpio,latency=10us,events=at 5us set 0 1; at 15us set 0 0", "g");
	ASSERT_NE(NULL, self->d);
	post(self->d, VIRTIO_GPIO_MSG_GET_VALUE, 0, 0);
	fake_bus_run_until(self->b, 9999);
	EXPECT_EQ(-2, response(self->d));
	fake_bus_run_until(self->b, 10000);
	EXPECT_EQ(1, response(self->d));
	post(self->d, VIRTIO_GPIO_MSG_GET_VALUE, 0, 0);
	fake_dev_suspend(self->d, REQUEST);
	fake_bus_run_until(self->b, 50000);
	fake_dev_resume(self->d, REQUEST);
	fake_bus_run_until(self->b, 60000);
	EXPECT_EQ(0, response(self->d));
	post(self->d, VIRTIO_GPIO_MSG_GET_VALUE, 0, 0);
	fake_dev_disconnect(self->d);
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(gpio, buffers_come_again_after_a_suspend)
{
	self->d = make(self->b, "gpio,events=at 1us set 1 1; at 2us set 0 1", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(0, irq_type(self->d, 0, RISING));
	EXPECT_EQ(0, irq_type(self->d, 1, RISING));
	lend(self->d, 0);
	lend(self->d, 1);
	fake_dev_suspend(self->d, EVENT);
	fake_bus_run_until(self->b, 1000);
	EXPECT_EQ(0, interrupt(self->d, 1));
	fake_dev_resume(self->d, EVENT);
	EXPECT_EQ(1, interrupt(self->d, 1));
	fake_bus_run_until(self->b, 2000);
	EXPECT_EQ(1, interrupt(self->d, 0));
}

TEST_F(gpio, nonsense)
{
	self->d = make(self->b, "gpio", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(ERROR, get(self->d, 8));
	EXPECT_EQ(ERROR, get(self->d, 0xffff));
	EXPECT_EQ(ERROR, set(self->d, 0, 2));
	EXPECT_EQ(ERROR, direction(self->d, 0, 3));
	EXPECT_EQ(ERROR, irq_type(self->d, 0, 5));
	EXPECT_EQ(ERROR, irq_type(self->d, 0, 0x101));
	EXPECT_EQ(ERROR, ask(self->d, 0, 0, 0));
	EXPECT_EQ(ERROR, ask(self->d, 7, 0, 0));
	EXPECT_EQ(8, fake_dev_stat(self->d, "bad"));
	/* No type, no such line, a second buffer, too short, no room */
	lend(self->d, 0);
	EXPECT_EQ(3, interrupt(self->d, 0));
	lend(self->d, 9);
	EXPECT_EQ(3, interrupt(self->d, 9));
	EXPECT_EQ(0, irq_type(self->d, 1, RISING));
	lend(self->d, 1);
	EXPECT_EQ(0, interrupt(self->d, 1));
	fake_offer(self->d, EVENT, 2, 1, 1);
	fake_offer(self->d, EVENT, 3, 2, 0);
	memcpy(fake_out(self->d, EVENT, 4), "\1\0", 2);
	fake_offer(self->d, EVENT, 4, 2, 1);
	fake_dev_kick(self->d, EVENT);
	EXPECT_EQ(3, interrupt(self->d, 2));
	EXPECT_EQ(3, fake_take(self->d, EVENT, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(3, interrupt(self->d, 4));
	EXPECT_EQ(0, interrupt(self->d, 1));
}

TEST_F(gpio, without_interrupts)
{
	self->d = fake_dev_new(self->b, &gpio_dev_ops, "gpio,irq=off", "g");
	ASSERT_NE(NULL, self->d);
	EXPECT_EQ(NO_IRQ, fake_dev_offered(self->d));
	fake_dev_connect(self->d, NO_IRQ);
	EXPECT_EQ(ERROR, irq_type(self->d, 0, RISING));
	EXPECT_EQ(0, get(self->d, 0));
}

TEST_F(gpio, any_buffer_comes_back)
{
	struct prng p;
	unsigned int i, k, q;

	prng_seed(&p, 1, "buffers");
	self->d = make(self->b, "gpio,lines=3,names=A/B/C,record=/dev/null,"
		       "events=wire 0 a;wire 1 a;at 1us every 1us set 0 toggle;at 1us every 3us set 2 toggle", "g");
	ASSERT_NE(NULL, self->d);
	for (i = 0; i < 20000; i++) {
		q = (unsigned int)prng_next(&p) & 1;
		for (k = 0; k < 8; k++)
			fake_out(self->d, q, i % FAKE_SLOTS)[k] =
				(u8)(prng_next(&p) & (k & 1 ? 0 : 7));
		fake_offer(self->d, q, i % FAKE_SLOTS, (u32)prng_next(&p) % 12,
			   (u32)prng_next(&p) % 12);
		fake_dev_kick(self->d, q);
		fake_bus_run_until(self->b, (i + 1) * 500);
		while (fake_take(self->d, q, &self->len) >= 0)
			ASSERT_GE(11, self->len);
		/* Those that are lent, and must not be offered again */
		if (i % FAKE_SLOTS == FAKE_SLOTS - 1) {
			fake_dev_disconnect(self->d);
			fake_dev_connect(self->d, IRQ);
		}
	}
	EXPECT_LT(10, fake_dev_stat(self->d, "interrupts"));
	EXPECT_LT(1000, fake_dev_stat(self->d, "requests"));
}

static bool refused(struct dev_bus *b, const char *spec)
{
	struct dev *d = fake_dev_new(b, &gpio_dev_ops, spec, "x");

	if (d)
		fake_dev_free(d);
	return !d && !fake_bus_timers(b);
}

TEST_F(gpio, refused)
{
	static const char *const bad[] = {
		"lines=0", "lines=513", "lines=x", "lines=1,names=A/B", "names=A/A",
		"names=A23456789012345678901234567890123", "irq=maybe", "latency=x",
		"events=set", "events=set 8 1", "events=set 0", "events=set 0 2",
		"events=set 0 1 1", "events=set A 1", "events=at 1s name 0 A",
		"events=at 1s wire 0 A", "events=wire 0", "events=wire 0 w x",
		"events=wire 0 w;wire 0 v", "events=name 0", "events=name 0 A B",
		"events=name 0 A;name 1 A", "events=push 0 1", "events=at 1s",
		"events=name 0 1",
	};
	char spec[200];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(spec, sizeof(spec), "gpio,%s", bad[i]);
		EXPECT_EQ(true, refused(self->b, spec))
			TH_LOG("%s", spec);
	}
	EXPECT_EQ(41, gpio_dev_ops.virtio_id);
}

TEST_HARNESS_MAIN
