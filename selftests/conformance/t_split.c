// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split virtqueues, good and malformed: groups D1 to D6. */

#include "conf.h"

#define SECT	"virtio 2.7, Split Virtqueues"

/* D1 */

TEST(D1, indices_wrap, SECT,
     "The indices of the rings run on to 65535, and then to 0.")
{
	struct fe *fe;
	struct queue *q;
	u16 id[16];
	unsigned int i, k;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	q->base = 65520;
	q->next_avail = q->avail->idx = 65520;
	q->next_used = q->used->idx = 65520;
	queue_start(fe, q);
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 16; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		work_all_done(fe, q, id, 16, "around the wrap");
	}
}

TEST(D1, ring_filled_to_the_brim, SECT,
     "As many buffers as the ring has descriptors may be on their way at once.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	struct seg s[MAX_SEGS];
	unsigned int i, k, n = q->num / opt.profile->put(fe, 0, s);
	u16 id[QUEUE_NUM];

	for (i = 0; i < 3; i++) {
		for (k = 0; k < n; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		work_all_done(fe, q, id, n, "in a full ring");
	}
}

TEST(D1, avail_index_jumps, SECT,
     "An avail index that is more than the size of the ring ahead, or behind, is an error of the driver.")
{
	static const u16 jump[] = { QUEUE_NUM + 1, 1000, 0x7fff, 0x8000, 0xffff };
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(jump); i++) {
		q = hostile_split(&fe, 0);
		q->avail->idx = jump[i];
		survives(fe, q, "the avail index jumps");
	}
}

/* D2 */

TEST(D2, head_out_of_range, SECT,
     "A head that is no descriptor of the ring is an error of the driver.")
{
	static const u16 head[] = { QUEUE_NUM, QUEUE_NUM + 1, 0x7fff, 0x8000, 0xffff };
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(head); i++) {
		q = hostile_split(&fe, 0);
		split_avail(q, head[i]);
		survives(fe, q, "a head out of range");
	}
}

TEST(D2, head_twice, SECT,
     "So is a head that is made available twice.")
{
	struct seg s[MAX_SEGS];
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	u16 head = split_add(q, s, opt.profile->put(fe, 0, s));

	split_avail(q, head);
	split_avail(q, head);
	survives(fe, q, "a head twice");
}

/* D3 */

TEST(D3, chain_loops, SECT,
     "A chain that comes back to itself ends.")
{
	struct queue *q;
	struct fe *fe;

	q = hostile_split(&fe, 0);
	q->desc[0].next = 0;
	split_avail(q, 0);
	survives(fe, q, "a descriptor that is its own next");
	q = hostile_split(&fe, 0);
	q->desc[1].next = 0;
	split_avail(q, 0);
	survives(fe, q, "two descriptors in a circle");
	q = hostile_split(&fe, 0);
	split_avail(q, 0);
	survives(fe, q, "all descriptors in a circle");
}

TEST(D3, next_out_of_range, SECT,
     "A next descriptor that is none of the ring is an error of the driver.")
{
	static const u16 next[] = { QUEUE_NUM, 0x7fff, 0xffff };
	struct queue *q;
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next); i++) {
		q = hostile_split(&fe, 0);
		q->desc[0].next = next[i];
		split_avail(q, 0);
		survives(fe, q, "a next descriptor out of range");
	}
}

/* Cut a request into pieces, as many as are wanted. */
static unsigned int cut(const struct seg *s, unsigned int n, struct seg *out,
			u32 piece, unsigned int max)
{
	unsigned int i, k = 0;
	u32 off, len;

	for (i = 0; i < n; i++)
		for (off = 0; off < s[i].len; off += len) {
			/* The last piece takes what is left. */
			len = k + (n - i) >= max ? s[i].len - off :
			      (u32)min_u64(piece, s[i].len - off);
			out[k++] = (struct seg){ s[i].gpa + off, len, s[i].write };
		}
	return k;
}

TEST(D3, chain_as_long_as_the_ring, SECT,
     "A chain may have as many descriptors as the ring, and they may be cut anywhere.")
{
	struct seg s[MAX_SEGS], c[QUEUE_NUM];
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int n = opt.profile->put(fe, 0, s), k;
	u16 id;

	k = cut(s, n, c, 1, QUEUE_NUM);
	id = split_add(q, c, k);
	queue_kick(fe, q);
	note("a chain of %u descriptors", k);
	work_done(fe, q, 0, id, "a request in many pieces");
}

/* D4 */

TEST(D4, buffers_across_two_regions, SECT,
     "Memory that goes on in the next region is one range.")
{
	struct seg s[MAX_SEGS];
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int n = opt.profile->put(fe, 0, s);
	struct used u;
	u64 from;
	u32 i;

	/* The first descriptor, half of it on either side. */
	from = s[0].gpa;
	s[0].gpa = MEM_MIDDLE - s[0].len / 2;
	for (i = 0; i < s[0].len; i++)
		*(u8 *)guest_ptr(&fe->g, s[0].gpa + i) =
			*(u8 *)guest_ptr(&fe->g, from + i);
	split_add(q, s, n);
	queue_kick(fe, q);
	u = wait_used(fe, q, "a buffer in two regions");
	for (i = 0; s[0].write && i < s[0].len; i++)
		*(u8 *)guest_ptr(&fe->g, from + i) =
			*(u8 *)guest_ptr(&fe->g, s[0].gpa + i);
	if (opt.profile->check(fe, 0, u.len))
		fail("a buffer in two regions: %s", opt.profile->check(fe, 0, u.len));
}

struct bad_desc {
	u64 addr;
	u32 len;
	const char *what;
};

static const struct bad_desc bad_descs[] = {
	{ 0, 64, "address 0" },
	{ 0x1000, 64, "an address before all memory" },
	{ MEM_END, 64, "an address just after the memory" },
	{ MEM_END - 32, 64, "a range that begins in memory and ends outside" },
	{ MEM_GPA - 32, 64, "a range that begins outside and ends in memory" },
	{ U64_MAX - 31, 64, "a range that wraps to 0" },
	{ U64_MAX, 1, "the last address there is" },
	{ 1ULL << 63, 64, "an address with the top bit set" },
	{ MEM_GPA, 0xffffffff, "a length of 2^32-1" },
	{ MEM_GPA, 0x80000000, "a length of 2^31" },
	{ MEM_UVA, 64, "a user address" },
	{ 0, 0, "address 0 and length 0" },
	{ U64_MAX, 0, "the last address and length 0" },
	{ DATA_GPA, 0, "length 0" },
};

static void spoil(unsigned int which, const struct bad_desc *b)
{
	struct seg s[MAX_SEGS];
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int n = opt.profile->put(fe, 0, s);

	if (which < n) {
		s[which].gpa = b->addr;
		s[which].len = b->len;
		split_add(q, s, n);
		survives(fe, q, b->what);
	} else {
		fe_close(fe);
	}
}

TEST(D4, ranges_outside_of_memory, SECT,
     "A descriptor whose range is not in memory as a whole is not followed: the buffer fails, or the queue.")
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(bad_descs); i++)
		for (k = 0; k < 3; k++)
			spoil(k, &bad_descs[i]);
}

TEST(D4, four_gigabytes_in_one_chain, SECT,
     "The lengths of a chain together may pass 2^32: no sum wraps.")
{
	struct queue *q;
	struct fe *fe;
	u16 i;

	q = hostile_split(&fe, 0);
	for (i = 0; i < 8; i++) {
		q->desc[i].addr = MEM_GPA;
		q->desc[i].len = 0xf0000000;
	}
	q->desc[7].flags &= (u16)~VRING_DESC_F_NEXT;
	split_avail(q, 0);
	survives(fe, q, "a chain of more than 2^32 bytes outside of memory");
}

TEST(D4, same_memory_many_times, SECT,
     "All descriptors of a chain may name the same megabyte: the work is bounded.")
{
	struct queue *q;
	struct fe *fe;
	u16 i;

	q = hostile_split(&fe, 0);
	for (i = 0; i < q->num; i++) {
		q->desc[i].addr = MEM_MIDDLE;
		q->desc[i].len = MEM_SIZE;
	}
	q->desc[q->num - 1].flags &= (u16)~VRING_DESC_F_NEXT;
	split_avail(q, 0);
	survives(fe, q, "a chain of the same megabyte 64 times");
}

/* D5 */

TEST(D5, wrong_directions, SECT,
     "A buffer that is only readable, only writable, or writable before readable, is the device's to refuse.")
{
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int kind, n, i;

	for (kind = 0; kind < 4; kind++) {
		fe = fe_start(0);
		q = work_queue(fe);
		n = opt.profile->put(fe, 0, s);
		for (i = 0; i < n; i++)
			s[i].write = kind == 0 ? true : kind == 1 ? false :
				     kind == 2 ? !s[i].write : i % 2 == 0;
		if (kind == 3)
			s[n++] = (struct seg){ DATA_GPA + 64 * SLOT, 16, false };
		split_add(q, s, n);
		survives(fe, q, "wrong directions");
	}
}

TEST(D5, buffers_in_the_rings, SECT,
     "A buffer that is the ring itself does harm to nobody but the driver.")
{
	static const u64 part[] = { 0, 0x1000, 0x2000 };
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		fe = fe_start(0);
		q = work_queue(fe);
		n = opt.profile->put(fe, 0, s);
		for (k = 0; k < n; k++)
			s[k].gpa = q->at + part[i];
		split_add(q, s, n);
		survives(fe, q, "a buffer in the ring");
	}
}

/* D6 */

static unsigned int good_table(struct fe *fe, u64 at)
{
	struct seg s[MAX_SEGS];
	unsigned int n = opt.profile->put(fe, 0, s), i;

	for (i = 0; i < n; i++)
		table_desc(fe, at, i, s[i].gpa, s[i].len,
			   (s[i].write ? VRING_DESC_F_WRITE : 0) |
			   (i + 1 < n ? VRING_DESC_F_NEXT : 0), (u16)(i + 1));
	return n;
}

static void indirect_at(u64 at, const char *why)
{
	struct fe *fe = fe_start(FE_INDIRECT);
	struct queue *q = work_queue(fe);
	unsigned int n = good_table(fe, at);

	split_desc(q, 0, at, n * 16, VRING_DESC_F_INDIRECT, 0);
	split_avail(q, 0);
	queue_kick(fe, q);
	work_done(fe, q, 0, 0, why);
	fe_close(fe);
}

TEST(D6, indirect_descriptors, "virtio 2.7.5.3, Indirect Descriptors",
     "A buffer may be described by a table elsewhere in memory, wherever that is.")
{
	indirect_at(TABLE, "an indirect table");
	indirect_at(TABLE + 4, "an indirect table that is not aligned");
	indirect_at(MEM_MIDDLE - 8, "an indirect table in two regions");
}

struct bad_table {
	const char *what;
	u64 at;
	u32 len;
	u16 flags;		/* of the descriptor that names the table */
	u16 entry_flags, next;	/* of the table's first entry */
	bool nested;
};

static const struct bad_table bad_tables[] = {
	{ "a table of length 0", TABLE, 0, 0, 0, 0, false },
	{ "a table of length 15", TABLE, 15, 0, 0, 0, false },
	{ "a table of length 17", TABLE, 17, 0, 0, 0, false },
	{ "a table of length 2^32-16", TABLE, 0xfffffff0, 0, 0, 0, false },
	{ "a table outside of memory", 0x1000, 32, 0, 0, 0, false },
	{ "a table that ends outside of memory", MEM_END - 16, 32, 0, VRING_DESC_F_NEXT, 1, false },
	{ "a table that wraps to 0", U64_MAX - 15, 32, 0, 0, 0, false },
	{ "a table and a next descriptor", TABLE, 32, VRING_DESC_F_NEXT, 0, 0, false },
	{ "a table in a table", TABLE, 32, 0, VRING_DESC_F_INDIRECT, 0, true },
	{ "a table whose entry is its own next", TABLE, 32, 0, VRING_DESC_F_NEXT, 0, false },
	{ "a table whose next is outside of it", TABLE, 32, 0, VRING_DESC_F_NEXT, 2, false },
	{ "a table whose next is 65535", TABLE, 32, 0, VRING_DESC_F_NEXT, 0xffff, false },
};

static void bad_indirect(const struct bad_table *t, unsigned int how)
{
	struct fe *fe = fe_start(how);
	struct queue *q = work_queue(fe);
	struct seg s[MAX_SEGS];

	opt.profile->put(fe, 0, s);
	if (t->at >= MEM_GPA && t->at < MEM_END) {
		table_desc(fe, t->at, 0, t->nested ? TABLE : s[0].gpa,
			   t->nested ? 32 : 16,
			   t->entry_flags | (s[0].write ? VRING_DESC_F_WRITE : 0),
			   t->next);
		if (t->at == TABLE)
			table_desc(fe, t->at, 1, s[0].gpa, 16, 0, 0);
	}
	split_desc(q, 0, t->at, t->len, VRING_DESC_F_INDIRECT | t->flags, 1);
	split_desc(q, 1, s[0].gpa, 16, s[0].write ? VRING_DESC_F_WRITE : 0, 0);
	split_avail(q, 0);
	survives(fe, q, t->what);
}

TEST(D6, indirect_tables_that_make_no_sense, "virtio 2.7.5.3, Indirect Descriptors",
     "A table that is empty, cut, too long, outside of memory, nested or endless is an error of the driver.")
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_tables); i++)
		bad_indirect(&bad_tables[i], FE_INDIRECT);
}

TEST(D6, indirect_without_the_feature, "virtio 2.7.5.3, Indirect Descriptors",
     "An indirect descriptor that was not negotiated is an error of the driver, or is followed.")
{
	static const struct bad_table t = { "a table, not negotiated", TABLE, 32,
					    0, VRING_DESC_F_NEXT, 1, false };

	bad_indirect(&t, 0);
}
