// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A client of a calendar in the same process. */
#include "../cal/server.h"
#include "local.h"

static void local_send(struct tt *tt, const struct tt_msg *m)
{
	cal_server_local_send(tt->priv, m);
}

static u64 local_horizon(struct tt *tt)
{
	return cal_server_horizon(tt->priv);
}

static bool local_get(struct tt *tt, u64 *now)
{
	*now = max_u64(*now, cal_server_now(tt->priv));
	return true;
}

static void local_called(struct tt *tt, pid_t pid)
{
	cal_server_called(tt->priv, pid);
}

static u64 local_reach(struct tt *tt, pid_t pid)
{
	return cal_server_reach(tt->priv, pid);
}

static bool local_silent(const struct tt *tt)
{
	(void)tt;
	return true;
}

static const struct tt_transport local_transport = {
	.send = local_send,
	.horizon = local_horizon,
	.get = local_get,
	.silent = local_silent,
	.called = local_called,
	.reach = local_reach,
};

static void input(void *owner, const struct tt_msg *m)
{
	(void)tt_input(owner, m);
}

int tt_local_open(struct tt *tt, struct ring *r, struct cal_server *s)
{
	tt_init(tt, r, &local_transport, s);
	return cal_server_add_local(s, input, tt);
}
