// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Fuzzer: whole vhost-user sessions, against a model of what must happen. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/socket.h>
#include <unistd.h>

#include "quiet_log.h"
#include "session_front.h"

/*
 * The input is a program of a front-end's actions. After each of them the slave
 * has done all that follows, and is compared with the model: what it has
 * answered, which file descriptors and mappings it has, the state of each
 * ring; and where the driver has behaved, whether buffers came back as they
 * must.
 */

static struct front front;

unsigned int front_log_lines(void)
{
	return log_lines + log_warnings;
}

/* Messages that are well formed, up to what the model has to say */

static void put(struct message *msg, const void *p, u32 len)
{
	memcpy(msg->payload + msg->hdr.size, p, len);
	msg->hdr.size += len;
}

static void put_u64(struct message *msg, u64 v)
{
	put(msg, &v, sizeof(v));
}

static void put_state(struct message *msg, u32 index, u32 num)
{
	put(msg, &index, sizeof(index));
	put(msg, &num, sizeof(num));
}

static void add_fd(struct message *msg, enum fd_kind kind)
{
	if (msg->nfds < MODEL_MAX_FDS)
		msg->fd[msg->nfds++] = kind;
}

static struct message make(u32 request, bool ack)
{
	struct message msg;

	memset(&msg, 0, offsetof(struct message, payload));
	msg.nfds = 0;
	msg.hdr.request = request;
	msg.hdr.flags = VHOST_USER_VERSION | (ack ? VHOST_USER_NEED_REPLY : 0);
	return msg;
}

/* All of the memory in pieces: whole, two, one per page, or not quite all. */
static void put_mem(struct message *msg, u8 how)
{
	struct vhost_user_mem_hdr h = { .nregions = 1 };
	struct vhost_user_region g[VHOST_USER_MAX_REGIONS] = { { 0 } };
	u32 at = 0, cut = (how >> 3) * 0x400u;
	unsigned int i, n = 0;

	switch (how & 7) {
	case 0:
	case 1:
		g[n++].size = RAM_SIZE;
		break;
	case 2:
		for (n = 0; n < 8; n++)
			g[n].size = PAGE;
		break;
	case 3:
		g[n++].size = cut ? cut : PAGE;
		break;
	default:
		cut = cut ? cut : 8 * 0x400u;
		g[n++].size = cut;
		g[n++].size = RAM_SIZE - cut;
		break;
	}
	for (i = 0; i < n; i++) {
		g[i].guest_addr = GPA + at;
		g[i].user_addr = UVA + at;
		g[i].mmap_offset = at;
		at += (u32)g[i].size;
		add_fd(msg, FD_RAM);
	}
	h.nregions = n;
	put(msg, &h, sizeof(h));
	put(msg, g, n * (u32)sizeof(g[0]));
}

/* A page, or several, as put_mem() has them one by one. */
static void put_region(struct message *msg, u8 v)
{
	u32 at = (v & 7) * PAGE, n = v & 0x40 ? v >> 3 & 7 : 1;
	struct vhost_user_mem_reg m = {
		.region = { GPA + at, n * PAGE, UVA + at, at },
	};

	put(msg, &m, sizeof(m));
}

static void put_addr(struct message *msg, u32 q)
{
	struct vhost_user_vring_addr a = {
		.index = q, .desc = UVA + desc_off(q),
		.avail = UVA + avail_off(q), .used = UVA + used_off(q),
		.log = U64_MAX,
	};

	put(msg, &a, sizeof(a));
}

static void put_log(struct message *msg, u8 v)
{
	struct vhost_user_log l = { .size = v & 0x7f, .offset = v & 0x80 };

	put(msg, &l, sizeof(l));
	add_fd(msg, FD_SHORT);
}

static void put_inflight(struct message *msg, u8 v, enum fd_kind kind)
{
	struct vhost_user_inflight a = {
		.mmap_size = v & 0x40 ? PAGE : 384,
		.num_queues = 1 + (v & 1),
		.queue_size = v & 2 ? RING_NUM : (u16)(v >> 2),
	};

	put(msg, &a, v & 0x80 ? 20 : 24);
	if (msg->hdr.request == VHOST_USER_SET_INFLIGHT_FD)
		add_fd(msg, kind);
}

static void put_config(struct message *msg, u8 v)
{
	struct vhost_user_config_hdr h = {
		.offset = v & 0x80 ? v & 15 : 0, .size = v & 0x7f,
	};

	put(msg, &h, sizeof(h));
	memset(msg->payload + msg->hdr.size, v, h.size);
	msg->hdr.size += h.size;
}

static u64 some_features(u8 v)
{
	u64 f = front.m.features_offered;

	if (v & 1)
		f &= ~BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	if (v & 2)
		f &= ~BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	if (v & 4)
		f &= ~BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES);
	if (!(v & 0x80))
		f &= ~BIT_ULL(VIRTIO_F_RING_PACKED);
	if (v & 8)
		f ^= BIT_ULL(v & 0x40 ? VHOST_USER_F_LOG_ALL : v >> 4);
	return f;
}

static void put_vring_fd(struct message *msg, u8 v)
{
	static const enum fd_kind kinds[] = { FD_EVENT, FD_EVENT, FD_SOCKET,
					      FD_PIPE, FD_RAM, FD_NULL };

	put_u64(msg, (v & 1) | (v & 0x80 ? 0x100 : 0));
	if (!(v & 0x80))
		add_fd(msg, kinds[(v >> 1) % ARRAY_SIZE(kinds)]);
}

/* Request @request with contents that make sense, varied by @v. */
static struct message well_formed(u32 request, u8 v, bool ack)
{
	static const u16 nums[] = { RING_NUM, RING_NUM, 1, 2, 16, 128, 0, 3 };
	struct message msg = make(request, ack);

	switch (request) {
	case VHOST_USER_SET_FEATURES:
		put_u64(&msg, some_features(v));
		break;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		put_u64(&msg, v & 0x40 ? v & 0x3f :
			PROTOCOL_USUAL ^ (u64)(v & 7) << 13);
		break;
	case VHOST_USER_SET_MEM_TABLE:
		put_mem(&msg, v);
		break;
	case VHOST_USER_SET_LOG_BASE:
		put_log(&msg, v);
		break;
	case VHOST_USER_GET_INFLIGHT_FD:
	case VHOST_USER_SET_INFLIGHT_FD:
		put_inflight(&msg, v, FD_SHORT);
		break;
	case VHOST_USER_SET_LOG_FD:
		add_fd(&msg, FD_EVENT);
		break;
	case VHOST_USER_SET_VRING_NUM:
		put_state(&msg, v & 1, nums[(v >> 1) % ARRAY_SIZE(nums)]);
		break;
	case VHOST_USER_SET_VRING_BASE:
		put_state(&msg, v & 1, v & 2 ? v >> 2 :
			  front.drv[v & 1].base);
		break;
	case VHOST_USER_SET_VRING_ADDR:
		put_addr(&msg, v & 1);
		break;
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_VRING_KICK:
		put_state(&msg, v & 1, 0);
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		put_state(&msg, v & 1, v >> 1 & 1);
		break;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		put_vring_fd(&msg, v);
		break;
	case VHOST_USER_SET_SLAVE_REQ_FD:
		add_fd(&msg, v < 0xf0 ? FD_SOCKET : FD_EVENT);
		break;
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_SET_CONFIG:
		put_config(&msg, v);
		break;
	case VHOST_USER_ADD_MEM_REG:
		put_region(&msg, v);
		add_fd(&msg, v < 0xf0 ? FD_RAM : FD_SHORT);
		break;
	case VHOST_USER_REM_MEM_REG:
		put_region(&msg, v);
		break;
	case VHOST_USER_SET_STATUS:
		put_u64(&msg, v & 0x7f);
		break;
	default:
		break;
	}
	return msg;
}

/* Something about it is changed. */
static void mutate(struct message *msg, struct input *in)
{
	u8 how = take_u8(in);
	u32 at;

	switch (how & 7) {
	case 0:
		msg->hdr.size += (how >> 3) - 8u;
		break;
	case 1:
		msg->hdr.flags ^= 1u << (how >> 3);
		break;
	case 2:
		add_fd(msg, (how >> 3) % FD_KINDS);
		break;
	case 3:
		msg->nfds -= msg->nfds > 0;
		break;
	case 4:
		if (msg->nfds)
			msg->fd[(how >> 3) % msg->nfds] =
				take_u8(in) % FD_KINDS;
		break;
	case 5:
		while (how & 8 ? msg->nfds < MODEL_MAX_FDS : msg->nfds < 8)
			add_fd(msg, (how >> 4) % FD_KINDS);
		break;
	default:
		at = take_u8(in) % (msg->hdr.size % 264 + 1);
		msg->payload[at] ^= how >> 3 ? (u8)(1u << (how >> 3 & 7)) :
				    take_u8(in);
		break;
	}
}

static struct message raw(struct input *in)
{
	struct message msg = make(take_u8(in) % 48, false);
	u32 len = take_u8(in);

	msg.hdr.flags = take_u8(in);
	msg.hdr.size = len;
	if (msg.hdr.flags & 0x10) {
		take(in, &msg.hdr, sizeof(msg.hdr));
		len = msg.hdr.size;
	}
	take(in, msg.payload, min_size(len, 256));
	while (msg.hdr.flags & 0x20 && take_u8(in) & 1)
		add_fd(&msg, take_u8(in) % FD_KINDS);
	return msg;
}

/* Whole set-up of the session and its queues */

static bool simple(u32 request, u8 v)
{
	struct message msg = well_formed(request, v, true);

	return front_message(&front, &msg) && front.m.connected;
}

static bool setup_queue(u8 q, u8 how)
{
	const struct model_vring *v = &front.m.vring[q];
	u8 fd = how & 0x10 || front.w.simulated ? 0x80 : 0;

	/* As UML does before it sets one up again. */
	if (v->started && !simple(VHOST_USER_SET_VRING_ENABLE, q))
		return false;
	driver_reset(&front.drv[q]);
	memset(front.w.ram + q * PAGE, 0, PAGE);
	if (!simple(VHOST_USER_SET_VRING_NUM, q) ||
	    !simple(VHOST_USER_SET_VRING_BASE, q) ||
	    !simple(VHOST_USER_SET_VRING_ADDR, q))
		return false;
	if (!model_inband(&front.m) || how & 0x20)
		if (!simple(VHOST_USER_SET_VRING_CALL, fd | q) ||
		    !simple(VHOST_USER_SET_VRING_KICK, fd | q))
			return false;
	if (!simple(VHOST_USER_SET_VRING_ENABLE, q | 2))
		return false;
	front.drv[q].clean = !v->packed && !front.m.inflight && v->num == RING_NUM && v->have_addr &&
			     front_memory_is_usual(&front);
	front.m.vring[q].dirty = !front.drv[q].clean;
	return true;
}

static void setup(struct input *in)
{
	u8 how = take_u8(in), q;

	if (!front.m.connected)
		front_connect(&front);
	if (!(how & 1) || !front.m.have_features)
		if (!simple(VHOST_USER_SET_PROTOCOL_FEATURES, how & 2 ? 0x69 : 0) ||
		    !simple(VHOST_USER_SET_FEATURES, how >> 2 & 3) ||
		    (front.m.protocol & BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) &&
		     !simple(VHOST_USER_SET_SLAVE_REQ_FD, 0)))
			return;
	if (!front.m.nr_regions && !simple(VHOST_USER_SET_MEM_TABLE, 0))
		return;
	for (q = 0; q < front.m.nr_vqs; q++)
		if (!(how & (0x40 << q)) && !setup_queue(q, how))
			return;
}

/* Actions */

static void one_message(struct input *in)
{
	u8 what = take_u8(in), v = take_u8(in);
	struct message msg = well_formed(what & 0x3f, v, !(what & 0x40));

	if (what & 0x80)
		mutate(&msg, in);
	if (what & 0x80 && v & 0x80)
		mutate(&msg, in);
	front_message(&front, &msg);
}

static void raw_message(struct input *in)
{
	struct message msg = raw(in);

	front_message(&front, &msg);
}

static void several_messages(struct input *in)
{
	unsigned int i, n = 2 + take_u8(in) % 3;
	struct message msg[4];

	for (i = 0; i < n; i++) {
		u8 what = take_u8(in);

		msg[i] = well_formed(what & 0x3f, take_u8(in), !(what & 0x40));
		msg[i].nfds = 0;
	}
	front_messages(&front, msg, n);
}

static void split_message(struct input *in)
{
	u8 what = take_u8(in);
	struct message msg = well_formed(what & 0x3f, take_u8(in),
					 !(what & 0x40));

	front.split = 1 + take_u8(in);
	front_message(&front, &msg);
	front.split = 0;
}

static void truncated_message(struct input *in)
{
	struct message msg = raw(in);
	int fd = front.w.fd;

	if (!front.m.connected)
		return;
	front_answered(&front);
	msg.hdr.size = min_size(msg.hdr.size, 200) + 1u;
	world_send(fd, &msg, sizeof(msg.hdr) + msg.hdr.size - 1, NULL, 0);
	world_settle(&front.w);
	front_disconnect(&front);
}

static void guest_writes(struct input *in)
{
	u32 at = take_u16(in) % RAM_SIZE, n = take_u8(in) % 24;
	unsigned int q;

	take(in, front.w.ram + at, min_size(n, RAM_SIZE - at));
	/* Whatever it was, the driver is no longer one that behaves. */
	for (q = 0; q < MODEL_VQS; q++)
		front_dirty(&front, q);
}

/* An avail ring entry and a descriptor, as a driver may get them wrong. */
static void bad_driver(struct input *in)
{
	u8 q = take_u8(in) % MODEL_VQS, i = take_u8(in) % RING_NUM;
	struct vring_avail *a = (void *)(front.w.ram + avail_off(q));
	struct vring_desc *d = (void *)(front.w.ram + desc_off(q));

	front_dirty(&front, q);
	d[i].addr = GPA + take_u16(in);
	d[i].len = take_u16(in);
	d[i].flags = take_u8(in) & 7;
	d[i].next = take_u8(in) % (RING_NUM + 1);
	a->ring[a->idx % RING_NUM] = i;
	a->idx++;
}

static void calendar(struct input *in)
{
	u8 what = take_u8(in);

	if (what & 1)
		front.w.slow = true;
	else if (what & 2)
		front_answered(&front);
	else
		world_ack(&front.w);
}

static void act(struct input *in)
{
	switch (take_u8(in) % 18) {
	case 0:
		setup(in);
		break;
	case 1:
	case 2:
	case 3:
		one_message(in);
		break;
	case 4:
		raw_message(in);
		break;
	case 5:
	case 6:
		front_post(&front, in);
		break;
	case 7:
		front_kick(&front, take_u8(in) % MODEL_VQS);
		break;
	case 8:
		front_post(&front, in);
		front_kick(&front, take_u8(in) % MODEL_VQS);
		break;
	case 9:
		world_advance(&front.w, 1ULL << take_u8(in) % 36);
		break;
	case 10:
		front_answer_call(&front, take_u8(in), in);
		break;
	case 11:
		guest_writes(in);
		break;
	case 12:
		bad_driver(in);
		break;
	case 13:
		calendar(in);
		break;
	case 14:
		front_reconnect(&front, take_u8(in));
		break;
	case 15:
		several_messages(in);
		break;
	case 16:
		split_message(in);
		break;
	default:
		if (take_u8(in) < 0xe0)
			front_quiesce(&front);
		else
			truncated_message(in);
		break;
	}
}

static void open_front(u8 first)
{
	static const char *const specs[] = { "echo", "rng", "echo,kick-latency=5",
					     "rng,rate=1000000,migration=off" };
	const char *spec = specs[first & 3];
	bool echo = *spec == 'e';

	front_open(&front, spec, first & 4, echo);
	front.m.migration = (first & 3) != 3 && !(first & 4);
	front.m.features_offered = BIT_ULL(32) |
				   BIT_ULL(VIRTIO_F_RING_PACKED) |
				   (u64)front.m.migration << VHOST_USER_F_LOG_ALL |
				   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
				   BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
				   BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static bool initialised;
	struct input in = { data, size };
	unsigned int actions = 0;

	if (!initialised)
		world_init(&front.w);
	initialised = true;
	open_front(take_u8(&in));
	front_connect(&front);
	while (in.left && actions++ < 64) {
		act(&in);
		front_check(&front);
	}
	front_quiesce(&front);
	front_close(&front);
	return 0;
}
