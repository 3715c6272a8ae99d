// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Writing a trace of a run. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace.h"

/*
 * DOC: Theory of operation
 *
 * The file is mapped, a window at a time, and records are written to the
 * mapping: no system call per record, and what has been written is in the file
 * even if the next thing that happens to this process is SIGKILL. Space for a
 * window is allocated before it is mapped, since a disk that is full would be
 * a SIGBUS otherwise.
 */

#define WINDOW	((size_t)4 << 20)

/**
 * struct trace - a trace being written
 * @win, @win_len: the window, at @win_off of the file
 * @pos: in the window, where the next record goes
 * @last: time of the last record
 * @over: trace_end() has been called
 * @err: why there are no more records, 0 or -errno
 */
struct trace {
	int fd;
	u8 *win;
	size_t win_len, pos;
	u64 win_off;
	u64 last;
	bool over;
	int err;
	u64 (*clock)(void *arg);
	void *arg;
};

/* A window with room for @need bytes from the end of the trace on */
static int move_window(struct trace *t, size_t need)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 end = t->win_off + t->pos;
	int err;

	if (t->win)
		munmap(t->win, t->win_len);
	t->win_off = end - end % page;
	t->pos = end % page;
	t->win_len = t->pos + need > WINDOW ? (size_t)(t->pos + need) : WINDOW;
	err = posix_fallocate(t->fd, (off_t)t->win_off, (off_t)t->win_len);
	t->win = err ? MAP_FAILED :
		 mmap(NULL, t->win_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		      t->fd, (off_t)t->win_off);
	if (t->win != MAP_FAILED)
		return 0;
	t->win = NULL;
	return err ? -err : -errno;
}

static u8 *put_varint(u8 *p, u64 v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (u8)(v | 0x80);
	*p++ = (u8)v;
	return p;
}

/* What a reader takes for a record must be one: its first byte comes last. */
static void write_record(struct trace *t, enum trace_kind kind,
			 const u64 *fields, const void *data, size_t len)
{
	const struct trace_kind_desc *k = trace_kind_desc(kind);
	u8 *start = t->win + t->pos, *p = start + 1;
	u64 now = t->clock(t->arg);
	unsigned int i;

	p = put_varint(p, now - t->last);
	for (i = 0; i < k->nr_fields; i++)
		p = put_varint(p, fields[i]);
	if (k->data) {
		p = put_varint(p, len);
		if (len)
			memcpy(p, data, len);
		p += len;
	}
	__atomic_store_n(start, (u8)kind, __ATOMIC_RELEASE);
	t->pos += (size_t)(p - start);
	t->last = now;
}

void trace_add(struct trace *t, enum trace_kind kind, const u64 *fields,
	       const void *data, size_t len)
{
	size_t need = 1 + (TRACE_MAX_FIELDS + 2) * TRACE_MAX_VARINT + len;

	if (!t || t->err || t->over)
		return;
	if (need > t->win_len - t->pos)
		t->err = move_window(t, need);
	if (!t->err)
		write_record(t, kind, fields, data, len);
}

void trace_text(struct trace *t, enum trace_kind kind, const u64 *fields,
		const char *text)
{
	trace_add(t, kind, fields, text, strlen(text));
}

void trace_end(struct trace *t, int status, const char *why)
{
	trace_text(t, TRACE_END, TRACE_FIELDS((u64)status), why);
	if (t)
		t->over = true;
}

int trace_open(struct trace **out, const char *path, u64 (*clock)(void *arg),
	       void *arg)
{
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->clock = clock;
	t->arg = arg;
	t->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	err = t->fd < 0 ? -errno : move_window(t, sizeof(TRACE_MAGIC));
	if (err) {
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return err;
	}
	memcpy(t->win, TRACE_MAGIC, sizeof(TRACE_MAGIC) - 1);
	t->pos = sizeof(TRACE_MAGIC) - 1;
	*out = t;
	return 0;
}

int trace_close(struct trace *t)
{
	int err;

	if (!t)
		return 0;
	err = t->err;
	if (ftruncate(t->fd, (off_t)(t->win_off + t->pos)) < 0 && !err)
		err = -errno;
	if (t->win)
		munmap(t->win, t->win_len);
	close(t->fd);
	free(t);
	return err;
}
