// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What the host's ends of a console's ports do at given times. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console_port.h"
#include "script.h"

/*
 * DOC: The words of its script
 *
 *	send PORT TEXT	the text and a newline, for the guest; \c at the end:
 *			without the newline. \n, \r, \t, \e, \\ and \xHH are
 *			what they usually are.
 *	close PORT	the guest's input ends, and it cannot write any more
 *	open PORT	it goes on
 *	resize PORT COLSxROWS
 */

#define TEXT_MAX	512u

enum what { SEND, CLOSE, OPEN, RESIZE };

struct action {
	enum what what;
	struct console_port *port;
	u16 cols, rows, len;
	u8 text[TEXT_MAX];
};

/* Value of one or two hexadecimal digits at *@s, which moves on; -1: none */
static int hex(const char **s)
{
	static const char digits[] = "0123456789abcdef";
	const char *p;
	int v = -1, i;

	for (i = 0; i < 2 && **s; i++, (*s)++) {
		p = strchr(digits, **s | 0x20);
		if (!p)
			break;
		v = (v < 0 ? 0 : v * 16) + (int)(p - digits);
	}
	return v;
}

/* The character that \@c stands for; -1: none that is known */
static int escape(char c)
{
	static const char from[] = "nrte\\", to[] = "\n\r\t\x1b\\";
	const char *p = c ? strchr(from, c) : NULL;

	return p ? to[p - from] : -1;
}

/* @s with its escapes resolved to @dst, not longer; bytes, -1: a wrong one */
static long unescape(const char *s, u8 *dst)
{
	u8 *d = dst;
	int c;

	while (*s) {
		if (*s != '\\') {
			*d++ = (u8)*s++;
			continue;
		}
		if (!strcmp(s, "\\c"))
			return d - dst;
		s += 2;
		c = s[-1] == 'x' ? hex(&s) : escape(s[-1]);
		if (c < 0)
			return -1;
		*d++ = (u8)c;
	}
	*d++ = '\n';
	return d - dst;
}

static int parse_text(struct script_line *l, struct action *a)
{
	char *text = l->rest;
	size_t len = strlen(text);
	long n;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (len >= TEXT_MAX)
		return script_bad(l, "a text of more than %u bytes; divide it, with \\c at the end of the first",
				  TEXT_MAX - 1);
	n = unescape(text, a->text);
	if (n < 0)
		return script_bad(l, "an unknown escape; known are \\n, \\r, \\t, \\e, \\\\, \\xHH and, at the end, \\c");
	a->len = (u16)n;
	return 0;
}

static int parse_size(struct script_line *l, struct action *a)
{
	const char *word = script_word(l);

	if (!word || console_size(word, &a->cols, &a->rows))
		return script_bad(l, "%s: not columns and rows (as 80x25)",
				  word ? word : "nothing");
	if (!a->port->console)
		return script_bad(l, "port %s is no terminal; make it one with %s.tty",
				  a->port->name, a->port->name);
	return script_end(l);
}

static int parse_what(struct script_line *l, enum what *what)
{
	static const char *const words[] = {
		[SEND] = "send", [CLOSE] = "close", [OPEN] = "open",
		[RESIZE] = "resize",
	};
	const char *word = script_word(l);
	unsigned int i;

	for (i = 0; word && i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i])) {
			*what = (enum what)i;
			return 0;
		}
	return script_bad(l, "%s: expected is send, close, open or resize",
			  word ? word : "nothing");
}

static int action_parse(struct dev *d, struct script_line *l, void *event)
{
	struct action *a = event;
	const char *name;

	if (parse_what(l, &a->what))
		return -EINVAL;
	name = script_word(l);
	a->port = name ? console_find(d, name) : NULL;
	if (!a->port)
		return script_bad(l, "%s: there is no such port",
				  name ? name : "nothing");
	if (a->what == SEND)
		return parse_text(l, a);
	return a->what == RESIZE ? parse_size(l, a) : script_end(l);
}

static void action_run(struct dev *d, const void *event)
{
	const struct action *a = event;

	switch (a->what) {
	case SEND:
		if (console_feed(a->port, a->text, a->len))
			log_err(dev_name(d), "port %s: no memory for its input",
				a->port->name);
		break;
	case CLOSE:
	case OPEN:
		port_host_open(a->port, a->what == OPEN);
		break;
	case RESIZE:
		console_resize(a->port, a->cols, a->rows);
		break;
	}
}

const struct script_ops console_script_ops = {
	.size = sizeof(struct action),
	.parse = action_parse,
	.run = action_run,
};
