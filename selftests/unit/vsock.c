// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* vsock: packets between guests, connections with the host, and bad drivers. */
#include <errno.h>
#include <linux/virtio_vsock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/base/prng.h"
#include "fake_bus.h"
#include "kselftest_harness.h"
#include "leaks.h"

extern const struct dev_ops vsock_dev_ops;

#define US	NSEC_PER_USEC
#define MS	(1000 * NSEC_PER_USEC)
#define HOST	2u
#define HDR	((u32)sizeof(struct virtio_vsock_hdr))
#define ALLOC	(256u * 1024)

enum { RX, TX, EVENT };
enum { NOTHING, REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE,
	CREDIT_REQUEST };

FIXTURE(vsock) {
	struct dev_bus *b;
	struct dev *d, *e;
	char dir[32], path[64], path5[64];
	int server, program;
};

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	strcpy(sa.sun_path, path);
	return sa;
}

static int serve(const char *path)
{
	struct sockaddr_un sa = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 300) < 0)
		abort();
	return fd;
}

static int dial(const char *path, const char *words)
{
	struct sockaddr_un sa = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    write(fd, words, strlen(words)) < 0)
		abort();
	return fd;
}

/* What a program reads, as a string; "" nothing, "(end)" the end; static */
static const char *reads(int fd)
{
	static char buf[200];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n == 0)
		return "(end)";
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

FIXTURE_SETUP(vsock)
{
	char spec[150];

	/* Programs of the test write to whom may have gone. */
	signal(SIGPIPE, SIG_IGN);
	self->b = fake_bus_new(1);
	strcpy(self->dir, "/tmp/umtt-vsock.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/u", self->dir);
	snprintf(self->path5, sizeof(self->path5), "%s/u_5", self->dir);
	snprintf(spec, sizeof(spec), "vsock,latency=7us,uds=%s", self->path);
	self->d = fake_dev_new(self->b, &vsock_dev_ops, spec, "d");
	self->e = fake_dev_new(self->b, &vsock_dev_ops,
			       "vsock,guest-cid=9,latency=9us", "e");
	ASSERT_NE(NULL, self->d);
	ASSERT_NE(NULL, self->e);
	fake_dev_connect(self->d, 0);
	fake_dev_connect(self->e, 0);
	self->server = serve(self->path5);
	self->program = -1;
}

FIXTURE_TEARDOWN(vsock)
{
	char cmd[64];

	fake_bus_free(self->b);
	close(self->server);
	if (self->program >= 0)
		close(self->program);
	snprintf(cmd, sizeof(cmd), "rm -r %s", self->dir);
	signal(SIGPIPE, SIG_DFL);
	EXPECT_EQ(0, system(cmd));
	EXPECT_EQ(0, leaks());
}

/* The driver */

static void room(struct dev *d, unsigned int n, u32 len)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fake_offer(d, RX, i, 0, len);
	fake_dev_kick(d, RX);
}

static void send_hdr(struct dev *d, const struct virtio_vsock_hdr *h,
		     const char *data, u32 out_len)
{
	u32 len;

	memcpy(fake_out(d, TX, 0), h, sizeof(*h));
	if (data)
		memcpy(fake_out(d, TX, 0) + HDR, data, strlen(data));
	fake_offer(d, TX, 0, out_len, 0);
	fake_dev_kick(d, TX);
	if (fake_take(d, TX, &len) != 0 || len)
		abort();
}

/* From port 100 of the guest @cid to port 5 of @to */
static void send_op(struct dev *d, u64 cid, u64 to, u16 op, const char *data)
{
	struct virtio_vsock_hdr h = {
		.src_cid = cid, .dst_cid = to, .src_port = 100, .dst_port = 5,
		.type = VIRTIO_VSOCK_TYPE_STREAM, .op = op, .buf_alloc = 1000,
		.len = data ? (u32)strlen(data) : 0,
	};

	send_hdr(d, &h, data, HDR + h.len);
}

static void to_host(struct dev *d, u16 op, const char *data)
{
	send_op(d, 3, HOST, op, data);
}

/* The next packet that has come, as "OP SRC_CID:PORT>PORT [DATA]"; static */
static const char *got(struct dev *d)
{
	static char buf[FAKE_SLOT_BYTES + 100];
	struct virtio_vsock_hdr h;
	u32 len;
	int slot = fake_take(d, RX, &len);

	if (slot < 0)
		return "";
	if (len < HDR)
		return "(short)";
	memcpy(&h, fake_in(d, RX, (unsigned int)slot), sizeof(h));
	if (h.len + HDR != len)
		return "(wrong length)";
	sprintf(buf, "%u %u:%u>%u%s%.*s", h.op, (u32)h.src_cid, h.src_port,
		h.dst_port, h.len ? " " : "", (int)h.len,
		fake_in(d, RX, (unsigned int)slot) + HDR);
	return buf;
}

/* Resets of the transport */

/* The events that have come, each being a reset; -1: another one */
static int resets(struct dev *d)
{
	u32 id, len;
	int slot, n = 0;

	while ((slot = fake_take(d, EVENT, &len)) >= 0) {
		memcpy(&id, fake_in(d, EVENT, (unsigned int)slot), sizeof(id));
		if (!len)
			continue;
		n = id || len != sizeof(id) ? -1 : n + 1;
	}
	return n;
}

static void event_room(struct dev *d, unsigned int slot, u32 len)
{
	memset(fake_in(d, EVENT, slot), 0xff, 4);
	fake_offer(d, EVENT, slot, 0, len);
	fake_dev_kick(d, EVENT);
}

static struct dev *make_reset(struct dev_bus *b, const char *options,
			      const char *path)
{
	char spec[200];
	struct dev *d;

	snprintf(spec, sizeof(spec), "vsock,guest-cid=20,latency=7us,%s,uds=%s-r",
		 options, path);
	d = fake_dev_new(b, &vsock_dev_ops, spec, "r");
	if (!d)
		abort();
	fake_dev_connect(d, 0);
	return d;
}

TEST_F(vsock, transport_resets)
{
	struct dev *d = make_reset(self->b, "reset=5us/9us@21/20us", self->path);
	const struct virtio_vsock_config *c = dev_config(d);
	char path[100];

	snprintf(path, sizeof(path), "%s-r_5", self->path);
	close(self->server);
	self->server = serve(path);
	room(d, 4, 200);
	room(self->e, 4, 200);
	event_room(d, 0, 4);
	event_room(d, 1, 4);
	send_op(d, 20, HOST, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(d));
	self->program = accept(self->server, NULL, NULL);
	send_op(d, 20, HOST, RW, "hi");
	EXPECT_STREQ("hi", reads(self->program));
	send_op(d, 20, 9, REQUEST, NULL);
	fake_bus_run_until(self->b, 5 * US - 1);
	EXPECT_EQ(0, resets(d));
	EXPECT_STREQ("", reads(self->program));
	fake_bus_run_until(self->b, 5 * US);
	EXPECT_EQ(1, resets(d));
	EXPECT_STREQ("(end)", reads(self->program));
	EXPECT_EQ(20, c->guest_cid);
	/* What was under way never arrives; what is sent now is unknown. */
	fake_bus_run_until(self->b, 8 * US);
	EXPECT_STREQ("", got(self->e));
	send_op(d, 20, HOST, RW, "more");
	EXPECT_STREQ("3 2:5>100", got(d));
	fake_bus_run_until(self->b, 9 * US);
	EXPECT_EQ(1, resets(d));
	EXPECT_EQ(21, c->guest_cid);
	send_op(d, 20, HOST, REQUEST, NULL);
	EXPECT_EQ(1, fake_dev_stat(d, "malformed"));
	send_op(d, 21, HOST, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(d));
	send_op(self->e, 9, 20, REQUEST, NULL);
	EXPECT_STREQ("3 20:5>100", got(self->e));
	/* There is no buffer for it; then it comes once. */
	fake_bus_run_until(self->b, 30 * US);
	EXPECT_EQ(3, fake_dev_stat(d, "resets"));
	event_room(d, 0, 3);
	EXPECT_EQ(0, resets(d));
	event_room(d, 1, 4);
	event_room(d, 2, 4);
	EXPECT_EQ(1, resets(d));
}

/* A packet of another guest, queued before and not taken, is not for after it. */
TEST_F(vsock, reset_with_a_full_queue)
{
	struct dev *d = make_reset(self->b, "reset=20us", self->path);

	event_room(d, 0, 4);
	send_op(self->e, 9, 20, RW, "old");
	fake_bus_run_until(self->b, 15 * US);
	send_op(self->e, 9, 20, RW, "new");
	fake_bus_run_until(self->b, 30 * US);
	EXPECT_EQ(1, resets(d));
	room(d, 2, 200);
	EXPECT_STREQ("5 9:100>5 new", got(d));
	EXPECT_STREQ("", got(d));
}

TEST_F(vsock, reset_without_a_driver)
{
	struct dev *d = make_reset(self->b, "reset=5us@30/10us@9", self->path);
	const struct virtio_vsock_config *c = dev_config(d);

	fake_dev_disconnect(d);
	fake_bus_run_until(self->b, 7 * US);
	EXPECT_EQ(30, c->guest_cid);
	fake_dev_connect(d, 0);
	event_room(d, 0, 4);
	EXPECT_EQ(0, resets(d));
	/* That CID is another one's. */
	fake_bus_run_until(self->b, 11 * US);
	EXPECT_EQ(1, resets(d));
	EXPECT_EQ(30, c->guest_cid);
	/* A driver that goes has nothing to be told any more. */
	fake_dev_disconnect(d);
	fake_dev_connect(d, 0);
	event_room(d, 0, 4);
	EXPECT_EQ(0, resets(d));
}

/* Between guests */

TEST_F(vsock, packets_take_the_latency_of_who_sends)
{
	room(self->d, 4, 200);
	room(self->e, 4, 200);
	send_op(self->d, 3, 9, REQUEST, NULL);
	send_op(self->d, 3, 9, RW, "data");
	EXPECT_STREQ("", got(self->e));
	fake_bus_run_until(self->b, 7 * US - 1);
	EXPECT_STREQ("", got(self->e));
	fake_bus_run_until(self->b, 7 * US);
	EXPECT_STREQ("1 3:100>5", got(self->e));
	EXPECT_STREQ("5 3:100>5 data", got(self->e));
	send_op(self->e, 9, 3, RESPONSE, NULL);
	fake_bus_run_until(self->b, 16 * US - 1);
	EXPECT_STREQ("", got(self->d));
	fake_bus_run_until(self->b, 16 * US);
	EXPECT_STREQ("2 9:100>5", got(self->d));
}

TEST_F(vsock, large_packets_come_in_pieces)
{
	room(self->e, 2, HDR + 3);
	send_op(self->d, 3, 9, RW, "12345678");
	fake_bus_run_until(self->b, 7 * US);
	EXPECT_STREQ("5 3:100>5 123", got(self->e));
	EXPECT_STREQ("5 3:100>5 456", got(self->e));
	EXPECT_STREQ("", got(self->e));
	room(self->e, 2, HDR + 3);
	EXPECT_STREQ("5 3:100>5 78", got(self->e));
	EXPECT_STREQ("", got(self->e));
}

TEST_F(vsock, only_the_last_piece_ends_a_message)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = 9, .type = VIRTIO_VSOCK_TYPE_SEQPACKET,
		.op = RW, .flags = VIRTIO_VSOCK_SEQ_EOM, .len = 4,
	};

	room(self->e, 2, HDR + 3);
	send_hdr(self->d, &h, "1234", HDR + 4);
	fake_bus_run_until(self->b, 7 * US);
	memcpy(&h, fake_in(self->e, RX, 0), sizeof(h));
	EXPECT_EQ(0, h.flags);
	memcpy(&h, fake_in(self->e, RX, 1), sizeof(h));
	EXPECT_EQ(VIRTIO_VSOCK_SEQ_EOM, h.flags);
}

TEST_F(vsock, nobody_there)
{
	room(self->d, 4, 200);
	send_op(self->d, 3, 77, REQUEST, NULL);
	EXPECT_STREQ("3 77:5>100", got(self->d));
	/* A reset is not answered. */
	send_op(self->d, 3, 77, RST, NULL);
	EXPECT_STREQ("", got(self->d));
	fake_dev_disconnect(self->e);
	send_op(self->d, 3, 9, REQUEST, NULL);
	fake_bus_run_until(self->b, 7 * US);
	EXPECT_STREQ("3 9:5>100", got(self->d));
}

TEST_F(vsock, malformed)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = 9, .src_port = 1, .dst_port = 2,
		.type = 1, .op = RW, .len = 10,
	}, x;
	u32 i;

	room(self->d, 20, 200);
	room(self->e, 20, 200);
	for (i = 0; i < HDR; i += 7)
		send_hdr(self->d, &h, NULL, i);
	send_hdr(self->d, &h, NULL, HDR + 9);
	x = h;
	x.len = UINT32_MAX;
	send_hdr(self->d, &x, NULL, HDR + 100);
	x = h;
	x.src_cid = 9;
	send_hdr(self->d, &x, NULL, HDR + 10);
	x.src_cid = HOST;
	send_hdr(self->d, &x, NULL, HDR + 10);
	x = h;
	x.op = REQUEST;
	send_hdr(self->d, &x, NULL, HDR + 10);
	EXPECT_STREQ("", got(self->d));
	x.len = 0;
	x.op = 0;
	send_hdr(self->d, &x, NULL, HDR);
	EXPECT_STREQ("3 9:2>1", got(self->d));
	x.op = 8;
	send_hdr(self->d, &x, NULL, HDR);
	EXPECT_STREQ("3 9:2>1", got(self->d));
	x = h;
	x.type = 3;
	send_hdr(self->d, &x, NULL, HDR + 10);
	EXPECT_STREQ("3 9:2>1", got(self->d));
	fake_bus_run_until(self->b, MS);
	EXPECT_STREQ("", got(self->e));
	EXPECT_EQ(15, fake_dev_stat(self->d, "malformed"));
	send_op(self->e, 9, 77, REQUEST, NULL);
	EXPECT_STREQ("3 77:5>100", got(self->e));
}

TEST_F(vsock, buffers_that_are_too_small)
{
	room(self->e, 3, HDR - 1);
	fake_offer(self->e, RX, 3, 0, HDR);
	fake_offer(self->e, RX, 4, 0, HDR + 1);
	send_op(self->d, 3, 9, RW, "x");
	fake_bus_run_until(self->b, 7 * US);
	EXPECT_STREQ("(short)", got(self->e));
	EXPECT_STREQ("(short)", got(self->e));
	EXPECT_STREQ("(short)", got(self->e));
	EXPECT_STREQ("(short)", got(self->e));
	EXPECT_STREQ("5 3:100>5 x", got(self->e));
	EXPECT_EQ(4, fake_dev_stat(self->e, "no_room"));
}

/* A guest that takes nothing does not cost memory without end. */
TEST_F(vsock, flood)
{
	char data[4001];
	int i;

	memset(data, 'x', sizeof(data));
	data[4000] = '\0';
	fake_dev_kick(self->e, RX);
	for (i = 0; i < 10000; i++)
		send_op(self->d, 3, 9, RW, data);
	fake_bus_run_until(self->b, MS);
	EXPECT_NE(0, fake_dev_stat(self->d, "overflow"));
	for (i = 0; i < 3000; i++) {
		send_op(self->d, 3, 9, RW, data);
		fake_bus_run_until(self->b, dev_bus_now(self->b) + 7 * US);
	}
	EXPECT_NE(0, fake_dev_stat(self->e, "overflow"));
	for (i = 0; i < 100000; i++)
		send_op(self->d, 3, 77, REQUEST, NULL);
	room(self->d, 1, 200);
	EXPECT_STREQ("3 9:5>100", got(self->d));
}

TEST_F(vsock, suspended)
{
	room(self->e, 4, 200);
	fake_dev_suspend(self->e, RX);
	send_op(self->d, 3, 9, RW, "data");
	fake_bus_run_until(self->b, MS);
	EXPECT_STREQ("", got(self->e));
	fake_dev_resume(self->e, RX);
	fake_dev_kick(self->e, RX);
	EXPECT_STREQ("5 3:100>5 data", got(self->e));
}

/* The host */

static int accepted(int server)
{
	return accept(server, NULL, NULL);
}

TEST_F(vsock, guest_connects_to_the_host)
{
	room(self->d, 20, 200);
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	self->program = accepted(self->server);
	to_host(self->d, RW, "question");
	EXPECT_STREQ("question", reads(self->program));
	EXPECT_EQ(6, write(self->program, "answer", 6));
	EXPECT_STREQ("", got(self->d));
	fake_bus_step(self->b);
	EXPECT_EQ(MS, dev_bus_now(self->b));
	EXPECT_STREQ("5 2:5>100 answer", got(self->d));
	to_host(self->d, CREDIT_REQUEST, NULL);
	EXPECT_STREQ("6 2:5>100", got(self->d));
	to_host(self->d, SHUTDOWN, NULL);
	EXPECT_STREQ("", got(self->d));
	close(self->program);
	self->program = -1;
	fake_bus_step(self->b);
	EXPECT_STREQ("4 2:5>100", got(self->d));
	to_host(self->d, RST, NULL);
	EXPECT_EQ(0, fake_dev_stat(self->d, "connections"));
	EXPECT_STREQ("", got(self->d));
}

TEST_F(vsock, nobody_listens)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = HOST, .src_port = 100, .dst_port = 6,
		.type = 1, .op = REQUEST,
	};

	room(self->d, 20, 200);
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("3 2:6>100", got(self->d));
	/* Messages of the guest have no bounds in a stream. */
	h.dst_port = 5;
	h.type = 2;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("3 2:5>100", got(self->d));
	/* And a guest without uds= has no host. */
	room(self->e, 1, 200);
	send_op(self->e, 9, HOST, REQUEST, NULL);
	EXPECT_STREQ("3 2:5>100", got(self->e));
}

TEST_F(vsock, packets_out_of_turn)
{
	static const u16 ops[] = { RESPONSE, SHUTDOWN, RW, CREDIT_UPDATE,
				   CREDIT_REQUEST };
	size_t i;

	room(self->d, 20, 200);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		to_host(self->d, ops[i], NULL);
		EXPECT_STREQ("3 2:5>100", got(self->d));
	}
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("3 2:5>100", got(self->d));
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	to_host(self->d, RESPONSE, NULL);
	EXPECT_STREQ("3 2:5>100", got(self->d));
	EXPECT_EQ(0, fake_dev_stat(self->d, "connections"));
}

TEST_F(vsock, guest_closes)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = HOST, .src_port = 100, .dst_port = 5,
		.type = 1, .op = SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_SEND,
	};

	room(self->d, 20, 200);
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	self->program = accepted(self->server);
	to_host(self->d, RW, "last");
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("last", reads(self->program));
	EXPECT_STREQ("(end)", reads(self->program));
	EXPECT_STREQ("", got(self->d));
	h.flags = 3;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("3 2:5>100", got(self->d));
	EXPECT_EQ(0, fake_dev_stat(self->d, "connections"));
}

/* It sends on, though the program takes nothing. */
TEST_F(vsock, credit_of_the_guest)
{
	char data[4001];
	int i;

	memset(data, 'x', sizeof(data));
	data[4000] = '\0';
	room(self->d, 20, 200);
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	self->program = accepted(self->server);
	for (i = 0; i < 1000 && fake_dev_stat(self->d, "connections"); i++)
		to_host(self->d, RW, data);
	EXPECT_LT(i, 1000);
	EXPECT_LT((int)ALLOC / 4000, i);
	EXPECT_EQ(1, fake_dev_stat(self->d, "violations"));
}

/* No more than it has room for: 1000 bytes; or less, when it lies. */
TEST_F(vsock, credit_of_the_host)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = HOST, .src_port = 100, .dst_port = 5,
		.type = 1, .op = CREDIT_UPDATE, .buf_alloc = 1000,
	};
	char data[3000] = { 0 };
	u32 len;

	memset(data, 'x', sizeof(data));
	room(self->d, 20, 4000);
	to_host(self->d, REQUEST, NULL);
	EXPECT_STREQ("2 2:5>100", got(self->d));
	self->program = accepted(self->server);
	EXPECT_EQ(3000, write(self->program, data, 3000));
	fake_bus_step(self->b);
	fake_bus_step(self->b);
	EXPECT_EQ(1, fake_take(self->d, RX, &len));
	EXPECT_EQ(HDR + 1000, len);
	EXPECT_STREQ("", got(self->d));
	h.fwd_cnt = 300;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_EQ(2, fake_take(self->d, RX, &len));
	EXPECT_EQ(HDR + 300, len);
	h.fwd_cnt = 5000;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("", got(self->d));
	h.fwd_cnt = 1300;
	h.buf_alloc = UINT32_MAX;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_EQ(3, fake_take(self->d, RX, &len));
	EXPECT_EQ(HDR + 1700, len);
}

TEST_F(vsock, program_connects_to_the_guest)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = HOST, .src_port = 1234,
		.dst_port = 0x40000000, .type = 1, .op = RESPONSE,
		.buf_alloc = 1000,
	};

	room(self->d, 20, 200);
	self->program = dial(self->path, "CONNECT 1234\nhello");
	fake_bus_step(self->b);
	EXPECT_STREQ("1 2:1073741824>1234", got(self->d));
	EXPECT_STREQ("", got(self->d));
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("OK 1073741824\n", reads(self->program));
	EXPECT_STREQ("5 2:1073741824>1234 hello", got(self->d));
	h.op = RW;
	h.len = 2;
	send_hdr(self->d, &h, "hi", HDR + 2);
	EXPECT_STREQ("hi", reads(self->program));
	h.op = RST;
	h.len = 0;
	send_hdr(self->d, &h, NULL, HDR);
	EXPECT_STREQ("(end)", reads(self->program));
}

TEST_F(vsock, programs_that_say_something_else)
{
	static const char *const bad[] = {
		"CONNECT\n", "CONNECT x\n", "CONNECT -1\n", "CONNECT 1 \n",
		"CONNECT 4294967296\n", "connect 1\n", "\n",
		"CONNECT 000000000000000000000000000000000001\n",
	};
	size_t i;
	int fd;

	room(self->d, 20, 200);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fd = dial(self->path, bad[i]);
		fake_bus_step(self->b);
		recv(fd, (char [100]){ 0 }, 100, MSG_DONTWAIT);
		EXPECT_EQ((int)i + 1, fake_dev_stat(self->d, "refused"));
		close(fd);
	}
	EXPECT_STREQ("", got(self->d));
	EXPECT_EQ(0, fake_dev_stat(self->d, "connections"));
}

TEST_F(vsock, too_many_connections)
{
	struct virtio_vsock_hdr h = {
		.src_cid = 3, .dst_cid = HOST, .dst_port = 5, .type = 1,
		.op = REQUEST,
	};

	for (h.src_port = 0; h.src_port < 280; h.src_port++)
		send_hdr(self->d, &h, NULL, HDR);
	EXPECT_EQ(256, fake_dev_stat(self->d, "connections"));
	EXPECT_EQ(24, fake_dev_stat(self->d, "refused"));
	fake_dev_disconnect(self->d);
	EXPECT_EQ(0, fake_dev_stat(self->d, "connections"));
}

TEST_F(vsock, time_stands_for_an_answer)
{
	char spec[150], dir2[80];
	struct dev *d;

	snprintf(dir2, sizeof(dir2), "%s/v", self->dir);
	snprintf(spec, sizeof(spec), "vsock,uds=%s,wait=1s,poll=1h,wait-after=3us",
		 dir2);
	d = fake_dev_new(self->b, &vsock_dev_ops, spec, "f");
	ASSERT_NE(NULL, d);
	fake_dev_connect(d, 0);
	close(self->server);
	strcat(dir2, "_5");
	self->server = serve(dir2);
	room(d, 20, 200);
	send_op(d, 4, HOST, REQUEST, NULL);
	self->program = accepted(self->server);
	EXPECT_STREQ("2 2:5>100", got(d));
	EXPECT_FALSE(fake_sock_ready());
	send_op(d, 4, HOST, RW, "a");
	fake_bus_run_until(self->b, 2 * US);
	send_op(d, 4, HOST, RW, "b");
	fake_bus_run_until(self->b, 5 * US - 1);
	EXPECT_FALSE(fake_sock_ready());
	fake_bus_run_until(self->b, 5 * US);
	EXPECT_STREQ("ab", reads(self->program));
	EXPECT_EQ(1, write(self->program, "c", 1));
	EXPECT_STREQ("", got(d));
	EXPECT_TRUE(fake_sock_ready());
	EXPECT_STREQ("5 2:5>100 c", got(d));
	EXPECT_EQ(5 * US, dev_bus_now(self->b));
}

/* Whatever a driver sends: mostly sensible, and each field wrong at times. */
static void random_header(struct prng *r, struct virtio_vsock_hdr *h)
{
	static const u64 cids[] = { 3, HOST, 9, 77, 0, U64_MAX };
	u8 *bytes = (u8 *)h;

	*h = (struct virtio_vsock_hdr){
		.src_cid = 3, .dst_cid = cids[prng_next(r) % 6 / (1 + prng_next(r) % 3)],
		.src_port = (u32)(prng_next(r) % 4), .dst_port = 5,
		.type = 1, .op = (u16)(prng_next(r) % 9),
		.flags = (u32)(prng_next(r) % 4),
		.buf_alloc = (u32)(prng_next(r) % 5000),
		.fwd_cnt = (u32)(prng_next(r) % 3000),
	};
	if (h->op == RW)
		h->len = (u32)(prng_next(r) % 3000);
	if (prng_next(r) % 8 == 0)
		bytes[prng_next(r) % sizeof(*h)] = (u8)prng_next(r);
}

static void one_random_step(struct dev_bus *b, struct dev *d, struct prng *r)
{
	struct virtio_vsock_hdr h;
	u32 i, len;

	switch (prng_next(r) % 16) {
	case 0:
		fake_bus_run_until(b, dev_bus_now(b) + prng_next(r) % MS);
		break;
	case 1:
		fake_dev_suspend(d, RX);
		fake_dev_resume(d, RX);
		break;
	case 2:
		if (prng_next(r) % 50)
			break;
		fake_dev_disconnect(d);
		fake_dev_connect(d, 0);
		break;
	case 3:
	case 4:
		while (fake_take(d, RX, &len) >= 0)
			;
		for (i = 0; i < 8; i++)
			fake_offer(d, RX, i, 0, (u32)(prng_next(r) % 300));
		fake_dev_kick(d, RX);
		while (fake_take(d, RX, &len) >= 0)
			;
		/* Those that were not used are not offered twice. */
		fake_dev_disconnect(d);
		fake_dev_connect(d, 0);
		break;
	default:
		random_header(r, &h);
		send_hdr(d, &h, NULL, HDR + (u32)(prng_next(r) % 4000));
		break;
	}
}

TEST_F(vsock, any_driver)
{
	struct prng r;
	int i, fd = -1;

	prng_seed(&r, 1, "driver");
	for (i = 0; i < 30000; i++) {
		one_random_step(self->b, self->d, &r);
		/* And programs that come, say something, and go */
		if (i % 64 == 0) {
			if (fd >= 0)
				close(fd);
			fd = accept4(self->server, NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0 && i % 128)
				(void)!write(fd, self->dir, sizeof(self->dir));
		}
		if (i % 1000 == 0) {
			close(self->program);
			self->program = dial(self->path, "CONNECT 1\nwords");
		}
	}
	if (fd >= 0)
		close(fd);
	EXPECT_GT(256 + 1, fake_dev_stat(self->d, "connections"));
}

TEST_F(vsock, options)
{
	static const char *const bad[] = {
		"vsock,guest-cid=2", "vsock,guest-cid=4294967295",
		"vsock,guest-cid=9", "vsock,guest-cid=x", "vsock,latency=x",
		"vsock,uds=/tmp/none/u", "vsock,uds=/tmp/none/u,poll=0",
		"vsock,poll=1ms",
	};
	size_t i;

	EXPECT_EQ(3, *(u64 *)dev_config(self->d));
	EXPECT_EQ(9, *(u64 *)dev_config(self->e));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, fake_dev_new(self->b, &vsock_dev_ops, bad[i],
					     "g"));
}

TEST_HARNESS_MAIN
