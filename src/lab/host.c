// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run needs of the host: programs, a CPU, room for memory. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../base/log.h"
#include "host.h"
#include "strvec.h"

/* What a node uses of its memory when it does little; the rest is promised. */
#define LIKELY_USE	(64ULL << 20)

/* The first of @places, NULL-terminated, that can be executed */
static char *first_program(const struct strvec *places)
{
	size_t i;

	for (i = 0; i < places->n; i++)
		if (access(places->v[i], X_OK) == 0)
			return xstrdup(places->v[i]);
	return NULL;
}

/* Directory of the umtt program */
static char *program_dir(void)
{
	char buf[4096], *slash;
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
	return xstrdup(buf);
}

char *host_init_program(void)
{
	struct strvec places = { 0 };
	char *dir = program_dir(), *found;

	strvec_addf(&places, "%s/umtt-init", dir);
	/* As 'make install' leaves it, whatever the prefix. */
	strvec_addf(&places, "%s/../lib/umtt/umtt-init", dir);
	found = first_program(&places);
	if (!found)
		log_err(NULL, "the nodes' init program is not there: neither %s nor %s",
			places.v[0], places.v[1]);
	strvec_free(&places);
	free(dir);
	return found;
}

char *host_kernel(void)
{
	struct strvec places = { 0 };
	char *dir = program_dir(), *found;

	strvec_addf(&places, "%s/kernel/6.12/linux", dir);
	/* Builds with sanitizers are one directory further down. */
	strvec_addf(&places, "%s/../kernel/6.12/linux", dir);
	strvec_addf(&places, "%s/../lib/umtt/kernel/linux", dir);
	found = first_program(&places);
	if (!found)
		log_err(NULL, "there is no User-Mode Linux kernel yet: 'make kernel' builds one, --kernel PATH names another");
	strvec_free(&places);
	free(dir);
	return found;
}

int host_pin(int cpu)
{
	cpu_set_t set;
	int ret;

	if (cpu == HOST_CPU_NONE)
		return 0;
	if (cpu == HOST_CPU_CHOOSE)
		cpu = sched_getcpu();
	CPU_ZERO(&set);
	if (cpu >= 0 && cpu < CPU_SETSIZE)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	ret = -errno;
	log_err(NULL, "cannot run on CPU %d: %s; --cpu none runs on all", cpu,
		ret == -EINVAL ? "it is not there, or not allowed" :
				 strerror(-ret));
	return ret;
}

static u64 room(const char *dir)
{
	struct statvfs st;

	return statvfs(dir, &st) < 0 ? 0 : (u64)st.f_bavail * st.f_frsize;
}

const char *host_memory_dir(unsigned int nr_nodes, u64 want)
{
	const char *tmp = getenv("TMPDIR");
	u64 need = min_u64(want, nr_nodes * LIKELY_USE), have = room("/dev/shm");

	if (!tmp || *tmp != '/')
		tmp = "/tmp";
	if (have >= need || room(tmp) <= have)
		return NULL;
	log_warn(NULL, "/dev/shm has room for %u MB only: the nodes' memory goes to %s",
		 (unsigned int)(have >> 20), tmp);
	return tmp;
}
