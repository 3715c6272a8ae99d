/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Links: learning switches in simulated time that network ports join. */
#ifndef DEV_LINK_H
#define DEV_LINK_H

#include <sys/queue.h>

#include "dev.h"

struct link;
struct link_flight;
TAILQ_HEAD(link_flight_list, link_flight);

#define LINK_DEFAULT	"lan"
#define LINK_MIN_FRAME	14u	/* an Ethernet header */
#define LINK_MIN_MTU	68u
#define LINK_MAX_MTU	65521u	/* so that a frame has at most 65535 bytes */

/**
 * struct link_frame - one Ethernet frame, without preamble and checksum
 * @refs: holders; nobody writes to it while there are several
 * @len: bytes of @data
 * @number: of the frame in a trace, once it has been sent
 */
struct link_frame {
	unsigned int refs;
	u32 len;
	u64 number;
	u8 data[];
};

/** link_frame_new() - room for @len bytes, one reference; NULL: no memory */
struct link_frame *link_frame_new(u32 len);
struct link_frame *link_frame_get(struct link_frame *f);
void link_frame_put(struct link_frame *f);

/**
 * enum link_drop - why a frame never arrived; each is counted by itself
 * @LINK_DROP_RUNT: shorter than LINK_MIN_FRAME
 * @LINK_DROP_MTU: longer than the link's MTU allows
 * @LINK_DROP_QUEUE: too many frames waited to be serialised
 * @LINK_DROP_LOSS: lost, as the option loss= says
 * @LINK_DROP_SAME_PORT: its destination is where it came from
 * @LINK_DROP_ALONE: there was no other port
 * @LINK_DROP_MEMORY: none for the frame's journey
 */
enum link_drop {
	LINK_DROP_RUNT,
	LINK_DROP_MTU,
	LINK_DROP_QUEUE,
	LINK_DROP_LOSS,
	LINK_DROP_SAME_PORT,
	LINK_DROP_ALONE,
	LINK_DROP_MEMORY,
	LINK_NR_DROPS
};

/**
 * struct link_port - one plug, embedded in what is plugged in
 * @rx: a frame has arrived; link_frame_get() it to keep it
 * @number: of the port in a trace: see link_number()
 * @link: NULL: not plugged in
 * @free_at: when all frames sent have left
 * @waiting: frames sent that may not have begun to leave
 * @nr_waiting: how many
 */
struct link_port {
	void (*rx)(struct link_port *p, struct link_frame *f);
	unsigned int number;
	struct link *link;
	u64 free_at;
	struct link_flight_list waiting;
	u64 nr_waiting;
	TAILQ_ENTRY(link_port) entry;
};

/**
 * struct link_stats - since the run began
 * @sent: frames given to link_send()
 * @delivered: frames given to a port, each port counted
 * @flooded: frames that went to all ports but their own
 * @macs_not_learnt: the table of addresses was full
 */
struct link_stats {
	u64 sent, delivered, flooded, macs_not_learnt;
	u64 drops[LINK_NR_DROPS];
};

/**
 * link_new() - make a link
 * @name: how devices name it
 * @a: its options (LINK_HELP); NULL: defaults
 * @out: result, may be NULL; it lives as long as the bus
 *
 * Return: 0; -EEXIST, -EINVAL after one line; -ENOMEM
 */
int __must_check link_new(struct dev_bus *b, const char *name,
			  struct dev_args *a, struct link **out);

/** link_find() - the link of that name, made with defaults if there is none */
int __must_check link_find(struct dev_bus *b, const char *name,
			   struct link **out);

/* Options of a link, for --help. */
#define LINK_HELP							\
	"latency=TIME    from one port to another (default: 0)\n"	\
	"bandwidth=RATE  of each port (default: unlimited)\n"		\
	"loss=PROB       probability that a frame is lost (default: 0)\n" \
	"mtu=BYTES       longest frame without Ethernet header (default: 1500)\n" \
	"queue=FRAMES    that may wait at a port to be sent (default: 1000)\n"

/** link_mtu() - bytes of payload that a frame may have */
u32 link_mtu(const struct link *l);

/** link_max_frame() - longest frame with this MTU: one with a VLAN tag */
u32 link_max_frame(u32 mtu);

/** link_fits() - does @f keep within @mtu: a VLAN tag is not counted */
bool link_fits(const struct link_frame *f, u32 mtu);

const struct link_stats *link_get_stats(const struct link *l);

/** link_number() - of the link in a trace, for dev_trace_port() */
unsigned int link_number(const struct link *l);

/** link_join() - plug @p in; @p->rx is set by the caller */
void link_join(struct link *l, struct link_port *p);

/**
 * link_leave() - unplug @p; nothing happens when it is not plugged in
 *
 * Its frames under way still arrive.
 */
void link_leave(struct link_port *p);

/**
 * link_send() - send @f, whose reference is taken over
 *
 * The frame leaves when those sent before it have left, which takes its length
 * divided by the bandwidth (rounded up to the ns), and arrives the latency
 * after that. Never calls @p->rx from within.
 *
 * Return: when the port is free for the next frame, now at the earliest
 */
u64 link_send(struct link_port *p, struct link_frame *f);

#endif
