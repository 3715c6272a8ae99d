// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Connections: bytes and messages, and what a message leads to. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "target.h"

/*
 * DOC: Seeing that nothing comes, without waiting
 *
 * Requests are handled in order. So after each message the suite asks for
 * GET_FEATURES, which is harmless and always answered: what has not come before
 * that answer does not come at all. Only where the back-end does something on
 * its own, as to use a buffer, is there a wait (QUIET).
 */

static void learn_pid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		target_learn(cred.pid);
}

static int try_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		broken("socket");
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", opt.socket);
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		learn_pid(fd);
		return fd;
	}
	close(fd);
	return -1;
}

int raw_connect(void)
{
	u64 end = now_ms() + PATIENCE;
	int fd;

	while ((fd = try_connect()) < 0) {
		if (now_ms() > end || target_gone())
			fail("expected the back-end to listen; it has gone, or does not (%s)",
			     strerror(errno));
		sleep_ms(2);
	}
	return fd;
}

/* Who serves one front-end at a time may turn us away for a moment. */
struct fe *fe_connect(void)
{
	struct fe *fe = calloc(1, sizeof(*fe));
	u64 end = now_ms() + PATIENCE;
	struct outcome o;
	unsigned int i;

	if (!fe)
		broken("calloc");
	fe->slave = -1;
	for (i = 0; i < MAX_QUEUES; i++)
		fe->q[i].kick = fe->q[i].call = fe->q[i].err = -1;
	guest_init(&fe->g);
	for (;;) {
		fe->fd = raw_connect();
		o = settle(fe);
		if (!o.closed)
			return fe;
		close(fe->fd);
		if (now_ms() > end)
			fail("a new connection is closed before its first request is answered");
		sleep_ms(2);
	}
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fe_close(struct fe *fe)
{
	unsigned int i;

	close_if(fe->fd);
	close_if(fe->slave);
	for (i = 0; i < MAX_QUEUES; i++) {
		close_if(fe->q[i].kick);
		close_if(fe->q[i].call);
		close_if(fe->q[i].err);
	}
	/* The memory stays: a test may still want to look at it. */
	fe->fd = -1;
	fe->slave = -1;
	for (i = 0; i < MAX_QUEUES; i++)
		fe->q[i].kick = fe->q[i].call = fe->q[i].err = -1;
	for (i = 0; i < MEM_REGIONS; i++) {
		close_if(fe->g.fd[i]);
		fe->g.fd[i] = -1;
	}
}

/* Sending */

static void attach(struct msghdr *mh, char *control, const int *fds,
		   unsigned int nfds)
{
	struct cmsghdr *c;

	if (!nfds)
		return;
	mh->msg_control = control;
	mh->msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
}

bool send_raw(struct fe *fe, const void *buf, size_t len, const int *fds,
	      unsigned int nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))];
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	memset(control, 0, sizeof(control));
	attach(&mh, control, fds, nfds);
	while (iov.iov_len) {
		n = sendmsg(fe->fd, &mh, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EPIPE && errno != ECONNRESET)
			broken("sendmsg");
		if (n < 0)
			return false;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		mh.msg_control = NULL;
		mh.msg_controllen = 0;
	}
	return true;
}

bool send_msg(struct fe *fe, u32 request, u32 flags, const void *payload,
	      u32 size, const int *fds, unsigned int nfds)
{
	struct vhost_user_hdr h = {
		.request = request, .flags = flags, .size = size,
	};
	char buf[sizeof(h) + 8192];

	if (size > 8192)
		broken("the suite's own message");
	memcpy(buf, &h, sizeof(h));
	if (size)
		memcpy(buf + sizeof(h), payload, size);
	note("> %s flags %#x size %u fds %u", request_name(request), flags,
	     size, nfds);
	return send_raw(fe, buf, sizeof(h) + size, fds, nfds);
}

/* Receiving */

static void take_fds(struct msghdr *mh, struct msg *m)
{
	struct cmsghdr *c;
	unsigned int n;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(m->fds, CMSG_DATA(c), n * sizeof(int));
		m->nfds = n;
	}
}

/* 1, 0 at the end, -1 after @end; the slave channel is served meanwhile. */
static int recv_all(struct fe *fe, void *buf, size_t len, struct msg *m, u64 end)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(m->fds))];
	struct pollfd p = { .fd = fe->fd, .events = POLLIN };
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr mh;
	ssize_t n;

	while (iov.iov_len) {
		mh = (struct msghdr){
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(fe->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (!n || (n < 0 && (errno == ECONNRESET || errno == EPIPE)))
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			broken("recvmsg");
		if (n > 0) {
			take_fds(&mh, m);
			iov.iov_base = (char *)iov.iov_base + n;
			iov.iov_len -= (size_t)n;
			continue;
		}
		if (now_ms() >= end)
			return -1;
		if (fe->slave >= 0 && !fe->deaf)
			pump(fe, NULL, 0);
		poll(&p, 1, fe->slave >= 0 && !fe->deaf ? 2 :
		     (int)(end - now_ms()));
	}
	return 1;
}

static u64 value(const struct msg *m)
{
	u64 v;

	memcpy(&v, m->payload, sizeof(v));
	return v;
}

int recv_msg(struct fe *fe, struct msg *m, unsigned int ms)
{
	u64 end = now_ms() + ms;
	int ret;

	m->nfds = 0;
	ret = recv_all(fe, &m->hdr, sizeof(m->hdr), m, end);
	if (ret == 1 && m->hdr.size > sizeof(m->payload))
		fail("a reply to %s with %u bytes of payload",
		     request_name(m->hdr.request), m->hdr.size);
	if (ret == 1)
		ret = recv_all(fe, m->payload, m->hdr.size, m, end);
	if (ret == 1)
		note("< %s flags %#x size %u value %#llx", request_name(m->hdr.request),
		     m->hdr.flags, m->hdr.size,
		     m->hdr.size >= 8 ? (unsigned long long)value(m) : 0ull);
	else if (!ret)
		note("< closed");
	return ret;
}

struct outcome settle(struct fe *fe)
{
	struct outcome o = { .replies = 0 };
	struct msg m;
	int ret;

	send_msg(fe, GET_FEATURES, PLAIN, NULL, 0, NULL, 0);
	for (;;) {
		ret = recv_msg(fe, &m, PATIENCE);
		if (ret < 0)
			fail("expected an answer to GET_FEATURES; came none for %u ms",
			     PATIENCE);
		if (!ret) {
			o.closed = true;
			return o;
		}
		/* The last one is of our question, unless one was asked before. */
		if (m.hdr.request == GET_FEATURES)
			return o;
		if (!o.replies++)
			o.m = m;
	}
}

struct outcome ask(struct fe *fe, u32 request, u32 flags, const void *payload,
		   u32 size, const int *fds, unsigned int nfds)
{
	struct outcome o = { .replies = 0 }, rest;

	send_msg(fe, request, flags, payload, size, fds, nfds);
	if (request == GET_FEATURES) {
		if (recv_msg(fe, &o.m, PATIENCE) != 1) {
			o.closed = true;
			return o;
		}
		o.replies = 1;
	}
	rest = settle(fe);
	if (!o.replies)
		o.m = rest.m;
	o.replies += rest.replies;
	o.closed = rest.closed;
	return o;
}

/* Verdicts */

bool is_ack(const struct outcome *o, u32 request, bool ok)
{
	return o->replies == 1 && o->m.hdr.request == request &&
	       o->m.hdr.flags == (VHOST_USER_VERSION | VHOST_USER_REPLY) &&
	       o->m.hdr.size == 8 && !value(&o->m) == ok;
}

const char *describe(const struct outcome *o)
{
	static char buf[160];
	const char *end = o->closed ? ", and the connection was closed" : "";

	if (!o->replies)
		snprintf(buf, sizeof(buf), "%s", o->closed ?
			 "the connection was closed without a reply" : "no reply");
	else if (o->m.hdr.size == 8)
		snprintf(buf, sizeof(buf), "%u repl%s, the first to %s with flags %#x and value %#llx%s",
			 o->replies, o->replies > 1 ? "ies" : "y",
			 request_name(o->m.hdr.request), o->m.hdr.flags,
			 (unsigned long long)value(&o->m), end);
	else
		snprintf(buf, sizeof(buf), "%u repl%s, the first to %s with flags %#x and %u bytes%s",
			 o->replies, o->replies > 1 ? "ies" : "y",
			 request_name(o->m.hdr.request), o->m.hdr.flags,
			 o->m.hdr.size, end);
	return buf;
}

struct outcome must_ask(struct fe *fe, u32 request, const void *payload,
			u32 size, const int *fds, unsigned int nfds)
{
	bool ack = has_pf(fe, PF_REPLY_ACK);
	struct outcome o = ask(fe, request, ack ? ACKED : PLAIN, payload, size,
			       fds, nfds);

	if (ack ? !is_ack(&o, request, true) || o.closed :
		  o.closed || o.replies)
		fail("expected %s to be taken; came: %s", request_name(request),
		     describe(&o));
	return o;
}

bool refused(struct fe *fe, u32 request, const void *payload, u32 size,
	     const int *fds, unsigned int nfds, const char *why)
{
	bool ack = has_pf(fe, PF_REPLY_ACK);
	struct outcome o = ask(fe, request, ack ? ACKED : PLAIN, payload, size,
			       fds, nfds);
	const struct request_info *r = request_info(request);
	bool own = r && r->own;

	if (o.closed && !o.replies) {
		if (opt.strict && ack && !own)
			fail("%s %s: expected a NACK, strictly; came: %s",
			     request_name(request), why, describe(&o));
		return false;
	}
	/* Without acks there is no way to tell a refusal from a shrug. */
	if (!ack && !o.replies && !opt.strict)
		return true;
	/* An error may be answered in the form of the answer, too. */
	if (!is_ack(&o, request, false) &&
	    !(own && o.replies == 1 && !o.m.hdr.size))
		fail("%s %s: expected a NACK or the end of the connection; came: %s",
		     request_name(request), why, describe(&o));
	return !o.closed;
}

void must_u64(struct fe *fe, u32 request, u64 v)
{
	must_ask(fe, request, &v, sizeof(v), NULL, 0);
}

void must_state(struct fe *fe, u32 request, u32 index, u32 num)
{
	struct vhost_user_vring_state s = { .index = index, .num = num };

	must_ask(fe, request, &s, sizeof(s), NULL, 0);
}

u64 get_u64(struct fe *fe, u32 request)
{
	struct outcome o = ask(fe, request, PLAIN, NULL, 0, NULL, 0);

	if (o.closed || o.replies != 1 || o.m.hdr.request != request ||
	    o.m.hdr.size != 8 ||
	    o.m.hdr.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY))
		fail("expected an answer of 8 bytes to %s; came: %s",
		     request_name(request), describe(&o));
	return value(&o.m);
}

void alive(struct fe *fe)
{
	if (settle(fe).closed)
		fail("expected the connection to go on; it was closed");
}

void closes(struct fe *fe, const char *why)
{
	struct msg m;
	int ret = recv_msg(fe, &m, PATIENCE);

	if (ret)
		fail("%s: expected the end of the connection; came: %s", why,
		     ret > 0 ? "a reply" : "nothing");
}
