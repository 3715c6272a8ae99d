// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is written about tests: KTAP, JUnit XML, the summary. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/ktap/report.h"
#include "../../src/ktap/xml.h"
#include "kselftest_harness.h"

static char *text;
static size_t text_len;

static FILE *start(void)
{
	free(text);
	text = NULL;
	return open_memstream(&text, &text_len);
}

static const char *escaped(const char *s, size_t len)
{
	FILE *f = start();

	xml_text(f, s, len);
	fclose(f);
	return text;
}

TEST(xml_is_escaped)
{
	EXPECT_STREQ("&lt;a b=&quot;c&quot;&gt; &amp; '", escaped("<a b=\"c\"> & '", 13));
	EXPECT_STREQ("a&#10;b&#9;c", escaped("a\nb\tc", 5));
}

TEST(xml_has_no_control_characters)
{
	EXPECT_STREQ("\xef\xbf\xbd[1m\xef\xbf\xbd", escaped("\033[1m\0", 5));
	EXPECT_STREQ("\xef\xbf\xbd", escaped("\xff", 1));
	EXPECT_STREQ("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", escaped("\xef\xbf\xbf", 3));
	EXPECT_STREQ("\xc3\xa4", escaped("\xc3\xa4", 2));
}

FIXTURE(report)
{
	struct ktap_parser *p;
	struct report_test t;
};

FIXTURE_SETUP(report)
{
	self->p = malloc(sizeof(*self->p));
	ktap_init(self->p);
	memset(&self->t, 0, sizeof(self->t));
	self->t.collection = "c";
	self->t.name = "a";
}

FIXTURE_TEARDOWN(report)
{
	ktap_fini(self->p);
	free(self->p);
}

static void say(struct ktap_parser *p, struct report_test *t, const char *s)
{
	ktap_feed(p, s, strlen(s));
	ktap_end(p);
	t->said = &p->out;
	t->begun = true;
	t->simulated = 1500000000;
	t->wall = 20000000;
}

static const char *ktap(const struct report_test *t, unsigned int flags)
{
	FILE *f = start();

	report_ktap(f, 3, t, flags);
	fclose(f);
	return text;
}

TEST_F(report, a_pass)
{
	say(self->p, &self->t, "1..2\nok 1 x # 5\nok 2 y # SKIP no\n");
	EXPECT_STREQ("  KTAP version 1\n  1..2\n  ok 1 x # 5\n  ok 2 y # SKIP no\n"
		     "# simulated: 1.500000000 s\n# host: wall time: 20.0 ms\n"
		     "ok 3 c:a\n", ktap(&self->t, REPORT_HOST));
	EXPECT_STREQ("ok 3 c:a\n", ktap(&self->t, REPORT_HOST | REPORT_BRIEF));
}

TEST_F(report, what_depends_on_the_host_can_be_left_out)
{
	say(self->p, &self->t, "hello\n");
	self->t.where = "in a loop\nof mine";
	EXPECT_STREQ("# simulated: 1.500000000 s\nok 3 c:a\n", ktap(&self->t, 0));
	self->t.loose = true;
	self->t.tail = "hello\n";
	self->t.tail_len = 6;
	EXPECT_STREQ("ok 3 c:a\n", ktap(&self->t, 0));
	EXPECT_STREQ("# host: the end of its output:\n# host:  > hello\n"
		     "# host: simulated: 1.500000000 s\n# host: wall time: 20.0 ms\n"
		     "# host: in a loop\n# host: of mine\nok 3 c:a\n",
		     ktap(&self->t, REPORT_HOST));
}

TEST_F(report, subtests)
{
	say(self->p, &self->t, "1..1\n  1..1\n  not ok 1 x\nnot ok 1 y\n");
	self->t.verdict.outcome = JUDGE_FAIL;
	strcpy(self->t.verdict.why, "not ok: x");
	EXPECT_STREQ("  KTAP version 1\n  1..1\n    KTAP version 1\n    1..1\n"
		     "    not ok 1 x\n  not ok 1 y\n# simulated: 1.500000000 s\n"
		     "not ok 3 c:a # ERROR not ok: x\n", ktap(&self->t, 0));
}

TEST_F(report, names_do_not_become_directives)
{
	say(self->p, &self->t, "1..1\nok 1 a \\# SKIP b#todo c\n");
	EXPECT_NE(NULL, strstr(ktap(&self->t, 0), "ok 1 a \\\\# SKIP b\\#todo c\n"));
}

TEST_F(report, what_is_said_is_clean)
{
	self->t.begun = true;
	self->t.tail = "\033[2J\nnot ok 9 x";
	self->t.tail_len = strlen(self->t.tail);
	self->t.verdict.outcome = JUDGE_FAIL;
	self->t.verdict.limit = true;
	strcpy(self->t.verdict.why, "x");
	EXPECT_STREQ("# the end of its output:\n#  > \\x1b[2J\n#  > not ok 9 x\n"
		     "# simulated: 0.000000000 s\nnot ok 3 c:a # TIMEOUT x\n",
		     ktap(&self->t, 0));
}

TEST_F(report, expected_unexpected_vacuous)
{
	strcpy(self->t.verdict.why, "why");
	strcpy(self->t.verdict.known, "known");
	self->t.vacuous = "no clock";
	self->t.unlike = "charged";
	self->t.verdict.surprise = true;
	EXPECT_STREQ("# not reproducible: charged\n"
		     "# vacuous in simulated time: no clock\n"
		     "ok 3 c:a # unexpected pass: why\n", ktap(&self->t, 0));
	self->t.verdict.outcome = JUDGE_XFAIL;
	EXPECT_STREQ("# not reproducible: charged\nok 3 c:a # XFAIL known (why)\n",
		     ktap(&self->t, 0));
	self->t.verdict.outcome = JUDGE_SKIP;
	EXPECT_STREQ("# not reproducible: charged\nok 3 c:a # SKIP why\n",
		     ktap(&self->t, 0));
}

TEST_F(report, the_summary)
{
	const struct report_test *all[] = { &self->t, &self->t, NULL };
	struct report_totals sum = { 0 };
	FILE *f;

	say(self->p, &self->t, "");
	self->t.verdict.outcome = JUDGE_FAIL;
	strcpy(self->t.verdict.why, "x");
	report_add(&sum, &self->t);
	report_add(&sum, &self->t);
	sum.wall = 100000000;
	f = start();
	report_summary(f, &sum, all, REPORT_HOST);
	fclose(f);
	EXPECT_STREQ("# failed: 2\n#   c:a: x\n#   c:a: x\n"
		     "# simulated: 3.000000000 s in all\n"
		     "# host: wall time: 100.0 ms in all, simulated time is 29.9 times as much\n"
		     "# Totals: passed 0, failed 2, skipped 0, failed as expected 0, ended by a limit 0\n",
		     text);
}

TEST_F(report, as_junit_xml)
{
	const struct report_test *all[] = { &self->t, NULL };
	struct report_totals sum = { 0 };
	FILE *f;

	say(self->p, &self->t, "1..2\nok 1 <x>\nnot ok 2 y # ERROR \"q\"\n");
	self->t.verdict.outcome = JUDGE_FAIL;
	strcpy(self->t.verdict.why, "not ok: y");
	self->t.tail = "\033[1m&";
	self->t.tail_len = 5;
	f = start();
	report_junit(f, &sum, all);
	fclose(f);
	EXPECT_STREQ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<testsuites name=\"kselftest\" tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\" time=\"0.000\">\n"
		     "  <testsuite name=\"c\" tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\" time=\"0.020\">\n"
		     "    <testcase classname=\"c\" name=\"a\" time=\"0.020\">\n"
		     "      <properties>\n        <property name=\"simulated\" value=\"1.500000000\"/>\n      </properties>\n"
		     "      <failure message=\"not ok: y\" type=\"failure\"></failure>\n"
		     "      <system-out>\xef\xbf\xbd[1m&amp;</system-out>\n"
		     "    </testcase>\n"
		     "    <testcase classname=\"c.a\" name=\"&lt;x&gt;\"/>\n"
		     "    <testcase classname=\"c.a\" name=\"y\"><failure message=\"&quot;q&quot;\"/></testcase>\n"
		     "  </testsuite>\n</testsuites>\n", text);
}

TEST(totals_count_each_outcome)
{
	struct report_test t = { .collection = "c", .name = "a" };
	struct report_totals sum = { 0 };
	int i;

	for (i = JUDGE_PASS; i <= JUDGE_NOT_RUN; i++) {
		t.verdict.outcome = (enum judge_outcome)i;
		report_add(&sum, &t);
	}
	t.verdict.outcome = JUDGE_FAIL;
	t.verdict.limit = true;
	report_add(&sum, &t);
	t.verdict.outcome = JUDGE_PASS;
	t.verdict.limit = false;
	t.verdict.surprise = true;
	report_add(&sum, &t);
	EXPECT_EQ(7, sum.tests);
	EXPECT_EQ(2, sum.passed);
	EXPECT_EQ(2, sum.failed);
	EXPECT_EQ(1, sum.skipped);
	EXPECT_EQ(1, sum.expected);
	EXPECT_EQ(1, sum.not_run);
	EXPECT_EQ(1, sum.limits);
	EXPECT_EQ(1, sum.surprises);
}

TEST_HARNESS_MAIN
