# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Builds umtt and its tests; 'make help' is the index.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:

BUILD	?= build
VERSION	:= 0.1
PREFIX	?= /usr/local
CC	?= gcc
ifeq ($(origin CC),default)
CC	:= gcc
endif

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wundef -Werror
CFLAGS	?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DUMTT_VERSION='"$(VERSION)"' \
	   -DUMTT_LIBEXECDIR='"$(PREFIX)/lib/umtt"' $(CFLAGS)
LDLIBS	:= -luring -lcyaml -lyaml

ifeq ($(SAN),1)
BUILD	:= $(BUILD)/san
CFLAGS	+= -fsanitize=address,undefined -fno-omit-frame-pointer \
	   -fno-sanitize-recover=undefined
endif

ifneq ($(V),1)
Q	:= @
endif

SRCS	:= $(wildcard src/*/*.c)
OBJS	:= $(SRCS:%.c=$(BUILD)/obj/%.o)

.PHONY: all umtt
all: umtt
umtt: $(BUILD)/umtt

$(BUILD)/umtt: $(OBJS)
	@echo "  LD      $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.c Makefile
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)
