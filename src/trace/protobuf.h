/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The few things of Protocol Buffers that it takes to write a message. */
#ifndef TRACE_PROTOBUF_H
#define TRACE_PROTOBUF_H

#include <stdbool.h>

#include "../base/types.h"

/**
 * struct pb - a message being written; all zeros: an empty one
 * @failed: memory ran out
 */
struct pb {
	u8 *buf;
	size_t len, max;
	bool failed;
};

/* A field of a message: its number, and what it is */
void pb_uint(struct pb *m, unsigned int field, u64 v);
void pb_fixed64(struct pb *m, unsigned int field, u64 v);
void pb_bytes(struct pb *m, unsigned int field, const void *p, size_t len);
void pb_string(struct pb *m, unsigned int field, const char *s);

/** pb_text() - what may not be UTF-8, although a string must be */
void pb_text(struct pb *m, unsigned int field, const u8 *p, size_t len);

/** pb_message() - @inner, which is empty afterwards */
void pb_message(struct pb *m, unsigned int field, struct pb *inner);

void pb_fini(struct pb *m);

#endif
