// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Any bytes as text of an XML document. */
#include <string.h>

#include "text.h"
#include "xml.h"

static void put_char(FILE *f, char c)
{
	switch (c) {
	case '&':
		fputs("&amp;", f);
		break;
	case '<':
		fputs("&lt;", f);
		break;
	case '>':
		fputs("&gt;", f);
		break;
	case '"':
		fputs("&quot;", f);
		break;
	/* As they are, they would become spaces in an attribute. */
	case '\n':
		fputs("&#10;", f);
		break;
	case '\t':
		fputs("&#9;", f);
		break;
	default:
		fputc(c, f);
	}
}

void xml_text(FILE *f, const char *s, size_t len)
{
	size_t n;

	for (; len; s += n, len -= n) {
		n = text_rune(s, len);
		if (n > 1) {
			fwrite(s, 1, n, f);
		} else if (n == 1 || *s == '\n' || *s == '\t') {
			n = 1;
			put_char(f, *s);
		} else {
			n = 1;
			fputs("\xef\xbf\xbd", f);
		}
	}
}

void xml_attr(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	xml_text(f, value, strlen(value));
	fputc('"', f);
}
