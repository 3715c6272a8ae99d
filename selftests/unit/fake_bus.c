// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What dev.h promises to devices, with a clock that a test moves by hand. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/base/prng.h"
#include "../../src/dev/args.h"
#include "fake_bus.h"

#define MAX_VQS		8u
/* Rings of a queue, and the bytes of its slots. */
#define RING_GPA(q)	(FAKE_LOW + 0x10000ULL * (q))
#define OUT_GPA(q, slot) (FAKE_DATA + (2ULL * ((q) * FAKE_SLOTS + (slot))) * \
			  FAKE_SLOT_BYTES)
#define IN_GPA(q, slot)	(OUT_GPA(q, slot) + FAKE_SLOT_BYTES)

struct shared {
	const char *type;
	char *name;
	void *obj;
	void (*release)(void *obj);
	void (*stats)(const void *obj, FILE *f);
	TAILQ_ENTRY(shared) entry;
};

struct dev_bus {
	u64 now, seed;
	struct heap timers;
	unsigned int nr_timers, nr_syncs, holds;
	TAILQ_HEAD(, shared) shared;
	TAILQ_HEAD(, dev) devs;
	TAILQ_HEAD(, dev_file) files;
};

/* @step does what is under way; NULL: nothing is */
struct dev_file {
	struct dev_bus *bus;
	int fd;
	u64 size;
	u8 *buf;
	void (*done)(void *owner, int err);
	void *owner;
	ssize_t (*step)(struct dev_file *f);
	off_t off;
	size_t len;
	TAILQ_ENTRY(dev_file) entry;
};

int fake_file_err;

struct dev {
	const struct dev_ops *ops;
	struct dev_bus *bus;
	struct dev_args *args;
	char *name;
	void *priv, *config;
	struct prng prng;
	bool connected;
	u64 features, offered;
	unsigned int nr_vqs;
	struct fake_mem mem;
	struct vq vq[MAX_VQS];
	struct fake_ring ring[MAX_VQS];
	TAILQ_ENTRY(dev) entry;
};

/* The promises of dev.h */

const char *dev_name(const struct dev *d)
{
	return d->name;
}

void *dev_priv(const struct dev *d)
{
	return d->priv;
}

void *dev_config(const struct dev *d)
{
	return d->config;
}

struct dev_bus *dev_bus(const struct dev *d)
{
	return d->bus;
}

struct vq *dev_vq(const struct dev *d, unsigned int i)
{
	return d->connected ? (struct vq *)&d->vq[i] : NULL;
}

bool dev_feature(const struct dev *d, unsigned int bit)
{
	return d->features & BIT_ULL(bit);
}

void dev_offer(struct dev *d, u64 features)
{
	d->offered |= features;
}

void dev_set_nr_vqs(struct dev *d, unsigned int n)
{
	d->nr_vqs = n;
}

void dev_config_changed(struct dev *d)
{
	(void)d;
}

void dev_vq_coalesce(struct dev *d, unsigned int vq, u64 ns, u32 bufs)
{
	(void)d;
	(void)vq;
	(void)ns;
	(void)bufs;
}

u64 dev_now(const struct dev *d)
{
	return d->bus->now;
}

u64 dev_bus_now(const struct dev_bus *b)
{
	return b->now;
}

void dev_timer_init(struct dev_timer *t, struct dev_bus *b,
		    void (*fn)(struct dev_timer *t))
{
	memset(t, 0, sizeof(*t));
	t->bus = b;
	t->fn = fn;
}

void dev_timer_arm(struct dev_timer *t, u64 when)
{
	dev_timer_cancel(t);
	heap_insert(&t->bus->timers, &t->event.node, max_u64(when, t->bus->now));
	t->bus->nr_timers++;
}

void dev_timer_cancel(struct dev_timer *t)
{
	if (!t->event.node.queued)
		return;
	heap_remove(&t->bus->timers, &t->event.node);
	t->bus->nr_timers--;
}

void dev_hold(struct dev *d)
{
	d->bus->holds++;
}

void dev_put(struct dev *d)
{
	if (!d->bus->holds--)
		abort();
}

u64 dev_rand(struct dev *d)
{
	return prng_next(&d->prng);
}

/* There is no trace. */

void dev_trace_keys(struct dev *d, u64 turn, const void *keys, size_t len)
{
	(void)d;
	(void)turn;
	(void)keys;
	(void)len;
}

unsigned int dev_trace_link(struct dev_bus *b, const char *name)
{
	(void)b;
	(void)name;
	return 0;
}

unsigned int dev_trace_port(struct dev *d, unsigned int link)
{
	(void)d;
	return link;
}

u64 dev_trace_tx(struct dev_bus *b, unsigned int port, const void *frame,
		 size_t len)
{
	(void)b;
	(void)port;
	(void)frame;
	return len;
}

void dev_trace_rx(struct dev_bus *b, unsigned int port, u64 frame, size_t len)
{
	(void)b;
	(void)port;
	(void)frame;
	(void)len;
}

void dev_trace_lost(struct dev_bus *b, unsigned int port, u64 frame, size_t len,
		    const char *why)
{
	(void)why;
	dev_trace_rx(b, port, frame, len);
}

u64 dev_bus_seed(const struct dev_bus *b, const char *name)
{
	struct prng p;

	prng_seed(&p, b->seed, name);
	return prng_next(&p);
}

static struct shared *find_shared(const struct dev_bus *b, const char *type,
				  const char *name)
{
	struct shared *s;

	TAILQ_FOREACH(s, &b->shared, entry)
		if (!strcmp(s->type, type) && !strcmp(s->name, name))
			return s;
	return NULL;
}

void *dev_bus_shared(const struct dev_bus *b, const char *type,
		     const char *name)
{
	struct shared *s = find_shared(b, type, name);

	return s ? s->obj : NULL;
}

int dev_bus_share(struct dev_bus *b, const char *type, const char *name,
		  void *obj, void (*release)(void *obj),
		  void (*stats)(const void *obj, FILE *f))
{
	struct shared *s;

	if (find_shared(b, type, name))
		return -EEXIST;
	s = calloc(1, sizeof(*s));
	*s = (struct shared){ type, strdup(name), obj, release, stats,
			      { NULL, NULL } };
	TAILQ_INSERT_TAIL(&b->shared, s, entry);
	return 0;
}

/* Files */

int dev_file_open(struct dev *d, const char *path, enum dev_file_mode mode,
		  void (*done)(void *owner, int err), void *owner,
		  struct dev_file **out)
{
	struct dev_file *f = calloc(1, sizeof(*f));
	struct stat st;

	f->bus = d->bus;
	f->done = done;
	f->owner = owner;
	f->fd = open(path, mode == DEV_FILE_WRITE ? O_RDWR : O_RDONLY);
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		free(f);
		return -ENOENT;
	}
	f->size = (u64)st.st_size;
	f->buf = calloc(1, DEV_FILE_BUF);
	*out = f;
	return 0;
}

void dev_file_close(struct dev_file *f)
{
	if (!f)
		return;
	if (f->step)
		TAILQ_REMOVE(&f->bus->files, f, entry);
	close(f->fd);
	free(f->buf);
	free(f);
}

u64 dev_file_size(const struct dev_file *f)
{
	return f->size;
}

void *dev_file_buf(const struct dev_file *f)
{
	return f->buf;
}

FILE *dev_fopen(struct dev *d, const char *path, const char *mode)
{
	(void)d;
	return fopen(path, mode);
}

static void begin_file(struct dev_file *f, ssize_t (*step)(struct dev_file *f),
		       u64 off, u64 len)
{
	if (f->step || off + len > f->size)
		abort();
	f->step = step;
	f->off = (off_t)off;
	f->len = (size_t)len;
	TAILQ_INSERT_TAIL(&f->bus->files, f, entry);
}

static ssize_t read_file(struct dev_file *f)
{
	return pread(f->fd, f->buf, f->len, f->off);
}

static ssize_t write_file(struct dev_file *f)
{
	return pwrite(f->fd, f->buf, f->len, f->off);
}

static ssize_t zero_file(struct dev_file *f)
{
	memset(f->buf, 0, f->len);
	return write_file(f);
}

static ssize_t sync_file(struct dev_file *f)
{
	f->bus->nr_syncs++;
	return 0;
}

void dev_file_read(struct dev_file *f, u64 off, size_t len)
{
	begin_file(f, read_file, off, len);
}

void dev_file_write(struct dev_file *f, u64 off, size_t len)
{
	begin_file(f, write_file, off, len);
}

void dev_file_zero(struct dev_file *f, u64 off, u64 len)
{
	if (len > DEV_FILE_BUF)
		abort();
	begin_file(f, zero_file, off, len);
}

void dev_file_sync(struct dev_file *f)
{
	begin_file(f, sync_file, 0, 0);
}

/* Files that are read as a whole, or grow: real ones, too */

int dev_load(struct dev *d, const char *path, u8 **buf, size_t *len)
{
	FILE *f = fopen(path, "r");

	(void)d;
	*buf = NULL;
	*len = 0;
	if (!f)
		return -ENOENT;
	*buf = malloc(FAKE_SLOT_BYTES);
	*len = fread(*buf, 1, FAKE_SLOT_BYTES, f);
	fclose(f);
	return 0;
}

struct dev_out {
	FILE *f;
};

int dev_out_open(struct dev *d, const char *path, struct dev_out **out)
{
	FILE *f = fopen(path, "w");

	(void)d;
	if (!f)
		return -ENOENT;
	*out = calloc(1, sizeof(**out));
	(*out)->f = f;
	setbuf(f, NULL);
	return 0;
}

void dev_out_write(struct dev_out *o, const void *buf, size_t len)
{
	if (fwrite(buf, 1, len, o->f) != len)
		abort();
}

void dev_out_close(struct dev_out *o)
{
	if (!o)
		return;
	fclose(o->f);
	free(o);
}

/* Sockets: real ones; whoever waits is told by fake_sock_ready(). */

struct dev_sock {
	int fd;
	void (*ready)(void *owner);
	void *owner;
};

struct dev_listener {
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static struct dev_sock *sock_waits;

static struct dev_sock *fake_sock(int fd)
{
	struct dev_sock *s = calloc(1, sizeof(*s));

	s->fd = fd;
	return s;
}

static int fake_unix(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(sa->sun_path, path, sizeof(sa->sun_path) - 1);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

int dev_sock_connect(struct dev *d, const char *path, struct dev_sock **out)
{
	struct sockaddr_un sa;
	int fd = fake_unix(path, &sa);

	(void)d;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -ECONNREFUSED;
	}
	*out = fake_sock(fd);
	return 0;
}

int dev_listen(struct dev *d, const char *path, struct dev_listener **out)
{
	struct dev_listener *l;
	struct sockaddr_un sa;
	int fd = fake_unix(path, &sa);

	(void)d;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 10) < 0) {
		close(fd);
		return -EADDRINUSE;
	}
	l = calloc(1, sizeof(*l));
	l->fd = fd;
	strcpy(l->path, sa.sun_path);
	*out = l;
	return 0;
}

struct dev_sock *dev_accept(struct dev_listener *l)
{
	int fd = accept(l->fd, NULL, NULL);

	return fd < 0 ? NULL : fake_sock(fd);
}

void dev_listen_close(struct dev_listener *l)
{
	if (!l)
		return;
	close(l->fd);
	unlink(l->path);
	free(l);
}

ssize_t dev_sock_recv(struct dev_sock *s, void *buf, size_t len)
{
	ssize_t n = recv(s->fd, buf, len, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

ssize_t dev_sock_send(struct dev_sock *s, const void *buf, size_t len)
{
	ssize_t n = send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

void dev_sock_shutdown(struct dev_sock *s)
{
	shutdown(s->fd, SHUT_WR);
}

void dev_sock_wait(struct dev_sock *s, u64 ns, void (*ready)(void *owner),
		   void *owner)
{
	(void)ns;
	s->ready = ready;
	s->owner = owner;
	sock_waits = s;
}

bool fake_sock_ready(void)
{
	struct dev_sock *s = sock_waits;

	sock_waits = NULL;
	if (s)
		s->ready(s->owner);
	return s != NULL;
}

void dev_sock_close(struct dev_sock *s)
{
	if (!s)
		return;
	if (sock_waits == s)
		sock_waits = NULL;
	close(s->fd);
	free(s);
}

bool fake_bus_file(struct dev_bus *b)
{
	struct dev_file *f = TAILQ_FIRST(&b->files);
	ssize_t ret;

	if (!f)
		return false;
	TAILQ_REMOVE(&b->files, f, entry);
	ret = fake_file_err ? -1 : f->step(f);
	f->step = NULL;
	if (fake_file_err)
		f->done(f->owner, fake_file_err);
	else
		f->done(f->owner, ret == (ssize_t)f->len ? 0 : -EIO);
	return true;
}

/* The host is done before time goes on. */
static void settle(struct dev_bus *b)
{
	while (fake_bus_file(b))
		;
}

unsigned int fake_bus_syncs(const struct dev_bus *b)
{
	return b->nr_syncs;
}

/* The bus */

struct dev_bus *fake_bus_new(u64 seed)
{
	struct dev_bus *b = calloc(1, sizeof(*b));

	b->seed = seed;
	TAILQ_INIT(&b->shared);
	TAILQ_INIT(&b->devs);
	TAILQ_INIT(&b->files);
	return b;
}

void fake_bus_free(struct dev_bus *b)
{
	struct shared *s;

	while (!TAILQ_EMPTY(&b->devs))
		fake_dev_free(TAILQ_FIRST(&b->devs));
	while ((s = TAILQ_FIRST(&b->shared))) {
		TAILQ_REMOVE(&b->shared, s, entry);
		s->release(s->obj);
		free(s->name);
		free(s);
	}
	/* Whoever leaves a timer behind will be called when it is gone. */
	if (b->nr_timers || b->holds)
		abort();
	free(b);
}

unsigned int fake_bus_holds(const struct dev_bus *b)
{
	return b->holds;
}

unsigned int fake_bus_timers(const struct dev_bus *b)
{
	return b->nr_timers;
}

bool fake_bus_timer(struct dev_bus *b)
{
	struct heap_node *n = heap_first(&b->timers);
	struct dev_timer *t;

	if (!n)
		return false;
	b->now = n->time;
	t = container_of(n, struct dev_timer, event.node);
	dev_timer_cancel(t);
	t->fn(t);
	return true;
}

bool fake_bus_step(struct dev_bus *b)
{
	struct heap_node *n;

	settle(b);
	if (!fake_bus_timer(b))
		return false;
	settle(b);
	while ((n = heap_first(&b->timers)) && n->time == b->now) {
		fake_bus_timer(b);
		settle(b);
	}
	return true;
}

void fake_bus_run(struct dev_bus *b)
{
	while (fake_bus_step(b))
		;
}

void fake_bus_run_until(struct dev_bus *b, u64 when)
{
	struct heap_node *n;

	settle(b);
	while ((n = heap_first(&b->timers)) && n->time <= when)
		fake_bus_step(b);
	b->now = when;
}

/* Devices */

static void ignore(struct vq *vq)
{
	(void)vq;
}

static const struct vq_ops vq_ops = { .pushed = ignore, .broke = ignore };

struct dev *fake_dev_new(struct dev_bus *b, const struct dev_ops *ops,
			 const char *spec, const char *name)
{
	struct dev *d = calloc(1, sizeof(*d));
	unsigned int i;

	d->ops = ops;
	d->bus = b;
	d->name = strdup(name);
	d->priv = calloc(1, ops->priv_size + 1);
	d->config = calloc(1, ops->config_size + 1);
	prng_seed(&d->prng, b->seed, name);
	fake_mem_init(&d->mem);
	d->nr_vqs = ops->nr_vqs;
	for (i = 0; i < MAX_VQS; i++)
		vq_init(&d->vq[i], i, &vq_ops, NULL);
	TAILQ_INSERT_TAIL(&b->devs, d, entry);
	if (dev_args_parse(&d->args, name, spec))
		abort();
	if ((ops->probe && ops->probe(d, d->args)) ||
	    dev_args_unused(d->args)) {
		fake_dev_free(d);
		return NULL;
	}
	return d;
}

void fake_dev_free(struct dev *d)
{
	unsigned int i;

	fake_dev_disconnect(d);
	if (d->ops->remove)
		d->ops->remove(d);
	for (i = 0; i < MAX_VQS; i++)
		vq_fini(&d->vq[i]);
	TAILQ_REMOVE(&d->bus->devs, d, entry);
	fake_mem_fini(&d->mem);
	dev_args_free(d->args);
	free(d->name);
	free(d->priv);
	free(d->config);
	free(d);
}

void fake_dev_connect(struct dev *d, u64 features)
{
	unsigned int i;

	d->connected = true;
	d->features = features;
	for (i = 0; i < d->nr_vqs; i++) {
		fake_ring_init(&d->ring[i], &d->mem.mem, RING_GPA(i),
			       FAKE_VQ_NUM);
		if (fake_connect(&d->ring[i], &d->vq[i]))
			abort();
	}
	if (d->ops->start)
		d->ops->start(d);
}

void fake_dev_disconnect(struct dev *d)
{
	unsigned int i;

	if (!d->connected)
		return;
	if (d->ops->stop)
		d->ops->stop(d, NULL);
	for (i = 0; i < d->nr_vqs; i++) {
		/* Held or forgotten: in either case a device's error. */
		if (vq_out(&d->vq[i]))
			abort();
		vq_stop(&d->vq[i]);
	}
	d->connected = false;
}

void fake_dev_kick(struct dev *d, unsigned int q)
{
	if (vq_usable(&d->vq[q]))
		d->ops->vq_ready(d, q);
}

void fake_dev_suspend(struct dev *d, unsigned int q)
{
	if (d->ops->stop)
		d->ops->stop(d, &d->vq[q]);
	if (vq_out(&d->vq[q]))
		abort();
	vq_enable(&d->vq[q], false);
}

void fake_dev_resume(struct dev *d, unsigned int q)
{
	vq_enable(&d->vq[q], true);
	if (vq_pending(&d->vq[q]))
		d->ops->vq_ready(d, q);
}

/* The driver */

struct fake_ring *fake_dev_ring(struct dev *d, unsigned int q)
{
	return &d->ring[q];
}

u64 fake_dev_offered(const struct dev *d)
{
	return d->ops->features | d->offered;
}

int fake_dev_config_set(struct dev *d, size_t off, const void *src, size_t len)
{
	u8 old[256];
	int ret;

	memcpy(old, d->config, d->ops->config_size);
	memcpy((u8 *)d->config + off, src, len);
	ret = d->ops->config_set(d, off, len);
	if (ret < 0)
		memcpy(d->config, old, d->ops->config_size);
	return ret;
}

u64 fake_out_gpa(unsigned int q, unsigned int slot)
{
	return OUT_GPA(q, slot);
}

u64 fake_in_gpa(unsigned int q, unsigned int slot)
{
	return IN_GPA(q, slot);
}

u8 *fake_out(struct dev *d, unsigned int q, unsigned int slot)
{
	return fake_host(&d->mem.mem, OUT_GPA(q, slot));
}

u8 *fake_in(struct dev *d, unsigned int q, unsigned int slot)
{
	return fake_host(&d->mem.mem, IN_GPA(q, slot));
}

void fake_offer(struct dev *d, unsigned int q, unsigned int slot, u32 out_len,
		u32 in_len)
{
	struct fake_ring *r = &d->ring[q];
	u16 head = (u16)(2 * slot);

	fake_desc(r, head, OUT_GPA(q, slot), out_len, VRING_DESC_F_NEXT,
		  (u16)(head + 1));
	fake_desc(r, head + 1u, IN_GPA(q, slot), in_len, VRING_DESC_F_WRITE, 0);
	fake_avail(r, head);
}

int fake_take(struct dev *d, unsigned int q, u32 *len)
{
	u32 id;

	return fake_used(&d->ring[q], &id, len) ? (int)id / 2 : -1;
}

/* Counters */

static long long find_stat(FILE *f, const char *name)
{
	char line[200], key[100];
	long long v, found = -1;

	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%99s %lld", key, &v) == 2 &&
		    !strcmp(key, name))
			found = v;
	fclose(f);
	return found;
}

long long fake_dev_stat(const struct dev *d, const char *name)
{
	FILE *f = tmpfile();

	d->ops->stats(d, f);
	return find_stat(f, name);
}

long long fake_shared_stat(const struct dev_bus *b, const char *type,
			   const char *name, const char *stat)
{
	struct shared *s = find_shared(b, type, name);
	FILE *f;

	if (!s)
		return -1;
	f = tmpfile();
	s->stats(s->obj, f);
	return find_stat(f, stat);
}
