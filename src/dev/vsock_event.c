// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Resets of a vsock's transport, at given times: what a migration is to a guest. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "vsock.h"

/*
 * DOC: Theory of operation
 *
 * After a reset the device knows nothing of earlier connections; it may also
 * have another CID. It tells the driver by an event, whose buffer may come
 * later: then the event waits. Whoever sends on an old connection is answered
 * with a reset, by the guest or by us, as the other way round.
 */

/** struct vsock_resets - @nr times that are to come; at the first one @timer is due */
struct vsock_resets {
	struct vsock *v;
	struct dev_timer timer;
	size_t nr, next;
	bool event_due;
	u64 done;
	struct { u64 when, cid; } at[];
};

void vsock_event_run(struct vsock *v)
{
	static const struct virtio_vsock_event reset = {
		.id = 0 /* VIRTIO_VSOCK_EVENT_TRANSPORT_RESET */
	};
	struct vsock_resets *r = v->resets;
	struct vq *vq = dev_vq(v->dev, VSOCK_VQ_EVENT);
	struct vq_buf b;

	while (r && r->event_due && vq && vq_pop(vq, &b) == 1) {
		r->event_due = b.in_len < sizeof(reset);
		v->stats.no_room += r->event_due;
		vq_push(vq, &b, r->event_due ? 0 :
			(u32)vq_buf_write(&b, 0, &reset, sizeof(reset)));
	}
}

void vsock_event_forget(struct vsock *v)
{
	if (v->resets)
		v->resets->event_due = false;
}

static void reset(struct vsock_resets *r, u64 cid)
{
	struct vsock *v = r->v;

	if (cid && vsock_set_cid(v, cid))
		log_warn(dev_name(v->dev), "option reset: another device has CID %" PRIu64 "; this one keeps %" PRIu64,
			 cid, v->cid);
	r->done++;
	vsock_forget(v);
	/* Without a driver there is nobody to be told. */
	r->event_due = v->up;
	vsock_event_run(v);
}

static void due(struct dev_timer *t)
{
	struct vsock_resets *r = container_of(t, struct vsock_resets, timer);

	reset(r, r->at[r->next].cid);
	if (++r->next < r->nr)
		dev_timer_arm(&r->timer, r->at[r->next].when);
}

/* "TIME" or "TIME@CID", cut at the "@" */
static const char *get_one(struct vsock_resets *r, char *s)
{
	char *cid = strchr(s, '@');
	u64 *when = &r->at[r->nr].when;

	if (cid)
		*cid++ = '\0';
	if (units_time(s, 1, when) ||
	    (cid && units_number(cid, &r->at[r->nr].cid)))
		return "not TIME or TIME@CID (as 2s@7), with a slash between them";
	if (cid && !vsock_cid_ok(r->at[r->nr].cid))
		return "a guest's CID is from 3 to 4294967294";
	if (r->nr && *when <= r->at[r->nr - 1].when)
		return "each time must be later than the one before";
	r->nr++;
	return NULL;
}

static const char *get_all(struct vsock_resets *r, char *list)
{
	const char *why = NULL;
	char *one;

	while (!why && (one = strsep(&list, "/")))
		why = get_one(r, one);
	return why;
}

static size_t count(const char *s)
{
	size_t n = 1;

	while ((s = strchr(s, '/'))) {
		n++;
		s++;
	}
	return n;
}

int vsock_event_new(struct vsock *v, struct dev_args *a)
{
	const char *s = dev_arg_str(a, "reset", NULL), *why;
	struct vsock_resets *r;
	char *list;

	if (!s)
		return 0;
	r = calloc(1, sizeof(*r) + count(s) * sizeof(r->at[0]));
	list = strdup(s);
	why = r && list ? get_all(r, list) : strerror(ENOMEM);
	free(list);
	if (why) {
		log_err(dev_name(v->dev), "option reset=%s: %s", s, why);
		free(r);
		return -EINVAL;
	}
	r->v = v;
	v->resets = r;
	dev_timer_init(&r->timer, dev_bus(v->dev), due);
	dev_timer_arm(&r->timer, r->at[0].when);
	return 0;
}

void vsock_event_free(struct vsock *v)
{
	if (v->resets)
		dev_timer_cancel(&v->resets->timer);
	free(v->resets);
	v->resets = NULL;
}

void vsock_event_show(const struct vsock *v, FILE *f)
{
	if (v->resets)
		fprintf(f, "resets %" PRIu64 "\n", v->resets->done);
}
