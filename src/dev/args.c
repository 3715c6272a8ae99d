// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Options of a device or link: "TYPE,key=value,flag,..." taken apart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "args.h"

struct arg {
	const char *key;
	const char *value;	/* "" for a flag */
	bool used;
};

/* @text holds all strings, each ended where its comma or '=' was. */
struct dev_args {
	const char *type;
	const char *tag;
	char *text;
	char *tag_copy;
	size_t nr;
	struct arg arg[];
};

/*
 * End the field that begins at @s, with ",," in it made one comma.
 * Return the next field, NULL after the last.
 */
static char *split_field(char *s)
{
	char *dst = s;

	for (; *s; s++) {
		if (*s == ',') {
			if (s[1] != ',')
				break;
			s++;
		}
		*dst++ = *s;
	}
	if (!*s)
		s = NULL;
	*dst = '\0';
	return s ? s + 1 : NULL;
}

static struct arg *find(struct dev_args *a, const char *key)
{
	size_t i;

	for (i = 0; i < a->nr; i++)
		if (!strcmp(a->arg[i].key, key))
			return &a->arg[i];
	return NULL;
}

static int add_arg(struct dev_args *a, char *field)
{
	char *eq = strchr(field, '=');
	const char *value = "";

	if (eq) {
		*eq = '\0';
		value = eq + 1;
	}
	if (!*field) {
		log_err(a->tag, "an option without a name");
		return -EINVAL;
	}
	if (find(a, field)) {
		log_err(a->tag, "option %s is given twice", field);
		return -EINVAL;
	}
	a->arg[a->nr++] = (struct arg){ .key = field, .value = value };
	return 0;
}

static int split_all(struct dev_args *a)
{
	char *field, *next = split_field(a->text);
	int err;

	a->type = a->text;
	if (!a->tag)
		a->tag = a->type;
	if (!*a->type) {
		log_err(*a->tag ? a->tag : NULL, "no name before the options");
		return -EINVAL;
	}
	while ((field = next)) {
		next = split_field(field);
		err = add_arg(a, field);
		if (err)
			return err;
	}
	return 0;
}

static size_t count_commas(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == ',';
	return n;
}

int dev_args_parse(struct dev_args **out, const char *tag, const char *spec)
{
	struct dev_args *a;
	int err;

	a = calloc(1, sizeof(*a) + count_commas(spec) * sizeof(a->arg[0]));
	if (!a)
		return -ENOMEM;
	a->text = strdup(spec);
	if (!a->text) {
		err = -ENOMEM;
		goto err_free;
	}
	if (tag)
		dev_args_set_tag(a, tag);
	err = split_all(a);
	if (err)
		goto err_free;
	*out = a;
	return 0;

err_free:
	dev_args_free(a);
	return err;
}

void dev_args_free(struct dev_args *a)
{
	if (!a)
		return;
	free(a->tag_copy);
	free(a->text);
	free(a);
}

void dev_args_set_tag(struct dev_args *a, const char *tag)
{
	char *copy = strdup(tag);

	/* Out of memory: the old tag will do. */
	if (!copy)
		return;
	free(a->tag_copy);
	a->tag = a->tag_copy = copy;
}

const char *dev_args_type(const struct dev_args *a)
{
	return a->type;
}

const char *dev_args_unused(const struct dev_args *a)
{
	size_t i;

	for (i = 0; i < a->nr; i++)
		if (!a->arg[i].used)
			return a->arg[i].key;
	return NULL;
}

const char *dev_arg_str(struct dev_args *a, const char *key, const char *dflt)
{
	struct arg *arg = find(a, key);

	if (!arg)
		return dflt;
	arg->used = true;
	return arg->value;
}

/* One line for a value that a parser of units.h has refused with @err. */
static int complain(const struct dev_args *a, const char *key,
		    const char *value, const char *what, int err)
{
	if (!err)
		return 0;
	if (err == -ERANGE)
		log_err(a->tag, "option %s=%s: out of range for %s", key, value,
			what);
	else
		log_err(a->tag, "option %s=%s: not %s", key, value, what);
	return -EINVAL;
}

int dev_arg_u64(struct dev_args *a, const char *key, u64 *v)
{
	const char *s = dev_arg_str(a, key, NULL);

	return s ? complain(a, key, s, "a number (as 42, 10k, 1.5M, 4Ki)",
			    units_number(s, v)) : 0;
}

int dev_arg_time(struct dev_args *a, const char *key, u64 *v)
{
	const char *s = dev_arg_str(a, key, NULL);

	return s ? complain(a, key, s, "a time (as 100us, 1.5ms, 2h)",
			    units_time(s, 1, v)) : 0;
}

int dev_arg_rate(struct dev_args *a, const char *key, u64 *v)
{
	const char *s = dev_arg_str(a, key, NULL);

	return s ? complain(a, key, s, "a rate (as 64kbit, 10Mbit, 1Gbit)",
			    units_rate(s, v)) : 0;
}

int dev_arg_prob(struct dev_args *a, const char *key, u64 *v)
{
	const char *s = dev_arg_str(a, key, NULL);

	return s ? complain(a, key, s, "a probability (as 0.01, 1%)",
			    units_prob(s, v)) : 0;
}

int dev_arg_bool(struct dev_args *a, const char *key, bool *v)
{
	const char *s = dev_arg_str(a, key, NULL);

	if (!s)
		return 0;
	return complain(a, key, s, "a yes or no (as on, off)",
			units_bool(*s ? s : "on", v));
}
