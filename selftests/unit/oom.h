/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Memory runs out when a test says so. */
#ifndef UNIT_OOM_H
#define UNIT_OOM_H

#include <stdbool.h>

/* Needs UNIT_name_LDFLAGS := $(UNIT_OOM): malloc() and calloc() fail while set. */
extern bool oom;

#endif
