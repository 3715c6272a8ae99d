// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt: picks the subcommand. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../lab/host.h"
#include "cmd.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", cmd_run, "run a command in a lab of User-Mode Linux kernels" },
	{ "kselftest", cmd_kselftest, "run the kernel's selftests, and say how they went" },
	{ "calendar", cmd_calendar, "the scheduler of simulated time alone" },
	{ "slave", cmd_slave, "the vhost-user devices alone" },
	{ "trace", cmd_trace, "show what happened in a run" },
	{ "diff", cmd_diff, "show where two runs part" },
};

static void usage(FILE *f)
{
	size_t i;

	fprintf(f, "Usage: umtt COMMAND [OPTION...]\n"
		"Kernels and virtio devices in simulated time.\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name,
			commands[i].help);
	fprintf(f, "\n'umtt COMMAND --help' lists the options of a command;"
		" umtt(1) has examples.\n");
}

int main(int argc, char **argv)
{
	static char name[64];
	size_t i;

	/* A peer that goes away is an error return, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	host_fill_stdio();
	argp_err_exit_status = EXIT_UMTT;
	if (argc < 2) {
		usage(stderr);
		return EXIT_UMTT;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("umtt %s\n", UMTT_VERSION);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		/* argp names the program in its messages. */
		snprintf(name, sizeof(name), "umtt %s", argv[1]);
		argv[1] = name;
		program_invocation_name = name;
		return commands[i].main(argc - 1, argv + 1);
	}
	log_err(NULL, "there is no command '%s'; 'umtt --help' lists them",
		argv[1]);
	return EXIT_UMTT;
}
