/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What of a kernel its modules and its command have reached, as KCOV tells it. */
#ifndef LAB_KCOV_H
#define LAB_KCOV_H

#include <stdio.h>

#include "lab.h"

/*
 * DOC: What a node sends
 *
 * Lines of text, the last of them "total":
 *
 * section MODULE SECTION ADDR	where code of a module is
 * pc ADDR			has been passed; each once, in order
 * total N whole|full		so often in all; full: what came later is missing
 *
 * Numbers but N are hexadecimal.
 */

/**
 * struct kcov - what a node has sent
 * @text: @len bytes
 */
struct kcov {
	char *text;
	size_t len;
};

void kcov_fini(struct kcov *k);

/**
 * kcov_said() - some more lines
 *
 * Return: NULL, or what is wrong with that
 */
const char *kcov_said(struct kcov *k, const u8 *data, size_t len);

/**
 * kcov_write() - what a node has reached, by function and line
 * @symbols: the kernel with its debug information
 * @source: its directory, which names of files begin with; NULL: not known
 *
 * Return: number of places; -EPROTO after a line: the node has not sent what it
 *	should
 */
int kcov_write(const struct kcov *k, const struct lab_node *n,
	       const char *symbols, const char *source, FILE *f);

#endif
