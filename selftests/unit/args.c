// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Options of devices: what is understood, what is refused, and what is said. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/dev/args.h"
#include "kselftest_harness.h"
#include "leaks.h"

/* What has gone to stderr, and goes there no more. */
FIXTURE(args) {
	struct dev_args *a;
	int saved, pipe[2];
	char said[1000];
};

FIXTURE_SETUP(args)
{
	self->a = NULL;
	ASSERT_EQ(0, pipe(self->pipe));
	fflush(stderr);
	self->saved = dup(STDERR_FILENO);
	dup2(self->pipe[1], STDERR_FILENO);
}

static const char *said(FIXTURE_DATA(args) *self)
{
	ssize_t n;

	fflush(stderr);
	/* So that there is always something to read. */
	if (write(self->pipe[1], "\n", 1) != 1)
		abort();
	n = read(self->pipe[0], self->said, sizeof(self->said) - 1);
	self->said[n > 0 ? n - 1 : 0] = '\0';
	return self->said;
}

FIXTURE_TEARDOWN(args)
{
	dup2(self->saved, STDERR_FILENO);
	close(self->saved);
	close(self->pipe[0]);
	close(self->pipe[1]);
	dev_args_free(self->a);
	EXPECT_EQ(0, leaks());
}

static void parse(FIXTURE_DATA(args) *self, const char *spec)
{
	dev_args_free(self->a);
	self->a = NULL;
	if (dev_args_parse(&self->a, NULL, spec))
		abort();
}

TEST_F(args, type_alone)
{
	parse(self, "rng");
	EXPECT_STREQ("rng", dev_args_type(self->a));
	EXPECT_EQ(NULL, dev_args_unused(self->a));
	EXPECT_EQ(NULL, dev_arg_str(self->a, "x", NULL));
	EXPECT_STREQ("d", dev_arg_str(self->a, "x", "d"));
}

TEST_F(args, values)
{
	parse(self, "net,link=lan,flag,empty=,eq=a=b,path=/a b");
	EXPECT_STREQ("net", dev_args_type(self->a));
	EXPECT_STREQ("lan", dev_arg_str(self->a, "link", "d"));
	EXPECT_STREQ("", dev_arg_str(self->a, "flag", "d"));
	EXPECT_STREQ("", dev_arg_str(self->a, "empty", "d"));
	EXPECT_STREQ("a=b", dev_arg_str(self->a, "eq", "d"));
	EXPECT_STREQ("/a b", dev_arg_str(self->a, "path", "d"));
	EXPECT_STREQ("d", dev_arg_str(self->a, "lin", "d"));
	EXPECT_STREQ("d", dev_arg_str(self->a, "links", "d"));
}

TEST_F(args, doubled_comma)
{
	parse(self, "n,,et,a=,,,b=x,,y,,,,z,c=,,,,");
	EXPECT_STREQ("n,et", dev_args_type(self->a));
	EXPECT_STREQ(",", dev_arg_str(self->a, "a", NULL));
	EXPECT_STREQ("x,y,,z", dev_arg_str(self->a, "b", NULL));
	EXPECT_STREQ(",,", dev_arg_str(self->a, "c", NULL));
}

TEST_F(args, unused_in_order)
{
	parse(self, "net,a=1,b=2,c=3");
	EXPECT_STREQ("a", dev_args_unused(self->a));
	dev_arg_str(self->a, "a", NULL);
	dev_arg_str(self->a, "c", NULL);
	EXPECT_STREQ("b", dev_args_unused(self->a));
	dev_arg_str(self->a, "b", NULL);
	EXPECT_EQ(NULL, dev_args_unused(self->a));
}

TEST_F(args, refused)
{
	struct dev_args *a = (void *)1;

	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, ""));
	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, ",a=1"));
	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, "net,"));
	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, "net,=1"));
	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, "net,a=1,"));
	said(self);
	EXPECT_EQ(-EINVAL, dev_args_parse(&a, NULL, "net,a=1,b,a=2"));
	EXPECT_STREQ("umtt: net: option a is given twice\n", said(self));
	EXPECT_EQ((void *)1, a);
}

TEST_F(args, numbers)
{
	u64 v = 5, t = 5, r = 5, p = 5;
	bool on = false, off = true, flag = false, kept = true;

	parse(self, "x,n=4Ki,t=1.5ms,r=1Gbit,p=50%,on=yes,off=0,flag");
	EXPECT_EQ(0, dev_arg_u64(self->a, "absent", &v));
	EXPECT_EQ(0, dev_arg_time(self->a, "absent", &v));
	EXPECT_EQ(0, dev_arg_rate(self->a, "absent", &v));
	EXPECT_EQ(0, dev_arg_prob(self->a, "absent", &v));
	EXPECT_EQ(0, dev_arg_bool(self->a, "absent", &kept));
	EXPECT_EQ(5, v);
	EXPECT_TRUE(kept);
	EXPECT_EQ(0, dev_arg_u64(self->a, "n", &v));
	EXPECT_EQ(4096, v);
	EXPECT_EQ(0, dev_arg_time(self->a, "t", &t));
	EXPECT_EQ(1500000, t);
	EXPECT_EQ(0, dev_arg_rate(self->a, "r", &r));
	EXPECT_EQ(1000000000, r);
	EXPECT_EQ(0, dev_arg_prob(self->a, "p", &p));
	EXPECT_EQ(U64_MAX / 2, p);
	EXPECT_EQ(0, dev_arg_bool(self->a, "on", &on));
	EXPECT_TRUE(on);
	EXPECT_EQ(0, dev_arg_bool(self->a, "off", &off));
	EXPECT_FALSE(off);
	EXPECT_EQ(0, dev_arg_bool(self->a, "flag", &flag));
	EXPECT_TRUE(flag);
	EXPECT_EQ(NULL, dev_args_unused(self->a));
	EXPECT_STREQ("", said(self));
}

TEST_F(args, complaints_name_device_option_and_value)
{
	u64 v = 5;
	bool b;

	parse(self, "net,latency=soon,n=1x,r=1,,5,p=2,b=maybe,e=");
	dev_args_set_tag(self->a, "a.net0");
	EXPECT_EQ(-EINVAL, dev_arg_time(self->a, "latency", &v));
	EXPECT_STREQ("umtt: a.net0: option latency=soon: not a time (as 100us, 1.5ms, 2h)\n",
		     said(self));
	EXPECT_EQ(-EINVAL, dev_arg_u64(self->a, "n", &v));
	EXPECT_STREQ("umtt: a.net0: option n=1x: not a number (as 42, 10k, 1.5M, 4Ki)\n",
		     said(self));
	EXPECT_EQ(-EINVAL, dev_arg_rate(self->a, "r", &v));
	EXPECT_STREQ("umtt: a.net0: option r=1,5: not a rate (as 64kbit, 10Mbit, 1Gbit)\n",
		     said(self));
	/* -ERANGE of the parser is -EINVAL of the option. */
	EXPECT_EQ(-EINVAL, dev_arg_prob(self->a, "p", &v));
	EXPECT_STREQ("umtt: a.net0: option p=2: out of range for a probability (as 0.01, 1%)\n",
		     said(self));
	EXPECT_EQ(-EINVAL, dev_arg_bool(self->a, "b", &b));
	EXPECT_STREQ("umtt: a.net0: option b=maybe: not a yes or no (as on, off)\n",
		     said(self));
	EXPECT_EQ(-EINVAL, dev_arg_u64(self->a, "e", &v));
	EXPECT_EQ(5, v);
}

TEST_F(args, tag_of_the_caller)
{
	struct dev_args *a;

	EXPECT_EQ(-EINVAL, dev_args_parse(&a, "b.rng0", "rng,x,x"));
	EXPECT_STREQ("umtt: b.rng0: option x is given twice\n", said(self));
}

TEST_F(args, many_options)
{
	char spec[20000] = "t", *p = spec + 1, key[8];
	int i;

	for (i = 0; i < 1000; i++)
		p += sprintf(p, ",k%d=%d", i, i);
	parse(self, spec);
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		EXPECT_EQ(i, atoi(dev_arg_str(self->a, key, "-1")));
	}
	EXPECT_EQ(NULL, dev_args_unused(self->a));
}

TEST_HARNESS_MAIN
