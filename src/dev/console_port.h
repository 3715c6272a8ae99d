/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the parts of the console share. */
#ifndef DEV_CONSOLE_PORT_H
#define DEV_CONSOLE_PORT_H

#include "console.h"
#include "script.h"

/* UML has 64 queues at most: two of each port, two for control. */
#define CONSOLE_MAX_PORTS 31u

enum { VQ_PORT0_IN, VQ_PORT0_OUT, VQ_CTL_IN, VQ_CTL_OUT, VQ_PORT1_IN };

/* Control messages to the driver that are due, sent in this order */
enum ctl { CTL_ADD, CTL_CONSOLE, CTL_RESIZE, CTL_NAME, CTL_OPEN, NR_CTLS };

/**
 * struct console_port - one port
 * @console: it is a terminal, hvcN in the guest
 * @eof: close the host's end when @file has been given
 * @out: where the guest's bytes go, NULL: nowhere
 * @todo: control messages that wait to be sent, a bit for each enum ctl
 * @open: the guest has opened it
 * @host_open: our end is
 * @file, @file_len: what is given from @file_at on, by @file_timer
 * @in: bytes that are due, @in_len of them from @in_off on
 * @rate: bytes per second of simulated time, each way; 0: they take no time
 * @in_start, @in_nr: when the input's line was idle last, and what it has
 *	carried since
 * @out_start, @out_nr: the same of the output, @out_buf being on it if @out_held
 */
struct console_port {
	struct console *c;
	unsigned int id;
	const char *name;
	bool console, eof;
	u16 cols, rows;
	struct dev_out *out;
	const struct console_host_ops *host;
	void *owner;

	unsigned int todo;
	bool open, host_open;

	u8 *file;
	size_t file_len;
	u64 file_at;
	struct dev_timer file_timer, feed_timer;

	u8 *in;
	size_t in_off, in_len, in_size;
	u64 rate;
	struct dev_timer in_timer, out_timer;
	u64 in_start, in_nr, out_start, out_nr;
	struct vq_buf out_buf;
	bool out_held;

	u64 in_bytes, out_bytes;
};

/**
 * struct console - the device
 * @ports: @nr of them, with @names
 * @bad_control: messages of the driver that made no sense
 * @failed: messages of it that it cannot set up a port, or the device
 * @no_room: messages for which it has given too small a buffer
 */
struct console {
	struct dev *dev;
	unsigned int nr;
	struct console_port *ports;
	char *names;
	struct script *script;
	u64 bad_control, failed, no_room;
};

static inline unsigned int console_in_vq(unsigned int port)
{
	return port ? VQ_PORT1_IN + 2 * (port - 1) : VQ_PORT0_IN;
}

/** port_init() - before its options are read */
void port_init(struct console_port *p, struct console *c, unsigned int id);
/** port_begin() - all options are known: arm what is to come */
void port_begin(struct console_port *p);
void port_fini(struct console_port *p);

/** port_reset() - a new driver; @open: it does not say when it is ready */
void port_reset(struct console_port *p, bool open);
/** port_opened() - the guest has opened or closed it */
void port_opened(struct console_port *p, bool open);
/** port_in_ready(), port_out_ready() - the driver has buffers in its queues */
void port_in_ready(struct console_port *p);
void port_out_ready(struct console_port *p);
/** port_write() - bytes of the guest, to the host */
void port_write(struct console_port *p, const void *buf, size_t len);
/** port_out_stop() - its output queue is taken away; @all: so is the driver */
void port_out_stop(struct console_port *p, bool all);

/** port_host_open() - our end is open, or not; as console_feed() */
void port_host_open(struct console_port *p, bool open);

/** console_size() - "80x25"; 0, -EINVAL */
int __must_check console_size(const char *s, u16 *cols, u16 *rows);

extern const struct script_ops console_script_ops;

/** control_run() - send the control messages that are due, as far as there are buffers */
void control_run(struct console *c);
/** control_ready() - the driver has sent some */
void control_ready(struct console *c);

#endif
