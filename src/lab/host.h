/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run needs of the host: programs, a CPU, room for memory. */
#ifndef LAB_HOST_H
#define LAB_HOST_H

#include <stdbool.h>

#include "lab.h"

/**
 * host_init_program() - path of the nodes' init program
 *
 * Beside the umtt program, else where it was installed to.
 *
 * Return: path, to be freed; NULL after a line that says where it should be
 */
char *host_init_program(void);

/** host_preload() - path of the library for all kernels, as host_init_program() */
char *host_preload(void);

/** host_shell() - the shell to be had below @root */
const char *host_shell(const char *root);

/**
 * host_kselftest_dir() - directory of the scripts that build and run kselftests
 *
 * Of the source that umtt was built in, else where it was installed to.
 *
 * Return: path, to be freed; NULL after a line that says where it should be
 */
char *host_kselftest_dir(void);

/** host_is_static() - does program @path do without the dynamic linker */
bool host_is_static(const char *path);

/**
 * host_kernel() - path of the kernel to use
 * @cwd: what a relative path counts from
 * @asked: what the user wants; NULL: the one that was built with umtt
 * @version: major * 1000 + minor
 * @release: what it says that it is, "6.12.38"
 *
 * Return: path, to be freed; NULL after a line: there is none, or it is not a
 *	User-Mode Linux kernel
 */
#define HOST_RELEASE_LEN	64
char *host_kernel(const char *cwd, const char *asked, unsigned int *version,
		  char release[HOST_RELEASE_LEN]);

/**
 * host_kernel_dir() - the directory that @kernel is in, links followed
 * @kernel: NULL: the one that was built with umtt
 *
 * Return: path, to be freed; NULL: there is no kernel
 */
char *host_kernel_dir(const char *kernel);

/**
 * host_beside() - a file that the build of @kernel has left
 *
 * Beside the program, or where build.sh leaves it.
 *
 * Return: path, to be freed; NULL: it is not there
 */
char *host_beside(const char *kernel, const char *name);

/** host_glue_dir() - our scripts, uml-glue; to be freed; NULL: not there */
char *host_glue_dir(void);

/** host_kernels_dir() - where kernels are built; to be freed */
char *host_kernels_dir(void);

/**
 * host_kernel_source() - the source of @kernel, links followed
 * @kernel: NULL: the one that was built with umtt
 *
 * Return: path, to be freed; NULL: it is not there
 */
char *host_kernel_source(const char *kernel);

/**
 * host_fill_stdio() - open /dev/null where stdin, stdout or stderr are closed
 *
 * A socket of ours must not be taken for one of them.
 */
void host_fill_stdio(void);

/** host_raise_files() - have as many open files as we may; a node takes eight */
void host_raise_files(void);

#define HOST_CPU_CHOOSE	-1
#define HOST_CPU_NONE	-2

/**
 * host_pin() - run on one CPU from now on, children included
 * @cpu: number, HOST_CPU_CHOOSE: the one we happen to be on, or HOST_CPU_NONE
 *
 * Only one party of a simulation runs at a time, and waking up another CPU
 * costs more than what there is to do.
 *
 * Return: 0 or -errno after one line
 */
int __must_check host_pin(int cpu);

/**
 * host_memory_dir() - directory for the memory of @lab's kernels
 *
 * Kernels choose /dev/shm, which is small in many containers; a kernel that
 * finds it full dies without a word.
 *
 * Return: where there is room
 */
const char *host_memory_dir(const struct lab *lab);

#endif
