/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What a node says: its command's output and status, and its kernel's log. */
#ifndef LAB_CONSOLE_H
#define LAB_CONSOLE_H

#include "channel.h"
#include "outq.h"

struct console;

/**
 * struct console_ops - what becomes known of a node; called from the loop
 * @exited: its command has ended; @now is the node's clock, ns
 * @failed: init could not do its work, or has broken the protocol
 * @ended: all processes of the node have closed the channel
 * @cover: a frame of coverage, of @kind CHANNEL_COVER, _COVER_DATA or _KCOV
 * @said: output of its command, for stdout or stderr (@fd); may be NULL
 */
struct console_ops {
	void (*exited)(struct console *c, u32 status, u64 now);
	void (*failed)(struct console *c, const char *why);
	void (*ended)(struct console *c);
	void (*cover)(struct console *c, u8 kind, const u8 *data, size_t len);
	void (*said)(struct console *c, int fd, const u8 *data, size_t len);
};

/**
 * struct console - umtt's end of a node's channel
 * @plain: pass the output on byte for byte; else as lines with the name
 */
struct console {
	const struct console_ops *ops;
	void *owner;
	struct ring *ring;
	struct outq *q;
	bool plain, ended;
	int fd;
	struct op op;
	struct outq_lines out, err;
	char *prefix;
	size_t have;
	u8 buf[8 * CHANNEL_MAX_FRAME];
};

/**
 * console_pair() - make the two ends of a channel
 * @stream: for kernels whose serial lines do not wait for a full socket
 * @ends: ours, and the node's
 *
 * A socket of whole messages: a write to it is done completely or blocks, and
 * its small queue holds the node back, without simulated time passing, while
 * nobody reads. Kernels before 6.8 do not let a line block; they get a pipe, as
 * large as is allowed, so that a node which writes more than that at once
 * is unlikely to find it full and pass simulated time with waiting.
 *
 * Return: 0 or -errno
 */
int __must_check console_pair(bool stream, int ends[2]);

/** console_open() - begin to listen; @fd will be closed by console_close() */
void console_open(struct console *c, struct ring *r, struct outq *q, int fd,
		  const char *name, bool plain);

/** console_drain() - take all that has come, however full the output queue is */
void console_drain(struct console *c);

/** console_resume() - the output queue is no longer full */
void console_resume(struct console *c);

/**
 * console_close() - hear no more; to be followed by ring_drain()
 *
 * Without it, ring_drain() goes on until the node has closed its end.
 */
void console_close(struct console *c);
/** console_fini() - after ring_drain() */
void console_fini(struct console *c);

/**
 * struct klog - a kernel's log on its way to stderr and to its file
 * @file: where it goes besides
 */
struct klog {
	struct ring *ring;
	int fd, file;
	bool ended;
	struct op op;
	struct outq_lines lines;
	char *prefix;
	char buf[4096];
};

/** klog_open() - begin to read; ends by itself when the node has ended */
void klog_open(struct klog *k, struct ring *r, struct outq *q, int fd,
	       int file, const char *name);
/** klog_resume() - the output queue is no longer full */
void klog_resume(struct klog *k);
/** klog_fini() - after the end of the node and ring_drain() */
void klog_fini(struct klog *k);

#endif
