// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A lab file as it is: its structure checked by a schema, its values strings. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "labyaml.h"

#define OPTIONAL	(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define STRING(key, flags, type, member)				\
	CYAML_FIELD_STRING_PTR(key, flags, type, member, 0, CYAML_UNLIMITED)
#define LIST(key, flags, type, member, entry)				\
	CYAML_FIELD_SEQUENCE(key, flags, type, member, entry, 0, CYAML_UNLIMITED)

/* The keys of a struct raw_build that is a member of @type */
#define BUILD(type)							\
	STRING("kdir", OPTIONAL, type, build.kdir),			\
	STRING("kasan", OPTIONAL, type, build.kasan),			\
	LIST("config", OPTIONAL, type, build.config, &string_schema)

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
	STRING("kernel", OPTIONAL, struct raw_node, kernel),
	BUILD(struct raw_node),
	STRING("memory", OPTIONAL, struct raw_node, memory),
	CYAML_FIELD_IGNORE("command", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("kernel-args", CYAML_FLAG_OPTIONAL),
	LIST("devices", OPTIONAL, struct raw_node, devices, &string_schema),
	LIST("modules", OPTIONAL, struct raw_node, modules, &string_schema),
	STRING("dtb", OPTIONAL, struct raw_node, dtb),
	STRING("dts", OPTIONAL, struct raw_node, dts),
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
	STRING("stall-limit", OPTIONAL, struct raw_lab, stall_limit),
	STRING("busy", OPTIONAL, struct raw_lab, busy),
	STRING("kernel", OPTIONAL, struct raw_lab, kernel),
	BUILD(struct raw_lab),
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
 * struct complaint - what libcyaml has to say about a file
 * @message: its first error, without "Load: "
 * @trace: where it was: the innermost step first, "memory", "[1]", or "" within
 *	a mapping, between two keys
 */
struct complaint {
	char message[256];
	char trace[MAX_TRACE][64];
	unsigned int nr_trace;
};

int labyaml_bad(const struct labyaml *ly, const char *key, const char *fmt, ...)
{
	char tag[512], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(tag, sizeof(tag), "%s:%u", ly->path,
		 yamldoc_line(ly->doc, key));
	if (*key)
		log_err(tag, "key '%s': %s", key, text);
	else
		log_err(tag, "%s", text);
	return -EINVAL;
}

/* One step of libcyaml's backtrace, if @line is one. */
static void add_trace(struct complaint *c, const char *line)
{
	unsigned int i;
	char *step;

	line += strspn(line, " ");
	if (c->nr_trace == MAX_TRACE || strncmp(line, "in ", 3) != 0)
		return;
	step = c->trace[c->nr_trace];
	if (sscanf(line, "in mapping field '%60[^']'", step) == 1 ||
	    strncmp(line, "in mapping (", 12) == 0)
		c->nr_trace++;
	else if (sscanf(line, "in sequence entry '%u'", &i) == 1)
		/* It counts from 1. */
		snprintf(c->trace[c->nr_trace++], sizeof(c->trace[0]), "[%u]",
			 i - 1);
}

static void log_cyaml(cyaml_log_t level, void *ctx, const char *fmt,
		      va_list args)
{
	struct complaint *c = ctx;
	char line[256];
	size_t len;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), fmt, args);
	len = strlen(line);
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	if (strncmp(line, "Load: ", 6) != 0)
		add_trace(c, line);
	else if (!*c->message)
		snprintf(c->message, sizeof(c->message), "%s", line + 6);
}

/* "nodes[1].memory" of the steps from the outermost down to number @last */
static void join_trace(const struct complaint *c, unsigned int last, char *key,
		       size_t size)
{
	unsigned int i;
	size_t len = 0;

	*key = '\0';
	for (i = c->nr_trace; i-- > last && len < size; ) {
		const char *step = c->trace[i];

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
static int schema_error(const struct labyaml *ly, const struct complaint *c)
{
	char key[256], keys[256], sub[320], name[64];
	bool in_field = c->nr_trace && c->trace[0][0] != '[';

	join_trace(c, 0, key, sizeof(key));
	if (sscanf(c->message, "Unexpected key: %60s", name) == 1) {
		list_keys(key, keys, sizeof(keys));
		snprintf(sub, sizeof(sub), "%s%s%s", key, *key ? "." : "", name);
		return labyaml_bad(ly, sub, "there is no such key; expected is one of: %s", keys);
	}
	if (sscanf(c->message, "Missing required mapping field: %60s", name) == 1) {
		/* The innermost step is the last key that was there. */
		join_trace(c, in_field, key, sizeof(key));
		return labyaml_bad(ly, key, "key '%s' is missing", name);
	}
	if (strncmp(c->message, "Mapping field already seen", 26) == 0)
		return labyaml_bad(ly, key, "is given twice");
	if (strncmp(c->message, "Expecting STRING", 16) == 0)
		return labyaml_bad(ly, key, "a single value is expected, not a list or a mapping");
	if (strncmp(c->message, "Expecting SEQUENCE", 18) == 0)
		return labyaml_bad(ly, key, "a list is expected, each entry after \"- \"");
	if (strncmp(c->message, "Expecting MAPPING", 17) == 0)
		return labyaml_bad(ly, key, "keys and values are expected, as in \"name: a\"");
	return labyaml_bad(ly, key, "%s", *c->message ? c->message : "invalid");
}

static cyaml_config_t make_config(struct complaint *c)
{
	return (cyaml_config_t){
		.log_fn = log_cyaml, .log_ctx = c, .mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
	};
}

int labyaml_load(struct labyaml *ly, const char *path)
{
	struct complaint c = { 0 };
	cyaml_config_t cfg = make_config(&c);
	const char *text;
	size_t len;
	int ret;

	memset(ly, 0, sizeof(*ly));
	ly->path = path;
	ret = yamldoc_load(&ly->doc, path);
	if (ret)
		return ret;
	text = yamldoc_text(ly->doc, &len);
	if (cyaml_load_data((const u8 *)text, len, &cfg, &lab_schema,
			    (cyaml_data_t **)&ly->raw, NULL) == CYAML_OK)
		return 0;
	ret = schema_error(ly, &c);
	labyaml_free(ly);
	return ret;
}

void labyaml_free(struct labyaml *ly)
{
	cyaml_config_t cfg = make_config(NULL);

	cyaml_free(&cfg, &lab_schema, ly->raw, 0);
	ly->raw = NULL;
	yamldoc_free(ly->doc);
	ly->doc = NULL;
}
