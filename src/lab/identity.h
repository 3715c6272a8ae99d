/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a run is given, as lines for its trace; and a lab made from such lines. */
#ifndef LAB_IDENTITY_H
#define LAB_IDENTITY_H

#include "../trace/identity.h"
#include "kernels.h"
#include "lab.h"

/**
 * struct given - what a run is given besides its lab
 * @cwd: directory that it is started in
 * @env: environment that it is started with
 * @no_shm: kernels talk to the calendar by messages only
 */
struct given {
	const char *cwd;
	char *const *env;
	bool no_shm;
};

/** struct programs - paths of what runs, and what kernels say of themselves */
struct programs {
	const struct kernels *kernels;
	const char *init, *preload;
};

/** identity_make() - the lines, for a run of @lab */
void identity_make(struct trace_identity *id, const struct lab *lab,
		   const struct given *g, const struct programs *p);

/** identity_say() - one line on stderr: what the run can be known by */
void identity_say(const struct trace_identity *id);

/** identity_log() - print them, the environment only as a number, with -v */
void identity_log(const struct trace_identity *id);

/**
 * struct recorded - what a trace says that its run was given besides the lab
 */
struct recorded {
	char *cwd;
	struct strvec env;
	bool no_shm;
};

/**
 * identity_lab() - the lab that the lines describe
 * @lab: initialised
 * @file: for error lines
 *
 * Return: 0 or -EPROTO after one line
 */
int __must_check identity_lab(const struct trace_identity *id, const char *file,
			      struct lab *lab, struct recorded *rec);
void recorded_free(struct recorded *rec);

#endif
