// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/*
 * Round trips to the nanosecond: rtt ADDRESS COUNT [PAYLOAD]
 *
 * Sends echo requests, each when the answer to the one before has come, or has
 * not for 5 s. Prints for each how many ns passed from a look at the clock
 * before it was sent to one after its answer was received; or "lost".
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MAX_COUNT	10000
#define MAX_PAYLOAD	8192

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static int open_socket(const char *addr)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval timeout = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (fd < 0 || inet_pton(AF_INET, addr, &to.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror(addr);
		exit(1);
	}
	return fd;
}

/* Is this packet the answer that is awaited, unchanged? */
static int is_answer(const uint8_t *packet, size_t got, const uint8_t *request,
		     size_t len)
{
	struct iphdr ip;
	struct icmphdr icmp;
	size_t at;

	if (got < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	at = ip.ihl * 4u;
	if (got != at + len)
		return 0;
	memcpy(&icmp, packet + at, sizeof(icmp));
	return icmp.type == ICMP_ECHOREPLY &&
	       !memcmp(packet + at + 4, request + 4, len - 4);
}

/* Return: the time, 0 when it was lost */
static uint64_t round_trip(int fd, uint16_t seq, size_t payload)
{
	static uint8_t request[sizeof(struct icmphdr) + MAX_PAYLOAD];
	static uint8_t packet[sizeof(request) + 60];
	struct icmphdr h = { .type = ICMP_ECHO };
	size_t len = sizeof(h) + payload, i;
	uint64_t begin, end;
	ssize_t got;

	h.un.echo.id = htons(0x756d);
	h.un.echo.sequence = htons(seq);
	memcpy(request, &h, sizeof(h));
	for (i = sizeof(h); i < len; i++)
		request[i] = (uint8_t)(i * 7 + seq);
	h.checksum = checksum(request, len);
	memcpy(request, &h, sizeof(h));

	begin = now();
	if (send(fd, request, len, 0) != (ssize_t)len) {
		perror("send");
		exit(1);
	}
	do {
		got = recv(fd, packet, sizeof(packet), 0);
		end = now();
		if (got <= 0)
			return 0;
	} while (!is_answer(packet, (size_t)got, request, len));
	return end - begin;
}

int main(int argc, char **argv)
{
	static uint64_t took[MAX_COUNT];
	unsigned long count, payload, i;
	int fd;

	count = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	payload = argc > 3 ? strtoul(argv[3], NULL, 0) : 56;
	if (!count || count > MAX_COUNT || payload > MAX_PAYLOAD) {
		fprintf(stderr, "usage: rtt ADDRESS COUNT [PAYLOAD]\n");
		return 2;
	}
	fd = open_socket(argv[1]);
	/* What is printed in between would take time of its own. */
	for (i = 0; i < count; i++)
		took[i] = round_trip(fd, (uint16_t)i, payload);
	for (i = 0; i < count; i++) {
		if (took[i])
			printf("%llu\n", (unsigned long long)took[i]);
		else
			printf("lost\n");
	}
	return 0;
}
