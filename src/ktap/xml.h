/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Any bytes as text of an XML document. */
#ifndef KTAP_XML_H
#define KTAP_XML_H

#include <stdio.h>

/**
 * xml_text() - @len bytes as character data, or within a quoted attribute
 *
 * XML 1.0 has no way to say control characters, and not every code point is
 * allowed: what cannot be said, or is not UTF-8, becomes U+FFFD.
 */
void xml_text(FILE *f, const char *s, size_t len);

/** xml_attr() - ' NAME="VALUE"' */
void xml_attr(FILE *f, const char *name, const char *value);

#endif
