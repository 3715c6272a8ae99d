/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of the init process of a node. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../src/lab/channel.h"

/* "key=value" strings of the configuration, in order; ends with NULL */
extern char **conf;

/**
 * conf_next() - walk over all values of @key
 * @pos: 0 to begin with
 *
 * Return: the value; NULL: no more
 */
const char *conf_next(const char *key, size_t *pos);
/** conf_get() - the only value of @key, or @dflt */
const char *conf_get(const char *key, const char *dflt);

/** note() - a line into the kernel's log */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** fail() - tell umtt why this node cannot work, and stop here */
void fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/** mounts_early() - /proc, /sys and /dev of the initramfs */
void mounts_early(void);
/** mounts_root() - the host's files as the root, and what goes on top of them */
void mounts_root(void);

/** modules_load() - what umtt put into the initramfs */
void modules_load(void);

/** net_setup() - lo, addresses, default route, /etc/hosts */
void net_setup(void);

/** ports_link() - names for the ports of virtio consoles */
void ports_link(void);

/** cover_check() - fail if the coverage that is wanted cannot be had */
void cover_check(void);
/** cover_send() - send it */
void cover_send(void);

/** kcov_open() - if it is asked for; kcov_begin() - trace this process */
void kcov_open(void);
void kcov_begin(void);
/** kcov_end() - trace it no longer; kcov_send() - send what was reached */
void kcov_end(void);
void kcov_send(void);

/** send_frame() - pass @len bytes, at most CHANNEL_MAX_DATA, to umtt */
void send_frame(enum channel_kind kind, const void *data, size_t len);

/** run_command() - run the command of this node; goes on until umtt ends it */
void run_command(void) __attribute__((noreturn));

/** command_exec() - become the command, with these descriptors */
void command_exec(int in, int out, int error) __attribute__((noreturn));
/** report_exit() - the command has ended, with @status as of waitpid(): coverage, then that */
void report_exit(int status);

/** run_on_terminal() - run the command on a terminal; goes on until umtt ends it */
void run_on_terminal(void) __attribute__((noreturn));

/**
 * sysfs_descend() - go down into the first entry of @path that begins with @prefix
 *
 * Return: false when there is none; @path is as it was then
 */
bool sysfs_descend(char *path, size_t size, const char *prefix);

/** child_events() - a descriptor that is readable when a child has ended */
int child_events(void);
/** reap() - take leave of all that have ended; true: @command is among them */
bool reap(pid_t command, int *status);

#endif
