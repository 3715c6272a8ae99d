/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A timeline in the format of Perfetto. */
#ifndef TRACE_PERFETTO_H
#define TRACE_PERFETTO_H

#include <stdio.h>

#include "timeline.h"

/**
 * perfetto_write() - a timeline that is finished, for ui.perfetto.dev
 *
 * Return: 0 or -ENOMEM; whether @f has an error is for the caller to see
 */
int __must_check perfetto_write(FILE *f, const struct timeline *t,
				const struct trace_names *names);

#endif
