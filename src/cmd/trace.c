// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt trace: what happened in a run. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../trace/filter.h"
#include "../trace/html.h"
#include "../trace/pcapng.h"
#include "../trace/perfetto.h"
#include "../trace/summary.h"
#include "../trace/text.h"
#include "cmd.h"
#include "tracefile.h"

enum { OPT_FROM = 256, OPT_TO, OPT_DATA, OPT_LINK, OPT_FORMAT, OPT_SUMMARY };

static const struct argp_option options[] = {
	{ "node", 'n', "NAME", 0, "What is about this node, or a device of it", 0 },
	{ "device", 'd', "NAME", 0, "What is about this device", 0 },
	{ "link", OPT_LINK, "NAME", 0, "Frames on this link", 0 },
	{ "kind", 'k', "KIND[,KIND...]", 0, "Only these kinds of records", 0 },
	{ "from", OPT_FROM, "TIME", 0, "From this simulated time on (\"1.5s\")", 0 },
	{ "to", OPT_TO, "TIME", 0, "Up to this simulated time", 0 },
	{ "data", OPT_DATA, NULL, 0, "Payloads and frames to their end", 0 },
	{ "format", OPT_FORMAT, "FORMAT", 0, "What to make of it (default: text)", 0 },
	{ "summary", OPT_SUMMARY, NULL, 0, "Numbers only: --format summary", 0 },
	{ "out", 'o', "FILE", 0, "Write to FILE (default: stdout)", 0 },
	{ 0 }
};

struct format;

struct trace_args {
	const char *file, *out;
	struct trace_filter filter;
	bool data;
	const struct format *format;
};

/**
 * struct job - one trace being made into something
 * @f: where that goes
 * @names: of all records so far
 * @timeline: for formats that need all of it first
 */
struct job {
	const struct trace_args *args;
	FILE *f;
	struct trace_names names;
	struct timeline timeline;
	struct trace_summary summary;
	struct trace_pcapng pcapng;
};

/**
 * struct format - what can be made of a trace
 * @record: one record that the user wants to see
 * @end: there are no more; NULL: nothing to be done
 * @names: @record also gets those that define nodes, devices, links and ports
 *
 * Both return 0 or -errno. What they print is checked at the end.
 */
struct format {
	const char *name;
	int (*record)(struct job *j, const struct trace_rec *rec);
	int (*end)(struct job *j);
	bool names;
};

static int text_record(struct job *j, const struct trace_rec *rec)
{
	trace_print(j->f, &j->names, rec, j->args->data);
	return 0;
}

static int timeline_record(struct job *j, const struct trace_rec *rec)
{
	return timeline_add(&j->timeline, &j->names, rec);
}

static int perfetto_end(struct job *j)
{
	int err = timeline_finish(&j->timeline);

	return err ? err : perfetto_write(j->f, &j->timeline, &j->names);
}

static int summary_record(struct job *j, const struct trace_rec *rec)
{
	return trace_summary_add(&j->summary, &j->names, rec);
}

static int summary_end(struct job *j)
{
	trace_summary_print(j->f, &j->summary, &j->names);
	return 0;
}

static int pcapng_record(struct job *j, const struct trace_rec *rec)
{
	return trace_pcapng_add(&j->pcapng, j->f, &j->names, rec);
}

static int pcapng_end(struct job *j)
{
	trace_pcapng_end(&j->pcapng, j->f);
	return 0;
}

static int html_end(struct job *j)
{
	int err = timeline_finish(&j->timeline);

	if (!err)
		html_write(j->f, &j->timeline, &j->names);
	return err;
}

static const struct format formats[] = {
	{ "text", text_record, NULL, false },
	{ "perfetto", timeline_record, perfetto_end, true },
	{ "html", timeline_record, html_end, true },
	{ "summary", summary_record, summary_end, false },
	{ "pcapng", pcapng_record, pcapng_end, true },
};

static const struct format *parse_format(const char *arg)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i].name, arg) == 0)
			return &formats[i];
	cmd_wrong("--format %s: there is no such format; see --help", arg);
}

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
	case OPT_FORMAT:
		a->format = parse_format(arg);
		break;
	case OPT_SUMMARY:
		a->format = parse_format("summary");
		break;
	case 'o':
		a->out = arg;
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

/* The formats and the kinds of records, for --help */
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
	fputs("Formats:\n", f);
	for (i = 0; i < ARRAY_SIZE(formats); i++)
		fprintf(f, "  %s\n", formats[i].name);
	fputs("\nKinds of records:\n", f);
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

/* It is among what the run was given, which no filter is about. */
static void learn_tod(struct job *j, const struct trace_rec *rec)
{
	static const char key[] = "tod=";
	size_t len = sizeof(key) - 1;
	char value[24];
	u64 tod;

	if (rec->kind != TRACE_IDENTITY || rec->len <= len ||
	    memcmp(rec->data, key, len) != 0)
		return;
	snprintf(value, sizeof(value), "%.*s", (int)(rec->len - len),
		 (const char *)rec->data + len);
	if (units_number(value, &tod) == 0)
		j->pcapng.tod = tod;
}

static int one_record(struct job *j, const struct trace_rec *rec)
{
	const struct trace_args *a = j->args;
	int err = trace_names_learn(&j->names, rec);

	if (err)
		return err;
	learn_tod(j, rec);
	if (!trace_filter_passes(&a->filter, &j->names, rec) &&
	    !(a->format->names && trace_is_name(rec)))
		return 0;
	return a->format->record(j, rec);
}

/* Also of a damaged trace one sees what comes before the damage. */
static int all_records(struct job *j, struct trace_reader *r)
{
	const struct format *format = j->args->format;
	struct trace_rec rec;
	int ret, err = 0;

	while ((ret = trace_next(r, &rec)) > 0 && !ferror(j->f)) {
		ret = one_record(j, &rec);
		if (ret < 0)
			break;
	}
	if (ret == -EPROTO)
		tracefile_damaged(j->args->file, rec.pos);
	else if (ret < 0)
		log_err(j->args->file, "%s", strerror(-ret));
	if (format->end && ret != -ENOMEM)
		err = format->end(j);
	if (err < 0)
		log_err(j->args->file, "%s", strerror(-err));
	timeline_fini(&j->timeline);
	trace_summary_fini(&j->summary);
	trace_pcapng_fini(&j->pcapng);
	trace_names_fini(&j->names);
	return ret < 0 || err < 0 ? EXIT_UMTT : 0;
}

/* Who has closed the other end of a pipe has seen enough. */
static int close_out(const struct trace_args *a, FILE *f)
{
	int err = fflush(f) != 0 || ferror(f) ? errno : 0;

	if (a->out && fclose(f) != 0 && !err)
		err = errno;
	if (!err || err == EPIPE)
		return 0;
	log_err(a->out, "cannot write%s: %s", a->out ? "" : " to stdout",
		strerror(err));
	return EXIT_UMTT;
}

int cmd_trace(int argc, char **argv)
{
	struct trace_args a = { .format = &formats[0] };
	struct job j = { .args = &a, .f = stdout };
	struct trace_reader r;
	int ret, err;

	cmd_parse(&argp, argc, argv, &a);
	if (tracefile_open(&r, a.file) < 0)
		return EXIT_UMTT;
	if (a.out)
		j.f = fopen(a.out, "we");
	if (!j.f)
		cmd_wrong("--out %s: %s", a.out, strerror(errno));
	ret = all_records(&j, &r);
	trace_reader_close(&r);
	err = close_out(&a, j.f);
	return ret ? ret : err;
}
