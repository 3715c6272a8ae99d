// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Reads from a port of a console, or writes to it, and says when. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* A terminal as a wire: no echo, no lines */
static void make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return;
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
}

/*
 * portio PORT r COUNT: COUNT reads; for each when it returned, in ns, and
 * how many bytes it got. portio PORT w COUNT BYTES: writes; for each how long
 * it took. Both: after "open" and when that was.
 */
int main(int argc, char **argv)
{
	static char buf[65536];
	long long t;
	ssize_t n;
	int fd, i;

	if (argc < 4)
		errx(2, "usage: portio PORT r COUNT | portio PORT w COUNT BYTES");
	fd = open(argv[1], O_RDWR | O_NOCTTY);
	if (fd < 0)
		err(1, "%s", argv[1]);
	make_raw(fd);
	printf("open %lld\n", now());
	memset(buf, 'x', sizeof(buf));
	for (i = 0; i < atoi(argv[3]); i++) {
		t = now();
		if (argv[2][0] == 'r')
			n = read(fd, buf, sizeof(buf));
		else
			n = write(fd, buf, (size_t)atol(argv[4]));
		if (n < 0)
			err(1, "%d", i);
		if (argv[2][0] == 'r')
			printf("%lld %zd\n", now(), n);
		else
			printf("%lld %zd\n", now() - t, n);
		if (!n)
			break;
	}
	return 0;
}
