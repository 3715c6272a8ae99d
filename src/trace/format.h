/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The trace file: what is in it, for who writes and who reads it. */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include "../base/types.h"

/*
 * DOC: The format
 *
 * A file begins with TRACE_MAGIC, which ends in the version of the format. The
 * rest are records, each
 *
 *	kind	1 byte, enum trace_kind
 *	time	varint: simulated ns since the record before
 *	fields	varints, as many as the kind has (kinds.def)
 *	data	where the kind has some: varint of its length, and the bytes
 *
 * A varint has seven bits per byte, lowest first, and the top bit set in all
 * bytes but the last. A kind of 0, or the end
 * of the file, is the end: a run that was killed leaves zeros behind its last
 * record.
 *
 * Records that define things come before those that mention them, but for a PORT,
 * which comes before its device. Nothing in it
 * depends on the host: no process ids, addresses, or times but simulated ones.
 */

#define TRACE_MAGIC	"umtt trace 1\n"
#define TRACE_MAX_FIELDS 8
#define TRACE_MAX_VARINT 10

/* enum trace_kind - what a record is about: see kinds.def */
enum trace_kind {
	TRACE_NONE,
#define KIND(upper, name, nr, fields, data) TRACE_##upper,
#include "kinds.def"
#undef KIND
	TRACE_NR_KINDS
};

/* TRACE_NR_upper: how many fields a kind has */
enum {
#define KIND(upper, name, nr, fields, data) TRACE_NR_##upper = nr,
#include "kinds.def"
#undef KIND
};

/**
 * struct trace_kind_desc - one kind
 * @name: as printed, and for --kind
 * @nr_fields, @fields: how many it has, and their names, separated by spaces
 * @data: name of what its data is, NULL: it has none
 */
struct trace_kind_desc {
	const char *name;
	unsigned int nr_fields;
	const char *fields, *data;
};

/** trace_kind_desc() - of @kind; NULL for what is none */
const struct trace_kind_desc *trace_kind_desc(unsigned int kind);

#endif
