/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What programs that start vhost-user back-ends expect of every one. */
#ifndef CMD_BACKEND_H
#define CMD_BACKEND_H

#include <stdbool.h>

#include "../base/types.h"

/*
 * The rules are in "Backend program conventions" of QEMU's
 * docs/interop/vhost-user.rst, and in docs/interop/vhost-user.json.
 */

/**
 * backend_capabilities() - print those of the device "TYPE,..." as JSON
 *
 * Return: the program's exit status
 */
int backend_capabilities(const char *spec);

/**
 * backend_take_fd() - make a socket that was inherited ready for use
 * @connected: set when it is a connection, and does not listen
 *
 * Return: 0 or -errno, after one line that says what is wrong
 */
int __must_check backend_take_fd(int fd, bool *connected);

#endif
