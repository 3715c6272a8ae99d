/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Event heap: a pairing heap ordered by (time, order of insertion). */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>

#include "types.h"

/**
 * struct heap_node - one entry, embedded in what waits
 * @time: when, in the unit of the heap's owner (simulated ns)
 * @order: breaks ties: lower runs first
 * @child, @next, @prev: the heap's; @prev is the parent for a first child
 * @queued: is it in a heap
 *
 * Intrusive and free of allocation, so that arming a timer cannot fail.
 */
struct heap_node {
	u64 time;
	u64 order;
	struct heap_node *child, *next, *prev;
	bool queued;
};

struct heap {
	struct heap_node *root;
	u64 next_order;
};

/**
 * heap_insert() - add @n at @time, behind all entries of the same time
 *
 * O(1). @n must not be queued.
 */
void heap_insert(struct heap *h, struct heap_node *n, u64 time);

/**
 * heap_remove() - take @n out; nothing happens when it is not queued
 *
 * Logarithmic in the number of entries (amortised).
 */
void heap_remove(struct heap *h, struct heap_node *n);

/**
 * heap_first() - the earliest entry, NULL when the heap is empty
 */
static inline struct heap_node *heap_first(const struct heap *h)
{
	return h->root;
}

#endif
