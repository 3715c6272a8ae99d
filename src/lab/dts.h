/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Device trees from files: blobs, and sources that dtc compiles. */
#ifndef LAB_DTS_H
#define LAB_DTS_H

#include "lab.h"

/**
 * dts_load_all() - get the blobs of all nodes that have a device tree
 *
 * Sources may include <dt-bindings/...> if the source of the node's kernel is
 * where 'make kernel' leaves it, beside the kernel.
 *
 * Return: 0; -errno after one line, and after what the compiler had to say
 */
int __must_check dts_load_all(struct lab *lab);

#endif
