// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Payloads of vhost-user messages in words. */
#include <inttypes.h>
#include <string.h>

#include "../wire/vhost_user.h"
#include "payload.h"

/* How a payload is to be read */
enum shape {
	OTHER,		/* not in words */
	VALUE,		/* a u64 that is a number */
	BITS,		/* a u64 of bits */
	STATE,		/* a queue and a number */
	ADDR,		/* a queue and its addresses */
	QUEUE_FD,	/* a u64 that is a queue, and whether there is a descriptor */
	REGIONS,	/* a number of regions, and these */
	ACK,		/* 0: done; anything else: an error */
};

static enum shape shape_of_request(u64 request)
{
	switch (request) {
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
	case VHOST_USER_SET_STATUS:
		return BITS;
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
	case VHOST_USER_VRING_KICK:
		return STATE;
	case VHOST_USER_SET_VRING_ADDR:
		return ADDR;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		return QUEUE_FD;
	case VHOST_USER_SET_MEM_TABLE:
		return REGIONS;
	default:
		return OTHER;
	}
}

static enum shape shape_of_reply(u64 request)
{
	switch (request) {
	case VHOST_USER_GET_FEATURES:
	case VHOST_USER_GET_PROTOCOL_FEATURES:
	case VHOST_USER_GET_STATUS:
		return BITS;
	case VHOST_USER_GET_VRING_BASE:
		return STATE;
	case VHOST_USER_GET_QUEUE_NUM:
	case VHOST_USER_GET_MAX_MEM_SLOTS:
		return VALUE;
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_GET_INFLIGHT_FD:
	case VHOST_USER_SET_LOG_BASE:
		return OTHER;
	default:
		return ACK;
	}
}

/* @size bytes of the payload, if it is as long as that at least */
static bool get(const struct trace_rec *rec, void *to, size_t size)
{
	if (rec->len < size)
		return false;
	memcpy(to, rec->data, size);
	return true;
}

static bool print_u64(FILE *f, const struct trace_rec *rec, enum shape shape)
{
	u64 v;

	if (rec->len != sizeof(v) || !get(rec, &v, sizeof(v)))
		return false;
	if (shape == BITS)
		fprintf(f, " bits=0x%" PRIx64, v);
	else if (shape == QUEUE_FD)
		fprintf(f, " queue=%" PRIu64 "%s", v & VHOST_USER_VRING_IDX_MASK,
			v & VHOST_USER_VRING_NOFD_MASK ? " no-fd" : "");
	else
		fprintf(f, " %s=%" PRIu64, shape == ACK ? "ack" : "value", v);
	return true;
}

static bool print_state(FILE *f, const struct trace_rec *rec)
{
	struct vhost_user_vring_state s;

	if (!get(rec, &s, sizeof(s)))
		return false;
	fprintf(f, " queue=%" PRIu32 " num=%" PRIu32, s.index, s.num);
	return true;
}

static bool print_addr(FILE *f, const struct trace_rec *rec)
{
	struct vhost_user_vring_addr a;

	if (!get(rec, &a, sizeof(a)))
		return false;
	fprintf(f, " queue=%" PRIu32 " desc=0x%" PRIx64 " avail=0x%" PRIx64 " used=0x%" PRIx64,
		a.index, a.desc, a.avail, a.used);
	if (a.flags & VHOST_USER_VRING_F_LOG)
		fprintf(f, " log=0x%" PRIx64, a.log);
	return true;
}

static bool print_regions(FILE *f, const struct trace_rec *rec)
{
	struct vhost_user_mem_hdr h;
	struct vhost_user_region r;
	u32 i;

	if (!get(rec, &h, sizeof(h)) || h.nregions > VHOST_USER_MAX_REGIONS ||
	    rec->len < sizeof(h) + h.nregions * sizeof(r))
		return false;
	fprintf(f, " regions=%" PRIu32, h.nregions);
	for (i = 0; i < h.nregions; i++) {
		memcpy(&r, rec->data + sizeof(h) + i * sizeof(r), sizeof(r));
		fprintf(f, " 0x%" PRIx64 "+0x%" PRIx64, r.guest_addr, r.size);
	}
	return true;
}

bool trace_print_payload(FILE *f, const struct trace_rec *rec)
{
	enum shape shape = rec->kind == TRACE_VU_REPLY ?
			   shape_of_reply(rec->v[1]) : shape_of_request(rec->v[1]);

	switch (shape) {
	case STATE:
		return print_state(f, rec);
	case ADDR:
		return print_addr(f, rec);
	case REGIONS:
		return print_regions(f, rec);
	case OTHER:
		return false;
	default:
		return print_u64(f, rec, shape);
	}
}
