// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Where the tests come from: built from a kernel tree, or installed by somebody. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../lab/host.h"
#include "../lab/tool.h"
#include "kself.h"
#include "source.h"

#define MAX_NOTES	(1u << 20)

static int find_scripts(struct kself_source *s)
{
	s->scripts = host_kselftest_dir();
	if (!s->scripts)
		return KSELF_BROKEN;
	s->guest = xasprintf("%s/guest.sh", s->scripts);
	return 0;
}

static int real_dir(const char *option, const char *cwd, const char *dir,
		    char **real)
{
	char *path = xpath(cwd, dir);

	*real = realpath(path, NULL);
	free(path);
	if (*real && is_dir(*real))
		return 0;
	log_err(NULL, "--%s %s: not a directory", option, dir);
	return KSELF_BROKEN;
}

int kself_source_tests(struct kself_source *s, const char *cwd, const char *dir)
{
	int ret = find_scripts(s);

	return ret ? ret : real_dir("tests", cwd, dir, &s->tests_dir);
}

/*
 * Building
 */

/* A name for a tree of the user's: two with the same last word are not one. */
static char *name_of_tree(const char *kdir)
{
	const char *base = strrchr(kdir, '/'), *p;
	u32 hash = 2166136261u;

	for (p = kdir; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return xasprintf("%s-%08x", base && base[1] ? base + 1 : "kdir", hash);
}

/* In the directory that umtt itself is built in */
static char *usual_place(const struct kself_source *s, const char *kdir,
			 const char *version)
{
	char *tree = kdir ? name_of_tree(kdir) : xstrdup(version ? version : "6.12");
	char *dir = xasprintf("%s/../../build/kselftest/%s", s->scripts, tree);

	free(tree);
	return dir;
}

/* An installed umtt has what runs tests, not what builds kernels. */
static int can_build(const struct kself_source *s)
{
	char *script = xasprintf("%s/build.sh", s->scripts);
	int ret = access(script, X_OK) == 0 ? 0 : KSELF_BROKEN;

	if (ret)
		log_err(NULL, "kernel and kselftests are built in umtt's source directory, by its build/umtt; --tests DIR runs those that are built");
	free(script);
	return ret;
}

static int find_build(struct kself_source *s, const char *cwd,
		      const struct kself_build *what, char **kdir)
{
	int ret = find_scripts(s);

	if (!ret && !what->skip)
		ret = can_build(s);

	if (!ret && what->kdir)
		ret = real_dir("kdir", cwd, what->kdir, kdir);
	if (ret)
		return ret;
	s->build = what->dir ? xpath(cwd, what->dir) :
			       usual_place(s, *kdir, what->version);
	return 0;
}

static void make_argv(const struct kself_source *s,
		      const struct kself_build *what, const char *kdir,
		      const char *cwd, bool list, struct strvec *argv)
{
	size_t i;

	strvec_addf(argv, "%s/build.sh", s->scripts);
	if (list)
		strvec_add(argv, "--list");
	if (kdir) {
		strvec_add(argv, "--kdir");
		strvec_add(argv, kdir);
	} else if (what->version) {
		strvec_add(argv, "--version");
		strvec_add(argv, what->version);
	}
	strvec_add(argv, "--out");
	strvec_add(argv, s->build);
	for (i = 0; i < what->configs->n; i++) {
		char *path = xpath(cwd, what->configs->v[i]);

		strvec_add(argv, "--config");
		strvec_add(argv, path);
		free(path);
	}
	strvec_add_all(argv, &what->collections);
}

static int build(struct kself_source *s, const char *cwd,
		 const struct kself_build *what, const char *kdir)
{
	struct strvec argv = { 0 };
	int status;

	make_argv(s, what, kdir, cwd, false, &argv);
	status = tool_run(argv.v, -1, -1);
	strvec_free(&argv);
	if (!status || status > 128)
		return status;
	log_err(NULL, "the kselftests could not be built (status %d), see above and %s",
		status, s->build);
	return KSELF_BROKEN;
}

/* The first two numbers of what the kernel calls itself */
static void read_version(struct kself_source *s)
{
	char *path = xasprintf("%s/kernel/release", s->build), *text;
	unsigned int major, minor;
	size_t len;

	text = kself_read_file(path, 256, &len);
	if (text && sscanf(text, "%u.%u", &major, &minor) == 2)
		snprintf(s->version, sizeof(s->version), "%u.%u", major, minor);
	free(text);
	free(path);
}

static int find_results(struct kself_source *s)
{
	char *real = realpath(s->build, NULL);

	if (!real) {
		log_err(s->build, "nothing has been built here: leave out --no-build");
		return KSELF_BROKEN;
	}
	free(s->build);
	s->build = real;
	s->tests_dir = xasprintf("%s/tests", real);
	s->not_built = xasprintf("%s/not-built", real);
	s->kernel = xasprintf("%s/kernel/linux", real);
	read_version(s);
	return 0;
}

int kself_source_build(struct kself_source *s, const char *cwd,
		       const struct kself_build *what)
{
	char *kdir = NULL;
	int ret = find_build(s, cwd, what, &kdir);

	if (!ret && !what->skip)
		ret = build(s, cwd, what, kdir);
	if (!ret)
		ret = find_results(s);
	free(kdir);
	return ret;
}

int kself_source_list(struct kself_source *s, const char *cwd,
		      const struct kself_build *what, struct kself_tests *tests)
{
	int fd = memfd_create("kselftest-list", MFD_CLOEXEC), ret;
	struct strvec argv = { 0 };
	char *kdir = NULL, path[64];

	ret = find_build(s, cwd, what, &kdir);
	if (!ret) {
		make_argv(s, what, kdir, cwd, true, &argv);
		ret = tool_run(argv.v, -1, fd);
		/* It has said why. */
		if (ret && ret < 128)
			ret = KSELF_BROKEN;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!ret && kself_tests_load(tests, path, NULL))
		ret = KSELF_BROKEN;
	if (fd >= 0)
		close(fd);
	strvec_free(&argv);
	free(kdir);
	return ret;
}

static bool is_wanted(const struct kself_tests *tests, const char *collection)
{
	size_t i;

	for (i = 0; i < tests->n; i++)
		if (strcmp(tests->v[i].collection, collection) == 0)
			return true;
	return false;
}

void kself_source_notes(const struct kself_source *s,
			const struct kself_tests *tests, struct strvec *notes)
{
	char *path, *text, *p, *line, *option, clean[TEXT_MAX];
	size_t len;

	if (!s->build)
		return;
	path = xasprintf("%s/config-refused", s->build);
	text = kself_read_file(path, MAX_NOTES, &len);
	free(path);
	for (p = text; p && (line = strsep(&p, "\n"));) {
		option = strchr(line, '\t');
		if (!option)
			continue;
		*option++ = '\0';
		if (!is_wanted(tests, line))
			continue;
		text_clean(clean, sizeof(clean), option, strlen(option));
		strvec_addf(notes, "%s wants %s, which this kernel does not have",
			    line, clean);
	}
	free(text);
}

void kself_source_fini(struct kself_source *s)
{
	free(s->scripts);
	free(s->guest);
	free(s->build);
	free(s->tests_dir);
	free(s->not_built);
	free(s->kernel);
}
