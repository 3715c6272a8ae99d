// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* blk: a disk, with a time for each request and faults on demand. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "disk.h"
#include "faults.h"

/*
 * DOC: Times
 *
 * A request arrives at a, the instant of its kick (plus the device's kick
 * latency). Requests are numbered in the order in which they are taken from
 * the queue.
 *
 *	start = a, or with parallel=N the first instant from a on at which
 *		fewer than N of the earlier ones are in work; in order
 *	ready = start + latency of its kind
 *	done  = ready, or for a transfer with rate=R
 *		max(ready, done of the transfer before) + ceil(bytes * 10^9 / R)
 *
 * Reads and writes of at least a byte are transfers; they are one after the
 * other, in the order of (ready, start). So latencies overlap and transfers do
 * not, as on a bus. At "done" the sectors are read or written and the buffer
 * goes back, all in that instant: requests of the same instant one after the
 * other in the order in which they got there.
 *
 * What cannot be carried out (unknown, malformed, out of range), and GET_ID,
 * comes back at a, and is not in work.
 */

/*
 * DOC: The medium
 *
 * At "done" a request joins the list "media". Its first one is carried out,
 * in pieces of a megabyte; disk.c may hold the instant while the host works.
 * When the queue is taken away meanwhile, the request is forgotten and what
 * the host still does goes to or comes from disk.c's buffer.
 */

#define BLK_ID		2
#define BLK_MAX_QUEUES	16
#define BLK_SEG_MAX	126
#define BLK_MAX_RANGES	16	/* segments of a discard */
#define BLK_MAX_ZERO	(1u << 22)	/* sectors in each */
/* Up to here the fields are known to all headers and front-ends. */
#define CONFIG_SIZE	(offsetof(struct virtio_blk_config, unused1) + 3)
/* So many pieces, then the loop gets a chance to see signals and limits. */
#define PIECES_AT_ONCE	16

/**
 * struct job - a request
 * @status, @over: the answer, when it is known
 * @sector, @n: of reads and writes, in sectors
 * @range, @n: of discards
 * @pos: so many of the @n are done
 * @piece: and so many are being done
 * @sync: the cache is to be flushed in the end
 */
struct job {
	struct vq_buf buf;
	struct dev_timer timer;
	struct blk *blk;
	enum req_kind kind;
	struct verdict verdict;
	u64 sector;
	u64 n, pos;
	u32 piece;
	bool in_work, sync;
	struct virtio_blk_discard_write_zeroes range[BLK_MAX_RANGES];
	TAILQ_ENTRY(job) entry;
	struct job_list *list;
};

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

static void start_waiting(struct blk *b);
static void run_media(struct blk *b);

/* Lists */

static void move(struct job *j, struct job_list *to)
{
	if (j->list)
		TAILQ_REMOVE(j->list, j, entry);
	j->list = to;
	if (to)
		TAILQ_INSERT_TAIL(to, j, entry);
}

static struct job *new_job(struct blk *b)
{
	struct job *j = b->spare;

	b->spare = NULL;
	return j ? j : malloc(sizeof(*j));
}

static void free_job(struct blk *b, struct job *j)
{
	if (b->spare)
		free(j);
	else
		b->spare = j;
}

/* It is not the device's any more: take it off everything. */
static void forget(struct job *j)
{
	struct blk *b = j->blk;

	dev_timer_cancel(&j->timer);
	move(j, NULL);
	b->in_work -= j->in_work;
	if (b->current == j)
		b->current = NULL;
	free_job(b, j);
}

/* Answers */

/*
 * The last writable byte is the status. The bytes that count as written are
 * those from the first on without a gap.
 */
static void answer(struct vq_buf *buf, u64 data, u8 status)
{
	size_t at = buf->in_len - 1;

	vq_buf_write(buf, at, &status, sizeof(status));
	vq_push(buf->vq, buf, (u32)(data == at ? at + 1 : data));
}

static void finish(struct job *j, u8 status)
{
	struct blk *b = j->blk;
	u64 bytes = j->pos * SECTOR;

	if (status != VIRTIO_BLK_S_OK)
		b->stats.failed++;
	else if (j->kind == REQ_READ)
		b->stats.read_bytes += bytes;
	else if (j->kind == REQ_WRITE)
		b->stats.written_bytes += bytes;
	answer(&j->buf, j->kind == REQ_READ ? bytes : 0, status);
	forget(j);
}

/* The medium */

static void read_piece(struct job *j)
{
	vq_buf_write(&j->buf, j->pos * SECTOR, disk_buf(j->blk->disk),
		     (size_t)j->piece * SECTOR);
}

static int write_piece(struct job *j)
{
	size_t len = (size_t)j->piece * SECTOR;

	vq_buf_read(&j->buf, sizeof(struct virtio_blk_outhdr) + j->pos * SECTOR,
		    disk_buf(j->blk->disk), len);
	return disk_write(j->blk->disk, j->sector + j->pos, j->piece);
}

/* Begin what comes next; as the functions of disk.h. */
static int begin_piece(struct job *j)
{
	struct disk *k = j->blk->disk;
	const struct virtio_blk_discard_write_zeroes *r;

	if (j->pos == j->n) {
		j->piece = 0;
		j->sync = false;
		return disk_flush(k);
	}
	j->piece = 1;
	if (j->kind == REQ_DISCARD || j->kind == REQ_ZERO) {
		r = &j->range[j->pos];
		return disk_zero(k, r->sector, r->num_sectors);
	}
	j->piece = (u32)min_u64(j->n - j->pos, DISK_PIECE);
	return j->kind == REQ_READ ?
	       disk_read(k, j->sector + j->pos, j->piece) : write_piece(j);
}

static void complain(struct blk *b, int err)
{
	if (!b->complained)
		log_err(dev_name(b->dev), "the host cannot read or write the file: %s",
			strerror(-err));
	b->complained = true;
}

static void piece_done(struct job *j, int err)
{
	if (err) {
		complain(j->blk, err);
		finish(j, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (j->kind == REQ_READ)
		read_piece(j);
	j->pos += j->piece;
	if (j->pos < j->n || j->sync)
		return;
	finish(j, j->verdict.torn == NOT_TORN ? VIRTIO_BLK_S_OK :
						VIRTIO_BLK_S_IOERR);
}

static bool bad_sector(const struct job *j)
{
	const struct faults *f = j->blk->faults;
	u64 i;

	if (j->kind == REQ_READ || j->kind == REQ_WRITE)
		return faults_sector(f, j->sector, j->n);
	for (i = 0; i < j->n; i++)
		if (faults_sector(f, j->range[i].sector,
				  j->range[i].num_sectors))
			return true;
	return false;
}

/*
 * What is to go wrong, before anything is done. True: it has, and @j is gone.
 */
static bool fails(struct job *j)
{
	struct blk *b = j->blk;

	if (!b->dead && !j->verdict.error && !bad_sector(j)) {
		if (j->verdict.torn == NOT_TORN)
			return false;
		b->dead = true;
		j->n = min_u64(j->n, j->verdict.torn);
		j->sync = false;
		if (j->n)
			return false;
	}
	finish(j, VIRTIO_BLK_S_IOERR);
	return true;
}

/* True when the disk has something to do. */
static bool cut_power(struct blk *b)
{
	b->dead = true;
	return disk_power_cut(b->disk, b->keep) == DISK_UNDER_WAY;
}

static bool over(const struct job *j)
{
	return j->pos == j->n && !j->sync;
}

/* The next piece of the first request. True: the disk is busy with it. */
static bool media_step(struct blk *b, struct job *j)
{
	int ret;

	if (j->verdict.power_cut && !b->dead) {
		if (!cut_power(b))
			return false;
		b->current = NULL;
		return true;
	}
	if (!j->pos && !j->piece && fails(j))
		return false;
	if (over(j)) {
		finish(j, VIRTIO_BLK_S_OK);
		return false;
	}
	ret = begin_piece(j);
	if (ret == DISK_UNDER_WAY)
		b->current = j;
	else
		piece_done(j, ret);
	return ret == DISK_UNDER_WAY;
}

static void run_media(struct blk *b)
{
	unsigned int budget = PIECES_AT_ONCE;

	while (!b->busy && !TAILQ_EMPTY(&b->media)) {
		if (!budget--) {
			dev_timer_arm(&b->more, dev_now(b->dev));
			break;
		}
		b->busy = media_step(b, TAILQ_FIRST(&b->media));
	}
	start_waiting(b);
}

static void more(struct dev_timer *t)
{
	run_media(container_of(t, struct blk, more));
}

static void disk_done(void *owner, int err)
{
	struct blk *b = owner;
	struct job *j = b->current;

	b->busy = false;
	b->current = NULL;
	if (j)
		piece_done(j, err);
	run_media(b);
}

/* Time */

static bool is_transfer(const struct job *j)
{
	return (j->kind == REQ_READ || j->kind == REQ_WRITE) && j->n;
}

static u64 transfer_time(const struct job *j)
{
	unsigned __int128 t = (unsigned __int128)j->n * SECTOR * NSEC_PER_SEC;
	u64 rate = j->blk->rate;

	return (u64)((t + rate - 1) / rate);
}

static void job_done(struct dev_timer *t)
{
	struct job *j = container_of(t, struct job, timer);

	move(j, &j->blk->media);
	run_media(j->blk);
}

static void job_ready(struct dev_timer *t)
{
	struct job *j = container_of(t, struct job, timer);
	struct blk *b = j->blk;

	if (!b->rate || !is_transfer(j)) {
		job_done(t);
		return;
	}
	b->channel_free = max_u64(dev_now(b->dev), b->channel_free) +
			  transfer_time(j);
	j->timer.fn = job_done;
	dev_timer_arm(t, b->channel_free);
}

static void job_start(struct job *j)
{
	struct blk *b = j->blk;

	move(j, &b->working);
	j->in_work = true;
	if (++b->in_work > b->stats.max_in_work)
		b->stats.max_in_work = b->in_work;
	if (!j->verdict.hang)
		dev_timer_arm(&j->timer,
			      dev_now(b->dev) + b->latency[j->kind]);
}

static void start_waiting(struct blk *b)
{
	struct job *j;

	while (b->in_work < b->parallel && (j = TAILQ_FIRST(&b->waiting)))
		job_start(j);
}

/* Requests */

static bool in_range(const struct blk *b, u64 sector, u64 n)
{
	return n <= b->sectors && sector <= b->sectors - n;
}

static u8 parse_data(struct job *j, u64 len)
{
	j->n = len / SECTOR;
	return len % SECTOR || !in_range(j->blk, j->sector, j->n) ?
	       VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static u8 parse_range(const struct job *j,
		      struct virtio_blk_discard_write_zeroes *r)
{
	u32 flags = le32toh(r->flags);
	u32 known = j->kind == REQ_ZERO ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	r->sector = le64toh(r->sector);
	r->num_sectors = le32toh(r->num_sectors);
	if (flags & ~known)
		return VIRTIO_BLK_S_UNSUPP;
	return r->num_sectors > BLK_MAX_ZERO ||
	       !in_range(j->blk, r->sector, r->num_sectors) ?
	       VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static u8 parse_ranges(struct job *j, size_t len)
{
	u8 status = VIRTIO_BLK_S_OK;
	u64 i;

	if (len % sizeof(j->range[0]) || len > sizeof(j->range))
		return VIRTIO_BLK_S_IOERR;
	vq_buf_read(&j->buf, sizeof(struct virtio_blk_outhdr), j->range, len);
	j->n = len / sizeof(j->range[0]);
	for (i = 0; i < j->n && status == VIRTIO_BLK_S_OK; i++)
		status = parse_range(j, &j->range[i]);
	return status;
}

static u8 parse_kind(struct job *j, u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_IN:
		j->kind = REQ_READ;
		break;
	case VIRTIO_BLK_T_OUT:
		j->kind = REQ_WRITE;
		break;
	case VIRTIO_BLK_T_FLUSH:
		j->kind = REQ_FLUSH;
		break;
	case VIRTIO_BLK_T_DISCARD:
		j->kind = REQ_DISCARD;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		j->kind = REQ_ZERO;
		break;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 parse_rest(struct job *j)
{
	size_t out = j->buf.out_len - sizeof(struct virtio_blk_outhdr);

	if (j->kind == REQ_READ)
		return parse_data(j, j->buf.in_len - 1);
	if (j->kind == REQ_FLUSH)
		return VIRTIO_BLK_S_OK;
	if (j->blk->readonly)
		return VIRTIO_BLK_S_IOERR;
	return j->kind == REQ_WRITE ? parse_data(j, out) :
				      parse_ranges(j, out);
}

/* Is what has been written to survive a power cut without a flush? */
static bool writes_through(const struct blk *b)
{
	const struct virtio_blk_config *c = dev_config(b->dev);

	if (dev_feature(b->dev, VIRTIO_BLK_F_CONFIG_WCE))
		return !c->wce;
	return !dev_feature(b->dev, VIRTIO_BLK_F_FLUSH);
}

static void get_id(struct blk *b, struct vq_buf *buf)
{
	size_t n = min_size(buf->in_len - 1, sizeof(b->serial));

	answer(buf, vq_buf_write(buf, 0, b->serial, n), VIRTIO_BLK_S_OK);
}

static void accept_job(struct job *j)
{
	struct blk *b = j->blk;

	b->stats.requests[j->kind]++;
	j->sync = j->kind == REQ_FLUSH ||
		  (j->kind != REQ_READ && writes_through(b));
	j->verdict = faults_judge(b->faults, j->kind, dev_now(b->dev));
	dev_timer_init(&j->timer, dev_bus(b->dev), job_ready);
	move(j, &b->waiting);
	start_waiting(b);
}

/* False when the request is over already, and @j is free. */
static bool begin(struct blk *b, struct job *j)
{
	struct virtio_blk_outhdr h;
	u8 status = VIRTIO_BLK_S_IOERR;

	if (!j->buf.in_len) {
		b->stats.no_room++;
		vq_push(j->buf.vq, &j->buf, 0);
		return false;
	}
	if (vq_buf_read(&j->buf, 0, &h, sizeof(h)) == sizeof(h)) {
		if (le32toh(h.type) == VIRTIO_BLK_T_GET_ID) {
			get_id(b, &j->buf);
			return false;
		}
		j->sector = le64toh(h.sector);
		status = parse_kind(j, le32toh(h.type));
		if (status == VIRTIO_BLK_S_OK)
			status = parse_rest(j);
	}
	if (status == VIRTIO_BLK_S_OK) {
		accept_job(j);
		return true;
	}
	b->stats.refused++;
	answer(&j->buf, 0, status);
	return false;
}

/* Left in the ring, it might never be kicked for again. */
static bool refuse_one(struct blk *b, struct vq *vq)
{
	struct vq_buf buf;

	if (vq_pop(vq, &buf) != 1)
		return false;
	b->stats.no_memory++;
	if (buf.in_len)
		answer(&buf, 0, VIRTIO_BLK_S_IOERR);
	else
		vq_push(vq, &buf, 0);
	return true;
}

static bool take_one(struct blk *b, struct vq *vq)
{
	struct job *j = new_job(b);

	if (!j)
		return refuse_one(b, vq);
	if (vq_pop(vq, &j->buf) != 1) {
		free_job(b, j);
		return false;
	}
	j->blk = b;
	j->list = NULL;
	j->n = j->pos = 0;
	j->piece = 0;
	j->in_work = false;
	if (!begin(b, j))
		free_job(b, j);
	return true;
}

/* What dev.c calls */

static void blk_vq_ready(struct dev *d, unsigned int i)
{
	struct vq *vq = dev_vq(d, i);

	while (take_one(dev_priv(d), vq))
		;
}

static void stop_list(struct job_list *list, const struct vq *vq)
{
	struct job *j, *next;

	for (j = TAILQ_FIRST(list); j; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (vq && j->buf.vq != vq)
			continue;
		vq_drop(j->buf.vq, &j->buf);
		forget(j);
	}
}

/*
 * Requests of other queues that could start now do so at the device's next
 * event: this is no time to arm a timer.
 */
static void blk_stop(struct dev *d, struct vq *vq)
{
	struct blk *b = dev_priv(d);

	stop_list(&b->waiting, vq);
	stop_list(&b->working, vq);
	stop_list(&b->media, vq);
	if (TAILQ_EMPTY(&b->working))
		b->channel_free = 0;
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
	struct disk_cfg cfg = { .done = disk_done, .owner = b };
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

	dev_timer_cancel(&b->more);
	disk_close(b->disk);
	faults_free(b->faults);
	free(b->spare);
	b->disk = NULL;
	b->faults = NULL;
	b->spare = NULL;
}

static int blk_probe(struct dev *d, struct dev_args *a)
{
	struct blk *b = dev_priv(d);
	int err;

	b->dev = d;
	TAILQ_INIT(&b->waiting);
	TAILQ_INIT(&b->working);
	TAILQ_INIT(&b->media);
	dev_timer_init(&b->more, dev_bus(d), more);
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
		"read-latency=, write-latency=, flush-latency=, discard-latency=, zero-latency=\n"
		"rate=BYTES         per second of simulated time, one after the other\n"
		"parallel=N         requests in work at a time (default: all)\n"
		"error=KIND@WHEN[/...]      these fail; KIND: read, write, flush, discard,\n"
		"                   zero, any; WHEN: N, N-M, N+, TIME, TIME-TIME, TIME+\n"
		"hang=KIND@WHEN[/...]       these never come back\n"
		"power-cut=KIND@WHEN[/...]  from here all fail, until the driver starts anew;\n"
		"                   what has not been flushed is lost\n"
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
