// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A front-end that takes back the memory it has shared loses its session only. */
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(shrunk) {
	struct umtt slave;
	struct fvu a, b;
};

FIXTURE_SETUP(shrunk)
{
	umtt_start(&self->slave, "slave", "--device", device("echo", "a", NULL),
		   "--device", device("echo", "b", NULL), NULL);
	fvu_open(&self->a, "a");
	fvu_open(&self->b, "b");
}

FIXTURE_TEARDOWN(shrunk)
{
	umtt_term(&self->slave, 0);
	fvu_close(&self->a);
	fvu_close(&self->b);
}

static void use(struct fvu *f, unsigned int slot)
{
	echo_put(f, 0, slot, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

/* All zeros instead; the next message ends the session. Others do not notice. */
static void loses_session(struct umtt *slave, struct fvu *a, struct fvu *b)
{
	umtt_says(slave, "queue 0 is broken: avail index jumps");
	fvu_send(a, VHOST_USER_GET_FEATURES, VHOST_USER_VERSION, NULL, 0,
		 NULL, 0);
	comes_to_an_end(a->fd, "the slave");
	umtt_says(slave, "has taken away memory that it had shared");
	use(b, 1);
}

TEST_F(shrunk, rings_and_all)
{
	use(&self->a, 0);
	use(&self->b, 0);
	check(ftruncate(self->a.memfd, 0) == 0);
	fvu_kick(&self->a, 0);
	fvu_kicked(&self->a);
	loses_session(&self->slave, &self->a, &self->b);
}

TEST_F(shrunk, buffers_only)
{
	use(&self->a, 0);
	use(&self->b, 0);
	/* The request is where there is memory, its response is not. */
	check(FVU_DATA > 0x20000);
	echo_put(&self->a, 0, 1, 0);
	check(ftruncate(self->a.memfd, FVU_HIDDEN + 0x20000) == 0);
	fvu_kick(&self->a, 0);
	fvu_kicked(&self->a);
	loses_session(&self->slave, &self->a, &self->b);
}

TEST_HARNESS_MAIN
