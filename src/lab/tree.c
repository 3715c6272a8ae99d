// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The device tree of a node: which devices it wants, and where they listen. */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "tree.h"

/*
 * DOC: Theory of operation
 *
 * virtio_uml makes a device of each node with compatible = "virtio,uml", if its
 * properties "socket-path" and "virtio-device-id" say where the device model is
 * and which virtio device it has. These two are ours to fill in: "umtt,device"
 * describes a device as --device does, "umtt,name" names one that the lab has.
 * The virtio core then looks at the only child of the node, and makes it the
 * device's own node if it is compatible with "virtio,deviceID", ID in
 * hexadecimal. Consumers (gpios = <&...>, children on an I2C bus) refer to that.
 * A child with another ID it passes over without a word; here it is an error.
 */

#define SLOT		"virtio,uml"
#define CHILD		"virtio,device"
#define ROOM		512	/* for what is added to a slot */

int tree_check(const char *file, const u8 *blob, size_t len)
{
	if (fdt_check_full(blob, len) == 0)
		return 0;
	log_err(file, "this is not a device tree blob (dtc makes one; --dts takes the source)");
	return -EINVAL;
}

void tree_specs(const struct lab_tree *dt, struct strvec *out)
{
	const char *spec;
	int node = dt->blob ? 0 : -1;

	for (; node >= 0; node = fdt_next_node(dt->blob, node, NULL)) {
		spec = fdt_stringlist_get(dt->blob, node, "umtt,device", 0, NULL);
		if (spec)
			strvec_add(out, spec);
	}
}

static int __printf(3, 4) bad(const struct tree *t, const char *path,
			      const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err(t->file, "node %s: %s", path, text);
	return -EINVAL;
}

static bool enabled(const void *fdt, int node)
{
	const char *s = fdt_getprop(fdt, node, "status", NULL);

	return !s || strcmp(s, "okay") == 0 || strcmp(s, "ok") == 0;
}

/* The virtio id in the first string of @node's "compatible"; 0: there is none */
static u32 child_id(const void *fdt, int node)
{
	const char *s;
	char *end;
	u64 id;
	int i;

	for (i = 0; (s = fdt_stringlist_get(fdt, node, "compatible", i, NULL)); i++) {
		if (strncmp(s, CHILD, strlen(CHILD)) != 0)
			continue;
		id = strtoull(s + strlen(CHILD), &end, 16);
		if (!*end && id <= UINT32_MAX)
			return (u32)id;
	}
	return 0;
}

/* Among its children only one counts, and there may not be another. */
static int look_at_children(const struct tree *t, int node, struct tree_slot *s)
{
	unsigned int n = 0;
	int child;

	fdt_for_each_subnode(child, t->blob, node) {
		if (!enabled(t->blob, child))
			continue;
		s->child = child_id(t->blob, child);
		if (!s->child)
			return bad(t, s->path, "its child %s is not compatible with " CHILD "ID, ID being the virtio id in hexadecimal",
				   fdt_get_name(t->blob, child, NULL));
		n++;
	}
	if (n > 1)
		return bad(t, s->path, "has %u children; the kernel wants one at most", n);
	return 0;
}

/* A string property; NULL: it is not there */
static int get_string(const struct tree *t, int node, const char *path,
		      const char *key, char **out)
{
	const char *s;
	int len;

	if (!fdt_getprop(t->blob, node, key, NULL))
		return 0;
	s = fdt_stringlist_get(t->blob, node, key, 0, &len);
	if (!s || !*s || fdt_stringlist_count(t->blob, node, key) != 1)
		return bad(t, path, "property %s: a string is expected", key);
	*out = xstrdup(s);
	return 0;
}

static int fill_slot(const struct tree *t, int node, struct tree_slot *s)
{
	bool foreign = fdt_getprop(t->blob, node, "socket-path", NULL);

	s->connected = foreign;
	if (get_string(t, node, s->path, "umtt,device", &s->spec) ||
	    get_string(t, node, s->path, "umtt,name", &s->name))
		return -EINVAL;
	if (s->spec && s->name)
		return bad(t, s->path, "has both umtt,device and umtt,name; leave out one of them");
	if (foreign && (s->spec || s->name))
		return bad(t, s->path, "has both %s and socket-path, which umtt fills in; leave out one of them",
			   s->spec ? "umtt,device" : "umtt,name");
	if (foreign && !fdt_getprop(t->blob, node, "virtio-device-id", NULL))
		return bad(t, s->path, "has socket-path, but no virtio-device-id");
	if (!foreign && !s->spec && !s->name)
		return bad(t, s->path, "no device: give it umtt,device = \"TYPE,...\" as for --device, or umtt,name = \"NAME\", a --device of that name");
	return look_at_children(t, node, s);
}

static int add_slot(struct tree *t, int node)
{
	struct tree_slot *s;
	char path[1024];

	if (fdt_get_path(t->blob, node, path, sizeof(path)) < 0)
		return bad(t, SLOT, "its path is too long");
	t->slots = xrealloc(t->slots, (t->nr_slots + 1) * sizeof(*t->slots));
	s = &t->slots[t->nr_slots++];
	memset(s, 0, sizeof(*s));
	s->path = xstrdup(path);
	return fill_slot(t, node, s);
}

static size_t count_slots(const void *fdt)
{
	size_t n = 0;
	int node = -1;

	while ((node = fdt_node_offset_by_compatible(fdt, node, SLOT)) >= 0)
		n++;
	return n;
}

int tree_open(struct tree *t, const struct lab_tree *dt)
{
	size_t size = dt->len + ROOM + count_slots(dt->blob) * ROOM;
	int node = -1, ret = 0;

	memset(t, 0, sizeof(*t));
	t->file = dt->file;
	t->blob = xcalloc(1, size);
	if (fdt_open_into(dt->blob, t->blob, (int)size) < 0)
		return tree_check(t->file, NULL, 0);
	while (!ret) {
		node = fdt_node_offset_by_compatible(t->blob, node, SLOT);
		if (node < 0)
			break;
		if (enabled(t->blob, node))
			ret = add_slot(t, node);
	}
	return ret;
}

void tree_close(struct tree *t)
{
	size_t i;

	for (i = 0; i < t->nr_slots; i++) {
		free(t->slots[i].path);
		free(t->slots[i].spec);
		free(t->slots[i].name);
	}
	free(t->slots);
	free(t->blob);
	memset(t, 0, sizeof(*t));
}

int tree_connect(struct tree *t, struct tree_slot *s, const char *socket,
		 u32 virtio_id)
{
	int node = fdt_path_offset(t->blob, s->path);

	if (s->child && s->child != virtio_id)
		return bad(t, s->path, "its child is for virtio device %x, and the device is one with id %x: compatible = \"" CHILD "%x\" is expected",
			   s->child, virtio_id, virtio_id);
	if (node < 0 ||
	    fdt_setprop_string(t->blob, node, "socket-path", socket) < 0 ||
	    fdt_setprop_u32(t->blob, node, "virtio-device-id", virtio_id) < 0)
		return bad(t, s->path, "cannot add socket-path");
	s->connected = true;
	return 0;
}

int tree_write(const struct tree *t, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err = 0;
	ssize_t n = -1;

	fdt_pack(t->blob);
	if (fd >= 0)
		n = write(fd, t->blob, fdt_totalsize(t->blob));
	if (n < 0)
		err = -errno;
	else if ((size_t)n != fdt_totalsize(t->blob))
		err = -ENOSPC;
	if (err)
		log_err(path, "cannot write the device tree: %s", strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}
