// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a run has simulated, and what that cost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../base/units.h"
#include "../cal/server.h"
#include "../dev/bus.h"
#include "stats.h"

static u64 cpu_ms(int who)
{
	struct rusage ru;

	getrusage(who, &ru);
	return (u64)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
	       (u64)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

char *stats_text(const struct stats_source *src)
{
	u64 self = cpu_ms(RUSAGE_SELF), nodes = cpu_ms(RUSAGE_CHILDREN);
	char sim[UNITS_TIME_LEN], wall[UNITS_TIME_LEN], *buf = NULL;
	struct dev_bus_stats ds;
	struct cal_stats cs;
	size_t len;
	FILE *f = open_memstream(&buf, &len);

	if (!f)
		return NULL;
	cal_server_stats(src->calendar, &cs);
	dev_bus_stats(src->bus, &ds);
	fprintf(f, "umtt: simulated %s in %s\n",
		units_format_time(sim, src->simulated),
		units_format_time(wall, src->wall));
	fprintf(f, "umtt: calendar: %" PRIu64 " messages received, %" PRIu64 " sent; devices: %" PRIu64 " kicks, %" PRIu64 " calls, %" PRIu64 " messages received, %" PRIu64 " sent; io_uring_enter: %" PRIu64 "\n",
		cs.rx, cs.tx, ds.kicks, ds.calls, ds.rx, ds.tx, src->enters);
	fprintf(f, "umtt: CPU time: calendar and devices %" PRIu64 " ms, nodes %" PRIu64 " ms\n",
		self, nodes);
	if (src->counters)
		dev_bus_show(src->bus, f);
	fclose(f);
	return buf;
}
