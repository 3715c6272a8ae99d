/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Event file descriptors of a vring, for front-ends that kick out of band. */
#ifndef VU_VRING_FD_H
#define VU_VRING_FD_H

#include "../ring/ring.h"

/**
 * struct vring_fd - one event fd; lives until the kernel is done with it
 * @event: it was signalled (kick); called from the loop
 * @ended: it cannot be used any more: end of file, or @err; may be NULL
 * @put: the last thing that is done before it is freed, with @owner
 */
struct vring_fd {
	struct ring *ring;
	int fd;
	struct op op;
	bool dead, again;
	u64 val;
	unsigned int index;
	void *owner;
	void (*event)(struct vring_fd *vf);
	void (*put)(void *owner);
};

/**
 * vring_fd_new() - take over @fd
 *
 * Return: NULL when out of memory; @fd is then still the caller's
 */
struct vring_fd *vring_fd_new(struct ring *r, int fd, unsigned int index,
			      void *owner, void (*put)(void *owner));

/** vring_fd_watch() - call @event for each kick */
void vring_fd_watch(struct vring_fd *vf,
		    void (*event)(struct vring_fd *vf));

/** vring_fd_signal() - write an event (call, error) */
void vring_fd_signal(struct vring_fd *vf);

/** vring_fd_close() - done with it; NULL is fine */
void vring_fd_close(struct vring_fd *vf);

/** vring_fd_usable() - can @fd be what a front-end should send; 0 or -EINVAL */
int vring_fd_usable(int fd);

#endif
