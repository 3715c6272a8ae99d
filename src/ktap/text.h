/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Text that a test has printed, made safe for terminals and files. */
#ifndef KTAP_TEXT_H
#define KTAP_TEXT_H

#include <stdbool.h>

#include "../base/types.h"

/* Names and reasons are cut at this length, and what a line says, too. */
#define TEXT_MAX	256

/**
 * text_rune() - length of the UTF-8 sequence at @s that a terminal may show
 *
 * Return: 0 for control characters (also those that change the direction of
 *	text), for what is not UTF-8, and at the end
 */
size_t text_rune(const char *s, size_t len);

/**
 * text_clean() - copy @len bytes, so that a terminal only shows them
 * @dst: room for @size bytes, one of them for the NUL
 *
 * Tabs become spaces, other bytes that text_rune() refuses become "\xNN". What
 * has no room is cut off, and "..." says so. Spaces at both ends go.
 *
 * Return: length of what is in @dst
 */
size_t text_clean(char *dst, size_t size, const char *src, size_t len);

/** text_cut() - drop what is left of a character at the end of clean text that was cut */
void text_cut(char *s);

/** text_dup() - the same, in memory of its own; NULL: there is none */
char *text_dup(const char *src, size_t len);

#endif
