/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A trace in numbers: queues, nodes, links, and the run as a whole. */
#ifndef TRACE_SUMMARY_H
#define TRACE_SUMMARY_H

#include <stdio.h>

#include "names.h"

/**
 * struct trace_queue_sum - of one queue
 * @popped_at: by head, time of the request under way plus 1; 0: none
 * @latency, @nr_latency: ns from pop to push, of each that has both
 * @out, @in: bytes that the device could read, and has written
 */
struct trace_queue_sum {
	u64 dev, vq;
	u64 kicks, calls, saved, pops, drops, out, in;
	u64 *popped_at, *latency;
	size_t nr_heads, nr_latency;
};

/**
 * struct trace_node_sum - of one node
 * @busy: ns between a RUN and the next WAIT: it may have slept in between, when
 *	the calendar has let it run free for long
 */
struct trace_node_sum {
	u64 runs, kicks, busy, from, since;
	bool seen, running;
};

/** struct trace_lost_sum - frames that one link has lost for one reason */
struct trace_lost_sum {
	u64 link, n;
	char why[24];
};

/** struct trace_link_sum - of one link */
struct trace_link_sum {
	u64 sent, bytes, received;
};

/** struct trace_summary - all zeros at first */
struct trace_summary {
	struct trace_queue_sum *queue;
	struct trace_node_sum *node;
	struct trace_link_sum *link;
	struct trace_lost_sum *lost;
	size_t nr_queues, nr_nodes, nr_links, nr_lost;
	u64 records, first, last;
};

/**
 * trace_summary_add() - count @rec
 * @names: of all records so far
 *
 * Return: 0 or -ENOMEM
 */
int __must_check trace_summary_add(struct trace_summary *s,
				   const struct trace_names *names,
				   const struct trace_rec *rec);

/** trace_summary_print() - times are simulated; what did not happen is left out */
void trace_summary_print(FILE *f, struct trace_summary *s,
			 const struct trace_names *names);
void trace_summary_fini(struct trace_summary *s);

#endif
