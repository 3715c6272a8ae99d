// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Numbers with units, as people write them: parsed exactly, printed briefly. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "units.h"

typedef unsigned __int128 u128;

#define MAX_SCALE	19	/* 10^19 is the largest power of ten in 64 bits */

/* digits / 10^scale, in lowest terms as far as tens go */
struct decimal {
	u64 digits;
	unsigned int scale;
};

struct unit {
	const char *name;
	u64 mult;
};

#define KI	1024ULL
#define MI	(KI * KI)
#define GI	(KI * MI)
#define TI	(KI * GI)

static const struct unit number_units[] = {
	{ "", 1 },
	{ "k", 1000 },			{ "Ki", KI },
	{ "M", 1000000 },		{ "Mi", MI },
	{ "G", 1000000000 },		{ "Gi", GI },
	{ "T", 1000000000000 },		{ "Ti", TI },
	{ NULL, 0 }
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "k", KI }, { "K", KI },	{ "Ki", KI },
	{ "M", MI },			{ "Mi", MI },
	{ "G", GI },			{ "Gi", GI },
	{ "T", TI },			{ "Ti", TI },
	{ NULL, 0 }
};

static const struct unit time_units[] = {
	{ "ns", 1 },
	{ "us", NSEC_PER_USEC },
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC },	{ "min", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "d", 24 * 3600 * NSEC_PER_SEC },
	{ NULL, 0 }
};

static const struct unit rate_units[] = {
	{ "", 1 },
	{ "bit", 1 },
	{ "kbit", 1000 },
	{ "mbit", 1000000 },
	{ "gbit", 1000000000 },
	{ "tbit", 1000000000000 },
	{ NULL, 0 }
};

static u128 pow10_u128(unsigned int n)
{
	u128 p = 1;

	while (n--)
		p *= 10;
	return p;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Locale and sign have no say here, unlike in strtoull(). */
static int add_digits(const char **s, struct decimal *d, bool fraction)
{
	const char *p = *s;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(d->digits, 10, &d->digits) ||
		    __builtin_add_overflow(d->digits, *p - '0', &d->digits))
			return -ERANGE;
		d->scale += fraction;
	}
	*s = p;
	return 0;
}

/* Zeros at the end of a fraction say nothing and must not overflow. */
static size_t fraction_len(const char *s)
{
	size_t len = strspn(s, "0123456789");

	while (len > 1 && s[len - 1] == '0')
		len--;
	return len;
}

static int parse_fraction(const char **s, struct decimal *d)
{
	size_t all = strspn(*s, "0123456789"), len = fraction_len(*s);
	char digits[MAX_SCALE + 1];
	const char *p = digits;

	if (len > MAX_SCALE)
		return -ERANGE;
	memcpy(digits, *s, len);
	digits[len] = '\0';
	*s += all;
	return add_digits(&p, d, true);
}

static int parse_decimal(const char **s, struct decimal *d)
{
	int err;

	*d = (struct decimal){ 0 };
	err = add_digits(s, d, false);
	if (err || **s != '.')
		return err;
	(*s)++;
	return parse_fraction(s, d);
}

/* digits * mult / 10^scale, if that is a whole number of 64 bits */
static int scale_exactly(const struct decimal *d, u64 mult, u64 *v)
{
	u128 product = (u128)d->digits * mult, ten = pow10_u128(d->scale);

	if (product % ten || product / ten > U64_MAX)
		return -ERANGE;
	*v = (u64)(product / ten);
	return 0;
}

static const struct unit *find_unit(const struct unit *u, const char *name,
				    int (*cmp)(const char *, const char *))
{
	for (; u->name; u++)
		if (!cmp(u->name, name))
			return u;
	return NULL;
}

static int parse_unit(const char *s, const struct unit *units,
		      int (*cmp)(const char *, const char *), u64 *v)
{
	const struct unit *u;
	struct decimal d;
	int range;

	/* "99999999999999999999x" is no number at all: look at the unit too. */
	range = parse_decimal(&s, &d);
	if (range == -EINVAL)
		return -EINVAL;
	if (range)
		s += strspn(s, ".0123456789");
	u = find_unit(units, s, cmp);
	if (!u)
		return -EINVAL;
	return range ? range : scale_exactly(&d, u->mult, v);
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *s, u64 *v)
{
	u64 res = 0;
	int digit, err = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		digit = hex_digit(*s);
		if (digit < 0)
			return -EINVAL;
		if (res >> 60)
			err = -ERANGE;
		res = res << 4 | (u64)digit;
	}
	if (!err)
		*v = res;
	return err;
}

int units_number(const char *s, u64 *v)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_hex(s + 2, v);
	return parse_unit(s, number_units, strcmp, v);
}

int units_size(const char *s, u64 *v)
{
	return parse_unit(s, size_units, strcmp, v);
}

int units_time(const char *s, u64 bare, u64 *ns)
{
	const struct unit bare_unit[] = { { "", bare }, { NULL, 0 } };
	bool has_unit = s[strspn(s, ".0123456789")];
	u64 v;
	int err;

	err = parse_unit(s, has_unit ? time_units : bare_unit, strcmp, &v);
	if (err)
		return err;
	if (v > S64_MAX)
		return -ERANGE;
	*ns = v;
	return 0;
}

int units_rate(const char *s, u64 *bps)
{
	return parse_unit(s, rate_units, strcasecmp, bps);
}

int units_prob(const char *s, u64 *p)
{
	struct decimal d;
	u128 whole;
	int err;

	err = parse_decimal(&s, &d);
	if (err == -EINVAL)
		return err;
	if (err)
		s += strspn(s, ".0123456789");
	if (strcmp(s, "") && strcmp(s, "%"))
		return -EINVAL;
	if (err)
		return err;
	whole = pow10_u128(d.scale + (*s ? 2 : 0));
	if (d.digits > whole)
		return -ERANGE;
	*p = (u64)((u128)d.digits * U64_MAX / whole);
	return 0;
}

int units_bool(const char *s, bool *v)
{
	static const char *const words[][2] = {
		{ "0", "1" }, { "off", "on" }, { "no", "yes" },
		{ "false", "true" },
	};
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(words); i++) {
		if (!strcmp(s, words[i / 2][i % 2])) {
			*v = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

const char *units_format_time(char *buf, u64 ns)
{
	static const struct unit units[] = {
		{ "us", NSEC_PER_USEC }, { "ms", NSEC_PER_MSEC },
		{ "s", NSEC_PER_SEC },
	};
	size_t i = 0;
	u64 tenth, t;

	if (ns < NSEC_PER_USEC) {
		snprintf(buf, UNITS_TIME_LEN, "%" PRIu64 " ns", ns);
		return buf;
	}
	/* A unit is too small when rounding makes a thousand of it. */
	for (;; i++) {
		tenth = units[i].mult / 10;
		t = ns / tenth + (ns % tenth >= tenth / 2);
		if (t < 10000 || i + 1 == ARRAY_SIZE(units))
			break;
	}
	snprintf(buf, UNITS_TIME_LEN, "%" PRIu64 ".%" PRIu64 " %s", t / 10,
		 t % 10, units[i].name);
	return buf;
}
