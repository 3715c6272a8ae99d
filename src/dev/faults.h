/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What is to go wrong with a block device, and when. */
#ifndef DEV_FAULTS_H
#define DEV_FAULTS_H

#include "dev.h"

/*
 * DOC: The language of faults
 *
 *	error=RULES	the request fails
 *	hang=RULES	it never comes back
 *	power-cut=RULES	it fails, what is in the volatile cache is lost, and
 *			all requests fail until the driver starts anew
 *	torn=WHEN@N	the write stores only its first N sectors and fails, and
 *			so do all requests until the driver starts anew
 *	error-sector=A[-B][/...]  requests that touch one of them fail
 *
 *	RULES	KIND@WHEN[/KIND@WHEN...]
 *	KIND	read, write, flush, discard, zero (write zeroes), any
 *	WHEN	N	the N-th of that kind since umtt began, from 1
 *		N-M	the N-th to the M-th
 *		N+	the N-th and all after it
 *		T	the first that arrives at time T (a number with a unit)
 *			or later
 *		T-U	all that arrive from T to before U
 *		T+	all that arrive from T on
 *
 * It is decided when a request arrives, and happens when it would have been
 * completed.
 */

enum req_kind {
	REQ_READ, REQ_WRITE, REQ_FLUSH, REQ_DISCARD, REQ_ZERO, NR_REQ_KINDS
};

struct faults;

#define NOT_TORN	U64_MAX

/**
 * struct verdict - what happens to a request
 * @torn: so many sectors of it are stored
 */
struct verdict {
	bool error, hang, power_cut;
	u64 torn;
};

/** faults_new() - read the options; 0, or -errno after one line */
int __must_check faults_new(struct faults **out, struct dev *d,
			    struct dev_args *a);
void faults_free(struct faults *f);

/** faults_power() - can the power be cut */
bool faults_power(const struct faults *f);

/** faults_judge() - a request has arrived, now */
struct verdict faults_judge(struct faults *f, enum req_kind kind, u64 now);

/** faults_sector() - is one of these sectors bad */
bool faults_sector(const struct faults *f, u64 sector, u64 n);

#endif
