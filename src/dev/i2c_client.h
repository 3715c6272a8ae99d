/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Clients of an I2C bus: maps of registers, and what chips do with theirs. */
#ifndef DEV_I2C_CLIENT_H
#define DEV_I2C_CLIENT_H

#include "script.h"
#include "when.h"
#include "wire.h"

#define I2C_MAX_REGS	65536u

/**
 * enum reg_flags - how a register differs from plain memory
 * @REG_RO: what is written is ignored
 * @REG_CLEAR: reading makes it 0
 * @REG_COUNT: reading adds 1
 * @REG_W1C: a written 1 makes a bit 0, a written 0 leaves it
 * @REG_W0C: a written 0 makes a bit 0, a written 1 leaves it
 */
enum reg_flags {
	REG_RO = 1, REG_CLEAR = 2, REG_COUNT = 4, REG_W1C = 8, REG_W0C = 16,
};

/** struct i2c_fault - these messages are not acked; @error: only their data */
struct i2c_fault {
	struct when when;
	bool error;
	STAILQ_ENTRY(i2c_fault) link;
};

struct i2c_client;

/**
 * struct i2c_model - a kind of chip
 * @width: bytes of a register, 1 or 2, the high one first
 * @size: registers
 * @setup: make the registers what they are at first
 * @latch: a message that reads begins
 * @written: a message has written registers @first to @last
 */
struct i2c_model {
	const char *name;
	unsigned int width, size;
	void (*setup)(struct i2c_client *c);
	void (*latch)(struct i2c_client *c);
	void (*written)(struct i2c_client *c, unsigned int first,
			unsigned int last);
};

/**
 * struct i2c_client - a chip
 * @reg_bytes: bytes of a register's number in messages, 1 or 2
 * @pointer: the register that comes next
 * @absent: it does not ack its address
 * @intr: its interrupt pin, active low
 * @base: RTC: second since 1970 at time @base_at; @halted: it stands
 */
struct i2c_client {
	struct dev *dev;
	struct record *record;
	const struct i2c_model *model;
	unsigned int addr, size, reg_bytes, pointer;
	bool absent;
	u16 *reg;
	u8 *flags;
	u64 messages;
	STAILQ_HEAD(, i2c_fault) faults;
	STAILQ_ENTRY(i2c_client) link;
	struct wire_end intr;
	struct dev_timer timer;
	s64 base;
	u64 base_at;
	bool halted;
};

/**
 * i2c_client_new() - ADDR MODEL [OPTION...] of a line of the script
 *
 * Return: 0, -errno after one line
 */
int __must_check i2c_client_new(struct i2c_client **out, struct dev *d,
				struct record *r, struct script_line *l,
				unsigned int addr);
void i2c_client_free(struct i2c_client *c);

/** i2c_client_read() - a message reads @len bytes, now */
void i2c_client_read(struct i2c_client *c, u8 *dst, size_t len);
/** i2c_client_write() - a message has written @len bytes, now */
void i2c_client_write(struct i2c_client *c, const u8 *src, size_t len);
/** i2c_client_poke() - a register becomes @v, from outside */
void i2c_client_poke(struct i2c_client *c, unsigned int reg, u16 v);

/* i2c_rtc.c */
extern const struct i2c_model i2c_ds1307, i2c_ds1339;
/** i2c_rtc_set() - it is @second since 1970, now */
void i2c_rtc_set(struct i2c_client *c, s64 second);
/** i2c_rtc_due() - the alarm's timer */
void i2c_rtc_due(struct dev_timer *t);

#endif
