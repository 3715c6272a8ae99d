// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt diff: where two runs part. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../trace/diff.h"
#include "cmd.h"
#include "tracefile.h"

#define MAX_CONTEXT	100000

static const struct argp_option options[] = {
	{ "context", 'c', "N", 0, "Print N records before and after (default: 5)", 0 },
	{ 0 }
};

static const char doc[] =
	"Compare two traces that 'umtt run --trace FILE' has written, and print where they part."
	"\v"
	"What the runs were given (seed, kernel...) is printed first where it is"
	" not the same. Exit status: 0 when all that happened is the same, 1 when"
	" it is not, 125 when a file cannot be read or is no trace.";

struct diff_args {
	const char *file[2];
	unsigned int context;
};

static void parse_context(struct diff_args *a, const char *arg)
{
	u64 n;

	if (units_number(arg, &n) || n > MAX_CONTEXT)
		cmd_wrong("--context %s: not a number up to %d", arg,
			  MAX_CONTEXT);
	a->context = (unsigned int)n;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct diff_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 'c':
		parse_context(a, arg);
		break;
	case ARGP_KEY_ARG:
		if (a->file[1])
			cmd_wrong("unexpected argument '%s': two files", arg);
		a->file[!!a->file[0]] = arg;
		break;
	case ARGP_KEY_END:
		if (!a->file[1])
			cmd_wrong("which two files? Those that 'umtt run --trace FILE' has written");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	options, parse_opt, "A B", doc, NULL, NULL, NULL
};

static int diff(const struct diff_args *a, struct trace_reader *ra,
		struct trace_reader *rb)
{
	struct trace_side sa = { .mark = "A", .r = ra };
	struct trace_side sb = { .mark = "B", .r = rb };
	int ret = trace_diff(stdout, &sa, &sb, a->context);

	if (ret >= 0)
		return ret;
	if (ret == -ENOMEM)
		log_err(NULL, "out of memory");
	else if (sa.ret < 0)
		tracefile_damaged(a->file[0], sa.rec.pos);
	else
		tracefile_damaged(a->file[1], sb.rec.pos);
	return EXIT_UMTT;
}

int cmd_diff(int argc, char **argv)
{
	struct diff_args a = { .context = 5 };
	struct trace_reader ra, rb;
	int ret = EXIT_UMTT;

	cmd_parse(&argp, argc, argv, &a);
	if (tracefile_open(&ra, a.file[0]) < 0)
		return EXIT_UMTT;
	if (tracefile_open(&rb, a.file[1]) == 0) {
		ret = diff(&a, &ra, &rb);
		trace_reader_close(&rb);
	}
	trace_reader_close(&ra);
	return tracefile_flush() < 0 ? EXIT_UMTT : ret;
}
