#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Questions to the machine far away: each takes as long as it should.

n=0
fail=0
ask=$(echo /sys/bus/virtio/drivers/far_away/virtio*/ask)

result()
{
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		fail=1
	fi
}

# The guest's clock has steps of 256 ns.
takes()
{
	echo "$1" >"$ask" || return
	took=$(cat "$ask")
	[ "$took" -ge "$1" ] && [ "$took" -le $(($1 + 512)) ] && return
	echo "# took $took ns"
	return 1
}

echo "KTAP version 1"
echo "1..4"
takes 5000
result five_us $?
takes 1000000
result a_millisecond $?
takes 20000000
result twenty_milliseconds $?
sleep 1
rmmod far_away
result unloads $?
exit $fail
