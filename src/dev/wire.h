/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Wires: levels that devices have in common, known by a name in the whole lab. */
#ifndef DEV_WIRE_H
#define DEV_WIRE_H

#include <sys/queue.h>

#include "dev.h"

struct wire;

/**
 * struct wire_end - where a device is at a wire
 * @changed: another end has driven it to @level, now; may be NULL. It must not
 *	drive wires.
 */
struct wire_end {
	struct wire *wire;
	void (*changed)(struct wire_end *e, bool level);
	TAILQ_ENTRY(wire_end) entry;
};

/** wire_join() - in probe: @e is at the wire @name; 0, -ENOMEM */
int __must_check wire_join(struct wire_end *e, struct dev_bus *b,
			   const char *name);
/** wire_leave() - nothing if it is not at one */
void wire_leave(struct wire_end *e);
/** wire_level() - whoever has driven it last decides; low at first */
bool wire_level(const struct wire_end *e);
/** wire_drive() - in vq_ready, timers, and scripts; nothing if it is not at one */
void wire_drive(struct wire_end *e, bool level);

#endif
