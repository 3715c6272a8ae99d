// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Real-time clocks on an I2C bus: DS1307, and DS1339 with an alarm and its pin. */
#include <stdlib.h>
#include <time.h>

#include "i2c_client.h"

/*
 * DOC: What they do
 *
 * They count simulated time. A second begins when the seconds register is
 * written, as the chip's divider starts anew then; other registers of the time
 * leave that alone. Reading sees the time at the message's START. Hours are those
 * of 24.
 *
 * Of the DS1339's two alarms, the first one works: at its second the flag A1F is
 * set, and with A1IE and INTCN the pin goes low until the flag has been cleared.
 */

enum { SECONDS, MINUTES, HOURS, WDAY, MDAY, MONTH, YEAR, NR_TIME };

#define HALT		0x80	/* DS1307: CH of the seconds */
#define NVRAM_END	0x40

#define ALARM		0x07	/* DS1339: seconds, minutes, hours, day */
#define ALARM_MASK	0x80
#define ALARM_WDAY	0x40
#define CONTROL		0x0e
#define CONTROL_EOSC	0x80
#define CONTROL_INTCN	0x04
#define CONTROL_A1IE	0x01
#define STATUS		0x0f
#define STATUS_A1F	0x01
#define TRICKLE		0x10
#define DAY		((s64)86400)

static u16 to_bcd(int n)
{
	return (u16)(n / 10 % 10 << 4 | n % 10);
}

static int from_bcd(u16 v)
{
	return (v >> 4 & 0xf) * 10 + (v & 0xf);
}

static bool has_alarm(const struct i2c_client *c)
{
	return c->model == &i2c_ds1339;
}

static s64 second_now(const struct i2c_client *c)
{
	if (c->halted)
		return c->base;
	return c->base + (s64)((dev_now(c->dev) - c->base_at) / NSEC_PER_SEC);
}

static void rtc_latch(struct i2c_client *c)
{
	time_t t = (time_t)second_now(c);
	struct tm tm;

	gmtime_r(&t, &tm);
	c->reg[SECONDS] = to_bcd(tm.tm_sec);
	if (c->halted && !has_alarm(c))
		c->reg[SECONDS] |= HALT;
	c->reg[MINUTES] = to_bcd(tm.tm_min);
	c->reg[HOURS] = to_bcd(tm.tm_hour);
	c->reg[WDAY] = (u16)(tm.tm_wday + 1);
	c->reg[MDAY] = to_bcd(tm.tm_mday);
	c->reg[MONTH] = to_bcd(tm.tm_mon + 1);
	c->reg[YEAR] = to_bcd(tm.tm_year % 100);
}

/* The time that the registers say, whatever was written there */
static s64 second_of_registers(const struct i2c_client *c)
{
	const u16 *r = c->reg;
	struct tm tm = {
		.tm_sec = from_bcd(r[SECONDS] & 0x7f),
		.tm_min = from_bcd(r[MINUTES] & 0x7f),
		.tm_hour = from_bcd(r[HOURS] & 0x3f),
		.tm_mday = from_bcd(r[MDAY] & 0x3f),
		.tm_mon = from_bcd(r[MONTH] & 0x1f) - 1,
		.tm_year = 100 + from_bcd(r[YEAR] & 0xff),
	};

	return (s64)timegm(&tm);
}

/* Alarm */

static bool day_fits(const struct i2c_client *c, s64 second)
{
	u16 day = c->reg[ALARM + 3];
	time_t t = (time_t)second;
	struct tm tm;

	if (day & ALARM_MASK)
		return true;
	gmtime_r(&t, &tm);
	if (day & ALARM_WDAY)
		return (day & 0xf) == tm.tm_wday + 1;
	return from_bcd(day & 0x3f) == tm.tm_mday;
}

/* The first second after @now of the alarm; 0: there is none */
static s64 next_alarm(const struct i2c_client *c, s64 now)
{
	const u16 *a = &c->reg[ALARM];
	s64 period = 1, offset = 0, t;
	int i;

	if (!(a[0] & ALARM_MASK)) {
		period = 60;
		offset = from_bcd(a[0] & 0x7f);
	}
	if (period == 60 && !(a[1] & ALARM_MASK)) {
		period = 3600;
		offset += 60 * from_bcd(a[1] & 0x7f);
	}
	if (period == 3600 && !(a[2] & ALARM_MASK)) {
		period = DAY;
		offset += 3600 * from_bcd(a[2] & 0x3f);
	}
	if (offset >= period)
		return 0;
	t = now - now % period + offset;
	if (t <= now)
		t += period;
	if (period < DAY)
		return t;
	/* The 29th of February may be far away. */
	for (i = 0; i < 9 * 366; i++, t += DAY)
		if (day_fits(c, t))
			return t;
	return 0;
}

static void update_pin(struct i2c_client *c)
{
	u16 control = c->reg[CONTROL];

	wire_drive(&c->intr, !(control & CONTROL_INTCN &&
			       control & CONTROL_A1IE &&
			       c->reg[STATUS] & STATUS_A1F));
}

static void arm_alarm(struct i2c_client *c)
{
	s64 t = c->halted ? 0 : next_alarm(c, second_now(c));

	dev_timer_cancel(&c->timer);
	/* The flag is set already, and nothing can be seen of another time. */
	if (t && !(c->reg[STATUS] & STATUS_A1F))
		dev_timer_arm(&c->timer, c->base_at +
			      (u64)(t - c->base) * NSEC_PER_SEC);
}

void i2c_rtc_due(struct dev_timer *t)
{
	struct i2c_client *c = container_of(t, struct i2c_client, timer);

	c->reg[STATUS] |= STATUS_A1F;
	update_pin(c);
}

/* Writing */

static void start_second(struct i2c_client *c, s64 second)
{
	c->base = second;
	c->base_at = dev_now(c->dev);
}

void i2c_rtc_set(struct i2c_client *c, s64 second)
{
	start_second(c, second);
	c->halted = false;
	if (has_alarm(c))
		arm_alarm(c);
}

static void time_written(struct i2c_client *c, bool seconds)
{
	s64 t = second_of_registers(c);
	bool halt = has_alarm(c) ? c->reg[CONTROL] & CONTROL_EOSC :
				   c->reg[SECONDS] & HALT;

	if (seconds || halt || c->halted)
		start_second(c, t);
	else	/* not anew: within the second that has begun */
		c->base += t - second_now(c);
	c->halted = halt;
}

static void ds1307_written(struct i2c_client *c, unsigned int first,
			   unsigned int last)
{
	(void)last;
	if (first < NR_TIME)
		time_written(c, first == SECONDS);
}

static void control_written(struct i2c_client *c)
{
	bool halt = c->reg[CONTROL] & CONTROL_EOSC;

	if (halt != c->halted)
		start_second(c, second_now(c));
	c->halted = halt;
}

static void ds1339_written(struct i2c_client *c, unsigned int first,
			   unsigned int last)
{
	if (first < NR_TIME)
		time_written(c, first == SECONDS);
	if (first <= CONTROL && last >= CONTROL)
		control_written(c);
	update_pin(c);
	arm_alarm(c);
}

static void ds1339_setup(struct i2c_client *c)
{
	c->reg[CONTROL] = 0x18;
	c->flags[STATUS] = REG_W0C;
}

static void ds1307_setup(struct i2c_client *c)
{
	rtc_latch(c);
}

const struct i2c_model i2c_ds1307 = {
	.name = "ds1307", .width = 1, .size = NVRAM_END,
	.setup = ds1307_setup, .latch = rtc_latch, .written = ds1307_written,
};

const struct i2c_model i2c_ds1339 = {
	.name = "ds1339", .width = 1, .size = TRICKLE + 1,
	.setup = ds1339_setup, .latch = rtc_latch, .written = ds1339_written,
};
