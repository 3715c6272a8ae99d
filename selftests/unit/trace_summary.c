// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A trace in numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/trace/summary.h"
#include "../../src/wire/timetravel.h"
#include "kselftest_harness.h"

FIXTURE(summary)
{
	struct trace_names names;
	struct trace_summary s;
	char *text;
	size_t len;
};

static void add(FIXTURE_DATA(summary) *self, u64 time, unsigned int kind,
		const char *data, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	struct trace_rec rec = {
		.kind = kind, .desc = trace_kind_desc(kind), .time = time,
		.v = { a, b, c, d, e }, .data = (const u8 *)data,
		.len = data ? strlen(data) : 0,
	};

	if (trace_names_learn(&self->names, &rec) < 0 ||
	    trace_summary_add(&self->s, &self->names, &rec) < 0)
		abort();
}

FIXTURE_SETUP(summary)
{
	memset(&self->names, 0, sizeof(self->names));
	memset(&self->s, 0, sizeof(self->s));
	self->text = NULL;
	add(self, 0, TRACE_NODE, "a", 1, 0, 0, 0, 0);
	add(self, 0, TRACE_DEVICE, "a.net0", 0, 1, 1, 2, 0);
	add(self, 0, TRACE_LINK, "lan", 0, 0, 0, 0, 0);
	add(self, 0, TRACE_PORT, NULL, 0, 0, 0, 0, 0);
}

FIXTURE_TEARDOWN(summary)
{
	trace_summary_fini(&self->s);
	trace_names_fini(&self->names);
	free(self->text);
}

static const char *print(FIXTURE_DATA(summary) *self)
{
	FILE *f = open_memstream(&self->text, &self->len);

	trace_summary_print(f, &self->s, &self->names);
	fclose(f);
	return self->text;
}

TEST_F(summary, latencies)
{
	u64 i;

	/* 1 to 100 ns, two under way at a time, answered in the other order */
	for (i = 1; i <= 100; i += 2) {
		add(self, 1000 * i, TRACE_POP, NULL, 0, 1, 5, 10, 0);
		add(self, 1000 * i, TRACE_POP, NULL, 0, 1, 6, 10, 0);
		add(self, 1000 * i + i, TRACE_PUSH, NULL, 0, 1, 6, 3, 0);
		add(self, 1000 * i + i + 1, TRACE_PUSH, NULL, 0, 1, 5, 0, 0);
	}
	add(self, 200000, TRACE_PUSH, NULL, 0, 1, 7, 0, 0);
	EXPECT_NE(NULL, strstr(print(self),
		"a.net0          1       100         0         0         0        1000         150\n"));
	EXPECT_NE(NULL, strstr(self->text,
		"a.net0          1       100     0.000000001     0.000000050     0.000000090     0.000000099     0.000000100\n"));
}

TEST_F(summary, nodes_and_links)
{
	add(self, 100, TRACE_TT_TO, NULL, 1, TT_RUN, 100, 0, 0);
	add(self, 100, TRACE_KICK, NULL, 0, 1, 0, 0, 0);
	add(self, 150, TRACE_TT_FROM, NULL, 1, TT_WAIT, 300, 0, 0);
	add(self, 150, TRACE_FRAME_TX, "x", 0, 0, 98, 0, 0);
	add(self, 160, TRACE_FRAME_TX, "x", 0, 1, 100, 0, 0);
	add(self, 170, TRACE_FRAME_RX, NULL, 0, 0, 98, 0, 0);
	add(self, 180, TRACE_FRAME_LOST, "loss", 0, 1, 100, 0, 0);
	add(self, 200, TRACE_CALL, NULL, 0, 1, 0, 0, 0);
	add(self, 300, TRACE_CALL_SAVED, NULL, 0, 1, 0, 0, 0);
	EXPECT_NE(NULL, strstr(print(self),
		"a.net0          1         0         1         1         1           0           0\n"));
	EXPECT_NE(NULL, strstr(self->text,
		"a                      1         1  75.0000%\n"));
	EXPECT_NE(NULL, strstr(self->text,
		"lan                    2         198         1  1 loss\n"));
	EXPECT_NE(NULL, strstr(self->text,
		"13 records, from     0.000000000 to     0.000000300 s\n"));
}

/* Of a file that says anything */
TEST_F(summary, unknown_things)
{
	add(self, 1, TRACE_POP, NULL, U64_MAX, U64_MAX, U64_MAX, 1, 1);
	add(self, 1, TRACE_PUSH, NULL, U64_MAX, U64_MAX, U64_MAX, 1, 1);
	add(self, 1, TRACE_TT_TO, NULL, U64_MAX, TT_RUN, 0, 0, 0);
	add(self, 1, TRACE_KICK, NULL, 9, 9, 0, 0, 0);
	add(self, 1, TRACE_FRAME_TX, NULL, U64_MAX, 0, 0, 0, 0);
	EXPECT_NE(NULL, strstr(print(self), "9 records, from"));
}

TEST_HARNESS_MAIN
