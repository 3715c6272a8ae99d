// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Lab files: what the values mean, and whether they make sense. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/units.h"
#include "devspec.h"
#include "labfile.h"
#include "labyaml.h"

/*
 * struct labfile - a file being understood
 * @dir: that it is in, with a slash behind it, or ""
 */
struct labfile {
	struct labyaml yaml;
	char *dir;
};

static int get_time(const struct labfile *lf, const char *key, const char *s,
		    u64 bare, u64 *v)
{
	if (s && units_time(s, bare, v))
		return labyaml_bad(&lf->yaml, key, "'%s' is not a time; expected is a number and ns, us, ms, s, m or h", s);
	return 0;
}

static int get_busy(const struct labfile *lf, const char *s, struct busy *b)
{
	const char *why = s ? busy_parse(s, b) : NULL;

	return why ? labyaml_bad(&lf->yaml, "busy", "'%s': %s", s, why) : 0;
}

static int get_bool(const struct labfile *lf, const char *key, const char *s,
		    bool *v)
{
	if (s && units_bool(s, v))
		return labyaml_bad(&lf->yaml, key, "'%s' is neither true nor false", s);
	return 0;
}

/* A path of the lab, which must exist; made absolute. */
static int get_path(const struct labfile *lf, const char *key, const char *s,
		    bool dir, char **out)
{
	char *path, *real;
	struct stat st;

	if (!s)
		return 0;
	path = xasprintf("%s%s", *s == '/' ? "" : lf->dir, s);
	real = realpath(path, NULL);
	if (!real || stat(real, &st) < 0 || S_ISDIR(st.st_mode) != dir) {
		labyaml_bad(&lf->yaml, key, "there is no %s %s", dir ? "directory" : "file", path);
		free(real);
		real = NULL;
	}
	free(path);
	if (!real)
		return -EINVAL;
	free(*out);
	*out = real;
	return 0;
}

/* "nodes[0].kdir", or of the lab "kdir" */
static const char *key_of(const char *node, const char *what, char *buf,
			  size_t len)
{
	snprintf(buf, len, "%s%s%s", node, *node ? "." : "", what);
	return buf;
}

#define KEY_OF(node, what)	key_of(node, what, (char [96]){ 0 }, 96)

/* A kernel that is to be built; @kernel: one that is there */
static int get_build(const struct labfile *lf, const char *node,
		     const struct raw_build *raw, const char *kernel,
		     struct lab_build *b)
{
	const char *first = raw->kdir ? "kdir" : raw->config_count ? "config" :
			    raw->kasan ? "kasan" : NULL;
	char *path = NULL, sub[32];
	unsigned int i;
	int ret;

	if (kernel && first)
		return labyaml_bad(&lf->yaml, KEY_OF(node, first), "key 'kernel' is a kernel that is built already: leave out one of them");
	ret = get_path(lf, KEY_OF(node, "kdir"), raw->kdir, true, &b->kdir);
	for (i = 0; i < raw->config_count && !ret; i++) {
		snprintf(sub, sizeof(sub), "config[%u]", i);
		ret = get_path(lf, KEY_OF(node, sub), raw->config[i], false,
			       &path);
		if (!ret)
			strvec_add(&b->config, path);
	}
	free(path);
	return ret ? ret : get_bool(lf, KEY_OF(node, "kasan"), raw->kasan,
				    &b->kasan);
}

static int get_top(const struct labfile *lf, const struct raw_lab *raw,
		   struct lab *lab)
{
	if (raw->seed && units_number(raw->seed, &lab->seed))
		return labyaml_bad(&lf->yaml, "seed", "'%s' is not a number from 0 to 2^64 - 1",
			   raw->seed);
	if (raw->tod && lab_parse_tod(raw->tod, &lab->tod))
		return labyaml_bad(&lf->yaml, "tod", "'%s' is not a time of day; expected is " LAB_TOD_HELP,
			   raw->tod);
	if (get_busy(lf, raw->busy, &lab->busy))
		return -EINVAL;
	if (get_time(lf, "time-limit", raw->time_limit, NSEC_PER_SEC,
		     &lab->time_limit) ||
	    get_time(lf, "wall-limit", raw->wall_limit, NSEC_PER_SEC,
		     &lab->wall_limit) ||
	    get_time(lf, "stall-limit", raw->stall_limit, NSEC_PER_SEC,
		     &lab->stall_limit) ||
	    get_path(lf, "kernel", raw->kernel, false, &lab->kernel) ||
	    get_build(lf, "", &raw->build, raw->kernel, &lab->build) ||
	    get_path(lf, "root", raw->root, true, &lab->root))
		return -EINVAL;
	return 0;
}

/* Check an option of a link, and add it to its description. */
static int link_option(const struct labfile *lf, const char *key,
		       const char *opt, const char *s, char **spec)
{
	char path[128], *longer;
	int ret = 0;
	u64 v;

	if (!s)
		return 0;
	snprintf(path, sizeof(path), "%s.%s", key, opt);
	if (strcmp(opt, "latency") == 0)
		ret = get_time(lf, path, s, 1, &v);
	else if (strcmp(opt, "bandwidth") == 0 && units_rate(s, &v))
		ret = labyaml_bad(&lf->yaml, path, "'%s' is not a rate; expected is a number and bit, kbit, Mbit or Gbit", s);
	else if (strcmp(opt, "loss") == 0 && units_prob(s, &v))
		ret = labyaml_bad(&lf->yaml, path, "'%s' is not a probability; expected is 0.01 or 1%%", s);
	else if (strcmp(opt, "mtu") == 0 && units_number(s, &v))
		ret = labyaml_bad(&lf->yaml, path, "'%s' is not a number of bytes", s);
	else if (strcmp(opt, "queue") == 0 && units_number(s, &v))
		ret = labyaml_bad(&lf->yaml, path, "'%s' is not a number", s);
	if (ret)
		return ret;
	longer = xasprintf("%s,%s=%s", *spec, opt, s);
	free(*spec);
	*spec = longer;
	return 0;
}

static int get_name(const struct labfile *lf, const char *key, const char *name)
{
	const char *why = lab_name_error(name);
	char path[128];

	if (!why)
		return 0;
	snprintf(path, sizeof(path), "%s.name", key);
	return labyaml_bad(&lf->yaml, path, "'%s' cannot be a name: %s", name, why);
}

static int get_link(const struct labfile *lf, const struct raw_lab *raw,
		    unsigned int i, struct lab *lab)
{
	const struct raw_link *l = &raw->links[i];
	char key[64], sub[80], *spec;
	unsigned int j;
	int ret;

	snprintf(key, sizeof(key), "links[%u]", i);
	ret = get_name(lf, key, l->name);
	if (ret)
		return ret;
	snprintf(sub, sizeof(sub), "%s.name", key);
	for (j = 0; j < i; j++)
		if (strcmp(raw->links[j].name, l->name) == 0)
			return labyaml_bad(&lf->yaml, sub, "links[%u] is called '%s' already",
				   j, l->name);
	spec = xstrdup(l->name);
	if (link_option(lf, key, "latency", l->latency, &spec) ||
	    link_option(lf, key, "bandwidth", l->bandwidth, &spec) ||
	    link_option(lf, key, "loss", l->loss, &spec) ||
	    link_option(lf, key, "mtu", l->mtu, &spec) ||
	    link_option(lf, key, "queue", l->queue, &spec))
		ret = -EINVAL;
	else
		strvec_add(&lab->links, spec);
	free(spec);
	return ret;
}

/* Names of the device types, from the table of the devices */
static const char *const device_types[] = {
#define DEV(name) #name,
#include "../dev/devices.def"
#undef DEV
};

static int check_device(const struct labfile *lf, const char *key,
			const char *spec)
{
	size_t len = strcspn(spec, ","), i, n = 0;
	char types[256] = "";

	for (i = 0; i < ARRAY_SIZE(device_types); i++) {
		if (strlen(device_types[i]) == len &&
		    strncmp(device_types[i], spec, len) == 0)
			return 0;
		n += (size_t)snprintf(types + n, sizeof(types) - n, "%s%s",
				      n ? ", " : "", device_types[i]);
	}
	return labyaml_bad(&lf->yaml, key, "there is no device type '%.*s'; expected is one of: %s",
		   (int)len, spec, types);
}

/* A device's files are relative to the lab file, as all paths in that are. */
static char *device_spec(const struct labfile *lf, const char *spec)
{
	char *out = xstrdup(""), *dir = devspec_quote(lf->dir), *longer;
	size_t len, path;

	for (; *spec; spec += len) {
		len = devspec_field(spec);
		path = devspec_file(spec);
		if (path && spec[path] == '/')
			path = 0;
		longer = xasprintf("%s%.*s%s%.*s%s", out, (int)path, spec,
				   path ? dir : "", (int)(len - path),
				   spec + path, spec[len] ? "," : "");
		len += spec[len] == ',';
		free(out);
		out = longer;
	}
	free(dir);
	return out;
}

static bool names_dir(const struct labfile *lf, const char *s)
{
	char *path = xasprintf("%s%s", *s == '/' ? "" : lf->dir, s);
	bool dir = is_dir(path);

	free(path);
	return dir;
}

/* "FILE ARGS", "DIR ARGS" */
static int get_module(const struct labfile *lf, const char *key,
		      const char *s, struct lab_node *n)
{
	size_t len = strcspn(s, " ");
	char *file = xstrdup(s), *path = NULL;
	int ret;

	file[len] = '\0';
	ret = get_path(lf, key, file, names_dir(lf, file), &path);
	if (ret == 0) {
		strvec_add(&n->modules, path);
		strvec_add(&n->module_args, s + len + (s[len] == ' '));
	}
	free(path);
	free(file);
	return ret;
}

static int get_lists(const struct labfile *lf, const struct raw_node *raw,
		     const char *key, struct lab_node *n)
{
	unsigned int i;
	char sub[96], *spec;
	int ret = 0;

	for (i = 0; i < raw->devices_count && !ret; i++) {
		snprintf(sub, sizeof(sub), "%s.devices[%u]", key, i);
		ret = check_device(lf, sub, raw->devices[i]);
		spec = device_spec(lf, raw->devices[i]);
		strvec_add(&n->devices, spec);
		free(spec);
	}
	for (i = 0; i < raw->modules_count && !ret; i++) {
		snprintf(sub, sizeof(sub), "%s.modules[%u]", key, i);
		ret = get_module(lf, sub, raw->modules[i], n);
	}
	return ret;
}

/* A string is for a shell, or, as kernel arguments, to be split at spaces. */
static int get_words(const struct labfile *lf, const char *node,
		     const char *what, bool shell, struct strvec *out)
{
	struct strvec sv = { 0 };
	bool list = false;
	char key[96];
	int ret;

	snprintf(key, sizeof(key), "%s.%s", node, what);
	ret = yamldoc_strings(lf->yaml.doc, key, &sv, &list);
	if (ret == -EINVAL)
		labyaml_bad(&lf->yaml, key, "a string or a list of strings is expected");
	else if (ret == 0 && list)
		strvec_add_all(out, &sv);
	else if (ret == 0 && !shell)
		strvec_split(out, sv.v[0]);
	else if (ret == 0 && *sv.v[0]) {
		strvec_add(out, "/bin/sh");
		strvec_add(out, "-c");
		strvec_add(out, sv.v[0]);
	}
	strvec_free(&sv);
	return ret == -ENOENT ? 0 : ret;
}

static int get_memory(const struct labfile *lf, const char *node, const char *s,
		      u64 *v)
{
	char key[96];

	if (!s)
		return 0;
	snprintf(key, sizeof(key), "%s.memory", node);
	if (units_size(s, v))
		return labyaml_bad(&lf->yaml, key, "'%s' is not a size; expected is a number of bytes, or one with k, M or G", s);
	if (*v < LAB_MIN_MEMORY || *v > LAB_MAX_MEMORY)
		return labyaml_bad(&lf->yaml, key, "'%s' is out of range; expected is " LAB_MEMORY_HELP, s);
	return 0;
}

/* Only where it is; what is in it is looked at when all of the lab is known. */
static int get_tree(const struct labfile *lf, const char *node,
		    const struct raw_node *r, struct lab_node *n)
{
	char key[96], *path = NULL;
	int ret;

	snprintf(key, sizeof(key), "%s.%s", node, r->dts ? "dts" : "dtb");
	if (r->dts && r->dtb)
		return labyaml_bad(&lf->yaml, key, "there is a dtb already: leave out one of them");
	ret = get_path(lf, key, r->dts ? r->dts : r->dtb, false, &path);
	if (path)
		lab_set_tree(n, path, r->dts);
	free(path);
	return ret;
}

static int get_node(const struct labfile *lf, const struct raw_lab *raw,
		    unsigned int i, struct lab *lab)
{
	const struct raw_node *r = &raw->nodes[i];
	char key[64], sub[80];
	struct lab_node *n;
	unsigned int j;

	snprintf(key, sizeof(key), "nodes[%u]", i);
	if (get_name(lf, key, r->name))
		return -EINVAL;
	snprintf(sub, sizeof(sub), "%s.name", key);
	for (j = 0; j < i; j++)
		if (strcmp(raw->nodes[j].name, r->name) == 0)
			return labyaml_bad(&lf->yaml, sub, "nodes[%u] is called '%s' already",
				   j, r->name);
	n = lab_add_node(lab, r->name);
	snprintf(sub, sizeof(sub), "%s.kernel", key);
	if (get_path(lf, sub, r->kernel, false, &n->kernel) ||
	    get_build(lf, key, &r->build, r->kernel, &n->build))
		return -EINVAL;
	if (get_memory(lf, key, r->memory, &n->memory) ||
	    get_words(lf, key, "command", true, &n->command) ||
	    get_words(lf, key, "kernel-args", false, &n->kernel_args) ||
	    get_lists(lf, r, key, n) || get_tree(lf, key, r, n))
		return -EINVAL;
	snprintf(sub, sizeof(sub), "%s.needed", key);
	if (get_bool(lf, sub, r->needed, &n->needed))
		return -EINVAL;
	snprintf(sub, sizeof(sub), "%s.wait", key);
	if (get_bool(lf, sub, r->wait, &n->wait))
		return -EINVAL;
	if (n->wait && !n->command.n && i)
		return labyaml_bad(&lf->yaml, sub, "there is no command to wait for");
	if (!n->wait && i == 0)
		return labyaml_bad(&lf->yaml, sub, "the lab always waits for the first node's command");
	return 0;
}

static int get_lab(const struct labfile *lf, const struct raw_lab *raw,
		   struct lab *lab)
{
	unsigned int i;
	int ret = get_top(lf, raw, lab);

	if (!raw->nodes_count)
		return labyaml_bad(&lf->yaml, "nodes", "there must be at least one node");
	if (raw->nodes_count > LAB_MAX_NODES)
		return labyaml_bad(&lf->yaml, "nodes", "more than %d nodes", LAB_MAX_NODES);
	for (i = 0; i < raw->links_count && !ret; i++)
		ret = get_link(lf, raw, i, lab);
	for (i = 0; i < raw->nodes_count && !ret; i++)
		ret = get_node(lf, raw, i, lab);
	return ret;
}

int labfile_load(struct lab *lab, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct labfile lf;
	int ret;

	ret = labyaml_load(&lf.yaml, path);
	if (ret)
		return ret;
	lf.dir = slash ? xasprintf("%.*s/", (int)(slash - path), path) :
			 xstrdup("");
	ret = get_lab(&lf, lf.yaml.raw, lab);
	free(lf.dir);
	labyaml_free(&lf.yaml);
	return ret;
}
