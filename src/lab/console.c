// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a node says: its command's output and status, and its kernel's log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

	if (!stream)
		return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				  ends) < 0 ? -errno : 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (fcntl(ends[1], F_SETPIPE_SZ, sizes[i]) >= 0)
			break;
	return 0;
}

static void pass_on(struct console *c, int fd, const u8 *data, size_t len)
{
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
	if (n == -EINTR)
		return true;
	if (n <= 0) {
		outq_lines_end(&c->out);
		outq_lines_end(&c->err);
		c->ops->ended(c);
		return false;
	}
	c->have += (size_t)n;
	if (take_frames(c) == 0)
		return true;
	c->ops->failed(c, "something but its init has written to " CHANNEL_TTY);
	return false;
}

static bool is_ready(int fd)
{
	int n;

	return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* What has come besides. The queue may be full; then the node has to wait. */
static bool take_rest(struct console *c)
{
	while (!outq_full(c->q) && is_ready(c->fd))
		if (!took(c, read(c->fd, c->buf + c->have,
				  sizeof(c->buf) - c->have)))
			return false;
	return true;
}

static void arm(struct console *c)
{
	if (c->fd >= 0 && !c->op.busy && !outq_full(c->q))
		ring_read(c->ring, &c->op, c->fd, c->buf + c->have,
			  sizeof(c->buf) - c->have);
}

static void read_done(struct op *op, int res)
{
	struct console *c = container_of(op, struct console, op);

	if (c->fd < 0)
		return;
	if (took(c, res) && take_rest(c))
		arm(c);
}

void console_open(struct console *c, struct ring *r, struct outq *q, int fd,
		  const char *name, bool plain)
{
	c->ring = r;
	c->q = q;
	c->fd = fd;
	c->plain = plain;
	c->op.done = read_done;
	c->prefix = xasprintf("%s: ", name);
	c->out = (struct outq_lines){ q, STDOUT_FILENO, c->prefix, NULL, 0 };
	c->err = (struct outq_lines){ q, STDERR_FILENO, c->prefix, NULL, 0 };
	arm(c);
}

void console_resume(struct console *c)
{
	if (c->fd >= 0 && !c->op.busy && take_rest(c))
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
