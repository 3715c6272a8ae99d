// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Timelines: what a hand-made trace is drawn as, and how that is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/trace/html.h"
#include "../../src/trace/perfetto.h"
#include "../../src/trace/trace.h"
#include "kselftest_harness.h"

#define HOSTILE	"</script><script>alert(1)</script><!--\x01\xff\xc0\x80\xed\xa0\x80"

static u64 now;

static u64 clock_now(void *arg)
{
	(void)arg;
	return now;
}

FIXTURE(timeline)
{
	char path[64];
	struct trace *t;
	struct trace_names names;
	struct timeline tl;
	char *out;
	size_t len;
};

FIXTURE_SETUP(timeline)
{
	int fd;

	now = 0;
	strcpy(self->path, "/tmp/umtt-unit-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, trace_open(&self->t, self->path, clock_now, NULL));
	TRACE_TEXT(self->t, NODE, "devices", 0);
	TRACE_TEXT(self->t, NODE, "a", 1);
	TRACE_TEXT(self->t, LINK, "lan", 0);
	TRACE_TEXT(self->t, DEVICE, "a.net0", 0, 1, 1, 2);
	TRACE(self->t, PORT, 0, 0, 0);
	TRACE_TEXT(self->t, DEVICE, "a.net1", 1, 1, 1, 2);
	TRACE(self->t, PORT, 1, 0, 1);
}

FIXTURE_TEARDOWN(timeline)
{
	timeline_fini(&self->tl);
	trace_names_fini(&self->names);
	free(self->out);
	unlink(self->path);
}

static int read_it(struct timeline *tl, struct trace_names *names,
		   const char *path)
{
	struct trace_reader r;
	struct trace_rec rec;
	int ret = trace_reader_open(&r, path);

	if (ret < 0)
		return ret;
	while ((ret = trace_next(&r, &rec)) > 0) {
		ret = trace_names_learn(names, &rec);
		if (!ret)
			ret = timeline_add(tl, names, &rec);
		if (ret < 0)
			break;
	}
	trace_reader_close(&r);
	return ret < 0 ? ret : timeline_finish(tl);
}

#define READ(self)							\
	do {								\
		ASSERT_EQ(0, trace_close((self)->t));			\
		ASSERT_EQ(0, read_it(&(self)->tl, &(self)->names,	\
				     (self)->path));			\
	} while (0)

/* The @nth item of @kind, from 0; TIMELINE_NONE: there are not so many */
static u32 item(const struct timeline *tl, enum item_kind kind, unsigned int nth)
{
	u32 i;

	for (i = 0; i < tl->nr_items; i++)
		if (tl->item[i].kind == kind && nth-- == 0)
			return i;
	return TIMELINE_NONE;
}

static bool arrow(const struct timeline *tl, u32 from, u32 to)
{
	size_t i;

	for (i = 0; i < tl->nr_edges; i++)
		if (tl->edge[i].from == from && tl->edge[i].to == to)
			return true;
	return false;
}

/* A frame from one port to another, and all that goes with it */
static void one_frame(struct trace *t, const char *said)
{
	TRACE(t, TT_TO, 1, 6, 10);
	now = 15;
	TRACE(t, KICK, 0, 1);
	TRACE(t, KICK_DONE, 0, 1);
	TRACE_TEXT(t, CONSOLE, said, 1, 1);
	now = 20;
	TRACE(t, TT_FROM, 1, 3, 500);
	TRACE(t, POP, 0, 1, 7, 110, 0);
	TRACE_TEXT(t, FRAME_TX, said, 0, 0, 98);
	now = 25;
	TRACE(t, PUSH, 0, 1, 7, 0);
	now = 30;
	TRACE(t, FRAME_RX, 1, 0, 98);
	TRACE(t, POP, 1, 0, 3, 0, 1530);
	TRACE(t, PUSH, 1, 0, 3, 110);
	TRACE(t, CALL, 1, 0);
	now = 32;
	TRACE(t, CALL_DONE, 1, 0);
	TRACE(t, TT_TO, 1, 6, 32);
}

TEST_F(timeline, a_kick_leads_to_an_interrupt)
{
	const struct timeline *tl = &self->tl;
	const struct timeline_item *it;
	u32 kick, tx, frame, rx, call;

	one_frame(self->t, "");
	READ(self);
	kick = item(tl, ITEM_KICK, 0);
	tx = item(tl, ITEM_REQUEST, 0);
	frame = item(tl, ITEM_FRAME, 0);
	rx = item(tl, ITEM_REQUEST, 1);
	call = item(tl, ITEM_CALL, 0);
	ASSERT_NE(TIMELINE_NONE, call);
	EXPECT_TRUE(arrow(tl, kick, tx));
	EXPECT_TRUE(arrow(tl, tx, frame));
	EXPECT_TRUE(arrow(tl, frame, rx));
	EXPECT_TRUE(arrow(tl, rx, call));
	EXPECT_EQ(4, tl->nr_edges);
	it = &tl->item[frame];
	EXPECT_EQ(20, it->start);
	EXPECT_EQ(30, it->end);
	EXPECT_EQ(1, it->v[2]);
	it = &tl->item[tx];
	EXPECT_EQ(20, it->start);
	EXPECT_EQ(25, it->end);
	EXPECT_EQ(0, it->flags);
	EXPECT_EQ(5, tl->item[item(tl, ITEM_RUN, 0)].end - 15);
	EXPECT_EQ(12, tl->item[item(tl, ITEM_IDLE, 0)].end - 20);
}

TEST_F(timeline, every_pop_has_an_end)
{
	const struct timeline *tl = &self->tl;

	now = 1;
	TRACE(self->t, POP, 0, 0, 1, 8, 8);
	TRACE(self->t, POP, 0, 0, 2, 8, 8);
	TRACE(self->t, POP, 0, 0, 3, 8, 8);
	now = 2;
	TRACE(self->t, PUSH, 0, 0, 2, 8);
	now = 3;
	TRACE(self->t, DROP, 0, 0, 1);
	TRACE(self->t, POP, 0, 0, 2, 8, 8);
	TRACE(self->t, PUSH, 0, 0, 9, 8);	/* of no pop */
	now = 4;
	TRACE(self->t, KICK, 0, 7);		/* of no queue */
	READ(self);
	EXPECT_EQ(3, tl->item[0].end);
	EXPECT_EQ(ITEM_LOST, tl->item[0].flags);
	EXPECT_EQ(2, tl->item[1].end);
	EXPECT_EQ(0, tl->item[1].flags);
	EXPECT_EQ(4, tl->item[2].end);
	EXPECT_EQ(ITEM_OPEN, tl->item[2].flags);
	EXPECT_EQ(ITEM_OPEN, tl->item[3].flags);
	EXPECT_EQ(0, tl->item[0].lane);
	EXPECT_EQ(1, tl->item[1].lane);
	EXPECT_EQ(2, tl->item[2].lane);
	EXPECT_EQ(0, tl->item[3].lane);
	EXPECT_EQ(4, tl->nr_items);
}

TEST_F(timeline, what_is_lost_says_why)
{
	const struct timeline_item *it;

	TRACE_TEXT(self->t, FRAME_TX, "f", 0, 5, 60);
	TRACE_TEXT(self->t, FRAME_LOST, "lost", 0, 5, 60);
	TRACE(self->t, FRAME_RX, 1, 6, 60);	/* never sent */
	READ(self);
	ASSERT_EQ(1, self->tl.nr_items);
	it = &self->tl.item[0];
	EXPECT_EQ(ITEM_LOST, it->flags);
	EXPECT_EQ(1, it->v[3]);
	ASSERT_EQ(4, it->text_len);
	EXPECT_EQ(0, memcmp(self->tl.text + it->text, "lost", 4));
}

/*
 * Perfetto: a reader of what is needed of it
 */

static u64 varint(const u8 **p)
{
	u64 v = 0;
	unsigned int shift = 0;

	do {
		v |= (u64)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80);
	return v;
}

/* struct field - @p, @len: of bytes; @v: of numbers */
struct field {
	unsigned int nr;
	u64 v;
	const u8 *p;
	size_t len;
};

static bool next_field(const u8 **p, const u8 *end, struct field *f)
{
	u64 tag;

	if (*p >= end)
		return false;
	tag = varint(p);
	*f = (struct field){ .nr = (unsigned int)(tag >> 3) };
	if ((tag & 7) == 0) {
		f->v = varint(p);
	} else if ((tag & 7) == 1) {
		memcpy(&f->v, *p, 8);
		*p += 8;
	} else {
		f->len = varint(p);
		f->p = *p;
		*p += f->len;
	}
	return true;
}

/* struct seen - of the events: what has been counted */
struct seen {
	unsigned int begun, ended, tracks;
	u64 last;
	bool disorder;
	u64 from, to;	/* bits: flows that begin and end */
};

static void see_event(struct seen *s, const struct field *event)
{
	const u8 *p = event->p;
	struct field f;

	while (next_field(&p, event->p + event->len, &f)) {
		if (f.nr == 9) {
			s->begun += f.v == 1;
			s->ended += f.v == 2;
			s->disorder |= s->ended > s->begun;
		}
		if (f.nr == 47)
			s->from |= BIT_ULL(f.v);
		if (f.nr == 48) {
			s->disorder |= !(s->from & BIT_ULL(f.v));
			s->to |= BIT_ULL(f.v);
		}
	}
}

static void see_packet(struct seen *s, const struct field *packet)
{
	const u8 *p = packet->p;
	struct field f;

	while (next_field(&p, packet->p + packet->len, &f)) {
		if (f.nr == 8) {
			s->disorder |= f.v < s->last;
			s->last = f.v;
		} else if (f.nr == 60) {
			s->tracks++;
		} else if (f.nr == 11) {
			see_event(s, &f);
		}
	}
}

TEST_F(timeline, perfetto_gets_ends_and_flows)
{
	struct seen s = { 0 };
	struct field f;
	const u8 *p;
	FILE *out;

	one_frame(self->t, HOSTILE);
	TRACE(self->t, POP, 0, 1, 9, 1, 1);
	READ(self);
	out = open_memstream(&self->out, &self->len);
	EXPECT_EQ(0, perfetto_write(out, &self->tl, &self->names));
	fclose(out);
	p = (u8 *)self->out;
	while (next_field(&p, (u8 *)self->out + self->len, &f)) {
		ASSERT_EQ(1, f.nr);
		see_packet(&s, &f);
	}
	EXPECT_EQ((u8 *)self->out + self->len, p);
	EXPECT_FALSE(s.disorder);
	/* Running twice, idle, kick, call, three requests, a frame */
	EXPECT_EQ(9, s.begun);
	EXPECT_EQ(s.begun, s.ended);
	EXPECT_EQ(s.from, s.to);
	EXPECT_EQ(0x3e, s.from);
	EXPECT_EQ(32, s.last);
	/* What is not UTF-8 has been replaced. */
	EXPECT_EQ(NULL, memchr(self->out, 0xff, self->len));
	EXPECT_NE(NULL, memmem(self->out, self->len, "\x01\xef\xbf\xbd", 4));
}

/*
 * HTML
 */

static unsigned int count(const char *in, const char *what)
{
	unsigned int n = 0;

	for (; (in = strstr(in, what)); in++)
		n++;
	return n;
}

TEST_F(timeline, what_guests_say_is_no_html)
{
	FILE *out;

	TRACE_TEXT(self->t, NODE, HOSTILE, 2);
	one_frame(self->t, HOSTILE);
	TRACE_TEXT(self->t, DISCONNECT, HOSTILE, 0);
	trace_end(self->t, 0, HOSTILE);
	READ(self);
	out = open_memstream(&self->out, &self->len);
	html_write(out, &self->tl, &self->names);
	fclose(out);
	EXPECT_EQ(strlen(self->out), self->len);
	EXPECT_EQ(NULL, strstr(self->out, "alert(1)"));
	/* The data, and the page's own */
	EXPECT_EQ(5, count(self->out, "<script"));
	EXPECT_EQ(5, count(self->out, "</script"));
	EXPECT_EQ(0, count(self->out, "src="));
	EXPECT_EQ(0, count(self->out, "innerHTML"));
}

TEST_F(timeline, a_trace_of_nothing_is_one_too)
{
	FILE *out;

	READ(self);
	out = open_memstream(&self->out, &self->len);
	EXPECT_EQ(0, perfetto_write(out, &self->tl, &self->names));
	html_write(out, &self->tl, &self->names);
	fclose(out);
	EXPECT_EQ(0, self->tl.nr_items);
}

TEST_HARNESS_MAIN
