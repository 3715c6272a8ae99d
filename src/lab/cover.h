/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a node sends of its kernel's coverage, as files for gcov. */
#ifndef LAB_COVER_H
#define LAB_COVER_H

#include <stdbool.h>

#include "../base/types.h"

/**
 * struct cover - coverage of one node
 * @dir: where it goes; NULL: nowhere
 * @fd: the file that is being written, -1: none
 * @files: that have come
 */
struct cover {
	char *dir;
	int fd;
	unsigned int files;
};

/** cover_init() - for node @name, below the directory @dir; NULL: nowhere */
void cover_init(struct cover *c, const char *dir, const char *name);
void cover_fini(struct cover *c);

/**
 * cover_begin() - a file begins, with the path that it would have on the host
 * @path: @len bytes, absolute, ends in ".gcda"
 *
 * Beside it a link is made to the notes that the compiler has left (".gcno").
 *
 * Return: NULL, or what is wrong with that
 */
const char *cover_begin(struct cover *c, const u8 *path, size_t len);

/** cover_data() - goes on */
const char *cover_data(struct cover *c, const u8 *data, size_t len);

#endif
