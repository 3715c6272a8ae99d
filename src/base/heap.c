// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Event heap: a pairing heap ordered by (time, order of insertion). */
#include "bug.h"
#include "heap.h"

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* Both are roots; either may be NULL. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
	struct heap_node *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* The classic two passes: pair left to right, then meld right to left. */
static struct heap_node *meld_siblings(struct heap_node *first)
{
	struct heap_node *pairs = NULL, *root = NULL, *a, *b, *next;

	for (a = first; a; a = next) {
		b = a->next;
		next = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	for (a = pairs; a; a = next) {
		next = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

void heap_insert(struct heap *h, struct heap_node *n, u64 time)
{
	BUG_ON(n->queued);
	n->time = time;
	n->order = h->next_order++;
	n->child = n->next = n->prev = NULL;
	n->queued = true;
	h->root = meld(h->root, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *rest;

	if (!n->queued)
		return;
	n->queued = false;
	rest = meld_siblings(n->child);
	n->child = NULL;
	if (n == h->root) {
		h->root = rest;
		return;
	}
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->next = n->prev = NULL;
	h->root = meld(h->root, rest);
}
