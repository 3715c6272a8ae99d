// SPDX-License-Identifier: GPL-2.0
/* The network of a node: lo, addresses, default route, names of the others. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

/* struct in6_ifreq of linux/ipv6.h, which clashes with the C library's headers */
struct ifreq6 {
	struct in6_addr addr;
	uint32_t plen;
	int ifindex;
};

static int open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("cannot open a socket of family %d to set up the network: %s",
		     family, strerror(errno));
	return fd;
}

static int interface_up(int fd, const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return -1;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

bool sysfs_descend(char *path, size_t size, const char *prefix)
{
	DIR *d = opendir(path);
	size_t len = strlen(path);
	bool found = false;
	struct dirent *de;

	if (!d)
		return false;
	while (!found && (de = readdir(d))) {
		found = de->d_name[0] != '.' &&
			strncmp(de->d_name, prefix, strlen(prefix)) == 0 &&
			len + 1 + strlen(de->d_name) < size;
		if (found) {
			path[len] = '/';
			strcpy(path + len + 1, de->d_name);
		}
	}
	closedir(d);
	return found;
}

/* Interface of the virtio device that came as platform device @index. */
static bool find_interface(unsigned int index, char name[IFNAMSIZ])
{
	char path[512];
	const char *base;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/virtio-uml.%u",
		 index);
	if (!sysfs_descend(path, sizeof(path), "virtio") ||
	    !sysfs_descend(path, sizeof(path), "net") ||
	    !sysfs_descend(path, sizeof(path), ""))
		return false;
	base = strrchr(path, '/') + 1;
	if (strlen(base) >= IFNAMSIZ)
		return false;
	strcpy(name, base);
	return true;
}

static int set_address4(const char *ifname, struct in_addr addr,
			unsigned int plen)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;
	int fd = open_socket(AF_INET), ret;

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", ifname);
	sin->sin_family = AF_INET;
	sin->sin_addr = addr;
	ret = ioctl(fd, SIOCSIFADDR, &ifr);
	sin->sin_addr.s_addr = plen ? htonl(~0u << (32 - plen)) : 0;
	if (ret == 0)
		ret = ioctl(fd, SIOCSIFNETMASK, &ifr);
	if (ret == 0)
		ret = interface_up(fd, ifname);
	close(fd);
	return ret;
}

static int set_address6(const char *ifname, struct in6_addr addr,
			unsigned int plen)
{
	struct ifreq6 ifr = { .addr = addr, .plen = plen };
	int fd = open_socket(AF_INET6), ret;

	ifr.ifindex = (int)if_nametoindex(ifname);
	ret = interface_up(fd, ifname);
	if (ret == 0)
		ret = ioctl(fd, SIOCSIFADDR, &ifr);
	close(fd);
	return ret;
}

/* @value: "INDEX ADDR/PLEN" */
static void set_address(const char *value)
{
	char ifname[IFNAMSIZ], addr[64];
	struct in6_addr a6;
	struct in_addr a4;
	unsigned int index, plen;
	int ret;

	if (sscanf(value, "%u %63[^/]/%u", &index, addr, &plen) != 3)
		fail("bad network configuration \"%s\"", value);
	if (!find_interface(index, ifname))
		fail("device %u has no network interface: has the kernel CONFIG_VIRTIO_NET?",
		     index);
	if (inet_pton(AF_INET, addr, &a4) == 1)
		ret = set_address4(ifname, a4, plen);
	else if (inet_pton(AF_INET6, addr, &a6) == 1)
		ret = set_address6(ifname, a6, plen);
	else
		fail("bad address \"%s\"", addr);
	if (ret < 0)
		fail("cannot give %s the address %s/%u: %s", ifname, addr, plen,
		     strerror(errno));
}

static int add_gateway4(struct in_addr gw)
{
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in any = { .sin_family = AF_INET }, via = any;
	int fd = open_socket(AF_INET), ret;

	via.sin_addr = gw;
	memcpy(&rt.rt_dst, &any, sizeof(any));
	memcpy(&rt.rt_genmask, &any, sizeof(any));
	memcpy(&rt.rt_gateway, &via, sizeof(via));
	ret = ioctl(fd, SIOCADDRT, &rt);
	close(fd);
	return ret;
}

static int add_gateway6(struct in6_addr gw)
{
	struct in6_rtmsg rt = {
		.rtmsg_gateway = gw, .rtmsg_metric = 1024,
		.rtmsg_flags = RTF_UP | RTF_GATEWAY,
	};
	int fd = open_socket(AF_INET6), ret;

	ret = ioctl(fd, SIOCADDRT, &rt);
	close(fd);
	return ret;
}

static void add_gateway(const char *addr)
{
	struct in6_addr a6;
	struct in_addr a4;
	int ret;

	if (inet_pton(AF_INET, addr, &a4) == 1)
		ret = add_gateway4(a4);
	else if (inet_pton(AF_INET6, addr, &a6) == 1)
		ret = add_gateway6(a6);
	else
		fail("bad gateway \"%s\"", addr);
	if (ret < 0)
		fail("cannot route through %s: %s", addr, strerror(errno));
}

/* The names of all nodes, in place of the host's own list. */
static void write_hosts(void)
{
	const char *line;
	size_t pos = 0;
	FILE *f;

	if (mkdir("/run/umtt", 0755) < 0 || access("/etc/hosts", F_OK) < 0)
		return;
	f = fopen("/run/umtt/hosts", "we");
	if (!f)
		return;
	fprintf(f, "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n",
		conf_get("hostname", "umtt"));
	while ((line = conf_next("host", &pos)))
		fprintf(f, "%s\n", line);
	fclose(f);
	if (mount("/run/umtt/hosts", "/etc/hosts", NULL, MS_BIND, NULL) < 0)
		note("cannot replace /etc/hosts: %s", strerror(errno));
}

void net_setup(void)
{
	const char *value;
	size_t pos;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		interface_up(fd, "lo");
		close(fd);
	}
	for (pos = 0; (value = conf_next("net", &pos)); )
		set_address(value);
	for (pos = 0; (value = conf_next("gw", &pos)); )
		add_gateway(value);
	write_hosts();
}
