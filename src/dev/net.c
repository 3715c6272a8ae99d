// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* net: a network port on a named link. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

/*
 * DOC: Where frames wait, and where they are lost
 *
 * Sending: the ring is the queue. A frame is copied and begins to leave when
 * the one before it has left; its buffer goes back to the driver when it has
 * left itself. So a slow link fills the ring, and through it the driver's
 * queue, as a real card would; the link's own queue stays empty. On a link
 * without a bandwidth a buffer goes back at once, within the kick: that saves
 * the driver a turn of its own for the interrupt.
 *
 * Receiving: a buffer is taken when there is a frame for it. Frames that find
 * none wait in a queue of a bounded length until the driver has added buffers
 * and kicked. A port whose ring is not up (no driver yet, suspended) is not
 * plugged in as far as frames are concerned.
 *
 * No offloads are offered, so a frame that asks for one is malformed. Each
 * kind of loss has its own counter.
 */

#define NET_ID		1
#define MAC_LEN		6
#define QUEUE_DEFAULT	1000
#define QUEUE_MAX	65536
#define TX_FRAMES_DEFAULT 32
#define RARP_LEN	60		/* padded to Ethernet's least */

enum { VQ_RX, VQ_TX, NR_VQS };

struct net_stats {
	u64 tx_frames, tx_bytes, tx_malformed, tx_runt, tx_too_long;
	u64 tx_no_memory;
	u64 rx_frames, rx_bytes, rx_dropped, rx_down, rx_too_small;
};

/**
 * struct net - the device
 * @rarp_timer: armed when @rarp_mac is to be announced
 * @tx_timer: armed while the port is sending
 * @tx_buf: what it sends, if @tx_held: the queue may have been taken away
 * @queue: ring of @queue_len frames that wait for a buffer, @nr_queued from
 *	@queue_first on
 */
struct net {
	struct dev *dev;
	struct link_port port;
	u32 mtu;
	struct dev_timer tx_timer, rarp_timer;
	u8 rarp_mac[MAC_LEN];
	struct vq_buf tx_buf;
	bool tx_held;
	struct link_frame **queue;
	size_t queue_len, queue_first, nr_queued;
	struct net_stats stats;
};

/* The long header is what virtio 1 always has. */
static size_t hdr_len(const struct net *n)
{
	return dev_feature(n->dev, VIRTIO_F_VERSION_1) ?
	       sizeof(struct virtio_net_hdr_v1) : sizeof(struct virtio_net_hdr);
}

/*
 * Sending
 */

static bool asks_for_offload(const struct virtio_net_hdr_v1 *h)
{
	return h->gso_type != VIRTIO_NET_HDR_GSO_NONE ||
	       h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

/* The frame in @b; NULL when there is none that can be sent, counted. */
static struct link_frame *read_frame(struct net *n, const struct vq_buf *b)
{
	struct virtio_net_hdr_v1 h = { 0 };
	struct link_frame *f;
	size_t skip = hdr_len(n), len;

	if (vq_buf_read(b, 0, &h, skip) < skip || asks_for_offload(&h)) {
		n->stats.tx_malformed++;
		return NULL;
	}
	len = b->out_len - skip;
	if (len < LINK_MIN_FRAME) {
		n->stats.tx_runt++;
		return NULL;
	}
	if (len > link_max_frame(n->mtu)) {
		n->stats.tx_too_long++;
		return NULL;
	}
	f = link_frame_new((u32)len);
	if (!f) {
		n->stats.tx_no_memory++;
		return NULL;
	}
	vq_buf_read(b, skip, f->data, len);
	if (!link_fits(f, n->mtu)) {
		n->stats.tx_too_long++;
		link_frame_put(f);
		return NULL;
	}
	return f;
}

/* Returns when the port can send again. */
static u64 send_buf(struct net *n, const struct vq_buf *b)
{
	struct link_frame *f = read_frame(n, b);

	if (!f)
		return 0;
	n->stats.tx_frames++;
	n->stats.tx_bytes += f->len;
	return link_send(&n->port, f);
}

static void tx_run(struct net *n)
{
	struct vq *vq = dev_vq(n->dev, VQ_TX);
	u64 free_at;

	if (!vq)
		return;
	while (!dev_timer_armed(&n->tx_timer) && vq_pop(vq, &n->tx_buf) == 1) {
		free_at = send_buf(n, &n->tx_buf);
		if (free_at <= dev_now(n->dev)) {
			vq_push(vq, &n->tx_buf, 0);
			continue;
		}
		n->tx_held = true;
		dev_timer_arm(&n->tx_timer, free_at);
	}
}

static void tx_release(struct net *n)
{
	if (!n->tx_held)
		return;
	n->tx_held = false;
	vq_push(n->tx_buf.vq, &n->tx_buf, 0);
}

static void tx_done(struct dev_timer *t)
{
	struct net *n = container_of(t, struct net, tx_timer);

	tx_release(n);
	tx_run(n);
}

/*
 * Receiving
 */

static void write_frame(struct net *n, struct vq_buf *b,
			const struct link_frame *f)
{
	struct virtio_net_hdr_v1 h = { .num_buffers = htole16(1) };
	size_t skip = hdr_len(n);

	if (b->in_len < skip + f->len) {
		n->stats.rx_too_small++;
		vq_push(b->vq, b, 0);
		return;
	}
	vq_buf_write(b, 0, &h, skip);
	vq_buf_write(b, skip, f->data, f->len);
	vq_push(b->vq, b, (u32)(skip + f->len));
	n->stats.rx_frames++;
	n->stats.rx_bytes += f->len;
}

/* False when there is no buffer for @f now. */
static bool rx_frame(struct net *n, const struct link_frame *f)
{
	struct vq_buf b;

	if (vq_pop(dev_vq(n->dev, VQ_RX), &b) != 1)
		return false;
	write_frame(n, &b, f);
	return true;
}

static void queue_frame(struct net *n, struct link_frame *f)
{
	if (n->nr_queued == n->queue_len) {
		n->stats.rx_dropped++;
		return;
	}
	n->queue[(n->queue_first + n->nr_queued++) % n->queue_len] =
		link_frame_get(f);
}

static struct link_frame *queue_head(const struct net *n)
{
	return n->nr_queued ? n->queue[n->queue_first] : NULL;
}

static void queue_pop(struct net *n)
{
	link_frame_put(n->queue[n->queue_first]);
	n->queue_first = (n->queue_first + 1) % n->queue_len;
	n->nr_queued--;
}

static void queue_flush(struct net *n)
{
	while (n->nr_queued) {
		queue_pop(n);
		n->stats.rx_down++;
	}
}

static void rx_run(struct net *n)
{
	struct link_frame *f;

	while ((f = queue_head(n)) && rx_frame(n, f))
		queue_pop(n);
}

static void net_arrived(struct link_port *p, struct link_frame *f)
{
	struct net *n = container_of(p, struct net, port);
	struct vq *vq = dev_vq(n->dev, VQ_RX);

	if (!vq || !vq_usable(vq))
		n->stats.rx_down++;
	else if (n->nr_queued || !rx_frame(n, f))
		queue_frame(n, f);
}

/*
 * What dev.c calls
 */

static void net_vq_ready(struct dev *d, unsigned int i)
{
	struct net *n = dev_priv(d);

	if (i == VQ_TX)
		tx_run(n);
	else
		rx_run(n);
}

static void net_start(struct dev *d)
{
	/* A new driver must not get what an earlier one was sent. */
	queue_flush(dev_priv(d));
}

static void net_stop(struct dev *d, struct vq *vq)
{
	struct net *n = dev_priv(d);

	/* What is being sent has been read: it must not be sent twice. */
	if (!vq || vq_index(vq) == VQ_TX)
		tx_release(n);
	if (!vq)
		queue_flush(n);
}

/*
 * The guest has moved here, and does not know it: say so to the switches, by
 * the request of who does not know its own address (RFC 903).
 */
static void rarp_send(struct dev_timer *t)
{
	static const u8 request[] = {
		0x80, 0x35,		/* RARP */
		0, 1, 8, 0,		/* Ethernet, IPv4 */
		MAC_LEN, 4, 0, 3,	/* lengths; request reverse */
	};
	struct net *n = container_of(t, struct net, rarp_timer);
	struct link_frame *f = link_frame_new(RARP_LEN);

	if (!f) {
		n->stats.tx_no_memory++;
		return;
	}
	memset(f->data, 0, RARP_LEN);
	memset(f->data, 0xff, MAC_LEN);
	memcpy(f->data + 6, n->rarp_mac, MAC_LEN);
	memcpy(f->data + 12, request, sizeof(request));
	memcpy(f->data + 22, n->rarp_mac, MAC_LEN);
	memcpy(f->data + 32, n->rarp_mac, MAC_LEN);
	link_send(&n->port, f);
}

static void net_announce(struct dev *d, u64 mac)
{
	struct net *n = dev_priv(d);

	memcpy(n->rarp_mac, &mac, MAC_LEN);
	dev_timer_arm(&n->rarp_timer, dev_now(d));
}

/* What the driver is to be told is known already, so it can only be checked. */
static int net_mtu(struct dev *d, u64 mtu)
{
	const struct net *n = dev_priv(d);

	return mtu >= LINK_MIN_MTU && mtu <= n->mtu ? 0 : -EINVAL;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	if (!p)
		return -1;
	return (int)(p - digits < 16 ? p - digits : p - digits - 6);
}

static int parse_mac(const char *s, u8 *mac)
{
	static const u8 zero[MAC_LEN];
	int i, hi, lo;

	for (i = 0; i < MAC_LEN; i++, s += 3) {
		hi = hex_digit(s[0]);
		lo = hi < 0 ? -1 : hex_digit(s[1]);
		if (lo < 0 || s[2] != (i < MAC_LEN - 1 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (u8)(hi << 4 | lo);
	}
	return mac[0] & 1 || !memcmp(mac, zero, MAC_LEN) ? -EINVAL : 0;
}

/* Locally administered, the rest from the seed and the device's name. */
static void random_mac(struct dev *d, u8 *mac)
{
	u64 v = dev_rand(d);
	int i;

	for (i = 0; i < MAC_LEN; i++)
		mac[i] = (u8)(v >> (8 * i));
	mac[0] = (mac[0] & ~1) | 2;
}

static int get_mac(struct dev *d, struct dev_args *a, u8 *mac)
{
	const char *s = dev_arg_str(a, "mac", NULL);

	if (!s) {
		random_mac(d, mac);
		return 0;
	}
	if (parse_mac(s, mac)) {
		log_err(dev_name(d), "option mac=%s: not the address of a station (as 02:00:00:00:00:01)",
			s);
		return -EINVAL;
	}
	return 0;
}

static int get_mtu(struct net *n, struct dev_args *a, const struct link *l)
{
	u64 mtu = link_mtu(l);
	int err;

	err = dev_arg_u64(a, "mtu", &mtu);
	if (err)
		return err;
	if (mtu < LINK_MIN_MTU || mtu > LINK_MAX_MTU) {
		log_err(dev_name(n->dev), "option mtu=%s: not from %u to %u",
			dev_arg_str(a, "mtu", ""), LINK_MIN_MTU, LINK_MAX_MTU);
		return -EINVAL;
	}
	n->mtu = (u32)mtu;
	return 0;
}

static int get_queue(struct net *n, struct dev_args *a)
{
	u64 len = QUEUE_DEFAULT;
	int err;

	err = dev_arg_u64(a, "queue", &len);
	if (err)
		return err;
	if (!len || len > QUEUE_MAX) {
		log_err(dev_name(n->dev), "option queue=%s: not from 1 to %u",
			dev_arg_str(a, "queue", ""), QUEUE_MAX);
		return -EINVAL;
	}
	n->queue = calloc(len, sizeof(n->queue[0]));
	n->queue_len = len;
	return n->queue ? 0 : -ENOMEM;
}

/* The driver asks to hear of each frame; hardware makes it wait a while. */
static int get_coalesce(struct dev *d, struct dev_args *a)
{
	u64 ns = 0, frames = TX_FRAMES_DEFAULT;
	int err;

	err = dev_arg_time(a, "tx-coalesce", &ns);
	if (!err)
		err = dev_arg_u64(a, "tx-frames", &frames);
	if (!err)
		dev_vq_coalesce(d, VQ_TX, ns, (u32)min_u64(frames, UINT32_MAX));
	return err;
}

static int net_probe(struct dev *d, struct dev_args *a)
{
	struct virtio_net_config *c = dev_config(d);
	struct net *n = dev_priv(d);
	struct link *l;
	int err;

	n->dev = d;
	dev_timer_init(&n->tx_timer, dev_bus(d), tx_done);
	dev_timer_init(&n->rarp_timer, dev_bus(d), rarp_send);
	err = link_find(dev_bus(d), dev_arg_str(a, "link", LINK_DEFAULT), &l);
	if (!err)
		err = get_mac(d, a, c->mac);
	if (!err)
		err = get_mtu(n, a, l);
	if (!err)
		err = get_queue(n, a);
	if (!err)
		err = get_coalesce(d, a);
	if (err)
		return err;
	c->status = htole16(VIRTIO_NET_S_LINK_UP);
	c->mtu = htole16((u16)n->mtu);
	n->port.rx = net_arrived;
	n->port.number = dev_trace_port(d, link_number(l));
	link_join(l, &n->port);
	return 0;
}

static void net_remove(struct dev *d)
{
	struct net *n = dev_priv(d);

	dev_timer_cancel(&n->tx_timer);
	dev_timer_cancel(&n->rarp_timer);
	link_leave(&n->port);
	queue_flush(n);
	free(n->queue);
}

static void net_show(const struct dev *d, FILE *f)
{
	const struct net *n = dev_priv(d);
	const struct net_stats *s = &n->stats;

	fprintf(f, "tx_frames %" PRIu64 "\n", s->tx_frames);
	fprintf(f, "tx_bytes %" PRIu64 "\n", s->tx_bytes);
	fprintf(f, "tx_malformed %" PRIu64 "\n", s->tx_malformed);
	fprintf(f, "tx_runt %" PRIu64 "\n", s->tx_runt);
	fprintf(f, "tx_too_long %" PRIu64 "\n", s->tx_too_long);
	fprintf(f, "tx_no_memory %" PRIu64 "\n", s->tx_no_memory);
	fprintf(f, "rx_frames %" PRIu64 "\n", s->rx_frames);
	fprintf(f, "rx_bytes %" PRIu64 "\n", s->rx_bytes);
	fprintf(f, "rx_dropped %" PRIu64 "\n", s->rx_dropped);
	fprintf(f, "rx_down %" PRIu64 "\n", s->rx_down);
	fprintf(f, "rx_too_small %" PRIu64 "\n", s->rx_too_small);
}

const struct dev_ops net_dev_ops = {
	.name = "net",
	.help = "link=NAME     the link that the port is on (default: " LINK_DEFAULT ")\n"
		"mac=ADDR      (default: follows from seed and name)\n"
		"mtu=BYTES     (default: the link's)\n"
		"queue=FRAMES  that may wait for the driver (default: 1000)\n"
		"tx-coalesce=TIME  from a sent frame to its interrupt (default: 0)\n"
		"tx-frames=N       that are sent before there is one (default: 32)\n",
	.virtio_id = NET_ID,
	.nr_vqs = NR_VQS,
	.features = BIT_ULL(VIRTIO_NET_F_MAC) | BIT_ULL(VIRTIO_NET_F_STATUS) |
		    BIT_ULL(VIRTIO_NET_F_MTU),
	.priv_size = sizeof(struct net),
	.config_size = offsetof(struct virtio_net_config, mtu) + sizeof(u16),
	.in_kick = BIT_ULL(VQ_TX),
	.probe = net_probe,
	.remove = net_remove,
	.start = net_start,
	.stop = net_stop,
	.vq_ready = net_vq_ready,
	.announce = net_announce,
	.mtu = net_mtu,
	.stats = net_show,
};
