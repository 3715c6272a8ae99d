/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a boot prints, taken apart: whose output is it? */
#ifndef KTAP_MARKS_H
#define KTAP_MARKS_H

#include <stdbool.h>

#include "../base/types.h"

#define MARKS_MAX_LINE	512

struct marks;

/**
 * struct marks_ops - what has come
 * @ready: tests follow
 * @begin: output of test @name follows; @now: simulated ns
 * @end: of the output of @name, which has ended with @status
 * @done: there are no more tests
 * @data: output, of the test that has begun, or of none
 */
struct marks_ops {
	void (*ready)(struct marks *m);
	void (*begin)(struct marks *m, const char *name, u64 now);
	void (*data)(struct marks *m, const char *data, size_t len);
	void (*end)(struct marks *m, const char *name, int status, u64 now);
	void (*done)(struct marks *m);
};

/**
 * struct marks - reads the output of uml-glue/kselftest/guest.sh
 * @word: that tests do not know, after "#umtt " at the beginning of a line
 *
 * A mark that makes no sense is output.
 */
struct marks {
	const struct marks_ops *ops;
	const char *word;
	char line[MARKS_MAX_LINE];
	size_t len;
	bool inside;
};

void marks_init(struct marks *m, const struct marks_ops *ops, const char *word);
void marks_feed(struct marks *m, const char *data, size_t len);
/** marks_end() - there is no more */
void marks_end(struct marks *m);

#endif
