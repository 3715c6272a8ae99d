// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: device models, with a driver that sends what it likes, and their scripts. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_vsock.h>

#include "../unit/fake_bus.h"
#include "quiet_log.h"

/*
 * The first byte says which device, and whether the input has lines of a script
 * for it. Then come actions of a driver and of the clock. Buffers must come back
 * once, with no more in them than there was room for; what a model does besides is
 * for its unit tests to know.
 */

#define MAX_QUEUES	6u
#define MAX_TEXT	300u

#define DEV(name) extern const struct dev_ops name##_dev_ops;
DEV(blk) DEV(console) DEV(gpio) DEV(i2c) DEV(input) DEV(vsock)
#undef DEV

/** struct kind - @queues must be what its probe says */
static const struct kind {
	const struct dev_ops *ops;
	const char *spec;
	unsigned int queues;
	bool scripted;
} kinds[] = {
	{ &blk_dev_ops, "blk,size=64Ki", 1, false },
	{ &blk_dev_ops, "blk,size=64Ki,latency=5us,rate=1M,parallel=2,power-cut=any@7,torn=3@1,hang=write@5,error=read@2-4,error-sector=7", 1, false },
	{ &console_dev_ops, "console,ports=a/b", 6, true },
	{ &console_dev_ops, "console,ports=a/b,a.rate=1000,b.tty,b.size=80x25", 6, true },
	{ &gpio_dev_ops, "gpio,lines=8,latency=3us", 2, true },
	{ &gpio_dev_ops, "gpio,lines=2,names=A/B", 2, true },
	{ &i2c_dev_ops, "i2c", 1, true },
	{ &input_dev_ops, "input,kind=touchscreen,queue=32", 2, true },
	{ &input_dev_ops, "input", 2, true },
	{ &vsock_dev_ops, "vsock", 3, false },
	{ &vsock_dev_ops, "vsock,latency=9us,reset=20us@7/1ms", 3, false },
};

/* Without a script of its own a device has this one. */
static const char *const scripts[] = {
	[2] = "at 1us send a hello; after 2us close b; after 1us close a; after 1us open a",
	[3] = "at 1us send a hello; after 2us resize b 1x2; after 1us close b",
	[4] = "wire 3 x; at 1us every 1us times 20 set 1 toggle; after 3us set 3 1",
	[6] = "client 0x50 regs8 size=8; client 0x48 tmp117; client 0x68 ds1339; client 0x10 regs16 addr16; "
	      "reg 0x50 1 7 count; reg 0x50 2 8 w1c; nak 0x48 3; error 0x50 5; at 5us temp 0x48 30; at 6us absent 0x10",
	[7] = "at 1us every 1us times 20 ABS_MT_POSITION_X 5 + BTN_TOUCH press",
	[8] = "at 1us KEY_A press; after 1us KEY_A release; after 1us REL_X -3 + more",
};

/** struct slot - @in_len: room in a buffer that the device may have */
struct slot {
	bool posted;
	u32 in_len;
};

static struct front {
	const struct kind *kind;
	struct dev_bus *bus;
	struct dev *dev, *other;
	bool connected, enabled[MAX_QUEUES];
	struct slot slot[MAX_QUEUES][FAKE_SLOTS];
} front;

static void connect_dev(struct front *f, u64 features)
{
	unsigned int q;

	if (f->connected)
		return;
	memset(f->slot, 0, sizeof(f->slot));
	for (q = 0; q < MAX_QUEUES; q++)
		f->enabled[q] = true;
	fake_dev_connect(f->dev, features & fake_dev_offered(f->dev));
	f->connected = true;
}

static void disconnect_dev(struct front *f)
{
	if (f->connected)
		fake_dev_disconnect(f->dev);
	f->connected = false;
}

/* A vsock header that comes further than the first check */
static void write_vsock_header(void *out)
{
	struct virtio_vsock_hdr h = {
		.src_cid = htole64(3), .dst_cid = htole64(4),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
	};

	memcpy(out, &h, sizeof(h));
}

static void post(struct front *f, struct input *in)
{
	unsigned int q = take_u8(in) % f->kind->queues, i = 0;
	u32 out_len = take_u16(in) % 1500, in_len = take_u16(in) % 1500;
	u8 *out;

	while (i < FAKE_SLOTS && f->slot[q][i].posted)
		i++;
	if (!f->connected || i == FAKE_SLOTS)
		return;
	out = fake_out(f->dev, q, i);
	memset(out, 0, out_len);
	if (f->kind->ops == &vsock_dev_ops && out_len > 44)
		write_vsock_header(out);
	if (in->left && *in->data & 1)
		take(in, out, min_size(out_len, 24));
	else
		take(in, out + min_size(out_len, 24),
		     min_size(out_len - min_size(out_len, 24), 24));
	f->slot[q][i] = (struct slot){ true, in_len };
	fake_offer(f->dev, q, i, out_len, in_len);
}

static void take_used(struct front *f)
{
	unsigned int q;
	u32 len;
	int i;

	for (q = 0; q < f->kind->queues && f->connected; q++)
		while ((i = fake_take(f->dev, q, &len)) >= 0) {
			MUST(i < (int)FAKE_SLOTS && f->slot[q][i].posted);
			MUST(len <= f->slot[q][i].in_len);
			f->slot[q][i].posted = false;
		}
}

static void suspend(struct front *f, unsigned int q)
{
	if (!f->connected)
		return;
	if (f->enabled[q])
		fake_dev_suspend(f->dev, q);
	else
		fake_dev_resume(f->dev, q);
	f->enabled[q] = !f->enabled[q];
}

static void set_config(struct front *f, struct input *in)
{
	size_t size = f->kind->ops->config_size;
	size_t off = take_u8(in), len = 1u << take_u8(in) % 4;
	u8 value[8];

	take(in, value, sizeof(value));
	if (f->kind->ops->config_set && f->connected && off + len <= size)
		(void)fake_dev_config_set(f->dev, off, value, len);
}

static void act(struct front *f, struct input *in)
{
	u8 what = take_u8(in), v = what >> 4;

	switch (what & 0xf) {
	case 0:
		connect_dev(f, ~(u64)take_u8(in));
		break;
	case 1:
		disconnect_dev(f);
		break;
	case 2:
		suspend(f, v % f->kind->queues);
		break;
	case 3:
		set_config(f, in);
		break;
	case 4:
		fake_file_err = v & 1 ? -EIO : 0;
		break;
	case 5:
	case 6:
		while (v-- && fake_bus_step(f->bus))
			;
		break;
	case 7:
	case 8:
		if (f->connected)
			fake_dev_kick(f->dev, v % f->kind->queues);
		break;
	case 9:
		while (fake_bus_file(f->bus))
			;
		break;
	default:
		post(f, in);
		if (f->connected && v & 1)
			fake_dev_kick(f->dev, (v >> 1) % f->kind->queues);
		break;
	}
	take_used(f);
}

/* A line of text in the input is a script; what would end the option is not in it. */
static void add_script(char *spec, size_t size, struct input *in, bool own,
		       const char *script)
{
	size_t len = strlen(spec), n = 0;
	char text[MAX_TEXT], c;

	while (own && n < sizeof(text) - 1 && (c = (char)take_u8(in)) && c != '\n')
		text[n++] = c == ',' ? ' ' : c;
	text[n] = '\0';
	if (own || script)
		snprintf(spec + len, size - len, ",events=%s", own ? text : script);
}

static bool open_front(struct front *f, struct input *in)
{
	u8 first = take_u8(in), i = (first & 0x7f) % ARRAY_SIZE(kinds);
	char spec[600];

	memset(f, 0, sizeof(*f));
	fake_file_err = 0;
	f->kind = &kinds[i];
	snprintf(spec, sizeof(spec), "%s", f->kind->spec);
	if (f->kind->scripted)
		add_script(spec, sizeof(spec), in, first & 0x80,
			   i < ARRAY_SIZE(scripts) ? scripts[i] : NULL);
	f->bus = fake_bus_new(1);
	f->dev = fake_dev_new(f->bus, f->kind->ops, spec, "d");
	MUST(f->dev || first & 0x80);
	/* Somebody to talk to */
	if (f->kind->ops == &vsock_dev_ops) {
		f->other = fake_dev_new(f->bus, f->kind->ops, "vsock", "e");
		fake_dev_connect(f->other, 0);
	}
	return f->dev;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	unsigned int actions = 0;

	if (open_front(&front, &in)) {
		connect_dev(&front, U64_MAX);
		while (in.left && actions++ < 200)
			act(&front, &in);
	}
	fake_bus_free(front.bus);
	return 0;
}
