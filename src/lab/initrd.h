/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The first file system of a node: a cpio archive in memory. */
#ifndef LAB_INITRD_H
#define LAB_INITRD_H

#include "../base/types.h"

/** struct initrd - an archive being made ("newc", as the kernel reads it) */
struct initrd {
	u8 *data;
	size_t len;
	u32 inode;
};

/** initrd_dir() - add an empty directory; @path without a slash in front */
void initrd_dir(struct initrd *rd, const char *path);
/** initrd_chardev() - add a character device that root may use */
void initrd_chardev(struct initrd *rd, const char *path, unsigned int major,
		    unsigned int minor);
/** initrd_data() - add a file that holds @data */
void initrd_data(struct initrd *rd, const char *path, const void *data,
		 size_t len);
/**
 * initrd_copy() - add a program: the file @from of the host
 *
 * Return: 0 or -errno after a line that names @from
 */
int __must_check initrd_copy(struct initrd *rd, const char *path,
			     const char *from);

/**
 * initrd_write() - end the archive and write it to @file
 *
 * Return: 0 or -errno after a line that names @file
 */
int __must_check initrd_write(struct initrd *rd, const char *file);
void initrd_free(struct initrd *rd);

#endif
