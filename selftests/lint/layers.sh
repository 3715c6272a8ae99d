#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Who may include whom, and other rules of Documentation/design.rst that a
# compiler does not check.

set -u
cd "$(dirname "$0")/../.." || exit 1
n=0
fail=0

result()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "$2" | sed 's/^/# /'
		fail=1
	fi
}

# FILES... may include only what matches PATTERN (paths as written).
includes()
{
	name=$1
	allowed=$2
	shift 2
	result "$name" "$(grep -nH '^#include "' "$@" |
		grep -vE "#include \"($allowed)\"")"
}

# FILES... must not contain PATTERN.
without()
{
	name=$1
	pattern=$2
	shift 2
	result "$name" "$(grep -nHE "$pattern" "$@")"
}

echo "KTAP version 1"
echo "1..16"
up='\.\./'
# The pure parts of a virtqueue.
queues="src/vu/vq.c src/vu/split.c src/vu/packed.c src/vu/chain.c src/vu/dirty.c
	src/vu/inflight.c src/vu/inflight_packed.c"
includes wire_and_base_are_leaves "[a-z_]+\.h|${up}base/[a-z]+\.h" \
	src/wire/*.[ch] src/base/*.[ch]
includes trace_knows_base_and_wire "[a-z]+\.(h|def)|${up}(base|wire)/[a-z_]+\.h" \
	src/trace/*.[ch]
includes ring_knows_base "[a-z]+\.h|${up}base/[a-z]+\.h" src/ring/*.[ch]
includes calendar_core_is_pure "core\.h|${up}base/[a-z]+\.h|${up}wire/timetravel\.h" \
	src/cal/core.[ch]
# shellcheck disable=SC2086
includes vu_pure_parts "(msg|mem|vq|vring|layout|inflight|dirty)\.h|${up}base/[a-z]+\.h|${up}wire/vhost_user\.h" \
	src/vu/msg.[ch] src/vu/mem.[ch] src/vu/vring.h src/vu/layout.h $queues
includes vu_does_not_know_tt "[a-z_]+\.h|${up}(base|wire|ring)/[a-z_]+\.h|${up}trace/trace\.h" \
	src/vu/*.[ch]
includes tt_does_not_know_vu "[a-z_]+\.h|${up}(base|wire|ring)/[a-z_]+\.h|${up}cal/server\.h" \
	src/tt/*.[ch]
includes ktap_is_pure "[a-z]+\.h|${up}base/[a-z]+\.h" src/ktap/*.[ch]
models=$(find src/dev -name '*.c' ! -name dev.c ! -name args.c ! -name kick.c \
	! -name notify.c ! -name services.c ! -name hostfile.c \
	! -name hostout.c ! -name hostsock.c)
# shellcheck disable=SC2086
includes devices_know_dev_h "(dev|link|blk|disk|faults|when|script|wire|i2c_client|console|console_port|vsock|keys)\.h|input_names\.def|${up}base/(prng|units)\.h|${up}lab/channel\.h" $models
# shellcheck disable=SC2046
without only_ring_knows_io_uring 'io_uring_[a-z_]+\([^)]|liburing\.h' \
	$(find src -name '*.[ch]' ! -path 'src/ring/*')
without one_place_waits 'io_uring_(wait|submit)' \
	src/ring/stream.c src/ring/listen.c src/ring/signals.c
# shellcheck disable=SC2046
without nobody_else_waits '\b(poll|ppoll|select|epoll_wait|sigwait)\(' \
	$(find src -name '*.c' ! -path src/base/log.c)
# shellcheck disable=SC2086
without pure_parts_make_no_system_calls '<(unistd|fcntl|sys/mman|sys/socket)\.h>' \
	src/cal/core.c src/vu/msg.c src/vu/mem.c $queues
without ktap_makes_no_system_calls '<(unistd|fcntl|poll|sys/(mman|socket|wait|stat))\.h>|\b(fopen|getenv|system)\(' \
	src/ktap/*.[ch]
# shellcheck disable=SC2086
without peers_cannot_stop_us '\b(assert|abort|exit|BUG_ON)\(' \
	src/vu/msg.c src/vu/mem.c $queues src/wire/names.c src/ktap/*.c
result headers_stand_alone "$(find src -name '*.h' | while read -r h; do
	cc -std=gnu11 -D_GNU_SOURCE -fsyntax-only -x c "$h" 2>&1; done)"
exit $fail
