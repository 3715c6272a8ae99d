// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Description of a lab: what is to be simulated, wherever that was said. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../cal/core.h"
#include "lab.h"

/* Enough for a shell with its pipelines, or an interpreter. Taken from the
 * host as it is used. */
#define DEFAULT_MEMORY	(256ULL << 20)

void lab_init(struct lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	lab->seed = 1;
	lab->tod = CAL_DEFAULT_TOD;
	lab->root = xstrdup("/");
}

static void tree_fini(struct lab_tree *tree)
{
	free(tree->file);
	free(tree->blob);
	memset(tree, 0, sizeof(*tree));
}

const char *lab_kernel(const struct lab *lab, unsigned int i)
{
	return lab->nodes[i].kernel ? lab->nodes[i].kernel : lab->kernel;
}

void lab_set_tree(struct lab_node *n, const char *file, bool source)
{
	tree_fini(&n->tree);
	n->tree.file = xstrdup(file);
	n->tree.source = source;
}

void lab_build_fini(struct lab_build *b)
{
	free(b->kdir);
	strvec_free(&b->config);
	memset(b, 0, sizeof(*b));
}

static void node_fini(struct lab_node *n)
{
	free(n->name);
	free(n->kernel);
	free(n->terminal);
	lab_build_fini(&n->build);
	strvec_free(&n->command);
	strvec_free(&n->kernel_args);
	strvec_free(&n->devices);
	strvec_free(&n->modules);
	strvec_free(&n->module_args);
	tree_fini(&n->tree);
}

void lab_fini(struct lab *lab)
{
	unsigned int i;

	for (i = 0; i < lab->nr_nodes; i++)
		node_fini(&lab->nodes[i]);
	free(lab->nodes);
	strvec_free(&lab->links);
	free(lab->kernel);
	lab_build_fini(&lab->build);
	free(lab->root);
	memset(lab, 0, sizeof(*lab));
}

struct lab_node *lab_add_node(struct lab *lab, const char *name)
{
	struct lab_node *n;

	lab->nodes = xrealloc(lab->nodes,
			      (lab->nr_nodes + 1) * sizeof(*lab->nodes));
	n = &lab->nodes[lab->nr_nodes];
	memset(n, 0, sizeof(*n));
	n->name = xstrdup(name);
	n->memory = DEFAULT_MEMORY;
	n->wait = lab->nr_nodes == 0;
	n->needed = true;
	lab->nr_nodes++;
	return n;
}

struct lab_node *lab_terminal(const struct lab *lab)
{
	unsigned int i;

	for (i = 0; i < lab->nr_nodes; i++)
		if (lab->nodes[i].terminal)
			return &lab->nodes[i];
	return NULL;
}

void lab_make_default(struct lab *lab, unsigned int n)
{
	unsigned int i, plen = n < 255 ? 24 : 16;
	char name[LAB_MAX_NAME];
	struct lab_node *node;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		node = lab_add_node(lab, name);
		strvec_add(&node->devices, "rng");
		strvec_addf(&node->devices, "net,link=lan,ip=10.0.%u.%u/%u",
			    i >> 8, i & 255, plen);
	}
}

const char *lab_name_error(const char *name)
{
	const char *p;

	if (!*name)
		return "it is empty";
	if (strlen(name) >= LAB_MAX_NAME)
		return "it is longer than 31 characters";
	for (p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return "only letters, digits, '-' and '_' can be part of it";
	return *name == '-' ? "it begins with '-'" : NULL;
}

static int parse_seconds(const char *s, u64 *tod)
{
	char *end;
	u64 sec;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	sec = strtoull(s, &end, 10);
	if (errno || *end || sec > (u64)S64_MAX / NSEC_PER_SEC)
		return -EINVAL;
	*tod = sec * NSEC_PER_SEC;
	return 0;
}

int lab_parse_tod(const char *s, u64 *tod)
{
	static const char *const formats[] = {
		"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%d",
	};
	const char *end;
	time_t sec;
	size_t i;

	if (strcmp(s, "now") == 0) {
		*tod = (u64)time(NULL) * NSEC_PER_SEC;
		return 0;
	}
	if (*s == '@')
		return parse_seconds(s + 1, tod);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };

		end = strptime(s, formats[i], &tm);
		if (!end || *end)
			continue;
		sec = timegm(&tm);
		if (sec < 0 || (u64)sec > (u64)S64_MAX / NSEC_PER_SEC)
			return -EINVAL;
		*tod = (u64)sec * NSEC_PER_SEC;
		return 0;
	}
	return -EINVAL;
}
