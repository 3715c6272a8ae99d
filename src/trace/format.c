// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The trace file: its kinds of records. */
#include "format.h"

static const struct trace_kind_desc kinds[TRACE_NR_KINDS] = {
#define KIND(upper, name, nr, fields, data) \
	[TRACE_##upper] = { name, nr, fields, data },
#include "kinds.def"
#undef KIND
};

const struct trace_kind_desc *trace_kind_desc(unsigned int kind)
{
	return kind && kind < TRACE_NR_KINDS ? &kinds[kind] : NULL;
}
