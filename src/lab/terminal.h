/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The terminal that umtt was started on: raw for a while, then as it was. */
#ifndef LAB_TERMINAL_H
#define LAB_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "../base/types.h"

/**
 * struct terminal - the terminal on stdin
 * @path: its name; NULL: there is none
 * @saved: how it was
 * @raw: it is not, now
 */
struct terminal {
	char *path;
	struct termios saved;
	bool raw;
};

/**
 * terminal_find() - remember how the terminal on stdin is
 *
 * Return: 0; -ENOTTY when there is none
 */
int __must_check terminal_find(struct terminal *t);

/** terminal_raw() - all keys come as they are; 0 or -errno */
int __must_check terminal_raw(struct terminal *t);

/** terminal_restore() - if it is raw, it is as it was again */
void terminal_restore(struct terminal *t);

/** terminal_rescue() - the same, by who has only been told of it */
void terminal_rescue(const struct terminal *t);

/** terminal_size() - rows and columns, 0 for what is not known */
void terminal_size(u16 *rows, u16 *cols);

void terminal_fini(struct terminal *t);

#endif
