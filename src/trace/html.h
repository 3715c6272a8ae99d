/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A timeline as a web page of one file. */
#ifndef TRACE_HTML_H
#define TRACE_HTML_H

#include <stdio.h>

#include "timeline.h"

/** html_write() - a timeline that is finished; whether @f has an error is for the caller to see */
void html_write(FILE *f, const struct timeline *t,
		const struct trace_names *names);

#endif
