// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Each allocation of a session fails once: that session may end, no more. */
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fuzz/session_world.h"
#include "../fuzz/quiet_log.h"
#include "leaks.h"
#include "kselftest_harness.h"

#define GPA	0x100000ULL

/* The linker puts these in place of malloc() and calloc(): --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);

static unsigned int seen, fails_at;	/* 0: none fails */

static bool fails(void)
{
	return ++seen == fails_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : __real_calloc(nr, size);
}

static struct world w;

/* The slave may have hung up: that is not a matter of the test. */
static void say(u32 request, const void *payload, u32 len, int fd)
{
	u8 buf[sizeof(struct vhost_user_hdr) + 256];
	struct vhost_user_hdr h = { request, VHOST_USER_VERSION, len };

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), payload, len);
	world_send(w.fd, buf, sizeof(h) + len, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	world_settle(&w);
}

static void say_u64(u32 request, u64 v, int fd)
{
	say(request, &v, sizeof(v), fd);
}

static void say_state(u32 request, u32 index, u32 num)
{
	u32 state[2] = { index, num };

	say(request, state, sizeof(state), -1);
}

#define MAX_ENDS	16u

static int end[MAX_ENDS];	/* of what the slave has the other end of */
static unsigned int nr_ends;

static int file(enum fd_kind kind)
{
	int other, fd = world_file(&w, kind, &other);

	if (other >= 0)
		end[nr_ends++] = other;
	return fd;
}

static void memory(void)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region g;
	} m = { .h.nregions = 1, .g = { .guest_addr = GPA, .size = RAM_SIZE, .user_addr = GPA } };
	struct {
		u64 padding;
		struct vhost_user_region g;
	} slot = { .g = { .guest_addr = 2 * GPA, .size = PAGE, .user_addr = 2 * GPA } };

	say(VHOST_USER_SET_MEM_TABLE, &m, sizeof(m), file(FD_RAM));
	say(VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), file(FD_SHORT));
	say(VHOST_USER_REM_MEM_REG, &slot, sizeof(slot), -1);
}

/* One buffer of a page, for the device to write to. */
static void post(u32 vq)
{
	u8 *at = w.ram + vq * PAGE;
	struct { u64 addr; u32 len; u16 flags, next; } desc[2] = {
		{ GPA + 4 * PAGE, 16, 1, 1 }, { GPA + 5 * PAGE, 32, 2, 0 } };
	u16 avail[3] = { 0, 1, 0 };

	memcpy(at, desc, sizeof(desc));
	memcpy(at + 0x100, avail, sizeof(avail));
}

static void queue(u32 vq)
{
	struct vhost_user_vring_addr a = {
		.index = vq, .desc = GPA + vq * PAGE,
		.avail = GPA + vq * PAGE + 0x100, .used = GPA + vq * PAGE + 0x200,
	};

	post(vq);
	say_state(VHOST_USER_SET_VRING_NUM, vq, 8);
	say(VHOST_USER_SET_VRING_ADDR, &a, sizeof(a), -1);
	say_state(VHOST_USER_SET_VRING_BASE, vq, 0);
	say_u64(VHOST_USER_SET_VRING_CALL, vq, file(FD_EVENT));
	say_u64(VHOST_USER_SET_VRING_ERR, vq, file(FD_EVENT));
	say_u64(VHOST_USER_SET_VRING_KICK, vq, file(FD_EVENT));
	say_state(VHOST_USER_SET_VRING_ENABLE, vq, 1);
}

static void session(void)
{
	struct { u64 size, offset; u16 queues, num; } area = {
		.queues = (u16)w.dev->ops->nr_vqs, .num = 8 };
	u32 i;

	say(VHOST_USER_GET_FEATURES, "", 0, -1);
	say_u64(VHOST_USER_SET_FEATURES, BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES) |
		BIT_ULL(32), -1);
	say_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
		BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |
		BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) |
		BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS), -1);
	say(VHOST_USER_SET_OWNER, "", 0, -1);
	say(VHOST_USER_SET_SLAVE_REQ_FD, "", 0, file(FD_SOCKET));
	say(VHOST_USER_GET_INFLIGHT_FD, &area, sizeof(area), -1);
	memory();
	for (i = 0; i < w.dev->ops->nr_vqs; i++)
		queue(i);
	world_advance(&w, NSEC_PER_SEC);
	for (i = 0; i < w.dev->ops->nr_vqs; i++)
		say_state(VHOST_USER_GET_VRING_BASE, i, 0);
}

static void leave(void)
{
	if (w.fd >= 0)
		close(w.fd);
	w.fd = -1;
	while (nr_ends)
		close(end[--nr_ends]);
	world_settle(&w);
}

static bool next_one_works(void)
{
	u8 buf[64];

	w.fd = world_connect(&w);
	world_settle(&w);
	say(VHOST_USER_GET_FEATURES, "", 0, -1);
	return recv(w.fd, buf, sizeof(buf), MSG_DONTWAIT) ==
	       sizeof(struct vhost_user_hdr) + sizeof(u64);
}

/* Return: how many allocations there were */
static unsigned int one(const char *spec, unsigned int n)
{
	bool works;

	world_open(&w, spec, false);
	seen = 0;
	fails_at = n;
	w.fd = world_connect(&w);
	world_settle(&w);
	session();
	leave();
	n = seen;
	fails_at = 0;
	works = next_one_works();
	leave();
	world_close(&w);
	return works ? n : 0;
}

static void each(struct __test_metadata *_metadata, const char *spec)
{
	unsigned int n = 1, all;

	/* The loop is of the process that has made it. */
	world_init(&w);
	do {
		all = one(spec, n);
		ASSERT_NE(0, all) TH_LOG("%s: after allocation %u has failed", spec, n);
	} while (all >= n++);
	/* In the last one none has failed, and it has come to something. */
	ASSERT_LT(9, all);
	ASSERT_EQ(0, leaks());
}

TEST(echo)
{
	each(_metadata, "echo");
}

TEST(net)
{
	each(_metadata, "net");
}

TEST(rng)
{
	each(_metadata, "rng");
}

TEST_HARNESS_MAIN
