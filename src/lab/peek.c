// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A look into a node's kernel from outside, by the symbols of its program. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peek.h"
#include "strvec.h"

/*
 * DOC: Theory of operation
 *
 * A User-Mode Linux kernel is a program at fixed addresses, whose symbols say
 * where its variables are. Where the members of a structure are they do not say,
 * and that depends on version and configuration. So the structure of tasks is
 * learned from the first task, whose name and parents are known (it is its
 * own parent), and from its first child, which is process 1. What does not look
 * as expected is not known: better to say less than something wrong.
 */

#define MAX_TASK	(64u << 10)
#define STACK_WORDS	1024u
#define MAX_MODULES	1000

/**
 * struct peek - a kernel program
 * @map: the file, @len bytes; NULL: none
 * @sym: its symbols, @nr_sym of them
 * @str: their names, @str_len bytes
 * @text, @text_end: addresses of its code
 */
struct peek {
	const u8 *map;
	size_t len;
	const Elf64_Sym *sym;
	size_t nr_sym;
	const char *str;
	size_t str_len;
	u64 text, text_end;
};

static bool inside(const struct peek *p, u64 off, u64 len)
{
	return off <= p->len && len <= p->len - off;
}

static const char *name_of(const struct peek *p, const Elf64_Sym *s)
{
	const char *name = p->str + s->st_name;

	return s->st_name < p->str_len &&
	       memchr(name, 0, p->str_len - s->st_name) ? name : "";
}

static const Elf64_Sym *find(const struct peek *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->nr_sym; i++)
		if (p->sym[i].st_shndx != SHN_UNDEF &&
		    strcmp(name_of(p, &p->sym[i]), name) == 0)
			return &p->sym[i];
	return NULL;
}

static u64 address(const struct peek *p, const char *name)
{
	const Elf64_Sym *s = find(p, name);

	return s ? s->st_value : 0;
}

static void use_symbols(struct peek *p, const Elf64_Shdr *tab,
			const Elf64_Shdr *str)
{
	if (!inside(p, tab->sh_offset, tab->sh_size) || tab->sh_offset % 8 ||
	    !inside(p, str->sh_offset, str->sh_size))
		return;
	p->sym = (const void *)(p->map + tab->sh_offset);
	p->nr_sym = tab->sh_size / sizeof(*p->sym);
	p->str = (const char *)p->map + str->sh_offset;
	p->str_len = str->sh_size;
}

/* One that is loaded anywhere else than it says is not looked into. */
static void read_elf(struct peek *p)
{
	const Elf64_Ehdr *eh = (const void *)p->map;
	const Elf64_Shdr *sh;
	unsigned int i;

	if (p->len < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_type != ET_EXEC ||
	    eh->e_shentsize != sizeof(*sh) || eh->e_shoff % 8 ||
	    !inside(p, eh->e_shoff, (u64)eh->e_shnum * sizeof(*sh)))
		return;
	sh = (const void *)(p->map + eh->e_shoff);
	for (i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == SHT_SYMTAB && sh[i].sh_link < eh->e_shnum)
			use_symbols(p, &sh[i], &sh[sh[i].sh_link]);
	p->text = address(p, "_stext");
	p->text_end = address(p, "_etext");
}

struct peek *peek_open(const char *path)
{
	struct peek *p = xcalloc(1, sizeof(*p));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0)
		return p;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			   0);
		if (map != MAP_FAILED) {
			p->map = map;
			p->len = (size_t)st.st_size;
			read_elf(p);
		}
	}
	close(fd);
	return p;
}

void peek_free(struct peek *p)
{
	if (!p)
		return;
	if (p->map)
		munmap((void *)p->map, p->len);
	free(p);
}

bool peek_contains(const struct peek *p, const char *text)
{
	return p->map && memmem(p->map, p->len, text, strlen(text));
}

/* By /proc: process_vm_readv() minds that modules are mapped for execution only. */
static int read_memory(pid_t pid, u64 addr, void *buf, size_t len)
{
	char path[32];
	ssize_t n;
	int fd;

	if (!addr || addr > S64_MAX)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, buf, len, (off_t)addr);
	close(fd);
	return n >= 0 && (size_t)n == len ? 0 : -EFAULT;
}

int peek_u64(const struct peek *p, pid_t pid, const char *name, u64 *v)
{
	return read_memory(pid, address(p, name), v, sizeof(*v));
}

int peek_time(const struct peek *p, pid_t pid, u64 *ns)
{
	return peek_u64(p, pid, "time_travel_time", ns);
}

/*
 * Tasks
 */

/**
 * struct layout - offsets in struct task_struct; 0: not known
 */
struct layout {
	size_t comm, pid;
};

static size_t find_comm(const u8 *task, size_t size)
{
	const u8 *s = memmem(task, size, "swapper", 7);

	return s && size - (size_t)(s - task) >= PEEK_COMM_LEN ?
	       (size_t)(s - task) : 0;
}

/* Is this the pid of process 1: pid and thread group in one word */
static bool is_first(pid_t pid, u64 addr)
{
	u32 ids[2];

	return read_memory(pid, addr, ids, sizeof(ids)) == 0 && ids[0] == 1 &&
	       ids[1] == 1;
}

/*
 * pid, tgid, perhaps a word for the stack protector, real_parent, parent,
 * children, sibling: in this order ever since there is Git. A child is in the
 * list of children by its sibling.
 */
static size_t find_pid(pid_t pid, u64 init_task, const u64 *word, size_t n)
{
	size_t i, back;
	u64 child;

	for (i = 2; i + 2 < n; i++) {
		if (word[i] != init_task || word[i + 1] != init_task)
			continue;
		child = word[i + 2] - (i + 4) * sizeof(u64);
		for (back = 1; back <= 2; back++)
			if (is_first(pid, child + (i - back) * sizeof(u64)))
				return (i - back) * sizeof(u64);
	}
	return 0;
}

static void learn(const struct peek *p, pid_t pid, struct layout *l)
{
	const Elf64_Sym *s = find(p, "init_task");
	u64 *task;

	memset(l, 0, sizeof(*l));
	if (!s || s->st_size > MAX_TASK || s->st_size < 64)
		return;
	task = xcalloc(1, s->st_size);
	if (read_memory(pid, s->st_value, task, s->st_size) == 0) {
		l->comm = find_comm((const u8 *)task, s->st_size);
		l->pid = find_pid(pid, s->st_value, task,
				  s->st_size / sizeof(u64));
	}
	free(task);
}

/* Before 6.12 there was a number in front of the pointer. */
static u64 current(const struct peek *p, pid_t pid)
{
	const Elf64_Sym *s = find(p, "cpu_tasks");
	u64 task;

	if (!s || (s->st_size != 8 && s->st_size != 16) ||
	    read_memory(pid, s->st_value + s->st_size - 8, &task, sizeof(task)))
		return 0;
	return task;
}

/* What a program calls itself may hold anything; lines are not to break by it. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

void peek_task(const struct peek *p, pid_t pid, struct peek_task *t)
{
	u64 task = current(p, pid);
	struct layout l;

	memset(t, 0, sizeof(*t));
	if (!task)
		return;
	learn(p, pid, &l);
	if (!l.comm || read_memory(pid, task + l.comm, t->comm, sizeof(t->comm)))
		t->comm[0] = '\0';
	t->comm[sizeof(t->comm) - 1] = '\0';
	make_printable(t->comm);
	if (!l.pid || read_memory(pid, task + l.pid, &t->pid, sizeof(t->pid)))
		t->pid = 0;
}

/*
 * Code
 */

static bool in_kernel(const struct peek *p, u64 addr)
{
	return addr >= p->text && addr < p->text_end;
}

static bool name_address(const struct peek *p, u64 addr,
			 char where[PEEK_WHERE_LEN])
{
	const Elf64_Sym *best = NULL, *s;
	size_t i;

	if (!in_kernel(p, addr))
		return false;
	for (i = 0; i < p->nr_sym; i++) {
		s = &p->sym[i];
		if (ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
		    s->st_value <= addr &&
		    (!best || s->st_value > best->st_value))
			best = s;
	}
	if (best)
		snprintf(where, PEEK_WHERE_LEN, "%.200s+0x%" PRIx64,
			 name_of(p, best), addr - best->st_value);
	return best;
}

/*
 * A module begins with its state, the list, and its name. Somewhere behind that
 * is what memory it has: an address and a length, its code among them.
 */
#define MODULE_NAME	24
#define MODULE_WORDS	128
/* Two pointers in a row are not that. */
#define MAX_CODE	(64u << 20)

static bool name_in_module(const u64 *word, u64 addr,
			   char where[PEEK_WHERE_LEN])
{
	const char *name = (const char *)word + MODULE_NAME;
	unsigned int i;

	for (i = MODULE_NAME / 8; i + 1 < MODULE_WORDS; i++) {
		u64 base = word[i], size = word[i + 1] & 0xffffffff;

		if (!base || base % 4096 || size > MAX_CODE || addr < base ||
		    addr - base >= size)
			continue;
		snprintf(where, PEEK_WHERE_LEN, "[%.55s]+0x%" PRIx64, name,
			 addr - base);
		make_printable(where);
		return true;
	}
	return false;
}

static bool name_module(const struct peek *p, pid_t pid, u64 addr,
			char where[PEEK_WHERE_LEN])
{
	u64 head = address(p, "modules"), at, word[MODULE_WORDS];
	unsigned int n = 0;

	if (read_memory(pid, head, &at, sizeof(at)))
		return false;
	for (; at != head && n < MAX_MODULES; at = word[1], n++) {
		if (read_memory(pid, at - 8, word, sizeof(word)))
			return false;
		if (name_in_module(word, addr, where))
			return true;
	}
	return false;
}

static bool name_code(const struct peek *p, pid_t pid, u64 addr,
		      char where[PEEK_WHERE_LEN])
{
	return name_address(p, addr, where) || name_module(p, pid, addr, where);
}

void peek_where(const struct peek *p, pid_t pid, u64 pc, u64 sp,
		char where[PEEK_WHERE_LEN])
{
	u64 word;
	unsigned int i;

	where[0] = '\0';
	if (name_code(p, pid, pc, where))
		return;
	for (i = 0; i < STACK_WORDS; i++) {
		if (read_memory(pid, sp + i * sizeof(word), &word, sizeof(word)))
			return;
		if (name_address(p, word, where))
			return;
	}
}
