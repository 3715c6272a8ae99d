// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Descriptions of devices as text, "TYPE,key=value...": the files that they name. */
#include <stdlib.h>
#include <string.h>

#include "../base/types.h"
#include "devspec.h"
#include "strvec.h"

/*
 * What is in a device's image is not @input: it may be large, and a run may
 * change it. ".in" is the end of a name that the user has chosen.
 */
static const struct {
	const char *key;
	bool input;
} file_options[] = {
	{ "file", false }, { "script", true }, { "record", false },
	{ "uds", false }, { ".in", true }, { ".out", false },
};

size_t devspec_field(const char *s)
{
	size_t n = 0;

	while (s[n] && (s[n] != ',' || s[n + 1] == ','))
		n += s[n] == ',' ? 2 : 1;
	return n;
}

static bool is_key(const char *s, size_t len, const char *key)
{
	size_t n = strlen(key);

	return (*key == '.' ? len > n : len == n) &&
	       memcmp(s + len - n, key, n) == 0;
}

static size_t find_file(const char *s, bool input)
{
	size_t len = strcspn(s, "=,"), i;

	if (s[len] != '=')
		return 0;
	for (i = 0; i < ARRAY_SIZE(file_options); i++)
		if (is_key(s, len, file_options[i].key))
			return input && !file_options[i].input ? 0 : len + 1;
	return 0;
}

size_t devspec_file(const char *s)
{
	return find_file(s, false);
}

size_t devspec_input(const char *s)
{
	return find_file(s, true);
}

char *devspec_path(const char *s, size_t len)
{
	char *path = xcalloc(1, len + 1), *p = path;
	size_t i;

	for (i = 0; i < len; i++) {
		*p++ = s[i];
		i += s[i] == ',';
	}
	return path;
}

char *devspec_quote(const char *path)
{
	char *s = xcalloc(2, strlen(path) + 1), *p = s;

	for (; *path; path++) {
		*p++ = *path;
		if (*path == ',')
			*p++ = ',';
	}
	return s;
}
