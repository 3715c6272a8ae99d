#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# All ways in which a run ends other than by its command: limits, panics,
# signals, and deaths of any process of it. Nothing may be left behind.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

spin='echo up; while :; do :; done'

# Commands begin at 1 s.
time_limit()
{
	run --time-limit 10s --stats -- sh -c 'sleep 8.99; echo before; sleep 0.02; echo after'
	equal "exit status" "$status" 124 && equal stdout "$(cat out)" before &&
		said '^umtt: time limit of 10.0 s of simulated time reached$' &&
		said '^umtt: simulated 10\.0 s in '
}

time_limit_not_reached()
{
	run --time-limit 10s -- sh -c 'sleep 8.99; echo before; exit 6'
	equal "exit status" "$status" 6 && equal stdout "$(cat out)" before &&
		equal stderr "$(cat err)" ""
}

time_limit_of_the_file()
{
	cat >lab.yaml <<-END
	time-limit: 5s
	nodes:
	  - name: a
	    command: sleep 8; echo done
	END
	run lab.yaml
	equal "exit status" "$status" 124 && equal stdout "$(cat out)" "" || return
	run lab.yaml --time-limit 10s
	succeeded && equal stdout "$(cat out)" "done"
}

# A guest that never gives its turn away
wall_limit()
{
	begin_wall=$(date +%s)
	run --wall-limit 2s -- sh -c "$spin"
	wall=$(($(date +%s) - begin_wall))
	equal "exit status" "$status" 124 && equal stdout "$(cat out)" up &&
		said '^umtt: wall-clock limit of 2\.0 s reached, at [0-9.]+ s of simulated time( or later)?$' &&
		between seconds "$wall" 2 20
}

wall_limit_asleep()
{
	run --wall-limit 2s -- sleep infinity
	equal "exit status" "$status" 124 && said 'wall-clock limit of 2\.0 s reached'
}

panic_at_boot()
{
	run --append rdinit=/none --append init=/none -- true
	equal "exit status" "$status" 125 && said '^node1\| .*Kernel panic - not syncing' &&
		equal "last line" "$(tail -n 1 err | grep -c '^umtt: node1: kernel panic: .*\(init\|root\)')" 1
}

panic_later()
{
	run --mem 64M -- sh -c 'echo first
		echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero'
	equal "exit status" "$status" 125 && equal stdout "$(cat out)" first &&
		said '^node1\| .*Kernel panic - not syncing: Out of memory' &&
		said '^umtt: node1: kernel panic: Out of memory'
}

# It is the other node that panics, and it is named.
panic_of_another()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: first
	    command: sleep 1000; echo not reached
	  - name: second
	    memory: 64M
	    command: sleep 1; echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero
	END
	run lab.yaml
	equal "exit status" "$status" 125 && equal stdout "$(cat out)" "" &&
		said '^second\| .*Kernel panic' && said '^umtt: second: kernel panic: ' &&
		! said '^first\|' >/dev/null
}

powered_off()
{
	run -- sh -c 'echo bye; poweroff -ff 2>/dev/null; sleep 1; echo not reached'
	equal "exit status" "$status" 125 && equal stdout "$(cat out)" bye &&
		said '^umtt: node1: the kernel has ended before its command$'
}

log_is_kept()
{
	run --out logs --append rdinit=/none --append init=/none --node 2 -- true
	equal "exit status" "$status" 125 && said 'which is in .*/logs/node[12].log:$' &&
		grep -q 'Kernel panic' logs/node1.log logs/node2.log &&
		grep -q 'Linux version' logs/node1.log && grep -q 'Linux version' logs/node2.log
}

# signalled SIGNAL STATUS COMMAND: to the group, as a terminal does
signalled()
{
	start --node 2 -- sh -c "$3"
	wait_for 20 grep -q up out || return
	kill -s "$1" -- "-$lab"
	ended 20 && equal "exit status" "$status" "$2" &&
		equal stderr "$(cat err)" "" && nothing_left
}

ctrl_c_asleep()
{
	signalled INT 130 'echo up; while :; do sleep 1; done'
}

# Before there is anything to be seen
ctrl_c_at_once()
{
	for ms in 0 5 10 20 40 80; do
		start --node 3 -- sleep infinity
		sleep "0.$(printf %03d "$ms")"
		kill -s INT -- "-$lab"
		ended 20 || return
		# At first it dies of the signal, as any program does.
		equal "exit status" "$status" 130 && nothing_left || return
	done
}

# The guard has to do it all.
killed_itself()
{
	for ms in 0 10 30 100 300; do
		start --node 3 -- sh -c 'echo up; while :; do sleep 1; done'
		[ "$ms" -lt 300 ] || wait_for 20 grep -q up out || return
		sleep "0.$(printf %03d "$ms")"
		kill -s KILL "$lab"
		ended 20 && equal "exit status" "$status" 137 && nothing_left || return
	done
}

# The guard has made the directory, and umtt never hears of it.
killed_at_mkdtemp()
{
	${CC:-cc} -D_GNU_SOURCE -Wall -Wextra -shared -fPIC -o killer.so \
		"$top/selftests/uml/killed_at_mkdtemp.c" || return
	(
		export LD_PRELOAD="$work/killer.so"
		export ASAN_OPTIONS="verify_asan_link_order=0:$ASAN_OPTIONS"
		exec "$UMTT" run --kernel "$linux" -- true
	)
	equal "exit status" $? 137 && nothing_left
}

# kill_node NODE ARGS...: when all is up
kill_node()
{
	node=$1
	shift
	start "$@"
	wait_for 20 grep -q up out || return
	pid=$(node_pid "$node")
	[ -n "$pid" ] || { echo "no process of $node"; return 1; }
	kill -s KILL "$pid"
}

first_node_killed()
{
	kill_node node1 --node 2 -- sh -c "$spin" && ended 20 &&
		equal "exit status" "$status" 125 &&
		said '^umtt: node1: the kernel was ended by signal 9' && nothing_left
}

other_node_killed()
{
	kill_node node2 --node 2 -- sh -c 'echo up; while :; do sleep 1; done' && ended 20 &&
		equal "exit status" "$status" 125 &&
		said '^umtt: node2: the kernel was ended by signal 9' && nothing_left
}

unneeded_node_killed()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    command: |
	      echo up
	      i=0; while [ \$i -lt 40 ]; do sleep 1; i=\$((i + 1)); done
	      while ! [ -e go ]; do sleep 1; done
	      exit 7
	    devices: ["net,ip=10.0.0.1/24"]
	  - name: b
	    needed: no
	    devices: ["net,ip=10.0.0.2/24"]
	END
	rm -f go
	kill_node b lab.yaml || return
	wait_for 20 grep -q . err
	touch go
	ended 60 && equal "exit status" "$status" 7 &&
		said '^umtt: b: this node has ended; the lab goes on without it$' && nothing_left
}

# A stopped kernel answers to nothing; it is killed all the same.
stopped_node()
{
	kill_stopped()
	{
		kill -s STOP "$(node_pid node2)" && kill -s TERM "$lab"
	}
	start --node 2 -- sh -c 'echo up; while :; do sleep 1; done'
	wait_for 20 grep -q up out && kill_stopped && ended 20 &&
		equal "exit status" "$status" 143 && nothing_left
}

# Without its guard umtt still cleans up after itself.
guard_killed()
{
	start -- sh -c 'echo up; sleep 5; exit 3'
	wait_for 20 grep -q up out || return
	for p in $(own_processes); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != umtt-guard ] || kill -s KILL "$p"
	done
	ended 20 && equal "exit status" "$status" 3 && nothing_left
}

no_module()
{
	echo garbage >bad.ko
	run --module ./bad.ko -- echo not reached
	equal "exit status" "$status" 125 && equal stdout "$(cat out)" "" &&
		said '^umtt: .*/bad.ko: not a kernel module'
}

module_not_loaded()
{
	ko=$UMTT_KERNEL/modules/umtt_echo.ko

	run --module "$ko" --module "$ko" -- echo not reached
	equal "exit status" "$status" 125 && equal stdout "$(cat out)" "" &&
		said '^umtt: node1: cannot load module umtt_echo.ko: File exists'
}

root_not_usable()
{
	mkdir -p empty
	run --root empty -- true
	equal "exit status" "$status" 125 &&
		said '^umtt: node1: the root file system has no directory '
}

begin 26
check time_limit time_limit
check time_limit_not_reached time_limit_not_reached
check time_limit_of_the_lab_file time_limit_of_the_file
check wall_limit_of_a_loop wall_limit
check wall_limit_of_a_sleep wall_limit_asleep
check panic_at_boot panic_at_boot
check panic_later panic_later
check panic_of_another_node panic_of_another
check powered_off powered_off
check log_is_kept log_is_kept
check no_module no_module
check module_not_loaded module_not_loaded
check root_not_usable root_not_usable
check ctrl_c_in_a_loop signalled INT 130 "$spin"
check ctrl_c_asleep ctrl_c_asleep
check ctrl_c_at_once ctrl_c_at_once
check sigterm signalled TERM 143 "$spin"
check sighup signalled HUP 129 "$spin"
check umtt_killed killed_itself
check umtt_killed_when_its_directory_is_made killed_at_mkdtemp
check first_node_killed first_node_killed
check other_node_killed other_node_killed
check unneeded_node_killed unneeded_node_killed
check stopped_node stopped_node
check guard_killed guard_killed
check everything_still_works works -- true
finish
