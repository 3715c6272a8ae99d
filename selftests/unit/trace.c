// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Traces: what is written is what is read, and what is read is checked. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/trace/filter.h"
#include "../../src/trace/text.h"
#include "../../src/trace/trace.h"
#include "kselftest_harness.h"

#define MAGIC_LEN	(sizeof(TRACE_MAGIC) - 1)

static u64 now;

static u64 clock_now(void *arg)
{
	(void)arg;
	return now;
}

FIXTURE(trace)
{
	char path[64];
	struct trace *t;
	struct trace_reader r;
	struct trace_rec rec;
};

FIXTURE_SETUP(trace)
{
	int fd;

	now = 0;
	strcpy(self->path, "/tmp/umtt-unit-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, trace_open(&self->t, self->path, clock_now, NULL));
}

FIXTURE_TEARDOWN(trace)
{
	unlink(self->path);
}

/* The number of words that its names are */
static unsigned int words(const char *s)
{
	unsigned int n = !!*s;

	for (; *s; s++)
		n += *s == ' ';
	return n;
}

TEST(kinds_count_their_fields)
{
	const struct trace_kind_desc *k;
	unsigned int i;

	for (i = 1; i < TRACE_NR_KINDS; i++) {
		k = trace_kind_desc(i);
		ASSERT_NE(NULL, k);
		EXPECT_EQ(words(k->fields), k->nr_fields);
		EXPECT_GE(TRACE_MAX_FIELDS, k->nr_fields);
	}
	EXPECT_EQ(NULL, trace_kind_desc(0));
	EXPECT_EQ(NULL, trace_kind_desc(TRACE_NR_KINDS));
}

TEST_F(trace, what_is_written_is_read)
{
	now = 5;
	TRACE(self->t, KICK, 3, U64_MAX);
	now = S64_MAX;
	TRACE_TEXT(self->t, CONSOLE, "hello", 1, 2);
	TRACE_DATA(self->t, CONSOLE, NULL, 0, 1, 2);
	EXPECT_EQ(0, trace_close(self->t));

	ASSERT_EQ(0, trace_reader_open(&self->r, self->path));
	ASSERT_EQ(1, trace_next(&self->r, &self->rec));
	EXPECT_EQ(TRACE_KICK, self->rec.kind);
	EXPECT_EQ(5, self->rec.time);
	EXPECT_EQ(3, self->rec.v[0]);
	EXPECT_EQ(U64_MAX, self->rec.v[1]);
	ASSERT_EQ(1, trace_next(&self->r, &self->rec));
	EXPECT_EQ(TRACE_CONSOLE, self->rec.kind);
	EXPECT_EQ(S64_MAX, self->rec.time);
	ASSERT_EQ(5, self->rec.len);
	EXPECT_EQ(0, memcmp(self->rec.data, "hello", 5));
	ASSERT_EQ(1, trace_next(&self->r, &self->rec));
	EXPECT_EQ(0, self->rec.len);
	EXPECT_EQ(0, trace_next(&self->r, &self->rec));
	trace_reader_close(&self->r);
}

/* More than a window, and records that lie across its end */
TEST_F(trace, is_as_long_as_it_gets)
{
	static u8 frame[70000];
	unsigned int i;

	memset(frame, 0xa5, sizeof(frame));
	for (i = 0; i < 200; i++, now++)
		TRACE_DATA(self->t, FRAME_TX, frame, sizeof(frame) - i, i, i,
			   0);
	EXPECT_EQ(0, trace_close(self->t));
	ASSERT_EQ(0, trace_reader_open(&self->r, self->path));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(1, trace_next(&self->r, &self->rec));
		ASSERT_EQ(i, self->rec.v[0]);
		ASSERT_EQ(i, self->rec.time);
		ASSERT_EQ(sizeof(frame) - i, self->rec.len);
		ASSERT_EQ(0, memcmp(frame, self->rec.data, self->rec.len));
	}
	EXPECT_EQ(0, trace_next(&self->r, &self->rec));
	trace_reader_close(&self->r);
}

TEST_F(trace, one_record_may_be_larger_than_a_window)
{
	size_t len = (size_t)10 << 20;
	u8 *big = calloc(1, len);

	big[len - 1] = 7;
	TRACE_DATA(self->t, CONSOLE, big, len, 0, 1);
	TRACE(self->t, KICK, 1, 1);
	EXPECT_EQ(0, trace_close(self->t));
	ASSERT_EQ(0, trace_reader_open(&self->r, self->path));
	ASSERT_EQ(1, trace_next(&self->r, &self->rec));
	ASSERT_EQ(len, self->rec.len);
	EXPECT_EQ(7, self->rec.data[len - 1]);
	EXPECT_EQ(1, trace_next(&self->r, &self->rec));
	trace_reader_close(&self->r);
	free(big);
}

TEST_F(trace, nothing_follows_the_end)
{
	trace_end(self->t, 3, "why not");
	TRACE(self->t, KICK, 1, 1);
	EXPECT_EQ(0, trace_close(self->t));
	ASSERT_EQ(0, trace_reader_open(&self->r, self->path));
	ASSERT_EQ(1, trace_next(&self->r, &self->rec));
	EXPECT_EQ(TRACE_END, self->rec.kind);
	EXPECT_EQ(3, self->rec.v[0]);
	EXPECT_EQ(0, trace_next(&self->r, &self->rec));
	trace_reader_close(&self->r);
}

/* Whoever writes it is killed: what was recorded is there. */
TEST_F(trace, survives_its_writer)
{
	unsigned int n = 0;
	pid_t pid = fork();

	if (pid == 0) {
		for (; n < 1000; n++)
			TRACE(self->t, KICK, n, 0);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, trace_reader_open(&self->r, self->path));
	for (; trace_next(&self->r, &self->rec) == 1; n++)
		EXPECT_EQ(n, self->rec.v[0]);
	EXPECT_EQ(1000, n);
	trace_reader_close(&self->r);
	trace_close(self->t);
}

TEST_F(trace, a_full_disk_ends_it)
{
	struct trace *t;

	if (access("/dev/full", W_OK) < 0)
		SKIP(return, "no /dev/full");
	EXPECT_GT(0, trace_open(&t, "/dev/full", clock_now, NULL));
	EXPECT_EQ(-ENOENT, trace_open(&t, "/nowhere/trace", clock_now, NULL));
	trace_close(self->t);
}

/* One complete trace, cut and changed at each byte: never more than an error */
TEST_F(trace, any_file_can_be_read)
{
	struct trace_names names = { 0 };
	struct trace_filter filter = { .node = "a" };
	FILE *null = fopen("/dev/null", "w");
	u8 good[512], *bad;
	size_t len, at;
	int fd, ret;

	TRACE_TEXT(self->t, NODE, "a", 1);
	TRACE_TEXT(self->t, DEVICE, "a.rng0", 0, 1, 4, 1);
	TRACE_TEXT(self->t, LINK, "lan", 0);
	TRACE(self->t, PORT, 0, 0, 0);
	TRACE_TEXT(self->t, FRAME_TX, "abc", 0, 3, 3);
	TRACE(self->t, TT_FROM, 1, 3, 300);
	trace_close(self->t);
	fd = open(self->path, O_RDONLY);
	len = (size_t)read(fd, good, sizeof(good));
	close(fd);
	ASSERT_LT(MAGIC_LEN, len);
	for (at = 0; at < len * 256; at++) {
		/* Exactly as long, so that one byte further is noticed. */
		bad = malloc(len - at % 2);
		memcpy(bad, good, len - at % 2);
		if (at / 256 < len - at % 2)
			bad[at / 256] = (u8)at;
		ret = trace_reader_init(&self->r, bad, len - at % 2);
		if (at / 256 >= MAGIC_LEN)
			ASSERT_EQ(0, ret);
		while (!ret && trace_next(&self->r, &self->rec) == 1) {
			if (trace_names_learn(&names, &self->rec) < 0)
				break;
			if (trace_filter_passes(&filter, &names, &self->rec))
				trace_print(null, &names, &self->rec, true);
			trace_print(null, &names, &self->rec, false);
		}
		free(bad);
	}
	trace_names_fini(&names);
	fclose(null);
}

TEST_F(trace, other_files_are_told_apart)
{
	trace_close(self->t);
	EXPECT_EQ(-EPROTO, trace_reader_init(&self->r, (const u8 *)"ELF", 3));
	EXPECT_EQ(-EPROTO, trace_reader_init(&self->r,
					     (const u8 *)"umtt race 1\n", 12));
	EXPECT_EQ(-EPROTONOSUPPORT,
		  trace_reader_init(&self->r, (const u8 *)"umtt trace 9\n", 13));
	EXPECT_EQ(-EISDIR, trace_reader_open(&self->r, "/tmp"));
	EXPECT_EQ(-ENOENT, trace_reader_open(&self->r, "/tmp/umtt-none"));
}

static bool passes(const struct trace_filter *f, const struct trace_names *n,
		   unsigned int kind, u64 v0)
{
	struct trace_rec rec = {
		.kind = kind, .desc = trace_kind_desc(kind), .time = 100,
		.v = { v0 },
	};

	return trace_filter_passes(f, n, &rec);
}

static void learn(struct trace_names *n, unsigned int kind, u64 a, u64 b,
		  u64 c, const char *name)
{
	struct trace_rec rec = {
		.kind = kind, .desc = trace_kind_desc(kind), .v = { a, b, c },
		.data = (const u8 *)name, .len = name ? strlen(name) : 0,
	};

	if (trace_names_learn(n, &rec) < 0)
		abort();
}

TEST(filters)
{
	struct trace_names n = { 0 };
	struct trace_filter node = { .node = "a" }, dev = { .dev = "b.net0" },
		link = { .link = "lan" }, time = { .from = 101 },
		end = { .to = 99 }, kinds = { 0 };
	const char *bad;

	learn(&n, TRACE_NODE, 1, 0, 0, "a");
	learn(&n, TRACE_NODE, 2, 0, 0, "b");
	learn(&n, TRACE_DEVICE, 0, 1, 1, "a.net0");
	learn(&n, TRACE_DEVICE, 1, 2, 1, "b.net0");
	learn(&n, TRACE_LINK, 0, 0, 0, "lan");
	learn(&n, TRACE_PORT, 0, 0, 1, NULL);
	EXPECT_TRUE(passes(&node, &n, TRACE_CONSOLE, 1));
	EXPECT_FALSE(passes(&node, &n, TRACE_CONSOLE, 2));
	EXPECT_TRUE(passes(&node, &n, TRACE_KICK, 0));
	EXPECT_FALSE(passes(&node, &n, TRACE_KICK, 1));
	EXPECT_FALSE(passes(&node, &n, TRACE_KICK, 9));
	EXPECT_FALSE(passes(&dev, &n, TRACE_KICK, 0));
	EXPECT_TRUE(passes(&dev, &n, TRACE_KICK, 1));
	EXPECT_TRUE(passes(&dev, &n, TRACE_FRAME_TX, 0));
	EXPECT_TRUE(passes(&link, &n, TRACE_FRAME_TX, 0));
	EXPECT_FALSE(passes(&link, &n, TRACE_FRAME_TX, 1));
	EXPECT_FALSE(passes(&link, &n, TRACE_KICK, 1));
	EXPECT_FALSE(passes(&time, &n, TRACE_KICK, 1));
	EXPECT_FALSE(passes(&end, &n, TRACE_KICK, 1));
	ASSERT_EQ(0, trace_filter_kinds(&kinds, "kick,call", &bad));
	EXPECT_TRUE(passes(&kinds, &n, TRACE_KICK, 1));
	EXPECT_FALSE(passes(&kinds, &n, TRACE_PUSH, 1));
	EXPECT_EQ(-EINVAL, trace_filter_kinds(&kinds, "kick,cal", &bad));
	EXPECT_STREQ("cal", bad);
	trace_names_fini(&n);
}

TEST_HARNESS_MAIN
