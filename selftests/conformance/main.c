// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vu-conformance: is a vhost-user back-end what the specification says? */
#include <argp.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target.h"

/* Exit statuses, as those of kselftests. */
enum { PASS, FAIL, SKIP = 4, BROKEN };

#define MAX_GLOBS	64
#define OUTPUT_SIZE	16384

struct options opt = { .timeout_s = 20, .patience_ms = 5000 };
static const char *globs[MAX_GLOBS];
static unsigned int nr_globs;
static bool list_only, verbose;
static struct test *tests, **last_test = &tests;

void test_register(struct test *t)
{
	*last_test = t;
	last_test = &t->next;
}

const struct test *test_find(const char *name)
{
	const struct test *t;

	for (t = tests; t && strcmp(t->name, name); t = t->next)
		;
	return t;
}

static bool chosen(const struct test *t)
{
	unsigned int i;

	for (i = 0; i < nr_globs; i++)
		if (!fnmatch(globs[i], t->name, 0))
			return true;
	return !nr_globs;
}

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / NSEC_PER_MSEC;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/* In the process of a test */

#define NR_NOTES	10
static char notes[NR_NOTES][120];
static unsigned int nr_notes;

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(notes[nr_notes++ % NR_NOTES], sizeof(notes[0]), fmt, ap);
	va_end(ap);
}

static noreturn void end(int status, const char *fmt, va_list ap)
{
	unsigned int i = nr_notes > NR_NOTES ? nr_notes - NR_NOTES : 0;

	vprintf(fmt, ap);
	putchar('\n');
	if (status == FAIL && nr_notes) {
		puts("the last messages:");
		for (; i < nr_notes; i++)
			printf("  %s\n", notes[i % NR_NOTES]);
	}
	fflush(stdout);
	_exit(status);
}

noreturn void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(FAIL, fmt, ap);
}

noreturn void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(SKIP, fmt, ap);
}

noreturn void broken(const char *what)
{
	printf("the test itself: %s: %m\n", what);
	fflush(stdout);
	_exit(BROKEN);
}

/* In the parent */

/** struct result - of a test's process; @out: what it printed */
struct result {
	int status;
	char out[OUTPUT_SIZE];
	size_t len;
};

static void say(struct result *r, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->len += (size_t)vsnprintf(r->out + r->len, sizeof(r->out) - r->len,
				    fmt, ap);
	va_end(ap);
	if (r->len >= sizeof(r->out))
		r->len = sizeof(r->out) - 1;
	r->status = status;
}

/* Until its output ends, or its time; false if it had to be killed. */
static bool collect(struct result *r, int fd, unsigned int limit_s)
{
	u64 deadline = now_ms() + limit_s * 1000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		if (now_ms() >= deadline ||
		    poll(&p, 1, (int)(deadline - now_ms())) == 0)
			return false;
		n = read(fd, r->out + r->len, sizeof(r->out) - 1 - r->len);
		if (n <= 0)
			return true;
		r->len += (size_t)n;
	}
}

static void run_in_child(struct result *r, void (*run)(void))
{
	int p[2], status;
	pid_t child;

	fflush(stdout);
	if (pipe2(p, O_CLOEXEC) < 0)
		broken("pipe");
	child = fork();
	if (child < 0)
		broken("fork");
	if (!child) {
		dup2(p[1], STDOUT_FILENO);
		run();
		fflush(stdout);
		_exit(PASS);
	}
	close(p[1]);
	if (!collect(r, p[0], opt.timeout_s)) {
		kill(child, SIGKILL);
		say(r, FAIL, "expected an end within %u s; came: none\n",
		    opt.timeout_s);
	}
	close(p[0]);
	waitpid(child, &status, 0);
	r->out[r->len] = '\0';
	if (r->status == FAIL)
		return;
	if (WIFEXITED(status))
		r->status = WEXITSTATUS(status);
	else
		say(r, BROKEN, "the test itself: killed by signal %d\n",
		    WTERMSIG(status));
}

static int base_fds;

/* What an idle back-end has open; measured after a first good session. */
static void measure(void)
{
	base_fds = target_fds("");
}

/* All that a session made it open and map is given up again. */
static void check_leaks(struct result *r)
{
	u64 deadline = now_ms() + LEAK_PATIENCE;
	int fds, maps;

	for (;;) {
		fds = target_fds("");
		maps = target_maps(MEM_NAME);
		if (fds <= base_fds && maps <= 0)
			return;
		if (now_ms() > deadline)
			break;
		sleep_ms(2);
	}
	if (fds > base_fds)
		say(r, FAIL, "expected the back-end to have %d files open after the session; it has %d\n",
		    base_fds, fds);
	if (maps > 0)
		say(r, FAIL, "expected no guest memory to be mapped after the session; there are %d mappings\n",
		    maps);
	base_fds = fds;
}

/* It runs; if it has ended without an error, that is said, and it is restarted. */
static bool check_running(struct result *r, const char *when)
{
	static bool said;
	const char *how = exec_look();

	if (how) {
		say(r, FAIL, "%s: expected the back-end to go on; it %s\n", when, how);
		return false;
	}
	if (exec_running())
		return true;
	if (!said)
		puts("# the back-end exits after a disconnect; it is started again for each session");
	said = true;
	return false;
}

static bool start_and_measure(struct result *r)
{
	struct result s = { .status = PASS };

	exec_start();
	run_in_child(&s, good_session);
	if (s.status != PASS) {
		say(r, FAIL, "still_serves: a good session fails: %s", s.out);
		return false;
	}
	measure();
	return true;
}

static void check_still_serves(struct result *r)
{
	struct result s = { .status = PASS };

	if (!check_running(r, "after the test")) {
		start_and_measure(r);
		return;
	}
	run_in_child(&s, good_session);
	if (s.status != PASS)
		say(r, FAIL, "still_serves: a good session fails afterwards: %s",
		    s.out);
	if (!check_running(r, "during the next session"))
		start_and_measure(r);
	else
		check_leaks(r);
}

static void print_lines(char *s)
{
	char *line, *save;

	for (line = strtok_r(s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		printf("#   %s\n", line);
}

static bool verdict(const struct test *t, unsigned int nr, struct result *r)
{
	const struct expected *e = expect_find(t->name);

	if (e && e->sometimes && r->status == PASS)
		e = NULL;
	if (e && r->status == FAIL && strstr(r->out, e->came)) {
		printf("ok %u %s # differs, as is known: %s\n", nr, t->name, e->why);
		return true;
	}
	if (e)
		say(r, FAIL, "expected to differ (%s: %s); it does not, or in another way\n",
		    e->came, e->why);
	if (r->status == SKIP) {
		r->out[strcspn(r->out, "\n")] = '\0';
		printf("ok %u %s # SKIP %s\n", nr, t->name, r->out);
		return true;
	}
	if (r->status == PASS) {
		printf("ok %u %s\n", nr, t->name);
		return true;
	}
	printf("not ok %u %s\n", nr, t->name);
	printf("# rule: %s (%s)\n", t->rule, t->section);
	print_lines(r->out);
	return false;
}

static bool run_test(const struct test *t, unsigned int nr)
{
	static struct result r;
	u64 begin = now_ms();
	bool ok;

	memset(&r, 0, sizeof(r));
	run_in_child(&r, t->run);
	check_still_serves(&r);
	if (r.status == FAIL && opt.exec) {
		/* What it still holds must not fail the next tests. */
		exec_stop();
		start_and_measure(&r);
	}
	ok = verdict(t, nr, &r);
	if (verbose)
		printf("# %llu ms\n", (unsigned long long)(now_ms() - begin));
	fflush(stdout);
	return ok;
}

static int run_all(void)
{
	unsigned int n = 0, nr = 0, failed = 0;
	static struct result r;
	const struct test *t;

	for (t = tests; t; t = t->next)
		n += chosen(t);
	printf("KTAP version 1\n1..%u\n", n);
	if (!start_and_measure(&r)) {
		printf("Bail out! %s\n", r.out);
		return FAIL;
	}
	if (target_fds("") < 0)
		puts("# the back-end's process cannot be looked at: what it leaks is not seen");
	for (t = tests; t; t = t->next)
		if (chosen(t))
			failed += !run_test(t, ++nr);
	printf("# %u of %u failed\n", failed, n);
	return failed ? FAIL : PASS;
}

static int list_all(void)
{
	const struct test *t;

	for (t = tests; t; t = t->next)
		if (chosen(t))
			printf("%s\n\t%s\n\t[%s]\n", t->name, t->rule, t->section);
	return PASS;
}

/* Options */

enum { OPT_PID = 256, OPT_EXEC, OPT_STRICT, OPT_LIST, OPT_EXPECT, OPT_TIMEOUT,
       OPT_PATIENCE };

static const struct argp_option options[] = {
	{ "socket", 's', "PATH", 0, "The back-end listens there", 0 },
	{ "device", 'd', "TYPE", 0, "What it is, so that it can be made to work: rng, echo, net, blk, console, vsock, input, i2c, gpio", 0 },
	{ "test", 't', "GLOB", 0, "Run these tests only; repeat for more", 0 },
	{ "list", OPT_LIST, NULL, 0, "Print the tests and their rules", 0 },
	{ "exec", OPT_EXEC, "CMD", 0, "Start the back-end with this command, and again when it has ended; $VU_SOCKET is PATH", 0 },
	{ "pid", OPT_PID, "PID", 0, "The back-end's process (default: who listens)", 0 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "For one test (default: 20)", 0 },
	{ "patience", OPT_PATIENCE, "MS", 0, "To wait for what has to come (default: 5000)", 0 },
	{ "strict", OPT_STRICT, NULL, 0, "Where a rule allows several outcomes, accept only the preferred one", 0 },
	{ "expect", OPT_EXPECT, "FILE", 0, "Known differences: lines 'TEST | OUTPUT | WHY'; these tests must fail", 0 },
	{ "verbose", 'v', NULL, 0, "Print how long each test takes", 0 },
	{ 0 }
};

static const char *expect_file;

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 's':
		opt.socket = arg;
		break;
	case 'd':
		opt.profile = profile_find(arg);
		if (!opt.profile)
			argp_error(state, "no such device: %s (there are %s)",
				   arg, profile_names());
		break;
	case 't':
		if (nr_globs == MAX_GLOBS)
			argp_error(state, "too many --test");
		globs[nr_globs++] = arg;
		break;
	case 'v':
		verbose = true;
		break;
	case OPT_LIST:
		list_only = true;
		break;
	case OPT_EXEC:
		opt.exec = arg;
		break;
	case OPT_PID:
		opt.pid = atoi(arg);
		break;
	case OPT_TIMEOUT:
		opt.timeout_s = (unsigned int)atoi(arg);
		break;
	case OPT_PATIENCE:
		opt.patience_ms = (unsigned int)atoi(arg);
		break;
	case OPT_STRICT:
		opt.strict = true;
		break;
	case OPT_EXPECT:
		expect_file = arg;
		break;
	case ARGP_KEY_END:
		if (!opt.socket && !list_only)
			argp_error(state, "--socket is needed");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	options, parse_opt, NULL,
	"Test a vhost-user back-end against the specification.\v"
	"Prints KTAP. Exit status: 0 when nothing failed, else 1.",
	NULL, NULL, NULL
};

int main(int argc, char **argv)
{
	struct target *t;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (list_only)
		return list_all();
	if (expect_file)
		expect_load(expect_file);
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		broken("mmap");
	target_share(t);
	ret = run_all();
	exec_stop();
	return ret;
}
