/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Loads of watched memory, seen one by one. */
#ifndef UNIT_WATCH_H
#define UNIT_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * For code in UNIT_name_WATCHED: it is compiled so that it calls a function
 * before each access to memory, as for ThreadSanitizer, but the functions are
 * those of watch.c.
 */

/** watch_add() - watch @len bytes at @p */
void watch_add(const void *p, size_t len);
void watch_none(void);

/** watch_exempt() - these may be read again; there is one such place */
void watch_exempt(const void *p, size_t len);

/**
 * watch_begin() - from now on each watched byte may be read once
 * @scramble: what has been read changes at once
 */
void watch_begin(bool scramble);
void watch_end(void);

/** watch_found() - what has been read twice, "" when nothing has */
const char *watch_found(void);

/** watch_loads() - how many loads of watched memory there have been */
unsigned long watch_loads(void);

#endif
