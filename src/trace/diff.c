// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Where two traces part. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "text.h"

/**
 * struct before - the last records that were the same
 * @rec: in a circle, @n of all @nr are there
 */
struct before {
	struct trace_rec *rec;
	unsigned int n;
	u64 nr;
};

struct printer {
	FILE *f;
	const struct trace_side *a, *b;
	bool said;
};

static void identity_differs(void *arg, const char *a, const char *b)
{
	struct printer *p = arg;

	if (!p->said)
		fprintf(p->f, "The runs were not given the same:\n");
	p->said = true;
	if (a)
		fprintf(p->f, "%s %s\n", p->a->mark, a);
	if (b)
		fprintf(p->f, "%s %s\n", p->b->mark, b);
}

static int step(struct trace_side *s)
{
	s->ret = trace_next(s->r, &s->rec);
	if (s->ret > 0 && trace_names_learn(&s->names, &s->rec) < 0)
		s->ret = -EPROTO;
	return s->ret;
}

static bool same(const struct trace_rec *a, const struct trace_rec *b)
{
	return a->kind == b->kind && a->time == b->time &&
	       memcmp(a->v, b->v, sizeof(a->v)) == 0 && a->len == b->len &&
	       (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static void print_before(FILE *f, const struct trace_side *s,
			 const struct before *b)
{
	u64 i;

	for (i = b->nr > b->n ? b->nr - b->n : 0; i < b->nr; i++) {
		fprintf(f, "%*s ", (int)strlen(s->mark), "");
		trace_print(f, &s->names, &b->rec[i % b->n], false);
	}
}

/* From the present record on, as far as it goes */
static void print_after(FILE *f, struct trace_side *s, unsigned int context)
{
	unsigned int i;

	for (i = 0; i <= context && s->ret > 0; i++) {
		fprintf(f, "%s ", s->mark);
		trace_print(f, &s->names, &s->rec, false);
		if (step(s) == 0)
			fprintf(f, "%s (the trace ends)\n", s->mark);
	}
}

/* Lines may look the same: they show the beginning of the data only. */
static void say_where(FILE *f, const struct trace_rec *a,
		      const struct trace_rec *b)
{
	size_t i;

	if (a->kind != b->kind || !a->len || !b->len ||
	    memcmp(a->v, b->v, sizeof(a->v)) != 0 || a->time != b->time)
		return;
	for (i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		;
	fprintf(f, "Their data differs from its byte %zu on.\n", i);
}

static void print_parting(FILE *f, struct trace_side *a, struct trace_side *b,
			  const struct before *before)
{
	const struct trace_rec *first = a->ret > 0 ? &a->rec : &b->rec;

	if (b->ret > 0 && b->rec.time < first->time)
		first = &b->rec;
	fprintf(f, "After %" PRIu64 " records that are the same, they part at %" PRIu64 ".%09" PRIu64 " s:\n",
		before->nr, first->time / NSEC_PER_SEC,
		first->time % NSEC_PER_SEC);
	print_before(f, a, before);
	if (a->ret == 0)
		fprintf(f, "%s (the trace ends)\n", a->mark);
	if (b->ret > 0 && a->ret > 0)
		say_where(f, &a->rec, &b->rec);
	print_after(f, a, before->n);
	if (b->ret == 0)
		fprintf(f, "%s (the trace ends)\n", b->mark);
	print_after(f, b, before->n);
}

static int compare(FILE *f, struct trace_side *a, struct trace_side *b,
		   struct before *before)
{
	for (;;) {
		step(a);
		step(b);
		if (a->ret < 0 || b->ret < 0)
			return a->ret < 0 ? a->ret : b->ret;
		if (a->ret == 0 && b->ret == 0)
			return 0;
		if (!a->ret || !b->ret || !same(&a->rec, &b->rec))
			break;
		if (before->n)
			before->rec[before->nr % before->n] = a->rec;
		before->nr++;
	}
	print_parting(f, a, b, before);
	return 1;
}

static int diff(FILE *f, struct trace_side *a, struct trace_side *b,
		struct before *before)
{
	struct printer p = { f, a, b, false };
	int ret;

	a->ret = trace_identity_read(&a->id, a->r);
	b->ret = trace_identity_read(&b->id, b->r);
	if (a->ret < 0 || b->ret < 0)
		return a->ret < 0 ? a->ret : b->ret;
	ret = trace_identity_compare(&a->id, &b->id, identity_differs, &p);
	if (ret < 0)
		return ret;
	ret = compare(f, a, b, before);
	if (ret == 0)
		fprintf(f, "All %" PRIu64 " records are the same.\n",
			before->nr);
	return ret;
}

int trace_diff(FILE *f, struct trace_side *a, struct trace_side *b,
	       unsigned int context)
{
	struct before before = { .n = context };
	int ret = -ENOMEM;

	before.rec = calloc(context + 1, sizeof(*before.rec));
	if (before.rec)
		ret = diff(f, a, b, &before);
	free(before.rec);
	trace_identity_fini(&a->id);
	trace_identity_fini(&b->id);
	trace_names_fini(&a->names);
	trace_names_fini(&b->names);
	return ret;
}
