// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests about the dirty log, by which a front-end that migrates learns what we write. */
#include <errno.h>

#include "map.h"
#include "request.h"

void vu_log_update(struct vu_session *s, struct vu_vring *v)
{
	bool on = s->log_map && s->features & BIT_ULL(VHOST_USER_F_LOG_ALL);
	bool used = v->have_addr && v->addr.flags & VHOST_USER_VRING_F_LOG;

	vq_set_log(&v->vq, on ? &s->log : NULL, used, v->addr.log);
}

static int need_log(struct vu_session *s)
{
	return vu_need(s, VHOST_USER_PROTOCOL_F_LOG_SHMFD, "LOG_SHMFD");
}

int vu_req_set_log_base(struct vu_session *s, int *fds)
{
	const struct vhost_user_log *l = &s->msg.log;
	struct map *old = s->log_map;
	unsigned int i;
	int ret;

	if (need_log(s) < 0)
		return -EPROTO;
	ret = map_file(&s->log_map, fds[0], l->offset, l->size);
	if (ret < 0)
		return ret;
	s->log = (struct dirty_log){ .bits = s->log_map->at, .len = l->size };
	for (i = 0; i < s->nr_vqs; i++)
		vu_log_update(s, &s->vring[i]);
	map_put(old);
	return vu_reply_u64(s, 0);
}

/* Who migrates looks at the log when it wants to: there is nobody to tell. */
int vu_req_set_log_fd(struct vu_session *s, int *fds)
{
	(void)fds;
	return need_log(s);
}
