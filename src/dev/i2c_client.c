// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Clients of an I2C bus: maps of registers, and what chips do with theirs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/units.h"
#include "i2c_client.h"

/* 2000-01-01 */
#define RTC_DEFAULT	((s64)946684800)

#define TMP117_CONFIG	1
#define TMP117_ID	0x0f

/* As it is after power-on, by its data sheet */
static void tmp117_setup(struct i2c_client *c)
{
	c->reg[0] = 25 * 128;
	c->reg[TMP117_CONFIG] = 0x0220;
	c->reg[2] = 0x6000;
	c->reg[3] = 0x8000;
	c->reg[TMP117_ID] = 0x0117;
	c->flags[0] = c->flags[TMP117_ID] = REG_RO;
}

static const struct i2c_model regs8 = { .name = "regs8", .width = 1, .size = 256 };
static const struct i2c_model regs16 = { .name = "regs16", .width = 2, .size = 256 };
static const struct i2c_model tmp117 = {
	.name = "tmp117", .width = 2, .size = 16, .setup = tmp117_setup,
};

static const struct i2c_model *const models[] = {
	&regs8, &regs16, &tmp117, &i2c_ds1307, &i2c_ds1339,
};

static const struct i2c_model *find_model(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (!strcmp(models[i]->name, name))
			return models[i];
	return NULL;
}

/* Messages */

static unsigned int next_reg(const struct i2c_client *c, unsigned int reg)
{
	return (reg + 1) % c->size;
}

static void after_read(struct i2c_client *c, unsigned int reg)
{
	if (c->flags[reg] & REG_CLEAR)
		c->reg[reg] = 0;
	if (c->flags[reg] & REG_COUNT)
		c->reg[reg]++;
	if (c->model->width == 1)
		c->reg[reg] &= 0xff;
}

void i2c_client_read(struct i2c_client *c, u8 *dst, size_t len)
{
	size_t i, width = c->model->width;

	if (c->model->latch)
		c->model->latch(c);
	for (i = 0; i < len; i++) {
		dst[i] = (u8)(c->reg[c->pointer] >>
			      (8 * (width - 1 - i % width)));
		if (i % width != width - 1)
			continue;
		after_read(c, c->pointer);
		c->pointer = next_reg(c, c->pointer);
	}
}

void i2c_client_poke(struct i2c_client *c, unsigned int reg, u16 v)
{
	c->reg[reg] = v;
}

static void write_reg(struct i2c_client *c, u16 v)
{
	unsigned int r = c->pointer;

	if (c->flags[r] & REG_W1C)
		c->reg[r] &= (u16)~v;
	else if (c->flags[r] & REG_W0C)
		c->reg[r] &= v;
	else if (!(c->flags[r] & REG_RO))
		c->reg[r] = v;
	record_line(c->record, "reg 0x%02x 0x%02x 0x%0*x", c->addr, r,
		    (int)(2 * c->model->width), v);
	c->pointer = next_reg(c, r);
}

void i2c_client_write(struct i2c_client *c, const u8 *src, size_t len)
{
	size_t width = c->model->width, i;
	unsigned int first, n = 0;

	if (len < c->reg_bytes)
		return;
	first = c->reg_bytes == 2 ? (unsigned int)(src[0] << 8 | src[1]) : src[0];
	first %= c->size;
	c->pointer = first;
	/* Half a register is not written. */
	for (i = c->reg_bytes; i + width <= len; i += width, n++)
		write_reg(c, width == 2 ? (u16)(src[i] << 8 | src[i + 1]) :
					  src[i]);
	if (!n || !c->model->written)
		return;
	if (first + n > c->size)	/* over the end: take it as all of them */
		c->model->written(c, 0, c->size - 1);
	else
		c->model->written(c, first, first + n - 1);
}

/* Making them */

static bool parse_u64(const char *s, u64 least, u64 most, u64 *v)
{
	return !units_number(s, v) && *v >= least && *v <= most;
}

static int set_option(struct i2c_client *c, struct script_line *l,
		      const char *word)
{
	u64 v;

	if (!strcmp(word, "addr16")) {
		c->reg_bytes = 2;
		return 0;
	}
	if (!strncmp(word, "size=", 5) && parse_u64(word + 5, 1, I2C_MAX_REGS, &v)) {
		if (c->model->setup)
			return script_bad(l, "size=: a %s has %u registers",
					  c->model->name, c->model->size);
		c->size = (unsigned int)v;
		return 0;
	}
	if (!strncmp(word, "time=", 5) && c->model->latch &&
	    parse_u64(word + 5, (u64)RTC_DEFAULT, 4102444799ULL, &v)) {
		c->base = (s64)v;
		return 0;
	}
	if (!strncmp(word, "wire=", 5) && word[5] && !c->intr.wire)
		return wire_join(&c->intr, dev_bus(c->dev), word + 5);
	return script_bad(l, "%s: not an option of a %s: addr16, size=N, wire=NAME; for clocks time=SECONDS since 1970, of the years 2000 to 2099",
			  word, c->model->name);
}

static int set_options(struct i2c_client *c, struct script_line *l)
{
	const char *word;
	int err = 0;

	while (!err && (word = script_word(l)))
		err = set_option(c, l, word);
	return err;
}

static int set_up(struct i2c_client *c)
{
	c->reg = calloc(c->size, sizeof(*c->reg));
	c->flags = calloc(c->size, sizeof(*c->flags));
	if (!c->reg || !c->flags)
		return -ENOMEM;
	wire_drive(&c->intr, true);
	if (c->model->setup)
		c->model->setup(c);
	return 0;
}

int i2c_client_new(struct i2c_client **out, struct dev *d, struct record *r,
		   struct script_line *l, unsigned int addr)
{
	const char *word = script_word(l);
	const struct i2c_model *m = word ? find_model(word) : NULL;
	struct i2c_client *c;
	int err;

	if (!m)
		return script_bad(l, "%s: not regs8, regs16, tmp117, ds1307 or ds1339",
				  word ? word : "client");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->dev = d;
	c->record = r;
	c->model = m;
	c->addr = addr;
	c->size = m->size;
	c->reg_bytes = 1;
	c->base = RTC_DEFAULT;
	STAILQ_INIT(&c->faults);
	dev_timer_init(&c->timer, dev_bus(d), i2c_rtc_due);
	err = set_options(c, l);
	if (!err)
		err = set_up(c);
	if (err) {
		i2c_client_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void i2c_client_free(struct i2c_client *c)
{
	struct i2c_fault *f;

	dev_timer_cancel(&c->timer);
	wire_leave(&c->intr);
	while ((f = STAILQ_FIRST(&c->faults))) {
		STAILQ_REMOVE_HEAD(&c->faults, link);
		free(f);
	}
	free(c->reg);
	free(c->flags);
	free(c);
}
