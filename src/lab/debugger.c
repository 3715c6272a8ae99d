// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* gdb on the kernel of a node. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "debugger.h"
#include "host.h"
#include "tool.h"

/*
 * DOC: Theory of operation
 *
 * A kernel of User-Mode Linux is a process, and gdb attaches to it when it has
 * just been executed (see node.c). While gdb has stopped it, it answers nobody:
 * it has the turn, or owes the answer to a call, so simulated time stands. All
 * signals that the kernel lives by are passed on to it without a stop.
 *
 * The kernel that runs has no debug information. It is in "vmlinux", which the
 * build leaves in its own directory, together with the kernel's gdb scripts.
 */

int debugger_check(void)
{
	if (tool_exists("gdb"))
		return 0;
	log_err(NULL, "--gdb: there is no gdb in PATH; install the package gdb");
	return -ENOENT;
}

static void add_ex(struct strvec *argv, const char *command)
{
	strvec_add(argv, "-ex");
	strvec_add(argv, command);
}

/*
 * lx-symbols looks into the directories that it is told and into the present
 * one, which may be large: it is called in that of the first module.
 */
static void add_symbols(struct strvec *argv, const struct debugger *d)
{
	const struct strvec *modules = &d->node->cfg->modules;
	char *dir, *command, *longer;
	size_t i;

	if (!modules->n)
		return;
	dir = xdir(modules->v[0]);
	strvec_add(argv, "-ex");
	strvec_addf(argv, "cd %s", dir);
	free(dir);
	command = xstrdup("lx-symbols");
	for (i = 1; i < modules->n; i++) {
		dir = xdir(modules->v[i]);
		longer = xasprintf("%s %s", command, dir);
		free(command);
		free(dir);
		command = longer;
	}
	add_ex(argv, command);
	strvec_add(argv, "-ex");
	strvec_addf(argv, "cd %s", d->cwd);
	free(command);
}

static void make_argv(const struct debugger *d, struct strvec *argv)
{
	const char *kernel = d->node->kernel->path;
	char *vmlinux = host_beside(kernel, "vmlinux");
	char *scripts = host_beside(kernel, "vmlinux-gdb.py");
	size_t i;
	/* What the kernel lives by; SIGINT is gdb's. */
	static const char *const setup[] = {
		"set confirm off", "set pagination off", "set breakpoint pending on",
		"set auto-load no", "set exec-file-mismatch off",
		"set print inferior-events off",
		/* It was stopped so that gdb could attach. */
		"handle SIGSTOP nostop noprint nopass",
		"handle SIGSEGV SIGBUS SIGFPE SIGILL SIGUSR1 SIGUSR2 SIGIO SIGALRM SIGVTALRM SIGCHLD SIGWINCH SIGPIPE nostop noprint pass",
	};

	if (!vmlinux)
		log_warn(kernel, "no vmlinux is beside this kernel: what symbols there are come from itself");
	strvec_add(argv, "gdb");
	strvec_add(argv, "-q");
	strvec_add(argv, "-nx");
	if (!d->terminal.path)
		strvec_add(argv, "-batch");
	for (i = 0; i < ARRAY_SIZE(setup); i++) {
		strvec_add(argv, "-iex");
		strvec_add(argv, setup[i]);
	}
	strvec_add(argv, "-iex");
	strvec_addf(argv, "set solib-search-path %s", d->rundir->path);
	strvec_add(argv, vmlinux ? vmlinux : kernel);
	strvec_add(argv, "-p");
	strvec_addf(argv, "%d", (int)d->node->pid);
	if (scripts) {
		strvec_add(argv, "-ex");
		strvec_addf(argv, "source %s", scripts);
	} else {
		log_warn(kernel, "no vmlinux-gdb.py is beside this kernel: no lx- commands");
	}
	/* The kernel is mapped, and nothing of it has run. */
	add_ex(argv, "tbreak start_kernel");
	add_ex(argv, "continue");
	if (scripts)
		add_symbols(argv, d);
	if (d->command) {
		strvec_add(argv, "-x");
		strvec_add(argv, d->command);
	}
	free(vmlinux);
	free(scripts);
}

/* In a group of its own, in the foreground of the terminal if there is one */
static void child_become(const struct debugger *d, pid_t parent)
{
	sigset_t none;
	int sig;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || chdir(d->cwd) < 0)
		_exit(127);
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	if (d->terminal.path)
		tcsetpgrp(STDIN_FILENO, getpid());
	closefrom(STDERR_FILENO + 1);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int debugger_start(struct debugger *d, struct rundir *rd)
{
	struct strvec argv = { 0 };
	pid_t parent = getpid();
	int ret = 0;

	d->rundir = rd;
	make_argv(d, &argv);
	d->pid = fork();
	if (d->pid == 0) {
		child_become(d, parent);
		execvp(argv.v[0], argv.v);
		_exit(127);
	}
	if (d->pid < 0) {
		ret = -errno;
		d->pid = 0;
		log_err(NULL, "cannot start gdb: %s", strerror(-ret));
	} else {
		setpgid(d->pid, d->pid);
		rundir_add_group(rd, d->pid);
	}
	strvec_free(&argv);
	return ret;
}

/* The terminal is ours again, whatever gdb has made of it. */
static void ended(struct debugger *d)
{
	sigset_t ttou, old;

	rundir_del_group(d->rundir, d->pid);
	d->pid = 0;
	if (!d->terminal.path)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	tcsetattr(STDIN_FILENO, TCSANOW, &d->terminal.saved);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

bool debugger_reap(struct debugger *d)
{
	if (!d->pid || waitpid(d->pid, NULL, WNOHANG) != d->pid)
		return false;
	ended(d);
	/* It may have left before it has let the kernel go on for the first time. */
	if (d->node->pid)
		kill(d->node->pid, SIGCONT);
	return true;
}

/* There is nothing left for it to look at. */
void debugger_end(struct debugger *d)
{
	if (d->pid) {
		kill(d->pid, SIGKILL);
		while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
			;
		ended(d);
	}
	terminal_fini(&d->terminal);
}
