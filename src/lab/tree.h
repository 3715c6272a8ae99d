/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The device tree of a node: which devices it wants, and where they listen. */
#ifndef LAB_TREE_H
#define LAB_TREE_H

#include <stdbool.h>

#include "lab.h"

/**
 * struct tree_slot - a place for a device: a node with compatible = "virtio,uml"
 * @path: of the node
 * @spec: its property umtt,device: as for --device; NULL: none
 * @number: of that device on the kernel's node; the caller's
 * @name: its property umtt,name: a device of the lab; NULL: none
 * @child: virtio id that its child node is for; 0: it has none
 * @connected: a device is there
 */
struct tree_slot {
	char *path, *spec, *name;
	unsigned int number;
	u32 child;
	bool connected;
};

/**
 * struct tree - a blob that is being filled in
 * @file: what to call it in messages
 */
struct tree {
	const char *file;
	u8 *blob;
	struct tree_slot *slots;
	size_t nr_slots;
};

/** tree_check() - is @blob a device tree; 0, or -EINVAL after one line */
int __must_check tree_check(const char *file, const u8 *blob, size_t len);

/** tree_specs() - add what the devices are that @dt asks for, as for --device */
void tree_specs(const struct lab_tree *dt, struct strvec *out);

/**
 * tree_open() - find the slots of @dt, which must be valid
 *
 * Slots that are disabled are left out; those with a socket of somebody else's
 * are connected.
 *
 * Return: 0; -EINVAL after one line. tree_close() in any case.
 */
int __must_check tree_open(struct tree *t, const struct lab_tree *dt);
void tree_close(struct tree *t);

/**
 * tree_connect() - let the kernel find the device with @virtio_id at @socket
 *
 * Return: 0; -EINVAL after one line: what is behind the device would never
 *	be found
 */
int __must_check tree_connect(struct tree *t, struct tree_slot *s,
			      const char *socket, u32 virtio_id);

/** tree_write() - to the file @path; 0 or -errno after one line */
int __must_check tree_write(const struct tree *t, const char *path);

#endif
