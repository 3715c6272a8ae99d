/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a test of the suite has at hand. */
#ifndef CONFORMANCE_CONF_H
#define CONFORMANCE_CONF_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include "wire.h"

/*
 * DOC: How a test runs
 *
 * Each test is a process of its own, forked for it: it returns when the
 * back-end did right, and calls fail() or skip() to end otherwise. What it
 * leaves behind, its connection among others, ends with it. Everything waits
 * with a limit. The parent then looks whether the back-end is still there, has
 * given up what it held, and serves the next session.
 *
 * What was sent and what came is kept, and printed when a test fails.
 */

/* Tests */

/** struct test - one rule; @name begins with its group, as "R4." */
struct test {
	const char *name, *section, *rule;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);

/**
 * TEST() - define a test
 * @group, @what: its name is "group.what"
 * @sect: section of the specification, of vhost-user where no other is named
 * @text: the rule in one sentence
 */
#define TEST(group, what, sect, text)					\
	static void group##_##what(void);				\
	static struct test group##_##what##_t = {			\
		.name = #group "." #what, .section = sect, .rule = text, \
		.run = group##_##what,					\
	};								\
	__attribute__((constructor))					\
	static void group##_##what##_register(void)			\
	{								\
		test_register(&group##_##what##_t);			\
	}								\
	static void group##_##what(void)

/** note() - a line of what was sent or came, printed if the test fails */
void note(const char *fmt, ...) __printf(1, 2);

/** fail() - the test has failed: what was expected, and what came */
noreturn void fail(const char *fmt, ...) __printf(1, 2);

/** skip() - the back-end does not offer what the test is about */
noreturn void skip(const char *fmt, ...) __printf(1, 2);

/** broken() - the test cannot be done: the host, not the back-end, is at fault */
noreturn void broken(const char *what);

/** struct options - of the command line */
struct options {
	const char *socket, *exec;
	const struct profile *profile;
	pid_t pid;
	unsigned int timeout_s, patience_ms;
	bool strict;
};

extern struct options opt;

/* Limits of waiting (ms): for what comes, and for what must not come. */
#define PATIENCE	opt.patience_ms
#define LEAK_PATIENCE	min_u64(PATIENCE, 2000)	/* for what is closed a moment later */
#define QUIET		40

u64 now_ms(void);
void sleep_ms(unsigned int ms);

/* The back-end as a process; target.c */

/** target_pid() - of the back-end, 0 when it is not known */
pid_t target_pid(void);
/** target_gone() - the back-end's process has ended */
bool target_gone(void);
/** target_fds() - its open files whose name contains @like (all: ""); -1: unknown */
int target_fds(const char *like);
/** target_maps() - its mappings of files whose name contains @like; -1: unknown */
int target_maps(const char *like);
/** target_rss_kb() - its memory in use; -1: unknown */
long target_rss_kb(void);
/** target_cpu_ms() - CPU time that it has used; -1: unknown */
long target_cpu_ms(void);
/** wait_target_fds() - it has at most @n such files, soon; fails otherwise */
void wait_target_fds(const char *like, int n, const char *why);
/** not_spinning() - it uses little CPU time while it has nothing to do */
void not_spinning(const char *when);
/** target_settles() - wait until it uses no CPU time, at most a moment */
void target_settles(void);

/* Guest memory; guest.c */

#define MEM_NAME	"vu-conf-mem"	/* of its files, as /proc shows them */
#define MEM_SKIP	0x3000ULL	/* of each file, before the region */
#define MEM_SIZE	0x100000ULL	/* of each region */
#define MEM_GPA		0x100000ULL	/* of the first; the second follows it */
#define MEM_UVA		0x7e0000000000ULL
#define MEM_REGIONS	2u
#define RING_STEP	0x4000ULL	/* from the rings of one queue to the next */
#define DATA_GPA	(MEM_GPA + 0x40000ULL)	/* buffers, SLOT bytes each */
#define SLOT		0x800ULL
#define NR_SLOTS	256u

/** struct guest - the memory: two regions that follow one another */
struct guest {
	int fd[MEM_REGIONS];
	u8 *file[MEM_REGIONS];
};

void guest_init(struct guest *g);
/** guest_ptr() - to guest address @gpa, within one region */
void *guest_ptr(struct guest *g, u64 gpa);
/** guest_region() - region @i as the back-end is told of it */
struct vhost_user_region guest_region(unsigned int i);
#define GPA_TO_UVA(gpa)	((gpa) - MEM_GPA + MEM_UVA)

/** tmp_memfd() - a file of @size bytes with that name */
int tmp_memfd(const char *name, u64 size);
/** stray_fd() - a file whose name, stray_name(), no other test's has */
int stray_fd(void);
const char *stray_name(void);

/* Queues; queue.c, ring_split.c, ring_packed.c */

#define QUEUE_NUM	64u

/** struct seg - one descriptor's worth of a buffer */
struct seg {
	u64 gpa;
	u32 len;
	bool write;
};

/** struct used - a buffer that came back */
struct used {
	u32 id, len;
};

/**
 * struct queue - the driver's side of a virtqueue
 * @at: guest address of its rings
 * @base: what SET_VRING_BASE says of it
 * @kick, @call, @err: event fds, -1 where there is none
 * @next_avail, @next_used: where the driver is; with @avail_wrap, @used_wrap
 * @free: next descriptor of the table that the driver would take
 */
struct queue {
	unsigned int index;
	u32 num;
	bool packed;
	u64 at;
	u32 base;
	int kick, call, err;
	u16 next_avail, next_used, free;
	bool avail_wrap, used_wrap;
	u16 chain_len[256];	/* packed: entries that a buffer id takes */
	/* split */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	/* packed */
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *driver, *device;
};

/** queue_init() - an empty ring of @num entries for queue @index, in memory */
void queue_init(struct guest *g, struct queue *q, unsigned int index, u32 num,
		bool packed);
/** queue_add() - make a buffer available; Return: its id */
u16 queue_add(struct queue *q, const struct seg *s, unsigned int n);
/** queue_used() - take the next used buffer; false when there is none */
bool queue_used(struct queue *q, struct used *u);
/** queue_no_interrupt() - ask for no call, or for calls again */
void queue_no_interrupt(struct queue *q, bool no);

void split_init(struct guest *g, struct queue *q);
u16 split_add(struct queue *q, const struct seg *s, unsigned int n);
bool split_used(struct queue *q, struct used *u);
/** split_desc() - write descriptor @i as it is */
void split_desc(struct queue *q, u16 i, u64 addr, u32 len, u16 flags, u16 next);
/** split_avail() - put @head into the avail ring and advance its index */
void split_avail(struct queue *q, u16 head);

void packed_init(struct guest *g, struct queue *q);
u16 packed_add(struct queue *q, const struct seg *s, unsigned int n);
bool packed_used(struct queue *q, struct used *u);
/** packed_desc() - write entry @i as it is, @flags last */
void packed_desc(struct queue *q, u16 i, u64 addr, u32 len, u16 id, u16 flags);
/** packed_avail_flags() - AVAIL and USED for the driver's wrap counter */
u16 packed_avail_flags(const struct queue *q);

/* Connections; conn.c, session.c */

struct msg {
	struct vhost_user_hdr hdr;
	u8 payload[4200];
	int fds[8];
	unsigned int nfds;
};

#define MAX_QUEUES	8u

/**
 * struct fe - a front-end, that is, a connection with its memory and queues
 * @offered, @pf_offered: features of the back-end
 * @features, @protocol: what has been negotiated
 * @slave: our end of the slave channel, -1 when there is none
 * @deaf: the slave channel is not read
 * @calls: VRING_CALLs that came, per queue
 * @refusing: answer them with a refusal
 */
struct fe {
	int fd;
	u64 offered, pf_offered, features, protocol;
	unsigned int nr_queues;
	struct guest g;
	struct queue q[MAX_QUEUES];
	int slave;
	bool deaf, refusing;
	unsigned int calls[MAX_QUEUES], slave_msgs;
};

/** raw_connect() - a bare connection, as soon as the back-end listens */
int raw_connect(void);
/** fe_connect() - a connection that is served, nothing negotiated */
struct fe *fe_connect(void);
/** fe_close() - disconnect, and give all up */
void fe_close(struct fe *fe);

/** send_raw() - all of it, with @fds on the first byte; false: the peer has closed */
bool send_raw(struct fe *fe, const void *buf, size_t len, const int *fds,
	      unsigned int nfds);
/** send_msg() - one message in one piece */
bool send_msg(struct fe *fe, u32 request, u32 flags, const void *payload,
	      u32 size, const int *fds, unsigned int nfds);
/** recv_msg() - 1, 0 when the back-end has closed, -1 after @ms of nothing */
int recv_msg(struct fe *fe, struct msg *m, unsigned int ms);

/**
 * struct outcome - what a request led to
 * @replies: how many came, the first of them is @m
 * @closed: the back-end has closed the connection
 */
struct outcome {
	unsigned int replies;
	bool closed;
	struct msg m;
};

#define ACKED	(VHOST_USER_VERSION | VHOST_USER_NEED_REPLY)
#define PLAIN	VHOST_USER_VERSION

/** settle() - all that comes until a GET_FEATURES of now is answered */
struct outcome settle(struct fe *fe);
/** ask() - send a message and see all of what it leads to, without waiting */
struct outcome ask(struct fe *fe, u32 request, u32 flags, const void *payload,
		   u32 size, const int *fds, unsigned int nfds);
bool is_ack(const struct outcome *o, u32 request, bool ok);
/** describe() - "acked with 1 and closed" */
const char *describe(const struct outcome *o);

/*
 * The same with a verdict. must_ask(): taken, and acked where that can be had.
 * refuse(): a NACK or the end of the connection, with --strict a NACK. What
 * @why names is a bad request. Return: false if there is no connection any more.
 */
struct outcome must_ask(struct fe *fe, u32 request, const void *payload,
			u32 size, const int *fds, unsigned int nfds);
bool refused(struct fe *fe, u32 request, const void *payload, u32 size,
	     const int *fds, unsigned int nfds, const char *why);
void must_u64(struct fe *fe, u32 request, u64 v);
void must_state(struct fe *fe, u32 request, u32 index, u32 num);
u64 get_u64(struct fe *fe, u32 request);
/** alive() - it still answers on this connection */
void alive(struct fe *fe);
/** closes() - it closes the connection, and says no more before that */
void closes(struct fe *fe, const char *why);

/* Ways to set up a session. */
#define FE_PACKED	1u	/* skips the test where it is not offered */
#define FE_INBAND	2u
#define FE_EVENT_IDX	4u
#define FE_INDIRECT	8u
#define FE_NO_ACK	16u	/* without REPLY_ACK */
#define FE_NO_PF	32u	/* without F_PROTOCOL_FEATURES in SET_FEATURES */
#define FE_NO_SLAVE	64u	/* without a slave channel */
#define FE_LOG		128u

bool offers(const struct fe *fe, unsigned int bit);
bool offers_pf(const struct fe *fe, unsigned int bit);
bool has_pf(const struct fe *fe, unsigned int bit);
void need_pf(const struct fe *fe, unsigned int bit, const char *name);
/** need_work() - skip the test unless there is a --device to make work */
void need_work(void);

/** fe_negotiate() - features, owner, slave channel */
void fe_negotiate(struct fe *fe, unsigned int how);
/** fe_mem() - SET_MEM_TABLE of both regions */
void fe_mem(struct fe *fe);
/** vring_addr() - the payload of SET_VRING_ADDR for @q */
struct vhost_user_vring_addr vring_addr(const struct queue *q);
/** queue_setup() - NUM, BASE and ADDR */
void queue_setup(struct fe *fe, struct queue *q);
/** queue_fds() - ERR, CALL and then KICK: the ring starts */
void queue_fds(struct fe *fe, struct queue *q);
/** set_vring_fd() - the payload, and the fd unless it is -1 */
struct outcome set_vring_fd(struct fe *fe, u32 request, u64 v, int fd);
/** queue_start() - all of it, and enabled where that is needed */
void queue_start(struct fe *fe, struct queue *q);
void queue_enable(struct fe *fe, struct queue *q, bool on);
/** queue_stop() - GET_VRING_BASE; Return: the base */
u32 queue_stop(struct fe *fe, struct queue *q);
/** queue_kick() - by event fd, or VRING_KICK that is acked */
void queue_kick(struct fe *fe, struct queue *q);
/** queue_called() - take what calls there are; Return: were there any */
bool queue_called(struct fe *fe, struct queue *q);

/** fe_open() - connect, negotiate, memory */
struct fe *fe_open(unsigned int how);
/** fe_start() - the same, and the device's queue of work started */
struct fe *fe_start(unsigned int how);
/** work_queue() - the queue on which the device can be made to work */
struct queue *work_queue(struct fe *fe);

/** pump() - wait up to @ms for anything, and answer the slave channel */
void pump(struct fe *fe, struct queue *q, unsigned int ms);
/** wait_used() - the next used buffer; fails if none comes */
struct used wait_used(struct fe *fe, struct queue *q, const char *why);
/** no_used() - none comes for QUIET ms */
void no_used(struct fe *fe, struct queue *q, const char *why);

/* Devices; device.c */

#define MAX_SEGS	8u

/**
 * struct profile - how to make a kind of device work
 * @queue: on which
 * @nr_queues: how many are set up
 * @put: the segments of one request in @slot; Return: how many
 * @check: NULL when what came back is right, else what is wrong
 */
struct profile {
	const char *name;
	unsigned int queue, nr_queues;
	unsigned int (*put)(struct fe *fe, unsigned int slot, struct seg *s);
	const char *(*check)(struct fe *fe, unsigned int slot, u32 len);
};

const struct profile *profile_find(const char *name);
const char *profile_names(void);

/** work_put() - a request in @slot, not kicked; Return: its id */
u16 work_put(struct fe *fe, struct queue *q, unsigned int slot);
/** work_done() - that request comes back, and is right */
void work_done(struct fe *fe, struct queue *q, unsigned int slot, u16 id,
	       const char *why);
/** work_all_done() - requests in slots 0 to @n - 1 come back, in any order */
void work_all_done(struct fe *fe, struct queue *q, const u16 *id, unsigned int n,
		   const char *why);
/** work() - one request from kick to call */
void work(struct fe *fe, struct queue *q, const char *why);
/* Malformed rings; hostile.c */

#define MEM_END		(MEM_GPA + MEM_REGIONS * MEM_SIZE)
#define MEM_MIDDLE	(MEM_GPA + MEM_SIZE)	/* one region into the next */
#define TABLE		(DATA_GPA + 128 * SLOT)	/* for indirect tables */

/** survives() - kick: whatever comes of it, it comes to an end; closes @fe */
void survives(struct fe *fe, struct queue *q, const char *what);
/** stop_or_closed() - GET_VRING_BASE is answered, or the connection is over */
void stop_or_closed(struct fe *fe, struct queue *q);
/** hostile_split() - a session, and a split ring whose descriptors are a circle */
struct queue *hostile_split(struct fe **fe, unsigned int how);
/** table_desc() - write entry @i of a split indirect table at @at */
void table_desc(struct fe *fe, u64 at, unsigned int i, u64 addr, u32 len,
		u16 flags, u16 next);

/** good_session() - a session from connect to disconnect, with work in it */
void good_session(void);

#endif
