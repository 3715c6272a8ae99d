// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A node's terminal: what is typed at it, and when that is in simulated time. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../dev/keys.h"
#include "channel.h"
#include "record.h"
#include "report.h"
#include "shell.h"

/*
 * DOC: The pace of time
 *
 * While the guest waits for keys, its device lets simulated time stand
 * (src/dev/keys.c). With PACE_FROZEN it stands until a key comes, which is then
 * typed at this instant.
 *
 * With PACE_REAL the host's clock counts from there on. When a slice of it has
 * passed, simulated time is let go by a slice; what is due in it happens, and
 * time stands again. A key comes at the simulated time that corresponds to its
 * time on the host. When the guest does not wait for keys, time is as fast as it
 * can be, with either pace.
 *
 * The instants of keys, and in which turn of the device they were typed, are in
 * the trace. Nothing else comes from outside, so a replay types the same keys in
 * the same turns, and does not look at the terminal or the host's clock.
 */

#define SLICE		(10 * NSEC_PER_SEC / 1000)
/* As of systemd-nspawn and machinectl: ^], three times within a second. */
#define ESCAPE		0x1d
#define ESCAPE_TIMES	3
/* More than that is not read from the terminal before it has been typed. */
#define MAX_BACKLOG	65536

static void put_frame(struct shell *s, u8 kind, const void *data, size_t len)
{
	struct channel_typed h = { .kind = kind, .len = (u16)len };

	keys_put(s->dev, &h, sizeof(h));
	keys_put(s->dev, data, len);
}

/* Something was put: when is it to be typed? */
static void go(struct shell *s)
{
	u64 until = s->at;

	if (!keys_held(s->dev))
		return;
	ring_cancel(s->ring, &s->wall_op);
	if (s->pace == LAB_PACE_REAL)
		until = max_u64(s->at, min_u64(s->sim0 + ring_clock() - s->wall0,
					       s->at + SLICE));
	s->waiting = false;
	keys_go(s->dev, until);
}

/* The guest may have seen nothing of it: it is still the same wait. */
static void go_on(struct shell *s, u64 until)
{
	s->until = until;
	keys_go(s->dev, until);
}

/*
 * From the terminal
 */

static void read_terminal(struct shell *s)
{
	if (s->open && !s->in_op.busy && keys_backlog(s->dev) < MAX_BACKLOG)
		ring_read(s->ring, &s->in_op, STDIN_FILENO, s->typed,
			  sizeof(s->typed));
}

static bool has_escaped(struct shell *s, const u8 *keys, size_t len)
{
	u64 now = ring_clock();
	size_t i;

	for (i = 0; i < len; i++) {
		if (keys[i] != ESCAPE) {
			s->marks = 0;
			continue;
		}
		if (!s->marks || now - s->first_mark > NSEC_PER_SEC) {
			s->marks = 0;
			s->first_mark = now;
		}
		if (++s->marks == ESCAPE_TIMES)
			return true;
	}
	return false;
}

static void typed(struct op *op, int res)
{
	struct shell *s = container_of(op, struct shell, in_op);

	if (!s->open)
		return;
	if (res == -EINTR || res == -EAGAIN) {
		read_terminal(s);
		return;
	}
	if (res <= 0) {
		s->open = false;
		s->ended(s, 128 + SIGHUP, WHY_NO_TERMINAL);
		return;
	}
	if (has_escaped(s, s->typed, (size_t)res)) {
		s->ended(s, 128 + SIGINT, WHY_ESCAPE);
		return;
	}
	put_frame(s, CHANNEL_TYPED_KEYS, s->typed, (size_t)res);
	go(s);
	read_terminal(s);
}

static void put_size(struct shell *s)
{
	struct channel_size size;

	terminal_size(&size.rows, &size.cols);
	put_frame(s, CHANNEL_TYPED_SIZE, &size, sizeof(size));
}

void shell_resized(struct shell *s)
{
	if (!s->open)
		return;
	/* Who was stopped and goes on may find it as the shell outside wants it. */
	if (terminal_raw(&s->terminal) < 0)
		log_warn(NULL, "cannot set the mode of the terminal: %s",
			 strerror(errno));
	put_size(s);
	go(s);
}

/*
 * From a recording
 */

/* The next keys, or the end */
static void next_rec(struct shell *s)
{
	do {
		s->have_rec = trace_next(&s->reader, &s->rec) > 0;
	} while (s->have_rec && s->rec.kind != TRACE_KEYS &&
		 s->rec.kind != TRACE_END);
}

static bool has_keys(const struct shell *s)
{
	return s->have_rec && s->rec.kind == TRACE_KEYS;
}

static void script_turn(void *owner, u64 n)
{
	struct shell *s = owner;

	s->turn = n;
	while (has_keys(s) && s->rec.v[1] == n) {
		keys_put(s->dev, s->rec.data, s->rec.len);
		next_rec(s);
	}
}

static void script_ends(struct shell *s)
{
	s->ended(s, s->have_rec ? (int)s->rec.v[0] : 128 + SIGKILL,
		 RECORD_HOST "the recording has no more keys");
}

static void script_waits(void *owner, u64 now)
{
	struct shell *s = owner;
	u64 slice = s->pace == LAB_PACE_REAL ? SLICE : 0;
	u64 next = has_keys(s) ? s->rec.v[2] : s->have_rec ? s->rec.time : now;

	/* In a run that is not as the recorded one, their turn may be over. */
	if (has_keys(s) && next >= now && s->rec.v[1] > s->turn)
		keys_go(s->dev, slice ? min_u64(next, now + slice) : next);
	else if (next > now && slice)
		keys_go(s->dev, now + slice);
	else
		script_ends(s);
}

/*
 * The guest waits
 */

static void start_slice(struct shell *s);

static void slice_over(struct op *op, int res)
{
	struct shell *s = container_of(op, struct shell, wall_op);

	(void)res;	/* it may have been about a slice before this one */
	if (!s->open || !keys_held(s->dev))
		return;
	if (ring_clock() >= s->wall0 + s->at + SLICE - s->sim0)
		go_on(s, s->at + SLICE);
	else
		start_slice(s);
}

static void start_slice(struct shell *s)
{
	s->wall_op.done = slice_over;
	ring_timeout(s->ring, &s->wall_op, s->wall0 + s->at + SLICE - s->sim0);
}

static void waits(void *owner, u64 now)
{
	struct shell *s = owner;

	s->at = now;
	/* Beyond the slice: meanwhile it did not wait. */
	if (!s->waiting || now > s->until) {
		s->waiting = true;
		s->sim0 = now;
		s->wall0 = ring_clock();
	}
	read_terminal(s);
	if (s->pace == LAB_PACE_REAL && !s->wall_op.busy)
		start_slice(s);
}

int shell_open(struct shell *s, struct ring *r, struct dev *d)
{
	struct keys_host host = { .owner = s, .waits = waits };
	int ret;

	s->ring = r;
	s->dev = d;
	s->in_op.done = typed;
	if (s->script) {
		s->reader = *s->script;
		next_rec(s);
		host.turn = script_turn;
		host.waits = script_waits;
		keys_attach(d, &host);
		return 0;
	}
	keys_attach(d, &host);
	ret = terminal_raw(&s->terminal);
	if (ret) {
		log_err(NULL, "cannot set the mode of the terminal: %s",
			strerror(-ret));
		return ret;
	}
	s->open = true;
	put_size(s);
	read_terminal(s);
	return 0;
}

void shell_close(struct shell *s)
{
	if (!s->ring)
		return;
	s->open = false;
	ring_cancel(s->ring, &s->in_op);
	ring_cancel(s->ring, &s->wall_op);
}

void shell_fini(struct shell *s)
{
	terminal_restore(&s->terminal);
	terminal_fini(&s->terminal);
}
