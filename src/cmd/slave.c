// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* umtt slave: the vhost-user devices alone. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../dev/bus.h"
#include "../tt/remote.h"
#include "../tt/wall.h"
#include "backend.h"
#include "cmd.h"

enum {
	OPT_LINK = 256, OPT_ID, OPT_SEED, OPT_STATS, OPT_SOCKET_PATH, OPT_FD,
	OPT_CAPABILITIES,
};

static const struct argp_option options[] = {
	{ "device", 'd', "TYPE,socket=PATH[,key=value...]", 0, "Serve a device; repeat for more", 0 },
	{ "socket-path", OPT_SOCKET_PATH, "PATH", 0, "Where the front-end of the only device connects, in place of socket=", 0 },
	{ "fd", OPT_FD, "FDNUM", 0, "A socket that is open already, for the only device: one that listens, or a connection, with whose end the slave ends", 0 },
	{ "link", OPT_LINK, "NAME[,key=value...]", 0, "Declare a link that net devices join with link=NAME", 0 },
	{ "calendar", 'c', "PATH", 0, "Follow the calendar at PATH, ours or another's; without it, time is the host's", 0 },
	{ "id", OPT_ID, "N", 0, "Client id to give to the calendar (default: none)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Seed of everything random (default: 1)", 0 },
	{ "print-capabilities", OPT_CAPABILITIES, NULL, 0, "Say, as JSON, what the device's TYPE is called in QEMU's vhost-user.json; all but --device is ignored", 0 },
	{ "stats", OPT_STATS, NULL, 0, "At the end, print the counters of all devices and links", 0 },
	{ "verbose", 'v', NULL, 0, "Say who comes and goes; twice: every message", 0 },
	{ 0 }
};

#define MAX_SPECS	1024

struct slave {
	const char *calendar;
	const char *device[MAX_SPECS], *link[MAX_SPECS];
	unsigned int nr_devices, nr_links;
	const char *socket_path;
	int fd;
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

static void add_spec(const char **list, unsigned int *n, const char *option,
		     const char *spec)
{
	if (*n == MAX_SPECS)
		cmd_wrong("--%s %s: that is one more than the %d there can be",
			  option, spec, MAX_SPECS);
	list[(*n)++] = spec;
}

static int parse_fd(const char *arg)
{
	u64 fd;

	if (units_number(arg, &fd) < 0 || fd <= STDERR_FILENO || fd > INT_MAX)
		cmd_wrong("--fd %s: not the number of a file descriptor from 3 on",
			  arg);
	return (int)fd;
}

/* Who starts a back-end for a front-end wants one device. */
static void check_devices(const struct slave *s)
{
	const char *one = s->socket_path ? "--socket-path" : "--fd";

	if (s->socket_path && s->fd >= 0)
		cmd_wrong("--socket-path and --fd: give only one of them");
	if ((s->socket_path || s->fd >= 0) && s->nr_devices != 1)
		cmd_wrong("%s is for one device: give --device once, without socket=",
			  one);
	if (!s->nr_devices)
		cmd_wrong("at least one --device TYPE,socket=PATH is needed");
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct slave *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		cmd_parse_begin(state);
		break;
	case 'd':
		add_spec(s->device, &s->nr_devices, "device", arg);
		break;
	case OPT_LINK:
		add_spec(s->link, &s->nr_links, "link", arg);
		break;
	case OPT_SOCKET_PATH:
		s->socket_path = arg;
		break;
	case OPT_FD:
		s->fd = parse_fd(arg);
		break;
	case 'c':
		s->calendar = arg;
		break;
	case OPT_ID:
		if (units_number(arg, &s->id) < 0)
			cmd_wrong("--id %s: not a number", arg);
		break;
	case OPT_SEED:
		if (units_number(arg, &s->seed) < 0)
			cmd_wrong("--seed %s: not a number", arg);
		break;
	case OPT_STATS:
		s->stats = true;
		break;
	case 'v':
		s->verbose++;
		break;
	case ARGP_KEY_ARG:
		cmd_wrong("unexpected argument '%s': there are only options",
			  arg);
		break;
	case ARGP_KEY_END:
		check_devices(s);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* What the other options are does not matter, as long as there are such. */
static error_t parse_device_only(int key, char *arg, struct argp_state *state)
{
	const char **spec = state->input;

	if (key == ARGP_KEY_INIT)
		cmd_parse_begin(state);
	if (key == 'd' && !*spec)
		*spec = arg;
	return 0;
}

static const struct argp argp = {
	options, parse_opt, NULL,
	"Serve vhost-user devices, in simulated or in real time.\v"
	"Serves until it gets a signal, until the calendar leaves, or until the"
	" connection of --fd ends.",
	NULL, cmd_device_help, NULL
};

static const struct argp device_argp = { .options = options,
					 .parser = parse_device_only };

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

/* Of the connection that we were started for */
static void connection_ended(void *owner, struct dev *d, const char *why)
{
	struct slave *s = owner;

	(void)d;
	if (why)
		log_err(NULL, "the connection of --fd %d ended: %s", s->fd,
			why);
	ring_stop(&s->ring, why ? EXIT_UMTT : 0);
}

static int add_device(struct slave *s, const char *spec)
{
	if (s->fd >= 0)
		return dev_add_fd(s->bus, spec, s->fd);
	return dev_add(s->bus, spec, NULL, s->socket_path, NULL);
}

static int open_devices(struct slave *s)
{
	struct dev_bus_cfg cfg = {
		.ring = &s->ring, .tt = &s->tt, .simulated = s->calendar,
		.seed = s->seed, .owner = s,
	};
	bool connected = false;
	unsigned int i;
	int ret;

	if (s->fd >= 0 && backend_take_fd(s->fd, &connected) < 0)
		return -EINVAL;
	if (connected)
		cfg.session_ended = connection_ended;
	ret = dev_bus_new(&s->bus, &cfg);
	for (i = 0; i < s->nr_links && !ret; i++)
		ret = dev_add_link(s->bus, s->link[i]);
	for (i = 0; i < s->nr_devices && !ret; i++)
		ret = add_device(s, s->device[i]);
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

static int print_capabilities(int argc, char **argv)
{
	const char *spec = NULL;

	cmd_parse(&device_argp, argc, argv, &spec);
	return backend_capabilities(spec);
}

/* Long options may be shortened. */
static bool wants_capabilities(char **argv)
{
	for (; *argv; argv++)
		if (!strncmp(*argv, "--p", 3) &&
		    !strncmp(*argv, "--print-capabilities", strlen(*argv)))
			return true;
	return false;
}

int cmd_slave(int argc, char **argv)
{
	static struct slave s = { .id = U64_MAX, .seed = 1, .fd = -1 };
	int ret;

	if (wants_capabilities(argv))
		return print_capabilities(argc, argv);
	cmd_parse(&argp, argc, argv, &s);
	cmd_set_verbose(s.verbose);
	if (signals_open_loop(&s.signals, &s.ring, NULL, got_signal) < 0)
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
