/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Frames of a trace as a capture file, for Wireshark and the like. */
#ifndef TRACE_PCAPNG_H
#define TRACE_PCAPNG_H

#include <stdio.h>

#include "names.h"

/**
 * struct trace_pcapng - all zeros at first
 * @tod: time of day at simulated time 0, ns since 1970
 * @link: numbers of the links, in the order of interfaces in the file
 */
struct trace_pcapng {
	u64 tod;
	u64 *link;
	size_t nr_links;
	bool begun;
};

/**
 * trace_pcapng_add() - write what is to be written for @rec, if anything
 * @names: of all records so far
 *
 * Each link is an interface. A frame is there once, as it was sent, when it was
 * sent, whatever became of it on its way.
 *
 * Return: 0 or -ENOMEM
 */
int __must_check trace_pcapng_add(struct trace_pcapng *p, FILE *f,
				  const struct trace_names *names,
				  const struct trace_rec *rec);

/** trace_pcapng_end() - a file without any frames is a file, too */
void trace_pcapng_end(struct trace_pcapng *p, FILE *f);
void trace_pcapng_fini(struct trace_pcapng *p);

#endif
