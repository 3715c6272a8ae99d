// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A slave that is started with its socket, as managers of back-ends do it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define FDNUM		7
#define FD_OPTION	"--fd=7"

/* umtt inherits @fd as FDNUM, and what else is open is closed for it. */
static void start_device_with(struct umtt *u, const char *device, int fd)
{
	check(dup2(fd, FDNUM) == FDNUM);
	close(fd);
	umtt_start(u, "slave", "--device", device, FD_OPTION, NULL);
	close(FDNUM);
}

static void start_with(struct umtt *u, int fd)
{
	start_device_with(u, "echo", fd);
}

static int pair(int *theirs, int type)
{
	int fds[2];

	check(socketpair(AF_UNIX, type, 0, fds) == 0);
	check(fcntl(fds[0], F_SETFD, FD_CLOEXEC) == 0);
	*theirs = fds[1];
	return fds[0];
}

static void works(struct fvu *f)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		echo_put(f, 0, i, 0);
		fvu_kick(f, 0);
		fvu_kicked(f);
		fvu_called(f, 0);
		echo_get(f, 0, i);
		fvu_answer(f, 0);
	}
}

/* A socket that the manager has used itself, with poll, does not block. */
static void connected(bool nonblock)
{
	struct umtt u;
	struct fvu f;
	int theirs;

	fvu_begin(&f, pair(&theirs, SOCK_STREAM | (nonblock ? SOCK_NONBLOCK : 0)));
	check(fcntl(f.fd, F_SETFL, 0) == 0);
	start_with(&u, theirs);
	fvu_set_up(&f);
	works(&f);
	fvu_close(&f);
	umtt_ends(&u, 0);
}

TEST(connection)
{
	connected(false);
}

TEST(connection_that_does_not_block)
{
	connected(true);
}

/* What its options say of a device holds for the first connection, too. */
TEST(connection_to_some_queues)
{
	struct umtt u;
	struct fvu f;
	int theirs;

	fvu_begin(&f, pair(&theirs, SOCK_STREAM));
	start_device_with(&u, "blk,size=1Mi,queues=3", theirs);
	f.protocol |= BIT_ULL(VHOST_USER_PROTOCOL_F_MQ);
	fvu_negotiate(&f);
	check_eq(3, fvu_get(&f, VHOST_USER_GET_QUEUE_NUM));
	fvu_close(&f);
	umtt_ends(&u, 0);
}

TEST(connection_that_ends_at_once)
{
	struct umtt u;
	int theirs;

	close(pair(&theirs, SOCK_STREAM));
	start_with(&u, theirs);
	umtt_ends(&u, 0);
}

TEST(connection_that_misbehaves)
{
	struct umtt u;
	int theirs, fd = pair(&theirs, SOCK_STREAM);

	start_with(&u, theirs);
	send_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18, NULL, 0);
	comes_to_an_end(fd, "the slave");
	umtt_says(&u, "the connection of --fd 7 ended: ");
	umtt_ends(&u, 125);
	close(fd);
}

TEST(term_during_a_request)
{
	struct umtt u;
	struct fvu f;
	int theirs;

	fvu_begin(&f, pair(&theirs, SOCK_STREAM));
	start_with(&u, theirs);
	fvu_set_up(&f);
	echo_put(&f, 0, 0, 3600 * NSEC_PER_SEC);
	fvu_kick(&f, 0);
	fvu_kicked(&f);
	umtt_term(&u, 0);
	comes_to_an_end(f.fd, "the slave");
	fvu_close(&f);
}

/* One front-end after the other; then the next slave gets the same socket. */
static void listening(int flags)
{
	int listener = listen_at(path("s"));
	unsigned int i, j;
	struct umtt u;
	struct fvu f;

	check(fcntl(listener, F_SETFL, flags) == 0);
	for (i = 0; i < 3; i++) {
		start_with(&u, dup(listener));
		for (j = 0; j < 3; j++) {
			fvu_open(&f, "s");
			works(&f);
			fvu_close(&f);
		}
		check(umtt_cpu_ms(&u) < 2000);
		umtt_term(&u, 0);
		check(access(path("s"), F_OK) == 0);
	}
	close(listener);
}

TEST(listening_socket)
{
	listening(0);
}

TEST(listening_socket_that_does_not_block)
{
	listening(O_NONBLOCK);
}

/* That comes before the slave does waits for it. */
TEST(connection_in_the_queue)
{
	int listener = listen_at(path("s"));
	struct umtt u;
	struct fvu f;

	fvu_connect(&f, path("s"));
	start_with(&u, listener);
	fvu_set_up(&f);
	works(&f);
	fvu_close(&f);
	umtt_term(&u, 0);
}

/* Idle, with a listening socket that does not block, it waits and does not spin. */
TEST(nothing_to_do)
{
	int listener = listen_at(path("s"));
	struct umtt u;
	u64 cpu;

	check(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	start_with(&u, listener);
	close(connect_to(path("s")));
	cpu = umtt_cpu_ms(&u);
	sleep_ms(500);
	check(umtt_cpu_ms(&u) - cpu < 100);
	umtt_term(&u, 0);
}

TEST(socket_path)
{
	static char option[300];
	struct umtt u;
	struct fvu f;

	snprintf(option, sizeof(option), "--socket-path=%s", path("s"));
	umtt_start(&u, "slave", option, "--device", "echo", NULL);
	fvu_open(&f, "s");
	works(&f);
	fvu_close(&f);
	fvu_open(&f, "s");
	works(&f);
	umtt_term(&u, 0);
	check(access(path("s"), F_OK) < 0);
	fvu_close(&f);
}

/*
 * What cannot be
 */

static void refuses(struct umtt *u, const char *why)
{
	umtt_says(u, why);
	umtt_ends(u, 125);
}

TEST(fd_that_is_none)
{
	struct umtt u;
	int fd;

	close(FDNUM);
	umtt_start(&u, "slave", "--device", "echo", FD_OPTION, NULL);
	refuses(&u, "umtt: --fd 7: not an open file descriptor");
	start_with(&u, open("/dev/null", O_RDWR));
	refuses(&u, "umtt: --fd 7: not a stream socket of AF_UNIX");
	start_with(&u, socket(AF_INET, SOCK_STREAM, 0));
	refuses(&u, "umtt: --fd 7: not a stream socket of AF_UNIX");
	start_with(&u, socket(AF_UNIX, SOCK_DGRAM, 0));
	refuses(&u, "umtt: --fd 7: not a stream socket of AF_UNIX");
	start_with(&u, socket(AF_UNIX, SOCK_STREAM, 0));
	refuses(&u, "umtt: --fd 7: neither listening nor connected");
	close(pair(&fd, SOCK_SEQPACKET));
	start_with(&u, fd);
	refuses(&u, "umtt: --fd 7: not a stream socket of AF_UNIX");
}

#define REFUSED(WHY, ...)						\
	do {								\
		struct umtt u_;						\
									\
		umtt_start(&u_, "slave", __VA_ARGS__, NULL);		\
		refuses(&u_, WHY);					\
	} while (0)

/* Each is one line: umtt_ends() fails if there is another. */
TEST(options_that_exclude_each_other)
{
	REFUSED("umtt: --fd 2: not the number of a file descriptor from 3 on",
		"--device", "rng", "--fd=2");
	REFUSED("umtt: --socket-path and --fd: give only one of them",
		"--device", "rng", "--fd=7", "--socket-path=x");
	REFUSED("umtt: --socket-path is for one device: ",
		"--socket-path=x");
	REFUSED("umtt: --fd is for one device: ",
		"--fd=7", "--device", "rng", "--device", "rng");
	REFUSED("umtt: rng0: option socket=x: it has a socket already, y",
		"--device", "rng,socket=x", "--socket-path=y");
	REFUSED("umtt: rng0: give it a socket to listen on: ",
		"--device", "rng");
	REFUSED("umtt: --print-capabilities: of which type? give --device TYPE",
		"--print-capabilities");
	REFUSED("umtt: --device echo: vhost-user.json has no name for ",
		"--print-capabilities", "--device", "echo");
	REFUSED("umtt: unrecognized option '--foo'; 'umtt slave --help' lists the options",
		"--foo");
	REFUSED("umtt: option '--id' requires an argument; 'umtt slave --help' lists",
		"--id");
}

TEST(socket_option_beside_fd)
{
	struct umtt u;
	int theirs, fd = pair(&theirs, SOCK_STREAM);

	check(dup2(theirs, FDNUM) == FDNUM);
	close(theirs);
	umtt_start(&u, "slave", "--device", "rng,socket=x", FD_OPTION, NULL);
	close(FDNUM);
	refuses(&u, "umtt: rng0: option socket=x: it has a socket already, from who has started");
	comes_to_an_end(fd, "the slave");
	close(fd);
}

TEST_HARNESS_MAIN
