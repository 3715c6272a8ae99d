// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What umtt writes for others: one queue for stdout and stderr, in order. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "outq.h"
#include "strvec.h"

#define PIECE_SIZE	16384u
#define FULL		64u		/* pieces: 1 MB */
#define MAX_LINE	4096u		/* what is longer is cut in two */

struct outq_piece {
	STAILQ_ENTRY(outq_piece) entry;
	int fd;
	size_t len;
	char data[PIECE_SIZE];
};

static void write_done(struct op *op, int res);

void outq_init(struct outq *q, struct ring *r)
{
	memset(q, 0, sizeof(*q));
	q->ring = r;
	q->op.done = write_done;
	STAILQ_INIT(&q->pieces);
}

static bool is_dead(const struct outq *q, int fd)
{
	return q->dead_fds & (1u << fd);
}

static void drop_first(struct outq *q)
{
	struct outq_piece *p = STAILQ_FIRST(&q->pieces);

	q->nr_pieces--;
	q->done = 0;
	STAILQ_REMOVE_HEAD(&q->pieces, entry);
	free(p);
}

static void start(struct outq *q)
{
	struct outq_piece *p;

	if (q->op.busy)
		return;
	while ((p = STAILQ_FIRST(&q->pieces)) && is_dead(q, p->fd))
		drop_first(q);
	if (p)
		ring_write(q->ring, &q->op, p->fd, p->data + q->done,
			   p->len - q->done);
}

static void give_up(struct outq *q, int fd, int err)
{
	q->dead_fds |= 1u << fd;
	if (q->broken)
		q->broken(q, fd, err);
}

static void write_done(struct op *op, int res)
{
	struct outq *q = container_of(op, struct outq, op);
	struct outq_piece *p = STAILQ_FIRST(&q->pieces);

	if (res >= 0)
		q->done += (size_t)res;
	else if (res == -EAGAIN)
		/* Somebody's terminal; we mean to wait for it. */
		fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) & ~O_NONBLOCK);
	else if (res != -EINTR && res != -ECANCELED)
		give_up(q, p->fd, res);
	if (q->done == p->len)
		drop_first(q);
	start(q);
	if (q->was_full && !outq_full(q)) {
		q->was_full = false;
		if (q->drained)
			q->drained(q);
	}
}

/* A piece that takes more for @fd; the first one may be in the kernel's hands. */
static struct outq_piece *room(struct outq *q, int fd)
{
	struct outq_piece *p = q->last;

	if (!STAILQ_EMPTY(&q->pieces) && p != STAILQ_FIRST(&q->pieces) &&
	    p->fd == fd && p->len < PIECE_SIZE)
		return p;
	p = xrealloc(NULL, sizeof(*p));
	p->fd = fd;
	p->len = 0;
	q->last = p;
	q->nr_pieces++;
	STAILQ_INSERT_TAIL(&q->pieces, p, entry);
	return p;
}

void outq_add(struct outq *q, int fd, const void *data, size_t len)
{
	const char *from = data;
	struct outq_piece *p;
	size_t n;

	if (is_dead(q, fd))
		return;
	while (len) {
		p = room(q, fd);
		n = min_size(len, PIECE_SIZE - p->len);
		memcpy(p->data + p->len, from, n);
		p->len += n;
		from += n;
		len -= n;
	}
	start(q);
}

bool outq_full(struct outq *q)
{
	bool full = q->nr_pieces >= FULL;

	q->was_full |= full;
	return full;
}

void outq_fini(struct outq *q)
{
	while (!STAILQ_EMPTY(&q->pieces))
		drop_first(q);
}

static void emit(struct outq_lines *l, const char *data, size_t len)
{
	outq_add(l->q, l->fd, l->prefix, strlen(l->prefix));
	outq_add(l->q, l->fd, l->part, l->len);
	outq_add(l->q, l->fd, data, len);
	outq_add(l->q, l->fd, log_newline(), strlen(log_newline()));
	l->len = 0;
}

void outq_lines_add(struct outq_lines *l, const void *data, size_t len)
{
	const char *p = data, *nl;

	while ((nl = memchr(p, '\n', len))) {
		emit(l, p, (size_t)(nl - p));
		len -= (size_t)(nl + 1 - p);
		p = nl + 1;
	}
	if (l->len + len > MAX_LINE)
		outq_lines_end(l);
	l->part = xrealloc(l->part, l->len + len + 1);
	memcpy(l->part + l->len, p, len);
	l->len += len;
}

void outq_lines_end(struct outq_lines *l)
{
	if (l->len)
		emit(l, "", 0);
	free(l->part);
	l->part = NULL;
	l->len = 0;
}
