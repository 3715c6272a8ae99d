// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Split virtqueues (virtio 2.7), the driver's side. */
#include "conf.h"

/*
 * Descriptors are taken in a circle and never given back: with the few buffers
 * that a test has in flight, those that come round again are free. All numbers
 * are little endian, and so is every host that the suite has been run on.
 */

#define AVAIL_AT	0x1000	/* for up to 256 entries */
#define USED_AT		0x2000

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "see above");

void split_init(struct guest *g, struct queue *q)
{
	q->desc = guest_ptr(g, q->at);
	q->avail = guest_ptr(g, q->at + AVAIL_AT);
	q->used = guest_ptr(g, q->at + USED_AT);
	q->base = 0;
}

void split_desc(struct queue *q, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	q->desc[i] = (struct vring_desc){
		.addr = addr, .len = len, .flags = flags, .next = next,
	};
}

void split_avail(struct queue *q, u16 head)
{
	q->avail->ring[q->next_avail++ % q->num] = head;
	__atomic_store_n(&q->avail->idx, q->next_avail, __ATOMIC_RELEASE);
}

u16 split_add(struct queue *q, const struct seg *s, unsigned int n)
{
	u16 head = q->free, i = head, next;
	unsigned int k;

	for (k = 0; k < n; k++, i = next) {
		next = (u16)((i + 1) % q->num);
		split_desc(q, i, s[k].gpa, s[k].len,
			   (s[k].write ? VRING_DESC_F_WRITE : 0) |
			   (k + 1 < n ? VRING_DESC_F_NEXT : 0), next);
	}
	q->free = i;
	split_avail(q, head);
	return head;
}

bool split_used(struct queue *q, struct used *u)
{
	const struct vring_used_elem *e;

	if (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) == q->next_used)
		return false;
	e = &q->used->ring[q->next_used++ % q->num];
	*u = (struct used){ .id = e->id, .len = e->len };
	/* With EVENT_IDX: call for the next one, too. */
	WRITE_ONCE(q->avail->ring[q->num], q->next_used);
	return true;
}
