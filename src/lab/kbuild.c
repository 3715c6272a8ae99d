// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Kernels and modules that are built for a run, by the scripts of uml-glue. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "fileid.h"
#include "host.h"
#include "kbuild.h"
#include "tool.h"

/*
 * DOC: Theory of operation
 *
 * What is to be compiled, and what not, build.sh knows by the stamps in its
 * output directory; here is only decided which directory that is. Its name is a
 * hash of the source's path, of the content of all fragments and of what is
 * profiled, so that two configurations never share one, and going back to an
 * earlier one finds it as it was left. A new one begins with the objects of the
 * usual kernel, if that has the same source.
 */

/* uml-glue/kernel/@name; NULL after a line */
static char *script(const char *name)
{
	char *dir = host_glue_dir(), *path;

	path = dir ? xasprintf("%s/kernel/%s", dir, name) : NULL;
	free(dir);
	if (path && access(path, X_OK) == 0)
		return path;
	log_err(NULL, "a kernel or module can only be built where umtt's scripts are: uml-glue/kernel/%s is not there", name);
	free(path);
	return NULL;
}

/* The source of the usual kernel, and its objects, if they are there */
static void add_usual(struct strvec *argv)
{
	char *source = host_kernel_source(NULL), *dir = host_kernel_dir(NULL);

	if (source) {
		strvec_addf(argv, "--source=%s", source);
		strvec_addf(argv, "--start-from=%s", dir);
	}
	free(source);
	free(dir);
}

static void add_options(struct strvec *argv, const struct kbuild *kb)
{
	size_t i;

	if (kb->kdir)
		strvec_addf(argv, "--source=%s", kb->kdir);
	else
		add_usual(argv);
	if (kb->kasan) {
		char *dir = host_glue_dir();

		strvec_addf(argv, "--config=%s/kernel/config/kasan.config", dir);
		free(dir);
	}
	for (i = 0; i < kb->config.n; i++)
		strvec_addf(argv, "--config=%s", kb->config.v[i]);
	for (i = 0; i < kb->gcov.n; i++)
		strvec_addf(argv, "--gcov=%s", kb->gcov.v[i]);
	for (i = 0; i < kb->kcov.n; i++)
		strvec_addf(argv, "--kcov=%s", kb->kcov.v[i]);
}

/* Of the options, and of what is in the fragments that they name */
static u64 hash_of(const struct strvec *argv)
{
	char *all = xstrdup(""), *longer, *id;
	size_t i;
	u64 hash;

	for (i = 1; i < argv->n; i++) {
		bool file = strncmp(argv->v[i], "--config=", 9) == 0;

		id = file ? fileid(argv->v[i] + 9) : xstrdup(argv->v[i]);
		longer = xasprintf("%s%s\n", all, id);
		free(all);
		free(id);
		all = longer;
	}
	hash = fileid_hash(all, strlen(all));
	free(all);
	return hash;
}

static char *build_in(struct strvec *argv, const char *out)
{
	char *linux_path;

	strvec_addf(argv, "--out=%s", out);
	if (tool_run(argv->v, -1, -1) == 0) {
		linux_path = xasprintf("%s/linux", out);
		log_info("kernel", "%s", linux_path);
		return linux_path;
	}
	log_err(NULL, "there is no kernel to run: it could not be built in %s", out);
	return NULL;
}

char *kbuild_kernel(const struct kbuild *kb)
{
	struct strvec argv = { 0 };
	char *sh = script("build.sh"), *base, *out, *kernel;
	u64 hash;

	if (!sh)
		return NULL;
	strvec_add(&argv, sh);
	free(sh);
	add_options(&argv, kb);
	hash = hash_of(&argv);
	/* Its modules are not for another configuration, and it must show. */
	if (kb->config.n || kb->kasan || kb->gcov.n || kb->kcov.n)
		strvec_addf(&argv, "--name=%08x", (u32)hash);
	base = host_kernels_dir();
	out = xasprintf("%s/run-%016" PRIx64, base, hash);
	kernel = build_in(&argv, out);
	free(base);
	free(out);
	strvec_free(&argv);
	return kernel;
}

/*
 * Modules
 */

static int build_module(const struct lab *lab, const char *kernel,
			const char *dir, struct strvec *files)
{
	struct strvec argv = { 0 };
	char *sh = script("module.sh"), *out = NULL, *line, *rest;
	size_t len;
	int ret;

	if (!sh)
		return -ENOENT;
	strvec_add(&argv, sh);
	strvec_add(&argv, kernel);
	strvec_add(&argv, dir);
	if (lab->gcov)
		strvec_add(&argv, "GCOV_PROFILE=y");
	if (lab->kcov)
		strvec_add(&argv, "KCOV_INSTRUMENT=y");
	free(sh);
	ret = tool_output(argv.v, -1, &out, &len) ? -EINVAL : 0;
	for (rest = out; !ret && (line = strsep(&rest, "\n"));)
		if (*line)
			strvec_add(files, line);
	free(out);
	strvec_free(&argv);
	if (ret)
		log_err(dir, "there is no module to load: it could not be built");
	return ret;
}

/**
 * struct built - the directory that was built last, as all nodes may have it
 * @kernel: directory of the kernel for which
 */
struct built {
	char *kernel, *dir;
	struct strvec files;
};

static void built_fini(struct built *b)
{
	free(b->dir);
	free(b->kernel);
	strvec_free(&b->files);
	memset(b, 0, sizeof(*b));
}

static int build_for(struct built *b, const struct lab *lab,
		     const char *kernel, const char *dir)
{
	built_fini(b);
	b->dir = xstrdup(dir);
	b->kernel = host_kernel_dir(kernel);
	if (b->kernel)
		return build_module(lab, b->kernel, dir, &b->files);
	log_err(dir, "there is no kernel to build this module for");
	return -ENOENT;
}

/* Is @b what build_for() would make? */
static bool is_built(const struct built *b, const char *kernel, const char *dir)
{
	char *want = host_kernel_dir(kernel);
	bool same = want && b->dir && strcmp(b->dir, dir) == 0 &&
		    strcmp(b->kernel, want) == 0;

	free(want);
	return same;
}

static void add_built(const struct built *b, const char *args,
		      struct strvec *modules, struct strvec *module_args)
{
	size_t i;

	for (i = 0; i < b->files.n; i++) {
		strvec_add(modules, b->files.v[i]);
		strvec_add(module_args, i + 1 == b->files.n ? args : "");
	}
}

static int node_modules(struct built *b, const struct lab *lab,
			struct lab_node *n, const char *kernel)
{
	struct strvec modules = { 0 }, args = { 0 };
	size_t i;
	int ret = 0;

	for (i = 0; i < n->modules.n && !ret; i++) {
		if (is_dir(n->modules.v[i])) {
			if (!is_built(b, kernel, n->modules.v[i]))
				ret = build_for(b, lab, kernel, n->modules.v[i]);
			add_built(b, n->module_args.v[i], &modules, &args);
			continue;
		}
		strvec_add(&modules, n->modules.v[i]);
		strvec_add(&args, n->module_args.v[i]);
	}
	strvec_free(&n->modules);
	strvec_free(&n->module_args);
	n->modules = modules;
	n->module_args = args;
	return ret;
}

int kbuild_modules(struct lab *lab)
{
	struct built b = { 0 };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < lab->nr_nodes && !ret; i++)
		ret = node_modules(&b, lab, &lab->nodes[i], lab_kernel(lab, i));
	built_fini(&b);
	return ret;
}

/* The value of @key in the module's description of itself; NULL: none */
static char *modinfo(const char *file, const char *key)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *p = MAP_FAILED, *at, *value = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		at = memcmp(p, "\177ELF", min_size(4, (size_t)st.st_size)) ? NULL :
		     memmem(p, (size_t)st.st_size, key, strlen(key));
		if (at)
			value = strndup(at + strlen(key), (size_t)(p + st.st_size - at) -
					strlen(key));
		munmap(p, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	return value;
}

int kbuild_check_module(const char *file, const char *release)
{
	char *magic = modinfo(file, "vermagic=");
	int ret = 0;

	if (!magic) {
		log_err(file, "not a kernel module");
		return -EINVAL;
	}
	magic[strcspn(magic, " ")] = '\0';
	if (strcmp(magic, release) != 0) {
		log_err(file, "this module is for Linux %s, and the kernel is %s; --module DIR, with the directory of its source, builds it for the kernel that runs",
			magic, release);
		ret = -EINVAL;
	}
	free(magic);
	return ret;
}
