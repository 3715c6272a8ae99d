/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Options of a device or link: "TYPE,key=value,flag,..." taken apart. */
#ifndef DEV_ARGS_H
#define DEV_ARGS_H

#include "dev.h"

/**
 * dev_args_parse() - take @spec apart
 * @out: result, to be freed with dev_args_free()
 * @tag: whose options they are, for error lines; NULL: the TYPE in @spec
 * @spec: "TYPE,key=value,flag,..."; a comma within a value is written twice
 *
 * Return: 0; -EINVAL after one line: no TYPE, an option without a key, or one
 *	given twice; -ENOMEM
 */
int __must_check dev_args_parse(struct dev_args **out, const char *tag,
				const char *spec);
void dev_args_free(struct dev_args *a);

/** dev_args_set_tag() - from now on, error lines are about @tag */
void dev_args_set_tag(struct dev_args *a, const char *tag);

/** dev_args_type() - what stands before the first comma */
const char *dev_args_type(const struct dev_args *a);

/** dev_args_unused() - the first key nobody asked for, NULL: all were */
const char *dev_args_unused(const struct dev_args *a);

#endif
