/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the handlers of a session's requests share; only src/vu includes it. */
#ifndef VU_REQUEST_H
#define VU_REQUEST_H

#include "session.h"

/* In place of 0 or -errno: the answer comes from elsewhere. */
#define VU_LATER	1

#define VU_NEEDS_INBAND	"the front-end does not do in-band notifications, which simulated time needs; without --calendar it could be served"

/** vu_negotiated() - is this protocol feature in use */
static inline bool vu_negotiated(const struct vu_session *s, unsigned int bit)
{
	return s->protocol & BIT_ULL(bit);
}

/**
 * vu_need() - a request that is part of protocol feature @bit, called @name
 *
 * Return: 0; -EPROTO when that is not in use, the reason is noted
 */
int vu_need(struct vu_session *s, unsigned int bit, const char *name);

/** vu_refuse() - say why a request is an error; Return: what the handler returns */
int vu_refuse(struct vu_session *s, const char *fmt, ...) __printf(2, 3);

/** vu_reply() - answer the present request with a body of its own */
void vu_reply(struct vu_session *s, const void *payload, u32 len);

/** vu_reply_fd() - as vu_reply(), with a file that stays the caller's */
void vu_reply_fd(struct vu_session *s, const void *payload, u32 len, int fd);

/** vu_reply_u64() - as vu_reply(); Return: 0, for the handler */
int vu_reply_u64(struct vu_session *s, u64 v);

/** vu_session_put() - drop a reference to session @p */
void vu_session_put(void *p);

/** vu_get_vring() - queue @index; NULL when there is none, the reason is noted */
struct vu_vring *vu_get_vring(struct vu_session *s, u32 index);

/** vu_take_buffers() - the device must not touch the queue's buffers from now on */
void vu_take_buffers(struct vu_session *s, struct vu_vring *v);

/** vu_in_use() - does the queue work; then it must not be set up, the reason is noted */
bool vu_in_use(struct vu_session *s, const struct vu_vring *v);

/** vu_log_update() - log what is written to the queue, if that is to be done by now */
void vu_log_update(struct vu_session *s, struct vu_vring *v);

/** vu_disable_all() - as if all rings were disabled one by one */
void vu_disable_all(struct vu_session *s);

/** vu_forget_inflight() - there is no record of buffers in flight any more */
void vu_forget_inflight(struct vu_session *s);

/** vu_rescan() - there may be buffers for which no kick will come */
void vu_rescan(struct vu_session *s, struct vu_vring *v);

/** vu_tell_broken() - the user and the front-end are to hear that the queue is broken */
void vu_tell_broken(struct vu_session *s, struct vu_vring *v);

/*
 * Handlers: one per request, see the table in session.c. @fds came with it;
 * who keeps one sets it to -1. They return 0, -errno or VU_LATER.
 */
int vu_req_get_features(struct vu_session *s, int *fds);
int vu_req_set_features(struct vu_session *s, int *fds);
int vu_req_get_protocol_features(struct vu_session *s, int *fds);
int vu_req_set_protocol_features(struct vu_session *s, int *fds);
int vu_req_get_queue_num(struct vu_session *s, int *fds);
int vu_req_send_rarp(struct vu_session *s, int *fds);
int vu_req_net_set_mtu(struct vu_session *s, int *fds);

int vu_req_reset_owner(struct vu_session *s, int *fds);
int vu_req_reset_device(struct vu_session *s, int *fds);
int vu_req_get_status(struct vu_session *s, int *fds);
int vu_req_set_status(struct vu_session *s, int *fds);

int vu_req_set_mem_table(struct vu_session *s, int *fds);
int vu_req_get_max_mem_slots(struct vu_session *s, int *fds);
int vu_req_add_mem_reg(struct vu_session *s, int *fds);
int vu_req_rem_mem_reg(struct vu_session *s, int *fds);

int vu_req_set_log_base(struct vu_session *s, int *fds);
int vu_req_set_log_fd(struct vu_session *s, int *fds);
int vu_req_get_inflight_fd(struct vu_session *s, int *fds);
int vu_req_set_inflight_fd(struct vu_session *s, int *fds);

int vu_req_set_vring_num(struct vu_session *s, int *fds);
int vu_req_set_vring_base(struct vu_session *s, int *fds);
int vu_req_set_vring_addr(struct vu_session *s, int *fds);
int vu_req_get_vring_base(struct vu_session *s, int *fds);
int vu_req_set_vring_enable(struct vu_session *s, int *fds);
int vu_req_set_vring_kick(struct vu_session *s, int *fds);
int vu_req_set_vring_call(struct vu_session *s, int *fds);
int vu_req_set_vring_err(struct vu_session *s, int *fds);
int vu_req_vring_kick(struct vu_session *s, int *fds);

int vu_req_get_config(struct vu_session *s, int *fds);
int vu_req_set_config(struct vu_session *s, int *fds);

#endif
