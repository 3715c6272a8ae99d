// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Chains of descriptors: from a head to the memory that it means (pure). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "mem.h"
#include "vring.h"

/*
 * Each descriptor is copied before it is looked at, since the driver may change
 * it at any moment, and is never looked at again.
 */

/**
 * struct table - a descriptor table being walked
 * @ring: the ring's own, NULL for an indirect one
 * @gpa: guest address of an indirect one
 * @nr: number of entries
 * @packed: of a packed ring: its entries follow each other
 */
struct table {
	const struct vring_desc *ring;
	u64 gpa;
	u32 nr;
	bool packed;
};

static int bad(struct chain *c, int err, const char *why)
{
	c->why = why;
	return err;
}

/* An indirect table may begin anywhere, and go over from region to region. */
static int copy_indirect(struct chain *c, u64 gpa, struct vring_desc *d)
{
	struct iovec iov[2];
	u8 *dst = (u8 *)d;
	int n;

	n = mem_gpa_iov(c->mem, gpa, sizeof(*d), iov, ARRAY_SIZE(iov));
	if (n < 0)
		return bad(c, -EFAULT, "indirect table not in guest memory");
	memcpy(dst, iov[0].iov_base, iov[0].iov_len);
	if (n > 1)
		memcpy(dst + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	return 0;
}

/*
 * A packed table's entry, as a split one would say it. Flags other than WRITE
 * are ignored there, but to ignore INDIRECT would be to read the wrong thing.
 */
static void unpack(const struct table *t, u32 i, struct vring_desc *d)
{
	struct vring_packed_desc p;

	memcpy(&p, d, sizeof(p));
	d->flags = p.flags & htole16(VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT);
	if (i + 1 < t->nr)
		d->flags |= htole16(VRING_DESC_F_NEXT);
	d->next = htole16((u16)(i + 1));
}

static int load_desc(struct chain *c, const struct table *t, u32 i,
		     struct vring_desc *d)
{
	int err = 0;

	if (t->ring)
		memcpy(d, &t->ring[i], sizeof(*d));
	else
		err = copy_indirect(c, t->gpa + i * sizeof(*d), d);
	if (err)
		return err;
	/* The compiler must not go back to the original for a second look. */
	barrier();
	if (t->packed)
		unpack(t, i, d);
	d->addr = le64toh(d->addr);
	d->len = le32toh(d->len);
	d->flags = le16toh(d->flags);
	d->next = le16toh(d->next);
	return 0;
}

static int add_segments(struct chain *c, const struct vring_desc *d)
{
	unsigned int used = c->nr_out + c->nr_in;
	int n;

	if (d->flags & VRING_DESC_F_WRITE)
		c->writable = true;
	else if (c->writable)
		return bad(c, -EINVAL, "readable descriptor after a writable one");
	*(c->writable ? &c->in_len : &c->out_len) += d->len;
	if (c->out_len + c->in_len > UINT32_MAX)
		return bad(c, -EINVAL, "buffer of 4 GiB or more");
	n = mem_gpa_iov(c->mem, d->addr, d->len, c->seg + used,
			VQ_MAX_SEGS - used);
	if (n == -ENOBUFS)
		return bad(c, -E2BIG, "buffer of too many segments");
	if (n < 0)
		return bad(c, -EFAULT, "descriptor not in guest memory");
	*(c->writable ? &c->nr_in : &c->nr_out) += n;
	return 0;
}

/*
 * The specification wants no table longer than the ring; Linux makes them, for
 * small rings. More entries than segments are allowed would be of no use.
 */
static int open_indirect(struct chain *c, const struct vring_desc *d,
			 struct table *t)
{
	if (!c->indirect)
		return bad(c, -EINVAL, "indirect descriptor, not negotiated");
	if (!t->ring)
		return bad(c, -EINVAL, "indirect descriptor in an indirect table");
	if (d->flags & VRING_DESC_F_NEXT)
		return bad(c, -EINVAL, "indirect descriptor with a next one");
	if (!d->len || d->len % sizeof(*d))
		return bad(c, -EINVAL, "indirect table of a wrong length");
	if (d->len / sizeof(*d) > VQ_MAX_SEGS)
		return bad(c, -E2BIG, "indirect table too long");
	if (d->addr + d->len < d->addr)
		return bad(c, -EFAULT, "indirect table not in guest memory");
	*t = (struct table){
		.gpa = d->addr, .nr = d->len / (u32)sizeof(*d),
		.packed = c->packed,
	};
	return 0;
}

/*
 * From the ring's table perhaps into one indirect table. No table can give more
 * descriptors than it has entries, so loops end.
 */
int chain_walk(struct chain *c, u16 head)
{
	struct table t = { .ring = c->ring, .nr = c->num };
	u32 i = head, left = t.nr;
	struct vring_desc d;
	int err;

	while (left--) {
		err = load_desc(c, &t, i, &d);
		if (err)
			return err;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			err = open_indirect(c, &d, &t);
			if (err)
				return err;
			i = 0;
			left = t.nr;
			continue;
		}
		err = add_segments(c, &d);
		if (err || !(d.flags & VRING_DESC_F_NEXT))
			return err;
		i = d.next;
		if (i >= t.nr)
			return bad(c, -EINVAL, "next descriptor out of range");
	}
	return bad(c, -ELOOP, "descriptor chain loops");
}
