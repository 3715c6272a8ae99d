/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A lab file as it is: its structure checked by a schema, its values strings. */
#ifndef LAB_LABYAML_H
#define LAB_LABYAML_H

#include "yamldoc.h"

/*
 * DOC: Two readings of one file
 *
 * libcyaml checks the structure by a schema and takes it apart; all scalars
 * come out as strings, so that numbers have their units and errors our words.
 * yamldoc gives the line of a key, and the values that can be a string or a
 * list.
 */

/* Values that are not in the file are NULL. */
struct raw_link {
	char *name, *latency, *bandwidth, *loss, *mtu, *queue;
};

struct raw_build {
	char *kdir, *kasan, **config;
	unsigned int config_count;
};

struct raw_node {
	char *name, *kernel, *memory, *wait, *needed, *dtb, *dts;
	struct raw_build build;
	char **devices, **modules;
	unsigned int devices_count, modules_count;
};

struct raw_lab {
	char *seed, *time_limit, *wall_limit, *stall_limit, *busy, *kernel, *root, *tod;
	struct raw_build build;
	struct raw_link *links;
	struct raw_node *nodes;
	unsigned int links_count, nodes_count;
};

/**
 * struct labyaml - a file being read
 * @path: as the user gave it
 * @doc: the file as a tree
 * @raw: the file as structures
 */
struct labyaml {
	const char *path;
	struct yamldoc *doc;
	struct raw_lab *raw;
};

/**
 * labyaml_load() - read @path
 *
 * Return: 0; -errno after one line that names file, line and key
 */
int __must_check labyaml_load(struct labyaml *ly, const char *path);
void labyaml_free(struct labyaml *ly);

/**
 * labyaml_bad() - say what is wrong with the value of @key
 * @key: "nodes[1].memory"; "" when it is the whole file
 *
 * Return: -EINVAL
 */
int labyaml_bad(const struct labyaml *ly, const char *key, const char *fmt,
		...) __printf(3, 4);

#endif
