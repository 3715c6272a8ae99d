// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One kernel that runs some tests: a child process, "umtt run". */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "boot.h"

/*
 * DOC: Why a process
 *
 * A run of a lab changes what belongs to the whole process: working directory,
 * CPU, signals, children that it adopts. In a process of its own it is as a
 * user's "umtt run" is, several can run at a time, and what goes wrong in one
 * ends only that one.
 */

/* For the limits of umtt run itself to be seen, before the child is killed */
#define GUARD_EXTRA	(60 * NSEC_PER_SEC)

#define GUEST_PATH	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static struct kself_test *test_at(const struct boot *b, size_t i)
{
	return &b->cfg->tests->v[b->first + i];
}

/*
 * What it says
 */

char *kself_log_path(const struct kself_cfg *cfg, const struct kself_test *x,
		     const char *suffix)
{
	char *path = xasprintf("%s/%s/%s%s", cfg->out, x->collection, x->name,
			       suffix);

	make_parents(path);
	return path;
}

static void open_log(struct boot *b)
{
	char *path;

	b->logged = 0;
	b->tail = 0;
	if (!b->cfg->out)
		return;
	path = kself_log_path(b->cfg, b->now, ".log");
	b->log = fopen(path, "we");
	if (!b->log)
		log_err(path, "cannot write the log of a test: %s",
			strerror(errno));
	free(path);
}

static void close_log(struct boot *b)
{
	if (b->log && fclose(b->log) != 0)
		log_err(b->now->name, "the log of this test is not complete: %s",
			strerror(errno));
	b->log = NULL;
}

static void got_ready(struct marks *m)
{
	(void)m;
}

static void got_begin(struct marks *m, const char *name, u64 now)
{
	struct boot *b = container_of(m, struct boot, marks);
	struct kself_test *x;
	char *want;
	bool same;

	if (b->now || b->at == b->n)
		return;
	x = test_at(b, b->at);
	want = xasprintf("%s:%s", x->collection, x->name);
	same = strcmp(want, name) == 0;
	free(want);
	if (!same)
		return;
	b->now = x;
	b->tests[b->at].begun = true;
	b->tests[b->at++].begin = now;
	x->said = xcalloc(1, sizeof(*x->said));
	ktap_init(x->said);
	open_log(b);
}

/* The last bytes; twice as many are moved only now and then. */
static void keep_tail(struct boot *b, const char *data, size_t len)
{
	size_t keep;

	if (len > BOOT_TAIL / 2) {
		data += len - BOOT_TAIL / 2;
		len = BOOT_TAIL / 2;
	}
	if (b->tail + len > BOOT_TAIL) {
		keep = BOOT_TAIL / 2;
		memmove(b->tail_buf, b->tail_buf + b->tail - keep, keep);
		b->tail = keep;
	}
	memcpy(b->tail_buf + b->tail, data, len);
	b->tail += len;
}

static void got_data(struct marks *m, const char *data, size_t len)
{
	struct boot *b = container_of(m, struct boot, marks);
	size_t room;

	if (!b->now || b->killed == BOOT_OUTPUT_LIMIT)
		return;
	room = (size_t)min_u64(b->cfg->output_limit - b->logged, len);
	b->logged += room;
	ktap_feed(b->now->said, data, room);
	keep_tail(b, data, room);
	if (b->log)
		fwrite(data, 1, room, b->log);
	if (room < len)
		boot_kill(b, BOOT_OUTPUT_LIMIT);
}

#define TAIL_LINES	12

/* The last lines of what it has said */
static void cut_tail(struct boot *b)
{
	struct kself_test *x = b->now;
	size_t at = b->tail;
	int lines = 0;

	while (at && b->tail_buf[at - 1] == '\n')
		at--;
	b->tail = at;
	while (at && lines < TAIL_LINES)
		lines += b->tail_buf[--at] == '\n';
	at += lines == TAIL_LINES;
	x->report.tail_len = b->tail - at;
	x->tail = xcalloc(1, x->report.tail_len + 1);
	memcpy(x->tail, b->tail_buf + at, x->report.tail_len);
}

/* No more comes of the test that runs. */
static void leave_test(struct boot *b)
{
	struct kself_test *x = b->now;
	u64 now = ring_clock();

	ktap_end(x->said);
	cut_tail(b);
	close_log(b);
	x->report.wall = now - b->since;
	b->since = now;
	b->now = NULL;
}

static void got_end(struct marks *m, const char *name, int status, u64 now)
{
	struct boot *b = container_of(m, struct boot, marks);
	struct boot_test *bt;
	const char *test = strrchr(name, ':');

	/* What comes after the limit does not count any more. */
	if (!b->now || b->killed || !test || strcmp(test + 1, b->now->name))
		return;
	bt = &b->tests[b->at - 1];
	bt->ended = true;
	bt->status = status;
	bt->end = now;
	leave_test(b);
}

static const struct marks_ops marks_ops = {
	.ready = got_ready,
	.begin = got_begin,
	.data = got_data,
	.end = got_end,
	.done = got_ready,
};

static void check_over(struct boot *b)
{
	if (!b->eof || !b->reaped || b->guard.busy || b->is_over)
		return;
	b->is_over = true;
	b->over(b);
}

static void arm(struct boot *b)
{
	ring_read(b->ring, &b->op, b->fd, b->buf, sizeof(b->buf));
}

static void read_done(struct op *op, int res)
{
	struct boot *b = container_of(op, struct boot, op);

	if (res > 0) {
		marks_feed(&b->marks, b->buf, (size_t)res);
		arm(b);
	} else if (res == -EINTR || res == -EAGAIN) {
		arm(b);
	} else {
		marks_end(&b->marks);
		if (b->now)
			leave_test(b);
		b->eof = true;
		check_over(b);
	}
}

void boot_reaped(struct boot *b, int wstatus)
{
	b->reaped = true;
	b->wstatus = wstatus;
	ring_cancel(b->ring, &b->guard);
	check_over(b);
}

void boot_kill(struct boot *b, enum boot_killed why)
{
	if (b->killed || b->reaped)
		return;
	b->killed = why;
	kill(b->pid, why == BOOT_DOES_NOT_END ? SIGKILL : SIGTERM);
}

static void guard_done(struct op *op, int res)
{
	struct boot *b = container_of(op, struct boot, guard);

	if (res == -ETIME && !b->reaped) {
		boot_kill(b, BOOT_DOES_NOT_END);
		kill(b->pid, SIGKILL);
	}
	check_over(b);
}

/*
 * How it is started
 */

static void add_time(u64 *sum, u64 ns)
{
	*sum = min_u64(*sum + min_u64(ns, S64_MAX - *sum), S64_MAX);
}

/* Limits are for a test; those of a boot are as long as all of its tests'. */
static void limits(const struct boot *b, u64 *time, u64 *wall)
{
	size_t i;

	*time = *wall = 0;
	for (i = 0; i < b->n; i++) {
		const struct kself_test *x = test_at(b, i);

		add_time(time, x->time_limit ? x->time_limit : b->cfg->time_limit);
		add_time(wall, x->wall_limit ? x->wall_limit : b->cfg->wall_limit);
	}
}

static void add_busy(const struct kself_cfg *cfg, const struct kself_test *x,
		     struct strvec *argv)
{
	if (cfg->busy)
		strvec_addf(argv, "--busy=%s", cfg->busy);
	else if (x->busy_cost)
		strvec_addf(argv, "--busy=advance,syscall=%" PRIu64 "ns,clock=%" PRIu64 "ns",
			    x->busy_cost, x->busy_cost);
	else if (x->busy)
		strvec_add(argv, "--busy=advance");
}

static void add_options(const struct boot *b, struct strvec *argv)
{
	const struct kself_cfg *cfg = b->cfg;
	const struct kself_test *x = test_at(b, 0);
	u64 time, wall, mem = x->mem ? x->mem : cfg->mem;
	size_t i;

	limits(b, &time, &wall);
	strvec_addf(argv, "--seed=%s", cfg->seed);
	strvec_addf(argv, "--out=%s", b->dir);
	strvec_addf(argv, "--report=%s/report", b->dir);
	strvec_addf(argv, "--time-limit=%" PRIu64 "ns", time);
	strvec_addf(argv, "--wall-limit=%" PRIu64 "ns", wall);
	strvec_addf(argv, "--stall-limit=%" PRIu64 "ns", cfg->stall_limit);
	if (cfg->kernel)
		strvec_addf(argv, "--kernel=%s", cfg->kernel);
	if (mem)
		strvec_addf(argv, "--mem=%" PRIu64 "k", mem >> 10);
	add_busy(cfg, x, argv);
	if (b->cpu != BOOT_CPU_ANY)
		strvec_addf(argv, "--cpu=%d", b->cpu);
	/* The marks are to be in the log, however many there are. */
	strvec_add(argv, "--append=printk.devkmsg=on");
	for (i = 0; i < cfg->append->n; i++)
		strvec_addf(argv, "--append=%s", cfg->append->v[i]);
	for (i = 0; i < cfg->modules->n; i++)
		strvec_addf(argv, "--module=%s", cfg->modules->v[i]);
}

static void make_argv(const struct boot *b, struct strvec *argv)
{
	const struct kself_cfg *cfg = b->cfg;
	size_t i;

	strvec_add(argv, "umtt");
	strvec_add(argv, "run");
	add_options(b, argv);
	strvec_add(argv, "--");
	strvec_add(argv, "/usr/bin/env");
	strvec_add(argv, "-i");
	strvec_add(argv, GUEST_PATH);
	strvec_add(argv, "HOME=/root");
	strvec_add(argv, "LANG=C");
	strvec_add(argv, "TERM=dumb");
	if (cfg->timeout)
		strvec_addf(argv, "UMTT_TIMEOUT=%s", cfg->timeout);
	strvec_add(argv, "/bin/sh");
	strvec_add(argv, cfg->guest);
	strvec_add(argv, cfg->out_arg);
	strvec_add(argv, b->word);
	for (i = 0; i < b->n; i++) {
		const struct kself_test *x = test_at(b, i);

		strvec_addf(argv, "%s:%s", x->collection, x->name);
	}
}

/* The rest of the environment would only make two hosts differ. */
static void make_env(struct strvec *envp)
{
	static const char *const kept[] = {
		"TMPDIR=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=",
		"LD_LIBRARY_PATH=", "UMTT_", "LLVM_PROFILE_FILE=",
	};
	char **e;
	size_t i;

	strvec_add(envp, GUEST_PATH);
	for (e = environ; *e; e++)
		for (i = 0; i < ARRAY_SIZE(kept); i++)
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0)
				strvec_add(envp, *e);
}

/* It begins where the tests are: by that they are seen in the guest. */
static void child_become(const struct boot *b, int out, int err)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(b->cfg->tests_dir) < 0) {
		dprintf(STDERR_FILENO, "umtt: %s: %s\n", b->cfg->tests_dir,
			strerror(errno));
		_exit(KSELF_BROKEN);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int spawn(struct boot *b, int out, int err)
{
	struct strvec argv = { 0 }, envp = { 0 };
	int ret = 0;

	make_argv(b, &argv);
	make_env(&envp);
	b->pid = fork();
	if (b->pid == 0) {
		child_become(b, out, err);
		execve("/proc/self/exe", argv.v, envp.v);
		dprintf(STDERR_FILENO, "umtt: cannot execute itself: %s\n",
			strerror(errno));
		_exit(KSELF_BROKEN);
	}
	if (b->pid < 0)
		ret = -errno;
	else
		setpgid(b->pid, b->pid);
	strvec_free(&argv);
	strvec_free(&envp);
	return ret;
}

static void start_guard(struct boot *b)
{
	u64 time, wall;

	limits(b, &time, &wall);
	b->guard.done = guard_done;
	ring_timeout(b->ring, &b->guard,
		     min_u64(wall, S64_MAX / 2) + b->since + GUARD_EXTRA);
}

int boot_start(struct boot *b)
{
	char *path = xasprintf("%s/stderr", b->dir);
	int fds[2], err, ret;

	b->tests = xcalloc(b->n, sizeof(*b->tests));
	b->since = ring_clock();
	marks_init(&b->marks, &marks_ops, b->word);
	err = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	free(path);
	ret = err < 0 || pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0;
	if (!ret) {
		ret = spawn(b, fds[1], err);
		close(fds[1]);
		b->fd = fds[0];
	}
	if (err >= 0)
		close(err);
	if (ret) {
		log_err(NULL, "cannot start umtt run: %s", strerror(-ret));
		return ret;
	}
	b->op.done = read_done;
	arm(b);
	start_guard(b);
	return 0;
}

void boot_close(struct boot *b)
{
	if (b->pid > 0)
		close(b->fd);
	free(b->tests);
	free(b->dir);
}
