// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about memory: what the front-end shares with us. */
#include <errno.h>

#include "map.h"
#include "request.h"

/*
 * DOC: Rings whose memory is gone
 *
 * A ring may lose its memory, by a new table or by REM_MEM_REG. Then it cannot
 * be used, but what the front-end has said of it still holds: when its
 * addresses are in the table again, it goes on where it was.
 */

static void come_back(struct vu_session *s, struct vu_vring *v)
{
	const struct vhost_user_vring_addr *a = &v->addr;

	if (!s->mem ||
	    vq_set_addr(&v->vq, s->mem, a->desc, a->avail, a->used) < 0)
		return;
	v->away = false;
	if (v->resume)
		(void)vq_start(&v->vq);
	v->resume = false;
}

static void new_mem(struct vu_session *s, struct vu_vring *v)
{
	bool started = v->vq.started;

	vu_take_buffers(s, v);
	if (vq_set_mem(&v->vq, s->mem) < 0) {
		v->away = true;
		v->resume = started;
		vu_warn(s, "queue %u is outside of the memory that is shared now",
			v->vq.index);
	} else if (v->away) {
		come_back(s, v);
	}
}

static void use_mem(struct vu_session *s, struct mem *mem)
{
	struct mem *old = s->mem;
	unsigned int i;

	s->mem = mem;
	for (i = 0; i < s->nr_vqs; i++)
		new_mem(s, &s->vring[i]);
	mem_unmap(old);
	for (i = 0; i < s->nr_vqs; i++)
		vu_rescan(s, &s->vring[i]);
}

int vu_req_set_mem_table(struct vu_session *s, int *fds)
{
	struct mem *mem;
	int ret;

	ret = mem_map(&mem, s->msg.mem.region, s->msg.mem.nr, fds);
	if (ret < 0)
		return ret;
	use_mem(s, mem);
	return 0;
}

static int need_slots(struct vu_session *s)
{
	return vu_need(s, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
		       "CONFIGURE_MEM_SLOTS");
}

int vu_req_get_max_mem_slots(struct vu_session *s, int *fds)
{
	(void)fds;
	if (need_slots(s) < 0)
		return -EPROTO;
	return vu_reply_u64(s, MEM_MAX_REGIONS);
}

int vu_req_add_mem_reg(struct vu_session *s, int *fds)
{
	struct mem *mem;
	int ret;

	if (need_slots(s) < 0)
		return -EPROTO;
	ret = mem_add(&mem, s->mem, &s->msg.region, fds[0]);
	if (ret == -ENOSPC)
		return vu_refuse(s, "there are %u regions already",
				 MEM_MAX_REGIONS);
	if (ret < 0)
		return ret;
	use_mem(s, mem);
	return 0;
}

int vu_req_rem_mem_reg(struct vu_session *s, int *fds)
{
	struct mem *mem;
	int ret;

	(void)fds;
	if (need_slots(s) < 0)
		return -EPROTO;
	ret = mem_del(&mem, s->mem, &s->msg.region);
	if (ret == -ENOENT)
		return vu_refuse(s, "there is no such region");
	if (ret < 0)
		return ret;
	use_mem(s, mem);
	return 0;
}
