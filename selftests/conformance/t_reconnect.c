// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Connections that come and go: R19, and the end at every byte. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"

#define SECT	"Communication"

TEST(R19, a_thousand_sessions, SECT,
     "After 1000 sessions the back-end holds as many files and as much memory as before.")
{
	int fds = target_fds("");
	unsigned int i;
	struct fe *fe;

	for (i = 0; i < 1000; i++) {
		fe = fe_connect();
		if (i % 10 == 0) {
			fe_negotiate(fe, 0);
			fe_mem(fe);
		}
		fe_close(fe);
		free(fe);
	}
	if (fds >= 0)
		wait_target_fds("", fds, "after 1000 sessions");
}

TEST(R19, sessions_that_are_cut, SECT,
     "A session that ends while its rings are running leaves nothing behind.")
{
	unsigned int i, k;
	struct queue *q;
	struct fe *fe;

	for (i = 0; i < 30; i++) {
		fe = fe_start(0);
		q = work_queue(fe);
		for (k = 0; k < i % 8; k++)
			work_put(fe, q, k);
		queue_kick(fe, q);
		fe_close(fe);
	}
}

TEST(R19, nothing_is_kept, SECT,
     "A new connection starts from nothing: no features, no memory, no rings of the one before.")
{
	struct fe *fe = fe_start(0);
	struct vhost_user_vring_addr a;
	struct outcome o;

	work(fe, work_queue(fe), "the first session");
	fe_close(fe);
	fe = fe_connect();
	fe_negotiate(fe, 0);
	a = vring_addr(work_queue(fe));
	must_state(fe, SET_VRING_NUM, a.index, QUEUE_NUM);
	o = ask(fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0);
	if (opt.strict && !o.closed && is_ack(&o, SET_VRING_ADDR, true))
		fail("expected the addresses to be refused, as there is no memory; came: %s",
		     describe(&o));
	if (target_maps(MEM_NAME) > 0)
		fail("expected no memory to be mapped in a new session; there is");
}

TEST(R19, a_ring_goes_on_in_the_next_session, SECT,
     "A ring that has been used before goes on from SET_VRING_BASE in the next session.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		work(fe, q, "in one session");
		work(fe, q, "in one session");
		fe_close(fe);
		fe = fe_open(0);
		q = work_queue(fe);
		q->next_avail = q->next_used = (u16)(2 * (i + 1));
		q->base = q->next_used;
		q->avail->idx = q->used->idx = q->next_used;
		queue_start(fe, q);
	}
}

/* A session as bytes, to be cut anywhere. */

#define MAX_BYTES	1024

struct script {
	u8 bytes[MAX_BYTES];
	size_t len;
	size_t fds_at[8];	/* where a message with an fd begins */
	unsigned int nr_fds;
};

static void add(struct script *s, u32 request, const void *payload, u32 size,
		bool fd)
{
	struct vhost_user_hdr h = { request, PLAIN, size };

	if (fd)
		s->fds_at[s->nr_fds++] = s->len;
	memcpy(s->bytes + s->len, &h, sizeof(h));
	if (size)
		memcpy(s->bytes + s->len + sizeof(h), payload, size);
	s->len += sizeof(h) + size;
}

static void add_u64(struct script *s, u32 request, u64 v, bool fd)
{
	add(s, request, &v, sizeof(v), fd);
}

static void add_state(struct script *s, u32 request, u32 num)
{
	struct vhost_user_vring_state st = { 0, num };

	add(s, request, &st, sizeof(st), false);
}

static void write_script(struct script *s, struct fe *fe)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r;
	} m = { .h.nregions = 1, .r = guest_region(0) };
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);

	memset(s, 0, sizeof(*s));
	add(s, GET_FEATURES, NULL, 0, false);
	add(s, SET_OWNER, NULL, 0, false);
	add_u64(s, SET_FEATURES, fe->features, false);
	add(s, SET_MEM_TABLE, &m, sizeof(m), true);
	add_state(s, SET_VRING_NUM, QUEUE_NUM);
	add_state(s, SET_VRING_BASE, 0);
	add(s, SET_VRING_ADDR, &a, sizeof(a), false);
	add_u64(s, SET_VRING_CALL, 0, true);
	add_u64(s, SET_VRING_KICK, 0, true);
	add_state(s, SET_VRING_ENABLE, 1);
	add_state(s, GET_VRING_BASE, 0);
}

/* Message by message up to byte @end, each file with the message it belongs to. */
static void play(struct fe *fe, const struct script *s, size_t end)
{
	size_t at = 0, next;
	unsigned int i;
	struct vhost_user_hdr h;
	int fds[1];

	for (; at < end; at = next) {
		memcpy(&h, s->bytes + at, sizeof(h));
		next = at + sizeof(h) + h.size;
		for (i = 0; i < s->nr_fds && s->fds_at[i] != at; i++)
			;
		fds[0] = i == 0 ? fe->g.fd[0] : fe->q[0].err;
		send_raw(fe, s->bytes + at, (next < end ? next : end) - at, fds,
			 i < s->nr_fds);
	}
}

TEST(R19, the_end_at_every_byte, SECT,
     "A session may end after any byte of it; nothing is left of it then.")
{
	struct fe *fe = fe_open(0);
	struct script s;
	size_t end;
	int fds;

	write_script(&s, fe);
	fe_close(fe);
	/* An idle back-end's, plus a session's: a bound that is good enough. */
	fe = fe_open(0);
	fds = target_fds("");
	fe_close(fe);
	for (end = 1; end <= s.len; end++) {
		fe = fe_connect();
		queue_init(&fe->g, &fe->q[0], 0, QUEUE_NUM, false);
		fe->q[0].err = eventfd(0, EFD_CLOEXEC);
		play(fe, &s, end);
		fe_close(fe);
		free(fe);
	}
	if (fds >= 0)
		wait_target_fds("", fds, "after sessions that ended at every byte");
}

TEST(R19, connection_without_a_word, SECT,
     "Connections that say nothing and end do no harm.")
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		close(raw_connect());
}

TEST(R19, second_front_end, SECT,
     "A second front-end is served, or turned away, or waits; the first one does not notice.")
{
	struct fe *fe = fe_start(0);
	int second = raw_connect();
	struct vhost_user_hdr h = { GET_FEATURES, PLAIN, 0 };

	if (send(second, &h, sizeof(h), MSG_NOSIGNAL) < 0)
		note("the second one is turned away");
	work(fe, work_queue(fe), "beside a second front-end");
	close(second);
	work(fe, work_queue(fe), "after a second front-end");
}
