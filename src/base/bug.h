/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Invariants of our own code; never for anything that a peer can cause. */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include <stdio.h>
#include <stdlib.h>

/* Compiled in always: a broken invariant must not be simulated on. */
#define BUG_ON(cond)							\
	do {								\
		if (__builtin_expect(!!(cond), 0)) {			\
			fprintf(stderr, "umtt: BUG at %s:%d: %s\n",	\
				__FILE__, __LINE__, #cond);		\
			abort();					\
		}							\
	} while (0)

#endif
