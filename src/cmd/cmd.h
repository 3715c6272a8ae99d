/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Subcommands, and what they share. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "../base/types.h"

/* Exit status besides a command's own, as documented in umtt(1). */
#define EXIT_TIME_LIMIT	124
#define EXIT_UMTT	125

int cmd_run(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_slave(int argc, char **argv);

/* Time of day at simulated time 0, unless told otherwise: 2030-01-01, UTC. */
#define DEFAULT_TOD	((u64)1893456000 * NSEC_PER_SEC)

#endif
