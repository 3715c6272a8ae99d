/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Integer names and the few macros that every layer uses. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define S64_MAX		((u64)INT64_MAX)
#define U64_MAX		UINT64_MAX

#define NSEC_PER_USEC	((u64)1000)
#define NSEC_PER_MSEC	((u64)1000000)
#define NSEC_PER_SEC	((u64)1000000000)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)	((u64)1 << (n))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define __must_check	__attribute__((warn_unused_result))
#define __printf(f, a)	__attribute__((format(printf, f, a)))

#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* In shared memory others store behind the compiler's back. */
#define barrier()	__asm__ volatile("" ::: "memory")

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
