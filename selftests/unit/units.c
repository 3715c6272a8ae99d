// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Numbers with units: exact, or refused. */
#include <errno.h>

#include "../../src/base/units.h"
#include "kselftest_harness.h"

#define UNTOUCHED	0x5555555555555555ULL

struct good {
	const char *s;
	u64 v;
};

struct bad {
	const char *s;
	int err;
};

static int time_ns(const char *s, u64 *v)
{
	return units_time(s, 1, v);
}

static int time_s(const char *s, u64 *v)
{
	return units_time(s, NSEC_PER_SEC, v);
}

static void check(struct __test_metadata *_metadata,
		  int (*parse)(const char *, u64 *), const struct good *good,
		  const struct bad *bad)
{
	u64 v;

	for (; good->s; good++) {
		v = UNTOUCHED;
		EXPECT_EQ(0, parse(good->s, &v))
			TH_LOG("refused \"%s\"", good->s);
		EXPECT_EQ(good->v, v)
			TH_LOG("of \"%s\"", good->s);
	}
	for (; bad->s; bad++) {
		v = UNTOUCHED;
		EXPECT_EQ(bad->err, parse(bad->s, &v))
			TH_LOG("of \"%s\"", bad->s);
		EXPECT_EQ(UNTOUCHED, v)
			TH_LOG("of \"%s\"", bad->s);
	}
}

#define COMMON_BAD							\
	{ "", -EINVAL }, { " 1", -EINVAL }, { "1 ", -EINVAL },		\
	{ "-1", -EINVAL }, { "+1", -EINVAL }, { ".", -EINVAL },		\
	{ ".5", -EINVAL }, { "1.", -EINVAL }, { "1..2", -EINVAL },	\
	{ "1.2.3", -EINVAL }, { "1e3", -EINVAL }, { "x", -EINVAL },	\
	{ "1x", -EINVAL }, { "nan", -EINVAL }, { "inf", -EINVAL },	\
	{ "1,5", -EINVAL }, { "99999999999999999999x", -EINVAL }

TEST(number)
{
	static const struct good good[] = {
		{ "0", 0 }, { "1", 1 }, { "007", 7 }, { "42", 42 },
		{ "10k", 10000 }, { "10Ki", 10240 }, { "1.5M", 1500000 },
		{ "1.5Mi", 1572864 }, { "2G", 2000000000 },
		{ "2Gi", 2147483648 }, { "3T", 3000000000000 },
		{ "1Ti", 1099511627776 }, { "0.001k", 1 }, { "2.000", 2 },
		{ "2.00000000000000000000000000000000", 2 },
		{ "0.5Ki", 512 }, { "18446744073709551615", U64_MAX },
		{ "18446744073709551.615k", U64_MAX },
		{ "0x0", 0 }, { "0xff", 255 }, { "0XaBc", 0xabc },
		{ "0xffffffffffffffff", U64_MAX },
		{ "0x0000000000000000000001", 1 }, { NULL, 0 }
	};
	static const struct bad bad[] = {
		COMMON_BAD,
		{ "18446744073709551616", -ERANGE },
		{ "99999999999999999999", -ERANGE },
		{ "99999999999999999999k", -ERANGE },
		{ "18446744073709552k", -ERANGE }, { "1.5", -ERANGE },
		{ "0.0001k", -ERANGE }, { "0.1Ki", -ERANGE },
		{ "0.00000000000000000001T", -ERANGE },
		{ "184467440737095516.16k", -ERANGE },
		{ "10K", -EINVAL }, { "10m", -EINVAL }, { "10B", -EINVAL },
		{ "10kk", -EINVAL }, { "0x", -EINVAL }, { "0xg", -EINVAL },
		{ "0x1k", -EINVAL }, { "0x10000000000000000", -ERANGE },
		{ "0x1 ", -EINVAL }, { "ff", -EINVAL }, { NULL, 0 }
	};

	check(_metadata, units_number, good, bad);
}

TEST(size)
{
	static const struct good good[] = {
		{ "0", 0 }, { "4096", 4096 }, { "64M", 67108864 },
		{ "64Mi", 67108864 }, { "1k", 1024 }, { "1K", 1024 },
		{ "1Ki", 1024 }, { "1.5G", 1610612736 }, { "2Gi", 2147483648 },
		{ "1T", 1099511627776 }, { "1Ti", 1099511627776 },
		{ "16777215T", 18446742974197923840ULL }, { NULL, 0 }
	};
	static const struct bad bad[] = {
		COMMON_BAD, { "64m", -EINVAL }, { "64MB", -EINVAL },
		{ "0x40", -EINVAL }, { "16777216T", -ERANGE },
		{ "0.3k", -ERANGE }, { NULL, 0 }
	};

	check(_metadata, units_size, good, bad);
}

TEST(time)
{
	static const struct good good[] = {
		{ "0", 0 }, { "17", 17 }, { "17ns", 17 }, { "100us", 100000 },
		{ "1.5ms", 1500000 }, { "2s", 2000000000 },
		{ "3m", 180000000000 }, { "3min", 180000000000 },
		{ "2h", 7200000000000 }, { "1d", 86400000000000 },
		{ "0.000000001s", 1 }, { "0.1us", 100 },
		{ "1.000000001s", 1000000001 }, { "0.25h", 900000000000 },
		{ "9223372036854775807", S64_MAX },
		{ "9223372036.854775807s", S64_MAX }, { NULL, 0 }
	};
	static const struct bad bad[] = {
		COMMON_BAD, { "0.5", -ERANGE }, { "0.5ns", -ERANGE },
		{ "1.0005us", -ERANGE }, { "9223372036854775808", -ERANGE },
		{ "9223372036.854775808s", -ERANGE }, { "106752d", -ERANGE },
		{ "99999999999999999999s", -ERANGE }, { "5sec", -EINVAL },
		{ "5S", -EINVAL }, { "5M", -EINVAL }, { "1h30m", -EINVAL },
		{ "ns", -EINVAL }, { "s", -EINVAL }, { NULL, 0 }
	};
	static const struct good in_s[] = {
		{ "3600", 3600000000000 }, { "0.5", 500000000 },
		{ "5ns", 5 }, { NULL, 0 }
	};
	static const struct bad in_s_bad[] = {
		{ "9223372037", -ERANGE }, { "0.0000000001", -ERANGE },
		{ NULL, 0 }
	};

	check(_metadata, time_ns, good, bad);
	check(_metadata, time_s, in_s, in_s_bad);
}

TEST(rate)
{
	static const struct good good[] = {
		{ "0", 0 }, { "9600", 9600 }, { "9600bit", 9600 },
		{ "64kbit", 64000 }, { "10Mbit", 10000000 },
		{ "1gbit", 1000000000 }, { "1Gbit", 1000000000 },
		{ "2.5Gbit", 2500000000 }, { "1Tbit", 1000000000000 },
		{ "1KBIT", 1000 }, { NULL, 0 }
	};
	static const struct bad bad[] = {
		COMMON_BAD, { "10M", -EINVAL }, { "10MB", -EINVAL },
		{ "10Mbit/s", -EINVAL }, { "0.1bit", -ERANGE },
		{ "99999999Tbit", -ERANGE }, { NULL, 0 }
	};

	check(_metadata, units_rate, good, bad);
}

TEST(prob)
{
	static const struct good good[] = {
		{ "0", 0 }, { "0.0", 0 }, { "0%", 0 }, { "1", U64_MAX },
		{ "1.0", U64_MAX }, { "100%", U64_MAX }, { "100.0%", U64_MAX },
		{ "0.5", U64_MAX / 2 }, { "50%", U64_MAX / 2 },
		{ "0.01", U64_MAX / 100 }, { "1%", U64_MAX / 100 },
		{ "0.1%", U64_MAX / 1000 }, { "0.0000000000000000001", 1 },
		{ "0.25", U64_MAX / 4 },
		{ "0.9999999999999999999", 18446744073709551613ULL },
		{ NULL, 0 }
	};
	static const struct bad bad[] = {
		COMMON_BAD, { "1.1", -ERANGE }, { "2", -ERANGE },
		{ "101%", -ERANGE }, { "100.01%", -ERANGE },
		{ "0.00000000000000000001", -ERANGE }, { "%", -EINVAL },
		{ "1%%", -EINVAL }, { "99999999999999999999%", -ERANGE },
		{ "0.5k", -EINVAL }, { NULL, 0 }
	};

	check(_metadata, units_prob, good, bad);
}

TEST(yes_or_no)
{
	static const char *const yes[] = { "1", "on", "yes", "true" };
	static const char *const no[] = { "0", "off", "no", "false" };
	static const char *const bad[] = { "", "2", "On", "y", "01", "on " };
	size_t i;
	bool v;

	for (i = 0; i < 4; i++) {
		v = false;
		EXPECT_EQ(0, units_bool(yes[i], &v));
		EXPECT_TRUE(v);
		EXPECT_EQ(0, units_bool(no[i], &v));
		EXPECT_FALSE(v);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, units_bool(bad[i], &v));
}

TEST(format_time)
{
	static const struct good cases[] = {
		{ "0 ns", 0 }, { "1 ns", 1 }, { "999 ns", 999 },
		{ "1.0 us", 1000 }, { "1.0 us", 1049 }, { "1.1 us", 1050 },
		{ "200.0 us", 200000 }, { "999.9 us", 999949 },
		{ "1.0 ms", 999950 }, { "1.5 ms", 1500000 },
		{ "1.0 s", 999950000 }, { "1.0 s", 1000000000 },
		{ "3602.0 s", 3602000000000 }, { "3602.0 s", 3602049999999 },
		{ "3602.1 s", 3602050000000 },
		{ "9223372036.9 s", S64_MAX }, { "18446744073.7 s", U64_MAX },
		{ NULL, 0 }
	};
	const struct good *c;
	char buf[UNITS_TIME_LEN];

	for (c = cases; c->s; c++)
		EXPECT_STREQ(c->s, units_format_time(buf, c->v));
}

TEST_HARNESS_MAIN
