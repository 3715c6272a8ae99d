/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A trace as text: one record, one line. */
#ifndef TRACE_TEXT_H
#define TRACE_TEXT_H

#include <stdio.h>

#include "names.h"

/**
 * trace_print() - "1.000000000 kick         a.net0       vq=1"
 * @names: of all records up to @rec
 * @all_data: print data to its end, however long
 *
 * Time, kind, what it is about, and the fields, separated by spaces.
 */
void trace_print(FILE *f, const struct trace_names *names,
		 const struct trace_rec *rec, bool all_data);

#endif
