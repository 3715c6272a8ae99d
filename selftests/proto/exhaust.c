// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* When there is not enough of something: one line, and on with what there is. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "kselftest_harness.h"

#define SPARE	5u	/* more than a slave that serves nobody has open */
#define SOCKETS	8u	/* each takes one connection */

FIXTURE(files) {
	struct umtt slave;
};

static const char *socket_path(unsigned int i)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", i);
	return path(name);
}

static void start_slave(struct umtt *u)
{
	char spec[SOCKETS][160];
	const char *argv[2 * SOCKETS + 2] = { "slave" };
	unsigned int i;

	for (i = 0; i < SOCKETS; i++) {
		snprintf(spec[i], sizeof(spec[i]), "echo,socket=%s",
			 socket_path(i));
		argv[2 * i + 1] = "--device";
		argv[2 * i + 2] = spec[i];
	}
	umtt_startv(u, argv);
	close(connect_to(socket_path(SOCKETS - 1)));
}

/* Started twice: to see how many it has, and with few more than that. */
FIXTURE_SETUP(files)
{
	struct rlimit old, few;

	start_slave(&self->slave);
	sleep_ms(100);
	check(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	few.rlim_cur = umtt_fds(&self->slave) + SPARE;
	umtt_term(&self->slave, 0);
	check(setrlimit(RLIMIT_NOFILE, &few) == 0);
	start_slave(&self->slave);
	check(setrlimit(RLIMIT_NOFILE, &old) == 0);
}

FIXTURE_TEARDOWN(files)
{
	umtt_term(&self->slave, 0);
}

static void works(struct fvu *f, unsigned int slot)
{
	echo_put(f, 0, slot, 0);
	fvu_kick(f, 0);
	fvu_kicked(f);
	fvu_called(f, 0);
	fvu_answer(f, 0);
	echo_get(f, 0, slot);
}

TEST_F(files, connection_waits_until_there_are_some)
{
	int fd[SOCKETS];
	unsigned int i;
	struct fvu f;

	fvu_open(&f, "0");
	works(&f, 0);
	for (i = 1; i < SOCKETS; i++)
		fd[i] = connect_to(socket_path(i));
	umtt_says(&self->slave, "accept: Too many open files; trying again in 1 s");
	works(&f, 1);
	for (i = 1; i < SOCKETS; i++)
		close(fd[i]);
	fvu_close(&f);
	/* Those that could not be accepted are gone, too. */
	for (i = 0; i < SOCKETS; i++) {
		fvu_connect(&f, socket_path(i));
		fvu_get(&f, VHOST_USER_GET_FEATURES);
		fvu_close(&f);
	}
	fvu_open(&f, "0");
	works(&f, 0);
	fvu_close(&f);
	/* Each socket has said it for itself, perhaps more than once. */
	self->slave.may_complain = true;
}

TEST(directory_that_is_not_there)
{
	struct umtt u;

	umtt_start(&u, "slave", "--device", device("echo", "no/a", NULL), NULL);
	umtt_says(&u, "/no/a: No such file or directory");
	umtt_ends(&u, 125);
	umtt_start(&u, "calendar", "--socket", path("no/cal"), NULL);
	umtt_says(&u, "no/cal: cannot listen for time-travel clients: No such file or directory");
	umtt_ends(&u, 125);
}

/* As root one may write where it is forbidden, but not to what has no files. */
TEST(directory_that_is_not_writable)
{
	char dir[128], spec[160];
	struct umtt u;

	snprintf(dir, sizeof(dir), "%s", geteuid() ? path("dir") : "/proc");
	if (geteuid())
		check(mkdir(dir, 0500) == 0);
	snprintf(spec, sizeof(spec), "echo,socket=%s/a", dir);
	umtt_start(&u, "slave", "--device", spec, NULL);
	umtt_says(&u, "cannot listen on ");
	umtt_ends(&u, 125);
	snprintf(spec, sizeof(spec), "%s/cal", dir);
	umtt_start(&u, "calendar", "--socket", spec, NULL);
	umtt_says(&u, "/cal: cannot listen for time-travel clients: ");
	umtt_ends(&u, 125);
	if (geteuid())
		rmdir(dir);
}

/* A session that ends with a line on stderr. */
static void provoke(const char *name)
{
	int fd = connect_to(path(name));

	send_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18, NULL, 0);
	comes_to_an_end(fd, "the slave");
	close(fd);
}

static void serves(const char *name)
{
	struct fvu f;

	fvu_open(&f, name);
	works(&f, 0);
	fvu_close(&f);
}

static size_t drain(int fd, char *buf, size_t len)
{
	ssize_t n = read(fd, buf, len - 1);

	check(n > 0);
	buf[n] = '\0';
	return (size_t)n;
}

/* What it has to say must not stop it, and is not forgotten without a word. */
TEST(stderr_that_nobody_reads)
{
	static char text[65536];
	const char *argv[] = { "slave", "--device", NULL, NULL };
	struct umtt u;
	unsigned int i;
	int ends[2];

	argv[2] = device("echo", "a", NULL);
	check(pipe2(ends, O_CLOEXEC) == 0);
	check(fcntl(ends[1], F_SETPIPE_SZ, 16384) > 0);
	umtt_start_stderr(&u, argv, ends[1]);
	for (i = 0; i < 300; i++)
		provoke("a");
	serves("a");
	check(drain(ends[0], text, sizeof(text)) > 8000);
	check(!strstr(text, "lost"));
	provoke("a");
	drain(ends[0], text, sizeof(text));
	check(strstr(text, " lines were lost, since nobody read stderr\n"));
	check(!(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
	umtt_term(&u, 0);
	close(ends[0]);
	close(ends[1]);
}

/* Nothing of what it opens is taken for its stderr. */
TEST(no_stderr)
{
	const char *argv[] = { "slave", "--device", NULL, NULL };
	char name[64], to[64] = "";
	struct umtt u;

	argv[2] = device("echo", "a", NULL);
	umtt_start_stderr(&u, argv, -1);
	serves("a");
	provoke("a");
	serves("a");
	snprintf(name, sizeof(name), "/proc/%d/fd/2", (int)u.pid);
	check(readlink(name, to, sizeof(to) - 1) > 0);
	check(!strcmp(to, "/dev/null"));
	umtt_term(&u, 0);
}

TEST_HARNESS_MAIN
