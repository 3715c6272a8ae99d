// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: a virtqueue whose driver, device and session do as they like. */
#include <errno.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "../../src/vu/dirty.h"
#include "../../src/vu/mem.h"
#include "../../src/vu/vring.h"
#include "input.h"

/*
 * Guest memory is two adjacent regions and one behind a hole; the rings are at
 * the start of the first. The input is first laid over that memory, then it
 * is a program: each step lets the driver change something, or the device or
 * the session do something, or the front-end the in-flight record. What must
 * hold is checked after each.
 */
#define SIZE	0x1000u
#define LOW	0x10000ULL
#define HIGH	0x20000ULL
#define UVA	0x100000ULL
#define HELD	16u
#define LOG_LEN	4u	/* bytes of dirty log: not all of the memory */

struct world {
	struct input in;
	struct mem mem;
	struct vq vq;
	unsigned int num;
	bool packed;
	u8 *record;
	size_t record_len;
	struct dirty_log log;
	struct vq_buf held[HELD];
	bool is_held[HELD];
	unsigned int broke;
};

static void on_broke(struct vq *vq)
{
	struct world *w = vq->owner;

	w->broke++;
}

static const struct vq_ops ops = { .broke = on_broke };

static void add_region(struct mem *m, u64 gpa)
{
	m->region[m->nr++] = (struct mem_region){
		.gpa = gpa, .uva = gpa + UVA, .size = SIZE,
		.host = aligned_alloc(16, SIZE),
	};
	memset(m->region[m->nr - 1].host, 0, SIZE);
}

static u8 *low(struct world *w)
{
	return w->mem.region[0].host;
}

/* A packed ring's driver area, device area. */
static u32 avail_off(const struct world *w)
{
	return w->num * 16;
}

static u32 used_off(const struct world *w)
{
	if (w->packed)
		return w->num * 16 + 4;
	return (w->num * 18 + 6 + 3) & ~3u;
}

static void set_features(struct world *w, bool event_idx, bool indirect)
{
	u64 f = 0;

	if (w->packed)
		f |= BIT_ULL(VIRTIO_F_RING_PACKED);
	if (event_idx)
		f |= BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	if (indirect)
		f |= BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	vq_set_features(&w->vq, f);
}

/* Another ring: of which kind, and how large. */
static void set_size(struct world *w, bool packed, unsigned int size)
{
	w->packed = packed;
	w->num = packed ? 1 + size * 11 % 64 : 1u << size % 7;
}

static void set_base(struct world *w)
{
	u16 base = take_u8(&w->in);

	if (!w->packed)
		MUST(!vq_set_base(&w->vq, base));
	else if (base & 1)
		vq_set_base(&w->vq, take_u32(&w->in));
}

static void connect(struct world *w)
{
	int ret;

	MUST(!vq_set_num(&w->vq, w->num));
	w->broke = 0;
	set_base(w);
	MUST(!vq_set_addr(&w->vq, &w->mem, LOW + UVA,
			  LOW + UVA + avail_off(w), LOW + UVA + used_off(w)));
	ret = vq_start(&w->vq);
	MUST(!ret || (ret == -EINVAL && w->vq.inflight && !w->vq.started));
	vq_enable(&w->vq, true);
}

/* A new record, as it should be in the beginning, and else anything. */
static void set_record(struct world *w, u8 what)
{
	u16 head[2] = { 1, (u16)w->num };
	u8 len = what & 0x80 ? 0 : take_u8(&w->in);

	MUST(!vq_set_inflight(&w->vq, NULL, 0));
	free(w->record);
	w->record_len = vq_inflight_len(w->packed, w->num);
	w->record = calloc(1, w->record_len);
	if (len) {
		memcpy(w->record + 8, head, sizeof(head));
		take(&w->in, w->record + 12, min_size(len, w->record_len - 12));
	}
	vq_set_inflight(&w->vq, w->record, w->record_len);
}

/* This process is no more; the next one has what the record says. */
static void die(struct world *w)
{
	unsigned int i;

	for (i = 0; i < HELD; i++)
		if (w->is_held[i])
			vq_drop(&w->vq, &w->held[i]);
	memset(w->is_held, 0, sizeof(w->is_held));
	vq_fini(&w->vq);
	vq_init(&w->vq, 0, &ops, w);
	vq_set_log(&w->vq, &w->log, true, LOW + used_off(w));
	set_features(w, true, true);
	if (w->record)
		vq_set_inflight(&w->vq, w->record, w->record_len);
	connect(w);
}

/* Something that may be a valid descriptor. */
static void put_desc(struct world *w, u8 *table, u32 entries)
{
	static const u64 addrs[] = { LOW, LOW + SIZE - 8, LOW + 2 * SIZE - 8,
				     HIGH, HIGH + SIZE - 8, LOW + 0x800, 0, ~0ULL };
	struct vring_desc d;
	u8 kind = take_u8(&w->in);

	d.addr = addrs[kind % 8] + take_u8(&w->in) % 16;
	d.len = kind & 0x80 ? take_u32(&w->in) : 16u * (take_u8(&w->in) % 64);
	d.flags = kind >> 3 & 7;
	d.next = take_u8(&w->in);
	memcpy(table + 16 * (take_u8(&w->in) % entries), &d, sizeof(d));
}

/* A chain over the whole table of the ring, too long to be held inline. */
static void put_long_chain(struct world *w)
{
	struct vring_desc d = { .addr = LOW + 0x800, .len = 4 };
	u32 i;

	for (i = 0; i < w->num; i++) {
		d.next = (u16)(i + 1);
		d.flags = i + 1 < w->num ? VRING_DESC_F_NEXT : 0;
		memcpy(low(w) + 16 * i, &d, sizeof(d));
	}
}

static void make_available(struct world *w)
{
	u8 *avail = low(w) + avail_off(w);
	u16 v = take_u8(&w->in);

	memcpy(avail + 4 + 2 * (w->vq.last_avail & (w->num - 1)), &v, 2);
	v = w->vq.last_avail + 1;
	memcpy(avail + 2, &v, 2);
}

/*
 * The descriptor @ahead of what will be fetched next, as it is, made available:
 * its id and flags are where a split one has flags and next.
 */
static void make_packed_available(struct world *w, u32 ahead, u16 id, u16 flags)
{
	u32 i = w->vq.last_avail + ahead % w->num;
	bool wrap = w->vq.avail_wrap ^ (i >= w->num);
	u8 *d = low(w) + 16 * (i % w->num);

	flags = (flags & 7) | (wrap ? 1u << VRING_PACKED_DESC_F_AVAIL :
				      1u << VRING_PACKED_DESC_F_USED);
	memcpy(d + 12, &id, 2);
	memcpy(d + 14, &flags, 2);
}

static void make_packed_buffer(struct world *w, u8 what)
{
	u16 id = take_u8(&w->in) % (w->num + 1);
	u32 n = 1 + (what >> 3) % 4;

	while (n--)
		make_packed_available(w, n, id, take_u8(&w->in) & 6);
}

static void make_packed_chain(struct world *w)
{
	u16 id = take_u8(&w->in) % w->num;
	u32 n = 1 + take_u8(&w->in) % (w->num + 1), i;

	for (i = n; i--;)
		make_packed_available(w, i, id, i + 1 < n);
}

/* Anything anywhere. */
static void scribble(struct world *w)
{
	u16 v = take_u16(&w->in);

	if (w->record && (v & 0x8000))
		w->record[v % w->record_len] = take_u8(&w->in);
	else
		low(w)[v % SIZE] = take_u8(&w->in);
}

static void driver_step(struct world *w, u8 what)
{
	switch (what % 5) {
	case 0:
		put_desc(w, low(w), w->num);
		break;
	case 1:	/* an indirect table of four */
		put_desc(w, low(w) + 0x800, 4);
		break;
	case 2:	/* something available, most often a good one */
		if (w->packed)
			make_packed_buffer(w, what);
		else
			make_available(w);
		break;
	case 3:
		put_long_chain(w);
		if (w->packed)
			make_packed_chain(w);
		break;
	default:
		scribble(w);
		break;
	}
}

static void check_buf(struct world *w, const struct vq_buf *b)
{
	u64 out = 0, in = 0;
	unsigned int i, k;

	MUST(b->vq == &w->vq && b->head < w->num);
	MUST(b->nr_out + b->nr_in <= VQ_MAX_SEGS);
	for (i = 0; i < b->nr_out + b->nr_in; i++) {
		const u8 *p = b->iov[i].iov_base;
		const struct mem_region *r = NULL;

		for (k = 0; k < w->mem.nr; k++)
			if (p >= w->mem.region[k].host &&
			    p + b->iov[i].iov_len <= w->mem.region[k].host + SIZE)
				r = &w->mem.region[k];
		MUST(r && b->iov[i].iov_len);
		*(i < b->nr_out ? &out : &in) += b->iov[i].iov_len;
	}
	MUST(out == b->out_len && in == b->in_len);
	for (i = 0; i < HELD; i++)
		MUST(!w->is_held[i] || &w->held[i] == b ||
		     w->held[i].gen != b->gen || w->held[i].head != b->head);
}

static void pop(struct world *w, unsigned int i)
{
	bool pending = vq_pending(&w->vq), was_broken = w->vq.broken;
	int ret;

	if (w->is_held[i])
		return;
	ret = vq_pop(&w->vq, &w->held[i]);
	if (ret == 1) {
		MUST(pending);
		w->is_held[i] = true;
		check_buf(w, &w->held[i]);
		return;
	}
	MUST(!w->held[i].vq);
	if (ret < 0)
		MUST(w->vq.broken && w->vq.why && pending);
	else
		MUST(!pending || w->vq.broken);
	if (was_broken)
		MUST(!ret);
}

static void device_step(struct world *w, u8 what)
{
	unsigned int i = (what >> 3) % HELD;
	u8 bytes[300] = { 0 };

	switch (what % 4) {
	case 0:
		pop(w, i);
		break;
	case 1:
		if (w->is_held[i])
			vq_push(&w->vq, &w->held[i], take_u32(&w->in));
		w->is_held[i] = false;
		break;
	case 2:
		if (w->is_held[i])
			vq_drop(&w->vq, &w->held[i]);
		w->is_held[i] = false;
		break;
	default:
		if (!w->is_held[i])
			break;
		MUST(vq_buf_read(&w->held[i], what, bytes, sizeof(bytes)) <=
		     w->held[i].out_len);
		MUST(vq_buf_write(&w->held[i], what, bytes, sizeof(bytes)) <=
		     w->held[i].in_len);
		break;
	}
}

static void session_step(struct world *w, u8 what)
{
	switch (what % 8) {
	case 0:
		vq_enable(&w->vq, what & 0x80);
		break;
	case 1:
		vq_take_pushed(&w->vq);
		break;
	case 2:
		MUST(vq_stop(&w->vq) == vq_stop(&w->vq));
		break;
	case 3:
		vq_start(&w->vq);
		break;
	case 4:
		if (what & 0x80)
			MUST(!w->vq.have_addr ||
			     vq_set_mem(&w->vq, NULL) == -EFAULT);
		else
			MUST(!vq_set_mem(&w->vq, &w->mem));
		break;
	case 5:
		if (what & 0x80)
			die(w);
		else
			vq_set_base(&w->vq, take_u16(&w->in));
		break;
	case 6:
		set_features(w, what & 0x80, what & 0x40);
		if (what & 0x20)
			set_record(w, what << 3 & 0x80);
		break;
	default:
		set_size(w, what & 8, what >> 4);
		set_features(w, w->vq.event_idx, w->vq.indirect);
		connect(w);
		break;
	}
}

static void check_world(const struct world *w)
{
	unsigned int i, out = 0;

	for (i = 0; i < HELD; i++)
		out += w->is_held[i] && w->held[i].gen == w->vq.gen;
	MUST(vq_out(&w->vq) == out);
	MUST(w->vq.broken == (w->broke == 1) && w->broke <= 1);
	MUST(!w->vq.broken == !w->vq.why);
}

static void run(struct world *w)
{
	u8 what;

	while (w->in.left) {
		what = take_u8(&w->in);
		switch (what % 4) {
		case 0:
		case 1:
			driver_step(w, what >> 2);
			break;
		case 2:
			device_step(w, what >> 2);
			break;
		default:
			/* Rarer, or nothing would ever get far. */
			if (what & 4)
				session_step(w, take_u8(&w->in));
			else
				device_step(w, what & ~3);
			break;
		}
		check_world(w);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;
	unsigned int i;
	u8 first;

	memset(&w, 0, sizeof(w));
	w.in = (struct input){ data, size };
	add_region(&w.mem, LOW);
	add_region(&w.mem, LOW + SIZE);
	add_region(&w.mem, HIGH);
	vq_init(&w.vq, 0, &ops, &w);
	first = take_u8(&w.in);
	set_size(&w, first & 0x20, first & 7);
	set_features(&w, first & 0x80, !(first & 0x40));
	w.log = (struct dirty_log){ calloc(1, LOG_LEN), LOG_LEN };
	vq_set_log(&w.vq, &w.log, true, LOW + used_off(&w));
	if (first & 0x10)
		set_record(&w, first << 4);
	take(&w.in, low(&w), take_u8(&w.in));
	connect(&w);
	run(&w);
	for (i = 0; i < HELD; i++)
		if (w.is_held[i])
			vq_drop(&w.vq, &w.held[i]);
	vq_fini(&w.vq);
	free(w.record);
	free(w.log.bits);
	for (i = 0; i < w.mem.nr; i++)
		free(w.mem.region[i].host);
	return 0;
}
