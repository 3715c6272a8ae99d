// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run needs of the host: programs, a CPU, room for memory. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../base/log.h"
#include "host.h"
#include "tool.h"

/* What a node uses of its memory when it does little; the rest is promised. */
#define LIKELY_USE	(64ULL << 20)

void host_raise_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

/* The first of @places that may be accessed in this @mode of access(2) */
static char *first_file(const struct strvec *places, int mode)
{
	size_t i;

	for (i = 0; i < places->n; i++)
		if (access(places->v[i], mode) == 0)
			return xstrdup(places->v[i]);
	return NULL;
}

static char *first_program(const struct strvec *places)
{
	return first_file(places, X_OK);
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

/* What 'make' leaves beside the umtt program, and 'make install' elsewhere. */
static char *our_file(const char *name, const char *what)
{
	struct strvec places = { 0 };
	char *dir = program_dir(), *found;

	strvec_addf(&places, "%s/%s", dir, name);
	strvec_addf(&places, "%s/../lib/umtt/%s", dir, name);
	found = first_program(&places);
	if (!found)
		log_err(NULL, "%s is not there: neither %s nor %s", what,
			places.v[0], places.v[1]);
	strvec_free(&places);
	free(dir);
	return found;
}

char *host_init_program(void)
{
	return our_file("umtt-init", "the nodes' init program");
}

char *host_preload(void)
{
	return our_file("umtt-preload.so", "the library for the kernels");
}

const char *host_shell(const char *root)
{
	char *bash = xasprintf("%s/bin/bash", root);
	bool there = access(bash, X_OK) == 0;

	free(bash);
	return there ? "/bin/bash" : "/bin/sh";
}

char *host_kselftest_dir(void)
{
	struct strvec places = { 0 };
	char *dir = program_dir(), *found, *real;

	strvec_addf(&places, "%s/../uml-glue/kselftest/guest.sh", dir);
	/* Builds with sanitizers are one directory further down. */
	strvec_addf(&places, "%s/../../uml-glue/kselftest/guest.sh", dir);
	strvec_addf(&places, "%s/../lib/umtt/kselftest/guest.sh", dir);
	found = first_file(&places, R_OK);
	real = found ? realpath(found, NULL) : NULL;
	if (real)
		*strrchr(real, '/') = '\0';
	else
		log_err(NULL, "the scripts for kselftests are not there: neither %s nor %s",
			places.v[0], places.v[2]);
	strvec_free(&places);
	free(found);
	free(dir);
	return real;
}

bool host_is_static(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool dynamic = false;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned int i;

	if (fd < 0)
		return false;
	/* A script is what its interpreter is. */
	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0) {
		close(fd);
		return false;
	}
	for (i = 0; i < eh.e_phnum && !dynamic; i++)
		dynamic = pread(fd, &ph, sizeof(ph),
				(off_t)(eh.e_phoff + i * sizeof(ph))) ==
			  sizeof(ph) && ph.p_type == PT_INTERP;
	close(fd);
	return !dynamic;
}

void host_fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* NULL: there is none */
static char *default_kernel(void)
{
	struct strvec places = { 0 };
	char *dir = program_dir(), *found;

	strvec_addf(&places, "%s/kernel/6.12/linux", dir);
	/* Builds with sanitizers are one directory further down. */
	strvec_addf(&places, "%s/../kernel/6.12/linux", dir);
	strvec_addf(&places, "%s/../lib/umtt/kernel/linux", dir);
	found = first_program(&places);
	strvec_free(&places);
	free(dir);
	return found;
}

char *host_kernel_dir(const char *kernel)
{
	char *path = kernel ? xstrdup(kernel) : default_kernel(), *real, *dir;

	real = path ? realpath(path, NULL) : NULL;
	free(path);
	dir = real ? xdir(real) : NULL;
	free(real);
	return dir;
}

char *host_kernel_source(const char *kernel)
{
	char *dir = host_kernel_dir(kernel), *path, *includes, *source;

	if (!dir)
		return NULL;
	path = xasprintf("%s/source/include", dir);
	includes = realpath(path, NULL);
	source = includes ? xdir(includes) : NULL;
	free(includes);
	free(path);
	free(dir);
	return source;
}

char *host_beside(const char *kernel, const char *name)
{
	static const char *const dirs[] = { "build/", "" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		char *path = xasprintf("%.*s/%s%s",
				       (int)(strrchr(kernel, '/') - kernel),
				       kernel, dirs[i], name);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* Ask the program @kernel for its version: major * 1000 + minor */
static int kernel_version(const char *kernel, unsigned int *version,
			  char buf[HOST_RELEASE_LEN])
{
	char *argv[] = { (char *)kernel, (char *)"--version", NULL }, *out;
	unsigned int major, minor;
	size_t len;

	if (tool_output(argv, -1, &out, &len) ||
	    sscanf(out, "%u.%u", &major, &minor) != 2 || major > 99) {
		log_err(kernel, "not a User-Mode Linux kernel: it does not answer to --version");
		free(out);
		return -ENOEXEC;
	}
	snprintf(buf, HOST_RELEASE_LEN, "%s", out);
	free(out);
	buf[strcspn(buf, "\n")] = '\0';
	*version = major * 1000 + minor;
	return 0;
}

char *host_kernel(const char *cwd, const char *asked, unsigned int *version,
		  char release[HOST_RELEASE_LEN])
{
	char *path = asked ? xpath(cwd, asked) : default_kernel();

	if (!path)
		log_err(NULL, "there is no User-Mode Linux kernel yet: 'make kernel' builds one, --kernel PATH names another");
	else if (access(path, X_OK) < 0)
		log_err(path, "cannot execute this kernel: %s", strerror(errno));
	else if (kernel_version(path, version, release) == 0)
		return path;
	free(path);
	return NULL;
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

/* From the program's directory to uml-glue; with sanitizers it is further up. */
static const char *const glue_places[] = {
	"../uml-glue", "../../uml-glue", "../lib/umtt/uml-glue",
};

char *host_glue_dir(void)
{
	char *dir = program_dir(), *path = NULL, *real = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(glue_places) && !real; i++) {
		path = xasprintf("%s/%s", dir, glue_places[i]);
		real = realpath(path, NULL);
		free(path);
	}
	free(dir);
	return real;
}

/* An installed umtt has no directory to build in: the user's cache is one. */
static char *cache_dir(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	return cache && *cache == '/' ? xasprintf("%s/umtt/kernel", cache) :
	       xasprintf("%s/.cache/umtt/kernel", home ? home : "");
}

char *host_kernels_dir(void)
{
	char *glue = host_glue_dir(), *program = program_dir(), *dir;

	dir = glue && strstr(glue, "/lib/umtt/") ? cache_dir() :
	      xasprintf("%s/kernel", program);
	free(program);
	free(glue);
	return dir;
}

static u64 room(const char *dir)
{
	struct statvfs st;

	return statvfs(dir, &st) < 0 ? 0 : (u64)st.f_bavail * st.f_frsize;
}

const char *host_memory_dir(const struct lab *lab)
{
	u64 have = room("/dev/shm"), need = 0;
	const char *tmp = getenv("TMPDIR");
	unsigned int i;

	if (!tmp || *tmp != '/')
		tmp = "/tmp";
	for (i = 0; i < lab->nr_nodes; i++)
		need += min_u64(lab->nodes[i].memory, LIKELY_USE);
	if (have >= need || room(tmp) <= have)
		return "/dev/shm";
	log_warn(NULL, "/dev/shm has room for %u MB only: the nodes' memory goes to %s",
		 (unsigned int)(have >> 20), tmp);
	return tmp;
}
