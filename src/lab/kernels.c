// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The kernel programs of a run: which node runs which, and what they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels.h"

#define OLD_LINES	6008	/* from Linux 6.8 on, serial lines block */

static void kernel_free(struct kernel *k)
{
	peek_free(k->view);
	free(k->path);
	free(k->link);
	free(k);
}

/* @asked: as for host_kernel() */
static int kernel_add(struct kernels *ks, const char *asked, const char *cwd)
{
	struct kernel *k = xcalloc(1, sizeof(*k));
	unsigned int version;

	k->path = host_kernel(cwd, asked, &version, k->release);
	if (!k->path) {
		kernel_free(k);
		return -ENOENT;
	}
	/* Fixed names: they are on the stack of the guest, too. */
	k->link = ks->n ? xasprintf("./linux%u", ks->n) : xstrdup("./linux");
	k->old_lines = version < OLD_LINES;
	k->is_static = host_is_static(k->path);
	k->view = peek_open(k->path);
	ks->list = xrealloc(ks->list, (ks->n + 1) * sizeof(struct kernel *));
	ks->list[ks->n++] = k;
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What an earlier node has asked for is there already. */
static struct kernel *find(const struct kernels *ks, const struct lab *lab,
			   unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (same(lab_kernel(lab, j), lab_kernel(lab, i)))
			return ks->of[j];
	return NULL;
}

int kernels_open(struct kernels *ks, const struct lab *lab, const char *cwd)
{
	unsigned int i;
	int ret;

	ks->of = xcalloc(lab->nr_nodes, sizeof(struct kernel *));
	for (i = 0; i < lab->nr_nodes; i++) {
		ks->of[i] = find(ks, lab, i);
		if (ks->of[i])
			continue;
		ret = kernel_add(ks, lab_kernel(lab, i), cwd);
		if (ret)
			return ret;
		ks->of[i] = ks->list[ks->n - 1];
	}
	return 0;
}

void kernels_close(struct kernels *ks)
{
	unsigned int i;

	for (i = 0; i < ks->n; i++)
		kernel_free(ks->list[i]);
	free(ks->list);
	free(ks->of);
	memset(ks, 0, sizeof(*ks));
}

int kernels_link(const struct kernels *ks)
{
	unsigned int i;

	for (i = 0; i < ks->n; i++)
		if (symlink(ks->list[i]->path, ks->list[i]->link) < 0)
			return -errno;
	return 0;
}
