// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* gpio: lines whose levels a script, another device or the guest sets. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_gpio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "wire.h"

/*
 * DOC: Lines and their interrupts
 *
 * What is at a line from outside (script, wire) and what the guest drives are
 * two levels; the direction says which of them the line has.
 *
 * The driver lends a buffer per line whose interrupt it waits for, and the
 * buffer that goes back is the interrupt. An edge that comes while there is no
 * buffer is remembered, one of them, until there is (virtio 1.2, 5.18.6.8); a
 * level only counts when there is one. Without a type, buffers go back at once
 * as invalid, and so does the one that the driver has lent when it takes the
 * type away.
 *
 * A driver that starts anew finds all lines unused, but the outside as it is.
 */

#define GPIO_ID		41
#define LINES_DEFAULT	8
#define LINES_MAX	512u
#define NAME_MAX_LEN	31
#define LEVEL_TOGGLE	2

enum { VQ_REQUEST, VQ_EVENT, NR_VQS };

/**
 * struct line
 * @outside: level that it has as an input
 * @driven: level that it has as an output
 * @latched: an edge waits for a buffer
 * @buf: lent for its interrupt, may be NULL
 */
struct line {
	struct gpio *gpio;
	char *name;
	bool outside, driven, latched;
	u8 direction, irq_type;
	struct vq_buf *buf;
	struct wire_end end;
};

struct gpio_stats {
	u64 requests, bad, interrupts, merged, invalid, outputs;
};

/**
 * struct gpio - the device
 * @busy: @request is answered when @timer is due
 * @spare: for the next pop of VQ_EVENT
 */
struct gpio {
	struct dev *dev;
	u64 nr_lines, latency;
	struct line *line;
	struct script *script;
	struct record *record;
	bool busy;
	struct vq_buf request, *spare;
	struct dev_timer timer;
	struct gpio_stats stats;
};

/*
 * Interrupts
 */

static bool level_of(const struct line *l)
{
	return l->direction == VIRTIO_GPIO_DIRECTION_OUT ? l->driven :
							   l->outside;
}

static void give_back(struct gpio *g, struct vq_buf *b, u8 status)
{
	size_t len = vq_buf_write(b, 0, &status, sizeof(status));

	vq_push(b->vq, b, (u32)len);
	if (g->spare)
		free(b);
	else
		g->spare = b;
}

static void return_buf(struct line *l, u8 status)
{
	struct vq_buf *b = l->buf;

	l->buf = NULL;
	if (status == VIRTIO_GPIO_IRQ_STATUS_VALID)
		l->gpio->stats.interrupts++;
	else
		l->gpio->stats.invalid++;
	give_back(l->gpio, b, status);
}

static bool is_edge(const struct line *l, bool level)
{
	return l->irq_type & (level ? VIRTIO_GPIO_IRQ_TYPE_EDGE_RISING :
				      VIRTIO_GPIO_IRQ_TYPE_EDGE_FALLING);
}

static bool level_fits(const struct line *l)
{
	return l->irq_type == (level_of(l) ? VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH :
					     VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW);
}

/* The driver has lent a buffer, or the level has changed. */
static void check_line(struct line *l)
{
	if (!l->buf || !(l->latched || level_fits(l)))
		return;
	l->latched = false;
	return_buf(l, VIRTIO_GPIO_IRQ_STATUS_VALID);
}

static void level_changed(struct line *l)
{
	if (is_edge(l, level_of(l))) {
		l->gpio->stats.merged += l->latched;
		l->latched = true;
	}
	check_line(l);
}

static void set_outside(struct line *l, bool level)
{
	bool before = level_of(l);

	l->outside = level;
	if (level_of(l) != before)
		level_changed(l);
}

static void wire_changed(struct wire_end *e, bool level)
{
	set_outside(container_of(e, struct line, end), level);
}

/* False when the buffer, @g->spare, cannot be lent. */
static bool lend_buf(struct gpio *g)
{
	struct virtio_gpio_irq_request r;
	struct vq_buf *b = g->spare;
	struct line *l;
	unsigned int n;

	if (vq_buf_read(b, 0, &r, sizeof(r)) < sizeof(r) || !b->in_len)
		return false;
	n = le16toh(r.gpio);
	if (n >= g->nr_lines)
		return false;
	l = &g->line[n];
	if (l->buf || l->irq_type == VIRTIO_GPIO_IRQ_TYPE_NONE)
		return false;
	l->buf = b;
	g->spare = NULL;
	check_line(l);
	return true;
}

static void event_ready(struct gpio *g)
{
	struct vq_buf *b;

	for (;;) {
		if (!g->spare)
			g->spare = malloc(sizeof(*g->spare));
		/* Without memory they stay in the ring, for the next kick. */
		if (!g->spare || vq_pop(dev_vq(g->dev, VQ_EVENT), g->spare) != 1)
			return;
		if (lend_buf(g))
			continue;
		b = g->spare;
		g->spare = NULL;
		g->stats.invalid++;
		give_back(g, b, VIRTIO_GPIO_IRQ_STATUS_INVALID);
	}
}

/*
 * Requests
 */

static const char *label(const struct line *l, char buf[12])
{
	if (l->name)
		return l->name;
	snprintf(buf, 12, "%u", (unsigned int)(l - l->gpio->line));
	return buf;
}

static void output(struct line *l)
{
	char buf[12];

	if (l->direction != VIRTIO_GPIO_DIRECTION_OUT)
		return;
	l->gpio->stats.outputs++;
	record_line(l->gpio->record, "set %s %d", label(l, buf), l->driven);
	if (!l->end.wire)
		return;
	/* What is at the wire is also what it has as an input, later. */
	l->outside = l->driven;
	wire_drive(&l->end, l->driven);
}

static bool set_direction(struct line *l, u32 direction)
{
	bool before = level_of(l);
	u8 old = l->direction;

	if (direction > VIRTIO_GPIO_DIRECTION_IN)
		return false;
	l->direction = (u8)direction;
	if (direction != old)
		output(l);
	if (level_of(l) != before)
		level_changed(l);
	return true;
}

static bool set_value(struct line *l, u32 value)
{
	bool before = level_of(l);

	if (value > 1)
		return false;
	if (l->driven == value)
		return true;
	l->driven = value;
	output(l);
	if (level_of(l) != before)
		level_changed(l);
	return true;
}

static bool set_irq_type(struct line *l, u32 type)
{
	if (!dev_feature(l->gpio->dev, VIRTIO_GPIO_F_IRQ) ||
	    (type > VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH &&
	     type != VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW))
		return false;
	l->irq_type = (u8)type;
	l->latched = false;
	if (type == VIRTIO_GPIO_IRQ_TYPE_NONE && l->buf)
		return_buf(l, VIRTIO_GPIO_IRQ_STATUS_INVALID);
	check_line(l);
	return true;
}

/* The names, each with a 0 at its end; returns the bytes written at most. */
static size_t write_names(const struct gpio *g, struct vq_buf *b)
{
	size_t off = sizeof(struct virtio_gpio_response_get_names);
	const char *name;
	u64 i;

	for (i = 0; i < g->nr_lines; i++) {
		name = g->line[i].name ? g->line[i].name : "";
		off += vq_buf_write(b, off, name, strlen(name) + 1);
	}
	return off;
}

static bool do_request(struct gpio *g, const struct virtio_gpio_request *r,
		       u8 *value)
{
	u32 arg = le32toh(r->value);
	struct line *l;

	if (le16toh(r->gpio) >= g->nr_lines)
		return false;
	l = &g->line[le16toh(r->gpio)];
	switch (le16toh(r->type)) {
	case VIRTIO_GPIO_MSG_GET_DIRECTION:
		*value = l->direction;
		return true;
	case VIRTIO_GPIO_MSG_SET_DIRECTION:
		return set_direction(l, arg);
	case VIRTIO_GPIO_MSG_GET_VALUE:
		*value = level_of(l);
		return true;
	case VIRTIO_GPIO_MSG_SET_VALUE:
		return set_value(l, arg);
	case VIRTIO_GPIO_MSG_IRQ_TYPE:
		return set_irq_type(l, arg);
	default:
		return false;
	}
}

static void answer(struct gpio *g)
{
	struct virtio_gpio_response res = { .status = VIRTIO_GPIO_STATUS_OK };
	struct virtio_gpio_request r = { 0 };
	struct vq_buf *b = &g->request;
	size_t len = sizeof(res);

	g->stats.requests++;
	if (vq_buf_read(b, 0, &r, sizeof(r)) == sizeof(r) &&
	    le16toh(r.type) == VIRTIO_GPIO_MSG_GET_NAMES) {
		len = write_names(g, b);
		vq_buf_write(b, 0, &res.status, sizeof(res.status));
	} else {
		if (!do_request(g, &r, &res.value)) {
			res.status = VIRTIO_GPIO_STATUS_ERR;
			g->stats.bad++;
		}
		vq_buf_write(b, 0, &res, sizeof(res));
	}
	vq_push(b->vq, b, (u32)min_size(len, b->in_len));
}

static void request_ready(struct gpio *g)
{
	while (!g->busy && vq_pop(dev_vq(g->dev, VQ_REQUEST), &g->request) == 1) {
		if (!g->latency) {
			answer(g);
			continue;
		}
		g->busy = true;
		dev_timer_arm(&g->timer, dev_now(g->dev) + g->latency);
	}
}

static void request_due(struct dev_timer *t)
{
	struct gpio *g = container_of(t, struct gpio, timer);

	g->busy = false;
	answer(g);
	request_ready(g);
}

/*
 * What dev.c calls
 */

static void gpio_vq_ready(struct dev *d, unsigned int i)
{
	if (i == VQ_REQUEST)
		request_ready(dev_priv(d));
	else
		event_ready(dev_priv(d));
}

static void gpio_start(struct dev *d)
{
	struct gpio *g = dev_priv(d);
	struct line *l;

	for (l = g->line; l < g->line + g->nr_lines; l++) {
		l->direction = VIRTIO_GPIO_DIRECTION_NONE;
		l->irq_type = VIRTIO_GPIO_IRQ_TYPE_NONE;
		l->driven = l->latched = false;
	}
}

static void drop_events(struct gpio *g)
{
	struct line *l;

	for (l = g->line; l < g->line + g->nr_lines; l++) {
		if (!l->buf)
			continue;
		vq_drop(l->buf->vq, l->buf);
		free(l->buf);
		l->buf = NULL;
	}
}

static void gpio_stop(struct dev *d, struct vq *vq)
{
	struct gpio *g = dev_priv(d);

	if (g->busy && (!vq || vq_index(vq) == VQ_REQUEST)) {
		g->busy = false;
		dev_timer_cancel(&g->timer);
		vq_drop(g->request.vq, &g->request);
	}
	if (!vq || vq_index(vq) == VQ_EVENT)
		drop_events(g);
}

/*
 * The script
 */

/** struct action - a line of the script: @level 0, 1, or LEVEL_TOGGLE */
struct action {
	struct line *line;
	u8 level;
};

static struct line *find_line(struct gpio *g, const char *name)
{
	char *end;
	u64 n;

	for (n = 0; n < g->nr_lines; n++)
		if (g->line[n].name && !strcmp(g->line[n].name, name))
			return &g->line[n];
	n = strtoul(name, &end, 10);
	return *name >= '0' && *name <= '9' && !*end && n < g->nr_lines ?
	       &g->line[n] : NULL;
}

static int parse_level(struct script_line *l, u8 *level)
{
	const char *word = script_word(l);

	if (!word)
		return script_bad(l, "a level is missing: 0, 1 or toggle");
	if (!strcmp(word, "toggle"))
		*level = LEVEL_TOGGLE;
	else if (!strcmp(word, "0") || !strcmp(word, "1"))
		*level = (u8)(*word - '0');
	else
		return script_bad(l, "%s: not 0, 1 or toggle", word);
	return script_end(l);
}

static int set_name(struct gpio *g, struct line *line, const char *name)
{
	struct line *other = find_line(g, name);

	if (strlen(name) > NAME_MAX_LEN || (other && other != line))
		return -EEXIST;
	free(line->name);
	line->name = strdup(name);
	return line->name ? 0 : -ENOMEM;
}

static int parse_name(struct gpio *g, struct script_line *l, struct line *line)
{
	const char *word = script_word(l);
	int err;

	if (!word)
		return script_bad(l, "a name is missing");
	err = set_name(g, line, word);
	if (err == -EEXIST)
		return script_bad(l, "%s: too long, or the name of another line",
				  word);
	return err ? err : script_end(l);
}

static int parse_wire(struct gpio *g, struct script_line *l, struct line *line)
{
	const char *word = script_word(l);
	int err;

	if (!word)
		return script_bad(l, "the name of a wire is missing");
	if (line->end.wire)
		return script_bad(l, "this line is at a wire already");
	line->end.changed = wire_changed;
	err = wire_join(&line->end, dev_bus(g->dev), word);
	if (err)
		return err;
	line->outside = wire_level(&line->end);
	return script_end(l);
}

static int gpio_parse(struct dev *d, struct script_line *l, void *event)
{
	const char *verb = script_word(l), *word = script_word(l);
	struct gpio *g = dev_priv(d);
	struct action *a = event;
	struct line *line = word ? find_line(g, word) : NULL;

	if (!line)
		return script_bad(l, "%s: there is no such line of %" PRIu64,
				  word ? word : "set, name or wire", g->nr_lines);
	if (!strcmp(verb, "set")) {
		a->line = line;
		return parse_level(l, &a->level);
	}
	if (l->timed || (strcmp(verb, "name") && strcmp(verb, "wire")))
		return script_bad(l, "%s: expected is set%s", verb,
				  l->timed ? "" : ", name or wire");
	return *verb == 'n' ? parse_name(g, l, line) : parse_wire(g, l, line);
}

static void gpio_run(struct dev *d, const void *event)
{
	const struct action *a = event;
	struct line *l = a->line;
	bool level;

	(void)d;
	if (!l)		/* it was done when it was read */
		return;
	level = a->level == LEVEL_TOGGLE ? !l->outside : a->level;
	set_outside(l, level);
	wire_drive(&l->end, level);
}

static const struct script_ops script_ops = {
	.size = sizeof(struct action),
	.parse = gpio_parse,
	.run = gpio_run,
};

/*
 * Options
 */

static int make_lines(struct gpio *g, struct dev_args *a)
{
	u64 i;
	int err;

	g->nr_lines = LINES_DEFAULT;
	err = dev_arg_u64(a, "lines", &g->nr_lines);
	if (err)
		return err;
	if (!g->nr_lines || g->nr_lines > LINES_MAX) {
		log_err(dev_name(g->dev), "option lines=%" PRIu64 ": 1 to %u are possible",
			g->nr_lines, LINES_MAX);
		return -EINVAL;
	}
	g->line = calloc((size_t)g->nr_lines, sizeof(*g->line));
	if (!g->line)
		return -ENOMEM;
	for (i = 0; i < g->nr_lines; i++)
		g->line[i].gpio = g;
	return 0;
}

static int name_lines(struct gpio *g, struct dev_args *a)
{
	const char *value = dev_arg_str(a, "names", NULL);
	char *text = value ? strdup(value) : NULL, *next = text, *name;
	int err = value && !text ? -ENOMEM : 0;
	u64 i;

	for (i = 0; (name = strsep(&next, "/")) && !err; i++)
		if (i == g->nr_lines || (*name && set_name(g, &g->line[i], name)))
			err = -EINVAL;
	free(text);
	if (err == -EINVAL)
		log_err(dev_name(g->dev), "option names=%s: more than %" PRIu64 " names, or one that is too long or there twice",
			value, g->nr_lines);
	return err;
}

static void fill_config(struct gpio *g)
{
	struct virtio_gpio_config *c = dev_config(g->dev);
	size_t size = 0;
	bool any = false;
	u64 i;

	for (i = 0; i < g->nr_lines; i++) {
		any |= !!g->line[i].name;
		size += (g->line[i].name ? strlen(g->line[i].name) : 0) + 1;
	}
	c->ngpio = htole16((u16)g->nr_lines);
	c->gpio_names_size = htole32(any ? (u32)size : 0);
}

static int set_irq(struct dev *d, struct dev_args *a)
{
	bool irq = true;
	int err = dev_arg_bool(a, "irq", &irq);

	if (irq)
		dev_offer(d, BIT_ULL(VIRTIO_GPIO_F_IRQ));
	else
		dev_set_nr_vqs(d, 1);
	return err;
}

static void gpio_remove(struct dev *d)
{
	struct gpio *g = dev_priv(d);
	u64 i;

	script_free(g->script);
	record_free(g->record);
	for (i = 0; g->line && i < g->nr_lines; i++) {
		wire_leave(&g->line[i].end);
		free(g->line[i].name);
	}
	free(g->line);
	free(g->spare);
	g->script = NULL;
	g->record = NULL;
	g->line = NULL;
	g->spare = NULL;
}

static int gpio_probe(struct dev *d, struct dev_args *a)
{
	struct gpio *g = dev_priv(d);
	int err;

	g->dev = d;
	dev_timer_init(&g->timer, dev_bus(d), request_due);
	err = dev_arg_time(a, "latency", &g->latency);
	if (!err)
		err = set_irq(d, a);
	if (!err)
		err = make_lines(g, a);
	if (!err)
		err = name_lines(g, a);
	if (!err)
		err = record_new(&g->record, d, a);
	if (!err)
		err = script_new(&g->script, d, a, &script_ops);
	if (err)
		gpio_remove(d);
	else
		fill_config(g);
	return err;
}

static void gpio_stats(const struct dev *d, FILE *f)
{
	const struct gpio *g = dev_priv(d);
	const struct gpio_stats *s = &g->stats;
	char buf[12];
	u64 i;

	fprintf(f, "requests %" PRIu64 "\nbad %" PRIu64 "\n", s->requests,
		s->bad);
	fprintf(f, "interrupts %" PRIu64 "\nmerged %" PRIu64 "\n",
		s->interrupts, s->merged);
	fprintf(f, "invalid %" PRIu64 "\noutputs %" PRIu64 "\n", s->invalid,
		s->outputs);
	for (i = 0; i < g->nr_lines; i++)
		if (g->line[i].direction == VIRTIO_GPIO_DIRECTION_OUT)
			fprintf(f, "out_%s %d\n", label(&g->line[i], buf),
				g->line[i].driven);
}

const struct dev_ops gpio_dev_ops = {
	.name = "gpio",
	.help = "lines=N          (default: 8)\n"
		"names=A/B/...    of the lines from 0 on (default: none)\n"
		"script=FILE      what happens at them when: \"at 1.5s set A 1\"\n"
		"events=LINES     the same, with ; between lines\n"
		"latency=TIME     of each request (default: 0)\n"
		"irq=off          lines without interrupts\n"
		"record=FILE      what the guest drives, and when\n",
	.virtio_id = GPIO_ID,
	.nr_vqs = NR_VQS,
	.priv_size = sizeof(struct gpio),
	.config_size = sizeof(struct virtio_gpio_config),
	.probe = gpio_probe,
	.remove = gpio_remove,
	.start = gpio_start,
	.stop = gpio_stop,
	.vq_ready = gpio_vq_ready,
	.stats = gpio_stats,
};
