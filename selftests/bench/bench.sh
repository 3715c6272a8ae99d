#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# What a ping and an echo cost: messages, system calls, CPU and wall time, all
# as differences of two runs of different length, so that booting cancels out.
# Beside them the floor, measured in the same run on the same host.

set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
kout=${KOUT:-$build/kernel/6.12}
umtt=$build/umtt
short=500
long=2500
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# lab COUNT ARGS...: run; prints messages, enters, umtt's and the nodes' CPU
# time in us, wall time in us.
lab()
{
	start=$(date +%s%N)
	"$umtt" run --kernel "$kout/linux" --stats "$@" >"$work/out" 2>"$work/err" || {
		cat "$work/err" >&2
		exit 1
	}
	wall=$((($(date +%s%N) - start) / 1000))
	awk -v wall=$wall '
	/ calendar: / { gsub(/[^0-9 ]/, ""); msgs = $1 + $2 + $5 + $6; enters = $7 }
	/ CPU time: / { gsub(/[^0-9 ]/, ""); own = $1 * 1000; nodes = $2 * 1000 }
	END { print msgs, enters, own, nodes, wall }' "$work/err"
}

# row NAME SHORT LONG: the difference, per piece.
row()
{
	echo "$2 $3" | awk -v name="$1" -v n=$((long - short)) '{
		printf "%-32s %9.2f %9.2f %9.1f %9.1f %9.1f\n", name,
		       ($6 - $1) / n, ($7 - $2) / n, ($8 - $3) / n,
		       ($9 - $4) / n, ($10 - $5) / n
	}' | tee -a "$work/rows"
}

# What a trace costs: CPU time of all there is, of runs with and without in turn.
trace_ratio()
{
	for _ in 1 2 3; do
		for option in "" "--trace=$work/trace"; do
			echo "${option:+with} $(lab --node 2 --link lan,latency=100us \
				${option:+"$option"} -- ping -q -A -c $((2 * long)) 10.0.0.2)"
		done
	done | awk '
	$1 == "with" { with += $4 + $5; next }
	{ without += $3 + $4 }
	END { printf "with --trace it takes %.3f times the CPU time\n", with / without }'
}

# Wall time beside the floors, which is what can be compared between hosts.
ratios()
{
	awk -v bare="$1" '
	/^ping, shared/ { ping = $NF; msgs = $4 }
	/^echo, shared/ { ech = $NF; emsgs = $4 }
	/loopback/ { loop = $NF }
	END {
		printf "a ping is %.1f pings of the loopback", ping / loop
		printf ", and %.1f bare exchanges for each of its messages\n",
		       ping / bare / (msgs / 2)
		printf "an echo is %.1f bare exchanges for each of its messages\n",
		       ech / bare / (emsgs / 2)
	}' "$work/rows"
}

pings()
{
	row "$1" "$(lab --node 2 --link lan,latency=100us ${2:+"$2"} -- ping -q -A -c $short 10.0.0.2)" \
		"$(lab --node 2 --link lan,latency=100us ${2:+"$2"} -- ping -q -A -c $long 10.0.0.2)"
}

echo_loop()
{
	echo "echo $1 >/sys/kernel/debug/umtt_echo/bench && cat /sys/kernel/debug/umtt_echo/bench"
}

echoes()
{
	row "$1" "$(lab --device echo --module "$kout/modules/umtt_echo.ko" ${2:+"$2"} -- sh -c "$(echo_loop $short)")" \
		"$(lab --device echo --module "$kout/modules/umtt_echo.ko" ${2:+"$2"} -- sh -c "$(echo_loop $long)")"
}

cc -O2 -D_GNU_SOURCE -o "$work/floor" selftests/bench/floor.c
printf '%-32s %9s %9s %9s %9s %9s\n' "per piece, of $((long - short)):" \
	messages enters "umtt us" "nodes us" "wall us"
pings "ping, shared memory" ""
pings "ping, messages only" "--no-shm"
echoes "echo, shared memory" ""
echoes "echo, messages only" "--no-shm"
row "floor: ping of its own loopback" \
	"$(lab -- ping -q -A -c $short 127.0.0.1)" "$(lab -- ping -q -A -c $long 127.0.0.1)"
bare=$("$work/floor")
printf '%-32s %49s\n' "floor: bare message and answer" "$bare"
echo
ratios "$bare"
trace_ratio
echo "messages: over all sockets of umtt, both directions; enters: io_uring_enter()."
echo "nodes us: CPU time of all kernels and what runs in them."
