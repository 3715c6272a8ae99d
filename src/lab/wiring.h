/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The devices and links of a lab: make them, and connect the nodes to them. */
#ifndef LAB_WIRING_H
#define LAB_WIRING_H

#include "guestconf.h"
#include "node.h"

struct dev;
struct dev_bus;

/**
 * struct wiring - what follows from the devices for the nodes
 * @nets: the ports that have an address
 * @keys: what is typed at a node with a terminal; NULL: none has one
 */
struct wiring {
	struct dev *keys;
	struct guest_net *nets;
	size_t nr_nets;
};

/**
 * wiring_make() - make all links and devices of @lab on @bus
 * @nodes: their devices are filled in
 *
 * Device number I of node A is called "A.TYPEn", it listens on "A.TYPEn.sock"
 * in the current directory, and is platform device I of the kernel.
 *
 * Return: 0 or -errno after one line
 */
int __must_check wiring_make(struct wiring *w, struct dev_bus *bus,
			     const struct lab *lab, struct node *nodes);
void wiring_free(struct wiring *w);

#endif
