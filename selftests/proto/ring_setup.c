// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Rings that are taken away and given back while requests are in flight. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define MS	NSEC_PER_MSEC
#define SEC	NSEC_PER_SEC

FIXTURE(ring) {
	struct sim s;
	u8 *before;	/* of the guest's memory */
};

FIXTURE_SETUP(ring)
{
	sim_open(&self->s, NULL);
	self->before = malloc(FVU_HIDDEN + FVU_MEM);
}

FIXTURE_TEARDOWN(ring)
{
	sim_close(&self->s);
	free(self->before);
}

/* Two requests that come back at 1000 ms, and one at 2000 ms. The slave WAITs. */
static void in_flight(struct sim *s)
{
	echo_put(&s->f, 0, 0, 1000 * MS);
	echo_put(&s->f, 0, 1, 1000 * MS);
	echo_put(&s->f, 0, 2, 2000 * MS);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 0, 0);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 0, 1);
	cal_expect(&s->cal, TT_REQUEST, 1000 * MS, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

static void remember(struct fvu *f, u8 *to)
{
	memcpy(to, f->file, FVU_HIDDEN + FVU_MEM);
}

static void is_as_before(struct fvu *f, const u8 *before)
{
	if (memcmp(f->file, before, FVU_HIDDEN + FVU_MEM))
		fail("guest memory has been written to");
}

/* The turn that was asked for: nothing is left to do in it. */
static void run_for_nothing(struct sim *s, u64 now)
{
	cal_run(&s->cal, now, NEVER);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	nothing_comes(s->f.slave, "the slave", 0);
}

/* SET_VRING_ENABLE of a ring with buffers: like a kick, it is acked later. */
static void enable(struct sim *s)
{
	struct vhost_user_vring_state st = { .index = 0, .num = 1 };

	fvu_send(&s->f, VHOST_USER_SET_VRING_ENABLE, VHOST_USER_NEED_REPLY,
		 &st, sizeof(st), NULL, 0);
}

static void enabled(struct sim *s)
{
	fvu_acked(&s->f, VHOST_USER_SET_VRING_ENABLE, 0);
}

/* Not before nobody can run past the instant at which the slave will look */
static void enable_at(struct sim *s, u64 now)
{
	u32 seq;

	enable(s);
	cal_expect(&s->cal, TT_GET, U64_MAX, now);
	seq = ttp_expect(&s->cal, TT_REQUEST, now);
	nothing_comes(s->f.fd, "the slave", QUIET_MS);
	ttp_ack(&s->cal, seq, 0);
	enabled(s);
}

/*
 * A ring that works without a kick: how far its kernel has run ahead of @now
 * is not known, so the slave looks a second later.
 */
static u64 enable_without_a_kick(struct sim *s, u64 now)
{
	enable_at(s, now);
	cal_run(&s->cal, now, NEVER);
	return now + SEC;
}

static u64 look_without_a_kick(struct sim *s, u64 now)
{
	cal_kick(&s->cal, now, now);
	cal_run(&s->cal, now, NEVER);
	return now + SEC;
}

static void comes_back(struct sim *s, unsigned int slot, u64 t)
{
	struct echo_response r;

	cal_expect(&s->cal, TT_UPDATE, t, 0);
	fvu_called(&s->f, 0);
	r = echo_get(&s->f, 0, slot);
	check_eq(t, r.t_done);
}

TEST_F(ring, disabled_with_requests_in_flight)
{
	struct sim *s = &self->s;
	u64 t;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	remember(&s->f, self->before);
	run_for_nothing(s, 1000 * MS);
	is_as_before(&s->f, self->before);

	/* Enabled again, they start anew. */
	t = enable_without_a_kick(s, 5 * SEC);
	comes_back(s, 0, t + 1000 * MS);
	echo_get(&s->f, 0, 1);
	fvu_answer(&s->f, 0);
	comes_back(s, 2, t + 2000 * MS);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* As a kernel that resumes and goes on at once: its kick says what time it is. */
TEST_F(ring, enabled_and_kicked)
{
	struct sim *s = &self->s;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	run_for_nothing(s, 1000 * MS);
	enable_at(s, 4 * SEC);
	fvu_kick(&s->f, 0);
	cal_expect(&s->cal, TT_GET, U64_MAX, 5 * SEC);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 5 * SEC, NEVER);
	comes_back(s, 0, 6 * SEC);
	check_eq(5 * SEC, echo_get(&s->f, 0, 1).t_start);
	fvu_answer(&s->f, 0);
	comes_back(s, 2, 7 * SEC);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

/* The other way round: what was kicked does not wait for what was not. */
TEST_F(ring, kicked_and_enabled)
{
	struct sim *s = &self->s;

	echo_put(&s->f, 0, 0, 0);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 5 * SEC, 5 * SEC);
	fvu_kicked(&s->f);
	enable(s);
	cal_expect(&s->cal, TT_GET, U64_MAX, 5 * SEC);
	enabled(s);
	cal_run(&s->cal, 5 * SEC, NEVER);
	fvu_called(&s->f, 0);
	check_eq(5 * SEC, echo_get(&s->f, 0, 0).t_done);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
}

TEST_F(ring, kick_while_disabled)
{
	struct sim *s = &self->s;
	u64 t;

	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	echo_put(&s->f, 0, 0, 5);
	remember(&s->f, self->before);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 40, 40);
	fvu_kicked(&s->f);
	run_for_nothing(s, 40);
	is_as_before(&s->f, self->before);
	t = enable_without_a_kick(s, 50);
	comes_back(s, 0, t + 5);
	fvu_answer(&s->f, 0);
}

TEST_F(ring, enabled_twice)
{
	struct sim *s = &self->s;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	ttp_quiet(&s->cal);
	cal_run(&s->cal, 1000 * MS, NEVER);
	fvu_called(&s->f, 0);
	check_eq(1000 * MS, echo_get(&s->f, 0, 0).t_done);
	fvu_answer(&s->f, 0);
}

TEST_F(ring, other_queue_goes_on)
{
	struct sim *s = &self->s;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 1, 0, true);
	cal_run(&s->cal, 1000 * MS, NEVER);
	fvu_called(&s->f, 0);
	check_eq(0, echo_get(&s->f, 0, 0).t_start);
	fvu_answer(&s->f, 0);
}

TEST_F(ring, set_up_while_in_use)
{
	static const u32 req[] = {
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
	};
	struct sim *s = &self->s;
	struct vhost_user_vring_state st = { 0, 32 };
	unsigned int i;

	in_flight(s);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		fvu_send(&s->f, req[i], VHOST_USER_NEED_REPLY, &st, sizeof(st),
			 NULL, 0);
		fvu_acked(&s->f, req[i], 1);
		umtt_says(&s->slave, "queue 0 is in use; stop or disable it first");
	}
	cal_run(&s->cal, 1000 * MS, NEVER);
	fvu_called(&s->f, 0);
	check_eq(0, echo_get(&s->f, 0, 0).t_start);
	fvu_answer(&s->f, 0);
}

/* As a driver that is unbound and bound again: no stop, just disabled. */
TEST_F(ring, set_up_again)
{
	struct sim *s = &self->s;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	fvu_rings_clear(&s->f, 0);
	remember(&s->f, self->before);
	run_for_nothing(s, 1000 * MS);
	fvu_u64(&s->f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
	fvu_mem(&s->f, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_NUM, 0, FVU_NUM, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_BASE, 0, 0, true);
	fvu_addr(&s->f, 0, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	is_as_before(&s->f, self->before);
	/* Nothing of before is left: a new request in the place of the first. */
	echo_put(&s->f, 0, 0, 7);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 2000 * MS, 2000 * MS);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 2000 * MS, NEVER);
	comes_back(s, 0, 2000 * MS + 7);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check_eq(-1, fvu_used(&s->f, 0, NULL));
}

static u32 get_base(struct fvu *f, u32 vq)
{
	struct vhost_user_vring_state st = { vq, 0 };

	fvu_send(f, VHOST_USER_GET_VRING_BASE, 0, &st, sizeof(st), NULL, 0);
	fvu_reply(f, VHOST_USER_GET_VRING_BASE, &st, sizeof(st));
	check_eq(vq, st.index);
	return st.num;
}

TEST_F(ring, stopped_with_requests_in_flight)
{
	struct sim *s = &self->s;

	in_flight(s);
	remember(&s->f, self->before);
	/* None has come back, so the first is the next. */
	check_eq(0, get_base(&s->f, 0));
	check_eq(0, get_base(&s->f, 0));
	run_for_nothing(s, 1000 * MS);
	is_as_before(&s->f, self->before);
	/* Whoever goes on there finds them. */
	fvu_state(&s->f, VHOST_USER_SET_VRING_BASE, 0, 0, true);
	fvu_addr(&s->f, 0, true);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 1500 * MS, 1500 * MS);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 1500 * MS, NEVER);
	comes_back(s, 0, 2500 * MS);
	echo_get(&s->f, 0, 1);
	fvu_answer(&s->f, 0);
	comes_back(s, 2, 3500 * MS);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	check_eq(3, get_base(&s->f, 0));
	check_eq(3, get_base(&s->f, 0));
	check_eq(0, get_base(&s->f, 1));
}

TEST_F(ring, stopped_rings_are_left_alone)
{
	struct sim *s = &self->s;

	in_flight(s);
	check_eq(0, get_base(&s->f, 0));
	check_eq(0, get_base(&s->f, 1));
	echo_put(&s->f, 0, 3, 0);
	echo_put(&s->f, 1, 0, 0);
	remember(&s->f, self->before);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	fvu_mem(&s->f, true);
	run_for_nothing(s, 1000 * MS);
	ttp_quiet(&s->cal);
	is_as_before(&s->f, self->before);
}

TEST_F(ring, reset_owner_disables_all)
{
	struct sim *s = &self->s;
	u64 t;

	in_flight(s);
	fvu_send(&s->f, VHOST_USER_RESET_OWNER, VHOST_USER_NEED_REPLY, NULL, 0,
		 NULL, 0);
	fvu_acked(&s->f, VHOST_USER_RESET_OWNER, 0);
	remember(&s->f, self->before);
	run_for_nothing(s, 1000 * MS);
	is_as_before(&s->f, self->before);
	t = enable_without_a_kick(s, 1000 * MS);
	comes_back(s, 0, t + 1000 * MS);
	fvu_answer(&s->f, 0);
}

static void refused(struct sim *s, u32 request, const void *payload, size_t len)
{
	fvu_send(&s->f, request, VHOST_USER_NEED_REPLY, payload, len, NULL, 0);
	fvu_acked(&s->f, request, 1);
	umtt_says(&s->slave, "echo0: refused");
}

/* What is refused changes nothing, so a disabled ring stays started. */
TEST_F(ring, bad_set_up_of_a_disabled_ring)
{
	struct vhost_user_vring_addr a = { .desc = FVU_GPA + 1 };
	struct vhost_user_vring_state st = { 0, 65536 };
	struct sim *s = &self->s;
	u64 t;

	in_flight(s);
	fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	refused(s, VHOST_USER_SET_VRING_NUM, &st, sizeof(st));
	refused(s, VHOST_USER_SET_VRING_BASE, &st, sizeof(st));
	refused(s, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
	run_for_nothing(s, 1000 * MS);
	t = enable_without_a_kick(s, 5 * SEC);
	comes_back(s, 0, t + 1000 * MS);
	fvu_answer(&s->f, 0);
}

/* As QEMU does it when it begins to log: nothing is disturbed by it. */
TEST_F(ring, same_addresses_while_in_use)
{
	struct vhost_user_vring_addr a = { .desc = FVU_GPA };
	struct sim *s = &self->s;

	in_flight(s);
	fvu_addr(&s->f, 0, true);
	refused(s, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
	cal_run(&s->cal, 1000 * MS, NEVER);
	fvu_called(&s->f, 0);
	check_eq(0, echo_get(&s->f, 0, 0).t_start);
	fvu_answer(&s->f, 0);
}

/*
 * Memory
 */

TEST_F(ring, new_memory_table_with_requests_in_flight)
{
	struct sim *s = &self->s;
	u8 *old = s->f.file;
	int fd = memfd_create("moved", MFD_CLOEXEC);
	u64 t;

	in_flight(s);
	/* The guest's memory moves to another file. */
	check(ftruncate(fd, FVU_HIDDEN + FVU_MEM) == 0);
	s->f.file = mmap(NULL, FVU_HIDDEN + FVU_MEM, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	check(s->f.file != MAP_FAILED);
	memcpy(s->f.file, old, FVU_HIDDEN + FVU_MEM);
	memcpy(self->before, old, FVU_HIDDEN + FVU_MEM);
	dup2(fd, s->f.memfd);
	close(fd);
	fvu_mem(&s->f, true);
	s->f.ring[0].used = fvu_host(&s->f, (u64)((u8 *)s->f.ring[0].used -
						  old - FVU_HIDDEN));
	t = look_without_a_kick(s, 500 * MS);
	comes_back(s, 0, t + 1000 * MS);
	echo_get(&s->f, 0, 1);
	fvu_answer(&s->f, 0);
	comes_back(s, 2, t + 2000 * MS);
	fvu_answer(&s->f, 0);
	cal_expect(&s->cal, TT_WAIT, U64_MAX, 0);
	if (memcmp(old, self->before, FVU_HIDDEN + FVU_MEM))
		fail("the old memory has been written to");
	munmap(old, FVU_HIDDEN + FVU_MEM);
}

static void mem_elsewhere(struct fvu *f, u64 gpa, u64 size, u64 offset,
			  u64 status)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r;
	} m = {
		.h = { .nregions = 1 },
		.r = { .guest_addr = gpa, .user_addr = gpa, .size = size,
		       .mmap_offset = offset },
	};

	fvu_send(f, VHOST_USER_SET_MEM_TABLE, VHOST_USER_NEED_REPLY, &m,
		 sizeof(m), &f->memfd, 1);
	fvu_acked(f, VHOST_USER_SET_MEM_TABLE, status);
}

/* What was there stays in use. */
TEST_F(ring, bad_memory_table_with_requests_in_flight)
{
	static const struct { u64 gpa, size, offset; } bad[] = {
		{ FVU_GPA, 0, 0 },
		{ FVU_GPA, FVU_MEM, FVU_HIDDEN + 1 },
		{ FVU_GPA, FVU_MEM + FVU_HIDDEN + 1, 0 },
		{ FVU_GPA, 4096, U64_MAX - 4095 },
		{ FVU_GPA, U64_MAX, 0 },
		{ U64_MAX, 4096, 0 },
		{ FVU_GPA, 1ULL << 47, 0 },
	};
	struct sim *s = &self->s;
	unsigned int i;

	in_flight(s);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		mem_elsewhere(&s->f, bad[i].gpa, bad[i].size, bad[i].offset,
			      1);
		umtt_says(&s->slave, "refused SET_MEM_TABLE");
	}
	cal_run(&s->cal, 1000 * MS, NEVER);
	fvu_called(&s->f, 0);
	check_eq(0, echo_get(&s->f, 0, 0).t_start);
	fvu_answer(&s->f, 0);
}

TEST_F(ring, memory_table_without_the_rings)
{
	struct sim *s = &self->s;
	u64 t;

	in_flight(s);
	remember(&s->f, self->before);
	mem_elsewhere(&s->f, FVU_GPA + FVU_MEM, FVU_MEM, FVU_HIDDEN, 0);
	umtt_says(&s->slave, "queue 0 is outside of the memory that is shared now");
	umtt_says(&s->slave, "queue 1 is outside of the memory that is shared now");
	run_for_nothing(s, 1000 * MS);
	is_as_before(&s->f, self->before);
	/* A kick is of no use. */
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 1200 * MS, 1200 * MS);
	fvu_kicked(&s->f);
	run_for_nothing(s, 1200 * MS);
	is_as_before(&s->f, self->before);
	/* With its memory it goes on. */
	fvu_mem(&s->f, true);
	t = look_without_a_kick(s, 1500 * MS);
	comes_back(s, 0, t + 1000 * MS);
	fvu_answer(&s->f, 0);
}

/* All of it, many times: nothing is lost or piles up. */
TEST_F(ring, repeated)
{
	struct sim *s = &self->s;
	unsigned int fds = umtt_fds(&s->slave), i;

	for (i = 0; i < 300; i++) {
		fvu_state(&s->f, VHOST_USER_SET_VRING_ENABLE, 0, 0, false);
		fvu_state(&s->f, VHOST_USER_SET_VRING_NUM, 0, 1u << i % 7,
			  false);
		fvu_mem(&s->f, false);
		fvu_queue(&s->f, 0);
		fvu_u64(&s->f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
		fvu_slave_channel(&s->f, true);
	}
	umtt_has_fds(&s->slave, fds);
	echo_put(&s->f, 0, 0, 0);
	fvu_kick(&s->f, 0);
	cal_kick(&s->cal, 9, 9);
	fvu_kicked(&s->f);
	cal_run(&s->cal, 9, NEVER);
	fvu_called(&s->f, 0);
	echo_get(&s->f, 0, 0);
	fvu_answer(&s->f, 0);
}

TEST_HARNESS_MAIN
