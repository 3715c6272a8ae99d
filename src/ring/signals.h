/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Signals, as events of the loop. */
#ifndef RING_SIGNALS_H
#define RING_SIGNALS_H

#include <signal.h>
#include <sys/signalfd.h>

#include "ring.h"

/**
 * struct signals - a signalfd
 * @got: a signal has come; called from the loop
 */
struct signals {
	struct ring *ring;
	int fd;
	struct op op;
	struct signalfd_siginfo info;
	void *owner;
	void (*got)(struct signals *sg, int signo);
};

/**
 * signals_open() - block the signals in @set, and be told of them instead
 *
 * Return: 0 or -errno
 */
int __must_check signals_open(struct signals *sg, struct ring *r,
			      const sigset_t *set,
			      void (*got)(struct signals *sg, int signo));

/**
 * signals_open_loop() - ring_init(), and the signals that end a program
 * @more: others to be told of, besides SIGINT, SIGTERM and SIGHUP; ends with 0;
 *	NULL: none
 *
 * Return: 0 or -errno, after one line that says what to do about it
 */
int __must_check signals_open_loop(struct signals *sg, struct ring *r,
				   const int *more,
				   void (*got)(struct signals *sg, int signo));

/** signals_close() - to be followed by ring_drain(); they stay blocked */
void signals_close(struct signals *sg);

#endif
