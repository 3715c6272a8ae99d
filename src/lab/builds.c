// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The kernels that a lab wants built: which of its nodes runs which. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builds.h"

static bool is_wanted(const struct lab_build *b)
{
	return b->kdir || b->config.n || b->kasan;
}

/* The configuration of a node is in addition to that of the lab. */
static void merge(struct lab_build *out, const struct lab_build *lab,
		  const struct lab_build *node)
{
	const char *kdir = node->kdir ? node->kdir : lab->kdir;

	memset(out, 0, sizeof(*out));
	out->kdir = kdir ? xstrdup(kdir) : NULL;
	strvec_add_all(&out->config, &lab->config);
	strvec_add_all(&out->config, &node->config);
	out->kasan = lab->kasan || node->kasan;
}

static char *build(const struct lab_build *b, const struct kbuild *extra)
{
	struct kbuild kb = *extra;

	kb.kdir = b->kdir;
	kb.config = b->config;
	kb.kasan = b->kasan;
	return kbuild_kernel(&kb);
}

static bool same_list(const struct strvec *a, const struct strvec *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

static bool same(const struct lab_build *a, const struct lab_build *b)
{
	bool same_kdir = a->kdir && b->kdir ? !strcmp(a->kdir, b->kdir) :
			 a->kdir == b->kdir;

	return same_kdir && same_list(&a->config, &b->config) &&
	       a->kasan == b->kasan;
}

/* What an earlier node has asked for is there already. */
static int build_node(struct lab *lab, unsigned int i,
		      const struct kbuild *extra)
{
	struct lab_node *n = &lab->nodes[i];
	struct lab_build b;
	unsigned int j;

	for (j = 0; j < i; j++)
		if (same(&lab->nodes[j].build, &n->build)) {
			n->kernel = xstrdup(lab->nodes[j].kernel);
			return 0;
		}
	merge(&b, &lab->build, &n->build);
	n->kernel = build(&b, extra);
	lab_build_fini(&b);
	return n->kernel ? 0 : -EINVAL;
}

static int build_lab(struct lab *lab, const struct kbuild *extra)
{
	char *kernel = build(&lab->build, extra);

	if (!kernel)
		return -EINVAL;
	free(lab->kernel);
	lab->kernel = kernel;
	return 0;
}

int builds_make(struct lab *lab, const struct kbuild *extra)
{
	bool lab_wants = is_wanted(&lab->build) || extra->gcov.n || extra->kcov.n;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < lab->nr_nodes && !ret; i++) {
		if (is_wanted(&lab->nodes[i].build)) {
			ret = build_node(lab, i, extra);
		} else if (!lab->nodes[i].kernel && lab_wants) {
			ret = build_lab(lab, extra);
			lab_wants = false;
		}
	}
	return ret;
}
