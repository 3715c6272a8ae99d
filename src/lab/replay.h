/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A run that is to be as a recorded one: compared record by record. */
#ifndef LAB_REPLAY_H
#define LAB_REPLAY_H

#include <stdbool.h>

#include "../trace/identity.h"
#include "../trace/trace.h"

/* Status of a run that is not as it was */
#define REPLAY_DIFFERS	123

/**
 * struct replay - a recording, and how far a run is like it
 * @stop: end the run: at the first record that is not the recorded one, or
 *	where the recording has no more because the host ended that run
 * @owner: for it
 * @identity: of the recorded run
 * The others are the replay's own:
 * @begin: the recording after its identity
 * @pos: where the next record is to be found
 * @count: records that were the same
 * @ended: nothing more is compared
 * @report: what to say at the end
 */
struct replay {
	void (*stop)(struct replay *rp, int status, const char *why);
	void *owner;
	struct trace_identity identity;
	const char *path;
	struct trace_reader file, begin;
	struct trace_check check;
	size_t pos;
	u64 count;
	bool ended;
	char *report;
};

/**
 * replay_open() - the recording at @path
 *
 * Return: 0; -errno after one line
 */
int __must_check replay_open(struct replay *rp, const char *path);

/** replay_begin() - say what is not given as it was; compare all records of @t */
void replay_begin(struct replay *rp, struct trace *t,
		  const struct trace_identity *now);

/** replay_end() - say how it went */
void replay_end(struct replay *rp);
void replay_close(struct replay *rp);

#endif
