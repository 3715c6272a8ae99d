// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A timeline as a web page: what shows it, and the data, in one file. */
#include <string.h>

#include "../wire/vhost_user.h"
#include "html.h"
#include "page.h"

/*
 * DOC: Theory of operation
 *
 * The page is src/trace/html, which data.js is the counterpart of this file in.
 * The data is varints as in a trace, and strings, which are their length and
 * their bytes; all of it in base64, so that nothing that a guest has said can
 * be taken for HTML. Times are two numbers, seconds and nanoseconds: the
 * numbers of JavaScript have 53 bits.
 */

/* How many requests of vhost-user have names; there are fewer. */
#define NR_REQUESTS	64u

/* struct base64 - encoder; @buf: what has not made three bytes yet */
struct base64 {
	FILE *f;
	u8 buf[3];
	unsigned int n;
};

static void put_group(struct base64 *b)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	u32 v = (u32)b->buf[0] << 16 | (u32)b->buf[1] << 8 | b->buf[2];
	unsigned int i;

	for (i = 0; i < 4; i++)
		putc_unlocked(i <= b->n ? digits[v >> (18 - 6 * i) & 63] : '=',
			      b->f);
	memset(b->buf, 0, sizeof(b->buf));
	b->n = 0;
}

static void put_byte(struct base64 *b, u8 byte)
{
	b->buf[b->n++] = byte;
	if (b->n == 3)
		put_group(b);
}

static void put(struct base64 *b, u64 v)
{
	for (; v >= 0x80; v >>= 7)
		put_byte(b, (u8)(v | 0x80));
	put_byte(b, (u8)v);
}

static void put_bytes(struct base64 *b, const char *p, size_t len)
{
	put(b, len);
	for (; len; len--)
		put_byte(b, (u8)*p++);
}

static void put_string(struct base64 *b, const char *s)
{
	put_bytes(b, s, strlen(s));
}

static void put_time(struct base64 *b, u64 ns)
{
	put(b, ns / NSEC_PER_SEC);
	put(b, ns % NSEC_PER_SEC);
}

static void put_kinds(struct base64 *b)
{
	unsigned int i;

	put(b, NR_ITEM_KINDS);
	for (i = 0; i < NR_ITEM_KINDS; i++) {
		put_string(b, item_desc(i)->name);
		put(b, item_desc(i)->slice);
		put_string(b, item_desc(i)->values);
	}
	put(b, NR_REQUESTS);
	for (i = 0; i < NR_REQUESTS; i++)
		put_string(b, vhost_user_name(i));
}

static void put_devs(struct base64 *b, const struct trace_names *names)
{
	const struct trace_thing *d;
	size_t i;

	put(b, names->nr_devs);
	for (i = 0; i < names->nr_devs; i++) {
		d = trace_dev(names, i);
		put_string(b, d ? d->name : "?");
	}
}

static void put_tracks(struct base64 *b, const struct timeline *t,
		       const struct trace_names *names)
{
	const struct timeline_track *tr = t->track;
	char buf[32];
	u32 i;

	put(b, t->nr_tracks);
	for (i = 0; i < t->nr_tracks; i++, tr++) {
		put(b, tr->kind);
		put(b, tr->parent == TIMELINE_NONE ? 0 : (u64)tr->parent + 1);
		put(b, tr->nr_lanes);
		put_string(b, timeline_track_name(t, i, names, buf, sizeof(buf)));
	}
}

static void put_items(struct base64 *b, const struct timeline *t)
{
	const struct timeline_item *it = t->item;
	const char *values;
	u64 last = 0;
	unsigned int i;

	put(b, t->nr_items);
	for (; it < t->item + t->nr_items; it++) {
		put(b, it->kind);
		put(b, it->flags);
		put(b, it->track);
		put(b, it->lane);
		put_time(b, it->start - last);
		put_time(b, it->end - it->start);
		values = item_desc(it->kind)->values;
		for (i = 0; *values; i++) {
			put(b, it->v[i]);
			values += strcspn(values, " ");
			values += *values == ' ';
		}
		put_bytes(b, t->text + it->text, it->text_len);
		last = it->start;
	}
}

static void put_data(FILE *f, const struct timeline *t,
		     const struct trace_names *names)
{
	struct base64 b = { .f = f };
	size_t i;

	put_kinds(&b);
	put_devs(&b, names);
	put_tracks(&b, t, names);
	put_items(&b, t);
	put(&b, t->nr_edges);
	for (i = 0; i < t->nr_edges; i++) {
		put(&b, t->edge[i].from);
		put(&b, t->edge[i].to);
	}
	put_time(&b, t->end);
	if (b.n)
		put_group(&b);
}

static void put_script(FILE *f, const char *js)
{
	fprintf(f, "<script>\n%s</script>\n", js);
}

void html_write(FILE *f, const struct timeline *t,
		const struct trace_names *names)
{
	/* Nothing is ever fetched, and the browser sees to it. */
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	      "<title>umtt trace</title>\n", f);
	fprintf(f, "<style>\n%s</style>\n</head>\n<body>\n%s", page_css, page_body);
	fputs("<script type=\"text/plain\" id=\"data\">", f);
	put_data(f, t, names);
	fputs("</script>\n", f);
	put_script(f, page_data_js);
	put_script(f, page_rows_js);
	put_script(f, page_draw_js);
	put_script(f, page_ui_js);
	fputs("</body>\n</html>\n", f);
}
