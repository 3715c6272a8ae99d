// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What init of a node is told: command, environment, network, files to keep. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "channel.h"
#include "guestconf.h"
#include "initrd.h"
#include "labfile.h"

/*
 * The archive's size changes where the kernel finds free memory, and its log
 * says so. Up to here it does not depend on the caller's environment.
 */
#define CONF_SIZE	65536

/*
 * Commands begin when the node's clock says so. All nodes of a lab boot at
 * simulated time 0, so whom a command talks to is there by then; and there are
 * programs, ping among them, for which a clock in its first second is not set.
 */
#define START	NSEC_PER_SEC

/*
 * What the caller has in the environment is for the command, too, except what
 * names things that are not there inside: sockets and sessions of the host,
 * descriptors of make, directories that a read-only system does not offer.
 */
static const char *const env_host_only[] = {
	"TMPDIR=", "TMP=", "TEMP=", "PWD=", "OLDPWD=", "PATH=", "SHLVL=", "_=",
	"XDG_RUNTIME_DIR=", "XDG_SESSION_", "DBUS_", "DISPLAY=", "WAYLAND_",
	"XAUTHORITY=", "SSH_", "GPG_", "SUDO_", "INVOCATION_ID=",
	"JOURNAL_STREAM=", "NOTIFY_SOCKET=", "LISTEN_", "MAKEFLAGS=", "MFLAGS=",
	"MAKELEVEL=", "MAKE_TERM", "LD_PRELOAD=", "HOSTNAME=", "TERM=",
	"COLUMNS=", "LINES=", "TMUX", "STY=", "WINDOWID=",
	/* who the caller is: inside it is root, whoever that may be */
	"HOME=", "USER=", "LOGNAME=", "MAIL=", "SHELL=", "USERNAME=",
};

/* Where root's programs are, which a user's PATH may not have. */
static const char *const system_path[] = {
	"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin",
};

static bool is_host_only(const char *var)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(env_host_only); i++)
		if (strncmp(var, env_host_only[i], strlen(env_host_only[i])) == 0)
			return true;
	return false;
}

void guestconf_env(char *const *env, struct strvec *out)
{
	for (; *env; env++)
		if (!is_host_only(*env) || strncmp(*env, "PATH=", 5) == 0)
			strvec_add(out, *env);
}

static bool path_has(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	const char *p;

	for (p = path; p; p = strchr(p, ':')) {
		p += *p == ':';
		if (strncmp(p, dir, len) == 0 && (p[len] == ':' || !p[len]))
			return true;
	}
	return false;
}

static void add_path(struct strvec *out, char *const *env)
{
	char *path = NULL, *longer;
	size_t i;

	for (; *env && !path; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			path = xstrdup(*env + 5);
	if (!path)
		path = xstrdup("/usr/local/bin");
	for (i = 0; i < ARRAY_SIZE(system_path); i++) {
		if (path_has(path, system_path[i]))
			continue;
		longer = xasprintf("%s:%s", path, system_path[i]);
		free(path);
		path = longer;
	}
	strvec_addf(out, "env=PATH=%s", path);
	free(path);
}

static void add_env(struct strvec *out, const struct lab_node *n,
		    char *const *env, const char *cwd)
{
	char *const *e;

	for (e = env; *e; e++)
		if (!is_host_only(*e))
			strvec_addf(out, "env=%s", *e);
	add_path(out, env);
	strvec_addf(out, "env=PWD=%s", cwd);
	strvec_add(out, "env=HOME=/root");
	strvec_add(out, "env=USER=root");
	strvec_add(out, "env=LOGNAME=root");
	strvec_add(out, "env=SHELL=/bin/sh");
	strvec_addf(out, "env=TERM=%s", n->terminal ? n->terminal : "dumb");
	/* Where no start-up file of the shell says something else */
	if (n->terminal)
		strvec_addf(out, "env=PS1=%s# ", n->name);
}

/* The directories of the caller and the lab, and what the command names, stay in
 * sight. */
static void add_kept(struct strvec *out, const struct strvec *command,
		     const char *cwd, char *const *env)
{
	static const char lab[] = LABFILE_ENV "=";
	size_t i;

	strvec_addf(out, "keep=%s", cwd);
	for (; *env; env++)
		if (strncmp(*env, lab, sizeof(lab) - 1) == 0)
			strvec_addf(out, "keep=%s", *env + sizeof(lab) - 1);
	for (i = 0; i < command->n; i++)
		if (command->v[i][0] == '/' && access(command->v[i], F_OK) == 0)
			strvec_addf(out, "keep=%s", command->v[i]);
}

static void add_net(struct strvec *out, const struct lab *lab, unsigned int node,
		    const struct guest_net *nets, size_t nr_nets)
{
	size_t i;

	for (i = 0; i < nr_nets; i++) {
		if (nets[i].node != node)
			continue;
		strvec_addf(out, "net=%u %s", nets[i].index, nets[i].ip);
		if (nets[i].gw)
			strvec_addf(out, "gw=%s", nets[i].gw);
	}
	for (i = 0; i < nr_nets; i++)
		strvec_addf(out, "host=%.*s %s",
			    (int)strcspn(nets[i].ip, "/"), nets[i].ip,
			    lab->nodes[nets[i].node].name);
}

void guestconf_make(const struct lab *lab, unsigned int i, const char *cwd,
		    char *const *env, const struct guest_net *nets,
		    size_t nr_nets, struct strvec *out)
{
	const struct lab_node *n = &lab->nodes[i];
	size_t j;

	strvec_addf(out, "hostname=%s", n->name);
	strvec_addf(out, "root=%s", lab->root);
	for (j = 0; j < n->modules.n; j++) {
		strvec_addf(out, "module=%s", strrchr(n->modules.v[j], '/') + 1);
		strvec_addf(out, "module-args=%s", n->module_args.v[j]);
	}
	if (n->tree.file)
		strvec_add(out, "devicetree=yes");
	if (lab->gcov)
		strvec_add(out, "gcov=yes");
	if (lab->kcov)
		strvec_add(out, "kcov=yes");
	add_net(out, lab, i, nets, nr_nets);
	if (!n->command.n)
		return;
	strvec_addf(out, "start=%" PRIu64, (u64)START);
	for (j = 0; j < n->command.n; j++)
		strvec_addf(out, "arg=%s", n->command.v[j]);
	strvec_addf(out, "cwd=%s", cwd);
	/* Another root has files of its own in these places. */
	if (strcmp(lab->root, "/") == 0)
		add_kept(out, &n->command, cwd, env);
	if (n->terminal)
		strvec_addf(out, "keys=%u", GUEST_KEYS_DEVICE);
	add_env(out, n, env, cwd);
}

bool guest_gw_ok(const char *gw)
{
	u8 addr[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, gw, addr) == 1 ||
	       inet_pton(AF_INET6, gw, addr) == 1;
}

bool guest_ip_ok(const char *ip)
{
	u8 bin[sizeof(struct in6_addr)];
	char addr[64], *end;
	size_t len = strcspn(ip, "/");
	unsigned long plen;

	if (len >= sizeof(addr) || ip[len] != '/')
		return false;
	memcpy(addr, ip, len);
	addr[len] = '\0';
	ip += len + 1;
	plen = strtoul(ip, &end, 10);
	if (*ip < '0' || *ip > '9' || *end)
		return false;
	return (inet_pton(AF_INET, addr, bin) == 1 && plen <= 32) ||
	       (inet_pton(AF_INET6, addr, bin) == 1 && plen <= 128);
}

static int add_modules(struct initrd *rd, const struct lab_node *n)
{
	char *name;
	int ret = 0;
	size_t i;

	for (i = 0; i < n->modules.n && !ret; i++) {
		name = xasprintf("module%zu", i);
		ret = initrd_copy(rd, name, n->modules.v[i]);
		free(name);
	}
	return ret;
}

/* @conf as it lies in the file: strings with a NUL behind each */
static char *join(const struct strvec *conf, size_t *len)
{
	char *buf = NULL;
	size_t i, n;

	*len = 0;
	for (i = 0; i < conf->n; i++) {
		n = strlen(conf->v[i]) + 1;
		buf = xrealloc(buf, *len + n);
		memcpy(buf + *len, conf->v[i], n);
		*len += n;
	}
	n = (*len + CONF_SIZE) / CONF_SIZE * CONF_SIZE;
	buf = xrealloc(buf, n);
	memset(buf + *len, 0, n - *len);
	*len = n;
	return buf;
}

int guestconf_write(const struct lab *lab, unsigned int i,
		    const struct strvec *conf, const char *init,
		    const char *file)
{
	struct initrd rd = { 0 };
	size_t len;
	char *data;
	int ret;

	initrd_dir(&rd, "dev");
	initrd_chardev(&rd, "dev/console", 5, 1);
	data = join(conf, &len);
	initrd_data(&rd, &CHANNEL_CONF[1], data, len);
	free(data);
	ret = initrd_copy(&rd, "init", init);
	if (ret == 0)
		ret = add_modules(&rd, &lab->nodes[i]);
	if (ret == 0)
		ret = initrd_write(&rd, file);
	initrd_free(&rd);
	return ret;
}
