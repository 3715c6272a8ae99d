// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What the guest can change is read once: every load of vq.c is watched. */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/prng.h"
#include "fake_packed.h"
#include "kselftest_harness.h"
#include "watch.h"

/*
 * The same call is made twice, on the same ring. The second time each byte is
 * scrambled as soon as it has been read. Nothing may be read twice, so the
 * outcome must be the same.
 *
 * Only what says whether there is anything is looked at again: the index of the
 * avail ring, the flags of the first descriptor. They are not scrambled.
 */

#define NUM	8u
#define ROUNDS	20000

/* Tables for indirect descriptors: one of them goes over into another region. */
#define TABLE	FAKE_DATA
#define TABLE2	(FAKE_MID - 8)

#define N	VRING_DESC_F_NEXT
#define W	VRING_DESC_F_WRITE
#define IND	VRING_DESC_F_INDIRECT

/* A plausible mess is more telling than a random one. */
static const u64 addrs[] = {
	FAKE_DATA + 0x100, TABLE, TABLE2, FAKE_MID - 4, FAKE_HIGH, 0, ~0ULL,
};
static const u64 lens[] = { 16, 32, 48, 0, 1, 7, 4096, 0xffffffff };
static const u64 flags[] = { 0, N, W, IND, N | W, IND | N };

/**
 * struct outcome - all that a call says of a ring
 * @seg: as guest memory, since the buffer's own may be anywhere
 */
struct outcome {
	int ret;
	bool broken, call;
	const char *why;
	unsigned int nr_out, nr_in;
	u16 head;
	struct iovec seg[64];
};

FIXTURE(once) {
	struct fake_mem m;
	struct fake_ring r;
	struct fake_packed p;
	struct vq vq;
	struct prng rnd;
	u8 *saved[3];
	unsigned int good, bad;
};

FIXTURE_VARIANT(once) {
	bool packed;
	bool event_idx;
};

FIXTURE_VARIANT_ADD(once, split) { .packed = false };
FIXTURE_VARIANT_ADD(once, split_event_idx) { .packed = false, .event_idx = true };
FIXTURE_VARIANT_ADD(once, packed) { .packed = true };
FIXTURE_VARIANT_ADD(once, packed_event_idx) { .packed = true, .event_idx = true };

static void ignore(struct vq *vq)
{
	(void)vq;
}

static const struct vq_ops ops = { .pushed = ignore, .broke = ignore };

FIXTURE_SETUP(once)
{
	unsigned int i;

	fake_mem_init(&self->m);
	for (i = 0; i < 3; i++) {
		watch_add(self->m.mem.region[i].host, self->m.mem.region[i].size);
		self->saved[i] = malloc(self->m.mem.region[i].size);
	}
	prng_seed(&self->rnd, 1, "fetched once");
	vq_init(&self->vq, 0, &ops, NULL);
}

FIXTURE_TEARDOWN(once)
{
	unsigned int i;

	watch_none();
	vq_fini(&self->vq);
	for (i = 0; i < 3; i++)
		free(self->saved[i]);
	fake_mem_fini(&self->m);
}

static u64 pick(struct prng *rnd, const u64 *from, size_t nr)
{
	/* Good ones come first, and more often. */
	u64 i = prng_next(rnd) % (3 * nr);

	return from[i < nr ? i : i % 3];
}

#define PICK(from) pick(&self->rnd, from, ARRAY_SIZE(from))

/* Chains only go forward: one that loops is read again, and rightly so. */
static void put_split(FIXTURE_DATA(once) *self, struct vring_desc *d,
		      unsigned int i)
{
	d->addr = PICK(addrs);
	d->len = (u32)PICK(lens);
	d->flags = (u16)PICK(flags);
	d->next = (u16)(i + 1 + prng_next(&self->rnd) % 2);
}

static void make_split(FIXTURE_DATA(once) *self)
{
	struct fake_ring *r = &self->r;
	unsigned int i;

	fake_ring_init(r, &self->m.mem, FAKE_LOW, NUM);
	for (i = 0; i < NUM; i++)
		put_split(self, &r->desc[i], i);
	*fake_used_event(r) = (u16)(prng_next(&self->rnd) % 3);
	r->avail->flags = (u16)(prng_next(&self->rnd) % 2);
	fake_avail(r, (u16)(prng_next(&self->rnd) % (NUM + 1)));
}

static void make_packed(FIXTURE_DATA(once) *self)
{
	struct fake_packed *p = &self->p;
	unsigned int i;

	fake_packed_init(p, &self->m.mem, FAKE_LOW, NUM);
	for (i = 0; i < NUM; i++)
		fake_packed_put(p, (u16)i, PICK(addrs), (u32)PICK(lens),
				(u16)(prng_next(&self->rnd) % (NUM + 1)),
				(u16)PICK(flags));
	p->driver->off_wrap = (u16)prng_next(&self->rnd);
	p->driver->flags = (u16)(prng_next(&self->rnd) % 4);
}

static void put_table(FIXTURE_DATA(once) *self, u64 gpa)
{
	unsigned int i, k;
	struct vring_desc d;

	for (i = 0; i < 4; i++) {
		put_split(self, &d, i);
		for (k = 0; k < sizeof(d); k++)
			*(u8 *)fake_host(&self->m.mem, gpa + 16 * i + k) =
				((u8 *)&d)[k];
	}
}

/* Copy guest memory away, or back. */
static void keep(FIXTURE_DATA(once) *self, bool back)
{
	const struct mem_region *g = self->m.mem.region;
	unsigned int i;

	for (i = 0; i < 3; i++)
		memcpy(back ? g[i].host : self->saved[i],
		       back ? self->saved[i] : g[i].host, 0x2000);
	/* The end of the first one, too: a table begins there. */
	memcpy(back ? g[0].host + g[0].size - 64 : self->saved[0] + 0x2000,
	       back ? self->saved[0] + 0x2000 : g[0].host + g[0].size - 64, 64);
	memcpy(back ? fake_host(&self->m.mem, TABLE) : self->saved[0] + 0x3000,
	       back ? self->saved[0] + 0x3000 : fake_host(&self->m.mem, TABLE),
	       0x1000);
}

static void set_up(FIXTURE_DATA(once) *self, bool packed, bool event_idx)
{
	vq_fini(&self->vq);
	vq_init(&self->vq, 0, &ops, NULL);
	vq_set_features(&self->vq, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
			(packed ? BIT_ULL(VIRTIO_F_RING_PACKED) : 0) |
			(event_idx ? BIT_ULL(VIRTIO_RING_F_EVENT_IDX) : 0));
	/* What has been made available is still to come. */
	self->r.avail_idx = 0;
	if (packed ? fake_packed_connect(&self->p, &self->vq) :
		     fake_connect(&self->r, &self->vq))
		abort();
}

static void note(const struct vq *vq, const struct vq_buf *b, int ret,
		 struct outcome *o)
{
	o->ret = ret;
	o->broken = vq->broken;
	o->why = vq->why;
	if (ret != 1)
		return;
	o->head = b->head;
	o->nr_out = b->nr_out;
	o->nr_in = b->nr_in;
	if (b->nr_out + b->nr_in > ARRAY_SIZE(o->seg))
		abort();
	memcpy(o->seg, b->iov, (b->nr_out + b->nr_in) * sizeof(o->seg[0]));
}

/* Pop, push, and ask whether the driver wants to hear of it. */
static void go(FIXTURE_DATA(once) *self, bool packed, bool scramble,
	       struct outcome *o)
{
	struct vq *vq = &self->vq;
	struct vq_buf b;
	int ret;

	memset(o, 0, sizeof(*o));
	watch_exempt(packed ? (void *)&self->p.desc[0].flags :
			      (void *)&self->r.avail->idx, 2);
	watch_begin(scramble);
	ret = vq_pop(vq, &b);
	watch_end();
	note(vq, &b, ret, o);
	if (ret != 1)
		return;
	vq_push(vq, &b, 1);
	watch_begin(scramble);
	o->call = vq_take_pushed(vq);
	watch_end();
}

TEST_F(once, by_vq_pop)
{
	struct outcome first, second;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (variant->packed)
			make_packed(self);
		else
			make_split(self);
		put_table(self, TABLE);
		put_table(self, TABLE2);
		set_up(self, variant->packed, variant->event_idx);
		keep(self, false);
		go(self, variant->packed, false, &first);
		ASSERT_STREQ("", watch_found());
		keep(self, true);
		set_up(self, variant->packed, variant->event_idx);
		go(self, variant->packed, true, &second);
		ASSERT_STREQ("", watch_found());
		ASSERT_EQ(0, memcmp(&first, &second, sizeof(first)));
		*(first.ret == 1 ? &self->good : &self->bad) += 1;
	}
	/* It has been about something, and each kind of load has been seen. */
	EXPECT_LT(ROUNDS / 20, (int)self->good);
	EXPECT_LT(ROUNDS / 20, (int)self->bad);
	EXPECT_LT(ROUNDS, (int)watch_loads());
}

TEST_HARNESS_MAIN
