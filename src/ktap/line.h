/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One line of (K)TAP. */
#ifndef KTAP_LINE_H
#define KTAP_LINE_H

#include "ktap.h"

enum ktap_kind { KTAP_OTHER, KTAP_VERSION, KTAP_PLAN, KTAP_RESULT, KTAP_BAIL };

/**
 * struct ktap_line - what it says
 * @number: of a plan or a result; a result without has @numbered false
 * @skip: of a plan: it has a SKIP directive
 * @name: description of a result; @why: text of its directive, NULL if there is
 *	none, of a plan or of "Bail out!" as well. Not clean, not terminated.
 */
struct ktap_line {
	enum ktap_kind kind;
	u64 number;
	bool numbered, skip;
	enum ktap_status status;
	const char *name, *why;
	size_t name_len, why_len;
};

/** ktap_prefix() - how much of a line comes before what it says: spaces, "# " */
size_t ktap_prefix(const char *s, size_t len);

/** ktap_line() - what the line @s, without its prefix, says */
void ktap_line(struct ktap_line *l, const char *s, size_t len);

/** ktap_directive() - is there a directive at @s, behind its '#' */
bool ktap_directive(const char *s, size_t len);

#endif
