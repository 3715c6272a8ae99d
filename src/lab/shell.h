/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A node's terminal: what is typed at it, and when that is in simulated time. */
#ifndef LAB_SHELL_H
#define LAB_SHELL_H

#include "../ring/ring.h"
#include "../trace/reader.h"
#include "lab.h"
#include "terminal.h"

struct dev;

/**
 * struct shell - who types
 * @owner, @ended: of the run: the user wants to end it, or the terminal is gone
 * @terminal: of the user
 * @script: a recording after its identity: its keys are typed, at the recorded
 *	instants; NULL: the terminal's
 * @pace: of simulated time while the guest waits for keys
 * The others are its own:
 * @open: there is a terminal, and it is read from
 * @waiting: the guest waits for keys since @sim0 in simulated time, ns, which
 *	was @wall0 on the host's clock
 * @at: time stands here now; @until: it was let go up to there
 * @turn: of the device, the last one
 * @marks: how often the escape was typed, since @first_mark on the host's clock
 * @rec: the next keys of @script, or its end, if @have_rec
 */
struct shell {
	void *owner;
	void (*ended)(struct shell *s, int status, const char *why);
	struct terminal terminal;
	const struct trace_reader *script;
	enum lab_pace pace;

	struct ring *ring;
	struct dev *dev;
	bool open, waiting;
	struct op in_op, wall_op;
	u8 typed[4096];
	unsigned int marks;
	u64 first_mark, sim0, wall0, at, until, turn;
	struct trace_reader reader;
	struct trace_rec rec;
	bool have_rec;
};

/**
 * shell_open() - begin to type at @d, a keys device; the terminal becomes raw
 *
 * Return: 0 or -errno after one line
 */
int __must_check shell_open(struct shell *s, struct ring *r, struct dev *d);

/** shell_resized() - the terminal may have another size, or another mode */
void shell_resized(struct shell *s);

/** shell_close() - type no more; to be followed by ring_drain() */
void shell_close(struct shell *s);

/** shell_fini() - the terminal is as it was */
void shell_fini(struct shell *s);

#endif
