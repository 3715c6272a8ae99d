// SPDX-License-Identifier: GPL-2.0
/* The coverage of this kernel, sent to umtt when the command has ended. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define GCOV	"/sys/kernel/debug/gcov"

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int wanted(const struct dirent *de)
{
	size_t len = strlen(de->d_name);

	return de->d_name[0] != '.' &&
		(de->d_type == DT_DIR ||
		 (de->d_type == DT_REG && len > 5 &&
		  strcmp(de->d_name + len - 5, ".gcda") == 0));
}

/* Below GCOV a file has the path that it would have on the host. */
static void send_file(const char *path)
{
	const char *name = path + strlen(GCOV);
	char buf[CHANNEL_MAX_DATA];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || strlen(name) > CHANNEL_MAX_DATA)
		return;
	send_frame(CHANNEL_COVER, name, strlen(name));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		send_frame(CHANNEL_COVER_DATA, buf, (size_t)n);
	close(fd);
}

static void send_dir(const char *dir)
{
	struct dirent **list;
	char *path;
	int n = scandir(dir, &list, wanted, by_name), i;

	for (i = 0; i < n; i++) {
		if (asprintf(&path, "%s/%s", dir, list[i]->d_name) < 0)
			fail("out of memory");
		if (list[i]->d_type == DT_DIR)
			send_dir(path);
		else
			send_file(path);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

void cover_send(void)
{
	if (conf_get("gcov", NULL))
		send_dir(GCOV);
	kcov_send();
}

void cover_check(void)
{
	if (conf_get("gcov", NULL) && access(GCOV, F_OK) < 0)
		fail("this kernel counts no lines: it needs CONFIG_GCOV_KERNEL, as the one that is built with umtt has it");
}
