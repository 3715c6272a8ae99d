// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* console: terminals and named byte streams between guest and host. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console_port.h"

/*
 * DOC: Control messages
 *
 * What is to be told to the driver is a set of bits for each port, and no
 * queue, so that a driver which asks again and again, and takes nothing, costs
 * nothing. After a suspend drivers report ports as ready without having
 * reported the device, so the order in which they do is not checked.
 */

#define CONFIG_SIZE	sizeof(struct virtio_console_config)
/* The longest name of a port */
#define NAME_MAX_LEN	63u

/* To the driver */

static size_t control_len(const struct console_port *p, enum ctl ctl)
{
	size_t len = sizeof(struct virtio_console_control);

	if (ctl == CTL_NAME)
		return len + strlen(p->name);
	return ctl == CTL_RESIZE ? len + 2 * sizeof(u16) : len;
}

/* Return: bytes */
static size_t make_control(const struct console_port *p, enum ctl ctl, u8 *msg)
{
	static const u16 event[NR_CTLS] = {
		[CTL_ADD] = VIRTIO_CONSOLE_PORT_ADD,
		[CTL_CONSOLE] = VIRTIO_CONSOLE_CONSOLE_PORT,
		[CTL_RESIZE] = VIRTIO_CONSOLE_RESIZE,
		[CTL_NAME] = VIRTIO_CONSOLE_PORT_NAME,
		[CTL_OPEN] = VIRTIO_CONSOLE_PORT_OPEN,
	};
	struct virtio_console_control h = {
		.id = htole32(p->id), .event = htole16(event[ctl]),
		.value = htole16(ctl == CTL_OPEN ? p->host_open : 1),
	};
	u16 size[2] = { htole16(p->cols), htole16(p->rows) };

	memcpy(msg, &h, sizeof(h));
	if (ctl == CTL_NAME)
		memcpy(msg + sizeof(h), p->name, strlen(p->name));
	if (ctl == CTL_RESIZE)
		memcpy(msg + sizeof(h), size, sizeof(size));
	return control_len(p, ctl);
}

static void send_control(struct console_port *p, struct vq_buf *b)
{
	enum ctl ctl = (enum ctl)__builtin_ctz(p->todo);
	u8 msg[sizeof(struct virtio_console_control) + NAME_MAX_LEN];
	size_t len = make_control(p, ctl, msg);

	p->todo &= ~(1u << ctl);
	if (b->in_len < len) {
		p->c->no_room++;
		vq_push(b->vq, b, 0);
		return;
	}
	vq_buf_write(b, 0, msg, len);
	vq_push(b->vq, b, (u32)len);
}

void control_run(struct console *c)
{
	struct vq *vq = dev_vq(c->dev, VQ_CTL_IN);
	struct vq_buf b;
	unsigned int i;

	if (!vq || !dev_feature(c->dev, VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	for (i = 0; i < c->nr; i++)
		while (c->ports[i].todo) {
			if (vq_pop(vq, &b) != 1)
				return;
			send_control(&c->ports[i], &b);
		}
}

/* From the driver */

/* The driver cannot do its part. It may say so as often as it likes. */
static void not_ready(struct console *c, const char *what)
{
	if (!c->failed++)
		log_warn(dev_name(c->dev), "the guest could not set up %s",
			 what);
}

/* It exists, says the driver: what is there to know of it */
static void port_ready(struct console_port *p, bool ready)
{
	if (!ready) {
		not_ready(p->c, p->name);
		return;
	}
	if (p->console)
		p->todo |= 1u << CTL_CONSOLE;
	if (p->console && p->cols)
		p->todo |= 1u << CTL_RESIZE;
	p->todo |= 1u << CTL_NAME | 1u << CTL_OPEN;
}

static void device_ready(struct console *c, bool ready)
{
	unsigned int i;

	if (!ready) {
		not_ready(c, "the device");
		return;
	}
	for (i = 0; i < c->nr; i++)
		c->ports[i].todo |= 1u << CTL_ADD;
}

static void got_control(struct console *c,
			const struct virtio_console_control *h)
{
	u32 id = le32toh(h->id);
	u16 event = le16toh(h->event);
	bool value = h->value;

	if (event == VIRTIO_CONSOLE_DEVICE_READY)
		device_ready(c, value);
	else if (id >= c->nr)
		c->bad_control++;
	else if (event == VIRTIO_CONSOLE_PORT_READY)
		port_ready(&c->ports[id], value);
	else if (event == VIRTIO_CONSOLE_PORT_OPEN)
		port_opened(&c->ports[id], value);
	else
		c->bad_control++;
}

void control_ready(struct console *c)
{
	struct vq *vq = dev_vq(c->dev, VQ_CTL_OUT);
	struct virtio_console_control h;
	struct vq_buf b;

	while (vq_pop(vq, &b) == 1) {
		if (vq_buf_read(&b, 0, &h, sizeof(h)) == sizeof(h))
			got_control(c, &h);
		else
			c->bad_control++;
		vq_push(vq, &b, 0);
	}
	control_run(c);
}

/* What dev.c calls */

/* The port to which queue @i belongs; control's have been dealt with. */
static struct console_port *port_of(struct console *c, unsigned int i)
{
	return &c->ports[i < VQ_CTL_IN ? 0 : i / 2 - 1];
}

static void console_vq_ready(struct dev *d, unsigned int i)
{
	struct console *c = dev_priv(d);

	if (i == VQ_CTL_OUT)
		control_ready(c);
	else if (i == VQ_CTL_IN)
		control_run(c);
	else if (i % 2)
		port_out_ready(port_of(c, i));
	else
		port_in_ready(port_of(c, i));
}

static void console_start(struct dev *d)
{
	bool one = !dev_feature(d, VIRTIO_CONSOLE_F_MULTIPORT);
	struct console *c = dev_priv(d);
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		port_reset(&c->ports[i], one && !i);
}

static void console_stop(struct dev *d, struct vq *vq)
{
	struct console *c = dev_priv(d);
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (!vq || vq_index(vq) == console_in_vq(i) + 1)
			port_out_stop(&c->ports[i], !vq);
}

/* A byte for when there is no driver yet, or none any more */
static int console_config_set(struct dev *d, size_t off, size_t len)
{
	const struct virtio_console_config *cfg = dev_config(d);
	struct console *c = dev_priv(d);
	u8 byte = (u8)le32toh(cfg->emerg_wr);

	if (off != offsetof(struct virtio_console_config, emerg_wr) ||
	    len > sizeof(cfg->emerg_wr))
		return -EINVAL;
	port_write(&c->ports[0], &byte, 1);
	return 0;
}

/* Options */

/* The option of port @p, "NAME.@what"; NULL: absent */
static const char *port_key(const struct console_port *p, const char *what,
			    char *buf, size_t len)
{
	snprintf(buf, len, "%s.%s", p->name, what);
	return buf;
}

#define KEY(p, what)	port_key(p, what, (char [NAME_MAX_LEN + 16]){ 0 }, \
				 NAME_MAX_LEN + 16)

static int get_rate(struct console_port *p, struct dev_args *a)
{
	const char *key = KEY(p, "rate"), *s = dev_arg_str(a, key, NULL);
	int err = dev_arg_u64(a, key, &p->rate);

	if (!err && s && !p->rate) {
		log_err(dev_name(p->c->dev), "option %s=%s: not a rate above 0",
			key, s);
		err = -EINVAL;
	}
	return err;
}

int console_size(const char *s, u16 *cols, u16 *rows)
{
	unsigned int c, r;
	char end;

	if (sscanf(s, "%5ux%5u%c", &c, &r, &end) != 2 || !c || !r ||
	    c > UINT16_MAX || r > UINT16_MAX)
		return -EINVAL;
	*cols = (u16)c;
	*rows = (u16)r;
	return 0;
}

static int get_size(struct console_port *p, struct dev_args *a)
{
	const char *key = KEY(p, "size"), *s = dev_arg_str(a, key, NULL);

	if (!s)
		return 0;
	if (console_size(s, &p->cols, &p->rows)) {
		log_err(dev_name(p->c->dev), "option %s=%s: not columns and rows (as 80x25)",
			key, s);
		return -EINVAL;
	}
	if (!p->console) {
		log_err(dev_name(p->c->dev), "option %s=%s: port %s is no terminal; make it one with %s.tty",
			key, s, p->name, p->name);
		return -EINVAL;
	}
	return 0;
}

static int get_input(struct console_port *p, struct dev_args *a)
{
	const char *in = dev_arg_str(a, KEY(p, "in"), NULL);
	int err = dev_arg_time(a, KEY(p, "at"), &p->file_at);

	if (!err && in)
		err = dev_load(p->c->dev, in, &p->file, &p->file_len);
	if (!err && dev_arg_str(a, KEY(p, "at"), NULL) && !in) {
		log_err(dev_name(p->c->dev), "option %s.at: needs %s.in=FILE",
			p->name, p->name);
		err = -EINVAL;
	}
	return err;
}

static int get_port(struct console_port *p, struct dev_args *a)
{
	const char *out = dev_arg_str(a, KEY(p, "out"), NULL);
	int err;

	err = dev_arg_bool(a, KEY(p, "tty"), &p->console);
	if (!err)
		err = dev_arg_bool(a, KEY(p, "eof"), &p->eof);
	if (!err)
		err = get_rate(p, a);
	if (!err)
		err = get_size(p, a);
	if (!err)
		err = get_input(p, a);
	if (!err && out)
		err = dev_out_open(p->c->dev, out, &p->out);
	return err;
}

static bool name_ok(const char *s)
{
	return *s && strlen(s) <= NAME_MAX_LEN && !strpbrk(s, " =,\\\"'");
}

static int bad_ports(struct console *c, const char *list, const char *why)
{
	log_err(dev_name(c->dev), "option ports=%s: %s", list, why);
	return -EINVAL;
}

/* "NAME/NAME/...": what is between slashes, @names being cut into pieces */
static int name_ports(struct console *c, const char *list, char *names)
{
	char *name;

	while ((name = strsep(&names, "/"))) {
		if (c->nr == CONSOLE_MAX_PORTS)
			return bad_ports(c, list, "more than 31 ports");
		if (!name_ok(name))
			return bad_ports(c, list, "not names with a slash between them (as log/result)");
		if (console_find(c->dev, name))
			return bad_ports(c, list, "two ports of one name");
		port_init(&c->ports[c->nr], c, c->nr);
		c->ports[c->nr++].name = name;
	}
	return 0;
}

static int make_ports(struct console *c, struct dev_args *a)
{
	const char *list = dev_arg_str(a, "ports", NULL);
	unsigned int i;
	int err;

	c->ports = calloc(CONSOLE_MAX_PORTS, sizeof(*c->ports));
	c->names = strdup(list ? list : "console");
	if (!c->ports || !c->names)
		return -ENOMEM;
	err = name_ports(c, list, c->names);
	/* With nothing said of ports there is one terminal. */
	c->ports[0].console = !list;
	for (i = 0; i < c->nr && !err; i++)
		err = get_port(&c->ports[i], a);
	if (!err)
		err = script_new(&c->script, c->dev, a, &console_script_ops);
	return err;
}

static void console_remove(struct dev *d)
{
	struct console *c = dev_priv(d);
	unsigned int i;

	script_free(c->script);
	for (i = 0; i < c->nr; i++)
		port_fini(&c->ports[i]);
	free(c->ports);
	free(c->names);
	c->nr = 0;
	c->script = NULL;
	c->ports = NULL;
	c->names = NULL;
}

static int console_probe(struct dev *d, struct dev_args *a)
{
	struct virtio_console_config *cfg = dev_config(d);
	struct console *c = dev_priv(d);
	unsigned int i;
	int err;

	c->dev = d;
	err = make_ports(c, a);
	if (err) {
		console_remove(d);
		return err;
	}
	for (i = 0; i < c->nr; i++)
		port_begin(&c->ports[i]);
	cfg->cols = htole16(c->ports[0].cols);
	cfg->rows = htole16(c->ports[0].rows);
	cfg->max_nr_ports = htole32(c->nr);
	dev_set_nr_vqs(d, 2 * (c->nr + 1));
	return 0;
}

struct console_port *console_find(struct dev *d, const char *name)
{
	struct console *c = dev_priv(d);
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (!strcmp(c->ports[i].name, name))
			return &c->ports[i];
	return NULL;
}

static void console_show(const struct dev *d, FILE *f)
{
	const struct console *c = dev_priv(d);
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		fprintf(f, "%s.out_bytes %" PRIu64 "\n", c->ports[i].name,
			c->ports[i].out_bytes);
		fprintf(f, "%s.in_bytes %" PRIu64 "\n", c->ports[i].name,
			c->ports[i].in_bytes);
	}
	fprintf(f, "bad_control %" PRIu64 "\n", c->bad_control);
	fprintf(f, "failed %" PRIu64 "\n", c->failed);
	fprintf(f, "control_no_room %" PRIu64 "\n", c->no_room);
}

const struct dev_ops console_dev_ops = {
	.name = "console",
	.help = "ports=NAME[/NAME...]  (default: one, a terminal, \"console\")\n"
		"NAME.out=FILE      where the bytes go that the guest writes\n"
		"NAME.in=FILE       bytes for the guest, once it has opened the port\n"
		"NAME.at=TIME       but not before that (default: 0)\n"
		"NAME.eof           the input ends after that (default: it does not)\n"
		"NAME.rate=BYTES    per second of simulated time, each way\n"
		"NAME.tty           a terminal, hvc0 and so on, not a vport\n"
		"NAME.size=COLSxROWS  of a terminal\n"
		"script=FILE        what happens when: \"at 1.5s send NAME ls -l\"\n"
		"events=LINES       the same, with \";\" between lines\n",
	.virtio_id = CONSOLE_ID,
	.nr_vqs = 2 * (CONSOLE_MAX_PORTS + 1),
	/* What the driver sends, which for terminals and control it waits for */
	.in_kick = 0xaaaaaaaaaaaaaaaa,
	.features = BIT_ULL(VIRTIO_CONSOLE_F_SIZE) |
		    BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT) |
		    BIT_ULL(VIRTIO_CONSOLE_F_EMERG_WRITE),
	.priv_size = sizeof(struct console),
	.config_size = CONFIG_SIZE,
	.probe = console_probe,
	.remove = console_remove,
	.start = console_start,
	.stop = console_stop,
	.vq_ready = console_vq_ready,
	.config_set = console_config_set,
	.stats = console_show,
};
