/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run has simulated, and what that cost. */
#ifndef LAB_STATS_H
#define LAB_STATS_H

#include <stdbool.h>

#include "../base/types.h"

struct cal_server;
struct dev_bus;

/**
 * struct stats_source - where the numbers come from
 * @simulated, @wall: ns
 * @enters: calls of io_uring_enter()
 * @counters: those of all devices and links, too
 */
struct stats_source {
	const struct cal_server *calendar;
	const struct dev_bus *bus;
	u64 simulated, wall, enters;
	bool counters;
};

/**
 * stats_text() - the text for --stats
 *
 * All child processes must have been waited for.
 *
 * Return: lines, to be freed; NULL when out of memory
 */
char *stats_text(const struct stats_source *src);

#endif
