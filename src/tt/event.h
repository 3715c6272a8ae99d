/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Something to do at an instant of simulated time. */
#ifndef TT_EVENT_H
#define TT_EVENT_H

#include "../base/heap.h"

/** struct tt_event - see tt_event_arm(); events of one time run in the order of arming */
struct tt_event {
	struct heap_node node;
	void (*fn)(struct tt_event *ev);
};

#endif
