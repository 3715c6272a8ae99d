// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A trace as text: one record, one line. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "../wire/timetravel.h"
#include "../wire/vhost_user.h"
#include "payload.h"
#include "text.h"

#define SOME_DATA	48u

static void print_time(FILE *f, u64 ns)
{
	if (ns >= S64_MAX)
		fputs("never", f);
	else
		fprintf(f, "%" PRIu64 ".%09" PRIu64, ns / NSEC_PER_SEC,
			ns % NSEC_PER_SEC);
}

static void print_quoted(FILE *f, const u8 *p, size_t len)
{
	fputc('"', f);
	for (; len; len--, p++) {
		if (*p == '"' || *p == '\\')
			fprintf(f, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", f);
		else if (isprint(*p) || *p >= 0x80)
			fputc(*p, f);
		else
			fprintf(f, "\\x%02x", *p);
	}
	fputc('"', f);
}

static void print_hex(FILE *f, const u8 *p, size_t len)
{
	for (; len; len--, p++)
		fprintf(f, "%02x", *p);
}

static bool is_text(const char *what)
{
	return strcmp(what, "payload") != 0 && strcmp(what, "frame") != 0;
}

static void print_data(FILE *f, const struct trace_rec *rec, bool all)
{
	size_t len = rec->len;

	if (!len)
		return;
	if ((rec->kind == TRACE_VU_REQUEST || rec->kind == TRACE_VU_REPLY) &&
	    !all && trace_print_payload(f, rec))
		return;
	if (is_text(rec->desc->data)) {
		fprintf(f, " %s=", rec->desc->data);
		print_quoted(f, rec->data, len);
		return;
	}
	if (!all && len > SOME_DATA)
		len = SOME_DATA;
	fprintf(f, " %s=", rec->desc->data);
	print_hex(f, rec->data, len);
	if (len < rec->len)
		fprintf(f, "...");
}

/* Messages whose time says something; the others carry anything. */
static bool has_time(const struct trace_rec *rec)
{
	switch (rec->v[1]) {
	case TT_REQUEST:
	case TT_UPDATE:
	case TT_WAIT:
		return rec->kind == TRACE_TT_FROM;
	case TT_RUN:
	case TT_FREE_UNTIL:
	case TT_BROADCAST:
		return true;
	default:
		return false;
	}
}

/* What the number of a field stands for, where it is not just a number */
static void print_value(FILE *f, const struct trace_rec *rec, const char *name,
			size_t len, u64 v)
{
	bool tt = rec->kind == TRACE_TT_FROM || rec->kind == TRACE_TT_TO;

	if (tt && len == 2) {
		fprintf(f, " %s", tt_op_name((u32)v));
	} else if (tt && has_time(rec)) {
		fputc(' ', f);
		print_time(f, v);
	} else if (tt) {
		return;
	} else if (len == 7 && strncmp(name, "request", len) == 0) {
		fprintf(f, " %s", vhost_user_name((u32)v));
	} else {
		fprintf(f, " %.*s=%" PRIu64, (int)len, name, v);
	}
}

/* The first field is what the record is about, unless that has no name. */
static void print_fields(FILE *f, const struct trace_rec *rec, bool skip_first)
{
	const char *name = rec->desc->fields;
	unsigned int i;
	size_t len;

	for (i = 0; i < rec->desc->nr_fields; i++, name += len + !!name[len]) {
		len = strcspn(name, " ");
		if (i || !skip_first)
			print_value(f, rec, name, len, rec->v[i]);
	}
}

void trace_print(FILE *f, const struct trace_names *names,
		 const struct trace_rec *rec, bool all_data)
{
	const struct trace_thing *t = trace_about(names, rec);

	fprintf(f, "%6" PRIu64 ".%09" PRIu64 " %-12s %-12s",
		rec->time / NSEC_PER_SEC, rec->time % NSEC_PER_SEC,
		rec->desc->name, t ? t->name : "-");
	print_fields(f, rec, t);
	print_data(f, rec, all_data);
	fputc('\n', f);
}
