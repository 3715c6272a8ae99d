// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The devices and links of a lab: make them, and connect the nodes to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../dev/bus.h"
#include "tree.h"
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

/**
 * struct specs - all devices of a node
 * @all: as for --device: @own of the lab's, then those of its device tree
 * @tree: no slots if there is none
 */
struct specs {
	struct strvec all;
	size_t own;
	struct tree tree;
};

/* The name that a tree has for the device @d of node @node */
static const char *short_name(const struct dev *d, const char *node)
{
	const char *name = dev_name(d);
	size_t len = strlen(node);

	return strncmp(name, node, len) == 0 && name[len] == '.' ?
	       name + len + 1 : name;
}

/* Where the tree wants the device @d, number @at; NULL: nowhere */
static struct tree_slot *find_slot(struct specs *s, unsigned int at,
				   const struct dev *d, const char *node)
{
	const char *name = short_name(d, node);
	size_t i;

	for (i = 0; i < s->tree.nr_slots; i++) {
		struct tree_slot *slot = &s->tree.slots[i];

		if (at >= s->own ? slot->spec && slot->number == at :
		    !slot->connected && slot->name &&
		    strcmp(slot->name, name) == 0)
			return slot;
	}
	return NULL;
}

/* Its interface is found by the number of the platform device. */
static int no_net(const struct dev *d)
{
	if (!dev_option(d, "ip"))
		return 0;
	log_err(dev_name(d), "option ip=%s: not for a device of a device tree; give it the address in the guest, or leave it out of the tree",
		dev_option(d, "ip"));
	return -EINVAL;
}

/* Tell node @i, by the tree or by its command line, of its device number @at. */
static int connect_device(struct wiring *w, struct specs *s, struct node *n,
			  unsigned int i, unsigned int at, const struct dev *d,
			  const char *socket)
{
	struct tree_slot *slot = find_slot(s, at, d, n->cfg->name);

	if (!slot) {
		strvec_addf(&n->devices, "%s:%u:%u", socket, dev_virtio_id(d),
			    at);
		return add_net(w, i, at, d);
	}
	if (no_net(d))
		return -EINVAL;
	return tree_connect(&s->tree, slot, socket, dev_virtio_id(d));
}

/* Device @at of node @i */
static int add_device(struct wiring *w, struct dev_bus *bus, struct specs *s,
		      struct node *n, unsigned int i, unsigned int at)
{
	const char *spec = s->all.v[at];
	struct dev *d = NULL;
	char *name, *socket;
	int ret;

	name = xasprintf("%s.%.*s%u", n->cfg->name, (int)strcspn(spec, ","),
			 spec, type_number(&s->all, at));
	socket = xasprintf("%s.sock", name);
	ret = dev_add(bus, spec, name, socket, &d);
	if (ret == 0)
		ret = connect_device(w, s, n, i, at, d, socket);
	free(name);
	free(socket);
	return ret;
}

/* Whatever the tree has asked for must be there by now. */
static int finish_tree(const struct tree *t, struct node *n)
{
	size_t i;

	for (i = 0; i < t->nr_slots; i++) {
		if (t->slots[i].connected)
			continue;
		log_err(t->file, "node %s: property umtt,name: node '%s' of the lab has no other device '%s'; --device TYPE,name=NAME makes one",
			t->slots[i].path, n->cfg->name, t->slots[i].name);
		return -ENOENT;
	}
	n->dtb = xasprintf("%s.dtb", n->cfg->name);
	return tree_write(t, n->dtb);
}

static int open_specs(struct specs *s, const struct lab_node *cfg)
{
	size_t i;
	int ret;

	memset(s, 0, sizeof(*s));
	strvec_add_all(&s->all, &cfg->devices);
	s->own = s->all.n;
	if (!cfg->tree.file)
		return 0;
	ret = tree_open(&s->tree, &cfg->tree);
	for (i = 0; i < s->tree.nr_slots && !ret; i++) {
		struct tree_slot *slot = &s->tree.slots[i];

		if (!slot->spec)
			continue;
		slot->number = (unsigned int)s->all.n;
		strvec_add(&s->all, slot->spec);
	}
	return ret;
}

/* All devices of node @i */
static int add_devices(struct wiring *w, struct dev_bus *bus, struct node *n,
		       unsigned int i)
{
	struct specs s;
	unsigned int at;
	int ret = open_specs(&s, n->cfg);

	for (at = 0; at < s.all.n && !ret; at++)
		ret = add_device(w, bus, &s, n, i, at);
	if (n->cfg->tree.file && !ret)
		ret = finish_tree(&s.tree, n);
	tree_close(&s.tree);
	strvec_free(&s.all);
	return ret;
}

/* Far behind all others: these have the same numbers with it and without. */
static int add_keys(struct wiring *w, struct dev_bus *bus, struct node *n)
{
	char *name = xasprintf("%s.keys", n->cfg->name);
	char *socket = xasprintf("%s.sock", name);
	int ret = dev_add(bus, "keys", name, socket, &w->keys);

	if (ret == 0)
		strvec_addf(&n->devices, "%s:%u:%u", socket,
			    dev_virtio_id(w->keys), GUEST_KEYS_DEVICE);
	free(name);
	free(socket);
	return ret;
}

int wiring_make(struct wiring *w, struct dev_bus *bus, const struct lab *lab,
		struct node *nodes)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < lab->links.n && !ret; i++)
		ret = dev_add_link(bus, lab->links.v[i]);
	for (i = 0; i < lab->nr_nodes && !ret; i++) {
		dev_bus_node(bus, nodes[i].id);
		ret = add_devices(w, bus, &nodes[i], i);
		if (lab->nodes[i].terminal && !ret)
			ret = add_keys(w, bus, &nodes[i]);
	}
	return ret;
}

void wiring_free(struct wiring *w)
{
	free(w->nets);
	w->nets = NULL;
}
