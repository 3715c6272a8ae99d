// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The few things of Protocol Buffers that it takes to write a message. */
#include <stdlib.h>
#include <string.h>

#include "protobuf.h"

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2 };

#define MAX_VARINT	10

/* Room for @n bytes more; NULL: there is none */
static u8 *room(struct pb *m, size_t n)
{
	size_t max = m->max ? m->max : 256;
	u8 *p;

	while (max - m->len < n)
		max *= 2;
	if (max != m->max) {
		p = m->failed ? NULL : realloc(m->buf, max);
		if (!p) {
			m->failed = true;
			return NULL;
		}
		m->buf = p;
		m->max = max;
	}
	return m->buf + m->len;
}

static void put_varint(struct pb *m, u64 v)
{
	u8 *p = room(m, MAX_VARINT);

	if (!p)
		return;
	for (; v >= 0x80; v >>= 7)
		*p++ = (u8)(v | 0x80);
	*p++ = (u8)v;
	m->len = (size_t)(p - m->buf);
}

static void put_tag(struct pb *m, unsigned int field, enum wire_type type)
{
	put_varint(m, (u64)field << 3 | type);
}

static void put_raw(struct pb *m, const void *bytes, size_t len)
{
	u8 *p = room(m, len);

	if (!p || !len)
		return;
	memcpy(p, bytes, len);
	m->len += len;
}

void pb_uint(struct pb *m, unsigned int field, u64 v)
{
	put_tag(m, field, VARINT);
	put_varint(m, v);
}

void pb_fixed64(struct pb *m, unsigned int field, u64 v)
{
	u8 le[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		le[i] = (u8)(v >> 8 * i);
	put_tag(m, field, FIXED64);
	put_raw(m, le, sizeof(le));
}

void pb_bytes(struct pb *m, unsigned int field, const void *p, size_t len)
{
	put_tag(m, field, BYTES);
	put_varint(m, len);
	put_raw(m, p, len);
}

void pb_string(struct pb *m, unsigned int field, const char *s)
{
	pb_text(m, field, (const u8 *)s, strlen(s));
}

/* Bytes of the UTF-8 character at @p; 0: there is none */
static size_t utf8_len(const u8 *p, size_t len)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2, i;
	u32 c = *p & (0xffu >> (n + 1));

	if (n == 1)
		return 1;
	if (*p < 0xc0 || *p > 0xf7 || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c & ~0x7ffu) == 0xd800 ? 0 : n;
}

void pb_text(struct pb *m, unsigned int field, const u8 *p, size_t len)
{
	static const u8 replacement[] = { 0xef, 0xbf, 0xbd };
	struct pb clean = { 0 };
	size_t n;

	for (; len; p += n, len -= n) {
		n = utf8_len(p, len);
		if (n)
			put_raw(&clean, p, n);
		else
			put_raw(&clean, replacement, sizeof(replacement));
		n += !n;
	}
	pb_message(m, field, &clean);
	pb_fini(&clean);
}

void pb_message(struct pb *m, unsigned int field, struct pb *inner)
{
	pb_bytes(m, field, inner->buf, inner->len);
	m->failed |= inner->failed;
	inner->len = 0;
}

void pb_fini(struct pb *m)
{
	free(m->buf);
	*m = (struct pb){ 0 };
}
