// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A YAML file as a tree: where a key stands, and values of more than one kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../base/log.h"
#include "yamldoc.h"

#define MAX_SIZE	(16u << 20)

struct yamldoc {
	char *text;
	size_t len;
	yaml_document_t tree;
};

static int read_file(const char *path, char **text, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t size = 0, n;

	*text = NULL;
	*len = 0;
	if (!f)
		goto err;
	do {
		size += 65536;
		*text = xrealloc(*text, size);
		n = fread(*text + *len, 1, size - *len, f);
		*len += n;
	} while (n && size < MAX_SIZE);
	if (ferror(f))
		goto err;
	fclose(f);
	return 0;
err:
	n = (size_t)errno;
	log_err(path, "%s", strerror((int)n));
	if (f)
		fclose(f);
	free(*text);
	return -(int)n;
}

static int syntax_error(const char *path, const yaml_parser_t *p)
{
	char tag[512];

	snprintf(tag, sizeof(tag), "%s:%zu", path, p->problem_mark.line + 1);
	log_err(tag, "not YAML: %s", p->problem ? p->problem : "unreadable");
	return -EINVAL;
}

static int parse(struct yamldoc *doc, const char *path)
{
	yaml_node_t *root;
	yaml_parser_t p;
	int ret = 0;

	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)doc->text,
				     doc->len);
	if (!yaml_parser_load(&p, &doc->tree)) {
		ret = syntax_error(path, &p);
		yaml_parser_delete(&p);
		return ret;
	}
	yaml_parser_delete(&p);
	root = yaml_document_get_root_node(&doc->tree);
	if (!root || root->type != YAML_MAPPING_NODE) {
		log_err(path, "not a lab: it must consist of keys and values, as in \"nodes:\"");
		yaml_document_delete(&doc->tree);
		return -EINVAL;
	}
	return 0;
}

int yamldoc_load(struct yamldoc **out, const char *path)
{
	struct yamldoc *doc = xcalloc(1, sizeof(*doc));
	int ret = read_file(path, &doc->text, &doc->len);

	if (ret == 0) {
		ret = parse(doc, path);
		if (ret)
			free(doc->text);
	}
	if (ret) {
		free(doc);
		return ret;
	}
	*out = doc;
	return 0;
}

void yamldoc_free(struct yamldoc *doc)
{
	if (!doc)
		return;
	yaml_document_delete(&doc->tree);
	free(doc->text);
	free(doc);
}

const char *yamldoc_text(const struct yamldoc *doc, size_t *len)
{
	*len = doc->len;
	return doc->text;
}

static bool scalar_is(const yaml_node_t *n, const char *s, size_t len)
{
	return n && n->type == YAML_SCALAR_NODE &&
	       n->data.scalar.length == len &&
	       memcmp(n->data.scalar.value, s, len) == 0;
}

/* Value of key @s[@len] of mapping @n; the key itself, which has the line */
static yaml_node_t *map_find(yaml_document_t *t, yaml_node_t *n, const char *s,
			     size_t len, yaml_node_t **key)
{
	yaml_node_pair_t *p;

	if (n->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		*key = yaml_document_get_node(t, p->key);
		if (scalar_is(*key, s, len))
			return yaml_document_get_node(t, p->value);
	}
	return NULL;
}

static yaml_node_t *seq_find(yaml_document_t *t, yaml_node_t *n,
			     unsigned long i)
{
	if (n->type != YAML_SEQUENCE_NODE)
		return NULL;
	if (i >= (unsigned long)(n->data.sequence.items.top -
				 n->data.sequence.items.start))
		return NULL;
	return yaml_document_get_node(t, n->data.sequence.items.start[i]);
}

/* Walk along @key as far as there is something; @line is that of the last step */
static yaml_node_t *find(struct yamldoc *doc, const char *key,
			 unsigned int *line)
{
	yaml_node_t *n = yaml_document_get_root_node(&doc->tree), *at = n;
	size_t len;
	char *end;

	while (*key && n) {
		if (*key == '[') {
			n = at = seq_find(&doc->tree, n,
					  strtoul(key + 1, &end, 10));
			key = end + 1;
		} else {
			key += *key == '.';
			len = strcspn(key, ".[");
			n = map_find(&doc->tree, n, key, len, &at);
			key += len;
		}
		if (n && at)
			*line = (unsigned int)at->start_mark.line + 1;
	}
	return n;
}

unsigned int yamldoc_line(struct yamldoc *doc, const char *key)
{
	unsigned int line = 1;

	find(doc, key, &line);
	return line;
}

int yamldoc_strings(struct yamldoc *doc, const char *key, struct strvec *out,
		    bool *list)
{
	yaml_node_item_t *i;
	yaml_node_t *n, *e;
	unsigned int line;

	n = find(doc, key, &line);
	if (!n)
		return -ENOENT;
	*list = n->type == YAML_SEQUENCE_NODE;
	if (n->type == YAML_SCALAR_NODE)
		strvec_add(out, (const char *)n->data.scalar.value);
	if (n->type == YAML_SCALAR_NODE)
		return 0;
	if (n->type != YAML_SEQUENCE_NODE)
		return -EINVAL;
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		e = yaml_document_get_node(&doc->tree, *i);
		if (!e || e->type != YAML_SCALAR_NODE)
			return -EINVAL;
		strvec_add(out, (const char *)e->data.scalar.value);
	}
	return 0;
}
