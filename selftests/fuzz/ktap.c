// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: what tests and their kernels print, read, judged and written about. */
#include "../../src/ktap/klog.h"
#include "../../src/ktap/marks.h"
#include "../../src/ktap/report.h"
#include "input.h"

/* A copy exactly as long as it is, so that one byte more is found out */
static char *copy(const u8 *data, size_t size)
{
	char *s = malloc(size ? size : 1);

	memcpy(s, data, size);
	return s;
}

static void parse(struct ktap_parser *p, const u8 *data, size_t size,
		  size_t step)
{
	size_t at, n;

	ktap_init(p);
	for (at = 0; at < size; at += n) {
		char *piece;

		n = min_size(step, size - at);
		piece = copy(data + at, n);
		ktap_feed(p, piece, n);
		free(piece);
	}
	ktap_end(p);
}

/* What a terminal may show, in lines */
static void check_clean(const char *s, size_t len)
{
	size_t n;

	while (len) {
		n = *s == '\n' ? 1 : text_rune(s, len);
		MUST(n);
		s += n;
		len -= n;
	}
}

static void check_result(const struct ktap_result *r)
{
	const struct ktap_result *sub;

	MUST(strlen(r->name) < TEXT_MAX);
	check_clean(r->name, strlen(r->name));
	if (r->why)
		check_clean(r->why, strlen(r->why));
	STAILQ_FOREACH(sub, &r->subs, entry)
		check_result(sub);
}

static void check_parsed(const struct ktap *k)
{
	const struct ktap_result *r;

	STAILQ_FOREACH(r, &k->results, entry)
		check_result(r);
	MUST(k->used || STAILQ_EMPTY(&k->results));
	MUST(k->used || !k->problem);
	MUST(!k->problem == !*k->detail);
	MUST(!k->skip_all || k->used);
}

/* No matter in which pieces it comes */
static void check_same(const struct ktap *a, const struct ktap *b)
{
	MUST(a->passed == b->passed && a->failed == b->failed);
	MUST(a->skipped == b->skipped && a->xfailed == b->xfailed);
	MUST(a->problem == b->problem && a->skip_all == b->skip_all);
}

static void check_verdict(const struct judge_verdict *v, const struct ktap *k,
			  int status)
{
	if (k->failed || k->problem == KTAP_BAILED || k->problem == KTAP_NO_PLAN)
		MUST(v->outcome == JUDGE_FAIL);
	if (status && status != 4)
		MUST(v->outcome == JUDGE_FAIL);
	if (v->outcome == JUDGE_PASS)
		MUST(!status && !k->problem);
	check_clean(v->why, strlen(v->why));
}

/* What we write is KTAP that keeps its plan, and says the same. */
static void check_written(struct report_test *t)
{
	struct ktap_parser *p = malloc(sizeof(*p));
	const struct ktap *k = t->said;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	report_plan(f, 1);
	report_ktap(f, 1, t, REPORT_HOST);
	fclose(f);
	check_clean(text, len);
	parse(p, (u8 *)text, len, len);
	if (p->out.problem != KTAP_TOO_MUCH) {
		MUST(!p->out.problem);
		if (!STAILQ_EMPTY(&k->results)) {
			MUST(p->out.skipped == k->skipped);
			MUST(p->out.xfailed == k->xfailed);
			MUST(p->out.passed == k->passed);
			MUST(p->out.failed >= k->failed);
		}
	}
	ktap_fini(p);
	free(p);
	free(text);
}

static void check_junit(const struct report_test *t)
{
	const struct report_test *all[] = { t, NULL };
	struct report_totals sum = { 0 };
	size_t len, i, open = 0;
	char *text;
	FILE *f = open_memstream(&text, &len);

	report_add(&sum, t);
	report_junit(f, &sum, all);
	fclose(f);
	check_clean(text, len);
	/* No element within another's angles, no angle without its other */
	for (i = 0; i < len; i++) {
		open += text[i] == '<';
		MUST(open <= 1);
		MUST(text[i] != '>' || open == 1);
		open -= text[i] == '>';
	}
	MUST(!open);
	free(text);
}

static void check_output(u8 how, const u8 *data, size_t size)
{
	struct ktap_parser *p = malloc(sizeof(*p)), *q = malloc(sizeof(*q));
	int status = how >> 4 & 7;
	struct judge_case c = {
		.collection = "c", .test = "t", .status = status,
		.end_detail = "", .said = &p->out,
	};
	struct report_test t = {
		.collection = "c", .name = "t", .said = &p->out, .begun = true,
		.tail = (const char *)data, .tail_len = size,
	};
	struct expect none = { 0 };

	parse(p, data, size, size + 1);
	parse(q, data, size, 1 + (how & 7));
	check_parsed(&p->out);
	check_same(&p->out, &q->out);
	judge(&t.verdict, &c, &none);
	check_verdict(&t.verdict, &p->out, status);
	check_written(&t);
	check_junit(&t);
	ktap_fini(p);
	ktap_fini(q);
	free(p);
	free(q);
}

/*
 * The kernel's log
 */

static void check_log(const u8 *data, size_t size)
{
	char *log = copy(data, size);
	struct klog_report r;
	size_t at = 0, was = 0;

	while (klog_next(log, size, &at, &r)) {
		MUST(at > was && at <= size);
		MUST(r.at >= was && r.len && r.at + r.len <= size);
		MUST(!r.at || log[r.at - 1] == '\n');
		check_clean(r.title, strlen(r.title));
		was = at;
	}
	MUST(klog_find_mark(log, size, "w", "begin", "c:t") <= size);
	free(log);
}

/*
 * Marks: all that is no mark comes out again
 */

struct heard {
	struct marks m;
	size_t bytes, marks;
	u64 sum;
};

static void on_mark(struct marks *m)
{
	container_of(m, struct heard, m)->marks++;
}

static void on_begin(struct marks *m, const char *name, u64 now)
{
	struct heard *h = container_of(m, struct heard, m);

	MUST(*name && strlen(name) < MARKS_MAX_LINE);
	h->marks++;
	h->sum = h->sum * 31 + now + (u8)*name;
}

static void on_end(struct marks *m, const char *name, int status, u64 now)
{
	on_begin(m, name, now + (u64)status);
}

static void on_data(struct marks *m, const char *data, size_t len)
{
	struct heard *h = container_of(m, struct heard, m);

	MUST(len);
	h->bytes += len;
	while (len--)
		h->sum = h->sum * 31 + (u8)*data++;
}

static const struct marks_ops ops = {
	on_mark, on_begin, on_data, on_end, on_mark
};

static void check_marks(u8 how, const u8 *data, size_t size)
{
	struct heard a = { 0 }, b = { 0 };
	size_t at, n;

	marks_init(&a.m, &ops, "w");
	marks_init(&b.m, &ops, "w");
	marks_feed(&a.m, (const char *)data, size);
	for (at = 0; at < size; at += n) {
		char *piece;

		n = min_size(1 + (how & 7), size - at);
		piece = copy(data + at, n);
		marks_feed(&b.m, piece, n);
		free(piece);
	}
	marks_end(&a.m);
	marks_end(&b.m);
	MUST(a.bytes == b.bytes && a.marks == b.marks && a.sum == b.sum);
	MUST(a.bytes <= size);
	MUST(a.marks || a.bytes == size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 how;

	if (!size)
		return 0;
	how = *data++;
	size--;
	if (how == 'l')
		check_log(data, size);
	else if (how == 'm')
		check_marks(how, data, size);
	else
		check_output(how, data, size);
	return 0;
}
