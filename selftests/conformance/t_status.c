// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Device status: SET_STATUS and GET_STATUS. */
#include "conf.h"

#define SECT_SET	"Front-end message types, SET_STATUS"
#define SECT_GET	"Front-end message types, GET_STATUS"

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

static struct fe *open_status(void)
{
	struct fe *fe = fe_open(0);

	need_pf(fe, PF_STATUS, "STATUS");
	return fe;
}

TEST(S, status_of_a_new_session, SECT_GET,
     "The status of a device that nobody has set up is 0.")
{
	struct fe *fe = open_status();
	u64 v = get_u64(fe, GET_STATUS);

	if (v & ~0xffULL)
		fail("expected a status of 8 bits; came %#llx", (unsigned long long)v);
}

TEST(S, status_is_kept, SECT_SET,
     "GET_STATUS says what SET_STATUS has set.")
{
	static const u64 steps[] = { 0, 1, 3, 11, 15, 0 };
	struct fe *fe = open_status();
	unsigned int i;
	u64 v;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		/* As a driver does it; a reset has undone what there was. */
		if (steps[i] & FEATURES_OK)
			must_u64(fe, SET_FEATURES, fe->features);
		must_u64(fe, SET_STATUS, steps[i]);
		v = get_u64(fe, GET_STATUS);
		if (v != steps[i])
			fail("GET_STATUS: expected %#llx; came: %#llx",
			     (unsigned long long)steps[i], (unsigned long long)v);
	}
}

TEST(S, work_under_a_driver, SECT_SET,
     "A device works when the status says that the driver is ready, and can be reset by status 0.")
{
	struct fe *fe;
	struct queue *q;
	unsigned int i;

	need_work();
	for (i = 0; i < 2; i++) {
		fe = open_status();
		q = work_queue(fe);
		must_u64(fe, SET_STATUS, 0);
		must_u64(fe, SET_STATUS, ACKNOWLEDGE | DRIVER);
		must_u64(fe, SET_FEATURES, fe->features);
		must_u64(fe, SET_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
		fe_mem(fe);
		queue_start(fe, q);
		must_u64(fe, SET_STATUS,
			 ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
		work(fe, q, "with the driver ready");
		queue_stop(fe, q);
		must_u64(fe, SET_STATUS, 0);
		fe_close(fe);
	}
}

TEST(S, set_up_again_after_reset, SECT_SET,
     "After a reset by status 0 the same session can be set up again.")
{
	struct fe *fe;
	struct queue *q;
	unsigned int i;

	need_work();
	fe = open_status();
	q = work_queue(fe);
	for (i = 0; i < 3; i++) {
		must_u64(fe, SET_STATUS, 3);
		must_u64(fe, SET_FEATURES, fe->features);
		must_u64(fe, SET_STATUS, 11);
		fe_mem(fe);
		queue_init(&fe->g, q, q->index, QUEUE_NUM, false);
		queue_start(fe, q);
		must_u64(fe, SET_STATUS, 15);
		work(fe, q, "set up again");
		must_u64(fe, SET_STATUS, 0);
	}
}

TEST(S, status_beyond_8_bits, SECT_SET,
     "A status of more than 8 bits is refused, or cut.")
{
	struct fe *fe = open_status();
	u64 v = 0x1234567890ULL;

	ask(fe, SET_STATUS, ACKED, &v, sizeof(v), NULL, 0);
}
