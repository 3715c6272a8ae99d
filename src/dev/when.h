/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Which of many requests something happens to: by number, or by time. */
#ifndef DEV_WHEN_H
#define DEV_WHEN_H

#include "dev.h"

/**
 * struct when - some of the requests
 * @by_time: @first to @last are times, else the how manieth, from 1
 * @once: the first that fits, and no other; @used: it has been
 *
 *	N	the N-th, from 1
 *	N-M	the N-th to the M-th
 *	N+	the N-th and all after it
 *	T	the first at time T (a number with a unit) or later
 *	T-U	all from T to before U
 *	T+	all from T on
 */
struct when {
	bool by_time, once, used;
	u64 first, last;
};

/** when_parse() - @s is changed; false: it is not of this kind */
bool __must_check when_parse(struct when *w, char *s);

/** when_fits() - is the @nth request, now, one of them */
bool when_fits(struct when *w, u64 nth, u64 now);

/** when_number() - digits and nothing else */
bool __must_check when_number(const char *s, u64 *v);

#endif
