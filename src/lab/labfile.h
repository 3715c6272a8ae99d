/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Lab files: YAML, by schema, with errors that name file, line and key. */
#ifndef LAB_LABFILE_H
#define LAB_LABFILE_H

#include "lab.h"

/*
 * DOC: The keys of a lab file
 *
 * seed, time-limit, wall-limit, kernel, root, tod	as the options of umtt run
 * links: a list of
 *   name						needed
 *   latency, bandwidth, loss, mtu, queue		as for --link
 * nodes: a list, at least one; the first is the one whose output and exit
 *        status are those of umtt
 *   name		host name, needed
 *   command		a string for /bin/sh -c, or a list of words; the first
 *			node needs one, without it a node only idles
 *   memory		256M
 *   devices		a list of "TYPE,key=value..." as for --device
 *   modules		a list of "FILE.ko ARGS" to load
 *   kernel		as that of the lab, for this node
 *   kernel-args	a string or a list, for the kernel's command line
 *   wait		true: the lab does not end before this command does
 *   needed		false: the lab goes on when this kernel has ended
 */

/* The nodes' commands find the directory of the lab file by this variable. */
#define LABFILE_ENV	"UMTT_LAB"

/**
 * labfile_load() - read a lab file
 * @lab: initialised; what the file says replaces what is there
 * @path: as the user gave it, for error lines
 *
 * Relative paths in the file count from the directory it is in.
 *
 * Return: 0; -errno after one line: "FILE:LINE: key 'nodes[1].memory': ..."
 */
int __must_check labfile_load(struct lab *lab, const char *path);

#endif
