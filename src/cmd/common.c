// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What several subcommands do the same way. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../dev/bus.h"
#include "cmd.h"

/*
 * What getopt has to say goes to the variable stderr, which the C library lets
 * one replace, and it says it best. argp would add a second line.
 */
void cmd_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	FILE *real = stderr;
	char *said = NULL, *text;
	size_t len;
	int err;

	stderr = open_memstream(&said, &len);
	if (!stderr)
		stderr = real;
	err = argp_parse(argp, argc, argv, 0, NULL, input);
	if (stderr != real)
		fclose(stderr);
	stderr = real;
	text = said ? strstr(said, ": ") : NULL;
	if (err)
		cmd_wrong("%.*s; '%s --help' lists the options",
			  text ? (int)strcspn(text + 2, "\n") : 13,
			  text ? text + 2 : "wrong options", argv[0]);
	free(said);
}

void cmd_parse_begin(struct argp_state *state)
{
	state->err_stream = NULL;
}

error_t cmd_keep(const struct cmd_option *options, size_t n, int key,
		 const char *arg)
{
	const struct cmd_option *o = options;

	while (o < options + n && o->key != key)
		o++;
	if (o == options + n)
		return ARGP_ERR_UNKNOWN;
	if (o->value)
		*o->value = arg;
	else if (o->list)
		strvec_add(o->list, arg);
	else
		*o->flag = true;
	return 0;
}

void cmd_wrong(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_err(NULL, "%s", line);
	exit(EXIT_UMTT);
}

void cmd_set_verbose(int verbose)
{
	if (verbose)
		log_set_level(verbose > 1 ? LOG_DBG : LOG_INFO);
}

int cmd_run_loop(struct ring *r)
{
	int ret = ring_run(r);

	if (ret >= 0)
		return ret;
	log_err(NULL, "io_uring_enter: %s", strerror(-ret));
	return EXIT_UMTT;
}

void cmd_close_loop(struct ring *r, struct signals *sg)
{
	signals_close(sg);
	ring_drain(r);
	ring_fini(r);
}

char *cmd_device_help(int key, const char *text, void *input)
{
	char *buf = NULL;
	size_t len;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&buf, &len);
	if (!f)
		return (char *)text;
	fprintf(f, "%s\n\nDevice types and their options:\n", text);
	dev_types_help(f);
	fprintf(f, "\nOptions of a link:\n");
	dev_link_help(f);
	fclose(f);
	return buf;
}
