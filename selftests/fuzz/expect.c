// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: files of expectations. */
#include "../../src/ktap/expect.h"
#include "../../src/ktap/text.h"
#include "input.h"

static void check_rule(const struct expect_rule *r)
{
	MUST(*r->collection && *r->test && (!r->subtest || *r->subtest));
	MUST(strlen(r->reason) < TEXT_MAX);
	if (r->verb == EXPECT_SKIP || r->verb == EXPECT_FAIL ||
	    r->verb == EXPECT_VACUOUS || r->verb == EXPECT_NO_PLAN || r->verb == EXPECT_WARN)
		MUST(*r->reason);
	if (r->verb == EXPECT_BUSY_COST || r->verb == EXPECT_TIME_LIMIT ||
	    r->verb == EXPECT_WALL_LIMIT || r->verb == EXPECT_MEM)
		MUST(r->value);
	MUST(!r->subtest || r->verb == EXPECT_FAIL);
}

static void check_why(const char *why)
{
	size_t len = strnlen(why, EXPECT_WHY_LEN), n;

	MUST(len && len < EXPECT_WHY_LEN);
	for (; len; why += n, len -= n) {
		n = text_rune(why, len);
		MUST(n);
	}
}

static unsigned int lines(const char *s, size_t len)
{
	unsigned int n = 1;

	while (len--)
		n += *s++ == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1), why[EXPECT_WHY_LEN] = "";
	struct expect e = { 0 };
	struct expect_rule *r;
	unsigned int line, verb;
	size_t i;

	memcpy(text, data, size);
	text[size] = '\0';
	line = expect_parse(&e, text, size, why);
	MUST(line <= lines(text, size));
	if (line)
		check_why(why);
	for (i = 0; i < e.n; i++)
		check_rule(&e.rules[i]);
	for (verb = EXPECT_SKIP; verb <= EXPECT_MEM; verb++) {
		r = expect_find(&e, (enum expect_verb)verb, "timers", "a", NULL);
		MUST(!r || (r->verb == verb && !r->subtest && r->used));
		r = expect_find(&e, (enum expect_verb)verb, "timers", "a", "x");
		MUST(!r || (r->verb == EXPECT_FAIL && r->subtest));
	}
	expect_fini(&e);
	free(text);
	return 0;
}
