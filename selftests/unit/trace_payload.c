// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Payloads of vhost-user messages in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/trace/payload.h"
#include "../../src/wire/vhost_user.h"
#include "kselftest_harness.h"

static char text[256];

static const char *words(unsigned int kind, u32 request, const void *data,
			 size_t len)
{
	u8 *exact = malloc(len ? len : 1);
	struct trace_rec rec = {
		.kind = kind, .desc = trace_kind_desc(kind),
		.v = { 0, request }, .data = exact, .len = len,
	};
	FILE *f;

	memcpy(exact, data, len);
	memset(text, 0, sizeof(text));
	f = fmemopen(text, sizeof(text), "w");
	if (!trace_print_payload(f, &rec))
		fputs("no", f);
	fclose(f);
	free(exact);
	return text;
}

TEST(requests)
{
	struct vhost_user_vring_state s = { 3, 256 };
	struct vhost_user_vring_addr a = { 1, 0, 0x1000, 0x3000, 0x2000, 0 };
	u64 v = 0x102;

	EXPECT_STREQ(" queue=3 num=256", words(TRACE_VU_REQUEST,
		VHOST_USER_SET_VRING_NUM, &s, sizeof(s)));
	EXPECT_STREQ(" queue=1 desc=0x1000 avail=0x2000 used=0x3000",
		words(TRACE_VU_REQUEST, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a)));
	EXPECT_STREQ(" queue=2 no-fd", words(TRACE_VU_REQUEST,
		VHOST_USER_SET_VRING_CALL, &v, sizeof(v)));
	EXPECT_STREQ(" bits=0x102", words(TRACE_VU_REQUEST,
		VHOST_USER_SET_FEATURES, &v, sizeof(v)));
}

TEST(replies)
{
	u64 v = 1;

	EXPECT_STREQ(" ack=1", words(TRACE_VU_REPLY,
		VHOST_USER_SET_VRING_NUM, &v, sizeof(v)));
	EXPECT_STREQ(" bits=0x1", words(TRACE_VU_REPLY,
		VHOST_USER_GET_FEATURES, &v, sizeof(v)));
	EXPECT_STREQ("no", words(TRACE_VU_REPLY,
		VHOST_USER_GET_CONFIG, &v, sizeof(v)));
}

/* Of any length, and with any number of regions */
TEST(malformed)
{
	u8 data[64];
	size_t len;
	u32 r;

	memset(data, 0xff, sizeof(data));
	for (r = 0; r < 60; r++) {
		for (len = 0; len <= sizeof(data); len++) {
			words(TRACE_VU_REQUEST, r, data, len);
			words(TRACE_VU_REPLY, r, data, len);
		}
	}
	data[0] = 2;
	data[1] = data[2] = data[3] = 0;
	EXPECT_STREQ("no", words(TRACE_VU_REQUEST, VHOST_USER_SET_MEM_TABLE,
				 data, sizeof(data)));
}

TEST_HARNESS_MAIN
