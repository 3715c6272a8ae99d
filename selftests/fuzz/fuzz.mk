# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Fuzzers, for clang's libFuzzer.
#
# Included by the top Makefile. A fuzzer is FUZZ_name_SRCS: what it links
# besides selftests/fuzz/name.c; FUZZ_name_LIBS. Its seeds are in the directory
# corpus/name. 'make fuzz' runs each for FUZZ_S seconds, or those in FUZZ_ONLY,
# and keeps what it has learnt in $(BUILD)/fuzz/corpus, for the next time;
# 'make fuzz-merge' adds to the seeds what reaches something new.

FUZZ_DIR := selftests/fuzz
FUZZ_CC ?= clang
FUZZ_S ?= 60

FUZZ_args_SRCS := src/dev/args.c src/base/units.c
FUZZ_cal_core_SRCS := src/cal/core.c src/base/heap.c src/wire/names.c
FUZZ_device_SRCS := $(addprefix src/dev/,blk.c blk_work.c console.c console_port.c \
	console_script.c disk.c faults.c gpio.c i2c.c i2c_client.c i2c_rtc.c input.c \
	record.c script.c vsock.c vsock_event.c vsock_host.c when.c wire.c) \
	$(filter-out src/base/log.c,$(UNIT_BUS))
FUZZ_expect_SRCS := src/ktap/expect.c src/ktap/text.c src/base/units.c
FUZZ_ktap_SRCS := $(wildcard src/ktap/*.c) src/base/units.c
FUZZ_labfile_SRCS := src/lab/labfile.c src/lab/labyaml.c src/lab/yamldoc.c \
	src/lab/lab.c src/lab/devspec.c src/lab/busy.c src/lab/peek.c src/lab/strvec.c \
	src/base/units.c
FUZZ_labfile_LIBS := -lcyaml -lyaml
FUZZ_mem_SRCS := src/vu/mem.c
FUZZ_msg_SRCS := src/vu/msg.c
FUZZ_session_SRCS := $(FUZZ_DIR)/session_front.c $(FUZZ_DIR)/session_model.c \
	$(FUZZ_DIR)/session_world.c $(wildcard src/vu/*.c src/dev/*.c src/ring/*.c) \
	src/trace/trace.c src/trace/format.c \
	src/tt/tt.c $(filter-out src/base/log.c,$(wildcard src/base/*.c)) \
	src/wire/names.c
FUZZ_session_LIBS := -luring -Wl,--wrap=mmap,--wrap=munmap
FUZZ_tt_SRCS := src/tt/tt.c src/base/heap.c src/wire/names.c
FUZZ_units_SRCS := src/base/units.c
FUZZ_vq_SRCS := src/vu/vq.c src/vu/split.c src/vu/packed.c src/vu/chain.c \
	src/vu/inflight.c src/vu/inflight_packed.c src/vu/dirty.c src/vu/mem.c \
	src/base/heap.c

FUZZ_TESTS := $(sort $(patsubst FUZZ_%_SRCS,%,$(filter FUZZ_%_SRCS,$(.VARIABLES))))
FUZZ_ONLY ?= $(FUZZ_TESTS)
FUZZ_BINS = $(FUZZ_TESTS:%=$(BUILD)/fuzz/%)
FUZZ_FLAGS = -Wno-gnu-variable-sized-type-not-at-end \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_RUN_FLAGS := -timeout=10 -rss_limit_mb=2048 -max_len=4096

define fuzz_rule
$(BUILD)/fuzz/$(1): $(FUZZ_DIR)/$(1).c $(FUZZ_$(1)_SRCS) \
		$(wildcard $(FUZZ_DIR)/*.h src/*/*.h)
	@mkdir -p $$(@D)
	$(if $(V),,@echo "  FUZZ    $$@"; )$$(FUZZ_CC) $$(CFLAGS) $$(FUZZ_FLAGS) \
		-o $$@ $$(filter %.c,$$^) $(FUZZ_$(1)_LIBS)
endef
$(foreach t,$(FUZZ_TESTS),$(eval $(call fuzz_rule,$(t))))

.PHONY: fuzz-build fuzz fuzz-merge fuzz-list
fuzz-build: $(FUZZ_BINS)

fuzz-list:
	@echo $(FUZZ_TESTS)

fuzz: $(FUZZ_ONLY:%=$(BUILD)/fuzz/%) ## feed the parsers with noise, FUZZ_S=60 seconds each
	@for t in $(FUZZ_ONLY); do \
		echo "  FUZZ    $$t, $(FUZZ_S) seconds"; \
		mkdir -p $(BUILD)/fuzz/corpus/$$t $(FUZZ_DIR)/corpus/$$t; \
		$(BUILD)/fuzz/$$t -max_total_time=$(FUZZ_S) $(FUZZ_RUN_FLAGS) \
			-print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/$$t- \
			$(BUILD)/fuzz/corpus/$$t $(FUZZ_DIR)/corpus/$$t \
			>$(BUILD)/fuzz/$$t.log 2>&1 || \
			{ tail -n 30 $(BUILD)/fuzz/$$t.log; exit 1; }; \
		grep -E 'number_of_executed_units' $(BUILD)/fuzz/$$t.log; \
	done

fuzz-merge: $(FUZZ_ONLY:%=$(BUILD)/fuzz/%)
	@for t in $(FUZZ_ONLY); do \
		mkdir -p $(FUZZ_DIR)/corpus/$$t $(BUILD)/fuzz/corpus/$$t; \
		$(BUILD)/fuzz/$$t -merge=1 -use_counters=0 -use_cmp=0 \
			-max_len=512 -timeout=10 \
			$(FUZZ_DIR)/corpus/$$t $(BUILD)/fuzz/corpus/$$t \
			2>&1 | grep MERGE-OUTER.*added; \
	done
