// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What of a kernel its modules and its command have reached, as KCOV tells it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/log.h"
#include "kcov.h"
#include "tool.h"

/*
 * DOC: Theory of operation
 *
 * An address is one behind a call that the compiler has put in, so the place is
 * the byte before it. What lies above the lowest section of a module belongs to
 * the last section that begins before it, and is looked up in the module's file
 * as an offset into that section; all else is in the kernel. Addresses come in
 * order, so each section is a run of them: one addr2line for each.
 */

/* As many as a node's buffer may hold, and more: 2 Mi of 20 bytes */
#define MAX_TEXT	((size_t)64 << 20)

#define NAME_LEN	64

/**
 * struct section - a piece of a module's code
 * @name: "" for the kernel itself
 */
struct section {
	char module[NAME_LEN], name[NAME_LEN];
	u64 addr;
};

/**
 * struct reached - what a node has sent, taken apart
 * @sections: by address
 * @pcs: likewise
 */
struct reached {
	struct section *sections;
	u64 *pcs;
	size_t nr_sections, nr_pcs;
	u64 total;
	bool ended, full;
};

void kcov_fini(struct kcov *k)
{
	free(k->text);
	k->text = NULL;
	k->len = 0;
}

const char *kcov_said(struct kcov *k, const u8 *data, size_t len)
{
	char *text = k->len + len < MAX_TEXT ?
		     realloc(k->text, k->len + len + 1) : NULL;

	if (!text)
		return "it has sent more of KCOV than there can be";
	memcpy(text + k->len, data, len);
	k->text = text;
	k->len += len;
	text[k->len] = '\0';
	return NULL;
}

/*
 * Taking it apart
 */

static int by_address(const void *a, const void *b)
{
	const struct section *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static bool take_line(struct reached *r, const char *line)
{
	struct section s;
	char how[8];
	u64 pc;

	if (r->ended)
		return false;
	if (sscanf(line, "pc %" SCNx64, &pc) == 1) {
		if (!pc || (r->nr_pcs && pc <= r->pcs[r->nr_pcs - 1]))
			return false;
		r->pcs[r->nr_pcs++] = pc;
		return true;
	}
	if (sscanf(line, "section %63s %63s %" SCNx64, s.module, s.name,
		   &s.addr) == 3) {
		r->sections = xrealloc(r->sections, (r->nr_sections + 1) * sizeof(s));
		r->sections[r->nr_sections++] = s;
		return true;
	}
	r->ended = sscanf(line, "total %" SCNu64 " %7s", &r->total, how) == 2;
	r->full = r->ended && strcmp(how, "full") == 0;
	return r->ended;
}

/* false: it is not what a node should send */
static bool take_apart(struct reached *r, const struct kcov *k)
{
	char *text = xstrdup(k->text ? k->text : ""), *line, *rest = text;
	bool good = true;

	/* The shortest line of one is longer. */
	r->pcs = xcalloc(k->len / 4 + 1, sizeof(*r->pcs));
	while (good && (line = strsep(&rest, "\n")))
		good = !*line || take_line(r, line);
	free(text);
	if (r->nr_sections)
		qsort(r->sections, r->nr_sections, sizeof(*r->sections), by_address);
	return good && r->ended;
}

static void reached_fini(struct reached *r)
{
	free(r->sections);
	free(r->pcs);
}

/*
 * Naming
 */

/* Its file, when it is one that umtt loads; a name has '_' for any '-' */
static const char *module_file(const struct lab_node *n, const char *module)
{
	size_t i, j, len = strlen(module);

	for (i = 0; i < n->modules.n; i++) {
		const char *name = strrchr(n->modules.v[i], '/') + 1;

		for (j = 0; j < len && (name[j] == module[j] ||
					(name[j] == '-' && module[j] == '_')); j++)
			;
		if (j == len && strcmp(name + len, ".ko") == 0)
			return n->modules.v[i];
	}
	return NULL;
}

/* Offsets of @n places into what begins at @base, as addr2line reads them */
static int offsets(const u64 *pcs, size_t n, u64 base)
{
	int fd = memfd_create("addresses", MFD_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	size_t i;

	for (i = 0; f && i < n; i++)
		fprintf(f, "%" PRIx64 "\n", pcs[i] - 1 - base);
	if (f)
		fclose(f);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Return: what addr2line says of them, to be freed; NULL: nothing */
static char *look_up(const u64 *pcs, size_t n, const struct section *s,
		     const char *file)
{
	char *argv[] = {
		(char *)"addr2line", (char *)"-afi", (char *)"-e", (char *)file,
		s ? (char *)"-j" : NULL, s ? (char *)s->name : NULL, NULL
	};
	int fd = offsets(pcs, n, s ? s->addr : 0);
	char *out = NULL;
	size_t len;

	if (fd < 0 || tool_output(argv, fd, &out, &len)) {
		free(out);
		out = NULL;
	}
	close(fd);
	return out;
}

/* "FILE:LINE (discriminator 2)", without the kernel's own directory */
static void print_line(FILE *f, const char *func, char *line, const char *source)
{
	size_t len = source ? strlen(source) : 0;

	line[strcspn(line, " ")] = '\0';
	if (len && strncmp(line, source, len) == 0 && line[len] == '/')
		line += len + 1;
	fprintf(f, "%s %s", func, strcmp(line, "??:0") ? line : "?");
}

/*
 * What addr2line says of one address: the address, then a function and a line
 * for each level of inlining, from the inside out. The first and the last count.
 */
static void print_place(FILE *f, char **rest, const char *source)
{
	char *func = NULL, *line = NULL;
	unsigned int n;

	strsep(rest, "\n");
	for (n = 0; *rest && **rest && strncmp(*rest, "0x", 2) != 0; n++) {
		func = strsep(rest, "\n");
		line = strsep(rest, "\n");
		if (n || !line)
			continue;
		fputc(' ', f);
		print_line(f, func, line, source);
	}
	if (n < 2 || !line)
		return;
	fputs(", inlined in ", f);
	print_line(f, func, line, source);
}

/* Places of one section, or of the kernel (@s: NULL) */
static void print_run(FILE *f, const u64 *pcs, size_t n, const struct section *s,
		      const char *file, const char *source)
{
	char *said = file ? look_up(pcs, n, s, file) : NULL, *rest = said;
	size_t i;

	for (i = 0; i < n; i++) {
		fprintf(f, "0x%016" PRIx64, pcs[i]);
		if (said)
			print_place(f, &rest, source);
		else if (s)
			fprintf(f, " %s+0x%" PRIx64, s->name, pcs[i] - s->addr);
		if (s)
			fprintf(f, " [%s]", s->module);
		fputc('\n', f);
	}
	free(said);
}

static void print_all(FILE *f, const struct reached *r, const struct lab_node *n,
		      const char *symbols, const char *source)
{
	const struct section *s = NULL;
	size_t i = 0, from, next = 0;

	while (i < r->nr_pcs) {
		for (; next < r->nr_sections &&
		       r->sections[next].addr < r->pcs[i]; next++)
			s = &r->sections[next];
		from = i;
		while (i < r->nr_pcs && (next == r->nr_sections ||
					 r->pcs[i] <= r->sections[next].addr))
			i++;
		print_run(f, r->pcs + from, i - from, s,
			  s ? module_file(n, s->module) : symbols, source);
	}
}

int kcov_write(const struct kcov *k, const struct lab_node *n,
	       const char *symbols, const char *source, FILE *f)
{
	struct reached r = { 0 };
	int ret = -EPROTO;

	if (take_apart(&r, k)) {
		fprintf(f, "# %s: %zu places, passed %" PRIu64 " times%s\n",
			n->name, r.nr_pcs, r.total,
			r.full ? "; what came later is missing, the buffer was full" : "");
		print_all(f, &r, n, symbols, source);
		ret = (int)r.nr_pcs;
		if (r.full)
			log_warn(n->name, "KCOV's buffer was full before the command has ended; fewer --kcov-of or a shorter command fit");
	} else {
		log_err(n->name, "it has not sent what KCOV says, or not all of it");
	}
	reached_fini(&r);
	return ret;
}
