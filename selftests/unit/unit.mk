# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Unit tests: one program per file, with the kernel's kselftest harness.
#
# Included by the top Makefile. Uses CC, CFLAGS, BUILD and KSFT_INC (the
# directory of kselftest_harness.h); SAN=1 adds the sanitizers. A test is
# UNIT_name_SRCS: what it links besides selftests/unit/name.c; UNIT_name_LDFLAGS.
# UNIT_name_WATCHED: more of it, whose loads are seen by watch.c.

UNIT_DIR := selftests/unit
UNIT_BUILD = $(BUILD)/unit$(if $(SAN),-san)

# The queues alone.
UNIT_VQ := src/vu/vq.c src/vu/split.c src/vu/packed.c src/vu/chain.c \
	src/vu/inflight.c src/vu/inflight_packed.c src/vu/dirty.c src/vu/mem.c \
	src/base/heap.c

# The queues, clock and options that devices need.
UNIT_BUS := $(UNIT_DIR)/fake_bus.c $(UNIT_DIR)/fake_ring.c src/dev/args.c \
	$(UNIT_VQ) src/base/log.c src/base/prng.c src/base/units.c

# For tests that let memory run out.
UNIT_OOM_SRC := $(UNIT_DIR)/oom.c
UNIT_OOM := -Wl,--wrap=malloc,--wrap=calloc

UNIT_args_SRCS := src/dev/args.c src/base/units.c src/base/log.c
UNIT_blk_SRCS := src/dev/blk.c src/dev/blk_work.c src/dev/disk.c src/dev/faults.c src/dev/when.c $(UNIT_BUS) $(UNIT_OOM_SRC)
UNIT_blk_LDFLAGS := $(UNIT_OOM)
UNIT_cal_core_SRCS := src/cal/core.c src/base/heap.c src/base/prng.c src/wire/names.c
UNIT_console_SRCS := $(wildcard src/dev/console*.c) src/dev/script.c $(UNIT_BUS)
UNIT_dirty_SRCS := $(UNIT_VQ) $(UNIT_DIR)/fake_ring.c $(UNIT_DIR)/fake_packed.c
UNIT_cal_server_SRCS := src/cal/server.c src/cal/core.c $(wildcard src/ring/*.c) \
	src/base/heap.c src/base/log.c src/wire/names.c $(wildcard src/trace/trace.c src/trace/format.c src/trace/names.c)
UNIT_cal_server_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=memfd_create \
	-Wl,--wrap=ftruncate,--wrap=open,--wrap=mmap -Wl,--no-as-needed -luring
UNIT_echo_SRCS := src/dev/echo.c $(UNIT_BUS) $(UNIT_OOM_SRC)
UNIT_echo_LDFLAGS := $(UNIT_OOM)
UNIT_fetched_once_SRCS := $(UNIT_DIR)/watch.c $(UNIT_DIR)/fake_ring.c \
	$(UNIT_DIR)/fake_packed.c src/base/heap.c src/base/prng.c src/vu/mem.c
UNIT_fetched_once_WATCHED := $(filter-out src/vu/mem.c src/base/heap.c,$(UNIT_VQ))
UNIT_heap_SRCS := src/base/heap.c src/base/prng.c
UNIT_hostfile_SRCS := src/dev/hostfile.c src/base/log.c
UNIT_hostsock_SRCS := src/dev/hostsock.c src/base/log.c
UNIT_gpio_SRCS := src/dev/gpio.c src/dev/wire.c src/dev/script.c src/dev/record.c $(UNIT_BUS)
UNIT_i2c_SRCS := src/dev/i2c.c src/dev/i2c_client.c src/dev/i2c_rtc.c src/dev/wire.c src/dev/when.c \
	src/dev/script.c src/dev/record.c $(UNIT_BUS)
UNIT_inflight_SRCS := $(UNIT_VQ) src/base/prng.c $(UNIT_DIR)/fake_ring.c \
	$(UNIT_DIR)/fake_packed.c
UNIT_input_SRCS := src/dev/input.c src/dev/script.c src/dev/record.c $(UNIT_BUS)
UNIT_kcov_SRCS := src/lab/kcov.c src/lab/tool.c src/lab/strvec.c src/base/log.c
UNIT_keys_SRCS := src/dev/keys.c $(UNIT_BUS)
UNIT_killed_SRCS := $(UNIT_VQ) src/base/prng.c $(UNIT_DIR)/fake_ring.c \
	$(UNIT_DIR)/fake_packed.c
UNIT_ktap_SRCS := src/ktap/ktap.c src/ktap/line.c src/ktap/text.c
UNIT_ktap_judge_SRCS := $(UNIT_ktap_SRCS) src/ktap/judge.c src/ktap/expect.c \
	src/ktap/klog.c src/ktap/marks.c src/base/units.c
UNIT_ktap_report_SRCS := $(UNIT_ktap_SRCS) src/ktap/report.c src/ktap/junit.c \
	src/ktap/xml.c src/base/units.c
UNIT_link_SRCS := src/dev/link.c $(UNIT_BUS) $(UNIT_OOM_SRC)
UNIT_link_LDFLAGS := $(UNIT_OOM)
UNIT_mem_SRCS := src/vu/mem.c
UNIT_msg_SRCS := src/vu/msg.c src/wire/names.c
UNIT_net_SRCS := src/dev/net.c src/dev/link.c $(UNIT_BUS) $(UNIT_OOM_SRC)
UNIT_net_LDFLAGS := $(UNIT_OOM)
UNIT_packed_SRCS := $(UNIT_VQ) src/base/prng.c $(UNIT_DIR)/fake_ring.c \
	$(UNIT_DIR)/fake_packed.c $(UNIT_OOM_SRC)
UNIT_packed_LDFLAGS := $(UNIT_OOM)
UNIT_prng_SRCS := src/base/prng.c
UNIT_ring_SRCS := src/ring/ring.c src/ring/stream.c src/ring/listen.c \
	src/ring/signals.c src/base/log.c src/base/prng.c
UNIT_ring_LDFLAGS := -Wl,--no-as-needed -luring
UNIT_rng_SRCS := src/dev/rng.c $(UNIT_BUS)
UNIT_session_oom_SRCS := selftests/fuzz/session_world.c \
	$(wildcard src/vu/*.c src/dev/*.c src/ring/*.c) src/trace/trace.c \
	src/trace/format.c src/tt/tt.c src/wire/names.c \
	$(filter-out src/base/log.c,$(wildcard src/base/*.c))
UNIT_session_oom_LDFLAGS := $(UNIT_OOM) -Wl,--wrap=mmap,--wrap=munmap \
	-Wl,--no-as-needed -luring
UNIT_timeline_SRCS := src/trace/timeline.c src/trace/timeline_add.c \
	src/trace/perfetto.c src/trace/protobuf.c src/trace/html.c src/trace/page.c \
	src/trace/trace.c src/trace/format.c src/trace/reader.c src/trace/names.c \
	src/wire/names.c
UNIT_trace_SRCS := src/trace/trace.c src/trace/format.c src/trace/reader.c \
	src/trace/names.c src/trace/filter.c src/trace/text.c src/trace/payload.c src/wire/names.c
UNIT_trace_diff_SRCS := src/trace/trace.c src/trace/format.c src/trace/reader.c \
	src/trace/names.c src/trace/text.c src/trace/payload.c src/trace/identity.c src/trace/diff.c \
	src/wire/names.c
UNIT_trace_story_SRCS := src/trace/trace.c src/trace/format.c src/trace/reader.c \
	src/trace/names.c src/trace/story.c src/wire/names.c
UNIT_trace_payload_SRCS := src/trace/payload.c src/trace/format.c
UNIT_trace_summary_SRCS := src/trace/format.c src/trace/names.c src/trace/summary.c
UNIT_tt_SRCS := src/tt/tt.c src/base/heap.c src/base/log.c src/base/prng.c \
	src/wire/names.c
UNIT_units_SRCS := src/base/units.c
UNIT_vsock_SRCS := $(wildcard src/dev/vsock*.c) $(UNIT_BUS)
UNIT_vq_SRCS := $(UNIT_VQ) src/base/prng.c $(UNIT_DIR)/fake_ring.c $(UNIT_OOM_SRC)
UNIT_vq_LDFLAGS := $(UNIT_OOM)

UNIT_TESTS := $(sort $(patsubst UNIT_%_SRCS,%,$(filter UNIT_%_SRCS,$(.VARIABLES))))
UNIT_BINS = $(UNIT_TESTS:%=$(UNIT_BUILD)/%)
UNIT_SAN = $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all)
, := ,

UNIT_CFLAGS = $(CFLAGS) $(UNIT_SAN) -D_GNU_SOURCE -pthread
# What the harness's macros define, and leave unused, is not ours to change.
UNIT_TEST_CFLAGS = -Wno-missing-prototypes -Wno-unused-parameter \
	-Wno-sign-compare -isystem $(KSFT_INC)

unit_objs = $(patsubst %.c,$(UNIT_BUILD)/obj/%.o,$(UNIT_DIR)/$(1).c $(UNIT_$(1)_SRCS)) \
	$(patsubst %.c,$(UNIT_BUILD)/watched/%.o,$(UNIT_$(1)_WATCHED))

$(UNIT_BUILD)/obj/$(UNIT_DIR)/%.o: UNIT_CFLAGS += $(UNIT_TEST_CFLAGS)
$(UNIT_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@"; )$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(UNIT_BUILD)/obj/src/trace/page.o: $(PAGE)

# Not optimised: what is written as two loads stays two.
$(UNIT_BUILD)/watched/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@"; )$(CC) $(CFLAGS) -O0 -fno-builtin \
		-fsanitize=thread -Wno-unknown-warning-option -Wno-tsan -Dmemcpy=watched_memcpy -MMD -MP -c -o $@ $<

define unit_rule
$(UNIT_BUILD)/$(1): $(call unit_objs,$(1))
	$(if $(V),,@echo "  LD      $$@"; )$(CC) $(UNIT_CFLAGS) $(UNIT_$(1)_LDFLAGS) -o $$@ $$^
-include $(patsubst %.o,%.d,$(call unit_objs,$(1)))
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

.PHONY: unit-build unit-check
unit-build: $(UNIT_BINS)

# Every program prints KTAP; all run, and one failure fails the target.
unit-check: unit-build
	@fail=0; for t in $(UNIT_BINS); do \
		echo "# $$t"; $$t || fail=1; \
	done; exit $$fail
