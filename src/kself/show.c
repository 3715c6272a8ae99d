// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Where a run of kselftests is written about: stdout, files, the terminal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "boot.h"
#include "show.h"

static int open_file(const char *option, const char *path, FILE **f)
{
	if (!path)
		return 0;
	*f = fopen(path, "we");
	if (*f)
		return 0;
	log_err(NULL, "--%s %s: cannot write: %s", option, path,
		strerror(errno));
	return -errno;
}

static unsigned int stdout_flags(const struct show *s)
{
	return REPORT_HOST | (s->cfg->brief ? REPORT_BRIEF : 0);
}

static void put_head(FILE *f, const struct kself_cfg *cfg)
{
	size_t i;

	report_plan(f, (unsigned int)cfg->tests->n);
	for (i = 0; i < cfg->notes->n; i++)
		fprintf(f, "# %s\n", cfg->notes->v[i]);
}

int show_open(struct show *s, const struct kself_cfg *cfg)
{
	memset(s, 0, sizeof(*s));
	s->cfg = cfg;
	s->began = ring_clock();
	s->terminal = isatty(STDERR_FILENO);
	if (open_file("ktap", cfg->ktap, &s->ktap) ||
	    open_file("junit", cfg->junit, &s->junit)) {
		if (s->ktap)
			fclose(s->ktap);
		return -EIO;
	}
	put_head(stdout, cfg);
	fflush(stdout);
	if (s->ktap)
		put_head(s->ktap, cfg);
	return 0;
}

static void clear_line(struct show *s)
{
	if (s->line)
		fputs("\r\033[K", stderr);
	s->line = false;
}

void show_done(struct show *s)
{
	const struct kself_tests *t = s->cfg->tests;

	for (; s->next < t->n && t->v[s->next].done; s->next++) {
		const struct report_test *r = &t->v[s->next].report;
		unsigned int number = (unsigned int)s->next + 1;

		clear_line(s);
		report_ktap(stdout, number, r, stdout_flags(s));
		fflush(stdout);
		if (s->ktap) {
			report_ktap(s->ktap, number, r, 0);
			fflush(s->ktap);
		}
		report_add(&s->sum, r);
	}
}

void show_progress(struct show *s, const struct kself_test *now,
		   unsigned int running)
{
	if (!s->terminal || !now)
		return;
	s->line = true;
	fprintf(stderr, "\r[%zu/%zu] %s:%s", s->next, s->cfg->tests->n,
		now->collection, now->name);
	if (running > 1)
		fprintf(stderr, " and %u more", running - 1);
	fprintf(stderr, ", %llu s\033[K",
		(unsigned long long)((ring_clock() - s->began) /
				     NSEC_PER_SEC));
}

/* Tests in the form that the writers want */
static const struct report_test **all_reports(const struct kself_tests *t)
{
	const struct report_test **v = xcalloc(t->n + 1, sizeof(*v));
	size_t i;

	for (i = 0; i < t->n; i++)
		v[i] = &t->v[i].report;
	return v;
}

static int close_file(const char *path, FILE *f)
{
	int err;

	if (!f)
		return 0;
	err = ferror(f) ? EIO : 0;
	if (fclose(f) != 0)
		err = errno;
	if (err)
		log_err(path, "cannot write: %s", strerror(err));
	return -err;
}

static int exit_status(const struct show *s)
{
	const struct report_totals *sum = &s->sum;

	return sum->failed || (s->cfg->strict && sum->surprises) ?
		KSELF_FAILED : 0;
}

int show_close(struct show *s, const char *why)
{
	const struct report_test **v = all_reports(s->cfg->tests);
	int status = exit_status(s), err;

	clear_line(s);
	s->sum.wall = ring_clock() - s->began;
	if (why) {
		printf("Bail out! %s\n", why);
		if (s->ktap)
			fprintf(s->ktap, "Bail out! %s\n", why);
	}
	report_summary(stdout, &s->sum, v, REPORT_HOST);
	if (s->ktap)
		report_summary(s->ktap, &s->sum, v, 0);
	if (s->junit)
		report_junit(s->junit, &s->sum, v);
	free(v);
	err = close_file(s->cfg->ktap, s->ktap);
	err = close_file(s->cfg->junit, s->junit) || err;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_err(NULL, "cannot write to stdout: %s", strerror(errno));
		err = -EIO;
	}
	return err ? KSELF_BROKEN : status;
}
