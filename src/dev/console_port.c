// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A port of a console: its bytes, both ways, and how long they take. */
#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

#include "console_port.h"

/*
 * DOC: Theory of operation
 *
 * Output: without a rate a buffer's bytes are the host's within the kick; the
 * buffer goes back then. With one, a buffer is on the line at a time, and its
 * bytes are the host's when the last of them has left.
 *
 * Input comes from a file, a script or other code of the host, and all of it
 * goes through one queue. There it waits until the guest has opened the port, since
 * drivers throw away what comes before, and for buffers. With a rate each byte
 * arrives by itself, as with a UART that has no FIFO; when there is no buffer
 * the line stands still.
 *
 * Times on a line are counted from when it was idle last, so that rounding
 * does not add up: byte n is through at start + ceil(n * 10^9 / rate).
 */

/* Copied at a time; bounds what is on the stack. */
#define PIECE	4096u

static struct vq *in_vq(const struct console_port *p)
{
	return dev_vq(p->c->dev, console_in_vq(p->id));
}

static struct vq *out_vq(const struct console_port *p)
{
	return dev_vq(p->c->dev, console_in_vq(p->id) + 1);
}

static u64 now(const struct console_port *p)
{
	return dev_now(p->c->dev);
}

/* When @nr bytes have been carried; no rate has more than 10^9 of them a ns. */
static u64 line_time(const struct console_port *p, u64 start, u64 nr)
{
	u64 s = nr / p->rate, rest = nr % p->rate;
	unsigned __int128 ns = ((unsigned __int128)rest * NSEC_PER_SEC +
				p->rate - 1) / p->rate;

	return start + s * NSEC_PER_SEC + (u64)ns;
}

/* Output */

void port_write(struct console_port *p, const void *buf, size_t len)
{
	p->out_bytes += len;
	if (p->out)
		dev_out_write(p->out, buf, len);
	if (p->host)
		p->host->out(p->owner, buf, len);
}

static void write_buf(struct console_port *p, const struct vq_buf *b)
{
	u8 piece[PIECE];
	size_t off = 0, n;

	while ((n = vq_buf_read(b, off, piece, sizeof(piece)))) {
		port_write(p, piece, n);
		off += n;
	}
}

static void out_release(struct console_port *p)
{
	if (!p->out_held)
		return;
	p->out_held = false;
	write_buf(p, &p->out_buf);
	vq_push(p->out_buf.vq, &p->out_buf, 0);
}

static void out_hold(struct console_port *p)
{
	if (line_time(p, p->out_start, p->out_nr) < now(p)) {
		p->out_start = now(p);
		p->out_nr = 0;
	}
	p->out_nr += p->out_buf.out_len;
	p->out_held = true;
	dev_timer_arm(&p->out_timer, line_time(p, p->out_start, p->out_nr));
}

void port_out_ready(struct console_port *p)
{
	struct vq *vq = out_vq(p);

	if (!vq)
		return;
	while (!dev_timer_armed(&p->out_timer) && vq_pop(vq, &p->out_buf) == 1) {
		if (p->rate && p->out_buf.out_len) {
			out_hold(p);
			continue;
		}
		write_buf(p, &p->out_buf);
		vq_push(vq, &p->out_buf, 0);
	}
}

static void out_due(struct dev_timer *t)
{
	struct console_port *p = container_of(t, struct console_port, out_timer);

	out_release(p);
	port_out_ready(p);
}

/*
 * What is on the line has been given to us: it must be neither lost nor sent
 * twice. With the driver goes what a rate has made wait.
 */
void port_out_stop(struct console_port *p, bool all)
{
	struct vq *vq = out_vq(p);
	struct vq_buf b;

	out_release(p);
	if (!all || !vq)
		return;
	dev_timer_cancel(&p->out_timer);
	while (vq_pop(vq, &b) == 1) {
		write_buf(p, &b);
		vq_push(vq, &b, 0);
	}
}

/* Input */

/* As many of the bytes that wait as @b has room for, at most @max */
static size_t fill(struct console_port *p, struct vq_buf *b, size_t max)
{
	size_t n = vq_buf_write(b, 0, p->in + p->in_off,
				min_size(p->in_len, max));

	p->in_off += n;
	p->in_len -= n;
	p->in_bytes += n;
	vq_push(b->vq, b, (u32)n);
	return n;
}

/* All input has been given. */
static void in_end(struct console_port *p)
{
	p->in_off = 0;
	if (!p->eof || !p->host_open || p->file)
		return;
	p->eof = false;
	p->host_open = false;
	p->todo |= 1u << CTL_OPEN;
	control_run(p->c);
}

static bool in_possible(const struct console_port *p)
{
	const struct vq *vq = in_vq(p);

	return p->open && p->in_len && vq && vq_usable(vq);
}

static void in_arm(struct console_port *p)
{
	dev_timer_arm(&p->in_timer, line_time(p, p->in_start, p->in_nr + 1));
}

/* Without a rate: all of it, as far as there are buffers */
static void in_all(struct console_port *p)
{
	struct vq_buf b;

	while (in_possible(p) && vq_pop(in_vq(p), &b) == 1)
		fill(p, &b, SIZE_MAX);
}

static void in_run(struct console_port *p)
{
	if (!p->rate) {
		in_all(p);
	} else if (in_possible(p) && !dev_timer_armed(&p->in_timer)) {
		p->in_start = now(p);
		p->in_nr = 0;
		in_arm(p);
	}
	if (!p->in_len)
		in_end(p);
}

/* A byte has come to the end of the line. */
static void in_due(struct dev_timer *t)
{
	struct console_port *p = container_of(t, struct console_port, in_timer);
	struct vq_buf b;

	/* No buffer: when there is one the line begins anew. */
	if (!in_possible(p) || vq_pop(in_vq(p), &b) != 1)
		return;
	p->in_nr += fill(p, &b, 1);
	if (p->in_len)
		in_arm(p);
	else
		in_end(p);
}

void port_in_ready(struct console_port *p)
{
	in_run(p);
}

/* Room for @len more bytes behind those that wait */
static int in_grow(struct console_port *p, size_t len)
{
	size_t size;
	u8 *in;

	if (p->in_len)
		memmove(p->in, p->in + p->in_off, p->in_len);
	p->in_off = 0;
	if (len <= p->in_size - p->in_len)
		return 0;
	size = 2 * p->in_size + len;
	in = realloc(p->in, size);
	if (!in)
		return -ENOMEM;
	p->in = in;
	p->in_size = size;
	return 0;
}

static int in_add(struct console_port *p, const void *buf, size_t len)
{
	if (p->in_size - p->in_len - p->in_off < len && in_grow(p, len))
		return -ENOMEM;
	memcpy(p->in + p->in_off + p->in_len, buf, len);
	p->in_len += len;
	return 0;
}

int console_feed(struct console_port *p, const void *buf, size_t len)
{
	int err = len ? in_add(p, buf, len) : 0;

	/* Not from within the caller: it may be anywhere. */
	if (!err)
		dev_timer_arm(&p->feed_timer, now(p));
	return err;
}

static void fed(struct dev_timer *t)
{
	struct console_port *p = container_of(t, struct console_port,
					      feed_timer);

	control_run(p->c);
	in_run(p);
}

/* It is given once; where it has been, there is no file any more. */
static void file_due(struct dev_timer *t)
{
	struct console_port *p = container_of(t, struct console_port,
					      file_timer);

	if (in_add(p, p->file, p->file_len))
		log_err(dev_name(p->c->dev), "port %s: no memory for its input",
			p->name);
	free(p->file);
	p->file = NULL;
	in_run(p);
}

/* Life */

void console_resize(struct console_port *p, u16 cols, u16 rows)
{
	p->cols = cols;
	p->rows = rows;
	p->todo |= 1u << CTL_RESIZE;
	dev_timer_arm(&p->feed_timer, now(p));
}

void port_host_open(struct console_port *p, bool open)
{
	p->host_open = open;
	p->todo |= 1u << CTL_OPEN;
	dev_timer_arm(&p->feed_timer, now(p));
}

void console_attach(struct console_port *p, const struct console_host_ops *ops,
		    void *owner)
{
	p->host = ops;
	p->owner = owner;
}

void port_opened(struct console_port *p, bool open)
{
	if (p->open == open)
		return;
	p->open = open;
	if (p->host && p->host->opened)
		p->host->opened(p->owner, open);
	if (open)
		in_run(p);
}

void port_reset(struct console_port *p, bool open)
{
	p->todo = 0;
	p->open = open;
	dev_timer_cancel(&p->in_timer);
}

void port_init(struct console_port *p, struct console *c, unsigned int id)
{
	p->c = c;
	p->id = id;
	p->host_open = true;
	dev_timer_init(&p->in_timer, dev_bus(c->dev), in_due);
	dev_timer_init(&p->out_timer, dev_bus(c->dev), out_due);
	dev_timer_init(&p->file_timer, dev_bus(c->dev), file_due);
	dev_timer_init(&p->feed_timer, dev_bus(c->dev), fed);
}

void port_begin(struct console_port *p)
{
	if (p->file)
		dev_timer_arm(&p->file_timer, p->file_at);
}

void port_fini(struct console_port *p)
{
	dev_timer_cancel(&p->in_timer);
	dev_timer_cancel(&p->out_timer);
	dev_timer_cancel(&p->file_timer);
	dev_timer_cancel(&p->feed_timer);
	dev_out_close(p->out);
	free(p->file);
	free(p->in);
}
