// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Memory runs out when a test says so. */
#include <stddef.h>

#include "oom.h"

bool oom;

/* The linker puts these in place of malloc() and calloc(): --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);

void *__wrap_malloc(size_t size)
{
	return oom ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return oom ? NULL : __real_calloc(nr, size);
}
