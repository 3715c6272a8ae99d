/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What dev.h promises to devices, with a clock that a test moves by hand. */
#ifndef FAKE_BUS_H
#define FAKE_BUS_H

#include "../../src/dev/dev.h"
#include "fake_ring.h"

/*
 * Devices run here without sessions: a test is their calendar and the driver
 * of their queues. A buffer is a slot: two descriptors, the first for a
 * readable part at fake_out(), the second for a writable part at fake_in(). Either
 * may be empty, and there is room for FAKE_SLOT_BYTES in each.
 */
#define FAKE_VQ_NUM	64u
#define FAKE_SLOTS	(FAKE_VQ_NUM / 2)
#define FAKE_SLOT_BYTES	4096u

struct dev_bus *fake_bus_new(u64 seed);

/** fake_bus_free() - with all devices, then all that they shared */
void fake_bus_free(struct dev_bus *b);

/** fake_bus_holds() - by devices, and not put: time would stand */
unsigned int fake_bus_holds(const struct dev_bus *b);

/** fake_bus_timers() - how many are armed */
unsigned int fake_bus_timers(const struct dev_bus *b);

/*
 * Files of the host are real ones. What is to be done with them is done before
 * time goes on, or by fake_bus_file(): one operation, false when there is none.
 * They fail with fake_file_err, if that is not 0.
 */
extern int fake_file_err;
bool fake_bus_file(struct dev_bus *b);
unsigned int fake_bus_syncs(const struct dev_bus *b);

/** fake_sock_ready() - who waits for a socket waits no longer; false: nobody does */
bool fake_sock_ready(void);

/** fake_bus_step() - run all timers of the next instant; false: there are none */
bool fake_bus_step(struct dev_bus *b);

/** fake_bus_timer() - run the next timer, and leave files alone */
bool fake_bus_timer(struct dev_bus *b);

/** fake_bus_run() - until no timer is armed */
void fake_bus_run(struct dev_bus *b);

/** fake_bus_run_until() - to @when: timers due then have run */
void fake_bus_run_until(struct dev_bus *b, u64 when);

/** fake_dev_new() - NULL when probe refuses or an option is unknown */
struct dev *fake_dev_new(struct dev_bus *b, const struct dev_ops *ops,
			 const char *spec, const char *name);
void fake_dev_free(struct dev *d);

/** fake_dev_connect() - a front-end sets all queues up, with @features */
void fake_dev_connect(struct dev *d, u64 features);
void fake_dev_disconnect(struct dev *d);

/** fake_dev_kick() - what the driver's kick leads to, now */
void fake_dev_kick(struct dev *d, unsigned int q);

/** fake_dev_suspend() - queue @q is taken away and disabled */
void fake_dev_suspend(struct dev *d, unsigned int q);
/** fake_dev_resume() - it is enabled, and looked at if anything is pending */
void fake_dev_resume(struct dev *d, unsigned int q);

struct fake_ring *fake_dev_ring(struct dev *d, unsigned int q);

/** fake_dev_offered() - features of the type and of the device */
u64 fake_dev_offered(const struct dev *d);
/** fake_dev_config_set() - the driver writes to the configuration space */
int fake_dev_config_set(struct dev *d, size_t off, const void *src, size_t len);

u64 fake_out_gpa(unsigned int q, unsigned int slot);
u64 fake_in_gpa(unsigned int q, unsigned int slot);
u8 *fake_out(struct dev *d, unsigned int q, unsigned int slot);
u8 *fake_in(struct dev *d, unsigned int q, unsigned int slot);

/** fake_offer() - make @slot available, without a kick */
void fake_offer(struct dev *d, unsigned int q, unsigned int slot, u32 out_len,
		u32 in_len);

/** fake_take() - next used buffer: its slot, or -1; @len: bytes written */
int fake_take(struct dev *d, unsigned int q, u32 *len);

/** fake_stat() - counter @name of device or shared object; -1: there is none */
long long fake_dev_stat(const struct dev *d, const char *name);
long long fake_shared_stat(const struct dev_bus *b, const char *type,
			   const char *name, const char *stat);

#endif
