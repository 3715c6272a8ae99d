// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Two traces: what is said about where they part. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/trace/diff.h"
#include "../../src/trace/trace.h"
#include "kselftest_harness.h"

static u64 now;

static u64 clock_now(void *arg)
{
	(void)arg;
	return now;
}

FIXTURE(diff)
{
	char path[2][64], *text;
	size_t len;
	struct trace *t[2];
};

static void begin(struct trace *t, const char *seed)
{
	TRACE_TEXT(t, IDENTITY, "umtt=1");
	TRACE_TEXT(t, IDENTITY, seed);
	TRACE_TEXT(t, NODE, "a", 1);
	TRACE_TEXT(t, DEVICE, "a.rng0", 0, 1, 4, 1);
}

FIXTURE_SETUP(diff)
{
	int i, fd;

	now = 0;
	self->text = NULL;
	for (i = 0; i < 2; i++) {
		strcpy(self->path[i], "/tmp/umtt-unit-XXXXXX");
		fd = mkstemp(self->path[i]);
		ASSERT_LE(0, fd);
		close(fd);
		ASSERT_EQ(0, trace_open(&self->t[i], self->path[i], clock_now,
					NULL));
	}
}

FIXTURE_TEARDOWN(diff)
{
	free(self->text);
	unlink(self->path[0]);
	unlink(self->path[1]);
}

static int compare(FIXTURE_DATA(diff) *self, unsigned int context)
{
	struct trace_reader r[2];
	struct trace_side a = { .mark = "A", .r = &r[0] };
	struct trace_side b = { .mark = "B", .r = &r[1] };
	FILE *f = open_memstream(&self->text, &self->len);
	int i, ret;

	for (i = 0; i < 2; i++)
		if (trace_close(self->t[i]) ||
		    trace_reader_open(&r[i], self->path[i]))
			abort();
	ret = trace_diff(f, &a, &b, context);
	for (i = 0; i < 2; i++)
		trace_reader_close(&r[i]);
	fclose(f);
	return ret;
}

TEST_F(diff, the_same)
{
	begin(self->t[0], "seed=1");
	begin(self->t[1], "seed=1");
	EXPECT_EQ(0, compare(self, 3));
	EXPECT_STREQ("All 2 records are the same.\n", self->text);
}

/* What was given counts for nothing as long as nothing comes of it. */
TEST_F(diff, identity_alone)
{
	begin(self->t[0], "seed=1");
	TRACE_TEXT(self->t[1], IDENTITY, "env=X=1");
	begin(self->t[1], "seed=2");
	EXPECT_EQ(0, compare(self, 3));
	EXPECT_STREQ("The runs were not given the same:\n"
		     "A seed=1\n"
		     "B seed=2\n"
		     "B env=X=1\n"
		     "All 2 records are the same.\n", self->text);
}

TEST_F(diff, where_they_part)
{
	int i;

	for (i = 0; i < 2; i++) {
		now = 0;
		begin(self->t[i], "seed=1");
		now = NSEC_PER_SEC;
		TRACE(self->t[i], KICK, 0, 0);
		TRACE(self->t[i], KICK_DONE, 0, 0);
		now += 5 + (unsigned int)i;
		TRACE(self->t[i], CALL, 0, 0);
	}
	TRACE(self->t[0], CALL_DONE, 0, 0);
	TRACE(self->t[0], CALL, 0, 0);
	EXPECT_EQ(1, compare(self, 1));
	EXPECT_STREQ("After 4 records that are the same, they part at 1.000000005 s:\n"
		     "       1.000000000 kick-done    a.rng0       vq=0\n"
		     "A      1.000000005 call         a.rng0       vq=0\n"
		     "A      1.000000006 call-done    a.rng0       vq=0\n"
		     "B      1.000000006 call         a.rng0       vq=0\n"
		     "B (the trace ends)\n", self->text);
}

TEST_F(diff, one_is_longer)
{
	begin(self->t[0], "seed=1");
	begin(self->t[1], "seed=1");
	TRACE(self->t[1], KICK, 0, 0);
	EXPECT_EQ(1, compare(self, 0));
	EXPECT_STREQ("After 2 records that are the same, they part at 0.000000000 s:\n"
		     "A (the trace ends)\n"
		     "B      0.000000000 kick         a.rng0       vq=0\n"
		     "B (the trace ends)\n", self->text);
}

/* Lines show the beginning of data only. */
TEST_F(diff, deep_in_a_frame)
{
	u8 frame[100] = { 0 };

	TRACE_DATA(self->t[0], FRAME_TX, frame, 100, 0, 0, 100);
	frame[77] = 1;
	TRACE_DATA(self->t[1], FRAME_TX, frame, 100, 0, 0, 100);
	EXPECT_EQ(1, compare(self, 0));
	EXPECT_NE(NULL, strstr(self->text, "from its byte 77 on."));
}

TEST_F(diff, damaged)
{
	FILE *f;

	begin(self->t[0], "seed=1");
	begin(self->t[1], "seed=1");
	trace_close(self->t[1]);
	f = fopen(self->path[1], "a");
	fputc(255, f);
	fclose(f);
	self->t[1] = NULL;
	EXPECT_EQ(-EPROTO, compare(self, 3));
}

static void count(void *arg, const char *a, const char *b)
{
	unsigned int *n = arg;

	n[0] += !!a;
	n[1] += !!b;
}

TEST(identity_lists)
{
	static const char *const words[] = { "x=1", "c=a", "c=b", "c=c", "z=1" };
	struct trace_identity a = { 0 }, b = { 0 };
	unsigned int i, n[2] = { 0 };

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, trace_identity_add(&a, words[i], 3));
		if (i != 2)
			ASSERT_EQ(0, trace_identity_add(&b, words[i], 3));
	}
	EXPECT_EQ(1, trace_identity_compare(&a, &b, count, n));
	EXPECT_EQ(1, n[0]);
	EXPECT_EQ(0, n[1]);
	EXPECT_STREQ("a", trace_identity_get(&a, "c"));
	EXPECT_EQ(NULL, trace_identity_get(&a, "y"));
	trace_identity_fini(&a);
	trace_identity_fini(&b);
}

TEST_HARNESS_MAIN
