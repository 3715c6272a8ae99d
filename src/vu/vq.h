/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Virtqueues as a device sees them: buffers in, buffers out (pure). */
#ifndef VU_VQ_H
#define VU_VQ_H

#include <stdbool.h>
#include <sys/uio.h>

#include "../base/types.h"

struct mem;
struct vq;

#define VQ_MAX_NUM	32768u	/* virtio: the largest ring */
#define VQ_MAX_SEGS	1024u	/* longest chain, in host segments */
#define VQ_BUF_INLINE	20u	/* segments that need no allocation */

/**
 * struct vq_buf - one buffer of the driver, in the hands of the device
 * @nr_out, @nr_in: segments the device may read, and may write
 * @out_len, @in_len: their bytes
 * @iov: @nr_out readable segments, then @nr_in writable ones
 *
 * Embed it in the device's request. Do not copy it. It is valid from vq_pop()
 * until vq_push() or vq_drop(), one of which must follow. The bytes belong to
 * the guest, which may change them at any moment: read each once.
 */
struct vq_buf {
	struct vq *vq;
	u32 gen;		/* vq.c's: which set-up of the queue it is from */
	u16 head;
	unsigned int nr_out, nr_in;
	size_t out_len, in_len;
	struct iovec *iov;
	struct iovec inline_iov[VQ_BUF_INLINE];
};

/**
 * vq_pop() - take the next buffer that the driver has made available
 *
 * Pop until there is none: only then does the driver know to kick again.
 *
 * Return: 1 with @b filled in, 0 when there is none (or the queue is stopped,
 *	disabled or broken), -errno when the ring is malformed: the queue is
 *	then broken until it is set up again. -ENOMEM breaks nothing: the same
 *	buffer comes again next time. A device may treat an error like 0.
 */
int vq_pop(struct vq *vq, struct vq_buf *b);

/**
 * vq_push() - give a buffer back as used
 * @written: bytes that the device has written, at most @b->in_len
 *
 * The driver gets its call when the device's callback has returned, once
 * for all that was pushed, unless it asked for none.
 *
 * When the queue was taken away meanwhile, guest memory is not touched: a
 * disabled queue treats it as vq_drop(), one that was stopped, broken or set
 * up anew just forgets it. Either way @b is free.
 */
void vq_push(struct vq *vq, struct vq_buf *b, u32 written);

/**
 * vq_drop() - let go of a buffer without using it
 *
 * The buffer is handed out again, in its old order and before newer ones, by
 * the next vq_pop(). From dev_ops.stop that is when the queue is enabled again
 * without having been set up anew; elsewhere it undoes a vq_pop().
 */
void vq_drop(struct vq *vq, struct vq_buf *b);

/**
 * vq_buf_read() - copy from the readable part
 * @off: bytes to skip
 *
 * Return: bytes copied, less than @len where the buffer ends
 */
size_t vq_buf_read(const struct vq_buf *b, size_t off, void *dst, size_t len);

/**
 * vq_buf_write() - copy into the writable part
 * @off: bytes to skip
 *
 * Return: bytes copied, less than @len where the buffer ends
 */
size_t vq_buf_write(const struct vq_buf *b, size_t off, const void *src,
		    size_t len);

/** vq_index() - which queue of its device it is, from 0 */
unsigned int vq_index(const struct vq *vq);

/** vq_usable() - started, enabled, not broken: vq_pop() may have buffers */
bool vq_usable(const struct vq *vq);

#endif
