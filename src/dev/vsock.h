/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What the parts of the vsock device share. */
#ifndef DEV_VSOCK_H
#define DEV_VSOCK_H

#include <linux/virtio_vsock.h>
#include <sys/queue.h>

#include "dev.h"

#define VSOCK_HOST	2u		/* the host's CID */
#define VSOCK_MAX_PAYLOAD (64u * 1024)	/* of one packet of a driver */

/* Queues */
enum { VSOCK_VQ_RX, VSOCK_VQ_TX, VSOCK_VQ_EVENT, VSOCK_NR_VQS };

struct vsock;
struct vsock_host;
struct vsock_resets;

/**
 * struct packet - one, under way to another guest or waiting for a buffer
 * @timer: it arrives; @from: who has sent it, and keeps it up to then
 * @h: its header, in the byte order of guests
 * @off: bytes of @data that have been given to the guest
 */
struct packet {
	TAILQ_ENTRY(packet) entry;
	struct dev_timer timer;
	struct vsock *from;
	struct virtio_vsock_hdr h;
	u32 len, off;
	u8 data[];
};

TAILQ_HEAD(packet_list, packet);

/** struct guests - all vsock devices of a lab */
struct guests {
	TAILQ_HEAD(, vsock) list;
};

struct vsock_stats {
	u64 tx_packets, tx_bytes, rx_packets, rx_bytes;
	u64 malformed, unreachable, overflow, no_room, no_memory;
};

/**
 * struct vsock - the device
 * @cid: the guest's
 * @latency: of packets to other guests, ns
 * @joined: it is one of @guests
 * @up: a driver is there
 * @host: the host's end; NULL: nobody is there
 * @resets: of the transport; NULL: there will be none
 * @queue: packets that wait for a buffer of the guest, @queued bytes of memory
 * @under_way: packets that this guest has sent to others, @flying bytes
 */
struct vsock {
	struct dev *dev;
	struct guests *guests;
	TAILQ_ENTRY(vsock) entry;
	u64 cid, latency;
	bool joined, up;
	struct vsock_host *host;
	struct vsock_resets *resets;
	struct packet_list queue, under_way;
	size_t queued, flying;
	struct vsock_stats stats;
};

/** vsock_send() - a packet for the guest of @v; @h but for src_cid, dst_cid and len is the caller's */
void vsock_send(struct vsock *v, u64 src_cid, const struct virtio_vsock_hdr *h,
		const void *data, size_t len);

/** vsock_room() - payload that the queue of the guest should be given now */
size_t vsock_room(const struct vsock *v);

/** vsock_reset() - answer packet @h of @v's guest: there is no such connection */
void vsock_reset(struct vsock *v, const struct virtio_vsock_hdr *h);

/** vsock_forget() - all connections, and what is on its way between their ends */
void vsock_forget(struct vsock *v);

/** vsock_cid_ok() - can a guest have it */
bool vsock_cid_ok(u64 cid);
/** vsock_set_cid() - that of the guest, from now on; -EEXIST: another one's */
int __must_check vsock_set_cid(struct vsock *v, u64 cid);

/* Events; vsock_event.c */

/** vsock_event_new() - in probe, with its option; 0, -errno after one line */
int __must_check vsock_event_new(struct vsock *v, struct dev_args *a);
void vsock_event_free(struct vsock *v);
/** vsock_event_run() - tell the driver what is due, if it has a buffer for that */
void vsock_event_run(struct vsock *v);
/** vsock_event_forget() - another driver, or none: it has nothing to be told */
void vsock_event_forget(struct vsock *v);
void vsock_event_show(const struct vsock *v, FILE *f);

/* The host's end; vsock_host.c */

/** vsock_host_new() - in probe, with its options; 0, -errno after one line */
int __must_check vsock_host_new(struct vsock *v, struct dev_args *a);
void vsock_host_free(struct vsock_host *h);
/** vsock_host_reset() - the guest has another driver, or none: end all connections */
void vsock_host_reset(struct vsock_host *h);
/** vsock_host_packet() - the guest has sent @p to the host */
void vsock_host_packet(struct vsock_host *h, const struct virtio_vsock_hdr *hdr,
		       const void *data, size_t len);
/** vsock_host_begin() - a driver is there: programs can reach it */
void vsock_host_begin(struct vsock_host *h);
void vsock_host_show(const struct vsock_host *h, FILE *f);

#endif
