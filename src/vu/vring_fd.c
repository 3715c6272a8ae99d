// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Event file descriptors of a vring, for front-ends that kick out of band. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vring_fd.h"

/* A regular file is always readable: waiting for it would never end. */
int vring_fd_usable(int fd)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0)
		return -errno;
	return S_ISREG(sb.st_mode) || S_ISDIR(sb.st_mode) ||
	       S_ISBLK(sb.st_mode) || S_ISCHR(sb.st_mode) ? -EINVAL : 0;
}

static void free_it(struct vring_fd *vf)
{
	close(vf->fd);
	vf->put(vf->owner);
	free(vf);
}

static void read_done(struct op *op, int res)
{
	struct vring_fd *vf = container_of(op, struct vring_fd, op);

	if (vf->dead) {
		free_it(vf);
		return;
	}
	/* End of file or an error: there will be no more kicks. */
	if (res <= 0 && res != -EINTR && res != -EAGAIN)
		return;
	ring_read(vf->ring, &vf->op, vf->fd, &vf->val, sizeof(vf->val));
	if (res > 0)
		vf->event(vf);
}

static void write_done(struct op *op, int res)
{
	struct vring_fd *vf = container_of(op, struct vring_fd, op);

	(void)res;
	if (vf->dead) {
		free_it(vf);
	} else if (vf->again) {
		vf->again = false;
		vring_fd_signal(vf);
	}
}

struct vring_fd *vring_fd_new(struct ring *r, int fd, unsigned int index,
			      void *owner, void (*put)(void *owner))
{
	struct vring_fd *vf = calloc(1, sizeof(*vf));

	if (!vf)
		return NULL;
	vf->ring = r;
	vf->fd = fd;
	vf->index = index;
	vf->owner = owner;
	vf->put = put;
	return vf;
}

void vring_fd_watch(struct vring_fd *vf,
		    void (*event)(struct vring_fd *vf))
{
	vf->event = event;
	vf->op.done = read_done;
	ring_read(vf->ring, &vf->op, vf->fd, &vf->val, sizeof(vf->val));
}

void vring_fd_signal(struct vring_fd *vf)
{
	if (vf->op.busy) {
		vf->again = true;
		return;
	}
	vf->val = 1;
	vf->op.done = write_done;
	ring_write(vf->ring, &vf->op, vf->fd, &vf->val, sizeof(vf->val));
}

void vring_fd_close(struct vring_fd *vf)
{
	if (!vf)
		return;
	vf->dead = true;
	if (vf->op.busy)
		ring_cancel(vf->ring, &vf->op);
	else
		free_it(vf);
}
