// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* keys: what somebody types at the host, at instants of simulated time. */
#include <endian.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "../lab/channel.h"
#include "keys.h"

/*
 * DOC: Theory of operation
 *
 * A console device with one port, which is no console: the node's init reads a
 * stream of bytes from it, and writes to it whether somebody in the guest waits
 * for keys (struct channel_keys). Only umtt makes such a device, for --shell.
 *
 * When a key is typed, in simulated time? Either time stands: the guest waits
 * for keys and has got all there were, and the instant is held (dev_hold()).
 * Then this instant is the key's. Or time goes on, as fast as it can. Then the
 * device has a turn now and then, and what was typed up to it is typed at that
 * instant. The distance of these turns grows with the time since the last key,
 * so that a long sleep costs few of them.
 */

enum { VQ_RX, VQ_TX, VQ_CTRL_RX, VQ_CTRL_TX, NR_VQS };

/* The distance of two turns: an eighth of the time since the last key. */
#define TURN_SHIFT	3
#define TURN_MIN	(NSEC_PER_SEC / 1000)

#define MAX_REPLIES	8u

/**
 * struct keys - the device
 * @pending: to be typed
 * @sent: bytes of the stream so far
 * @listens: the guest's init has told its state
 * @waits: the guest has it all, and waits for more
 * @held: and so simulated time stands
 * @going: it was let go, up to the next turn
 * @since: when that was last different
 * @turns: that the device has had
 * @state: what has come of the guest's next message
 * @reply: control messages for the driver
 */
struct keys {
	struct dev *dev;
	struct keys_host host;
	u8 *pending;
	size_t len;
	u64 sent;
	bool listens, waits, held, going;
	u64 since, turns;
	struct dev_timer timer;
	struct channel_keys state;
	size_t state_len;
	struct virtio_console_control reply[MAX_REPLIES];
	unsigned int nr_replies;
};

/*
 * Typing
 */

static void type(struct keys *k)
{
	struct vq *vq = dev_vq(k->dev, VQ_RX);
	struct vq_buf b;
	size_t n, done = 0;

	while (done < k->len && vq && vq_pop(vq, &b) == 1) {
		n = vq_buf_write(&b, 0, k->pending + done, k->len - done);
		dev_trace_keys(k->dev, k->turns, k->pending + done, n);
		vq_push(vq, &b, (u32)n);
		done += n;
	}
	if (!done)
		return;
	memmove(k->pending, k->pending + done, k->len - done);
	k->len -= done;
	k->sent += done;
	k->waits = false;
	k->since = dev_now(k->dev);
}

static void hold(struct keys *k)
{
	dev_timer_cancel(&k->timer);
	k->held = true;
	dev_hold(k->dev);
	k->host.waits(k->host.owner, dev_now(k->dev));
}

static void release(struct keys *k)
{
	if (!k->held)
		return;
	k->held = false;
	dev_put(k->dev);
}

static void turn(struct keys *k)
{
	u64 now = dev_now(k->dev), step;

	k->turns++;
	if (k->host.turn)
		k->host.turn(k->host.owner, k->turns);
	if (k->len)
		type(k);
	if (k->waits) {
		hold(k);
		return;
	}
	step = max_u64((now - k->since) >> TURN_SHIFT, TURN_MIN);
	dev_timer_arm(&k->timer, now + step);
}

static void turn_due(struct dev_timer *t)
{
	struct keys *k = container_of(t, struct keys, timer);

	k->going = false;
	turn(k);
}

void keys_put(struct dev *d, const void *data, size_t len)
{
	struct keys *k = dev_priv(d);
	u8 *p = realloc(k->pending, k->len + len);

	if (!p) {
		log_err(dev_name(d), "out of memory: keys are lost");
		return;
	}
	memcpy(p + k->len, data, len);
	k->pending = p;
	k->len += len;
}

size_t keys_backlog(const struct dev *d)
{
	const struct keys *k = dev_priv(d);

	return k->len;
}

bool keys_held(const struct dev *d)
{
	const struct keys *k = dev_priv(d);

	return k->held;
}

void keys_go(struct dev *d, u64 until)
{
	struct keys *k = dev_priv(d);

	if (!k->held)
		return;
	/* Not before: what the guest says until then does not matter. */
	k->going = true;
	dev_timer_arm(&k->timer, until);
	release(k);
}

void keys_attach(struct dev *d, const struct keys_host *h)
{
	struct keys *k = dev_priv(d);

	k->host = *h;
}

/*
 * What the guest says
 */

static void got_state(struct keys *k)
{
	bool waits = k->state.waits && k->state.got == k->sent;

	if (!k->listens || waits != k->waits)
		k->since = dev_now(k->dev);
	k->listens = true;
	k->waits = waits;
	/* Time stands, or the next turn is to come soon. */
	if (!k->going)
		turn(k);
}

static void took_state(struct keys *k, const struct vq_buf *b)
{
	size_t off = 0, n;

	while ((n = vq_buf_read(b, off, (u8 *)&k->state + k->state_len,
				sizeof(k->state) - k->state_len))) {
		off += n;
		k->state_len += n;
		if (k->state_len < sizeof(k->state))
			return;
		k->state_len = 0;
		/* Without a host nobody would let time go on again. */
		if (!k->held && k->host.waits)
			got_state(k);
	}
}

static void reply(struct keys *k, u16 event, u16 value)
{
	struct virtio_console_control *c;

	/* A driver that asks again and again has had its answers. */
	if (k->nr_replies == MAX_REPLIES)
		return;
	c = &k->reply[k->nr_replies++];
	c->id = htole32(0);
	c->event = htole16(event);
	c->value = htole16(value);
}

static void send_replies(struct keys *k)
{
	struct vq *vq = dev_vq(k->dev, VQ_CTRL_RX);
	unsigned int i = 0;
	struct vq_buf b;
	size_t n;

	while (i < k->nr_replies && vq && vq_pop(vq, &b) == 1) {
		n = vq_buf_write(&b, 0, &k->reply[i++], sizeof(k->reply[0]));
		vq_push(vq, &b, (u32)n);
	}
	k->nr_replies -= i;
	memmove(k->reply, k->reply + i, k->nr_replies * sizeof(k->reply[0]));
}

/* The port appears, and is open at our end from the beginning. */
static void took_control(struct keys *k, const struct vq_buf *b)
{
	struct virtio_console_control c;

	if (vq_buf_read(b, 0, &c, sizeof(c)) != sizeof(c))
		return;
	if (le16toh(c.event) == VIRTIO_CONSOLE_DEVICE_READY)
		reply(k, VIRTIO_CONSOLE_PORT_ADD, 1);
	else if (le16toh(c.event) == VIRTIO_CONSOLE_PORT_READY)
		reply(k, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static void keys_vq_ready(struct dev *d, unsigned int i)
{
	struct keys *k = dev_priv(d);
	struct vq_buf b;

	while ((i == VQ_TX || i == VQ_CTRL_TX) &&
	       vq_pop(dev_vq(d, i), &b) == 1) {
		if (i == VQ_TX)
			took_state(k, &b);
		else
			took_control(k, &b);
		vq_push(dev_vq(d, i), &b, 0);
	}
	if (i == VQ_CTRL_TX || i == VQ_CTRL_RX)
		send_replies(k);
}

/* The driver is gone, and with it whoever has waited. */
static void keys_stop(struct dev *d, struct vq *vq)
{
	struct keys *k = dev_priv(d);

	(void)vq;	/* it does without all of them, or with all */
	k->listens = k->waits = k->going = false;
	k->state_len = 0;
	k->nr_replies = 0;
	dev_timer_cancel(&k->timer);
	release(k);
}

static void keys_remove(struct dev *d)
{
	struct keys *k = dev_priv(d);

	free(k->pending);
}

static int keys_probe(struct dev *d, struct dev_args *a)
{
	struct keys *k = dev_priv(d);
	struct virtio_console_config *c = dev_config(d);

	(void)a;
	k->dev = d;
	c->max_nr_ports = htole32(1);
	dev_timer_init(&k->timer, dev_bus(d), turn_due);
	return 0;
}

const struct dev_ops keys_dev_ops = {
	.name = "keys",
	.virtio_id = VIRTIO_ID_CONSOLE,
	.nr_vqs = NR_VQS,
	/* The driver polls for the end of control messages. */
	.in_kick = BIT_ULL(VQ_CTRL_TX),
	.features = BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT),
	.config_size = sizeof(struct virtio_console_config),
	.priv_size = sizeof(struct keys),
	.probe = keys_probe,
	.remove = keys_remove,
	.stop = keys_stop,
	.vq_ready = keys_vq_ready,
};
