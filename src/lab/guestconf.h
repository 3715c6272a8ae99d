/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What init of a node is told: command, environment, network, files to keep. */
#ifndef LAB_GUESTCONF_H
#define LAB_GUESTCONF_H

#include "lab.h"

/* Platform device through which keys come, where a node has a terminal */
#define GUEST_KEYS_DEVICE	9999u

/**
 * struct guest_net - a network port of a node
 * @node: index of the node
 * @index: of the platform device
 * @ip: "ADDR/PLEN"
 * @gw: default route; NULL: none
 */
struct guest_net {
	unsigned int node, index;
	const char *ip, *gw;
};

/**
 * guest_ip_ok() - is @ip an address and a prefix length, is @gw an address
 * @gw: may be NULL
 */
bool guest_ip_ok(const char *ip);
bool guest_gw_ok(const char *gw);

/**
 * guestconf_env() - what of the caller's environment makes a difference inside
 * @out: "NAME=value" strings; they are as good as @env for guestconf_make()
 */
void guestconf_env(char *const *env, struct strvec *out);

/**
 * guestconf_make() - the configuration of node @i
 * @cwd: the caller's directory
 * @env: the caller's environment
 * @out: "key=value" strings, see channel.h
 */
void guestconf_make(const struct lab *lab, unsigned int i, const char *cwd,
		    char *const *env, const struct guest_net *nets,
		    size_t nr_nets, struct strvec *out);

/**
 * guestconf_write() - make the initramfs of node @i
 * @init: path of the init program
 * @file: archive to create
 *
 * Return: 0 or -errno after one line
 */
int __must_check guestconf_write(const struct lab *lab, unsigned int i,
				 const struct strvec *conf, const char *init,
				 const char *file);

#endif
