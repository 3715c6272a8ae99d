#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The conformance suite against umtt, a device after the other. In UMTT_DEVICES
# there may be others than the usual ones; arguments go to the suite.

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/conformance/lib.sh
. "$top/selftests/conformance/lib.sh"

UMTT=${UMTT:-$top/build/umtt}
# Memory that has been freed does not count as a leak.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8"

for device in ${UMTT_DEVICES:-rng echo net}; do
	socket=$work/$device
	suite "$device" --device "$device" --socket "$socket" \
		--exec "exec '$UMTT' slave --device $device,socket=$socket" "$@"
done
finish
