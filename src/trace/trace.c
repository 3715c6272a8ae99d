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
 *
 * A trace without a file keeps the last records: when the window is full, it
 * becomes the old one, and the old one begins anew. What defines names is kept
 * apart. Of a file, it is remembered where to begin reading for the last ones.
 */

#define WINDOW		((size_t)4 << 20)
#define KEPT_WINDOW	((size_t)128 << 10)	/* without a file, twice */
#define KEPT_DATA	((size_t)64)		/* of one record */
#define MARK_EVERY	KEPT_WINDOW

/** struct mark - a place between two records, and the time of the first of them */
struct mark {
	u64 off, time;
};

/**
 * struct trace - a trace being written
 * @fd: -1: no file, the last records are kept in memory
 * @win, @win_len: the window, at @win_off of the file
 * @pos: in the window, where the next record goes
 * @last: time of the last record
 * @old: without a file, the window before this one
 * @win_time: without a file, the time before the first record of the window
 * @defs: copies of the records that define something
 * @mark: of the file, where to begin for the last records
 * @seen: of the file, what trace_recent() has mapped
 * @check: see trace_check()
 * @over: trace_end() has been called
 * @err: why there are no more records, 0 or -errno
 */
struct trace {
	int fd;
	u8 *win;
	size_t win_len, pos;
	u64 win_off;
	u64 last;
	struct trace_part old;
	size_t old_size;
	u64 win_time;
	u8 *defs;
	size_t defs_len, defs_size;
	struct mark mark[2];
	struct trace_part seen;
	const struct trace_check *check;
	bool over;
	int err;
	u64 (*clock)(void *arg);
	void *arg;
};

/* The window becomes the old one, and that the window. */
static int swap_windows(struct trace *t, size_t need)
{
	struct trace_part full = { t->win, t->pos, t->win_time };
	size_t size = t->win_len;
	u8 *win = (u8 *)(uintptr_t)t->old.buf;

	if (!win || t->old_size < need) {
		t->old_size = max_u64(need, KEPT_WINDOW);
		win = realloc(win, t->old_size);
	}
	t->old = full;
	t->win = win;
	t->win_len = win ? t->old_size : 0;
	t->old_size = size;
	t->pos = 0;
	t->win_time = t->last;
	return win ? 0 : -ENOMEM;
}

/* A window of the file with room for @need bytes from the end of the trace on */
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

static bool defines(enum trace_kind kind)
{
	return kind == TRACE_NODE || kind == TRACE_DEVICE ||
	       kind == TRACE_LINK || kind == TRACE_PORT;
}

static void keep_definition(struct trace *t, const u8 *rec, size_t len)
{
	u8 *p = t->defs;

	if (t->defs_len + len > t->defs_size) {
		p = realloc(p, 2 * (t->defs_size + len));
		if (!p)
			return;
		t->defs = p;
		t->defs_size = 2 * (t->defs_size + len);
	}
	memcpy(p + t->defs_len, rec, len);
	t->defs_len += len;
}

/* The last to be done for a record: whoever is told may end the trace. */
static void written(struct trace *t, enum trace_kind kind, const u8 *rec,
		    size_t len)
{
	u64 end = t->win_off + t->pos;

	if (defines(kind))
		keep_definition(t, rec, len);
	if (t->fd >= 0 && end - t->mark[1].off >= MARK_EVERY) {
		t->mark[0] = t->mark[1];
		t->mark[1] = (struct mark){ end, t->last };
	}
	if (t->check)
		t->check->record(t->check->arg, kind, rec, len);
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
	written(t, kind, start, (size_t)(p - start));
}

void trace_add(struct trace *t, enum trace_kind kind, const u64 *fields,
	       const void *data, size_t len)
{
	size_t need;

	if (!t || t->err || t->over)
		return;
	if (t->fd < 0 && !t->check && len > KEPT_DATA)
		len = KEPT_DATA;
	need = 1 + (TRACE_MAX_FIELDS + 2) * TRACE_MAX_VARINT + len;
	if (need > t->win_len - t->pos)
		t->err = t->fd < 0 ? swap_windows(t, need) :
				     move_window(t, need);
	if (!t->err)
		write_record(t, kind, fields, data, len);
}

void trace_end(struct trace *t, int status, const char *why)
{
	TRACE_TEXT(t, END, why, (u64)status);
	if (t)
		t->over = true;
}

static int open_file(struct trace *t, const char *path)
{
	int err;

	t->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	err = t->fd < 0 ? -errno : move_window(t, sizeof(TRACE_MAGIC));
	if (err) {
		if (t->fd >= 0)
			close(t->fd);
		return err;
	}
	memcpy(t->win, TRACE_MAGIC, sizeof(TRACE_MAGIC) - 1);
	t->pos = sizeof(TRACE_MAGIC) - 1;
	t->mark[0].off = t->mark[1].off = t->pos;
	return 0;
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
	t->fd = -1;
	err = path ? open_file(t, path) : 0;
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return 0;
}

void trace_check(struct trace *t, const struct trace_check *check)
{
	t->check = check;
}

/* Of the file, from the older mark on. It is not as long as what is mapped. */
static void map_end(struct trace *t)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 from = t->mark[0].off, end = t->win_off + t->pos;
	void *p = mmap(NULL, (size_t)(end - from + from % page), PROT_READ,
		       MAP_SHARED, t->fd, (off_t)(from - from % page));

	if (p == MAP_FAILED)
		return;
	t->seen = (struct trace_part){ (const u8 *)p + from % page,
				       (size_t)(end - from), t->mark[0].time };
}

static void unmap_end(struct trace *t)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	size_t in_page = (uintptr_t)t->seen.buf % page;

	if (t->seen.buf)
		munmap((u8 *)(uintptr_t)t->seen.buf - in_page,
		       t->seen.len + in_page);
	t->seen.buf = NULL;
}

void trace_recent(struct trace *t, struct trace_part parts[3])
{
	memset(parts, 0, 3 * sizeof(*parts));
	if (!t)
		return;
	parts[0] = (struct trace_part){ t->defs, t->defs_len, 0 };
	if (t->fd >= 0) {
		unmap_end(t);
		map_end(t);
		parts[1] = t->seen;
		return;
	}
	parts[1] = t->old;
	parts[2] = (struct trace_part){ t->win, t->pos, t->win_time };
}

static int close_file(struct trace *t)
{
	int err = t->err;

	if (ftruncate(t->fd, (off_t)(t->win_off + t->pos)) < 0 && !err)
		err = -errno;
	unmap_end(t);
	if (t->win)
		munmap(t->win, t->win_len);
	close(t->fd);
	return err;
}

int trace_close(struct trace *t)
{
	int err = 0;

	if (!t)
		return 0;
	if (t->fd >= 0) {
		err = close_file(t);
	} else {
		free(t->win);
		free((void *)(uintptr_t)t->old.buf);
	}
	free(t->defs);
	free(t);
	return err;
}
