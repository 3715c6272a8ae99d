// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Mapping of guest memory: the system calls behind struct mem. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/shmap.h"
#include "map.h"

static int map_region(struct mem_region *to, const struct vhost_user_region *r,
		      int fd)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 skip = r->mmap_offset % page;
	struct stat sb;
	int ret;

	if (fstat(fd, &sb) < 0)
		return -errno;
	/* Beyond the end of the file there is only SIGBUS. */
	if (!S_ISREG(sb.st_mode) || sb.st_size < 0 ||
	    r->mmap_offset > (u64)sb.st_size ||
	    r->size > (u64)sb.st_size - r->mmap_offset)
		return -EINVAL;
	ret = shmap_open(&to->map, fd, (off_t)(r->mmap_offset - skip),
			 r->size + skip);
	if (ret < 0)
		return ret;
	to->gpa = r->guest_addr;
	to->uva = r->user_addr;
	to->size = r->size;
	to->host = (u8 *)to->map.addr + skip;
	return 0;
}

int mem_map(struct mem **out, const struct vhost_user_region *r,
	    unsigned int nr, const int *fds)
{
	struct mem *m;
	int ret;

	ret = mem_check(r, nr);
	if (ret < 0)
		return ret;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	for (; m->nr < nr; m->nr++) {
		ret = map_region(&m->region[m->nr], &r[m->nr], fds[m->nr]);
		if (ret < 0) {
			mem_unmap(m);
			return ret;
		}
	}
	*out = m;
	return 0;
}

/* Its session ends when it next has something to say. */
bool mem_lost(const struct mem *m)
{
	unsigned int i;

	for (i = 0; m && i < m->nr; i++)
		if (shmap_lost(&m->region[i].map))
			return true;
	return false;
}

void mem_unmap(struct mem *m)
{
	unsigned int i;

	if (!m)
		return;
	for (i = 0; i < m->nr; i++)
		shmap_close(&m->region[i].map);
	free(m);
}
