// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* i2c: a bus with clients that are maps of registers, clocks or sensors. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_i2c.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "i2c_client.h"

/*
 * DOC: The bus
 *
 * One message after the other. It takes 9 bits per byte, the address
 * included; START and STOP take no time. A read sees the registers as they are
 * at its begin, a write changes them at its end.
 *
 * When a message of a group fails, those after it in the group fail in the same
 * instant: Linux does not wait for them, and frees what they point to.
 */

#define I2C_ID		34
#define SPEED_DEFAULT	100000
#define SPEED_MAX	(100 * 1000 * 1000)
#define BITS_PER_BYTE	9
#define MSG_MAX		65535u		/* a length is an u16 in Linux */
#define ADDR_LAST	0x7fu
#define POKE_MAX	16u

enum outcome { MSG_GOOD, MSG_NAK, MSG_ERROR };

struct i2c_stats {
	u64 messages, bytes, naks, errors, skipped, malformed;
};

/**
 * struct i2c - the device
 * @busy: @buf is on the bus until @timer, with @outcome
 * @client, @read, @len: what it is
 * @skip: a message of this group has failed
 * @data: the bytes of the message
 */
struct i2c {
	struct dev *dev;
	u64 speed;
	struct script *script;
	struct record *record;
	STAILQ_HEAD(, i2c_client) clients;
	bool busy, skip;
	struct vq_buf buf;
	struct dev_timer timer;
	struct i2c_client *client;
	enum outcome outcome;
	bool read, more;
	size_t len;
	u8 *data;
	struct i2c_stats stats;
};

static struct i2c_client *find_client(struct i2c *b, unsigned int addr)
{
	struct i2c_client *c;

	STAILQ_FOREACH(c, &b->clients, link)
		if (c->addr == addr)
			return c;
	return NULL;
}

/*
 * Messages
 */

static u64 bus_time(const struct i2c *b, size_t bytes)
{
	return (bytes * BITS_PER_BYTE * NSEC_PER_SEC + b->speed - 1) / b->speed;
}

static enum outcome judge(struct i2c *b, struct i2c_client *c)
{
	enum outcome out = MSG_GOOD;
	struct i2c_fault *f;

	if (!c || c->absent)
		return MSG_NAK;
	c->messages++;
	STAILQ_FOREACH(f, &c->faults, link)
		if (when_fits(&f->when, c->messages, dev_now(b->dev)) &&
		    out != MSG_NAK)
			out = f->error ? MSG_ERROR : MSG_NAK;
	return out;
}

static void finish(struct i2c *b, u8 status)
{
	size_t in = b->buf.in_len;

	b->busy = false;
	if (b->read && status == VIRTIO_I2C_MSG_OK)
		vq_buf_write(&b->buf, 0, b->data, b->len);
	vq_buf_write(&b->buf, in - 1, &status, sizeof(status));
	b->skip = b->more && status != VIRTIO_I2C_MSG_OK;
	vq_push(b->buf.vq, &b->buf, (u32)in);
}

/* Is it a message? Then it is known what it is. */
static bool parse_message(struct i2c *b, unsigned int *addr)
{
	struct virtio_i2c_out_hdr h;
	struct vq_buf *buf = &b->buf;
	size_t out = sizeof(h);
	u32 flags;

	if (vq_buf_read(buf, 0, &h, out) < out || !buf->in_len)
		return false;
	flags = le32toh(h.flags);
	b->read = flags & VIRTIO_I2C_FLAGS_M_RD;
	b->more = flags & VIRTIO_I2C_FLAGS_FAIL_NEXT;
	b->len = b->read ? buf->in_len - 1 : buf->out_len - out;
	*addr = le16toh(h.addr) >> 1;
	return b->len <= MSG_MAX && (b->read || buf->in_len == 1) &&
	       (!b->read || buf->out_len == out);
}

static void refuse(struct i2c *b)
{
	u8 status = VIRTIO_I2C_MSG_ERR;
	size_t in = b->buf.in_len;

	b->stats.malformed++;
	b->skip = false;
	if (in)
		vq_buf_write(&b->buf, in - 1, &status, sizeof(status));
	vq_push(b->buf.vq, &b->buf, (u32)min_size(in, UINT32_MAX));
}

static void begin(struct i2c *b, unsigned int addr)
{
	size_t bytes = 1 + b->len;

	b->client = find_client(b, addr);
	b->outcome = judge(b, b->client);
	b->busy = true;
	b->stats.messages++;
	if (b->outcome == MSG_NAK)
		bytes = 1;
	else if (b->read && b->outcome == MSG_GOOD)
		i2c_client_read(b->client, b->data, b->len);
	dev_timer_arm(&b->timer, dev_now(b->dev) + bus_time(b, bytes));
}

static void i2c_ready(struct i2c *b)
{
	unsigned int addr;

	while (!b->busy && vq_pop(dev_vq(b->dev, 0), &b->buf) == 1) {
		if (!parse_message(b, &addr)) {
			refuse(b);
		} else if (b->skip) {
			b->stats.skipped++;
			finish(b, VIRTIO_I2C_MSG_ERR);
		} else {
			begin(b, addr);
		}
	}
}

static void message_due(struct dev_timer *t)
{
	struct i2c *b = container_of(t, struct i2c, timer);
	bool good = b->outcome == MSG_GOOD;

	b->stats.naks += b->outcome == MSG_NAK;
	b->stats.errors += b->outcome == MSG_ERROR;
	if (good && !b->read) {
		vq_buf_read(&b->buf, sizeof(struct virtio_i2c_out_hdr),
			    b->data, b->len);
		i2c_client_write(b->client, b->data, b->len);
	}
	b->stats.bytes += good ? b->len : 0;
	finish(b, good ? VIRTIO_I2C_MSG_OK : VIRTIO_I2C_MSG_ERR);
	i2c_ready(b);
}

static void i2c_vq_ready(struct dev *d, unsigned int i)
{
	(void)i;
	i2c_ready(dev_priv(d));
}

static void i2c_start(struct dev *d)
{
	struct i2c *b = dev_priv(d);

	b->skip = false;
}

static void i2c_stop(struct dev *d, struct vq *vq)
{
	struct i2c *b = dev_priv(d);

	(void)vq;	/* there is only one */
	if (!b->busy)
		return;
	b->busy = false;
	dev_timer_cancel(&b->timer);
	vq_drop(b->buf.vq, &b->buf);
}

/*
 * The script
 */

enum verb { POKE, TEMP, PRESENT, ABSENT, TIME, NAK, ERROR };

/** struct action - @nr registers from @reg on, or a @second; @client NULL: nothing */
struct action {
	enum verb verb;
	struct i2c_client *client;
	unsigned int reg, nr;
	u16 value[POKE_MAX];
	s64 second;
};

static int parse_poke(struct i2c *b, struct script_line *l,
		      struct i2c_client *c, struct action *a);
static int parse_temp(struct i2c *b, struct script_line *l,
		      struct i2c_client *c, struct action *a);
static int parse_nothing(struct i2c *b, struct script_line *l,
			 struct i2c_client *c, struct action *a);
static int parse_second(struct i2c *b, struct script_line *l,
			struct i2c_client *c, struct action *a);
static int parse_fault(struct i2c *b, struct script_line *l,
		       struct i2c_client *c, struct action *a);

static const struct verb_parser {
	const char *word;
	enum verb verb;
	bool untimed;		/* only without a time */
	int (*parse)(struct i2c *b, struct script_line *l,
		     struct i2c_client *c, struct action *a);
} verbs[] = {
	{ "reg", POKE, false, parse_poke },
	{ "temp", TEMP, false, parse_temp },
	{ "time", TIME, false, parse_second },
	{ "present", PRESENT, false, parse_nothing },
	{ "absent", ABSENT, false, parse_nothing },
	{ "nak", NAK, true, parse_fault },
	{ "error", ERROR, true, parse_fault },
};

static bool flag_of(const char *word, u8 *flag)
{
	static const struct {
		const char *word;
		u8 flag;
	} flags[] = {
		{ "ro", REG_RO }, { "clear", REG_CLEAR },
		{ "count", REG_COUNT }, { "w1c", REG_W1C },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].word, word)) {
			*flag = flags[i].flag;
			return true;
		}
	return false;
}

/* A flag is for all registers of the line. */
static int add_flag(struct script_line *l, struct i2c_client *c,
		    const struct action *a, u8 flag)
{
	unsigned int i;

	if (l->timed)
		return script_bad(l, "what kind a register is does not change with time: say it in a line without one");
	for (i = 0; i < a->nr; i++)
		c->flags[a->reg + i] |= flag;
	return 0;
}

static int add_value(struct script_line *l, struct i2c_client *c,
		     struct action *a, const char *word)
{
	u64 most = c->model->width == 2 ? 0xffff : 0xff, v;

	if (units_number(word, &v) || v > most)
		return script_bad(l, "%s: not a value of 0 to 0x%x, ro, clear, count or w1c",
				  word, (unsigned int)most);
	if (a->nr == POKE_MAX || a->reg + a->nr == c->size)
		return script_bad(l, "more than %u values, or beyond the last register",
				  POKE_MAX);
	a->value[a->nr++] = (u16)v;
	return 0;
}

/* REG VALUE... [FLAG...] */
static int parse_poke(struct i2c *b, struct script_line *l,
		      struct i2c_client *c, struct action *a)
{
	const char *word;
	int err = 0;
	u8 flag;
	u64 v;

	(void)b;
	if (script_number(l, "a register", c->size - 1, &v))
		return -EINVAL;
	a->reg = (unsigned int)v;
	while (!err && (word = script_word(l)))
		err = flag_of(word, &flag) ? add_flag(l, c, a, flag) :
					     add_value(l, c, a, word);
	if (!err && !a->nr)
		return script_bad(l, "a value is missing");
	return err;
}

/* In 1/128 degree, as the tmp117 has it */
static int parse_temp(struct i2c *b, struct script_line *l,
		      struct i2c_client *c, struct action *a)
{
	const char *word = script_word(l);
	char *end;
	double v;

	(void)b;
	if (strcmp(c->model->name, "tmp117"))
		return script_bad(l, "a %s has no temperature", c->model->name);
	v = word ? strtod(word, &end) : 0;
	if (!word || end == word || *end || !(v >= -256 && v < 256))
		return script_bad(l, "%s: not a temperature of -256 to 255.99",
				  word ? word : "temp");
	v *= 128;
	a->value[0] = (u16)(int)(v < 0 ? v - 0.5 : v + 0.5);
	a->nr = 1;
	return script_end(l);
}

static int parse_nothing(struct i2c *b, struct script_line *l,
			 struct i2c_client *c, struct action *a)
{
	(void)b;
	(void)c;
	(void)a;
	return script_end(l);
}

static int parse_second(struct i2c *b, struct script_line *l,
			struct i2c_client *c, struct action *a)
{
	u64 v;

	(void)b;
	if (!c->model->latch)
		return script_bad(l, "a %s is no clock", c->model->name);
	if (script_number(l, "seconds since 1970", UINT32_MAX, &v))
		return -EINVAL;
	a->second = (s64)v;
	return script_end(l);
}

static int parse_fault(struct i2c *b, struct script_line *l,
		       struct i2c_client *c, struct action *a)
{
	char *word = script_word(l);
	struct i2c_fault *f = calloc(1, sizeof(*f));

	(void)b;
	if (!f)
		return -ENOMEM;
	f->error = a->verb == ERROR;
	a->client = NULL;
	if (!word || !when_parse(&f->when, word)) {
		free(f);
		return script_bad(l, "which messages? as 3, 2-5, 4+, 2s, 2s-3s, 5s+");
	}
	STAILQ_INSERT_TAIL(&c->faults, f, link);
	return script_end(l);
}

static int parse_client(struct i2c *b, struct script_line *l, unsigned int addr)
{
	struct i2c_client *c;
	int err;

	if (l->timed)
		return script_bad(l, "clients are there from the beginning; see absent and present");
	if (find_client(b, addr))
		return script_bad(l, "there is a client at 0x%02x already", addr);
	err = i2c_client_new(&c, b->dev, b->record, l, addr);
	if (!err)
		STAILQ_INSERT_TAIL(&b->clients, c, link);
	return err;
}

static const struct verb_parser *find_verb(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].word, word))
			return &verbs[i];
	return NULL;
}

/* VERB ADDR ... */
static int i2c_parse(struct dev *d, struct script_line *l, void *event)
{
	const char *word = script_word(l);
	const struct verb_parser *v;
	struct i2c *b = dev_priv(d);
	struct action *a = event;
	u64 addr;

	if (!word)
		return script_bad(l, "nothing is said to happen");
	v = find_verb(word);
	if (!v && strcmp(word, "client"))
		return script_bad(l, "%s: expected is client, reg, temp, time, present, absent, nak or error",
				  word);
	if (script_number(l, "an address", ADDR_LAST, &addr))
		return -EINVAL;
	if (!v)
		return parse_client(b, l, (unsigned int)addr);
	a->client = find_client(b, (unsigned int)addr);
	if (!a->client)
		return script_bad(l, "there is no client at 0x%02x", (unsigned int)addr);
	if (l->timed && v->untimed)
		return script_bad(l, "%s: say in a line without a time which messages are meant; it may be by time",
				  word);
	a->verb = v->verb;
	return v->parse(b, l, a->client, a);
}

static void i2c_run(struct dev *d, const void *event)
{
	const struct action *a = event;
	unsigned int i;

	(void)d;
	if (!a->client)		/* it was done when it was read */
		return;
	switch (a->verb) {
	case POKE:
	case TEMP:
		for (i = 0; i < a->nr; i++)
			i2c_client_poke(a->client, a->reg + i, a->value[i]);
		break;
	case PRESENT:
	case ABSENT:
		a->client->absent = a->verb == ABSENT;
		break;
	case TIME:
		i2c_rtc_set(a->client, a->second);
		break;
	case NAK:
	case ERROR:
		break;
	}
}

static const struct script_ops script_ops = {
	.size = sizeof(struct action),
	.parse = i2c_parse,
	.run = i2c_run,
};

/*
 * Options
 */

static int set_speed(struct i2c *b, struct dev_args *a)
{
	int err;

	b->speed = SPEED_DEFAULT;
	err = dev_arg_u64(a, "speed", &b->speed);
	if (err || (b->speed && b->speed <= SPEED_MAX))
		return err;
	log_err(dev_name(b->dev), "option speed=%" PRIu64 ": 1 to %d bits per second are possible",
		b->speed, SPEED_MAX);
	return -EINVAL;
}

static void i2c_remove(struct dev *d)
{
	struct i2c *b = dev_priv(d);
	struct i2c_client *c;

	script_free(b->script);
	while ((c = STAILQ_FIRST(&b->clients))) {
		STAILQ_REMOVE_HEAD(&b->clients, link);
		i2c_client_free(c);
	}
	record_free(b->record);
	free(b->data);
	b->script = NULL;
	b->record = NULL;
	b->data = NULL;
}

static int i2c_probe(struct dev *d, struct dev_args *a)
{
	struct i2c *b = dev_priv(d);
	int err;

	b->dev = d;
	STAILQ_INIT(&b->clients);
	dev_timer_init(&b->timer, dev_bus(d), message_due);
	err = set_speed(b, a);
	if (err)
		return err;
	b->data = calloc(1, MSG_MAX);
	if (!b->data)
		return -ENOMEM;
	err = record_new(&b->record, d, a);
	if (!err)
		err = script_new(&b->script, d, a, &script_ops);
	if (err)
		i2c_remove(d);
	return err;
}

static void i2c_stats(const struct dev *d, FILE *f)
{
	const struct i2c *b = dev_priv(d);
	const struct i2c_stats *s = &b->stats;

	fprintf(f, "messages %" PRIu64 "\nbytes %" PRIu64 "\n", s->messages,
		s->bytes);
	fprintf(f, "naks %" PRIu64 "\nerrors %" PRIu64 "\n", s->naks,
		s->errors);
	fprintf(f, "skipped %" PRIu64 "\nmalformed %" PRIu64 "\n", s->skipped,
		s->malformed);
}

const struct dev_ops i2c_dev_ops = {
	.name = "i2c",
	.help = "script=FILE      clients, and what happens to them when: \"client 0x48 tmp117\"\n"
		"events=LINES     the same, with ; between lines\n"
		"speed=BITS       per second (default: 100k)\n"
		"record=FILE      what the guest writes to registers, and when\n",
	.virtio_id = I2C_ID,
	.nr_vqs = 1,
	.features = BIT_ULL(VIRTIO_I2C_F_ZERO_LENGTH_REQUEST),
	.priv_size = sizeof(struct i2c),
	.probe = i2c_probe,
	.remove = i2c_remove,
	.start = i2c_start,
	.stop = i2c_stop,
	.vq_ready = i2c_vq_ready,
	.stats = i2c_stats,
};
