// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a node says: its command's output and status, and its kernel's log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"
#include "strvec.h"

/*
 * DOC: Order
 *
 * One node runs at a time, and it has written what it has to say before it
 * gives up its turn. Whenever something has come, all of it is taken before
 * anything else happens, so what several nodes say comes out in the order of
 * simulated events.
 */

int console_pair(bool stream, int ends[2])
{
	static const int sizes[] = { 1 << 20, 1 << 18, 1 << 17 };
	size_t i;

	if ((stream ? pipe2(ends, O_CLOEXEC) :
	     socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) < 0)
		return -errno;
	/* Ours only: each end has its own. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (!stream)
		return 0;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (fcntl(ends[1], F_SETPIPE_SZ, sizes[i]) >= 0)
			break;
	return 0;
}

static void pass_on(struct console *c, int fd, const u8 *data, size_t len)
{
	if (c->ops->said)
		c->ops->said(c, fd, data, len);
	if (c->plain)
		outq_add(c->q, fd, data, len);
	else
		outq_lines_add(fd == STDOUT_FILENO ? &c->out : &c->err, data,
			       len);
}

static void got_exit(struct console *c, const u8 *data, size_t len)
{
	struct channel_exit x;

	if (len != sizeof(x)) {
		c->ops->failed(c, "its init has sent an odd status");
		return;
	}
	memcpy(&x, data, sizeof(x));
	c->ops->exited(c, x.status, x.now);
}

static void got_fail(struct console *c, const u8 *data, size_t len)
{
	char text[CHANNEL_MAX_FRAME];

	memcpy(text, data, len);
	text[len] = '\0';
	c->ops->failed(c, text);
}

/* false: nothing sensible can follow */
static bool got_frame(struct console *c, u8 kind, const u8 *data, size_t len)
{
	switch (kind) {
	case CHANNEL_OUT:
		pass_on(c, STDOUT_FILENO, data, len);
		return true;
	case CHANNEL_ERR:
		pass_on(c, STDERR_FILENO, data, len);
		return true;
	case CHANNEL_COVER:
	case CHANNEL_COVER_DATA:
	case CHANNEL_KCOV:
		c->ops->cover(c, kind, data, len);
		return true;
	case CHANNEL_EXIT:
		got_exit(c, data, len);
		return true;
	case CHANNEL_FAIL:
		got_fail(c, data, len);
		return true;
	default:
		return false;
	}
}

/* Take the whole frames out of the buffer. */
static int take_frames(struct console *c)
{
	struct channel_hdr hdr;
	size_t at = 0;

	while (c->have - at >= sizeof(hdr)) {
		memcpy(&hdr, c->buf + at, sizeof(hdr));
		if (hdr.magic != CHANNEL_MAGIC || hdr.len > CHANNEL_MAX_DATA)
			return -EPROTO;
		if (c->have - at < sizeof(hdr) + hdr.len)
			break;
		if (!got_frame(c, hdr.kind, c->buf + at + sizeof(hdr), hdr.len))
			return -EPROTO;
		at += sizeof(hdr) + hdr.len;
	}
	memmove(c->buf, c->buf + at, c->have - at);
	c->have -= at;
	return 0;
}

/* false: nothing more will come of this channel */
static bool took(struct console *c, ssize_t n)
{
	if (n > 0) {
		c->have += (size_t)n;
		if (take_frames(c) == 0)
			return true;
		c->ops->failed(c, "something but its init has written to " CHANNEL_TTY);
	} else {
		outq_lines_end(&c->out);
		outq_lines_end(&c->err);
		c->ops->ended(c);
	}
	c->ended = true;
	return false;
}

/* What has come. The queue may be full; then the node has to wait. */
static void take(struct console *c, bool all)
{
	ssize_t n;

	while (c->fd >= 0 && !c->ended && (all || !outq_full(c->q))) {
		n = read(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);
		if (n < 0 && errno == EINTR)
			continue;
		if ((n < 0 && errno == EAGAIN) || !took(c, n))
			return;
	}
}

static void arm(struct console *c)
{
	if (c->fd >= 0 && !c->ended && !c->op.busy && !outq_full(c->q))
		ring_poll_in(c->ring, &c->op, c->fd);
}

static void ready(struct op *op, int res)
{
	struct console *c = container_of(op, struct console, op);

	if (res >= 0)
		take(c, false);
	arm(c);
}

void console_open(struct console *c, struct ring *r, struct outq *q, int fd,
		  const char *name, bool plain)
{
	c->ring = r;
	c->q = q;
	c->fd = fd;
	c->plain = plain;
	c->op.done = ready;
	c->prefix = xasprintf("%s: ", name);
	c->out = (struct outq_lines){ q, STDOUT_FILENO, c->prefix, NULL, 0 };
	c->err = (struct outq_lines){ q, STDERR_FILENO, c->prefix, NULL, 0 };
	arm(c);
}

void console_drain(struct console *c)
{
	take(c, true);
}

void console_resume(struct console *c)
{
	take(c, false);
	arm(c);
}

void console_close(struct console *c)
{
	if (c->fd < 0)
		return;
	ring_cancel(c->ring, &c->op);
	close(c->fd);
	c->fd = -1;
	outq_lines_end(&c->out);
	outq_lines_end(&c->err);
}

void console_fini(struct console *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->prefix);
	c->prefix = NULL;
}

/*
 * The kernel's log, only when somebody wants to see it at once; otherwise the
 * node writes to the file by itself.
 */

static void klog_take(struct klog *k, int n)
{
	outq_lines_add(&k->lines, k->buf, (size_t)n);
	(void)!write(k->file, k->buf, (size_t)n);
}

static void klog_arm(struct klog *k)
{
	if (k->prefix && !k->ended && !k->op.busy && !outq_full(k->lines.q))
		ring_read(k->ring, &k->op, k->fd, k->buf, sizeof(k->buf));
}

static void klog_done(struct op *op, int res)
{
	struct klog *k = container_of(op, struct klog, op);

	if (res > 0) {
		klog_take(k, res);
	} else if (res != -EINTR) {
		k->ended = true;
		outq_lines_end(&k->lines);
	}
	klog_arm(k);
}

void klog_open(struct klog *k, struct ring *r, struct outq *q, int fd,
	       int file, const char *name)
{
	k->ring = r;
	k->fd = fd;
	k->file = file;
	k->op.done = klog_done;
	k->prefix = xasprintf("%s| ", name);
	k->lines = (struct outq_lines){ q, STDERR_FILENO, k->prefix, NULL, 0 };
	klog_arm(k);
}

void klog_resume(struct klog *k)
{
	klog_arm(k);
}

void klog_fini(struct klog *k)
{
	if (!k->prefix)
		return;
	close(k->fd);
	close(k->file);
	free(k->lines.part);
	free(k->prefix);
	k->prefix = NULL;
}
