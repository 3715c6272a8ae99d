/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a vhost-user session must do, by the rules: the oracle of a fuzzer. */
#ifndef FUZZ_SESSION_MODEL_H
#define FUZZ_SESSION_MODEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../src/wire/vhost_user.h"

/*
 * Written from the specification and Documentation/vhost-user.rst, not from
 * src/vu. It knows nothing of sockets: a message goes in, what must be answered
 * comes out, and what there must be afterwards is in struct model.
 */

#define MODEL_VQS	2u
#define MODEL_MAX_FDS	12u
#define MODEL_MAX_BYTES	4200u
#define MODEL_REGIONS	128u	/* more than any input can make */

/** enum fd_kind - what a file descriptor on a message is */
enum fd_kind {
	FD_RAM,		/* the guest's memory */
	FD_SHORT,	/* a file of one page */
	FD_EVENT,	/* an eventfd */
	FD_SOCKET,	/* one end of a socket pair */
	FD_PIPE,	/* a pipe that can be read from */
	FD_NULL,	/* a character device */
	FD_KINDS
};

/** struct message - as the front-end sends it, all of it */
struct message {
	struct vhost_user_hdr hdr;
	u8 payload[MODEL_MAX_BYTES];
	unsigned int nfds;
	enum fd_kind fd[MODEL_MAX_FDS];
};

/**
 * struct expect - what must follow a message
 * @closes: the session ends; if there is an answer as well, it may be missing
 * @later: the answer may take until the calendar has acked all it was asked
 * @refused: it is an error, and there must be a line that says so
 * @len: bytes of the answer, 0: none
 * @any_num: the number in the answer, a ring index, follows from the ring
 */
struct expect {
	bool closes, later, refused, any_num;
	size_t len;
	u8 answer[sizeof(struct vhost_user_hdr) + MODEL_MAX_BYTES];
};

/**
 * struct model_vring - one ring
 * @away: where it is, there is no memory now; @resume: it starts when there is
 * @dirty: set up in a way that the driver knows nothing of
 */
struct model_vring {
	u32 num;
	bool packed, have_addr, away, resume, started, enabled, dirty;
	u64 desc, avail, used;
	bool kick, call, err;
	enum fd_kind kick_kind, call_kind;
};

/**
 * struct model - one session, and what is served
 * @nr_vqs, @config, @config_size, @features_offered, @simulated,
 *	@migration: the device
 * @ram_size, @page: of the files FD_RAM and FD_SHORT
 * @broken: queues, as a mask, that are; known of dirty ones from the real ones
 * @not_started: queues, as a mask, whose record of buffers in flight makes no
 *	sense, so that they do not start: known from the real ones, too
 * @looked_at: queues, as a mask, at whose ring it looks after this message
 * @touched: queues that a message has tried to set up
 */
struct model {
	unsigned int nr_vqs;
	const u8 *config;
	size_t config_size;
	u64 features_offered;
	bool simulated, migration;
	u64 ram_size, page;

	bool connected, have_features, chan, log, inflight;
	unsigned int inflight_num;
	enum fd_kind chan_kind;
	u64 features, protocol;
	unsigned int nr_regions;
	struct vhost_user_region region[MODEL_REGIONS];
	enum fd_kind region_fd[MODEL_REGIONS];
	u8 status;
	struct model_vring vring[MODEL_VQS];
	unsigned int broken, not_started, looked_at, touched;
};

/** model_connect() - a new session: nothing is left of an old one */
void model_connect(struct model *m);

/** model_message() - what must follow @msg; the state is that after it */
void model_message(struct model *m, const struct message *msg,
		   struct expect *e);

/** model_gone() - the session has ended */
void model_gone(struct model *m);

/** model_maps() - how many mappings of the front-end's files it must have */
unsigned int model_maps(const struct model *m);

/** model_fds() - how many file descriptors it must have open */
unsigned int model_fds(const struct model *m);

/** model_inband() - do kicks and calls travel as messages */
bool model_inband(const struct model *m);

/** model_usable() - is the ring served */
bool model_usable(const struct model *m, unsigned int vq);

/** model_kicked() - a kick that is no message has come for queue @vq */
void model_kicked(struct model *m, unsigned int vq);

#endif
