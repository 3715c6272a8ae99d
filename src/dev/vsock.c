// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vsock: sockets between guests, and between a guest and programs of the host. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vsock.h"

/*
 * DOC: Between guests
 *
 * The device of a guest takes a packet within the kick and passes it on, as it
 * is, to the device of the guest with that CID, where it arrives after the
 * latency. Connections, credit and their ends are between the two drivers; the
 * device only sees to it that nobody speaks in the name of another. A packet
 * for a CID that is not there is answered with a reset.
 *
 * A driver that takes no packets, though it has promised to have room, must not
 * cost memory without bound: what is more than QUEUE_MAX is answered with a
 * reset, too, which ends that connection.
 */

#define VSOCK_ID	19
#define QUEUE_MAX	((size_t)8 * 1024 * 1024)
#define FIRST_CID	3u
#define LAST_CID	0xfffffffeu

static size_t weight(const struct packet *p)
{
	return sizeof(*p) + p->len;
}

/* To the guest */

/*
 * As much of the first packet as @b has room for. Between two pieces of a
 * message there is none of the marks that stand at its end.
 */
static void write_piece(struct vsock *v, struct packet *p, struct vq_buf *b)
{
	size_t room = b->in_len - sizeof(p->h);
	u32 n = (u32)min_size(room, p->len - p->off);
	struct virtio_vsock_hdr h = p->h;

	h.len = htole32(n);
	if (p->off + n < p->len)
		h.flags = 0;
	vq_buf_write(b, 0, &h, sizeof(h));
	vq_buf_write(b, sizeof(h), p->data + p->off, n);
	vq_push(b->vq, b, (u32)sizeof(h) + n);
	p->off += n;
	v->stats.rx_packets++;
	v->stats.rx_bytes += n;
}

static void drop_first(struct vsock *v)
{
	struct packet *p = TAILQ_FIRST(&v->queue);

	TAILQ_REMOVE(&v->queue, p, entry);
	v->queued -= weight(p);
	free(p);
}

static void rx_run(struct vsock *v)
{
	struct vq *vq = dev_vq(v->dev, VSOCK_VQ_RX);
	struct packet *p;
	struct vq_buf b;

	while (vq && (p = TAILQ_FIRST(&v->queue)) && vq_pop(vq, &b) == 1) {
		/* A packet with nothing in it is no piece of one. */
		if (b.in_len < sizeof(p->h) + !!p->len) {
			v->stats.no_room++;
			vq_push(vq, &b, 0);
			continue;
		}
		write_piece(v, p, &b);
		if (p->off == p->len)
			drop_first(v);
	}
}

static struct packet *new_packet(struct vsock *v,
				 const struct virtio_vsock_hdr *h, size_t len)
{
	struct packet *p = malloc(sizeof(*p) + len);

	if (!p) {
		v->stats.no_memory++;
		return NULL;
	}
	p->h = *h;
	p->h.len = htole32((u32)len);
	p->len = (u32)len;
	p->off = 0;
	return p;
}

static void enqueue(struct vsock *v, struct packet *p)
{
	TAILQ_INSERT_TAIL(&v->queue, p, entry);
	v->queued += weight(p);
	rx_run(v);
}

void vsock_send(struct vsock *v, u64 src_cid, const struct virtio_vsock_hdr *h,
		const void *data, size_t len)
{
	struct packet *p;

	/* Answers to a driver that asks and asks, and takes none */
	if (v->queued > QUEUE_MAX) {
		v->stats.overflow++;
		return;
	}
	p = new_packet(v, h, len);
	if (!p)
		return;
	p->h.src_cid = htole64(src_cid);
	p->h.dst_cid = htole64(v->cid);
	if (len)
		memcpy(p->data, data, len);
	enqueue(v, p);
}

size_t vsock_room(const struct vsock *v)
{
	return v->queued < QUEUE_MAX / 16 ? VSOCK_MAX_PAYLOAD : 0;
}

void vsock_reset(struct vsock *v, const struct virtio_vsock_hdr *h)
{
	struct virtio_vsock_hdr r = {
		.src_port = h->dst_port, .dst_port = h->src_port,
		.type = h->type, .op = htole16(VIRTIO_VSOCK_OP_RST),
	};

	if (le16toh(h->op) != VIRTIO_VSOCK_OP_RST)
		vsock_send(v, le64toh(h->dst_cid), &r, NULL, 0);
}

/* Between guests */

static struct vsock *find_guest(const struct guests *g, u64 cid)
{
	struct vsock *v;

	TAILQ_FOREACH(v, &g->list, entry)
		if (v->cid == cid)
			return v;
	return NULL;
}

static void arrived(struct dev_timer *t)
{
	struct packet *p = container_of(t, struct packet, timer);
	struct vsock *from = p->from, *to;

	TAILQ_REMOVE(&from->under_way, p, entry);
	from->flying -= weight(p);
	to = find_guest(from->guests, le64toh(p->h.dst_cid));
	if (to && to->up && to->queued + weight(p) <= QUEUE_MAX) {
		enqueue(to, p);
		return;
	}
	if (to && to->up)
		to->stats.overflow++;
	else
		from->stats.unreachable++;
	vsock_reset(from, &p->h);
	free(p);
}

static void pass_on(struct vsock *v, struct packet *p)
{
	if (v->flying + weight(p) > QUEUE_MAX) {
		v->stats.overflow++;
		vsock_reset(v, &p->h);
		free(p);
		return;
	}
	p->from = v;
	v->flying += weight(p);
	TAILQ_INSERT_TAIL(&v->under_way, p, entry);
	dev_timer_init(&p->timer, dev_bus(v->dev), arrived);
	dev_timer_arm(&p->timer, dev_now(v->dev) + v->latency);
}

/* From the guest */

static bool known(const struct virtio_vsock_hdr *h)
{
	u16 op = le16toh(h->op), type = le16toh(h->type);

	return op >= VIRTIO_VSOCK_OP_REQUEST &&
	       op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST &&
	       (type == VIRTIO_VSOCK_TYPE_STREAM ||
		type == VIRTIO_VSOCK_TYPE_SEQPACKET);
}

/* Is the header one that this guest may send, in a buffer of @out_len bytes. */
static bool well_formed(const struct vsock *v, const struct virtio_vsock_hdr *h,
			size_t out_len)
{
	u32 len = le32toh(h->len);

	if (le64toh(h->src_cid) != v->cid || len > VSOCK_MAX_PAYLOAD ||
	    len > out_len - sizeof(*h))
		return false;
	return !len || le16toh(h->op) == VIRTIO_VSOCK_OP_RW;
}

static void dispatch(struct vsock *v, struct packet *p)
{
	u64 cid = le64toh(p->h.dst_cid);

	if (!known(&p->h)) {
		v->stats.malformed++;
		vsock_reset(v, &p->h);
	} else if (cid == VSOCK_HOST && v->host) {
		vsock_host_packet(v->host, &p->h, p->data, p->len);
	} else if (cid != VSOCK_HOST && find_guest(v->guests, cid)) {
		pass_on(v, p);
		return;
	} else {
		v->stats.unreachable++;
		vsock_reset(v, &p->h);
	}
	free(p);
}

static void take(struct vsock *v, const struct vq_buf *b)
{
	struct virtio_vsock_hdr h;
	struct packet *p;

	if (vq_buf_read(b, 0, &h, sizeof(h)) < sizeof(h) ||
	    !well_formed(v, &h, b->out_len)) {
		v->stats.malformed++;
		return;
	}
	p = new_packet(v, &h, le32toh(h.len));
	if (!p)
		return;
	vq_buf_read(b, sizeof(h), p->data, p->len);
	v->stats.tx_packets++;
	v->stats.tx_bytes += p->len;
	dispatch(v, p);
}

static void tx_run(struct vsock *v)
{
	struct vq *vq = dev_vq(v->dev, VSOCK_VQ_TX);
	struct vq_buf b;

	while (vq_pop(vq, &b) == 1) {
		take(v, &b);
		vq_push(vq, &b, 0);
	}
}

/* What dev.c calls */

static void vsock_vq_ready(struct dev *d, unsigned int i)
{
	struct vsock *v = dev_priv(d);

	v->up = true;
	if (v->host)
		vsock_host_begin(v->host);
	if (i == VSOCK_VQ_TX)
		tx_run(v);
	else if (i == VSOCK_VQ_RX)
		rx_run(v);
	else
		vsock_event_run(v);
}

static void drop_under_way(struct vsock *v)
{
	struct packet *p;

	while ((p = TAILQ_FIRST(&v->under_way))) {
		TAILQ_REMOVE(&v->under_way, p, entry);
		v->flying -= weight(p);
		dev_timer_cancel(&p->timer);
		free(p);
	}
}

static void drop_queue(struct vsock *v)
{
	while (!TAILQ_EMPTY(&v->queue))
		drop_first(v);
}

void vsock_forget(struct vsock *v)
{
	drop_under_way(v);
	drop_queue(v);
	if (!v->host)
		return;
	vsock_host_reset(v->host);
	if (v->up)
		vsock_host_begin(v->host);
}

/* Connections are a driver's. What another has left is of no use. */
static void forget(struct vsock *v)
{
	v->up = false;
	drop_queue(v);
	if (v->host)
		vsock_host_reset(v->host);
	vsock_event_forget(v);
}

static void vsock_start(struct dev *d)
{
	forget(dev_priv(d));
}

static void vsock_stop(struct dev *d, struct vq *vq)
{
	/* No buffer is ever kept. */
	if (!vq)
		forget(dev_priv(d));
}

static void guests_free(void *obj)
{
	free(obj);
}

static int join(struct vsock *v)
{
	struct dev_bus *b = dev_bus(v->dev);
	int err;

	v->guests = dev_bus_shared(b, "vsock", "guests");
	if (v->guests)
		return 0;
	v->guests = calloc(1, sizeof(*v->guests));
	if (!v->guests)
		return -ENOMEM;
	TAILQ_INIT(&v->guests->list);
	err = dev_bus_share(b, "vsock", "guests", v->guests, guests_free, NULL);
	if (err) {
		free(v->guests);
		v->guests = NULL;
	}
	return err;
}

bool vsock_cid_ok(u64 cid)
{
	return cid >= FIRST_CID && cid <= LAST_CID;
}

int vsock_set_cid(struct vsock *v, u64 cid)
{
	struct virtio_vsock_config *c = dev_config(v->dev);
	const struct vsock *other = find_guest(v->guests, cid);

	if (other && other != v)
		return -EEXIST;
	v->cid = cid;
	c->guest_cid = htole64(cid);
	return 0;
}

/* The first that is free, unless the user has said which. */
static int get_cid(struct vsock *v, struct dev_args *a)
{
	const char *s = dev_arg_str(a, "guest-cid", NULL);
	int err = dev_arg_u64(a, "guest-cid", &v->cid);

	if (err)
		return err;
	if (s && !vsock_cid_ok(v->cid)) {
		log_err(dev_name(v->dev), "option guest-cid=%s: not from %u to %u",
			s, FIRST_CID, LAST_CID);
		return -EINVAL;
	}
	if (s && find_guest(v->guests, v->cid)) {
		log_err(dev_name(v->dev), "option guest-cid=%s: another device has it",
			s);
		return -EINVAL;
	}
	if (!s)
		for (v->cid = FIRST_CID; find_guest(v->guests, v->cid); v->cid++)
			;
	return 0;
}

static void vsock_remove(struct dev *d)
{
	struct vsock *v = dev_priv(d);

	forget(v);
	drop_under_way(v);
	vsock_event_free(v);
	vsock_host_free(v->host);
	v->host = NULL;
	if (v->joined)
		TAILQ_REMOVE(&v->guests->list, v, entry);
	v->joined = false;
}

static int vsock_probe(struct dev *d, struct dev_args *a)
{
	struct virtio_vsock_config *c = dev_config(d);
	struct vsock *v = dev_priv(d);
	int err;

	v->dev = d;
	TAILQ_INIT(&v->queue);
	TAILQ_INIT(&v->under_way);
	err = join(v);
	if (!err)
		err = get_cid(v, a);
	if (!err)
		err = dev_arg_time(a, "latency", &v->latency);
	if (!err)
		err = vsock_event_new(v, a);
	if (!err)
		err = vsock_host_new(v, a);
	if (err) {
		vsock_event_free(v);
		return err;
	}
	c->guest_cid = htole64(v->cid);
	TAILQ_INSERT_TAIL(&v->guests->list, v, entry);
	v->joined = true;
	return 0;
}

static void vsock_show(const struct dev *d, FILE *f)
{
	const struct vsock *v = dev_priv(d);
	const struct vsock_stats *s = &v->stats;

	fprintf(f, "cid %" PRIu64 "\n", v->cid);
	fprintf(f, "tx_packets %" PRIu64 "\n", s->tx_packets);
	fprintf(f, "tx_bytes %" PRIu64 "\n", s->tx_bytes);
	fprintf(f, "rx_packets %" PRIu64 "\n", s->rx_packets);
	fprintf(f, "rx_bytes %" PRIu64 "\n", s->rx_bytes);
	fprintf(f, "malformed %" PRIu64 "\n", s->malformed);
	fprintf(f, "unreachable %" PRIu64 "\n", s->unreachable);
	fprintf(f, "overflow %" PRIu64 "\n", s->overflow);
	fprintf(f, "no_room %" PRIu64 "\n", s->no_room);
	fprintf(f, "no_memory %" PRIu64 "\n", s->no_memory);
	vsock_event_show(v, f);
	if (v->host)
		vsock_host_show(v->host, f);
}

const struct dev_ops vsock_dev_ops = {
	.name = "vsock",
	.help = "guest-cid=N        (default: the first that is free, from 3 on)\n"
		"latency=TIME       of packets to other guests (default: 0)\n"
		"reset=TIME[@CID][/...]  all connections end at these times, as by a migration;\n"
		"                   from there on the guest has that CID\n"
		"uds=PATH           the host: its port P is the socket PATH_P, and who\n"
		"                   connects to PATH says \"CONNECT PORT\"\n"
		"poll=TIME          from one look at the host's sockets to the next (default: 1ms)\n"
		"wait=TIME          of real time, that simulated time stands for an answer\n"
		"                   of the host (default: 0)\n"
		"wait-after=TIME    from what the guest has sent to that (default: 10us)\n",
	.virtio_id = VSOCK_ID,
	.nr_vqs = VSOCK_NR_VQS,
	.in_kick = BIT_ULL(VSOCK_VQ_TX),
	.features = BIT_ULL(VIRTIO_VSOCK_F_SEQPACKET),
	.priv_size = sizeof(struct vsock),
	.config_size = sizeof(struct virtio_vsock_config),
	.probe = vsock_probe,
	.remove = vsock_remove,
	.start = vsock_start,
	.stop = vsock_stop,
	.vq_ready = vsock_vq_ready,
	.stats = vsock_show,
};
