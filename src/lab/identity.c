// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run is given, as lines for its trace; and a lab made from such lines. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "devspec.h"
#include "fileid.h"
#include "guestconf.h"
#include "identity.h"
#include "tree.h"

/*
 * DOC: Theory of operation
 *
 * All lines are "key=value", in an order that makes a lab again when they are
 * read one after the other. Those of a node follow its "node=NAME" and begin
 * with "NAME."; a list is a line per word. Numbers are without units. Lines
 * that describe the host are there to be compared, and say nothing about the
 * lab: an identity_lab() of any version passes over keys that it does not know.
 */

static void __printf(2, 3) add(struct trace_identity *id, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (len < 0 || trace_identity_add(id, line, (size_t)len)) {
		log_err(NULL, "out of memory");
		exit(125);
	}
	free(line);
}

static void add_file(struct trace_identity *id, const char *key,
		     const char *path)
{
	char *s = fileid(path);

	add(id, "%s=%s", key, s);
	free(s);
}

static void add_list(struct trace_identity *id, const char *node,
		     const char *key, const struct strvec *sv)
{
	size_t i;

	for (i = 0; i < sv->n; i++)
		add(id, "%s.%s=%s", node, key, sv->v[i]);
}

/* "SPEC's path and what is in it": two runs with one script must have the same */
static void add_device_files(struct trace_identity *id, const char *node,
			     const char *cwd, const char *spec)
{
	char *path, *full, *content;
	size_t len, at;

	for (; *spec; spec += len + (spec[len] == ',')) {
		len = devspec_field(spec);
		at = devspec_input(spec);
		if (!at)
			continue;
		path = devspec_path(spec + at, len - at);
		full = xpath(cwd, path);
		content = fileid(full);
		add(id, "%s.device-file=%s %s", node, path, content);
		free(content);
		free(full);
		free(path);
	}
}

static void add_devices(struct trace_identity *id, const struct lab_node *n,
			const char *cwd)
{
	struct strvec specs = { 0 };
	size_t i;

	add_list(id, n->name, "device", &n->devices);
	strvec_add_all(&specs, &n->devices);
	tree_specs(&n->tree, &specs);
	for (i = 0; i < specs.n; i++)
		add_device_files(id, n->name, cwd, specs.v[i]);
	strvec_free(&specs);
}

/* All of it: the file may be another one by then. */
#define TREE_LINE	64u

static void add_tree(struct trace_identity *id, const struct lab_node *n)
{
	char hex[2 * TREE_LINE + 1];
	size_t at, i, len;

	if (!n->tree.file)
		return;
	add(id, "%s.tree=%s", n->name, n->tree.file);
	for (at = 0; at < n->tree.len; at += len) {
		len = min_size(n->tree.len - at, TREE_LINE);
		for (i = 0; i < len; i++)
			snprintf(hex + 2 * i, 3, "%02x", n->tree.blob[at + i]);
		add(id, "%s.tree-data=%s", n->name, hex);
	}
}

/* @of: "NAME." of a node that has its own, "" of the lab's */
static void add_kernel(struct trace_identity *id, const char *of,
		       const struct kernel *k)
{
	char *build = fileid(k->path);

	add(id, "%skernel=%s", of, k->path);
	add(id, "%skernel-release=%s", of, k->release);
	add(id, "%skernel-build=%s", of, build);
	free(build);
}

static void add_own_kernel(struct trace_identity *id, const struct lab_node *n,
			   const struct kernel *k)
{
	char *of = xasprintf("%s.", n->name);

	add_kernel(id, of, k);
	free(of);
}

/* All nodes without a kernel of their own run the same one. */
static void add_lab_kernel(struct trace_identity *id, const struct lab *lab,
			   const struct kernels *ks)
{
	unsigned int i;

	for (i = 0; i < lab->nr_nodes; i++) {
		if (lab->nodes[i].kernel)
			continue;
		add_kernel(id, "", ks->of[i]);
		return;
	}
}

static void add_node(struct trace_identity *id, const struct lab_node *n,
		     const struct kernel *k, const char *cwd)
{
	size_t i;

	add(id, "node=%s", n->name);
	if (n->kernel)
		add_own_kernel(id, n, k);
	add(id, "%s.memory=%" PRIu64, n->name, n->memory);
	add(id, "%s.wait=%s", n->name, n->wait ? "true" : "false");
	add(id, "%s.needed=%s", n->name, n->needed ? "true" : "false");
	if (n->terminal)
		add(id, "%s.terminal=%s", n->name, n->terminal);
	add_list(id, n->name, "command", &n->command);
	add_list(id, n->name, "kernel-arg", &n->kernel_args);
	add_devices(id, n, cwd);
	add_tree(id, n);
	for (i = 0; i < n->modules.n; i++) {
		char *s = fileid(n->modules.v[i]);

		add(id, "%s.module=%s", n->name, n->modules.v[i]);
		add(id, "%s.module-args=%s", n->name, n->module_args.v[i]);
		add(id, "%s.module-build=%s", n->name, s);
		free(s);
	}
}

static void add_lab(struct trace_identity *id, const struct lab *lab,
		    const struct kernels *ks, const char *cwd)
{
	char *busy;
	size_t i;

	add(id, "seed=%" PRIu64, lab->seed);
	add(id, "tod=%" PRIu64, lab->tod);
	add(id, "time-limit=%" PRIu64, lab->time_limit);
	add(id, "wall-limit=%" PRIu64, lab->wall_limit);
	add(id, "stall-limit=%" PRIu64, lab->stall_limit);
	busy = busy_text(&lab->busy);
	add(id, "busy=%s", busy);
	free(busy);
	add(id, "root=%s", lab->root);
	if (lab->gcov)
		add(id, "gcov=yes");
	if (lab->kcov)
		add(id, "kcov=yes");
	for (i = 0; i < lab->links.n; i++)
		add(id, "link=%s", lab->links.v[i]);
	if (lab_terminal(lab))
		add(id, "pace=%s", lab->pace == LAB_PACE_REAL ? "real" : "frozen");
	for (i = 0; i < lab->nr_nodes; i++)
		add_node(id, &lab->nodes[i], ks->of[i], cwd);
}

static void add_cpu(struct trace_identity *id)
{
	struct cpuid cpu;

	cpuid_read(&cpu);
	add(id, "cpu=%s", cpu.model);
	add(id, "cpu-flags=%016" PRIx64, cpu.flags);
}

void identity_make(struct trace_identity *id, const struct lab *lab,
		   const struct given *g, const struct programs *p)
{
	struct strvec env = { 0 };
	size_t i;

	add(id, "umtt=" UMTT_VERSION);
	add_file(id, "umtt-build", "/proc/self/exe");
	add_file(id, "init-build", p->init);
	add_file(id, "preload-build", p->preload);
	add_lab_kernel(id, lab, p->kernels);
	add_cpu(id);
	add(id, "mode=%s", g->no_shm ? "messages" : "shm");
	add(id, "cwd=%s", g->cwd);
	guestconf_env(g->env, &env);
	for (i = 0; i < env.n; i++)
		add(id, "env=%s", env.v[i]);
	strvec_free(&env);
	add_lab(id, lab, p->kernels, g->cwd);
}

static const char *value(const struct trace_identity *id, const char *key)
{
	const char *v = trace_identity_get(id, key);

	return v ? v : "?";
}

/* The first digits of a build's id; "build:" stands before them. */
static const char *build(const struct trace_identity *id, const char *key)
{
	const char *v = value(id, key), *colon = strchr(v, ':');

	return colon ? colon + 1 : v;
}

/* The lab's, as add_kernel() has it; "a." if node a is first and all have theirs */
static char *first_kernel(const struct trace_identity *id)
{
	const char *first = trace_identity_get(id, "node");

	if (trace_identity_get(id, "kernel") || !first)
		return xstrdup("");
	return xasprintf("%s.", first);
}

void identity_say(const struct trace_identity *id)
{
	char *of = first_kernel(id);
	char *release = xasprintf("%skernel-release", of);
	char *kernel = xasprintf("%skernel-build", of);

	fprintf(stderr, "umtt: seed %s, Linux %s (%.12s), umtt %s (%.12s), root %s, CPU %s\n",
		value(id, "seed"), value(id, release),
		build(id, kernel), value(id, "umtt"),
		build(id, "umtt-build"), value(id, "root"), value(id, "cpu"));
	free(kernel);
	free(release);
	free(of);
}

void identity_log(const struct trace_identity *id)
{
	unsigned int env = 0;
	size_t i;

	for (i = 0; i < id->n; i++) {
		if (strncmp(id->line[i], "env=", 4) == 0)
			env++;
		else
			log_info("identity", "%s", id->line[i]);
	}
	log_info("identity", "%u variables of the environment", env);
}

/*
 * Back
 */

/**
 * struct line - one of them, taken apart
 * @node: the part before the dot, @node_len bytes; 0: it is about the whole lab
 */
struct line {
	const char *node, *key, *value;
	size_t node_len, key_len;
};

static bool split_line(const char *s, struct line *l)
{
	size_t key = strcspn(s, "="), dot = strcspn(s, ".");

	if (!s[key])
		return false;
	l->node = s;
	l->node_len = dot < key ? dot : 0;
	l->key = dot < key ? s + dot + 1 : s;
	l->key_len = (size_t)(s + key - l->key);
	l->value = s + key + 1;
	return true;
}

static bool is(const struct line *l, const char *key)
{
	return strlen(key) == l->key_len && strncmp(l->key, key, l->key_len) == 0;
}

static void set(char **s, const char *value)
{
	free(*s);
	*s = xstrdup(value);
}

static int new_node(struct lab *lab, const char *name)
{
	unsigned int i;

	if (lab->nr_nodes == LAB_MAX_NODES || lab_name_error(name))
		return -EPROTO;
	for (i = 0; i < lab->nr_nodes; i++)
		if (strcmp(lab->nodes[i].name, name) == 0)
			return -EPROTO;
	lab_add_node(lab, name);
	return 0;
}

static int take_top(const struct line *l, struct lab *lab, struct recorded *rec)
{
	const char *v = l->value;

	if (is(l, "seed"))
		return units_number(v, &lab->seed);
	if (is(l, "tod"))
		return units_number(v, &lab->tod);
	if (is(l, "time-limit"))
		return units_number(v, &lab->time_limit);
	if (is(l, "wall-limit"))
		return units_number(v, &lab->wall_limit);
	if (is(l, "stall-limit"))
		return units_number(v, &lab->stall_limit);
	if (is(l, "busy"))
		return busy_parse(v, &lab->busy) ? -EPROTO : 0;
	if (is(l, "node"))
		return new_node(lab, v);
	if (is(l, "root"))
		set(&lab->root, v);
	else if (is(l, "kernel"))
		set(&lab->kernel, v);
	else if (is(l, "cwd"))
		set(&rec->cwd, v);
	else if (is(l, "mode"))
		rec->no_shm = strcmp(v, "messages") == 0;
	else if (is(l, "env"))
		strvec_add(&rec->env, v);
	else if (is(l, "gcov"))
		lab->gcov = true;
	else if (is(l, "kcov"))
		lab->kcov = true;
	else if (is(l, "link"))
		strvec_add(&lab->links, v);
	else if (is(l, "pace") && strcmp(v, "real") == 0)
		lab->pace = LAB_PACE_REAL;
	return 0;
}

static int take_memory(struct lab_node *n, const char *v)
{
	if (units_number(v, &n->memory))
		return -EPROTO;
	return n->memory < LAB_MIN_MEMORY || n->memory > LAB_MAX_MEMORY ?
	       -EPROTO : 0;
}

static int take_tree_data(struct lab_node *n, const char *hex)
{
	struct lab_tree *t = &n->tree;
	unsigned int byte;

	for (; *hex; hex += 2) {
		if (!isxdigit((unsigned char)hex[0]) ||
		    !isxdigit((unsigned char)hex[1]))
			return -EPROTO;
		sscanf(hex, "%2x", &byte);
		t->blob = xrealloc(t->blob, t->len + 1);
		t->blob[t->len++] = (u8)byte;
	}
	return t->file ? 0 : -EPROTO;
}

static int take_node(const struct line *l, struct lab *lab)
{
	struct lab_node *n;

	if (!lab->nr_nodes)
		return -EPROTO;
	n = &lab->nodes[lab->nr_nodes - 1];
	if (strlen(n->name) != l->node_len ||
	    strncmp(n->name, l->node, l->node_len) != 0)
		return -EPROTO;
	if (is(l, "memory"))
		return take_memory(n, l->value);
	if (is(l, "wait"))
		return units_bool(l->value, &n->wait);
	if (is(l, "needed"))
		return units_bool(l->value, &n->needed);
	if (is(l, "tree-data"))
		return take_tree_data(n, l->value);
	if (is(l, "tree"))
		lab_set_tree(n, l->value, false);
	else if (is(l, "kernel"))
		set(&n->kernel, l->value);
	else if (is(l, "terminal"))
		set(&n->terminal, l->value);
	else if (is(l, "command"))
		strvec_add(&n->command, l->value);
	else if (is(l, "kernel-arg"))
		strvec_add(&n->kernel_args, l->value);
	else if (is(l, "device"))
		strvec_add(&n->devices, l->value);
	else if (is(l, "module") && strchr(l->value, '/'))
		strvec_add(&n->modules, l->value);
	else if (is(l, "module-args"))
		strvec_add(&n->module_args, l->value);
	return 0;
}

static bool complete(const struct lab *lab, const struct recorded *rec)
{
	unsigned int i;

	for (i = 0; i < lab->nr_nodes; i++) {
		const struct lab_node *n = &lab->nodes[i];

		if (n->modules.n != n->module_args.n || !lab_kernel(lab, i) ||
		    (n->tree.file &&
		     tree_check(n->tree.file, n->tree.blob, n->tree.len)))
			return false;
	}
	return lab->nr_nodes && rec->cwd && *rec->cwd == '/';
}

int identity_lab(const struct trace_identity *id, const char *file,
		 struct lab *lab, struct recorded *rec)
{
	struct line l;
	size_t i;

	if (!id->n) {
		log_err(file, "this trace does not say what its run was given: it cannot be replayed");
		return -EPROTO;
	}
	for (i = 0; i < id->n; i++) {
		if (split_line(id->line[i], &l) &&
		    (l.node_len ? take_node(&l, lab) : take_top(&l, lab, rec)) == 0)
			continue;
		log_err(file, "damaged: '%s' cannot be right", id->line[i]);
		return -EPROTO;
	}
	if (complete(lab, rec))
		return 0;
	log_err(file, "damaged: what its run was given is not complete");
	return -EPROTO;
}

void recorded_free(struct recorded *rec)
{
	free(rec->cwd);
	strvec_free(&rec->env);
	memset(rec, 0, sizeof(*rec));
}
