// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Frames of a trace as a capture file, for Wireshark and the like. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"

/*
 * DOC: The format
 *
 * pcapng, draft-ietf-opsawg-pcapng: a section header, a description for each
 * interface, and a block for each packet, in this machine's byte order. A block
 * is its type, its length, what it is about, options, and its length again; all
 * parts are padded to four bytes.
 */

#define BLOCK_SECTION	0x0a0d0d0au
#define BLOCK_INTERFACE	1u
#define BLOCK_PACKET	6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_ETHERNET 1u
#define OPT_IF_NAME	2u
#define OPT_IF_TSRESOL	9u
#define MAX_PACKET	((size_t)1 << 20)

static const u8 zeros[4];

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static void put32(FILE *f, size_t v)
{
	u32 v32 = (u32)v;

	fwrite(&v32, sizeof(v32), 1, f);
}

static void put_padded(FILE *f, const void *data, size_t len)
{
	fwrite(data, 1, len, f);
	fwrite(zeros, 1, padded(len) - len, f);
}

static void put_option(FILE *f, u16 code, const void *data, size_t len)
{
	u16 head[2] = { code, (u16)len };

	fwrite(head, sizeof(head), 1, f);
	put_padded(f, data, len);
}

static void put_section(FILE *f)
{
	static const u16 version[2] = { 1, 0 };
	static const s64 any_length = -1;

	put32(f, BLOCK_SECTION);
	put32(f, 28);
	put32(f, BYTE_ORDER_MAGIC);
	fwrite(version, sizeof(version), 1, f);
	fwrite(&any_length, sizeof(any_length), 1, f);
	put32(f, 28);
}

static void begin(struct trace_pcapng *p, FILE *f)
{
	if (!p->begun)
		put_section(f);
	p->begun = true;
}

static void put_interface(FILE *f, const char *name)
{
	static const u8 nanoseconds = 9;
	size_t name_len = strnlen(name, 255);
	size_t len = 16 + 4 + padded(name_len) + 4 + 4 + 4 + 4;

	put32(f, BLOCK_INTERFACE);
	put32(f, len);
	put32(f, LINKTYPE_ETHERNET);
	put32(f, 0);	/* packets are never cut */
	put_option(f, OPT_IF_NAME, name, name_len);
	put_option(f, OPT_IF_TSRESOL, &nanoseconds, 1);
	put32(f, 0);	/* no more options */
	put32(f, len);
}

static void put_packet(const struct trace_pcapng *p, FILE *f, size_t interface,
		       const struct trace_rec *rec)
{
	u64 time = p->tod + rec->time;
	size_t len = 32 + padded(rec->len);

	put32(f, BLOCK_PACKET);
	put32(f, len);
	put32(f, interface);
	put32(f, time >> 32);
	put32(f, time & 0xffffffffu);
	put32(f, rec->len);
	put32(f, rec->len);
	put_padded(f, rec->data, rec->len);
	put32(f, len);
}

static int add_link(struct trace_pcapng *p, FILE *f, u64 number,
		    const char *name)
{
	u64 *link = realloc(p->link, (p->nr_links + 1) * sizeof(*link));

	if (!link)
		return -ENOMEM;
	p->link = link;
	link[p->nr_links++] = number;
	put_interface(f, name);
	return 0;
}

static void add_frame(const struct trace_pcapng *p, FILE *f,
		      const struct trace_names *names,
		      const struct trace_rec *rec)
{
	const struct trace_port *port = trace_port(names, rec->v[0]);
	size_t i;

	for (i = 0; port && i < p->nr_links && rec->len < MAX_PACKET; i++) {
		if (p->link[i] != port->link)
			continue;
		put_packet(p, f, i, rec);
		return;
	}
}

int trace_pcapng_add(struct trace_pcapng *p, FILE *f,
		     const struct trace_names *names,
		     const struct trace_rec *rec)
{
	begin(p, f);
	if (rec->kind == TRACE_LINK && trace_link(names, rec->v[0]))
		return add_link(p, f, rec->v[0],
				trace_link(names, rec->v[0])->name);
	if (rec->kind == TRACE_FRAME_TX)
		add_frame(p, f, names, rec);
	return 0;
}

void trace_pcapng_end(struct trace_pcapng *p, FILE *f)
{
	begin(p, f);
}

void trace_pcapng_fini(struct trace_pcapng *p)
{
	free(p->link);
	p->link = NULL;
}
