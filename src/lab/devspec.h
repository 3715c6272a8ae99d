/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Descriptions of devices as text, "TYPE,key=value...": the files that they name. */
#ifndef LAB_DEVSPEC_H
#define LAB_DEVSPEC_H

#include <stdbool.h>
#include <stddef.h>

/** devspec_field() - length of what begins at @s, up to its comma; ",," is none */
size_t devspec_field(const char *s);

/** devspec_file() - where in the option @s its path begins; 0: it has none */
size_t devspec_file(const char *s);

/** devspec_input() - the same, if what is in that file goes into the run at its start */
size_t devspec_input(const char *s);

/** devspec_path() - the path of @len bytes at @s, as it was meant; to be freed */
char *devspec_path(const char *s, size_t len);

/** devspec_quote() - @path as a description has it; to be freed */
char *devspec_quote(const char *path);

#endif
