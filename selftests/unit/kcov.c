// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What KCOV says of a node, named: this program stands for kernel and module. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/lab/kcov.h"
#include "kselftest_harness.h"

extern const char __executable_start[];

static int __attribute__((noinline)) reached(int x)
{
	return x * 3;
}

#define IN_MODULE	(UINT64_C(1) << 32)

FIXTURE(kcov)
{
	struct kcov k;
	struct lab_node n;
	char self[PATH_MAX], dir[32], *module, *out;
	size_t len;
	u64 at;
	int ret;
};

FIXTURE_SETUP(kcov)
{
	static char name[] = "node1";

	memset(&self->k, 0, sizeof(self->k));
	memset(&self->n, 0, sizeof(self->n));
	self->n.name = name;
	self->out = NULL;
	ASSERT_GT(readlink("/proc/self/exe", self->self, sizeof(self->self) - 1), 0);
	strcpy(self->dir, "/tmp/umtt-kcov.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_LT(0, asprintf(&self->module, "%s/a-module.ko", self->dir));
	ASSERT_EQ(0, symlink(self->self, self->module));
	strvec_add(&self->n.modules, self->module);
	/* Behind the first byte of a call in that line */
	self->at = (u64)(uintptr_t)reached - (u64)(uintptr_t)__executable_start + 1;
}

FIXTURE_TEARDOWN(kcov)
{
	kcov_fini(&self->k);
	strvec_free(&self->n.modules);
	unlink(self->module);
	rmdir(self->dir);
	free(self->module);
	free(self->out);
}

static void say(FIXTURE_DATA(kcov) *self, const char *text)
{
	kcov_said(&self->k, (const u8 *)text, strlen(text));
}

static void write_out(FIXTURE_DATA(kcov) *self)
{
	FILE *f = open_memstream(&self->out, &self->len);

	self->ret = kcov_write(&self->k, &self->n, self->self, NULL, f);
	fclose(f);
}

TEST_F(kcov, kernel)
{
	char text[64], want[128];

	snprintf(text, sizeof(text), "pc %" PRIx64 "\n", self->at);
	say(self, text);
	/* Frames end where they end. */
	say(self, "tot");
	say(self, "al 7 whole\n");
	write_out(self);
	EXPECT_EQ(1, self->ret);
	snprintf(want, sizeof(want), "# node1: 1 places, passed 7 times\n0x%016" PRIx64 " reached ", self->at);
	EXPECT_EQ(0, strncmp(self->out, want, strlen(want))) TH_LOG("%s", self->out);
	EXPECT_NE(NULL, strstr(self->out, "selftests/unit/kcov.c:"));
	EXPECT_EQ(NULL, strchr(self->out, '['));
}

/* .text begins where it does in the file, IN_MODULE further up. */
static u64 text_section(const char *file)
{
	char cmd[PATH_MAX + 64], line[256];
	unsigned long long at = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "readelf -SW '%s'", file);
	f = popen(cmd, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " .text "))
			sscanf(strstr(line, " .text "), " .text PROGBITS %llx", &at);
	if (f)
		pclose(f);
	return at;
}

TEST_F(kcov, module)
{
	u64 text = text_section(self->self);
	char said[256];

	ASSERT_NE(0u, text);
	snprintf(said, sizeof(said), "section other .text %" PRIx64 "\n"
		 "section a_module .text %" PRIx64 "\npc %" PRIx64 "\npc %" PRIx64 "\ntotal 2 full\n",
		 2 * IN_MODULE + 16, IN_MODULE + text, IN_MODULE + self->at,
		 2 * IN_MODULE + 32);
	say(self, said);
	write_out(self);
	EXPECT_EQ(2, self->ret);
	EXPECT_NE(NULL, strstr(self->out, "; what came later is missing, the buffer was full\n"));
	EXPECT_NE(NULL, strstr(self->out, " reached ")) TH_LOG("%s", self->out);
	EXPECT_NE(NULL, strstr(self->out, " [a_module]\n"));
	/* Nobody has said where its file is. */
	EXPECT_NE(NULL, strstr(self->out, "0x0000000200000020 .text+0x10 [other]\n"));
}

TEST_F(kcov, nothing)
{
	say(self, "total 0 whole\n");
	write_out(self);
	EXPECT_EQ(0, self->ret);
	EXPECT_STREQ("# node1: 0 places, passed 0 times\n", self->out);
}

/* What a node cannot have meant is no coverage. */
static const char *const wrong[] = {
	"", "pc 10\n", "pc 10\npc 10\ntotal 2 whole\n", "pc 20\npc 10\ntotal 2 whole\n",
	"pc 0\ntotal 1 whole\n", "pc x\ntotal 1 whole\n", "section a .text\ntotal 1 whole\n",
	"total 1 whole\npc 10\n", "total\n", "hello\ntotal 1 whole\n",
	"pc 10\ntotal 1 whole\ntotal 1 whole\n",
};

TEST_F(kcov, wrong)
{
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		kcov_fini(&self->k);
		say(self, wrong[i]);
		free(self->out);
		write_out(self);
		EXPECT_EQ(-EPROTO, self->ret) TH_LOG("'%s'", wrong[i]);
		EXPECT_STREQ("", self->out);
	}
}

TEST_F(kcov, without_end)
{
	static char chunk[1 << 20];
	const char *why = NULL;
	int i;

	memset(chunk, 'x', sizeof(chunk));
	for (i = 0; i < 100 && !why; i++)
		why = kcov_said(&self->k, (const u8 *)chunk, sizeof(chunk));
	EXPECT_NE(NULL, why);
}

TEST_HARNESS_MAIN
