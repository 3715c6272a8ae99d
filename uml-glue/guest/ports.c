// SPDX-License-Identifier: GPL-2.0
/* /dev/virtio-ports/NAME, which elsewhere udev makes. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define CLASS	"/sys/class/virtio-ports"
#define LINKS	"/dev/virtio-ports"

/* The name that the host has given to port @dev; false: none */
static bool port_name(const char *dev, char *name, size_t size)
{
	char path[300];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), CLASS "/%s/name", dev);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(name, (int)size, f) != NULL;
	fclose(f);
	name[strcspn(name, "\n")] = '\0';
	return ok && *name && !strchr(name, '/');
}

void ports_link(void)
{
	char name[128], target[300], path[300];
	DIR *d = opendir(CLASS);
	struct dirent *de;

	if (!d)
		return;
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.' ||
		    !port_name(de->d_name, name, sizeof(name)))
			continue;
		mkdir(LINKS, 0755);
		snprintf(target, sizeof(target), "../%s", de->d_name);
		snprintf(path, sizeof(path), LINKS "/%s", name);
		(void)!symlink(target, path);
	}
	closedir(d);
}
