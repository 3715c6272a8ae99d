/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run needs of the host: programs, a CPU, room for memory. */
#ifndef LAB_HOST_H
#define LAB_HOST_H

#include <stdbool.h>

#include "../base/types.h"

/**
 * host_init_program() - path of the nodes' init program
 *
 * Beside the umtt program, else where it was installed to.
 *
 * Return: path, to be freed; NULL after a line that says where it should be
 */
char *host_init_program(void);

/**
 * host_kernel() - path of the kernel to use when nobody named one
 *
 * Return: path, to be freed; NULL after a line that says how to get one
 */
char *host_kernel(void);

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
 * host_memory_dir() - directory for the memory of @nr_nodes kernels
 * @want: bytes of all of them together
 *
 * Kernels choose /dev/shm, which is small in many containers; a kernel that
 * finds it full dies without a word.
 *
 * Return: NULL: it is large enough; else where there is more room
 */
const char *host_memory_dir(unsigned int nr_nodes, u64 want);

#endif
