// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A client of a calendar behind a socket, with or without shared memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/shmap.h"
#include "../ring/listen.h"
#include "../ring/stream.h"
#include "remote.h"

/*
 * In shared memory all times are the calendar's, also those of a client that
 * came late, and so is our clock then. In messages they are our own, from 0.
 */
struct tt_remote {
	struct tt *tt;
	struct stream st;
	bool acked;		/* START has been */
	struct tt_shm *shm;	/* NULL: messages only */
	struct shmap map;
	struct work lost;
	u16 slot;
};

/* Map what came with START's ACK, if it is what we understand. */
static void map_shm(struct tt_remote *rem, int fd, u16 slot)
{
	struct tt_shm *shm;
	struct stat sb;
	size_t len, said;

	if (fstat(fd, &sb) < 0 || (size_t)sb.st_size < sizeof(*shm))
		return;
	len = (size_t)sb.st_size;
	if (shmap_open(&rem->map, fd, 0, len) < 0)
		return;
	shm = rem->map.addr;
	said = READ_ONCE(shm->len);
	if (READ_ONCE(shm->version) != TT_SHM_VERSION || said > len ||
	    said < sizeof(*shm) +
		   (slot + (size_t)1) * sizeof(struct tt_shm_slot)) {
		shmap_close(&rem->map);
		return;
	}
	rem->shm = shm;
	rem->slot = slot;
	shm->slots[slot].capa |= TT_SHM_CAP_TIME_SHARE;
}

/* There is no time without it. Not there and then: we may be called by tt. */
static void shm_lost(struct work *w)
{
	struct tt_remote *rem = container_of(w, struct tt_remote, lost);

	tt_dead(rem->tt, "has taken away the memory that it had shared");
}

/* After the shared memory has been touched. */
static void check_shm(struct tt_remote *rem)
{
	if (shmap_lost(&rem->map))
		ring_work(rem->tt->ring, &rem->lost);
}

static void remote_msg(struct stream *st, const void *buf, size_t len,
		       int *fds, unsigned int nfds)
{
	struct tt_remote *rem = container_of(st, struct tt_remote, st);
	struct tt_msg m;

	(void)len;
	memcpy(&m, buf, sizeof(m));
	if (!rem->acked && m.op == TT_ACK) {
		rem->acked = true;
		if (nfds > TT_START_ACK_MEMFD)
			map_shm(rem, fds[TT_START_ACK_MEMFD],
				(u16)(m.time & TT_START_ACK_ID));
	}
	if (rem->shm && m.op == TT_RUN)
		rem->shm->slots[rem->slot].flags &= ~TT_SHM_REQ_RUN;
	check_shm(rem);
	if (tt_input(rem->tt, &m) == 0)
		stream_recv(st);
}

static void remote_closed(struct stream *st, int err)
{
	struct tt_remote *rem = container_of(st, struct tt_remote, st);

	tt_dead(rem->tt, err == -EPIPE ? "has left in the middle of a message" :
		err && err != -ECONNRESET ? strerror(-err) : NULL);
}

static int no_payload(const void *hdr)
{
	(void)hdr;
	return 0;
}

static const struct stream_ops remote_ops = {
	.hdr_len = sizeof(struct tt_msg),
	.payload_len = no_payload,
	.msg = remote_msg,
	.closed = remote_closed,
};

static void remote_send(struct tt *tt, const struct tt_msg *m)
{
	struct tt_remote *rem = tt->priv;

	/* A failure shows as the end of the stream. */
	(void)stream_send(&rem->st, m, sizeof(*m), NULL, 0);
}

static u64 remote_horizon(struct tt *tt)
{
	struct tt_remote *rem = tt->priv;
	u64 horizon;

	if (!rem->shm)
		return tt->free_until;
	horizon = READ_ONCE(rem->shm->free_until);
	check_shm(rem);
	return horizon;
}

static bool remote_get(struct tt *tt, u64 *now)
{
	struct tt_remote *rem = tt->priv;

	if (!rem->shm)
		return false;
	*now = max_u64(*now, READ_ONCE(rem->shm->current_time));
	check_shm(rem);
	return true;
}

/* Whoever runs looks for requests in memory: make ours there. */
static bool store_request(struct tt_remote *rem, u64 when)
{
	struct tt_shm *shm = rem->shm;
	struct tt_shm_slot *own;
	size_t running;

	running = READ_ONCE(shm->running_id);
	/* We were the last, and nobody has run since: nobody would look. */
	if (running == rem->slot && rem->tt->state == TT_WAITING)
		return false;
	if (rem->map.len < sizeof(*shm) + (running + 1) * sizeof(*own) ||
	    !(READ_ONCE(shm->slots[running].capa) & TT_SHM_CAP_TIME_SHARE))
		return false;
	own = &shm->slots[rem->slot];
	WRITE_ONCE(own->req_time, when);
	WRITE_ONCE(own->flags, own->flags | TT_SHM_REQ_RUN);
	if (when < READ_ONCE(shm->free_until))
		WRITE_ONCE(shm->free_until, when);
	/* Before the kick's reply lets the other side look. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return true;
}

static bool remote_request(struct tt *tt, u64 when)
{
	struct tt_remote *rem = tt->priv;
	bool stored = rem->shm && store_request(rem, when);

	check_shm(rem);
	return stored;
}

static bool remote_update(struct tt *tt, u64 now)
{
	struct tt_remote *rem = tt->priv;

	if (!rem->shm)
		return false;
	WRITE_ONCE(rem->shm->current_time, now);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	check_shm(rem);
	return true;
}

static bool remote_silent(const struct tt *tt)
{
	const struct tt_remote *rem = tt->priv;

	return rem->shm;
}

static const struct tt_transport remote_transport = {
	.send = remote_send,
	.horizon = remote_horizon,
	.get = remote_get,
	.request = remote_request,
	.update = remote_update,
	.silent = remote_silent,
};

int tt_remote_open(struct tt_remote **out, struct tt *tt, struct ring *r,
		   const char *path)
{
	struct tt_remote *rem = calloc(1, sizeof(*rem));
	int fd, ret;

	if (!rem)
		return -ENOMEM;
	fd = connect_unix(path);
	if (fd < 0) {
		free(rem);
		return fd;
	}
	ret = stream_open(&rem->st, r, fd, &remote_ops);
	if (ret < 0) {
		close(fd);
		free(rem);
		return ret;
	}
	rem->tt = tt;
	rem->lost.fn = shm_lost;
	tt_init(tt, r, &remote_transport, rem);
	stream_recv(&rem->st);
	*out = rem;
	return 0;
}

static void released(struct stream *st)
{
	struct tt_remote *rem = container_of(st, struct tt_remote, st);

	shmap_close(&rem->map);
	free(rem);
}

void tt_remote_close(struct tt_remote *rem)
{
	if (!rem)
		return;
	ring_work_cancel(rem->st.ring, &rem->lost);
	stream_close(&rem->st, released);
}

void tt_remote_stats(const struct tt_remote *rem, u64 *rx, u64 *tx)
{
	*rx = rem->st.rx_msgs;
	*tx = rem->st.tx_msgs;
}
