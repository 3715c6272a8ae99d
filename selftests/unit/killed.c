// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A slave killed after any instruction loses no buffer and uses none twice. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/base/prng.h"
#include "fake_packed.h"
#include "kselftest_harness.h"

/*
 * A child is the slave. While it works it is single-stepped, and each state of
 * the memory that outlives it is kept. From each of them a new slave goes on, in
 * this process: what the driver has offered must be used once. The driver works
 * between the steps, since it is not the one who is killed.
 */

#define NUM	5u	/* of a packed ring; a split one has 4 */
#define IDS	5u
#define OPS	60u	/* of driver and slave, until the end */

/**
 * struct world - all that outlives the slave
 * @guest: memory with the ring in it
 * @record: of buffers in flight
 * @out: the driver's: these it has offered and not seen used
 * @room: the driver's: descriptors that are free
 */
struct world {
	u8 guest[4096];
	_Alignas(8) u8 record[512];
	struct fake_ring s;
	struct fake_packed p;
	bool out[IDS];
	unsigned int room;
};

FIXTURE(killed) {
	struct world *w;	/* shared with the child */
	u8 *data;		/* what buffers point to, of no interest */
	struct mem mem;
	struct vq vq;
	struct vq_buf held[IDS];
	bool is_held[IDS];
	struct prng rnd;
	unsigned int broke;

	/* the states to go on from */
	struct world *state;
	unsigned int nr, room;
};

FIXTURE_VARIANT(killed) {
	bool packed;
	u64 seed;
};

FIXTURE_VARIANT_ADD(killed, split) { .packed = false, .seed = 1 };
FIXTURE_VARIANT_ADD(killed, split_2) { .packed = false, .seed = 2 };
FIXTURE_VARIANT_ADD(killed, packed) { .packed = true, .seed = 1 };
FIXTURE_VARIANT_ADD(killed, packed_2) { .packed = true, .seed = 2 };

#define test FIXTURE_DATA(killed)

static void count_broke(struct vq *vq)
{
	container_of(vq, test, vq)->broke++;
}

static const struct vq_ops ops = { .broke = count_broke };

static unsigned int ring_num(bool packed)
{
	return packed ? NUM : 4;
}

FIXTURE_SETUP(killed)
{
	bool packed = variant->packed;

	self->w = mmap(NULL, sizeof(*self->w), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->w);
	self->data = calloc(1, 4096);
	self->mem.nr = 2;
	self->mem.region[0] = (struct mem_region){
		.gpa = FAKE_LOW, .uva = FAKE_LOW + FAKE_UVA, .size = 4096,
		.host = self->w->guest,
	};
	self->mem.region[1] = (struct mem_region){
		.gpa = FAKE_DATA, .uva = FAKE_DATA + FAKE_UVA, .size = 4096,
		.host = self->data,
	};
	if (packed)
		fake_packed_init(&self->w->p, &self->mem, FAKE_LOW, NUM);
	else
		fake_ring_init(&self->w->s, &self->mem, FAKE_LOW, 4);
	self->w->room = ring_num(packed);
	ASSERT_LE(vq_inflight_len(packed, ring_num(packed)),
		  sizeof(self->w->record));
	prng_seed(&self->rnd, variant->seed, "killed");
}

FIXTURE_TEARDOWN(killed)
{
	munmap(self->w, sizeof(*self->w));
	free(self->data);
	free(self->state);
}

/*
 * The driver
 */

static void offer(test *self, bool packed)
{
	unsigned int n = packed ? 1 + prng_next(&self->rnd) % 3 : 1;
	u16 id = (u16)(prng_next(&self->rnd) % ring_num(packed));
	struct world *w = self->w;

	/* A chain over the whole ring: the index comes back to where it was. */
	if (packed && w->room == NUM && prng_next(&self->rnd) % 2)
		n = NUM;
	if (w->out[id] || w->room < n)
		return;
	if (packed) {
		fake_packed_offer(&w->p, id, n, VRING_DESC_F_WRITE);
	} else {
		fake_desc(&w->s, id, FAKE_DATA + id, 1, VRING_DESC_F_WRITE, 0);
		fake_avail(&w->s, id);
	}
	w->out[id] = true;
	w->room -= n;
}

/* False when something is used that is not out. */
static bool reap(test *self, bool packed)
{
	struct world *w = self->w;
	u32 id, len;

	while (packed ? fake_packed_used(&w->p, &id, &len) :
			fake_used(&w->s, &id, &len)) {
		if (id >= IDS || !w->out[id])
			return false;
		w->out[id] = false;
		w->room += packed ? w->p.slots[id] : 1;
	}
	return true;
}

/*
 * The slave
 */

/* As after a crash: the front-end knows the used index of a split ring. */
static int set_up(test *self, bool packed)
{
	const struct world *w = self->w;
	struct vq *vq = &self->vq;
	int err;

	memset(self->is_held, 0, sizeof(self->is_held));
	self->broke = 0;
	vq_init(vq, 0, &ops, NULL);
	vq_set_features(vq, packed ? BIT_ULL(VIRTIO_F_RING_PACKED) : 0);
	err = vq_set_num(vq, ring_num(packed));
	if (!err)
		err = vq_set_base(vq, packed ? FAKE_PACKED_BASE : w->s.used->idx);
	if (!err)
		err = packed ? fake_packed_set_addr(&w->p, vq) :
		      vq_set_addr(vq, &self->mem, fake_desc_uva(&w->s),
				  fake_avail_uva(&w->s), fake_used_uva(&w->s));
	if (!err)
		err = vq_set_inflight(vq, self->w->record,
				      sizeof(w->record));
	return err;
}

static int start(test *self)
{
	int err = vq_start(&self->vq);

	vq_enable(&self->vq, true);
	return err;
}

static void pop(test *self)
{
	unsigned int i;

	for (i = 0; i < IDS && self->is_held[i]; i++)
		;
	if (i < IDS && vq_pop(&self->vq, &self->held[i]) == 1)
		self->is_held[i] = true;
}

static void push(test *self, unsigned int i)
{
	if (self->is_held[i])
		vq_push(&self->vq, &self->held[i], i & 1);
	self->is_held[i] = false;
}

static void let_go(test *self, unsigned int i)
{
	if (self->is_held[i])
		vq_drop(&self->vq, &self->held[i]);
	self->is_held[i] = false;
}

static void stop_and_start(test *self)
{
	unsigned int i;

	for (i = 0; i < IDS; i++)
		let_go(self, i);
	vq_stop(&self->vq);
	vq_start(&self->vq);
}

static void slave_op(test *self)
{
	u64 what = prng_next(&self->rnd);
	unsigned int i = what >> 8 & 7;

	switch (what % 16) {
	case 0 ... 7:
		pop(self);
		break;
	case 8 ... 12:
		push(self, i % IDS);
		break;
	case 13 ... 14:
		let_go(self, i % IDS);
		break;
	default:
		stop_and_start(self);
		break;
	}
}

/* The tracer steps from one of these to the next. */
static void mark(void)
{
	raise(SIGUSR1);
}

static void slave_life(test *self, bool packed)
{
	unsigned int i;

	if (set_up(self, packed))
		_exit(1);
	mark();
	if (start(self))
		_exit(1);
	mark();
	for (i = 0; i < OPS; i++) {
		offer(self, packed);
		if (prng_next(&self->rnd) & 1 && !reap(self, packed))
			_exit(2);
		mark();
		slave_op(self);
		mark();
		if (self->broke)
			_exit(3);
	}
	_exit(0);
}

/* Starts, and uses all that there is. */
static bool drain(test *self)
{
	unsigned int i;

	if (start(self))
		return false;
	for (i = 0; i < IDS; i++)
		pop(self);
	for (i = IDS; i--;)
		push(self, i);
	return !self->broke;
}

static void second_life(test *self, bool packed)
{
	if (set_up(self, packed))
		_exit(1);
	mark();
	if (!drain(self))
		_exit(1);
	mark();
	_exit(0);
}

/*
 * Who kills it
 */

static void keep_state(test *self)
{
	if (self->nr && !memcmp(&self->state[self->nr - 1], self->w,
				sizeof(*self->w)))
		return;
	if (self->nr == self->room) {
		self->room = self->room ? 2 * self->room : 256;
		self->state = realloc(self->state,
				      self->room * sizeof(*self->state));
		if (!self->state)
			abort();
	}
	self->state[self->nr++] = *self->w;
}

/* Its exit status, or -1 if there is no tracing here. */
static int watch(test *self, pid_t pid)
{
	bool stepping = false;
	int status;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == SIGUSR1)
			stepping = !stepping;
		else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
			kill(pid, SIGKILL);
		if (stepping)
			keep_state(self);
		ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, 0, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* To be woken up on another CPU takes far longer than a step. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	if (cpu < 0)
		return;
	CPU_SET((unsigned int)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int trace(test *self, bool packed, void (*life)(test *self, bool packed))
{
	pid_t pid;

	stay_on_one_cpu();
	pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(77);
		raise(SIGSTOP);
		life(self, packed);
	}
	return watch(self, pid);
}

/* All that is out is used, once, whether the driver has looked before or not. */
static bool all_is_used_once(test *self, const struct world *from, bool packed,
			     bool driver_first)
{
	unsigned int i;
	bool good;

	*self->w = *from;
	if (driver_first) {
		if (!reap(self, packed))
			return false;
		for (i = 0; i < 20; i++)
			offer(self, packed);
	}
	good = !set_up(self, packed) && drain(self) && reap(self, packed);
	vq_fini(&self->vq);
	for (i = 0; i < IDS; i++)
		good = good && !self->w->out[i];
	return good && self->w->room == ring_num(packed);
}

/* Returns the first state from which it does not go on. */
static unsigned int go_on_from_all(test *self, bool packed)
{
	unsigned int i;

	for (i = 0; i < self->nr; i++)
		if (!all_is_used_once(self, &self->state[i], packed, false) ||
		    !all_is_used_once(self, &self->state[i], packed, true))
			break;
	return i;
}

TEST_F_TIMEOUT(killed, at_any_instruction, 250)
{
	int ret = trace(self, variant->packed, slave_life);

	if (ret == 77)
		SKIP(return, "no tracing of processes here");
	ASSERT_EQ(0, ret);
	EXPECT_LE(OPS / 2, self->nr);
	TH_LOG("%u states", self->nr);
	EXPECT_EQ(self->nr, go_on_from_all(self, variant->packed));
}

/* Who comes after it is killed, too. */
TEST_F_TIMEOUT(killed, again_while_it_recovers, 250)
{
	struct world *first;
	unsigned int i, nr, tried = 0;
	int ret = trace(self, variant->packed, slave_life);

	if (ret == 77)
		SKIP(return, "no tracing of processes here");
	ASSERT_EQ(0, ret);
	first = self->state;
	nr = self->nr;
	self->state = NULL;
	self->room = 0;
	for (i = 0; i < nr; i += 23) {
		*self->w = first[i];
		self->nr = 0;
		ASSERT_EQ(0, trace(self, variant->packed, second_life));
		ASSERT_EQ(self->nr, go_on_from_all(self, variant->packed));
		tried += self->nr;
	}
	TH_LOG("%u states", tried);
	EXPECT_LE(20, tried);
	free(first);
}

TEST_HARNESS_MAIN
