/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* THE device API: all that a device model needs and may see. */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "../base/heap.h"
#include "../base/log.h"
#include "../base/types.h"
#include "../tt/event.h"
#include "../vu/vq.h"

/*
 * DOC: The promise to device models
 *
 * Every callback runs at one instant of simulated time, to completion, and
 * never concurrently with another. Within a callback the clock stands still.
 * What is pushed to a queue is followed, after all callbacks of the instant,
 * by at most one interrupt per queue, and none that the driver suppressed; the
 * clock does not move on before the guest has scheduled the handling of it.
 * Without a calendar the clock is the host's (nanoseconds since start) and all
 * else holds as well.
 */

struct dev;
struct dev_args;
struct dev_bus;

/**
 * struct dev_ops - a kind of device; one file, one line in devices.def
 * @name: TYPE of --device TYPE,...
 * @help: its options, one per line: "latency=TIME  until the ...\n"; NULL: it is
 *	not for users
 * @virtio_id: as in linux/virtio_ids.h
 * @nr_vqs: number of virtqueues; the most, where probe calls dev_set_nr_vqs()
 * @in_kick: queues, as a mask, whose vq_ready is called while the driver still
 *	waits for its kick to be acked: what is pushed then is there when the
 *	kick returns, for drivers that poll for it, and for cheap completions
 * @features: virtio feature bits of the device type; VERSION_1, RING_PACKED,
 *	INDIRECT_DESC and EVENT_IDX are added for every device
 * @priv_size: bytes of dev_priv(), zeroed
 * @config_size: bytes of dev_config(), zeroed
 * @probe: read the options; 0, or -errno after log_err(dev_name(d), ...)
 * @remove: undo probe; no queue is in use any more
 * @start: the driver has negotiated features (dev_feature() is valid)
 * @stop: queue @vq is being taken away while you hold buffers of it, or all are
 *	(@vq is NULL: the front-end is gone, or has reset the device):
 *	vq_push() or vq_drop() them now
 * @vq_ready: buffers may be available: vq_pop() until it returns 0
 * @config_set: the driver has written to dev_config(); refuse with -errno
 * @announce: a network device: send a RARP request from and for the address in
 *	the first six bytes of @mac, at once
 * @mtu: a network device: -errno when the link cannot carry @mtu bytes
 * @stats: counters for --stats, "name value" per line
 *
 * Only name, virtio_id, nr_vqs and vq_ready are mandatory.
 */
struct dev_ops {
	const char *name, *help;
	u32 virtio_id;
	unsigned int nr_vqs;
	u64 in_kick;
	u64 features;
	size_t priv_size, config_size;
	int (*probe)(struct dev *d, struct dev_args *a);
	void (*remove)(struct dev *d);
	void (*start)(struct dev *d);
	void (*stop)(struct dev *d, struct vq *vq);
	void (*vq_ready)(struct dev *d, unsigned int vq);
	int (*config_set)(struct dev *d, size_t off, size_t len);
	void (*announce)(struct dev *d, u64 mac);
	int (*mtu)(struct dev *d, u64 mtu);
	void (*stats)(const struct dev *d, FILE *f);
};

const char *dev_name(const struct dev *d);
void *dev_priv(const struct dev *d);
void *dev_config(const struct dev *d);
struct dev_bus *dev_bus(const struct dev *d);

/** dev_vq() - queue @i; NULL while no front-end is connected */
struct vq *dev_vq(const struct dev *d, unsigned int i);

/** dev_feature() - was virtio feature @bit negotiated */
bool dev_feature(const struct dev *d, unsigned int bit);

/** dev_offer() - in probe: virtio feature bits besides dev_ops.features */
void dev_offer(struct dev *d, u64 features);

/** dev_set_nr_vqs() - in probe: only so many queues, at most dev_ops.nr_vqs */
void dev_set_nr_vqs(struct dev *d, unsigned int n);

/** dev_config_changed() - tell the driver that dev_config() has changed */
void dev_config_changed(struct dev *d);

/**
 * dev_vq_coalesce() - interrupt moderation for queue @vq
 * @ns: a pushed buffer waits so long for its call, in simulated time; 0: none
 * @bufs: but no longer than until so many have been pushed
 *
 * If the driver finds the buffers by itself meanwhile, as most do when they
 * handle the interrupt of another queue, the call is saved.
 */
void dev_vq_coalesce(struct dev *d, unsigned int vq, u64 ns, u32 bufs);

/**
 * dev_hold() - let simulated time stand until dev_put()
 *
 * What is due at this instant still runs. To be begun in vq_ready (but not of a
 * queue that is in_kick) and in timers.
 */
void dev_hold(struct dev *d);
void dev_put(struct dev *d);

/** dev_now() - simulated ns */
u64 dev_now(const struct dev *d);
u64 dev_bus_now(const struct dev_bus *b);

/**
 * struct dev_timer - call back at an instant
 *
 * Timers of the same instant run in the order in which they were armed.
 */
struct dev_timer {
	struct tt_event event;
	struct dev_bus *bus;
	void (*fn)(struct dev_timer *t);
};

void dev_timer_init(struct dev_timer *t, struct dev_bus *b,
		    void (*fn)(struct dev_timer *t));

/**
 * dev_timer_arm() - (re)arm for simulated time @when, ns
 *
 * A time that has passed means now, after the present callback.
 */
void dev_timer_arm(struct dev_timer *t, u64 when);
void dev_timer_cancel(struct dev_timer *t);
static inline bool dev_timer_armed(const struct dev_timer *t)
{
	return t->event.node.queued;
}

/**
 * dev_rand() - next number of the device's own random sequence
 *
 * The sequence follows from the run's seed and the device's name alone.
 */
u64 dev_rand(struct dev *d);

/**
 * dev_bus_seed() - a seed of its own for the thing called @name
 *
 * Use with base/prng.h where there is no device (a link).
 */
u64 dev_bus_seed(const struct dev_bus *b, const char *name);

/*
 * DOC: Files of the host
 *
 * The host takes the time it takes; in simulated time it takes none. While an
 * operation is under way the instant is held: what was due in it already still
 * runs, then all devices wait until the host has done it. done() comes as a
 * callback of that instant, and operations that are under way at the same time
 * are reported in the order in which they were begun, over all files. So
 * nothing shows how fast the host is.
 *
 * There is one operation at a time per file, and the data goes through a
 * buffer of the file. The kernel never gets addresses of the guest's memory:
 * that can go away while it works.
 *
 * To be begun in vq_ready (but not of a queue that is in_kick), timers, and
 * done() itself, as everything that holds time.
 */
#define DEV_FILE_BUF	((size_t)1024 * 1024)

struct dev_file;

/**
 * enum dev_file_mode
 * @DEV_FILE_WRITE: for reading and writing; nobody else may have it open so
 * @DEV_FILE_READ: others may read it, too
 *
 * "Nobody" is who cares for locks (fcntl(2), F_OFD_SETLK): umtt and QEMU do.
 */
enum dev_file_mode { DEV_FILE_READ, DEV_FILE_WRITE };

/**
 * dev_file_open() - open an existing regular file or block device
 * @path: relative ones begin where the user has started umtt
 * @done: an operation has ended; @err 0 or -errno. A file that ends too soon
 *	is -EIO.
 *
 * Return: 0, -errno after one line
 */
int __must_check dev_file_open(struct dev *d, const char *path,
			       enum dev_file_mode mode,
			       void (*done)(void *owner, int err), void *owner,
			       struct dev_file **out);

/** dev_file_close() - done() is not called any more; @f may be NULL */
void dev_file_close(struct dev_file *f);

/** dev_file_size() - bytes, when it was opened */
u64 dev_file_size(const struct dev_file *f);

/** dev_file_buf() - DEV_FILE_BUF bytes; the host's during read and write */
void *dev_file_buf(const struct dev_file *f);

/**
 * dev_file_read(), dev_file_write() - between the start of the buffer and @off
 * @len: 1 to DEV_FILE_BUF
 */
void dev_file_read(struct dev_file *f, u64 off, size_t len);
void dev_file_write(struct dev_file *f, u64 off, size_t len);

/**
 * dev_file_zero() - let @len bytes from @off on read as zeros
 *
 * Without taking space, where the host's file system can do that; else zeros
 * are written, from the buffer.
 */
void dev_file_zero(struct dev_file *f, u64 off, u64 len);

/** dev_file_sync() - all that was written survives a power failure of the host */
void dev_file_sync(struct dev_file *f);

/*
 * Files that are read as a whole in probe, and files that grow: what was
 * written is the host's before the call returns, so nothing of it is lost
 * however the run ends.
 */
#define DEV_LOAD_MAX	((size_t)64 * 1024 * 1024)

/**
 * dev_load() - in probe: what is in a regular file
 * @buf: to be freed; NULL for an empty file
 *
 * Return: 0, -errno after one line
 */
int __must_check dev_load(struct dev *d, const char *path, u8 **buf,
			  size_t *len);

struct dev_out;

/**
 * dev_out_open() - in probe: make an empty file, or empty one that is there
 *
 * Return: 0, -errno after one line
 */
int __must_check dev_out_open(struct dev *d, const char *path,
			      struct dev_out **out);

/** dev_out_write() - append; what the host cannot store is reported once */
void dev_out_write(struct dev_out *o, const void *buf, size_t len);

/** dev_out_close() - @o may be NULL */
void dev_out_close(struct dev_out *o);

/*
 * DOC: Sockets of the host
 *
 * A program of the host lives in real time. What a device does with its socket
 * is done at once or not at all; nothing calls a device because a program has
 * done something. It looks at instants of its own choice, as a timer's, or it
 * waits for the program while time stands.
 */
struct dev_sock;
struct dev_listener;

/** dev_sock_connect() - to a UNIX socket; 0, -errno */
int __must_check dev_sock_connect(struct dev *d, const char *path,
				  struct dev_sock **out);

/**
 * dev_listen() - in probe: be found by programs of the host
 *
 * Return: 0, -errno after one line
 */
int __must_check dev_listen(struct dev *d, const char *path,
			    struct dev_listener **out);

/** dev_accept() - the next who has connected; NULL: nobody has, or no memory */
struct dev_sock *dev_accept(struct dev_listener *l);

/** dev_listen_close() - @l may be NULL */
void dev_listen_close(struct dev_listener *l);

/** dev_sock_recv() - bytes; 0: the program has closed it; -EAGAIN, -errno */
ssize_t dev_sock_recv(struct dev_sock *s, void *buf, size_t len);

/** dev_sock_send() - bytes, perhaps fewer than @len; -EAGAIN, -errno */
ssize_t dev_sock_send(struct dev_sock *s, const void *buf, size_t len);

/** dev_sock_shutdown() - nothing more will be sent */
void dev_sock_shutdown(struct dev_sock *s);

/**
 * dev_sock_wait() - time stands until there is something to be received
 * @ns: but no longer than that of real time
 * @ready: called in this very instant; not after dev_sock_close()
 *
 * To be begun in a timer. A second call while it waits is ignored.
 */
void dev_sock_wait(struct dev_sock *s, u64 ns, void (*ready)(void *owner),
		   void *owner);

/** dev_sock_close() - @s may be NULL */
void dev_sock_close(struct dev_sock *s);

/**
 * dev_fopen() - in probe: a file of text, that of an option
 * @path: relative ones begin where the user has started umtt
 * @mode: as for fopen(3)
 *
 * What is written costs no simulated time, so there should not be much of it.
 *
 * Return: NULL with errno
 */
FILE *dev_fopen(struct dev *d, const char *path, const char *mode);

/**
 * dev_arg_str() - value of option @key, or @dflt
 *
 * Options that nobody asked for are an error of the user's, reported after
 * probe. The string lives as long as the device.
 */
const char *dev_arg_str(struct dev_args *a, const char *key, const char *dflt);

/**
 * dev_arg_u64() - number with optional k, M, G (powers of 1000) or Ki, Mi, Gi
 * dev_arg_time() - "100us", "2h", "1.5ms"; ns without a unit
 * dev_arg_rate() - bits per second: "1Gbit", "10Mbit", "64kbit"; bit/s without a unit
 * dev_arg_prob() - probability: "0.01" or "1%", as a fraction of 2^64 - 1
 * dev_arg_bool() - key, key=1, key=on, key=yes; key=0, key=off, key=no
 *
 * *@v is left alone where the option is absent.
 *
 * Return: 0; -EINVAL after one line that names option and value
 */
int __must_check dev_arg_u64(struct dev_args *a, const char *key, u64 *v);
int __must_check dev_arg_time(struct dev_args *a, const char *key, u64 *v);
int __must_check dev_arg_rate(struct dev_args *a, const char *key, u64 *v);
int __must_check dev_arg_prob(struct dev_args *a, const char *key, u64 *v);
int __must_check dev_arg_bool(struct dev_args *a, const char *key, bool *v);

/** dev_trace_keys() - what was typed, in which turn of a keys device */
void dev_trace_keys(struct dev *d, u64 turn, const void *keys, size_t len);

/*
 * Traces: frames on a link, for who looks at a run afterwards. Links and the ports
 * of devices on them have numbers; so has every frame.
 */
unsigned int dev_trace_link(struct dev_bus *b, const char *name);
unsigned int dev_trace_port(struct dev *d, unsigned int link);
/** dev_trace_tx() - @port sends; Return: the frame's number */
u64 dev_trace_tx(struct dev_bus *b, unsigned int port, const void *frame,
		 size_t len);
void dev_trace_rx(struct dev_bus *b, unsigned int port, u64 frame, size_t len);
void dev_trace_lost(struct dev_bus *b, unsigned int port, u64 frame, size_t len,
		    const char *why);

/**
 * dev_bus_shared() - an object that several devices share, found by name
 * @type: a string constant, the kind ("link")
 * @name: which one
 *
 * Return: what dev_bus_share() stored, NULL if nothing
 */
void *dev_bus_shared(const struct dev_bus *b, const char *type,
		     const char *name);

/**
 * dev_bus_share() - make @obj known under (@type, @name)
 * @release: called with @obj when the bus goes
 * @stats: counters for --stats, may be NULL
 *
 * Return: 0, -EEXIST, -ENOMEM (@obj is then still the caller's)
 */
int __must_check dev_bus_share(struct dev_bus *b, const char *type,
			       const char *name, void *obj,
			       void (*release)(void *obj),
			       void (*stats)(const void *obj, FILE *f));

#endif
