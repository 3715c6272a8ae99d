// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Reading a trace: one record after the other, checked. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader.h"

/* Of the magic, what all versions have in common */
#define ANY_VERSION	(sizeof("umtt trace ") - 1)

int trace_reader_init(struct trace_reader *r, const u8 *buf, size_t len)
{
	size_t magic = sizeof(TRACE_MAGIC) - 1;

	*r = (struct trace_reader){ .buf = buf, .len = len, .pos = magic };
	if (len < ANY_VERSION || memcmp(buf, TRACE_MAGIC, ANY_VERSION) != 0)
		return -EPROTO;
	if (len < magic || memcmp(buf, TRACE_MAGIC, magic) != 0)
		return -EPROTONOSUPPORT;
	return 0;
}

void trace_reader_part(struct trace_reader *r, const u8 *buf, size_t len,
		       u64 time)
{
	*r = (struct trace_reader){ .buf = buf, .len = len, .time = time };
}

int trace_reader_open(struct trace_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st = { 0 };
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode) || !st.st_size)
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EPROTO;
	p = err ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ,
				    MAP_PRIVATE, fd, 0);
	if (!err && p == MAP_FAILED)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	err = trace_reader_init(r, p, (size_t)st.st_size);
	if (err)
		munmap(p, (size_t)st.st_size);
	return err;
}

void trace_reader_close(struct trace_reader *r)
{
	munmap((void *)(uintptr_t)r->buf, r->len);
}

static int get_varint(struct trace_reader *r, u64 *v)
{
	unsigned int shift;
	u8 byte;

	*v = 0;
	for (shift = 0; shift < 7 * TRACE_MAX_VARINT; shift += 7) {
		if (r->pos == r->len)
			return -EPROTO;
		byte = r->buf[r->pos++];
		*v |= (u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EPROTO;
}

static int get_data(struct trace_reader *r, struct trace_rec *rec)
{
	u64 len;

	if (get_varint(r, &len) < 0 || len > r->len - r->pos)
		return -EPROTO;
	rec->data = r->buf + r->pos;
	rec->len = (size_t)len;
	r->pos += rec->len;
	return 0;
}

int trace_next(struct trace_reader *r, struct trace_rec *rec)
{
	unsigned int i;
	u64 ns;

	memset(rec, 0, sizeof(*rec));
	rec->pos = r->pos;
	if (r->pos == r->len || !r->buf[r->pos])
		return 0;
	rec->kind = r->buf[r->pos++];
	rec->desc = trace_kind_desc(rec->kind);
	if (!rec->desc || get_varint(r, &ns) < 0)
		return -EPROTO;
	r->time += ns;
	rec->time = r->time;
	for (i = 0; i < rec->desc->nr_fields; i++)
		if (get_varint(r, &rec->v[i]) < 0)
			return -EPROTO;
	return rec->desc->data && get_data(r, rec) < 0 ? -EPROTO : 1;
}
