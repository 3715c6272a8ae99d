// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* States of rings: R1 to R5, against a model of two bits. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf.h"

#define SECT	"Ring states"

static bool can_disable(const struct fe *fe)
{
	return fe->features & BIT_ULL(F_PROTOCOL);
}

TEST(R1, work_before_the_kick_fd, SECT,
     "A ring starts with SET_VRING_KICK, and is looked at then: no kick need come for what is in it already.")
{
	struct fe *fe;
	struct queue *q;
	u16 id;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	queue_setup(fe, q);
	if (can_disable(fe))
		queue_enable(fe, q, true);
	id = work_put(fe, q, 0);
	queue_fds(fe, q);
	work_done(fe, q, 0, id, "no kick at all");
}

TEST(R1, work_before_enable, SECT,
     "So when a started ring is enabled.")
{
	struct fe *fe;
	struct queue *q;
	u16 id;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	if (!can_disable(fe))
		skip("protocol features are not offered");
	queue_setup(fe, q);
	queue_fds(fe, q);
	id = work_put(fe, q, 0);
	queue_enable(fe, q, true);
	work_done(fe, q, 0, id, "no kick after the ring was enabled");
}

TEST(R1, work_while_disabled, SECT,
     "What a driver adds while its ring is disabled, and does not kick for, is processed once it is enabled.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	u16 id;

	if (!can_disable(fe))
		skip("protocol features are not offered");
	work(fe, q, "before");
	queue_enable(fe, q, false);
	id = work_put(fe, q, 0);
	queue_enable(fe, q, true);
	work_done(fe, q, 0, id, "enabled again, without a kick");
}

TEST(R3, stopped_ring_is_not_touched, SECT,
     "A stopped ring is not processed, whatever is in it and however often it is kicked.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	u64 one = 1;

	work(fe, q, "before");
	queue_stop(fe, q);
	work_put(fe, q, 0);
	if (q->kick >= 0 && write(q->kick, &one, sizeof(one)) < 0)
		broken("write");
	no_used(fe, q, "the ring is stopped");
}

TEST(R3, enabled_is_kept_while_stopped, SECT,
     "Whether a ring is enabled is kept while it is stopped.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);

	if (!can_disable(fe))
		skip("protocol features are not offered");
	q->base = queue_stop(fe, q);
	queue_setup(fe, q);
	queue_fds(fe, q);
	work(fe, q, "it was enabled before it was stopped");
	q->base = queue_stop(fe, q);
	queue_enable(fe, q, false);
	queue_setup(fe, q);
	queue_fds(fe, q);
	work_put(fe, q, 0);
	queue_kick(fe, q);
	if (opt.profile != profile_find("net"))
		no_used(fe, q, "it was disabled while it was stopped");
}

/* The model: a ring processes what it has when it is started and enabled. */
struct model {
	bool started, enabled;
	u16 id;
	bool pending;
};

enum action { ENABLE, DISABLE, START, STOP, PUT, NR_ACTIONS };

static const char *const action_names[] = {
	"enable", "disable", "start", "stop", "put and kick",
};

static void act(struct fe *fe, struct queue *q, struct model *m, enum action a)
{
	u64 one = 1;

	note("%s (%sstarted, %sabled)", action_names[a], m->started ? "" : "not ",
	     m->enabled ? "en" : "dis");
	switch (a) {
	case ENABLE:
	case DISABLE:
		queue_enable(fe, q, a == ENABLE);
		m->enabled = a == ENABLE;
		break;
	case START:
		if (m->started)
			break;
		queue_setup(fe, q);
		queue_fds(fe, q);
		m->started = true;
		break;
	case STOP:
		q->base = queue_stop(fe, q);
		m->started = false;
		break;
	default:
		if (!m->pending) {
			m->id = work_put(fe, q, 0);
			m->pending = true;
		}
		if (q->kick >= 0 && write(q->kick, &one, sizeof(one)) < 0)
			broken("write");
	}
}

static void model_check(struct fe *fe, struct queue *q, struct model *m,
			bool last)
{
	if (!m->pending)
		return;
	if (m->started && m->enabled) {
		work_done(fe, q, 0, m->id, "started and enabled");
		m->pending = false;
	} else if (last) {
		no_used(fe, q, "not both started and enabled");
	}
}

TEST(R3, all_orders_of_what_changes_a_ring, SECT,
     "A ring processes what it holds when it is started and enabled, and only then, in whatever order that has come about.")
{
	struct model m = { .enabled = true, .started = true };
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i, seed = 1;

	if (!can_disable(fe) || opt.profile == profile_find("net"))
		skip("disabled rings cannot be told from others");
	for (i = 0; i < 400; i++) {
		seed = seed * 1103515245 + 12345;
		act(fe, q, &m, seed / 65536 % NR_ACTIONS);
		model_check(fe, q, &m, i % 50 == 49);
	}
}

/* R4 */

TEST(R4, second_get_vring_base_same_value, "Front-end message types, GET_VRING_BASE",
     "GET_VRING_BASE stops the ring and resets nothing: asked again it says the same.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	u32 first, second;

	work(fe, q, "before");
	work(fe, q, "before");
	first = queue_stop(fe, q);
	second = queue_stop(fe, q);
	if (first != second || first != 2)
		fail("expected 2, two times; came: %u and %u", first, second);
}

TEST(R4, base_counts_what_was_fetched, "Front-end message types, GET_VRING_BASE",
     "The base is the index of the next buffer to be fetched: all before it are in the used ring.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i, k;
	u32 base;

	for (i = 0; i < 30; i++) {
		for (k = 0; k < 5; k++)
			work_put(fe, q, k);
		queue_kick(fe, q);
		base = queue_stop(fe, q);
		if ((base & 0xffff) != __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE))
			fail("expected base and used index to be equal; base is %u, used index %u, avail index %u",
			     base, q->used->idx, q->avail->idx);
		q->base = base;
		queue_setup(fe, q);
		queue_fds(fe, q);
	}
}

TEST(R4, nothing_is_lost_over_a_stop, "Front-end message types, GET_VRING_BASE",
     "A ring that is stopped and started again with the base that was returned goes on where it was.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i, k;
	u16 id[8];

	for (i = 0; i < 20; i++) {
		for (k = 0; k < 8; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		q->base = queue_stop(fe, q);
		queue_setup(fe, q);
		queue_fds(fe, q);
		work_all_done(fe, q, id, 8, "over a stop");
	}
}

TEST(R4, stop_drops_event_fds, "Ring states",
     "A ring that is stopped has no event fds any more: those that it had are closed.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	int with = target_fds("");

	if (with < 0)
		skip("the back-end's files cannot be counted");
	queue_stop(fe, q);
	if (opt.strict)
		wait_target_fds("", with - 1, "after GET_VRING_BASE");
	alive(fe);
}

TEST(R4, base_of_a_ring_never_started, "Front-end message types, GET_VRING_BASE",
     "The base of a ring that was never started is what SET_VRING_BASE said.")
{
	struct fe *fe = fe_open(0);
	struct queue *q = &fe->q[0];
	u32 base;

	must_state(fe, SET_VRING_NUM, 0, QUEUE_NUM);
	must_state(fe, SET_VRING_BASE, 0, 17);
	base = queue_stop(fe, q);
	if (base != 17)
		fail("expected 17; came: %u", base);
}

/* R5 */

TEST(R5, nothing_is_written_after_a_stop, "Suspended device state",
     "When all rings are stopped no guest memory is written to, and nobody is called.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	size_t size = MEM_SKIP + MEM_SIZE;
	u8 *before[MEM_REGIONS];
	unsigned int i, k;
	u64 one = 1;

	for (k = 0; k < 16; k++)
		work_put(fe, q, k);
	queue_kick(fe, q);
	queue_stop(fe, q);
	queue_called(fe, q);
	for (i = 0; i < MEM_REGIONS; i++) {
		before[i] = malloc(size);
		if (!before[i])
			broken("malloc");
		memcpy(before[i], fe->g.file[i], size);
	}
	if (q->kick >= 0 && write(q->kick, &one, sizeof(one)) < 0)
		broken("write");
	sleep_ms(100);
	alive(fe);
	for (i = 0; i < MEM_REGIONS; i++)
		if (memcmp(before[i], fe->g.file[i], size))
			fail("expected guest memory to stay as it was for 100 ms; it has changed");
	if (queue_called(fe, q))
		fail("expected no call after the ring was stopped; there was one");
}

TEST(R5, stopped_device_still_answers, "Suspended device state",
     "A device whose rings are all stopped still answers requests.")
{
	struct fe *fe = fe_start(0);

	queue_stop(fe, work_queue(fe));
	get_u64(fe, GET_FEATURES);
	fe_mem(fe);
	get_u64(fe, GET_PROTOCOL_FEATURES);
}
