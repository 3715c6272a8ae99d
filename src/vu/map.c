// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Mapping of guest memory: the system calls behind struct mem. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"

/*
 * DOC: Memory that goes away
 *
 * The file behind a region is the front-end's. When it makes it shorter, what is
 * beyond its new end can be mapped, but not touched: there is SIGBUS instead.
 * Then memory of our own takes the region's place, all zeros, and the session
 * ends when it next has something to say. Nothing but plain loads and stores
 * ever touches the guest's memory, so the signal comes there and then, and not
 * while the list below is being changed.
 */

/** struct mapping - a table that is mapped */
struct mapping {
	struct mem mem;
	volatile sig_atomic_t lost;
	LIST_ENTRY(mapping) entry;
};

static LIST_HEAD(, mapping) mappings = LIST_HEAD_INITIALIZER(mappings);

static bool replace(struct mapping *mp, const u8 *addr)
{
	const struct mem_region *r = mp->mem.region;
	unsigned int i;

	for (i = 0; i < mp->mem.nr; i++, r++)
		if (addr >= (u8 *)r->map && addr < (u8 *)r->map + r->map_len)
			break;
	if (i == mp->mem.nr)
		return false;
	mp->lost = 1;
	return mmap(r->map, r->map_len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		    -1, 0) != MAP_FAILED;
}

static void sigbus(int signo, siginfo_t *si, void *context)
{
	struct mapping *mp;

	(void)context;
	LIST_FOREACH(mp, &mappings, entry)
		if (replace(mp, si->si_addr))
			return;
	/* Not the guest's: it comes again, and ends us. */
	signal(signo, SIG_DFL);
}

static void catch_sigbus(void)
{
	static const struct sigaction sa = {
		.sa_sigaction = sigbus, .sa_flags = SA_SIGINFO,
	};

	sigaction(SIGBUS, &sa, NULL);
}

static int map_region(struct mem_region *to, const struct vhost_user_region *r,
		      int fd)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 skip = r->mmap_offset % page;
	struct stat sb;
	void *p;

	if (fstat(fd, &sb) < 0)
		return -errno;
	/* Beyond the end of the file there is only SIGBUS. */
	if (!S_ISREG(sb.st_mode) || sb.st_size < 0 ||
	    r->mmap_offset > (u64)sb.st_size ||
	    r->size > (u64)sb.st_size - r->mmap_offset)
		return -EINVAL;
	p = mmap(NULL, r->size + skip, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 (off_t)(r->mmap_offset - skip));
	if (p == MAP_FAILED)
		return -errno;
	/* Not in a core dump: it is the guest's, and large. */
	(void)madvise(p, r->size + skip, MADV_DONTDUMP);
	to->gpa = r->guest_addr;
	to->uva = r->user_addr;
	to->size = r->size;
	to->map = p;
	to->map_len = r->size + skip;
	to->host = (u8 *)p + skip;
	return 0;
}

int mem_map(struct mem **out, const struct vhost_user_region *r,
	    unsigned int nr, const int *fds)
{
	struct mapping *mp;
	struct mem *m;
	int ret;

	ret = mem_check(r, nr);
	if (ret < 0)
		return ret;
	mp = calloc(1, sizeof(*mp));
	if (!mp)
		return -ENOMEM;
	if (LIST_EMPTY(&mappings))
		catch_sigbus();
	LIST_INSERT_HEAD(&mappings, mp, entry);
	m = &mp->mem;
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

static struct mapping *mapping_of(struct mem *m)
{
	return container_of(m, struct mapping, mem);
}

bool mem_lost(struct mem *m)
{
	return m && mapping_of(m)->lost;
}

void mem_unmap(struct mem *m)
{
	unsigned int i;

	if (!m)
		return;
	LIST_REMOVE(mapping_of(m), entry);
	for (i = 0; i < m->nr; i++)
		munmap(m->region[i].map, m->region[i].map_len);
	free(mapping_of(m));
}
