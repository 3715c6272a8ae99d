// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt slave: the vhost-user devices alone. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../dev/bus.h"
#include "../tt/remote.h"
#include "../tt/wall.h"
#include "cmd.h"

enum { OPT_LINK = 256, OPT_ID, OPT_SEED, OPT_STATS };

static const struct argp_option options[] = {
	{ "device", 'd', "TYPE,socket=PATH[,key=value...]", 0, "Serve a device; repeat for more", 0 },
	{ "link", OPT_LINK, "NAME[,key=value...]", 0, "Declare a link that net devices join with link=NAME", 0 },
	{ "calendar", 'c', "PATH", 0, "Follow the calendar at PATH, ours or another's; without it, time is the host's", 0 },
	{ "id", OPT_ID, "N", 0, "Client id to give to the calendar (default: none)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Seed of everything random (default: 1)", 0 },
	{ "stats", OPT_STATS, NULL, 0, "At the end, print the counters of all devices and links", 0 },
	{ "verbose", 'v', NULL, 0, "Say who comes and goes; twice: every message", 0 },
	{ 0 }
};

#define MAX_SPECS	1024

struct slave {
	const char *calendar;
	const char *device[MAX_SPECS], *link[MAX_SPECS];
	unsigned int nr_devices, nr_links;
	u64 id, seed;
	bool stats;
	int verbose;

	struct ring ring;
	struct signals signals;
	struct tt tt;
	struct tt_remote *remote;
	struct tt_wall *wall;
	struct dev_bus *bus;
};

static void add_spec(struct argp_state *state, const char **list,
		     unsigned int *n, const char *spec)
{
	if (*n == MAX_SPECS)
		argp_error(state, "more than %d of one kind", MAX_SPECS);
	list[(*n)++] = spec;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct slave *s = state->input;

	switch (key) {
	case 'd':
		add_spec(state, s->device, &s->nr_devices, arg);
		break;
	case OPT_LINK:
		add_spec(state, s->link, &s->nr_links, arg);
		break;
	case 'c':
		s->calendar = arg;
		break;
	case OPT_ID:
		if (units_number(arg, &s->id) < 0)
			argp_error(state, "--id %s: not a number", arg);
		break;
	case OPT_SEED:
		if (units_number(arg, &s->seed) < 0)
			argp_error(state, "--seed %s: not a number", arg);
		break;
	case OPT_STATS:
		s->stats = true;
		break;
	case 'v':
		s->verbose++;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (!s->nr_devices)
			argp_error(state, "at least one --device is needed");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	options, parse_opt, NULL,
	"Serve vhost-user devices, in simulated or in real time.\v"
	"Serves until it gets a signal, or until the calendar leaves.",
	NULL, cmd_device_help, NULL
};

static void got_signal(struct signals *sg, int signo)
{
	struct slave *s = sg->owner;

	/* The normal end of a daemon. */
	ring_stop(&s->ring, signo == SIGTERM ? 0 : 128 + signo);
}

static void lost(struct tt *tt, const char *why)
{
	struct slave *s = container_of(tt, struct slave, tt);

	if (why)
		log_err(NULL, "the calendar at %s %s", s->calendar, why);
	else
		log_warn(NULL, "the calendar at %s has left, and so do we",
			 s->calendar);
	ring_stop(&s->ring, why ? EXIT_UMTT : 0);
}

static int open_clock(struct slave *s)
{
	int ret;

	if (!s->calendar)
		return tt_wall_open(&s->wall, &s->tt, &s->ring);
	ret = tt_remote_open(&s->remote, &s->tt, &s->ring, s->calendar);
	if (ret < 0)
		log_err(NULL, "cannot connect to the calendar at %s: %s",
			s->calendar, strerror(-ret));
	return ret;
}

static int open_devices(struct slave *s)
{
	struct dev_bus_cfg cfg = {
		.ring = &s->ring, .tt = &s->tt, .simulated = s->calendar,
		.seed = s->seed,
	};
	unsigned int i;
	int ret;

	ret = dev_bus_new(&s->bus, &cfg);
	for (i = 0; i < s->nr_links && !ret; i++)
		ret = dev_add_link(s->bus, s->link[i]);
	for (i = 0; i < s->nr_devices && !ret; i++)
		ret = dev_add(s->bus, s->device[i], NULL, NULL, NULL);
	return ret;
}

static int serve(struct slave *s)
{
	int ret;

	if (open_clock(s) < 0 || open_devices(s) < 0)
		return EXIT_UMTT;
	s->tt.lost = lost;
	tt_start(&s->tt, s->id);
	ret = cmd_run_loop(&s->ring);
	if (s->stats)
		dev_bus_show(s->bus, stderr);
	return ret;
}

int cmd_slave(int argc, char **argv)
{
	static struct slave s = { .id = U64_MAX, .seed = 1 };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &s);
	cmd_set_verbose(s.verbose);
	if (cmd_open_loop(&s.ring, &s.signals, got_signal) < 0)
		return EXIT_UMTT;
	s.signals.owner = &s;
	ret = serve(&s);
	dev_bus_free(s.bus);
	if (s.remote || s.wall)
		tt_fini(&s.tt);
	tt_remote_close(s.remote);
	tt_wall_close(s.wall);
	cmd_close_loop(&s.ring, &s.signals);
	return ret;
}
