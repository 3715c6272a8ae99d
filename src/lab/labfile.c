// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Lab files: YAML, by schema, with errors that name file, line and key. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/units.h"
#include "labfile.h"
#include "yamldoc.h"

/*
 * DOC: Two readings of one file
 *
 * libcyaml checks the structure by the schema below and takes it apart; all
 * scalars come out as strings, so that numbers have their units and errors our
 * words. yamldoc gives the line of a key, and the values that can be a string
 * or a list.
 */

/* What libcyaml fills in: the file as it is. */
struct raw_link {
	char *name, *latency, *bandwidth, *loss, *mtu, *queue;
};

struct raw_node {
	char *name, *memory, *wait, *needed;
	char **devices, **modules;
	unsigned int devices_count, modules_count;
};

struct raw_lab {
	char *seed, *time_limit, *wall_limit, *kernel, *root, *tod;
	struct raw_link *links;
	struct raw_node *nodes;
	unsigned int links_count, nodes_count;
};

#define OPTIONAL	(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define STRING(key, flags, type, member)				\
	CYAML_FIELD_STRING_PTR(key, flags, type, member, 0, CYAML_UNLIMITED)
#define LIST(key, flags, type, member, entry)				\
	CYAML_FIELD_SEQUENCE(key, flags, type, member, entry, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t string_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t link_fields[] = {
	STRING("name", CYAML_FLAG_POINTER, struct raw_link, name),
	STRING("latency", OPTIONAL, struct raw_link, latency),
	STRING("bandwidth", OPTIONAL, struct raw_link, bandwidth),
	STRING("loss", OPTIONAL, struct raw_link, loss),
	STRING("mtu", OPTIONAL, struct raw_link, mtu),
	STRING("queue", OPTIONAL, struct raw_link, queue),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_link, link_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	STRING("name", CYAML_FLAG_POINTER, struct raw_node, name),
	STRING("memory", OPTIONAL, struct raw_node, memory),
	CYAML_FIELD_IGNORE("command", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("kernel-args", CYAML_FLAG_OPTIONAL),
	LIST("devices", OPTIONAL, struct raw_node, devices, &string_schema),
	LIST("modules", OPTIONAL, struct raw_node, modules, &string_schema),
	STRING("wait", OPTIONAL, struct raw_node, wait),
	STRING("needed", OPTIONAL, struct raw_node, needed),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_node, node_fields),
};

static const cyaml_schema_field_t lab_fields[] = {
	STRING("seed", OPTIONAL, struct raw_lab, seed),
	STRING("time-limit", OPTIONAL, struct raw_lab, time_limit),
	STRING("wall-limit", OPTIONAL, struct raw_lab, wall_limit),
	STRING("kernel", OPTIONAL, struct raw_lab, kernel),
	STRING("root", OPTIONAL, struct raw_lab, root),
	STRING("tod", OPTIONAL, struct raw_lab, tod),
	LIST("links", OPTIONAL, struct raw_lab, links, &link_schema),
	LIST("nodes", CYAML_FLAG_POINTER, struct raw_lab, nodes, &node_schema),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t lab_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_lab, lab_fields),
};

#define MAX_TRACE	8

/*
 * struct labfile - a file being read
 * @path: as the user gave it
 * @dir: that it is in, with a slash behind it, or ""
 * @message: first error of libcyaml, without "Load: "
 * @trace: where libcyaml was: the innermost step first, "memory", "[1]", or
 *	"" within a mapping, between two keys
 */
struct labfile {
	const char *path;
	char *dir;
	struct yamldoc *doc;
	char message[256];
	char trace[MAX_TRACE][64];
	unsigned int nr_trace;
};

/* One line: file, line, key, and what is wrong with it. */
static int __printf(3, 4) bad(const struct labfile *lf, const char *key,
			      const char *fmt, ...)
{
	char tag[512], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(tag, sizeof(tag), "%s:%u", lf->path,
		 yamldoc_line(lf->doc, key));
	if (*key)
		log_err(tag, "key '%s': %s", key, text);
	else
		log_err(tag, "%s", text);
	return -EINVAL;
}

/* One step of libcyaml's backtrace, if @line is one. */
static void add_trace(struct labfile *lf, const char *line)
{
	char *step = lf->trace[lf->nr_trace];
	unsigned int i;

	line += strspn(line, " ");
	if (lf->nr_trace == MAX_TRACE || strncmp(line, "in ", 3) != 0)
		return;
	if (sscanf(line, "in mapping field '%60[^']'", step) == 1 ||
	    strncmp(line, "in mapping (", 12) == 0)
		lf->nr_trace++;
	else if (sscanf(line, "in sequence entry '%u'", &i) == 1)
		/* It counts from 1. */
		snprintf(lf->trace[lf->nr_trace++], sizeof(lf->trace[0]),
			 "[%u]", i - 1);
}

static void log_cyaml(cyaml_log_t level, void *ctx, const char *fmt,
		      va_list args)
{
	struct labfile *lf = ctx;
	char line[256];
	size_t len;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), fmt, args);
	len = strlen(line);
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	if (strncmp(line, "Load: ", 6) != 0)
		add_trace(lf, line);
	else if (!*lf->message)
		snprintf(lf->message, sizeof(lf->message), "%s", line + 6);
}

/* "nodes[1].memory" of the steps from the outermost down to number @last */
static void join_trace(const struct labfile *lf, unsigned int last, char *key,
		       size_t size)
{
	unsigned int i;
	size_t len = 0;

	*key = '\0';
	for (i = lf->nr_trace; i-- > last && len < size; ) {
		const char *step = lf->trace[i];

		if (*step)
			len += (size_t)snprintf(key + len, size - len, "%s%s",
						len && *step != '[' ? "." : "",
						step);
	}
}

/* The keys of the mapping whose path is @key, for a line of help. */
static void list_keys(const char *key, char *buf, size_t size)
{
	const cyaml_schema_field_t *f = lab_fields;
	size_t len = 0;

	if (strncmp(key, "nodes[", 6) == 0)
		f = node_fields;
	else if (strncmp(key, "links[", 6) == 0)
		f = link_fields;
	for (*buf = '\0'; f->key && len < size; f++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? ", " : "", f->key);
}

/* Say in our words what libcyaml did not like. */
static int schema_error(struct labfile *lf)
{
	char key[256], keys[256], sub[320], name[64];
	bool in_field = lf->nr_trace && lf->trace[0][0] != '[';

	join_trace(lf, 0, key, sizeof(key));
	if (sscanf(lf->message, "Unexpected key: %60s", name) == 1) {
		list_keys(key, keys, sizeof(keys));
		snprintf(sub, sizeof(sub), "%s%s%s", key, *key ? "." : "", name);
		return bad(lf, sub, "there is no such key; expected is one of: %s", keys);
	}
	if (sscanf(lf->message, "Missing required mapping field: %60s", name) == 1) {
		/* The innermost step is the last key that was there. */
		join_trace(lf, in_field, key, sizeof(key));
		return bad(lf, key, "key '%s' is missing", name);
	}
	if (strncmp(lf->message, "Mapping field already seen", 26) == 0)
		return bad(lf, key, "is given twice");
	if (strncmp(lf->message, "Expecting STRING", 16) == 0)
		return bad(lf, key, "a single value is expected, not a list or a mapping");
	if (strncmp(lf->message, "Expecting SEQUENCE", 18) == 0)
		return bad(lf, key, "a list is expected, each entry after \"- \"");
	if (strncmp(lf->message, "Expecting MAPPING", 17) == 0)
		return bad(lf, key, "keys and values are expected, as in \"name: a\"");
	return bad(lf, key, "%s", *lf->message ? lf->message : "invalid");
}

static int get_time(const struct labfile *lf, const char *key, const char *s,
		    u64 bare, u64 *v)
{
	if (s && units_time(s, bare, v))
		return bad(lf, key, "'%s' is not a time; expected is a number and ns, us, ms, s, m or h", s);
	return 0;
}

static int get_bool(const struct labfile *lf, const char *key, const char *s,
		    bool *v)
{
	if (s && units_bool(s, v))
		return bad(lf, key, "'%s' is neither true nor false", s);
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
		bad(lf, key, "there is no %s %s", dir ? "directory" : "file", path);
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

static int get_top(const struct labfile *lf, const struct raw_lab *raw,
		   struct lab *lab)
{
	if (raw->seed && units_number(raw->seed, &lab->seed))
		return bad(lf, "seed", "'%s' is not a number from 0 to 2^64 - 1",
			   raw->seed);
	if (raw->tod && lab_parse_tod(raw->tod, &lab->tod))
		return bad(lf, "tod", "'%s' is not a time of day; expected is " LAB_TOD_HELP,
			   raw->tod);
	if (get_time(lf, "time-limit", raw->time_limit, NSEC_PER_SEC,
		     &lab->time_limit) ||
	    get_time(lf, "wall-limit", raw->wall_limit, NSEC_PER_SEC,
		     &lab->wall_limit) ||
	    get_path(lf, "kernel", raw->kernel, false, &lab->kernel) ||
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
		ret = bad(lf, path, "'%s' is not a rate; expected is a number and bit, kbit, Mbit or Gbit", s);
	else if (strcmp(opt, "loss") == 0 && units_prob(s, &v))
		ret = bad(lf, path, "'%s' is not a probability; expected is 0.01 or 1%%", s);
	else if (strcmp(opt, "mtu") == 0 && units_number(s, &v))
		ret = bad(lf, path, "'%s' is not a number of bytes", s);
	else if (strcmp(opt, "queue") == 0 && units_number(s, &v))
		ret = bad(lf, path, "'%s' is not a number", s);
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
	return bad(lf, path, "'%s' cannot be a name: %s", name, why);
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
			return bad(lf, sub, "links[%u] is called '%s' already",
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
	return bad(lf, key, "there is no device type '%.*s'; expected is one of: %s",
		   (int)len, spec, types);
}

/* "FILE ARGS" with the file as an absolute path */
static int get_module(const struct labfile *lf, const char *key,
		      const char *s, struct lab_node *n)
{
	size_t len = strcspn(s, " ");
	char *file = xstrdup(s), *path = NULL;
	int ret;

	file[len] = '\0';
	ret = get_path(lf, key, file, false, &path);
	if (ret == 0)
		strvec_addf(&n->modules, "%s%s", path, s + len);
	free(path);
	free(file);
	return ret;
}

static int get_lists(const struct labfile *lf, const struct raw_node *raw,
		     const char *key, struct lab_node *n)
{
	unsigned int i;
	char sub[96];
	int ret = 0;

	for (i = 0; i < raw->devices_count && !ret; i++) {
		snprintf(sub, sizeof(sub), "%s.devices[%u]", key, i);
		ret = check_device(lf, sub, raw->devices[i]);
		strvec_add(&n->devices, raw->devices[i]);
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
	ret = yamldoc_strings(lf->doc, key, &sv, &list);
	if (ret == -EINVAL)
		bad(lf, key, "a string or a list of strings is expected");
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
		return bad(lf, key, "'%s' is not a size; expected is a number of bytes, or one with k, M or G", s);
	if (*v < LAB_MIN_MEMORY || *v > LAB_MAX_MEMORY)
		return bad(lf, key, "'%s' is out of range; expected is " LAB_MEMORY_HELP, s);
	return 0;
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
			return bad(lf, sub, "nodes[%u] is called '%s' already",
				   j, r->name);
	n = lab_add_node(lab, r->name);
	if (get_memory(lf, key, r->memory, &n->memory) ||
	    get_words(lf, key, "command", true, &n->command) ||
	    get_words(lf, key, "kernel-args", false, &n->kernel_args) ||
	    get_lists(lf, r, key, n))
		return -EINVAL;
	snprintf(sub, sizeof(sub), "%s.needed", key);
	if (get_bool(lf, sub, r->needed, &n->needed))
		return -EINVAL;
	snprintf(sub, sizeof(sub), "%s.wait", key);
	if (get_bool(lf, sub, r->wait, &n->wait))
		return -EINVAL;
	if (n->wait && !n->command.n && i)
		return bad(lf, sub, "there is no command to wait for");
	if (!n->wait && i == 0)
		return bad(lf, sub, "the lab always waits for the first node's command");
	return 0;
}

static int get_lab(const struct labfile *lf, const struct raw_lab *raw,
		   struct lab *lab)
{
	unsigned int i;
	int ret = get_top(lf, raw, lab);

	if (!raw->nodes_count)
		return bad(lf, "nodes", "there must be at least one node");
	if (raw->nodes_count > LAB_MAX_NODES)
		return bad(lf, "nodes", "more than %d nodes", LAB_MAX_NODES);
	for (i = 0; i < raw->links_count && !ret; i++)
		ret = get_link(lf, raw, i, lab);
	for (i = 0; i < raw->nodes_count && !ret; i++)
		ret = get_node(lf, raw, i, lab);
	return ret;
}

int labfile_load(struct lab *lab, const char *path)
{
	const char *slash = strrchr(path, '/'), *text;
	struct labfile lf = { .path = path };
	cyaml_config_t cfg = {
		.log_fn = log_cyaml, .log_ctx = &lf, .mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
	};
	struct raw_lab *raw = NULL;
	size_t len;
	int ret;

	ret = yamldoc_load(&lf.doc, path);
	if (ret)
		return ret;
	lf.dir = slash ? strndup(path, (size_t)(slash - path) + 1) : xstrdup("");
	text = yamldoc_text(lf.doc, &len);
	if (cyaml_load_data((const u8 *)text, len, &cfg, &lab_schema,
			    (cyaml_data_t **)&raw, NULL) == CYAML_OK)
		ret = get_lab(&lf, raw, lab);
	else
		ret = schema_error(&lf);
	cyaml_free(&cfg, &lab_schema, raw, 0);
	yamldoc_free(lf.doc);
	free(lf.dir);
	return ret;
}
