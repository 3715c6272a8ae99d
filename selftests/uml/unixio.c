// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Programs of the host that a vsock device connects a guest with. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char buf[1 << 20];

static int unix_socket(const char *path, struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (fd < 0 || strlen(path) >= sizeof(sa->sun_path))
		err(1, "%s", path);
	strcpy(sa->sun_path, path);
	return fd;
}

static void send_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; len -= (size_t)n, p += n) {
		n = write(fd, p, len);
		if (n < 0)
			err(1, "write");
	}
}

static void copy(int in, int out, useconds_t pause)
{
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0) {
		usleep(pause);
		send_all(out, buf, (size_t)n);
	}
}

/* Each that connects gets back what it says, PAUSE us later, until it ends. */
static void serve(const char *path, useconds_t pause)
{
	struct sockaddr_un sa;
	int fd = unix_socket(path, &sa), c;

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 100) < 0)
		err(1, "%s", path);
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		copy(c, c, pause);
		close(c);
	}
}

/* Connected to that port of the guest; -1: nobody listens there yet */
static int dial(const char *path, const char *port)
{
	struct sockaddr_un sa;
	int fd = unix_socket(path, &sa);

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		dprintf(fd, "CONNECT %s\n", port);
		if (recv(fd, buf, 1, MSG_PEEK) == 1)
			return fd;
	}
	close(fd);
	return -1;
}

/* LINE to a port of the guest, and what it answers to stdout */
static void call(const char *path, const char *port, const char *line)
{
	int fd, i;

	for (i = 0; (fd = dial(path, port)) < 0; i++) {
		if (i == 1000)
			errx(1, "%s: nobody", path);
		usleep(10000);
	}
	send_all(fd, line, strlen(line));
	shutdown(fd, SHUT_WR);
	copy(fd, 1, 0);
}

/* What the first that connects says, to stdout */
static void take(const char *path)
{
	struct sockaddr_un sa;
	int fd = unix_socket(path, &sa);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1) < 0)
		err(1, "%s", path);
	copy(accept(fd, NULL, NULL), 1, 0);
}

/* unixio serve PATH PAUSE | unixio take PATH | unixio call PATH PORT LINE */
int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		serve(argv[2], (useconds_t)atol(argv[3]));
	else if (argc == 3 && !strcmp(argv[1], "take"))
		take(argv[2]);
	else if (argc == 5 && !strcmp(argv[1], "call"))
		call(argv[2], argv[3], argv[4]);
	else
		errx(2, "usage: see the source");
	return 0;
}
