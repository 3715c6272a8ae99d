/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Guest memory: a checked table of regions, and translation of ranges (pure). */
#ifndef VU_MEM_H
#define VU_MEM_H

#include <stdbool.h>
#include <sys/uio.h>

#include "../wire/vhost_user.h"

struct map;

/* As many as QEMU is ready to use. */
#define MEM_MAX_REGIONS	512u

/**
 * struct mem_region - guest memory that this process can reach
 * @gpa: address by which descriptors name it
 * @uva: address by which SET_VRING_ADDR names it
 * @size: bytes
 * @host: where @gpa is mapped here
 * @map: what @host lies in; the owner's business (map.c)
 */
struct mem_region {
	u64 gpa;
	u64 uva;
	u64 size;
	u8 *host;
	struct map *map;
};

/**
 * struct mem - all guest memory, immutable once built
 * @region: @nr of them, by ascending guest address
 *
 * A new table replaces the old one as a whole, also where they differ by one
 * region; nobody keeps pointers into a table that is gone (see vq_set_mem()).
 */
struct mem {
	unsigned int nr;
	struct mem_region region[MEM_MAX_REGIONS];
};

/**
 * mem_check() - is this table acceptable
 * @r: regions as the front-end sent them
 * @nr: how many
 *
 * Rules: at least one and at most VHOST_USER_MAX_REGIONS regions, none empty,
 * no sum that wraps, none overlapping another in guest or user address space
 * (vhost-user specification, "Memory regions description").
 *
 * Return: 0, -EINVAL or -EOVERFLOW
 */
int mem_check(const struct vhost_user_region *r, unsigned int nr);

/**
 * mem_check_add() - may this region be added to table @m
 *
 * Return: 0; -ENOSPC when @m is full; otherwise as mem_check()
 */
int mem_check_add(const struct mem *m, const struct vhost_user_region *r);

/** mem_insert() - while @m is being built: put @r, which may be added, in its place */
void mem_insert(struct mem *m, const struct mem_region *r);

/**
 * mem_find() - the region of just these addresses and this size
 *
 * Return: its index in @m->region, -ENOENT
 */
int mem_find(const struct mem *m, const struct vhost_user_region *r);

/**
 * mem_uva() - translate a range of user addresses
 *
 * Return: where it is here; NULL unless all of it lies in one region
 */
void *mem_uva(const struct mem *m, u64 uva, u64 len);

/**
 * mem_gpa_iov() - translate a range of guest addresses
 * @gpa: first byte
 * @len: bytes, may be 0 (then @gpa need not be mapped and 0 is returned)
 * @iov: result, one entry per region touched
 * @max: room in @iov
 *
 * A range may continue from one region into an adjacent one.
 *
 * Return: number of entries used, -EFAULT if a byte is not mapped or the
 *	range wraps, -ENOBUFS if @max is too small
 */
int mem_gpa_iov(const struct mem *m, u64 gpa, u64 len, struct iovec *iov,
		unsigned int max);

/**
 * mem_gpa() - the guest address of what is at @host here
 *
 * Return: true with *@gpa; false when it is in none of the regions
 */
bool mem_gpa(const struct mem *m, const void *host, u64 *gpa);

#endif
