# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Protocol tests: fake peers on sockets against umtt itself.
#
# Included by the top Makefile. Uses CC, CFLAGS, BUILD and KSFT_INC (the
# directory of kselftest_harness.h); SAN=1 adds the sanitizers. Every .c file
# here is a test program, except peer.c, which all of them share. They run the
# umtt that the environment variable UMTT names, else $(OUT)/umtt.

PROTO_DIR := selftests/proto
PROTO_BUILD = $(BUILD)/proto$(if $(SAN),-san)
PROTO_UMTT = $(BUILD)$(if $(SAN),/san)/umtt

PROTO_TESTS := $(filter-out peer,$(patsubst $(PROTO_DIR)/%.c,%,\
	$(wildcard $(PROTO_DIR)/*.c)))
PROTO_BINS = $(PROTO_TESTS:%=$(PROTO_BUILD)/%)
PROTO_COMMA := ,
PROTO_CFLAGS = $(CFLAGS) -D_GNU_SOURCE \
	$(if $(SAN),-fsanitize=address$(PROTO_COMMA)undefined -fno-sanitize-recover=all)
# What the harness's macros define, and leave unused, is not ours to change.
PROTO_TEST_CFLAGS = -Wno-missing-prototypes -Wno-unused-parameter \
	-isystem $(KSFT_INC)

$(PROTO_TESTS:%=$(PROTO_BUILD)/obj/%.o): PROTO_CFLAGS += $(PROTO_TEST_CFLAGS)
$(PROTO_BUILD)/obj/%.o: $(PROTO_DIR)/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@"; )$(CC) $(PROTO_CFLAGS) -MMD -MP -c -o $@ $<

$(PROTO_BINS): $(PROTO_BUILD)/%: $(PROTO_BUILD)/obj/%.o $(PROTO_BUILD)/obj/peer.o
	$(if $(V),,@echo "  LD      $@"; )$(CC) $(PROTO_CFLAGS) -o $@ $^

-include $(wildcard $(PROTO_BUILD)/obj/*.d)

.PHONY: proto-build proto-check
proto-build: $(PROTO_BINS)

# Every program prints KTAP; all run, and one failure fails the target.
proto-check: proto-build umtt
	@fail=0; for t in $(PROTO_BINS); do \
		echo "# $$t"; UMTT=$${UMTT:-$(PROTO_UMTT)} $$t || fail=1; \
	done; exit $$fail
