// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Preloaded into every kernel: what it sees of its host is always the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <unistd.h>

/*
 * DOC: Theory of operation
 *
 * A User-Mode Linux kernel takes the first random numbers from its host, and
 * shows the host's name and version in /proc/cpuinfo. Both go through the C
 * library, which it is linked with dynamically, so they can be replaced here:
 * the random numbers follow from UMTT_SEED, 16 hexadecimal digits.
 *
 * The generator is splitmix64, as in src/base/prng.c. The kernel's own makes
 * good numbers of them.
 */

static uint64_t next(void)
{
	static uint64_t state;
	static int seeded;
	const char *seed;
	uint64_t z;

	if (!seeded) {
		seed = getenv("UMTT_SEED");
		state = seed ? strtoull(seed, NULL, 16) : 0;
		seeded = 1;
	}
	state += 0x9e3779b97f4a7c15;
	z = state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	uint8_t *p = buf;
	uint64_t v;
	size_t n;

	(void)flags;
	for (; len; len -= n, p += n) {
		v = next();
		n = len < sizeof(v) ? len : sizeof(v);
		memcpy(p, &v, n);
	}
	return p - (uint8_t *)buf;
}

int uname(struct utsname *u)
{
	/* Of all of it, only the machine makes a difference to the kernel. */
	if (syscall(SYS_uname, u) < 0)
		return -1;
	strcpy(u->sysname, "Linux");
	strcpy(u->nodename, "umtt");
	strcpy(u->release, "0");
	strcpy(u->version, "0");
	return 0;
}
