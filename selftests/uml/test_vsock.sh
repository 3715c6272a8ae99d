#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The vsock device with the kernel's own driver: guests among each other, to the
# nanosecond, and a guest with programs of the host.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# two_nodes A B OPTIONS-A OPTIONS-B: commands of nodes with CID 3 and 4; a's is waited for
two_nodes()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    command: |
	      $1
	    devices: ["vsock$3"]
	  - name: b
	    command: |
	      $2
	    devices: ["vsock$4"]
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --trace trace lab.yaml
}

# with_host OPTIONS COMMAND
with_host()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --stats=all --device "vsock,uds=u$1" -- sh -c "$2"
}

# A round trip is both latencies, and a look at the clock; see exact() in lib.sh.
round_trip()
{
	two_nodes "$work/vsockio echo 1000" "sleep 0.1; $work/vsockio ask 3 1000 1000 64" \
		,latency=123457ns ,latency=50us
	succeeded || return
	sed 's/^b: //' out | awk '
	$1 < 173457 - 256 || $1 > 173457 + 512 { print "round trip of " $1 " ns" }
	{ sum += $1 - 256 }
	END {
		if (NR != 1000) print NR " round trips"
		late = sum - 1000 * 173457
		if (late < -256 || late > 256) print "over all, " late " ns too much"
	}' >wrong
	cat wrong
	[ ! -s wrong ]
}

# Both sides' credit, and packets in pieces
large()
{
	head -c 3000000 /dev/urandom >big
	two_nodes "$work/vsockio take 1000 >/tmp/got; cmp /tmp/got big && echo same" \
		"sleep 0.1; $work/vsockio send 3 1000 <big" ",latency=1ms" ""
	succeeded && printed '^same'
}

messages()
{
	two_nodes "$work/vsockio seqtake 1000" \
		"sleep 0.1; $work/vsockio seqsend 3 1000 150000" ",latency=1ms" ",packed=off"
	succeeded && equal lengths "$(tr '\n' ' ' <out)" "50000 100000 150000 "
}

same_twice()
{
	for i in 1 2; do
		two_nodes "$work/vsockio echo 1000; cat /proc/uptime" \
			"sleep 0.1; $work/vsockio ask 3 1000 20 20000; cat /proc/uptime" \
			,latency=77us ,latency=1ms
		succeeded || return
		mv out "out.$i"
		umtt trace trace | grep -E ' (a|b).vsock0 ' >"trace.$i"
	done
	diff -u out.1 out.2 && cmp trace.1 trace.2
}

nobody()
{
	run --device vsock -- sh -c "
		for cid in 2 77; do $work/vsockio send \$cid 5 </dev/null || echo refused; done
		$work/vsockio send 3 5 </dev/null || echo refused; cat /proc/uptime"
	succeeded && equal refusals "$(grep -c '^refused' out)" 3 &&
		equal uptime "$(tail -n 1 out | cut -c 1-3)" 1.0
}

# Both guests' drivers come again, and the kernels have slept.
driver_life()
{
	life="drv=/sys/bus/virtio/drivers/vmw_vsock_virtio_transport
		[ -d \$drv ] || drv=/sys/bus/virtio/drivers/virtio_vsock
		for dev in \$drv/virtio*; do dev=\${dev##*/}; done
		echo \$dev >\$drv/unbind && echo \$dev >\$drv/bind || exit
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +1 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
		dmesg | grep -E 'WARNING|BUG|Oops|hung' && exit 1"
	printf '%s\n' "$life" >life.sh
	two_nodes ". ./life.sh; $work/vsockio echo 1000; . ./life.sh; $work/vsockio take 1001" \
		". ./life.sh; sleep 5; $work/vsockio ask 3 1000 5 64; . ./life.sh; sleep 5; echo again | $work/vsockio send 3 1001" \
		,latency=1ms ,latency=1ms
	succeeded && printed '^again' && equal "round trips" "$(grep -c '^b: 2000' out)" 5
}

# A kernel that sleeps with packets on their way gets them when it wakes up.
suspended()
{
	cat >sleep.sh <<-'END'
	"$1"/vsockio take 1000 >/tmp/got &
	sleep 0.2
	for i in 1 2 3 4; do
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +1 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
		sleep 0.00$i
	done
	wait; cat /tmp/got
	END
	two_nodes "sh ./sleep.sh $work" "sleep 0.1; for i in \$(seq 300); do echo \$i; sleep 0.017; done | $work/vsockio send 3 1000" \
		,latency=1ms ,latency=10ms
	succeeded && seq 300 | cmp - out
}

# The driver is called in these instants, and reads its CID; connections end,
# nothing having been sent, and listeners go on. On the way to who waits the kernel
# looks at its clock some times, each a step of 256 ns.
resets()
{
	cat >calls.sh <<-'END'
	sleep 0.1
	"$1"/vsockio watch 3 1000 &
	sleep 1.1
	"$1"/vsockio send 3 1001 </dev/null || echo gone
	"$1"/vsockio watch 7 1001 &
	sleep 1
	END
	two_nodes "$work/vsockio takewatch 1000; $work/vsockio takewatch 1001" \
		"sh ./calls.sh $work" ,latency=1ms,reset=2000000123ns@7/2.5s ,latency=1ms
	succeeded && equal gone "$(grep -c '^b: gone' out)" 1 &&
		equal resets "$(awk '!/^b: / { print $1, $3 }' out | tr '\n' ' ')" "ECONNRESET 7 ECONNRESET 7 " || return
	umtt trace trace | awk '$3 == "a.vsock0" && / (call|vu-request) +.*(vq=2|GET_CONFIG)/ && $1 > 1 { print $1, $2 }' >calls
	echo 2.000000123 call 2.000000123 vu-request 2.500000000 call 2.500000000 vu-request |
		xargs -n 2 | diff calls - || return
	for t in 2000000123 2500000000; do
		between "reset of $t seen at" "$(awk -v t="$t" '!/^b: / && $2 < t + 1000000 && $2 > t { print $2 }' out)" "$t" $((t + 2048)) || return
	done
}

# host_program ARGS...: unixio in the background, as $program
host_program()
{
	"$work/unixio" "$@" >program.out 2>&1 &
	program=$!
}

# Time stands while a slow program thinks: each answer takes the 10 us that
# wait-after= says, and the run is the same each time.
answers()
{
	rm -f u_5
	host_program serve u_5 20000
	wait_for 10 test -S u_5
	for i in 1 2; do
		with_host ,wait=20s "$work/vsockio ask 2 5 20 100; cat /proc/uptime"
		mv out "out.$i"
	done
	kill "$program"
	succeeded && diff -u out.1 out.2 &&
		equal "answers" "$(awk 'NR <= 20 && $1 >= 10000 && $1 <= 10512' out.1 | wc -l)" 20
}

# More than any buffer holds, to a program
to_the_host()
{
	rm -f u_6
	head -c 3000000 /dev/urandom >big
	host_program take u_6
	wait_for 10 test -S u_6
	with_host "" "$work/vsockio send 2 6 <big"
	succeeded && wait "$program" && cmp big program.out &&
		equal "bytes sent" "$(counter err node1.vsock0 tx_bytes)" 3000000
}

from_the_host()
{
	host_program call u 1000 "hello from outside"
	with_host "" "$work/vsockio echo 1000"
	succeeded && wait "$program" &&
		equal "what came back" "$(tail -n 1 program.out)" "hello from outside" &&
		grep -qE '^OK [0-9]+$' program.out
}

refused()
{
	run --device vsock,guest-cid=5 --device vsock,guest-cid=5 -- true
	equal "exit status" "$status" 125 && said 'vsock1: option guest-cid=5: another device has it' || return
	run --device vsock,uds=nowhere/u -- true
	equal "exit status" "$status" 125 && said 'vsock0: cannot listen on nowhere/u' || return
	for r in soon 2s@ 2s@2 2s/1s 2s/2s ''; do
		run --device "vsock,reset=$r" -- true
		equal "exit status" "$status" 125 && said "vsock0: option reset=$r: " || return
	done
	run --device vsock,wait=1s -- true
	equal "exit status" "$status" 125 && said "no option 'wait'"
}

grep -q vmw_vsock_virtio_transport "$linux" || grep -q virtio_vsock "$linux" ||
	skip_all "this kernel has no virtio-vsock: make kernel"
compile vsockio
compile unixio
begin 19
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in round_trip large messages same_twice driver_life suspended resets; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "round_trip_$mode" round_trip
	check "large_$mode" large
	check "messages_$mode" messages
	check "same_twice_$mode" same_twice
	check "driver_life_$mode" driver_life
	check "suspended_$mode" suspended
	check "resets_$mode" resets
done
mode=shared_memory
check nobody nobody
check answers answers
check to_the_host to_the_host
check from_the_host from_the_host
check refused refused
finish
