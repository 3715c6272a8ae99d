// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The dirty log: R17. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"

#define SECT		"Migration"
#define LOG_PAGE	4096ULL
#define LOG_NEEDS	((MEM_GPA + MEM_REGIONS * MEM_SIZE) / LOG_PAGE / 8)
#define LOG_FILE	8192u

struct log {
	int fd;
	u8 *map;
};

static struct log new_log(void)
{
	struct log l = { .fd = tmp_memfd("vu-conf-log", LOG_FILE) };

	l.map = mmap(NULL, LOG_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, l.fd, 0);
	if (l.map == MAP_FAILED)
		broken("mmap");
	return l;
}

static struct outcome set_log(struct fe *fe, const struct log *l, u64 size,
			      u64 offset, bool fd)
{
	struct log_desc d = { size, offset };

	return ask(fe, SET_LOG_BASE, PLAIN, &d, sizeof(d), &l->fd, fd);
}

static struct fe *open_log(void)
{
	struct fe *fe;

	need_work();
	fe = fe_connect();
	fe->offered = get_u64(fe, GET_FEATURES);
	if (!offers(fe, F_LOG_ALL))
		skip("virtio feature LOG_ALL is not offered");
	fe_negotiate(fe, FE_LOG);
	need_pf(fe, PF_LOG_SHMFD, "LOG_SHMFD");
	fe_mem(fe);
	return fe;
}

static void start_log(struct fe *fe, const struct log *l, u64 size, u64 offset)
{
	struct outcome o = set_log(fe, l, size, offset, true);

	if (o.closed || o.replies != 1 || o.m.hdr.request != SET_LOG_BASE)
		fail("SET_LOG_BASE: expected an answer; came: %s", describe(&o));
}

/* As queue_start(), but writes to the used ring are logged, too. */
static void start_logged(struct fe *fe, struct queue *q)
{
	struct vhost_user_vring_addr a = vring_addr(q);

	a.flags = VRING_F_LOG;
	must_state(fe, SET_VRING_NUM, q->index, q->num);
	must_state(fe, SET_VRING_BASE, q->index, q->base);
	must_ask(fe, SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	queue_fds(fe, q);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, true);
}

static bool logged(const u8 *log, u64 gpa)
{
	u64 page = gpa / LOG_PAGE;

	return log[page / 8] & 1u << page % 8;
}

static void expect_logged(const u8 *log, u64 gpa, const char *what)
{
	if (!logged(log, gpa))
		fail("expected the page of %s (%#llx) to be marked in the log; it is not",
		     what, (unsigned long long)gpa);
}

TEST(R17, writes_are_logged, SECT,
     "With LOG_ALL each page of guest memory that is written to is marked in the log.")
{
	struct log l = new_log();
	struct fe *fe = open_log();
	struct queue *q = work_queue(fe);
	struct seg s[MAX_SEGS];
	unsigned int i, n = opt.profile->put(fe, 0, s);

	start_log(fe, &l, LOG_NEEDS, 0);
	start_logged(fe, q);
	work(fe, q, "while it is logged");
	queue_stop(fe, q);
	for (i = 0; i < n; i++)
		if (s[i].write)
			expect_logged(l.map, s[i].gpa, "a written buffer");
	expect_logged(l.map, q->at + 0x2000, "the used ring");
	if (opt.strict && logged(l.map, q->at))
		fail("expected pages that are not written to not to be marked; the descriptors are");
}

TEST(R17, log_at_an_offset, SECT,
     "The log begins at the offset into its file; nothing before or after it is touched.")
{
	struct log l = new_log();
	struct fe *fe = open_log();
	struct queue *q = work_queue(fe);
	unsigned int i;

	start_log(fe, &l, LOG_NEEDS, 4096);
	start_logged(fe, q);
	work(fe, q, "while it is logged");
	queue_stop(fe, q);
	expect_logged(l.map + 4096, q->at + 0x2000, "the used ring");
	for (i = 0; i < LOG_FILE; i++)
		if ((i < 4096 || i >= 4096 + LOG_NEEDS) && l.map[i])
			fail("expected byte %u to stay 0: it is not of the log", i);
}

TEST(R17, log_too_small, SECT,
     "A log that is too small is refused, or what does not fit is not logged; nothing beyond it is touched.")
{
	struct log l = new_log();
	struct fe *fe = open_log();
	struct queue *q = work_queue(fe);
	struct vhost_user_vring_addr a;
	unsigned int i;
	u64 one = 1;

	if (set_log(fe, &l, 8, 0, true).closed)
		return;
	a = vring_addr(q);
	a.flags = VRING_F_LOG;
	a.log = 1ULL << 62;
	must_state(fe, SET_VRING_NUM, q->index, q->num);
	if (ask(fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0).closed)
		return;
	a = vring_addr(q);
	if (ask(fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0).closed)
		return;
	queue_fds(fe, q);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, true);
	work_put(fe, q, 0);
	if (write(q->kick, &one, sizeof(one)) < 0)
		broken("write");
	target_settles();
	settle(fe);
	for (i = 8; i < LOG_FILE; i++)
		if (l.map[i])
			fail("expected byte %u to stay 0: it is beyond the log", i);
}

TEST(R17, logs_that_make_no_sense, "Front-end message types, SET_LOG_BASE",
     "A log that is empty, beyond its file, or whose size and offset overflow, is refused or never written to.")
{
	static const struct log_desc bad[] = {
		{ 0, 0 }, { U64_MAX, 0 }, { LOG_NEEDS, U64_MAX - 0xff },
		{ 1ULL << 40, 0 }, { 4096, 1ULL << 40 }, { U64_MAX, U64_MAX },
	};
	struct log l = new_log();
	struct fe *fe = open_log();
	struct queue *q;
	struct outcome o;
	unsigned int i;
	u64 one = 1;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		q = work_queue(fe);
		o = set_log(fe, &l, bad[i].size, bad[i].offset, true);
		if (!o.closed) {
			queue_start(fe, q);
			work_put(fe, q, 0);
			if (write(q->kick, &one, sizeof(one)) < 0)
				broken("write");
			target_settles();
			settle(fe);
		}
		fe_close(fe);
		fe = open_log();
	}
}

TEST(R17, log_replaced_and_file_closed, "Front-end message types, SET_LOG_BASE",
     "A log replaces the one before, whose file and mapping are given up.")
{
	struct log l = new_log();
	struct fe *fe = open_log();
	unsigned int i;

	for (i = 0; i < 50; i++)
		start_log(fe, &l, LOG_NEEDS, 0);
	wait_target_fds("vu-conf-log", 1, "after 50 logs");
	if (target_maps("vu-conf-log") > 1)
		fail("expected one mapping of a log; there are %d",
		     target_maps("vu-conf-log"));
}
