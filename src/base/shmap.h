/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Memory that is mapped from a file of others, who may take it away. */
#ifndef BASE_SHMAP_H
#define BASE_SHMAP_H

#include <signal.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "types.h"

/*
 * DOC: Memory that goes away
 *
 * The file behind a mapping belongs to a peer. When that makes it shorter, what
 * is beyond its new end stays mapped, but touching it is SIGBUS. Then memory of
 * our own takes the place of the whole mapping, all zeros, and whoever uses it
 * asks shmap_lost() before it believes what it has read.
 *
 * Nothing but plain loads and stores may touch such memory, so that the signal
 * comes there and then. A system call would just fail.
 */

/** struct shmap - a mapping; @addr is NULL when there is none */
struct shmap {
	void *addr;
	size_t len;
	volatile sig_atomic_t lost;
	LIST_ENTRY(shmap) entry;
};

/**
 * shmap_open() - map @len bytes of @fd from @off on, to read and to write
 * @off: a multiple of shmap_page()
 *
 * That they lie within the file is the caller's to check, and to refuse; what
 * becomes of it afterwards is not. Nothing of it gets into a core dump.
 *
 * Return: 0 or -errno of mmap()
 */
int __must_check shmap_open(struct shmap *m, int fd, off_t off, size_t len);

/** shmap_page() - size of @fd's pages, bytes: more than usual on hugetlbfs */
u64 shmap_page(int fd);

/** shmap_close() - unmap it; nothing happens when it is not mapped */
void shmap_close(struct shmap *m);

/** shmap_lost() - has part of it been taken away and touched since */
bool shmap_lost(const struct shmap *m);

#endif
