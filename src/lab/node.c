// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One User-Mode Linux kernel: start it, watch it, end it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/prng.h"
#include "node.h"

/* Descriptors of the kernel's process: always the same numbers, since they
 * are part of its command line, which the guest can see. */
#define LOG_FD		STDOUT_FILENO
#define CHANNEL_FD	3
/* Input of the two lines: never any. A line without (null) would work as well,
 * but the kernel complains of not being able to wait for it. */
#define LOG_IN_FD	4
#define CHANNEL_IN_FD	5
#define LAST_FD		5

void node_init(struct node *n, const struct lab_node *cfg, unsigned int id,
	       const struct kernel *kernel)
{
	memset(n, 0, sizeof(*n));
	n->cfg = cfg;
	n->id = id;
	n->kernel = kernel;
	n->console.fd = -1;
	n->klog.fd = -1;
}

void node_fini(struct node *n)
{
	console_fini(&n->console);
	klog_fini(&n->klog);
	strvec_free(&n->devices);
	free(n->dtb);
	cover_fini(&n->cover);
	kcov_fini(&n->kcov);
	free(n->said);
	free(n->failure);
	free(n->log);
}

char *node_initrd(const struct node *n)
{
	return xasprintf("%s.initrd", n->cfg->name);
}

/* Relative names only: nothing of the host's directories enters the guest. */
static void make_argv(const struct node *n, const struct node_env *env,
		      struct strvec *argv)
{
	const char *name = n->cfg->name;
	size_t i;

	strvec_add(argv, "linux");
	strvec_addf(argv, "mem=%" PRIu64 "k", n->cfg->memory >> 10);
	strvec_addf(argv, "initrd=%s.initrd", name);
	strvec_addf(argv, "umid=%s", name);
	strvec_add(argv, "uml_dir=.");
	/* A kernel that has panicked or wants to reboot ends instead. */
	strvec_add(argv, "noreboot");
	/* It looks for jitter in a clock that has none, for ever. */
	strvec_add(argv, "initcall_blacklist=jent_mod_init");
	strvec_add(argv, "panic=-1");
	strvec_add(argv, "con=null");
	strvec_addf(argv, "con0=fd:%d,fd:%d", LOG_IN_FD, LOG_FD);
	strvec_add(argv, "ssl=null");
	strvec_addf(argv, CHANNEL_UML "=fd:%d,fd:%d", CHANNEL_IN_FD, CHANNEL_FD);
	strvec_addf(argv, "time-travel=ext:%u:%s", n->id, env->calendar);
	for (i = 0; i < n->devices.n; i++)
		strvec_addf(argv, "virtio_uml.device=%s", n->devices.v[i]);
	if (n->dtb)
		strvec_addf(argv, "dtb=%s", n->dtb);
	busy_args(env->busy, argv);
	strvec_add_all(argv, &n->cfg->kernel_args);
}

/*
 * As long in every run: it lies in the memory that becomes the guest's. Nodes
 * are random each in their own way, whatever other nodes there are.
 */
static void make_env(const struct node *n, const struct node_env *env,
		     struct strvec *envp)
{
	struct prng p;

	prng_seed(&p, env->seed, n->cfg->name);
	strvec_add(envp, "PATH=/usr/bin:/bin");
	strvec_addf(envp, "TMPDIR=%s", env->mem_dir);
	strvec_addf(envp, "LD_PRELOAD=%s", env->preload);
	strvec_addf(envp, "UMTT_SEED=%016" PRIx64, prng_next(&p));
}

/*
 * Everything that makes one run differ from the next is switched off, and so
 * is everything by which the kernel could outlive us or reach what is ours.
 */
static void child_become(int log, int channel, pid_t parent)
{
	static const struct rlimit no_core;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int never = eventfd(0, EFD_CLOEXEC);
	sigset_t none;
	int sig;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setsid();
	personality(ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_CORE, &no_core);
	umask(022);
	/* Out of the way of the numbers that they are to have. */
	log = fcntl(log, F_DUPFD, 10);
	channel = fcntl(channel, F_DUPFD, 10);
	never = fcntl(never, F_DUPFD, 10);
	dup2(null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	dup2(channel, CHANNEL_FD);
	dup2(never, LOG_IN_FD);
	dup2(never, CHANNEL_IN_FD);
	closefrom(LAST_FD + 1);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* It has a tracer, us, and so stops when it has been executed. There it stays. */
static int stop_at_begin(const struct node *n)
{
	int wstatus;

	if (waitpid(n->pid, &wstatus, 0) != n->pid || !WIFSTOPPED(wstatus))
		return -ECHILD;
	return ptrace(PTRACE_DETACH, n->pid, NULL, SIGSTOP) < 0 ? -errno : 0;
}

static int spawn(struct node *n, const struct node_env *env, int log,
		 int channel)
{
	struct strvec argv = { 0 }, envp = { 0 };
	pid_t parent = getpid();
	int err = 0;

	make_argv(n, env, &argv);
	make_env(n, env, &envp);
	n->pid = fork();
	if (n->pid == 0) {
		child_become(log, channel, parent);
		if (n->cfg->gdb) {
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
			/* gdb will be no ancestor of it (Yama). */
			prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		}
		execve(n->kernel->link, argv.v, envp.v);
		dprintf(STDERR_FILENO, "cannot execute the kernel: %s\n",
			strerror(errno));
		_exit(1);
	}
	if (n->pid < 0) {
		err = -errno;
		n->pid = 0;
	} else {
		rundir_add_group(env->rundir, n->pid);
		if (n->cfg->gdb)
			err = stop_at_begin(n);
	}
	strvec_free(&argv);
	strvec_free(&envp);
	return err;
}

/* Where the kernel's log goes: its file, or us who write it to the file. */
static int open_log(struct node *n, const struct node_env *env, int *fd)
{
	int ends[2], file;

	n->log = xasprintf("%s%s%s.log", env->log_dir ? env->log_dir : "",
			   env->log_dir ? "/" : "", n->cfg->name);
	file = open(n->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		    0644);
	if (file < 0) {
		log_err(n->log, "%s", strerror(errno));
		return -errno;
	}
	*fd = file;
	if (!env->verbose)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		close(file);
		return -errno;
	}
	klog_open(&n->klog, env->ring, env->q, ends[0], file, n->cfg->name);
	*fd = ends[1];
	return 0;
}

int node_start(struct node *n, const struct node_env *env,
	       const struct console_ops *ops, void *owner, bool plain)
{
	int channel[2], log = -1, ret;

	ret = open_log(n, env, &log);
	if (ret)
		return ret;
	ret = console_pair(n->kernel->old_lines, channel);
	if (ret == 0) {
		n->console.ops = ops;
		n->console.owner = owner;
		console_open(&n->console, env->ring, env->q, channel[0],
			     n->cfg->name, plain);
		ret = spawn(n, env, log, channel[1]);
		close(channel[1]);
	}
	close(log);
	if (ret)
		log_err(n->cfg->name, "cannot start the kernel: %s",
			strerror(-ret));
	return ret;
}

void node_ended(struct node *n, const struct node_env *env, int wstatus)
{
	/* Its children, should it have left any. */
	kill(-n->pid, SIGKILL);
	while (waitpid(-n->pid, NULL, 0) > 0 || errno == EINTR)
		;
	rundir_del_group(env->rundir, n->pid);
	n->pid = 0;
	n->wstatus = wstatus;
	n->reaped = true;
}

void node_kill(struct node *n, const struct node_env *env)
{
	int wstatus;
	pid_t pid;

	if (!n->pid)
		return;
	kill(-n->pid, SIGKILL);
	kill(n->pid, SIGKILL);	/* in case it has no group of its own yet */
	do {
		pid = waitpid(n->pid, &wstatus, 0);
	} while (pid < 0 && errno == EINTR);
	node_ended(n, env, wstatus);
}

/*
 * What went wrong
 */

#define TAIL_SIZE	16384
#define TAIL_LINES	20

/* The end of the file @path, with a NUL behind it; the caller frees it. */
static char *read_tail(const char *path)
{
	char *buf = xcalloc(1, TAIL_SIZE + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size;

	if (fd < 0)
		return buf;
	size = lseek(fd, 0, SEEK_END);
	if (pread(fd, buf, TAIL_SIZE, size > TAIL_SIZE ? size - TAIL_SIZE : 0) < 0)
		*buf = '\0';
	close(fd);
	return buf;
}

static void print_tail(const struct node *n, const char *tail)
{
	const char *p = tail + strlen(tail), *end;
	int lines = 0;

	while (p > tail && lines <= TAIL_LINES)
		lines += *--p == '\n';
	for (p += *p == '\n'; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if (end > p)
			fprintf(stderr, "%s| %.*s\n", n->cfg->name,
				(int)(end - p), p);
	}
}

/* What the kernel itself gave as the reason */
static bool say_panic(const struct node *n, const char *tail)
{
	static const char mark[] = "Kernel panic - not syncing: ";
	const char *p = strstr(tail, mark);

	if (!p)
		return false;
	p += strlen(mark);
	log_err(n->cfg->name, "kernel panic: %.*s", (int)strcspn(p, "\n"), p);
	return true;
}

void node_explain(const struct node *n, bool kept)
{
	const char *name = n->cfg->name;
	char *tail = read_tail(n->log);

	if (kept)
		log_err(name, "the end of its log, which is in %s:", n->log);
	else
		log_err(name, "the end of its log; with --out DIR all of it is kept:");
	print_tail(n, tail);
	if (n->failure)
		log_err(name, "%s", n->failure);
	else if (say_panic(n, tail))
		(void)0;
	else if (n->reaped && WIFSIGNALED(n->wstatus))
		log_err(name, "the kernel was ended by signal %d (%s)",
			WTERMSIG(n->wstatus), strsignal(WTERMSIG(n->wstatus)));
	else
		log_err(name, "the kernel has ended%s",
			n->exited ? "" : " before its command");
	free(tail);
}
