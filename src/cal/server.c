// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The calendar on its socket: clients in, messages and shared memory out. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../base/log.h"
#include "../ring/listen.h"
#include "../ring/stream.h"
#include "../trace/trace.h"
#include "server.h"

#define PID_BUCKETS	256
/* Others may make us send to who does not read, by BROADCAST: not without end. */
#define MAX_UNREAD	4096u
/* How far a client may run free when somebody unheard of may turn up. */
#define LATE_HORIZON	NSEC_PER_SEC

struct client {
	struct cal_server *server;
	struct cal_client *core;	/* NULL once it has gone */
	pid_t pid;
	struct stream st;
	TAILQ_ENTRY(client) entry;
	LIST_ENTRY(client) by_pid;
};

struct cal_server {
	struct ring *ring;
	struct cal_server_cfg cfg;
	struct cal *cal;
	struct listener listener;
	struct work send_all;
	enum cal_verdict told;
	TAILQ_HEAD(, client) clients;
	LIST_HEAD(, client) pids[PID_BUCKETS];
	struct tt_shm *shm;
	size_t shm_len;
	int fds[TT_START_ACK_NR_FDS];	/* shared memory, log */
	int dummy_fd;
	struct cal_client *local;
	void (*local_input)(void *owner, const struct tt_msg *m);
	void *local_owner;
	struct cal_stats stats;
	unsigned int refs;		/* what still points here */
};

static void put_server(struct cal_server *s)
{
	if (--s->refs)
		return;
	if (s->cal)
		cal_free(s->cal);
	if (s->shm)
		munmap(s->shm, s->shm_len);
	if (s->dummy_fd >= 0)
		close(s->dummy_fd);
	if (s->fds[TT_START_ACK_MEMFD] >= 0)
		close(s->fds[TT_START_ACK_MEMFD]);
	if (s->fds[TT_START_ACK_LOGFD] >= 0)
		close(s->fds[TT_START_ACK_LOGFD]);
	free(s);
}

static void client_released(struct stream *st)
{
	struct client *c = container_of(st, struct client, st);
	struct cal_server *s = c->server;

	free(c);
	put_server(s);
}

/* People must know for whom time does not begin. */
static void report_gone(struct cal_server *s, const struct client *c,
			const char *why)
{
	unsigned int missed = cal_missed(s->cal, c->core);
	bool started = cal_client_started(c->core);
	u64 id = cal_client_id(c->core);
	char tag[48];

	if (s->cfg.client_gone) {
		s->cfg.client_gone(s->cfg.owner, id, c->pid, why);
		return;
	}
	/* Its name comes with START. */
	if (!started)
		snprintf(tag, sizeof(tag), "calendar: pid %d", (int)c->pid);
	else
		snprintf(tag, sizeof(tag), "calendar: client %" PRId64 " (pid %d)",
			 (s64)id, (int)c->pid);
	if (why)
		log_err(tag, "%s; it is thrown out", why);
	else if (!started && missed)
		log_warn(tag, "has connected and left without START; time waits for %u more of %u clients",
			 missed, s->cfg.clients);
	else if (missed)
		log_warn(tag, "has left before time began, which now waits for %u more of %u clients",
			 missed, s->cfg.clients);
	else
		log_info(tag, "has left");
}

/* @why: what it did wrong, NULL when it just left. */
static void client_gone(struct client *c, const char *why)
{
	struct cal_server *s = c->server;

	report_gone(s, c, why);
	TAILQ_REMOVE(&s->clients, c, entry);
	LIST_REMOVE(c, by_pid);
	cal_client_gone(s->cal, c->core);
	c->core = NULL;
	stream_close(&c->st, client_released);
	ring_work(s->ring, &s->send_all);
}

/* Every message, with --verbose twice. */
static void say(const struct client *c, const char *dir, const struct tt_msg *m)
{
	log_dbg("calendar", "%12" PRIu64 " client %" PRId64 " %s %s seq %u time %" PRIu64,
		cal_now(c->server->cal), (s64)cal_client_id(c->core), dir,
		tt_op_name(m->op), m->seq, m->time);
}

/*
 * A client that has not been admitted has come when the host let it: nothing to
 * be recorded. Its START is, by the ACK that admits it. With its WAIT comes the
 * request that counts now, since in shared memory there was no message for it.
 */
static void record(const struct client *c, const struct tt_msg *m)
{
	struct cal_server *s = c->server;
	u64 id = cal_client_id(c->core);
	bool wait = m->op == TT_WAIT;

	/* It does not wait for an answer to an ACK: what it does next may be seen first. */
	if (m->op == TT_START || m->op == TT_ACK)
		return;
	if (wait && s->cfg.turn_ends)
		s->cfg.turn_ends(s->cfg.owner, id);
	TRACE(s->cfg.trace, TT_FROM, id, m->op,
	      wait ? cal_client_wants(s->cal, c->core) : m->time);
}

static void said(struct client *c, const struct tt_msg *m)
{
	say(c, "<", m);
	TRACE(c->server->cfg.trace, TT_TO, cal_client_id(c->core), m->op,
	      m->time);
}

static void client_msg(struct stream *st, const void *buf, size_t len,
		       int *fds, unsigned int nfds)
{
	struct client *c = container_of(st, struct client, st);
	struct cal_server *s = c->server;
	struct tt_msg m;

	(void)len;
	(void)fds;
	(void)nfds;
	memcpy(&m, buf, sizeof(m));
	s->stats.rx++;
	if (m.op < TT_NR_OPS)
		s->stats.rx_op[m.op]++;
	say(c, ">", &m);
	record(c, &m);
	if (cal_input(s->cal, c->core, &m) < 0) {
		client_gone(c, cal_client_error(c->core));
		return;
	}
	ring_work(s->ring, &s->send_all);
	/* Even a parked client may leave. */
	if (cal_client_parked(c->core))
		stream_watch(st);
	else
		stream_recv(st);
}

static void client_closed(struct stream *st, int err)
{
	struct client *c = container_of(st, struct client, st);

	client_gone(c, err == -EPIPE ? "left in the middle of a message" :
		       err && err != -ECONNRESET ? strerror(-err) : NULL);
}

static int no_payload(const void *hdr)
{
	(void)hdr;
	return 0;
}

static const struct stream_ops client_ops = {
	.hdr_len = sizeof(struct tt_msg),
	.payload_len = no_payload,
	.msg = client_msg,
	.closed = client_closed,
};

static void accepted(struct listener *l, int fd, pid_t pid)
{
	struct cal_server *s = container_of(l, struct cal_server, listener);
	struct client *c = calloc(1, sizeof(*c));

	if (!c || stream_open(&c->st, s->ring, fd, &client_ops) < 0)
		goto err;
	c->core = cal_client_add(s->cal, c, s->cfg.hinted ? CAL_HINTED : 0);
	if (!c->core) {
		free(c->st.buf);
		goto err;
	}
	c->server = s;
	c->pid = pid;
	s->refs++;
	TAILQ_INSERT_TAIL(&s->clients, c, entry);
	LIST_INSERT_HEAD(&s->pids[(unsigned int)pid % PID_BUCKETS], c, by_pid);
	stream_recv(&c->st);
	return;
err:
	log_err("calendar", "no memory for the client with pid %d", (int)pid);
	free(c);
	close(fd);
}

/* Send what the core has to say. */
static void send_out(struct cal_server *s, const struct cal_out *o)
{
	struct client *c = cal_client_owner(o->to);
	int fds[TT_START_ACK_NR_FDS] = { s->dummy_fd,
					 s->fds[TT_START_ACK_LOGFD] };

	if (o->to == s->local) {
		s->local_input(s->local_owner, &o->msg);
		return;
	}
	if (o->fds == CAL_FDS_SHM)
		fds[TT_START_ACK_MEMFD] = s->fds[TT_START_ACK_MEMFD];
	s->stats.tx++;
	s->stats.tx_op[o->msg.op]++;
	said(c, &o->msg);
	/* A failure shows as the end of the stream. */
	(void)stream_send(&c->st, &o->msg, sizeof(o->msg), fds,
			  o->fds == CAL_FDS_NONE ? 0 : TT_START_ACK_NR_FDS);
	if (stream_backlog(&c->st) > MAX_UNREAD) {
		client_gone(c, "does not read what it is sent");
		return;
	}
	if (!cal_client_parked(o->to))
		stream_recv(&c->st);
}

static void send_all(struct work *w)
{
	struct cal_server *s = container_of(w, struct cal_server, send_all);
	enum cal_verdict v;
	struct cal_out o;

	while (s->cal && cal_output(s->cal, &o))
		send_out(s, &o);
	v = s->cal ? cal_verdict(s->cal) : CAL_GOING;
	if (v == s->told)
		return;
	s->told = v;
	if (v != CAL_GOING && s->cfg.ended)
		s->cfg.ended(s->cfg.owner, v);
}

/* Set-up */

static int make_memfd(const char *name, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return -errno;
	/* Nobody may take the memory away from under the others. */
	if (ftruncate(fd, (off_t)len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int make_fds(struct cal_server *s)
{
	int fd;

	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	s->fds[TT_START_ACK_LOGFD] = fd;
	fd = make_memfd("umtt-no-calendar", sizeof(struct tt_shm));
	if (fd < 0)
		return fd;
	s->dummy_fd = fd;
	if (s->cfg.no_shm)
		return 0;
	/* Sparse: only slots in use cost memory. */
	s->shm_len = sizeof(struct tt_shm) +
		     CAL_MAX_SLOTS * sizeof(struct tt_shm_slot);
	fd = make_memfd("umtt-calendar", s->shm_len);
	if (fd < 0)
		return fd;
	s->fds[TT_START_ACK_MEMFD] = fd;
	s->shm = mmap(NULL, s->shm_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (s->shm == MAP_FAILED) {
		s->shm = NULL;
		return -errno;
	}
	return 0;
}

int cal_server_new(struct cal_server **out, struct ring *r,
		   const struct cal_server_cfg *cfg)
{
	struct cal_server *s = calloc(1, sizeof(*s));
	struct cal_cfg core = {
		.clients = cfg->clients, .tod = cfg->tod,
		.time_limit = cfg->time_limit,
		.free_run_max = cfg->late ? LATE_HORIZON : 0,
	};
	int ret;

	if (!s) {
		log_err("calendar", "out of memory");
		return -ENOMEM;
	}
	s->ring = r;
	s->cfg = *cfg;
	s->refs = 1;
	s->fds[0] = s->fds[1] = s->dummy_fd = -1;
	s->send_all.fn = send_all;
	TAILQ_INIT(&s->clients);
	ret = make_fds(s);
	core.shm = s->shm;
	core.shm_len = s->shm_len;
	if (!ret)
		ret = cal_new(&s->cal, &core);
	if (ret < 0) {
		log_err("calendar", "%s", strerror(-ret));
		put_server(s);
		return ret;
	}
	ret = listen_unix(&s->listener, r, cfg->path, accepted);
	if (ret < 0) {
		log_err(cfg->path, "cannot listen for time-travel clients: %s",
			strerror(-ret));
		put_server(s);
		return ret;
	}
	*out = s;
	return 0;
}

static void listener_released(struct listener *l)
{
	put_server(container_of(l, struct cal_server, listener));
}

void cal_server_free(struct cal_server *s)
{
	struct client *c;

	if (!s)
		return;
	while ((c = TAILQ_FIRST(&s->clients))) {
		TAILQ_REMOVE(&s->clients, c, entry);
		LIST_REMOVE(c, by_pid);
		stream_close(&c->st, client_released);
	}
	ring_work_cancel(s->ring, &s->send_all);
	cal_free(s->cal);
	s->cal = NULL;
	listen_close(&s->listener, listener_released);
}

/* The local client */

int cal_server_add_local(struct cal_server *s,
			 void (*input)(void *owner, const struct tt_msg *m),
			 void *owner)
{
	s->local = cal_client_add(s->cal, NULL, CAL_LOCAL);
	if (!s->local)
		return -ENOMEM;
	s->local_input = input;
	s->local_owner = owner;
	return 0;
}

void cal_server_local_send(struct cal_server *s, const struct tt_msg *m)
{
	int ret;

	if (!s->cal)
		return;
	ret = cal_input(s->cal, s->local, m);

	/* Our own client: a violation is a bug of ours. */
	if (ret < 0)
		log_err("calendar", "local client %s",
			cal_client_error(s->local));
	BUG_ON(ret < 0);
	ring_work(s->ring, &s->send_all);
}

u64 cal_server_horizon(const struct cal_server *s)
{
	return s->cal ? cal_horizon(s->cal) : 0;
}

static struct client *client_of(const struct cal_server *s, pid_t pid)
{
	struct client *c;

	LIST_FOREACH(c, &s->pids[(unsigned int)pid % PID_BUCKETS], by_pid)
		if (c->pid == pid)
			return c;
	return NULL;
}

void cal_server_called(struct cal_server *s, pid_t pid)
{
	struct client *c = client_of(s, pid);

	if (c && s->cal)
		cal_touched(s->cal, c->core);
}

u64 cal_server_reach(const struct cal_server *s, pid_t pid)
{
	const struct client *c = client_of(s, pid);

	return c && s->cal ? cal_reach(s->cal, c->core) : U64_MAX;
}

u64 cal_server_turn(const struct cal_server *s)
{
	const struct cal_client *c = s->cal ? cal_turn(s->cal) : NULL;

	return c ? cal_client_id(c) : U64_MAX;
}

bool cal_server_started(const struct cal_server *s, pid_t pid)
{
	const struct client *c = client_of(s, pid);

	return c && c->core && cal_client_started(c->core);
}

/* For people */

u64 cal_server_now(const struct cal_server *s)
{
	return cal_now(s->cal);
}

void cal_server_stats(const struct cal_server *s, struct cal_stats *st)
{
	*st = s->stats;
}

void cal_server_report(const struct cal_server *s, FILE *f)
{
	const struct cal_client *cc = NULL;
	const struct client *c;
	char what[96];

	while ((cc = cal_next_client(s->cal, cc))) {
		cal_client_describe(s->cal, cc, what, sizeof(what));
		c = cal_client_owner(cc);
		if (c)
			fprintf(f, "umtt: client %" PRId64 " (pid %d) %s\n",
				(s64)cal_client_id(cc), (int)c->pid, what);
		else
			fprintf(f, "umtt: the devices: %s\n", what);
	}
}
