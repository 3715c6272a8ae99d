/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run was given: the "key=value" lines at the head of its trace. */
#ifndef TRACE_IDENTITY_H
#define TRACE_IDENTITY_H

#include "reader.h"

/**
 * struct trace_identity - the lines, in their order; keys may be repeated
 */
struct trace_identity {
	char **line;
	size_t n;
};

/** trace_identity_add() - one more line; 0 or -ENOMEM */
int __must_check trace_identity_add(struct trace_identity *id,
				    const char *line, size_t len);

/**
 * trace_identity_read() - the lines of a trace
 * @r: at the beginning; left at the first record that is none
 *
 * Return: 0; -ENOMEM; -EPROTO: damaged
 */
int __must_check trace_identity_read(struct trace_identity *id,
				     struct trace_reader *r);
void trace_identity_fini(struct trace_identity *id);

/** trace_identity_get() - value of the first line of that key; NULL: none */
const char *trace_identity_get(const struct trace_identity *id,
			       const char *key);

/**
 * trace_identity_compare() - what is not the same
 * @differs: called for each difference, with two lines of the same key, or
 *	one line and NULL for the side that has none
 *
 * Return: how many differences, or -ENOMEM
 */
int trace_identity_compare(const struct trace_identity *a,
			   const struct trace_identity *b,
			   void (*differs)(void *arg, const char *a,
					   const char *b),
			   void *arg);

#endif
