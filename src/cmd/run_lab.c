// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt run: from the command line to the lab. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../lab/builds.h"
#include "../lab/dts.h"
#include "../lab/host.h"
#include "../lab/labfile.h"
#include "run_args.h"

static int bad_value(const char *option, const char *value, const char *want)
{
	log_err(NULL, "--%s %s: not %s", option, value, want);
	return -EINVAL;
}

static int set_limit(const char *option, const char *s, u64 *limit)
{
	if (s && (units_time(s, NSEC_PER_SEC, limit) || !*limit))
		return bad_value(option, s, "a time, as 10s, 1.5ms or 2h");
	return 0;
}

static int set_path(const char *option, const char *s, bool dir, char **path)
{
	struct stat st;
	char *real;

	if (!s)
		return 0;
	real = realpath(s, NULL);
	if (!real || stat(real, &st) < 0 || S_ISDIR(st.st_mode) != dir) {
		free(real);
		return bad_value(option, s, dir ? "a directory" : "a file");
	}
	free(*path);
	*path = real;
	return 0;
}

static int set_busy(const char *s, struct busy *b)
{
	const char *why = s ? busy_parse(s, b) : NULL;

	if (why)
		log_err(NULL, "--busy %s: %s", s, why);
	return why ? -EINVAL : 0;
}

static int set_top(struct lab *lab, const struct run_args *a)
{
	if (a->seed && units_number(a->seed, &lab->seed))
		return bad_value("seed", a->seed, "a number from 0 to 2^64 - 1");
	if (a->tod && lab_parse_tod(a->tod, &lab->tod))
		return bad_value("tod", a->tod, LAB_TOD_HELP);
	if (set_limit("time-limit", a->time_limit, &lab->time_limit) ||
	    set_limit("wall-limit", a->wall_limit, &lab->wall_limit) ||
	    set_limit("stall-limit", a->stall_limit, &lab->stall_limit) ||
	    set_busy(a->busy, &lab->busy) ||
	    set_path("kernel", a->kernel, false, &lab->kernel) ||
	    set_path("root", a->root, true, &lab->root))
		return -EINVAL;
	return 0;
}

/* The kernel that the lab wants built; one that is built already is it instead. */
static int set_build(struct lab_build *b, const struct run_args *a)
{
	char *path = NULL;
	size_t i;
	int ret;

	if (a->kernel)
		lab_build_fini(b);
	ret = set_path("kdir", a->kdir, true, &b->kdir);
	for (i = 0; i < a->config.n && !ret; i++) {
		ret = set_path("config", a->config.v[i], false, &path);
		if (!ret)
			strvec_add(&b->config, path);
	}
	free(path);
	b->kasan = b->kasan || a->kasan;
	return ret;
}

/* Kernels that are not there yet, or may have changed */
static int build_kernels(struct lab *lab, const struct run_args *a)
{
	struct kbuild extra = { 0 };
	int ret = set_build(&lab->build, a);

	lab->gcov = lab->gcov || a->gcov;
	lab->kcov = lab->kcov || a->kcov;
	strvec_add_all(&extra.gcov, &a->gcov_of);
	strvec_add_all(&extra.kcov, &a->kcov_of);
	if (!ret)
		ret = builds_make(lab, &extra);
	strvec_free(&extra.gcov);
	strvec_free(&extra.kcov);
	return ret;
}

/* A link of the same name is replaced. */
static void set_link(struct lab *lab, const char *spec)
{
	size_t len = strcspn(spec, ","), i;

	for (i = 0; i < lab->links.n; i++) {
		char *old = lab->links.v[i];

		if (strcspn(old, ",") != len || strncmp(old, spec, len) != 0)
			continue;
		free(old);
		lab->links.v[i] = xstrdup(spec);
		return;
	}
	strvec_add(&lab->links, spec);
}

static int add_module(struct lab *lab, const char *spec)
{
	size_t len = strcspn(spec, " ");
	char *file = xstrdup(spec), *path = NULL;
	unsigned int i;
	int ret;

	file[len] = '\0';
	ret = set_path("module", file, is_dir(file), &path);
	for (i = 0; i < lab->nr_nodes && !ret; i++) {
		strvec_add(&lab->nodes[i].modules, path);
		strvec_add(&lab->nodes[i].module_args,
			   spec + len + (spec[len] == ' '));
	}
	free(path);
	free(file);
	return ret;
}

static int set_tree(struct lab *lab, const struct run_args *a)
{
	char *path = NULL;
	unsigned int i;

	if (set_path("dtb", a->dtb, false, &path) ||
	    set_path("dts", a->dts, false, &path))
		return -EINVAL;
	for (i = 0; i < lab->nr_nodes && path; i++)
		lab_set_tree(&lab->nodes[i], path, a->dts);
	free(path);
	return dts_load_all(lab);
}

static int set_nodes(struct lab *lab, const struct run_args *a)
{
	u64 mem = 0;
	unsigned int i;
	size_t j;

	if (a->mem && (units_size(a->mem, &mem) || mem < LAB_MIN_MEMORY ||
		       mem > LAB_MAX_MEMORY))
		return bad_value("mem", a->mem, "a size from " LAB_MEMORY_HELP);
	for (i = 0; i < lab->nr_nodes; i++) {
		if (mem)
			lab->nodes[i].memory = mem;
		strvec_add_all(&lab->nodes[i].devices, &a->devices);
		strvec_add_all(&lab->nodes[i].kernel_args, &a->append);
	}
	for (j = 0; j < a->modules.n; j++)
		if (add_module(lab, a->modules.v[j]))
			return -EINVAL;
	return 0;
}

static struct lab_node *find_node(struct lab *lab, const char *option,
				  const char *name)
{
	unsigned int i;

	for (i = 0; i < lab->nr_nodes; i++)
		if (!name || strcmp(lab->nodes[i].name, name) == 0)
			return &lab->nodes[i];
	log_err(NULL, "--%s %s: the lab has no such node; its first one is %s",
		option, name, lab->nodes[0].name);
	return NULL;
}

/* The lab ends with the shell, whatever else its nodes have to do. */
static int set_shell(struct lab *lab, const struct run_args *a,
		     struct lab_node *n)
{
	const char *term = getenv("TERM");
	unsigned int i;

	if (a->pace && strcmp(a->pace, "real") == 0)
		lab->pace = LAB_PACE_REAL;
	else if (a->pace && strcmp(a->pace, "frozen") != 0)
		return bad_value("pace", a->pace, "frozen or real");
	for (i = 0; i < lab->nr_nodes; i++)
		lab->nodes[i].wait = &lab->nodes[i] == n;
	n->terminal = xstrdup(term && *term ? term : "dumb");
	strvec_free(&n->command);
	if (!a->command)
		strvec_add(&n->command, host_shell(lab->root));
	return 0;
}

static int set_gdb(struct lab *lab, const struct run_args *a)
{
	struct lab_node *n;

	if (!a->gdb)
		return 0;
	n = find_node(lab, "gdb", a->gdb);
	if (!n)
		return -ENOENT;
	n->gdb = true;
	if (!a->gdb_command || access(a->gdb_command, R_OK) == 0)
		return 0;
	return bad_value("gdb-command", a->gdb_command, "a file");
}

static int set_command(struct lab *lab, const struct run_args *a)
{
	struct lab_node *n = find_node(lab, "shell", a->shell_node);
	struct strvec *command;
	char **word;

	if (!n)
		return -EINVAL;
	command = &n->command;

	if (a->command && !*a->command) {
		log_err(NULL, "there is no COMMAND after --");
		return -EINVAL;
	}
	if (a->shell && set_shell(lab, a, n))
		return -EINVAL;
	if (a->command)
		strvec_free(command);
	for (word = a->command; word && *word; word++)
		strvec_add(command, *word);
	if (command->n || lab_terminal(lab))
		return 0;
	log_err(a->lab_file, "the first node has no command, and the lab ends with it: give key 'nodes[0].command', or -- COMMAND");
	return -EINVAL;
}

/* Who forgets the -- should not have to guess. */
static int no_lab_file(const char *arg)
{
	log_err(NULL, "there is no lab file '%s'; a COMMAND goes after --", arg);
	return -ENOENT;
}

/* Its commands may need files that lie beside it. */
static int load_lab_file(struct lab *lab, const char *path)
{
	int ret = labfile_load(lab, path);
	char *real = realpath(path, NULL), *dir;

	if (ret == 0 && real) {
		dir = xdir(real);
		setenv(LABFILE_ENV, dir, 1);
		free(dir);
	}
	free(real);
	return ret;
}

static int make_base(struct lab *lab, const struct run_args *a,
		     const struct replay *rp, struct recorded *rec)
{
	if (a->replay)
		return identity_lab(&rp->identity, a->replay, lab, rec);
	if (!a->lab_file) {
		lab_make_default(lab, a->nodes);
		return 0;
	}
	if (access(a->lab_file, F_OK) < 0 && !strchr(a->lab_file, '.'))
		return no_lab_file(a->lab_file);
	return load_lab_file(lab, a->lab_file);
}

int run_args_lab(const struct run_args *a, const struct replay *rp,
		 struct lab *lab, struct recorded *rec)
{
	size_t i;
	int ret = make_base(lab, a, rp, rec);

	if (ret)
		return ret;
	for (i = 0; i < a->links.n; i++)
		set_link(lab, a->links.v[i]);
	if (set_top(lab, a) || set_nodes(lab, a) || set_command(lab, a) ||
	    build_kernels(lab, a) || kbuild_modules(lab) || set_tree(lab, a) ||
	    set_gdb(lab, a))
		return -EINVAL;
	return 0;
}
