/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The slave as a whole: devices, their sessions and one clock. */
#ifndef DEV_BUS_H
#define DEV_BUS_H

#include "../tt/tt.h"
#include "dev.h"

/**
 * struct dev_bus_cfg - what all devices of one slave share
 * @tt: the clock; not started yet
 * @simulated: @tt follows a calendar: sessions must be in band and acked
 * @seed: of the run
 * @dir: where relative names of files in options begin; NULL: the current one
 * @trace: where to say what happens; NULL: nowhere
 * @session_ended: a front-end has gone; @why is NULL when it closed its end,
 *	else what went wrong. May be NULL.
 */
struct dev_bus_cfg {
	struct ring *ring;
	struct tt *tt;
	bool simulated;
	u64 seed;
	const char *dir;
	struct trace *trace;
	void *owner;
	void (*session_ended)(void *owner, struct dev *d, const char *why);
};

int __must_check dev_bus_new(struct dev_bus **out,
			     const struct dev_bus_cfg *cfg);
void dev_bus_free(struct dev_bus *b);

/**
 * dev_add() - make a device
 * @spec: "TYPE[,key=val...]" as for --device; options that start with @skip
 *	keys are the caller's
 * @name: the device's name, unique on the bus ("a.net0"); NULL: made from TYPE
 * @socket: path to listen on; NULL: option socket= says so
 *
 * Return: 0 or -errno, after one line that names device and option
 */
int __must_check dev_add(struct dev_bus *b, const char *spec, const char *name,
			 const char *socket, struct dev **out);

/**
 * dev_add_fd() - as dev_add(), on a socket that is open already
 * @fd: listens, or is connected to the front-end: then the device never has
 *	another one. Belongs to the bus from then on, unless it fails.
 */
int __must_check dev_add_fd(struct dev_bus *b, const char *spec, int fd);

/** dev_type_virtio_id() - of devices of this TYPE; -ENOENT */
int dev_type_virtio_id(const char *type);

/** dev_bus_node() - devices added from now on are @node's, a client of the calendar: for traces */
void dev_bus_node(struct dev_bus *b, unsigned int node);

/** dev_add_link() - "NAME[,latency=...,...]" as for --link */
int __must_check dev_add_link(struct dev_bus *b, const char *spec);

u32 dev_virtio_id(const struct dev *d);

/**
 * dev_option() - value of an option of @d, for who starts the guest (ip=)
 *
 * Options starting with a name in the list of dev_add()'s common options
 * (socket, name, ip, gw) are known to every device.
 */
const char *dev_option(const struct dev *d, const char *key);

/** dev_types_help() - list devices and their options, for --help */
void dev_types_help(FILE *f);
/** dev_link_help() - options of a link, for --help */
void dev_link_help(FILE *f);

/** struct dev_bus_stats - messages over sockets, both directions */
struct dev_bus_stats {
	u64 kicks, calls, rx, tx;
};
void dev_bus_stats(const struct dev_bus *b, struct dev_bus_stats *st);

/** dev_bus_show() - counters of all devices and links, as text */
void dev_bus_show(const struct dev_bus *b, FILE *f);

#endif
