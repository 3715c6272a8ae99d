// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The other ends of umtt: fake calendar, time-travel client and front-end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

/* So long is waited for what must come: far more than it takes. */
#define PATIENCE_MS	8000
#define MAX_UMTTS	8
#define MAX_FDS		8

void __sanitizer_print_stack_trace(void) __attribute__((weak));

static struct umtt *umtts[MAX_UMTTS];
static char dir[64];

/*
 * Ends
 */

static void read_text(struct umtt *u)
{
	struct stat sb;
	size_t old = u->text ? strlen(u->text) : 0;
	ssize_t n;

	if (fstat(u->err_fd, &sb) < 0 || (size_t)sb.st_size <= old)
		return;
	u->text = realloc(u->text, (size_t)sb.st_size + 1);
	n = pread(u->err_fd, u->text + old, (size_t)sb.st_size - old,
		  (off_t)old);
	u->text[old + (n > 0 ? (size_t)n : 0)] = '\0';
}

/* The end of it as a diagnostic; lines that were expected are left out. */
static void print_text(const char *text)
{
	const char *end = text ? text + strlen(text) : NULL;
	unsigned int lines = 0;

	while (end > text && lines < 40)
		lines += *--end == '\n';
	for (text = end > text ? end + 1 : text; text && *text; text = end + !!*end) {
		end = strchrnul(text, '\n');
		if (end > text && *text != '\1')
			printf("#   umtt said: %.*s\n", (int)(end - text),
			       text);
	}
}

static void remove_dir(void)
{
	DIR *d = dir[0] ? opendir(dir) : NULL;
	const struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
	dir[0] = '\0';
}

static void forget(const struct umtt *u)
{
	unsigned int i;

	for (i = 0; i < MAX_UMTTS; i++)
		if (umtts[i] == u)
			umtts[i] = NULL;
}

void fail(const char *fmt, ...)
{
	unsigned int i;
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	for (i = 0; i < MAX_UMTTS; i++) {
		if (!umtts[i])
			continue;
		kill(umtts[i]->pid, SIGKILL);
		read_text(umtts[i]);
		print_text(umtts[i]->text);
	}
	fflush(stdout);
	if (__sanitizer_print_stack_trace)
		__sanitizer_print_stack_trace();
	remove_dir();
	_exit(1);
}

/*
 * Small things
 */

/* The harness ends tests by _exit(): so somebody else has to see the end. */
static void remove_dir_in_the_end(void)
{
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fail("pipe: %s", strerror(errno));
	fflush(stdout);
	switch (fork()) {
	case -1:
		fail("fork: %s", strerror(errno));
	case 0:
		/* Nor may it keep the output of the test open. */
		dup2(ends[0], STDIN_FILENO);
		closefrom(STDIN_FILENO + 1);
		setsid();
		while (read(STDIN_FILENO, &c, 1) > 0)
			;
		remove_dir();
		_exit(0);
	}
	close(ends[0]);
}

const char *path(const char *name)
{
	static char buf[8][128];
	static unsigned int n;
	const char *tmp = getenv("TMPDIR");

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/umtt-proto-XXXXXX",
			 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
		if (!mkdtemp(dir))
			fail("mkdtemp %s: %s", dir, strerror(errno));
		remove_dir_in_the_end();
	}
	n = (n + 1) % 8;
	snprintf(buf[n], sizeof(buf[n]), "%s/%s", dir, name);
	return buf[n];
}

u64 wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	u64 end = wall_ms() + (u64)ms;
	int n;

	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR && wall_ms() < end);
	return n > 0;
}

void nothing_comes(int fd, const char *from, unsigned int ms)
{
	u8 buf[64];
	ssize_t n;

	if (!readable(fd, (int)ms))
		return;
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		fail("%s has closed its end, and should just say nothing", from);
	fail("%s says something (%zd bytes, beginning with %u), and should not",
	     from, n, n >= 4 ? *(u32 *)(void *)buf : buf[0]);
}

static void address(struct sockaddr_un *sa, const char *where)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", where);
}

int connect_to(const char *where)
{
	u64 end = wall_ms() + PATIENCE_MS;
	struct sockaddr_un sa;
	int fd;

	address(&sa, where);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (wall_ms() > end)
			fail("nobody listens at %s", where);
		sleep_ms(1);
	}
	return fd;
}

int listen_at(const char *where)
{
	struct sockaddr_un sa;
	int fd;

	address(&sa, where);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 16) < 0)
		fail("cannot listen at %s: %s", where, strerror(errno));
	return fd;
}

ssize_t try_send(int fd, const void *buf, size_t len, const int *fds,
		 unsigned int nfds, int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 253)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (nfds) {
		mh.msg_control = ctl.buf;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * nfds);
	}
	return sendmsg(fd, &mh, MSG_NOSIGNAL | flags);
}

void send_bytes(int fd, const void *buf, size_t len, const int *fds,
		unsigned int nfds)
{
	if (try_send(fd, buf, len, fds, nfds, 0) != (ssize_t)len)
		fail("cannot send: %s", strerror(errno));
}

/* Read what is there, and its fds. @fds has room for MAX_FDS. */
static ssize_t read_some(int fd, void *buf, size_t len, int *fds,
			 unsigned int *nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { buf, len };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf),
	};
	struct cmsghdr *cm;
	ssize_t n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);

	*nfds = 0;
	cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;
	if (cm && cm->cmsg_type == SCM_RIGHTS) {
		*nfds = (unsigned int)((cm->cmsg_len - CMSG_LEN(0)) /
				       sizeof(int));
		memcpy(fds, CMSG_DATA(cm), *nfds * sizeof(int));
	}
	return n;
}

/* All of it, in however many pieces it comes; the fds come with the first. */
static void read_all(int fd, const char *from, void *buf, size_t len, int *fds,
		     unsigned int *nfds)
{
	unsigned int n_fds, k = 0;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		if (!readable(fd, PATIENCE_MS))
			fail("%s says nothing, after %zu of %zu bytes", from,
			     done, len);
		n = read_some(fd, (u8 *)buf + done, len - done, fds + k,
			      &n_fds);
		if (n <= 0)
			fail("%s has closed its end (%s), after %zu of %zu bytes",
			     from, n ? strerror(errno) : "end of file", done,
			     len);
		if (n_fds && done)
			fail("%s sent file descriptors in the middle of a message",
			     from);
		k += n_fds;
		done += (size_t)n;
	}
	*nfds = k;
}

void read_bytes(int fd, const char *from, void *buf, size_t len)
{
	int fds[MAX_FDS];
	unsigned int nfds;

	read_all(fd, from, buf, len, fds, &nfds);
	if (nfds)
		fail("%s sent %u file descriptors", from, nfds);
}

void comes_to_an_end(int fd, const char *from)
{
	u8 buf[64];
	ssize_t n;

	if (!readable(fd, PATIENCE_MS))
		fail("%s does not close its end", from);
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		fail("%s says something (%zd bytes, beginning with %u) instead of closing its end",
		     from, n, n >= 4 ? *(u32 *)(void *)buf : buf[0]);
}

/*
 * umtt itself
 */

static void exec_umtt(const char *const *argv, int err_fd)
{
	const char *umtt = getenv("UMTT");
	const char *full[64] = { umtt ? umtt : "build/umtt" };
	unsigned int i;
	int null;

	for (i = 0; argv[i] && i < 62; i++)
		full[i + 1] = argv[i];
	/* Not to outlive a test that is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	if (err_fd >= 0)
		dup2(err_fd, 2);
	else
		close(2);
	close(null);
	execv(full[0], (char *const *)full);
	dprintf(2, "cannot run %s: %s\n", full[0], strerror(errno));
	_exit(126);
}

/* Where it will listen: "--socket", PATH or "TYPE,socket=PATH,..." */
static void find_sockets(struct umtt *u, const char *const *argv)
{
	unsigned int i, n = 0;
	const char *s;

	for (i = 0; argv[i] && n < UMTT_SOCKETS; i++) {
		s = strstr(argv[i], "socket=");
		if (s)
			s += strlen("socket=");
		else if (i && !strcmp(argv[i - 1], "--socket"))
			s = argv[i];
		if (s)
			snprintf(u->socket[n++], sizeof(u->socket[0]), "%.*s",
				 (int)strcspn(s, ","), s);
	}
}

static void start(struct umtt *u, const char *const *argv, int err_fd)
{
	unsigned int i;

	find_sockets(u, argv);
	u->pid = fork();
	if (u->err_fd < 0 || u->pid < 0)
		fail("cannot start umtt: %s", strerror(errno));
	if (!u->pid)
		exec_umtt(argv, err_fd);
	for (i = 0; i < MAX_UMTTS; i++)
		if (!umtts[i]) {
			umtts[i] = u;
			return;
		}
	fail("more than %d of umtt at a time", MAX_UMTTS);
}

static void begin(struct umtt *u)
{
	memset(u, 0, sizeof(*u));
	u->err_fd = memfd_create("umtt-stderr", MFD_CLOEXEC);
}

void umtt_startv(struct umtt *u, const char *const *argv)
{
	begin(u);
	start(u, argv, u->err_fd);
}

void umtt_start_stderr(struct umtt *u, const char *const *argv, int err_fd)
{
	begin(u);
	start(u, argv, err_fd);
}

void umtt_start(struct umtt *u, ...)
{
	const char *argv[64];
	unsigned int n = 0;
	va_list ap;

	va_start(ap, u);
	do {
		argv[n] = va_arg(ap, const char *);
	} while (argv[n++]);
	va_end(ap);
	umtt_startv(u, argv);
}

/* Cross out a line that has @text in it. */
static bool cross_out(char *all, const char *text)
{
	char *line, *end;
	bool found;

	for (line = all; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		found = *line != '\1' && strstr(line, text);
		*end = '\n';
		if (found) {
			memset(line, '\1', (size_t)(end - line));
			return true;
		}
	}
	return false;
}

void umtt_says(struct umtt *u, const char *text)
{
	u64 end = wall_ms() + PATIENCE_MS;

	for (;;) {
		read_text(u);
		if (cross_out(u->text, text))
			return;
		if (wall_ms() > end)
			fail("umtt does not say '%s'", text);
		sleep_ms(1);
	}
}

bool umtt_said(struct umtt *u, const char *text)
{
	read_text(u);
	return u->text && strstr(u->text, text);
}

void umtt_adds(const struct umtt *u, off_t *seen, const char *text)
{
	u64 end = wall_ms() + PATIENCE_MS;
	char line[512];
	ssize_t n;

	/* A line is written at once, but can be seen to grow. */
	for (;;) {
		n = pread(u->err_fd, line, sizeof(line) - 1, *seen);
		check(n >= 0);
		line[n] = '\0';
		if (!text || (n && line[n - 1] == '\n') || wall_ms() > end)
			break;
		usleep(50);
	}
	*seen += n;
	if (text ? !strstr(line, text) || strchr(line, '\n') != line + n - 1 : n)
		fail("umtt has said: '%s'", line);
}

static bool has_line(const char *text)
{
	for (; text && *text; text++)
		if (*text != '\1' && *text != '\n')
			return true;
	return false;
}

/* What it never says of its peers, but of itself. */
static bool is_alarming(const char *text)
{
	return text && (strstr(text, "Sanitizer") ||
			strstr(text, "runtime error") ||
			strstr(text, "BUG at"));
}

static int wait_for(struct umtt *u)
{
	u64 end = wall_ms() + PATIENCE_MS;
	int status;

	while (!waitpid(u->pid, &status, WNOHANG)) {
		if (wall_ms() > end)
			fail("umtt (pid %d) does not end", (int)u->pid);
		sleep_ms(1);
	}
	return status;
}

static void forget_text(struct umtt *u)
{
	forget(u);
	free(u->text);
	u->text = NULL;
	u->pid = 0;
	close(u->err_fd);
}

void umtt_ends(struct umtt *u, int want)
{
	int status = wait_for(u);

	read_text(u);
	if (WIFSIGNALED(status))
		fail("umtt was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != want)
		fail("umtt ended with %d and not %d", WEXITSTATUS(status),
		     want);
	if (u->may_complain ? is_alarming(u->text) : has_line(u->text))
		fail("umtt has said what was not expected");
	forget_text(u);
}

void umtt_term(struct umtt *u, int status)
{
	kill(u->pid, SIGTERM);
	umtt_ends(u, status);
}

/* The sockets of who was killed are its io_uring's for a moment longer. */
static void wait_for_refusal(const char *where)
{
	u64 end = wall_ms() + 1000;
	struct sockaddr_un sa;
	int fd, ret;

	address(&sa, where);
	do {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ret = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
		sleep_ms(1);
	} while (!ret && wall_ms() < end);
}

void umtt_killed(struct umtt *u)
{
	unsigned int i;

	umtt_kill(u);
	for (i = 0; i < UMTT_SOCKETS && u->socket[i][0]; i++)
		wait_for_refusal(u->socket[i]);
}

void umtt_kill(struct umtt *u)
{
	kill(u->pid, SIGKILL);
	(void)wait_for(u);
	read_text(u);
	if (has_line(u->text))
		fail("umtt has said what was not expected");
	forget_text(u);
}

unsigned int umtt_fds(const struct umtt *u)
{
	const struct dirent *e;
	unsigned int n = 0;
	char name[64];
	DIR *d;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)u->pid);
	d = opendir(name);
	if (!d)
		fail("%s: %s", name, strerror(errno));
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

void umtt_has_fds(const struct umtt *u, unsigned int n)
{
	u64 end = wall_ms() + PATIENCE_MS / 4;

	while (umtt_fds(u) != n) {
		if (wall_ms() > end)
			fail("umtt has %u file descriptors open, and not %u",
			     umtt_fds(u), n);
		sleep_ms(1);
	}
}

u64 umtt_cpu_ms(const struct umtt *u)
{
	unsigned long user, sys;
	char name[64];
	FILE *f;
	int n;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)u->pid);
	f = fopen(name, "re");
	if (!f)
		fail("%s: %s", name, strerror(errno));
	n = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &sys);
	fclose(f);
	if (n != 2)
		fail("%s is not as expected", name);
	return (user + sys) * 1000 / (u64)sysconf(_SC_CLK_TCK);
}

/*
 * Time-travel protocol
 */

static const char *op_name(u32 op)
{
	static const char *const names[TT_NR_OPS] = {
		"ACK", "START", "REQUEST", "WAIT", "GET", "UPDATE", "RUN",
		"FREE_UNTIL", "GET_TOD", "BROADCAST",
	};

	return op < TT_NR_OPS ? names[op] : "?";
}

void ttp_send(struct ttp *p, u32 op, u32 seq, u64 time)
{
	struct tt_msg m = { .op = op, .seq = seq, .time = time };

	send_bytes(p->fd, &m, sizeof(m), NULL, 0);
}

struct tt_msg ttp_recv(struct ttp *p)
{
	struct tt_msg m;

	read_bytes(p->fd, p->name, &m, sizeof(m));
	return m;
}

u32 ttp_say(struct ttp *p, u32 op, u64 time)
{
	ttp_send(p, op, ++p->seq, time);
	return p->seq;
}

u32 ttp_expect(struct ttp *p, u32 op, u64 time)
{
	struct tt_msg m;

	if (!readable(p->fd, PATIENCE_MS))
		fail("%s says nothing; %s %llu was expected", p->name,
		     op_name(op), (unsigned long long)time);
	m = ttp_recv(p);
	if (m.op != op || m.time != time)
		fail("%s says %s %llu (seq %u); %s %llu was expected", p->name,
		     op_name(m.op), (unsigned long long)m.time, m.seq,
		     op_name(op), (unsigned long long)time);
	return m.seq;
}

void ttp_expect_ack(struct ttp *p, u64 time)
{
	u32 seq = ttp_expect(p, TT_ACK, time);

	if (seq != p->seq)
		fail("%s acks seq %u and not %u", p->name, seq, p->seq);
}

void ttp_ask(struct ttp *p, u32 op, u64 time)
{
	ttp_say(p, op, time);
	ttp_expect_ack(p, 0);
}

void ttp_ack(struct ttp *p, u32 seq, u64 time)
{
	ttp_send(p, TT_ACK, seq, time);
}

void ttp_quiet(struct ttp *p)
{
	nothing_comes(p->fd, p->name, QUIET_MS);
}

void calendar_is_up(struct umtt *u)
{
	close(connect_to(path("cal")));
	umtt_says(u, "has connected and left without START; time waits for ");
}

int cal_open(void)
{
	return listen_at(path("cal"));
}

void cal_accept(struct ttp *p, int listener)
{
	*p = (struct ttp){ .name = "the slave" };
	if (!readable(listener, PATIENCE_MS))
		fail("the slave does not connect to the calendar");
	p->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (p->fd < 0)
		fail("accept: %s", strerror(errno));
}

void cal_ack_start(struct ttp *p, u32 seq, u64 time, int memfd)
{
	struct tt_msg m = { .op = TT_ACK, .seq = seq, .time = time };
	int fds[2] = { memfd, open("/dev/null", O_WRONLY | O_CLOEXEC) };

	if (memfd < 0) {
		fds[0] = memfd_create("no-calendar", MFD_CLOEXEC);
		check(ftruncate(fds[0], 4096) == 0);
	}
	send_bytes(p->fd, &m, sizeof(m), fds, 2);
	if (memfd < 0)
		close(fds[0]);
	close(fds[1]);
}

void cal_begin(struct ttp *p, int listener)
{
	cal_accept(p, listener);
	cal_ack_start(p, ttp_expect(p, TT_START, U64_MAX), 1, -1);
	cal_expect(p, TT_WAIT, U64_MAX, 0);
}

void cal_expect(struct ttp *p, u32 op, u64 time, u64 answer)
{
	ttp_ack(p, ttp_expect(p, op, time), answer);
}

void cal_run(struct ttp *p, u64 now, u64 until)
{
	ttp_ask(p, TT_FREE_UNTIL, until);
	ttp_ask(p, TT_RUN, now);
}

void cal_kick(struct ttp *p, u64 now, u64 request)
{
	cal_expect(p, TT_GET, U64_MAX, now);
	cal_expect(p, TT_REQUEST, request, 0);
}

void cal_alive(struct ttp *p, u64 until)
{
	ttp_ask(p, TT_FREE_UNTIL, until);
}

void client_open(struct ttp *p, const char *name, u64 id)
{
	*p = (struct ttp){ .name = name, .fd = connect_to(path("cal")) };
	ttp_say(p, TT_START, id);
}

static void take_shm(struct tt_start_ack *a, int fd)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0 || (size_t)sb.st_size < sizeof(*a->shm))
		fail("what comes with the ACK of START is no memory");
	a->len = (size_t)sb.st_size;
	a->shm = mmap(NULL, a->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (a->shm == MAP_FAILED)
		fail("cannot map what comes with the ACK of START: %s",
		     strerror(errno));
	if (a->shm->version != TT_SHM_VERSION) {
		munmap(a->shm, a->len);
		a->shm = NULL;
	}
}

void client_admitted(struct ttp *p, struct tt_start_ack *a)
{
	struct tt_start_ack mine = { 0 };
	int fds[MAX_FDS];
	unsigned int nfds;
	struct tt_msg m;

	read_all(p->fd, p->name, &m, sizeof(m), fds, &nfds);
	if (m.op != TT_ACK || m.seq != p->seq || nfds != 2)
		fail("%s: %s seq %u with %u files, the ACK of START was expected",
		     p->name, op_name(m.op), m.seq, nfds);
	if (!a)
		a = &mine;
	a->memfd = fds[0];
	take_shm(a, fds[0]);
	a->slot = (u16)(m.time & TT_START_ACK_ID);
	if (a == &mine)
		client_release(a);
	close(fds[1]);
}

void client_release(struct tt_start_ack *a)
{
	if (a->shm)
		munmap(a->shm, a->len);
	close(a->memfd);
}

void client_wait(struct ttp *p, u64 t)
{
	if (t != U64_MAX)
		ttp_ask(p, TT_REQUEST, t);
	ttp_ask(p, TT_WAIT, U64_MAX);
}

void client_runs(struct ttp *p, u64 now, u64 until)
{
	ttp_ack(p, ttp_expect(p, TT_FREE_UNTIL, until), 0);
	ttp_ack(p, ttp_expect(p, TT_RUN, now), 0);
}

/*
 * vhost-user
 */

void *fvu_host(struct fvu *f, u64 off)
{
	return f->file + FVU_HIDDEN + off;
}

/* Offsets of the parts of ring @vq; everything else is free. */
static u64 ring_off(u32 vq, unsigned int part)
{
	return vq * 0x8000ULL + part * 0x2000ULL;
}

void fvu_rings_clear(struct fvu *f, u32 vq)
{
	struct fvu_ring *r = &f->ring[vq];

	memset(fvu_host(f, ring_off(vq, 0)), 0, 0x6000);
	r->desc = fvu_host(f, ring_off(vq, 0));
	r->avail = fvu_host(f, ring_off(vq, 1));
	r->used = fvu_host(f, ring_off(vq, 2));
	r->avail_idx = r->used_seen = 0;
}

void fvu_begin(struct fvu *f, int fd)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	f->slave = -1;
	f->protocol = FVU_INBAND;
	f->features = FVU_FEATURES;
	f->fd = fd;
	f->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (f->memfd < 0 || ftruncate(f->memfd, FVU_HIDDEN + FVU_MEM) < 0)
		fail("memfd: %s", strerror(errno));
	f->file = mmap(NULL, FVU_HIDDEN + FVU_MEM, PROT_READ | PROT_WRITE,
		       MAP_SHARED, f->memfd, 0);
	if (f->file == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	for (i = 0; i < FVU_VQS; i++)
		fvu_rings_clear(f, i);
}

void fvu_connect(struct fvu *f, const char *where)
{
	fvu_begin(f, connect_to(where));
}

void fvu_close(struct fvu *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->slave >= 0)
		close(f->slave);
	munmap(f->file, FVU_HIDDEN + FVU_MEM);
	close(f->memfd);
	f->fd = f->slave = -1;
}

void fvu_send(struct fvu *f, u32 request, u32 flags, const void *payload,
	      size_t len, const int *fds, unsigned int nfds)
{
	struct vhost_user_hdr hdr = {
		.request = request, .flags = VHOST_USER_VERSION | flags,
		.size = (u32)len,
	};
	u8 buf[8192];

	memcpy(buf, &hdr, sizeof(hdr));
	if (len)
		memcpy(buf + sizeof(hdr), payload, len);
	send_bytes(f->fd, buf, sizeof(hdr) + len, fds, nfds);
}

void fvu_reply(struct fvu *f, u32 request, void *payload, size_t len)
{
	struct vhost_user_hdr hdr;

	read_bytes(f->fd, "the slave (vhost-user)", &hdr, sizeof(hdr));
	if (hdr.request != request || hdr.size != len ||
	    hdr.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY))
		fail("request %u is answered by %u, flags %#x, %u bytes, and not %zu",
		     request, hdr.request, hdr.flags, hdr.size, len);
	if (len)
		read_bytes(f->fd, "the slave (vhost-user)", payload, len);
}

void fvu_acked(struct fvu *f, u32 request, u64 status)
{
	u64 v;

	fvu_reply(f, request, &v, sizeof(v));
	if (v != status)
		fail("request %u is acked with %llu and not %llu", request,
		     (unsigned long long)v, (unsigned long long)status);
}

static void request(struct fvu *f, u32 req, const void *payload, size_t len,
		    const int *fds, unsigned int nfds, bool ack)
{
	fvu_send(f, req, ack ? VHOST_USER_NEED_REPLY : 0, payload, len, fds,
		 nfds);
	if (ack)
		fvu_acked(f, req, 0);
}

void fvu_u64(struct fvu *f, u32 req, u64 v, bool ack)
{
	request(f, req, &v, sizeof(v), NULL, 0, ack);
}

void fvu_state(struct fvu *f, u32 req, u32 index, u32 num, bool ack)
{
	struct vhost_user_vring_state s = { index, num };

	request(f, req, &s, sizeof(s), NULL, 0, ack);
}

void fvu_addr(struct fvu *f, u32 vq, bool ack)
{
	struct vhost_user_vring_addr a = {
		.index = vq, .log = U64_MAX,
		.desc = FVU_GPA + ring_off(vq, 0),
		.avail = FVU_GPA + ring_off(vq, 1),
		.used = FVU_GPA + ring_off(vq, 2),
	};

	request(f, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a), NULL, 0, ack);
}

u64 fvu_get(struct fvu *f, u32 req)
{
	u64 v;

	fvu_send(f, req, 0, NULL, 0, NULL, 0);
	fvu_reply(f, req, &v, sizeof(v));
	return v;
}

void fvu_mem(struct fvu *f, bool ack)
{
	struct {
		struct vhost_user_mem_hdr h;
		struct vhost_user_region r[2];
	} m = {
		.h = { .nregions = 1 },
		.r = { { .guest_addr = FVU_GPA, .user_addr = FVU_GPA,
			 .size = FVU_MEM, .mmap_offset = FVU_HIDDEN } },
	};

	request(f, VHOST_USER_SET_MEM_TABLE, &m, sizeof(m), &f->memfd, 1, ack);
}

void fvu_slave_channel(struct fvu *f, bool ack)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		fail("socketpair: %s", strerror(errno));
	request(f, VHOST_USER_SET_SLAVE_REQ_FD, NULL, 0, &sv[1], 1, ack);
	close(sv[1]);
	if (f->slave >= 0)
		close(f->slave);
	f->slave = sv[0];
}

void fvu_negotiate(struct fvu *f)
{
	bool ack = f->protocol & BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK);

	fvu_get(f, VHOST_USER_GET_FEATURES);
	fvu_send(f, VHOST_USER_SET_OWNER, 0, NULL, 0, NULL, 0);
	if (f->features & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES)) {
		fvu_get(f, VHOST_USER_GET_PROTOCOL_FEATURES);
		fvu_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, f->protocol, ack);
	}
	if (f->protocol & BIT_ULL(VHOST_USER_PROTOCOL_F_SLAVE_REQ))
		fvu_slave_channel(f, ack);
	fvu_u64(f, VHOST_USER_SET_FEATURES, f->features, ack);
	fvu_mem(f, ack);
}

void fvu_queue(struct fvu *f, u32 vq)
{
	bool ack = f->protocol & BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK);

	fvu_state(f, VHOST_USER_SET_VRING_NUM, vq, FVU_NUM, ack);
	fvu_state(f, VHOST_USER_SET_VRING_BASE, vq, 0, ack);
	fvu_addr(f, vq, ack);
	if (f->features & BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES))
		fvu_state(f, VHOST_USER_SET_VRING_ENABLE, vq, 1, ack);
}

void fvu_set_up(struct fvu *f)
{
	unsigned int i;

	fvu_negotiate(f);
	for (i = 0; i < FVU_VQS; i++)
		fvu_queue(f, i);
}

void fvu_open(struct fvu *f, const char *name)
{
	fvu_connect(f, path(name));
	fvu_set_up(f);
}

void fvu_desc(struct fvu *f, u32 vq, u16 i, u64 off, u32 len, u16 flags,
	      u16 next)
{
	f->ring[vq].desc[i] = (struct vring_desc){
		.addr = FVU_GPA + off, .len = len, .flags = flags, .next = next,
	};
}

void fvu_avail(struct fvu *f, u32 vq, u16 head)
{
	struct fvu_ring *r = &f->ring[vq];

	r->avail->ring[r->avail_idx % FVU_NUM] = head;
	__atomic_store_n(&r->avail->idx, ++r->avail_idx, __ATOMIC_SEQ_CST);
}

int fvu_used(struct fvu *f, u32 vq, u32 *len)
{
	struct fvu_ring *r = &f->ring[vq];
	const struct vring_used_elem *e;

	if (__atomic_load_n(&r->used->idx, __ATOMIC_SEQ_CST) == r->used_seen)
		return -1;
	e = &r->used->ring[r->used_seen++ % FVU_NUM];
	if (len)
		*len = e->len;
	return (int)e->id;
}

void fvu_kick(struct fvu *f, u32 vq)
{
	struct vhost_user_vring_state s = { .index = vq };

	fvu_send(f, VHOST_USER_VRING_KICK, VHOST_USER_NEED_REPLY, &s,
		 sizeof(s), NULL, 0);
}

void fvu_kicked(struct fvu *f)
{
	fvu_acked(f, VHOST_USER_VRING_KICK, 0);
}

void fvu_called(struct fvu *f, u32 vq)
{
	struct vhost_user_vring_state s;
	struct vhost_user_hdr hdr;

	read_bytes(f->slave, "the slave (slave channel)", &hdr, sizeof(hdr));
	if (hdr.request != VHOST_USER_SLAVE_VRING_CALL ||
	    hdr.size != sizeof(s) ||
	    hdr.flags != (VHOST_USER_VERSION | VHOST_USER_NEED_REPLY))
		fail("request %u, flags %#x, %u bytes on the slave channel; VRING_CALL was expected",
		     hdr.request, hdr.flags, hdr.size);
	read_bytes(f->slave, "the slave (slave channel)", &s, sizeof(s));
	if (s.index != vq || s.num)
		fail("VRING_CALL for queue %u (num %u) and not %u", s.index,
		     s.num, vq);
}

void fvu_answer(struct fvu *f, u64 status)
{
	struct {
		struct vhost_user_hdr h;
		u8 status[8];
	} a = {
		.h = { VHOST_USER_SLAVE_VRING_CALL,
		       VHOST_USER_VERSION | VHOST_USER_REPLY, 8 },
	};

	memcpy(a.status, &status, sizeof(status));
	send_bytes(f->slave, &a, sizeof(a), NULL, 0);
}

/*
 * The echo device
 */

static u64 cookie_of(u32 vq, unsigned int slot)
{
	return 0x1234567890abULL * (vq * 31 + slot + 1);
}

static u64 slot_off(u32 vq, unsigned int slot)
{
	return FVU_DATA + (vq * 32 + slot) * FVU_SLOT;
}

void echo_put(struct fvu *f, u32 vq, unsigned int slot, u64 latency)
{
	u64 *req = fvu_host(f, slot_off(vq, slot));
	u16 head = (u16)(2 * slot);

	req[0] = latency;
	req[1] = cookie_of(vq, slot);
	memset(req + 2, 0xaa, sizeof(struct echo_response));
	fvu_desc(f, vq, head, slot_off(vq, slot), 16, VRING_DESC_F_NEXT,
		 head + 1);
	fvu_desc(f, vq, head + 1, slot_off(vq, slot) + 16,
		 sizeof(struct echo_response), VRING_DESC_F_WRITE, 0);
	fvu_avail(f, vq, head);
}

struct echo_response echo_get(struct fvu *f, u32 vq, unsigned int slot)
{
	struct echo_response r;
	u32 len = 0;
	int id = fvu_used(f, vq, &len);

	if (id < 0)
		fail("request %u of queue %u has not come back", slot, vq);
	if (id != (int)(2 * slot) || len != sizeof(r))
		fail("buffer %d with %u bytes has come back, and not request %u",
		     id, len, slot);
	memcpy(&r, fvu_host(f, slot_off(vq, slot) + 16), sizeof(r));
	if (r.cookie != cookie_of(vq, slot) || r.status || r.payload_len)
		fail("request %u came back with cookie %#llx, status %u, payload %u",
		     slot, (unsigned long long)r.cookie, r.status,
		     r.payload_len);
	return r;
}

/*
 * The usual
 */

const char *device(const char *type, const char *name, const char *options)
{
	static char buf[4][256];
	static unsigned int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s,socket=%s%s%s", type, path(name),
		 options ? "," : "", options ? options : "");
	return buf[n];
}

void sim_open(struct sim *s, const char *options)
{
	int listener = cal_open();

	umtt_start(&s->slave, "slave", "--calendar", path("cal"),
		   "--device", device("echo", "a", options),
		   "--device", device("echo", "b", options), NULL);
	cal_begin(&s->cal, listener);
	close(listener);
	fvu_open(&s->f, "a");
}

void sim_close(struct sim *s)
{
	if (s->slave.pid)
		umtt_term(&s->slave, 0);
	close(s->cal.fd);
	fvu_close(&s->f);
}
