/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Subcommands, and what they share. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <argp.h>

#include "../base/types.h"
#include "../lab/strvec.h"
#include "../ring/signals.h"

/* Exit status besides a command's own, as documented in umtt(1). */
#define EXIT_TIME_LIMIT	124
#define EXIT_UMTT	125

int cmd_run(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_slave(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_kselftest(int argc, char **argv);

/**
 * cmd_parse() - argp_parse(), whose errors are one line and EXIT_UMTT
 *
 * The parser of @argp calls cmd_parse_begin() for ARGP_KEY_INIT.
 */
void cmd_parse(const struct argp *argp, int argc, char **argv, void *input);
void cmd_parse_begin(struct argp_state *state);

/**
 * struct cmd_option - an option that is kept as it was given
 * @value: takes the argument, the last one where there are several
 * @list: takes every argument
 * @flag: becomes true
 *
 * One of the three is set.
 */
struct cmd_option {
	int key;
	const char **value;
	struct strvec *list;
	bool *flag;
};

/**
 * cmd_keep() - keep the option @key, if it is one of @options
 *
 * Return: 0, or ARGP_ERR_UNKNOWN
 */
error_t cmd_keep(const struct cmd_option *options, size_t n, int key,
		 const char *arg);

/** cmd_wrong() - say in one line what is wrong with an option, and exit */
void cmd_wrong(const char *fmt, ...) __attribute__((noreturn)) __printf(1, 2);

/** cmd_set_verbose() - say more: 1 is who comes and goes, 2 every message */
void cmd_set_verbose(int verbose);

/** cmd_run_loop() - ring_run(), with an exit status for its own failure */
int cmd_run_loop(struct ring *r);
/** cmd_close_loop() - once everything on it has been closed */
void cmd_close_loop(struct ring *r, struct signals *sg);

/** cmd_device_help() - argp's help filter: devices after the options */
char *cmd_device_help(int key, const char *text, void *input);

#endif
