// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What tests of malformed rings share. */
#include <unistd.h>

#include "conf.h"

void stop_or_closed(struct fe *fe, struct queue *q)
{
	struct vhost_user_vring_state s = { .index = q->index };
	struct outcome o = ask(fe, GET_VRING_BASE, PLAIN, &s, sizeof(s), NULL, 0);

	if (!o.closed && o.replies != 1)
		fail("expected an answer to GET_VRING_BASE, or the end of the connection; came: %s",
		     describe(&o));
}

/*
 * What a hostile ring may lead to: nothing that is seen from outside, a buffer
 * that comes back, an error signalled by the err fd, or the end of the
 * connection. Never a crash, a loop without end, or a session that cannot be
 * closed: that is what this looks at, and what comes after each test.
 */
void survives(struct fe *fe, struct queue *q, const char *what)
{
	u64 end = now_ms() + 12, one = 1, v;
	struct outcome o;
	struct used u;

	note("%s", what);
	if (q->kick >= 0 && write(q->kick, &one, sizeof(one)) < 0)
		broken("write");
	/* What comes back on a packed ring need not be an id of ours. */
	while (now_ms() < end && (q->packed || !queue_used(q, &u)) &&
	       (q->err < 0 || read(q->err, &v, sizeof(v)) < 0))
		pump(fe, q, 1);
	o = settle(fe);
	if (o.replies)
		fail("%s: expected no reply; came: %s", what, describe(&o));
	/* Whatever it does in return, it comes to an end. */
	if (!o.closed)
		stop_or_closed(fe, q);
	fe_close(fe);
}

/* A chain of two good descriptors, to be spoiled. */
struct queue *hostile_split(struct fe **fe, unsigned int how)
{
	struct seg s[MAX_SEGS];
	struct queue *q;
	u16 i;

	*fe = fe_start(how);
	q = work_queue(*fe);
	opt.profile->put(*fe, 0, s);
	for (i = 0; i < q->num; i++)
		split_desc(q, i, s[0].gpa, 16, VRING_DESC_F_NEXT |
			   (s[0].write ? VRING_DESC_F_WRITE : 0),
			   (u16)((i + 1) % q->num));
	return q;
}

void table_desc(struct fe *fe, u64 at, unsigned int i, u64 addr, u32 len,
		       u16 flags, u16 next)
{
	struct vring_desc d = {
		.addr = addr, .len = len, .flags = flags, .next = next,
	};
	unsigned int k;

	/* Byte by byte: it may go from one region into the next. */
	for (k = 0; k < sizeof(d); k++)
		*(u8 *)guest_ptr(&fe->g, at + i * sizeof(d) + k) = ((u8 *)&d)[k];
}
