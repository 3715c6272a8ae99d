/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A client of a calendar behind a socket, with or without shared memory. */
#ifndef TT_REMOTE_H
#define TT_REMOTE_H

#include "tt.h"

struct tt_remote;

/**
 * tt_remote_open() - connect to the calendar at @path and initialise @tt
 *
 * Any calendar that speaks um_timetravel will do.
 *
 * Return: 0; -ENOMEM, or what connect() said
 */
int __must_check tt_remote_open(struct tt_remote **out, struct tt *tt,
				struct ring *r, const char *path);

/** tt_remote_close() - leave; to be followed by ring_drain() */
void tt_remote_close(struct tt_remote *rem);

/** struct tt_remote_stats - messages exchanged with the calendar */
void tt_remote_stats(const struct tt_remote *rem, u64 *rx, u64 *tx);

#endif
