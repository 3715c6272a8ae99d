// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt run: a command in a lab of User-Mode Linux kernels. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../lab/host.h"
#include "../lab/run.h"
#include "cmd.h"
#include "run_args.h"

enum {
	OPT_LINK = 256, OPT_KERNEL, OPT_ROOT, OPT_SEED, OPT_TIME_LIMIT,
	OPT_WALL_LIMIT, OPT_CPU, OPT_STATS, OPT_NO_SHM, OPT_TOD, OPT_MEM,
	OPT_APPEND, OPT_MODULE, OPT_OUT, OPT_TRACE,
	OPT_REPLAY, OPT_REPORT, OPT_STALL_LIMIT, OPT_BUSY,
	OPT_SHELL, OPT_PACE, OPT_GDB, OPT_GDB_COMMAND,
	OPT_DTB, OPT_DTS, OPT_KDIR, OPT_CONFIG, OPT_KASAN,
	OPT_GCOV, OPT_GCOV_OF, OPT_KCOV, OPT_KCOV_OF,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The lab:", 1 },
	{ "node", 'n', "N", 0, "Without a lab file: N nodes on one link, node1 (10.0.0.1), node2 (10.0.0.2)..., each with an rng and a net port; COMMAND runs in the first (default: 1)", 0 },
	{ "device", 'd', "TYPE[,key=value...]", 0, "One more device for every node; repeat for more. Net ports take ip=ADDR/PLEN and gw=ADDR for the node, besides the options below", 0 },
	{ "link", OPT_LINK, "NAME[,key=value...]", 0, "Declare a link, or replace that of the lab file", 0 },
	{ "seed", OPT_SEED, "N", 0, "Everything random follows from it (default: 1)", 0 },
	{ "tod", OPT_TOD, "TIME", 0, "Time of day when the lab begins: " LAB_TOD_HELP " (default: 2030-01-01)", 0 },
	{ NULL, 0, NULL, 0, "Every node:", 2 },
	{ "kernel", OPT_KERNEL, "PATH", 0, "User-Mode Linux kernel of the nodes that have none of their own (default: the one that 'make kernel' has built)", 0 },
	{ "kdir", OPT_KDIR, "DIR", 0, "Run the kernel of the source tree DIR, which is built if anything in it has changed; DIR itself stays as it is", 0 },
	{ "config", OPT_CONFIG, "FRAGMENT", 0, "Run a kernel that is built with a fragment of configuration in addition to ours; may be repeated. Each configuration is kept", 0 },
	{ "kasan", OPT_KASAN, NULL, 0, "Run a kernel that is built with KASAN: wrong uses of memory are reported", 0 },
	{ "gcov", OPT_GCOV, "DIR", 0, "Count how often lines run, of modules that --module DIR builds and of --gcov-of, and write that to DIR/NODE for gcov", 0 },
	{ "gcov-of", OPT_GCOV_OF, "SRCDIR", 0, "With --gcov: run a kernel that is built for it, of what is in this directory of its source (drivers/gpio), and below; may be repeated", 0 },
	{ "kcov", OPT_KCOV, "FILE", 0, "Write to FILE, by function and line, what is reached by loading modules, by the command and by its children, of modules that --module DIR builds and of --kcov-of", 0 },
	{ "kcov-of", OPT_KCOV_OF, "SRCDIR", 0, "The same for --kcov; may be repeated", 0 },
	{ "root", OPT_ROOT, "DIR", 0, "Directory that is the root file system, read-only (default: /)", 0 },
	{ "mem", OPT_MEM, "SIZE", 0, "Memory (default: 256M)", 0 },
	{ "append", OPT_APPEND, "ARGS", 0, "Add ARGS to the kernel's command line; may be repeated", 0 },
	{ "module", OPT_MODULE, "FILE.ko|DIR [ARGS]", 0, "Load a kernel module before COMMAND runs; of DIR, with its source, the module is built first. May be repeated", 0 },
	{ "dtb", OPT_DTB, "FILE", 0, "Device tree of the kernel, a blob. A node compatible with \"virtio,uml\" has a device in property umtt,device = \"TYPE,...\", as for --device, or is the place of the device that umtt,name names", 0 },
	{ "dts", OPT_DTS, "FILE", 0, "The same as source, compiled with dtc", 0 },
	{ "shell", OPT_SHELL, "NODE", OPTION_ARG_OPTIONAL, "A shell, or COMMAND, in NODE (default: the first one), on this terminal; the lab ends with it, or when ^] is typed three times", 0 },
	{ "pace", OPT_PACE, "frozen|real", 0, "While the shell waits for keys, simulated time stands, or is as fast as the host's (default: frozen)", 0 },
	{ "gdb", OPT_GDB, "NODE", 0, "Run gdb on the kernel of NODE, on this terminal, from its start; simulated time stands while it is stopped", 0 },
	{ "gdb-command", OPT_GDB_COMMAND, "FILE", 0, "Commands for gdb; without a terminal it ends with them", 0 },
	{ NULL, 0, NULL, 0, "The run:", 3 },
	{ "time-limit", OPT_TIME_LIMIT, "TIME", 0, "End with status 124 when simulated time would pass TIME (\"10s\", \"2h\")", 0 },
	{ "wall-limit", OPT_WALL_LIMIT, "TIME", 0, "End with status 124 after TIME of the host's time", 0 },
	{ "cpu", OPT_CPU, "N|none", 0, "Run everything on CPU N, or on all of them; one CPU is fastest (default: one that is chosen)", 0 },
	{ "no-shm", OPT_NO_SHM, NULL, 0, "No shared memory between kernels and calendar: messages only", 0 },
	{ "out", 'o', "DIR", 0, "Keep the kernels' logs in DIR, NODE.log", 0 },
	{ "trace", OPT_TRACE, "FILE", 0, "Write all that happens in simulated time to FILE, for 'umtt trace'", 0 },
	{ "replay", OPT_REPLAY, "FILE", 0, "Run again what FILE is a trace of, and stop with status 123 at the first event that is not as it was; other options change the lab", 0 },
	{ "busy", OPT_BUSY, "none|advance[,syscall=TIME][,clock=TIME][,user=TIME][,grace=TIME]", 0, "Let the work of processes take simulated time, so that it ends when they wait in a loop: each system call (10us), each look at the clock (10us), each 10 ms of the host's CPU in user mode (10ms) after 200ms without a system call. By the last, runs differ; user=0 switches it off (default: none)", 0 },
	{ "stall-limit", OPT_STALL_LIMIT, "TIME", 0, "End with status 124 when a node keeps simulated time from moving for TIME of the host's time, and say what it does", 0 },
	{ "report", OPT_REPORT, "FILE", 0, "At the end, write how the run has ended to FILE, as key=value lines", 0 },
	{ "stats", OPT_STATS, "all", OPTION_ARG_OPTIONAL, "At the end, print what was simulated and what it cost; with =all, the counters of all devices and links as well", 0 },
	{ "verbose", 'v', NULL, 0, "Show the kernels' logs; twice: every message of the protocols", 0 },
	{ 0 }
};

static const char doc[] =
	"Run COMMAND in a User-Mode Linux kernel, in simulated time."
	"\v"
	"The lab consists of the nodes, devices and links of LAB.yaml; without it,"
	" of one node with an rng and a net port. COMMAND runs as root in the"
	" first node, in the present directory. The node sees the host's files,"
	" read-only, with fresh memory in /tmp, /var/tmp, /run and /dev/shm; its"
	" clock is simulated, so that sleeping costs nothing.\n\n"
	"The lab ends when COMMAND does. Exit status: COMMAND's, or 128 and the"
	" signal that ended it; 123 when a"
	" replay differs; 124 at a limit; 125 when the lab has failed.";

static void parse_nodes(struct run_args *a, const char *arg)
{
	u64 n;

	if (units_number(arg, &n) || !n || n > LAB_MAX_NODES)
		cmd_wrong("--node %s: not a number from 1 to %d", arg,
			  LAB_MAX_NODES);
	a->nodes = (unsigned int)n;
	a->nodes_given = true;
}

static int parse_cpu(const char *arg)
{
	u64 n;

	if (strcmp(arg, "none") == 0)
		return HOST_CPU_NONE;
	if (units_number(arg, &n) || n > INT_MAX)
		cmd_wrong("--cpu %s: neither a CPU's number nor none", arg);
	return (int)n;
}

/* What is kept as it is given */
static error_t parse_plain(int key, char *arg, struct run_args *a)
{
	const struct cmd_option plain[] = {
		{ 'd', .list = &a->devices },
		{ OPT_LINK, .list = &a->links },
		{ OPT_MODULE, .list = &a->modules },
		{ OPT_CONFIG, .list = &a->config },
		{ OPT_GCOV_OF, .list = &a->gcov_of },
		{ OPT_KCOV_OF, .list = &a->kcov_of },
		{ OPT_KERNEL, .value = &a->kernel },
		{ OPT_KDIR, .value = &a->kdir },
		{ OPT_ROOT, .value = &a->root },
		{ OPT_MEM, .value = &a->mem },
		{ OPT_DTB, .value = &a->dtb },
		{ OPT_DTS, .value = &a->dts },
		{ OPT_SEED, .value = &a->seed },
		{ OPT_TOD, .value = &a->tod },
		{ OPT_BUSY, .value = &a->busy },
		{ OPT_TIME_LIMIT, .value = &a->time_limit },
		{ OPT_WALL_LIMIT, .value = &a->wall_limit },
		{ OPT_STALL_LIMIT, .value = &a->stall_limit },
		{ 'o', .value = &a->out },
		{ OPT_TRACE, .value = &a->trace },
		{ OPT_REPLAY, .value = &a->replay },
		{ OPT_REPORT, .value = &a->report },
		{ OPT_GCOV, .value = &a->gcov },
		{ OPT_KCOV, .value = &a->kcov },
		{ OPT_GDB, .value = &a->gdb },
		{ OPT_GDB_COMMAND, .value = &a->gdb_command },
		{ OPT_PACE, .value = &a->pace },
		{ OPT_NO_SHM, .flag = &a->no_shm },
		{ OPT_KASAN, .flag = &a->kasan },
	};

	return cmd_keep(plain, ARRAY_SIZE(plain), key, arg);
}

/* Kernels that are built already, and those that are to be */
static void check_kernel(const struct run_args *a)
{
	const char *to_build = a->kdir ? "--kdir" : a->config.n ? "--config" :
			       a->kasan ? "--kasan" :
			       a->gcov_of.n ? "--gcov-of" :
			       a->kcov_of.n ? "--kcov-of" : NULL;

	if (a->gcov_of.n && !a->gcov)
		cmd_wrong("--gcov-of needs --gcov DIR, where the coverage goes");
	if (a->kcov_of.n && !a->kcov)
		cmd_wrong("--kcov-of needs --kcov FILE, where the coverage goes");
	if (a->kernel && to_build)
		cmd_wrong("--kernel is a kernel that is built already: leave out %s",
			  to_build);
	if (a->dtb && a->dts)
		cmd_wrong("--dtb and --dts both give the device tree: leave out one of them");
}

static void check_terminal(const struct run_args *a)
{
	if (a->gdb && a->shell)
		cmd_wrong("--gdb and --shell both want the terminal: leave out one of them");
	if (a->gdb_command && !a->gdb)
		cmd_wrong("--gdb-command is for --gdb");
	if (a->pace && !a->shell)
		cmd_wrong("--pace is for --shell");
}

static void check_args(const struct run_args *a)
{
	if (a->lab_file && a->nodes_given)
		cmd_wrong("--node is for runs without a lab file: leave out one of them");
	if (a->replay && (a->lab_file || a->nodes_given))
		cmd_wrong("--replay has a lab already: leave out %s",
			  a->lab_file ? a->lab_file : "--node");
	if (a->replay && a->shell)
		cmd_wrong("--replay types what was typed: leave out --shell");
	check_kernel(a);
	check_terminal(a);
	if (!a->lab_file && !a->command && !a->replay && !a->shell)
		cmd_wrong("nothing to run: give LAB.yaml, or -- COMMAND, or --shell");
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct run_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 'n':
		parse_nodes(a, arg);
		break;
	case OPT_CPU:
		a->cpu = parse_cpu(arg);
		break;
	case OPT_STATS:
		a->stats = true;
		if (arg && strcmp(arg, "all") != 0)
			cmd_wrong("--stats=%s: give --stats or --stats=all", arg);
		a->counters = arg;
		break;
	case OPT_APPEND:
		strvec_split(&a->append, arg);
		break;
	case OPT_SHELL:
		a->shell = true;
		a->shell_node = arg;
		break;
	case 'v':
		a->verbose++;
		break;
	case ARGP_KEY_ARG:
		if (a->lab_file)
			cmd_wrong("unexpected argument '%s': COMMAND goes after --",
				  arg);
		a->lab_file = arg;
		break;
	case ARGP_KEY_END:
		check_args(a);
		break;
	default:
		return parse_plain(key, arg, a);
	}
	return 0;
}

static const struct argp argp = {
	options, parse_opt, "[LAB.yaml] [-- COMMAND...]", doc, NULL,
	cmd_device_help, NULL
};

static void free_args(struct run_args *a)
{
	strvec_free(&a->devices);
	strvec_free(&a->links);
	strvec_free(&a->append);
	strvec_free(&a->modules);
	strvec_free(&a->config);
	strvec_free(&a->gcov_of);
	strvec_free(&a->kcov_of);
}

/* argp does not tell what stood behind "--". */
static int cut_command(int argc, char **argv, struct run_args *a)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		a->command = &argv[i + 1];
		argv[i] = NULL;
		return i;
	}
	return argc;
}

static char *no_env[] = { NULL };

static int run(const struct run_args *a, const struct lab *lab,
	       struct replay *rp, const struct recorded *rec, const char *cwd,
	       struct report *report)
{
	char *out = a->out ? xpath(cwd, a->out) : NULL;
	char *trace = a->trace ? xpath(cwd, a->trace) : NULL;
	char *gdb = a->gdb_command ? xpath(cwd, a->gdb_command) : NULL;
	char *gcov = a->gcov ? xpath(cwd, a->gcov) : NULL;
	char *kcov = a->kcov ? xpath(cwd, a->kcov) : NULL;
	struct run_cfg cfg = {
		.lab = lab, .out = out, .trace = trace, .replay = rp,
		.report = report, .gcov = gcov, .kcov = kcov,
		.cwd = rp ? rec->cwd : cwd,
		.env = !rp ? environ : rec->env.v ? rec->env.v : no_env,
		.gdb_command = gdb, .cpu = a->cpu, .no_shm = a->no_shm || rec->no_shm,
		.stats = a->stats, .counters = a->counters, .verbose = a->verbose,
	};
	int status = run_lab(&cfg);

	free(trace);
	free(gdb);
	free(gcov);
	free(kcov);
	free(out);
	return status;
}

/* NULL after a line; to be freed */
static char *present_dir(void)
{
	char *cwd = getcwd(NULL, 0);

	if (!cwd)
		log_err(NULL, "the current directory is gone: %s", strerror(errno));
	return cwd;
}

/* Its paths may be relative to a directory, and its commands are run there. */
static int check_recorded_dir(const struct recorded *rec)
{
	if (!rec->cwd || is_dir(rec->cwd))
		return 0;
	log_err(rec->cwd, "this is where the recorded run was started, and it is no directory");
	return -ENOENT;
}

/* A recording must not be written to while it is read. */
static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int run_args(const struct run_args *a, const char *cwd,
		    struct report *report)
{
	struct recorded rec = { 0 };
	struct replay rp;
	struct lab lab;
	int status = EXIT_UMTT;

	if (a->replay && a->trace && same_file(a->replay, a->trace))
		cmd_wrong("--trace %s: this is the recording to be replayed; give another FILE",
			  a->trace);
	if (a->replay && replay_open(&rp, a->replay) < 0)
		return EXIT_UMTT;
	lab_init(&lab);
	if (run_args_lab(a, &rp, &lab, &rec) == 0 && check_recorded_dir(&rec) == 0)
		status = run(a, &lab, a->replay ? &rp : NULL, &rec, cwd,
			     report);
	lab_fini(&lab);
	recorded_free(&rec);
	if (a->replay)
		replay_close(&rp);
	return status;
}

/* Also of a run that could not begin */
static int run_and_report(const struct run_args *a)
{
	struct report report = { .status = EXIT_UMTT };
	char *cwd = present_dir(), *path = NULL;
	int status;

	if (!cwd)
		return EXIT_UMTT;
	if (a->report)
		path = xpath(cwd, a->report);
	if (path && report_prepare(path) < 0) {
		status = EXIT_UMTT;
	} else {
		status = run_args(a, cwd, &report);
		if (path && report_write(&report, path) < 0 && !status)
			status = EXIT_UMTT;
	}
	report_fini(&report);
	free(path);
	free(cwd);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run_args a = { .nodes = 1, .cpu = HOST_CPU_CHOOSE };
	int status;

	argc = cut_command(argc, argv, &a);
	cmd_parse(&argp, argc, argv, &a);
	cmd_set_verbose(a.verbose);
	status = run_and_report(&a);
	free_args(&a);
	return status;
}
