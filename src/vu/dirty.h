/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The dirty log: which pages of guest memory have been written (pure). */
#ifndef VU_DIRTY_H
#define VU_DIRTY_H

#include <stddef.h>

#include "../base/types.h"

#define DIRTY_PAGE	0x1000u		/* bytes of guest memory per bit */

/**
 * struct dirty_log - a bitmap that the front-end reads and clears meanwhile
 * @bits: bit n % 8 of byte n / 8 is page n, by guest address
 * @len: bytes
 */
struct dirty_log {
	u8 *bits;
	size_t len;
};

/**
 * dirty_mark() - guest addresses @gpa to @gpa + @len have been written
 *
 * What is beyond the end of the log is not logged. Atomic, since the front-end
 * clears bits at the same time.
 */
void dirty_mark(struct dirty_log *log, u64 gpa, u64 len);

#endif
