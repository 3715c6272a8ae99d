// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A broken queue: who hears of it, when, and how often. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

/* So much later a queue that is in use is broken, where there is no calendar. */
#define LEAVING_MS	1000

/* There is no such descriptor. */
static void put_nonsense(struct fvu *f, u32 vq)
{
	fvu_avail(f, vq, FVU_NUM);
}

static void err_comes(struct fvu *f, u32 vq)
{
	struct {
		struct vhost_user_hdr h;
		struct vhost_user_vring_state s;
	} m;

	read_bytes(f->slave, "the slave (slave channel)", &m, sizeof(m));
	check_eq(VHOST_USER_SLAVE_VRING_ERR, m.h.request);
	check_eq(VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, m.h.flags);
	check_eq(sizeof(m.s), m.h.size);
	check_eq(vq, m.s.index);
}

static void answer_err(struct fvu *f, u64 status)
{
	struct {
		struct vhost_user_hdr h;
		u8 status[8];
	} a = {
		.h = { VHOST_USER_SLAVE_VRING_ERR,
		       VHOST_USER_VERSION | VHOST_USER_REPLY, 8 },
	};

	memcpy(a.status, &status, sizeof(status));
	send_bytes(f->slave, &a, sizeof(a), NULL, 0);
}

/* Like a call: after UPDATE, and the instant waits for the answer. */
TEST(in_simulated_time)
{
	struct sim s;

	sim_open(&s, NULL);
	put_nonsense(&s.f, 0);
	fvu_kick(&s.f, 0);
	cal_kick(&s.cal, 70, 70);
	fvu_kicked(&s.f);
	cal_run(&s.cal, 70, NEVER);
	err_comes(&s.f, 0);
	umtt_says(&s.slave, "queue 0 is broken");
	ttp_quiet(&s.cal);
	/* UML does not know it. That is no reason to stop. */
	answer_err(&s.f, 1);
	cal_expect(&s.cal, TT_WAIT, U64_MAX, 0);
	/* The other queue works. */
	echo_put(&s.f, 1, 0, 5);
	fvu_kick(&s.f, 1);
	cal_kick(&s.cal, 80, 80);
	fvu_kicked(&s.f);
	cal_run(&s.cal, 80, NEVER);
	cal_expect(&s.cal, TT_UPDATE, 85, 0);
	fvu_called(&s.f, 1);
	fvu_answer(&s.f, 0);
	cal_expect(&s.cal, TT_WAIT, U64_MAX, 0);
	sim_close(&s);
}

/* Broken is broken: no second time. */
TEST(once)
{
	struct sim s;
	u64 now;

	sim_open(&s, NULL);
	put_nonsense(&s.f, 0);
	for (now = 70; now < 90; now += 10) {
		fvu_kick(&s.f, 0);
		cal_kick(&s.cal, now, now);
		fvu_kicked(&s.f);
		cal_run(&s.cal, now, NEVER);
		if (now == 70) {
			err_comes(&s.f, 0);
			answer_err(&s.f, 0);
		}
		cal_expect(&s.cal, TT_WAIT, U64_MAX, 0);
	}
	nothing_comes(s.f.slave, "the slave", 0);
	umtt_says(&s.slave, "queue 0 is broken");
	sim_close(&s);
}

static void refused(struct fvu *f)
{
	struct vhost_user_vring_state st = { 0, 3 };

	fvu_send(f, VHOST_USER_SET_VRING_NUM, VHOST_USER_NEED_REPLY, &st,
		 sizeof(st), NULL, 0);
	fvu_acked(f, VHOST_USER_SET_VRING_NUM, 1);
}

TEST(warnings_come_to_an_end)
{
	unsigned int i, lines = 0;
	struct sim s;
	const char *p;

	sim_open(&s, NULL);
	for (i = 0; i < 300; i++)
		refused(&s.f);
	s.slave.may_complain = true;
	fvu_close(&s.f);
	umtt_says(&s.slave, "200 more warnings were not shown");
	for (p = s.slave.text; (p = strchr(p, '\n')); p++)
		lines++;
	check(lines > 100 && lines < 110);
	umtt_term(&s.slave, 0);
	close(s.cal.fd);
}

/* Without a calendar: to those that have an event fd for it at once */
FIXTURE(plain) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(plain)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	fvu_open(&self->f, "a");
}

FIXTURE_TEARDOWN(plain)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

TEST_F(plain, by_message)
{
	put_nonsense(&self->f, 0);
	fvu_kick(&self->f, 0);
	fvu_kicked(&self->f);
	err_comes(&self->f, 0);
	umtt_says(&self->slave, "queue 0 is broken");
	answer_err(&self->f, 1);
	nothing_comes(self->f.slave, "the slave", QUIET_MS);
}

/* The device has looked at queue 0. */
static void broken_unnoticed(struct fvu *f)
{
	put_nonsense(f, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	echo_put(f, 1, 0, 0);
	fvu_kick(f, 1);
	fvu_kicked(f);
	fvu_called(f, 1);
	fvu_answer(f, 0);
}

/*
 * As UML leaves a queue: what was in it is gone, and then it is disabled. That
 * is not for anybody to hear of.
 */
TEST_F(plain, a_driver_that_leaves_has_broken_nothing)
{
	struct fvu *f = &self->f;

	broken_unnoticed(f);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	nothing_comes(f->slave, "the slave", LEAVING_MS + QUIET_MS);
	fvu_rings_clear(f, 0);
	fvu_queue(f, 0);
	echo_put(f, 0, 0, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
}

/* One that only sleeps hears of it when it is back. */
TEST_F(plain, a_kernel_that_suspends_hears_of_it_later)
{
	struct fvu *f = &self->f;

	broken_unnoticed(f);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	nothing_comes(f->slave, "the slave", LEAVING_MS + QUIET_MS);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	err_comes(f, 0);
	umtt_says(&self->slave, "queue 0 is broken");
	answer_err(f, 1);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 0, true);
	fvu_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 1, true);
	nothing_comes(f->slave, "the slave", LEAVING_MS + QUIET_MS);
}

TEST_F(plain, by_event_fd_where_there_is_one)
{
	int fd = eventfd(0, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	u64 v = 0;

	fvu_send(&self->f, VHOST_USER_SET_VRING_ERR, VHOST_USER_NEED_REPLY, &v,
		 sizeof(v), &fd, 1);
	fvu_acked(&self->f, VHOST_USER_SET_VRING_ERR, 0);
	put_nonsense(&self->f, 0);
	fvu_kick(&self->f, 0);
	fvu_kicked(&self->f);
	check_eq(1, poll(&p, 1, 5000));
	umtt_says(&self->slave, "queue 0 is broken");
	nothing_comes(self->f.slave, "the slave", QUIET_MS);
	close(fd);
}

TEST_HARNESS_MAIN
