// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Sets a clock, and its alarm, and waits for that. */
#include <err.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* rtcalarm RTC: ns from the setting of the clock, to 23:59:50, until the alarm of 00:00:05 */
int main(int argc, char **argv)
{
	struct rtc_time t = { .tm_year = 130, .tm_mon = 11, .tm_mday = 31,
			      .tm_hour = 23, .tm_min = 59, .tm_sec = 50 };
	struct rtc_wkalrm a = { .enabled = 1 };
	struct pollfd p = { .events = POLLIN };
	unsigned long data = 0;
	long long begin;

	p.fd = open(argc > 1 ? argv[1] : "/dev/rtc1", O_RDWR);
	if (p.fd < 0)
		err(1, "%s", argv[1]);
	if (ioctl(p.fd, RTC_SET_TIME, &t) < 0)
		err(1, "RTC_SET_TIME");
	begin = now();
	a.time = (struct rtc_time){ .tm_year = 131, .tm_mday = 1, .tm_sec = 5 };
	if (ioctl(p.fd, RTC_WKALM_SET, &a) < 0)
		err(1, "RTC_WKALM_SET");
	if (poll(&p, 1, 60000) != 1)
		errx(1, "no alarm for 60 s");
	printf("%lld\n", now() - begin);
	if (read(p.fd, &data, sizeof(data)) != sizeof(data))
		err(1, "read");
	if (ioctl(p.fd, RTC_RD_TIME, &t) < 0)
		err(1, "RTC_RD_TIME");
	printf("%d-%d %02d:%02d:%02d\n", t.tm_year + 1900, t.tm_mon + 1,
	       t.tm_hour, t.tm_min, t.tm_sec);
	return 0;
}
