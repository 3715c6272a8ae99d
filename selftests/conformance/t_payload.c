// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is in the buffers: requests of each kind of device, good and bad. */
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "conf.h"

#define AT	(DATA_GPA + 32 * SLOT)	/* a buffer of up to 64 slots */
#define SECTOR	512u

static struct fe *start_kind(const char *kind)
{
	if (opt.profile != profile_find(kind))
		skip("this is for --device %s", kind);
	return fe_start(0);
}

/* It comes back; Return: the length that was written. */
static u32 send_segs(struct fe *fe, const struct seg *s, unsigned int n,
		     const char *what)
{
	struct queue *q = work_queue(fe);
	u16 id = queue_add(q, s, n);
	struct used u;

	queue_kick(fe, q);
	u = wait_used(fe, q, what);
	if (u.id != id)
		fail("%s: expected buffer %u back; came: %u", what, id, u.id);
	return u.len;
}

/*
 * As send_segs(), but the device need not give it back: it may break the queue
 * or the connection over it.
 */
static void try_segs(const char *kind, const struct seg *s, unsigned int n,
		     const void *data, u32 len, const char *what)
{
	struct fe *fe = start_kind(kind);
	struct queue *q = work_queue(fe);
	u64 end = now_ms() + 12;
	struct used u;

	note("%s", what);
	memcpy(guest_ptr(&fe->g, AT), data, len);
	queue_add(q, s, n);
	queue_kick(fe, q);
	while (now_ms() < end && !queue_used(q, &u))
		pump(fe, q, 1);
	if (!settle(fe).closed)
		stop_or_closed(fe, q);
	fe_close(fe);
}

/* rng */

TEST(X, rng_lengths, "virtio 5.4, Entropy Device",
     "A buffer of any length comes back with at least one byte and at most its length.")
{
	static const u32 len[] = { 1, 2, 7, 8, 9, 4095, 4096, 65536, 131072 };
	struct fe *fe = start_kind("rng");
	struct seg s = { AT, 0, true };
	unsigned int i;
	u32 got;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		s.len = len[i];
		got = send_segs(fe, &s, 1, "a buffer of some length");
		if (!got || got > len[i])
			fail("a buffer of %u bytes: expected 1 to %u bytes; came: %u",
			     len[i], len[i], got);
	}
}

TEST(X, rng_writes_no_more_than_it_says, "virtio 5.4, Entropy Device",
     "Bytes after the buffer stay as they were.")
{
	struct fe *fe = start_kind("rng");
	struct seg s = { AT, 13, true };
	u8 *p = guest_ptr(&fe->g, AT);
	unsigned int i;

	memset(p, 0x77, 64);
	send_segs(fe, &s, 1, "a buffer of 13 bytes");
	for (i = 13; i < 64; i++)
		if (p[i] != 0x77)
			fail("expected byte %u to stay as it was; it is %#x", i, p[i]);
}

/* net */

static unsigned int net_hdr_len(const struct fe *fe)
{
	return fe->features & BIT_ULL(F_VERSION_1) ? 12 : 10;
}

TEST(X, net_frames_of_all_lengths, "virtio 5.1.6, Device Operation",
     "What is to be sent comes back, however short or long it is.")
{
	static const u32 len[] = { 0, 1, 11, 13, 14, 15, 60, 1514, 1515, 9000,
				   65535, 70000 };
	struct fe *fe = start_kind("net");
	struct seg s = { AT, 0, false };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		s.len = net_hdr_len(fe) + len[i];
		send_segs(fe, &s, 1, "a frame of some length");
	}
}

TEST(X, net_header_cut_anywhere, "virtio 5.1.6, Device Operation",
     "Header and frame may be cut into descriptors anywhere.")
{
	struct fe *fe = start_kind("net");
	u32 all = net_hdr_len(fe) + 60, at;
	struct seg s[3];

	for (at = 1; at < all - 1; at++) {
		s[0] = (struct seg){ AT, at, false };
		s[1] = (struct seg){ AT + at, 1, false };
		s[2] = (struct seg){ AT + at + 1, all - at - 1, false };
		send_segs(fe, s, 3, "a frame in three pieces");
	}
}

TEST(X, net_shorter_than_its_header, "virtio 5.1.6, Device Operation",
     "A buffer shorter than the header is no frame; it comes back, or the queue is broken.")
{
	static const u8 zero[16];
	struct seg s = { AT, 0, false };

	for (s.len = 1; s.len < 12; s.len += 3)
		try_segs("net", &s, 1, zero, sizeof(zero), "a piece of a header");
}

TEST(X, net_absurd_headers, "virtio 5.1.6.2, Packet Transmission",
     "A header whose offsets are beyond the frame, or that asks for what was not negotiated, is not followed.")
{
	struct seg s = { AT, 12 + 60, false };
	struct virtio_net_hdr_v1 h[4] = {
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 0xffff, .csum_offset = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0, .hdr_len = 0xffff },
		{ .gso_type = 0xff, .gso_size = 1, .flags = 0xff },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 59, .csum_offset = 1, .num_buffers = 0xffff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(h); i++)
		try_segs("net", &s, 1, &h[i], sizeof(h[i]), "an absurd header");
}

TEST(X, net_small_receive_buffers, "virtio 5.1.6.3, Setting Up Receive Buffers",
     "Receive buffers that are too small, or not writable, do no harm.")
{
	struct fe *fe = start_kind("net");
	struct queue *rx = &fe->q[0];
	struct seg s = { AT, 0, true };
	unsigned int i;

	queue_start(fe, rx);
	for (i = 0; i < 20; i++) {
		s.len = i % 14;
		s.write = i % 3;
		queue_add(rx, &s, 1);
	}
	queue_kick(fe, rx);
	work(fe, work_queue(fe), "beside bad receive buffers");
}

/* blk */

struct blk {
	struct fe *fe;
	struct virtio_blk_outhdr *h;
	u8 *data, *status;
};

static struct blk start_blk(void)
{
	struct blk b = { .fe = start_kind("blk") };

	b.h = guest_ptr(&b.fe->g, AT);
	b.data = guest_ptr(&b.fe->g, AT + SECTOR);
	b.status = guest_ptr(&b.fe->g, AT + 16 * SECTOR);
	return b;
}

static u8 request(struct blk *b, u32 type, u64 sector, u32 len, bool write,
		  const char *what)
{
	struct seg s[3] = {
		{ AT, sizeof(*b->h), false },
		{ AT + SECTOR, len, write },
		{ AT + 16 * SECTOR, 1, true },
	};

	*b->h = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	*b->status = 0xee;
	if (!len)
		s[1] = s[2];
	send_segs(b->fe, s, len ? 3 : 2, what);
	return *b->status;
}

static u64 capacity(struct fe *fe)
{
	struct { struct vhost_user_config_hdr h; u64 v; } __attribute__((packed)) c = {
		.h.size = 8,
	};
	struct outcome o;
	u64 v;

	need_pf(fe, PF_CONFIG, "CONFIG");
	o = ask(fe, GET_CONFIG, PLAIN, &c, sizeof(c), NULL, 0);
	if (o.m.hdr.size != sizeof(c))
		skip("the size of the disk is not known");
	memcpy(&v, o.m.payload + sizeof(c.h), sizeof(v));
	return v;
}

static void expect_status(u8 seen, u8 want, const char *what)
{
	if (seen != want)
		fail("%s: expected status %u; came: %u", what, want, seen);
}

TEST(X, blk_write_and_read_back, "virtio 5.2.6, Device Operation",
     "What is written is read back.")
{
	struct blk b = start_blk();
	unsigned int i;

	for (i = 0; i < 2 * SECTOR; i++)
		b.data[i] = (u8)(i * 7);
	expect_status(request(&b, VIRTIO_BLK_T_OUT, 3, 2 * SECTOR, false, "a write"),
		      VIRTIO_BLK_S_OK, "a write");
	memset(b.data, 0, 2 * SECTOR);
	expect_status(request(&b, VIRTIO_BLK_T_IN, 3, 2 * SECTOR, true, "a read"),
		      VIRTIO_BLK_S_OK, "a read");
	for (i = 0; i < 2 * SECTOR; i++)
		if (b.data[i] != (u8)(i * 7))
			fail("byte %u: expected what was written; it is not", i);
}

TEST(X, blk_flush_and_get_id, "virtio 5.2.6, Device Operation",
     "FLUSH succeeds; GET_ID writes up to 20 bytes.")
{
	struct blk b = start_blk();
	u8 st;

	if (offers(b.fe, VIRTIO_BLK_F_FLUSH))
		expect_status(request(&b, VIRTIO_BLK_T_FLUSH, 0, 0, false, "FLUSH"),
			      VIRTIO_BLK_S_OK, "FLUSH");
	memset(b.data, 0x77, 64);
	st = request(&b, VIRTIO_BLK_T_GET_ID, 0, 20, true, "GET_ID");
	if (st != VIRTIO_BLK_S_OK && st != VIRTIO_BLK_S_UNSUPP)
		fail("GET_ID: expected status 0 or 2; came: %u", st);
	if (b.data[20] != 0x77)
		fail("GET_ID: expected at most 20 bytes; there are more");
}

TEST(X, blk_unknown_type, "virtio 5.2.6, Device Operation",
     "A request of an unknown type has the status UNSUPP.")
{
	struct blk b = start_blk();

	expect_status(request(&b, 0x7777, 0, 0, false, "an unknown type"),
		      VIRTIO_BLK_S_UNSUPP, "an unknown type");
}

TEST(X, blk_beyond_the_end, "virtio 5.2.6, Device Operation",
     "A request that is not within the disk fails, and changes nothing.")
{
	struct blk b = start_blk();
	u64 end = capacity(b.fe);
	const u64 at[] = { end, end - 1, end + 1, U64_MAX, U64_MAX / SECTOR,
			   U64_MAX / SECTOR + 1, 1ULL << 63 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		for (k = 0; k < 2; k++)
			expect_status(request(&b, k ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
					      at[i], 2 * SECTOR, !k, "beyond the end"),
				      VIRTIO_BLK_S_IOERR, "beyond the end");
	expect_status(request(&b, VIRTIO_BLK_T_IN, end - 1, SECTOR, true,
			      "the last sector"),
		      VIRTIO_BLK_S_OK, "the last sector");
}

TEST(X, blk_in_pieces, "virtio 2.7.4.3, Message Framing",
     "Header, data and status may be cut into descriptors anywhere.")
{
	struct blk b = start_blk();
	struct seg s[6] = {
		{ AT, 1, false }, { AT + 1, 15, false },
		{ AT + SECTOR, 1, true }, { AT + SECTOR + 1, SECTOR - 2, true },
		{ AT + 2 * SECTOR - 1, 1, true }, { AT + 16 * SECTOR, 1, true },
	};

	*b.h = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	*b.status = 0xee;
	send_segs(b.fe, s, 6, "a read in pieces");
	expect_status(*b.status, VIRTIO_BLK_S_OK, "a read in pieces");
	s[5] = (struct seg){ AT + 2 * SECTOR, 1, true };
	b.data[SECTOR] = 0xee;
	s[4].len = 2;	/* the status in one descriptor with data */
	send_segs(b.fe, s, 5, "data and status in one descriptor");
	expect_status(b.data[SECTOR], VIRTIO_BLK_S_OK,
		      "data and status in one descriptor");
}

TEST(X, blk_malformed, "virtio 5.2.6, Device Operation",
     "Requests without a header, without a status, or of a part of a sector, do no harm.")
{
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_IN };
	struct seg hdr = { AT, sizeof(h), false }, st = { AT + 4096, 1, true };
	struct seg data = { AT + SECTOR, 100, true };
	const struct { struct seg s[3]; unsigned int n; const char *what; } bad[] = {
		{ { hdr }, 1, "a header alone" },
		{ { st }, 1, "a status alone" },
		{ { { AT, 15, false }, st }, 2, "a header of 15 bytes" },
		{ { { AT, 1, false }, st }, 2, "a header of 1 byte" },
		{ { hdr, data, st }, 3, "100 bytes of data" },
		{ { hdr, { AT + SECTOR, SECTOR, false }, st }, 3, "a read into readable memory" },
		{ { hdr, { AT + SECTOR, SECTOR, true }, { AT + 4096, 1, false } }, 3, "a readable status" },
		{ { hdr, { AT + SECTOR, 0, true }, st }, 3, "no data" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		try_segs("blk", bad[i].s, bad[i].n, &h, sizeof(h), bad[i].what);
}

/* echo */

TEST(X, echo_malformed, "src/dev/echo.c",
     "A request shorter than its header, or without room for a response, comes back at once.")
{
	struct fe *fe = start_kind("echo");
	struct seg s[2] = { { AT, 16, false }, { AT + SLOT, 64, true } };
	u32 *status = guest_ptr(&fe->g, AT + SLOT + 24);

	s[0].len = 8;
	*status = 0xeeee;
	if (send_segs(fe, s, 2, "half a header") != 32 || *status != 1)
		fail("half a header: expected a response with status 1; came: %u",
		     *status);
	s[0].len = 16;
	s[1].len = 31;
	if (send_segs(fe, s, 2, "no room for a response"))
		fail("no room for a response: expected length 0");
	if (send_segs(fe, s, 1, "nothing writable"))
		fail("nothing writable: expected length 0");
}
