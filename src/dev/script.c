// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Scripts of devices: what is to happen at which simulated time. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../base/units.h"
#include "script.h"

#define BLANK	" \t\r\n"

/**
 * struct entry - a line that waits for its time
 * @every: from one time to the next, 0: there is one
 * @left: so many more after the next, U64_MAX: without end
 */
struct entry {
	struct dev_timer timer;
	struct script *script;
	u64 at, every, left;
	STAILQ_ENTRY(entry) link;
	u64 event[];
};

/** @last: when the last line that was read has happened; @endless: it never has */
struct script {
	struct dev *dev;
	const struct script_ops *ops;
	u64 last;
	bool endless;
	STAILQ_HEAD(, entry) entries;
};

/* What parse functions use */

int script_bad(const struct script_line *l, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err(l->tag, "%s, line %u: %s", l->source, l->number, text);
	return -EINVAL;
}

char *script_word(struct script_line *l)
{
	char *word = l->rest + strspn(l->rest, BLANK);
	size_t len = strcspn(word, BLANK);

	if (!len)
		return NULL;
	l->rest = word + len;
	if (*l->rest)
		*l->rest++ = '\0';
	return word;
}

int script_end(struct script_line *l)
{
	const char *word = script_word(l);

	return word ? script_bad(l, "'%s' is too much", word) : 0;
}

int script_number(struct script_line *l, const char *what, u64 max, u64 *v)
{
	const char *word = script_word(l);

	if (!word)
		return script_bad(l, "%s is missing", what);
	if (units_number(word, v) || *v > max)
		return script_bad(l, "%s: not %s (0 to %llu)", word, what,
				  (unsigned long long)max);
	return 0;
}

int script_time(struct script_line *l, u64 *ns)
{
	const char *word = script_word(l);

	if (!word)
		return script_bad(l, "a time is missing");
	if (units_time(word, 1, ns))
		return script_bad(l, "%s: not a time (as 1.5s, 100us)", word);
	return 0;
}

/* Reading */

/* Is the next word @word? Then it is taken. */
static bool skip_word(struct script_line *l, const char *word)
{
	char *s = l->rest + strspn(l->rest, BLANK);
	size_t len = strcspn(s, BLANK);

	if (len != strlen(word) || memcmp(s, word, len))
		return false;
	l->rest = s + len;
	return true;
}

static int parse_every(struct script_line *l, struct entry *e)
{
	u64 n;

	if (!skip_word(l, "every"))
		return 0;
	if (script_time(l, &e->every))
		return -EINVAL;
	if (!e->every)
		return script_bad(l, "every 0: there would be no end of it");
	e->left = U64_MAX;
	if (!skip_word(l, "times"))
		return 0;
	if (script_number(l, "a number of times", U64_MAX - 1, &n))
		return -EINVAL;
	if (!n)
		return script_bad(l, "times 0: at least once is expected");
	e->left = n - 1;
	return 0;
}

/* Times are counted until the end of time, and no more. */
static u64 add_time(u64 a, u64 b)
{
	return b > S64_MAX - a ? S64_MAX : a + b;
}

static u64 last_time(const struct entry *e)
{
	u64 span;

	if (__builtin_mul_overflow(e->every, e->left, &span))
		return S64_MAX;
	return add_time(e->at, span);
}

static int parse_times(struct script *s, struct script_line *l,
		       struct entry *e)
{
	bool after = skip_word(l, "after");

	l->timed = after || skip_word(l, "at");
	if (!l->timed)
		return 0;
	if (script_time(l, &e->at) || parse_every(l, e))
		return -EINVAL;
	if (after && s->endless)
		return script_bad(l, "after: there is no end of the line before");
	if (after)
		e->at = add_time(s->last, e->at);
	s->endless = e->left == U64_MAX;
	s->last = s->endless ? 0 : last_time(e);
	return 0;
}

static void run_entry(struct entry *e)
{
	struct script *s = e->script;

	s->ops->run(s->dev, e->event);
}

static void entry_due(struct dev_timer *t)
{
	struct entry *e = container_of(t, struct entry, timer);

	/* First: what it does may be the end of the device. */
	if (e->left && e->every < S64_MAX - e->at) {
		e->left -= e->left != U64_MAX;
		e->at += e->every;
		dev_timer_arm(t, e->at);
	}
	run_entry(e);
}

static int keep_entry(struct script *s, const struct script_line *l,
		      struct entry *e)
{
	if (!l->timed) {
		run_entry(e);
		free(e);
		return 0;
	}
	dev_timer_init(&e->timer, dev_bus(s->dev), entry_due);
	dev_timer_arm(&e->timer, e->at);
	STAILQ_INSERT_TAIL(&s->entries, e, link);
	return 0;
}

static int parse_line(struct script *s, struct script_line *l)
{
	struct entry *e;
	int err;

	if (!l->rest[strspn(l->rest, BLANK)])
		return 0;
	e = calloc(1, sizeof(*e) + s->ops->size);
	if (!e)
		return -ENOMEM;
	e->script = s;
	err = parse_times(s, l, e);
	if (!err)
		err = s->ops->parse(s->dev, l, e->event);
	if (!err)
		return keep_entry(s, l, e);
	free(e);
	return err;
}

/* @text is changed. */
static int read_events(struct script *s, char *text)
{
	struct script_line l = { .tag = dev_name(s->dev),
				 .source = "option events" };
	char *next = text;
	int err = 0;

	while (next && !err) {
		l.rest = next;
		l.number++;
		next = strchr(next, ';');
		if (next)
			*next++ = '\0';
		err = parse_line(s, &l);
	}
	return err;
}

static int read_lines(struct script *s, struct script_line *l, FILE *f)
{
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	while (!err && getline(&text, &size, f) >= 0) {
		text[strcspn(text, "#")] = '\0';
		l->rest = text;
		l->number++;
		err = parse_line(s, l);
	}
	if (!err && ferror(f)) {
		log_err(l->tag, "option script=%s: cannot be read", l->source);
		err = -EIO;
	}
	free(text);
	return err;
}

static int read_file(struct script *s, const char *path)
{
	struct script_line l = { .tag = dev_name(s->dev), .source = path };
	FILE *f = dev_fopen(s->dev, path, "re");
	int err;

	if (!f) {
		err = -errno;
		log_err(l.tag, "option script=%s: %s", path, strerror(errno));
		return err;
	}
	err = read_lines(s, &l, f);
	fclose(f);
	return err;
}

static int read_options(struct script *s, struct dev_args *a)
{
	const char *file = dev_arg_str(a, "script", NULL);
	const char *events = dev_arg_str(a, "events", NULL);
	char *text;
	int err = file ? read_file(s, file) : 0;

	if (err || !events)
		return err;
	text = strdup(events);
	err = text ? read_events(s, text) : -ENOMEM;
	free(text);
	return err;
}

int script_new(struct script **out, struct dev *d, struct dev_args *a,
	       const struct script_ops *ops)
{
	struct script *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->dev = d;
	s->ops = ops;
	STAILQ_INIT(&s->entries);
	err = read_options(s, a);
	if (err) {
		script_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void script_free(struct script *s)
{
	struct entry *e;

	if (!s)
		return;
	while ((e = STAILQ_FIRST(&s->entries))) {
		STAILQ_REMOVE_HEAD(&s->entries, link);
		dev_timer_cancel(&e->timer);
		free(e);
	}
	free(s);
}
