// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* rng: random bytes that are the same in every run with the same seed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dev.h"

#define RNG_ID		4
/* A buffer need not be filled; this bounds the work of one instant. */
#define RNG_MAX_FILL	(64u * 1024)

/**
 * struct rng - the device
 * @rate: bytes per second of simulated time, 0: no time passes
 * @busy: @buf is being filled, until @timer
 *
 * With a rate there is one buffer in work; the others wait in the ring.
 */
struct rng {
	u64 rate;
	bool busy;
	struct vq_buf buf;
	struct dev_timer timer;
	struct dev *dev;
	u64 buffers, bytes;
};

static u32 fill_len(const struct vq_buf *b)
{
	return (u32)min_size(b->in_len, RNG_MAX_FILL);
}

static void fill(struct dev *d, struct vq_buf *b)
{
	struct rng *g = dev_priv(d);
	u32 len = fill_len(b), off = 0;
	u8 piece[8];
	u64 v;
	int i;

	for (; off < len; off += sizeof(piece)) {
		v = dev_rand(d);
		for (i = 0; i < 8; i++)
			piece[i] = (u8)(v >> (8 * i));
		vq_buf_write(b, off, piece,
			     min_size(len - off, sizeof(piece)));
	}
	g->buffers++;
	g->bytes += len;
	vq_push(b->vq, b, len);
}

/* Rounded up: never faster than the rate. At most 2^16 * 10^9. */
static u64 fill_time(const struct rng *g)
{
	return (fill_len(&g->buf) * NSEC_PER_SEC + g->rate - 1) / g->rate;
}

static void rng_vq_ready(struct dev *d, unsigned int i)
{
	struct rng *g = dev_priv(d);

	while (!g->busy && vq_pop(dev_vq(d, i), &g->buf) == 1) {
		if (!g->rate) {
			fill(d, &g->buf);
			continue;
		}
		g->busy = true;
		dev_timer_arm(&g->timer, dev_now(d) + fill_time(g));
	}
}

static void rng_due(struct dev_timer *t)
{
	struct rng *g = container_of(t, struct rng, timer);
	struct dev *d = g->dev;

	g->busy = false;
	fill(d, &g->buf);
	rng_vq_ready(d, 0);
}

static void rng_stop(struct dev *d, struct vq *vq)
{
	struct rng *g = dev_priv(d);

	(void)vq;	/* there is only one */
	if (!g->busy)
		return;
	g->busy = false;
	dev_timer_cancel(&g->timer);
	vq_drop(g->buf.vq, &g->buf);
}

static int rng_probe(struct dev *d, struct dev_args *a)
{
	struct rng *g = dev_priv(d);
	const char *rate = dev_arg_str(a, "rate", NULL);
	int err;

	err = dev_arg_u64(a, "rate", &g->rate);
	if (err)
		return err;
	if (rate && !g->rate) {
		log_err(dev_name(d), "option rate=%s: not a rate above 0", rate);
		return -EINVAL;
	}
	g->dev = d;
	dev_timer_init(&g->timer, dev_bus(d), rng_due);
	return 0;
}

static void rng_stats(const struct dev *d, FILE *f)
{
	const struct rng *g = dev_priv(d);

	fprintf(f, "buffers %" PRIu64 "\n", g->buffers);
	fprintf(f, "bytes %" PRIu64 "\n", g->bytes);
}

const struct dev_ops rng_dev_ops = {
	.name = "rng",
	.help = "rate=BYTES  per second of simulated time (default: all at once)\n",
	.virtio_id = RNG_ID,
	.nr_vqs = 1,
	.priv_size = sizeof(struct rng),
	.probe = rng_probe,
	.stop = rng_stop,
	.vq_ready = rng_vq_ready,
	.stats = rng_stats,
};
