/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The host's clock in place of a calendar. */
#ifndef TT_WALL_H
#define TT_WALL_H

#include "tt.h"

struct tt_wall;

/**
 * tt_wall_open() - initialise @tt with a clock that just runs
 *
 * Time is CLOCK_MONOTONIC, in ns since this call.
 *
 * Return: 0 or -ENOMEM
 */
int __must_check tt_wall_open(struct tt_wall **out, struct tt *tt,
			      struct ring *r);

/** tt_wall_close() - to be followed by ring_drain() */
void tt_wall_close(struct tt_wall *w);

#endif
