// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about the record of buffers in flight, which outlives this process. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include "map.h"
#include "request.h"

/*
 * DOC: The record
 *
 * The front-end asks for memory (GET_INFLIGHT_FD), keeps it, and gives it to
 * whoever serves it (SET_INFLIGHT_FD): to us at once, and to who comes after us
 * when we have died. What is in it is the queues' business; here it is a file,
 * a piece of which each queue gets. By the time it comes back it is as little
 * to be trusted as anything else.
 */

static int check_area(struct vu_session *s)
{
	const struct vhost_user_inflight *a = &s->msg.inflight.area;

	if (vu_need(s, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
		    "INFLIGHT_SHMFD") < 0)
		return -EPROTO;
	if (!a->num_queues || a->num_queues > s->nr_vqs)
		return vu_refuse(s, "a record for %u queues, of which there are %u",
				 a->num_queues, s->nr_vqs);
	if (!a->queue_size || a->queue_size > VQ_MAX_NUM)
		return vu_refuse(s, "a record for queues of %u", a->queue_size);
	return 0;
}

/* Bytes per queue. */
static size_t record_len(const struct vu_session *s)
{
	return vq_inflight_len(s->features & BIT_ULL(VIRTIO_F_RING_PACKED),
			       s->msg.inflight.area.queue_size);
}

/* All zero, and nobody can make it shorter under us. */
static int new_file(size_t len)
{
	int fd = memfd_create("umtt-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

int vu_req_get_inflight_fd(struct vu_session *s, int *fds)
{
	struct vhost_user_inflight a = s->msg.inflight.area;
	int fd;

	(void)fds;
	if (check_area(s) < 0)
		return -EPROTO;
	a.mmap_size = a.num_queues * record_len(s);
	a.mmap_offset = 0;
	fd = new_file(a.mmap_size);
	if (fd < 0)
		return fd;
	vu_reply_fd(s, &a, s->msg.inflight.size, fd);
	close(fd);
	return 0;
}

/* The piece of the record for queue @i, NULL: it has none */
static void *piece(const struct vu_inflight *r, unsigned int i)
{
	return i < r->nr_queues ? r->map->at + i * r->len : NULL;
}

static int check_record(const struct vu_session *s, const struct vu_inflight *r)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < s->nr_vqs && !ret; i++)
		ret = vq_check_inflight(&s->vring[i].vq, piece(r, i), r->len);
	return ret;
}

static int use_record(struct vu_session *s, const struct vu_inflight *r)
{
	unsigned int i;
	int ret = 0;

	s->inflight = *r;
	for (i = 0; i < s->nr_vqs && !ret; i++)
		ret = vq_set_inflight(&s->vring[i].vq, piece(r, i), r->len);
	return ret;
}

void vu_forget_inflight(struct vu_session *s)
{
	static const struct vu_inflight none;
	struct map *map = s->inflight.map;

	(void)use_record(s, &none);
	map_put(map);
}

int vu_req_set_inflight_fd(struct vu_session *s, int *fds)
{
	const struct vhost_user_inflight *a = &s->msg.inflight.area;
	struct vu_inflight old = s->inflight, new = {
		.nr_queues = a->num_queues, .num = a->queue_size,
		.len = record_len(s),
	};
	unsigned int i;
	int ret;

	if (check_area(s) < 0)
		return -EPROTO;
	for (i = 0; i < s->nr_vqs; i++)
		if (vu_in_use(s, &s->vring[i]))
			return -EPROTO;
	if (a->mmap_offset % (u64)sysconf(_SC_PAGESIZE))
		return vu_refuse(s, "a record that does not begin with a page");
	if (a->mmap_size < new.nr_queues * new.len)
		return vu_refuse(s, "a record that is too short for its queues");
	ret = map_file(&new.map, fds[0], a->mmap_offset, a->mmap_size);
	if (ret < 0)
		return ret;
	ret = check_record(s, &new);
	if (ret < 0) {
		map_put(new.map);
		return ret;
	}
	ret = use_record(s, &new);
	map_put(old.map);
	return ret;
}
