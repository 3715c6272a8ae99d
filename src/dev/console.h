/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The host's end of a console device's ports, for code that is at one. */
#ifndef DEV_CONSOLE_H
#define DEV_CONSOLE_H

#include "dev.h"

#define CONSOLE_ID	3	/* as in linux/virtio_ids.h */

struct console_port;

/**
 * struct console_host_ops - who is at the host's end
 * @out: the guest has written these bytes; at an instant of simulated time
 * @opened: a program of the guest has opened the port, or closed it; may be NULL
 */
struct console_host_ops {
	void (*out)(void *owner, const void *buf, size_t len);
	void (*opened)(void *owner, bool open);
};

/** console_find() - the port of device @d with this name; NULL: there is none */
struct console_port *console_find(struct dev *d, const char *name);

/** console_attach() - hear of what the guest does; besides its file, if it has one */
void console_attach(struct console_port *p, const struct console_host_ops *ops,
		    void *owner);

/**
 * console_feed() - bytes for the guest, at the present instant
 *
 * To be called in a callback of the bus (a timer, @out), or while the caller
 * holds simulated time: only then is it known how far the guest has come. They
 * wait until the guest has opened the port, and for its buffers.
 *
 * Return: 0, -ENOMEM
 */
int __must_check console_feed(struct console_port *p, const void *buf,
			      size_t len);

/** console_resize() - the guest's terminal has this size from now on; as console_feed() */
void console_resize(struct console_port *p, u16 cols, u16 rows);

#endif
