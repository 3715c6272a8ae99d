/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a fuzzer gives us, taken in pieces; zeros when it is used up. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/types.h"

/* The fuzzer's entry point; the declaration keeps the compiler quiet. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct input {
	const u8 *data;
	size_t left;
};

static inline void take(struct input *in, void *dst, size_t len)
{
	size_t n = min_size(len, in->left);

	memset(dst, 0, len);
	memcpy(dst, in->data, n);
	in->data += n;
	in->left -= n;
}

static inline u8 take_u8(struct input *in)
{
	u8 v;

	take(in, &v, sizeof(v));
	return v;
}

static inline u16 take_u16(struct input *in)
{
	u16 v;

	take(in, &v, sizeof(v));
	return v;
}

static inline u32 take_u32(struct input *in)
{
	u32 v;

	take(in, &v, sizeof(v));
	return v;
}

static inline u64 take_u64(struct input *in)
{
	u64 v;

	take(in, &v, sizeof(v));
	return v;
}

/* What must hold whatever the input was. */
#define MUST(cond) do {							\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__,	\
			__LINE__, #cond);				\
		abort();						\
	}								\
} while (0)

#endif
