/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Reading a trace: one record after the other, checked. */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include "format.h"

/**
 * struct trace_rec - one record
 * @pos: its place in the file, bytes
 * @time: simulated ns
 * @kind: enum trace_kind
 * @desc: of the kind
 * @v: its fields
 * @data, @len: its data; of text, too, without a NUL
 */
struct trace_rec {
	size_t pos;
	u64 time;
	unsigned int kind;
	const struct trace_kind_desc *desc;
	u64 v[TRACE_MAX_FIELDS];
	const u8 *data;
	size_t len;
};

/**
 * struct trace_reader - fields are the reader's own
 * @buf, @len: the whole file, which somebody may be writing to
 */
struct trace_reader {
	const u8 *buf;
	size_t len, pos;
	u64 time;
};

/**
 * trace_reader_open() - the file at @path
 *
 * Return: 0; -errno; -EPROTO: it is no trace; -EPROTONOSUPPORT: it is one of
 *	another version
 */
int __must_check trace_reader_open(struct trace_reader *r, const char *path);
void trace_reader_close(struct trace_reader *r);

/** trace_reader_init() - what is in memory already; returns as above */
int __must_check trace_reader_init(struct trace_reader *r, const u8 *buf,
				   size_t len);

/** trace_reader_part() - records in memory; before the first it was @time */
void trace_reader_part(struct trace_reader *r, const u8 *buf, size_t len,
		       u64 time);

/**
 * trace_next() - the next record
 *
 * Return: 1; 0 at the end; -EPROTO where there is no record: @rec->pos says where
 */
int __must_check trace_next(struct trace_reader *r, struct trace_rec *rec);

#endif
