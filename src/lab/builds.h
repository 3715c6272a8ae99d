/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The kernels that a lab wants built: which of its nodes runs which. */
#ifndef LAB_BUILDS_H
#define LAB_BUILDS_H

#include "kbuild.h"

/**
 * builds_make() - build them, and make them the kernels of @lab and its nodes
 * @extra: what all of them are to have besides; if anything, nodes that ask for
 *	none run one that is built, too
 *
 * Return: 0; -EINVAL after one line
 */
int __must_check builds_make(struct lab *lab, const struct kbuild *extra);

#endif
