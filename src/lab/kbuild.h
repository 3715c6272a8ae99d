/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Kernels and modules that are built for a run, by the scripts of uml-glue. */
#ifndef LAB_KBUILD_H
#define LAB_KBUILD_H

#include "lab.h"

/**
 * struct kbuild - a kernel that somebody wants
 * @kdir: its source; NULL: that of the usual one
 * @config: fragments of configuration, files
 * @kasan: with our fragment for that
 * @gcov, @kcov: directories of the source whose lines are counted, and of which
 *	is said what is reached
 */
struct kbuild {
	char *kdir;
	struct strvec config, gcov, kcov;
	bool kasan;
};

/**
 * kbuild_kernel() - build it, if that has not been done yet
 *
 * Each configuration has a directory of its own.
 *
 * Return: path of the kernel, to be freed; NULL after one line, and after what
 *	the build had to say
 */
char *kbuild_kernel(const struct kbuild *kb);

/**
 * kbuild_modules() - put the modules that are built there in place of directories
 *
 * Return: 0; -errno after one line
 */
int __must_check kbuild_modules(struct lab *lab);

/**
 * kbuild_check_module() - is @file a module for Linux @release
 *
 * Return: 0; -EINVAL after one line
 */
int __must_check kbuild_check_module(const char *file, const char *release);

#endif
