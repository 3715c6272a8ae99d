// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Text that a test has printed, made safe for terminals and files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The code point at @s, whose encoding is @n bytes; 0: not encoded so */
static u32 decode(const unsigned char *s, size_t n)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	u32 c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	size_t i;

	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return c;
}

/* Marks and overrides of direction: they make a line look like another. */
static bool turns_text(u32 c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0xfeff;
}

size_t text_rune(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n;
	u32 c;

	if (!len)
		return 0;
	n = u[0] < 0x80 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (n > len || (u[0] >= 0x80 && u[0] < 0xc2) || u[0] > 0xf4)
		return 0;
	c = decode(u, n);
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || turns_text(c) ||
	    (c & 0xfffe) == 0xfffe)
		return 0;
	return n;
}

/* What stands for what is at @s; @took: how much of it */
static size_t show(char out[8], const char *s, size_t len, size_t *took)
{
	size_t n = text_rune(s, len);

	*took = n ? n : 1;
	if (n) {
		memcpy(out, s, n);
		return n;
	}
	if (*s == '\t') {
		*out = ' ';
		return 1;
	}
	return (size_t)snprintf(out, 8, "\\x%02x", (unsigned char)*s);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t text_clean(char *dst, size_t size, const char *src, size_t len)
{
	size_t at = 0, room = size - 1, n, took, fits = 0;
	char out[8];

	while (len && is_space(*src)) {
		src++;
		len--;
	}
	while (len && is_space(src[len - 1]))
		len--;
	for (; len; src += took, len -= took) {
		n = show(out, src, len, &took);
		if (at + n > room) {
			n = room >= 3 ? 3 : 0;
			memcpy(dst + fits, "...", n);
			at = fits + n;
			break;
		}
		memcpy(dst + at, out, n);
		at += n;
		/* Up to here there would be room for dots. */
		if (at + 3 <= room)
			fits = at;
	}
	dst[at] = '\0';
	return at;
}

void text_cut(char *s)
{
	size_t len = strlen(s), at = len;

	while (at && ((unsigned char)s[at - 1] & 0xc0) == 0x80)
		at--;
	/* At the first byte of the last character; ASCII has no other. */
	if (at && (unsigned char)s[at - 1] >= 0x80)
		at--;
	if (at < len && text_rune(s + at, len - at) != len - at)
		s[at] = '\0';
}

char *text_dup(const char *src, size_t len)
{
	char buf[TEXT_MAX];

	text_clean(buf, sizeof(buf), src, len);
	return strdup(buf);
}
