// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What is to go wrong with a block device, and when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "when.h"

#define KIND_ANY	NR_REQ_KINDS

enum fault { FAULT_ERROR, FAULT_HANG, FAULT_POWER, FAULT_TORN, FAULT_SECTOR };

static const char *const options[] = {
	[FAULT_ERROR] = "error", [FAULT_HANG] = "hang",
	[FAULT_POWER] = "power-cut", [FAULT_TORN] = "torn",
	[FAULT_SECTOR] = "error-sector",
};

static const char *const expected[] = {
	[FAULT_ERROR] = "KIND@WHEN, as read@3, write@2s+",
	[FAULT_HANG] = "KIND@WHEN, as read@3, any@10+",
	[FAULT_POWER] = "KIND@WHEN, as write@20, any@5s",
	[FAULT_TORN] = "WHEN@SECTORS, as 3@1, 2s@4",
	[FAULT_SECTOR] = "a sector or a range of them, as 100, 0-7",
};

static const char *const kind_names[] = {
	[REQ_READ] = "read", [REQ_WRITE] = "write", [REQ_FLUSH] = "flush",
	[REQ_DISCARD] = "discard", [REQ_ZERO] = "zero", [KIND_ANY] = "any",
};

/**
 * struct rule - one of them
 * @when: which requests; of FAULT_SECTOR, @first to @last sector
 * @sectors: of a torn write
 */
struct rule {
	enum fault fault;
	unsigned int kind;
	struct when when;
	u64 sectors;
};

struct faults {
	u64 count[NR_REQ_KINDS + 1];
	size_t nr;
	struct rule rule[];
};

/* Reading */

static bool parse_kind(struct rule *r, const char *s)
{
	for (r->kind = 0; r->kind <= KIND_ANY; r->kind++)
		if (!strcmp(s, kind_names[r->kind]))
			return true;
	return false;
}

static bool parse_sectors(struct rule *r, char *s)
{
	char *dash = strchr(s, '-');

	if (dash)
		*dash = '\0';
	return when_number(s, &r->when.first) &&
	       when_number(dash ? dash + 1 : s, &r->when.last) &&
	       r->when.first <= r->when.last;
}

static bool parse_rule(struct rule *r, char *s)
{
	char *at;

	if (r->fault == FAULT_SECTOR)
		return parse_sectors(r, s);
	at = strchr(s, '@');
	if (!at)
		return false;
	*at++ = '\0';
	if (r->fault != FAULT_TORN)
		return parse_kind(r, s) && when_parse(&r->when, at);
	r->kind = REQ_WRITE;
	return when_parse(&r->when, s) && when_number(at, &r->sectors);
}

/* The rules of one option; @text is changed. */
static int parse_rules(struct faults *f, enum fault fault, struct dev *d,
		       const char *value, char *text)
{
	char *next = text, *s;
	struct rule *r;

	while ((s = next)) {
		next = strchr(s, '/');
		if (next)
			*next++ = '\0';
		r = &f->rule[f->nr++];
		r->fault = fault;
		if (parse_rule(r, s))
			continue;
		log_err(dev_name(d), "option %s=%s: not %s", options[fault],
			value, expected[fault]);
		return -EINVAL;
	}
	return 0;
}

static size_t count_rules(const char *s)
{
	size_t n = 1;

	while (s && (s = strchr(s, '/'))) {
		s++;
		n++;
	}
	return n;
}

int faults_new(struct faults **out, struct dev *d, struct dev_args *a)
{
	const char *value[ARRAY_SIZE(options)];
	size_t i, nr = 0;
	struct faults *f;
	char *text;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		value[i] = dev_arg_str(a, options[i], NULL);
		nr += count_rules(value[i]);
	}
	f = calloc(1, sizeof(*f) + nr * sizeof(f->rule[0]));
	if (!f)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(options) && !err; i++) {
		if (!value[i])
			continue;
		text = strdup(value[i]);
		err = text ? parse_rules(f, (enum fault)i, d, value[i], text) :
			     -ENOMEM;
		free(text);
	}
	if (err) {
		free(f);
		return err;
	}
	*out = f;
	return 0;
}

void faults_free(struct faults *f)
{
	free(f);
}

bool faults_power(const struct faults *f)
{
	size_t i;

	for (i = 0; i < f->nr; i++)
		if (f->rule[i].fault == FAULT_POWER)
			return true;
	return false;
}

/* Judging */

static bool fits(const struct faults *f, struct rule *r, enum req_kind kind,
		 u64 now)
{
	if (r->fault == FAULT_SECTOR)
		return false;
	if (r->kind != KIND_ANY && r->kind != kind)
		return false;
	return when_fits(&r->when, f->count[r->kind], now);
}

static void add(struct verdict *v, const struct rule *r)
{
	v->error |= r->fault == FAULT_ERROR;
	v->hang |= r->fault == FAULT_HANG;
	v->power_cut |= r->fault == FAULT_POWER;
	if (r->fault == FAULT_TORN)
		v->torn = min_u64(v->torn, r->sectors);
}

struct verdict faults_judge(struct faults *f, enum req_kind kind, u64 now)
{
	struct verdict v = { .torn = NOT_TORN };
	size_t i;

	f->count[kind]++;
	f->count[KIND_ANY]++;
	for (i = 0; i < f->nr; i++)
		if (fits(f, &f->rule[i], kind, now))
			add(&v, &f->rule[i]);
	return v;
}

bool faults_sector(const struct faults *f, u64 sector, u64 n)
{
	const struct rule *r;
	size_t i;

	for (i = 0; i < f->nr; i++) {
		r = &f->rule[i];
		if (r->fault == FAULT_SECTOR && n && sector <= r->when.last &&
		    sector + n > r->when.first)
			return true;
	}
	return false;
}
