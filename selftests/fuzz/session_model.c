// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What a vhost-user session must do, by the rules: the oracle of a fuzzer. */
#include <string.h>

#include "session_model.h"

#define PROTOCOL(bit)	BIT_ULL(VHOST_USER_PROTOCOL_F_##bit)
#define PROTOCOL_OFFERED (PROTOCOL(MQ) | PROTOCOL(REPLY_ACK) |		\
			  PROTOCOL(SLAVE_REQ) | PROTOCOL(CONFIG) |	\
			  PROTOCOL(INFLIGHT_SHMFD) |			\
			  PROTOCOL(RESET_DEVICE) |			\
			  PROTOCOL(CONFIGURE_MEM_SLOTS) |		\
			  PROTOCOL(STATUS) |				\
			  PROTOCOL(INBAND_NOTIFICATIONS))

#define MAX_PAYLOAD	4108u
#define MAX_CONFIG	4096u
#define MAX_SLOTS	512u

#define RING_PACKED	BIT_ULL(34)

#define FEATURES_OK	0x08u	/* bits of the device's status */
#define NEEDS_RESET	0x40u

/* Verdicts on a request. */
enum verdict {
	FINE,
	REFUSED,
	REFUSED_AND_CLOSED,	/* whether or not an ack was asked for */
	FINE_AND_CLOSED,
};

struct request {
	struct model *m;
	const struct message *msg;
	struct expect *e;
};

static u64 protocol_offered(const struct model *m)
{
	return PROTOCOL_OFFERED | (m->migration ? PROTOCOL(LOG_SHMFD) : 0);
}

static bool has(const struct model *m, u64 bits)
{
	return (m->protocol & bits) == bits;
}

bool model_inband(const struct model *m)
{
	return has(m, PROTOCOL(INBAND_NOTIFICATIONS));
}

bool model_usable(const struct model *m, unsigned int vq)
{
	return m->vring[vq].started && m->vring[vq].enabled;
}

/* The answer with a body of its own. */
static enum verdict answer(const struct request *r, const void *body,
			   size_t len)
{
	struct vhost_user_hdr hdr = { r->msg->hdr.request, 0x5, (u32)len };

	memcpy(r->e->answer, &hdr, sizeof(hdr));
	memcpy(r->e->answer + sizeof(hdr), body, len);
	r->e->len = sizeof(hdr) + len;
	return FINE;
}

static enum verdict answer_u64(const struct request *r, u64 v)
{
	return answer(r, &v, sizeof(v));
}

static u64 get_u64(const struct request *r)
{
	u64 v;

	memcpy(&v, r->msg->payload, sizeof(v));
	return v;
}

static struct vhost_user_vring_state get_state(const struct request *r)
{
	struct vhost_user_vring_state s;

	memcpy(&s, r->msg->payload, sizeof(s));
	return s;
}

static struct model_vring *find_vring(const struct request *r, u32 index)
{
	return index < r->m->nr_vqs ? &r->m->vring[index] : NULL;
}

static void look_at(struct model *m, const struct model_vring *v)
{
	m->looked_at |= 1u << (v - m->vring);
}

static void touch(struct model *m, const struct model_vring *v)
{
	m->touched |= 1u << (v - m->vring);
}

/* Memory */

static bool sum_fits(u64 a, u64 b)
{
	return (unsigned __int128)a + b <= U64_MAX;
}

static bool apart(u64 a, u64 a_len, u64 b, u64 b_len)
{
	return a + a_len <= b || b + b_len <= a;
}

static u64 file_size(const struct model *m, enum fd_kind kind)
{
	return kind == FD_RAM ? m->ram_size : kind == FD_SHORT ? m->page : 0;
}

static bool good_region(const struct model *m,
			const struct vhost_user_region *g, enum fd_kind kind)
{
	return g->size && sum_fits(g->guest_addr, g->size) &&
	       sum_fits(g->user_addr, g->size) &&
	       sum_fits(g->mmap_offset, g->size) &&
	       (kind == FD_RAM || kind == FD_SHORT) &&
	       g->mmap_offset + g->size <= file_size(m, kind);
}

static bool good_regions(const struct model *m,
			 const struct vhost_user_region *g,
			 const enum fd_kind *kind, unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		if (!good_region(m, &g[i], kind[i]))
			return false;
		for (j = 0; j < i; j++)
			if (!apart(g[i].guest_addr, g[i].size,
				   g[j].guest_addr, g[j].size) ||
			    !apart(g[i].user_addr, g[i].size,
				   g[j].user_addr, g[j].size))
				return false;
	}
	return nr > 0;
}

/* All of it in one region, and where it is mapped is aligned as well. */
static bool part_is_inside(const struct model *m, u64 uva, u64 len,
			   unsigned int align)
{
	const struct vhost_user_region *g;
	unsigned int i;

	for (i = 0; i < m->nr_regions; i++) {
		g = &m->region[i];
		if (uva >= g->user_addr && sum_fits(uva, len) &&
		    uva + len <= g->user_addr + g->size)
			return !(uva % align) &&
			       !((g->mmap_offset + (uva - g->user_addr)) % align);
	}
	return false;
}

static bool ring_is_inside(const struct model *m, const struct model_vring *v,
			   u64 desc, u64 avail, u64 used)
{
	if (!part_is_inside(m, desc, 16ULL * v->num, 16))
		return false;
	if (v->packed)
		return part_is_inside(m, avail, 4, 4) &&
		       part_is_inside(m, used, 4, 4);
	return part_is_inside(m, avail, 6 + 2ULL * v->num, 2) &&
	       part_is_inside(m, used, 6 + 8ULL * v->num, 4);
}

static bool is_inside(const struct model *m, const struct model_vring *v)
{
	return ring_is_inside(m, v, v->desc, v->avail, v->used);
}

/* If there is a record of what was in flight, it must make sense. */
static bool may_start(const struct model *m, const struct model_vring *v)
{
	return !m->inflight || !(m->not_started & 1u << (v - m->vring));
}

/* A ring whose memory is away goes on where it was when that comes back. */
static void new_memory(struct model *m)
{
	struct model_vring *v;

	for (v = m->vring; v < m->vring + m->nr_vqs; v++) {
		if (v->have_addr && !v->away && !is_inside(m, v)) {
			v->away = true;
			v->resume = v->started;
			v->started = false;
		} else if (v->away && is_inside(m, v)) {
			v->away = false;
			v->started = v->resume && may_start(m, v);
			v->resume = false;
		}
		look_at(m, v);
	}
}

static enum verdict set_mem_table(const struct request *r)
{
	struct vhost_user_region g[VHOST_USER_MAX_REGIONS];
	const struct message *msg = r->msg;
	u32 nr;

	if (msg->hdr.size < 8)
		return REFUSED;
	memcpy(&nr, msg->payload, sizeof(nr));
	if (nr > VHOST_USER_MAX_REGIONS || msg->nfds != nr ||
	    msg->hdr.size < 8 + 32 * nr)
		return REFUSED;
	memcpy(g, msg->payload + 8, 32 * nr);
	if (!good_regions(r->m, g, msg->fd, nr))
		return REFUSED;
	r->m->nr_regions = nr;
	memcpy(r->m->region, g, sizeof(g[0]) * nr);
	memcpy(r->m->region_fd, msg->fd, sizeof(msg->fd[0]) * nr);
	new_memory(r->m);
	return FINE;
}

static enum verdict get_max_mem_slots(const struct request *r)
{
	return has(r->m, PROTOCOL(CONFIGURE_MEM_SLOTS)) ?
	       answer_u64(r, MAX_SLOTS) : REFUSED;
}

static struct vhost_user_region get_region(const struct request *r)
{
	struct vhost_user_region g;

	memcpy(&g, r->msg->payload + 8, sizeof(g));
	return g;
}

static enum verdict add_mem_reg(const struct request *r)
{
	struct vhost_user_region g[MODEL_REGIONS + 1];
	enum fd_kind kind[MODEL_REGIONS + 1];
	struct model *m = r->m;
	unsigned int nr = m->nr_regions;

	if (!has(m, PROTOCOL(CONFIGURE_MEM_SLOTS)) || nr == MODEL_REGIONS)
		return REFUSED;
	memcpy(g, m->region, nr * sizeof(g[0]));
	memcpy(kind, m->region_fd, nr * sizeof(kind[0]));
	g[nr] = get_region(r);
	kind[nr] = r->msg->fd[0];
	if (!good_regions(m, g, kind, nr + 1))
		return REFUSED;
	m->region[nr] = g[nr];
	m->region_fd[nr] = kind[nr];
	m->nr_regions++;
	new_memory(m);
	return FINE;
}

/* A file may come along, for nothing. */
static enum verdict rem_mem_reg(const struct request *r)
{
	const struct vhost_user_region g = get_region(r);
	struct model *m = r->m;
	unsigned int i;

	if (!has(m, PROTOCOL(CONFIGURE_MEM_SLOTS)) || r->msg->nfds > 1)
		return REFUSED;
	for (i = 0; i < m->nr_regions; i++)
		if (m->region[i].guest_addr == g.guest_addr &&
		    m->region[i].user_addr == g.user_addr &&
		    m->region[i].size == g.size)
			break;
	if (i == m->nr_regions)
		return REFUSED;
	m->nr_regions--;
	m->region[i] = m->region[m->nr_regions];
	m->region_fd[i] = m->region_fd[m->nr_regions];
	new_memory(m);
	return FINE;
}

/* Rings */

static bool in_use(const struct request *r, const struct model_vring *v)
{
	return v->started && v->enabled &&
	       !(r->m->broken & 1u << (v - r->m->vring));
}

/* What has been accepted stops a ring; what has not changes nothing. */
static void set_up(const struct request *r, struct model_vring *v)
{
	v->started = v->resume = false;
	touch(r->m, v);
}

static enum verdict set_vring_num(const struct request *r)
{
	struct vhost_user_vring_state s = get_state(r);
	struct model_vring *v = find_vring(r, s.index);

	if (!v || in_use(r, v) || !s.num || s.num > 32768 ||
	    (!v->packed && s.num & (s.num - 1)) ||
	    (r->m->inflight && s.num > r->m->inflight_num))
		return REFUSED;
	set_up(r, v);
	v->num = s.num;
	v->have_addr = v->away = false;
	return FINE;
}

/* Two places in the ring, the used one at most once around behind the other. */
static bool packed_base_ok(const struct request *r, u32 base, u32 num)
{
	u32 avail = base & 0x7fff, used = base >> 16 & 0x7fff;

	if (!base && model_inband(r->m) && r->m->features & RING_PACKED)
		return num > 0;	/* UML means the beginning */
	if (avail >= num || used >= num)
		return false;
	return !(base & 0x8000) == !(base & 0x80000000) ? used <= avail :
							  used >= avail;
}

static enum verdict set_vring_base(const struct request *r)
{
	struct vhost_user_vring_state s = get_state(r);
	struct model_vring *v = find_vring(r, s.index);

	if (!v || in_use(r, v))
		return REFUSED;
	if (v->packed ? !packed_base_ok(r, s.num, v->num) : s.num > 0xffff)
		return REFUSED;
	set_up(r, v);
	return FINE;
}

static enum verdict set_vring_addr(const struct request *r)
{
	struct vhost_user_vring_addr a;
	struct model_vring *v;

	memcpy(&a, r->msg->payload, sizeof(a));
	v = find_vring(r, a.index);
	if (!v || a.flags & ~1u)
		return REFUSED;
	/* What it has already may be said again while it works. */
	if (v->started && v->desc == a.desc && v->avail == a.avail &&
	    v->used == a.used)
		return FINE;
	if (in_use(r, v) || !v->num ||
	    !ring_is_inside(r->m, v, a.desc, a.avail, a.used))
		return REFUSED;
	set_up(r, v);
	v->have_addr = true;
	v->away = false;
	v->desc = a.desc;
	v->avail = a.avail;
	v->used = a.used;
	return FINE;
}

static enum verdict get_vring_base(const struct request *r)
{
	struct vhost_user_vring_state s = get_state(r);
	struct model_vring *v = find_vring(r, s.index);

	if (!v)
		return REFUSED;
	v->started = v->resume = v->kick = v->call = false;
	r->e->any_num = true;
	return answer(r, &s, sizeof(s));
}

static bool start(struct model *m, struct model_vring *v)
{
	if (v->away) {
		v->resume = true;
		return true;
	}
	if (!v->started && (!v->have_addr || !may_start(m, v)))
		return false;
	v->started = true;
	look_at(m, v);
	return true;
}

static bool for_events(enum fd_kind kind)
{
	return kind == FD_EVENT || kind == FD_SOCKET || kind == FD_PIPE;
}

/* The part that SET_VRING_KICK, _CALL and _ERR have in common. */
static struct model_vring *vring_fd(const struct request *r, bool *fd)
{
	u64 v = get_u64(r);

	*fd = !(v & 0x100);
	if (v & ~0x1ffULL || r->msg->nfds != *fd)
		return NULL;
	return find_vring(r, v & 0xff);
}

static enum verdict set_vring_kick(const struct request *r)
{
	struct model *m = r->m;
	struct model_vring *v;
	bool fd;

	v = vring_fd(r, &fd);
	if (!v || (m->simulated && (fd || !model_inband(m))) ||
	    (fd && !for_events(r->msg->fd[0])))
		return REFUSED;
	if (!start(r->m, v))
		return REFUSED;
	v->kick = fd;
	v->kick_kind = r->msg->fd[0];
	return FINE;
}

static enum verdict set_vring_call(const struct request *r)
{
	struct model_vring *v;
	bool fd;

	v = vring_fd(r, &fd);
	if (!v || (fd && (r->m->simulated || !for_events(r->msg->fd[0]))))
		return REFUSED;
	v->call = fd;
	v->call_kind = r->msg->fd[0];
	return FINE;
}

static enum verdict set_vring_err(const struct request *r)
{
	struct model_vring *v;
	bool fd;

	v = vring_fd(r, &fd);
	if (!v || (fd && !for_events(r->msg->fd[0])))
		return REFUSED;
	v->err = fd;
	return FINE;
}

static enum verdict set_vring_enable(const struct request *r)
{
	struct vhost_user_vring_state s = get_state(r);
	struct model_vring *v = find_vring(r, s.index);

	if (!v || s.num > 1)
		return REFUSED;
	v->enabled = s.num;
	/* In simulated time a kernel goes on when its device's turn is known. */
	r->e->later = s.num && r->m->simulated;
	look_at(r->m, v);
	return FINE;
}

static enum verdict vring_kick(const struct request *r)
{
	struct vhost_user_vring_state s = get_state(r);
	struct model_vring *v = find_vring(r, s.index);

	if (!v || s.num || !model_inband(r->m))
		return REFUSED;
	r->e->later = true;
	return start(r->m, v) ? FINE : REFUSED;
}

void model_kicked(struct model *m, unsigned int vq)
{
	(void)start(m, &m->vring[vq]);
}

/* Everything else */

static enum verdict get_features(const struct request *r)
{
	return answer_u64(r, r->m->features_offered);
}

/* Another kind of ring is to be set up anew. */
static void set_kind(struct model *m, struct model_vring *v, bool packed)
{
	if (v->packed == packed)
		return;
	v->packed = packed;
	v->num = 0;
	v->have_addr = v->away = v->resume = v->started = false;
	touch(m, v);
}

static enum verdict set_features(const struct request *r)
{
	u64 f = get_u64(r);
	unsigned int i;

	if (f & ~r->m->features_offered)
		return REFUSED;
	/* A record of buffers in flight is for one kind of ring. */
	if ((f ^ r->m->features) & RING_PACKED)
		r->m->inflight = false;
	r->m->features = f;
	r->m->have_features = true;
	for (i = 0; i < r->m->nr_vqs; i++)
		set_kind(r->m, &r->m->vring[i], f & RING_PACKED);
	if (!(f & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES)))
		for (i = 0; i < r->m->nr_vqs; i++)
			r->m->vring[i].enabled = true;
	return FINE;
}

static enum verdict set_owner(const struct request *r)
{
	(void)r;
	return FINE;
}

static void disable_all(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_vqs; i++)
		m->vring[i].enabled = false;
}

static enum verdict reset_owner(const struct request *r)
{
	disable_all(r->m);
	return FINE;
}

static enum verdict reset(struct model *m)
{
	disable_all(m);
	m->features = 0;
	m->have_features = false;
	m->status = 0;
	return FINE;
}

static enum verdict reset_device(const struct request *r)
{
	return has(r->m, PROTOCOL(RESET_DEVICE)) ? reset(r->m) : REFUSED;
}

static enum verdict set_status(const struct request *r)
{
	u64 v = get_u64(r);

	if (!has(r->m, PROTOCOL(STATUS)) || v > 0xff)
		return REFUSED;
	if (!v)
		return reset(r->m);
	if (r->m->status & ~v)
		return REFUSED;
	/* Whether one is needed is not for the driver to say. */
	r->m->status = (u8)(v & ~NEEDS_RESET);
	if (!r->m->have_features)
		r->m->status &= (u8)~FEATURES_OK;
	return FINE;
}

static enum verdict get_status(const struct request *r)
{
	if (!has(r->m, PROTOCOL(STATUS)))
		return REFUSED;
	return answer_u64(r, r->m->status | (r->m->broken ? NEEDS_RESET : 0));
}

static enum verdict get_protocol_features(const struct request *r)
{
	return answer_u64(r, protocol_offered(r->m));
}

static enum verdict set_protocol_features(const struct request *r)
{
	u64 f = get_u64(r);

	if (f & ~protocol_offered(r->m))
		return REFUSED;
	if (f & PROTOCOL(INBAND_NOTIFICATIONS) &&
	    !(f & PROTOCOL(REPLY_ACK) && f & PROTOCOL(SLAVE_REQ)))
		return REFUSED_AND_CLOSED;
	if (r->m->simulated && !(f & PROTOCOL(INBAND_NOTIFICATIONS)))
		return REFUSED_AND_CLOSED;
	r->m->protocol = f;
	return FINE;
}

static enum verdict get_queue_num(const struct request *r)
{
	return has(r->m, PROTOCOL(MQ)) ? answer_u64(r, r->m->nr_vqs) : REFUSED;
}

static enum verdict set_log_base(const struct request *r)
{
	struct vhost_user_log l;

	memcpy(&l, r->msg->payload, sizeof(l));
	if (!has(r->m, PROTOCOL(LOG_SHMFD)) || !l.size ||
	    !sum_fits(l.offset, l.size) ||
	    l.offset + l.size > file_size(r->m, r->msg->fd[0]))
		return REFUSED;
	r->m->log = true;
	return answer_u64(r, 0);
}

static enum verdict set_log_fd(const struct request *r)
{
	return has(r->m, PROTOCOL(LOG_SHMFD)) ? FINE : REFUSED;
}

/* The record of buffers in flight: bytes per queue, by the specification. */
static u64 record_len(bool packed, u32 num)
{
	return packed ? 32 + 32ULL * num : 16 + 16ULL * num;
}

static u64 record_step(const struct request *r, u32 num)
{
	return (record_len(r->m->features & RING_PACKED, num) + 63) & ~63ULL;
}

/* With or without the padding at its end. */
static bool get_area(const struct request *r, struct vhost_user_inflight *a)
{
	u32 size = r->msg->hdr.size;

	if (size != 20 && size != 24)
		return false;
	memcpy(a, r->msg->payload, sizeof(*a));
	return has(r->m, PROTOCOL(INFLIGHT_SHMFD)) && a->num_queues &&
	       a->num_queues <= r->m->nr_vqs && a->queue_size &&
	       a->queue_size <= 32768;
}

static enum verdict get_inflight_fd(const struct request *r)
{
	struct vhost_user_inflight a;

	if (!get_area(r, &a))
		return REFUSED;
	a.mmap_size = a.num_queues * record_step(r, a.queue_size);
	a.mmap_offset = 0;
	return answer(r, &a, r->msg->hdr.size);
}

static enum verdict set_inflight_fd(const struct request *r)
{
	struct vhost_user_inflight a;
	struct model *m = r->m;
	unsigned int i;

	if (!get_area(r, &a))
		return REFUSED;
	for (i = 0; i < m->nr_vqs; i++)
		if (in_use(r, &m->vring[i]))
			return REFUSED;
	if (a.mmap_offset % 4096 || !sum_fits(a.mmap_offset, a.mmap_size) ||
	    a.mmap_size < a.num_queues * record_step(r, a.queue_size) ||
	    a.mmap_offset + a.mmap_size > file_size(m, r->msg->fd[0]))
		return REFUSED;
	for (i = 0; i < a.num_queues; i++)
		if (record_step(r, a.queue_size) <
		    record_len(m->vring[i].packed, m->vring[i].num))
			return REFUSED;
	m->inflight = true;
	m->inflight_num = a.queue_size;
	return FINE;
}

static enum verdict set_slave_req_fd(const struct request *r)
{
	if (!has(r->m, PROTOCOL(SLAVE_REQ)))
		return REFUSED;
	r->m->chan = true;
	r->m->chan_kind = r->msg->fd[0];
	/* What is no socket is as one that has ended. */
	return r->msg->fd[0] == FD_SOCKET ? FINE : FINE_AND_CLOSED;
}

/* The header of GET_CONFIG and SET_CONFIG, and as many bytes as it says. */
static bool config(const struct request *r, struct vhost_user_config_hdr *h)
{
	if (r->msg->hdr.size < sizeof(*h))
		return false;
	memcpy(h, r->msg->payload, sizeof(*h));
	return r->msg->hdr.size - sizeof(*h) == h->size;
}

static enum verdict get_config(const struct request *r)
{
	u8 body[sizeof(struct vhost_user_config_hdr) + MAX_CONFIG] = { 0 };
	struct vhost_user_config_hdr h;
	u32 i;

	if (!config(r, &h))
		return REFUSED;
	if (!has(r->m, PROTOCOL(CONFIG)) ||
	    (u64)h.offset + h.size > MAX_CONFIG)
		return answer(r, body, 0);
	memcpy(body, &h, sizeof(h));
	for (i = 0; i < h.size; i++)
		if (h.offset + i < r->m->config_size)
			body[sizeof(h) + i] = r->m->config[h.offset + i];
	return answer(r, body, sizeof(h) + h.size);
}

/* None of the devices here lets anybody write. */
static enum verdict set_config(const struct request *r)
{
	(void)r;
	return REFUSED;
}

/* The requests */

#define ANY	0xffffu

/**
 * struct rule - of one request
 * @size, @fds: what must come with it; ANY: @serve looks for itself
 * @own: it has an answer of its own
 * @serve: NULL: not served
 */
struct rule {
	unsigned int size, fds;
	bool own;
	enum verdict (*serve)(const struct request *r);
};

static const struct rule rules[] = {
	[1] = { 0, 0, true, get_features },
	[2] = { 8, 0, false, set_features },
	[3] = { 0, 0, false, set_owner },
	[4] = { 0, 0, false, reset_owner },
	[5] = { ANY, ANY, false, set_mem_table },
	[6] = { 16, 1, true, set_log_base },
	[7] = { 0, 1, false, set_log_fd },
	[8] = { 8, 0, false, set_vring_num },
	[9] = { 40, 0, false, set_vring_addr },
	[10] = { 8, 0, false, set_vring_base },
	[11] = { 8, 0, true, get_vring_base },
	[12] = { 8, ANY, false, set_vring_kick },
	[13] = { 8, ANY, false, set_vring_call },
	[14] = { 8, ANY, false, set_vring_err },
	[15] = { 0, 0, true, get_protocol_features },
	[16] = { 8, 0, false, set_protocol_features },
	[17] = { 0, 0, true, get_queue_num },
	[18] = { 8, 0, false, set_vring_enable },
	[21] = { 0, 1, false, set_slave_req_fd },
	[22] = { ANY, ANY, true, NULL },
	[24] = { ANY, 0, true, get_config },
	[25] = { ANY, 0, false, set_config },
	[26] = { ANY, ANY, true, NULL },
	[28] = { ANY, ANY, true, NULL },
	[30] = { ANY, ANY, true, NULL },
	[31] = { ANY, 0, true, get_inflight_fd },
	[32] = { ANY, 1, false, set_inflight_fd },
	[34] = { 0, 0, false, reset_device },
	[35] = { 8, 0, false, vring_kick },
	[36] = { 0, 0, true, get_max_mem_slots },
	[37] = { 40, 1, false, add_mem_reg },
	[38] = { 40, ANY, false, rem_mem_reg },
	[39] = { 8, 0, false, set_status },
	[40] = { 0, 0, true, get_status },
	[41] = { ANY, ANY, true, NULL },
	[42] = { ANY, ANY, true, NULL },
	[43] = { ANY, ANY, true, NULL },
	[44] = { ANY, ANY, true, NULL },
	[45] = { ANY, ANY, true, NULL },
};

static const struct rule *find_rule(u32 request)
{
	static const struct rule unknown;

	return request < ARRAY_SIZE(rules) ? &rules[request] : &unknown;
}

static enum verdict serve(const struct request *r, const struct rule *rule)
{
	const struct message *msg = r->msg;

	if (!rule->serve)
		return REFUSED;
	if (rule->size != ANY && msg->hdr.size != rule->size)
		return REFUSED;
	if (rule->fds != ANY && msg->nfds != rule->fds)
		return REFUSED;
	return rule->serve(r);
}

static void settle(const struct request *r, const struct rule *rule,
		   enum verdict verdict)
{
	bool fine = verdict == FINE || verdict == FINE_AND_CLOSED;
	bool ack = !rule->own && r->msg->hdr.flags & VHOST_USER_NEED_REPLY &&
		   has(r->m, PROTOCOL(REPLY_ACK));

	r->e->refused = !fine;
	r->e->closes = verdict == REFUSED_AND_CLOSED ||
		       verdict == FINE_AND_CLOSED || (!fine && !ack);
	if (ack && verdict != REFUSED_AND_CLOSED)
		answer_u64(r, !fine);
	if (!fine)
		r->e->later = false;
}

static bool well_framed(const struct message *msg)
{
	return (msg->hdr.flags & ~VHOST_USER_NEED_REPLY) ==
	       VHOST_USER_VERSION && msg->hdr.size <= MAX_PAYLOAD &&
	       msg->nfds <= 8;
}

void model_message(struct model *m, const struct message *msg,
		   struct expect *e)
{
	const struct request r = { m, msg, e };
	const struct rule *rule = find_rule(msg->hdr.request);

	memset(e, 0, offsetof(struct expect, answer));
	m->looked_at = m->touched = 0;
	if (well_framed(msg))
		settle(&r, rule, serve(&r, rule));
	else
		e->closes = e->refused = true;
	if (e->closes)
		model_gone(m);
}

void model_connect(struct model *m)
{
	model_gone(m);
	m->connected = true;
}

void model_gone(struct model *m)
{
	m->connected = m->have_features = m->chan = m->log = false;
	m->inflight = false;
	m->features = m->protocol = 0;
	m->nr_regions = 0;
	m->status = 0;
	m->looked_at = m->touched = 0;
	memset(m->vring, 0, sizeof(m->vring));
}

unsigned int model_fds(const struct model *m)
{
	unsigned int i, n = m->connected + m->chan;

	for (i = 0; i < m->nr_vqs; i++)
		n += m->vring[i].kick + m->vring[i].call + m->vring[i].err;
	return n;
}

unsigned int model_maps(const struct model *m)
{
	return m->nr_regions + m->log + m->inflight;
}
