/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Where two traces part. */
#ifndef TRACE_DIFF_H
#define TRACE_DIFF_H

#include <stdbool.h>
#include <stdio.h>

#include "identity.h"
#include "names.h"

/**
 * struct trace_side - one of two traces
 * @mark: in front of its lines
 * @r: the trace, at its beginning
 * The others are trace_diff()'s own; at -EPROTO, @ret of the damaged one is
 * that, and @rec.pos says where.
 */
struct trace_side {
	const char *mark;
	struct trace_reader *r;
	struct trace_identity id;
	struct trace_names names;
	struct trace_rec rec;
	int ret;
};

/**
 * trace_diff() - say what is different about two runs
 * @context: how many records to print before and after the first that differs
 *
 * First what the runs were given, where that was not the same; then the first
 * record of each that is not the other's.
 *
 * Return: 0: all that happened is the same; 1: it is not; -ENOMEM; -EPROTO
 */
int __must_check trace_diff(FILE *f, struct trace_side *a, struct trace_side *b,
			    unsigned int context);

#endif
