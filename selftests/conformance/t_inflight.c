// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Inflight I/O tracking: R18. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"

#define SECT	"Inflight I/O tracking"

/* The record of one split queue; that of queue 0 is at the beginning. */
struct split_record {
	u64 features;
	u16 version, desc_num, last_batch_head, used_idx;
	struct {
		u8 inflight, padding[5];
		u16 next;
		u64 counter;
	} desc[QUEUE_NUM];
};

struct inflight {
	struct inflight_desc d;
	int fd;
	struct split_record *r;
};

static struct inflight get_inflight(struct fe *fe, u16 queues, u16 size)
{
	struct inflight_desc d = { .num_queues = queues, .queue_size = size };
	struct inflight in = { .fd = -1 };
	struct outcome o;
	struct stat sb;
	void *p;

	o = ask(fe, GET_INFLIGHT_FD, PLAIN, &d, sizeof(d), NULL, 0);
	if (o.closed || o.replies != 1 || o.m.hdr.request != GET_INFLIGHT_FD ||
	    o.m.hdr.size < 20 || o.m.nfds != 1)
		fail("GET_INFLIGHT_FD: expected an answer with a file; came: %s, %u files",
		     describe(&o), o.m.nfds);
	memcpy(&in.d, o.m.payload, min_size(sizeof(in.d), o.m.hdr.size));
	in.fd = o.m.fds[0];
	if (fstat(in.fd, &sb) < 0 || in.d.mmap_offset > (u64)sb.st_size ||
	    in.d.mmap_size > (u64)sb.st_size - in.d.mmap_offset ||
	    in.d.mmap_size < (u64)queues * 16 * size)
		fail("GET_INFLIGHT_FD: expected a file with room for %u queues of %u; came: size %llu at %llu in a file of %lld",
		     queues, size, (unsigned long long)in.d.mmap_size,
		     (unsigned long long)in.d.mmap_offset, (long long)sb.st_size);
	p = mmap(NULL, in.d.mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, in.fd,
		 (off_t)in.d.mmap_offset);
	if (p == MAP_FAILED)
		fail("GET_INFLIGHT_FD: expected a file that can be mapped");
	in.r = p;
	return in;
}

/* Negotiated, with memory; the queue of work is not set up yet. */
static struct fe *open_inflight(struct inflight *in)
{
	struct fe *fe;

	need_work();
	fe = fe_open(0);
	need_pf(fe, PF_INFLIGHT_SHMFD, "INFLIGHT_SHMFD");
	*in = get_inflight(fe, (u16)(opt.profile->queue + 1), QUEUE_NUM);
	return fe;
}

static void set_inflight(struct fe *fe, const struct inflight *in)
{
	must_ask(fe, SET_INFLIGHT_FD, &in->d, sizeof(in->d), &in->fd, 1);
}

TEST(R18, record_is_empty_at_first, SECT,
     "GET_INFLIGHT_FD gives a file that is all zeros, large enough for the queues.")
{
	struct inflight in;
	const u8 *p;
	u64 i;

	open_inflight(&in);
	p = (const u8 *)in.r;
	for (i = 0; i < in.d.mmap_size; i++)
		if (p[i])
			fail("expected zeros; byte %llu is %#x", (unsigned long long)i,
			     p[i]);
}

TEST(R18, nothing_in_flight_when_all_is_used, SECT,
     "After SET_INFLIGHT_FD work goes on, and what is used is not in flight any more.")
{
	struct inflight in;
	struct fe *fe = open_inflight(&in);
	struct queue *q = work_queue(fe);
	unsigned int i;

	set_inflight(fe, &in);
	queue_start(fe, q);
	for (i = 0; i < 100; i++)
		work(fe, q, "with a record");
	queue_stop(fe, q);
	if (opt.profile->queue)
		return;		/* where its record is, is the back-end's choice */
	for (i = 0; i < QUEUE_NUM; i++)
		if (in.r->desc[i].inflight)
			fail("expected no buffer to be in flight; %u is", i);
	if (in.r->used_idx != q->used->idx)
		fail("expected the used index of the record to be %u; it is %u",
		     q->used->idx, in.r->used_idx);
}

TEST(R18, what_was_in_flight_is_done_again, SECT,
     "What the record says was in flight, and is not used, is processed again when the ring starts.")
{
	struct inflight in;
	struct fe *fe = open_inflight(&in);
	struct queue *q = work_queue(fe);
	u16 id;

	if (opt.profile->queue)
		skip("where the record of this queue is, is the back-end's choice");
	/* As a back-end leaves it that has died with one buffer fetched. */
	id = work_put(fe, q, 0);
	q->base = 1;
	in.r->version = 1;
	in.r->desc_num = QUEUE_NUM;
	in.r->desc[id].inflight = 1;
	in.r->desc[id].counter = 1;
	set_inflight(fe, &in);
	queue_start(fe, q);
	work_done(fe, q, 0, id, "in flight, says the record");
	work(fe, q, "after that");
}

static void hostile_record(unsigned int kind, struct split_record *r, u64 size)
{
	unsigned int i;

	r->version = 1;
	r->desc_num = QUEUE_NUM;
	switch (kind) {
	case 0:
		memset(r, 0xff, size);
		break;
	case 1:
		r->desc_num = 0xffff;
		break;
	case 2:
		r->used_idx = 0x8000;
		r->last_batch_head = 0xffff;
		break;
	case 3:
		for (i = 0; i < QUEUE_NUM; i++)
			r->desc[i].inflight = (u8)(i + 1);
		break;
	case 4:
		for (i = 0; i < QUEUE_NUM; i++) {
			r->desc[i].next = (u16)(i * 4099);
			r->desc[i].inflight = 1;
			r->desc[i].counter = U64_MAX - i;
		}
		r->used_idx = 1;
		break;
	case 5:
		r->version = 0xffff;
		break;
	default:
		for (i = 0; i < QUEUE_NUM; i++)
			r->desc[i].next = 0;
		r->used_idx = 5;
	}
}

TEST(R18, hostile_records, SECT,
     "The record comes from the front-end: whatever stands in it leads to no crash and no loop.")
{
	struct inflight in;
	struct queue *q;
	struct fe *fe;
	unsigned int i;
	u64 v;

	for (i = 0; i < 7; i++) {
		fe = open_inflight(&in);
		q = work_queue(fe);
		note("hostile record %u", i);
		hostile_record(i, in.r, in.d.mmap_size);
		if (!ask(fe, SET_INFLIGHT_FD, ACKED, &in.d, sizeof(in.d), &in.fd, 1).closed) {
			queue_setup(fe, q);
			v = q->index | 0x100;
			if (!ask(fe, SET_VRING_ENABLE, ACKED,
				 &(struct vhost_user_vring_state){ q->index, 1 }, 8, NULL, 0).closed)
				ask(fe, SET_VRING_KICK, ACKED, &v, sizeof(v), NULL, 0);
			target_settles();
		}
		fe_close(fe);
	}
}

TEST(R18, descriptions_that_make_no_sense, SECT,
     "SET_INFLIGHT_FD whose sizes do not fit each other or the file is refused.")
{
	struct inflight in;
	struct inflight_desc d;
	struct fe *fe = open_inflight(&in);
	unsigned int i;

	for (i = 0; i < 6; i++) {
		d = in.d;
		if (i == 0)
			d.mmap_size = 0;
		if (i == 1)
			d.mmap_size = U64_MAX;
		if (i == 2)
			d.mmap_offset = U64_MAX - 0xfff;
		if (i == 3)
			d.num_queues = 0xffff;
		if (i == 4)
			d.queue_size = 0xffff;
		if (i == 5)
			d.mmap_offset = 1 << 30;
		if (!refused(fe, SET_INFLIGHT_FD, &d, sizeof(d), &in.fd, 1,
			     "that makes no sense")) {
			fe_close(fe);
			fe = open_inflight(&in);
		}
	}
}

TEST(R18, ring_larger_than_its_record, SECT,
     "A ring that is larger than the record has room for is refused, or works without it; nothing is written beyond.")
{
	struct inflight in;
	struct queue *q;
	struct fe *fe;
	struct outcome o;
	struct vhost_user_vring_state s;

	need_work();
	fe = fe_open(0);
	need_pf(fe, PF_INFLIGHT_SHMFD, "INFLIGHT_SHMFD");
	in = get_inflight(fe, (u16)(opt.profile->queue + 1), 8);
	q = work_queue(fe);
	set_inflight(fe, &in);
	s = (struct vhost_user_vring_state){ q->index, 256 };
	o = ask(fe, SET_VRING_NUM, ACKED, &s, sizeof(s), NULL, 0);
	if (!o.closed) {
		queue_init(&fe->g, q, q->index, 256, false);
		q->free = 200;
		work_put(fe, q, 0);
		target_settles();
		settle(fe);
	}
}

TEST(R18, asked_for_again_and_again, "Front-end message types, GET_INFLIGHT_FD",
     "GET_INFLIGHT_FD 300 times costs no files and no mappings.")
{
	struct inflight_desc d = { .num_queues = 1, .queue_size = QUEUE_NUM };
	struct inflight in;
	struct fe *fe = open_inflight(&in);
	int fds = target_fds(""), maps = target_maps("");
	unsigned int i, k;
	struct outcome o;

	for (i = 0; i < 300; i++) {
		o = ask(fe, GET_INFLIGHT_FD, PLAIN, &d, sizeof(d), NULL, 0);
		for (k = 0; k < o.m.nfds; k++)
			close(o.m.fds[k]);
	}
	if (fds >= 0)
		wait_target_fds("", fds, "after 300 GET_INFLIGHT_FD");
	if (maps >= 0 && target_maps("") > maps + 50)
		fail("expected no more mappings than before; there are %d more",
		     target_maps("") - maps);
}
