/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Description of a lab: what is to be simulated, wherever that was said. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>

#include "busy.h"
#include "strvec.h"

#define LAB_MAX_NODES	4096
#define LAB_MAX_NAME	32

/* Less does not boot; more is surely a mistake. */
#define LAB_MIN_MEMORY	(16ULL << 20)
#define LAB_MAX_MEMORY	(1ULL << 40)
#define LAB_MEMORY_HELP	"16M to 1T"

/**
 * struct lab_tree - a device tree
 * @file: absolute path, or where it was; NULL: there is none
 * @source: it is to be compiled
 * @blob: @len bytes that tree_check() has seen; NULL: not loaded yet
 */
struct lab_tree {
	char *file;
	bool source;
	u8 *blob;
	size_t len;
};

/**
 * struct lab_build - a kernel that is to be built: see --kdir, --config, --kasan
 * @kdir: absolute path of its source; NULL: that of the one built with umtt
 * @config: absolute paths of fragments of configuration
 */
struct lab_build {
	char *kdir;
	struct strvec config;
	bool kasan;
};

void lab_build_fini(struct lab_build *b);

/**
 * struct lab_node - one kernel
 * @name: host name, unique; also names its devices and its log
 * @memory: bytes
 * @kernel: as that of the lab, for this node; NULL: that of the lab
 * @build: if it says anything, besides @build of the lab, that is built and
 *	becomes @kernel
 * @command: words; none: the node only idles
 * @kernel_args: added to the kernel's command line
 * @devices: as for --device
 * @modules: absolute paths of kernel modules, in the order to load them
 * @module_args: the parameters of each of them, "" for none
 * @tree: for kernels that know of device trees
 * @terminal: its command has a terminal of this type ("xterm"); NULL: it has none
 * @gdb: it waits for a debugger; no matter for what happens in simulated time
 * @wait: the lab goes on until this command has ended; always so for the
 *	first node
 * @needed: when this kernel ends before the lab does, the lab has failed
 */
struct lab_node {
	char *name, *kernel, *terminal;
	struct lab_build build;
	u64 memory;
	struct strvec command, kernel_args, devices, modules, module_args;
	struct lab_tree tree;
	bool gdb, wait, needed;
};

/**
 * enum lab_pace - of simulated time while whoever has a terminal waits for keys
 * @LAB_PACE_FROZEN: it stands
 * @LAB_PACE_REAL: it is as fast as the host's
 */
enum lab_pace { LAB_PACE_FROZEN, LAB_PACE_REAL };

/**
 * struct lab - all of it
 * @kernel: path of a User-Mode Linux kernel, for nodes that have none of their
 *	own; NULL: the one built with umtt
 * @build: if it says anything, that is built and becomes @kernel
 * @root: directory of the host that is the nodes' root file system
 * @gcov, @kcov: nodes send the coverage of their kernels
 * @seed: all that is random follows from it
 * @time_limit: simulated ns; 0: none
 * @wall_limit: ns of the host's time; 0: none
 * @stall_limit: ns of the host's time that simulated time may stand; 0: none
 * @busy: what the work of processes costs in simulated time
 * @tod: time of day at simulated time 0, ns since 1970
 * @links: as for --link
 * @pace: where a node has a terminal; at most one does
 */
struct lab {
	char *kernel, *root;
	struct lab_build build;
	bool gcov, kcov;
	u64 seed, time_limit, wall_limit, stall_limit, tod;
	struct busy busy;
	struct strvec links;
	enum lab_pace pace;
	struct lab_node *nodes;
	unsigned int nr_nodes;
};

/** lab_init() - an empty lab with the defaults of everything else */
void lab_init(struct lab *lab);
void lab_fini(struct lab *lab);

/**
 * lab_add_node() - add a node with default settings
 *
 * Return: valid until the next call
 */
struct lab_node *lab_add_node(struct lab *lab, const char *name);

/** lab_kernel() - path of the kernel of node @i; NULL: the one built with umtt */
const char *lab_kernel(const struct lab *lab, unsigned int i);

/** lab_set_tree() - the device tree of @n is in @file */
void lab_set_tree(struct lab_node *n, const char *file, bool source);

/** lab_terminal() - the node that has a terminal; NULL: none */
struct lab_node *lab_terminal(const struct lab *lab);

/**
 * lab_make_default() - @n nodes on one link, each with an rng and a net port
 *
 * They are called node1, node2... and have the addresses 10.0.0.1, 10.0.0.2...
 */
void lab_make_default(struct lab *lab, unsigned int n);

/**
 * lab_name_error() - what is wrong with @name as the name of a node or link
 *
 * Return: NULL if nothing
 */
const char *lab_name_error(const char *name);

/**
 * lab_parse_tod() - time of day: "2030-01-01", "2030-01-01T12:30:00" (UTC),
 * "@SECONDS" since 1970, or "now": the host's time
 * @tod: ns since 1970
 *
 * Return: 0 or -EINVAL
 */
int __must_check lab_parse_tod(const char *s, u64 *tod);

/** LAB_TOD_HELP: what lab_parse_tod() takes, for error lines */
#define LAB_TOD_HELP	"a date (2030-01-01 or 2030-01-01T12:30:00, UTC), @SECONDS since 1970, or now"

#endif
