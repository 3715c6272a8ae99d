/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Which records of a trace somebody wants to see. */
#ifndef TRACE_FILTER_H
#define TRACE_FILTER_H

#include "names.h"

/**
 * struct trace_filter - all zeros: everything
 * @node, @dev, @link: name of what a record is about; NULL: any. A node's name
 *	stands for its devices, too.
 * @kinds: bit per kind; 0: all
 * @from, @to: simulated ns, both included; @to 0: no end
 */
struct trace_filter {
	const char *node, *dev, *link;
	u64 kinds;
	u64 from, to;
};

/** trace_filter_kinds() - @list is "kick,call"; Return: 0 or -EINVAL with *@bad, the first unknown one */
int trace_filter_kinds(struct trace_filter *f, const char *list,
		       const char **bad);

/** trace_filter_passes() - is @rec one of them; the names have been learnt */
bool trace_filter_passes(const struct trace_filter *f,
			 const struct trace_names *n,
			 const struct trace_rec *rec);

#endif
