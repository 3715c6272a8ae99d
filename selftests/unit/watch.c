// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Loads of watched memory, seen one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/types.h"
#include "watch.h"

struct range {
	u8 *p;
	size_t len;
	u8 *read;	/* per byte: it has been */
};

static struct range range[4];
static unsigned int nr_ranges;
static const u8 *exempt;
static size_t exempt_len;
static bool active, scrambles;
static char found[100];
static unsigned long loads;

/* What the access that is being made reads; it can be changed after that. */
static struct range *last;
static size_t last_off, last_len;

/* All that must be made unread again: as few as a pop reads. */
static struct { u8 *flag; } done[1 << 16];
static size_t nr_done;

void watch_add(const void *p, size_t len)
{
	if (nr_ranges == ARRAY_SIZE(range))
		abort();
	range[nr_ranges++] = (struct range){ (u8 *)p, len, calloc(1, len) };
}

void watch_none(void)
{
	while (nr_ranges)
		free(range[--nr_ranges].read);
}

void watch_exempt(const void *p, size_t len)
{
	exempt = p;
	exempt_len = len;
}

static bool is_exempt(const u8 *p)
{
	return p >= exempt && p < exempt + exempt_len;
}

/* The load that was last announced has happened. */
static void scramble_last(void)
{
	size_t i;

	if (!last)
		return;
	for (i = last_off; i < last_off + last_len && scrambles; i++)
		if (!is_exempt(last->p + i))
			last->p[i] ^= 0xff;
	last = NULL;
}

static void note(struct range *r, size_t off, size_t len, const void *pc)
{
	size_t i;

	for (i = off; i < off + len; i++) {
		if (is_exempt(r->p + i))
			continue;
		if (r->read[i] && !*found)
			snprintf(found, sizeof(found),
				 "byte %#zx of region %d again, at %p", i,
				 (int)(r - range), pc);
		r->read[i] = 1;
		if (nr_done == ARRAY_SIZE(done))
			abort();
		done[nr_done++].flag = &r->read[i];
	}
}

static void about_to_read(const void *addr, size_t len, const void *pc)
{
	struct range *r;
	size_t off;

	if (!active)
		return;
	scramble_last();
	for (r = range; r < range + nr_ranges; r++) {
		off = (size_t)((uintptr_t)addr - (uintptr_t)r->p);
		if (off >= r->len)
			continue;
		loads++;
		len = min_size(len, r->len - off);
		note(r, off, len, pc);
		last = r;
		last_off = off;
		last_len = len;
		return;
	}
}

void watch_begin(bool scramble)
{
	active = true;
	scrambles = scramble;
	found[0] = '\0';
	last = NULL;
}

void watch_end(void)
{
	scramble_last();
	active = false;
	while (nr_done)
		*done[--nr_done].flag = 0;
}

const char *watch_found(void)
{
	return found;
}

unsigned long watch_loads(void)
{
	return loads;
}

/* What the compiler calls. None of it has a declaration elsewhere. */

#define PC	__builtin_return_address(0)

#define READ(name, n)							\
	void __tsan_##name##n(void *p);				\
	void __tsan_##name##n(void *p)				\
	{								\
		about_to_read(p, n, PC);				\
	}

#define WRITE(name, n)							\
	void __tsan_##name##n(void *p);				\
	void __tsan_##name##n(void *p)				\
	{								\
		(void)p;						\
		scramble_last();					\
	}

READ(read, 1)
READ(read, 2)
READ(read, 4)
READ(read, 8)
READ(read, 16)
READ(unaligned_read, 2)
READ(unaligned_read, 4)
READ(unaligned_read, 8)
READ(unaligned_read, 16)
WRITE(write, 1)
WRITE(write, 2)
WRITE(write, 4)
WRITE(write, 8)
WRITE(write, 16)
WRITE(unaligned_write, 2)
WRITE(unaligned_write, 4)
WRITE(unaligned_write, 8)
WRITE(unaligned_write, 16)

void __tsan_read_range(void *p, long len);
void __tsan_read_range(void *p, long len)
{
	about_to_read(p, (size_t)len, PC);
}

void __tsan_write_range(void *p, long len);
void __tsan_write_range(void *p, long len)
{
	(void)p;
	(void)len;
	scramble_last();
}

#define FETCH(n, type, op)						\
	type __tsan_atomic##n##_fetch_##op(volatile void *p, type v, int order); \
	type __tsan_atomic##n##_fetch_##op(volatile void *p, type v, int order) \
	{								\
		(void)order;						\
		return __atomic_fetch_##op((volatile type *)p, v,	\
					   __ATOMIC_SEQ_CST);		\
	}

#define ATOMIC(n, type)							\
	FETCH(n, type, or)						\
	FETCH(n, type, add)						\
	type __tsan_atomic##n##_load(const volatile void *p, int order); \
	type __tsan_atomic##n##_load(const volatile void *p, int order)	\
	{								\
		type v;							\
									\
		(void)order;						\
		about_to_read((const void *)p, sizeof(v), PC);		\
		v = *(const volatile type *)p;				\
		scramble_last();					\
		return v;						\
	}								\
	void __tsan_atomic##n##_store(volatile void *p, type v, int order); \
	void __tsan_atomic##n##_store(volatile void *p, type v, int order) \
	{								\
		(void)order;						\
		scramble_last();					\
		*(volatile type *)p = v;				\
	}

ATOMIC(8, u8)
ATOMIC(16, u16)
ATOMIC(32, u32)
ATOMIC(64, u64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc)
{
	(void)pc;
	scramble_last();
}

/* In place of memcpy(), which would be expanded without a word. */
void *watched_memcpy(void *dst, const void *src, size_t len);
void *watched_memcpy(void *dst, const void *src, size_t len)
{
	about_to_read(src, len, PC);
	memcpy(dst, src, len);
	scramble_last();
	return dst;
}
