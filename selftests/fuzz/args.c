// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: the options of a device, "TYPE,key=value,...". */
#include <errno.h>

#include "../../src/dev/args.h"
#include "quiet_log.h"

static const char *const keys[] = { "socket", "rate", "loss", "on", "mac", "a" };

/* Every option that is there, asked for as everything that it can be. */
static void ask(struct dev_args *a, const char *key)
{
	const char *s = dev_arg_str(a, key, NULL);
	unsigned int lines;
	u64 v = 7;
	bool b = false;
	int ret;

	MUST(dev_arg_str(a, key, "dflt") == s || !s);
	lines = log_lines;
	ret = dev_arg_u64(a, key, &v);
	MUST(ret == 0 || ret == -EINVAL);
	MUST((ret != 0) == (log_lines > lines));
	MUST(s || (!ret && v == 7));
	ret = dev_arg_time(a, key, &v);
	MUST(!ret || (s && ret == -EINVAL));
	ret = dev_arg_rate(a, key, &v);
	MUST(!ret || (s && ret == -EINVAL));
	ret = dev_arg_prob(a, key, &v);
	MUST(!ret || (s && ret == -EINVAL));
	ret = dev_arg_bool(a, key, &b);
	MUST(!ret || (s && ret == -EINVAL));
}

static void check_parsed(struct dev_args *a, const char *spec)
{
	const char *unused, *last = NULL;
	unsigned int i;

	MUST(*dev_args_type(a));
	MUST(!strncmp(dev_args_type(a), spec, strcspn(spec, ",")) ||
	     strstr(spec, ",,"));
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		ask(a, keys[i]);
	/* Who asks for each that is left has soon asked for all. */
	while ((unused = dev_args_unused(a))) {
		MUST(unused != last && *unused);
		ask(a, unused);
		last = unused;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *s = malloc(size + 1);
	struct dev_args *a = NULL;
	int ret;

	memcpy(s, data, size);
	s[size] = '\0';
	log_lines = 0;
	ret = dev_args_parse(&a, size & 1 ? "tag" : NULL, s);
	MUST(ret == 0 || ret == -EINVAL);
	MUST((ret != 0) == (log_lines > 0) && log_lines <= 1);
	if (!ret) {
		check_parsed(a, s);
		dev_args_free(a);
	}
	free(s);
	return 0;
}
