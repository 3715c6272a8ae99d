// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about memory: what the front-end shares with us. */
#include "../base/log.h"
#include "map.h"
#include "request.h"

int vu_req_set_mem_table(struct vu_session *s, int *fds)
{
	struct mem *old = s->mem;
	struct vu_vring *v;
	unsigned int i;
	int ret;

	ret = mem_map(&s->mem, s->msg.mem.region, s->msg.mem.nr, fds);
	if (ret < 0)
		return ret;
	for (i = 0; i < s->nr_vqs; i++) {
		v = &s->vring[i];
		vu_take_buffers(s, v);
		if (vq_set_mem(&v->vq, s->mem) < 0)
			log_warn(s->cfg->name, "queue %u is outside of the new memory table and has been stopped",
				 i);
	}
	mem_unmap(old);
	for (i = 0; i < s->nr_vqs; i++)
		vu_rescan(s, &s->vring[i]);
	return 0;
}
