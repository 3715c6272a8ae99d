// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* By what files and CPUs are told apart. */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fileid.h"
#include "strvec.h"

/* A program's identifier has 20 bytes as a rule. */
#define MAX_ID	64u

/* FNV-1a: nobody is to be kept from making two files that have the same. */
u64 fileid_hash(const void *data, size_t len)
{
	u64 h = 0xcbf29ce484222325ULL;
	const u8 *p = data;

	for (; len; len--, p++)
		h = (h ^ *p) * 0x100000001b3ULL;
	return h;
}

/* The id in the notes at @p, NULL: none */
static const u8 *id_in_notes(const u8 *p, size_t len, size_t *id_len)
{
	Elf64_Nhdr nh;
	size_t name, desc;

	while (len >= sizeof(nh)) {
		memcpy(&nh, p, sizeof(nh));
		name = ((size_t)nh.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)nh.n_descsz + 3) & ~(size_t)3;
		if (name + desc > len - sizeof(nh))
			return NULL;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 &&
		    memcmp(p + sizeof(nh), "GNU", 4) == 0 &&
		    nh.n_descsz <= MAX_ID) {
			*id_len = nh.n_descsz;
			return p + sizeof(nh) + name;
		}
		p += sizeof(nh) + name + desc;
		len -= sizeof(nh) + name + desc;
	}
	return NULL;
}

static const u8 *id_in_elf(const u8 *p, size_t len, size_t *id_len)
{
	const u8 *id = NULL;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned int i;

	if (len < sizeof(eh) || memcmp(p, ELFMAG, SELFMAG) != 0 ||
	    p[EI_CLASS] != ELFCLASS64)
		return NULL;
	memcpy(&eh, p, sizeof(eh));
	for (i = 0; i < eh.e_phnum && !id; i++) {
		if (eh.e_phoff > len || len - eh.e_phoff < (i + 1) * sizeof(ph))
			break;
		memcpy(&ph, p + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_NOTE && ph.p_offset <= len &&
		    ph.p_filesz <= len - ph.p_offset)
			id = id_in_notes(p + ph.p_offset, ph.p_filesz, id_len);
	}
	return id;
}

static char *id_of(const u8 *p, size_t len)
{
	char hex[2 * MAX_ID + 1] = "";
	size_t n = 0, i;
	const u8 *id = id_in_elf(p, len, &n);

	if (!id)
		return xasprintf("hash:%016" PRIx64, fileid_hash(p, len));
	for (i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return xasprintf("build:%s", hex);
}

char *fileid(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	void *p = MAP_FAILED;
	char *id = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		id = id_of(p, (size_t)st.st_size);
		munmap(p, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	return id ? id : xstrdup("none");
}

static bool line_is(const char *line, const char *key, const char **value)
{
	const char *colon = strchr(line, ':');

	if (!colon || strncmp(line, key, strlen(key)) != 0)
		return false;
	*value = colon + 1 + strspn(colon + 1, " ");
	return true;
}

void cpuid_read(struct cpuid *cpu)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	const char *v;
	size_t size = 0;

	memset(cpu, 0, sizeof(*cpu));
	while (f && (!*cpu->model || !cpu->flags) && getline(&line, &size, f) > 0) {
		if (line_is(line, "model name", &v))
			snprintf(cpu->model, sizeof(cpu->model), "%.*s",
				 (int)strcspn(v, "\n"), v);
		else if (line_is(line, "flags", &v))
			cpu->flags = fileid_hash(v, strlen(v));
	}
	free(line);
	if (f)
		fclose(f);
}
