/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One User-Mode Linux kernel: start it, watch it, end it. */
#ifndef LAB_NODE_H
#define LAB_NODE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "console.h"
#include "cover.h"
#include "kcov.h"
#include "kernels.h"
#include "lab.h"
#include "rundir.h"

/**
 * struct node_env - what all nodes of a run share
 * @calendar: socket of the calendar, as seen from the run's directory
 * @mem_dir: where kernels put their memory, likewise
 * @preload: library that hides the host from them, likewise
 * @seed: of the run
 * @busy: what the work of processes costs
 * @log_dir: where logs go; NULL: the run's directory
 * @verbose: show the kernels' logs
 */
struct node_env {
	struct ring *ring;
	struct outq *q;
	struct rundir *rundir;
	const char *calendar, *mem_dir, *preload, *log_dir;
	u64 seed;
	const struct busy *busy;
	bool verbose;
};

/**
 * struct node - a node that runs, or has run
 * @cfg: its description
 * @id: of its START message
 * @kernel: that it runs
 * @devices: "SOCKET:VIRTIO_ID:INDEX" for the kernel's command line
 * @cover: what its kernel says of the lines that have run
 * @kcov: what its kernel says of the code that was reached
 * @dtb: file with its device tree, NULL: none
 * @pid: of its kernel; 0: not started, or reaped
 * @channel_ended: nobody is left at the other end of the console
 * @exited: its command has ended, with @status, at @now on the node's clock
 * @said, @said_len: what its command has printed in this turn (record.c)
 * @failure: why it cannot go on, NULL: nothing is wrong
 * @wstatus: of the kernel's process, when it has ended
 * @reaped: it has
 * @lost: whoever runs the lab has noticed that it is gone
 */
struct node {
	const struct lab_node *cfg;
	unsigned int id;
	const struct kernel *kernel;
	struct strvec devices;
	char *dtb;
	struct cover cover;
	struct kcov kcov;
	struct console console;
	struct klog klog;
	pid_t pid;
	bool channel_ended, exited, reaped, lost;
	u32 status;
	u64 now;
	u8 *said;
	size_t said_len;
	char *failure, *log;
	int wstatus;
};

void node_init(struct node *n, const struct lab_node *cfg, unsigned int id,
	       const struct kernel *kernel);
void node_fini(struct node *n);

/** node_initrd() - name of the node's initramfs in the run's directory */
char *node_initrd(const struct node *n);

/**
 * node_start() - start the kernel
 * @ops, @owner, @plain: see struct console
 *
 * Return: 0 or -errno after one line
 */
int __must_check node_start(struct node *n, const struct node_env *env,
			    const struct console_ops *ops, void *owner,
			    bool plain);

/** node_ended() - waitpid() has returned @wstatus for it */
void node_ended(struct node *n, const struct node_env *env, int wstatus);

/** node_kill() - end all processes of the node and wait for that */
void node_kill(struct node *n, const struct node_env *env);

/**
 * node_explain() - why the node has failed, and the end of its log
 * @kept: the log stays where it is
 */
void node_explain(const struct node *n, bool kept);

#endif
