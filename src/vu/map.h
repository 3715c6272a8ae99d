/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Mapping of what the front-end shares: the system calls behind struct mem. */
#ifndef VU_MAP_H
#define VU_MAP_H

#include <stdbool.h>

#include "../base/shmap.h"
#include "mem.h"

/**
 * struct map - a part of a file, mapped
 * @at: its first byte
 * @refs: memory tables that it is in
 */
struct map {
	struct shmap shm;
	u8 *at;
	unsigned int refs;
};

/**
 * map_file() - map @len bytes of @fd from @off on
 * @out: to be given back by map_put()
 *
 * Return: 0; -EINVAL when @len is 0, or the file is too short or is not one
 *	that can be mapped; -ENOMEM
 */
int __must_check map_file(struct map **out, int fd, u64 off, u64 len);

/** map_put() - one reference less; NULL is fine */
void map_put(struct map *map);

/** map_lost() - has the front-end taken it back; false for NULL */
bool map_lost(const struct map *map);

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

/**
 * mem_add() - a table of the regions of @old and one more
 * @old: may be NULL; stays as it is
 * @fd: stays the caller's
 *
 * Return: 0; what mem_check_add() says; as mem_map()
 */
int __must_check mem_add(struct mem **out, const struct mem *old,
			 const struct vhost_user_region *r, int fd);

/**
 * mem_del() - a table of the regions of @old but one
 * @old: may be NULL; stays as it is
 * @r: its mmap offset does not matter
 *
 * Return: 0; -ENOENT when there is no such region; -ENOMEM
 */
int __must_check mem_del(struct mem **out, const struct mem *old,
			 const struct vhost_user_region *r);

/** mem_lost() - has the front-end taken back what it had shared; false for NULL */
bool mem_lost(const struct mem *m);

/** mem_unmap() - and free; NULL is fine */
void mem_unmap(struct mem *m);

#endif
