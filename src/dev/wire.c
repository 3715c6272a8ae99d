// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Wires: levels that devices have in common, known by a name in the whole lab. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "wire.h"

struct wire {
	bool level;
	u64 changes;
	TAILQ_HEAD(, wire_end) ends;
};

static void wire_stats(const void *obj, FILE *f)
{
	const struct wire *w = obj;

	fprintf(f, "level %d\nchanges %" PRIu64 "\n", w->level, w->changes);
}

static struct wire *find_wire(struct dev_bus *b, const char *name)
{
	struct wire *w = dev_bus_shared(b, "wire", name);

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	TAILQ_INIT(&w->ends);
	if (!dev_bus_share(b, "wire", name, w, free, wire_stats))
		return w;
	free(w);
	return NULL;
}

int wire_join(struct wire_end *e, struct dev_bus *b, const char *name)
{
	struct wire *w = find_wire(b, name);

	if (!w)
		return -ENOMEM;
	e->wire = w;
	TAILQ_INSERT_TAIL(&w->ends, e, entry);
	return 0;
}

void wire_leave(struct wire_end *e)
{
	if (!e->wire)
		return;
	TAILQ_REMOVE(&e->wire->ends, e, entry);
	e->wire = NULL;
}

bool wire_level(const struct wire_end *e)
{
	return e->wire && e->wire->level;
}

void wire_drive(struct wire_end *e, bool level)
{
	struct wire *w = e->wire;
	struct wire_end *o;

	if (!w || w->level == level)
		return;
	w->level = level;
	w->changes++;
	TAILQ_FOREACH(o, &w->ends, entry)
		if (o != e && o->changed)
			o->changed(o, level);
}
