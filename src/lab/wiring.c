// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The devices and links of a lab: make them, and connect the nodes to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../dev/bus.h"
#include "wiring.h"

/* Remember the addresses that a network port of node @i is to have. */
static int add_net(struct wiring *w, unsigned int i, unsigned int index,
		   const struct dev *d)
{
	const char *ip = dev_option(d, "ip"), *gw = dev_option(d, "gw");

	if (ip && !guest_ip_ok(ip)) {
		log_err(dev_name(d), "option ip=%s: not an address with a prefix length, as 10.0.0.1/24", ip);
		return -EINVAL;
	}
	if (gw && !guest_gw_ok(gw)) {
		log_err(dev_name(d), "option gw=%s: not an address, as 10.0.0.1", gw);
		return -EINVAL;
	}
	if (gw && !ip) {
		log_err(dev_name(d), "option gw=%s: needs option ip=", gw);
		return -EINVAL;
	}
	if (!ip)
		return 0;
	w->nets = xrealloc(w->nets, (w->nr_nets + 1) * sizeof(*w->nets));
	w->nets[w->nr_nets++] = (struct guest_net){ i, index, ip, gw };
	return 0;
}

/* Devices of one type are numbered: "a.net0", "a.net1". */
static unsigned int type_number(const struct strvec *specs, size_t at)
{
	size_t len = strcspn(specs->v[at], ","), i;
	unsigned int n = 0;

	for (i = 0; i < at; i++)
		n += strcspn(specs->v[i], ",") == len &&
		     strncmp(specs->v[i], specs->v[at], len) == 0;
	return n;
}

/* Device @at of node @i */
static int add_device(struct wiring *w, struct dev_bus *bus, struct node *n,
		      unsigned int i, unsigned int at)
{
	const struct lab_node *cfg = n->cfg;
	const char *spec = cfg->devices.v[at];
	struct dev *d = NULL;
	char *name, *socket;
	int ret;

	name = xasprintf("%s.%.*s%u", cfg->name, (int)strcspn(spec, ","), spec,
			 type_number(&cfg->devices, at));
	socket = xasprintf("%s.sock", name);
	ret = dev_add(bus, spec, name, socket, &d);
	if (ret == 0) {
		strvec_addf(&n->devices, "%s:%u:%u", socket,
			    dev_virtio_id(d), at);
		ret = add_net(w, i, at, d);
	}
	free(name);
	free(socket);
	return ret;
}

int wiring_make(struct wiring *w, struct dev_bus *bus, const struct lab *lab,
		struct node *nodes)
{
	unsigned int i, at;
	int ret = 0;

	for (i = 0; i < lab->links.n && !ret; i++)
		ret = dev_add_link(bus, lab->links.v[i]);
	for (i = 0; i < lab->nr_nodes; i++) {
		dev_bus_node(bus, nodes[i].id);
		for (at = 0; at < lab->nodes[i].devices.n && !ret; at++)
			ret = add_device(w, bus, &nodes[i], i, at);
	}
	return ret;
}

void wiring_free(struct wiring *w)
{
	free(w->nets);
	w->nets = NULL;
}
