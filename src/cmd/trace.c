// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt trace: what happened in a run. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../trace/filter.h"
#include "../trace/text.h"
#include "cmd.h"

enum { OPT_FROM = 256, OPT_TO, OPT_DATA, OPT_LINK };

static const struct argp_option options[] = {
	{ "node", 'n', "NAME", 0, "What is about this node, or a device of it", 0 },
	{ "device", 'd', "NAME", 0, "What is about this device", 0 },
	{ "link", OPT_LINK, "NAME", 0, "Frames on this link", 0 },
	{ "kind", 'k', "KIND[,KIND...]", 0, "Only these kinds of records", 0 },
	{ "from", OPT_FROM, "TIME", 0, "From this simulated time on (\"1.5s\")", 0 },
	{ "to", OPT_TO, "TIME", 0, "Up to this simulated time", 0 },
	{ "data", OPT_DATA, NULL, 0, "Payloads and frames to their end", 0 },
	{ 0 }
};

struct trace_args {
	const char *file;
	struct trace_filter filter;
	bool data;
};

static u64 parse_time(const char *option, const char *arg)
{
	u64 t;

	if (units_time(arg, NSEC_PER_SEC, &t) < 0)
		cmd_wrong("--%s %s: not a time like 10s, 1.5ms or 2h", option,
			  arg);
	return t;
}

static void parse_kinds(struct trace_args *a, const char *arg)
{
	const char *bad;

	if (trace_filter_kinds(&a->filter, arg, &bad) < 0)
		cmd_wrong("--kind %s: there is no kind '%.*s'; see --help", arg,
			  (int)strcspn(bad, ","), bad);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct trace_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 'n':
		a->filter.node = arg;
		break;
	case 'd':
		a->filter.dev = arg;
		break;
	case OPT_LINK:
		a->filter.link = arg;
		break;
	case 'k':
		parse_kinds(a, arg);
		break;
	case OPT_FROM:
		a->filter.from = parse_time("from", arg);
		break;
	case OPT_TO:
		a->filter.to = parse_time("to", arg);
		break;
	case OPT_DATA:
		a->data = true;
		break;
	case ARGP_KEY_ARG:
		if (a->file)
			cmd_wrong("unexpected argument '%s': one FILE at a time",
				  arg);
		a->file = arg;
		break;
	case ARGP_KEY_END:
		if (!a->file)
			cmd_wrong("which FILE? One that 'umtt run --trace FILE' has written");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The kinds of records, for --help */
static char *help(int key, const char *text, void *input)
{
	char *buf = NULL;
	unsigned int i;
	size_t len;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&buf, &len);
	if (!f)
		return (char *)text;
	fputs("Kinds of records:\n", f);
	for (i = 1; i < TRACE_NR_KINDS; i++)
		fprintf(f, "  %s\n", trace_kind_desc(i)->name);
	fclose(f);
	return buf;
}

static const struct argp argp = {
	options, parse_opt, "FILE",
	"Print a trace that 'umtt run --trace FILE' has written, a line per record.\v",
	NULL, help, NULL
};

static int bad_file(const char *file, int err)
{
	if (err == -EPROTO)
		log_err(file, "this is not a trace of umtt");
	else if (err == -EPROTONOSUPPORT)
		log_err(file, "a trace, but of another version of umtt than %s",
			UMTT_VERSION);
	else
		log_err(file, "%s", strerror(-err));
	return EXIT_UMTT;
}

static int print_all(const struct trace_args *a, struct trace_reader *r)
{
	struct trace_names names = { 0 };
	struct trace_rec rec;
	int ret;

	while ((ret = trace_next(r, &rec)) > 0 && !ferror(stdout)) {
		ret = trace_names_learn(&names, &rec);
		if (ret < 0)
			break;
		if (trace_filter_passes(&a->filter, &names, &rec))
			trace_print(stdout, &names, &rec, a->data);
	}
	if (ret < 0)
		log_err(a->file, "damaged: what is at byte %zu is no record",
			rec.pos);
	trace_names_fini(&names);
	return ret < 0 ? EXIT_UMTT : 0;
}

int cmd_trace(int argc, char **argv)
{
	struct trace_args a = { 0 };
	struct trace_reader r;
	int ret;

	cmd_parse(&argp, argc, argv, &a);
	ret = trace_reader_open(&r, a.file);
	if (ret < 0)
		return bad_file(a.file, ret);
	ret = print_all(&a, &r);
	trace_reader_close(&r);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		log_err(NULL, "cannot write to stdout: %s", strerror(errno));
		ret = EXIT_UMTT;
	}
	return ret;
}
