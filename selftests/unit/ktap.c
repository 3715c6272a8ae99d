// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* KTAP and TAP as tests print them: results, nesting, and what is wrong with it. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/ktap/ktap.h"
#include "kselftest_harness.h"

FIXTURE(ktap)
{
	struct ktap_parser *p;
	struct ktap *k;
};

FIXTURE_SETUP(ktap)
{
	self->p = malloc(sizeof(*self->p));
	ktap_init(self->p);
	self->k = &self->p->out;
}

FIXTURE_TEARDOWN(ktap)
{
	ktap_fini(self->p);
	free(self->p);
}

/* All at once, and again by single bytes: the same */
#define PARSE(text) do {						\
	parse(_metadata, self->p, text, sizeof(text) - 1);		\
} while (0)

static void check_same(struct __test_metadata *_metadata, const struct ktap *a,
		       const struct ktap *b)
{
	EXPECT_EQ(a->passed, b->passed);
	EXPECT_EQ(a->failed, b->failed);
	EXPECT_EQ(a->skipped, b->skipped);
	EXPECT_EQ(a->xfailed, b->xfailed);
	EXPECT_EQ(a->problem, b->problem);
	EXPECT_STREQ(a->detail, b->detail);
}

static void parse(struct __test_metadata *_metadata, struct ktap_parser *p,
		  const char *text, size_t len)
{
	struct ktap_parser *bytes = malloc(sizeof(*bytes));
	size_t i;

	ktap_init(bytes);
	for (i = 0; i < len; i++)
		ktap_feed(bytes, text + i, 1);
	ktap_end(bytes);
	ktap_feed(p, text, len);
	ktap_end(p);
	check_same(_metadata, &p->out, &bytes->out);
	ktap_fini(bytes);
	free(bytes);
}

#define COUNTS(ok, bad, skip, xfail) do {				\
	EXPECT_EQ(ok, self->k->passed);					\
	EXPECT_EQ(bad, self->k->failed);				\
	EXPECT_EQ(skip, self->k->skipped);				\
	EXPECT_EQ(xfail, self->k->xfailed);				\
} while (0)

static struct ktap_result *nth(struct ktap_list *list, unsigned int n)
{
	struct ktap_result *r = STAILQ_FIRST(list);

	while (r && n--)
		r = STAILQ_NEXT(r, entry);
	return r;
}

TEST_F(ktap, a_plain_document)
{
	PARSE("TAP version 13\n1..3\n# a comment\nok 1 one\nnoise\n"
	      "not ok 2 - two\nok 3 three # SKIP no such device\n");
	COUNTS(1, 1, 1, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
	EXPECT_STREQ("two", nth(&self->k->results, 1)->name);
	EXPECT_STREQ("three", nth(&self->k->results, 2)->name);
	EXPECT_STREQ("no such device", nth(&self->k->results, 2)->why);
}

TEST_F(ktap, a_plan_may_come_last)
{
	PARSE("ok 1 a\nok 2 b\n1..2");
	COUNTS(2, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, no_plan)
{
	PARSE("TAP version 13\nok 1 a\n");
	EXPECT_EQ(KTAP_NO_PLAN, self->k->problem);
	EXPECT_STREQ("no plan", self->k->detail);
}

TEST_F(ktap, a_version_line_alone_has_no_plan)
{
	PARSE("KTAP version 1\n");
	EXPECT_TRUE(self->k->used);
	EXPECT_EQ(KTAP_NO_PLAN, self->k->problem);
}

TEST_F(ktap, a_plan_that_is_not_kept)
{
	PARSE("1..3\nok 1\nok 2\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
	EXPECT_STREQ("plan of 3, but 2 results", self->k->detail);
}

TEST_F(ktap, more_results_than_planned)
{
	PARSE("1..1\nok 1\nok 2\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
}

TEST_F(ktap, a_number_twice)
{
	PARSE("1..3\nok 1\nok 2\nok 2\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
	COUNTS(3, 0, 0, 0);
}

TEST_F(ktap, a_number_that_is_not_planned)
{
	PARSE("1..2\nok 1\nok 7\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
}

TEST_F(ktap, any_order_keeps_the_plan)
{
	PARSE("1..3\nok 3\nok 1\nok 2\n");
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, huge_numbers)
{
	PARSE("1..99999999999\nok 99999999999 a\nok 18446744073709551617 b\nok 0 c\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
	COUNTS(3, 0, 0, 0);
}

TEST_F(ktap, results_without_numbers_need_a_document)
{
	PARSE("ok\nok then\nok, fine\n");
	EXPECT_FALSE(self->k->used);
	COUNTS(0, 0, 0, 0);
}

TEST_F(ktap, results_without_numbers_in_a_document)
{
	PARSE("1..2\nok\nok - then\n");
	COUNTS(2, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, not_ok_counts_wherever_it_is)
{
	PARSE("not ok at all\n");
	COUNTS(0, 1, 0, 0);
	EXPECT_TRUE(self->k->used);
}

TEST_F(ktap, not_ok_counts_although_it_is_indented)
{
	PARSE("1..1\n   not ok 1 inner\nok 1 outer\n");
	COUNTS(0, 1, 0, 0);
}

TEST_F(ktap, words_that_only_begin_so)
{
	PARSE("okay\nnot okay\nok1\n1..2x\nTAP versions\nTAP version x\n");
	EXPECT_FALSE(self->k->used);
}

TEST_F(ktap, directives)
{
	PARSE("1..7\nnot ok 1 a # TODO later\nok 2 b # todo\nok 3 c # XFAIL known\n"
	      "not ok 4 d # SKIP\nok 5 e # TIMEOUT\nok 6 f # skipped: why\n"
	      "ok 7 issue #5 # 7\n");
	COUNTS(2, 1, 2, 2);
	EXPECT_STREQ("issue #5 # 7", nth(&self->k->results, 6)->name);
	EXPECT_STREQ("why", nth(&self->k->results, 5)->why);
}

TEST_F(ktap, a_name_behind_the_directive)
{
	PARSE("1..1\nok 1 # SKIP CLOCK_X\n");
	EXPECT_STREQ("CLOCK_X", nth(&self->k->results, 0)->name);
	COUNTS(0, 0, 1, 0);
}

TEST_F(ktap, a_plan_of_nothing)
{
	PARSE("TAP version 13\n1..0 # SKIP not here\n");
	EXPECT_TRUE(self->k->skip_all);
	EXPECT_STREQ("not here", self->k->skip_why);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, bail_out)
{
	PARSE("1..2\nok 1\nBail out! the disk is gone\n");
	EXPECT_EQ(KTAP_BAILED, self->k->problem);
	EXPECT_STREQ("Bail out! the disk is gone", self->k->detail);
}

TEST_F(ktap, nested_by_indentation)
{
	PARSE("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: a\n  1..2\n"
	      "  ok 1 x\n    KTAP version 1\n    1..1\n    not ok 1 deep\n"
	      "  not ok 2 y\nnot ok 1 a\nok 2 b\n");
	COUNTS(2, 1, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
	EXPECT_STREQ("deep", nth(&nth(&nth(&self->k->results, 0)->subs, 1)->subs, 0)->name);
}

TEST_F(ktap, nested_by_hashes)
{
	PARSE("TAP version 13\n1..2\n# selftests: futex: run.sh\n# TAP version 13\n"
	      "# 1..2\n# ok 1 x\n# # a comment\n# not ok 2 y\n"
	      "ok 1 selftests: futex: run.sh\nok 2 selftests: futex: other\n");
	COUNTS(2, 1, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
	EXPECT_STREQ("y", nth(&nth(&self->k->results, 0)->subs, 1)->name);
}

TEST_F(ktap, a_comment_is_no_result)
{
	PARSE("1..1\n# ok 1 not really\n# not ok 2 neither\nok 1 a\n");
	COUNTS(1, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, a_plan_of_subtests_that_is_not_kept)
{
	PARSE("1..1\n  1..2\n  ok 1 x\nok 1 a\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
}

TEST_F(ktap, a_failure_above_subtests_that_are_ok)
{
	PARSE("1..1\n  1..1\n  ok 1 x\nnot ok 1 a\n");
	COUNTS(1, 1, 0, 0);
}

TEST_F(ktap, subtests_without_a_result_of_their_own)
{
	PARSE("1..1\nok 1 a\n  1..1\n  not ok 1 x\n");
	COUNTS(1, 1, 0, 0);
}

TEST_F(ktap, documents_in_a_row)
{
	PARSE("TAP version 13\n1..1\nok 1 a\n\nTAP version 13\n1..2\nok 1 b\nok 2 c\n");
	COUNTS(3, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, documents_in_a_row_that_only_have_plans)
{
	PARSE("1..1\nok 1 a\n1..1\nok 1 b\nok 1 c\n1..1\n");
	COUNTS(3, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
}

TEST_F(ktap, a_document_that_the_next_one_cuts_short)
{
	PARSE("TAP version 13\n1..3\nok 1 a\nTAP version 13\n1..1\nok 1 b\n");
	EXPECT_EQ(KTAP_PLAN_BROKEN, self->k->problem);
}

TEST_F(ktap, noise)
{
	PARSE("\0\0\n1..1\r\n\xff\xfe not ok\nok 1 a\0b\033[31m\r\n");
	COUNTS(1, 0, 0, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
	EXPECT_STREQ("a\\x00b\\x1b[31m", nth(&self->k->results, 0)->name);
}

TEST_F(ktap, very_long_lines)
{
	static char text[100000];
	size_t i;

	memset(text, 'x', sizeof(text));
	memcpy(text, "1..2\nok 1 ", 10);
	for (i = 50000; i < sizeof(text); i++)
		text[i] = '#';
	memcpy(text + 60000, "\nok 2 b # SKIP\n", 15);
	ktap_feed(self->p, text, sizeof(text));
	ktap_end(self->p);
	COUNTS(1, 0, 1, 0);
	EXPECT_EQ(KTAP_FINE, self->k->problem);
	EXPECT_EQ(TEXT_MAX - 1, strlen(nth(&self->k->results, 0)->name));
}

TEST_F(ktap, more_results_than_we_keep)
{
	char line[64];
	int i, n;

	for (i = 1; i <= KTAP_MAX_RESULTS + 5; i++) {
		n = snprintf(line, sizeof(line), "ok %d\n", i);
		ktap_feed(self->p, line, (size_t)n);
	}
	ktap_end(self->p);
	EXPECT_EQ(KTAP_TOO_MUCH, self->k->problem);
	COUNTS(KTAP_MAX_RESULTS, 0, 0, 0);
}

TEST_F(ktap, deeper_than_we_go)
{
	char line[64];
	int i, n;

	for (i = 0; i < KTAP_MAX_DEPTH + 4; i++) {
		n = snprintf(line, sizeof(line), "%*s1..1\n", i, "");
		ktap_feed(self->p, line, (size_t)n);
	}
	ktap_end(self->p);
	EXPECT_EQ(KTAP_TOO_MUCH, self->k->problem);
}

/*
 * Text
 */

static const char *clean(const char *s, size_t len)
{
	static char buf[32];

	text_clean(buf, sizeof(buf), s, len);
	return buf;
}

TEST(control_characters_are_shown)
{
	EXPECT_STREQ("a\\x1b[0mb", clean("a\033[0mb", 6));
	EXPECT_STREQ("\\x00", clean("\0", 1));
	EXPECT_STREQ("a b", clean(" \ta\tb\r\n", 7));
	EXPECT_STREQ("\\x7f\\xc2\\x9b", clean("\x7f\xc2\x9b", 3));
}

TEST(letters_are_kept)
{
	EXPECT_STREQ("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		     clean("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11));
}

TEST(what_is_not_utf_8_is_shown)
{
	EXPECT_STREQ("\\xc3", clean("\xc3", 1));
	EXPECT_STREQ("\\xc0\\x80", clean("\xc0\x80", 2));
	EXPECT_STREQ("\\xed\\xa0\\x80", clean("\xed\xa0\x80", 3));
	EXPECT_STREQ("\\xff", clean("\xff", 1));
}

TEST(text_does_not_change_its_direction)
{
	EXPECT_STREQ("a\\xe2\\x80\\xaeb", clean("a\xe2\x80\xae" "b", 5));
}

TEST(what_is_too_long_is_cut)
{
	const char *s = clean("0123456789012345678901234567890123456789", 40);

	EXPECT_STREQ("0123456789012345678901234567...", s);
	EXPECT_STREQ("0123456789012345678901234567890",
		     clean("0123456789012345678901234567890", 31));
}

TEST(what_was_cut_within_a_letter)
{
	static const struct {
		const char *text, *want;
	} cut[] = {
		{ "", "" }, { "a", "a" }, { "a\xc3", "a" }, { "a\xc3\xa4", "a\xc3\xa4" },
		{ "\xe2\x82", "" }, { "\xf0\x9f\x98", "" },
		{ "\xc3\xa4\xf0\x9f\x98\x80", "\xc3\xa4\xf0\x9f\x98\x80" },
	};
	char s[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cut); i++) {
		strcpy(s, cut[i].text);
		text_cut(s);
		EXPECT_STREQ(cut[i].want, s);
	}
}

TEST_F(ktap, what_passes_although_it_should_not)
{
	PARSE("1..2\nok 1 a # XPASS x\nnot ok 2 b # XPASS y\n");
	EXPECT_EQ(1, self->p->out.passed);
	EXPECT_EQ(1, self->p->out.failed);
}

TEST_HARNESS_MAIN
