// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The guest's memory: two files, of which the guest sees a part each. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"

int tmp_memfd(const char *name, u64 size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		broken("memfd_create");
	return fd;
}

const char *stray_name(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "vu-conf-stray-%d.", (int)getpid());
	return name;
}

int stray_fd(void)
{
	return tmp_memfd(stray_name(), 1 << 20);
}

void guest_init(struct guest *g)
{
	unsigned int i;
	void *p;

	for (i = 0; i < MEM_REGIONS; i++) {
		g->fd[i] = tmp_memfd(MEM_NAME, MEM_SKIP + MEM_SIZE);
		p = mmap(NULL, MEM_SKIP + MEM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, g->fd[i], 0);
		if (p == MAP_FAILED)
			broken("mmap");
		g->file[i] = p;
	}
}

void *guest_ptr(struct guest *g, u64 gpa)
{
	u64 off = gpa - MEM_GPA;

	if (off >= MEM_REGIONS * MEM_SIZE)
		broken("the suite's own guest address");
	return g->file[off / MEM_SIZE] + MEM_SKIP + off % MEM_SIZE;
}

struct vhost_user_region guest_region(unsigned int i)
{
	return (struct vhost_user_region){
		.guest_addr = MEM_GPA + i * MEM_SIZE,
		.size = MEM_SIZE,
		.user_addr = MEM_UVA + i * MEM_SIZE,
		.mmap_offset = MEM_SKIP,
	};
}
