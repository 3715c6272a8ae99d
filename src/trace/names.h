/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Who is who in a trace, as its defining records say. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdbool.h>

#include "reader.h"

/**
 * struct trace_thing - a node, device or link
 * @known: there was a record for it
 * @node: of a device, whose it is
 * @nr_vqs, @virtio_id: of a device
 * @name: NUL terminated
 */
struct trace_thing {
	bool known;
	u64 node, nr_vqs, virtio_id;
	char *name;
};

/** struct trace_port - an end of a link, and the device that has it */
struct trace_port {
	bool known;
	u64 link, dev;
};

/** struct trace_names - all that have been defined so far */
struct trace_names {
	struct trace_thing *node, *dev, *link;
	size_t nr_nodes, nr_devs, nr_links, nr_ports;
	struct trace_port *port;
};

/**
 * trace_names_learn() - take @rec into account, if it defines something
 *
 * Return: 0; -ENOMEM; -EPROTO: a number that cannot be right
 */
int trace_names_learn(struct trace_names *n, const struct trace_rec *rec);
void trace_names_fini(struct trace_names *n);

/** trace_is_name() - is @rec a record that trace_names_learn() learns from */
bool trace_is_name(const struct trace_rec *rec);

/* The thing, or NULL when there is none of this number. */
const struct trace_thing *trace_node(const struct trace_names *n, u64 node);
const struct trace_thing *trace_dev(const struct trace_names *n, u64 dev);
const struct trace_thing *trace_link(const struct trace_names *n, u64 link);
const struct trace_port *trace_port(const struct trace_names *n, u64 port);

/**
 * trace_about() - what a record is about
 *
 * Return: a node, device or link; NULL: the run as a whole
 */
const struct trace_thing *trace_about(const struct trace_names *n,
				      const struct trace_rec *rec);

/** trace_about_node() - the id of the node that it is about, or whose device; U64_MAX: none */
u64 trace_about_node(const struct trace_names *n, const struct trace_rec *rec);

#endif
