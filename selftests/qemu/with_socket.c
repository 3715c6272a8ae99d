// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* with_socket FD1 FD2 COMMAND...: the two ends of a connection, for COMMAND. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fds[2];

	if (argc < 4 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 1;
	/* High enough to be in nobody's way before they are where they belong. */
	if (dup2(fds[0], 30) < 0 || dup2(fds[1], 31) < 0)
		return 1;
	close(fds[0]);
	close(fds[1]);
	if (dup2(30, atoi(argv[1])) < 0 || dup2(31, atoi(argv[2])) < 0)
		return 1;
	close(30);
	close(31);
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
