// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: a calendar whose clients say, store and leave as they like. */
#include <errno.h>

#include "../../src/cal/core.h"
#include "input.h"

#define CLIENTS	6u
#define SLOTS	8u
#define PENDING	64u

/**
 * struct client - what is known of one without looking into the calendar
 * @asked: seq of its messages that have not been acked, oldest first
 * @told: seq of the last message that it must ack; @acked: the last it did
 * @turn: it has been told that it runs, and has not said WAIT
 * @warned: FREE_UNTIL has come, and RUN must be next
 */
struct client {
	struct cal_client *c;
	bool local, shm, started, turn, warned;
	u32 seq, told, acked;
	u32 asked[PENDING];
	unsigned int nr_asked;
	u64 offset;
};

struct world {
	struct input in;
	struct cal *cal;
	struct cal_cfg cfg;
	struct client client[CLIENTS];
	u64 now;
};

static struct client *owner_of(const struct cal_out *o)
{
	struct client *c = cal_client_owner(o->to);

	MUST(c->c == o->to);
	return c;
}

static void got_turn(struct world *w, struct client *c)
{
	unsigned int i;

	for (i = 0; i < CLIENTS; i++)
		MUST(!w->client[i].turn);
	c->turn = true;
}

static void got_ack(struct world *w, struct client *c, const struct cal_out *o)
{
	unsigned int i;

	for (i = 0; i < c->nr_asked && c->asked[i] != o->msg.seq; i++)
		;
	/* Of something that it has said, in order, once. */
	MUST(i < c->nr_asked);
	c->nr_asked -= i + 1;
	memmove(c->asked, c->asked + i + 1, c->nr_asked * sizeof(u32));
	if (c->started)
		return;
	c->started = true;
	c->offset = c->local ? 0 : cal_now(w->cal);
	MUST(c->local == (o->fds == CAL_FDS_NONE));
	MUST(o->fds != CAL_FDS_SHM || (w->cfg.shm && !c->offset));
	got_turn(w, c);
}

static void got_run(struct world *w, struct client *c, const struct cal_out *o)
{
	u64 t = o->msg.time + c->offset;

	MUST(o->msg.time < S64_MAX);
	MUST(!w->cfg.time_limit || t <= w->cfg.time_limit);
	MUST(c->started);
	if (o->msg.seq) {
		MUST(c->warned);
		c->told = o->msg.seq;
	}
	c->warned = false;
	got_turn(w, c);
}

static void take_out(struct world *w)
{
	struct client *c;
	struct cal_out o;

	while (cal_output(w->cal, &o)) {
		c = owner_of(&o);
		switch (o.msg.op) {
		case TT_ACK:
			got_ack(w, c, &o);
			break;
		case TT_RUN:
			got_run(w, c, &o);
			break;
		case TT_FREE_UNTIL:
			MUST(o.msg.seq == c->told + 1);
			MUST(o.msg.time <= S64_MAX);
			c->told = o.msg.seq;
			c->warned = !c->turn;
			break;
		case TT_BROADCAST:
			MUST(o.msg.seq == c->told + 1);
			c->told = o.msg.seq;
			break;
		default:
			MUST(!"a message that clients do not understand");
		}
	}
}

static void leave(struct world *w, struct client *c)
{
	cal_client_gone(w->cal, c->c);
	memset(c, 0, sizeof(*c));
	take_out(w);
}

static void say(struct world *w, struct client *c, u32 op, u64 time)
{
	struct tt_msg m = { .op = op, .seq = ++c->seq, .time = time };
	bool turn = c->turn;

	/* Else who passes messages in would not have done so. */
	if (cal_client_parked(c->c) && op != TT_ACK)
		return;
	if (op == TT_ACK)
		m.seq = take_u8(&w->in) & 7 ? c->acked + 1 : (u32)time;
	else if (c->nr_asked < PENDING)
		c->asked[c->nr_asked++] = m.seq;
	if (op == TT_WAIT)
		c->turn = false;
	if (cal_input(w->cal, c->c, &m) < 0) {
		MUST(*cal_client_error(c->c));
		c->turn = turn;
		leave(w, c);
		return;
	}
	if (op == TT_ACK) {
		MUST(m.seq <= c->told);
		c->acked = m.seq;
	}
	take_out(w);
}

static u64 some_time(struct world *w, const struct client *c)
{
	u8 what = take_u8(&w->in);
	u64 t = w->now - c->offset;

	switch (what & 7) {
	case 0:
		return take_u64(&w->in);
	case 1:
		return S64_MAX - (what >> 6);
	case 2:
		return t;
	default:
		return t + (what >> 3);
	}
}

static void store(struct world *w)
{
	struct tt_shm *shm = w->cfg.shm;
	struct tt_shm_slot *s;

	if (!shm)
		return;
	s = &shm->slots[take_u8(&w->in) % SLOTS];
	switch (take_u8(&w->in) % 8) {
	case 0:
		take(&w->in, &shm->current_time, 8);
		break;
	case 1:
	case 2:
		shm->current_time += take_u8(&w->in) & 31;
		break;
	case 3:
		take(&w->in, &shm->free_until, 16);
		break;
	case 4:
		s->capa = take_u8(&w->in);
		break;
	default:
		s->req_time = w->now + (take_u8(&w->in) & 63);
		s->flags |= TT_SHM_REQ_RUN;
	}
}

static void step(struct world *w)
{
	u8 what = take_u8(&w->in);
	struct client *c = &w->client[what % CLIENTS];
	u32 op = take_u8(&w->in);

	if (!c->c) {
		memset(c, 0, sizeof(*c));
		c->local = what & 0x80 && c == w->client;
		c->c = cal_client_add(w->cal, c, (c->local ? CAL_LOCAL : 0) |
						 (what & 0x40 ? CAL_HINTED : 0));
		MUST(c->c);
		return;
	}
	switch (op % 16) {
	case 13:
		store(w);
		break;
	case 14:
		(void)cal_horizon(w->cal);
		(void)cal_reach(w->cal, c->c);
		cal_touched(w->cal, c->c);
		break;
	case 15:
		if (op & 0x10)
			leave(w, c);
		break;
	default:
		say(w, c, op % 16, some_time(w, c));
	}
}

static void check_world(struct world *w)
{
	u64 now = cal_now(w->cal);
	bool turn = false;
	unsigned int i;
	char buf[96];

	/* Time never goes back. */
	MUST(now >= w->now);
	w->now = now;
	for (i = 0; i < CLIENTS; i++) {
		turn |= w->client[i].turn;
		if (w->client[i].c)
			cal_client_describe(w->cal, w->client[i].c, buf,
					    sizeof(buf));
	}
	MUST(!turn || cal_verdict(w->cal) == CAL_GOING);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct world w = { .in = { data, size } };
	u8 first = take_u8(&w.in);

	w.cfg.clients = first & 3;
	w.cfg.time_limit = first & 4 ? 1 + take_u8(&w.in) : 0;
	w.cfg.free_run_max = first & 8 ? 50 : 0;
	if (first & 16) {
		w.cfg.shm_len = sizeof(*w.cfg.shm) +
				SLOTS * sizeof(w.cfg.shm->slots[0]);
		w.cfg.shm = calloc(1, w.cfg.shm_len);
	}
	MUST(!cal_new(&w.cal, &w.cfg));
	while (w.in.left) {
		step(&w);
		check_world(&w);
	}
	cal_free(w.cal);
	free(w.cfg.shm);
	return 0;
}
