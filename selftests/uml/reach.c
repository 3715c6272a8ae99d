// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One of N nodes: tells all others that it is there, and counts who told it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT	7000
#define BEGIN	2	/* simulated s */
#define STEP	20000000ULL	/* ns from one node's turn to the next */

static void sleep_until(unsigned long long ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000ULL),
		.tv_nsec = (long)(ns % 1000000000ULL),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static struct sockaddr_in address(unsigned int node)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	sa.sin_port = htons(PORT);
	sa.sin_addr.s_addr = node ? htonl(0x0a000000u + node) : INADDR_ANY;
	return sa;
}

/* Usage: reach ME N. Prints "ME reached by COUNT of N - 1". */
int main(int argc, char **argv)
{
	unsigned int me = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	unsigned int n = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	unsigned int i, from, seen = 0;
	struct sockaddr_in sa = address(0);
	char known[256] = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (!me || me > n || n > 254 || fd < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return 2;
	sleep_until(BEGIN * 1000000000ULL + me * STEP);
	for (i = 1; i <= n; i++) {
		sa = address(i);
		if (i != me && sendto(fd, &me, sizeof(me), 0,
				      (struct sockaddr *)&sa, sizeof(sa)) < 0)
			return 3;
	}
	/* A second more than the last one's turn: ARP may have to ask twice. */
	sleep_until((BEGIN + 2) * 1000000000ULL + n * STEP);
	while (recv(fd, &from, sizeof(from), MSG_DONTWAIT) == sizeof(from)) {
		if (from < 1 || from > n || known[from])
			continue;
		known[from] = 1;
		seen++;
	}
	printf("%u reached by %u of %u\n", me, seen, n - 1);
	return seen == n - 1 ? 0 : 1;
}
