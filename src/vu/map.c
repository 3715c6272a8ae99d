// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Mapping of what the front-end shares: the system calls behind struct mem. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "map.h"

static bool in_file(int fd, u64 off, u64 len)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size >= 0 &&
	       off <= (u64)sb.st_size && len <= (u64)sb.st_size - off;
}

int map_file(struct map **out, int fd, u64 off, u64 len)
{
	u64 skip = off % shmap_page(fd);
	struct map *map;
	int ret;

	/* Beyond the end of the file there is only SIGBUS. */
	if (!len || !in_file(fd, off, len))
		return -EINVAL;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	ret = shmap_open(&map->shm, fd, (off_t)(off - skip), len + skip);
	if (ret < 0) {
		free(map);
		return ret;
	}
	map->at = (u8 *)map->shm.addr + skip;
	map->refs = 1;
	*out = map;
	return 0;
}

void map_put(struct map *map)
{
	if (!map || --map->refs)
		return;
	shmap_close(&map->shm);
	free(map);
}

bool map_lost(const struct map *map)
{
	return map && shmap_lost(&map->shm);
}

/* Into a table that is being built. */
static int map_region(struct mem *m, const struct vhost_user_region *r, int fd)
{
	struct mem_region to = {
		.gpa = r->guest_addr, .uva = r->user_addr, .size = r->size,
	};
	int ret;

	ret = map_file(&to.map, fd, r->mmap_offset, r->size);
	if (ret < 0)
		return ret;
	to.host = to.map->at;
	mem_insert(m, &to);
	return 0;
}

int mem_map(struct mem **out, const struct vhost_user_region *r,
	    unsigned int nr, const int *fds)
{
	struct mem *m;
	unsigned int i;
	int ret;

	ret = mem_check(r, nr);
	if (ret < 0)
		return ret;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		ret = map_region(m, &r[i], fds[i]);
		if (ret < 0) {
			mem_unmap(m);
			return ret;
		}
	}
	*out = m;
	return 0;
}

/* Without region number @but; all of them if there is none. */
static struct mem *copy(const struct mem *old, unsigned int but)
{
	struct mem *m = calloc(1, sizeof(*m));
	unsigned int i;

	for (i = 0; m && old && i < old->nr; i++) {
		if (i == but)
			continue;
		m->region[m->nr] = old->region[i];
		m->region[m->nr++].map->refs++;
	}
	return m;
}

int mem_add(struct mem **out, const struct mem *old,
	    const struct vhost_user_region *r, int fd)
{
	struct mem *m = copy(old, MEM_MAX_REGIONS);
	int ret;

	if (!m)
		return -ENOMEM;
	ret = mem_check_add(m, r);
	if (!ret)
		ret = map_region(m, r, fd);
	if (ret < 0) {
		mem_unmap(m);
		return ret;
	}
	*out = m;
	return 0;
}

int mem_del(struct mem **out, const struct mem *old,
	    const struct vhost_user_region *r)
{
	int i = old ? mem_find(old, r) : -ENOENT;
	struct mem *m;

	if (i < 0)
		return i;
	m = copy(old, (unsigned int)i);
	if (!m)
		return -ENOMEM;
	*out = m;
	return 0;
}

/* Its session ends when it next has something to say. */
bool mem_lost(const struct mem *m)
{
	unsigned int i;

	for (i = 0; m && i < m->nr; i++)
		if (map_lost(m->region[i].map))
			return true;
	return false;
}

void mem_unmap(struct mem *m)
{
	unsigned int i;

	if (!m)
		return;
	for (i = 0; i < m->nr; i++)
		map_put(m->region[i].map);
	free(m);
}
