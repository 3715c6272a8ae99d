// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Memory that is mapped from a file of others, who may take it away. */
#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shmap.h"

static LIST_HEAD(, shmap) maps = LIST_HEAD_INITIALIZER(maps);

static bool replace(struct shmap *m)
{
	m->lost = 1;
	return mmap(m->addr, m->len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		    -1, 0) != MAP_FAILED;
}

static void sigbus(int signo, siginfo_t *si, void *context)
{
	const u8 *at = si->si_addr;
	struct shmap *m;

	(void)context;
	/* The list is whole: it is not memory like this that changes it. */
	LIST_FOREACH(m, &maps, entry)
		if (at >= (u8 *)m->addr && at < (u8 *)m->addr + m->len &&
		    replace(m))
			return;
	/* None of these: it comes again, and ends us. */
	signal(signo, SIG_DFL);
}

static void catch_sigbus(void)
{
	static const struct sigaction sa = {
		.sa_sigaction = sigbus, .sa_flags = SA_SIGINFO,
	};

	sigaction(SIGBUS, &sa, NULL);
}

u64 shmap_page(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) == 0 && st.f_type == HUGETLBFS_MAGIC)
		return (u64)st.f_bsize;
	return (u64)sysconf(_SC_PAGESIZE);
}

int shmap_open(struct shmap *m, int fd, off_t off, size_t len)
{
	u64 page = shmap_page(fd);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	/* It is another's, and large. */
	(void)madvise(p, len, MADV_DONTDUMP);
	if (LIST_EMPTY(&maps))
		catch_sigbus();
	m->addr = p;
	/* Of huge pages, only whole ones can be unmapped. */
	m->len = (len + page - 1) / page * page;
	m->lost = 0;
	LIST_INSERT_HEAD(&maps, m, entry);
	return 0;
}

void shmap_close(struct shmap *m)
{
	if (!m->addr)
		return;
	LIST_REMOVE(m, entry);
	munmap(m->addr, m->len);
	m->addr = NULL;
}

bool shmap_lost(const struct shmap *m)
{
	return m->addr && m->lost;
}
