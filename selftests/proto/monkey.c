// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Front-ends that do anything at all, in any order: the slave outlives them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

/*
 * What is done is drawn from the seed, so that a failure can be seen again. How
 * peers react is drawn from another sequence, since the moment at which the
 * slave says something differs from run to run, and so the first one stays the
 * same. MONKEY_SEED=N in the environment replaces the seeds of all variants.
 */

#define STEPS	2500

struct dice {
	u64 state;
};

static struct dice acts, reactions;

static u64 draw(struct dice *d, u64 n)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return d->state % n;
}

static u64 dice(u64 n)
{
	return draw(&acts, n);
}

/* Rarely, or nothing would get far. */
static bool amiss(void)
{
	return !dice(12);
}

/* Mostly small, sometimes at an edge, sometimes anything. */
static u64 number(void)
{
	static const u64 edges[] = {
		0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, S64_MAX, U64_MAX - 4095, U64_MAX,
	};

	switch (dice(8)) {
	case 0:
		return edges[dice(ARRAY_SIZE(edges))];
	case 1:
		return acts.state;
	default:
		return dice(4);
	}
}

static u32 a_queue(void)
{
	return amiss() ? (u32)number() : (u32)dice(FVU_VQS);
}

struct monkey {
	struct fvu f;
	struct umtt *slave;
	const char *name;
	bool open;
};

static int a_file(struct monkey *m)
{
	switch (dice(6)) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		return eventfd(0, dice(2) ? EFD_NONBLOCK | EFD_CLOEXEC :
					   EFD_CLOEXEC);
	case 2:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	default:
		return dup(m->f.memfd);
	}
}

static void listen_to(struct monkey *m);

/* As a rule; a kick may take a while. */
static void let_it_read(struct monkey *m)
{
	unsigned int tries = amiss() ? 0 : 200;
	int n = 0;

	while (tries-- && ioctl(m->f.fd, SIOCOUTQ, &n) == 0 && n) {
		listen_to(m);
		usleep(20);
	}
}

static void put(struct monkey *m, const void *buf, size_t len, const int *fds,
		unsigned int nfds)
{
	(void)try_send(m->f.fd, buf, len, fds, nfds, MSG_DONTWAIT);
	let_it_read(m);
}

static void say(struct monkey *m, u32 request, const void *payload, size_t len)
{
	struct vhost_user_hdr h = {
		.request = request, .size = (u32)len,
		.flags = VHOST_USER_VERSION |
			 (dice(25) ? VHOST_USER_NEED_REPLY : 0),
	};
	u8 buf[4096 + sizeof(h)];
	int fds[8];
	unsigned int i, n = 0;

	if (request == VHOST_USER_SET_MEM_TABLE ||
	    (request >= VHOST_USER_SET_VRING_KICK &&
	     request <= VHOST_USER_SET_VRING_ERR) || amiss())
		n = amiss() ? (unsigned int)dice(8) : 1;
	if (!dice(200))
		h.size = (u32)number();
	if (!dice(200))
		h.flags = (u32)number();
	for (i = 0; i < n; i++)
		fds[i] = a_file(m);
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), payload, len);
	put(m, buf, sizeof(h) + len, fds, n);
	while (n)
		close(fds[--n]);
}

static void say_mem(struct monkey *m)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r[2];
	} t = {
		.h = { .nregions = amiss() ? (u32)number() : 1 },
		.r = { { .guest_addr = FVU_GPA, .user_addr = FVU_GPA,
			 .size = FVU_MEM, .mmap_offset = FVU_HIDDEN },
		       { number(), number(), number(), number() } },
	};

	if (amiss())
		t.r[0].mmap_offset = number();
	if (amiss())
		t.r[0].size = number();
	if (amiss())
		t.r[0].guest_addr = number();
	say(m, VHOST_USER_SET_MEM_TABLE, &t, sizeof(t));
}

static void say_addr(struct monkey *m)
{
	u32 i = a_queue();
	struct vhost_user_vring_addr a = {
		.index = i, .flags = amiss() ? (u32)number() : 0,
		.desc = FVU_GPA + i * 0x8000ULL,
		.avail = FVU_GPA + i * 0x8000ULL + 0x2000,
		.used = FVU_GPA + i * 0x8000ULL + 0x4000, .log = number(),
	};

	/* Anywhere, also one over the other. */
	if (amiss())
		a.desc = FVU_GPA + 0x1000 * dice(16);
	if (amiss())
		a.avail = FVU_GPA + 0x802 * dice(16);
	if (amiss())
		a.used = number();
	say(m, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
}

static void say_state(struct monkey *m)
{
	static const u32 req[] = {
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
		VHOST_USER_GET_VRING_BASE, VHOST_USER_SET_VRING_ENABLE,
		VHOST_USER_SET_VRING_ENABLE, VHOST_USER_VRING_KICK,
		VHOST_USER_VRING_KICK, VHOST_USER_VRING_KICK,
	};
	u32 r = req[dice(ARRAY_SIZE(req))];
	struct vhost_user_vring_state s = { a_queue(), (u32)number() };

	if (amiss())
		;
	else if (r == VHOST_USER_SET_VRING_NUM)
		s.num = dice(4) ? FVU_NUM : 1u << dice(9);
	else if (r == VHOST_USER_SET_VRING_BASE)
		s.num = m->f.ring[s.index % FVU_VQS].used->idx;
	else if (r == VHOST_USER_SET_VRING_ENABLE)
		s.num = dice(4) != 0;
	else
		s.num = 0;
	say(m, r, &s, sizeof(s));
}

static void say_u64(struct monkey *m)
{
	static const u32 req[] = {
		VHOST_USER_SET_FEATURES, VHOST_USER_SET_PROTOCOL_FEATURES,
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
		VHOST_USER_SET_VRING_ERR, VHOST_USER_SET_LOG_BASE,
	};
	u32 r = req[dice(ARRAY_SIZE(req))];
	u64 v = number();

	if (r == VHOST_USER_SET_LOG_BASE && !amiss())
		return;
	if (r == VHOST_USER_SET_FEATURES && !amiss())
		v = FVU_FEATURES | (dice(2) ? BIT_ULL(29) : 0) |
		    (dice(2) ? BIT_ULL(28) : 0);
	else if (r == VHOST_USER_SET_PROTOCOL_FEATURES && !amiss())
		v = FVU_INBAND | 1;
	else if (!amiss())
		v = a_queue() | (dice(2) ? VHOST_USER_VRING_NOFD_MASK : 0);
	say(m, r, &v, sizeof(v));
}

static void say_config(struct monkey *m)
{
	struct {
		struct vhost_user_config_hdr h;
		u8 data[64];
	} c = { .h = { (u32)number(), (u32)dice(64), (u32)number() } };

	say(m, dice(2) ? VHOST_USER_GET_CONFIG : VHOST_USER_SET_CONFIG, &c,
	    sizeof(c.h) + c.h.size);
}

/* The rings, as far as anybody knows where they are. */
static void scribble(struct monkey *m)
{
	u8 *p = fvu_host(&m->f, dice(0x12000));
	unsigned int i, n = (unsigned int)dice(32);

	if (!amiss())
		return;
	for (i = 0; i < n; i++)
		p[i] = dice(3) ? (u8)dice(4) : (u8)acts.state;
}

/* As a rule, with success. */
static void answer(struct monkey *m, u32 request)
{
	struct {
		struct vhost_user_hdr h;
		u8 status[8];
	} a = { .h = { request, VHOST_USER_VERSION | VHOST_USER_REPLY, 8 } };

	a.status[0] = !draw(&reactions, 20);
	(void)send(m->f.slave, &a, draw(&reactions, 400) ? sizeof(a) :
		   (size_t)draw(&reactions, sizeof(a)), MSG_NOSIGNAL);
}

/* What has come is read, and calls are answered, more or less. */
static void listen_to(struct monkey *m)
{
	struct vhost_user_hdr h;
	u8 buf[8192];

	while (recv(m->f.fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	if (m->f.slave < 0 ||
	    recv(m->f.slave, buf, sizeof(h), MSG_DONTWAIT) != sizeof(h))
		return;
	memcpy(&h, buf, sizeof(h));
	if (h.size)
		(void)recv(m->f.slave, buf, 8, MSG_DONTWAIT);
	if (draw(&reactions, 60))
		answer(m, h.request);
}

static bool is_over(struct monkey *m)
{
	u8 byte;

	return recv(m->f.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK && errno);
}

static void leave(struct monkey *m)
{
	if (m->open)
		fvu_close(&m->f);
	m->open = false;
}

static void say_well(struct monkey *m, u32 request, const void *payload,
		     size_t len, int fd)
{
	struct vhost_user_hdr h = { request, VHOST_USER_VERSION, (u32)len };
	u8 buf[256];

	memcpy(buf, &h, sizeof(h));
	if (len)
		memcpy(buf + sizeof(h), payload, len);
	put(m, buf, sizeof(h) + len, &fd, fd >= 0);
}

static void say_features(struct monkey *m)
{
	u64 v = FVU_INBAND;
	int sv[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	say_well(m, VHOST_USER_SET_PROTOCOL_FEATURES, &v, sizeof(v), -1);
	say_well(m, VHOST_USER_SET_SLAVE_REQ_FD, NULL, 0, sv[1]);
	v = FVU_FEATURES;
	say_well(m, VHOST_USER_SET_FEATURES, &v, sizeof(v), -1);
	close(sv[1]);
	m->f.slave = sv[0];
}

static void say_queue(struct monkey *m, u32 i)
{
	struct vhost_user_vring_state s = { i, FVU_NUM };
	struct vhost_user_vring_addr a = {
		.index = i, .log = U64_MAX,
		.desc = FVU_GPA + i * 0x8000ULL,
		.avail = FVU_GPA + i * 0x8000ULL + 0x2000,
		.used = FVU_GPA + i * 0x8000ULL + 0x4000,
	};

	say(m, VHOST_USER_SET_VRING_NUM, &s, sizeof(s));
	s.num = 0;
	say(m, VHOST_USER_SET_VRING_BASE, &s, sizeof(s));
	say(m, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
	s.num = 1;
	say(m, VHOST_USER_SET_VRING_ENABLE, &s, sizeof(s));
}

/* Set up as it should be, or just connected. */
static void come(struct monkey *m)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r;
	} t = { { 1, 0 }, { FVU_GPA, FVU_MEM, FVU_GPA, FVU_HIDDEN } };
	u32 i;

	fvu_connect(&m->f, path(m->name));
	m->open = true;
	if (amiss())
		return;
	say_features(m);
	say_well(m, VHOST_USER_SET_MEM_TABLE, &t, sizeof(t), m->f.memfd);
	for (i = 0; i < FVU_VQS; i++)
		say_queue(m, i);
}

static void work(struct monkey *m)
{
	struct vhost_user_vring_state s = { (u32)dice(2), 0 };

	echo_put(&m->f, s.index, (unsigned int)dice(31), dice(2000000));
	say(m, VHOST_USER_VRING_KICK, &s, sizeof(s));
}

/* Whatever number that is; the payload of another one, perhaps. */
static void say_anything(struct monkey *m)
{
	u8 payload[64];
	unsigned int i;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (u8)number();
	say(m, (u32)dice(50), payload, amiss() ? dice(64) : 8 * dice(6));
}

static void babble(struct monkey *m)
{
	put(m, fvu_host(&m->f, 0), 1 + dice(40), NULL, 0);
}

/* What is done, and how often, of 40. */
static const struct {
	unsigned int often;
	void (*what)(struct monkey *m);
} all_acts[] = {
	{ 14, work }, { 7, say_state }, { 5, say_u64 }, { 4, listen_to },
	{ 2, say_mem }, { 2, say_addr }, { 2, say_config }, { 2, scribble },
	{ 1, say_anything }, { 1, NULL },
};

static void act(struct monkey *m)
{
	unsigned int n = (unsigned int)dice(40), i;

	errno = 0;
	if (m->open && (is_over(m) || !dice(150)))
		leave(m);
	if (!m->open) {
		come(m);
		return;
	}
	for (i = 0; n >= all_acts[i].often; i++)
		n -= all_acts[i].often;
	if (all_acts[i].what)
		all_acts[i].what(m);
	else if (!dice(40))
		babble(m);
}

static void serves(void)
{
	struct fvu f;

	fvu_open(&f, "a");
	echo_put(&f, 0, 0, 1000);
	fvu_kick(&f, 0);
	fvu_kicked(&f);
	fvu_called(&f, 0);
	echo_get(&f, 0, 0);
	fvu_answer(&f, 0);
	fvu_close(&f);
}

/* The slave is as it was, and serves whoever comes. */
static void play(struct umtt *slave, u64 with)
{
	struct monkey m[3] = {
		{ .name = "a" }, { .name = "b" }, { .name = "c" },
	};
	const char *other = getenv("MONKEY_SEED");
	unsigned int i, fds;

	if (other)
		with = strtoull(other, NULL, 0);
	printf("# MONKEY_SEED=%llu\n", (unsigned long long)with);
	acts.state = with * 0x9e3779b97f4a7c15 + 1;
	reactions.state = ~acts.state;
	slave->may_complain = true;
	serves();
	sleep_ms(50);
	fds = umtt_fds(slave);
	for (i = 0; i < STEPS; i++)
		act(&m[dice(3)]);
	for (i = 0; i < 3; i++)
		leave(&m[i]);
	umtt_has_fds(slave, fds);
	serves();
}

FIXTURE(monkey) {
	struct umtt slave, cal;
};

FIXTURE_VARIANT(monkey) {
	u64 seed;
	bool simulated;
};

FIXTURE_VARIANT_ADD(monkey, plain_1) { .seed = 1 };
FIXTURE_VARIANT_ADD(monkey, plain_2) { .seed = 2 };
FIXTURE_VARIANT_ADD(monkey, simulated_1) { .seed = 3, .simulated = true };
FIXTURE_VARIANT_ADD(monkey, simulated_2) { .seed = 4, .simulated = true };

FIXTURE_SETUP(monkey)
{
	const char *argv[] = {
		"slave", "--device", device("echo", "a", NULL), "--device",
		device("rng", "b", NULL), "--device",
		device("net", "c", NULL), NULL, NULL, NULL,
	};

	if (variant->simulated) {
		umtt_start(&self->cal, "calendar", "--socket", path("cal"),
			   NULL);
		calendar_is_up(&self->cal);
		argv[7] = "--calendar";
		argv[8] = path("cal");
	}
	umtt_startv(&self->slave, argv);
}

FIXTURE_TEARDOWN(monkey)
{
	umtt_term(&self->slave, 0);
	if (variant->simulated)
		umtt_ends(&self->cal, 0);
}

TEST_F(monkey, at_work)
{
	play(&self->slave, variant->seed);
}

TEST_HARNESS_MAIN
