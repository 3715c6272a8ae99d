#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The conformance suite against umtt: all of it with the first device, with the
# others what depends on the device. Arguments go to the suite.

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/conformance/lib.sh
. "$top/selftests/conformance/lib.sh"

UMTT=${UMTT:-$top/build/umtt}
# Memory that has been freed does not count as a leak.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8"

set -f
rest=
for device in echo rng net blk console vsock input i2c gpio; do
	socket=$work/$device
	spec=$device,socket=$socket
	[ "$device" != blk ] || spec=$spec,size=1Mi
	[ "$device" != i2c ] || spec=$spec,speed=100M
	# shellcheck disable=SC2086	# a list of words
	suite "$device" --device "$device" --socket "$socket" \
		--exec "exec '$UMTT' slave --device $spec" $rest "$@"
	rest="--test R1.* --test R4.* --test R5.* --test R12.* --test R1[78].*
		--test R19.* --test D[1-68].* --test P.* --test X.*"
done
finish
