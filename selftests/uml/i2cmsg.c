// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Transfers on an I2C bus through i2c-dev, and how long each took. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_MSGS	8
#define MAX_LEN		8192

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void wait_until(long long ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/*
 * i2cmsg BUS COUNT ADDR MSG...: one transfer, COUNT times, or, where COUNT is
 * @NS, once when the clock says so. A MSG is rN, N bytes
 * are read; wHEX..., these bytes are written; or zN, N zeros. Prints, per time,
 * ns, the result of the ioctl or the error, and what was read.
 */
int main(int argc, char **argv)
{
	static unsigned char data[MAX_MSGS][MAX_LEN];
	struct i2c_msg msg[MAX_MSGS] = { 0 };
	struct i2c_rdwr_ioctl_data t = { .msgs = msg };
	int fd, i, k, n, ret;
	unsigned int byte;
	const char *p;
	long long at;

	if (argc < 5 || argc > 4 + MAX_MSGS)
		errx(2, "usage: i2cmsg BUS COUNT ADDR MSG...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[1]);
	for (i = 0; i < argc - 4; i++) {
		p = argv[4 + i];
		msg[i].addr = (unsigned short)strtoul(argv[3], NULL, 0);
		msg[i].buf = data[i];
		msg[i].flags = *p == 'r' ? I2C_M_RD : 0;
		if (*p != 'w')
			msg[i].len = (unsigned short)atoi(p + 1);
		for (p++; argv[4 + i][0] == 'w' && sscanf(p, "%2x", &byte) == 1; p += 2)
			data[i][msg[i].len++] = (unsigned char)byte;
	}
	t.nmsgs = (unsigned int)(argc - 4);
	/* The first of all may meet what the kernel does only once. */
	now();
	if (argv[2][0] == '@')
		wait_until(atoll(argv[2] + 1));
	for (n = 0; n < (argv[2][0] == '@' ? 1 : atoi(argv[2])); n++) {
		at = now();
		ret = ioctl(fd, I2C_RDWR, &t);
		at = now() - at;
		printf("%lld %s", at, ret < 0 ? strerror(errno) : "");
		if (ret >= 0)
			printf("%d", ret);
		for (i = 0; i < (int)t.nmsgs && ret >= 0; i++)
			for (k = 0; msg[i].flags & I2C_M_RD && k < msg[i].len; k++)
				printf("%s%02x", k ? "" : " ", data[i][k]);
		printf("\n");
	}
	return 0;
}
