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
 * @path: of the file, which is replaced; NULL: no file, only the last records
 *	are kept, and of their data the beginning
 * @clock, @arg: what the simulated time is, ns; never goes back
 *
 * Return: 0 or -errno
 */
int __must_check trace_open(struct trace **out, const char *path,
			    u64 (*clock)(void *arg), void *arg);

/**
 * struct trace_check - who looks at each record as it is written
 * @record: may call trace_end(), but nothing else
 */
struct trace_check {
	void (*record)(void *arg, enum trace_kind kind, const u8 *rec,
		       size_t len);
	void *arg;
};

/** trace_check() - have @check look at all records from now on; no data is cut */
void trace_check(struct trace *t, const struct trace_check *check);

/** struct trace_part - records in memory, for trace_reader_part(); may be empty */
struct trace_part {
	const u8 *buf;
	size_t len;
	u64 time;
};

/**
 * trace_recent() - the last records, some thousands
 * @parts: first those that define something, whenever they were written
 *
 * Valid until the next call of anything of @t, which may be NULL.
 */
void trace_recent(struct trace *t, struct trace_part parts[3]);

/** trace_end() - record TRACE_END, and nothing from then on */
void trace_end(struct trace *t, int status, const char *why);

/**
 * trace_close() - cut the file to its length; NULL is fine
 *
 * Return: 0, or -errno of the write that made the trace end early
 */
int trace_close(struct trace *t);

/** trace_add() - one record; the macros below count its fields */
void trace_add(struct trace *t, enum trace_kind kind, const u64 *fields,
	       const void *data, size_t len);

/* The fields of a record, in their order: TRACE_FIELDS(dev, vq) */
#define TRACE_FIELDS(...)	((const u64[]){ __VA_ARGS__ })

/* A record with @len bytes at @data, if there is a trace at all */
#define TRACE_DATA(t, kind, data, len, ...)				\
	do {								\
		_Static_assert(sizeof(TRACE_FIELDS(__VA_ARGS__)) ==	\
			       TRACE_NR_##kind * sizeof(u64),		\
			       "as many fields as in kinds.def");	\
		if (t)							\
			trace_add(t, TRACE_##kind,			\
				  TRACE_FIELDS(__VA_ARGS__), data, len); \
	} while (0)

/* One without data: TRACE(t, KICK, dev, vq) */
#define TRACE(t, kind, ...)	TRACE_DATA(t, kind, NULL, 0, __VA_ARGS__)

/* One whose data is a string: TRACE_TEXT(t, NODE, name, node) */
#define TRACE_TEXT(t, kind, text, ...) \
	TRACE_DATA(t, kind, text, strlen(text), ##__VA_ARGS__)

#endif
