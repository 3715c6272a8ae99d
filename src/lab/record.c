// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run itself puts into its trace: who is in it, and what nodes say. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

/* Output of one call of record_said(), in node.said */
struct said {
	size_t len;
	int fd;
};

bool record_ended_by_host(const struct trace_rec *rec)
{
	size_t len = sizeof(RECORD_HOST) - 1;

	return rec->kind == TRACE_END && rec->len >= len &&
	       memcmp(rec->data, RECORD_HOST, len) == 0;
}

void record_identity(struct trace *t, const struct trace_identity *id)
{
	size_t i;

	for (i = 0; i < id->n && t; i++)
		TRACE_TEXT(t, IDENTITY, id->line[i]);
}

void record_nodes(struct trace *t, const struct node *nodes, unsigned int nr)
{
	unsigned int i;

	if (!t)
		return;
	TRACE_TEXT(t, NODE, "devices", 0);
	for (i = 0; i < nr; i++)
		TRACE_TEXT(t, NODE, nodes[i].cfg->name, nodes[i].id);
}

void record_said(struct trace *t, struct node *n, int fd, const u8 *data,
		 size_t len)
{
	struct said s = { len, fd };

	if (!t)
		return;
	n->said = xrealloc(n->said, n->said_len + sizeof(s) + len);
	memcpy(n->said + n->said_len, &s, sizeof(s));
	memcpy(n->said + n->said_len + sizeof(s), data, len);
	n->said_len += sizeof(s) + len;
}

static void flush(struct trace *t, struct node *n)
{
	struct said s;
	size_t at;

	for (at = 0; at < n->said_len; at += sizeof(s) + s.len) {
		memcpy(&s, n->said + at, sizeof(s));
		TRACE_DATA(t, CONSOLE, n->said + at + sizeof(s), s.len, n->id,
			   (u64)s.fd);
	}
	free(n->said);
	n->said = NULL;
	n->said_len = 0;
}

void record_turn_end(struct trace *t, struct node *n)
{
	if (!t)
		return;
	console_drain(&n->console);
	flush(t, n);
}

void record_exit(struct trace *t, struct node *n)
{
	if (!t)
		return;
	flush(t, n);
	TRACE(t, EXIT, n->id, n->status);
}
