// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: lab files. */
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/lab/labfile.h"
#include "quiet_log.h"

static void check_node(const struct lab *lab, const struct lab_node *n)
{
	const struct lab_node *o;

	MUST(n->name && *n->name && strlen(n->name) < LAB_MAX_NAME);
	MUST(n->memory >= LAB_MIN_MEMORY && n->memory <= LAB_MAX_MEMORY);
	MUST(n->modules.n == n->module_args.n);
	for (o = lab->nodes; o < n; o++)
		MUST(strcmp(o->name, n->name));
}

static void check_lab(const struct lab *lab)
{
	unsigned int i;

	MUST(lab->nr_nodes && lab->nr_nodes <= LAB_MAX_NODES);
	MUST(lab->time_limit <= S64_MAX && lab->wall_limit <= S64_MAX);
	for (i = 0; i < lab->nr_nodes; i++)
		check_node(lab, &lab->nodes[i]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static int fd = -1;
	struct lab lab;
	char path[64];
	int ret;

	if (fd < 0)
		fd = memfd_create("lab", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	MUST(!ftruncate(fd, 0));
	MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
	log_lines = 0;
	lab_init(&lab);
	ret = labfile_load(&lab, path);
	MUST((ret != 0) == (log_lines > 0));
	if (!ret)
		check_lab(&lab);
	lab_fini(&lab);
	return 0;
}
