/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Lab files: YAML, by schema, with errors that name file, line and key. */
#ifndef LAB_LABFILE_H
#define LAB_LABFILE_H

#include "lab.h"

/**
 * labfile_load() - read a lab file
 * @lab: initialised; what the file says replaces what is there
 * @path: as the user gave it, for error lines
 *
 * Relative paths in the file count from the directory it is in.
 *
 * Return: 0; -errno after one line: "FILE:LINE: key 'nodes[1].memory': ..."
 */
int __must_check labfile_load(struct lab *lab, const char *path);

#endif
