/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Writing a trace of a run. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include "format.h"

/**
 * struct trace - the fields are the writer's own
 * @clock: simulated now, ns
 */
struct trace;

/**
 * trace_open() - begin a trace
 * @path: of the file, which is replaced
 * @clock, @arg: what the simulated time is, ns; never goes back
 *
 * Return: 0 or -errno
 */
int __must_check trace_open(struct trace **out, const char *path,
			    u64 (*clock)(void *arg), void *arg);

/** trace_end() - record TRACE_END, and nothing from then on */
void trace_end(struct trace *t, int status, const char *why);

/**
 * trace_close() - cut the file to its length; NULL is fine
 *
 * Return: 0, or -errno of the write that made the trace end early
 */
int trace_close(struct trace *t);

/** trace_add() - one record; see TRACE() */
void trace_add(struct trace *t, enum trace_kind kind, const u64 *fields,
	       const void *data, size_t len);

/** trace_text() - a record whose data is the string @text */
void trace_text(struct trace *t, enum trace_kind kind, const u64 *fields,
		const char *text);

/* The fields of a record, in their order: TRACE_FIELDS(dev, vq) */
#define TRACE_FIELDS(...)	((const u64[]){ __VA_ARGS__ })

/* A record without data, if there is a trace at all: TRACE(t, KICK, dev, vq) */
#define TRACE(t, kind, ...)						\
	do {								\
		if (t)							\
			trace_add(t, TRACE_##kind,			\
				  TRACE_FIELDS(__VA_ARGS__), NULL, 0);	\
	} while (0)

#endif
