// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vhost-user messages in pieces, in one piece, and malformed. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

FIXTURE(framing) {
	struct umtt slave;
	struct fvu f;
};

FIXTURE_SETUP(framing)
{
	umtt_start(&self->slave, "slave", "--device",
		   device("echo", "a", NULL), NULL);
	fvu_connect(&self->f, path("a"));
	fvu_u64(&self->f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
}

FIXTURE_TEARDOWN(framing)
{
	fvu_close(&self->f);
	umtt_term(&self->slave, 0);
}

/** struct msg - a request as bytes */
struct msg {
	u8 buf[8192];
	size_t len;
	int fd;			/* to go with it, -1: none */
};

static struct msg make(u32 request, u32 flags, const void *payload, size_t len,
		       int fd)
{
	struct vhost_user_hdr h = { request, VHOST_USER_VERSION | flags,
				    (u32)len };
	struct msg m = { .len = sizeof(h) + len, .fd = fd };

	memcpy(m.buf, &h, sizeof(h));
	if (len)
		memcpy(m.buf + sizeof(h), payload, len);
	return m;
}

/* The slave has read all that we have sent. */
static void wait_until_read(int fd)
{
	u64 end = wall_ms() + 5000;
	int n = 1;

	while (ioctl(fd, SIOCOUTQ, &n) == 0 && n)
		if (wall_ms() > end)
			fail("the slave does not read");
}

static void send_part(struct fvu *f, const struct msg *m, size_t from,
		      size_t to)
{
	send_bytes(f->fd, m->buf + from, to - from, &m->fd,
		   !from && m->fd >= 0);
}

/* Whatever the message, its answer comes when it is complete. */
static void in_two_pieces(struct fvu *f, const struct msg *m, size_t at,
			  void *answer, size_t len)
{
	u32 request;

	memcpy(&request, m->buf, sizeof(request));
	send_part(f, m, 0, at);
	wait_until_read(f->fd);
	nothing_comes(f->fd, "the slave", 0);
	send_part(f, m, at, m->len);
	fvu_reply(f, request, answer, len);
}

static void in_all_pieces(struct fvu *f, const struct msg *m, size_t len)
{
	u8 answer[64];
	size_t at;

	for (at = 1; at < m->len; at++) {
		memset(answer, 0xff, sizeof(answer));
		in_two_pieces(f, m, at, answer, len);
		/* An ack is a good one. */
		if (len == 8 && m->buf[4] & VHOST_USER_NEED_REPLY)
			check_eq(0, answer[0]);
	}
}

static struct msg mem_table(struct fvu *f, unsigned int nr, size_t len)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r[10];
	} m = {
		.h = { .nregions = nr },
		.r = { { .guest_addr = FVU_GPA, .user_addr = FVU_GPA,
			 .size = FVU_MEM, .mmap_offset = FVU_HIDDEN } },
	};

	return make(VHOST_USER_SET_MEM_TABLE, VHOST_USER_NEED_REPLY, &m, len,
		    f->memfd);
}

TEST_F(framing, split_anywhere)
{
	struct fvu *f = &self->f;
	u64 features = FVU_FEATURES;
	struct { struct vhost_user_config_hdr h; u8 data[16]; } config = {
		.h = { .size = 16 },
	};
	struct msg m = make(VHOST_USER_GET_FEATURES, 0, NULL, 0, -1);

	in_all_pieces(f, &m, 8);
	m = make(VHOST_USER_SET_FEATURES, VHOST_USER_NEED_REPLY, &features, 8,
		 -1);
	in_all_pieces(f, &m, 8);
	m = mem_table(f, 1, 72);
	in_all_pieces(f, &m, 8);
	m = make(VHOST_USER_GET_CONFIG, 0, &config, sizeof(config), -1);
	in_all_pieces(f, &m, sizeof(config));
}

/* Those that change how much is received at a time. */
TEST_F(framing, split_kicks)
{
	struct fvu *f = &self->f;
	struct vhost_user_vring_state s = { 0 };
	struct msg m = make(VHOST_USER_VRING_KICK, VHOST_USER_NEED_REPLY, &s,
			    sizeof(s), -1);
	struct msg g = make(VHOST_USER_GET_FEATURES, 0, NULL, 0, -1);
	struct msg t;

	fvu_negotiate(f);
	fvu_queue(f, 0);
	in_all_pieces(f, &m, 8);
	in_all_pieces(f, &g, 8);
	in_all_pieces(f, &m, 8);
	t = mem_table(f, 1, 72);
	in_all_pieces(f, &t, 8);
	in_all_pieces(f, &m, 8);
}

TEST_F(framing, byte_by_byte)
{
	struct fvu *f = &self->f;
	struct msg m = mem_table(f, 1, 72);
	size_t i;
	u64 ack;

	for (i = 0; i < m.len; i++) {
		send_part(f, &m, i, i + 1);
		wait_until_read(f->fd);
	}
	fvu_reply(f, VHOST_USER_SET_MEM_TABLE, &ack, 8);
	check_eq(0, ack);
}

TEST_F(framing, several_in_one_piece)
{
	struct fvu *f = &self->f;
	struct msg a = make(VHOST_USER_GET_FEATURES, 0, NULL, 0, -1);
	struct msg b = make(VHOST_USER_GET_PROTOCOL_FEATURES, 0, NULL, 0, -1);
	u64 v = FVU_FEATURES;
	struct msg c = make(VHOST_USER_SET_FEATURES, VHOST_USER_NEED_REPLY, &v,
			    8, -1);
	u8 buf[256];
	size_t n = 0;
	int i;

	for (i = 0; i < 3; i++) {
		memcpy(buf + n, a.buf, a.len);
		n += a.len;
		memcpy(buf + n, c.buf, c.len);
		n += c.len;
		memcpy(buf + n, b.buf, b.len);
		n += b.len;
	}
	send_bytes(f->fd, buf, n, NULL, 0);
	for (i = 0; i < 3; i++) {
		fvu_reply(f, VHOST_USER_GET_FEATURES, &v, 8);
		fvu_acked(f, VHOST_USER_SET_FEATURES, 0);
		fvu_reply(f, VHOST_USER_GET_PROTOCOL_FEATURES, &v, 8);
	}
}

/* Their files are not mixed up, whatever is received at a time. */
TEST_F(framing, pipelined_with_files)
{
	struct fvu *f = &self->f;
	struct msg m = mem_table(f, 1, 72);
	int i, sv[2];
	u64 v;

	fvu_negotiate(f);
	fvu_queue(f, 0);
	for (i = 0; i < 3; i++) {
		/* After a kick a longer message is expected. */
		fvu_kick(f, 0);
		fvu_send(f, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
		send_bytes(f->fd, m.buf, m.len, &f->memfd, 1);
		fvu_send(f, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
		fvu_kicked(f);
		fvu_reply(f, VHOST_USER_GET_FEATURES, &v, 8);
		fvu_acked(f, VHOST_USER_SET_MEM_TABLE, 0);
		fvu_reply(f, VHOST_USER_GET_FEATURES, &v, 8);
	}
	/* Without an ack in between, and one with a file behind the other. */
	for (i = 0; i < 3; i++) {
		check(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
		send_bytes(f->fd, m.buf, m.len, &f->memfd, 1);
		fvu_send(f, VHOST_USER_SET_SLAVE_REQ_FD, VHOST_USER_NEED_REPLY,
			 NULL, 0, &sv[1], 1);
		fvu_acked(f, VHOST_USER_SET_MEM_TABLE, 0);
		fvu_acked(f, VHOST_USER_SET_SLAVE_REQ_FD, 0);
		close(f->slave);
		f->slave = sv[0];
		close(sv[1]);
	}
}

/* More room than regions, as UML has it; but not less. */
TEST_F(framing, sizes_of_a_memory_table)
{
	static const struct {
		unsigned int nr;
		size_t len;
		u64 ack;
	} t[] = {
		{ 1, 40, 0 }, { 1, 72, 0 }, { 1, 264, 0 }, { 1, 328, 0 },
		{ 1, 41, 0 }, { 1, 39, 1 }, { 1, 8, 1 }, { 1, 7, 1 },
		{ 1, 0, 1 }, { 2, 72, 1 }, { 0, 72, 1 }, { 9, 328, 1 },
		{ ~0u, 72, 1 }, { 0x10000001, 72, 1 }, { 1, 72, 0 },
	};
	struct fvu *f = &self->f;
	struct msg m;
	unsigned int i;
	u64 ack;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		m = mem_table(f, t[i].nr, t[i].len);
		send_part(f, &m, 0, m.len);
		fvu_reply(f, VHOST_USER_SET_MEM_TABLE, &ack, 8);
		if (ack != t[i].ack)
			fail("%u regions in %zu bytes: ack is %llu", t[i].nr,
			     t[i].len, (unsigned long long)ack);
		if (ack)
			umtt_says(&self->slave, "refused SET_MEM_TABLE");
	}
}

/*
 * Malformed ones end the session, and only that
 */

static void is_the_end(struct umtt *slave, struct fvu *f, const char *why)
{
	comes_to_an_end(f->fd, "the slave");
	umtt_says(slave, why);
	fvu_close(f);
	fvu_connect(f, path("a"));
	check(fvu_get(f, VHOST_USER_GET_FEATURES));
}

TEST_F(framing, flags)
{
	static const u32 bad[] = {
		0, 2, 3, VHOST_USER_VERSION | VHOST_USER_REPLY,
		VHOST_USER_VERSION | VHOST_USER_REPLY | VHOST_USER_NEED_REPLY,
		VHOST_USER_VERSION | 0x10, VHOST_USER_VERSION | 0x80000000,
	};
	struct msg m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		m = make(VHOST_USER_GET_FEATURES, 0, NULL, 0, -1);
		memcpy(m.buf + 4, &bad[i], 4);
		send_part(&self->f, &m, 0, m.len);
		is_the_end(&self->slave, &self->f, "sent a malformed message");
	}
}

TEST_F(framing, too_long)
{
	static const u32 size[] = { 4096 + 12 + 1, 0x10000, 0x7fffffff,
				    0x80000000, 0xffffffff };
	struct msg m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		m = make(VHOST_USER_GET_CONFIG, 0, NULL, 0, -1);
		memcpy(m.buf + 8, &size[i], 4);
		send_part(&self->f, &m, 0, m.len);
		is_the_end(&self->slave, &self->f,
			   "sent a message that is too long");
	}
}

/* The largest that is allowed is not too long. */
TEST_F(framing, longest)
{
	struct { struct vhost_user_config_hdr h; u8 data[4096]; } c = {
		.h = { .size = 4096 },
	}, r;
	struct msg m;

	m = make(VHOST_USER_GET_CONFIG, 0, &c, sizeof(c), -1);
	in_two_pieces(&self->f, &m, 12, &r, sizeof(r));
	check(!memcmp(r.data, "echo", 4));
	in_two_pieces(&self->f, &m, 2000, &r, sizeof(r));
	/* And many at a time, so that not all answers fit the socket. */
	{
		unsigned int i, n = 200;
		pid_t pid = fork();

		if (!pid) {
			for (i = 0; i < n; i++)
				send_part(&self->f, &m, 0, m.len);
			_exit(0);
		}
		sleep_ms(50);
		for (i = 0; i < n; i++) {
			memset(&r, 0xff, sizeof(r));
			fvu_reply(&self->f, VHOST_USER_GET_CONFIG, &r,
				  sizeof(r));
			check(!memcmp(r.data, "echo", 4) && !r.data[4095]);
		}
	}
}

TEST_F(framing, left_in_the_middle)
{
	struct msg m = mem_table(&self->f, 1, 72);
	size_t at[] = { 1, 11, 12, 13, 83 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		m.fd = self->f.memfd;
		send_part(&self->f, &m, 0, at[i]);
		shutdown(self->f.fd, SHUT_WR);
		is_the_end(&self->slave, &self->f,
			   "left in the middle of a message");
	}
}

static void sends_fds(struct fvu *f, u32 request, unsigned int n)
{
	int fds[253];
	unsigned int i;

	for (i = 0; i < n; i++)
		fds[i] = f->memfd;
	fvu_send(f, request, VHOST_USER_NEED_REPLY, NULL, 0, fds, n);
}

TEST_F(framing, stray_files_are_closed)
{
	struct umtt *u = &self->slave;
	struct fvu *f = &self->f;
	unsigned int before = umtt_fds(u), i;

	for (i = 0; i < 20; i++) {
		/* More than any message has. */
		sends_fds(f, VHOST_USER_SET_OWNER, 9 + 12 * i);
		is_the_end(u, f, "sent a malformed message");
		fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, FVU_INBAND, true);
		/* More than this one has. */
		sends_fds(f, VHOST_USER_SET_OWNER, 1 + i % 8);
		fvu_acked(f, VHOST_USER_SET_OWNER, 1);
		umtt_says(u, "refused SET_OWNER");
		sends_fds(f, VHOST_USER_SET_SLAVE_REQ_FD, 2 + i % 7);
		fvu_acked(f, VHOST_USER_SET_SLAVE_REQ_FD, 1);
		umtt_says(u, "refused SET_SLAVE_REQ_FD");
		/* On one that nobody knows. */
		sends_fds(f, 0x7fffffff, 3);
		fvu_acked(f, 0x7fffffff, 1);
		umtt_says(u, "refused ?");
		umtt_has_fds(u, before);
	}
	/* Of a message that never became whole. */
	send_bytes(f->fd, "\1", 1, &f->memfd, 1);
	wait_until_read(f->fd);
	shutdown(f->fd, SHUT_WR);
	is_the_end(u, f, "left in the middle of a message");
	umtt_has_fds(u, before);
}

/* Those of each byte of a message count. */
TEST_F(framing, files_on_later_bytes)
{
	struct fvu *f = &self->f;
	struct msg m = mem_table(f, 1, 72);
	u64 ack;

	m.fd = -1;
	send_part(f, &m, 0, 12);
	wait_until_read(f->fd);
	send_bytes(f->fd, m.buf + 12, m.len - 12, &f->memfd, 1);
	fvu_reply(f, VHOST_USER_SET_MEM_TABLE, &ack, 8);
	check_eq(0, ack);
	send_bytes(f->fd, m.buf, 12, &f->memfd, 1);
	wait_until_read(f->fd);
	send_bytes(f->fd, m.buf + 12, m.len - 12, &f->memfd, 1);
	fvu_reply(f, VHOST_USER_SET_MEM_TABLE, &ack, 8);
	check_eq(1, ack);
	umtt_says(&self->slave, "refused SET_MEM_TABLE");
}

TEST_HARNESS_MAIN
