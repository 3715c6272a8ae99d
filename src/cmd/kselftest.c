// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt kselftest: the kernel's selftests, in simulated time. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../kself/kself.h"
#include "../kself/source.h"
#include "../lab/busy.h"
#include "../lab/host.h"
#include "../lab/lab.h"
#include "cmd.h"

enum {
	OPT_KDIR = 256, OPT_VERSION, OPT_CONFIG, OPT_BUILD_DIR, OPT_NO_BUILD,
	OPT_TESTS, OPT_SKIP, OPT_PER_BOOT, OPT_SEED, OPT_TIME_LIMIT,
	OPT_WALL_LIMIT, OPT_STALL_LIMIT, OPT_OUTPUT_LIMIT, OPT_TIMEOUT, OPT_BUSY,
	OPT_KERNEL, OPT_MEM, OPT_APPEND, OPT_MODULE, OPT_EXPECTATIONS,
	OPT_STRICT, OPT_JUNIT, OPT_KTAP,
};

#define MAX_JOBS	64
#define MAX_EXPECTATIONS (4u << 20)

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Which tests:", 1 },
	{ "collection", 'c', "COLLECTION", 0, "All tests of COLLECTION; may be repeated", 0 },
	{ "test", 't', "COLLECTION:TEST", 0, "This test; may be repeated", 0 },
	{ "skip", OPT_SKIP, "COLLECTION[:TEST]", 0, "Not these; may be repeated", 0 },
	{ "list", 'l', NULL, 0, "Print which tests there are, and do nothing else", 0 },
	{ "dry-run", 'd', NULL, 0, "Build, print what would be run and how, and do nothing else", 0 },
	{ NULL, 0, NULL, 0, "Where they come from:", 2 },
	{ "kdir", OPT_KDIR, "DIR", 0, "A kernel tree, for kernel and tests; it is not modified (default: Debian's linux-source-6.12)", 0 },
	{ "version", OPT_VERSION, "VERSION", 0, "Another version of Debian's linux-source", 0 },
	{ "config", OPT_CONFIG, "FILE", 0, "A fragment more for the kernel's configuration; may be repeated", 0 },
	{ "build-dir", OPT_BUILD_DIR, "DIR", 0, "Build in DIR (default: build/kselftest/VERSION)", 0 },
	{ "no-build", OPT_NO_BUILD, NULL, 0, "Take what has been built before", 0 },
	{ "tests", OPT_TESTS, "DIR", 0, "Build nothing: run tests that are installed in DIR, which has a kselftest-list.txt", 0 },
	{ "kernel", OPT_KERNEL, "PATH", 0, "User-Mode Linux kernel to run them on (default: the one that was built for them; with --tests, that of 'make kernel')", 0 },
	{ NULL, 0, NULL, 0, "How they are run:", 3 },
	{ "per-boot", OPT_PER_BOOT, "test|collection", 0, "A kernel for each test, or for those of a collection together (default: test)", 0 },
	{ "jobs", 'j', "N", 0, "So many kernels at a time (default: one for each CPU)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Everything random follows from it (default: 1)", 0 },
	{ "time-limit", OPT_TIME_LIMIT, "TIME", 0, "End a test after TIME of simulated time (default: 24h)", 0 },
	{ "wall-limit", OPT_WALL_LIMIT, "TIME", 0, "End a test after TIME of the host's time (default: 120s)", 0 },
	{ "stall-limit", OPT_STALL_LIMIT, "TIME", 0, "End a test that keeps simulated time from moving for TIME of the host's time (default: 10s)", 0 },
	{ "output-limit", OPT_OUTPUT_LIMIT, "SIZE", 0, "End a test that prints more than SIZE (default: 16M)", 0 },
	{ "override-timeout", OPT_TIMEOUT, "SECONDS", 0, "Simulated time after which the guest ends a test, whatever its settings say; 0: never", 0 },
	{ "busy", OPT_BUSY, "MODE", 0, "What being busy costs in simulated time, for all tests; see umtt run --busy", 0 },
	{ "mem", OPT_MEM, "SIZE", 0, "Memory of the kernels (default: 256M)", 0 },
	{ "append", OPT_APPEND, "ARGS", 0, "Add ARGS to the kernels' command line; may be repeated", 0 },
	{ "module", OPT_MODULE, "FILE.ko [ARGS]", 0, "Load a kernel module before the tests; may be repeated", 0 },
	{ NULL, 0, NULL, 0, "What is expected, and reported:", 4 },
	{ "expectations", OPT_EXPECTATIONS, "FILE|none", 0, "What is known of the tests; may be repeated, the last one that says something counts (default: ours for the version that was built)", 0 },
	{ "strict", OPT_STRICT, NULL, 0, "A test that passes although it is expected to fail is a failure", 0 },
	{ "summary", 's', NULL, 0, "On stdout, only a line for each test, and the summary", 0 },
	{ "ktap", OPT_KTAP, "FILE", 0, "Write all that can be repeated as KTAP to FILE: two runs with one seed have the same bytes", 0 },
	{ "junit", OPT_JUNIT, "FILE", 0, "Write the results as JUnit XML to FILE", 0 },
	{ "out", 'o', "DIR", 0, "Keep what tests print in DIR/COLLECTION/TEST.log, and the kernels' logs beside that", 0 },
	{ 0 }
};

static const char doc[] =
	"Run the kernel's selftests in simulated time."
	"\v"
	"Builds a User-Mode Linux kernel and the tests, boots it for each of"
	" them, and prints KTAP. COLLECTION and TEST may be patterns with * and"
	" ?. Lines that begin with '# host:' say what depends on this host.\n\n"
	"Exit status: 0 when nothing has failed that was not expected to, 1 when"
	" something has, 125 when umtt itself has failed, 128 and its number"
	" after a signal.";

/**
 * struct kself_args - the command line
 * The strings are NULL when the option was not given.
 */
struct kself_args {
	struct kself_filter filter;
	struct strvec configs, append, modules, expectations;
	const char *kdir, *version, *build_dir, *tests, *kernel, *seed;
	const char *time_limit, *wall_limit, *stall_limit, *output_limit;
	const char *timeout, *busy, *mem, *junit, *ktap, *out;
	bool list, dry_run, no_build, per_collection, strict, summary;
	unsigned int jobs;
};

static unsigned int all_cpus(void)
{
	cpu_set_t set;
	int n;

	CPU_ZERO(&set);
	n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	return n < 1 ? 1 : n > MAX_JOBS ? MAX_JOBS : (unsigned int)n;
}

static void parse_jobs(struct kself_args *a, const char *arg)
{
	u64 n;

	if (units_number(arg, &n) || !n || n > MAX_JOBS)
		cmd_wrong("--jobs %s: not a number from 1 to %d", arg, MAX_JOBS);
	a->jobs = (unsigned int)n;
}

static void parse_per_boot(struct kself_args *a, const char *arg)
{
	a->per_collection = strcmp(arg, "collection") == 0;
	if (!a->per_collection && strcmp(arg, "test") != 0)
		cmd_wrong("--per-boot %s: neither test nor collection", arg);
}

static void parse_test(struct kself_args *a, const char *arg)
{
	if (!strchr(arg, ':'))
		cmd_wrong("--test %s: not COLLECTION:TEST; --collection takes all tests of one",
			  arg);
	strvec_add(&a->filter.tests, arg);
}

/* What is kept as it is given */
static error_t parse_plain(int key, char *arg, struct kself_args *a)
{
	const struct cmd_option plain[] = {
		{ 'c', .list = &a->filter.collections },
		{ OPT_SKIP, .list = &a->filter.skip },
		{ OPT_CONFIG, .list = &a->configs },
		{ OPT_APPEND, .list = &a->append },
		{ OPT_MODULE, .list = &a->modules },
		{ OPT_EXPECTATIONS, .list = &a->expectations },
		{ OPT_KDIR, .value = &a->kdir },
		{ OPT_VERSION, .value = &a->version },
		{ OPT_BUILD_DIR, .value = &a->build_dir },
		{ OPT_TESTS, .value = &a->tests },
		{ OPT_KERNEL, .value = &a->kernel },
		{ OPT_SEED, .value = &a->seed },
		{ OPT_TIME_LIMIT, .value = &a->time_limit },
		{ OPT_WALL_LIMIT, .value = &a->wall_limit },
		{ OPT_STALL_LIMIT, .value = &a->stall_limit },
		{ OPT_OUTPUT_LIMIT, .value = &a->output_limit },
		{ OPT_TIMEOUT, .value = &a->timeout },
		{ OPT_BUSY, .value = &a->busy },
		{ OPT_MEM, .value = &a->mem },
		{ OPT_JUNIT, .value = &a->junit },
		{ OPT_KTAP, .value = &a->ktap },
		{ 'o', .value = &a->out },
		{ 'l', .flag = &a->list },
		{ 'd', .flag = &a->dry_run },
		{ 's', .flag = &a->summary },
		{ OPT_NO_BUILD, .flag = &a->no_build },
		{ OPT_STRICT, .flag = &a->strict },
	};

	return cmd_keep(plain, ARRAY_SIZE(plain), key, arg);
}

static void check_args(const struct kself_args *a)
{
	if (a->tests && (a->kdir || a->version || a->build_dir ||
			 a->configs.n || a->no_build))
		cmd_wrong("--tests is for tests that are built already: leave out --%s",
			  a->kdir ? "kdir" : a->version ? "version" :
			  a->build_dir ? "build-dir" :
			  a->configs.n ? "config" : "no-build");
	if (a->kdir && a->version)
		cmd_wrong("--kdir and --version both say which kernel: leave out one of them");
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct kself_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 'j':
		parse_jobs(a, arg);
		break;
	case OPT_PER_BOOT:
		parse_per_boot(a, arg);
		break;
	case 't':
		parse_test(a, arg);
		break;
	case ARGP_KEY_ARG:
		cmd_wrong("unexpected argument '%s': -c COLLECTION, -t COLLECTION:TEST",
			  arg);
	case ARGP_KEY_END:
		check_args(a);
		break;
	default:
		return parse_plain(key, arg, a);
	}
	return 0;
}

static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };

/*
 * From arguments to a run
 */

static u64 parse_time(const char *option, const char *arg, u64 otherwise)
{
	u64 ns = otherwise;

	if (arg && (units_time(arg, NSEC_PER_SEC, &ns) || !ns))
		cmd_wrong("--%s %s: not a time, as 10s, 1.5ms or 2h", option, arg);
	return ns;
}

static u64 parse_size(const char *option, const char *arg, u64 otherwise)
{
	u64 bytes = otherwise;

	if (arg && (units_size(arg, &bytes) || !bytes))
		cmd_wrong("--%s %s: not a size, as 64k or 512M", option, arg);
	return bytes;
}

static void check_numbers(const struct kself_args *a, u64 mem)
{
	u64 n;

	if (a->seed && units_number(a->seed, &n))
		cmd_wrong("--seed %s: not a number from 0 to 2^64 - 1", a->seed);
	if (a->timeout && (units_number(a->timeout, &n) || n > INT_MAX ||
			   strspn(a->timeout, "0123456789") != strlen(a->timeout)))
		cmd_wrong("--override-timeout %s: not a number of seconds",
			  a->timeout);
	if (mem && (mem < LAB_MIN_MEMORY || mem > LAB_MAX_MEMORY))
		cmd_wrong("--mem %s: not a size from " LAB_MEMORY_HELP, a->mem);
}

/* What each boot would complain about is said once. */
static void check_boots(const struct kself_args *a)
{
	struct busy busy;
	const char *why = a->busy ? busy_parse(a->busy, &busy) : NULL;
	size_t i;

	if (why)
		cmd_wrong("--busy %s: %s", a->busy, why);
	for (i = 0; i < a->modules.n; i++) {
		char *path = xstrdup(a->modules.v[i]);

		path[strcspn(path, " ")] = '\0';
		if (access(path, R_OK) < 0)
			cmd_wrong("--module %s: %s", path, strerror(errno));
		free(path);
	}
}

static int check_kernel(const char *kernel, const char *cwd)
{
	char release[HOST_RELEASE_LEN], *path;
	unsigned int version;

	path = host_kernel(cwd, kernel, &version, release);
	free(path);
	return path ? 0 : KSELF_BROKEN;
}

static void set_cfg(struct kself_cfg *cfg, const struct kself_args *a)
{
	cfg->time_limit = parse_time("time-limit", a->time_limit,
				     KSELF_TIME_LIMIT);
	cfg->wall_limit = parse_time("wall-limit", a->wall_limit,
				     KSELF_WALL_LIMIT);
	cfg->stall_limit = parse_time("stall-limit", a->stall_limit,
				      KSELF_STALL_LIMIT);
	cfg->output_limit = parse_size("output-limit", a->output_limit,
				       KSELF_OUTPUT_LIMIT);
	cfg->mem = parse_size("mem", a->mem, 0);
	check_numbers(a, cfg->mem);
	check_boots(a);
	cfg->jobs = a->jobs ? a->jobs : all_cpus();
	cfg->per_collection = a->per_collection;
	cfg->strict = a->strict;
	cfg->brief = a->summary;
	cfg->seed = a->seed ? a->seed : "1";
	cfg->busy = a->busy;
	cfg->timeout = a->timeout;
	cfg->append = &a->append;
}

/* -c and -t, as far as they are names: what has to be built */
static void wanted_collections(const struct kself_filter *f, struct strvec *out)
{
	const struct strvec *lists[] = { &f->collections, &f->tests };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (j = 0; j < lists[i]->n; j++) {
			char *name = xstrdup(lists[i]->v[j]);

			name[strcspn(name, ":")] = '\0';
			if (!strpbrk(name, "*?[") && !strvec_has(out, name))
				strvec_add(out, name);
			free(name);
		}
	}
}

static int load_expectations(struct expect *e, const char *path)
{
	char why[EXPECT_WHY_LEN], *text;
	unsigned int line;
	size_t len;

	text = kself_read_file(path, MAX_EXPECTATIONS, &len);
	if (!text) {
		log_err(path, "cannot read expectations: %s", strerror(errno));
		return KSELF_BROKEN;
	}
	line = expect_parse(e, text, len, why);
	free(text);
	if (!line)
		return 0;
	log_err(path, "line %u: %s", line, why);
	return KSELF_BROKEN;
}

/* Those that come with us are for the tests that we build. */
static int usual_expectations(struct expect *e, const struct kself_source *src)
{
	char *path = xasprintf("%s/expectations/%s", src->scripts, src->version);
	int ret = 0;

	if (src->build && *src->version && access(path, F_OK) == 0)
		ret = load_expectations(e, path);
	free(path);
	return ret;
}

static int all_expectations(struct expect *e, const struct kself_args *a,
			    const struct kself_source *src)
{
	int ret = 0;
	size_t i;

	if (!a->expectations.n)
		return usual_expectations(e, src);
	for (i = 0; i < a->expectations.n && !ret; i++)
		if (strcmp(a->expectations.v[i], "none") != 0)
			ret = load_expectations(e, a->expectations.v[i]);
	return ret;
}

static void print_list(const struct kself_tests *tests, bool how)
{
	size_t i;

	for (i = 0; i < tests->n; i++) {
		const struct kself_test *x = &tests->v[i];

		printf("%s:%s", x->collection, x->name);
		if (how && x->skip)
			printf(" # SKIP %s", x->skip);
		else if (how && x->not_built)
			printf(" # not built: %s", x->not_built);
		else if (how && (x->own_boot || x->busy))
			printf(" #%s%s", x->own_boot ? " boot" : "",
			       x->busy ? " busy" : "");
		putchar('\n');
	}
}

static int find_tests(struct kself_source *src, const struct kself_args *a,
		      const char *cwd, struct kself_tests *tests)
{
	struct kself_build what = {
		.kdir = a->kdir, .version = a->version, .dir = a->build_dir,
		.configs = &a->configs, .skip = a->no_build,
	};
	char *list;
	int ret;

	wanted_collections(&a->filter, &what.collections);
	if (a->list && !a->tests && !a->no_build) {
		ret = kself_source_list(src, cwd, &what, tests);
	} else {
		ret = a->tests ? kself_source_tests(src, cwd, a->tests) :
				 kself_source_build(src, cwd, &what);
		list = ret ? NULL : xasprintf("%s/kselftest-list.txt",
					      src->tests_dir);
		if (!ret && kself_tests_load(tests, list, src->not_built))
			ret = KSELF_BROKEN;
		free(list);
	}
	strvec_free(&what.collections);
	if (!ret && kself_tests_select(tests, &a->filter))
		ret = KSELF_BROKEN;
	return ret;
}

/* Children start elsewhere: whatever is a path becomes a whole one. */
static void absolute_modules(const struct kself_args *a, const char *cwd,
			     struct strvec *out)
{
	size_t i;

	for (i = 0; i < a->modules.n; i++) {
		char *path = xpath(cwd, a->modules.v[i]);

		strvec_add(out, path);
		free(path);
	}
}

static int run(struct kself_cfg *cfg, const struct kself_args *a,
	       const struct kself_source *src, const char *cwd)
{
	struct strvec modules = { 0 }, notes = { 0 };
	char *kernel = a->kernel ? xpath(cwd, a->kernel) : NULL;
	char *out = a->out ? xpath(cwd, a->out) : NULL;
	char *ktap = a->ktap ? xpath(cwd, a->ktap) : NULL;
	char *junit = a->junit ? xpath(cwd, a->junit) : NULL;
	int status;

	absolute_modules(a, cwd, &modules);
	kself_source_notes(src, cfg->tests, &notes);
	cfg->tests_dir = src->tests_dir;
	cfg->out_arg = src->build ? src->build : src->tests_dir;
	cfg->guest = src->guest;
	cfg->kernel = kernel ? kernel : src->kernel;
	cfg->modules = &modules;
	cfg->notes = &notes;
	cfg->out = out;
	cfg->ktap = ktap;
	cfg->junit = junit;
	status = check_kernel(cfg->kernel, cwd);
	if (!status)
		status = kself_run(cfg);
	strvec_free(&modules);
	strvec_free(&notes);
	free(kernel);
	free(out);
	free(ktap);
	free(junit);
	return status;
}

static int kselftest(const struct kself_args *a)
{
	struct kself_source src = { 0 };
	struct kself_tests tests = { 0 };
	struct expect expect = { 0 };
	struct kself_cfg cfg = { .tests = &tests, .expect = &expect };
	char *cwd = getcwd(NULL, 0);
	int status;

	if (!cwd)
		cmd_wrong("the current directory is gone: %s", strerror(errno));
	set_cfg(&cfg, a);
	status = find_tests(&src, a, cwd, &tests);
	if (!status && !a->list)
		status = all_expectations(&expect, a, &src);
	if (!status) {
		kself_tests_expect(&tests, &expect);
		if (a->list || a->dry_run)
			print_list(&tests, a->dry_run);
		else
			status = run(&cfg, a, &src, cwd);
	}
	kself_tests_fini(&tests);
	expect_fini(&expect);
	kself_source_fini(&src);
	free(cwd);
	return status;
}

int cmd_kselftest(int argc, char **argv)
{
	struct kself_args a = { 0 };
	int status;

	cmd_parse(&argp, argc, argv, &a);
	status = kselftest(&a);
	strvec_free(&a.filter.collections);
	strvec_free(&a.filter.tests);
	strvec_free(&a.filter.skip);
	strvec_free(&a.configs);
	strvec_free(&a.append);
	strvec_free(&a.modules);
	strvec_free(&a.expectations);
	return status;
}
