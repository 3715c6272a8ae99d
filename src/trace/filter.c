// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Which records of a trace somebody wants to see. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "filter.h"

static_assert(TRACE_NR_KINDS <= 64, "kinds are bits of a u64");

static unsigned int kind_by_name(const char *name, size_t len)
{
	const struct trace_kind_desc *k;
	unsigned int i;

	for (i = 1; i < TRACE_NR_KINDS; i++) {
		k = trace_kind_desc(i);
		if (strlen(k->name) == len && strncmp(k->name, name, len) == 0)
			return i;
	}
	return TRACE_NONE;
}

int trace_filter_kinds(struct trace_filter *f, const char *list,
		       const char **bad)
{
	unsigned int kind;
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		kind = kind_by_name(list, len);
		if (!kind) {
			*bad = list;
			return -EINVAL;
		}
		f->kinds |= BIT_ULL(kind);
		if (!list[len])
			return 0;
	}
}

static bool is_called(const struct trace_thing *t, const char *name)
{
	return t && strcmp(t->name, name) == 0;
}

static const struct trace_thing *its_link(const struct trace_names *n,
					  const struct trace_rec *rec)
{
	const struct trace_port *p;

	if (rec->kind == TRACE_LINK)
		return trace_link(n, rec->v[0]);
	if (rec->kind != TRACE_FRAME_TX && rec->kind != TRACE_FRAME_RX &&
	    rec->kind != TRACE_FRAME_LOST)
		return NULL;
	p = trace_port(n, rec->v[0]);
	return p ? trace_link(n, p->link) : NULL;
}

bool trace_filter_passes(const struct trace_filter *f,
			 const struct trace_names *n,
			 const struct trace_rec *rec)
{
	if (f->kinds && !(f->kinds & BIT_ULL(rec->kind)))
		return false;
	if (rec->time < f->from || (f->to && rec->time > f->to))
		return false;
	if (f->node &&
	    !is_called(trace_node(n, trace_about_node(n, rec)), f->node))
		return false;
	if (f->dev && (trace_about(n, rec) == NULL ||
		       trace_about_node(n, rec) == U64_MAX ||
		       !is_called(trace_about(n, rec), f->dev)))
		return false;
	return !f->link || is_called(its_link(n, rec), f->link);
}
