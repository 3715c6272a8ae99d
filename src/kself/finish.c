// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* From what a boot has left to the verdicts on its tests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../ktap/klog.h"
#include "finish.h"

#define NODE_LOG	"node1.log"
#define MAX_LOG		(16u << 20)
#define MAX_REPORT	65536
#define LAST_LINES	20	/* of the log of a kernel that has just ended */
#define PANIC_LINES	16	/* before a panic, since the test has begun */

/*
 * The log of a kernel before version 6.12 and later has times in steps of a
 * jiffy: what is reported up to so much before a test has begun may be its.
 */
#define JIFFY		(10 * NSEC_PER_MSEC)

/**
 * struct left - what a boot has left
 * @report: of umtt run, "key=value" lines
 * @log: of the kernel
 * @end: why it has ended, with @detail
 */
struct left {
	char *report, *log;
	size_t log_len;
	enum judge_end end;
	char detail[TEXT_MAX];
};

static char *read_of(const struct boot *b, const char *name, size_t max,
		     size_t *len)
{
	char *path = xasprintf("%s/%s", b->dir, name);
	char *text = kself_read_file(path, max, len);

	free(path);
	if (text)
		return text;
	*len = 0;
	return xstrdup("");
}

/* The value of @key, "" if it is not there; for the next call to overwrite */
static const char *value(const struct left *l, const char *key)
{
	static char clean[TEXT_MAX];
	size_t n = strlen(key);
	const char *p;

	*clean = '\0';
	for (p = l->report; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		text_clean(clean, sizeof(clean), p, strcspn(p, "\n"));
		break;
	}
	return clean;
}

static const struct {
	const char *reason;
	enum judge_end end;
} reasons[] = {
	{ "exited", END_MISSING }, { "time-limit", END_TIME_LIMIT },
	{ "wall-limit", END_WALL_LIMIT }, { "stall", END_STALL },
	{ "node-failed", END_KERNEL_GONE }, { "asleep", END_ASLEEP },
};

static enum judge_end end_of(const struct boot *b, const struct left *l)
{
	const char *reason = value(l, "reason");
	size_t i;

	if (b->killed == BOOT_OUTPUT_LIMIT)
		return END_OUTPUT_LIMIT;
	if (b->killed == BOOT_INTERRUPTED)
		return END_INTERRUPTED;
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].end;
	return END_RUN_FAILED;
}

static void panic_detail(struct left *l)
{
	static const char prefix[] = "Kernel panic - not syncing: ";
	struct klog_report r;
	size_t at = 0;

	while (klog_next(l->log, l->log_len, &at, &r)) {
		if (!r.panic)
			continue;
		l->end = END_PANIC;
		if (strncmp(r.title, prefix, sizeof(prefix) - 1) == 0)
			memcpy(l->detail, r.title + sizeof(prefix) - 1,
			       sizeof(l->detail) - sizeof(prefix) + 1);
		return;
	}
}

static void limit_detail(struct left *l, const struct boot *b)
{
	const struct kself_cfg *cfg = b->cfg;
	const struct kself_test *x = &cfg->tests->v[b->first];
	char buf[UNITS_TIME_LEN];
	u64 ns;

	switch (l->end) {
	case END_TIME_LIMIT:
		ns = x->time_limit ? x->time_limit : cfg->time_limit;
		break;
	case END_WALL_LIMIT:
		ns = x->wall_limit ? x->wall_limit : cfg->wall_limit;
		break;
	case END_STALL:
		ns = cfg->stall_limit;
		break;
	default:
		return;
	}
	/* A boot with several tests has as many times that. */
	snprintf(l->detail, sizeof(l->detail), "%s%s", units_format_time(buf, ns),
		 l->end == END_STALL ? " of wall time" :
		 b->n > 1 ? " for each test of this boot" : "");
}

static void set_detail(struct left *l, const struct boot *b)
{
	if (l->end == END_KERNEL_GONE)
		panic_detail(l);
	else if (l->end == END_OUTPUT_LIMIT)
		snprintf(l->detail, sizeof(l->detail), "%llu bytes",
			 (unsigned long long)b->cfg->output_limit);
	else if (l->end == END_MISSING)
		snprintf(l->detail, sizeof(l->detail), "guest.sh has ended with status %s",
			 value(l, "status"));
	else if (b->killed == BOOT_DOES_NOT_END)
		snprintf(l->detail, sizeof(l->detail), "it does not end at its limits");
	else if (l->end == END_RUN_FAILED && WIFEXITED(b->wstatus))
		snprintf(l->detail, sizeof(l->detail), "exit status %d",
			 WEXITSTATUS(b->wstatus));
	else
		limit_detail(l, b);
}

/* What the host has to say about the end: the place, or what umtt run said */
static char *where(const struct left *l, const struct boot *b)
{
	struct strvec words = { 0 };
	char *text = NULL, *more;
	size_t i, len;

	if (l->end == END_RUN_FAILED || l->end == END_MISSING) {
		text = read_of(b, "stderr", MAX_REPORT, &len);
		return text;
	}
	if (l->end != END_STALL)
		return NULL;
	strvec_addf(&words, "stalled: node %s", value(l, "stall-node"));
	if (*value(l, "stall-pid"))
		strvec_addf(&words, ", process %s", value(l, "stall-pid"));
	if (*value(l, "stall-comm"))
		strvec_addf(&words, " (%s)", value(l, "stall-comm"));
	strvec_addf(&words, ", in %s mode", value(l, "stall-mode"));
	if (*value(l, "stall-where"))
		strvec_addf(&words, ", at %s", value(l, "stall-where"));
	if (*value(l, "stall-syscall"))
		strvec_addf(&words, ", in system call %s",
			    value(l, "stall-syscall"));
	text = xstrdup("");
	for (i = 0; i < words.n; i++) {
		more = xasprintf("%s%s", text, words.v[i]);
		free(text);
		text = more;
	}
	strvec_free(&words);
	return text;
}

/*
 * Whose is a report in the kernel's log?
 */

/* By the marks in the log, if they are there; else by time. The first test also
 * has what came before it, each has what comes before the next. */
static size_t owner_of(const struct boot *b, const struct left *l,
		       const struct klog_report *r)
{
	size_t i, at, owner = 0;

	for (i = 1; i < b->at; i++) {
		const struct kself_test *x = &b->cfg->tests->v[b->first + i];
		char *name = xasprintf("%s:%s", x->collection, x->name);

		at = klog_find_mark(l->log, l->log_len, b->word, "begin", name);
		free(name);
		if (at < l->log_len ? r->at > at :
		    r->now + JIFFY > b->tests[i].begin)
			owner = i;
	}
	return owner;
}

static void set_log(struct kself_test *x, const struct left *l, size_t at,
		    size_t len)
{
	free(x->log);
	x->log = xcalloc(1, len + 1);
	memcpy(x->log, l->log + at, len);
	x->report.log = x->log;
	x->report.log_len = len;
}

/* A panic may come after what it is about, as registers. */
static size_t before_panic(const struct left *l, size_t at)
{
	size_t start = at, prev;
	int lines;

	for (lines = 0; start && lines < PANIC_LINES; lines++) {
		prev = start - 1;
		while (prev && l->log[prev - 1] != '\n')
			prev--;
		if (memmem(l->log + prev, start - prev, "#umtt ", 6))
			break;
		start = prev;
	}
	return start;
}

/* The reports of a test; the first one is the one to be told of. */
static bool find_reports(const struct boot *b, const struct left *l, size_t i,
			 struct klog_report *first)
{
	struct kself_test *x = &b->cfg->tests->v[b->first + i];
	struct klog_report r;
	size_t at = 0, start;

	x->report.reports = 0;
	while (klog_next(l->log, l->log_len, &at, &r)) {
		if (owner_of(b, l, &r) != i || x->report.reports++)
			continue;
		*first = r;
		start = r.panic ? before_panic(l, r.at) : r.at;
		set_log(x, l, start, r.at + r.len - start);
	}
	return x->report.reports;
}

/* A kernel that has ended without a report: what it said last */
static void last_lines(struct kself_test *x, const struct left *l)
{
	size_t at = l->log_len;
	int lines = -1;

	if (x->log)
		return;
	while (at && (lines += l->log[at - 1] == '\n') < LAST_LINES)
		at--;
	set_log(x, l, at, l->log_len - at);
}

/*
 * Verdicts
 */

/* In a boot that is over without an end of the test, it still goes on for a while. */
static bool ended_by_host(enum judge_end end)
{
	return end == END_MISSING || end == END_STALL || end == END_WALL_LIMIT ||
	       end == END_INTERRUPTED || end == END_RUN_FAILED ||
	       end == END_OUTPUT_LIMIT;
}

static void set_times(struct kself_test *x, const struct boot_test *bt,
		      const struct left *l)
{
	u64 end = bt->ended ? bt->end :
			      strtoull(value(l, "simulated-ns"), NULL, 10);

	x->report.begun = bt->begun;
	x->report.loose = !bt->ended && ended_by_host(l->end);
	x->report.simulated = end > bt->begin ? end - bt->begin : 0;
}

static void judge_one(struct boot *b, struct left *l, size_t i)
{
	struct kself_test *x = &b->cfg->tests->v[b->first + i];
	const struct boot_test *bt = &b->tests[i];
	struct klog_report r;
	bool reported = find_reports(b, l, i, &r);
	struct judge_case c = {
		.collection = x->collection, .test = x->name,
		.end = bt->ended ? END_MARKED : l->end, .status = bt->status,
		.end_detail = l->detail, .report = reported ? r.title : NULL,
		.said = x->said ? &x->said->out : NULL,
	};

	judge(&x->report.verdict, &c, b->cfg->expect);
	set_times(x, bt, l);
	if (c.end == END_KERNEL_GONE)
		last_lines(x, l);
	if (!bt->ended)
		x->where = where(l, b);
	x->report.where = x->where;
	x->report.said = c.said;
	/* What only confirms a pass need not be kept. */
	if (x->report.verdict.outcome == JUDGE_FAIL) {
		x->report.tail = x->report.tail_len ? x->tail : NULL;
	} else if (x->report.verdict.outcome != JUDGE_XFAIL) {
		x->report.log = NULL;
	}
	if (strcmp(value(l, "reproducible"), "no") == 0 && bt->ended)
		x->unlike = xstrdup(value(l, "why-not"));
	x->report.unlike = x->unlike;
	x->done = true;
}

/* The whole log, beside that of the first test of the boot */
static void keep_log(const struct boot *b, const struct left *l)
{
	FILE *f;
	char *path;

	if (!b->cfg->out)
		return;
	path = kself_log_path(b->cfg, &b->cfg->tests->v[b->first],
			      ".kernel.log");
	f = fopen(path, "we");
	if (f)
		fwrite(l->log, 1, l->log_len, f);
	if (!f || fclose(f) != 0)
		log_err(path, "cannot write the kernel's log: %s",
			strerror(errno));
	free(path);
}

size_t kself_finish(struct boot *b)
{
	struct left l = { 0 };
	size_t i, n, len;

	l.report = read_of(b, "report", MAX_REPORT, &len);
	l.log = read_of(b, NODE_LOG, MAX_LOG, &l.log_len);
	l.end = end_of(b, &l);
	set_detail(&l, b);
	keep_log(b, &l);
	/* Those that have begun; else the one that should have. */
	n = b->at ? b->at : 1;
	if (l.end == END_INTERRUPTED)
		n = b->n;
	for (i = 0; i < n; i++)
		judge_one(b, &l, i);
	free(l.report);
	free(l.log);
	return n;
}

void kself_judge_unrun(struct kself_test *x, struct expect *e,
		       enum judge_end end, const char *detail)
{
	struct judge_case c = {
		.collection = x->collection, .test = x->name, .end = end,
		.end_detail = detail,
	};

	judge(&x->report.verdict, &c, e);
	x->done = true;
}
