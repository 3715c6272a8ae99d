# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# Builds umtt, its kernel and its tests; 'make help' is the index.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

BUILD	:= build
VERSION	:= 0.1
PREFIX	?= /usr/local
LIBEXEC	:= $(PREFIX)/lib/umtt
ifeq ($(origin CC),default)
CC	:= gcc
endif
KERNEL	?= 6.12

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wundef -Werror
CFLAGS	?= -O2 -g
override CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE $(CFLAGS)
LDLIBS	:= -luring -lcyaml -lyaml -lfdt

ifeq ($(SAN),1)
OUT	:= $(BUILD)/san
SANFLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer \
	   -fno-sanitize-recover=all
else
OUT	:= $(BUILD)
endif

Q	:= $(if $(V),,@)

.PHONY: help
help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)
	@echo
	@echo "  KERNEL=6.1   another version of Debian's linux-source (default 6.12)"
	@echo "  KDIR=DIR     a kernel tree of your own, from 6.1 on; it is not modified"
	@echo "  DEVICES=DIR  device models of your own, a file each, to be part of umtt"
	@echo "  V=1          show the commands; SAN=1: with sanitizers; PREFIX=$(PREFIX)"

.PHONY: all deps umtt
all: umtt ## build umtt and what it puts into its nodes (default)

# Packages come first, and only once.
DEPS	:= $(BUILD)/.deps-build
$(DEPS): uml-glue/deps.sh
	@sh uml-glue/deps.sh --for build
	@mkdir -p $(@D) && touch $@

umtt: $(OUT)/umtt $(OUT)/umtt-init $(OUT)/umtt-preload.so

SRCS	:= $(wildcard src/*/*.c)
OBJS	:= $(SRCS:%.c=$(OUT)/obj/%.o)

# Devices from outside: src/dev/devices.def includes a table of them, which is
# touched only when it changes.
EXTRA	:= $(if $(DEVICES),$(notdir $(basename $(wildcard $(DEVICES)/*.c))))
EXTRA_DEF := $(OUT)/obj/extra-devices.def
ifneq ($(DEVICES),)
ifeq ($(EXTRA),)
$(error DEVICES=$(DEVICES): there are no .c files in this directory)
endif
endif
OBJS	+= $(EXTRA:%=$(OUT)/obj/extra/%.o)

.PHONY: FORCE
$(EXTRA_DEF): FORCE
	@mkdir -p $(@D)
	@{ echo '/* $(DEVICES) */'; $(foreach d,$(EXTRA),echo 'DEV($(d))';) } >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(OUT)/obj/src/dev/dev.o $(OUT)/obj/src/lab/labfile.o: $(EXTRA_DEF)
$(OUT)/obj/src/dev/dev.o $(OUT)/obj/src/lab/labfile.o: private override CFLAGS += \
	-DEXTRA_DEVICES='"$(abspath $(EXTRA_DEF))"'

# As if they were in src/dev
$(OUT)/obj/extra/%.o: $(DEVICES)/%.c $(EXTRA_DEF) Makefile | $(DEPS)
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -iquote src/dev -MMD -MP -c -o $@ $<

$(OUT)/umtt: $(OBJS)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/obj/src/%.o: src/%.c Makefile | $(DEPS)
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -DUMTT_VERSION='"$(VERSION)"' \
		-MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)

# What the assembler includes, the compiler does not know of.
PAGE	:= $(wildcard src/trace/html/*)
$(OUT)/obj/src/trace/page.o: $(PAGE)

# PID 1 of every node: static, since it runs before there is a root.
INIT_SRCS := $(wildcard uml-glue/guest/*.c)
$(OUT)/umtt-init: $(INIT_SRCS) $(wildcard uml-glue/guest/*.h) Makefile | $(DEPS)
	@echo "  CC      $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -o $@ $(INIT_SRCS)

$(OUT)/umtt-preload.so: uml-glue/preload/preload.c Makefile | $(DEPS)
	@echo "  CC      $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fPIC -shared -o $@ $<

# The kernel, $(BUILD)/kernel/VERSION/linux; its script knows what is up to date.
.PHONY: kernel
kernel: ## build the User-Mode Linux kernel of the nodes (3 minutes, once)
ifdef KDIR
	@sh uml-glue/deps.sh --for kernel-tree
	@uml-glue/kernel/build.sh --source "$(KDIR)" --out $(BUILD)/kernel/kdir
else
	@sh uml-glue/deps.sh --for kernel-$(KERNEL)
	@uml-glue/kernel/build.sh --version $(KERNEL) --out $(BUILD)/kernel/$(KERNEL)
endif
KOUT	:= $(BUILD)/kernel/$(if $(KDIR),kdir,$(KERNEL))

.PHONY: run
run: all kernel ## two kernels ping each other, and an hour passes
	@$(BUILD)/umtt run uml-glue/labs/two-nodes.yaml --kernel $(KOUT)/linux --stats

# Tests

KSFT_INC := $(BUILD)/kernel/6.12/source/tools/testing/selftests
-include selftests/unit/unit.mk
-include selftests/proto/proto.mk
-include selftests/fuzz/fuzz.mk
-include selftests/conformance/conformance.mk

.PHONY: check check-deps
check-deps:
	@sh uml-glue/deps.sh --for check --for kernel-$(KERNEL)

check: check-deps ## run all tests (after 'make run' about 5 minutes)
	@$(MAKE) --no-print-directory all kernel
	@KERNEL=$(KERNEL) KDIR="$(KDIR)" BUILD=$(BUILD) selftests/check.sh

.PHONY: check-kernels
check-kernels: all kernel ## kernels with KASAN and coverage, built and seen to work (10 minutes)
	@CHECK_KERNELS=1 UMTT=$(BUILD)/umtt UMTT_KERNEL=$(KOUT) sh selftests/uml/test_kernels.sh

.PHONY: coverage
coverage: check-deps kernel ## lines and branches that the tests reach
	@BUILD=$(BUILD) selftests/coverage.sh

.PHONY: bench
bench: all kernel ## what a ping and an echo cost, beside the floor of this host
	@BUILD=$(BUILD) KOUT=$(KOUT) selftests/bench/bench.sh

.PHONY: kselftest-report
kselftest-report: all kernel ## kselftests in simulated and in real time, as a table (an hour, once)
	@BUILD=$(BUILD) REAL_CAP=$(REAL_CAP) REAL_JOBS=$(REAL_JOBS) \
		SIM_JOBS=$(SIM_JOBS) WALL_LIMIT=$(WALL_LIMIT) uml-glue/kselftest/report.sh

.PHONY: soak
soak: all kernel ## the same labs RUNS=1000 times: always the same bytes?
	@BUILD=$(BUILD) KOUT=$(KOUT) RUNS=$(or $(RUNS),1000) sh selftests/uml/soak.sh

# Back-ends that management software finds by QEMU's conventions: a program for
# each type, and a description of it. 90: only if there is no other of that type.
BACKENDS := net rng
BACKEND_net := umtt: network port, alone on its link
BACKEND_rng := umtt: random numbers, the same ones in each run
BACKEND_JSON := $(PREFIX)/share/qemu/vhost-user
backend = sed -e 's|@TYPE@|$(1)|' -e 's|@DESCRIPTION@|$(BACKEND_$(1))|' \
	-e 's|@BINARY@|$(LIBEXEC)/vhost-user-$(1)|' -e 's|@UMTT@|$(PREFIX)/bin/umtt|'

.PHONY: install uninstall clean
install: all $(BACKENDS:%=install-backend-%) ## install umtt, its man page and, if it is built, the kernel
	install -D -m 755 $(OUT)/umtt $(DESTDIR)$(PREFIX)/bin/umtt
	install -D -m 755 $(OUT)/umtt-init $(DESTDIR)$(LIBEXEC)/umtt-init
	install -D -m 755 $(OUT)/umtt-preload.so $(DESTDIR)$(LIBEXEC)/umtt-preload.so
	install -D -m 644 Documentation/man/umtt.1 $(DESTDIR)$(PREFIX)/share/man/man1/umtt.1
	install -d $(DESTDIR)$(LIBEXEC)/uml-glue
	cp -r uml-glue/deps.sh uml-glue/kernel uml-glue/modules $(DESTDIR)$(LIBEXEC)/uml-glue/
	install -D -m 644 uml-glue/kselftest/guest.sh $(DESTDIR)$(LIBEXEC)/kselftest/guest.sh
	if [ -x $(KOUT)/linux ]; then \
		install -D -m 755 $(KOUT)/linux $(DESTDIR)$(LIBEXEC)/kernel/linux; \
	fi

install-backend-%:
	install -d $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(BACKEND_JSON)
	$(call backend,$*) src/cmd/backend.sh.in >$(DESTDIR)$(LIBEXEC)/vhost-user-$*
	chmod 755 $(DESTDIR)$(LIBEXEC)/vhost-user-$*
	$(call backend,$*) src/cmd/backend.json.in >$(DESTDIR)$(BACKEND_JSON)/90-umtt-$*.json
	chmod 644 $(DESTDIR)$(BACKEND_JSON)/90-umtt-$*.json

uninstall: ## undo it
	rm -rf $(DESTDIR)$(PREFIX)/bin/umtt $(DESTDIR)$(LIBEXEC) \
		$(DESTDIR)$(PREFIX)/share/man/man1/umtt.1 \
		$(BACKENDS:%=$(DESTDIR)$(BACKEND_JSON)/90-umtt-%.json)

clean: ## remove what was built, except the kernels (for those: rm -r build)
	find $(BUILD) -mindepth 1 -maxdepth 1 ! -name kernel -exec rm -r {} + 2>/dev/null || true
