// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Seeded random numbers: the same seed and name give the same sequence. */
#include "prng.h"

#define STEP		0x9e3779b97f4a7c15ULL	/* 2^64 / golden ratio, odd */
#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x00000100000001b3ULL

static u64 mix(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* FNV-1a */
static u64 hash_name(const char *name)
{
	u64 h = FNV_BASIS;

	for (; *name; name++)
		h = (h ^ (u8)*name) * FNV_PRIME;
	return h;
}

void prng_seed(struct prng *p, u64 seed, const char *name)
{
	/* Mixed twice, so that neighbouring seeds start far apart. */
	p->state = mix(mix(seed + STEP) + hash_name(name));
}

u64 prng_next(struct prng *p)
{
	p->state += STEP;
	return mix(p->state);
}

void prng_bytes(struct prng *p, void *buf, size_t len)
{
	u8 *dst = buf;
	u64 v = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 8 == 0)
			v = prng_next(p);
		dst[i] = (u8)v;
		v >>= 8;
	}
}
