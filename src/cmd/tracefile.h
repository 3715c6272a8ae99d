/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Traces that the user has named, and what to say when they are none. */
#ifndef CMD_TRACEFILE_H
#define CMD_TRACEFILE_H

#include "../trace/reader.h"

/** tracefile_open() - trace_reader_open(), whose errors are one line */
int __must_check tracefile_open(struct trace_reader *r, const char *file);

/** tracefile_damaged() - say so: at byte @pos is no record */
void tracefile_damaged(const char *file, size_t pos);

/** tracefile_flush() - stdout; 0 or -errno after a line. A reader that has left is fine. */
int __must_check tracefile_flush(void);

#endif
