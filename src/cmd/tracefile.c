// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Traces that the user has named, and what to say when they are none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "tracefile.h"

int tracefile_open(struct trace_reader *r, const char *file)
{
	int err = trace_reader_open(r, file);

	if (err == -EPROTO)
		log_err(file, "this is not a trace of umtt");
	else if (err == -EPROTONOSUPPORT)
		log_err(file, "a trace, but of another version of umtt than %s",
			UMTT_VERSION);
	else if (err)
		log_err(file, "%s", strerror(-err));
	return err;
}

void tracefile_damaged(const char *file, size_t pos)
{
	log_err(file, "damaged: what is at byte %zu is no record", pos);
}

int tracefile_flush(void)
{
	int err;

	if (fflush(stdout) == 0 || errno == EPIPE)
		return 0;
	err = -errno;
	log_err(NULL, "cannot write to stdout: %s", strerror(-err));
	return err;
}
