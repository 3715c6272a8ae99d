// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: numbers with units, against another way to calculate them. */
#include <ctype.h>
#include <errno.h>

#include "../../src/base/units.h"
#include "input.h"

/* What a parser must leave alone when it refuses. */
#define UNTOUCHED	0x5a5a5a5a5a5a5a5aULL

static bool only_digits(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static void check_result(int ret, u64 v)
{
	MUST(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	MUST(!ret || v == UNTOUCHED);
}

/* A number without a unit is what the C library says it is. */
static void check_plain(const char *s, int ret, u64 v, u64 bare, u64 max)
{
	unsigned __int128 want;

	if (!only_digits(s))
		return;
	errno = 0;
	want = (unsigned __int128)strtoull(s, NULL, 10) * bare;
	if (errno == ERANGE || want > max)
		MUST(ret == -ERANGE);
	else
		MUST(!ret && v == (u64)want);
}

static void check_bool(const char *s)
{
	bool a = false, b = true;
	int ret = units_bool(s, &a);

	MUST(units_bool(s, &b) == ret);
	if (ret)
		MUST(ret == -EINVAL && !a && b);
	else
		MUST(a == b);
}

static void check_time(const char *s, u64 bare)
{
	char buf[UNITS_TIME_LEN];
	u64 v = UNTOUCHED;
	int ret;

	ret = units_time(s, bare, &v);
	check_result(ret, v);
	check_plain(s, ret, v, bare, S64_MAX);
	if (ret)
		return;
	MUST(v <= S64_MAX);
	MUST(units_format_time(buf, v) == buf);
	MUST(strlen(buf) < UNITS_TIME_LEN && isdigit((unsigned char)buf[0]));
}

static void check_one(const char *s)
{
	u64 v = UNTOUCHED;
	int ret;

	ret = units_number(s, &v);
	check_result(ret, v);
	check_plain(s, ret, v, 1, U64_MAX);
	v = UNTOUCHED;
	ret = units_size(s, &v);
	check_result(ret, v);
	check_plain(s, ret, v, 1, U64_MAX);
	v = UNTOUCHED;
	ret = units_rate(s, &v);
	check_result(ret, v);
	check_plain(s, ret, v, 1, U64_MAX);
	v = UNTOUCHED;
	ret = units_prob(s, &v);
	check_result(ret, v);
	check_time(s, 1);
	check_time(s, NSEC_PER_SEC);
	check_bool(s);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* Exactly as long as needed, so that one byte more is found out. */
	char *s = malloc(size + 1);

	memcpy(s, data, size);
	s[size] = '\0';
	check_one(s);
	free(s);
	return 0;
}
