// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The host's end of a vsock: connections between a guest and UNIX sockets. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vsock.h"

/*
 * DOC: Theory of operation
 *
 * A guest that connects to port P of the host is connected to the socket
 * PATH_P. A program that connects to PATH, and says "CONNECT P\n", is connected
 * to port P of the guest, and told "OK" and its own port.
 *
 * Programs live in real time. What they have sent is looked at at multiples of
 * poll= of simulated time, while there is somebody to look at. With wait= time
 * stands, a moment after the guest has sent something, until its program has
 * answered: what has been asked for so is there at an instant that follows from
 * the guest alone. All that there is then is passed on in this instant.
 *
 * Credit: what the guest sends and the program does not take is kept, up to
 * BUF_ALLOC bytes for a connection; only what the program has taken counts as
 * consumed. A guest that sends more loses its connection. It gets no more than
 * it says that it has room for.
 */

#define BUF_ALLOC	(256u * 1024)
#define MAX_CONNS	256u
#define FIRST_PORT	0x40000000u
#define MAX_WORDS	32u		/* of "CONNECT 4294967295\n" */

/**
 * enum state - of a connection
 * @ASKED: a program has connected, and has not said to which port
 * @CALLING: the guest has been asked
 * @UP: it goes both ways
 */
enum state { ASKED, CALLING, UP };

/**
 * struct conn - a connection
 * @port, @guest_port: the host's and the guest's
 * @words, @nr_words: what a program has said that is ASKED
 * @out, @out_len: what the guest has sent and the program has not taken
 * @fwd_cnt, @told: consumed of what the guest has sent, and what it knows of that
 * @tx_cnt: bytes sent to the guest; it has room for @peer_alloc, and has
 *	consumed @peer_fwd
 * @ended: the program sends no more; @guest_ended: nor the guest, which does
 *	not receive either if @guest_closed
 * @wait_timer: armed while the guest waits for an answer
 */
struct conn {
	TAILQ_ENTRY(conn) entry;
	struct vsock_host *h;
	struct dev_sock *s;
	enum state state;
	u32 port, guest_port;
	char words[MAX_WORDS];
	size_t nr_words;
	u8 *out;
	size_t out_len;
	u32 fwd_cnt, told, tx_cnt, peer_alloc, peer_fwd;
	bool ended, guest_ended, guest_closed;
	struct dev_timer wait_timer;
};

/** struct vsock_host - the host, as the guest of @v sees it */
struct vsock_host {
	struct vsock *v;
	const char *path;
	u64 poll, wait, wait_after;
	struct dev_listener *listener;
	struct dev_timer timer;
	TAILQ_HEAD(, conn) conns;
	unsigned int nr;
	u32 next_port;
	u64 accepted, connected, refused, violations;
};

/* Packets for the guest */

static void send_op(struct conn *c, u16 op, u32 flags, const void *data,
		    size_t len)
{
	struct virtio_vsock_hdr h = {
		.src_port = htole32(c->port), .dst_port = htole32(c->guest_port),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(op),
		.flags = htole32(flags), .buf_alloc = htole32(BUF_ALLOC),
		.fwd_cnt = htole32(c->fwd_cnt),
	};

	c->told = c->fwd_cnt;
	vsock_send(c->h->v, VSOCK_HOST, &h, data, len);
}

/* Life of connections */

static struct conn *find_conn(struct vsock_host *h, u32 port, u32 guest_port)
{
	struct conn *c;

	TAILQ_FOREACH(c, &h->conns, entry)
		if (c->state != ASKED && c->port == port &&
		    c->guest_port == guest_port)
			return c;
	return NULL;
}

static void end_conn(struct conn *c)
{
	TAILQ_REMOVE(&c->h->conns, c, entry);
	c->h->nr--;
	dev_timer_cancel(&c->wait_timer);
	dev_sock_close(c->s);
	free(c->out);
	free(c);
}

static void break_conn(struct conn *c)
{
	send_op(c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
	end_conn(c);
}

static void answer_due(struct dev_timer *t);

/* @s is taken over, also if there is no room for it: then it is NULL. */
static struct conn *new_conn(struct vsock_host *h, struct dev_sock *s)
{
	struct conn *c = h->nr < MAX_CONNS ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		dev_sock_close(s);
		h->refused++;
		return NULL;
	}
	c->h = h;
	c->s = s;
	dev_timer_init(&c->wait_timer, dev_bus(h->v->dev), answer_due);
	TAILQ_INSERT_TAIL(&h->conns, c, entry);
	h->nr++;
	return c;
}

/* From the guest to the program */

static bool store(struct conn *c, const u8 *data, size_t len)
{
	u8 *out = len ? realloc(c->out, c->out_len + len) : NULL;

	if (!out)
		return !len;
	memcpy(out + c->out_len, data, len);
	c->out = out;
	c->out_len += len;
	return true;
}

/* Return: bytes that the program's socket has taken; -errno: it is of no use */
static ssize_t give(struct conn *c, const u8 *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = dev_sock_send(c->s, data + done, len - done);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return n;
		done += (size_t)n;
	}
	c->fwd_cnt += (u32)done;
	return (ssize_t)done;
}

/* The guest must not wait for room of which it has not been told. */
static void tell_credit(struct conn *c)
{
	if (c->fwd_cnt - c->told >= BUF_ALLOC / 4)
		send_op(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
}

/* False: the connection is gone. */
static bool flush(struct conn *c)
{
	ssize_t n = c->out_len ? give(c, c->out, c->out_len) : 0;

	if (n > 0) {
		c->out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->out_len);
		tell_credit(c);
	}
	/* It has closed its socket, and waits to hear that we have, too. */
	if (n < 0 || (c->guest_closed && !c->out_len)) {
		break_conn(c);
		return false;
	}
	if (!c->out_len && c->guest_ended)
		dev_sock_shutdown(c->s);
	return true;
}

static void got_data(struct conn *c, const u8 *data, size_t len)
{
	ssize_t n = 0;

	if (c->guest_ended || c->out_len + len > BUF_ALLOC) {
		c->h->violations++;
		break_conn(c);
		return;
	}
	if (!c->out_len)
		n = give(c, data, len);
	if (n < 0 || !store(c, data + n, len - (size_t)n)) {
		break_conn(c);
		return;
	}
	tell_credit(c);
	if (c->h->wait)
		dev_timer_arm(&c->wait_timer,
			      dev_now(c->h->v->dev) + c->h->wait_after);
}

static void got_shutdown(struct conn *c, u32 flags)
{
	const u32 both = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;

	if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
		c->guest_ended = true;
	if ((flags & both) == both)
		c->guest_closed = true;
	flush(c);
}

/* From the program to the guest */

static size_t credit(const struct conn *c)
{
	u32 used = c->tx_cnt - c->peer_fwd;

	/* Who says that it has consumed what was never sent has no room. */
	return used < c->peer_alloc ? c->peer_alloc - used : 0;
}

/* False: the connection is gone. */
static bool fetch(struct conn *c)
{
	u8 buf[4096];
	size_t max;
	ssize_t n;

	while (!c->ended) {
		max = min_size(min_size(credit(c), vsock_room(c->h->v)),
			       sizeof(buf));
		if (!max)
			return true;
		n = dev_sock_recv(c->s, buf, max);
		if (n == -EAGAIN)
			return true;
		if (n < 0) {
			break_conn(c);
			return false;
		}
		if (!n) {
			c->ended = true;
			send_op(c, VIRTIO_VSOCK_OP_SHUTDOWN,
				VIRTIO_VSOCK_SHUTDOWN_SEND, NULL, 0);
			break;
		}
		c->tx_cnt += (u32)n;
		send_op(c, VIRTIO_VSOCK_OP_RW, 0, buf, (size_t)n);
	}
	return true;
}

static void answered(void *owner)
{
	struct conn *c = owner;

	if (flush(c))
		fetch(c);
}

static void answer_due(struct dev_timer *t)
{
	struct conn *c = container_of(t, struct conn, wait_timer);

	if (flush(c) && !c->ended)
		dev_sock_wait(c->s, c->h->wait, answered, c);
}

/* Programs that connect */

static void call_guest(struct conn *c, u32 guest_port)
{
	c->guest_port = guest_port;
	do {
		if (c->h->next_port < FIRST_PORT)
			c->h->next_port = FIRST_PORT;
		c->port = c->h->next_port++;
	} while (find_conn(c->h, c->port, guest_port));
	c->state = CALLING;
	send_op(c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
}

/* The port in "CONNECT PORT\n"; -1: it is something else */
static s64 asked_port(const char *words)
{
	unsigned long long port;
	char end;

	if (strncmp(words, "CONNECT ", 8) || words[8] < '0' || words[8] > '9' ||
	    sscanf(words + 8, "%10llu%c", &port, &end) != 2 || end != '\n' ||
	    port > UINT32_MAX)
		return -1;
	return (s64)port;
}

/* A byte at a time: what follows the line is for the guest. */
static void listen_to(struct conn *c)
{
	ssize_t n;
	s64 port;

	while ((n = dev_sock_recv(c->s, c->words + c->nr_words, 1)) == 1) {
		if (c->words[c->nr_words++] == '\n') {
			port = asked_port(c->words);
			if (port < 0)
				break;
			call_guest(c, (u32)port);
			return;
		}
		if (c->nr_words == MAX_WORDS - 1)
			break;
	}
	if (n == -EAGAIN)
		return;
	c->h->refused++;
	end_conn(c);
}

static void is_up(struct conn *c)
{
	char ok[32];
	int len = snprintf(ok, sizeof(ok), "OK %" PRIu32 "\n", c->port);

	c->state = UP;
	c->h->accepted++;
	/* A socket that is new has room for that. */
	if (dev_sock_send(c->s, ok, (size_t)len) == len)
		fetch(c);
	else
		break_conn(c);
}

/* The guest connects */

static void got_request(struct vsock_host *h,
			const struct virtio_vsock_hdr *hdr)
{
	u32 port = le32toh(hdr->dst_port);
	struct dev_sock *s = NULL;
	struct conn *c = NULL;
	char *path;

	if (le16toh(hdr->type) == VIRTIO_VSOCK_TYPE_STREAM &&
	    asprintf(&path, "%s_%" PRIu32, h->path, port) >= 0) {
		if (!dev_sock_connect(h->v->dev, path, &s))
			c = new_conn(h, s);
		free(path);
	}
	if (!c) {
		h->refused += !s;
		vsock_reset(h->v, hdr);
		return;
	}
	c->state = UP;
	c->port = port;
	c->guest_port = le32toh(hdr->src_port);
	c->peer_alloc = le32toh(hdr->buf_alloc);
	c->peer_fwd = le32toh(hdr->fwd_cnt);
	h->connected++;
	send_op(c, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
	fetch(c);
}

static void got_packet(struct conn *c, const struct virtio_vsock_hdr *hdr,
		       const void *data, size_t len)
{
	u16 op = le16toh(hdr->op);

	c->peer_alloc = le32toh(hdr->buf_alloc);
	c->peer_fwd = le32toh(hdr->fwd_cnt);
	if (op == VIRTIO_VSOCK_OP_RST)
		end_conn(c);
	else if (c->state == CALLING && op == VIRTIO_VSOCK_OP_RESPONSE)
		is_up(c);
	else if (c->state != UP || op == VIRTIO_VSOCK_OP_RESPONSE ||
		 op == VIRTIO_VSOCK_OP_REQUEST)
		break_conn(c);
	else if (op == VIRTIO_VSOCK_OP_RW)
		got_data(c, data, len);
	else if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		got_shutdown(c, le32toh(hdr->flags));
	else if (op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		send_op(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	else
		fetch(c);
}

void vsock_host_packet(struct vsock_host *h, const struct virtio_vsock_hdr *hdr,
		       const void *data, size_t len)
{
	struct conn *c = find_conn(h, le32toh(hdr->dst_port),
				   le32toh(hdr->src_port));

	if (c && le16toh(hdr->type) == VIRTIO_VSOCK_TYPE_STREAM)
		got_packet(c, hdr, data, len);
	else if (!c && le16toh(hdr->op) == VIRTIO_VSOCK_OP_REQUEST)
		got_request(h, hdr);
	else
		vsock_reset(h->v, hdr);
	vsock_host_begin(h);
}

/* Looking */

static void look_at(struct conn *c)
{
	if (c->state == ASKED)
		listen_to(c);
	else if (c->state == UP && flush(c))
		fetch(c);
}

static void look(struct dev_timer *t)
{
	struct vsock_host *h = container_of(t, struct vsock_host, timer);
	struct conn *c, *next;
	struct dev_sock *s;

	while ((s = dev_accept(h->listener)))
		new_conn(h, s);
	for (c = TAILQ_FIRST(&h->conns); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		look_at(c);
	}
	vsock_host_begin(h);
}

void vsock_host_begin(struct vsock_host *h)
{
	u64 now = dev_now(h->v->dev);

	if (!dev_timer_armed(&h->timer))
		dev_timer_arm(&h->timer, (now / h->poll + 1) * h->poll);
}

void vsock_host_reset(struct vsock_host *h)
{
	while (!TAILQ_EMPTY(&h->conns))
		end_conn(TAILQ_FIRST(&h->conns));
	dev_timer_cancel(&h->timer);
}

void vsock_host_free(struct vsock_host *h)
{
	if (!h)
		return;
	vsock_host_reset(h);
	dev_listen_close(h->listener);
	free(h);
}

void vsock_host_show(const struct vsock_host *h, FILE *f)
{
	fprintf(f, "connections %u\n", h->nr);
	fprintf(f, "connected %" PRIu64 "\n", h->connected);
	fprintf(f, "accepted %" PRIu64 "\n", h->accepted);
	fprintf(f, "refused %" PRIu64 "\n", h->refused);
	fprintf(f, "violations %" PRIu64 "\n", h->violations);
}

/* Options */

static int get_options(struct vsock_host *h, struct dev_args *a)
{
	struct dev *d = h->v->dev;
	int err;

	h->poll = 1000000;
	h->wait_after = 10000;
	err = dev_arg_time(a, "poll", &h->poll);
	if (!err)
		err = dev_arg_time(a, "wait", &h->wait);
	if (!err)
		err = dev_arg_time(a, "wait-after", &h->wait_after);
	if (!err && !h->poll) {
		log_err(dev_name(d), "option poll=0: time would not go on");
		err = -EINVAL;
	}
	return err ? err : dev_listen(d, h->path, &h->listener);
}

int vsock_host_new(struct vsock *v, struct dev_args *a)
{
	const char *path = dev_arg_str(a, "uds", NULL);
	struct vsock_host *h;
	int err;

	if (!path)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->v = v;
	h->path = path;
	TAILQ_INIT(&h->conns);
	dev_timer_init(&h->timer, dev_bus(v->dev), look);
	err = get_options(h, a);
	if (err) {
		free(h);
		return err;
	}
	v->host = h;
	return 0;
}
