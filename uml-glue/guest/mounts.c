// SPDX-License-Identifier: GPL-2.0
/* The file systems of a node: the host's files, and memory on top of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define NEW_ROOT	"/newroot"
#define PATH_LEN	4352	/* PATH_MAX, and a prefix of ours */

/* A mount without which there is nothing to run a command in. */
static void must_mount(const char *what, const char *where, const char *type,
		       unsigned long flags, const char *data)
{
	if (mount(what, where, type, flags, data) < 0)
		fail("cannot mount %s on %s: %s", type ? type : what, where,
		     strerror(errno));
}

/* A mount that some programs like to have, where the kernel can do it. */
static void try_mount(const char *type, const char *where,
		      unsigned long flags, const char *data)
{
	(void)!mount(type, where, type, flags, data);
}

void mounts_early(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
}

static void dev_extras(void)
{
	(void)!symlink("/proc/self/fd", "/dev/fd");
	(void)!symlink("/proc/self/fd/0", "/dev/stdin");
	(void)!symlink("/proc/self/fd/1", "/dev/stdout");
	(void)!symlink("/proc/self/fd/2", "/dev/stderr");
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/mqueue", 01777);
	try_mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
	try_mount("mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	try_mount("debugfs", "/sys/kernel/debug", 0, NULL);
	try_mount("tracefs", "/sys/kernel/tracing", 0, NULL);
	try_mount("configfs", "/sys/kernel/config", 0, NULL);
	try_mount("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* Directories that become empty memory. Paths as seen in the new root. */
static const struct tmp_dir {
	const char *path, *opts;
} tmp_dirs[] = {
	{ "/tmp", "mode=1777" },
	{ "/var/tmp", "mode=1777" },
	{ "/run", "mode=755" },
	{ "/dev/shm", "mode=1777" },
};

#define NR_TMP_DIRS	(sizeof(tmp_dirs) / sizeof(tmp_dirs[0]))

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

/* Make @path's parent directories, from the end of the mounted @dir on. */
static void make_parents(char *path, size_t from)
{
	char *p;

	for (p = path + from + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

/* Let the host's @fd appear read-only at @target, which does not exist yet. */
static void bind_kept(int fd, bool is_dir, char *target, size_t from)
{
	char source[64];
	int file;

	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	make_parents(target, from);
	if (is_dir) {
		mkdir(target, 0755);
	} else {
		file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (file >= 0)
			close(file);
	}
	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		note("cannot show the host's %s: %s",
		     target + strlen(NEW_ROOT), strerror(errno));
}

/*
 * The directory itself must stay visible and be writable as well: an overlay
 * whose changes stay in memory.
 */
static void overlay(int fd, const char *target)
{
	char opts[256];

	mkdir("/upper", 0755);
	if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=755") < 0)
		return;
	mkdir("/upper/data", 01777);
	chmod("/upper/data", 01777);
	mkdir("/upper/work", 0755);
	snprintf(opts, sizeof(opts), "lowerdir=/proc/self/fd/%d,upperdir=/upper/data,workdir=/upper/work",
		 fd);
	if (mount("overlay", target, "overlay", 0, opts) < 0)
		note("cannot show the host's %s, it is empty here: no overlay file system (%s)",
		     target + strlen(NEW_ROOT), strerror(errno));
	umount2("/upper", MNT_DETACH);
}

/* What of the host must stay visible, opened before the tmpfs covers it. */
static int open_kept(const char *path, struct stat *st)
{
	char full[PATH_LEN];
	int fd;

	snprintf(full, sizeof(full), NEW_ROOT "%s", path);
	fd = open(full, O_PATH | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

#define MAX_KEPT	64

static void cover(const struct tmp_dir *dir)
{
	char target[PATH_LEN];
	const char *keep, *kept[MAX_KEPT];
	struct stat st[MAX_KEPT];
	int fds[MAX_KEPT], i, n = 0;
	size_t pos = 0, base;

	base = (size_t)snprintf(target, sizeof(target), NEW_ROOT "%s", dir->path);
	if (lstat(target, &st[0]) < 0 || !S_ISDIR(st[0].st_mode))
		return;
	while ((keep = conf_next("keep", &pos)) && n < MAX_KEPT)
		if (is_below(keep, dir->path) &&
		    (fds[n] = open_kept(keep, &st[n])) >= 0)
			kept[n++] = keep;
	must_mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, dir->opts);
	for (i = 0; i < n; i++) {
		snprintf(target, sizeof(target), NEW_ROOT "%s", kept[i]);
		if (target[base] == '\0')
			overlay(fds[i], target);
		else
			bind_kept(fds[i], S_ISDIR(st[i].st_mode), target, base);
		close(fds[i]);
	}
}

static void move_mount_to(const char *dir)
{
	char target[PATH_LEN];

	snprintf(target, sizeof(target), NEW_ROOT "%s", dir);
	if (mount(dir, target, NULL, MS_MOVE, NULL) < 0)
		fail("the root file system has no directory %s to mount on: %s",
		     dir, strerror(errno));
}

void mounts_root(void)
{
	const char *root = conf_get("root", "/");
	size_t i;

	mkdir(NEW_ROOT, 0755);
	must_mount("hostfs", NEW_ROOT, "hostfs", MS_RDONLY,
		   strcmp(root, "/") == 0 ? NULL : root);
	dev_extras();
	/* /proc stays in reach until the binds are done; it moves last. */
	move_mount_to("/dev");
	for (i = 0; i < NR_TMP_DIRS; i++)
		cover(&tmp_dirs[i]);
	mkdir(NEW_ROOT "/run/lock", 01777);
	chmod(NEW_ROOT "/run/lock", 01777);
	move_mount_to("/sys");
	move_mount_to("/proc");
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		fail("cannot change to the new root: %s", strerror(errno));
}
