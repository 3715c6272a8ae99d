// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt calendar: the scheduler of simulated time alone. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../cal/server.h"
#include "cmd.h"

enum { OPT_TOD = 256, OPT_NO_SHM, OPT_TIME_LIMIT, OPT_STATS };

static const struct argp_option options[] = {
	{ "socket", 's', "PATH", 0, "Listen for um_timetravel clients here (needed)", 0 },
	{ "clients", 'n', "N", 0, "Time begins when N clients have started (default: 1)", 0 },
	{ "time-limit", OPT_TIME_LIMIT, "TIME", 0, "End with status 124 when simulated time would pass TIME (\"10s\", \"2h\")", 0 },
	{ "tod", OPT_TOD, "SECONDS", 0, "Time of day at simulated time 0, since 1970 (default: 1893456000, 2030-01-01)", 0 },
	{ "no-shm", OPT_NO_SHM, NULL, 0, "Offer no shared memory: messages only", 0 },
	{ "stats", OPT_STATS, NULL, 0, "At the end, print simulated time and messages", 0 },
	{ "verbose", 'v', NULL, 0, "Say who comes and goes; twice: every step", 0 },
	{ 0 }
};

struct calendar {
	struct cal_server_cfg cfg;
	struct cal_server *server;
	struct ring ring;
	struct signals signals;
	bool stats;
	int verbose;
};

static int parse_count(const char *arg, unsigned int *n)
{
	u64 v;

	if (units_number(arg, &v) < 0 || !v || v > UINT32_MAX)
		return -EINVAL;
	*n = (unsigned int)v;
	return 0;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct calendar *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 's':
		c->cfg.path = arg;
		break;
	case 'n':
		if (parse_count(arg, &c->cfg.clients) < 0)
			cmd_wrong("--clients %s: not a number from 1", arg);
		break;
	case OPT_TIME_LIMIT:
		if (units_time(arg, NSEC_PER_SEC, &c->cfg.time_limit) < 0 ||
		    !c->cfg.time_limit)
			cmd_wrong("--time-limit %s: not a time like 10s, 1.5ms or 2h",
				  arg);
		break;
	case OPT_TOD:
		if (units_time(arg, NSEC_PER_SEC, &c->cfg.tod) < 0)
			cmd_wrong("--tod %s: not a number of seconds", arg);
		break;
	case OPT_NO_SHM:
		c->cfg.no_shm = true;
		break;
	case OPT_STATS:
		c->stats = true;
		break;
	case 'v':
		c->verbose++;
		break;
	case ARGP_KEY_ARG:
		cmd_wrong("unexpected argument '%s': there are only options", arg);
		break;
	case ARGP_KEY_END:
		if (!c->cfg.path)
			cmd_wrong("--socket PATH is needed, to listen on");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	options, parse_opt, NULL,
	"Own simulated time: decide which of its clients runs when.\v"
	"Ends with 0 when all clients have left, or only idle slaves remain, 124 at the time limit, 125 when"
	" all of them sleep for ever.", NULL, NULL, NULL
};

static void got_signal(struct signals *sg, int signo)
{
	ring_stop(sg->ring, 128 + signo);
}

static void ended(void *owner, enum cal_verdict v)
{
	struct calendar *c = owner;

	if (v == CAL_EMPTY) {
		ring_stop(&c->ring, 0);
	} else if (v == CAL_LIMIT) {
		log_err(NULL, "time limit reached");
		ring_stop(&c->ring, EXIT_TIME_LIMIT);
	} else if (v == CAL_ASLEEP) {
		log_err(NULL, "all clients sleep for ever:");
		cal_server_report(c->server, stderr);
		ring_stop(&c->ring, EXIT_UMTT);
	}
}

static void print_stats(const struct calendar *c)
{
	char buf[UNITS_TIME_LEN];
	struct cal_stats st;

	cal_server_stats(c->server, &st);
	fprintf(stderr, "umtt: simulated %s; messages received %" PRIu64 ", sent %" PRIu64 "; io_uring_enter %" PRIu64 "\n",
		units_format_time(buf, cal_server_now(c->server)), st.rx,
		st.tx, c->ring.enters);
}

static int serve(struct calendar *c)
{
	int ret;

	if (cal_server_new(&c->server, &c->ring, &c->cfg) < 0)
		return EXIT_UMTT;
	ret = cmd_run_loop(&c->ring);
	if (c->stats)
		print_stats(c);
	cal_server_free(c->server);
	return ret;
}

int cmd_calendar(int argc, char **argv)
{
	struct calendar c = {
		.cfg = { .clients = 1, .tod = CAL_DEFAULT_TOD, .late = true,
			 .ended = ended },
	};
	int ret;

	c.cfg.owner = &c;
	cmd_parse(&argp, argc, argv, &c);
	cmd_set_verbose(c.verbose);
	if (signals_open_loop(&c.signals, &c.ring, NULL, got_signal) < 0)
		return EXIT_UMTT;
	ret = serve(&c);
	cmd_close_loop(&c.ring, &c.signals);
	return ret;
}
