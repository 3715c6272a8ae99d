// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Signals, as events of the loop. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "signals.h"

static void read_done(struct op *op, int res)
{
	struct signals *sg = container_of(op, struct signals, op);

	if (sg->fd < 0)
		return;
	if (res == sizeof(sg->info))
		sg->got(sg, (int)sg->info.ssi_signo);
	if (sg->fd >= 0)
		ring_read(sg->ring, &sg->op, sg->fd, &sg->info,
			  sizeof(sg->info));
}

int signals_open(struct signals *sg, struct ring *r, const sigset_t *set,
		 void (*got)(struct signals *sg, int signo))
{
	memset(sg, 0, sizeof(*sg));
	sg->fd = -1;
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	sg->fd = signalfd(-1, set, SFD_CLOEXEC);
	if (sg->fd < 0)
		return -errno;
	sg->ring = r;
	sg->got = got;
	sg->op.done = read_done;
	ring_read(r, &sg->op, sg->fd, &sg->info, sizeof(sg->info));
	return 0;
}

int signals_open_loop(struct signals *sg, struct ring *r, const int *more,
		      void (*got)(struct signals *sg, int signo))
{
	char why[256];
	sigset_t set;
	int ret;

	ret = ring_init(r, why, sizeof(why));
	if (ret < 0) {
		log_err(NULL, "%s", why);
		return ret;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	for (; more && *more; more++)
		sigaddset(&set, *more);
	ret = signals_open(sg, r, &set, got);
	if (ret < 0) {
		log_err(NULL, "signalfd: %s", strerror(-ret));
		ring_fini(r);
	}
	return ret;
}

void signals_close(struct signals *sg)
{
	if (sg->fd < 0)
		return;
	ring_cancel(sg->ring, &sg->op);
	close(sg->fd);
	sg->fd = -1;
}
