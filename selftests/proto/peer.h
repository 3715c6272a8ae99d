/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The other ends of umtt: fake calendar, time-travel client and front-end. */
#ifndef PROTO_PEER_H
#define PROTO_PEER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../../src/wire/timetravel.h"
#include "../../src/wire/vhost_user.h"

/*
 * Everything here is blocking, and gives up after a few seconds: what does not
 * come is a failure that says what was waited for. Whatever goes wrong ends the
 * test with one line, followed by what umtt has said.
 *
 * Nothing of umtt is used but the descriptions of what is on the wire.
 */

/* So long nothing may come, where nothing is to come (ms of wall time). */
#define QUIET_MS	100

/* Time that is never reached. */
#define NEVER		S64_MAX

/** fail() - end the test: @fmt says what is wrong */
void fail(const char *fmt, ...) __attribute__((noreturn)) __printf(1, 2);

/** check() - fail unless @cond holds */
#define check(cond)							\
	do {								\
		if (!(cond))						\
			fail("%s:%d: not so: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/** check_eq() - fail unless two numbers are equal */
#define check_eq(want, seen)						\
	do {								\
		unsigned long long want_ = (unsigned long long)(want);	\
		unsigned long long seen_ = (unsigned long long)(seen);	\
									\
		if (want_ != seen_)					\
			fail("%s:%d: %s is %llu (%#llx) and not %llu (%#llx)", \
			     __FILE__, __LINE__, #seen, seen_, seen_,	\
			     want_, want_);				\
	} while (0)

/** path() - a name in the test's own directory; the last 8 results are valid */
const char *path(const char *name);

void sleep_ms(unsigned int ms);
u64 wall_ms(void);

/** nothing_comes() - nothing can be read from @fd for @ms */
void nothing_comes(int fd, const char *from, unsigned int ms);

/** connect_to() - a connection to @where, as soon as there is a listener */
int connect_to(const char *where);

/** listen_at() - a listening socket at @where */
int listen_at(const char *where);

/** try_send() - sendmsg() with @fds on the first byte; @flags besides MSG_NOSIGNAL */
ssize_t try_send(int fd, const void *buf, size_t len, const int *fds,
		 unsigned int nfds, int flags);

/** send_bytes() - all of it, with @fds on the first byte */
void send_bytes(int fd, const void *buf, size_t len, const int *fds,
		unsigned int nfds);

/** read_bytes() - exactly so many, no file descriptors with them */
void read_bytes(int fd, const char *from, void *buf, size_t len);

/** comes_to_an_end() - the other side closes, without a further byte */
void comes_to_an_end(int fd, const char *from);

/*
 * umtt itself
 */

#define UMTT_SOCKETS	4

/** struct umtt - a running umtt, and its stderr; @pid is 0 once it has ended */
struct umtt {
	pid_t pid;
	char socket[UMTT_SOCKETS][108];	/* on which it listens */
	int err_fd;
	char *text;		/* of stderr; lines that were expected are blanked */
	bool may_complain;	/* of its peers, as much as it likes */
};

/** umtt_start() - "slave", "--device", ..., NULL */
void umtt_start(struct umtt *u, ...) __attribute__((sentinel));
void umtt_startv(struct umtt *u, const char *const *argv);

/** umtt_start_stderr() - its stderr is @err_fd; negative: it has none */
void umtt_start_stderr(struct umtt *u, const char *const *argv, int err_fd);

/**
 * umtt_says() - it prints a line with @text, sooner or later
 *
 * Lines that nobody expected fail the test when umtt ends.
 */
void umtt_says(struct umtt *u, const char *text);

/** umtt_said() - has it printed a line with @text */
bool umtt_said(struct umtt *u, const char *text);

/**
 * umtt_adds() - it has printed one line with @text, and no more; NULL: nothing
 * @seen: the offset of that line in all that it prints, moved behind it
 */
void umtt_adds(const struct umtt *u, off_t *seen, const char *text);

/** umtt_ends() - it exits with @status, all it said was expected */
void umtt_ends(struct umtt *u, int status);

/** umtt_kill() - SIGKILL, without waiting for more than the process's end */
void umtt_kill(struct umtt *u);

/** umtt_killed() - SIGKILL; its sockets stay in the file system, but refuse */
void umtt_killed(struct umtt *u);

/** umtt_term() - SIGTERM, then as umtt_ends() */
void umtt_term(struct umtt *u, int status);

/** umtt_fds() - number of file descriptors that it has open */
unsigned int umtt_fds(const struct umtt *u);

/** umtt_has_fds() - it has @n of them, once it has closed what it does not need */
void umtt_has_fds(const struct umtt *u, unsigned int n);

/** umtt_cpu_ms() - CPU time that it has used */
u64 umtt_cpu_ms(const struct umtt *u);

/*
 * Time-travel protocol, either side
 */

/**
 * struct ttp - one end of a time-travel connection
 * @name: who is at the other end, for messages
 * @seq: of the last message of ours that needs an ACK
 */
struct ttp {
	int fd;
	const char *name;
	u32 seq;
};

void ttp_send(struct ttp *p, u32 op, u32 seq, u64 time);
struct tt_msg ttp_recv(struct ttp *p);

/** ttp_say() - a message of ours; its ACK is left to come */
u32 ttp_say(struct ttp *p, u32 op, u64 time);

/** ttp_expect() - the next message is this one; Return: its seq */
u32 ttp_expect(struct ttp *p, u32 op, u64 time);

/** ttp_expect_ack() - the next message is the ACK of our last one, with @time */
void ttp_expect_ack(struct ttp *p, u64 time);

/** ttp_ask() - say, and be acked with the time 0 */
void ttp_ask(struct ttp *p, u32 op, u64 time);

void ttp_ack(struct ttp *p, u32 seq, u64 time);

/** ttp_quiet() - it says nothing for QUIET_MS */
void ttp_quiet(struct ttp *p);

/* A calendar, for a slave. */

/** calendar_is_up() - somebody connects to the calendar @u at path("cal"), and leaves */
void calendar_is_up(struct umtt *u);

/** cal_open() - listen at path("cal") */
int cal_open(void);

/** cal_accept() - the slave has connected to @listener */
void cal_accept(struct ttp *p, int listener);

/**
 * cal_ack_start() - the first ACK
 * @memfd: what goes with it; negative: a file that is no shared memory
 */
void cal_ack_start(struct ttp *p, u32 seq, u64 time, int memfd);

/** cal_begin() - START is acked in message mode, and the slave WAITs */
void cal_begin(struct ttp *p, int listener);

/** cal_expect() - expect @op with @time and ack it with @answer */
void cal_expect(struct ttp *p, u32 op, u64 time, u64 answer);

/** cal_run() - FREE_UNTIL @until and RUN at @now, both acked */
void cal_run(struct ttp *p, u64 now, u64 until);

/** cal_kick() - what the slave asks when it is kicked: GET and REQUEST */
void cal_kick(struct ttp *p, u64 now, u64 request);

/** cal_alive() - the slave acks a FREE_UNTIL at once, and has said nothing else */
void cal_alive(struct ttp *p, u64 until);

/* A client, for a calendar. */

/**
 * struct tt_start_ack - what a client gets when it is admitted
 * @shm, @len: the shared memory, NULL in message mode
 * @memfd: its file, or what came in place of it
 */
struct tt_start_ack {
	u16 slot;
	struct tt_shm *shm;
	size_t len;
	int memfd;
};

/** client_release() - give up what came with the ACK of START */
void client_release(struct tt_start_ack *a);

/** client_open() - connect to the calendar at path("cal") and send START */
void client_open(struct ttp *p, const char *name, u64 id);

/** client_admitted() - the ACK of START, with its two files; @a may be NULL */
void client_admitted(struct ttp *p, struct tt_start_ack *a);

/** client_wait() - REQUEST @t, if it is not U64_MAX, and WAIT, both acked */
void client_wait(struct ttp *p, u64 t);

/** client_runs() - FREE_UNTIL and RUN come, and are acked */
void client_runs(struct ttp *p, u64 now, u64 until);

/*
 * vhost-user, the front-end
 */

#define FVU_NUM		64u		/* entries of a ring */
#define FVU_VQS		2u
#define FVU_GPA		0x100000ULL	/* where its memory begins */
#define FVU_MEM		0x100000ULL	/* bytes of it */
#define FVU_HIDDEN	0x3000ULL	/* of the file, before that */
#define FVU_DATA	0x40000ULL	/* offset of buffers, FVU_SLOT each */
#define FVU_SLOT	0x800ULL

struct fvu_ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 avail_idx, used_seen;
};

/**
 * struct fvu - a front-end
 * @slave: our end of the slave channel, -1 when there is none
 * @protocol, @features: to be negotiated
 * @memfd, @file: its memory; the guest sees it from FVU_HIDDEN on
 */
struct fvu {
	int fd;
	int slave;
	u64 protocol, features;
	int memfd;
	u8 *file;
	struct fvu_ring ring[FVU_VQS];
};

/* What UML negotiates. */
#define FVU_INBAND	(BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG) |	\
			 BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))
#define FVU_FEATURES	(BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES) |	\
			 BIT_ULL(32) /* VERSION_1 */)

/** fvu_connect() - connect, with memory and empty rings, nothing negotiated */
void fvu_connect(struct fvu *f, const char *where);

/** fvu_begin() - as fvu_connect(), on a connection that is there */
void fvu_begin(struct fvu *f, int fd);

/** fvu_close() - disconnect, and give everything up */
void fvu_close(struct fvu *f);

/** fvu_send() - a request, in one piece */
void fvu_send(struct fvu *f, u32 request, u32 flags, const void *payload,
	      size_t len, const int *fds, unsigned int nfds);

/** fvu_reply() - the answer to @request: exactly @len bytes */
void fvu_reply(struct fvu *f, u32 request, void *payload, size_t len);

/** fvu_acked() - @request has been acked with @status */
void fvu_acked(struct fvu *f, u32 request, u64 status);

/* Requests with a payload of that kind; NEED_REPLY when @ack, which is awaited. */
void fvu_u64(struct fvu *f, u32 request, u64 v, bool ack);
void fvu_state(struct fvu *f, u32 request, u32 index, u32 num, bool ack);
void fvu_addr(struct fvu *f, u32 vq, bool ack);
/** fvu_get() - a request without payload, answered by a u64 */
u64 fvu_get(struct fvu *f, u32 request);

/** fvu_mem() - SET_MEM_TABLE, as UML does it: one region, and room for two */
void fvu_mem(struct fvu *f, bool ack);

/** fvu_slave_channel() - SET_SLAVE_REQ_FD with a new channel */
void fvu_slave_channel(struct fvu *f, bool ack);

/** fvu_negotiate() - features, owner, slave channel, memory */
void fvu_negotiate(struct fvu *f);

/** fvu_queue() - set up queue @vq and enable it, without a kick */
void fvu_queue(struct fvu *f, u32 vq);

/** fvu_set_up() - all that, for all queues, like UML */
void fvu_set_up(struct fvu *f);

/** fvu_open() - connect to path(@name) and set all up like UML */
void fvu_open(struct fvu *f, const char *name);

/* The driver's side of the rings. */

/** fvu_host() - offset @off of the guest's memory */
void *fvu_host(struct fvu *f, u64 off);

/** fvu_rings_clear() - as after the driver has reset its queue @vq */
void fvu_rings_clear(struct fvu *f, u32 vq);

/** fvu_desc() - write descriptor @i; @off is an offset in guest memory */
void fvu_desc(struct fvu *f, u32 vq, u16 i, u64 off, u32 len, u16 flags,
	      u16 next);

/** fvu_avail() - make the chain at @head available */
void fvu_avail(struct fvu *f, u32 vq, u16 head);

/** fvu_used() - the next used buffer, -1 when there is none yet */
int fvu_used(struct fvu *f, u32 vq, u32 *len);

/** fvu_kick() - VRING_KICK, to be acked */
void fvu_kick(struct fvu *f, u32 vq);

/** fvu_kicked() - the kick is acked */
void fvu_kicked(struct fvu *f);

/** fvu_called() - VRING_CALL for @vq comes, asking for a reply */
void fvu_called(struct fvu *f, u32 vq);
/** fvu_answer() - and this is the reply */
void fvu_answer(struct fvu *f, u64 status);

/* The echo device. */

struct echo_response {
	u64 cookie;
	u64 t_start;
	u64 t_done;
	u32 status;
	u32 payload_len;
};

/**
 * echo_put() - a request, made available; no kick
 * @slot: which buffer, 0 to 30; its chain begins at descriptor 2 * @slot
 */
void echo_put(struct fvu *f, u32 vq, unsigned int slot, u64 latency);

/** echo_get() - the request in @slot is the next that has been used; fails when not */
struct echo_response echo_get(struct fvu *f, u32 vq, unsigned int slot);

/** device() - "TYPE,socket=PATH,OPTIONS" for --device; @options may be NULL */
const char *device(const char *type, const char *name, const char *options);

/**
 * struct sim - the usual: a slave with echo devices, a calendar, a front-end
 * @f: connected to the first device, "a"; the second one is at path("b")
 */
struct sim {
	struct umtt slave;
	struct ttp cal;
	struct fvu f;
};

/** sim_open() - in message mode, set up, the slave WAITs; @options of the devices */
void sim_open(struct sim *s, const char *options);

/** sim_close() - SIGTERM ends the slave, if it runs; it has nothing to complain of */
void sim_close(struct sim *s);

#endif
