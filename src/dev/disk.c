// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a block device stores its sectors in: a file, memory, or one over the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "disk.h"

/*
 * DOC: Layers
 *
 *	cache	what has been written since the last flush, if asked for
 *	memory	what has been written at all, where the file must not change,
 *		or where there is none
 *	file	the image
 *
 * A sector is read from the highest layer that has it; where none has, it is
 * zero. It is written to the highest layer. A flush moves what is in the cache
 * to the layer below it.
 *
 * A layer in memory is as large as the disk, but the host gives it pages only
 * where it has been written to.
 */

#define PAGE_SECTORS	8u

/**
 * struct layer - sectors in memory
 * @bits: which are here, a bit each
 * @lo, @hi: all that are here are from @lo to before @hi
 */
struct layer {
	u64 sectors;
	u8 *data;
	u8 *bits;
	u64 lo, hi;
};

enum phase { DISK_IDLE, DISK_READ, DISK_WRITE, DISK_COMMIT, DISK_SYNC };

/**
 * struct disk
 * @buf: the file's, if there is one
 * @phase, @sector, @n: what the file is doing
 * @sync: after the commit
 */
struct disk {
	struct dev *dev;
	struct disk_cfg cfg;
	u64 sectors;
	struct dev_file *file;
	struct layer memory, cache;
	u8 *buf;
	enum phase phase;
	u64 sector;
	u32 n;
	bool sync;
};

/* Layers */

static size_t bits_len(const struct layer *l)
{
	return (size_t)(l->sectors / 8 + 1);
}

static void *reserve(u64 len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int layer_init(struct layer *l, u64 sectors)
{
	l->sectors = sectors;
	l->lo = sectors;
	l->data = reserve(sectors * SECTOR);
	l->bits = reserve(bits_len(l));
	return l->data && l->bits ? 0 : -ENOMEM;
}

static void layer_fini(struct layer *l)
{
	if (l->data)
		munmap(l->data, l->sectors * SECTOR);
	if (l->bits)
		munmap(l->bits, bits_len(l));
}

static bool has(const struct layer *l, u64 s)
{
	return l->bits[s / 8] & (1u << (s % 8));
}

static void set_bits(struct layer *l, u64 s, u64 n)
{
	u64 end = s + n;

	if (!n)
		return;
	l->lo = min_u64(l->lo, s);
	l->hi = max_u64(l->hi, end);
	for (; s < end && s % 8; s++)
		l->bits[s / 8] |= (u8)(1u << (s % 8));
	memset(l->bits + s / 8, 0xff, (end - s) / 8 * (s < end));
	for (s += (end - s) / 8 * 8; s < end; s++)
		l->bits[s / 8] |= (u8)(1u << (s % 8));
}

static void clear_bits(struct layer *l, u64 s, u64 n)
{
	for (; n--; s++)
		l->bits[s / 8] &= (u8)~(1u << (s % 8));
}

/* What is in @l, over what is in @buf. */
static void layer_read(const struct layer *l, u64 s, u32 n, u8 *buf)
{
	for (; n--; s++, buf += SECTOR)
		if (has(l, s))
			memcpy(buf, l->data + s * SECTOR, SECTOR);
}

static void layer_write(struct layer *l, u64 s, u32 n, const u8 *buf)
{
	memcpy(l->data + s * SECTOR, buf, (size_t)n * SECTOR);
	set_bits(l, s, n);
}

static void layer_zero(struct layer *l, u64 s, u64 n)
{
	u64 first = (s + PAGE_SECTORS - 1) / PAGE_SECTORS * PAGE_SECTORS;
	u64 end = s + n, last = end / PAGE_SECTORS * PAGE_SECTORS;

	set_bits(l, s, n);
	/* Whole pages are given back, and are zero then. */
	if (first >= last ||
	    madvise(l->data + first * SECTOR, (last - first) * SECTOR,
		    MADV_DONTNEED) < 0) {
		memset(l->data + s * SECTOR, 0, n * SECTOR);
		return;
	}
	memset(l->data + s * SECTOR, 0, (first - s) * SECTOR);
	memset(l->data + last * SECTOR, 0, (end - last) * SECTOR);
}

/* The next sectors that are there, from *@s on, at most a piece; 0: none. */
static u32 layer_next(const struct layer *l, u64 *s)
{
	u64 at = max_u64(*s, l->lo);
	u32 n = 0;

	while (at < l->hi && !has(l, at))
		at += at % 8 || l->bits[at / 8] ? 1 : 8;
	while (n < DISK_PIECE && at + n < l->hi && has(l, at + n))
		n++;
	*s = at;
	return n;
}

static bool layer_has_all(const struct layer *l, u64 s, u32 n)
{
	while (n && has(l, s)) {
		s++;
		n--;
	}
	return !n;
}

static void layer_empty(struct layer *l)
{
	size_t len = bits_len(l);

	if (madvise(l->bits, len, MADV_DONTNEED) < 0)
		memset(l->bits, 0, len);
	(void)madvise(l->data, l->sectors * SECTOR, MADV_DONTNEED);
	l->lo = l->sectors;
	l->hi = 0;
}

/* Below the cache */

static int file_under_way(struct disk *k, enum phase phase, u64 s, u32 n)
{
	k->phase = phase;
	k->sector = s;
	k->n = n;
	return DISK_UNDER_WAY;
}

static int lower_write(struct disk *k, enum phase phase, u64 s, u32 n)
{
	if (k->memory.data) {
		layer_write(&k->memory, s, n, k->buf);
		return 0;
	}
	dev_file_write(k->file, s * SECTOR, (size_t)n * SECTOR);
	return file_under_way(k, phase, s, n);
}

/* What @k->cache has to what is below. */
static int commit(struct disk *k, u64 s)
{
	u32 n;
	int ret = 0;

	while (!ret && (n = layer_next(&k->cache, &s))) {
		layer_read(&k->cache, s, n, k->buf);
		ret = lower_write(k, DISK_COMMIT, s, n);
		s += n;
	}
	if (ret)
		return ret;
	layer_empty(&k->cache);
	return 0;
}

static int sync_file(struct disk *k)
{
	if (!k->sync || !k->file || k->memory.data || k->cfg.readonly)
		return 0;
	dev_file_sync(k->file);
	return file_under_way(k, DISK_SYNC, 0, 0);
}

static int commit_and_sync(struct disk *k, u64 s)
{
	int ret = k->cache.data ? commit(k, s) : 0;

	return ret ? ret : sync_file(k);
}

/* Operations */

static void overlay(const struct disk *k, u64 s, u32 n)
{
	if (k->memory.data)
		layer_read(&k->memory, s, n, k->buf);
	if (k->cache.data)
		layer_read(&k->cache, s, n, k->buf);
}

static bool file_is_needed(const struct disk *k, u64 s, u32 n)
{
	return k->file &&
	       !(k->memory.data && layer_has_all(&k->memory, s, n)) &&
	       !(k->cache.data && layer_has_all(&k->cache, s, n));
}

int disk_read(struct disk *k, u64 s, u32 n)
{
	if (file_is_needed(k, s, n)) {
		dev_file_read(k->file, s * SECTOR, (size_t)n * SECTOR);
		return file_under_way(k, DISK_READ, s, n);
	}
	memset(k->buf, 0, (size_t)n * SECTOR);
	overlay(k, s, n);
	return 0;
}

int disk_write(struct disk *k, u64 s, u32 n)
{
	if (!k->cache.data)
		return lower_write(k, DISK_WRITE, s, n);
	layer_write(&k->cache, s, n, k->buf);
	return 0;
}

int disk_zero(struct disk *k, u64 s, u64 n)
{
	if (!n)
		return 0;
	if (!k->cache.data && !k->memory.data) {
		dev_file_zero(k->file, s * SECTOR, n * SECTOR);
		return file_under_way(k, DISK_WRITE, s, 0);
	}
	layer_zero(k->cache.data ? &k->cache : &k->memory, s, n);
	return 0;
}

int disk_flush(struct disk *k)
{
	k->sync = true;
	return commit_and_sync(k, 0);
}

int disk_power_cut(struct disk *k, u64 keep)
{
	u64 s = 0, end;
	u32 n;

	if (!k->cache.data)
		return 0;
	for (; keep && (n = layer_next(&k->cache, &s));)
		for (end = s + n; s < end; s++)
			if (dev_rand(k->dev) > keep)
				clear_bits(&k->cache, s, 1);
	if (!keep)
		layer_empty(&k->cache);
	k->sync = false;
	return commit_and_sync(k, 0);
}

/* The file has done what it was to do. */
static void file_done(void *owner, int err)
{
	struct disk *k = owner;
	enum phase phase = k->phase;

	k->phase = DISK_IDLE;
	if (!err && phase == DISK_READ)
		overlay(k, k->sector, k->n);
	if (!err && phase == DISK_COMMIT)
		err = commit_and_sync(k, k->sector + k->n);
	if (err != DISK_UNDER_WAY)
		k->cfg.done(k->cfg.owner, err);
}

/* Making one */

static int open_file(struct disk *k)
{
	enum dev_file_mode mode = k->cfg.cow || k->cfg.readonly ?
				  DEV_FILE_READ : DEV_FILE_WRITE;
	int err;

	err = dev_file_open(k->dev, k->cfg.file, mode, file_done, k, &k->file);
	if (err)
		return err;
	k->buf = dev_file_buf(k->file);
	k->cfg.size = dev_file_size(k->file);
	return 0;
}

static int set_size(struct disk *k)
{
	u64 block = k->cfg.block * (u64)SECTOR, rest = k->cfg.size % block;
	const char *what = k->cfg.file ? k->cfg.file : "option size=";

	k->sectors = (k->cfg.size - rest) / SECTOR;
	if (!k->sectors) {
		log_err(dev_name(k->dev), "%s: there is not a single block of %llu bytes",
			what, (unsigned long long)block);
		return -EINVAL;
	}
	if (rest)
		log_warn(dev_name(k->dev), "%s: the last %llu bytes are less than a block, and not used",
			 what, (unsigned long long)rest);
	return 0;
}

static int make_layers(struct disk *k)
{
	int err = 0;

	if (!k->file || (k->cfg.cow && !k->cfg.readonly))
		err = layer_init(&k->memory, k->sectors);
	if (!err && k->cfg.cache && !k->cfg.readonly)
		err = layer_init(&k->cache, k->sectors);
	if (!err && !k->buf) {
		k->buf = malloc(DEV_FILE_BUF);
		err = k->buf ? 0 : -ENOMEM;
	}
	if (err)
		log_err(dev_name(k->dev), "no memory for a disk of %llu bytes",
			(unsigned long long)k->cfg.size);
	return err;
}

int disk_open(struct dev *d, const struct disk_cfg *cfg, struct disk **out)
{
	struct disk *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->dev = d;
	k->cfg = *cfg;
	err = cfg->file ? open_file(k) : 0;
	if (!err)
		err = set_size(k);
	if (!err)
		err = make_layers(k);
	if (err) {
		disk_close(k);
		return err;
	}
	*out = k;
	return 0;
}

void disk_close(struct disk *k)
{
	if (!k)
		return;
	if (!k->file)
		free(k->buf);
	dev_file_close(k->file);
	layer_fini(&k->memory);
	layer_fini(&k->cache);
	free(k);
}

u64 disk_sectors(const struct disk *k)
{
	return k->sectors;
}

u8 *disk_buf(const struct disk *k)
{
	return k->buf;
}
