// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Verdicts on tests; expectations; reports in kernels' logs. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/ktap/judge.h"
#include "../../src/ktap/klog.h"
#include "../../src/ktap/marks.h"
#include "kselftest_harness.h"

FIXTURE(judge)
{
	struct ktap_parser *p;
	struct expect e;
	struct judge_verdict v;
	struct judge_case c;
};

FIXTURE_SETUP(judge)
{
	memset(&self->e, 0, sizeof(self->e));
	self->p = malloc(sizeof(*self->p));
	ktap_init(self->p);
	self->c = (struct judge_case){
		.collection = "col", .test = "a", .end_detail = "",
		.said = &self->p->out,
	};
}

FIXTURE_TEARDOWN(judge)
{
	ktap_fini(self->p);
	free(self->p);
	expect_fini(&self->e);
}

#define SAID(text) do {							\
	ktap_feed(self->p, text, strlen(text));				\
	ktap_end(self->p);						\
} while (0)

#define RULES(text) do {						\
	char why[EXPECT_WHY_LEN];					\
	ASSERT_EQ(0, expect_parse(&self->e, text, strlen(text), why))	\
		TH_LOG("%s", why);					\
} while (0)

#define VERDICT(what, reason) do {					\
	judge(&self->v, &self->c, &self->e);				\
	EXPECT_EQ(what, self->v.outcome);				\
	EXPECT_STREQ(reason, self->v.why);				\
} while (0)

TEST_F(judge, status_0_without_tap_passes)
{
	SAID("fine\n");
	VERDICT(JUDGE_PASS, "");
}

TEST_F(judge, status_without_tap_fails)
{
	self->c.status = 3;
	SAID("oh\n");
	VERDICT(JUDGE_FAIL, "exit status 3");
}

TEST_F(judge, status_4_is_a_skip)
{
	self->c.status = 4;
	SAID("nothing to do\n");
	VERDICT(JUDGE_SKIP, "");
}

TEST_F(judge, not_ok_counts_whatever_the_status)
{
	SAID("1..2\nok 1 a\nnot ok 2 b\n");
	VERDICT(JUDGE_FAIL, "not ok: b");
	self->c.status = 4;
	VERDICT(JUDGE_FAIL, "not ok: b");
}

TEST_F(judge, several_not_ok)
{
	SAID("1..3\nnot ok 1 a\nnot ok 2 b\nok 3\n");
	VERDICT(JUDGE_FAIL, "2 results are not ok, the first: a");
}

TEST_F(judge, a_status_that_no_result_explains)
{
	self->c.status = 1;
	SAID("1..1\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "exit status 1, but nothing is not ok");
}

TEST_F(judge, no_plan_is_a_failure)
{
	SAID("TAP version 13\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "no plan");
}

TEST_F(judge, tests_that_never_print_a_plan)
{
	RULES("col:a no-plan upstream prints none\n");
	SAID("ok 1 a\nok 2 b # SKIP\n");
	VERDICT(JUDGE_PASS, "");
	self->c.status = 1;
	VERDICT(JUDGE_FAIL, "exit status 1, but nothing is not ok");
}

TEST_F(judge, no_plan_does_not_excuse_a_broken_one)
{
	RULES("col:a no-plan upstream prints none\n");
	SAID("1..2\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "plan of 2, but 1 result");
}

TEST_F(judge, a_plan_not_kept_is_a_failure)
{
	SAID("1..2\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "plan of 2, but 1 result");
}

TEST_F(judge, who_skips_the_rest_may_say_so)
{
	self->c.status = 4;
	SAID("1..5\nok 1 a\nok 2 # SKIP no hardware\n");
	VERDICT(JUDGE_SKIP, "no hardware");
}

TEST_F(judge, a_status_of_4_alone_does_not_excuse_a_broken_plan)
{
	self->c.status = 4;
	SAID("1..5\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "plan of 5, but 1 result");
}

TEST_F(judge, a_plan_of_nothing_is_a_skip)
{
	SAID("1..0 # SKIP not here\n");
	VERDICT(JUDGE_SKIP, "not here");
}

TEST_F(judge, all_skipped_is_a_skip)
{
	SAID("1..2\nok 1 a # SKIP x\nok 2 b # SKIP y\n");
	VERDICT(JUDGE_SKIP, "y");
}

TEST_F(judge, some_skipped_is_a_pass)
{
	SAID("1..2\nok 1 a # SKIP x\nok 2 b\n");
	VERDICT(JUDGE_PASS, "");
}

TEST_F(judge, bail_out)
{
	SAID("1..1\nok 1\nBail out! no\n");
	VERDICT(JUDGE_FAIL, "Bail out! no");
}

TEST_F(judge, its_timeout)
{
	self->c.status = JUDGE_TIMEOUT;
	SAID("1..1\nnot ok 1\n");
	VERDICT(JUDGE_FAIL, "timeout: ended with exit status 124");
	EXPECT_TRUE(self->v.limit);
}

TEST_F(judge, each_end_has_its_name)
{
	static const struct {
		enum judge_end end;
		bool limit;
		const char *why;
	} ends[] = {
		{ END_MISSING, false, "the end marker is missing: x" },
		{ END_PANIC, false, "the kernel has panicked: x" },
		{ END_KERNEL_GONE, false, "the kernel has ended: x" },
		{ END_STALL, true, "hang: simulated time has not moved for x" },
		{ END_TIME_LIMIT, true, "limit of simulated time of x" },
		{ END_WALL_LIMIT, true, "limit of wall time of x" },
		{ END_OUTPUT_LIMIT, true, "limit of output of x" },
		{ END_RUN_FAILED, false, "umtt run has failed: x" },
		{ END_NOT_BUILT, false, "not built: x" },
	};
	size_t i;

	SAID("1..1\nok 1\n");
	self->c.end_detail = "x";
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		self->c.end = ends[i].end;
		VERDICT(JUDGE_FAIL, ends[i].why);
		EXPECT_EQ(ends[i].limit, self->v.limit);
	}
	self->c.end = END_INTERRUPTED;
	VERDICT(JUDGE_NOT_RUN, "interrupted: x");
}

TEST_F(judge, a_report_of_the_kernel_is_a_failure)
{
	self->c.report = "WARNING: CPU: 0";
	SAID("1..1\nok 1\n");
	VERDICT(JUDGE_FAIL, "kernel: WARNING: CPU: 0");
}

TEST_F(judge, a_report_that_is_expected)
{
	self->c.report = "WARNING: CPU: 0";
	RULES("col:a warn it tests that\n");
	SAID("1..1\nok 1\n");
	VERDICT(JUDGE_PASS, "");
}

TEST_F(judge, a_known_failure)
{
	RULES("col:a fail it is old\n");
	SAID("1..2\nok 1\n");
	VERDICT(JUDGE_XFAIL, "plan of 2, but 1 result");
	EXPECT_STREQ("it is old", self->v.known);
}

TEST_F(judge, a_known_failure_does_not_cover_a_report)
{
	RULES("col:a fail it is old\n");
	self->c.report = "BUG: x";
	SAID("not ok 1\n");
	VERDICT(JUDGE_FAIL, "kernel: BUG: x");
	self->c.end = END_PANIC;
	VERDICT(JUDGE_FAIL, "the kernel has panicked");
	RULES("col:a warn and noisy\n");
	VERDICT(JUDGE_XFAIL, "the kernel has panicked");
}

TEST_F(judge, an_unexpected_pass)
{
	RULES("col:* fail it is old\n");
	SAID("1..1\nok 1\n");
	VERDICT(JUDGE_PASS, "it is old");
	EXPECT_TRUE(self->v.surprise);
}

TEST_F(judge, known_failures_of_results)
{
	self->c.status = 1;
	RULES("col:a:b* fail b does\n");
	SAID("1..3\nok 1 a\nnot ok 2 b1\nnot ok 3 b2\n");
	VERDICT(JUDGE_XFAIL, "2 results not ok");
	EXPECT_STREQ("b does", self->v.known);
}

TEST_F(judge, of_several_known_failures_the_first_is_told)
{
	RULES("col:a:c fail c does\ncol:a:b fail b does\n");
	SAID("1..2\nnot ok 1 b\nnot ok 2 c\n");
	VERDICT(JUDGE_XFAIL, "2 results not ok");
	EXPECT_STREQ("b does", self->v.known);
}

TEST_F(judge, known_failures_do_not_cover_others)
{
	self->c.status = 1;
	RULES("col:a:b fail b does\n");
	SAID("1..2\nnot ok 1 c\nnot ok 2 b\n");
	VERDICT(JUDGE_FAIL, "2 results are not ok, the first: c");
}

TEST_F(judge, known_failures_do_not_cover_the_plan)
{
	RULES("col:a:b fail b does\n");
	SAID("1..3\nok 1 a\nnot ok 2 b\n");
	VERDICT(JUDGE_FAIL, "plan of 3, but 2 results");
}

TEST_F(judge, a_known_failure_covers_the_result_above)
{
	RULES("col:a:x\\ y fail known\n");
	SAID("1..1\n  1..2\n  ok 1 z\n  not ok 2 x y\nnot ok 1 all\n");
	VERDICT(JUDGE_XFAIL, "1 result not ok");
}

TEST_F(judge, a_result_that_passes_unexpectedly)
{
	RULES("col:a:b fail b does\n");
	SAID("1..1\nok 1 b\n");
	VERDICT(JUDGE_PASS, "a result that was expected to fail is ok");
	EXPECT_TRUE(self->v.surprise);
}

TEST_F(judge, a_rule_for_all_and_one_for_a_result)
{
	RULES("col:a:b fail b does\ncol:a fail all of it\n");
	SAID("1..1\nnot ok 1 b\n");
	VERDICT(JUDGE_XFAIL, "1 result not ok");
	EXPECT_FALSE(self->v.surprise);
}

/* A rule may have as its subtest what is not one: the reason of the failure. */

TEST_F(judge, a_plan_that_is_known_not_to_be_kept)
{
	RULES("col:a:plan\\ of\\ 3,\\ but\\ 2\\ results fail one is left out\n");
	SAID("1..3\nok 1 a\nok 2 b\n");
	VERDICT(JUDGE_XFAIL, "plan of 3, but 2 results");
	EXPECT_STREQ("one is left out", self->v.known);
	self->c.status = 1;
	VERDICT(JUDGE_FAIL, "exit status 1, but nothing is not ok");
	self->c.status = 4;
	VERDICT(JUDGE_XFAIL, "plan of 3, but 2 results");
}

TEST_F(judge, another_plan_than_the_one_that_is_known)
{
	RULES("col:a:plan\\ of\\ 3,\\ but\\ 2\\ results fail one is left out\n");
	SAID("1..3\nok 1 a\n");
	VERDICT(JUDGE_FAIL, "plan of 3, but 1 result");
}

TEST_F(judge, a_known_plan_covers_no_result)
{
	RULES("col:a:plan* fail one is left out\n");
	SAID("1..3\nok 1 a\nnot ok 2 b\n");
	VERDICT(JUDGE_FAIL, "not ok: b");
}

TEST_F(judge, results_that_are_all_known_to_be_missing)
{
	RULES("col:a:plan* fail it prints none\n");
	SAID("1..3\nPASS\n# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0\n");
	VERDICT(JUDGE_XFAIL, "plan of 3, but 0 results");
}

TEST_F(judge, a_status_that_is_known)
{
	RULES("col:a:exit\\ status\\ 134 fail an assertion\n");
	self->c.status = 134;
	SAID("Aborted\n");
	VERDICT(JUDGE_XFAIL, "exit status 134");
	self->c.status = 1;
	VERDICT(JUDGE_FAIL, "exit status 1");
	self->c.status = 0;
	VERDICT(JUDGE_PASS, "what was expected to fail has not");
	EXPECT_TRUE(self->v.surprise);
	self->c.status = 4;
	VERDICT(JUDGE_SKIP, "");
	EXPECT_FALSE(self->v.surprise);
}

TEST_F(judge, bail_out_that_is_known)
{
	RULES("col:a:Bail\\ out!\\ flags* fail flags are lost\n");
	self->c.status = 1;
	SAID("1..2\nok 1 a\nBail out! flags=2\n");
	VERDICT(JUDGE_XFAIL, "Bail out! flags=2");
}

TEST_F(judge, bail_out_that_is_known_covers_no_result)
{
	RULES("col:a:Bail* fail flags are lost\n");
	self->c.status = 1;
	SAID("1..2\nnot ok 1 a\nBail out! flags=2\n");
	VERDICT(JUDGE_FAIL, "Bail out! flags=2");
}

TEST_F(judge, a_reason_does_not_cover_a_timeout_or_a_report)
{
	RULES("col:a:* fail anything\n");
	self->c.status = JUDGE_TIMEOUT;
	SAID("1..1\nok 1\n");
	VERDICT(JUDGE_FAIL, "timeout: ended with exit status 124");
	self->c.status = 0;
	self->c.report = "BUG: x";
	VERDICT(JUDGE_FAIL, "kernel: BUG: x");
	self->c.end = END_STALL;
	self->c.report = NULL;
	VERDICT(JUDGE_FAIL, "hang: simulated time has not moved");
}

TEST_F(judge, failures_that_only_the_totals_have)
{
	RULES("col:a:plan* fail it prints none\n");
	SAID("1..3\nFAIL\n# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:1\n");
	VERDICT(JUDGE_FAIL, "its totals count 2 failed, but 0 results are not ok");
}

TEST_F(judge, totals_that_are_as_the_results)
{
	RULES("col:a:a fail known\n");
	SAID("1..1\nnot ok 1 a\n# Totals: pass:0 fail:1 xfail:0 xpass:0 skip:0 error:0\n");
	VERDICT(JUDGE_XFAIL, "1 result not ok");
}

/*
 * Expectations
 */

TEST(the_last_rule_counts)
{
	struct expect e = { 0 };
	char why[EXPECT_WHY_LEN];
	static const char text[] =
		"# all\n\n*:* time-limit 5s\ntimers:r* time-limit 2h  long\n"
		"  rtc:rtctest boot\nrtc:* mem 512M # not a comment here\n"
		"a:b busy-cost 1ms\n";

	ASSERT_EQ(0, expect_parse(&e, text, sizeof(text) - 1, why));
	EXPECT_EQ(5, e.n);
	EXPECT_EQ(NSEC_PER_MSEC, expect_find(&e, EXPECT_BUSY_COST, "a", "b", NULL)->value);
	EXPECT_EQ(5 * NSEC_PER_SEC, expect_find(&e, EXPECT_TIME_LIMIT, "rtc", "x", NULL)->value);
	EXPECT_EQ(7200 * NSEC_PER_SEC, expect_find(&e, EXPECT_TIME_LIMIT, "timers", "raw", NULL)->value);
	EXPECT_EQ(512u << 20, expect_find(&e, EXPECT_MEM, "rtc", "x", NULL)->value);
	EXPECT_NE(NULL, expect_find(&e, EXPECT_BOOT, "rtc", "rtctest", NULL));
	EXPECT_EQ(NULL, expect_find(&e, EXPECT_BOOT, "rtc", "rtctest2", NULL));
	EXPECT_EQ(NULL, expect_find(&e, EXPECT_FAIL, "rtc", "rtctest", NULL));
	expect_fini(&e);
}

TEST(expectations_that_make_no_sense)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "a", "'a' is not COLLECTION:TEST or COLLECTION:TEST:SUBTEST" },
		{ ":b skip x", "':b' is not COLLECTION:TEST or COLLECTION:TEST:SUBTEST" },
		{ "a: skip x", "'a:' is not COLLECTION:TEST or COLLECTION:TEST:SUBTEST" },
		{ "a:b", "no verb behind the name" },
		{ "a:b skip", "'skip' needs a reason behind it" },
		{ "a:b fail ", "'fail' needs a reason behind it" },
		{ "a:b time-limit ten", "'ten' is not a time, as 10s or 2h" },
		{ "a:b mem", "'' is not a size, as 512M" },
		{ "a:b:c skip x", "'skip' is for a test, not for a subtest" },
	};
	struct expect e = { 0 };
	char why[EXPECT_WHY_LEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(1, expect_parse(&e, bad[i].text,
					  strlen(bad[i].text), why));
		EXPECT_STREQ(bad[i].why, why);
	}
	EXPECT_EQ(3, expect_parse(&e, "a:b boot\n\na:b \033[1m x\n", 21, why));
	EXPECT_EQ(&why[0], strstr(why, "'\\x1b[1m' is no verb"));
	EXPECT_EQ(1, expect_parse(&e, "a:b\0boot", 8, why));
	expect_fini(&e);
}

/*
 * Kernels' logs
 */

static const char klog[] =
	"[    0.000000] Linux version 6.12\n"
	"[    1.000000] #umtt w begin c:a 1000000000\n"
	"[    1.010000] test: WARNING: not at the beginning\n"
	"[    1.020000][   T12] ------------[ cut here ]------------\n"
	"[    1.020000][   T12] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1\n"
	"[    1.020000][   T12] Call Trace:\n"
	"[    1.020000][   T12] ---[ end trace 0000000000000000 ]---\n"
	"[    1.030000] fine again\n"
	"[    2.000000] #umtt w begin c:ab 2000000000\n"
	"[    2.000000] BUG: KASAN: \033[1mslab-out-of-bounds\n"
	"[    3.000000] Kernel panic - not syncing: hung\n"
	"no time";

TEST(reports_are_found)
{
	struct klog_report r;
	size_t at = 0;

	ASSERT_TRUE(klog_next(klog, strlen(klog), &at, &r));
	EXPECT_STREQ("WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1", r.title);
	EXPECT_EQ(1020 * NSEC_PER_MSEC, r.now);
	EXPECT_FALSE(r.panic);
	EXPECT_EQ(0, strncmp(klog + r.at + r.len - 6, " ]---\n", 6));
	ASSERT_TRUE(klog_next(klog, strlen(klog), &at, &r));
	EXPECT_STREQ("BUG: KASAN: \\x1b[1mslab-out-of-bounds", r.title);
	ASSERT_TRUE(klog_next(klog, strlen(klog), &at, &r));
	EXPECT_TRUE(r.panic);
	EXPECT_EQ(strlen(klog), r.at + r.len);
	EXPECT_FALSE(klog_next(klog, strlen(klog), &at, &r));
}

/* One of each kind that the kernel's own checks print */
TEST(each_kind_of_report_is_found)
{
	static const char *const first[] = {
		"BUG: KASAN: use-after-free in f+0x1",
		"BUG: kernel NULL pointer dereference, address: 0",
		"kernel BUG at mm/x.c:1!",
		"Oops: 0000 [#1]",
		"UBSAN: array-index-out-of-bounds in x.c:1:2",
		"general protection fault: 0000 [#1]",
		"INFO: task x:12 blocked for more than 120 seconds.",
		"INFO: rcu_sched detected stalls on CPUs/tasks:",
		"rcu: INFO: rcu_sched self-detected stall on CPU",
		"INFO: possible recursive locking detected",
		"WARNING: possible circular locking dependency detected",
		"kmemleak: 1 new suspected memory leaks",
		"refcount_t: underflow; use-after-free.",
		"list_add corruption. next->prev should be prev",
	};
	struct klog_report r;
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		at = 0;
		EXPECT_TRUE(klog_next(first[i], strlen(first[i]), &at, &r))
			TH_LOG("%s", first[i]);
	}
}

TEST(marks_in_a_log_are_found)
{
	const char *b = strstr(klog, "[    2.000000] #umtt");

	EXPECT_EQ(b - klog, klog_find_mark(klog, strlen(klog), "w", "begin", "c:ab"));
	EXPECT_EQ(strlen(klog), klog_find_mark(klog, strlen(klog), "w", "begin", "c:abc"));
	EXPECT_EQ(strlen(klog), klog_find_mark(klog, strlen(klog), "x", "begin", "c:a"));
	EXPECT_EQ(0, klog_find_mark("", 0, "x", "begin", "c:a"));
}

/*
 * Marks in the output
 */

static char heard[4096];

static void hear(const char *fmt, ...) __printf(1, 2);
static void hear(const char *fmt, ...)
{
	size_t len = strlen(heard);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(heard + len, sizeof(heard) - len, fmt, ap);
	va_end(ap);
}

static void on_ready(struct marks *m)
{
	hear("<ready>");
}

static void on_begin(struct marks *m, const char *name, u64 now)
{
	hear("<begin %s %llu>", name, (unsigned long long)now);
}

static void on_data(struct marks *m, const char *data, size_t len)
{
	hear("%.*s", (int)len, data);
}

static void on_end(struct marks *m, const char *name, int status, u64 now)
{
	hear("<end %s %d %llu>", name, status, (unsigned long long)now);
}

static void on_done(struct marks *m)
{
	hear("<done>");
}

static const struct marks_ops marks_ops = {
	on_ready, on_begin, on_data, on_end, on_done
};

static const char *hear_all(const char *text, size_t step)
{
	size_t len = strlen(text), at, n;
	struct marks m;

	*heard = '\0';
	marks_init(&m, &marks_ops, "w0");
	for (at = 0; at < len; at += n) {
		n = min_size(step, len - at);
		marks_feed(&m, text + at, n);
	}
	marks_end(&m);
	return heard;
}

TEST(output_is_taken_apart)
{
	static const char text[] =
		"boot\n#umtt w0 ready\n#umtt w0 begin c:a 12\nhello\n#umtt w1 done\n"
		"x#umtt w0 done\n#umtt w0 nonsense\n#umtt w0 end c:a x\n\n"
		"#umtt w0 end c:a 1 15\n#umtt w0 done\n#umt";
	static const char want[] =
		"boot\n<ready><begin c:a 12>hello\n#umtt w1 done\n"
		"x#umtt w0 done\n#umtt w0 nonsense\n#umtt w0 end c:a x\n\n"
		"<end c:a 1 15><done>#umt";
	size_t step;

	for (step = 1; step < sizeof(text); step++)
		EXPECT_STREQ(want, hear_all(text, step));
}

TEST(a_line_that_is_too_long_for_a_mark)
{
	char text[2 * MARKS_MAX_LINE];

	memset(text, 'a', sizeof(text));
	memcpy(text, "#umtt w0 begin ", 15);
	memcpy(text + sizeof(text) - 4, " 1\n", 4);
	EXPECT_STREQ(text, hear_all(text, 7));
}

TEST_HARNESS_MAIN
