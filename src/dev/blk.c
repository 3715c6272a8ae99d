// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* blk: a disk, with a time for each request and faults on demand. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "blk.h"

#define BLK_ID		2
#define BLK_MAX_QUEUES	16
#define BLK_SEG_MAX	126
/* Up to here the fields are known to all headers and front-ends. */
#define CONFIG_SIZE	(offsetof(struct virtio_blk_config, unused1) + 3)

/* What dev.c calls */

static void blk_vq_ready(struct dev *d, unsigned int i)
{
	blk_take(dev_priv(d), dev_vq(d, i));
}

static void blk_stop(struct dev *d, struct vq *vq)
{
	blk_drop(dev_priv(d), vq);
}

static void blk_start(struct dev *d)
{
	struct virtio_blk_config *c = dev_config(d);
	struct blk *b = dev_priv(d);

	c->wce = 1;
	b->dead = false;
}

static int blk_config_set(struct dev *d, size_t off, size_t len)
{
	const struct virtio_blk_config *c = dev_config(d);

	return off == offsetof(struct virtio_blk_config, wce) &&
	       len == sizeof(c->wce) && c->wce <= 1 ? 0 : -EINVAL;
}

/* Options */

static int at_least_1(struct dev *d, struct dev_args *a, const char *key,
		      u64 max, u64 *v)
{
	int err = dev_arg_u64(a, key, v);

	if (!err && dev_arg_str(a, key, NULL) && (!*v || *v > max)) {
		if (max == U64_MAX)
			log_err(dev_name(d), "option %s=%s: not 1 or more", key,
				dev_arg_str(a, key, ""));
		else
			log_err(dev_name(d), "option %s=%s: not from 1 to %" PRIu64,
				key, dev_arg_str(a, key, ""), max);
		err = -EINVAL;
	}
	return err;
}

static int get_times(struct blk *b, struct dev_args *a)
{
	static const char *const key[] = {
		[REQ_READ] = "read-latency", [REQ_WRITE] = "write-latency",
		[REQ_FLUSH] = "flush-latency",
		[REQ_DISCARD] = "discard-latency",
		[REQ_ZERO] = "zero-latency",
	};
	u64 latency = 0;
	int i, err;

	err = dev_arg_time(a, "latency", &latency);
	for (i = 0; i < NR_REQ_KINDS && !err; i++) {
		b->latency[i] = latency;
		err = dev_arg_time(a, key[i], &b->latency[i]);
	}
	if (!err)
		err = at_least_1(b->dev, a, "rate", U64_MAX, &b->rate);
	b->parallel = U64_MAX;
	if (!err)
		err = at_least_1(b->dev, a, "parallel", U64_MAX, &b->parallel);
	return err;
}

static int get_block(struct dev *d, struct dev_args *a, u32 *block)
{
	u64 v = SECTOR;
	int err = dev_arg_u64(a, "logical-block", &v);

	if (!err && v != SECTOR && v != 4096) {
		log_err(dev_name(d), "option logical-block=%s: not 512 or 4096",
			dev_arg_str(a, "logical-block", ""));
		err = -EINVAL;
	}
	*block = (u32)v;
	return err;
}

static int get_serial(struct blk *b, struct dev_args *a)
{
	const char *s = dev_arg_str(a, "serial", NULL);
	const char *id = s ? s : dev_name(b->dev);

	if (s && strlen(s) > sizeof(b->serial)) {
		log_err(dev_name(b->dev), "option serial=%s: longer than %zu bytes",
			s, sizeof(b->serial));
		return -EINVAL;
	}
	memcpy(b->serial, id, strnlen(id, sizeof(b->serial)));
	return 0;
}

static int get_faults(struct blk *b, struct dev_args *a, bool *cache)
{
	int err = faults_new(&b->faults, b->dev, a);

	if (err)
		return err;
	*cache = faults_power(b->faults);
	return dev_arg_prob(a, "power-cut-keep", &b->keep);
}

static int get_medium(struct blk *b, struct dev_args *a, struct disk_cfg *cfg)
{
	const char *size = dev_arg_str(a, "size", NULL);
	int err;

	cfg->file = dev_arg_str(a, "file", NULL);
	err = dev_arg_u64(a, "size", &cfg->size);
	if (!err)
		err = dev_arg_bool(a, "cow", &cfg->cow);
	if (!err)
		err = dev_arg_bool(a, "readonly", &cfg->readonly);
	if (err)
		return err;
	if (!cfg->file == !size) {
		log_err(dev_name(b->dev), "a disk is either file=PATH or size=BYTES");
		return -EINVAL;
	}
	if (cfg->cow && !cfg->file) {
		log_err(dev_name(b->dev), "option cow: there is no file=PATH to leave as it is");
		return -EINVAL;
	}
	b->readonly = cfg->readonly;
	return 0;
}

static void set_config(struct blk *b, u32 block, unsigned int queues)
{
	struct virtio_blk_config *c = dev_config(b->dev);
	u64 features = queues > 1 ? BIT_ULL(VIRTIO_BLK_F_MQ) : 0;

	c->capacity = htole64(b->sectors);
	c->seg_max = htole32(BLK_SEG_MAX);
	c->blk_size = htole32(block);
	c->wce = 1;
	c->num_queues = htole16((u16)queues);
	if (b->readonly) {
		features |= BIT_ULL(VIRTIO_BLK_F_RO);
	} else {
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD) |
			    BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
		c->max_discard_sectors = htole32(BLK_MAX_ZERO);
		c->max_discard_seg = htole32(BLK_MAX_RANGES);
		c->discard_sector_alignment = htole32(block / SECTOR);
		c->max_write_zeroes_sectors = htole32(BLK_MAX_ZERO);
		c->max_write_zeroes_seg = htole32(BLK_MAX_RANGES);
		c->write_zeroes_may_unmap = 1;
	}
	dev_offer(b->dev, features);
	dev_set_nr_vqs(b->dev, queues);
}

static int blk_setup(struct blk *b, struct dev_args *a)
{
	struct disk_cfg cfg = { .done = blk_disk_done, .owner = b };
	u64 queues = 1;
	u32 block;
	int err;

	err = get_medium(b, a, &cfg);
	if (!err)
		err = get_block(b->dev, a, &block);
	if (!err)
		err = get_times(b, a);
	if (!err)
		err = get_serial(b, a);
	if (!err)
		err = at_least_1(b->dev, a, "queues", BLK_MAX_QUEUES, &queues);
	if (!err)
		err = get_faults(b, a, &cfg.cache);
	if (err)
		return err;
	cfg.block = block / SECTOR;
	err = disk_open(b->dev, &cfg, &b->disk);
	if (err)
		return err;
	b->sectors = disk_sectors(b->disk);
	set_config(b, block, (unsigned int)queues);
	return 0;
}

static void blk_remove(struct dev *d)
{
	struct blk *b = dev_priv(d);

	blk_work_fini(b);
	disk_close(b->disk);
	faults_free(b->faults);
	b->disk = NULL;
	b->faults = NULL;
}

static int blk_probe(struct dev *d, struct dev_args *a)
{
	struct blk *b = dev_priv(d);
	int err;

	b->dev = d;
	blk_work_init(b);
	err = blk_setup(b, a);
	if (err)
		blk_remove(d);
	return err;
}

static void blk_show(const struct dev *d, FILE *f)
{
	const struct blk *b = dev_priv(d);
	const struct blk_stats *s = &b->stats;

	fprintf(f, "reads %" PRIu64 "\n", s->requests[REQ_READ]);
	fprintf(f, "read_bytes %" PRIu64 "\n", s->read_bytes);
	fprintf(f, "writes %" PRIu64 "\n", s->requests[REQ_WRITE]);
	fprintf(f, "written_bytes %" PRIu64 "\n", s->written_bytes);
	fprintf(f, "flushes %" PRIu64 "\n", s->requests[REQ_FLUSH]);
	fprintf(f, "discards %" PRIu64 "\n", s->requests[REQ_DISCARD]);
	fprintf(f, "write_zeroes %" PRIu64 "\n", s->requests[REQ_ZERO]);
	fprintf(f, "in_work_max %" PRIu64 "\n", s->max_in_work);
	fprintf(f, "failed %" PRIu64 "\n", s->failed);
	fprintf(f, "refused %" PRIu64 "\n", s->refused);
	fprintf(f, "no_room %" PRIu64 "\n", s->no_room);
	fprintf(f, "no_memory %" PRIu64 "\n", s->no_memory);
}

const struct dev_ops blk_dev_ops = {
	.name = "blk",
	.help = "file=PATH          raw image: a regular file or a block device\n"
		"size=BYTES         or memory, zero at first (as 64Mi)\n"
		"cow                leave the file as it is, write to memory\n"
		"readonly           refuse to write\n"
		"serial=TEXT        (default: the device's name)\n"
		"logical-block=N    512 or 4096 (default: 512)\n"
		"queues=N           (default: 1)\n"
		"latency=TIME       of each request (default: 0)\n"
		"read-latency=, write-latency=, flush-latency=, discard-latency=,\n"
		"zero-latency=      of these kinds\n"
		"rate=BYTES         per second of simulated time, one after the other\n"
		"parallel=N         requests in work at a time (default: all)\n"
		"error=KIND@WHEN[/...]      these fail; KIND: read, write, flush, discard,\n"
		"                   zero, any; WHEN: N, N-M, N+, TIME, TIME-TIME, TIME+\n"
		"hang=KIND@WHEN[/...]       these never come back\n"
		"power-cut=KIND@WHEN[/...]  from here on all fail, until the driver starts\n"
		"                   anew; what has not been flushed is lost\n"
		"power-cut-keep=P   but not each sector of it (default: 0)\n"
		"torn=WHEN@N        of this write only N sectors are stored, then all fails\n"
		"error-sector=A[-B][/...]   requests that touch these sectors fail\n",
	.virtio_id = BLK_ID,
	.nr_vqs = BLK_MAX_QUEUES,
	.features = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
		    BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
		    BIT_ULL(VIRTIO_BLK_F_FLUSH) |
		    BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE),
	.priv_size = sizeof(struct blk),
	.config_size = CONFIG_SIZE,
	.probe = blk_probe,
	.remove = blk_remove,
	.start = blk_start,
	.stop = blk_stop,
	.vq_ready = blk_vq_ready,
	.config_set = blk_config_set,
	.stats = blk_show,
};
