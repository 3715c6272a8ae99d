// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The back-end as a process: what it holds, and what it uses up. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target.h"

static struct target *shared;

void target_share(struct target *t)
{
	shared = t;
}

void target_learn(pid_t pid)
{
	if (!opt.pid)
		shared->pid = pid;
}

pid_t target_pid(void)
{
	return opt.pid ? opt.pid : shared->pid;
}

bool target_gone(void)
{
	char path[64], state = 'Z';
	FILE *f;

	if (!target_pid())
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)target_pid());
	f = fopen(path, "r");
	if (!f)
		return true;
	/* Until its parent has waited for it, it is a zombie. */
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state == 'Z';
}

int target_fds(const char *like)
{
	char dir[64], link[512];
	struct dirent *e;
	ssize_t len;
	int n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)target_pid());
	d = opendir(dir);
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		len = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		if (len < 0)
			continue;	/* closed meanwhile */
		link[len] = '\0';
		n += strstr(link, like) != NULL;
	}
	closedir(d);
	return n;
}

static FILE *proc_file(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)target_pid(), name);
	return fopen(path, "r");
}

int target_maps(const char *like)
{
	FILE *f = proc_file("maps");
	char line[1024];
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, like) != NULL;
	fclose(f);
	return n;
}

long target_rss_kb(void)
{
	FILE *f = proc_file("statm");
	long total, rss = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld %ld", &total, &rss) != 2)
		rss = -1;
	fclose(f);
	return rss < 0 ? -1 : rss * (sysconf(_SC_PAGESIZE) / 1024);
}

long target_cpu_ms(void)
{
	struct timespec ts;
	clockid_t clock;

	if (!target_pid() || clock_getcpuclockid(target_pid(), &clock) ||
	    clock_gettime(clock, &ts) < 0)
		return -1;
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void wait_target_fds(const char *like, int n, const char *why)
{
	u64 end = now_ms() + LEAK_PATIENCE;
	int seen;

	while ((seen = target_fds(like)) > n) {
		if (now_ms() > end)
			fail("%s: expected the back-end to have closed all but %d of '%s'; it has %d open",
			     why, n, like, seen);
		sleep_ms(2);
	}
}

void not_spinning(const char *when)
{
	long before, used = 0;
	int tries;

	for (tries = 0; tries < 5; tries++) {
		before = target_cpu_ms();
		if (before < 0)
			return;
		sleep_ms(QUIET);
		used = target_cpu_ms() - before;
		if (used < QUIET / 3)
			return;
	}
	fail("%s: expected no work; the back-end uses %ld ms of CPU time in %d ms",
	     when, used, QUIET);
}

void target_settles(void)
{
	long before, now = target_cpu_ms();
	int tries;

	for (tries = 0; tries < 10; tries++) {
		before = now;
		sleep_ms(5);
		now = target_cpu_ms();
		if (now < 0 || now == before)
			return;
	}
}
