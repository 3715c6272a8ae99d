/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the host does with a "keys" device: type, and let time go on. */
#ifndef DEV_KEYS_H
#define DEV_KEYS_H

#include "dev.h"

/**
 * struct keys_host - who types
 * @turn: the device has its turn number @n, and types what there is to be typed;
 *	more can be added by keys_put(); may be NULL
 * @waits: the guest has all that was typed and waits for more. Simulated time
 *	stands from now on, until keys_go().
 */
struct keys_host {
	void *owner;
	void (*turn)(void *owner, u64 n);
	void (*waits)(void *owner, u64 now);
};

/** keys_attach() - type at @d, which must be a keys device */
void keys_attach(struct dev *d, const struct keys_host *h);

/** keys_put() - bytes for the guest: see channel.h; they wait for keys_go(), or a turn */
void keys_put(struct dev *d, const void *data, size_t len);

/** keys_backlog() - bytes that have not been typed yet */
size_t keys_backlog(const struct dev *d);

/** keys_held() - does simulated time stand because the guest waits */
bool keys_held(const struct dev *d);

/**
 * keys_go() - let simulated time go on up to @until, if it stands
 *
 * Then what was put is typed; if nothing was, the guest waits again.
 */
void keys_go(struct dev *d, u64 until);

#endif
