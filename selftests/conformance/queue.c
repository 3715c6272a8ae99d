// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Virtqueues of either kind, from the driver's side. */
#include <string.h>

#include "conf.h"

void queue_init(struct guest *g, struct queue *q, unsigned int index, u32 num,
		bool packed)
{
	q->index = index;
	q->num = num;
	q->packed = packed;
	q->at = MEM_GPA + index * RING_STEP;
	q->next_avail = 0;
	q->next_used = 0;
	q->free = 0;
	memset(guest_ptr(g, q->at), 0, RING_STEP);
	if (packed)
		packed_init(g, q);
	else
		split_init(g, q);
}

u16 queue_add(struct queue *q, const struct seg *s, unsigned int n)
{
	return q->packed ? packed_add(q, s, n) : split_add(q, s, n);
}

bool queue_used(struct queue *q, struct used *u)
{
	return q->packed ? packed_used(q, u) : split_used(q, u);
}

void queue_no_interrupt(struct queue *q, bool no)
{
	if (q->packed)
		WRITE_ONCE(q->driver->flags,
			   no ? VRING_PACKED_EVENT_FLAG_DISABLE :
				VRING_PACKED_EVENT_FLAG_ENABLE);
	else
		WRITE_ONCE(q->avail->flags, no ? VRING_AVAIL_F_NO_INTERRUPT : 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
