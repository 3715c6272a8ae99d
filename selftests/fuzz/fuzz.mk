# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Fuzzers of the pure parts, for clang's libFuzzer.
#
# Included by the top Makefile. A fuzzer is FUZZ_name_SRCS: what it links
# besides selftests/fuzz/name.c. 'make fuzz' runs each for FUZZ_S seconds, and
# keeps what it has learnt in $(BUILD)/fuzz/corpus, for the next time.

FUZZ_DIR := selftests/fuzz
FUZZ_CC ?= clang
FUZZ_S ?= 60

FUZZ_cal_core_SRCS := src/cal/core.c src/base/heap.c src/wire/names.c
FUZZ_mem_SRCS := src/vu/mem.c
FUZZ_msg_SRCS := src/vu/msg.c
FUZZ_vq_SRCS := src/vu/vq.c src/vu/split.c src/vu/packed.c src/vu/chain.c \
	src/vu/dirty.c src/vu/mem.c src/base/heap.c

FUZZ_TESTS := $(sort $(patsubst FUZZ_%_SRCS,%,$(filter FUZZ_%_SRCS,$(.VARIABLES))))
FUZZ_BINS = $(FUZZ_TESTS:%=$(BUILD)/fuzz/%)
FUZZ_FLAGS = -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

define fuzz_rule
$(BUILD)/fuzz/$(1): $(FUZZ_DIR)/$(1).c $(FUZZ_$(1)_SRCS) $(FUZZ_DIR)/input.h \
		$(wildcard src/vu/*.h src/cal/*.h src/wire/*.h src/base/*.h)
	@mkdir -p $$(@D)
	$(if $(V),,@echo "  FUZZ    $$@"; )$$(FUZZ_CC) $$(CFLAGS) $$(FUZZ_FLAGS) \
		-o $$@ $$(filter %.c,$$^)
endef
$(foreach t,$(FUZZ_TESTS),$(eval $(call fuzz_rule,$(t))))

.PHONY: fuzz-build fuzz
fuzz-build: $(FUZZ_BINS)

fuzz: fuzz-build ## feed the parsers with noise, FUZZ_S=60 seconds each
	@for t in $(FUZZ_TESTS); do \
		echo "  FUZZ    $$t, $(FUZZ_S) seconds"; \
		mkdir -p $(BUILD)/fuzz/corpus/$$t; \
		$(BUILD)/fuzz/$$t -max_total_time=$(FUZZ_S) -timeout=10 \
			-rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/$$t- \
			$(BUILD)/fuzz/corpus/$$t >$(BUILD)/fuzz/$$t.log 2>&1 || \
			{ tail -n 30 $(BUILD)/fuzz/$$t.log; exit 1; }; \
		grep -E 'number_of_executed_units' $(BUILD)/fuzz/$$t.log; \
	done
