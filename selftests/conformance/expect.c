// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Differences that are known: a file of those of one back-end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

/*
 * A line each: "TEST | what must stand in its output | why". A test that is
 * listed must fail, and in that way; all others must not. One whose name has a
 * '~' before it may pass as well: whether it fails is a matter of luck.
 */

#define MAX_EXPECTED	256

static struct expected list[MAX_EXPECTED];
static unsigned int nr;

static char *trim(char *s)
{
	char *end;

	if (!s)
		return NULL;
	s += strspn(s, " \t");
	end = s + strlen(s);
	while (end > s && strchr(" \t\n", end[-1]))
		*--end = '\0';
	return s;
}

static void parse(const char *path, char *line)
{
	struct expected *e = &list[nr];
	char *save;

	e->sometimes = line[0] == '~';
	e->test = trim(strtok_r(line + e->sometimes, "|", &save));
	e->came = trim(strtok_r(NULL, "|", &save));
	e->why = trim(strtok_r(NULL, "|", &save));
	if (!e->why || nr + 1 == MAX_EXPECTED || !test_find(e->test)) {
		fprintf(stderr, "%s: '%s' is no test, or its line is not 'TEST | OUTPUT | WHY'\n",
			path, e->test ? e->test : "");
		exit(1);
	}
	nr++;
}

void expect_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		parse(path, strdup(line));
	}
	fclose(f);
}

const struct expected *expect_find(const char *test)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(list[i].test, test))
			return &list[i];
	return NULL;
}
