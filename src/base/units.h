/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Numbers with units, as people write them: parsed exactly, printed briefly. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>

#include "types.h"

/*
 * All parsers take the whole string, without spaces or signs: decimal digits,
 * perhaps a fraction ("1.5"), then a unit. They calculate exactly and leave
 * the result alone on error:
 *
 * Return: 0; -EINVAL: not a number of this kind; -ERANGE: too large, or finer
 *	than the result can say ("0.5ns")
 */

/** units_number() - k, M, G, T: powers of 1000; Ki, Mi, Gi, Ti: of 1024; "0x..." without a unit */
int __must_check units_number(const char *s, u64 *v);

/** units_size() - bytes: k or K, M, G, T, or Ki, Mi, Gi, Ti: powers of 1024 */
int __must_check units_size(const char *s, u64 *v);

/**
 * units_time() - ns, us, ms, s, m or min, h, d
 * @bare: what a number without a unit counts, in ns: 1, or NSEC_PER_SEC
 * @ns: result, at most S64_MAX, since time ends there
 */
int __must_check units_time(const char *s, u64 bare, u64 *ns);

/** units_rate() - bits per second: bit, kbit, Mbit, Gbit, Tbit (case ignored); or a bare number */
int __must_check units_rate(const char *s, u64 *bps);

/**
 * units_prob() - probability: "0.01" or "1%"
 * @p: as a fraction of 2^64 - 1, rounded down
 */
int __must_check units_prob(const char *s, u64 *p);

/** units_bool() - 1, on, yes, true; 0, off, no, false */
int __must_check units_bool(const char *s, bool *v);

#define UNITS_TIME_LEN	24	/* longest result of units_format_time() and 0 */

/**
 * units_format_time() - a span for people: "3602.0 s", "1.5 ms", "200 ns"
 * @buf: UNITS_TIME_LEN bytes
 *
 * One digit after the point, rounded half up, in the largest unit up to
 * seconds that leaves at least one digit before it.
 *
 * Return: @buf
 */
const char *units_format_time(char *buf, u64 ns);

#endif
