// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Setting up rings: R6, R15, and groups C1 to C5. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf.h"

#define SECT_NUM	"Front-end message types, SET_VRING_NUM"
#define SECT_ADDR	"Front-end message types, SET_VRING_ADDR"
#define SECT_BASE	"Front-end message types, SET_VRING_BASE"
#define SECT_FD		"Front-end message types, SET_VRING_KICK"

/* As refused(), in a session that is renewed when it ends. */
static void bad(struct fe **fe, u32 request, const void *p, u32 size, int fd,
		const char *why)
{
	if (refused(*fe, request, p, size, &fd, fd >= 0, why))
		return;
	fe_close(*fe);
	*fe = fe_open(0);
}

static void bad_state(struct fe **fe, u32 request, u32 index, u32 num,
		      const char *why)
{
	struct vhost_user_vring_state s = { .index = index, .num = num };

	bad(fe, request, &s, sizeof(s), -1, why);
}

TEST(C1, queues_that_there_are_not, "Multiple queue support",
     "A queue index beyond the last queue is refused on each request that has one; it is not cut to 16 bits.")
{
	static const u32 index[] = { 255, 256, 0x8000, 0xffff, 0x10000, 0x10001,
				     0x7fffffff, 0x80000000, 0xffffffff };
	static const u32 r[] = { SET_VRING_NUM, SET_VRING_BASE, GET_VRING_BASE,
				 SET_VRING_ENABLE };
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr a;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(index); i++) {
		for (j = 0; j < ARRAY_SIZE(r); j++)
			bad_state(&fe, r[j], index[i], r[j] == SET_VRING_NUM ? 64 :
				  r[j] == SET_VRING_ENABLE,
				  "of a queue that there is not");
		a = vring_addr(&fe->q[0]);
		a.index = index[i];
		bad(&fe, SET_VRING_ADDR, &a, sizeof(a), -1,
		    "of a queue that there is not");
	}
}

TEST(C1, first_queue_that_there_is_not, "Multiple queue support",
     "The index GET_QUEUE_NUM is one too many.")
{
	struct fe *fe = fe_open(0);
	u32 n;

	need_pf(fe, PF_MQ, "MQ");
	if (opt.profile == profile_find("net"))
		skip("of network devices it may be the number of pairs");
	n = (u32)get_u64(fe, GET_QUEUE_NUM);
	bad_state(&fe, SET_VRING_NUM, n, 64, "of one queue too many");
	bad_state(&fe, SET_VRING_BASE, n, 0, "of one queue too many");
	bad_state(&fe, SET_VRING_ENABLE, n, 1, "of one queue too many");
	bad_state(&fe, GET_VRING_BASE, n, 0, "of one queue too many");
}

TEST(C2, sizes_that_no_ring_has, SECT_NUM,
     "The size of a split ring is a power of two from 1 to 32768.")
{
	static const u32 num[] = { 0, 3, 255, 32769, 65535, 65536, 0x10040,
				   0x80000000, 0xffffffff };
	struct fe *fe = fe_open(0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num); i++)
		bad_state(&fe, SET_VRING_NUM, 0, num[i], "with an impossible size");
}

TEST(C2, sizes_that_a_ring_has, SECT_NUM,
     "Small rings work, down to what one request needs.")
{
	static const u32 num[] = { 4, 8, 16, 128, 256 };
	struct fe *fe;
	struct queue *q;
	unsigned int i, k;

	need_work();
	for (i = 0; i < ARRAY_SIZE(num); i++) {
		fe = fe_open(0);
		q = work_queue(fe);
		queue_init(&fe->g, q, q->index, num[i], false);
		queue_start(fe, q);
		for (k = 0; k < 6; k++)
			work(fe, q, "on a ring of another size");
		fe_close(fe);
	}
}

TEST(C2, ring_of_one, SECT_NUM,
     "A ring of one descriptor works, for requests of one descriptor.")
{
	struct seg s[MAX_SEGS];
	struct queue *q;
	struct fe *fe;

	need_work();
	fe = fe_open(0);
	if (opt.profile->put(fe, 0, s) > 1)
		skip("the device's requests have more than one descriptor");
	q = work_queue(fe);
	queue_init(&fe->g, q, q->index, 1, false);
	queue_start(fe, q);
	work(fe, q, "on a ring of one");
	work(fe, q, "on a ring of one, again");
}

TEST(C2, ring_set_up_anew_while_disabled, "Ring states",
     "NUM, BASE and ADDR of a ring that is disabled are a clean new start: some front-ends never send GET_VRING_BASE.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;

	if (!(fe->features & BIT_ULL(F_PROTOCOL)))
		skip("protocol features are not offered");
	for (i = 0; i < 3; i++) {
		work(fe, q, "before it is set up anew");
		work(fe, q, "before it is set up anew");
		queue_enable(fe, q, false);
		queue_init(&fe->g, q, q->index, i == 1 ? 32 : QUEUE_NUM, false);
		queue_start(fe, q);
	}
	work(fe, q, "after it is set up anew");
}

TEST(C2, num_of_a_running_ring, SECT_NUM,
     "The size of a ring that is running is not changed, or it is set up anew; nobody is led to memory beyond it.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	struct vhost_user_vring_state s = { .index = q->index, .num = 32768 };
	struct outcome o;

	work(fe, q, "before");
	o = ask(fe, SET_VRING_NUM, ACKED, &s, sizeof(s), NULL, 0);
	if (o.closed)
		return;
	if (has_pf(fe, PF_REPLY_ACK) && is_ack(&o, SET_VRING_NUM, false)) {
		work(fe, q, "NUM was refused, so the ring runs on");
		return;
	}
	work_put(fe, q, 0);
	queue_kick(fe, q);
	target_settles();
	settle(fe);
}

/* C3, R15 */

static void bad_addr(struct fe **fe, struct vhost_user_vring_addr a,
		     const char *why)
{
	struct vhost_user_vring_state num = { .index = a.index, .num = 256 };
	struct outcome o;
	u64 v = a.index;
	int fd;

	must_ask(*fe, SET_VRING_NUM, &num, sizeof(num), NULL, 0);
	o = ask(*fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0);
	if (!o.closed && has_pf(*fe, PF_REPLY_ACK) &&
	    is_ack(&o, SET_VRING_ADDR, true)) {
		if (opt.strict)
			fail("SET_VRING_ADDR %s: expected a NACK; came: %s", why,
			     describe(&o));
		/* Then at the latest when it starts; and a kick is harmless. */
		fd = eventfd(1, EFD_CLOEXEC);
		o = ask(*fe, SET_VRING_KICK, ACKED, &v, sizeof(v), &fd, 1);
		if (!o.closed)
			o = ask(*fe, SET_VRING_ENABLE, ACKED,
				&(struct vhost_user_vring_state){ a.index, 1 }, 8,
				NULL, 0);
		close(fd);
		target_settles();
		note("%s", why);
	}
	fe_close(*fe);
	*fe = fe_open(0);
}

TEST(C3, rings_outside_of_memory, SECT_ADDR,
     "Each part of a ring lies within memory as a whole: refused, or the ring does not run.")
{
	const u64 end = MEM_UVA + MEM_REGIONS * MEM_SIZE;
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr good = vring_addr(&fe->q[0]), a;
	static const u64 none[] = { 0, 0x1000, 1ULL << 63, U64_MAX & ~0xfffULL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		a = good;
		a.desc = none[i];
		bad_addr(&fe, a, "with descriptors outside of memory");
		a = good;
		a.avail = none[i];
		bad_addr(&fe, a, "with an avail ring outside of memory");
		a = good;
		a.used = none[i];
		bad_addr(&fe, a, "with a used ring outside of memory");
	}
	a = good;
	a.desc = end - 0x100;
	bad_addr(&fe, a, "with descriptors that end outside of memory");
	a = good;
	a.avail = end - 0x10;
	bad_addr(&fe, a, "with an avail ring that ends outside of memory");
	a = good;
	a.used = end - 0x10;
	bad_addr(&fe, a, "with a used ring that ends outside of memory");
}

TEST(C3, rings_misaligned, SECT_ADDR,
     "Descriptors are aligned to 16, avail rings to 2 and used rings to 4 bytes: refused, or no harm is done.")
{
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr good = vring_addr(&fe->q[0]), a;

	a = good;
	a.desc += 8;
	bad_addr(&fe, a, "with misaligned descriptors");
	a = good;
	a.avail += 1;
	bad_addr(&fe, a, "with a misaligned avail ring");
	a = good;
	a.used += 2;
	bad_addr(&fe, a, "with a misaligned used ring");
}

TEST(C3, guest_addresses_are_no_user_addresses, SECT_ADDR,
     "Rings are named by user addresses, buffers by guest addresses.")
{
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);

	a.desc = fe->q[0].at;
	a.avail = fe->q[0].at + 0x1000;
	a.used = fe->q[0].at + 0x2000;
	bad_addr(&fe, a, "with guest addresses");
}

TEST(R15, log_address_without_its_flag, SECT_ADDR,
     "The log address counts only with the flag VHOST_VRING_F_LOG; without, it may be anything.")
{
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);

	must_state(fe, SET_VRING_NUM, 0, QUEUE_NUM);
	a.log = U64_MAX;
	must_ask(fe, SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
}

TEST(R15, ring_across_two_regions, SECT_ADDR,
     "A ring whose parts go from one region into the next works or is refused; it is not read from elsewhere.")
{
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);

	a.desc = MEM_UVA + MEM_SIZE - 0x800;
	bad_addr(&fe, a, "with descriptors in two regions");
}

/* C4 */

TEST(C4, base_beyond_16_bits, SECT_BASE,
     "The base of a split ring has 16 bits; more are refused, or do not count.")
{
	struct vhost_user_vring_state s = { .num = 0x10000 };
	struct fe *fe = fe_open(0);

	if (opt.strict)
		refused(fe, SET_VRING_BASE, &s, sizeof(s), NULL, 0,
			"with a base of 0x10000");
	else
		ask(fe, SET_VRING_BASE, ACKED, &s, sizeof(s), NULL, 0);
}

TEST(C4, base_of_65535, SECT_BASE,
     "A ring may begin just before its indices wrap.")
{
	struct fe *fe;
	struct queue *q;
	unsigned int i;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	q->base = 65533;
	q->next_avail = q->next_used = 65533;
	q->avail->idx = q->used->idx = 65533;
	queue_start(fe, q);
	for (i = 0; i < 6; i++)
		work(fe, q, "across the wrap of the indices");
	if (queue_stop(fe, q) != 3)
		fail("GET_VRING_BASE: expected 3, six after 65533");
}

TEST(C4, used_index_is_read_from_memory, SECT_BASE,
     "Where the used ring stands is read from guest memory, not guessed from the base.")
{
	struct fe *fe;
	struct queue *q;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	q->base = 7;
	q->next_avail = q->avail->idx = 7;
	q->next_used = q->used->idx = 7;
	queue_start(fe, q);
	work(fe, q, "with indices of 7");
}

TEST(C4, kick_before_anything, SECT_FD,
     "A kick fd for a ring that is not set up is taken or refused; nobody follows pointers that are not there.")
{
	struct fe *fe = fe_open(0);
	u64 v = 0;
	int fd = eventfd(1, EFD_CLOEXEC);

	if (!ask(fe, SET_VRING_KICK, ACKED, &v, sizeof(v), &fd, 1).closed)
		target_settles();
	fe_close(fe);
	/* Not even memory. */
	fe = fe_connect();
	fe_negotiate(fe, 0);
	if (!ask(fe, SET_VRING_KICK, ACKED, &v, sizeof(v), &fd, 1).closed)
		target_settles();
	settle(fe);
}

TEST(C4, addr_before_memory, SECT_ADDR,
     "Addresses before there is memory are refused, or looked at later.")
{
	struct fe *fe = fe_connect();
	struct vhost_user_vring_addr a;
	struct outcome o;
	u64 v = 0;
	int fd = eventfd(1, EFD_CLOEXEC);

	fe_negotiate(fe, 0);
	a = vring_addr(&fe->q[0]);
	must_state(fe, SET_VRING_NUM, 0, QUEUE_NUM);
	o = ask(fe, SET_VRING_ADDR, ACKED, &a, sizeof(a), NULL, 0);
	if (!o.closed)
		o = ask(fe, SET_VRING_KICK, ACKED, &v, sizeof(v), &fd, 1);
	if (!o.closed)
		target_settles();
	settle(fe);
}

TEST(C4, enable_with_other_numbers, "Front-end message types, SET_VRING_ENABLE",
     "SET_VRING_ENABLE says 0 or 1; another number is refused, or counts as 1.")
{
	static const u32 num[] = { 2, 0x100, 0x80000000, 0xffffffff };
	struct vhost_user_vring_state s = { .index = 0 };
	struct fe *fe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num); i++) {
		fe = fe_open(0);
		s.num = num[i];
		if (opt.strict)
			refused(fe, SET_VRING_ENABLE, &s, sizeof(s), NULL, 0,
				"with another number than 0 or 1");
		else
			ask(fe, SET_VRING_ENABLE, ACKED, &s, sizeof(s), NULL, 0);
		fe_close(fe);
	}
}

TEST(C4, setters_in_any_order, "Ring states",
     "Call, err and enable may come before or after NUM, BASE and ADDR; the ring works once all are there.")
{
	struct fe *fe;
	struct queue *q;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, true);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_vring_fd(fe, SET_VRING_CALL, q->index, q->call);
	queue_setup(fe, q);
	set_vring_fd(fe, SET_VRING_KICK, q->index, q->kick);
	work(fe, q, "set up in another order");
}

TEST(C5, setters_repeated, "Front-end message types",
     "A setter that is repeated 2000 times costs no memory and no files.")
{
	struct fe *fe = fe_open(0);
	struct vhost_user_vring_addr a = vring_addr(&fe->q[0]);
	int fd = eventfd(0, EFD_CLOEXEC), fds;
	long rss;
	u64 v = 0;
	unsigned int i;

	queue_setup(fe, &fe->q[0]);
	set_vring_fd(fe, SET_VRING_CALL, v, fd);
	set_vring_fd(fe, SET_VRING_ERR, v, fd);
	fds = target_fds("");
	rss = target_rss_kb();
	for (i = 0; i < 2000; i++) {
		struct vhost_user_vring_state s = { 0, 64 };

		send_msg(fe, SET_VRING_NUM, PLAIN, &s, sizeof(s), NULL, 0);
		send_msg(fe, SET_VRING_ADDR, PLAIN, &a, sizeof(a), NULL, 0);
		send_msg(fe, SET_VRING_CALL, PLAIN, &v, sizeof(v), &fd, 1);
		send_msg(fe, SET_VRING_ERR, PLAIN, &v, sizeof(v), &fd, 1);
		send_msg(fe, SET_OWNER, PLAIN, NULL, 0, NULL, 0);
	}
	alive(fe);
	if (fds >= 0)
		wait_target_fds("", fds, "the same setters again");
	if (rss >= 0 && target_rss_kb() - rss > 65536)
		fail("expected no growth; the back-end has grown by %ld kB",
		     target_rss_kb() - rss);
}

/* R6 */

static void vring_fds(u32 request)
{
	struct fe *fe = fe_open(0);
	int fd = eventfd(0, EFD_CLOEXEC);
	struct outcome o;
	bool good, there;
	unsigned int i;
	u64 v;

	for (i = 0; i < 256; i++) {
		there = i < fe->nr_queues && (has_pf(fe, PF_MQ) || !i);
		if (!has_pf(fe, PF_MQ) && i && i < 8)
			continue;	/* not known */
		v = i;
		/* An fd where the bit says none, and none where it does not. */
		o = ask(fe, request, ACKED, &v, sizeof(v), NULL, 0);
		if (!o.closed && has_pf(fe, PF_REPLY_ACK) &&
		    !is_ack(&o, request, false))
			fail("%s of queue %u without a file and without bit 8: expected a NACK or the end; came: %s",
			     request_name(request), i, describe(&o));
		if (o.closed) {
			fe_close(fe);
			fe = fe_open(0);
		}
		if (there && request == SET_VRING_KICK)
			queue_setup(fe, &fe->q[i]);
		v = i | 0x100;
		o = ask(fe, request, ACKED, &v, sizeof(v), NULL, 0);
		good = !has_pf(fe, PF_REPLY_ACK) || is_ack(&o, request, true);
		if (there ? o.closed || !good : !o.closed && has_pf(fe, PF_REPLY_ACK) &&
		    !is_ack(&o, request, false))
			fail("%s of queue %u of %u with bit 8: expected it to be %s; came: %s",
			     request_name(request), i, fe->nr_queues,
			     there ? "taken" : "refused", describe(&o));
		if (o.closed) {
			fe_close(fe);
			fe = fe_open(0);
		}
	}
	close(fd);
}

TEST(R6, kick_index_and_bit_8, SECT_FD,
     "Bits 0 to 7 are the index of the ring, bit 8 says that there is no file descriptor.")
{
	vring_fds(SET_VRING_KICK);
}

TEST(R6, call_index_and_bit_8, SECT_FD,
     "The same for SET_VRING_CALL.")
{
	vring_fds(SET_VRING_CALL);
}

TEST(R6, err_index_and_bit_8, SECT_FD,
     "The same for SET_VRING_ERR.")
{
	vring_fds(SET_VRING_ERR);
}

TEST(R6, file_in_spite_of_bit_8, SECT_FD,
     "A file descriptor where bit 8 says that there is none is closed, whether or not it is refused.")
{
	static const u32 r[] = { SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR };
	struct fe *fe;
	unsigned int i;
	u64 v = 0x100;
	int fd;

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		fe = fe_open(0);
		fd = stray_fd();
		queue_setup(fe, &fe->q[0]);
		ask(fe, r[i], ACKED, &v, sizeof(v), &fd, 1);
		close(fd);
		wait_target_fds(stray_name(), 0, request_name(r[i]));
		fe_close(fe);
	}
}

TEST(R6, higher_bits, SECT_FD,
     "Bits 9 and up are reserved: they are ignored, or refused.")
{
	struct fe *fe = fe_open(0);
	int fd = eventfd(0, EFD_CLOEXEC);
	u64 v = 0x200;

	ask(fe, SET_VRING_CALL, ACKED, &v, sizeof(v), &fd, 1);
}

TEST(R6, replaced_fds_are_closed, SECT_FD,
     "A new kick, call or err fd takes the place of the old one, which is closed.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	int fds = target_fds("");
	unsigned int i;

	for (i = 0; i < 50; i++) {
		queue_fds(fe, q);
		if (i % 10 == 0)
			work(fe, q, "with new event fds");
	}
	work(fe, q, "with the last event fds");
	if (fds >= 0)
		wait_target_fds("", fds, "after 50 new sets of event fds");
}

TEST(R6, call_fd_that_comes_late, SECT_FD,
     "A ring works without a call fd; when one comes, later calls go to it.")
{
	struct fe *fe;
	struct queue *q;
	u16 id;

	need_work();
	fe = fe_open(0);
	q = work_queue(fe);
	queue_setup(fe, q);
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_vring_fd(fe, SET_VRING_KICK, q->index, q->kick);
	if (fe->features & BIT_ULL(F_PROTOCOL))
		queue_enable(fe, q, true);
	id = work_put(fe, q, 0);
	queue_kick(fe, q);
	work_done(fe, q, 0, id, "without a call fd");
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_vring_fd(fe, SET_VRING_CALL, q->index, q->call);
	work(fe, q, "with a call fd");
}
