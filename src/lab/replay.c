// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A run that is to be as a recorded one: compared record by record. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../trace/text.h"
#include "record.h"
#include "replay.h"

/*
 * DOC: Theory of operation
 *
 * As long as all is the same, a record's bytes are those of the recording, time
 * included, and comparing is a memcmp() with the mapped file. Only where they
 * are not the recording is read, from its beginning, to say what should have
 * come.
 *
 * A recorded run that the host has ended (by a signal, or at its wall-clock
 * limit) is repeated up to there, with its status: that of SIGKILL if it came to
 * say none. When the host ends this run, it has been compared up to there.
 */

#define CONTEXT	6u

/** struct place - the recording up to the difference */
struct place {
	struct trace_reader r;
	struct trace_names names;
	struct trace_rec before[CONTEXT];
};

static void find_place(const struct replay *rp, struct place *p)
{
	struct trace_rec rec;
	u64 i;

	p->r = rp->begin;
	for (i = 0; i < rp->count && trace_next(&p->r, &rec) > 0; i++) {
		p->before[i % CONTEXT] = rec;
		if (trace_names_learn(&p->names, &rec) < 0)
			return;
	}
}

static void print_one(FILE *f, const char *mark, const struct trace_names *n,
		      const struct trace_rec *rec)
{
	fprintf(f, "%-8s ", mark);
	trace_print(f, n, rec, false);
}

static void print_expected(FILE *f, struct place *p, const struct trace_rec *rec)
{
	struct trace_rec next = *rec;
	unsigned int i;

	for (i = 0; i < CONTEXT; i++) {
		if (trace_names_learn(&p->names, &next) < 0)
			return;
		print_one(f, i ? "" : "expected", &p->names, &next);
		if (trace_next(&p->r, &next) <= 0)
			return;
	}
}

static void print_difference(const struct replay *rp, struct place *p, FILE *f,
			     const struct trace_rec *expected,
			     const struct trace_rec *seen)
{
	u64 i = rp->count > CONTEXT ? rp->count - CONTEXT : 0;

	fprintf(f, "umtt: replay: after %" PRIu64 " records that are the same, an event at %" PRIu64 ".%09" PRIu64 " s is not the recorded one:\n",
		rp->count, seen->time / NSEC_PER_SEC, seen->time % NSEC_PER_SEC);
	for (; i < rp->count; i++)
		print_one(f, "", &p->names, &p->before[i % CONTEXT]);
	print_expected(f, p, expected);
	if (trace_names_learn(&p->names, seen) == 0)
		print_one(f, "seen", &p->names, seen);
}

static void say_difference(struct replay *rp, struct place *p,
			   const struct trace_rec *expected,
			   const struct trace_rec *seen)
{
	size_t len;
	FILE *f = open_memstream(&rp->report, &len);

	if (f) {
		print_difference(rp, p, f, expected, seen);
		fclose(f);
	}
	rp->stop(rp, REPLAY_DIFFERS, "the replay differs");
}

static void say_end(struct replay *rp, const char *why)
{
	rp->report = xasprintf("umtt: replay: the first %" PRIu64 " records are the same; then %s\n",
			       rp->count, why);
}

/* There is no more to compare with; @end: why, as far as that run could say */
static void recording_ends(struct replay *rp, const struct trace_rec *end)
{
	say_end(rp, "the recording ends: the host ended that run");
	rp->stop(rp, end ? (int)end->v[0] : 128 + SIGKILL,
		 RECORD_HOST "the recording ends");
}

static void compare(struct replay *rp, struct place *p, const u8 *bytes,
		    size_t len)
{
	struct trace_rec expected, seen;
	struct trace_reader r;
	int ret;

	trace_reader_part(&r, bytes, len, p->r.time);
	if (trace_next(&r, &seen) <= 0)
		return;
	ret = trace_next(&p->r, &expected);
	if (ret < 0) {
		say_end(rp, "the recording is damaged");
		rp->stop(rp, 125, "the recording is damaged");
	} else if (!ret || record_ended_by_host(&expected)) {
		recording_ends(rp, ret ? &expected : NULL);
	} else if (record_ended_by_host(&seen)) {
		say_end(rp, "the host ended this run");
	} else {
		say_difference(rp, p, &expected, &seen);
	}
}

static void not_the_same(struct replay *rp, const u8 *bytes, size_t len)
{
	struct place *p = xcalloc(1, sizeof(*p));

	rp->ended = true;
	find_place(rp, p);
	compare(rp, p, bytes, len);
	trace_names_fini(&p->names);
	free(p);
}

static void check(void *arg, enum trace_kind kind, const u8 *bytes, size_t len)
{
	struct replay *rp = arg;

	if (kind == TRACE_IDENTITY || rp->ended)
		return;
	if (rp->file.len - rp->pos < len ||
	    memcmp(rp->file.buf + rp->pos, bytes, len) != 0) {
		not_the_same(rp, bytes, len);
		return;
	}
	rp->pos += len;
	rp->count++;
	if (kind == TRACE_END) {
		rp->ended = true;
		rp->report = xasprintf("umtt: replay: all %" PRIu64 " records are the same\n",
				       rp->count);
	}
}

int replay_open(struct replay *rp, const char *path)
{
	int err;

	memset(rp, 0, sizeof(*rp));
	rp->path = path;
	err = trace_reader_open(&rp->file, path);
	if (err) {
		log_err(path, "%s", err == -EPROTO ? "this is not a trace of umtt" :
			err == -EPROTONOSUPPORT ? "a trace, but of another version of umtt" :
			strerror(-err));
		return err;
	}
	rp->begin = rp->file;
	err = trace_identity_read(&rp->identity, &rp->begin);
	if (!err) {
		rp->pos = rp->begin.pos;
		return 0;
	}
	log_err(path, "damaged");
	replay_close(rp);
	return err;
}

static void given_differs(void *arg, const char *was, const char *now)
{
	(void)arg;
	if (was && now)
		log_warn("replay", "recorded with %s, now %s", was, now);
	else
		log_warn("replay", "recorded with%s %s", was ? "" : "out",
			 was ? was : now);
}

void replay_begin(struct replay *rp, struct trace *t,
		  const struct trace_identity *now)
{
	if (trace_identity_compare(&rp->identity, now, given_differs, NULL) < 0)
		log_warn("replay", "out of memory");
	rp->check = (struct trace_check){ check, rp };
	trace_check(t, &rp->check);
}

void replay_end(struct replay *rp)
{
	if (rp->report)
		fputs(rp->report, stderr);
}

void replay_close(struct replay *rp)
{
	trace_identity_fini(&rp->identity);
	free(rp->report);
	trace_reader_close(&rp->file);
}
