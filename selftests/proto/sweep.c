// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A front-end that leaves at any byte of its session: nothing is left of it. */
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

/*
 * DOC: The sweep
 *
 * A whole session is a list of steps: messages with their files, and between
 * them what else a driver does. For each number of bytes it is played so far,
 * and ends there in one of several ways. One slave sees all of it. What comes
 * before the end has to be answered as if nothing had happened before.
 */

/* How a session ends. */
enum how {
	CLOSE,		/* all that was said has been read */
	UNREAD,		/* not so: the slave is told of a reset */
	SHUT_SEND,	/* half of it first, then when the slave has ended */
	SHUT_READ,	/* the slave hears of it when it answers */
	CHANNEL,	/* only the slave channel */
	CALLS,		/* only who is called by event fd; the rest goes on */
	NR_HOWS
};

/* What goes with a step. */
enum file { NO_FILE, MEMORY, CHANNEL_END, KICK, CALL };
enum then { NOTHING, PUT, PUT_AND_KICK, CALLED };

struct step {
	u32 request;
	u16 len;
	u8 file;
	u8 then;	/* when it has been answered */
	bool answer;	/* is itself one, on the slave channel */
	u8 payload[80];
};

#define MAX_STEPS	48

struct stream {
	struct step step[MAX_STEPS];
	unsigned int nr, bytes;
};

struct play {
	struct fvu f;
	int kick[FVU_VQS], call[2];
	int other;		/* the slave's end of the slave channel */
	unsigned int puts;
	unsigned int lose_calls_at;
};

static struct step *add(struct stream *s, u32 request, const void *payload,
			size_t len)
{
	struct step *st = &s->step[s->nr++];

	check(s->nr < MAX_STEPS);
	memset(st, 0, sizeof(*st));
	st->request = request;
	st->len = (u16)len;
	if (len)
		memcpy(st->payload, payload, len);
	s->bytes += (unsigned int)(sizeof(struct vhost_user_hdr) + len);
	return st;
}

static struct step *add_u64(struct stream *s, u32 request, u64 v)
{
	return add(s, request, &v, sizeof(v));
}

static struct step *add_state(struct stream *s, u32 request, u32 i, u32 num)
{
	struct vhost_user_vring_state st = { i, num };

	return add(s, request, &st, sizeof(st));
}

static void add_features(struct stream *s, bool inband)
{
	u64 protocol = FVU_INBAND | BIT_ULL(VHOST_USER_PROTOCOL_F_MQ);

	if (!inband)
		protocol &= ~BIT_ULL(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
	add(s, VHOST_USER_GET_FEATURES, NULL, 0);
	add(s, VHOST_USER_GET_PROTOCOL_FEATURES, NULL, 0);
	add_u64(s, VHOST_USER_SET_PROTOCOL_FEATURES, protocol);
	add(s, VHOST_USER_SET_OWNER, NULL, 0);
	add(s, VHOST_USER_GET_QUEUE_NUM, NULL, 0);
	add(s, VHOST_USER_SET_SLAVE_REQ_FD, NULL, 0)->file = CHANNEL_END;
	add_u64(s, VHOST_USER_SET_FEATURES, FVU_FEATURES);
}

static void add_memory(struct stream *s)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r[2];
	} m = {
		.h = { .nregions = 1 },
		.r = { { .guest_addr = FVU_GPA, .user_addr = FVU_GPA,
			 .size = FVU_MEM, .mmap_offset = FVU_HIDDEN } },
	};

	add(s, VHOST_USER_SET_MEM_TABLE, &m, sizeof(m))->file = MEMORY;
}

static void add_queue(struct stream *s, u32 i, bool inband)
{
	struct vhost_user_vring_addr a = {
		.index = i, .log = U64_MAX,
		.desc = FVU_GPA + i * 0x8000ULL,
		.avail = FVU_GPA + i * 0x8000ULL + 0x2000,
		.used = FVU_GPA + i * 0x8000ULL + 0x4000,
	};

	add_state(s, VHOST_USER_SET_VRING_NUM, i, FVU_NUM);
	add_state(s, VHOST_USER_SET_VRING_BASE, i, 0);
	add(s, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a));
	if (!inband) {
		add_u64(s, VHOST_USER_SET_VRING_KICK, i)->file = KICK;
		add_u64(s, VHOST_USER_SET_VRING_CALL, i)->file = CALL;
	}
	add_state(s, VHOST_USER_SET_VRING_ENABLE, i, 1)->then = PUT;
}

/* Buffers are in flight from here on; one comes back at once. */
static void add_work(struct stream *s, bool inband)
{
	struct vhost_user_config_hdr c = { 0, 8, 0 };
	u8 config[sizeof(c) + 8] = { 0 };

	memcpy(config, &c, sizeof(c));
	add(s, VHOST_USER_GET_CONFIG, config, sizeof(config))->then =
		inband ? NOTHING : PUT_AND_KICK;
	if (!inband)
		return;
	add_state(s, VHOST_USER_VRING_KICK, 0, 0)->then = CALLED;
	add_u64(s, VHOST_USER_SLAVE_VRING_CALL, 0)->answer = true;
	add_state(s, VHOST_USER_VRING_KICK, 1, 0);
}

static void make_stream(struct stream *s, bool inband)
{
	memset(s, 0, sizeof(*s));
	add_features(s, inband);
	add_memory(s);
	add_queue(s, 0, inband);
	add_queue(s, 1, inband);
	add_work(s, inband);
	add_state(s, VHOST_USER_SET_VRING_ENABLE, 1, 0);
	add_state(s, VHOST_USER_GET_VRING_BASE, 1, 0);
	add_state(s, VHOST_USER_GET_VRING_BASE, 0, 0);
	add(s, VHOST_USER_RESET_OWNER, NULL, 0);
}

/*
 * One session
 */

static void begin(struct play *p)
{
	int sv[2];

	fvu_connect(&p->f, path("a"));
	p->kick[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->kick[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* UML's are like that. */
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->call) == 0);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	p->f.slave = sv[0];
	p->other = sv[1];
	p->puts = 0;
	p->lose_calls_at = UINT_MAX;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void end(struct play *p)
{
	close_fd(&p->kick[0]);
	close_fd(&p->kick[1]);
	close_fd(&p->call[0]);
	close_fd(&p->call[1]);
	close_fd(&p->other);
	fvu_close(&p->f);
}

static int file_of(const struct play *p, const struct step *st)
{
	switch (st->file) {
	case MEMORY:
		return p->f.memfd;
	case CHANNEL_END:
		return p->other;
	case KICK:
		return p->kick[st->payload[0]];
	case CALL:
		return p->call[1];
	default:
		return -1;
	}
}

static void send_step(struct play *p, const struct step *st, unsigned int n)
{
	struct vhost_user_hdr h = {
		st->request, VHOST_USER_VERSION | (st->answer ?
			     VHOST_USER_REPLY : VHOST_USER_NEED_REPLY), st->len,
	};
	u8 buf[sizeof(h) + sizeof(st->payload)];
	int fd = file_of(p, st);

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), st->payload, st->len);
	send_bytes(st->answer ? p->f.slave : p->f.fd, buf, n, &fd, fd >= 0);
}

static void read_answer(struct play *p, const struct step *st)
{
	struct vhost_user_hdr h;
	u8 buf[128];

	if (st->answer)
		return;
	read_bytes(p->f.fd, "the slave", &h, sizeof(h));
	if (h.request != st->request || h.size > sizeof(buf) ||
	    h.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY))
		fail("request %u is answered by %u, flags %#x, %u bytes",
		     st->request, h.request, h.flags, h.size);
	read_bytes(p->f.fd, "the slave", buf, h.size);
	if (file_of(p, st) == p->other)
		close_fd(&p->other);
	if (st->request == VHOST_USER_SET_VRING_ENABLE)
		check(!buf[0]);
}

static void put(struct play *p, u32 vq, u64 latency)
{
	echo_put(&p->f, vq, p->puts++ % 30, latency);
}

static void go_on(struct play *p, const struct step *st)
{
	u64 one = 1, call;

	switch (st->then) {
	case PUT:
		put(p, st->payload[0], 1000 * NSEC_PER_SEC);
		if (!st->payload[0])
			put(p, 0, 0);
		break;
	case PUT_AND_KICK:
		put(p, 0, 0);
		check(write(p->kick[0], &one, sizeof(one)) == sizeof(one));
		if (p->call[0] >= 0)
			read_bytes(p->call[0], "the slave (call)", &call,
				   sizeof(call));
		break;
	case CALLED:
		fvu_called(&p->f, 0);
		break;
	}
}

/* What an answer on the slave channel lacks is not worth a line. */
enum rest { WHOLE, CUT_OFF, CUT_OFF_ANSWER };

/*
 * Play the first @cut bytes. Return: what the last message is. If it is a whole
 * one and @unread, its answer has come, but has not been read.
 */
static enum rest play(struct play *p, const struct stream *s, unsigned int cut,
		 bool unread)
{
	const struct step *st;
	unsigned int i, len, sent = 0;

	for (i = 0; cut && i < s->nr; i++) {
		if (sent == p->lose_calls_at)
			close_fd(&p->call[0]);
		st = &s->step[i];
		len = (unsigned int)sizeof(struct vhost_user_hdr) + st->len;
		send_step(p, st, cut < len ? cut : len);
		if (cut < len)
			return st->answer ? CUT_OFF_ANSWER : CUT_OFF;
		cut -= len;
		sent += len;
		if (!cut && unread && !st->answer) {
			struct pollfd pfd = { p->f.fd, POLLIN, 0 };

			check(poll(&pfd, 1, 8000) == 1);
			return WHOLE;
		}
		read_answer(p, st);
		go_on(p, st);
	}
	return WHOLE;
}

/* The slave has closed its end, whether or not it has said something before. */
static void hangs_up(int fd)
{
	struct pollfd pfd = { fd, 0, 0 };

	if (poll(&pfd, 1, 8000) != 1 || !(pfd.revents & POLLHUP))
		fail("the slave does not close its end");
}

static void leave(struct play *p, enum how how, bool whole)
{
	struct vhost_user_hdr h = { VHOST_USER_GET_FEATURES, VHOST_USER_VERSION,
				    0 };

	switch (how) {
	case SHUT_SEND:
		shutdown(p->f.fd, SHUT_WR);
		hangs_up(p->f.fd);
		break;
	case SHUT_READ:
		shutdown(p->f.fd, SHUT_RD);
		if (!whole)
			break;
		send_bytes(p->f.fd, &h, sizeof(h), NULL, 0);
		hangs_up(p->f.fd);
		break;
	case CHANNEL:
		if (p->other >= 0)
			break;
		close_fd(&p->f.slave);
		hangs_up(p->f.fd);
		break;
	default:
		break;
	}
	/* The rest later: what is heard of first, that or the channel, counts. */
	close_fd(&p->f.fd);
}

/*
 * The slave, before and after
 */

struct traces {
	unsigned int fds;
	off_t said;
};

/* Mappings of a guest's memory */
static unsigned int mappings(const struct umtt *u)
{
	char name[64], line[512];
	unsigned int n = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)u->pid);
	f = fopen(name, "re");
	check(f);
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, "memfd:guest");
	fclose(f);
	return n;
}

/* So it was; sleep less than umtt_has_fds() does. */
static void is_as_before(const struct umtt *u, const struct traces *t)
{
	unsigned int i;

	for (i = 0; i < 200 && umtt_fds(u) != t->fds; i++)
		usleep(50);
	umtt_has_fds(u, t->fds);
	/* They go a moment after the last file. */
	for (i = 0; i < 2000 && mappings(u); i++)
		usleep(1000);
	check_eq(0, mappings(u));
}

static void one_cut(struct umtt *u, const struct stream *s, enum how how,
		    unsigned int cut, struct traces *t)
{
	bool has_channel, is_cut_off;
	enum rest rest;
	struct play p;

	begin(&p);
	if (how == CALLS)
		p.lose_calls_at = cut;
	rest = play(&p, s, how == CALLS ? s->bytes : cut, how == UNREAD);
	has_channel = p.other < 0;
	leave(&p, how, rest == WHOLE);
	is_cut_off = rest == CUT_OFF && !(how == CHANNEL && has_channel);
	umtt_adds(u, &t->said,
		  is_cut_off ? "ended: left in the middle of a message" : NULL);
	end(&p);
	is_as_before(u, t);
}

/* All of it, and what was kicked for has come back. */
static void works(const struct stream *s)
{
	struct play p;

	begin(&p);
	check(play(&p, s, s->bytes, false) == WHOLE);
	check(fvu_used(&p.f, 0, NULL) >= 0);
	end(&p);
}

/* Where a byte more or less may matter. */
static bool is_edge(const struct stream *s, unsigned int cut)
{
	unsigned int i, len;

	for (i = 0; i < s->nr; i++) {
		len = (unsigned int)sizeof(struct vhost_user_hdr) +
		      s->step[i].len;
		if (cut < len)
			return cut <= 1 || cut == 12 || cut == len - 1;
		cut -= len;
	}
	return true;
}

FIXTURE(sweep) {
	struct umtt slave, cal;
	struct stream stream;
	struct traces before;
};

FIXTURE_VARIANT(sweep) {
	bool inband, simulated;
};

FIXTURE_VARIANT_ADD(sweep, in_band) { .inband = true };
FIXTURE_VARIANT_ADD(sweep, event_fds) { };
FIXTURE_VARIANT_ADD(sweep, simulated) { .inband = true, .simulated = true };

FIXTURE_SETUP(sweep)
{
	const char *argv[] = { "slave", "--device", device("echo", "a", NULL),
			       NULL, NULL, NULL };

	if (variant->simulated) {
		umtt_start(&self->cal, "calendar", "--socket", path("cal"),
			   NULL);
		calendar_is_up(&self->cal);
		argv[3] = "--calendar";
		argv[4] = path("cal");
	}
	umtt_startv(&self->slave, argv);
	self->slave.may_complain = true;
	make_stream(&self->stream, variant->inband);
	works(&self->stream);
	sleep_ms(50);
	self->before.fds = umtt_fds(&self->slave);
}

FIXTURE_TEARDOWN(sweep)
{
	works(&self->stream);
	is_as_before(&self->slave, &self->before);
	umtt_term(&self->slave, 0);
	if (variant->simulated)
		umtt_ends(&self->cal, 0);
}

static void sweep(struct umtt *slave, const struct stream *s, enum how how,
		  bool all, struct traces *before)
{
	unsigned int cut;

	for (cut = 0; cut <= s->bytes; cut++)
		if (all || is_edge(s, cut))
			one_cut(slave, s, how, cut, before);
}

#define SWEEP(name, how, all)						\
	TEST_F(sweep, name)						\
	{								\
		sweep(&self->slave, &self->stream, how, all,		\
		      &self->before);					\
	}

SWEEP(leaves_after_each_byte, CLOSE, true)
SWEEP(leaves_with_answers_unread, UNREAD, false)
SWEEP(ends_its_half_first, SHUT_SEND, false)
SWEEP(does_not_want_to_read, SHUT_READ, false)
SWEEP(loses_its_slave_channel, CHANNEL, false)
SWEEP(does_not_want_to_be_called, CALLS, false)

TEST_HARNESS_MAIN
