// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Who is who in a trace, as its defining records say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

/* More than any lab has; a file may say anything. */
#define MAX_THINGS	((u64)1 << 20)

static void *grown(void *array, size_t *nr, size_t size, u64 i)
{
	size_t want = (size_t)i + 1;
	void *p;

	if (want <= *nr)
		return array;
	want = want > 2 * *nr ? want : 2 * *nr;
	p = realloc(array, want * size);
	if (p) {
		memset((u8 *)p + *nr * size, 0, (want - *nr) * size);
		*nr = want;
	}
	return p;
}

static int learn_thing(struct trace_thing **array, size_t *nr, u64 i,
		       const struct trace_rec *rec)
{
	struct trace_thing *t;

	if (i >= MAX_THINGS)
		return -EPROTO;
	t = grown(*array, nr, sizeof(*t), i);
	if (!t)
		return -ENOMEM;
	*array = t;
	t += i;
	free(t->name);
	t->name = strndup((const char *)rec->data, rec->len);
	t->known = true;
	return t->name ? 0 : -ENOMEM;
}

static int learn_dev(struct trace_names *n, const struct trace_rec *rec)
{
	int err = learn_thing(&n->dev, &n->nr_devs, rec->v[0], rec);
	struct trace_thing *t;

	if (err)
		return err;
	t = &n->dev[rec->v[0]];
	t->node = rec->v[1];
	t->virtio_id = rec->v[2];
	t->nr_vqs = rec->v[3];
	return 0;
}

static int learn_port(struct trace_names *n, const struct trace_rec *rec)
{
	struct trace_port *p;

	if (rec->v[0] >= MAX_THINGS)
		return -EPROTO;
	p = grown(n->port, &n->nr_ports, sizeof(*p), rec->v[0]);
	if (!p)
		return -ENOMEM;
	n->port = p;
	p[rec->v[0]] = (struct trace_port){ true, rec->v[1], rec->v[2] };
	return 0;
}

int trace_names_learn(struct trace_names *n, const struct trace_rec *rec)
{
	switch (rec->kind) {
	case TRACE_NODE:
		return learn_thing(&n->node, &n->nr_nodes, rec->v[0], rec);
	case TRACE_DEVICE:
		return learn_dev(n, rec);
	case TRACE_LINK:
		return learn_thing(&n->link, &n->nr_links, rec->v[0], rec);
	case TRACE_PORT:
		return learn_port(n, rec);
	default:
		return 0;
	}
}

bool trace_is_name(const struct trace_rec *rec)
{
	return rec->kind == TRACE_NODE || rec->kind == TRACE_DEVICE ||
	       rec->kind == TRACE_LINK || rec->kind == TRACE_PORT;
}

static void free_things(struct trace_thing *t, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		free(t[i].name);
	free(t);
}

void trace_names_fini(struct trace_names *n)
{
	free_things(n->node, n->nr_nodes);
	free_things(n->dev, n->nr_devs);
	free_things(n->link, n->nr_links);
	free(n->port);
	memset(n, 0, sizeof(*n));
}

static const struct trace_thing *thing(const struct trace_thing *array,
				       size_t nr, u64 i)
{
	return i < nr && array[i].known ? &array[i] : NULL;
}

const struct trace_thing *trace_node(const struct trace_names *n, u64 node)
{
	return thing(n->node, n->nr_nodes, node);
}

const struct trace_thing *trace_dev(const struct trace_names *n, u64 dev)
{
	return thing(n->dev, n->nr_devs, dev);
}

const struct trace_thing *trace_link(const struct trace_names *n, u64 link)
{
	return thing(n->link, n->nr_links, link);
}

const struct trace_port *trace_port(const struct trace_names *n, u64 port)
{
	return port < n->nr_ports && n->port[port].known ? &n->port[port] : NULL;
}

/* By its first field a record says what it is about. */
static bool first_is(const struct trace_rec *rec, const char *field)
{
	size_t len = strlen(field);

	return strncmp(rec->desc->fields, field, len) == 0 &&
	       (rec->desc->fields[len] == ' ' || !rec->desc->fields[len]);
}

const struct trace_thing *trace_about(const struct trace_names *n,
				      const struct trace_rec *rec)
{
	const struct trace_port *p;

	if (first_is(rec, "dev"))
		return trace_dev(n, rec->v[0]);
	if (first_is(rec, "node"))
		return trace_node(n, rec->v[0]);
	if (first_is(rec, "link"))
		return trace_link(n, rec->v[0]);
	p = first_is(rec, "port") ? trace_port(n, rec->v[0]) : NULL;
	return p ? trace_dev(n, p->dev) : NULL;
}

u64 trace_about_node(const struct trace_names *n, const struct trace_rec *rec)
{
	const struct trace_thing *t = trace_about(n, rec);

	if (first_is(rec, "node"))
		return rec->v[0];
	return t && !first_is(rec, "link") ? t->node : U64_MAX;
}
