// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The event heap, against a sorted array that is too simple to be wrong. */
#include <stdlib.h>
#include <string.h>

#include "../../src/base/heap.h"
#include "../../src/base/prng.h"
#include "kselftest_harness.h"

#define NODES	200u

struct entry {
	struct heap_node n;
	u64 time, order;
};

/* All entries that are queued, earliest first, oldest first within a time. */
struct model {
	struct entry *e[NODES];
	unsigned int nr;
	u64 order;
};

FIXTURE(heap) {
	struct heap h;
	struct model m;
	struct entry e[NODES];
	struct prng rnd;
};

FIXTURE_SETUP(heap)
{
	prng_seed(&self->rnd, 7, "heap");
}

FIXTURE_TEARDOWN(heap)
{
}

static bool earlier(const struct entry *a, const struct entry *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void add(FIXTURE_DATA(heap) *self, struct entry *e, u64 time)
{
	struct model *m = &self->m;
	unsigned int i;

	heap_insert(&self->h, &e->n, time);
	e->time = time;
	e->order = m->order++;
	for (i = m->nr++; i && earlier(e, m->e[i - 1]); i--)
		m->e[i] = m->e[i - 1];
	m->e[i] = e;
}

static void del(FIXTURE_DATA(heap) *self, struct entry *e)
{
	struct model *m = &self->m;
	unsigned int i;

	heap_remove(&self->h, &e->n);
	for (i = 0; i < m->nr && m->e[i] != e; i++)
		;
	if (i == m->nr)
		return;
	memmove(&m->e[i], &m->e[i + 1], (--m->nr - i) * sizeof(m->e[0]));
}

static const struct heap_node *model_first(const struct model *m)
{
	return m->nr ? &m->e[0]->n : NULL;
}

TEST_F(heap, empty)
{
	EXPECT_EQ(NULL, heap_first(&self->h));
	heap_remove(&self->h, &self->e[0].n);
	EXPECT_EQ(NULL, heap_first(&self->h));
}

TEST_F(heap, equal_times_in_order_of_insertion)
{
	unsigned int i;

	for (i = 0; i < NODES; i++)
		heap_insert(&self->h, &self->e[i].n, 5);
	for (i = 0; i < NODES; i++) {
		EXPECT_EQ(&self->e[i].n, heap_first(&self->h));
		heap_remove(&self->h, heap_first(&self->h));
	}
	EXPECT_EQ(NULL, heap_first(&self->h));
}

TEST_F(heap, insertion_again_goes_behind)
{
	heap_insert(&self->h, &self->e[0].n, 5);
	heap_insert(&self->h, &self->e[1].n, 5);
	heap_remove(&self->h, &self->e[0].n);
	heap_insert(&self->h, &self->e[0].n, 5);
	EXPECT_EQ(&self->e[1].n, heap_first(&self->h));
}

TEST_F(heap, queued_says_whether_it_is)
{
	EXPECT_FALSE(self->e[0].n.queued);
	heap_insert(&self->h, &self->e[0].n, 1);
	heap_insert(&self->h, &self->e[1].n, 2);
	EXPECT_TRUE(self->e[0].n.queued);
	heap_remove(&self->h, &self->e[1].n);
	EXPECT_FALSE(self->e[1].n.queued);
	EXPECT_TRUE(self->e[0].n.queued);
	heap_remove(&self->h, &self->e[1].n);
	EXPECT_EQ(&self->e[0].n, heap_first(&self->h));
}

TEST_F(heap, times_of_64_bits)
{
	heap_insert(&self->h, &self->e[0].n, U64_MAX);
	heap_insert(&self->h, &self->e[1].n, 1ULL << 63);
	heap_insert(&self->h, &self->e[2].n, 0);
	heap_insert(&self->h, &self->e[3].n, S64_MAX);
	EXPECT_EQ(&self->e[2].n, heap_first(&self->h));
	heap_remove(&self->h, &self->e[2].n);
	EXPECT_EQ(&self->e[3].n, heap_first(&self->h));
	heap_remove(&self->h, &self->e[3].n);
	EXPECT_EQ(&self->e[1].n, heap_first(&self->h));
	heap_remove(&self->h, &self->e[1].n);
	EXPECT_EQ(&self->e[0].n, heap_first(&self->h));
}

/* Every pattern of (few times, few entries), removed in every order. */
TEST_F(heap, all_small_cases)
{
	static const unsigned int perms[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	unsigned int pattern, p, i;

	for (pattern = 0; pattern < 3 * 3 * 3 * 3 * 3; pattern++) {
		for (p = 0; p < 6; p++) {
			unsigned int rest = pattern;

			for (i = 0; i < 5; i++, rest /= 3)
				add(self, &self->e[i], rest % 3);
			for (i = 0; i < 3; i++) {
				del(self, &self->e[1 + perms[p][i]]);
				ASSERT_EQ(model_first(&self->m),
					  heap_first(&self->h));
			}
			del(self, &self->e[0]);
			ASSERT_EQ(model_first(&self->m), heap_first(&self->h));
			del(self, &self->e[4]);
			ASSERT_EQ(NULL, heap_first(&self->h));
		}
	}
}

/* @spread: how many different times; few make many ties */
static void churn(struct __test_metadata *_metadata, FIXTURE_DATA(heap) *self,
		  u64 spread, unsigned int steps)
{
	struct entry *e;

	while (steps--) {
		e = &self->e[prng_next(&self->rnd) % NODES];
		switch (prng_next(&self->rnd) % 4) {
		case 0:
			if (self->m.nr)
				del(self, self->m.e[0]);
			break;
		case 1:
			del(self, e);
			break;
		default:
			if (e->n.queued)
				del(self, e);
			add(self, e, prng_next(&self->rnd) % spread);
			break;
		}
		ASSERT_EQ(model_first(&self->m), heap_first(&self->h));
	}
	while (self->m.nr) {
		ASSERT_EQ(model_first(&self->m), heap_first(&self->h));
		del(self, self->m.e[0]);
	}
	ASSERT_EQ(NULL, heap_first(&self->h));
}

TEST_F(heap, random_many_ties)
{
	churn(_metadata, self, 4, 200000);
}

TEST_F(heap, random_few_ties)
{
	churn(_metadata, self, 1000000, 200000);
}

TEST_F(heap, random_all_at_once)
{
	churn(_metadata, self, 1, 100000);
}

/* A million entries: neither recursion nor quadratic time. */
TEST(a_million_entries)
{
	const unsigned int nr = 1000000;
	struct heap_node *n = calloc(nr, sizeof(*n));
	struct heap h = { 0 };
	u64 last = 0;
	unsigned int i;

	ASSERT_NE(NULL, n);
	for (i = 0; i < nr; i++)
		heap_insert(&h, &n[i], (u64)i * 7919 % nr);
	for (i = 0; i < nr; i++) {
		ASSERT_NE(NULL, heap_first(&h));
		ASSERT_LE(last, heap_first(&h)->time);
		last = heap_first(&h)->time;
		heap_remove(&h, heap_first(&h));
	}
	EXPECT_EQ(NULL, heap_first(&h));
	free(n);
}

TEST_HARNESS_MAIN
