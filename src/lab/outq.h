/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What umtt writes for others: one queue for stdout and stderr, in order. */
#ifndef LAB_OUTQ_H
#define LAB_OUTQ_H

#include <sys/queue.h>

#include "../ring/ring.h"

struct outq_piece;
STAILQ_HEAD(outq_pieces, outq_piece);

/**
 * struct outq - the queue
 * @drained: it was full, and is no longer
 * @broken: writing to @fd has failed with @err (-EPIPE: nobody reads it any
 *	more); what is for it is thrown away from now on
 *
 * Both descriptors share one queue and one write at a time, since they may
 * lead to the same place, where the order should be right.
 */
struct outq {
	struct ring *ring;
	void *owner;
	void (*drained)(struct outq *q);
	void (*broken)(struct outq *q, int fd, int err);

	struct op op;
	struct outq_pieces pieces;
	struct outq_piece *last;
	size_t nr_pieces, done;
	bool was_full;
	unsigned int dead_fds;
};

void outq_init(struct outq *q, struct ring *r);

/** outq_add() - queue bytes for @fd, STDOUT_FILENO or STDERR_FILENO */
void outq_add(struct outq *q, int fd, const void *data, size_t len);

/** outq_full() - whoever can wait should: @drained will be called */
bool outq_full(struct outq *q);

/**
 * outq_fini() - free what is left
 *
 * ring_drain() has written it all by then, unless there was an error.
 */
void outq_fini(struct outq *q);

/**
 * struct outq_lines - bytes that become lines with a prefix
 * @prefix: in front of every line
 */
struct outq_lines {
	struct outq *q;
	int fd;
	const char *prefix;
	char *part;
	size_t len;
};

/** outq_lines_add() - pass on the lines that are complete, keep the rest */
void outq_lines_add(struct outq_lines *l, const void *data, size_t len);
/** outq_lines_end() - the rest is a line, too */
void outq_lines_end(struct outq_lines *l);

#endif
