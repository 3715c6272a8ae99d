// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Memory tables and slots: R12, R13 and group B. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"

#define SECT_TABLE	"Front-end message types, SET_MEM_TABLE"
#define SECT_SLOTS	"Front-end message types, ADD_MEM_REG"

struct table {
	struct vhost_user_mem_hdr h;
	struct vhost_user_region r[10];
};

static struct table good_table(void)
{
	return (struct table){
		.h.nregions = 2, .r = { guest_region(0), guest_region(1) },
	};
}

static u32 table_size(unsigned int n)
{
	return (u32)(sizeof(struct vhost_user_mem_hdr) +
		     n * sizeof(struct vhost_user_region));
}

/* Refused; if the session goes on, the old table is as good as before. */
static void bad_table(const struct table *t, u32 size, const int *fds,
		      unsigned int nfds, const char *why)
{
	struct fe *fe = opt.profile ? fe_start(0) : fe_open(0);
	int own[8];

	if (!fds) {
		own[0] = fe->g.fd[0];
		own[1] = fe->g.fd[1];
		fds = own;
	}
	if (refused(fe, SET_MEM_TABLE, t, size, fds, nfds, why) && opt.profile &&
	    has_pf(fe, PF_REPLY_ACK))
		work(fe, work_queue(fe), "the old memory table stays");
	fe_close(fe);
}

TEST(B1, no_regions, SECT_TABLE,
     "A table of no regions is refused, or is a table with no memory: nothing else changes.")
{
	struct table t = { .h.nregions = 0 };
	struct fe *fe = fe_open(0);

	ask(fe, SET_MEM_TABLE, ACKED, &t, table_size(0), NULL, 0);
}

TEST(B1, too_many_regions, SECT_TABLE,
     "There are at most 8 regions; a number beyond is refused.")
{
	static const u32 nr[] = { 9, 255, 0x10001, 0x80000000, 0xffffffff };
	struct table t = good_table();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		t.h.nregions = nr[i];
		bad_table(&t, table_size(9), NULL, 2, "with too many regions");
	}
}

TEST(B1, regions_and_fds_disagree, SECT_TABLE,
     "There is one file descriptor for each region; more or less are refused.")
{
	struct table t = good_table();
	int fds[3] = { tmp_memfd("vu-conf-other", 1 << 21),
		       tmp_memfd("vu-conf-other", 1 << 21),
		       tmp_memfd("vu-conf-other", 1 << 21) };

	bad_table(&t, table_size(2), fds, 1, "with one file for two regions");
	bad_table(&t, table_size(2), fds, 0, "with no file for two regions");
	bad_table(&t, table_size(2), fds, 3, "with three files for two regions");
}

TEST(B1, shorter_than_its_regions, SECT_TABLE,
     "A table whose message is too short for its regions is refused.")
{
	struct table t = good_table();

	bad_table(&t, table_size(1), NULL, 2, "too short for two regions");
	bad_table(&t, table_size(0), NULL, 2, "without its regions");
	bad_table(&t, 4, NULL, 2, "without even its header");
}

TEST(B1, longer_than_its_regions, SECT_TABLE,
     "The message may be longer than its regions need: some front-ends always send room for 2 or 8.")
{
	struct table t = good_table();
	struct fe *fe = fe_open(0);
	u32 n;

	t.h.nregions = 1;
	for (n = 2; n <= 8; n += 6)
		must_ask(fe, SET_MEM_TABLE, &t, table_size(n), fe->g.fd, 1);
}

TEST(B1, sizes_that_overflow, SECT_TABLE,
     "A region of size 0, or whose end is beyond the end of its address space, is refused.")
{
	struct table t;

	t = good_table();
	t.r[1].size = 0;
	bad_table(&t, table_size(2), NULL, 2, "with a region of size 0");
	t = good_table();
	t.r[1].size = U64_MAX;
	bad_table(&t, table_size(2), NULL, 2, "with a region of size 2^64-1");
	t = good_table();
	t.r[1].guest_addr = U64_MAX - 0xfff;
	bad_table(&t, table_size(2), NULL, 2, "with a guest address that overflows");
	t = good_table();
	t.r[1].user_addr = U64_MAX - 0xfff;
	bad_table(&t, table_size(2), NULL, 2, "with a user address that overflows");
	t = good_table();
	t.r[1].mmap_offset = U64_MAX - 0xfff;
	bad_table(&t, table_size(2), NULL, 2, "with an offset that overflows");
}

TEST(B1, beyond_the_end_of_its_file, SECT_TABLE,
     "A region that is not within its file is refused: to touch it would be SIGBUS.")
{
	struct table t = good_table();

	t.r[1].size = 4 * MEM_SIZE;
	bad_table(&t, table_size(2), NULL, 2, "beyond the end of its file");
	t = good_table();
	t.r[1].mmap_offset = 1ULL << 40;
	bad_table(&t, table_size(2), NULL, 2, "at an offset beyond its file");
}

TEST(B1, files_of_the_wrong_kind, SECT_TABLE,
     "A file that cannot be mapped to read and write is refused.")
{
	static const struct { const char *path; int flags; } bad[] = {
		{ "/dev/null", O_RDWR }, { "/", O_RDONLY | O_DIRECTORY },
		{ "/proc/self/exe", O_RDONLY }, { "/dev/null", O_PATH },
	};
	struct table t = good_table();
	unsigned int i;
	int fds[2], p[2];

	fds[0] = tmp_memfd("vu-conf-other", MEM_SKIP + MEM_SIZE);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fds[1] = open(bad[i].path, bad[i].flags | O_CLOEXEC);
		bad_table(&t, table_size(2), fds, 2, bad[i].path);
		close(fds[1]);
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		broken("pipe");
	fds[1] = p[0];
	bad_table(&t, table_size(2), fds, 2, "with a pipe");
}

TEST(B2, regions_that_overlap, "Front-end message types, ADD_MEM_REG",
     "Regions never overlap, neither in guest nor in user addresses.")
{
	struct table t;

	t = good_table();
	t.r[1].guest_addr = t.r[0].guest_addr + MEM_SIZE - 0x1000;
	bad_table(&t, table_size(2), NULL, 2, "with overlapping guest addresses");
	t = good_table();
	t.r[1].user_addr = t.r[0].user_addr + MEM_SIZE - 0x1000;
	bad_table(&t, table_size(2), NULL, 2, "with overlapping user addresses");
	t = good_table();
	t.r[1] = t.r[0];
	bad_table(&t, table_size(2), NULL, 2, "with a region twice");
}

TEST(B2, one_file_for_two_regions, SECT_TABLE,
     "Two regions may be of the same file, even of the same part of it.")
{
	struct table t = good_table();
	struct fe *fe = fe_open(0);
	int fds[2] = { fe->g.fd[0], fe->g.fd[0] };

	must_ask(fe, SET_MEM_TABLE, &t, table_size(2), fds, 2);
}

TEST(B3, file_cut_short, SECT_TABLE,
     "Memory whose file the front-end has cut short kills nobody: at worst the session ends.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;

	work(fe, q, "before");
	work_put(fe, q, 1);
	for (i = 0; i < MEM_REGIONS; i++)
		if (ftruncate(fe->g.fd[i], 0) < 0)
			broken("ftruncate");
	/* Our own view is gone as well. */
	if (q->kick < 0)
		return;
	queue_kick(fe, q);
	target_settles();
	settle(fe);
}

TEST(B5, huge_region, SECT_TABLE,
     "A region of 2^46 bytes of a sparse file is mapped or refused, and costs no memory.")
{
	struct table t = good_table();
	struct fe *fe = fe_open(0);
	long rss = target_rss_kb();
	int fds[2];

	fds[0] = fe->g.fd[0];
	fds[1] = memfd_create("vu-conf-other", MFD_CLOEXEC);
	if (ftruncate(fds[1], (off_t)(1ULL << 46)) < 0)
		skip("no sparse file of 2^46 bytes here");
	t.r[1].guest_addr = t.r[1].user_addr = 1ULL << 47;
	t.r[1].size = 1ULL << 46;
	t.r[1].mmap_offset = 0;
	ask(fe, SET_MEM_TABLE, ACKED, &t, table_size(2), fds, 2);
	if (rss >= 0 && target_rss_kb() - rss > 65536)
		fail("expected no memory to be used up; it has grown by %ld kB",
		     target_rss_kb() - rss);
}

/* R12 */

TEST(R12, table_replaced_by_the_same, "Ring states",
     "A memory table can be replaced while rings are running; they go on.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		work(fe, q, "between two SET_MEM_TABLE");
		fe_mem(fe);
	}
}

TEST(R12, table_replaced_under_load, "Ring states",
     "So while buffers are on their way: none is lost.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	u16 id[8];
	unsigned int i, k;

	for (i = 0; i < 25; i++) {
		for (k = 0; k < 8; k++)
			id[k] = work_put(fe, q, k);
		queue_kick(fe, q);
		fe_mem(fe);
		work_all_done(fe, q, id, 8, "under SET_MEM_TABLE");
	}
}

TEST(R12, regions_in_another_order, "Ring states",
     "The order of the regions in a table has no meaning.")
{
	struct fe *fe = fe_start(0);
	struct table t = good_table();
	int fds[2] = { fe->g.fd[1], fe->g.fd[0] };

	t.r[0] = guest_region(1);
	t.r[1] = guest_region(0);
	must_ask(fe, SET_MEM_TABLE, &t, table_size(2), fds, 2);
	work(fe, work_queue(fe), "with the regions in another order");
}

/* The same contents in new files: what runs on the old ones is lost. */
static void move_memory(struct fe *fe)
{
	struct guest old = fe->g;
	unsigned int i;

	guest_init(&fe->g);
	for (i = 0; i < MEM_REGIONS; i++)
		memcpy(fe->g.file[i], old.file[i], MEM_SKIP + MEM_SIZE);
	fe_mem(fe);
	for (i = 0; i < MEM_REGIONS; i++)
		close(old.fd[i]);
}

TEST(R12, rings_move_with_their_memory, "Ring states",
     "After SET_MEM_TABLE with other files at the same addresses the rings are in those.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe), moved;

	work(fe, q, "before the move");
	move_memory(fe);
	moved = *q;
	moved.desc = guest_ptr(&fe->g, q->at);
	moved.avail = guest_ptr(&fe->g, q->at + 0x1000);
	moved.used = guest_ptr(&fe->g, q->at + 0x2000);
	*q = moved;
	work(fe, q, "after the move");
	wait_target_fds(MEM_NAME, 2, "the old files");
	if (target_maps(MEM_NAME) > (int)MEM_REGIONS)
		fail("expected the old memory to be unmapped; it is not");
}

TEST(R12, ring_left_outside, "Ring states",
     "A table that leaves a running ring outside is refused, or the ring does not run; nobody touches what is gone.")
{
	struct fe *fe = fe_start(0);
	struct queue *q = work_queue(fe);
	struct table t = { .h.nregions = 1, .r = { guest_region(1) } };
	struct outcome o;
	u64 one = 1;

	work(fe, q, "before");
	o = ask(fe, SET_MEM_TABLE, ACKED, &t, table_size(1), &fe->g.fd[1], 1);
	if (o.closed)
		return;
	work_put(fe, q, 0);
	if (q->kick >= 0 && write(q->kick, &one, sizeof(one)) < 0)
		broken("write");
	target_settles();
	settle(fe);
}

/* R13, B5: memory slots */

static struct fe *open_slots(void)
{
	struct fe *fe = fe_connect();

	fe_negotiate(fe, 0);
	need_pf(fe, PF_MEM_SLOTS, "CONFIGURE_MEM_SLOTS");
	return fe;
}

static void add_region(struct fe *fe, unsigned int i)
{
	struct mem_reg m = { .region = guest_region(i) };

	must_ask(fe, ADD_MEM_REG, &m, sizeof(m), &fe->g.fd[i], 1);
}

static void rem_region(struct fe *fe, unsigned int i, int fd)
{
	struct mem_reg m = { .region = guest_region(i) };

	/* The offset does not count. */
	m.region.mmap_offset = 0x77000;
	must_ask(fe, REM_MEM_REG, &m, sizeof(m), &fd, fd >= 0);
}

TEST(R13, max_mem_slots, "Front-end message types, GET_MAX_MEM_SLOTS",
     "GET_MAX_MEM_SLOTS says how many regions can be added: at least one.")
{
	struct fe *fe = open_slots();

	if (!get_u64(fe, GET_MAX_MEM_SLOTS))
		fail("expected at least one slot; came 0");
}

TEST(R13, memory_made_of_slots, SECT_SLOTS,
     "Memory that is added region by region is as good as a table.")
{
	struct fe *fe = open_slots();
	struct queue *q;

	need_work();
	add_region(fe, 0);
	add_region(fe, 1);
	q = work_queue(fe);
	queue_start(fe, q);
	work(fe, q, "on added memory");
}

TEST(R13, slot_removed_and_added_again, SECT_SLOTS,
     "A region is removed by its addresses and size, whatever the offset; a ring in it is usable when it is back.")
{
	struct fe *fe = open_slots();
	struct queue *q = work_queue(fe);
	unsigned int i;

	need_work();
	add_region(fe, 0);
	add_region(fe, 1);
	queue_start(fe, q);
	for (i = 0; i < 3; i++) {
		work(fe, q, "before it is removed");
		rem_region(fe, 0, -1);
		if (target_maps(MEM_NAME) > 1)
			fail("expected one region to be mapped; there are %d",
			     target_maps(MEM_NAME));
		queue_kick(fe, q);
		alive(fe);
		add_region(fe, 0);
		q->base = queue_stop(fe, q);
		queue_start(fe, q);
		work(fe, q, "after it is back");
	}
}

TEST(R13, fd_of_rem_mem_reg_is_closed, "Front-end message types, REM_MEM_REG",
     "A file descriptor that comes with REM_MEM_REG is closed.")
{
	struct fe *fe = open_slots();
	int fd = stray_fd();

	add_region(fe, 0);
	rem_region(fe, 0, fd);
	close(fd);
	wait_target_fds(stray_name(), 0, "REM_MEM_REG");
}

TEST(B5, slots_that_make_no_sense, SECT_SLOTS,
     "A region that overlaps another, is empty, overflows, or is not there to be removed, is refused.")
{
	struct mem_reg m = { .region = guest_region(0) };
	struct fe *fe = open_slots();
	unsigned int i;

	for (i = 0; i < 5; i++) {
		add_region(fe, 0);
		m.region = guest_region(1);
		if (i == 0)
			m.region = guest_region(0);
		if (i == 1)
			m.region.guest_addr -= 0x1000;
		if (i == 2)
			m.region.size = 0;
		if (i == 3)
			m.region.guest_addr = U64_MAX - 0xfff;
		if (!refused(fe, i < 4 ? ADD_MEM_REG : REM_MEM_REG, &m, sizeof(m),
			     &fe->g.fd[0], i < 4, "that makes no sense")) {
			fe_close(fe);
			fe = open_slots();
			continue;
		}
		rem_region(fe, 0, -1);
	}
}

TEST(B5, more_slots_than_there_are, SECT_SLOTS,
     "More regions than GET_MAX_MEM_SLOTS are refused, and all that were added are kept.")
{
	struct fe *fe = open_slots();
	u64 max = get_u64(fe, GET_MAX_MEM_SLOTS), i;
	struct mem_reg m;

	if (max > 1024)
		skip("there are more slots than it makes sense to try");
	for (i = 0; i <= max; i++) {
		m = (struct mem_reg){ .region = guest_region(0) };
		m.region.guest_addr += i * MEM_SIZE;
		m.region.user_addr += i * MEM_SIZE;
		if (i < max)
			must_ask(fe, ADD_MEM_REG, &m, sizeof(m), fe->g.fd, 1);
		else
			refused(fe, ADD_MEM_REG, &m, sizeof(m), fe->g.fd, 1,
				"of one region too many");
	}
}
