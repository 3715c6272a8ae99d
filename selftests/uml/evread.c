// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Reads an input device: what it says of itself, and its events with their times. */
#include <err.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LONG_BITS (8 * sizeof(long))

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void show_bits(int fd, unsigned int type, const char *name)
{
	unsigned long bits[KEY_CNT / (8 * sizeof(long)) + 1] = { 0 };
	unsigned int i;

	if (ioctl(fd, type == EV_CNT ? EVIOCGPROP(sizeof(bits)) :
		  EVIOCGBIT(type, sizeof(bits)), bits) < 0)
		err(1, "bits of type %u", type);
	printf("%s", name);
	for (i = 0; i < KEY_CNT; i++)
		if (bits[i / LONG_BITS] >> i % LONG_BITS & 1)
			printf(" %u", i);
	printf("\n");
}

static void show_axes(int fd)
{
	unsigned long bits[ABS_CNT / (8 * sizeof(long)) + 1] = { 0 };
	struct input_absinfo a;
	unsigned int i;

	ioctl(fd, EVIOCGBIT(EV_ABS, sizeof(bits)), bits);
	for (i = 0; i < ABS_CNT; i++) {
		if (!(bits[i / LONG_BITS] >> i % LONG_BITS & 1))
			continue;
		if (ioctl(fd, EVIOCGABS(i), &a) < 0)
			err(1, "axis %u", i);
		printf("axis %u: %d to %d, resolution %d, fuzz %d, flat %d\n", i,
		       a.minimum, a.maximum, a.resolution, a.fuzz, a.flat);
	}
}

static void show(int fd)
{
	char name[200] = "", serial[200] = "";
	struct input_id id;

	if (ioctl(fd, EVIOCGNAME(sizeof(name) - 1), name) < 0 ||
	    ioctl(fd, EVIOCGID, &id) < 0)
		err(1, "identity");
	(void)ioctl(fd, EVIOCGUNIQ(sizeof(serial) - 1), serial);
	printf("name %s\nserial %s\nid %04x:%04x:%04x:%04x\n", name, serial,
	       id.bustype, id.vendor, id.product, id.version);
	show_bits(fd, EV_CNT, "props");
	show_bits(fd, EV_KEY, "keys");
	show_bits(fd, EV_REL, "rels");
	show_bits(fd, EV_ABS, "abss");
	show_bits(fd, EV_LED, "leds");
	show_axes(fd);
}

/* "woken at" is the end of poll(), as the clock says it in ns. */
static void events(int fd, int count)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int clock = CLOCK_MONOTONIC, i, n;
	struct input_event ev[64];
	ssize_t len;
	long long t;

	if (ioctl(fd, EVIOCSCLOCKID, &clock) < 0)
		err(1, "EVIOCSCLOCKID");
	/* The first of all may meet what the kernel does only once. */
	now();
	printf("ready\n");
	while (count > 0) {
		n = poll(&p, 1, 20000);
		t = now();
		if (n <= 0)
			errx(1, "no event for 20 s");
		len = read(fd, ev, sizeof(ev));
		if (len <= 0)
			err(1, "read");
		for (i = 0; i < (int)(len / (ssize_t)sizeof(ev[0])); i++) {
			printf("%lld %lld %u %u %d\n", t,
			       (long long)ev[i].input_event_sec * 1000000 +
			       ev[i].input_event_usec,
			       ev[i].type, ev[i].code, ev[i].value);
			count -= ev[i].type == EV_SYN;
		}
	}
}

static void led(int fd, unsigned int code, int value)
{
	struct input_event ev[2] = {
		{ .type = EV_LED, .code = (unsigned short)code, .value = value },
		{ .type = EV_SYN },
	};

	if (write(fd, ev, sizeof(ev)) != sizeof(ev))
		err(1, "write");
}

/* evread DEVICE show | events COUNT | led CODE VALUE */
int main(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		errx(2, "usage: evread DEVICE show|events COUNT|led CODE VALUE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (!strcmp(argv[2], "show"))
		show(fd);
	else if (!strcmp(argv[2], "events") && argc > 3)
		events(fd, atoi(argv[3]));
	else if (!strcmp(argv[2], "led") && argc > 4)
		led(fd, (unsigned int)atoi(argv[3]), atoi(argv[4]));
	return 0;
}
