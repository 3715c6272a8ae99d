/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a block device stores its sectors in: a file, memory, or one over the other. */
#ifndef DEV_DISK_H
#define DEV_DISK_H

#include "dev.h"

#define SECTOR		512u
#define SECTOR_SHIFT	9
/* The most that is read or written at a time. */
#define DISK_PIECE	((u32)(DEV_FILE_BUF / SECTOR))

struct disk;

/**
 * struct disk_cfg - what to make
 * @file: image; NULL: memory that is zero at first
 * @size: bytes, where there is no file
 * @cow: the file is only read; what is written stays in memory
 * @readonly: nothing is ever written
 * @cache: what is written is in a volatile cache, until disk_flush()
 * @block: sectors; the size is a multiple of it
 * @done: an operation has ended
 */
struct disk_cfg {
	const char *file;
	u64 size;
	bool cow, readonly, cache;
	u32 block;
	void (*done)(void *owner, int err);
	void *owner;
};

/** disk_open() - 0, or -errno after one line */
int __must_check disk_open(struct dev *d, const struct disk_cfg *cfg,
			   struct disk **out);
void disk_close(struct disk *k);

u64 disk_sectors(const struct disk *k);

/** disk_buf() - DISK_PIECE sectors, which are read to and written from */
u8 *disk_buf(const struct disk *k);

/*
 * One operation at a time; sectors within the size.
 *
 * Return: 0: it has been done; 1: it is under way, and cfg->done() will be
 * called; -errno: it has failed
 */
#define DISK_UNDER_WAY	1

int disk_read(struct disk *k, u64 sector, u32 n);
int disk_write(struct disk *k, u64 sector, u32 n);
/** disk_zero() - any number of sectors read as zeros from now on */
int disk_zero(struct disk *k, u64 sector, u64 n);
/** disk_flush() - empty the cache, and have the host write its own */
int disk_flush(struct disk *k);

/**
 * disk_power_cut() - lose what is in the volatile cache
 * @keep: the probability of a sector to be stored after all, as dev_arg_prob()
 */
int disk_power_cut(struct disk *k, u64 keep);

#endif
