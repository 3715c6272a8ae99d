/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run itself puts into its trace: who is in it, and what nodes say. */
#ifndef LAB_RECORD_H
#define LAB_RECORD_H

#include "../trace/trace.h"
#include "../trace/identity.h"
#include "node.h"

/* Before the reason of an end that was the host's doing, not the lab's */
#define RECORD_HOST	"host: "

/** record_ended_by_host() - is @rec the end of a run that the host has ended */
bool record_ended_by_host(const struct trace_rec *rec);

/** record_identity() - what the run is given, before all other records */
void record_identity(struct trace *t, const struct trace_identity *id);

/**
 * record_nodes() - name the clients of the calendar
 *
 * A trace may be NULL here and below: then nothing is recorded.
 */
void record_nodes(struct trace *t, const struct node *nodes, unsigned int nr);

/**
 * record_said() - output of a node's command, for stdout or stderr (@fd)
 *
 * It is recorded at the end of the node's turn: only then is it sure that it
 * does not depend on the host when we have read it.
 */
void record_said(struct trace *t, struct node *n, int fd, const u8 *data,
		 size_t len);

/** record_turn_end() - the node has said all that it will say in this turn */
void record_turn_end(struct trace *t, struct node *n);

/** record_exit() - its command has ended; also the end of what it has said */
void record_exit(struct trace *t, struct node *n);

#endif
