// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Sockets of AF_VSOCK in a guest: what goes through them, and how long it takes. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int vsock(int type, unsigned int cid, unsigned int port,
		 int (*what)(int, const struct sockaddr *, socklen_t),
		 const char *name)
{
	struct sockaddr_vm sa = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, type, 0);

	if (fd < 0)
		err(1, "socket");
	if (what(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		err(1, "%s", name);
	return fd;
}

static void send_all(int fd, const char *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= (size_t)n, buf += n) {
		n = write(fd, buf, len);
		if (n < 0)
			err(1, "write");
	}
}

static void recv_all(int fd, char *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= (size_t)n, buf += n) {
		n = recv(fd, buf, len, 0);
		if (n < 0)
			err(1, "recv");
		if (!n)
			errx(1, "recv: the end");
	}
}

/* All that comes, to @out; at its end to nobody any more. */
static void copy(int in, int out)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		send_all(out, buf, (size_t)n);
	if (n < 0)
		err(1, "read");
}

static int take(int type, unsigned int port)
{
	int fd = vsock(type, VMADDR_CID_ANY, port, bind, "bind"), c;

	if (listen(fd, 8) < 0)
		err(1, "listen");
	c = accept(fd, NULL, NULL);
	if (c < 0)
		err(1, "accept");
	close(fd);
	return c;
}

/* Each round trip in ns, after one that is not measured */
static void ask(int fd, int count, size_t len)
{
	char *buf = malloc(len);
	long long t;
	int i;

	if (!buf)
		errx(1, "no memory");
	for (i = 0; i <= count; i++) {
		memset(buf, i, len);
		t = now();
		send_all(fd, buf, len);
		recv_all(fd, buf, len);
		if (i)
			printf("%lld\n", now() - t);
	}
	free(buf);
}

/* Three messages of that size are three messages. */
static void messages(int fd, size_t len)
{
	char *buf = calloc(1, len);
	int i;

	for (i = 1; i <= 3 && buf; i++)
		if (send(fd, buf, len * (size_t)i / 3, 0) < 0)
			err(1, "send");
	free(buf);
}

static void say_messages(int fd)
{
	static char buf[1 << 20];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		printf("%zd\n", n);
	if (n < 0)
		err(1, "recv");
}

/* The CID that the driver has now */
static unsigned int my_cid(void)
{
	unsigned int cid = 0;
	int fd = open("/dev/vsock", O_RDONLY);

	if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
		err(1, "/dev/vsock");
	close(fd);
	return cid;
}

/* "ERRNO WHEN CID": how a connection on which nothing comes has ended, and when */
static void watch(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);
	long long t = now();

	printf("%s %lld %u\n", n < 0 ? strerrorname_np(errno) : n ? "data" : "end",
	       t, my_cid());
	fflush(stdout);
}

static unsigned int number(const char *s)
{
	return (unsigned int)strtoul(s, NULL, 0);
}

/*
 * vsockio echo PORT: take a connection, send back what comes
 * vsockio take PORT, seqtake PORT: what comes to stdout, or the messages' lengths
 * vsockio ask CID PORT COUNT BYTES: round trips
 * vsockio send CID PORT: stdin to there, then what comes back to stdout
 * vsockio watch CID PORT, takewatch PORT: wait for the end of a connection
 * vsockio seqsend CID PORT BYTES: three messages, up to so long
 */
int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int fd;

	if (!strcmp(what, "echo")) {
		fd = take(SOCK_STREAM, number(argv[2]));
		copy(fd, fd);
	} else if (!strcmp(what, "take")) {
		copy(take(SOCK_STREAM, number(argv[2])), 1);
	} else if (!strcmp(what, "seqtake")) {
		say_messages(take(SOCK_SEQPACKET, number(argv[2])));
	} else if (!strcmp(what, "takewatch")) {
		watch(take(SOCK_STREAM, number(argv[2])));
	} else if (!strcmp(what, "watch") && argc == 4) {
		watch(vsock(SOCK_STREAM, number(argv[2]), number(argv[3]),
			    connect, "connect"));
	} else if (!strcmp(what, "ask") && argc == 6) {
		fd = vsock(SOCK_STREAM, number(argv[2]), number(argv[3]),
			   connect, "connect");
		ask(fd, atoi(argv[4]), (size_t)atol(argv[5]));
	} else if (!strcmp(what, "send") && argc == 4) {
		fd = vsock(SOCK_STREAM, number(argv[2]), number(argv[3]),
			   connect, "connect");
		copy(0, fd);
		shutdown(fd, SHUT_WR);
		copy(fd, 1);
	} else if (!strcmp(what, "seqsend") && argc == 5) {
		fd = vsock(SOCK_SEQPACKET, number(argv[2]), number(argv[3]),
			   connect, "connect");
		messages(fd, (size_t)atol(argv[4]));
	} else {
		errx(2, "usage: see the source");
	}
	return 0;
}
