// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* input: keyboards, mice and touch screens whose events come at given times. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/*
 * DOC: Updates, and where they are lost
 *
 * A line of the script is an update: some events and SYN_REPORT. It goes to
 * the driver as a whole, in the instant of its time. Where the driver has no
 * buffers for it, it waits in a queue of a bounded length; an update that does
 * not fit in there is dropped as a whole (virtio 1.2, 5.8.6.2). A device whose
 * ring is not up (no driver yet, suspended) is not plugged in: what happens
 * then is lost.
 *
 * The driver asks for what there is by writing select and subsel.
 */

#define INPUT_ID	18
#define MAX_EVENTS	32u		/* of an update */
#define QUEUE_DEFAULT	256u
#define QUEUE_MAX	65536u
#define ABS_MAX_DEFAULT	32767
#define BUS_TYPE	6		/* BUS_VIRTUAL of linux/input.h */
#define LAST_KEY	KEY_MICMUTE	/* of a keyboard */
#define FINGERS		10

enum { VQ_EVENTS, VQ_STATUS, NR_VQS };

/** struct update - a line of the script */
struct update {
	unsigned int nr;
	struct virtio_input_event ev[MAX_EVENTS];
};

struct input_stats {
	u64 updates, events, dropped, lost, too_small, statuses, malformed;
};

/**
 * struct input - the device
 * @bits: what it has, by type; @props: INPUT_PROP_...
 * @queue: ring of @queue_len events that wait for a buffer, @nr_queued from
 *	@queue_first on
 * @leds: that are on
 */
struct input {
	struct dev *dev;
	const char *label, *serial;
	struct virtio_input_devids ids;
	u8 bits[EV_CNT][KEY_CNT / 8];
	u8 props[INPUT_PROP_CNT / 8];
	struct virtio_input_absinfo abs[ABS_CNT];
	struct script *script;
	struct record *record;
	struct virtio_input_event *queue;
	size_t queue_len, queue_first, nr_queued;
	u64 leds;
	struct input_stats stats;
};

/*
 * Names
 */

struct name {
	const char *name;
	u16 type, code;
};

static const struct name names[] = {
#define INPUT(t, n)	{ #n, EV_##t, n },
#include "input_names.def"
#undef INPUT
};

static const struct type {
	const char *word;
	u16 type, max;
} types[] = {
	{ "key", EV_KEY, KEY_MAX }, { "rel", EV_REL, REL_MAX },
	{ "abs", EV_ABS, ABS_MAX }, { "sw", EV_SW, SW_MAX },
	{ "msc", EV_MSC, MSC_MAX },
};

static const struct name *find_name(const char *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, s))
			return &names[i];
	return NULL;
}

static const char *name_of(unsigned int type, unsigned int code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type && names[i].code == code)
			return names[i].name;
	return NULL;
}

static const struct type *find_type(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].word, word))
			return &types[i];
	return NULL;
}

static bool parse_signed(const char *s, s32 *v)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 0);
	if (end == s || *end || errno || n < INT32_MIN || n > INT32_MAX)
		return false;
	*v = (s32)n;
	return true;
}

/*
 * What it has
 */

static void set_bit(u8 *bits, unsigned int n)
{
	bits[n / 8] |= (u8)(1u << n % 8);
}

static bool test_bit(const u8 *bits, unsigned int n)
{
	return bits[n / 8] >> n % 8 & 1;
}

static void have(struct input *in, unsigned int type, unsigned int code)
{
	struct virtio_input_absinfo *a = &in->abs[code % ABS_CNT];

	if (type == EV_ABS && !test_bit(in->bits[type], code) && !a->max)
		a->max = htole32(code == ABS_MT_SLOT ? FINGERS - 1 :
				 ABS_MAX_DEFAULT);
	set_bit(in->bits[type], code);
}

static void have_range(struct input *in, unsigned int type, unsigned int first,
		       unsigned int last)
{
	for (; first <= last; first++)
		have(in, type, first);
}

static void be_keyboard(struct input *in)
{
	have_range(in, EV_KEY, KEY_ESC, LAST_KEY);
	have_range(in, EV_LED, LED_NUML, LED_SCROLLL);
	have_range(in, EV_REP, REP_DELAY, REP_PERIOD);
}

static void be_mouse(struct input *in)
{
	have_range(in, EV_KEY, BTN_LEFT, BTN_EXTRA);
	have_range(in, EV_REL, REL_X, REL_Y);
	have(in, EV_REL, REL_HWHEEL);
	have(in, EV_REL, REL_WHEEL);
	set_bit(in->props, INPUT_PROP_POINTER);
}

static void be_tablet(struct input *in)
{
	have_range(in, EV_KEY, BTN_LEFT, BTN_MIDDLE);
	have(in, EV_REL, REL_WHEEL);
	have_range(in, EV_ABS, ABS_X, ABS_Y);
	set_bit(in->props, INPUT_PROP_POINTER);
}

static void be_touchscreen(struct input *in)
{
	have(in, EV_KEY, BTN_TOUCH);
	have_range(in, EV_ABS, ABS_X, ABS_Y);
	have(in, EV_ABS, ABS_MT_SLOT);
	have_range(in, EV_ABS, ABS_MT_POSITION_X, ABS_MT_POSITION_Y);
	have(in, EV_ABS, ABS_MT_TRACKING_ID);
	set_bit(in->props, INPUT_PROP_DIRECT);
}

static const struct kind {
	const char *name;
	void (*be)(struct input *in);
} kinds[] = {
	{ "keyboard", be_keyboard }, { "mouse", be_mouse },
	{ "tablet", be_tablet }, { "touchscreen", be_touchscreen },
};

/*
 * The configuration space
 */

static u8 length(const u8 *bits, size_t n)
{
	while (n && !bits[n - 1])
		n--;
	return (u8)n;
}

static u8 answer_bits(struct virtio_input_config *c, const u8 *bits, size_t n)
{
	u8 len = length(bits, n);

	memcpy(c->u.bitmap, bits, len);
	return len;
}

static u8 answer_string(struct virtio_input_config *c, const char *s)
{
	size_t len = min_size(strlen(s), sizeof(c->u.string));

	memcpy(c->u.string, s, len);
	return (u8)len;
}

static u8 answer_abs(struct virtio_input_config *c, const struct input *in)
{
	if (c->subsel >= ABS_CNT || !test_bit(in->bits[EV_ABS], c->subsel))
		return 0;
	c->u.abs = in->abs[c->subsel];
	return sizeof(c->u.abs);
}

static u8 answer(struct virtio_input_config *c, const struct input *in)
{
	if (c->select == VIRTIO_INPUT_CFG_EV_BITS && c->subsel < EV_CNT)
		return answer_bits(c, in->bits[c->subsel], KEY_CNT / 8);
	if (c->select == VIRTIO_INPUT_CFG_ABS_INFO)
		return answer_abs(c, in);
	if (c->subsel)
		return 0;
	switch (c->select) {
	case VIRTIO_INPUT_CFG_ID_NAME:
		return answer_string(c, in->label);
	case VIRTIO_INPUT_CFG_ID_SERIAL:
		return answer_string(c, in->serial);
	case VIRTIO_INPUT_CFG_ID_DEVIDS:
		c->u.ids = in->ids;
		return sizeof(c->u.ids);
	case VIRTIO_INPUT_CFG_PROP_BITS:
		return answer_bits(c, in->props, sizeof(in->props));
	default:
		return 0;
	}
}

static int input_config_set(struct dev *d, size_t off, size_t len)
{
	struct virtio_input_config *c = dev_config(d);

	if (off + len > offsetof(struct virtio_input_config, size))
		return -EROFS;
	memset(&c->u, 0, sizeof(c->u));
	c->size = answer(c, dev_priv(d));
	return 0;
}

/*
 * Events
 */

static bool write_event(struct input *in, const struct virtio_input_event *ev)
{
	struct vq_buf b;

	if (vq_pop(dev_vq(in->dev, VQ_EVENTS), &b) != 1)
		return false;
	if (b.in_len < sizeof(*ev)) {
		in->stats.too_small++;
		vq_push(b.vq, &b, 0);
		return true;
	}
	vq_buf_write(&b, 0, ev, sizeof(*ev));
	vq_push(b.vq, &b, sizeof(*ev));
	in->stats.events++;
	return true;
}

static void send_queued(struct input *in)
{
	while (in->nr_queued &&
	       write_event(in, &in->queue[in->queue_first])) {
		in->queue_first = (in->queue_first + 1) % in->queue_len;
		in->nr_queued--;
	}
}

static void lose_queued(struct input *in)
{
	in->stats.lost += in->nr_queued;
	in->nr_queued = 0;
}

static void input_run(struct dev *d, const void *event)
{
	struct input *in = dev_priv(d);
	struct vq *vq = dev_vq(d, VQ_EVENTS);
	const struct update *u = event;
	unsigned int i;

	if (!vq || !vq_usable(vq)) {
		in->stats.lost += u->nr;
		return;
	}
	if (u->nr > in->queue_len - in->nr_queued) {
		in->stats.dropped += u->nr;
		return;
	}
	in->stats.updates++;
	for (i = 0; i < u->nr; i++)
		in->queue[(in->queue_first + in->nr_queued++) % in->queue_len] =
			u->ev[i];
	send_queued(in);
}

/*
 * Status: LEDs, sounds, and the rate of repetition
 */

static void take_status(struct input *in, const struct virtio_input_event *ev)
{
	unsigned int type = le16toh(ev->type), code = le16toh(ev->code);
	s32 value = (s32)le32toh(ev->value);
	const char *name = name_of(type, code);

	in->stats.statuses++;
	if (type == EV_LED && code < 64) {
		in->leds &= ~BIT_ULL(code);
		in->leds |= value ? BIT_ULL(code) : 0;
	}
	if (name)
		record_line(in->record, "%s %" PRId32, name, value);
	else
		record_line(in->record, "type %u code %u %" PRId32, type, code,
			    value);
}

static void read_status(struct input *in, const struct vq_buf *b)
{
	struct virtio_input_event ev;

	if (vq_buf_read(b, 0, &ev, sizeof(ev)) == sizeof(ev))
		take_status(in, &ev);
	else
		in->stats.malformed++;
}

static void input_vq_ready(struct dev *d, unsigned int i)
{
	struct input *in = dev_priv(d);
	struct vq_buf b;

	if (i == VQ_EVENTS) {
		send_queued(in);
		return;
	}
	while (vq_pop(dev_vq(d, i), &b) == 1) {
		read_status(in, &b);
		vq_push(b.vq, &b, 0);
	}
}

static void input_start(struct dev *d)
{
	struct input *in = dev_priv(d);

	/* A new driver must not get what an earlier one was sent. */
	lose_queued(in);
	in->leds = 0;
}

/*
 * The script
 */

static int add_event(struct script_line *l, struct update *u, unsigned int type,
		     unsigned int code, s32 value)
{
	if (u->nr == MAX_EVENTS)
		return script_bad(l, "more than %u events in a line; divide it, with 'more' at the end of the first",
				  MAX_EVENTS);
	u->ev[u->nr++] = (struct virtio_input_event){
		.type = htole16((u16)type), .code = htole16((u16)code),
		.value = htole32((u32)value),
	};
	return 0;
}

static int add_syn(struct script_line *l, struct update *u)
{
	return add_event(l, u, EV_SYN, SYN_REPORT, 0);
}

/* A name, or after the word for its type also a number */
static int parse_code(struct script_line *l, const char *word, struct name *out)
{
	const struct type *t = find_type(word);
	const struct name *n;
	s32 code;

	if (t)
		word = script_word(l);
	if (!word)
		return script_bad(l, "the name of a code is missing (as KEY_A)");
	if (t && parse_signed(word, &code) && code >= 0 && code <= t->max) {
		*out = (struct name){ word, t->type, (u16)code };
		return 0;
	}
	n = find_name(word);
	if (!n || n->type == EV_LED || n->type == EV_SND || n->type == EV_REP)
		return script_bad(l, "%s: not a name of an event, as KEY_A, REL_X, ABS_X",
				  word);
	if (t && n->type != t->type)
		return script_bad(l, "%s: not a name of type %s", word, t->word);
	*out = *n;
	return 0;
}

static int parse_value(struct script_line *l, const struct name *n, s32 *v)
{
	const char *word = script_word(l);
	bool key = n->type == EV_KEY;

	if (!word)
		return script_bad(l, "%s: %s is missing", n->name,
				  key ? "press, release or tap" : "a value");
	if (key && !strcmp(word, "press"))
		*v = 1;
	else if (key && !strcmp(word, "release"))
		*v = 0;
	else if (!parse_signed(word, v))
		return script_bad(l, "%s %s: not %s", n->name, word,
				  key ? "press, release or tap" : "a number");
	return 0;
}

static bool is_tap(struct script_line *l, const struct name *n)
{
	char *rest = l->rest + strspn(l->rest, " \t");

	if (n->type != EV_KEY || strncmp(rest, "tap", 3) ||
	    (rest[3] && !strchr(" \t\r\n", rest[3])))
		return false;
	(void)script_word(l);
	return true;
}

static int parse_event(struct dev *d, struct script_line *l, const char *word,
		       struct update *u)
{
	struct name n = { NULL, 0, 0 };
	s32 value;

	if (!strcmp(word, "syn"))
		return add_syn(l, u);
	if (parse_code(l, word, &n))
		return -EINVAL;
	have(dev_priv(d), n.type, n.code);
	if (is_tap(l, &n))
		return add_event(l, u, n.type, n.code, 1) || add_syn(l, u) ||
		       add_event(l, u, n.type, n.code, 0) ? -EINVAL : 0;
	return parse_value(l, &n, &value) ? -EINVAL :
	       add_event(l, u, n.type, n.code, value);
}

static bool ends_with_syn(const struct update *u)
{
	return u->nr && u->ev[u->nr - 1].type == htole16(EV_SYN);
}

static int input_parse(struct dev *d, struct script_line *l, void *event)
{
	struct update *u = event;
	const char *word;

	if (!l->timed)
		return script_bad(l, "a time is missing: at TIME, or after TIME");
	while ((word = script_word(l))) {
		if (!strcmp(word, "more"))
			return u->nr ? script_end(l) :
			       script_bad(l, "no event before 'more'");
		if (!strcmp(word, "+"))
			continue;
		if (parse_event(d, l, word, u))
			return -EINVAL;
	}
	if (!u->nr)
		return script_bad(l, "no event is named, as KEY_A press");
	return ends_with_syn(u) ? 0 : add_syn(l, u);
}

static const struct script_ops script_ops = {
	.size = sizeof(struct update),
	.parse = input_parse,
	.run = input_run,
};

/*
 * Options
 */

static int set_kind(struct input *in, struct dev_args *a)
{
	const char *kind = dev_arg_str(a, "kind", NULL);
	bool scripted = dev_arg_str(a, "script", NULL) ||
			dev_arg_str(a, "events", NULL);
	size_t i;

	if (!kind && scripted)
		return 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind ? kind : "keyboard", kinds[i].name)) {
			kinds[i].be(in);
			return 0;
		}
	log_err(dev_name(in->dev), "option kind=%s: not keyboard, mouse, tablet or touchscreen",
		kind);
	return -EINVAL;
}

/* AXIS:MIN:MAX[:RES[:FUZZ[:FLAT]]]; @s is changed. */
static bool parse_axis(struct input *in, char *s)
{
	char *save, *axis = strtok_r(s, ":", &save), *word;
	const struct name *n = axis ? find_name(axis) : NULL;
	s32 v[5] = { 0 };
	unsigned int i = 0;

	if (!n || n->type != EV_ABS)
		return false;
	while ((word = strtok_r(NULL, ":", &save)))
		if (i == ARRAY_SIZE(v) || !parse_signed(word, &v[i++]))
			return false;
	if (i < 2 || v[0] > v[1])
		return false;
	have(in, EV_ABS, n->code);
	in->abs[n->code] = (struct virtio_input_absinfo){
		.min = htole32((u32)v[0]), .max = htole32((u32)v[1]),
		.res = htole32((u32)v[2]), .fuzz = htole32((u32)v[3]),
		.flat = htole32((u32)v[4]),
	};
	return true;
}

static int set_axes(struct input *in, struct dev_args *a)
{
	const char *value = dev_arg_str(a, "abs", NULL);
	char *text, *axis, *save;
	bool good = true;

	if (!value)
		return 0;
	text = strdup(value);
	if (!text)
		return -ENOMEM;
	for (axis = strtok_r(text, "/", &save); axis && good;
	     axis = strtok_r(NULL, "/", &save))
		good = parse_axis(in, axis);
	free(text);
	if (good)
		return 0;
	log_err(dev_name(in->dev), "option abs=%s: not AXIS:MIN:MAX[:RES[:FUZZ[:FLAT]]], as ABS_X:0:1023/ABS_Y:0:767",
		value);
	return -EINVAL;
}

static int set_ids(struct input *in, struct dev_args *a)
{
	const char *value = dev_arg_str(a, "ids", "0006:0000:0000:0000");
	unsigned int v[4];
	int end = 0;

	if (sscanf(value, "%4x:%4x:%4x:%4x%n", &v[0], &v[1], &v[2], &v[3],
		   &end) != 4 || value[end]) {
		log_err(dev_name(in->dev), "option ids=%s: not BUS:VENDOR:PRODUCT:VERSION, as 0003:046d:c31c:0110",
			value);
		return -EINVAL;
	}
	in->ids = (struct virtio_input_devids){
		htole16((u16)v[0]), htole16((u16)v[1]),
		htole16((u16)v[2]), htole16((u16)v[3]),
	};
	return 0;
}

static int set_queue(struct input *in, struct dev_args *a)
{
	u64 len = QUEUE_DEFAULT;
	int err = dev_arg_u64(a, "queue", &len);

	if (err)
		return err;
	if (len < MAX_EVENTS || len > QUEUE_MAX) {
		log_err(dev_name(in->dev), "option queue=%" PRIu64 ": %u to %u events are possible",
			len, MAX_EVENTS, QUEUE_MAX);
		return -EINVAL;
	}
	in->queue_len = (size_t)len;
	in->queue = calloc(in->queue_len, sizeof(*in->queue));
	return in->queue ? 0 : -ENOMEM;
}

static void input_remove(struct dev *d)
{
	struct input *in = dev_priv(d);

	script_free(in->script);
	record_free(in->record);
	free(in->queue);
	in->script = NULL;
	in->record = NULL;
	in->queue = NULL;
}

static int input_probe(struct dev *d, struct dev_args *a)
{
	struct input *in = dev_priv(d);
	int err;

	in->dev = d;
	in->label = dev_arg_str(a, "label", dev_name(d));
	in->serial = dev_arg_str(a, "serial", "");
	err = set_ids(in, a);
	if (!err)
		err = set_kind(in, a);
	if (!err)
		err = set_axes(in, a);
	if (!err)
		err = set_queue(in, a);
	if (!err)
		err = record_new(&in->record, d, a);
	if (!err)
		err = script_new(&in->script, d, a, &script_ops);
	if (err)
		input_remove(d);
	return err;
}

static void input_stats(const struct dev *d, FILE *f)
{
	const struct input *in = dev_priv(d);
	const struct input_stats *s = &in->stats;
	unsigned int i;

	fprintf(f, "updates %" PRIu64 "\nevents %" PRIu64 "\n", s->updates,
		s->events);
	fprintf(f, "dropped %" PRIu64 "\nlost %" PRIu64 "\n", s->dropped,
		s->lost);
	fprintf(f, "too_small %" PRIu64 "\nstatuses %" PRIu64 "\n",
		s->too_small, s->statuses);
	fprintf(f, "malformed %" PRIu64 "\n", s->malformed);
	for (i = 0; i < LED_CNT; i++)
		if (test_bit(in->bits[EV_LED], i))
			fprintf(f, "%s %u\n", name_of(EV_LED, i),
				(unsigned int)(in->leds >> i & 1));
}

const struct dev_ops input_dev_ops = {
	.name = "input",
	.help = "script=FILE      what happens when: \"at 1.5s KEY_A press\"\n"
		"events=LINES     the same, with ; between lines\n"
		"kind=KIND        keyboard, mouse, tablet, touchscreen (default: what the\n"
		"                 script uses, and without one keyboard)\n"
		"abs=AXIS:MIN:MAX[:RES[:FUZZ[:FLAT]]][/...]  ranges (default: 0 to 32767)\n"
		"label=TEXT       name for the guest (default: the device's)\n"
		"serial=TEXT      serial number (default: none)\n"
		"ids=BUS:VENDOR:PRODUCT:VERSION  hexadecimal (default: 0006:0000:0000:0000)\n"
		"queue=N          events that wait for buffers of the driver (default: 256)\n"
		"record=FILE      LEDs and what else the guest sets, and when\n",
	.virtio_id = INPUT_ID,
	.nr_vqs = NR_VQS,
	.priv_size = sizeof(struct input),
	.config_size = sizeof(struct virtio_input_config),
	.probe = input_probe,
	.remove = input_remove,
	.start = input_start,
	.vq_ready = input_vq_ready,
	.config_set = input_config_set,
	.stats = input_stats,
};
