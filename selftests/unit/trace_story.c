// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The last records of a trace, with and without a file, and what is told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/trace/names.h"
#include "../../src/trace/story.h"
#include "../../src/wire/timetravel.h"
#include "kselftest_harness.h"

static u64 now;

static u64 clock_now(void *arg)
{
	(void)arg;
	return now;
}

FIXTURE(story)
{
	char path[64], *text;
	size_t len;
	struct trace *t;
};

FIXTURE_VARIANT(story)
{
	bool file;
};

FIXTURE_VARIANT_ADD(story, file) { .file = true };
FIXTURE_VARIANT_ADD(story, memory) { .file = false };

FIXTURE_SETUP(story)
{
	int fd;

	now = 0;
	self->text = NULL;
	strcpy(self->path, "/tmp/umtt-unit-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, trace_open(&self->t, variant->file ? self->path : NULL,
				clock_now, NULL));
	TRACE_TEXT(self->t, NODE, "a", 1);
	TRACE_TEXT(self->t, DEVICE, "a.net0", 0, 1, 1, 2);
	TRACE_TEXT(self->t, LINK, "lan", 0);
	TRACE(self->t, PORT, 0, 0, 0);
}

FIXTURE_TEARDOWN(story)
{
	EXPECT_EQ(0, trace_close(self->t));
	free(self->text);
	unlink(self->path);
}

/* Number of the last of @parts, and of those before without a gap */
static unsigned int count(const struct trace_part *parts, u64 *last)
{
	struct trace_reader r;
	struct trace_rec rec;
	unsigned int n = 0, i;

	for (i = 1; i < 3; i++) {
		trace_reader_part(&r, parts[i].buf, parts[i].len, parts[i].time);
		while (trace_next(&r, &rec) == 1) {
			if (rec.kind != TRACE_KICK)
				continue;
			/* Whole records, with their times */
			if (n && rec.v[1] != *last + 1)
				return 0;
			if (rec.time != 10 * rec.v[1])
				return 0;
			*last = rec.v[1];
			n++;
		}
	}
	return n;
}

TEST_F(story, the_last_records_are_there)
{
	struct trace_part parts[3];
	static u8 frame[70000];
	u64 i, last = 0;

	for (i = 0; i < 300000; i++) {
		now = 10 * i;
		TRACE(self->t, KICK, 0, i);
		if (i % 1000 == 0)
			TRACE_DATA(self->t, FRAME_TX, frame, sizeof(frame), 0,
				   i, sizeof(frame));
		if (i % 10007 == 0) {
			trace_recent(self->t, parts);
			ASSERT_LT(i < 1000 ? 0 : 500, count(parts, &last));
			ASSERT_EQ(i, last);
		}
	}
	trace_recent(self->t, parts);
	EXPECT_LT(1000, count(parts, &last));
	EXPECT_EQ(299999, last);
}

static char *tell(FIXTURE_DATA(story) *self)
{
	FILE *f = open_memstream(&self->text, &self->len);

	trace_story(f, self->t, "So it went:");
	fclose(f);
	return self->text;
}

TEST_F(story, nothing_to_tell)
{
	EXPECT_STREQ("", tell(self));
}

TEST_F(story, sentences)
{
	now = NSEC_PER_SEC;
	TRACE(self->t, TT_TO, 1, TT_RUN, now);
	TRACE(self->t, KICK, 0, 1);
	TRACE(self->t, POP, 0, 1, 7, 98, 0);
	TRACE_TEXT(self->t, FRAME_TX, "...", 0, 12, 98);
	TRACE_TEXT(self->t, FRAME_LOST, "loss", 0, 12, 98);
	TRACE(self->t, KICK_DONE, 0, 1);
	now += 5;
	TRACE(self->t, TT_FROM, 1, TT_WAIT, U64_MAX);
	EXPECT_STREQ("So it went:\n"
		     "     1.000000000 a runs\n"
		     "     1.000000000 a kicks queue 1 of a.net0\n"
		     "     1.000000000 a.net0 sends frame 12 of 98 bytes to lan\n"
		     "     1.000000000 a.net0 does not get frame 12 from lan: loss\n"
		     "     1.000000005 a waits, and has asked for no time\n"
		     "a waits, and has asked for no time; since 1.000000005\n"
		     "a waits for a.net0: 1 request of queue 1 not answered; since 1.000000000\n",
		     tell(self));
}

TEST_HARNESS_MAIN
