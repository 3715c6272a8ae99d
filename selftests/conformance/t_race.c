// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Rings that change while they are read, and notifications: groups D7 to D9. */
#include <pthread.h>
#include <unistd.h>

#include "conf.h"

#define SECT	"virtio 2.7, Split Virtqueues"

/* D7 */

struct flipper {
	struct queue *q;
	struct fe *fe;
	bool stop;
};

/* Rewrites what the other side reads, as fast as it can. */
static void *flip(void *p)
{
	struct flipper *f = p;
	static const u64 addr[] = { 0, DATA_GPA, MEM_END - 8, U64_MAX - 7, MEM_MIDDLE - 8 };
	static const u32 len[] = { 0, 16, 0xffffffff, MEM_SIZE, 17, 512 };
	static const u16 flags[] = { 0, 1, 2, 3, 4, 5, 7, 0xffff };
	unsigned int i = 0, k;

	while (!READ_ONCE(f->stop)) {
		for (k = 0; k < 8; k++, i++) {
			WRITE_ONCE(f->q->desc[k].addr, addr[i % 5]);
			WRITE_ONCE(f->q->desc[k].len, len[i % 6]);
			WRITE_ONCE(f->q->desc[k].flags, flags[i * 5 % 8]);
			WRITE_ONCE(f->q->desc[k].next, i * 7 % 65);
			table_desc(f->fe, TABLE, k, addr[i * 3 % 5], len[i * 5 % 6],
				   flags[i * 3 % 8], (u16)(i % 9));
		}
		WRITE_ONCE(f->q->avail->ring[i % QUEUE_NUM], i % 66);
	}
	return NULL;
}

static void flipping(unsigned int how)
{
	u64 end = now_ms() + 150, one = 1;
	struct flipper f = { .stop = false };
	struct outcome o;
	pthread_t thread;
	u16 idx = 0;

	while (now_ms() < end) {
		f.q = hostile_split(&f.fe, how);
		f.stop = false;
		if (pthread_create(&thread, NULL, flip, &f))
			broken("pthread_create");
		do {
			idx = (u16)(f.q->avail->idx + 1);
			__atomic_store_n(&f.q->avail->idx, idx, __ATOMIC_RELEASE);
			if (write(f.q->kick, &one, sizeof(one)) < 0)
				broken("write");
			o = settle(f.fe);
		} while (!o.closed && idx < 40);
		WRITE_ONCE(f.stop, true);
		pthread_join(thread, NULL);
		if (!o.closed)
			stop_or_closed(f.fe, f.q);
		fe_close(f.fe);
		idx = 0;
	}
}

TEST(D7, descriptors_that_change_while_they_are_read, SECT,
     "What the driver can change is read once: rings that are rewritten all the time lead nowhere they should not.")
{
	flipping(0);
}

TEST(D7, indirect_tables_that_change_while_they_are_read, SECT,
     "The same with indirect descriptors.")
{
	flipping(FE_INDIRECT);
}

/* D8 */

TEST(D8, no_interrupt, "virtio 2.7.7, Used Buffer Notification Suppression",
     "A driver that asks for no notification still gets its buffers back; when it asks for them again they come.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;
	u16 id;

	for (i = 0; i < 10; i++) {
		queue_no_interrupt(q, true);
		id = work_put(fe, q, 0);
		queue_kick(fe, q);
		work_done(fe, q, 0, id, "with NO_INTERRUPT");
		target_settles();
		queue_no_interrupt(q, false);
		work(fe, q, "without NO_INTERRUPT");
	}
}

TEST(D8, event_idx, "virtio 2.7.7, Used Buffer Notification Suppression",
     "With EVENT_IDX the driver is notified when the used index passes used_event.")
{
	struct fe *fe = fe_start(FE_EVENT_IDX);
	struct queue *q = work_queue(fe);
	unsigned int i;

	for (i = 0; i < 20; i++)
		work(fe, q, "used_event is the next used index");
}

TEST(D8, event_idx_later, "virtio 2.7.7, Used Buffer Notification Suppression",
     "With used_event four buffers ahead, a notification comes with the fourth at the latest.")
{
	struct fe *fe = fe_start(FE_EVENT_IDX);
	struct queue *q = work_queue(fe);
	u64 end = now_ms() + PATIENCE;
	u16 id[4];
	unsigned int k;

	work(fe, q, "before");
	target_settles();
	queue_called(fe, q);
	q->avail->ring[q->num] = (u16)(q->next_used + 3);
	for (k = 0; k < 4; k++)
		id[k] = work_put(fe, q, k);
	queue_kick(fe, q);
	while (!queue_called(fe, q)) {
		if (now_ms() > end)
			fail("expected a call once four buffers are used; came: none");
		pump(fe, q, 2);
	}
	work_all_done(fe, q, id, 4, "with a later used_event");
}

TEST(D8, poisoned_events, "virtio 2.7.7, Used Buffer Notification Suppression",
     "Whatever stands in used_event and avail_event, a kick is heard and buffers come back.")
{
	struct fe *fe = fe_start(FE_EVENT_IDX);
	struct queue *q = work_queue(fe);
	u16 id, *avail_event = (u16 *)(void *)&q->used->ring[q->num];
	unsigned int i;

	for (i = 0; i < 40; i++) {
		WRITE_ONCE(q->avail->ring[q->num], (u16)(i * 40503u));
		WRITE_ONCE(*avail_event, (u16)(i * 30011u));
		id = work_put(fe, q, 0);
		queue_kick(fe, q);
		work_done(fe, q, 0, id, "with poisoned events");
	}
}

/* D9 */

TEST(D9, kicks_for_nothing, SECT,
     "100000 kicks for an empty ring do nothing, and cost no memory.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	long rss = target_rss_kb();
	unsigned int i;

	for (i = 0; i < 100000; i++)
		queue_kick(fe, q);
	work(fe, q, "after all the kicks");
	not_spinning("after all the kicks");
	if (rss >= 0 && target_rss_kb() - rss > 65536)
		fail("expected no growth; the back-end has grown by %ld kB",
		     target_rss_kb() - rss);
}

TEST(D9, kicks_of_rings_that_do_not_run, SECT,
     "Kicks of disabled and of stopped rings do nothing.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;

	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, false);
	for (i = 0; i < 1000; i++)
		queue_kick(fe, q);
	not_spinning("kicked while disabled");
	q->base = queue_stop(fe, q);
	for (i = 0; i < 1000; i++)
		queue_kick(fe, q);
	not_spinning("kicked while stopped");
}
