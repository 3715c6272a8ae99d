/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Where the tests come from: built from a kernel tree, or installed by somebody. */
#ifndef KSELF_SOURCE_H
#define KSELF_SOURCE_H

#include "tests.h"

/**
 * struct kself_source - what there is to be run; absolute paths
 * @scripts: directory of build.sh and guest.sh
 * @build: what build.sh leaves behind; NULL: the tests were built by others
 * @tests_dir: the installed tests
 * @not_built: a file; NULL without @build
 * @kernel: NULL: none was built
 * @version: of it, "6.12"; "" if unknown
 */
struct kself_source {
	char *scripts, *guest, *build, *tests_dir, *not_built, *kernel;
	char version[32];
};

/**
 * struct kself_build - what to build
 * @kdir: kernel tree, NULL: @version of Debian's, NULL: the usual one
 * @dir: where to; NULL: the usual place
 * @configs: fragments for the kernel's configuration
 * @collections: none: the usual selection
 * @skip: take what has been built before
 */
struct kself_build {
	const char *kdir, *version, *dir;
	const struct strvec *configs;
	struct strvec collections;
	bool skip;
};

/** kself_source_tests() - tests that are installed in @dir; 0, or status after a line */
int __must_check kself_source_tests(struct kself_source *s, const char *cwd,
				    const char *dir);

/**
 * kself_source_build() - build kernel and tests, unless they are
 *
 * What the build has to say goes to stderr.
 *
 * Return: 0, or an exit status after a line
 */
int __must_check kself_source_build(struct kself_source *s, const char *cwd,
				    const struct kself_build *what);

/**
 * kself_source_list() - tests that could be built, without doing it
 *
 * Return: 0, or an exit status after a line
 */
int __must_check kself_source_list(struct kself_source *s, const char *cwd,
				   const struct kself_build *what,
				   struct kself_tests *tests);

/** kself_source_notes() - what the kernel does not have that @tests want */
void kself_source_notes(const struct kself_source *s,
			const struct kself_tests *tests, struct strvec *notes);

void kself_source_fini(struct kself_source *s);

#endif
