/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Seeded random numbers: the same seed and name give the same sequence. */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include "types.h"

/**
 * struct prng - one sequence
 *
 * The generator is splitmix64 (Steele, Lea and Flood, 2014): a counter that
 * advances by an odd constant, passed through a mixing function. Good enough
 * for a simulation, worthless for secrets. The sequence is part of what makes
 * a run reproducible: do not change it.
 */
struct prng {
	u64 state;
};

/**
 * prng_seed() - begin the sequence that belongs to @seed and @name
 * @seed: of the run
 * @name: whose sequence it is, so that adding a device does not change what
 *	another one draws
 */
void prng_seed(struct prng *p, u64 seed, const char *name);

/** prng_next() - 64 random bits */
u64 prng_next(struct prng *p);

/**
 * prng_bytes() - @len random bytes
 *
 * Those of successive prng_next(), lowest byte first; what is left of the
 * last one is thrown away.
 */
void prng_bytes(struct prng *p, void *buf, size_t len);

#endif
