// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Requests to a disk: from the queue to the medium and back, and when. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "blk.h"

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

/* The last writable byte is the status. */
static void write_status(struct vq_buf *buf, u8 status)
{
	vq_buf_write(buf, buf->in_len - 1, &status, sizeof(status));
}

/* The bytes that count as written are those from the first on without a gap. */
static void answer(struct vq_buf *buf, u64 data, u8 status)
{
	size_t at = buf->in_len - 1;

	write_status(buf, status);
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

void blk_disk_done(void *owner, int err)
{
	struct blk *b = owner;
	struct job *j = b->current;

	b->busy = false;
	b->current = NULL;
	if (j)
		piece_done(j, err);
	else if (err)
		complain(b, err);	/* of what a power cut has kept */
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
	/* What is due after the end of time never comes. */
	if (__builtin_add_overflow(max_u64(dev_now(b->dev), b->channel_free),
				   transfer_time(j), &b->channel_free))
		b->channel_free = S64_MAX;
	b->channel_free = min_u64(b->channel_free, S64_MAX);
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
	/* Should the queue be stopped, it may come back just as it is. */
	write_status(&j->buf, status);
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

void blk_take(struct blk *b, struct vq *vq)
{
	while (take_one(b, vq))
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

/* Requests of other queues that can start now do so in the device's own turn. */
void blk_drop(struct blk *b, const struct vq *vq)
{
	stop_list(&b->waiting, vq);
	stop_list(&b->working, vq);
	stop_list(&b->media, vq);
	if (TAILQ_EMPTY(&b->working))
		b->channel_free = 0;
	if (b->in_work < b->parallel && !TAILQ_EMPTY(&b->waiting))
		dev_timer_arm(&b->more, dev_now(b->dev));
}

void blk_work_init(struct blk *b)
{
	TAILQ_INIT(&b->waiting);
	TAILQ_INIT(&b->working);
	TAILQ_INIT(&b->media);
	dev_timer_init(&b->more, dev_bus(b->dev), more);
}

void blk_work_fini(struct blk *b)
{
	dev_timer_cancel(&b->more);
	free(b->spare);
	b->spare = NULL;
}
