/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Lists of strings, and allocation that ends the program when it fails. */
#ifndef LAB_STRVEC_H
#define LAB_STRVEC_H

#include <stdbool.h>

#include "../base/types.h"

/*
 * For setting up, where running out of memory has no better answer than a
 * line and exit status 125; the guard process cleans up. Never for what a peer
 * can cause.
 */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __printf(1, 2);

/** xpath() - @path as an absolute path: below @cwd unless it is one already */
char *xpath(const char *cwd, const char *path);
/** xdir() - the directory that the absolute @path is in */
char *xdir(const char *path);
bool is_dir(const char *path);
/** make_parents() - make the directories above the absolute @path, which is as it was */
void make_parents(char *path);

/**
 * struct strvec - a list of strings that owns them
 * @v: ends with NULL; NULL itself as long as the list is empty
 */
struct strvec {
	char **v;
	size_t n;
};

void strvec_add(struct strvec *sv, const char *s);
void strvec_addf(struct strvec *sv, const char *fmt, ...) __printf(2, 3);
void strvec_add_all(struct strvec *sv, const struct strvec *from);
/** strvec_split() - add the words of @s, which spaces separate */
void strvec_split(struct strvec *sv, const char *s);
bool strvec_has(const struct strvec *sv, const char *s);
void strvec_free(struct strvec *sv);

#endif
