/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Memory that a test leaves behind: its process ends without being asked. */
#ifndef UNIT_LEAKS_H
#define UNIT_LEAKS_H

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/** leaks() - has anything been lost so far? Says no without SAN=1. */
static inline int leaks(void)
{
	return __lsan_do_recoverable_leak_check ?
	       __lsan_do_recoverable_leak_check() : 0;
}

#endif
