// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A kernel module that does what it is told to as soon as it is loaded: fail. */
#include <linux/module.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "panic, warn, bug, oops or hang");

static int __init crash_init(void)
{
	if (!strcmp(how, "panic"))
		panic("as it was told to");
	WARN(!strcmp(how, "warn"), "as it was told to\n");
	BUG_ON(!strcmp(how, "bug"));
	if (!strcmp(how, "oops"))
		*(volatile int *)16 = 1;
	while (!strcmp(how, "hang"))
		barrier();
	return -EINVAL;
}
module_init(crash_init);

MODULE_DESCRIPTION("for tests of what is said about kernels that fail");
MODULE_LICENSE("Dual BSD/GPL");
