// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The dirty log: which pages of guest memory have been written (pure). */
#include "dirty.h"

void dirty_mark(struct dirty_log *log, u64 gpa, u64 len)
{
	u64 page, last;

	if (!len || gpa + len - 1 < gpa)
		return;
	last = (gpa + len - 1) / DIRTY_PAGE;
	for (page = gpa / DIRTY_PAGE; page <= last && page / 8 < log->len;
	     page++)
		__atomic_fetch_or(&log->bits[page / 8],
				  (u8)(1u << (page % 8)), __ATOMIC_RELEASE);
}
