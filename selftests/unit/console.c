// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The console: ports, their bytes both ways, when they come, and bad drivers. */
#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/base/prng.h"
#include "../../src/dev/console.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

extern const struct dev_ops console_dev_ops;

#define MULTI		(BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT))
#define US		NSEC_PER_USEC
#define CTL_IN		2u
#define CTL_OUT		3u
#define IN(port)	((port) ? 2u + 2u * (port) : 0u)
#define OUT(port)	(IN(port) + 1u)

FIXTURE(console) {
	struct dev_bus *b;
	struct dev *d;
	char dir[32], out[64], in[64];
	u32 len;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

/* What is in the file @path, as a string; static */
static const char *content(const char *path)
{
	static char buf[10000];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return "(no file)";
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

/* @options with %o and %i as names of files; connected, with MULTIPORT */
static struct dev *make(struct dev_bus *b, const char *fmt, ...)
{
	char spec[512];
	struct dev *d;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(spec, sizeof(spec), fmt, ap);
	va_end(ap);
	d = fake_dev_new(b, &console_dev_ops, spec, "con");
	if (d)
		fake_dev_connect(d, MULTI);
	return d;
}

FIXTURE_SETUP(console)
{
	self->b = fake_bus_new(1);
	strcpy(self->dir, "/tmp/umtt-con.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->out, sizeof(self->out), "%s/out", self->dir);
	snprintf(self->in, sizeof(self->in), "%s/in", self->dir);
}

FIXTURE_TEARDOWN(console)
{
	char cmd[64];

	fake_bus_free(self->b);
	snprintf(cmd, sizeof(cmd), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(cmd));
	EXPECT_EQ(0, leaks());
}

/* The driver */

static void control(struct dev *d, u32 id, u16 event, u16 value)
{
	struct virtio_console_control h = { id, event, value };
	u32 len;

	memcpy(fake_out(d, CTL_OUT, 0), &h, sizeof(h));
	fake_offer(d, CTL_OUT, 0, sizeof(h), 0);
	fake_dev_kick(d, CTL_OUT);
	if (fake_take(d, CTL_OUT, &len) != 0 || len)
		abort();
}

/* So many buffers for control messages, or for a port's input */
static void room(struct dev *d, unsigned int q, unsigned int n, u32 len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		memset(fake_in(d, q, i), 0, 100);
		fake_offer(d, q, i, 0, len);
	}
	fake_dev_kick(d, q);
}

/* The control messages that have come, as "EVENT:ID:VALUE[:TEXT] ..."; static */
static const char *controls(struct dev *d)
{
	static char buf[1000];
	struct virtio_console_control h;
	size_t n = 0;
	u32 len;
	int slot;

	buf[0] = '\0';
	while ((slot = fake_take(d, CTL_IN, &len)) >= 0) {
		memcpy(&h, fake_in(d, CTL_IN, (unsigned int)slot), sizeof(h));
		n += (size_t)sprintf(buf + n, "%u:%u:%u%s%.*s ", h.event, h.id,
				     h.value, len > 8 ? ":" : "", (int)len - 8,
				     fake_in(d, CTL_IN, (unsigned int)slot) + 8);
	}
	return buf;
}

static void say(struct dev *d, unsigned int port, unsigned int slot,
		const char *text)
{
	size_t len = strlen(text);

	memcpy(fake_out(d, OUT(port), slot), text, len);
	fake_offer(d, OUT(port), slot, (u32)len, 0);
	fake_dev_kick(d, OUT(port));
}

/* What has come in the next buffer of a port, "" if none; static */
static const char *heard(struct dev *d, unsigned int port)
{
	static char buf[FAKE_SLOT_BYTES + 1];
	u32 len;
	int slot = fake_take(d, IN(port), &len);

	if (slot < 0)
		return "";
	memcpy(buf, fake_in(d, IN(port), (unsigned int)slot), len);
	buf[len] = '\0';
	return buf;
}

static void open_port(struct dev *d, unsigned int port)
{
	control(d, port, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

/* Control */

TEST_F(console, introduces_its_ports)
{
	struct dev *d = make(self->b, "console,ports=a/b,b.tty,b.size=80x25");

	ASSERT_NE(NULL, d);
	room(d, CTL_IN, 20, 100);
	EXPECT_STREQ("", controls(d));
	control(d, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	EXPECT_STREQ("1:0:1 1:1:1 ", controls(d));
	control(d, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	EXPECT_STREQ("7:0:1:a 6:0:1 ", controls(d));
	control(d, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	EXPECT_EQ(0, memcmp("4:1:1 5:1:1:P", controls(d), 13));
	EXPECT_EQ(80, fake_in(d, CTL_IN, 5)[8]);
	EXPECT_EQ(25, fake_in(d, CTL_IN, 5)[10]);
	EXPECT_EQ(0, fake_dev_stat(d, "bad_control"));
}

TEST_F(console, configuration)
{
	struct dev *d = make(self->b, "console,ports=a/b");
	const struct virtio_console_config *c = dev_config(d);

	EXPECT_EQ(12, console_dev_ops.config_size);
	EXPECT_EQ(2, c->max_nr_ports);
	EXPECT_EQ(0, c->cols);
	EXPECT_NE(0, fake_dev_offered(d) & MULTI);
}

TEST_F(console, says_more_when_there_is_room)
{
	struct dev *d = make(self->b, "console,ports=a/b");
	int i;

	/* Asking again and again does not make it more. */
	for (i = 0; i < 1000; i++) {
		control(d, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		control(d, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	}
	room(d, CTL_IN, 1, 100);
	EXPECT_STREQ("1:0:1 ", controls(d));
	room(d, CTL_IN, 10, 100);
	EXPECT_STREQ("1:1:1 7:1:1:b 6:1:1 ", controls(d));
}

TEST_F(console, room_that_is_too_small)
{
	struct dev *d = make(self->b, "console,ports=a");

	room(d, CTL_IN, 1, 7);
	control(d, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	ASSERT_EQ(0, fake_take(d, CTL_IN, &self->len));
	EXPECT_EQ(0, self->len);
	room(d, CTL_IN, 1, 8);
	control(d, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	ASSERT_EQ(0, fake_take(d, CTL_IN, &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(2, fake_dev_stat(d, "control_no_room"));
}

TEST_F(console, control_that_makes_no_sense)
{
	struct dev *d = make(self->b, "console,ports=a");
	u32 i;

	room(d, CTL_IN, 20, 100);
	control(d, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	control(d, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	control(d, UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1);
	control(d, 0, VIRTIO_CONSOLE_PORT_ADD, 1);
	control(d, 0, VIRTIO_CONSOLE_PORT_NAME, 1);
	control(d, 0, 0xffff, 0xffff);
	EXPECT_EQ(6, fake_dev_stat(d, "bad_control"));
	for (i = 0; i < 8; i++) {
		fake_offer(d, CTL_OUT, i, i, 100);
		fake_dev_kick(d, CTL_OUT);
		ASSERT_EQ((int)i, fake_take(d, CTL_OUT, &self->len));
		EXPECT_EQ(0, self->len);
	}
	EXPECT_EQ(14, fake_dev_stat(d, "bad_control"));
	/* It failed in the guest: nothing is told of it. */
	control(d, 0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	control(d, 0, VIRTIO_CONSOLE_PORT_READY, 0);
	EXPECT_STREQ("", controls(d));
}

TEST_F(console, without_multiport_there_is_one_port_and_it_is_open)
{
	struct dev *d;

	write_file(self->in, "in");
	d = make(self->b, "console,console.out=%s,console.in=%s,console.size=80x25",
		 self->out, self->in);
	ASSERT_NE(NULL, d);
	fake_dev_disconnect(d);
	fake_dev_connect(d, 0);
	EXPECT_EQ(80, ((struct virtio_console_config *)dev_config(d))->cols);
	room(d, CTL_IN, 10, 100);
	control(d, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	EXPECT_STREQ("", controls(d));
	fake_bus_run(self->b);
	room(d, IN(0), 1, 100);
	EXPECT_STREQ("in", heard(d, 0));
	say(d, 0, 0, "out");
	EXPECT_STREQ("out", content(self->out));
}

TEST_F(console, emergency_write)
{
	struct dev *d = make(self->b, "console,console.out=%s", self->out);
	size_t off = offsetof(struct virtio_console_config, emerg_wr);
	u32 v = 'x';

	EXPECT_EQ(0, fake_dev_config_set(d, off, &v, 4));
	EXPECT_EQ(-EINVAL, fake_dev_config_set(d, 0, &v, 4));
	EXPECT_STREQ("x", content(self->out));
}

/* Output */

TEST_F(console, bytes_are_there_within_the_kick)
{
	struct dev *d = make(self->b, "console,ports=a/b,b.out=%s", self->out);

	say(d, 1, 0, "hello ");
	EXPECT_STREQ("hello ", content(self->out));
	ASSERT_EQ(0, fake_take(d, OUT(1), &self->len));
	EXPECT_EQ(0, self->len);
	say(d, 1, 1, "world\n");
	say(d, 0, 0, "to nobody");
	EXPECT_STREQ("hello world\n", content(self->out));
	EXPECT_EQ(12, fake_dev_stat(d, "b.out_bytes"));
	EXPECT_EQ(9, fake_dev_stat(d, "a.out_bytes"));
	EXPECT_EQ(0, dev_bus_now(self->b));
}

TEST_F(console, empty_and_writable_buffers)
{
	struct dev *d = make(self->b, "console,ports=a,a.out=%s,a.rate=10",
			     self->out);

	fake_offer(d, OUT(0), 0, 0, 0);
	fake_offer(d, OUT(0), 1, 0, 100);
	fake_dev_kick(d, OUT(0));
	EXPECT_EQ(0, fake_take(d, OUT(0), &self->len));
	EXPECT_EQ(1, fake_take(d, OUT(0), &self->len));
	EXPECT_EQ(0, self->len);
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

/* 3 bytes a second: rounding does not add up. */
TEST_F(console, output_takes_its_time)
{
	struct dev *d = make(self->b, "console,ports=a,a.out=%s,a.rate=3",
			     self->out);

	fake_bus_run_until(self->b, 1000);
	say(d, 0, 0, "1");
	say(d, 0, 1, "23");
	say(d, 0, 2, "4");
	EXPECT_STREQ("", content(self->out));
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + 333333334, dev_bus_now(self->b));
	EXPECT_STREQ("1", content(self->out));
	EXPECT_EQ(0, fake_take(d, OUT(0), &self->len));
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + NSEC_PER_SEC, dev_bus_now(self->b));
	EXPECT_STREQ("123", content(self->out));
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + 1333333334, dev_bus_now(self->b));
	fake_bus_run_until(self->b, 5000000000);
	say(d, 0, 3, "5");
	fake_bus_step(self->b);
	EXPECT_EQ(5333333334, dev_bus_now(self->b));
}

TEST_F(console, what_a_rate_keeps_back_is_not_lost)
{
	struct dev *d = make(self->b, "console,ports=a,a.out=%s,a.rate=3",
			     self->out);

	say(d, 0, 0, "one ");
	say(d, 0, 1, "two ");
	say(d, 0, 2, "three");
	fake_dev_disconnect(d);
	EXPECT_STREQ("one two three", content(self->out));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(console, suspended_while_it_sends)
{
	struct dev *d = make(self->b, "console,ports=a,a.out=%s,a.rate=1000000",
			     self->out);

	say(d, 0, 0, "one ");
	say(d, 0, 1, "two");
	fake_dev_suspend(d, OUT(0));
	EXPECT_EQ(0, fake_take(d, OUT(0), &self->len));
	fake_bus_run(self->b);
	EXPECT_STREQ("one ", content(self->out));
	fake_dev_resume(d, OUT(0));
	fake_bus_run(self->b);
	EXPECT_STREQ("one two", content(self->out));
	EXPECT_EQ(1, fake_take(d, OUT(0), &self->len));
	EXPECT_EQ(-1, fake_take(d, OUT(0), &self->len));
}

/* Input */

TEST_F(console, input_waits_for_time_port_and_buffers)
{
	struct dev *d;

	write_file(self->in, "0123456789");
	d = make(self->b, "console,ports=a,a.in=%s,a.at=5us", self->in);
	ASSERT_NE(NULL, d);
	open_port(d, 0);
	room(d, IN(0), 1, 4);
	EXPECT_STREQ("", heard(d, 0));
	fake_bus_run(self->b);
	EXPECT_EQ(5 * US, dev_bus_now(self->b));
	EXPECT_STREQ("0123", heard(d, 0));
	control(d, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	room(d, IN(0), 1, 4);
	EXPECT_STREQ("", heard(d, 0));
	open_port(d, 0);
	EXPECT_STREQ("4567", heard(d, 0));
	room(d, IN(0), 2, 4);
	EXPECT_STREQ("89", heard(d, 0));
	EXPECT_STREQ("", heard(d, 0));
	EXPECT_EQ(10, fake_dev_stat(d, "a.in_bytes"));
}

TEST_F(console, end_of_input)
{
	struct dev *d;

	write_file(self->in, "in");
	d = make(self->b, "console,ports=a,a.in=%s,a.eof", self->in);
	room(d, CTL_IN, 10, 100);
	control(d, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	EXPECT_STREQ("7:0:1:a 6:0:1 ", controls(d));
	fake_bus_run(self->b);
	open_port(d, 0);
	EXPECT_STREQ("", controls(d));
	room(d, IN(0), 1, 100);
	EXPECT_STREQ("in", heard(d, 0));
	EXPECT_STREQ("6:0:0 ", controls(d));
}

TEST_F(console, input_a_byte_at_a_time)
{
	struct dev *d;

	write_file(self->in, "abcd");
	d = make(self->b, "console,ports=a,a.in=%s,a.rate=3", self->in);
	room(d, IN(0), 3, 100);
	fake_bus_run_until(self->b, 1000);
	open_port(d, 0);
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + 333333334, dev_bus_now(self->b));
	EXPECT_STREQ("a", heard(d, 0));
	EXPECT_STREQ("", heard(d, 0));
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + 666666667, dev_bus_now(self->b));
	fake_bus_step(self->b);
	EXPECT_EQ(1000 + NSEC_PER_SEC, dev_bus_now(self->b));
	EXPECT_STREQ("b", heard(d, 0));
	EXPECT_STREQ("c", heard(d, 0));
	/* No buffer: the line stands still until there is one. */
	fake_bus_run(self->b);
	fake_bus_run_until(self->b, 10 * NSEC_PER_SEC);
	room(d, IN(0), 1, 100);
	fake_bus_run(self->b);
	EXPECT_EQ(10333333334, dev_bus_now(self->b));
	EXPECT_STREQ("d", heard(d, 0));
}

TEST_F(console, script)
{
	struct dev *d;

	write_file(self->in, "send a zero # words\n\nat 1us send a one\n"
		   "at 1us send a two\\tx\\\\\\x41\\c\nafter 2us send a three\\c\n"
		   "after 1us close a\nafter 1us open a\n");
	d = make(self->b, "console,ports=a,script=%s", self->in);
	ASSERT_NE(NULL, d);
	room(d, CTL_IN, 10, 100);
	open_port(d, 0);
	room(d, IN(0), 4, 100);
	EXPECT_STREQ("zero \n", heard(d, 0));
	fake_bus_run_until(self->b, US);
	EXPECT_STREQ("one\ntwo\tx\\A", heard(d, 0));
	EXPECT_STREQ("", heard(d, 0));
	fake_bus_run_until(self->b, 3 * US);
	EXPECT_STREQ("three", heard(d, 0));
	EXPECT_STREQ("", controls(d));
	fake_bus_run_until(self->b, 4 * US);
	EXPECT_STREQ("6:0:0 ", controls(d));
	fake_bus_run_until(self->b, 5 * US);
	EXPECT_STREQ("6:0:1 ", controls(d));
	EXPECT_EQ(0, fake_bus_timers(self->b));
}

TEST_F(console, scripts_that_are_none)
{
	static const char *const bad[] = {
		"send", "send b x", "sing a x", "send a \\q", "send a \\x",
		"send a \\", "at 1s", "open a b", "close", "resize a 80x25",
		"resize t 80", "resize t", "resize t 80x25 x",
	};
	char *line = malloc(1000);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, make(self->b, "console,ports=a/t,t.tty,events=%s",
				     bad[i]));
	memset(line, 'x', 1000);
	memcpy(line, "send a ", 7);
	line[600] = '\0';
	write_file(self->in, line);
	free(line);
	EXPECT_EQ(NULL, make(self->b, "console,ports=a,script=%s", self->in));
}

/* The driver is another one: what it has not heard is not lost. */
TEST_F(console, new_driver)
{
	struct dev *d;

	write_file(self->in, "in");
	d = make(self->b, "console,ports=a,a.in=%s,a.rate=1000", self->in);
	open_port(d, 0);
	room(d, IN(0), 1, 100);
	fake_bus_run_until(self->b, 100 * US);
	fake_dev_disconnect(d);
	fake_dev_connect(d, MULTI);
	room(d, IN(0), 3, 100);
	fake_bus_run(self->b);
	EXPECT_STREQ("", heard(d, 0));
	open_port(d, 0);
	fake_bus_run(self->b);
	EXPECT_STREQ("i", heard(d, 0));
	EXPECT_STREQ("n", heard(d, 0));
}

/* Code of the host at the other end */

static char said[100];

static void host_out(void *owner, const void *buf, size_t len)
{
	strncat(said, buf, len);
	if (owner && console_feed(owner, "<", 1))
		abort();
}

static void host_opened(void *owner, bool open)
{
	(void)owner;
	strcat(said, open ? "(open)" : "(closed)");
}

TEST_F(console, code_of_the_host)
{
	static const struct console_host_ops ops = { host_out, host_opened };
	struct dev *d = make(self->b, "console,ports=a/b,b.tty");
	struct console_port *p = console_find(d, "b");

	ASSERT_NE(NULL, p);
	EXPECT_EQ(NULL, console_find(d, "c"));
	console_attach(p, &ops, p);
	said[0] = '\0';
	room(d, CTL_IN, 3, 100);
	room(d, IN(1), 5, 100);
	ASSERT_EQ(0, console_feed(p, "keys", 4));
	fake_bus_run(self->b);
	EXPECT_STREQ("", heard(d, 1));
	open_port(d, 1);
	EXPECT_STREQ("keys", heard(d, 1));
	say(d, 1, 0, "text");
	/* Not within the callback */
	EXPECT_STREQ("", heard(d, 1));
	fake_bus_run(self->b);
	EXPECT_STREQ("<", heard(d, 1));
	console_resize(p, 132, 43);
	fake_bus_run(self->b);
	ASSERT_EQ(0, fake_take(d, CTL_IN, &self->len));
	EXPECT_EQ(12, self->len);
	EXPECT_EQ(132, fake_in(d, CTL_IN, 0)[8]);
	control(d, 1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	EXPECT_STREQ("(open)text(closed)", said);
	EXPECT_EQ(0, dev_bus_now(self->b));
}

TEST_F(console, malformed_ring)
{
	struct dev *d = make(self->b, "console,ports=a");
	unsigned int q;

	open_port(d, 0);
	for (q = 0; q < 4; q++) {
		fake_desc(fake_dev_ring(d, q), 40, 0x10, 16, 0, 0);
		fake_avail(fake_dev_ring(d, q), 40);
		fake_dev_kick(d, q);
		EXPECT_EQ(-1, fake_take(d, q, &self->len));
	}
}

/* Whatever a driver does, and then one that works */
TEST_F(console, any_driver)
{
	struct dev *d = make(self->b, "console,ports=a/b,a.out=%s,b.rate=100000,events=at 1ms every 1ms times 500 send b x",
			     self->out);
	struct virtio_console_control h;
	struct prng r;
	unsigned int q;
	char last[20];
	FILE *f;
	u32 len;
	int i;

	ASSERT_NE(NULL, d);
	prng_seed(&r, 1, "driver");
	for (i = 0; i < 30000; i++) {
		q = (unsigned int)(prng_next(&r) % 6);
		h.id = (u32)(prng_next(&r) % 4);
		h.event = (u16)(prng_next(&r) % 10);
		h.value = (u16)(prng_next(&r) % 3);
		memcpy(fake_out(d, q, 1), &h, sizeof(h));
		if (fake_take(d, q, &len) < 0 || i % 8 == 0) {
			fake_offer(d, q, (unsigned int)(prng_next(&r) % 32),
				   (u32)(prng_next(&r) % 40),
				   (u32)(prng_next(&r) % 40));
			memcpy(fake_out(d, q, 0), &h, sizeof(h));
		}
		if (i % 3 == 0)
			fake_dev_kick(d, q);
		if (i % 50 == 0)
			fake_bus_run_until(self->b, dev_bus_now(self->b) +
					   prng_next(&r) % (1000 * US));
		if (i % 40 == 0 || i % 77 == 0) {
			fake_dev_disconnect(d);
			fake_dev_connect(d, MULTI);
		}
		if (i % 31 == 0) {
			fake_dev_suspend(d, q);
			fake_dev_resume(d, q);
		}
	}
	fake_dev_disconnect(d);
	fake_dev_connect(d, MULTI);
	say(d, 0, 0, "still here");
	f = fopen(self->out, "r");
	ASSERT_NE(NULL, f);
	EXPECT_EQ(0, fseek(f, -10, SEEK_END));
	EXPECT_NE(NULL, fgets(last, sizeof(last), f));
	EXPECT_STREQ("still here", last);
	fclose(f);
}

TEST_F(console, options_that_make_no_sense)
{
	static const char *const bad[] = {
		"console,ports=", "console,ports=a/", "console,ports=a//b",
		"console,ports=a/a", "console,ports=a b", "console,a.out=x",
		"console,ports=a,a.rate=0", "console,ports=a,a.rate=fast",
		"console,ports=a,a.size=80x25", "console,ports=a,a.tty,a.size=80",
		"console,ports=a,a.tty,a.size=0x25", "console,ports=a,a.tty,a.size=80x25x",
		"console,ports=a,a.in=/nonexistent", "console,ports=a,a.at=1s",
		"console,ports=a,a.out=/nonexistent/x", "console,ports=a,a.tty=maybe",
		"console,ports=0/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, make(self->b, "%s", bad[i]));
}

TEST_HARNESS_MAIN
