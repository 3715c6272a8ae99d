// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The configuration space: R14 and group C6. */
#include <string.h>

#include "conf.h"

#define SECT_GET	"Front-end message types, GET_CONFIG"
#define SECT_SET	"Front-end message types, SET_CONFIG"
#define MAX_CONFIG	256u

struct config {
	struct vhost_user_config_hdr h;
	u8 data[4096];
};

static struct fe *open_config(void)
{
	struct fe *fe = fe_open(0);

	need_pf(fe, PF_CONFIG, "CONFIG");
	return fe;
}

static struct outcome get_config(struct fe *fe, u32 offset, u32 size, u32 room)
{
	struct config c = { .h = { offset, size, 0 } };

	return ask(fe, GET_CONFIG, PLAIN, &c, (u32)sizeof(c.h) + room, NULL, 0);
}

/* An answer of the same size, or an error: no payload, or the end. */
static bool config_answer(const struct outcome *o, u32 offset, u32 size)
{
	struct vhost_user_config_hdr h;

	if (o->closed)
		return !o->replies;
	if (o->replies != 1)
		return false;
	if (!o->m.hdr.size)
		return true;
	memcpy(&h, o->m.payload, sizeof(h));
	return o->m.hdr.size == sizeof(h) + size && h.offset == offset &&
	       h.size == size;
}

TEST(R14, get_config_answers_in_the_size_of_the_request, SECT_GET,
     "The payload of the answer has the size of the request's; a payload of size 0 is an error.")
{
	static const u32 size[] = { 1, 2, 4, 6, 7, 8, 16 };
	struct fe *fe = open_config();
	struct outcome o;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		o = get_config(fe, 0, size[i], size[i]);
		if (!config_answer(&o, 0, size[i]) || o.closed)
			fail("GET_CONFIG of %u bytes at 0: expected %zu bytes of payload, or none; came: %s",
			     size[i], sizeof(struct vhost_user_config_hdr) + size[i],
			     describe(&o));
	}
}

TEST(R14, parts_are_parts_of_the_whole, SECT_GET,
     "A byte of the configuration space is the same whatever range it is read in.")
{
	struct fe *fe = open_config();
	struct outcome o = get_config(fe, 0, 8, 8), p;
	unsigned int i;

	if (!o.m.hdr.size)
		skip("the device has no 8 bytes of configuration space");
	for (i = 0; i < 8; i++) {
		p = get_config(fe, i, 1, 1);
		if (p.m.hdr.size != 13 || p.m.payload[12] != o.m.payload[12 + i])
			fail("byte %u: expected %#x, as in the whole; came: %s", i,
			     o.m.payload[12 + i], describe(&p));
	}
}

static void grid_point(struct fe **fe, u32 offset, u32 size, u32 room)
{
	struct outcome o;

	if (!*fe)
		*fe = open_config();
	o = get_config(*fe, offset, size, room);
	if (size == room ? !config_answer(&o, offset, size) :
	    !o.closed && (o.replies != 1 || o.m.hdr.size > sizeof(struct config)))
		fail("GET_CONFIG of %u bytes at %u with %u bytes of room: expected an answer of that size, an empty one, or the end; came: %s",
		     size, offset, room, describe(&o));
	if (!o.closed)
		return;
	fe_close(*fe);
	*fe = NULL;
}

TEST(C6, get_config_grid, SECT_GET,
     "Whatever range is asked for, the answer has its size, or is empty, or the connection ends.")
{
	static const u32 at[] = { 0, 1, 255, 256, 257, 4096, 0x7fffffff,
				  0xfffffff0, 0xffffffff };
	static const u32 size[] = { 0, 1, 4, 255, 256, 257, 4000 };
	struct fe *fe = NULL;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		for (j = 0; j < ARRAY_SIZE(size); j++)
			grid_point(&fe, at[i], size[j], size[j]);
}

TEST(C6, get_config_sizes_that_disagree, SECT_GET,
     "A size that is not that of the payload is an error.")
{
	static const u32 size[] = { 0, 1, 8, 256, 4096, 0x7fffffff, 0xfffffff4,
				    0xffffffff };
	struct fe *fe = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		grid_point(&fe, 0, size[i], 4);
		grid_point(&fe, 4, size[i], 0);
		grid_point(&fe, 0xffffffff, size[i], 16);
	}
}

static bool set_config(struct fe *fe, u32 offset, u32 size, u32 flags, u32 room)
{
	struct config c = { .h = { offset, size, flags } };
	struct outcome o;

	memset(c.data, 0x5a, sizeof(c.data));
	o = ask(fe, SET_CONFIG, ACKED, &c, (u32)sizeof(c.h) + room, NULL, 0);
	if (has_pf(fe, PF_REPLY_ACK) && !o.closed && !is_ack(&o, SET_CONFIG, true) &&
	    !is_ack(&o, SET_CONFIG, false))
		fail("SET_CONFIG: expected an ack or the end of the connection; came: %s",
		     describe(&o));
	return !o.closed;
}

TEST(R14, set_config_of_read_only_fields, SECT_SET,
     "SET_CONFIG is not accepted for read-only fields, unless it is for live migration.")
{
	struct fe *fe = open_config();
	struct outcome before = get_config(fe, 0, 4, 4), after;

	/* Of the devices known here none has a field there that can be written. */
	if (!opt.profile || !before.m.hdr.size)
		skip("not known to have read-only fields");
	if (!set_config(fe, 0, 4, 0, 4))
		return;
	after = get_config(fe, 0, 4, 4);
	if (memcmp(before.m.payload, after.m.payload, 16))
		fail("expected bytes 0 to 3 to stay as they were; they have changed");
}

TEST(C6, set_config_grid, SECT_SET,
     "Whatever range is written, the answer is an ack, a NACK or the end; a range that is outside is refused.")
{
	static const u32 at[] = { 4096, 0x7fffffff, 0xfffffff0, 0xffffffff };
	static const u32 size[] = { 1, 4, 256, 4000 };
	struct vhost_user_config_hdr h;
	struct config c;
	struct fe *fe = open_config();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		for (j = 0; j < ARRAY_SIZE(size); j++) {
			memset(&c, 0x5a, sizeof(c));
			h = (struct vhost_user_config_hdr){ at[i], size[j], 0 };
			c.h = h;
			if (!refused(fe, SET_CONFIG, &c, (u32)sizeof(h) + size[j],
				     NULL, 0, "outside of the configuration space")) {
				fe_close(fe);
				fe = open_config();
			}
		}
}

TEST(C6, set_config_sizes_that_disagree, SECT_SET,
     "A size that is larger than the payload is refused.")
{
	static const u32 size[] = { 5, 256, 0x7fffffff, 0xffffffff };
	struct fe *fe = open_config();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		struct config c = { .h = { 0, size[i], 0 } };

		if (!refused(fe, SET_CONFIG, &c, sizeof(c.h) + 4, NULL, 0,
			     "with less payload than it says")) {
			fe_close(fe);
			fe = open_config();
		}
	}
}
