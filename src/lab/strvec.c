// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Lists of strings, and allocation that ends the program when it fails. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/log.h"
#include "strvec.h"

static void *check(void *p)
{
	if (!p) {
		log_err(NULL, "out of memory");
		exit(125);
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size));
}

void *xrealloc(void *p, size_t size)
{
	return check(realloc(p, size));
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

static char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	return check(vasprintf(&s, fmt, ap) < 0 ? NULL : s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

char *xpath(const char *cwd, const char *path)
{
	return *path == '/' ? xstrdup(path) : xasprintf("%s/%s", cwd, path);
}

char *xdir(const char *path)
{
	int len = (int)(strrchr(path, '/') - path);

	return xasprintf("%.*s", len ? len : 1, path);
}

bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void make_parents(char *path)
{
	char *p;

	for (p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0777);
		*p = '/';
	}
}

/* Takes over @s */
static void add_owned(struct strvec *sv, char *s)
{
	sv->v = xrealloc(sv->v, (sv->n + 2) * sizeof(*sv->v));
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strvec_add(struct strvec *sv, const char *s)
{
	add_owned(sv, xstrdup(s));
}

void strvec_addf(struct strvec *sv, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_owned(sv, xvasprintf(fmt, ap));
	va_end(ap);
}

void strvec_add_all(struct strvec *sv, const struct strvec *from)
{
	size_t i;

	for (i = 0; i < from->n; i++)
		strvec_add(sv, from->v[i]);
}

void strvec_split(struct strvec *sv, const char *s)
{
	size_t len;

	for (s += strspn(s, " \t\n"); *s; s += strspn(s, " \t\n")) {
		len = strcspn(s, " \t\n");
		add_owned(sv, check(strndup(s, len)));
		s += len;
	}
}

bool strvec_has(const struct strvec *sv, const char *s)
{
	size_t i;

	for (i = 0; i < sv->n; i++)
		if (strcmp(sv->v[i], s) == 0)
			return true;
	return false;
}

void strvec_free(struct strvec *sv)
{
	size_t i;

	for (i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	sv->v = NULL;
	sv->n = 0;
}
