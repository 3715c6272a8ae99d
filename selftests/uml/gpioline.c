// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Lines of a GPIO chip, through its character device: levels, and edges with their times. */
#include <err.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void info(int chip)
{
	struct gpio_v2_line_info line;
	struct gpiochip_info c;
	unsigned int i;

	if (ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &c) < 0)
		err(1, "GPIO_GET_CHIPINFO");
	printf("lines %u\n", c.lines);
	for (i = 0; i < c.lines; i++) {
		memset(&line, 0, sizeof(line));
		line.offset = i;
		if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &line) < 0)
			err(1, "line %u", i);
		printf("line %u '%s'%s%s\n", i, line.name,
		       line.flags & GPIO_V2_LINE_FLAG_OUTPUT ? " output" : "",
		       line.flags & GPIO_V2_LINE_FLAG_USED ? " used" : "");
	}
}

static int request(int chip, unsigned int line, unsigned long long flags,
		   unsigned int debounce)
{
	struct gpio_v2_line_request r = { .num_lines = 1 };

	r.offsets[0] = line;
	r.event_buffer_size = 256;
	strcpy(r.consumer, "test");
	r.config.flags = flags;
	if (debounce) {
		r.config.num_attrs = 1;
		r.config.attrs[0].mask = 1;
		r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
		r.config.attrs[0].attr.debounce_period_us = debounce;
	}
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0)
		err(1, "line %u", line);
	return r.fd;
}

static unsigned long long edges(const char *s)
{
	unsigned long long flags = GPIO_V2_LINE_FLAG_INPUT;

	if (!strcmp(s, "rising") || !strcmp(s, "both"))
		flags |= GPIO_V2_LINE_FLAG_EDGE_RISING;
	if (!strcmp(s, "falling") || !strcmp(s, "both"))
		flags |= GPIO_V2_LINE_FLAG_EDGE_FALLING;
	return flags;
}

/* "woken at", time of the edge, rising (1) or falling (2), its number */
static void events(int fd, int count)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct gpio_v2_line_event ev[64];
	ssize_t len;
	long long t;
	int i, n;

	now();
	printf("ready\n");
	while (count > 0) {
		n = poll(&p, 1, 60000);
		t = now();
		if (n <= 0)
			errx(1, "no edge for 60 s");
		len = read(fd, ev, sizeof(ev));
		if (len <= 0)
			err(1, "read");
		for (i = 0; i < (int)(len / (ssize_t)sizeof(ev[0])); i++) {
			printf("%lld %lld %u %u\n", t,
			       (long long)ev[i].timestamp_ns, ev[i].id,
			       ev[i].line_seqno);
			count--;
		}
	}
}

static int get(int fd)
{
	struct gpio_v2_line_values v = { .mask = 1 };

	if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0)
		err(1, "value");
	return (int)(v.bits & 1);
}

static void set(int fd, int level)
{
	struct gpio_v2_line_values v = { .mask = 1, .bits = (unsigned int)level };

	if (ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0)
		err(1, "value");
}

/* So often, from one level to the other, each for @us */
static void blink(int fd, int count, unsigned int us)
{
	int i;

	for (i = 0; i < count; i++) {
		set(fd, !(i & 1));
		usleep(us);
	}
}

/* How long each of COUNT reads takes */
static void time_get(int fd, int count)
{
	long long t;

	get(fd);
	while (count--) {
		t = now();
		get(fd);
		printf("%lld\n", now() - t);
	}
}

/*
 * gpioline CHIP info | get LINE | time LINE COUNT | blink LINE COUNT US |
 *	events LINE COUNT rising|falling|both [DEBOUNCE_US]
 */
int main(int argc, char **argv)
{
	unsigned int line = argc > 3 ? (unsigned int)atoi(argv[3]) : 0;
	int chip;

	if (argc < 3)
		errx(2, "usage: gpioline CHIP info|get|time|blink|events ...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	chip = open(argv[1], O_RDWR);
	if (chip < 0)
		err(1, "%s", argv[1]);
	if (!strcmp(argv[2], "info"))
		info(chip);
	else if (!strcmp(argv[2], "get"))
		printf("%d\n", get(request(chip, line, edges(""), 0)));
	else if (!strcmp(argv[2], "time") && argc > 4)
		time_get(request(chip, line, edges(""), 0), atoi(argv[4]));
	else if (!strcmp(argv[2], "blink") && argc > 5)
		blink(request(chip, line, GPIO_V2_LINE_FLAG_OUTPUT, 0),
		      atoi(argv[4]), (unsigned int)atoi(argv[5]));
	else if (!strcmp(argv[2], "events") && argc > 5)
		events(request(chip, line, edges(argv[5]),
			       argc > 6 ? (unsigned int)atoi(argv[6]) : 0),
		       atoi(argv[4]));
	return 0;
}
