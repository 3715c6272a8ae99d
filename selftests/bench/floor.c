// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The floor: what a bare message and its answer cost between two processes. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	200000

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void serve(int fd)
{
	char msg[16];

	while (read(fd, msg, sizeof(msg)) == sizeof(msg))
		if (write(fd, msg, sizeof(msg)) != sizeof(msg))
			break;
	_exit(0);
}

/* Both on the CPU that we are on, as a lab is. */
int main(void)
{
	char msg[16] = { 0 };
	double start;
	cpu_set_t set;
	int sv[2], i;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0) {
		perror("floor");
		return 1;
	}
	switch (fork()) {
	case -1:
		perror("floor: fork");
		return 1;
	case 0:
		close(sv[0]);
		serve(sv[1]);
	}
	close(sv[1]);
	start = seconds();
	for (i = 0; i < ROUNDS; i++) {
		if (write(sv[0], msg, sizeof(msg)) != sizeof(msg) ||
		    read(sv[0], msg, sizeof(msg)) != sizeof(msg)) {
			perror("floor");
			return 1;
		}
	}
	printf("%.3f\n", (seconds() - start) / ROUNDS * 1e6);
	close(sv[0]);
	wait(NULL);
	return 0;
}
