// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run was given: the "key=value" lines at the head of its trace. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"

int trace_identity_add(struct trace_identity *id, const char *line, size_t len)
{
	char **v = id->line;

	/* Room for twice as many whenever the number is a power of two */
	if (!(id->n & (id->n - 1)))
		v = realloc(v, (id->n ? 2 * id->n : 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	id->line = v;
	v[id->n] = strndup(line, len);
	return v[id->n] ? (id->n++, 0) : -ENOMEM;
}

int trace_identity_read(struct trace_identity *id, struct trace_reader *r)
{
	struct trace_reader before = *r;
	struct trace_rec rec;
	int ret;

	while ((ret = trace_next(r, &rec)) > 0 && rec.kind == TRACE_IDENTITY) {
		before = *r;
		ret = trace_identity_add(id, (const char *)rec.data, rec.len);
		if (ret)
			break;
	}
	*r = before;
	return ret < 0 ? ret : 0;
}

void trace_identity_fini(struct trace_identity *id)
{
	size_t i;

	for (i = 0; i < id->n; i++)
		free(id->line[i]);
	free(id->line);
	memset(id, 0, sizeof(*id));
}

static bool same_key(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strcspn(b, "=") == len && strncmp(a, b, len) == 0;
}

const char *trace_identity_get(const struct trace_identity *id,
			       const char *key)
{
	size_t i;

	for (i = 0; i < id->n; i++)
		if (same_key(id->line[i], key))
			return id->line[i] + strlen(key) + (id->line[i][strlen(key)] == '=');
	return NULL;
}

/*
 * The line of @b that @line has as its counterpart and that is not @taken:
 * the same, or else of the same key. Most are where they are in the other, too:
 * the search begins at @from and goes once around.
 */
static size_t counterpart(const char *line, const struct trace_identity *b,
			  const u8 *taken, size_t from, bool key)
{
	size_t i, at;

	for (i = 0; i < b->n; i++) {
		at = (from + i) % b->n;
		if (!taken[at] && (key ? same_key(line, b->line[at]) :
				   strcmp(line, b->line[at]) == 0))
			return at;
	}
	return b->n;
}

/* Take what is the same out of both; Return: how many of @a are left */
static void pair_same(const struct trace_identity *a,
		      const struct trace_identity *b, u8 *in_a, u8 *in_b)
{
	size_t i, at, next = 0;

	for (i = 0; i < a->n; i++) {
		at = counterpart(a->line[i], b, in_b, next, false);
		if (at == b->n)
			continue;
		in_a[i] = in_b[at] = 1;
		next = at + 1;
	}
}

int trace_identity_compare(const struct trace_identity *a,
			   const struct trace_identity *b,
			   void (*differs)(void *arg, const char *a,
					   const char *b),
			   void *arg)
{
	u8 *in_a = calloc(a->n + 1, 1), *in_b = calloc(b->n + 1, 1);
	size_t i, at, next = 0;
	int found = in_a && in_b ? 0 : -ENOMEM;

	if (!found)
		pair_same(a, b, in_a, in_b);
	for (i = 0; i < a->n && found >= 0; i++) {
		if (in_a[i])
			continue;
		at = counterpart(a->line[i], b, in_b, next, true);
		differs(arg, a->line[i], at < b->n ? b->line[at] : NULL);
		in_b[at] = 1;
		next = at + 1;
		found++;
	}
	for (i = 0; i < b->n && found >= 0; i++) {
		if (in_b[i])
			continue;
		differs(arg, NULL, b->line[i]);
		found++;
	}
	free(in_a);
	free(in_b);
	return found;
}
