// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Records of devices: what the guest has done, as lines of a script. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

struct record {
	struct dev *dev;
	FILE *f;
};

int record_new(struct record **out, struct dev *d, struct dev_args *a)
{
	const char *path = dev_arg_str(a, "record", NULL);
	struct record *r;
	int err;

	*out = NULL;
	if (!path)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->dev = d;
	r->f = dev_fopen(d, path, "we");
	if (!r->f) {
		err = -errno;
		log_err(dev_name(d), "option record=%s: %s", path,
			strerror(errno));
		free(r);
		return err;
	}
	/* For who looks on. */
	setlinebuf(r->f);
	*out = r;
	return 0;
}

void record_free(struct record *r)
{
	bool bad;

	if (!r)
		return;
	bad = ferror(r->f);
	if (fclose(r->f) || bad)
		log_err(dev_name(r->dev), "not all could be written to the file of option record");
	free(r);
}

void record_line(struct record *r, const char *fmt, ...)
{
	va_list ap;

	if (!r)
		return;
	fprintf(r->f, "at %" PRIu64 "ns ", dev_now(r->dev));
	va_start(ap, fmt);
	vfprintf(r->f, fmt, ap);
	va_end(ap);
	fputc('\n', r->f);
}
