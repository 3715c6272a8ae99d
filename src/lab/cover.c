// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a node sends of its kernel's coverage, as files for gcov. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "cover.h"
#include "strvec.h"

/*
 * DOC: Trust
 *
 * Paths come from the node. All that is made lies below the node's directory:
 * no component is "..", and none ends in ".gcno", as only our links do, so that
 * no path leads through one of these.
 */

#define DATA	".gcda"
#define NOTES	".gcno"

void cover_init(struct cover *c, const char *dir, const char *name)
{
	c->dir = dir ? xasprintf("%s/%s", dir, name) : NULL;
	c->fd = -1;
	c->files = 0;
}

static void end_file(struct cover *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void cover_fini(struct cover *c)
{
	end_file(c);
	free(c->dir);
	c->dir = NULL;
}

static bool ends_in(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(s + len - n, end, n) == 0;
}

static bool sensible(const char *path)
{
	const char *p = path;
	size_t n;

	if (*p != '/' || !ends_in(path, strlen(path), DATA))
		return false;
	for (; *p; p += n) {
		p++;
		n = strcspn(p, "/");
		if (!n || (n == 2 && memcmp(p, "..", 2) == 0) ||
		    ends_in(p, n, NOTES))
			return false;
	}
	return true;
}

static void replace_end(char *path)
{
	memcpy(path + strlen(path) - strlen(NOTES), NOTES, strlen(NOTES));
}

const char *cover_begin(struct cover *c, const u8 *bytes, size_t len)
{
	char path[PATH_MAX], *file, *notes;
	const char *why = NULL;

	end_file(c);
	if (len >= sizeof(path) || memchr(bytes, '\0', len))
		return "it has sent coverage for an odd path";
	memcpy(path, bytes, len);
	path[len] = '\0';
	if (!sensible(path))
		return "it has sent coverage for an odd path";
	c->files++;
	if (!c->dir)
		return NULL;
	file = xasprintf("%s%s", c->dir, path);
	make_parents(file);
	c->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		     0644);
	if (c->fd < 0) {
		log_err(file, "%s", strerror(errno));
		why = "its coverage cannot be written";
	}
	notes = xstrdup(file);
	replace_end(notes);
	replace_end(path);
	unlink(notes);
	if (!why && symlink(path, notes) < 0)
		why = "the link to the compiler's notes cannot be made";
	free(notes);
	free(file);
	return why;
}

const char *cover_data(struct cover *c, const u8 *data, size_t len)
{
	ssize_t n = c->fd < 0 ? (ssize_t)len : write(c->fd, data, len);

	if (n >= 0 && (size_t)n == len)
		return NULL;
	log_err(c->dir, "%s", strerror(n < 0 ? errno : ENOSPC));
	return "its coverage cannot be written";
}
