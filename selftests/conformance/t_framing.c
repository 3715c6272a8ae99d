// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Bytes and file descriptors: groups A1, A5, A6, A7, A8, and R11. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"

#define SECT_HDR	"Header"
#define SECT_FDS	"Communication"

/* A request of 20 bytes that is acked, where acks are. */
struct owner_like {
	struct vhost_user_hdr h;
	u32 state[2];
};

static struct owner_like sample(u32 num)
{
	return (struct owner_like){
		.h = { SET_VRING_NUM, ACKED, 8 }, .state = { 0, num },
	};
}

static void expect_sample(struct fe *fe, const char *how)
{
	struct outcome o = settle(fe);

	if (o.closed || (has_pf(fe, PF_REPLY_ACK) && !is_ack(&o, SET_VRING_NUM, true)))
		fail("%s: expected SET_VRING_NUM to be taken; came: %s", how,
		     describe(&o));
}

TEST(A1, byte_by_byte, SECT_FDS,
     "A message that comes a byte at a time is a message.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m = sample(64);
	size_t i;

	for (i = 0; i < sizeof(m); i++) {
		send_raw(fe, (u8 *)&m + i, 1, NULL, 0);
		if (i % 5 == 0)
			sleep_ms(1);
	}
	expect_sample(fe, "a byte at a time");
}

TEST(A1, split_at_every_byte, SECT_FDS,
     "A message in two pieces is a message, wherever it is cut.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m = sample(64);
	size_t i;

	for (i = 1; i < sizeof(m); i++) {
		send_raw(fe, &m, i, NULL, 0);
		sleep_ms(1);
		send_raw(fe, (u8 *)&m + i, sizeof(m) - i, NULL, 0);
		expect_sample(fe, "in two pieces");
	}
}

TEST(A1, cut_off_at_every_byte, SECT_FDS,
     "A message that ends with the connection is dropped with it.")
{
	struct owner_like m = sample(64);
	struct fe *fe;
	size_t i;

	for (i = 1; i < sizeof(m); i++) {
		fe = fe_open(0);
		send_raw(fe, &m, i, NULL, 0);
		fe_close(fe);
	}
}

TEST(A5, two_messages_in_one_piece, SECT_FDS,
     "Messages that come in one piece are handled one by one.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m[2] = { sample(64), sample(32) };
	struct outcome o;

	send_raw(fe, m, sizeof(m), NULL, 0);
	o = settle(fe);
	if (o.closed || (has_pf(fe, PF_REPLY_ACK) && o.replies != 2))
		fail("expected both to be acked; came: %s", describe(&o));
}

TEST(A5, many_messages_in_one_piece, SECT_FDS,
     "So are a hundred.")
{
	struct owner_like m[100];
	struct fe *fe = fe_open(0);
	struct outcome o;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m); i++)
		m[i] = sample(1u << i % 8);
	send_raw(fe, m, sizeof(m), NULL, 0);
	o = settle(fe);
	if (o.closed || (has_pf(fe, PF_REPLY_ACK) && o.replies != ARRAY_SIZE(m)))
		fail("expected 100 acks; came: %s", describe(&o));
}

TEST(A5, fds_with_the_header_payload_later, SECT_FDS,
     "File descriptors come with the first bytes of the header; the payload may come later.")
{
	struct fe *fe = fe_open(0);
	struct {
		struct vhost_user_hdr h;
		struct vhost_user_mem_hdr mh;
		struct vhost_user_region r[2];
	} __attribute__((packed)) m = {
		.h = { SET_MEM_TABLE, ACKED, sizeof(m) - sizeof(m.h) },
		.mh.nregions = 2,
		.r = { guest_region(0), guest_region(1) },
	};
	struct outcome o;

	send_raw(fe, &m, sizeof(m.h), fe->g.fd, 2);
	sleep_ms(2);
	send_raw(fe, (u8 *)&m + sizeof(m.h), sizeof(m) - sizeof(m.h), NULL,
		 0);
	o = settle(fe);
	if (o.closed || (has_pf(fe, PF_REPLY_ACK) && !is_ack(&o, SET_MEM_TABLE, true)))
		fail("expected SET_MEM_TABLE to be taken; came: %s", describe(&o));
}

TEST(A5, fds_on_a_split_header, SECT_FDS,
     "So may the rest of the header.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m = { .h = { SET_VRING_CALL, ACKED, 8 } };
	struct outcome o;
	int fd = eventfd(0, EFD_CLOEXEC);

	send_raw(fe, &m, 3, &fd, 1);
	sleep_ms(2);
	send_raw(fe, (u8 *)&m + 3, sizeof(m) - 3 - 4, NULL, 0);
	sleep_ms(2);
	send_raw(fe, (u8 *)&m + sizeof(m) - 4, 4, NULL, 0);
	o = settle(fe);
	if (o.closed || (has_pf(fe, PF_REPLY_ACK) && !is_ack(&o, SET_VRING_CALL, true)))
		fail("expected SET_VRING_CALL to be taken; came: %s", describe(&o));
}

/* R11, A6: file descriptors that nobody asked for */

static void stray(u32 request, unsigned int n)
{
	struct fe *fe = fe_open(0);
	u8 payload[128] = { 0 };
	int fds[253], fd = stray_fd();
	unsigned int i;

	for (i = 0; i < n; i++)
		fds[i] = fd;
	ask(fe, request, ACKED, payload, request_info(request)->size, fds, n);
	close(fd);
	wait_target_fds(stray_name(), 0, request_name(request));
	fe_close(fe);
}

/* Those that take no file descriptor. */
static void stray_on_all(unsigned int n)
{
	u32 r;

	if (target_fds("") < 0)
		skip("the back-end's files cannot be counted");
	for (r = 1; r < NR_REQUESTS; r++)
		if (!request_info(r)->fds)
			stray(r, n);
}

TEST(R11, stray_fd_is_closed, SECT_FDS,
     "A file descriptor with a request that takes none is closed, whether or not the request is refused.")
{
	stray_on_all(1);
}

TEST(R11, eight_stray_fds_are_closed, SECT_FDS,
     "So are eight.")
{
	stray_on_all(8);
}

TEST(A6, more_fds_than_any_message_has, SECT_FDS,
     "Nine, or 253, file descriptors are more than any message has: they are closed.")
{
	static const u32 r[] = { GET_FEATURES, SET_MEM_TABLE, SET_VRING_CALL,
				 SET_VRING_NUM, SET_SLAVE_REQ_FD };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		stray(r[i], 9);
		stray(r[i], 253);
	}
}

TEST(A6, fds_too_many_for_the_request, SECT_FDS,
     "Two file descriptors where one is due are refused or the second is closed.")
{
	static const u32 r[] = { SET_VRING_CALL, SET_VRING_ERR, SET_SLAVE_REQ_FD };
	u8 payload[8] = { 0 };
	unsigned int i;
	struct fe *fe;
	int fds[2];

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		fe = fe_open(0);
		fds[0] = eventfd(0, EFD_CLOEXEC);
		fds[1] = stray_fd();
		ask(fe, r[i], ACKED, payload, request_info(r[i])->size, fds, 2);
		close(fds[1]);
		wait_target_fds(stray_name(), 0, request_name(r[i]));
		fe_close(fe);
	}
}

TEST(A6, fds_on_a_later_byte, SECT_FDS,
     "File descriptors come with the first byte of a message; those that come later are not kept.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m = sample(64);
	int fd = stray_fd();

	send_raw(fe, &m, 1, NULL, 0);
	sleep_ms(1);
	send_raw(fe, (u8 *)&m + 1, sizeof(m) - 1, &fd, 1);
	settle(fe);
	close(fd);
	wait_target_fds(stray_name(), 0, "a file on the second byte");
}

TEST(A6, fds_on_the_payload, SECT_FDS,
     "The same for the first byte of the payload.")
{
	struct fe *fe = fe_open(0);
	struct owner_like m = sample(64);
	int fd = stray_fd();

	send_raw(fe, &m, sizeof(m.h), NULL, 0);
	sleep_ms(1);
	send_raw(fe, m.state, 8, &fd, 1);
	settle(fe);
	close(fd);
	wait_target_fds(stray_name(), 0, "a file on the payload");
}

TEST(A6, fd_missing, SECT_FDS,
     "A request without the file descriptor that it needs is refused.")
{
	static const u32 r[] = { SET_SLAVE_REQ_FD, ADD_MEM_REG, SET_INFLIGHT_FD,
				 SET_LOG_BASE, SET_LOG_FD };
	u8 payload[64] = { 0 };
	unsigned int i;
	struct fe *fe;

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		fe = fe_open(0);
		if (request_info(r[i])->gate < 0 ||
		    has_pf(fe, (unsigned int)request_info(r[i])->gate))
			refused(fe, r[i], payload, request_info(r[i])->size,
				NULL, 0, "without its file descriptor");
		fe_close(fe);
	}
}

/* A7: peers that do not do their part */

TEST(A7, replies_are_not_read, SECT_FDS,
     "A front-end that does not read its replies is made to wait; when it reads, all of them are there.")
{
	struct vhost_user_hdr h = { GET_FEATURES, PLAIN, 0 };
	struct fe *fe = fe_open(0);
	unsigned int sent = 0, got = 0;
	long rss = target_rss_kb();
	struct msg m;

	while (sent < 50000) {
		if (send(fe->fd, &h, sizeof(h), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(h)) {
			sent++;
			continue;
		}
		if (errno != EAGAIN)
			fail("expected the connection to stay; it was closed");
		break;
	}
	if (rss >= 0 && target_rss_kb() - rss > 65536)
		fail("expected replies not to pile up; the back-end has grown by %ld kB",
		     target_rss_kb() - rss);
	while (got < sent && recv_msg(fe, &m, PATIENCE) == 1)
		got++;
	if (got != sent)
		fail("expected %u replies; came: %u", sent, got);
}

TEST(A7, half_closed, SECT_FDS,
     "A front-end that says no more gets the answers to what it said, and then the end.")
{
	struct vhost_user_hdr h = { GET_FEATURES, PLAIN, 0 };
	struct fe *fe = fe_open(0);
	struct msg m;

	send_raw(fe, &h, sizeof(h), NULL, 0);
	shutdown(fe->fd, SHUT_WR);
	if (recv_msg(fe, &m, PATIENCE) == 1 && m.hdr.request != GET_FEATURES)
		fail("expected the answer to GET_FEATURES");
	closes(fe, "our end is closed for writing");
}

TEST(A7, deaf, SECT_FDS,
     "Replies to a front-end that cannot hear them kill nobody (SIGPIPE).")
{
	struct vhost_user_hdr h = { GET_FEATURES, PLAIN, 0 };
	struct fe *fe = fe_open(0);
	unsigned int i;

	shutdown(fe->fd, SHUT_RD);
	for (i = 0; i < 100 && send_raw(fe, &h, sizeof(h), NULL, 0); i++)
		;
}

TEST(A7, gone_before_the_reply, SECT_FDS,
     "So with replies to a front-end that has left.")
{
	struct vhost_user_hdr h = { GET_FEATURES, PLAIN, 0 };
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		fe = fe_open(0);
		send_raw(fe, &h, sizeof(h), NULL, 0);
		fe_close(fe);
	}
}

/* A8: file descriptors of the wrong kind */

static int listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address of its own choice, in no directory. */
	if (bind(fd, &(struct sockaddr){ .sa_family = AF_UNIX },
		 sizeof(sa_family_t)) < 0 || listen(fd, 1) < 0)
		broken("listen");
	return fd;
}

static int broken_pipe(bool reading)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		broken("pipe");
	close(p[reading ? 1 : 0]);
	return p[reading ? 0 : 1];
}

static int full_pipe(void)
{
	char page[4096] = { 0 };
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		broken("pipe");
	while (write(p[1], page, sizeof(page)) > 0)
		;
	if (fcntl(p[1], F_SETFL, 0) < 0)
		broken("fcntl");
	return p[1];
}

static int quiet_socket(void)
{
	int sv[2];

	/* The other end stays open until the test ends. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		broken("socketpair");
	return sv[0];
}

static int strange_fd(unsigned int kind, const char **name)
{
	static const char *const names[] = {
		"/dev/null", "a directory", "a regular file", "a listening socket",
		"an epoll", "a socket", "a file opened with O_PATH",
		"a pipe without a writer", "a pipe without a reader",
		"a full pipe", "/dev/zero",
	};

	if (kind >= ARRAY_SIZE(names))
		return -1;
	*name = names[kind];
	switch (kind) {
	case 0: return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1: return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 2: return stray_fd();
	case 3: return listener();
	case 4: return epoll_create1(EPOLL_CLOEXEC);
	case 5: return quiet_socket();
	case 6: return open("/dev/null", O_PATH | O_CLOEXEC);
	case 7: return broken_pipe(true);
	case 8: return broken_pipe(false);
	case 9: return full_pipe();
	default: return open("/dev/zero", O_RDWR | O_CLOEXEC);
	}
}

static void strange(u32 request)
{
	struct fe *fe = fe_open(0);
	const char *name;
	char when[80];
	unsigned int i;
	u64 v = 0;
	int fd;

	for (i = 0; (fd = strange_fd(i, &name)) >= 0; i++) {
		note("%s: %s", request_name(request), name);
		queue_setup(fe, &fe->q[0]);
		if (fe->features & BIT_ULL(F_PROTOCOL))
			queue_enable(fe, &fe->q[0], true);
		if (ask(fe, request, ACKED, &v, sizeof(v), &fd, 1).closed ||
		    request != SET_VRING_KICK) {
			close(fd);
			fe_close(fe);
			fe = fe_open(0);
			continue;
		}
		close(fd);
		snprintf(when, sizeof(when), "%s as %s", name, request_name(request));
		not_spinning(when);
		fe_close(fe);
		fe = fe_open(0);
	}
}

TEST(A8, kick_fd_of_a_wrong_kind, "Front-end message types, SET_VRING_KICK",
     "A file that cannot be waited for, or is always readable, as the kick fd: refused, or not polled without end.")
{
	strange(SET_VRING_KICK);
}

TEST(A8, call_fd_of_a_wrong_kind, "Front-end message types, SET_VRING_CALL",
     "A file that is no event fd as the call fd: refused, or written to in vain.")
{
	strange(SET_VRING_CALL);
}

TEST(A8, slave_fd_of_a_wrong_kind, "Front-end message types, SET_BACKEND_REQ_FD",
     "A file that is no socket as the slave channel: refused, or the end of the connection.")
{
	struct fe *fe;
	const char *name;
	unsigned int i;
	int fd;

	for (i = 0; ; i++) {
		fe = fe_open(FE_NO_SLAVE);
		need_pf(fe, PF_SLAVE_REQ, "SLAVE_REQ");
		fd = strange_fd(i, &name);
		if (fd < 0)
			return;
		note("SET_SLAVE_REQ_FD: %s", name);
		ask(fe, SET_SLAVE_REQ_FD, ACKED, NULL, 0, &fd, 1);
		close(fd);
		not_spinning(name);
		fe_close(fe);
	}
}

TEST(A8, call_fd_that_cannot_be_written, "Ring states",
     "A call fd that is full, or whose reader has gone, holds up no work and kills nobody.")
{
	static const unsigned int kinds[] = { 8, 9 };
	const char *name;
	struct queue *q;
	struct fe *fe;
	unsigned int i;
	u16 id;
	int fd;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		fe = fe_start(0);
		q = work_queue(fe);
		fd = strange_fd(kinds[i], &name);
		set_vring_fd(fe, SET_VRING_CALL, q->index, fd);
		close(fd);
		id = work_put(fe, q, 0);
		queue_kick(fe, q);
		work_done(fe, q, 0, id, name);
		id = work_put(fe, q, 1);
		queue_kick(fe, q);
		work_done(fe, q, 1, id, name);
		alive(fe);
		fe_close(fe);
	}
}
