// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* echo: gives back what it is sent, after a latency that the request names. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dev.h"

/*
 * DOC: The echo device
 *
 * A test device: a driver for it can check to the nanosecond when requests are
 * served and interrupts come. Virtio id 63 is at the top of the 6 bits that
 * transitional PCI ids leave room for, and has no standard device; two queues
 * that are the same. All numbers are little endian.
 *
 * A buffer has a readable part, struct echo_request and then payload, and a
 * writable part, struct echo_response and then room for payload. The request
 * is taken at t_start, the instant of its kick (plus the device's kick
 * latency), and the buffer comes back at t_done = t_start + latency with as
 * much payload as there is and as fits, up to ECHO_MAX_PAYLOAD. Requests of
 * the same t_done come back in the order of arrival, others in order of
 * t_done. There may be as many in flight as the rings hold.
 *
 * A bad request (shorter than its header, or due beyond the end of time) comes
 * back at once with status ECHO_BAD. Where there is no room for a response, or
 * no memory for the request, the buffer comes back at once with nothing written.
 */

#define ECHO_ID		63
#define ECHO_VERSION	1
#define ECHO_MAX_PAYLOAD (1024u * 1024)

enum echo_status { ECHO_OK = 0, ECHO_BAD = 1 };

struct echo_request {
	u64 latency_ns;
	u64 cookie;
};

struct echo_response {
	u64 cookie;
	u64 t_start;
	u64 t_done;
	u32 status;
	u32 payload_len;
};

struct echo_config {
	u8 magic[4];		/* "echo" */
	u32 version;
	u64 kick_latency_ns;
};

/** struct job - a request on its way back */
struct job {
	struct vq_buf buf;
	struct dev_timer timer;
	struct dev *dev;
	u64 cookie;
	u64 t_start;
	TAILQ_ENTRY(job) entry;
};

struct echo {
	TAILQ_HEAD(, job) jobs;
	struct job *spare;	/* kept for the next pop */
	unsigned int in_flight;
	u64 done, bad, no_room, no_memory, max_in_flight;
};

static struct job *job_get(struct dev *d)
{
	struct echo *e = dev_priv(d);
	struct job *j = e->spare;

	e->spare = NULL;
	if (!j)
		j = malloc(sizeof(*j));
	return j;
}

static void job_put(struct dev *d, struct job *j)
{
	struct echo *e = dev_priv(d);

	if (e->spare)
		free(j);
	else
		e->spare = j;
}

static void job_unlink(struct dev *d, struct job *j)
{
	struct echo *e = dev_priv(d);

	TAILQ_REMOVE(&e->jobs, j, entry);
	e->in_flight--;
}

/*
 * Through memory of ours, in pieces: the two parts belong to the guest, and
 * may be the same memory.
 */
static u32 copy_payload(struct vq_buf *b)
{
	size_t in = sizeof(struct echo_request);
	size_t out = sizeof(struct echo_response);
	size_t left = min_size(min_size(b->out_len - in, b->in_len - out),
			       ECHO_MAX_PAYLOAD);
	u32 done = 0;
	u8 piece[4096];
	size_t n;

	while (left) {
		n = vq_buf_read(b, in + done, piece,
				min_size(left, sizeof(piece)));
		vq_buf_write(b, out + done, piece, n);
		done += (u32)n;
		left -= n;
	}
	return done;
}

static void respond(struct dev *d, struct job *j, enum echo_status status)
{
	struct echo_response r = {
		.cookie = htole64(j->cookie),
		.t_start = htole64(j->t_start),
		.t_done = htole64(dev_now(d)),
		.status = htole32(status),
	};
	u32 len = 0;

	if (status == ECHO_OK)
		len = copy_payload(&j->buf);
	r.payload_len = htole32(len);
	vq_buf_write(&j->buf, 0, &r, sizeof(r));
	vq_push(j->buf.vq, &j->buf, (u32)sizeof(r) + len);
}

static void job_due(struct dev_timer *t)
{
	struct job *j = container_of(t, struct job, timer);
	struct dev *d = j->dev;
	struct echo *e = dev_priv(d);

	job_unlink(d, j);
	respond(d, j, ECHO_OK);
	e->done++;
	job_put(d, j);
}

/* Returns false when the request is over already. */
static bool job_begin(struct dev *d, struct job *j)
{
	struct echo *e = dev_priv(d);
	struct echo_request r = { 0 };
	u64 due;

	j->dev = d;
	j->t_start = dev_now(d);
	if (j->buf.in_len < sizeof(struct echo_response)) {
		e->no_room++;
		vq_push(j->buf.vq, &j->buf, 0);
		return false;
	}
	if (vq_buf_read(&j->buf, 0, &r, sizeof(r)) < sizeof(r))
		r.latency_ns = U64_MAX;	/* bad, like all that never ends */
	j->cookie = le64toh(r.cookie);
	if (__builtin_add_overflow(j->t_start, le64toh(r.latency_ns), &due) ||
	    due >= S64_MAX) {
		e->bad++;
		respond(d, j, ECHO_BAD);
		return false;
	}
	dev_timer_init(&j->timer, dev_bus(d), job_due);
	dev_timer_arm(&j->timer, due);
	return true;
}

static void job_accept(struct dev *d, struct job *j)
{
	struct echo *e = dev_priv(d);

	if (!job_begin(d, j)) {
		job_put(d, j);
		return;
	}
	TAILQ_INSERT_TAIL(&e->jobs, j, entry);
	if (++e->in_flight > e->max_in_flight)
		e->max_in_flight = e->in_flight;
}

/* Left in the ring, it might never be kicked for again. */
static bool refuse_one(struct dev *d, struct vq *vq)
{
	struct echo *e = dev_priv(d);
	struct vq_buf b;

	if (vq_pop(vq, &b) != 1)
		return false;
	e->no_memory++;
	vq_push(vq, &b, 0);
	return true;
}

static bool accept_one(struct dev *d, struct vq *vq)
{
	struct job *j = job_get(d);

	if (!j)
		return refuse_one(d, vq);
	if (vq_pop(vq, &j->buf) != 1) {
		job_put(d, j);
		return false;
	}
	job_accept(d, j);
	return true;
}

static void echo_vq_ready(struct dev *d, unsigned int i)
{
	while (accept_one(d, dev_vq(d, i)))
		;
}

static void echo_stop(struct dev *d, struct vq *vq)
{
	struct echo *e = dev_priv(d);
	struct job *j, *next;

	for (j = TAILQ_FIRST(&e->jobs); j; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (vq && j->buf.vq != vq)
			continue;
		dev_timer_cancel(&j->timer);
		job_unlink(d, j);
		vq_drop(j->buf.vq, &j->buf);
		job_put(d, j);
	}
}

static int echo_probe(struct dev *d, struct dev_args *a)
{
	struct echo *e = dev_priv(d);
	struct echo_config *c = dev_config(d);
	u64 latency = 0;
	int err;

	/* dev.c acts on the option; the driver is told what to expect. */
	err = dev_arg_time(a, "kick-latency", &latency);
	if (err)
		return err;
	TAILQ_INIT(&e->jobs);
	memcpy(c->magic, "echo", sizeof(c->magic));
	c->version = htole32(ECHO_VERSION);
	c->kick_latency_ns = htole64(latency);
	return 0;
}

static void echo_remove(struct dev *d)
{
	struct echo *e = dev_priv(d);

	free(e->spare);
	e->spare = NULL;
}

static void echo_stats(const struct dev *d, FILE *f)
{
	const struct echo *e = dev_priv(d);

	fprintf(f, "requests %" PRIu64 "\n", e->done);
	fprintf(f, "in_flight_max %" PRIu64 "\n", e->max_in_flight);
	fprintf(f, "bad %" PRIu64 "\n", e->bad);
	fprintf(f, "no_room %" PRIu64 "\n", e->no_room);
	fprintf(f, "no_memory %" PRIu64 "\n", e->no_memory);
}

const struct dev_ops echo_dev_ops = {
	.name = "echo",
	.help = "",
	.virtio_id = ECHO_ID,
	.nr_vqs = 2,
	.priv_size = sizeof(struct echo),
	.config_size = sizeof(struct echo_config),
	.probe = echo_probe,
	.remove = echo_remove,
	.stop = echo_stop,
	.vq_ready = echo_vq_ready,
	.stats = echo_stats,
};
