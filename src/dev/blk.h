/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A disk and its requests: what blk.c and blk_work.c share. */
#ifndef DEV_BLK_H
#define DEV_BLK_H

#include <linux/virtio_blk.h>
#include <sys/queue.h>

#include "disk.h"
#include "faults.h"

#define BLK_MAX_RANGES	16	/* of a discard */
#define BLK_MAX_ZERO	(1u << 22)	/* sectors in each */

TAILQ_HEAD(job_list, job);

struct blk_stats {
	u64 requests[NR_REQ_KINDS];
	u64 read_bytes, written_bytes, refused, failed, no_room, no_memory;
	u64 max_in_work;
};

/**
 * struct blk - the device
 * @waiting, @working, @media: requests before start, before done, and after
 * @in_work: requests in @working and @media
 * @channel_free: when the last transfer ends
 * @busy: the disk has an operation under way, for @current if that is still here
 * @more: goes on with @media, in this instant
 * @dead: without power, until the driver starts anew
 */
struct blk {
	struct dev *dev;
	struct disk *disk;
	struct faults *faults;
	u64 sectors, latency[NR_REQ_KINDS], rate, parallel, keep;
	bool readonly;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct job_list waiting, working, media;
	u64 in_work, channel_free;
	struct job *spare, *current;
	struct dev_timer more;
	bool busy, dead, complained;
	struct blk_stats stats;
};

/** blk_work_init() - no requests yet */
void blk_work_init(struct blk *b);
void blk_work_fini(struct blk *b);

/** blk_take() - all requests in @vq arrive now */
void blk_take(struct blk *b, struct vq *vq);

/** blk_drop() - let go of the requests of @vq; NULL: of all queues */
void blk_drop(struct blk *b, const struct vq *vq);

/** blk_disk_done() - for struct disk_cfg */
void blk_disk_done(void *owner, int err);

#endif
