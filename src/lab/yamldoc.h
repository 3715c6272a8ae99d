/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A YAML file as a tree: where a key stands, and values of more than one kind. */
#ifndef LAB_YAMLDOC_H
#define LAB_YAMLDOC_H

#include <stdbool.h>

#include "strvec.h"

/*
 * libcyaml fills structures by a schema, but does not say where in the file a
 * value stood, and wants one type per key. This is what it leaves out.
 */
struct yamldoc;

/**
 * yamldoc_load() - read the file @path
 *
 * Return: 0; -errno or -EINVAL after a line that names file and line
 */
int __must_check yamldoc_load(struct yamldoc **out, const char *path);
void yamldoc_free(struct yamldoc *doc);

/** yamldoc_text() - the file's contents, for another parser */
const char *yamldoc_text(const struct yamldoc *doc, size_t *len);

/**
 * yamldoc_line() - line of what @key names, "nodes[1].memory"
 *
 * Return: that of the nearest parent when there is no such key; from 1 on
 */
unsigned int yamldoc_line(struct yamldoc *doc, const char *key);

/**
 * yamldoc_strings() - value of @key, a scalar or a list of scalars
 * @out: its strings are added
 * @list: was it a list
 *
 * Return: 0; -ENOENT: no such key; -EINVAL: neither of the two
 */
int __must_check yamldoc_strings(struct yamldoc *doc, const char *key,
				 struct strvec *out, bool *list);

#endif
