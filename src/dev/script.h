/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Scripts of devices: what is to happen at which simulated time. */
#ifndef DEV_SCRIPT_H
#define DEV_SCRIPT_H

#include "dev.h"

/*
 * DOC: The language of scripts
 *
 *	script=FILE	lines of a file; "#" begins a comment
 *	events=LINES	lines in the option, with ";" between them, after those
 *			of the file
 *
 *	LINE	[TIMES] WORD...	the device says what the words can be
 *	TIMES	at TIME		simulated time since the lab began
 *		after TIME	so long after the line before has happened for
 *				the last time
 *		and then perhaps: every TIME [times N]
 *
 * A line without a time is done when the device is made. A time has a unit,
 * as everywhere. Lines of the same time are done in their order, but a
 * repetition after those that name this time themselves.
 */

struct script;

/**
 * struct script_line - what is being read
 * @timed: it has a time
 */
struct script_line {
	const char *tag, *source;
	unsigned int number;
	bool timed;
	char *rest;
};

/**
 * struct script_ops - what a device makes of lines
 * @size: bytes of an event of the device's
 * @parse: make @event, which is zeroed, of the words; 0 or -errno after
 *	script_bad()
 * @run: it happens now
 */
struct script_ops {
	size_t size;
	int (*parse)(struct dev *d, struct script_line *l, void *event);
	void (*run)(struct dev *d, const void *event);
};

/**
 * script_new() - in probe: read both options, arm the timers
 *
 * Lines without a time run before it returns.
 *
 * Return: 0, -errno after one line that names file and line
 */
int __must_check script_new(struct script **out, struct dev *d,
			    struct dev_args *a, const struct script_ops *ops);

/** script_free() - nothing of it happens any more; @s may be NULL */
void script_free(struct script *s);

/** script_word() - the next word of the line; NULL: there is none */
char *script_word(struct script_line *l);

/** script_end() - 0 if there is no word left, else -EINVAL after script_bad() */
int __must_check script_end(struct script_line *l);

/**
 * script_number() - the next word, as a number up to @max
 * @what: "a register", for the message
 */
int __must_check script_number(struct script_line *l, const char *what,
			       u64 max, u64 *v);

/** script_time() - the next word, as a time */
int __must_check script_time(struct script_line *l, u64 *ns);

/** script_bad() - say what is wrong with the line; returns -EINVAL */
int __printf(2, 3) script_bad(const struct script_line *l, const char *fmt, ...);

/*
 * DOC: Records
 *
 *	record=FILE	what the guest has done, as lines of a script
 */
struct record;

/** record_new() - *@out is NULL without the option; 0, -errno after one line */
int __must_check record_new(struct record **out, struct dev *d,
			    struct dev_args *a);
/** record_free() - @r may be NULL */
void record_free(struct record *r);
/** record_line() - "at NOW ..." ; @r may be NULL */
void __printf(2, 3) record_line(struct record *r, const char *fmt, ...);

#endif
