// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The calendar: who runs when. Messages in, messages out (pure). */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../base/bug.h"
#include "../base/heap.h"
#include "core.h"

/* A request that will never come due. */
#define NEVER	U64_MAX

/**
 * enum client_state
 * @NEW: connected, START awaited
 * @STARTING: START received, to be admitted
 * @RUNNING: has the turn; at most one client
 * @WAITING: has sent WAIT
 */
enum client_state { NEW, STARTING, RUNNING, WAITING };

/**
 * struct cal_client
 * @shm_offered: it got the shared memory; whether it uses it is not known yet
 * @shm: it does
 * @offset: simulated time of the calendar at the client's time 0
 * @by_id: entry in cal.starts while STARTING
 * @req: entry in cal.requests while WAITING with a request that will come
 * @req_time: standing request, NEVER when none
 * @wants_never: none, because it has asked to sleep for ever
 * @seq_sent, @seq_acked: of messages to the client that it must ack
 * @run_horizon: horizon at the beginning of its turn
 * @sent_horizon: the last FREE_UNTIL of its turn
 * @acked_horizon: what it is known to respect
 * @untold_horizon: it may have gone so far before it read the last FREE_UNTIL:
 *	an ACK says no time, and the first UPDATE after it may tell of that
 * @lower_seq: seq of the FREE_UNTIL that set @sent_horizon
 * @parked, @parked_seq: an ACK that waits for the running client's ack
 */
struct cal_client {
	TAILQ_ENTRY(cal_client) entry;
	TAILQ_ENTRY(cal_client) parked_entry;
	void *owner;
	unsigned int flags;
	enum client_state state;
	u64 id;
	u16 slot;
	bool shm_offered, shm;
	u64 offset;
	struct heap_node by_id, req;
	u64 req_time;
	bool wants_never;
	u32 seq_sent, seq_acked;
	u64 run_horizon, sent_horizon, acked_horizon, untold_horizon;
	u32 lower_seq;
	bool parked;
	u32 parked_seq;
	char error[128];
};

TAILQ_HEAD(client_list, cal_client);

struct cal {
	struct cal_cfg cfg;
	u64 now;
	struct client_list clients, parked;
	unsigned int nr_clients, nr_new, nr_started, nr_left;
	bool open;			/* the expected clients have come */
	struct cal_client *running;
	struct heap starts, requests;
	unsigned int next_slot, nr_slots;
	enum cal_verdict verdict;
	struct cal_out *out;		/* FIFO, out_cap entries */
	size_t out_cap, out_head, out_len;
};

/* Time domains: a client's time 0 is when it was admitted. */

static u64 to_client(const struct cal_client *c, u64 t)
{
	return t >= S64_MAX ? S64_MAX : t - c->offset;
}

static u64 from_client(const struct cal_client *c, u64 t)
{
	return t >= S64_MAX - c->offset ? NEVER : t + c->offset;
}

__printf(2, 3)
static int violation(struct cal_client *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* Output */

static void emit(struct cal *cal, struct cal_client *to, u32 op, u32 seq,
		 u64 time, enum cal_fds fds)
{
	struct cal_out *o;

	/* grow_output() has made room. */
	BUG_ON(cal->out_len == cal->out_cap);
	o = &cal->out[(cal->out_head + cal->out_len++) % cal->out_cap];
	o->to = to;
	o->msg = (struct tt_msg){ .op = op, .seq = seq, .time = time };
	o->fds = fds;
}

static void emit_ack(struct cal *cal, struct cal_client *to, u32 seq, u64 time)
{
	emit(cal, to, TT_ACK, seq, time, CAL_FDS_NONE);
}

/* A message that the client must ack. */
static u32 emit_acked(struct cal *cal, struct cal_client *to, u32 op, u64 time)
{
	emit(cal, to, op, ++to->seq_sent, time, CAL_FDS_NONE);
	return to->seq_sent;
}

bool cal_output(struct cal *cal, struct cal_out *out)
{
	if (!cal->out_len)
		return false;
	*out = cal->out[cal->out_head];
	cal->out_head = (cal->out_head + 1) % cal->out_cap;
	cal->out_len--;
	return true;
}

static void drop_output(struct cal *cal, const struct cal_client *c)
{
	struct cal_out o;
	size_t n;

	for (n = cal->out_len; n && cal_output(cal, &o); n--)
		if (o.to != c)
			emit(cal, o.to, o.msg.op, o.msg.seq, o.msg.time, o.fds);
}

/* Make room for all that one input, and the end of any client, can cause. */
static int grow_output(struct cal *cal)
{
	size_t cap = cal->out_len + 6 * (size_t)cal->nr_clients + 16;
	struct cal_out *v;
	size_t i;

	if (cap <= cal->out_cap)
		return 0;
	cap *= 2;
	v = calloc(cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (i = 0; i < cal->out_len; i++)
		v[i] = cal->out[(cal->out_head + i) % cal->out_cap];
	free(cal->out);
	cal->out = v;
	cal->out_cap = cap;
	cal->out_head = 0;
	return 0;
}

/* Horizon */

/* Does the client share time by memory or by a direct call. */
static bool is_silent(const struct cal_client *c)
{
	return c->shm || (c->flags & CAL_LOCAL);
}

static u64 horizon(const struct cal *cal)
{
	const struct heap_node *first = heap_first(&cal->requests);
	/*
	 * Nobody may move on to the end of time: UML compares with what it finds
	 * in memory, and panics when it gets there.
	 */
	u64 h = S64_MAX;

	if (!cal->open || heap_first(&cal->starts))
		return cal->now;
	if (first)
		h = first->time;
	if (cal->cfg.time_limit && cal->cfg.time_limit < S64_MAX)
		h = min_u64(h, cal->cfg.time_limit + 1);
	if (cal->cfg.free_run_max)
		h = min_u64(h, cal->now + cal->cfg.free_run_max);
	return h;
}

/* Somebody else wants to run at @t: tell the running client. */
static void lower_horizon(struct cal *cal, u64 t)
{
	struct cal_client *r = cal->running;

	if (cal->cfg.shm && t < READ_ONCE(cal->cfg.shm->free_until))
		WRITE_ONCE(cal->cfg.shm->free_until, t);
	if (is_silent(r) || t >= r->sent_horizon)
		return;
	r->sent_horizon = t;
	r->lower_seq = emit_acked(cal, r, TT_FREE_UNTIL, to_client(r, t));
}

static void release_parked(struct cal *cal)
{
	struct cal_client *c;

	while ((c = TAILQ_FIRST(&cal->parked))) {
		TAILQ_REMOVE(&cal->parked, c, parked_entry);
		c->parked = false;
		emit_ack(cal, c, c->parked_seq, 0);
	}
}

/* Requests */

static void set_request(struct cal *cal, struct cal_client *c, u64 t)
{
	if (t < cal->now)
		t = cal->now;
	c->wants_never = t == NEVER;
	if (t == c->req_time)
		return;
	c->req_time = t;
	/* That of the running client counts from its WAIT. */
	if (c->state != WAITING)
		return;
	heap_remove(&cal->requests, &c->req);
	if (t != NEVER)
		heap_insert(&cal->requests, &c->req, t);
}

/* Look at what @c has stored in shared memory. */
static bool slot_request(const struct cal *cal, const struct cal_client *c,
			 u64 *t)
{
	const struct tt_shm_slot *slot;

	if (!c->shm)
		return false;
	slot = &cal->cfg.shm->slots[c->slot];
	*t = from_client(c, READ_ONCE(slot->req_time));
	return READ_ONCE(slot->flags) & TT_SHM_REQ_RUN;
}

static void scan(struct cal *cal, struct cal_client *c)
{
	u64 t;

	if (slot_request(cal, c, &t))
		set_request(cal, c, t);
}

u64 cal_client_wants(const struct cal *cal, const struct cal_client *c)
{
	u64 t;

	return slot_request(cal, c, &t) ? t : c->req_time;
}

/* Keep the slot the truth when a request came as a message. */
static void store_request(struct cal *cal, struct cal_client *c, u64 t)
{
	struct tt_shm_slot *slot;

	if (!c->shm)
		return;
	slot = &cal->cfg.shm->slots[c->slot];
	WRITE_ONCE(slot->req_time, t);
	WRITE_ONCE(slot->flags, READ_ONCE(slot->flags) | TT_SHM_REQ_RUN);
}

static void scan_all(struct cal *cal)
{
	struct cal_client *c;

	if (!cal->cfg.shm)
		return;
	TAILQ_FOREACH(c, &cal->clients, entry)
		if (c->state == WAITING && !(c->flags & CAL_HINTED))
			scan(cal, c);
}

void cal_touched(struct cal *cal, struct cal_client *c)
{
	if (c->state == WAITING)
		scan(cal, c);
}

/* Turns */

static void begin_turn(struct cal *cal, struct cal_client *c)
{
	struct tt_shm *shm = cal->cfg.shm;
	u64 h = horizon(cal);

	c->state = RUNNING;
	cal->running = c;
	c->req_time = NEVER;
	c->wants_never = false;
	c->run_horizon = c->sent_horizon = c->acked_horizon = h;
	c->untold_horizon = 0;
	if (!shm)
		return;
	WRITE_ONCE(shm->current_time, cal->now);
	WRITE_ONCE(shm->free_until, h);
	WRITE_ONCE(shm->running_id, c->flags & CAL_LOCAL ? 0 : c->slot);
	if (c->shm)
		WRITE_ONCE(shm->slots[c->slot].flags,
			   READ_ONCE(shm->slots[c->slot].flags) &
			   ~TT_SHM_REQ_RUN);
}

static void run(struct cal *cal, struct cal_client *c)
{
	cal->now = max_u64(cal->now, c->req.time);
	heap_remove(&cal->requests, &c->req);
	begin_turn(cal, c);
	if (is_silent(c)) {
		emit(cal, c, TT_RUN, 0, to_client(c, cal->now), CAL_FDS_NONE);
		return;
	}
	/* Before RUN: after it UML does not read until it must. */
	emit_acked(cal, c, TT_FREE_UNTIL, to_client(c, c->sent_horizon));
	emit_acked(cal, c, TT_RUN, to_client(c, cal->now));
}

/* A place in shared memory, for who starts together with time. */
static enum cal_fds assign_slot(struct cal *cal, struct cal_client *c)
{
	struct tt_shm *shm = cal->cfg.shm;

	c->slot = (u16)cal->next_slot;
	if (cal->next_slot < CAL_MAX_SLOTS)
		cal->next_slot++;
	if (!shm || cal->now || c->slot >= cal->nr_slots)
		return CAL_FDS_DUMMY;
	c->shm_offered = true;
	shm->slots[c->slot].name = c->id;
	return CAL_FDS_SHM;
}

static void admit(struct cal *cal, struct cal_client *c)
{
	enum cal_fds fds = CAL_FDS_NONE;

	heap_remove(&cal->starts, &c->by_id);
	/*
	 * What clients have stored in memory during a turn is looked at in the
	 * order of the list: not that in which they happened to connect.
	 */
	TAILQ_REMOVE(&cal->clients, c, entry);
	TAILQ_INSERT_TAIL(&cal->clients, c, entry);
	/* The local client is told the calendar's own time. */
	c->offset = c->flags & CAL_LOCAL ? 0 : cal->now;
	if (!(c->flags & CAL_LOCAL))
		fds = assign_slot(cal, c);
	begin_turn(cal, c);
	/* Without a FREE_UNTIL it must ask before each step. */
	c->sent_horizon = c->acked_horizon = cal->now;
	/* START's ack was parked: its seq is kept there. */
	emit(cal, c, TT_ACK, c->parked_seq, c->slot & TT_START_ACK_ID, fds);
	c->parked = false;
}

/* Nobody has a request that will come. */
static enum cal_verdict judge_quiet(const struct cal *cal)
{
	const struct cal_client *c;

	TAILQ_FOREACH(c, &cal->clients, entry)
		if (c->wants_never)
			return CAL_ASLEEP;
	return cal->nr_left ? CAL_EMPTY : CAL_GOING;
}

/* Would a run for this request be beyond the time limit. */
static bool beyond_limit(const struct cal *cal, const struct heap_node *n)
{
	return cal->cfg.time_limit &&
	       max_u64(cal->now, n->time) > cal->cfg.time_limit;
}

static enum cal_verdict judge(const struct cal *cal)
{
	const struct heap_node *first = heap_first(&cal->requests);

	if (!cal->open || cal->running)
		return CAL_GOING;
	/* Who has connected but not started yet may still make something happen. */
	if (!first)
		return cal->nr_new ? CAL_GOING : judge_quiet(cal);
	if (beyond_limit(cal, first))
		return CAL_LIMIT;
	return CAL_GOING;
}

/* If nobody runs, let somebody. */
static void step(struct cal *cal)
{
	struct heap_node *n;

	if (!cal->running && cal->open) {
		n = heap_first(&cal->starts);
		if (n) {
			admit(cal, container_of(n, struct cal_client, by_id));
		} else {
			n = heap_first(&cal->requests);
			if (n && !beyond_limit(cal, n))
				run(cal, container_of(n, struct cal_client,
						      req));
		}
	}
	cal->verdict = judge(cal);
	/* All that was to happen before the limit has happened. */
	if (cal->verdict == CAL_LIMIT)
		cal->now = max_u64(cal->now, cal->cfg.time_limit);
}

static void end_turn(struct cal *cal)
{
	cal->running = NULL;
	release_parked(cal);
	scan_all(cal);
}

/*
 * Who understands the shared memory says so in its slot before its first
 * message. Kernels before 6.11 do not even look at what came with the ACK.
 */
static void settle_shm(struct cal *cal, struct cal_client *c)
{
	if (c->shm_offered)
		c->shm = READ_ONCE(cal->cfg.shm->slots[c->slot].capa) &
			 TT_SHM_CAP_TIME_SHARE;
}

/* As far as time may be moved under horizon @h: never to the end of time. */
static u64 furthest(const struct cal *cal, u64 h)
{
	return max_u64(min_u64(h, S64_MAX - 1), cal->now);
}

/* A client that shares memory moves time by writing it there. */
static int sync_now(struct cal *cal, struct cal_client **liar)
{
	struct cal_client *r = cal->running;
	u64 t;

	if (!r)
		return 0;
	settle_shm(cal, r);
	if (!r->shm)
		return 0;
	t = READ_ONCE(cal->cfg.shm->current_time);
	if (t < cal->now || t > furthest(cal, r->run_horizon)) {
		*liar = r;
		return -EPROTO;
	}
	cal->now = t;
	return 0;
}

u64 cal_now(struct cal *cal)
{
	struct cal_client *liar;

	(void)sync_now(cal, &liar);
	return cal->now;
}

u64 cal_horizon(struct cal *cal)
{
	struct cal_client *r = cal->running;
	u64 h = horizon(cal);

	/* Higher than before when somebody has left: the asker may go there. */
	if (r && (r->flags & CAL_LOCAL))
		r->run_horizon = max_u64(r->run_horizon, h);
	return h;
}

u64 cal_reach(const struct cal *cal, const struct cal_client *c)
{
	/* It has run below its horizon, and asks for nothing in its past. */
	return max_u64(cal->now, c->state == WAITING ?
			min_u64(c->req_time, c->run_horizon) : c->run_horizon);
}

/* Messages, one function each */

static bool id_taken(const struct cal *cal, const struct cal_client *c, u64 id)
{
	const struct cal_client *o;

	if (id == U64_MAX)
		return false;
	TAILQ_FOREACH(o, &cal->clients, entry)
		if (o != c && o->state != NEW && o->id == id)
			return true;
	return false;
}

static int do_start(struct cal *cal, struct cal_client *c,
		    const struct tt_msg *m)
{
	if (c->state != NEW)
		return violation(c, "sent START twice");
	if (id_taken(cal, c, m->time))
		return violation(c, "sent START with id %" PRIu64 ", which another client has; give each its own (time-travel=ext:ID:PATH)",
				 m->time);
	c->id = m->time;
	c->state = STARTING;
	cal->nr_new--;
	cal->nr_started++;
	c->parked = true;
	c->parked_seq = m->seq;
	heap_insert(&cal->starts, &c->by_id, c->id);
	if (cal->nr_started >= cal->cfg.clients)
		cal->open = true;
	/* A late one: it comes next, at the time that is now. */
	if (cal->running)
		lower_horizon(cal, cal->now);
	return 0;
}

static int do_request(struct cal *cal, struct cal_client *c,
		      const struct tt_msg *m)
{
	struct cal_client *r = cal->running;
	u64 t = from_client(c, m->time);

	set_request(cal, c, t);
	store_request(cal, c, m->time);
	if (c->state == WAITING && r) {
		lower_horizon(cal, c->req_time);
		if (!is_silent(r) && c->req_time < r->acked_horizon) {
			c->parked = true;
			c->parked_seq = m->seq;
			TAILQ_INSERT_TAIL(&cal->parked, c, parked_entry);
			return 0;
		}
	}
	emit_ack(cal, c, m->seq, 0);
	return 0;
}

static int do_wait(struct cal *cal, struct cal_client *c,
		   const struct tt_msg *m)
{
	if (c->state != RUNNING)
		return violation(c, "sent WAIT while it was not running");
	if (!is_silent(c))
		emit_ack(cal, c, m->seq, 0);
	scan(cal, c);
	/* Now the request counts. */
	c->state = WAITING;
	if (c->req_time != NEVER)
		heap_insert(&cal->requests, &c->req, c->req_time);
	end_turn(cal);
	return 0;
}

static int do_update(struct cal *cal, struct cal_client *c,
		     const struct tt_msg *m)
{
	u64 t = from_client(c, m->time), h;

	if (c->state != RUNNING)
		return violation(c, "sent UPDATE while it was not running");
	h = c->flags & CAL_LOCAL ? c->run_horizon :
	    max_u64(c->acked_horizon, c->untold_horizon);
	if (t < cal->now)
		return violation(c, "moved time back, from %" PRIu64 " to %" PRIu64 " ns",
				 to_client(c, cal->now), m->time);
	if (t > furthest(cal, h))
		return violation(c, "moved time to %" PRIu64 " ns although it was free only until %" PRIu64 " ns",
				 m->time, to_client(c, h));
	c->untold_horizon = 0;
	cal->now = t;
	if (cal->cfg.shm)
		WRITE_ONCE(cal->cfg.shm->current_time, t);
	emit_ack(cal, c, m->seq, 0);
	return 0;
}

static int do_ack(struct cal *cal, struct cal_client *c,
		  const struct tt_msg *m)
{
	if (c->seq_acked == c->seq_sent)
		return violation(c, "sent an ACK (seq %u) that nothing waits for",
				 m->seq);
	if (m->seq != c->seq_acked + 1)
		return violation(c, "sent an ACK with seq %u, %u was expected",
				 m->seq, c->seq_acked + 1);
	c->seq_acked = m->seq;
	if (c == cal->running && m->seq == c->lower_seq) {
		c->untold_horizon = max_u64(c->untold_horizon, c->acked_horizon);
		c->acked_horizon = c->sent_horizon;
		release_parked(cal);
	}
	return 0;
}

static int do_broadcast(struct cal *cal, struct cal_client *c,
			const struct tt_msg *m)
{
	struct cal_client *o;

	emit_ack(cal, c, m->seq, 0);
	TAILQ_FOREACH(o, &cal->clients, entry)
		if (o != c && (o->state == RUNNING || o->state == WAITING))
			emit_acked(cal, o, TT_BROADCAST, m->time);
	return 0;
}

static int handle(struct cal *cal, struct cal_client *c,
		  const struct tt_msg *m)
{
	if (m->op == TT_START)
		return do_start(cal, c, m);
	if (c->state == NEW)
		return violation(c, "sent %s before START",
				 m->op < TT_NR_OPS ? tt_op_name(m->op) :
						     "an unknown message");
	switch (m->op) {
	case TT_ACK:
		return do_ack(cal, c, m);
	case TT_REQUEST:
		return do_request(cal, c, m);
	case TT_WAIT:
		return do_wait(cal, c, m);
	case TT_GET:
		emit_ack(cal, c, m->seq, to_client(c, cal->now));
		return 0;
	case TT_UPDATE:
		return do_update(cal, c, m);
	case TT_GET_TOD:
		emit_ack(cal, c, m->seq, cal->cfg.tod + cal->now);
		return 0;
	case TT_BROADCAST:
		return do_broadcast(cal, c, m);
	case TT_RUN:
	case TT_FREE_UNTIL:
		return violation(c, "sent %s, which only the calendar may",
				 tt_op_name(m->op));
	default:
		return violation(c, "sent an unknown message (op %u)", m->op);
	}
}

int cal_input(struct cal *cal, struct cal_client *c, const struct tt_msg *m)
{
	struct cal_client *liar = NULL;
	int ret;

	if (c->parked && m->op != TT_ACK)
		return violation(c, "sent %s although its last message has not been acked",
				 tt_op_name(m->op));
	settle_shm(cal, c);
	c->shm_offered = false;
	if (sync_now(cal, &liar) < 0 && liar == c)
		return violation(c, "wrote time %" PRIu64 " ns to shared memory, not between %" PRIu64 " and %" PRIu64,
				 READ_ONCE(cal->cfg.shm->current_time),
				 cal->now, c->run_horizon);
	if (grow_output(cal) < 0)
		return violation(c, "caused more messages than there is memory for");
	ret = handle(cal, c, m);
	if (!ret)
		step(cal);
	return ret;
}

/* Clients come and go */

struct cal_client *cal_client_add(struct cal *cal, void *owner,
				  unsigned int flags)
{
	struct cal_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	cal->nr_clients++;
	if (grow_output(cal) < 0) {
		cal->nr_clients--;
		free(c);
		return NULL;
	}
	c->owner = owner;
	c->flags = flags;
	c->id = U64_MAX;
	c->req_time = NEVER;
	cal->nr_new++;
	TAILQ_INSERT_TAIL(&cal->clients, c, entry);
	if ((flags & CAL_LOCAL) && cal->cfg.shm)
		cal->cfg.shm->slots[0].capa = TT_SHM_CAP_TIME_SHARE;
	return c;
}

void cal_client_gone(struct cal *cal, struct cal_client *c)
{
	struct cal_client *liar;

	(void)sync_now(cal, &liar);
	drop_output(cal, c);
	if (c->parked && c->state != STARTING)
		TAILQ_REMOVE(&cal->parked, c, parked_entry);
	heap_remove(&cal->starts, &c->by_id);
	heap_remove(&cal->requests, &c->req);
	TAILQ_REMOVE(&cal->clients, c, entry);
	cal->nr_clients--;
	/* Who has never had a turn was not there. */
	if (c->state == RUNNING || c->state == WAITING)
		cal->nr_left++;
	if (c->state == NEW)
		cal->nr_new--;
	if (c->state == STARTING && !cal->open)
		cal->nr_started--;
	if (c == cal->running)
		end_turn(cal);
	free(c);
	step(cal);
}

int cal_new(struct cal **out, const struct cal_cfg *cfg)
{
	struct cal *cal = calloc(1, sizeof(*cal));

	if (!cal)
		return -ENOMEM;
	cal->cfg = *cfg;
	TAILQ_INIT(&cal->clients);
	TAILQ_INIT(&cal->parked);
	cal->open = !cfg->clients;
	cal->next_slot = 1;
	if (cfg->shm) {
		cal->nr_slots = (unsigned int)
			((cfg->shm_len - sizeof(struct tt_shm)) /
			 sizeof(struct tt_shm_slot));
		if (cal->nr_slots > CAL_MAX_SLOTS)
			cal->nr_slots = CAL_MAX_SLOTS;
		cfg->shm->version = TT_SHM_VERSION;
		cfg->shm->len = (u32)cfg->shm_len;
		cfg->shm->max_clients = (u16)cal->nr_slots;
	}
	*out = cal;
	return 0;
}

void cal_free(struct cal *cal)
{
	struct cal_client *c;

	while ((c = TAILQ_FIRST(&cal->clients))) {
		TAILQ_REMOVE(&cal->clients, c, entry);
		free(c);
	}
	free(cal->out);
	free(cal);
}

/* What others may ask */

enum cal_verdict cal_verdict(const struct cal *cal)
{
	return cal->verdict;
}

struct cal_client *cal_turn(const struct cal *cal)
{
	return cal->running;
}

unsigned int cal_missed(const struct cal *cal, const struct cal_client *c)
{
	if (cal->open)
		return 0;
	return cal->cfg.clients - cal->nr_started + (c->state == STARTING);
}

bool cal_client_parked(const struct cal_client *c)
{
	return c->parked;
}

void *cal_client_owner(const struct cal_client *c)
{
	return c->owner;
}

bool cal_client_started(const struct cal_client *c)
{
	return c->state != NEW;
}

u64 cal_client_id(const struct cal_client *c)
{
	return c->id;
}

const char *cal_client_error(const struct cal_client *c)
{
	return c->error;
}

struct cal_client *cal_next_client(const struct cal *cal,
				   const struct cal_client *c)
{
	return c ? TAILQ_NEXT(c, entry) : TAILQ_FIRST(&cal->clients);
}

void cal_client_describe(const struct cal *cal, const struct cal_client *c,
			 char *buf, size_t len)
{
	switch (c->state) {
	case NEW:
		snprintf(buf, len, "has connected, but not sent START");
		break;
	case STARTING:
		snprintf(buf, len, "has sent START; %u of %u clients have",
			 cal->nr_started, cal->cfg.clients);
		break;
	case RUNNING:
		snprintf(buf, len, "runs");
		break;
	case WAITING:
		if (c->req_time == NEVER)
			snprintf(buf, len, "%s", c->wants_never ?
				 "sleeps for ever" : "waits to be used");
		else
			snprintf(buf, len, "waits for %" PRIu64 ".%09" PRIu64 " s",
				 c->req_time / NSEC_PER_SEC,
				 c->req_time % NSEC_PER_SEC);
		break;
	}
}
