/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Mapping of guest memory: the system calls behind struct mem. */
#ifndef VU_MAP_H
#define VU_MAP_H

#include <stdbool.h>

#include "mem.h"

/**
 * mem_map() - check a memory table and map it
 * @out: the table, to be freed by mem_unmap()
 * @fds: one per region; they stay the caller's
 *
 * Return: 0; what mem_check() says; -EINVAL when a file is too short or is
 *	not one that can be mapped; -ENOMEM
 */
int __must_check mem_map(struct mem **out, const struct vhost_user_region *r,
			 unsigned int nr, const int *fds);

/** mem_lost() - has the front-end taken back what it had shared; false for NULL */
bool mem_lost(const struct mem *m);

/** mem_unmap() - and free; NULL is fine */
void mem_unmap(struct mem *m);

#endif
