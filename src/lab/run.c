// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One run of a lab: calendar, devices and kernels, from start to end. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../base/log.h"
#include "host.h"
#include "kbuild.h"
#include "run_state.h"
#include "tool.h"

/*
 * DOC: The life of a run
 *
 * run_prepare() does what can fail for reasons that the user should hear of
 * before anything is started; run_start() makes calendar, devices and kernels;
 * ring_run() is the lab; run_finish() ends all processes, writes out what is
 * left, and says how it went. Between start and end everything happens in
 * callbacks of the loop, and every reason to end goes through run_stop().
 *
 * The calendar's clients: the devices, which live in this process, with id 0,
 * and the nodes from 1 on, in the order of the lab. They start in this order.
 */

static int make_out_dir(const char *out)
{
	if (!out || mkdir(out, 0777) == 0 || errno == EEXIST)
		return 0;
	log_err(out, "%s", strerror(errno));
	return -errno;
}

/* A kernel that does not know what it is told passes it on to init. */
static int check_busy(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->kernels.n; i++) {
		if (!busy_missing(&r->cfg->lab->busy, r->kernels.list[i]->view))
			continue;
		log_err(r->kernels.list[i]->path, "--busy needs a patch that this kernel does not have; uml-glue/kernel/build.sh makes kernels with it");
		return -ENOSYS;
	}
	return 0;
}

static int open_kernels(struct run *r)
{
	int ret = kernels_open(&r->kernels, r->cfg->lab, r->cwd);
	unsigned int i;

	if (!ret)
		ret = check_busy(r);
	for (i = 0; i < r->kernels.n && !ret; i++) {
		if (!r->kernels.list[i]->is_static)
			continue;
		r->cfg->report->why_not = "the kernel is linked statically";
		log_warn(r->kernels.list[i]->path, "this kernel is linked statically: its random numbers are the host's, and no two runs are the same");
	}
	return ret;
}

/* What a replay types is in the recording. */
static int find_terminal(struct run *r)
{
	if (!lab_terminal(r->cfg->lab) || r->cfg->replay)
		return 0;
	if (terminal_find(&r->shell.terminal) < 0) {
		log_err(NULL, "--shell: stdin is not a terminal; a COMMAND behind -- needs none");
		return -ENOTTY;
	}
	r->rundir.terminal = &r->shell.terminal;
	return 0;
}

/* The kernel would refuse them, too, but its reason is in its log only. */
static int check_modules(const struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	unsigned int i;
	int ret = 0;
	size_t j;

	for (i = 0; i < lab->nr_nodes; i++)
		for (j = 0; j < lab->nodes[i].modules.n && !ret; j++)
			ret = kbuild_check_module(lab->nodes[i].modules.v[j],
						  r->kernels.of[i]->release);
	return ret;
}

static int find_debugger(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	unsigned int i;
	bool wanted = false;

	for (i = 0; i < lab->nr_nodes; i++)
		wanted |= lab->nodes[i].gdb;
	if (!wanted)
		return 0;
	if (debugger_check() < 0)
		return -ENOENT;
	r->debugger.command = r->cfg->gdb_command;
	r->debugger.cwd = r->cwd;
	/* Without a terminal gdb has its commands from a file. */
	if (terminal_find(&r->debugger.terminal) == 0)
		r->rundir.terminal = &r->debugger.terminal;
	return 0;
}

/* What cannot be written or read is better known before the run. */
static int open_kcov(struct run *r)
{
	const char *file = r->cfg->kcov;

	if (!file)
		return 0;
	if (!tool_exists("addr2line")) {
		log_err(NULL, "--kcov: there is no addr2line in PATH; install the package binutils");
		return -ENOENT;
	}
	r->kcov = fopen(file, "we");
	if (r->kcov)
		return 0;
	log_err(file, "%s", strerror(errno));
	return -errno;
}

static int run_prepare(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	int ret;

	r->cwd = r->cfg->cwd;
	r->init = host_init_program();
	r->preload = host_preload();
	if (!r->init || !r->preload)
		return -ENOENT;
	ret = open_kernels(r);
	if (!ret)
		ret = find_terminal(r);
	if (!ret)
		ret = check_modules(r);
	if (!ret)
		ret = find_debugger(r);
	if (!ret)
		ret = make_out_dir(r->cfg->out);
	if (!ret)
		ret = make_out_dir(r->cfg->gcov);
	if (!ret)
		ret = open_kcov(r);
	if (!ret)
		ret = host_pin(r->cfg->cpu);
	if (!ret)
		ret = rundir_open(&r->rundir);
	if (ret)
		return ret;
	r->mem_dir = host_memory_dir(lab);
	host_raise_files();
	/* What a kernel leaves when it dies becomes ours to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

int run_lab(const struct run_cfg *cfg)
{
	struct run r = { .cfg = cfg, .began = ring_clock() };
	int status = RUN_FAILED, ret;

	ret = run_prepare(&r);
	if (!ret)
		ret = run_start(&r);
	if (!ret) {
		status = ring_run(&r.ring);
		if (status < 0) {
			log_err(NULL, "io_uring_enter: %s", strerror(-status));
			status = RUN_FAILED;
		}
	}
	if (run_finish(&r, !ret) && !status)
		status = RUN_FAILED;
	/* The command may have ended before its output was out. */
	cfg->report->status = status ? status : r.output_lost;
	return cfg->report->status;
}
