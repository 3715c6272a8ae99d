/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A client of a calendar in the same process. */
#ifndef TT_LOCAL_H
#define TT_LOCAL_H

#include "tt.h"

struct cal_server;

/**
 * tt_local_open() - initialise @tt as a client of @s
 *
 * Direct calls in place of the socket: a device event costs no message.
 * @s must outlive @tt.
 *
 * Return: 0 or -ENOMEM
 */
int __must_check tt_local_open(struct tt *tt, struct ring *r,
			       struct cal_server *s);

#endif
