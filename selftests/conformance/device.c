// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Kinds of devices: what to put into their queues, and what has to come back. */
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>
#include <string.h>

#include "conf.h"

static u64 slot_at(unsigned int slot)
{
	return DATA_GPA + (slot % NR_SLOTS) * SLOT;
}

/* Of a queue that only takes: nothing can have been written. */
static const char *sent_check(struct fe *fe, unsigned int slot, u32 len)
{
	(void)fe;
	(void)slot;
	return len ? "what was sent has a length that was written" : NULL;
}

/* rng: a buffer is filled */

#define RNG_LEN	64u

static unsigned int rng_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	memset(guest_ptr(&fe->g, slot_at(slot)), 0, RNG_LEN);
	s[0] = (struct seg){ slot_at(slot), RNG_LEN, true };
	return 1;
}

static const char *rng_check(struct fe *fe, unsigned int slot, u32 len)
{
	static const u8 zero[RNG_LEN];

	if (!len || len > RNG_LEN)
		return "the length is not that of what was written";
	if (!memcmp(guest_ptr(&fe->g, slot_at(slot)), zero, RNG_LEN))
		return "the buffer holds no random bytes";
	return NULL;
}

/* echo: umtt's test device gives back what it is sent */

struct echo_request { u64 latency_ns, cookie; };
struct echo_response { u64 cookie, t_start, t_done; u32 status, payload_len; };
#define ECHO_PAYLOAD	48u

static unsigned int echo_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	u8 *p = guest_ptr(&fe->g, slot_at(slot));
	struct echo_request r = { .latency_ns = 0, .cookie = 0x1000 + slot };

	memset(p, 0, SLOT);
	memcpy(p, &r, sizeof(r));
	memset(p + sizeof(r), (int)(slot + 1), ECHO_PAYLOAD);
	s[0] = (struct seg){ slot_at(slot), sizeof(r) + ECHO_PAYLOAD, false };
	s[1] = (struct seg){ slot_at(slot) + SLOT / 2,
			     sizeof(struct echo_response) + ECHO_PAYLOAD, true };
	return 2;
}

static const char *echo_check(struct fe *fe, unsigned int slot, u32 len)
{
	const u8 *p = guest_ptr(&fe->g, slot_at(slot));
	struct echo_response r;

	memcpy(&r, p + SLOT / 2, sizeof(r));
	if (len != sizeof(r) + ECHO_PAYLOAD)
		return "the length is not that of the response";
	if (r.cookie != 0x1000 + slot || r.status)
		return "the response is not to the request";
	if (memcmp(p + SLOT / 2 + sizeof(r), p + sizeof(struct echo_request),
		   ECHO_PAYLOAD))
		return "the payload is not what was sent";
	return NULL;
}

/* net: a frame is sent, to nobody; queue 1 is for sending */

#define FRAME_LEN	60u

static unsigned int net_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	u8 *p = guest_ptr(&fe->g, slot_at(slot));
	u32 hdr = fe->features & BIT_ULL(F_VERSION_1) ?
		  sizeof(struct virtio_net_hdr_v1) : sizeof(struct virtio_net_hdr);

	memset(p, 0, SLOT);
	memset(p + hdr, 0xff, 6);
	p[hdr + 6] = 2;
	p[hdr + 12] = 0x88;
	p[hdr + 13] = 0xb5;
	s[0] = (struct seg){ slot_at(slot), hdr + FRAME_LEN, false };
	return 1;
}

/* blk: sector 0 is read */

#define SECTOR	512u

static unsigned int blk_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	u8 *p = guest_ptr(&fe->g, slot_at(slot));
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_IN };

	memset(p, 0xee, SLOT);
	memcpy(p, &h, sizeof(h));
	s[0] = (struct seg){ slot_at(slot), sizeof(h), false };
	s[1] = (struct seg){ slot_at(slot) + SECTOR, SECTOR, true };
	s[2] = (struct seg){ slot_at(slot) + 2 * SECTOR, 1, true };
	return 3;
}

static const char *blk_check(struct fe *fe, unsigned int slot, u32 len)
{
	const u8 *p = guest_ptr(&fe->g, slot_at(slot));

	if (p[2 * SECTOR] != VIRTIO_BLK_S_OK)
		return "the status is not OK";
	return len == SECTOR + 1 ? NULL :
	       "the length is not that of a sector and the status";
}

/* input: the driver switches an LED; queue 1 is for that */

#define INPUT_EVENT	8u

static unsigned int input_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	static const u8 capslock[INPUT_EVENT] = { 0x11, 0, 1, 0, 1 };

	memcpy(guest_ptr(&fe->g, slot_at(slot)), capslock, INPUT_EVENT);
	s[0] = (struct seg){ slot_at(slot), INPUT_EVENT, false };
	return 1;
}

/* console: bytes for the first port; queue 1 is for what the guest writes */

static unsigned int console_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	memset(guest_ptr(&fe->g, slot_at(slot)), 'a', 80);
	s[0] = (struct seg){ slot_at(slot), 80, false };
	return 1;
}

/* i2c: a message without data to an address where nobody is */

#define I2C_HEADER	8u
#define I2C_ERR		1

static unsigned int i2c_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	static const u8 header[I2C_HEADER] = { 0x20 };
	u8 *p = guest_ptr(&fe->g, slot_at(slot));

	memset(p, 0xee, SLOT);
	memcpy(p, header, I2C_HEADER);
	s[0] = (struct seg){ slot_at(slot), I2C_HEADER, false };
	s[1] = (struct seg){ slot_at(slot) + SLOT / 2, 1, true };
	return 2;
}

static const char *i2c_check(struct fe *fe, unsigned int slot, u32 len)
{
	const u8 *p = guest_ptr(&fe->g, slot_at(slot));

	if (len != 1)
		return "the length is not that of the status";
	return p[SLOT / 2] == I2C_ERR ? NULL : "the status is not an error";
}

/* vsock: a packet for a guest that is not there; queue 1 is for sending */

static unsigned int vsock_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = 77, .src_port = slot, .dst_port = 5,
		.type = VIRTIO_VSOCK_TYPE_STREAM, .op = VIRTIO_VSOCK_OP_RW,
		.len = 20,
	};

	memset(guest_ptr(&fe->g, slot_at(slot)), 'v', SLOT);
	memcpy(guest_ptr(&fe->g, slot_at(slot)), &h, sizeof(h));
	s[0] = (struct seg){ slot_at(slot), sizeof(h) + 20, false };
	return 1;
}

/* gpio: the level of line 3, which nobody has set */

#define GPIO_REQUEST	8u

static unsigned int gpio_put(struct fe *fe, unsigned int slot, struct seg *s)
{
	static const u8 get_value[GPIO_REQUEST] = { 4, 0, 3 };
	u8 *p = guest_ptr(&fe->g, slot_at(slot));

	memset(p, 0xee, SLOT);
	memcpy(p, get_value, GPIO_REQUEST);
	s[0] = (struct seg){ slot_at(slot), GPIO_REQUEST, false };
	s[1] = (struct seg){ slot_at(slot) + SLOT / 2, 2, true };
	return 2;
}

static const char *gpio_check(struct fe *fe, unsigned int slot, u32 len)
{
	const u8 *p = guest_ptr(&fe->g, slot_at(slot) + SLOT / 2);

	if (len != 2)
		return "the length is not that of a response";
	return p[0] || p[1] ? "the line is not low" : NULL;
}

static const struct profile profiles[] = {
	{ "rng", 0, 1, rng_put, rng_check },
	{ "echo", 0, 2, echo_put, echo_check },
	{ "net", 1, 2, net_put, sent_check },
	{ "blk", 0, 1, blk_put, blk_check },
	{ "console", 1, 4, console_put, sent_check },
	{ "vsock", 1, 3, vsock_put, sent_check },
	{ "input", 1, 2, input_put, sent_check },
	{ "i2c", 0, 1, i2c_put, i2c_check },
	{ "gpio", 0, 2, gpio_put, gpio_check },
};

const struct profile *profile_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const char *profile_names(void)
{
	return "rng, echo, net, blk, console, vsock, input, i2c, gpio";
}

/* Work, whatever the device */

u16 work_put(struct fe *fe, struct queue *q, unsigned int slot)
{
	struct seg s[MAX_SEGS];
	unsigned int n = opt.profile->put(fe, slot, s);

	return queue_add(q, s, n);
}

void work_done(struct fe *fe, struct queue *q, unsigned int slot, u16 id,
	       const char *why)
{
	struct used u = wait_used(fe, q, why);
	const char *wrong;

	if (u.id != id)
		fail("%s: expected buffer %u back; came: buffer %u", why, id,
		     u.id);
	wrong = opt.profile->check(fe, slot, u.len);
	if (wrong)
		fail("%s: buffer %u came back with length %u: %s", why, id,
		     u.len, wrong);
}

void work_all_done(struct fe *fe, struct queue *q, const u16 *id, unsigned int n,
		   const char *why)
{
	bool back[NR_SLOTS] = { false };
	const char *wrong;
	unsigned int i, k;
	struct used u;

	for (i = 0; i < n; i++) {
		u = wait_used(fe, q, why);
		for (k = 0; k < n && (id[k] != u.id || back[k]); k++)
			;
		if (k == n)
			fail("%s: buffer %u came back, which was not on its way",
			     why, u.id);
		back[k] = true;
		wrong = opt.profile->check(fe, k, u.len);
		if (wrong)
			fail("%s: buffer %u came back with length %u: %s", why,
			     u.id, u.len, wrong);
	}
}

static void wait_called(struct fe *fe, struct queue *q, const char *why)
{
	u64 end = now_ms() + PATIENCE;

	while (!queue_called(fe, q)) {
		if (now_ms() > end)
			fail("%s: expected to be called for queue %u; came: nothing",
			     why, q->index);
		pump(fe, q, 2);
	}
}

void work(struct fe *fe, struct queue *q, const char *why)
{
	u16 id;

	queue_called(fe, q);
	id = work_put(fe, q, 0);
	queue_kick(fe, q);
	/* Who looks before it is called may, with EVENT_IDX, not be called. */
	wait_called(fe, q, why);
	work_done(fe, q, 0, id, why);
}

void good_session(void)
{
	struct fe *fe = fe_open(0);

	if (opt.profile) {
		queue_start(fe, work_queue(fe));
		work(fe, work_queue(fe), "a session of its own");
	} else if (fe->nr_queues) {
		queue_setup(fe, &fe->q[0]);
	}
	alive(fe);
	fe_close(fe);
}
