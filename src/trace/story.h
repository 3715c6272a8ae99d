/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The last events of a run as sentences, and who waits for what. */
#ifndef TRACE_STORY_H
#define TRACE_STORY_H

#include <stdio.h>

#include "trace.h"

/**
 * trace_story() - "1.000200512 a kicks queue 1 of a.net0", and so on
 * @t: a trace that is being written; NULL: nothing is printed
 * @heading: printed before, if there is anything to tell
 *
 * The last events that say something about how parties act on each other, then
 * a line per node about what it waits for, as far as the last records tell.
 */
void trace_story(FILE *f, struct trace *t, const char *heading);

/** trace_story_of() - the same of @parts, as trace_recent() gives them */
void trace_story_of(FILE *f, const struct trace_part parts[3],
		    const char *heading);

#endif
