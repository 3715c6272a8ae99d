// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Packed virtqueues, good and hostile. */
#include "conf.h"

#define SECT	"virtio 2.8, Packed Virtqueues"
#define AVAIL	(1u << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1u << VRING_PACKED_DESC_F_USED)

TEST(P, work, SECT,
     "A packed ring works, several times around.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	unsigned int i;

	for (i = 0; i < 3 * QUEUE_NUM; i++)
		work(fe, q, "on a packed ring");
}

TEST(P, many_at_once, SECT,
     "So with many buffers on their way at once.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	struct seg s[MAX_SEGS];
	unsigned int i, k, n = q->num / opt.profile->put(fe, 0, s);
	u16 id[QUEUE_NUM];

	for (i = 0; i < 7; i++) {
		for (k = 0; k < n; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		work_all_done(fe, q, id, n, "in a full packed ring");
	}
}

TEST(P, size_that_is_no_power_of_two, SECT,
     "The size of a packed ring need not be a power of two.")
{
	static const u32 num[] = { 3, 5, 24, 100, 255 };
	struct fe *fe;
	struct queue *q;
	unsigned int i, k;

	need_work();
	for (i = 0; i < ARRAY_SIZE(num); i++) {
		fe = fe_open(FE_PACKED);
		q = work_queue(fe);
		queue_init(&fe->g, q, q->index, num[i], true);
		queue_start(fe, q);
		for (k = 0; k < 12; k++)
			work(fe, q, "on a packed ring of an odd size");
		fe_close(fe);
	}
}

static u16 wrapped(bool wrap, u16 i)
{
	return (u16)((wrap ? 0x8000 : 0) | i);
}

TEST(P, base_has_both_indices, "Vring descriptor indices for packed virtqueues",
     "The base of a packed ring is two indices with their wrap counters: avail in the lower half, used in the upper.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	unsigned int i, k;
	u32 base, want;

	for (i = 0; i < 2 * QUEUE_NUM; i += 5) {
		for (k = 0; k < 5; k++)
			work(fe, q, "before the stop");
		base = queue_stop(fe, q);
		want = (u32)wrapped(q->used_wrap, q->next_used) << 16 |
		       wrapped(q->avail_wrap, q->next_avail);
		if (base != want)
			fail("GET_VRING_BASE: expected %#x; came: %#x", want, base);
		q->base = base;
		queue_setup(fe, q);
		queue_fds(fe, q);
	}
}

TEST(P, nothing_is_lost_over_a_stop, "Front-end message types, GET_VRING_BASE",
     "A packed ring that is stopped and started again goes on where it was.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	unsigned int i, k;
	u16 id[6];

	for (i = 0; i < 20; i++) {
		for (k = 0; k < 6; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		q->base = queue_stop(fe, q);
		queue_setup(fe, q);
		queue_fds(fe, q);
		work_all_done(fe, q, id, 6, "over a stop");
	}
}

TEST(P, no_interrupt, "virtio 2.8.10, Driver and Device Event Suppression",
     "A driver that asks for no notification gets its buffers back; when it asks again they come.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	unsigned int i;
	u16 id;

	for (i = 0; i < 5; i++) {
		queue_no_interrupt(q, true);
		id = work_put(fe, q, 0);
		queue_kick(fe, q);
		work_done(fe, q, 0, id, "with notifications disabled");
		target_settles();
		queue_no_interrupt(q, false);
		work(fe, q, "with notifications enabled");
	}
}

TEST(P, events_of_all_kinds, "virtio 2.8.10, Driver and Device Event Suppression",
     "Whichever entry of the ring the driver names for its next notification, buffers come back.")
{
	struct fe *fe = fe_start(FE_PACKED | FE_EVENT_IDX);
	struct queue *q = work_queue(fe);
	unsigned int i;
	u16 id;

	for (i = 0; i < 80; i++) {
		WRITE_ONCE(q->driver->off_wrap,
			   (u16)(i * 7 % q->num | (i & 1) << 15));
		WRITE_ONCE(q->driver->flags, (u16)(i % 3));
		id = work_put(fe, q, 0);
		queue_kick(fe, q);
		work_done(fe, q, 0, id, "with some event");
	}
}

TEST(P, events_that_make_no_sense, "virtio 2.8.10, Driver and Device Event Suppression",
     "An event beyond the ring, or flags that there are not, break the queue at worst.")
{
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		fe = fe_start(FE_PACKED | FE_EVENT_IDX);
		q = work_queue(fe);
		WRITE_ONCE(q->driver->off_wrap, (u16)(0x7fff - i * 40503u));
		WRITE_ONCE(q->driver->flags, (u16)(i < 4 ? 2 : 0xffff - i));
		WRITE_ONCE(q->device->off_wrap, 0xffff);
		WRITE_ONCE(q->device->flags, 0xffff);
		work_put(fe, q, 0);
		survives(fe, q, "an event that makes no sense");
	}
}

TEST(P, memory_replaced, "Ring states",
     "A memory table can be replaced while a packed ring runs.")
{
	struct fe *fe = fe_start(FE_PACKED);
	struct queue *q = work_queue(fe);
	unsigned int i, k;
	u16 id[6];

	for (i = 0; i < 20; i++) {
		for (k = 0; k < 6; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		fe_mem(fe);
		work_all_done(fe, q, id, 6, "under SET_MEM_TABLE");
	}
}

/* Indirect */

static unsigned int good_table(struct fe *fe, u64 at)
{
	struct vring_packed_desc *d = guest_ptr(&fe->g, at);
	struct seg s[MAX_SEGS];
	unsigned int n = opt.profile->put(fe, 0, s), i;

	for (i = 0; i < n; i++) {
		d[i].addr = s[i].gpa;
		d[i].len = s[i].len;
		d[i].id = 0;
		d[i].flags = s[i].write ? VRING_DESC_F_WRITE : 0;
	}
	return n;
}

TEST(P, indirect_descriptors, "virtio 2.8.7, Indirect Flag",
     "A buffer of a packed ring may be described by a table, whose entries are used in their order.")
{
	struct fe *fe = fe_start(FE_PACKED | FE_INDIRECT);
	struct queue *q = work_queue(fe);
	unsigned int n = good_table(fe, TABLE);

	q->chain_len[9] = 1;
	packed_desc(q, 0, TABLE, n * 16, 9, VRING_DESC_F_INDIRECT | AVAIL);
	queue_kick(fe, q);
	work_done(fe, q, 0, 9, "an indirect table");
}

/* Malformed rings */

static struct queue *hostile(struct fe **fe, unsigned int how, struct seg *s)
{
	struct queue *q;

	*fe = fe_start(FE_PACKED | how);
	q = work_queue(*fe);
	opt.profile->put(*fe, 0, s);
	s[0].len = 16;
	return q;
}

static u16 dir(const struct seg *s)
{
	return s->write ? VRING_DESC_F_WRITE : 0;
}

TEST(P, chain_longer_than_the_ring, SECT,
     "A chain that goes on for the whole ring, and would go on, ends.")
{
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	u16 i;

	q = hostile(&fe, 0, s);
	for (i = 0; i < q->num; i++)
		packed_desc(q, i, s[0].gpa, 16, 0,
			    VRING_DESC_F_NEXT | dir(s) | AVAIL);
	survives(fe, q, "all entries of the ring with NEXT");
}

TEST(P, ids_that_make_no_sense, SECT,
     "A buffer id beyond the size of the ring, or one that is on its way already, is an error of the driver or harmless.")
{
	static const u16 id[] = { QUEUE_NUM, 0x7fff, 0xffff };
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(id); i++) {
		q = hostile(&fe, 0, s);
		packed_desc(q, 0, s[0].gpa, 16, id[i], dir(s) | AVAIL);
		survives(fe, q, "a buffer id out of range");
	}
	q = hostile(&fe, 0, s);
	for (i = 0; i < 8; i++)
		packed_desc(q, (u16)i, s[0].gpa, 16, 3, dir(s) | AVAIL);
	survives(fe, q, "the same buffer id eight times");
}

TEST(P, flags_that_make_no_sense, SECT,
     "Entries whose AVAIL and USED bits are those of neither wrap, or change within a chain, are not available.")
{
	static const u16 flags[] = { 0, USED, AVAIL | USED, 0xffff, 0x7fff };
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		q = hostile(&fe, 0, s);
		packed_desc(q, 0, s[0].gpa, 16, 0, flags[i]);
		survives(fe, q, "flags of neither wrap");
		q = hostile(&fe, 0, s);
		packed_desc(q, 1, s[0].gpa, 16, 0, flags[i]);
		packed_desc(q, 0, s[0].gpa, 16, 0,
			    VRING_DESC_F_NEXT | dir(s) | AVAIL);
		survives(fe, q, "a chain whose second entry is not available");
	}
}

TEST(P, ranges_outside_of_memory, SECT,
     "A descriptor whose range is not in memory is not followed.")
{
	static const u64 addr[] = { 0, 0x1000, MEM_GPA + 2 * MEM_SIZE - 8,
				    U64_MAX - 7, 1ULL << 63 };
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		q = hostile(&fe, 0, s);
		packed_desc(q, 0, addr[i], 64, 0, dir(s) | AVAIL);
		survives(fe, q, "a range outside of memory");
	}
}

TEST(P, indirect_tables_that_make_no_sense, "virtio 2.8.7, Indirect Flag",
     "A table that is empty, cut, outside of memory, nested, or has a next entry is an error of the driver.")
{
	static const struct { u64 at; u32 len; u16 flags, entry; } bad[] = {
		{ TABLE, 0, 0, 0 }, { TABLE, 17, 0, 0 },
		{ TABLE, 0xfffffff0, 0, 0 }, { 0x1000, 32, 0, 0 },
		{ U64_MAX - 15, 32, 0, 0 },
		{ TABLE, 32, VRING_DESC_F_NEXT, 0 },
		{ TABLE, 32, 0, VRING_DESC_F_INDIRECT },
		{ TABLE, 32, 0, VRING_DESC_F_NEXT },
	};
	struct vring_packed_desc *d;
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		q = hostile(&fe, FE_INDIRECT, s);
		d = guest_ptr(&fe->g, TABLE);
		for (k = 0; k < 2; k++) {
			d[k].addr = bad[i].entry & VRING_DESC_F_INDIRECT ? TABLE : s[0].gpa;
			d[k].len = 16;
			d[k].flags = dir(s) | bad[i].entry;
		}
		packed_desc(q, 1, s[0].gpa, 16, 0, dir(s) | AVAIL);
		packed_desc(q, 0, bad[i].at, bad[i].len, 0,
			    VRING_DESC_F_INDIRECT | bad[i].flags | AVAIL);
		survives(fe, q, "an indirect table that makes no sense");
	}
}

TEST(P, sizes_that_no_ring_has, "Front-end message types, SET_VRING_NUM",
     "The size of a packed ring is from 1 to 32768.")
{
	static const u32 num[] = { 0, 32769, 65536, 0xffffffff };
	struct fe *fe = fe_open(FE_PACKED);
	struct vhost_user_vring_state st = { .index = 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num); i++) {
		st.num = num[i];
		if (!refused(fe, SET_VRING_NUM, &st, sizeof(st), NULL, 0,
			     "with an impossible size")) {
			fe_close(fe);
			fe = fe_open(FE_PACKED);
		}
	}
}

TEST(P, base_beyond_the_ring, "Vring descriptor indices for packed virtqueues",
     "A base whose indices are beyond the size of the ring is refused, or the ring does not run.")
{
	static const u32 base[] = { 0x8000ffff, 0xffff8000, 0xffffffff, 0x80408040 };
	struct queue *q;
	struct fe *fe;
	unsigned int i;
	u64 v;
	struct vhost_user_vring_state st;
	struct vhost_user_vring_addr a;
	struct outcome o;

	need_work();
	for (i = 0; i < ARRAY_SIZE(base); i++) {
		fe = fe_open(FE_PACKED);
		q = work_queue(fe);
		must_state(fe, SET_VRING_NUM, q->index, q->num);
		st = (struct vhost_user_vring_state){ q->index, base[i] };
		o = ask(fe, SET_VRING_BASE, ACKED, &st, sizeof(st), NULL, 0);
		a = vring_addr(q);
		if (!o.closed)
			o = ask(fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0);
		v = q->index | 0x100;
		if (!o.closed)
			o = ask(fe, SET_VRING_KICK, ACKED, &v, sizeof(v), NULL, 0);
		if (!o.closed)
			target_settles();
		fe_close(fe);
	}
}
