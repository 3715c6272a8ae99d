#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The echo device, tested from inside by its driver (uml-glue/modules/umtt_echo):
# times are right to the nanosecond there.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

dir=/sys/kernel/debug/umtt_echo

# The driver's own tests, so many times all of them, all passed, none skipped
all_passed()
{
	succeeded || return
	grep -v '^ok' out | grep -vE '^(KTAP version 1|1\.\.23)$'
	grep '# SKIP' out
	equal "tests passed" "$(grep -c '^ok [0-9]* [a-z0-9_]*$' out)" $((23 * $1)) &&
		equal "other lines" "$(grep -cv '^ok [0-9]* [a-z0-9_]*$' out)" $((2 * $1))
}

# with_echo MODE DEVICE COMMAND
with_echo()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --device "$2" --module "$echo_ko" -- sh -c "$3"
}

# The second time after the first has left its traces in queues and counters
selftest()
{
	with_echo "$1" "$2" "cat $dir/selftest $dir/selftest"
	all_passed 2
}

# bench MODE REQUESTS DEPTH LATENCY KICK_LATENCY: each round of DEPTH requests
# takes latency and kick latency, and one kick and one interrupt. What is
# measured begins when the device takes the first.
bench()
{
	with_echo "$1" "echo,kick-latency=${5}ns" "echo $2 $3 $4 >$dir/bench; cat $dir/bench"
	succeeded || return
	rounds=$((($2 + $3 - 1) / $3))
	cat >want <<-END
	requests $2
	depth $3
	latency_ns $4
	simulated_ns $((rounds * ($4 + $5) - $5))
	simulated_ns_per_request $(((rounds * ($4 + $5) - $5) / $2))
	kicks $rounds
	interrupts $rounds
	END
	diff -u want out
}

two_devices()
{
	run --device echo --device echo,kick-latency=7us --module "$echo_ko" -- \
		sh -c "cat $dir/selftest $dir.1/selftest"
	all_passed 2
}

# Three kernels at the same time, each under test while the others move time
three_kernels()
{
	{
		echo "nodes:"
		for node in a b c; do
			cat <<-END
			  - name: $node
			    devices: ["echo,kick-latency=$2"]
			    modules: [$echo_ko]
			    command: cat $dir/selftest
			    wait: true
			END
		done
	} >lab.yaml
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") lab.yaml
	sed -i 's/^[bc]: //' out
	all_passed 3
}

# The module goes and comes again: all is set up anew.
reload()
{
	cp "$echo_ko" .
	run --device echo --module "$echo_ko" -- sh -c "rmmod umtt_echo &&
		insmod ./umtt_echo.ko && cat $dir/selftest"
	all_passed 1
}

counters()
{
	run --device echo --module "$echo_ko" --stats=all -- \
		sh -c "echo 500 4 >$dir/bench && echo 7 >$dir/bench"
	succeeded &&
		equal kicks "$(counter err node1.echo0 kicks)" 132 &&
		equal calls "$(counter err node1.echo0 calls)" 132
}

if [ ! -f "$echo_ko" ]; then
	skip_all "no $echo_ko: make kernel"
fi
begin 19
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in selftest selftest_kick_latency bench bench_depth \
			bench_kick_latency bench_slow three_kernels; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "selftest_$mode" selftest "$mode" echo
	check "selftest_kick_latency_$mode" selftest "$mode" echo,kick-latency=5us
	check "bench_$mode" bench "$mode" 1000 1 1000 0
	check "bench_depth_$mode" bench "$mode" 1001 8 5000 0
	check "bench_kick_latency_$mode" bench "$mode" 1000 3 1000 5000
	check "bench_slow_$mode" bench "$mode" 3 1 1000000000 77
	check "three_kernels_$mode" three_kernels "$mode" 0
done
check three_kernels_kick_latency three_kernels shared_memory 3us
check two_devices two_devices
check module_reloaded reload
check latency_0 bench shared_memory 1000 1 0 0
check counters counters
finish
