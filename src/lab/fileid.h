/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* By what files and CPUs are told apart. */
#ifndef LAB_FILEID_H
#define LAB_FILEID_H

#include "../base/types.h"

/**
 * fileid() - "build:0123...", the id that the linker has given the program
 * @path, or "hash:0123..." of what is in it when there is none
 *
 * Return: to be freed; "none" when the file cannot be read
 */
char *fileid(const char *path);

/** fileid_hash() - of @len bytes */
u64 fileid_hash(const void *data, size_t len);

/** struct cpuid - as /proc/cpuinfo has it; @flags is a hash of that line */
struct cpuid {
	char model[128];
	u64 flags;
};
void cpuid_read(struct cpuid *cpu);

#endif
