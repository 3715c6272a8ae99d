/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* A front-end and its driver, which compare a slave with the model of it. */
#ifndef FUZZ_SESSION_FRONT_H
#define FUZZ_SESSION_FRONT_H

#include "input.h"
#include "session_model.h"
#include "session_world.h"

#define GPA		0x100000ULL	/* where guest memory begins */
#define UVA		0x7000000000ULL
#define RING_NUM	8u
#define SLOTS		4u		/* buffers per queue, two descriptors each */

#define PROTOCOL_USUAL	(BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |		\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) | \
			 BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))

/* Where things are in guest memory: a page per ring, one for tables, buffers. */
static inline u32 desc_off(u32 q)
{
	return q * PAGE;
}

static inline u32 avail_off(u32 q)
{
	return q * PAGE + 0x100;
}

static inline u32 used_off(u32 q)
{
	return q * PAGE + 0x200;
}

#define TABLES		0x2000u
#define BUFFERS		0x3000u
#define BUFFERS_END	0x4000u

/**
 * struct slot - one buffer of the driver
 * @pos: which entry of the avail ring it was
 * @seen: the device has been made to look at the ring since
 */
struct slot {
	bool posted, seen, indirect;
	u16 pos;
	u32 out_len, in_len;
	u64 latency, cookie;
};

/**
 * struct driver - of one queue
 * @clean: the ring holds what this driver has put there, and nothing else
 * @stopping: GET_VRING_BASE may have given back what nothing was done with
 * @called: used index at the last call
 * @base: what GET_VRING_BASE has said
 */
struct driver {
	bool clean, stopping, ever_event_idx;
	u16 avail_idx, used_seen, called, base, last_pos;
	struct slot slot[SLOTS];
};

/**
 * struct front - @chan, @kick, @call: the other ends of what the slave has
 * @asked: a request of the slave waits for our answer
 * @pending: the kick that is not answered yet, if @kicking
 */
struct front {
	struct world w;
	struct model m;
	struct driver drv[MODEL_VQS];
	bool echo;
	int chan, kick[MODEL_VQS], call[MODEL_VQS], err[MODEL_VQS];
	bool asked;
	struct vhost_user_hdr asked_hdr;
	unsigned int split;
	bool kicking;
	struct expect pending;
	u64 cookie;
};

void front_open(struct front *f, const char *spec, bool simulated, bool echo);
void front_close(struct front *f);

void front_connect(struct front *f);
void front_disconnect(struct front *f);
/** front_reconnect() - @how: whether both, when, and whether a second one comes */
void front_reconnect(struct front *f, u8 how);

/** front_message() - send it, and see that what follows is right; false: refused */
bool front_message(struct front *f, const struct message *msg);
/** front_messages() - several in one piece, without files */
void front_messages(struct front *f, const struct message *msg,
		    unsigned int n);
/** front_answered() - the calendar acks everything: a kick is answered */
void front_answered(struct front *f);

/** front_post() - a buffer that is as it should be, if there is room */
void front_post(struct front *f, struct input *in);
void front_kick(struct front *f, unsigned int q);
/** front_answer_call() - to what the slave has asked */
void front_answer_call(struct front *f, u8 how, struct input *in);
/** front_dirty() - from now on nothing is known of what is in queue @q */
void front_dirty(struct front *f, unsigned int q);
/** front_memory_is_usual() - is the guest's memory where the driver thinks */
bool front_memory_is_usual(const struct front *f);
void driver_reset(struct driver *d);

/** front_quiesce() - answer all, wait long: all buffers have come back */
void front_quiesce(struct front *f);

/** front_log_lines() - how many warnings and errors there have been */
unsigned int front_log_lines(void);

/** front_check() - what the slave has, compared with the model */
void front_check(struct front *f);

#endif
