# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# vu-conformance, the conformance suite for vhost-user back-ends.
#
# Included by the top Makefile. It shares nothing with umtt but the description
# of what is on the wire.

CONF_DIR := selftests/conformance
CONF_SRCS := $(wildcard $(CONF_DIR)/*.c)
# The order of these is the order of the tests.
CONF_TESTS := features messages framing config memory vring state split race \
	packed inband inflight log status payload reconnect
CONF_OBJS = $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out $(CONF_DIR)/t_%,\
	$(CONF_SRCS)) $(wildcard $(CONF_TESTS:%=$(CONF_DIR)/t_%.c)))

$(OUT)/obj/$(CONF_DIR)/%.o: $(CONF_DIR)/%.c Makefile | $(DEPS)
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/vu-conformance: $(CONF_OBJS)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -o $@ $^ -lpthread

-include $(wildcard $(OUT)/obj/$(CONF_DIR)/*.d)

.PHONY: vu-conformance conformance
vu-conformance: $(OUT)/vu-conformance ## build the conformance suite for vhost-user back-ends
conformance: umtt vu-conformance ## run it against umtt
	@UMTT=$(OUT)/umtt VU_CONFORMANCE=$(OUT)/vu-conformance \
		sh $(CONF_DIR)/test_umtt.sh
