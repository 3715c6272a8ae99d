// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is written about tests that have been run: JUnit XML. */
#include <inttypes.h>
#include <string.h>

#include "report.h"
#include "xml.h"

/* Of one suite, or of all */
struct counts {
	unsigned int tests, failures, skipped;
	u64 wall;
};

static void put_seconds(FILE *f, u64 ns)
{
	fprintf(f, " time=\"%" PRIu64 ".%03" PRIu64 "\"", ns / NSEC_PER_SEC,
		ns % NSEC_PER_SEC / NSEC_PER_MSEC);
}

static void count_results(struct counts *c, const struct ktap_list *list)
{
	const struct ktap_result *r;

	STAILQ_FOREACH(r, list, entry) {
		c->tests++;
		c->failures += r->status == KTAP_FAIL && !r->expected;
		c->skipped += r->status == KTAP_SKIP || r->status == KTAP_XFAIL ||
			      (r->status == KTAP_FAIL && r->expected);
		count_results(c, &r->subs);
	}
}

static void count_test(struct counts *c, const struct report_test *t)
{
	c->tests++;
	c->failures += t->verdict.outcome == JUDGE_FAIL;
	c->skipped += t->verdict.outcome != JUDGE_FAIL &&
		      t->verdict.outcome != JUDGE_PASS;
	c->wall += t->begun ? t->wall : 0;
	if (t->said)
		count_results(c, &t->said->results);
}

static void put_counts(FILE *f, const struct counts *c, u64 wall)
{
	fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\"",
		c->tests, c->failures, c->skipped);
	put_seconds(f, wall);
}

static void put_message(FILE *f, const char *element, const char *message)
{
	fprintf(f, "<%s", element);
	xml_attr(f, "message", message);
	fputs("/>", f);
}

static void put_output(FILE *f, const char *element, const char *text,
		       size_t len)
{
	if (!text)
		return;
	fprintf(f, "      <%s>", element);
	xml_text(f, text, len);
	fprintf(f, "</%s>\n", element);
}

static void put_properties(FILE *f, const struct report_test *t)
{
	char simulated[48];

	snprintf(simulated, sizeof(simulated), "%" PRIu64 ".%09" PRIu64,
		 t->simulated / NSEC_PER_SEC, t->simulated % NSEC_PER_SEC);
	fputs("      <properties>\n        <property name=\"simulated\"", f);
	xml_attr(f, "value", simulated);
	fputs("/>\n", f);
	if (t->vacuous) {
		fputs("        <property name=\"vacuous\"", f);
		xml_attr(f, "value", t->vacuous);
		fputs("/>\n", f);
	}
	if (t->unlike) {
		fputs("        <property name=\"not-reproducible\"", f);
		xml_attr(f, "value", t->unlike);
		fputs("/>\n", f);
	}
	fputs("      </properties>\n", f);
}

static void put_failure(FILE *f, const struct report_test *t)
{
	fputs("      <failure", f);
	xml_attr(f, "message", t->verdict.why);
	xml_attr(f, "type", t->verdict.limit ? "limit" : "failure");
	fputs(">", f);
	if (t->where)
		xml_text(f, t->where, strlen(t->where));
	fputs("</failure>\n", f);
}

static void put_verdict(FILE *f, const struct report_test *t)
{
	const struct judge_verdict *v = &t->verdict;
	char why[2 * TEXT_MAX + 32];

	switch (v->outcome) {
	case JUDGE_PASS:
		return;
	case JUDGE_FAIL:
		put_failure(f, t);
		return;
	case JUDGE_SKIP:
		snprintf(why, sizeof(why), "%s", v->why);
		break;
	case JUDGE_XFAIL:
		snprintf(why, sizeof(why), "known failure: %s (%s)", v->known,
			 v->why);
		break;
	case JUDGE_NOT_RUN:
		snprintf(why, sizeof(why), "not run: %s", v->why);
		break;
	}
	fputs("      ", f);
	put_message(f, "skipped", why);
	fputc('\n', f);
}

static void put_result(FILE *f, const char *class, const struct ktap_result *r)
{
	fputs("    <testcase", f);
	xml_attr(f, "classname", class);
	xml_attr(f, "name", r->name);
	if (r->status == KTAP_PASS) {
		fputs("/>\n", f);
		return;
	}
	fputc('>', f);
	put_message(f, r->status == KTAP_FAIL && !r->expected ?
		    "failure" : "skipped", r->why ? r->why : "");
	fputs("</testcase>\n", f);
}

static void put_results(FILE *f, const char *class,
			const struct ktap_list *list)
{
	const struct ktap_result *r;

	STAILQ_FOREACH(r, list, entry) {
		put_results(f, class, &r->subs);
		put_result(f, class, r);
	}
}

static void put_test(FILE *f, const struct report_test *t)
{
	char class[1024];

	fputs("    <testcase", f);
	xml_attr(f, "classname", t->collection);
	xml_attr(f, "name", t->name);
	put_seconds(f, t->begun ? t->wall : 0);
	fputs(">\n", f);
	if (t->begun)
		put_properties(f, t);
	put_verdict(f, t);
	put_output(f, "system-out", t->tail, t->tail_len);
	put_output(f, "system-err", t->log, t->log_len);
	fputs("    </testcase>\n", f);
	if (!t->said)
		return;
	snprintf(class, sizeof(class), "%s.%s", t->collection, t->name);
	put_results(f, class, &t->said->results);
}

/* Tests of one collection follow each other. */
static const struct report_test *const *
put_suite(FILE *f, const struct report_test *const *t)
{
	const struct report_test *const *end = t;
	const char *name = (*t)->collection;
	struct counts c = { 0 };

	for (; *end && strcmp((*end)->collection, name) == 0; end++)
		count_test(&c, *end);
	fputs("  <testsuite", f);
	xml_attr(f, "name", name);
	put_counts(f, &c, c.wall);
	fputs(">\n", f);
	for (; t != end; t++)
		put_test(f, *t);
	fputs("  </testsuite>\n", f);
	return end;
}

void report_junit(FILE *f, const struct report_totals *sum,
		  const struct report_test *const *tests)
{
	const struct report_test *const *t;
	struct counts c = { 0 };

	for (t = tests; *t; t++)
		count_test(&c, *t);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", f);
	xml_attr(f, "name", "kselftest");
	put_counts(f, &c, sum->wall);
	fputs(">\n", f);
	for (t = tests; *t;)
		t = put_suite(f, t);
	fputs("</testsuites>\n", f);
}
