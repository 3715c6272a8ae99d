// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* One run of a lab: calendar, devices and kernels, from start to end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "../cal/server.h"
#include "../dev/bus.h"
#include "../ring/signals.h"
#include "../tt/local.h"
#include "guestconf.h"
#include "host.h"
#include "node.h"
#include "run.h"

/*
 * DOC: The life of a run
 *
 * run_prepare() does what can fail for reasons that the user should hear of
 * before anything is started; run_start() makes calendar, devices and kernels;
 * ring_run() is the lab; run_finish() ends all processes, writes out what is
 * left, and says how it went. Between start and end everything happens in
 * callbacks of the loop, and every reason to end goes through stop().
 *
 * The calendar's clients: the devices, which live in this process, with id 0,
 * and the nodes from 1 on, in the order of the lab. They start in this order.
 */

#define CALENDAR	"calendar.sock"
#define KERNEL		"./linux"
#define OLD_LINES	6008	/* from Linux 6.8 on, serial lines block */
#define OLD_TIME	6011	/* from Linux 6.11 on, there is shared memory */

/**
 * struct run - a run
 * @failed: the node that is the reason of the end, NULL: none
 * @output_lost: stdout could not be written
 * @no_shm: asked for, or the kernel does not know of it
 * @began: wall time, ns
 */
struct run {
	const struct run_cfg *cfg;
	char *cwd, *init, *kernel;
	struct rundir rundir;
	struct ring ring;
	bool have_ring;
	struct outq outq;
	struct signals signals;
	bool have_signals;
	struct op wall_op;
	struct __kernel_timespec wall_ts;
	struct cal_server *calendar;
	struct tt tt;
	bool have_tt;
	struct dev_bus *bus;
	struct node_env env;
	struct node *nodes, *failed;
	unsigned int nr_nodes;
	struct guest_net *nets;
	size_t nr_nets;
	bool output_lost, no_shm;
	u64 began;
};

static u64 wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

static void stop(struct run *r, int status)
{
	ring_stop(&r->ring, status);
}

/* Simulated time: nodes may have gone on since they last spoke to the calendar. */
static u64 simulated(const struct run *r)
{
	u64 now = r->calendar ? cal_server_now(r->calendar) : 0;
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		now = max_u64(now, r->nodes[i].now);
	return now;
}

/*
 * Nodes: what the consoles and the system tell
 */

/* A node cannot go on. Is that the end of the lab? */
static void node_lost(struct run *r, struct node *n)
{
	if (r->ring.stop || n->lost)
		return;
	n->lost = true;
	if (n->cfg->needed || (n->cfg->wait && !n->exited)) {
		r->failed = n;
		stop(r, RUN_FAILED);
	} else {
		log_warn(n->cfg->name, "this node has ended; the lab goes on without it");
	}
}

/* The process and all it wrote must be there before anything is concluded. */
static void check_gone(struct run *r, struct node *n)
{
	if (n->reaped && n->channel_ended)
		node_lost(r, n);
}

static int status_of_all(const struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].cfg->wait && r->nodes[i].status)
			return (int)r->nodes[i].status;
	return 0;
}

static void node_exited(struct console *c, u32 status, u64 now)
{
	struct node *n = container_of(c, struct node, console);
	struct run *r = c->owner;
	unsigned int i;

	n->exited = true;
	n->status = status & 255;
	n->now = now;
	log_info(n->cfg->name, "the command has ended with status %u", status);
	for (i = 0; i < r->nr_nodes; i++)
		if (r->nodes[i].cfg->wait && !r->nodes[i].exited)
			return;
	stop(r, status_of_all(r));
}

static void node_failed(struct console *c, const char *why)
{
	struct node *n = container_of(c, struct node, console);

	if (!n->failure)
		n->failure = xstrdup(why);
	node_lost(c->owner, n);
}

static void node_channel_ended(struct console *c)
{
	struct node *n = container_of(c, struct node, console);

	n->channel_ended = true;
	check_gone(c->owner, n);
}

static const struct console_ops console_ops = {
	.exited = node_exited,
	.failed = node_failed,
	.ended = node_channel_ended,
};

static void reap(struct run *r)
{
	unsigned int i;
	int wstatus;

	for (i = 0; i < r->nr_nodes; i++) {
		struct node *n = &r->nodes[i];

		if (!n->pid || waitpid(n->pid, &wstatus, WNOHANG) != n->pid)
			continue;
		node_ended(n, &r->env, wstatus);
		check_gone(r, n);
	}
}

/*
 * Other reasons to end
 */

static void got_signal(struct signals *sg, int signo)
{
	struct run *r = sg->owner;

	if (signo == SIGCHLD)
		reap(r);
	else
		stop(r, 128 + signo);
}

static void time_limit(struct run *r)
{
	char buf[UNITS_TIME_LEN];

	log_err(NULL, "time limit of %s of simulated time reached",
		units_format_time(buf, r->cfg->lab->time_limit));
	stop(r, RUN_TIME_LIMIT);
}

static void wall_limit(struct op *op, int res)
{
	struct run *r = container_of(op, struct run, wall_op);
	char buf[UNITS_TIME_LEN];
	u64 now;

	if (res != -ETIME)
		return;
	now = simulated(r);
	log_err(NULL, "wall-clock limit of %s reached, at %" PRIu64 ".%09" PRIu64 " s of simulated time or later",
		units_format_time(buf, r->cfg->lab->wall_limit),
		now / NSEC_PER_SEC, now % NSEC_PER_SEC);
	stop(r, RUN_TIME_LIMIT);
}

static void asleep(struct run *r)
{
	unsigned int i;

	log_err(NULL, "nothing can happen any more: everybody waits, and nobody for a time that will come");
	cal_server_report(r->calendar, stderr);
	for (i = 0; i < r->nr_nodes && r->nr_nodes <= 16; i++)
		log_err(NULL, "client %u is node %s; its command %s",
			r->nodes[i].id, r->nodes[i].cfg->name,
			!r->nodes[i].cfg->command.n ? "is to idle" :
			r->nodes[i].exited ? "has ended" : "has not ended");
	stop(r, RUN_FAILED);
}

static void calendar_ended(void *owner, enum cal_verdict v)
{
	struct run *r = owner;

	if (v == CAL_LIMIT)
		time_limit(r);
	else if (v == CAL_ASLEEP)
		asleep(r);
}

static void client_gone(void *owner, u64 id, pid_t pid, const char *why)
{
	struct run *r = owner;
	struct node *n;

	(void)pid;
	if (id < 1 || id > r->nr_nodes) {
		log_warn("calendar", "a client that is no node has left%s%s",
			 why ? ": it " : "", why ? why : "");
		return;
	}
	n = &r->nodes[id - 1];
	if (why && !n->failure)
		n->failure = xasprintf("its kernel has broken the time-travel protocol: it %s",
				       why);
	/*
	 * A node that dies drops this first. The others must not go on as if
	 * nothing had happened until we hear of the end of its process.
	 */
	node_lost(r, n);
}

static void session_ended(void *owner, struct dev *d, const char *why)
{
	(void)owner;
	if (why)
		log_warn(dev_name(d), "%s; the device is gone for this node", why);
}

static void clock_lost(struct tt *tt, const char *why)
{
	struct run *r = container_of(tt, struct run, tt);

	log_err(NULL, "the devices have lost the calendar: %s", why);
	stop(r, RUN_FAILED);
}

/*
 * Before anything is started
 */

static int make_out_dir(const char *out)
{
	if (!out || mkdir(out, 0777) == 0 || errno == EEXIST)
		return 0;
	log_err(out, "%s", strerror(errno));
	return -errno;
}

static int find_kernel(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	unsigned int version = 0;
	int ret;

	r->kernel = lab->kernel ? xpath(r->cwd, lab->kernel) : host_kernel();
	if (!r->kernel)
		return -ENOENT;
	if (access(r->kernel, X_OK) < 0) {
		ret = -errno;
		log_err(r->kernel, "cannot execute this kernel: %s",
			strerror(errno));
		return ret;
	}
	ret = node_kernel_version(r->kernel, &version);
	r->env.old_lines = version < OLD_LINES;
	r->no_shm = r->cfg->no_shm || version < OLD_TIME;
	return ret;
}

static u64 total_memory(const struct lab *lab)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < lab->nr_nodes; i++)
		sum += lab->nodes[i].memory;
	return sum;
}

/* A socket of ours must not be taken for stdout because that was closed. */
static void fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run_prepare(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	int ret;

	fill_stdio();
	r->cwd = getcwd(NULL, 0);
	if (!r->cwd) {
		log_err(NULL, "the current directory is gone: %s", strerror(errno));
		return -errno;
	}
	r->init = host_init_program();
	if (!r->init)
		return -ENOENT;
	ret = find_kernel(r);
	if (!ret)
		ret = make_out_dir(r->cfg->out);
	if (!ret)
		ret = host_pin(r->cfg->cpu);
	if (!ret)
		ret = rundir_open(&r->rundir);
	if (ret)
		return ret;
	r->env.mem_dir = host_memory_dir(lab->nr_nodes, total_memory(lab));
	/* What a kernel leaves when it dies becomes ours to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

/*
 * Start
 */

static int open_loop(struct run *r)
{
	char why[256];
	sigset_t set;

	if (ring_init(&r->ring, why, sizeof(why)) < 0) {
		log_err(NULL, "%s", why);
		return -ENOSYS;
	}
	r->have_ring = true;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (signals_open(&r->signals, &r->ring, &set, got_signal) < 0) {
		log_err(NULL, "signalfd: %s", strerror(errno));
		return -EINVAL;
	}
	r->have_signals = true;
	r->signals.owner = r;
	return 0;
}

static int open_calendar(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	struct cal_server_cfg cfg = {
		.path = CALENDAR, .clients = lab->nr_nodes + 1,
		.tod = lab->tod, .time_limit = lab->time_limit,
		.no_shm = r->no_shm, .hinted = true, .owner = r,
		.ended = calendar_ended, .client_gone = client_gone,
	};
	int ret = cal_server_new(&r->calendar, &r->ring, &cfg);

	if (ret)
		return ret;
	ret = tt_local_open(&r->tt, &r->ring, r->calendar);
	if (ret)
		return ret;
	r->have_tt = true;
	r->tt.lost = clock_lost;
	return 0;
}

/* Remember the addresses that a network port of node @i is to have. */
static int add_net(struct run *r, unsigned int i, unsigned int index,
		   const struct dev *d)
{
	const char *ip = dev_option(d, "ip"), *gw = dev_option(d, "gw");

	if (ip && !guest_ip_ok(ip)) {
		log_err(dev_name(d), "option ip=%s: not an address with a prefix length, as 10.0.0.1/24", ip);
		return -EINVAL;
	}
	if (gw && !guest_gw_ok(gw)) {
		log_err(dev_name(d), "option gw=%s: not an address, as 10.0.0.1", gw);
		return -EINVAL;
	}
	if (gw && !ip) {
		log_err(dev_name(d), "option gw=%s: needs option ip=", gw);
		return -EINVAL;
	}
	if (!ip)
		return 0;
	r->nets = xrealloc(r->nets, (r->nr_nets + 1) * sizeof(*r->nets));
	r->nets[r->nr_nets++] = (struct guest_net){ i, index, ip, gw };
	return 0;
}

/* Devices of one type are numbered: "a.net0", "a.net1". */
static unsigned int type_number(const struct strvec *specs, size_t at)
{
	size_t len = strcspn(specs->v[at], ","), i;
	unsigned int n = 0;

	for (i = 0; i < at; i++)
		n += strcspn(specs->v[i], ",") == len &&
		     strncmp(specs->v[i], specs->v[at], len) == 0;
	return n;
}

static int add_device(struct run *r, unsigned int i, unsigned int at)
{
	const struct lab_node *cfg = r->nodes[i].cfg;
	const char *spec = cfg->devices.v[at];
	struct dev *d = NULL;
	char *name, *socket;
	int ret;

	name = xasprintf("%s.%.*s%u", cfg->name, (int)strcspn(spec, ","), spec,
			 type_number(&cfg->devices, at));
	socket = xasprintf("%s.sock", name);
	ret = dev_add(r->bus, spec, name, socket, &d);
	if (ret == 0) {
		strvec_addf(&r->nodes[i].devices, "%s:%u:%u", socket,
			    dev_virtio_id(d), at);
		ret = add_net(r, i, at, d);
	}
	free(name);
	free(socket);
	return ret;
}

static int open_devices(struct run *r)
{
	const struct lab *lab = r->cfg->lab;
	struct dev_bus_cfg cfg = {
		.ring = &r->ring, .tt = &r->tt, .simulated = true,
		.seed = lab->seed, .owner = r, .session_ended = session_ended,
	};
	unsigned int i, at;
	int ret;

	ret = dev_bus_new(&r->bus, &cfg);
	for (i = 0; i < lab->links.n && !ret; i++)
		ret = dev_add_link(r->bus, lab->links.v[i]);
	for (i = 0; i < lab->nr_nodes; i++)
		for (at = 0; at < lab->nodes[i].devices.n && !ret; at++)
			ret = add_device(r, i, at);
	return ret;
}

static int make_initrd(struct run *r, unsigned int i)
{
	struct strvec conf = { 0 };
	char *file = node_initrd(&r->nodes[i]);
	int ret;

	guestconf_make(r->cfg->lab, i, r->cwd, environ, r->nets, r->nr_nets,
		       &conf);
	ret = guestconf_write(r->cfg->lab, i, &conf, r->init, file);
	strvec_free(&conf);
	free(file);
	return ret;
}

static int start_nodes(struct run *r)
{
	unsigned int i;
	int ret = 0;

	/* A fixed name for the program: it is on the stack of the guest, too. */
	if (symlink(r->kernel, KERNEL) < 0)
		ret = -errno;
	r->env.ring = &r->ring;
	r->env.q = &r->outq;
	r->env.rundir = &r->rundir;
	r->env.kernel = KERNEL;
	r->env.calendar = CALENDAR;
	r->env.log_dir = r->cfg->out;
	r->env.verbose = r->cfg->verbose;
	for (i = 0; i < r->nr_nodes && !ret; i++)
		ret = make_initrd(r, i);
	for (i = 0; i < r->nr_nodes && !ret; i++)
		ret = node_start(&r->nodes[i], &r->env, &console_ops, r, i == 0);
	return ret;
}

static void start_wall_limit(struct run *r)
{
	u64 end = r->began + r->cfg->lab->wall_limit;

	if (!r->cfg->lab->wall_limit)
		return;
	r->wall_op.done = wall_limit;
	r->wall_ts.tv_sec = (s64)(end / NSEC_PER_SEC);
	r->wall_ts.tv_nsec = (s64)(end % NSEC_PER_SEC);
	ring_timeout(&r->ring, &r->wall_op, &r->wall_ts);
}

static void output_drained(struct outq *q)
{
	struct run *r = container_of(q, struct run, outq);
	unsigned int i;

	for (i = 0; i < r->nr_nodes; i++)
		console_resume(&r->nodes[i].console);
}

/* A reader that leaves ends us as it ends any other program. */
static void output_broken(struct outq *q, int fd, int err)
{
	struct run *r = container_of(q, struct run, outq);

	if (fd != STDOUT_FILENO)
		return;
	if (err != -EPIPE)
		log_err(NULL, "cannot write to stdout: %s", strerror(-err));
	stop(r, err == -EPIPE ? 128 + SIGPIPE : RUN_FAILED);
	r->output_lost = true;
}

static int run_start(struct run *r)
{
	unsigned int i;
	int ret;

	ret = open_loop(r);
	if (ret)
		return ret;
	outq_init(&r->outq, &r->ring);
	r->outq.drained = output_drained;
	r->outq.broken = output_broken;
	r->nodes = xcalloc(r->cfg->lab->nr_nodes, sizeof(*r->nodes));
	for (i = 0; i < r->cfg->lab->nr_nodes; i++)
		node_init(&r->nodes[i], &r->cfg->lab->nodes[i], i + 1);
	r->nr_nodes = r->cfg->lab->nr_nodes;
	start_wall_limit(r);
	ret = open_calendar(r);
	if (!ret)
		ret = open_devices(r);
	if (!ret)
		ret = start_nodes(r);
	if (!ret)
		tt_start(&r->tt, 0);
	return ret;
}

/*
 * End
 */

static u64 cpu_ms(int who)
{
	struct rusage ru;

	getrusage(who, &ru);
	return (u64)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
	       (u64)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

/*
 * What was counted is to be printed after the nodes' last words, when all of
 * it has been freed: make the text before that.
 */
static char *make_stats(struct run *r, u64 wall)
{
	u64 self = cpu_ms(RUSAGE_SELF), nodes = cpu_ms(RUSAGE_CHILDREN);
	char sim[UNITS_TIME_LEN], real[UNITS_TIME_LEN], *buf = NULL;
	struct dev_bus_stats ds;
	struct cal_stats cs;
	size_t len;
	FILE *f = open_memstream(&buf, &len);

	if (!f)
		return NULL;
	cal_server_stats(r->calendar, &cs);
	dev_bus_stats(r->bus, &ds);
	fprintf(f, "umtt: simulated %s in %s\n",
		units_format_time(sim, simulated(r)),
		units_format_time(real, wall));
	fprintf(f, "umtt: calendar: %" PRIu64 " messages received, %" PRIu64 " sent; devices: %" PRIu64 " kicks, %" PRIu64 " calls, %" PRIu64 " messages received, %" PRIu64 " sent; io_uring_enter: %" PRIu64 "\n",
		cs.rx, cs.tx, ds.kicks, ds.calls, ds.rx, ds.tx,
		r->ring.enters);
	fprintf(f, "umtt: CPU time: calendar and devices %" PRIu64 " ms, nodes %" PRIu64 " ms\n",
		self, nodes);
	if (r->cfg->counters)
		dev_bus_show(r->bus, f);
	fclose(f);
	return buf;
}

static void close_loop(struct run *r)
{
	unsigned int i;
	sigset_t none;

	for (i = 0; i < r->nr_nodes; i++)
		console_close(&r->nodes[i].console);
	if (r->bus)
		dev_bus_free(r->bus);
	if (r->have_tt)
		tt_fini(&r->tt);
	if (r->calendar)
		cal_server_free(r->calendar);
	ring_cancel(&r->ring, &r->wall_op);
	if (r->have_signals)
		signals_close(&r->signals);
	/* Whoever reads our output may be slow: a signal still ends us. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	ring_drain(&r->ring);
	ring_fini(&r->ring);
	outq_fini(&r->outq);
}

static void run_finish(struct run *r, bool ran)
{
	char *stats = NULL;
	unsigned int i;
	u64 wall = wall_now() - r->began;

	for (i = 0; i < r->nr_nodes; i++)
		node_kill(&r->nodes[i], &r->env);
	if (ran && r->cfg->stats)
		stats = make_stats(r, wall);
	if (r->have_ring)
		close_loop(r);
	if (r->failed)
		node_explain(r->failed, r->cfg->out);
	if (stats)
		fputs(stats, stderr);
	free(stats);
	for (i = 0; i < r->nr_nodes; i++)
		node_fini(&r->nodes[i]);
	rundir_close(&r->rundir);
	free(r->nodes);
	free(r->nets);
	free(r->kernel);
	free(r->init);
	free(r->cwd);
}

int run_lab(const struct run_cfg *cfg)
{
	struct run r = { .cfg = cfg, .began = wall_now() };
	int status = RUN_FAILED, ret;

	ret = run_prepare(&r);
	if (!ret)
		ret = run_start(&r);
	if (!ret) {
		status = ring_run(&r.ring);
		if (status < 0) {
			log_err(NULL, "io_uring_enter: %s", strerror(-status));
			status = RUN_FAILED;
		}
	}
	run_finish(&r, !ret);
	/* The command may have ended before its output was out. */
	return r.output_lost && !status ? RUN_FAILED : status;
}
