// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Memory that is shared region by region: ADD_MEM_REG and REM_MEM_REG. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define SLOTS	BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)
#define MAX	512u

static const struct vhost_user_region whole = {
	.guest_addr = FVU_GPA, .user_addr = FVU_GPA, .size = FVU_MEM,
	.mmap_offset = FVU_HIDDEN,
};

FIXTURE(slots) {
	struct umtt slave;
	struct fvu f;
};

/* In band, with no memory yet. */
FIXTURE_SETUP(slots)
{
	struct fvu *f = &self->f;

	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	fvu_connect(f, path("a"));
	f->protocol |= SLOTS;
	fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, f->protocol, true);
	fvu_slave_channel(f, true);
	fvu_u64(f, VHOST_USER_SET_FEATURES, FVU_FEATURES, true);
}

FIXTURE_TEARDOWN(slots)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

static void region(struct fvu *f, u32 request, struct vhost_user_region r,
		   int fd, u64 status)
{
	struct vhost_user_mem_reg m = { .region = r };

	fvu_send(f, request, VHOST_USER_NEED_REPLY, &m, sizeof(m), &fd,
		 fd >= 0);
	fvu_acked(f, request, status);
}

static void add(struct fvu *f, struct vhost_user_region r)
{
	region(f, VHOST_USER_ADD_MEM_REG, r, f->memfd, 0);
}

static void rem(struct fvu *f, struct vhost_user_region r)
{
	region(f, VHOST_USER_REM_MEM_REG, r, -1, 0);
}

static void works(struct fvu *f, unsigned int slot)
{
	echo_put(f, 0, slot, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

TEST_F(slots, as_many_as_there_are)
{
	struct vhost_user_region r = { .size = 4096 };
	struct fvu *f = &self->f;
	unsigned int fds, i;

	check_eq(MAX, fvu_get(f, VHOST_USER_GET_MAX_MEM_SLOTS));
	fds = umtt_fds(&self->slave);
	/* The highest first, and the one in the middle last. */
	add(f, whole);
	for (i = 1; i < MAX; i++) {
		r.guest_addr = r.user_addr = 0x100000000 + (MAX - i) * 4096;
		add(f, r);
	}
	r.guest_addr = r.user_addr = 0x90000000;
	region(f, VHOST_USER_ADD_MEM_REG, r, f->memfd, 1);
	umtt_says(&self->slave, "there are 512 regions already");
	fvu_queue(f, 0);
	works(f, 0);
	for (i = 1; i < MAX; i++) {
		r.guest_addr = r.user_addr = 0x100000000 + i * 4096;
		rem(f, r);
	}
	works(f, 1);
	umtt_has_fds(&self->slave, fds);
}

static unsigned int maps_of(const struct umtt *u, const char *name)
{
	char file[64], line[512];
	unsigned int n = 0;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/%d/maps", (int)u->pid);
	f = fopen(file, "r");
	check(f);
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, name);
	fclose(f);
	return n;
}

/* A region need not begin or end where a huge page does. */
TEST_F(slots, of_huge_pages)
{
	struct vhost_user_region r = {
		.guest_addr = 0x40000000, .user_addr = 0x40000000,
		.size = 0x3000, .mmap_offset = 0x1000,
	};
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	int i;

	if (fd < 0 || ftruncate(fd, 2 << 20) < 0 || fallocate(fd, 0, 0, 2 << 20))
		SKIP(return, "no huge pages");
	for (i = 0; i < 3; i++) {
		region(&self->f, VHOST_USER_ADD_MEM_REG, r, fd, 0);
		check_eq(1, maps_of(&self->slave, "huge"));
		rem(&self->f, r);
		check_eq(0, maps_of(&self->slave, "huge"));
	}
	close(fd);
}

TEST_F(slots, that_cannot_be)
{
	struct vhost_user_region bad[] = {
		whole,				/* there already */
		{ FVU_GPA, 4096, 0x40000000, 0 },	/* as the guest sees it */
		{ 0x40000000, 4096, FVU_GPA, 0 },	/* as the front-end does */
		{ 0x40000000, 0, 0x40000000, 0 },
		{ 0x40000000, FVU_MEM, 0x40000000, FVU_HIDDEN + 1 },
		{ 0x40000000, 1ULL << 47, 0x40000000, 0 },
		{ U64_MAX, 4096, 0x40000000, 0 },
		{ 0x40000000, 4096, 0x40000000, U64_MAX - 100 },
	};
	struct fvu *f = &self->f;
	struct vhost_user_region r = whole;
	unsigned int fds, i;
	int p[2];

	add(f, whole);
	fds = umtt_fds(&self->slave);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		region(f, VHOST_USER_ADD_MEM_REG, bad[i], f->memfd, 1);
		umtt_says(&self->slave, "refused ADD_MEM_REG");
	}
	r.guest_addr = r.user_addr = 0x40000000;
	region(f, VHOST_USER_ADD_MEM_REG, r, -1, 1);
	umtt_says(&self->slave, "refused ADD_MEM_REG");
	check(pipe(p) == 0);
	region(f, VHOST_USER_ADD_MEM_REG, r, p[0], 1);
	umtt_says(&self->slave, "refused ADD_MEM_REG");
	region(f, VHOST_USER_REM_MEM_REG, r, -1, 1);
	umtt_says(&self->slave, "there is no such region");
	r = whole;
	r.size--;
	region(f, VHOST_USER_REM_MEM_REG, r, -1, 1);
	umtt_says(&self->slave, "there is no such region");
	umtt_has_fds(&self->slave, fds);
	fvu_queue(f, 0);
	works(f, 0);
	close(p[0]);
	close(p[1]);
}

/* Its mmap offset does not matter, and neither does a file that comes along. */
TEST_F(slots, removed_by_its_addresses)
{
	struct vhost_user_region r = whole;
	struct fvu *f = &self->f;
	unsigned int fds, i;

	fds = umtt_fds(&self->slave);
	r.mmap_offset = 12345;
	for (i = 0; i < 100; i++) {
		add(f, whole);
		region(f, VHOST_USER_REM_MEM_REG, r, f->memfd, 0);
	}
	umtt_has_fds(&self->slave, fds);
}

/* What is on both sides of an address that two regions share. */
TEST_F(slots, buffer_in_two_regions)
{
	struct vhost_user_region lo = whole, hi = whole;
	struct fvu *f = &self->f;

	lo.size = FVU_DATA + 8;
	hi.guest_addr += lo.size;
	hi.user_addr += lo.size;
	hi.mmap_offset += lo.size;
	hi.size -= lo.size;
	add(f, hi);
	add(f, lo);
	fvu_queue(f, 0);
	works(f, 0);
}

/* Said between two kicks: the ring cannot be used, and then it can. */
TEST_F(slots, region_of_a_ring)
{
	struct fvu *f = &self->f;

	add(f, whole);
	fvu_queue(f, 0);
	works(f, 0);
	rem(f, whole);
	umtt_says(&self->slave, "queue 0 is outside of the memory that is shared now");
	echo_put(f, 0, 1, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	nothing_comes(f->slave, "the slave", QUIET_MS);
	check_eq(-1, fvu_used(f, 0, NULL));
	/* No kick is needed for what has come meanwhile. */
	add(f, whole);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 1);
	works(f, 2);
}

/* A ring that never started does not do so by itself. */
TEST_F(slots, region_of_a_ring_that_is_stopped)
{
	struct vhost_user_vring_state st = { 0, 0 };
	struct fvu *f = &self->f;

	add(f, whole);
	fvu_queue(f, 0);
	works(f, 0);
	rem(f, whole);
	umtt_says(&self->slave, "queue 0 is outside");
	fvu_send(f, VHOST_USER_GET_VRING_BASE, 0, &st, sizeof(st), NULL, 0);
	fvu_reply(f, VHOST_USER_GET_VRING_BASE, &st, sizeof(st));
	check_eq(1, st.num);
	echo_put(f, 0, 1, 0);
	add(f, whole);
	nothing_comes(f->slave, "the slave", QUIET_MS);
	check_eq(-1, fvu_used(f, 0, NULL));
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 1);
}

TEST_F(slots, requests_in_flight)
{
	struct vhost_user_region other = {
		0x40000000, 4096, 0x40000000, 0
	};
	struct fvu *f = &self->f;

	add(f, whole);
	fvu_queue(f, 0);
	echo_put(f, 0, 0, 50 * NSEC_PER_MSEC);
	fvu_kick(f, 0);
	fvu_kicked(f);
	add(f, other);
	rem(f, other);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, 0);
	check_eq(-1, fvu_used(f, 0, NULL));
}

/* Not negotiated: who asks has mistaken us for somebody else. */
TEST(without_the_feature)
{
	struct umtt slave;
	struct fvu f;

	umtt_start(&slave, "slave", "--device", device("echo", "a", NULL),
		   NULL);
	fvu_open(&f, "a");
	region(&f, VHOST_USER_ADD_MEM_REG, whole, f.memfd, 1);
	umtt_says(&slave, "ADD_MEM_REG without protocol feature CONFIGURE_MEM_SLOTS");
	region(&f, VHOST_USER_REM_MEM_REG, whole, -1, 1);
	umtt_says(&slave, "REM_MEM_REG without protocol feature CONFIGURE_MEM_SLOTS");
	works(&f, 0);
	/* This one has no way to say no. */
	fvu_send(&f, VHOST_USER_GET_MAX_MEM_SLOTS, 0, NULL, 0, NULL, 0);
	comes_to_an_end(f.fd, "the slave");
	umtt_says(&slave, "GET_MAX_MEM_SLOTS without protocol feature CONFIGURE_MEM_SLOTS");
	fvu_close(&f);
	umtt_term(&slave, 0);
}

TEST_HARNESS_MAIN
