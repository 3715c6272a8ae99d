// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Device trees from files: blobs, and sources that dtc compiles. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "dts.h"
#include "host.h"
#include "tool.h"
#include "tree.h"

#define MAX_SIZE	((size_t)16 << 20)

/* As the kernel's build does it: through the C preprocessor. $1: the file, $2:
 * its directory, $3: where dt-bindings may be */
#define NO_TOOL		77
static const char compile[] =
	"for t in dtc cpp; do command -v $t >/dev/null || exit 77; done\n"
	"s=$(cpp -nostdinc -undef -D__DTS__ -x assembler-with-cpp"
	" -I \"$2\" ${3:+-I} ${3:+\"$3\"} \"$1\") || exit\n"
	"printf '%s\\n' \"$s\" | dtc -I dts -O dtb -i \"$2\" -o - -\n";

/* All of @fd, but not more than makes sense */
static int read_all(int fd, u8 **buf, size_t *len)
{
	ssize_t n = 1;

	*buf = NULL;
	for (*len = 0; n > 0 && *len < MAX_SIZE; *len += (size_t)n) {
		*buf = xrealloc(*buf, *len + 65536);
		n = read(fd, *buf + *len, 65536);
		if (n < 0)
			return -errno;
	}
	return *len < MAX_SIZE ? 0 : -EFBIG;
}

static int load_blob(struct lab_tree *tree)
{
	int fd = open(tree->file, O_RDONLY | O_CLOEXEC), ret;

	ret = fd < 0 ? -errno : read_all(fd, &tree->blob, &tree->len);
	if (fd >= 0)
		close(fd);
	if (ret)
		log_err(tree->file, "cannot read the device tree: %s",
			strerror(-ret));
	return ret;
}

/* Return: as tool_run() */
static int run_compiler(struct lab_tree *tree, const char *dir,
			const char *includes)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)compile,
			 (char *)"dtc", tree->file, (char *)dir,
			 (char *)includes, NULL };
	char *blob;
	int ret = tool_output(argv, -1, &blob, &tree->len);

	tree->blob = (u8 *)blob;
	return ret;
}

static int compile_source(struct lab_tree *tree, const char *kernel)
{
	char *dir = xdir(tree->file), *source = host_kernel_source(kernel);
	char *includes = source ? xasprintf("%s/include", source) : xstrdup("");
	int ret = run_compiler(tree, dir, includes);

	free(includes);
	free(source);
	free(dir);
	if (ret == 0)
		return 0;
	if (ret == NO_TOOL || ret == TOOL_MISSING)
		log_err(tree->file, "the source of a device tree needs dtc and cpp: install device-tree-compiler and cpp, or give a blob");
	else
		log_err(tree->file, "cannot compile this device tree%s%s",
			ret < 0 ? ": " : "", ret < 0 ? strerror(-ret) : "");
	return ret < 0 ? ret : -EINVAL;
}

static int load(struct lab_tree *tree, const char *kernel)
{
	int ret = tree->source ? compile_source(tree, kernel) : load_blob(tree);

	return ret ? ret : tree_check(tree->file, tree->blob, tree->len);
}

/* --dts gives the same to all. */
static bool copy(struct lab_tree *tree, const struct lab_tree *from)
{
	if (!from->blob || from->source != tree->source ||
	    strcmp(from->file, tree->file) != 0)
		return false;
	tree->len = from->len;
	tree->blob = xcalloc(1, from->len);
	memcpy(tree->blob, from->blob, from->len);
	return true;
}

int dts_load_all(struct lab *lab)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < lab->nr_nodes && !ret; i++) {
		struct lab_tree *tree = &lab->nodes[i].tree;

		if (!tree->file || tree->blob)
			continue;
		if (!i || lab->nodes[i].kernel != lab->nodes[i - 1].kernel ||
		    !copy(tree, &lab->nodes[i - 1].tree))
			ret = load(tree, lab_kernel(lab, i));
	}
	return ret;
}
