#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# gdb on the kernel of a node: symbols, modules, the kernel's own scripts; and a run
# that is the same with it and without it, however long it was stopped.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
here=$top/selftests/uml

command -v gdb >/dev/null || skip_all "no gdb"
if [ ! -e "$UMTT_KERNEL/build/vmlinux-gdb.py" ] ||
   [ ! -e "$UMTT_KERNEL/build/vmlinux" ]; then
	skip_all "this kernel has no vmlinux with gdb scripts"
fi

# The lab; its trace is $1
lab()
{
	trace=$1
	shift
	run --device echo --module "$echo_ko" --node 2 --trace "$trace" "$@" \
		-- sh -c 'ping -c 2 node2; sleep 1; cat /proc/uptime'
}

# With the commands on stdin; options of umtt run after it
debug()
{
	cat >commands
	lab with --gdb node1 --gdb-command commands "$@"
	succeeded
}

# has PATTERN: gdb or the node has said so
has()
{
	cat "$work/out" "$work/err" | grep -qE -e "$1" && return
	echo "not said: $1"
	sed 's/^/# /' "$work/out" | tail -n 40
	return 1
}

breakpoints()
{
	debug <<-'END'
	backtrace
	break echo_probe
	continue
	echo in the probe\n
	backtrace
	lx-lsmod
	lx-ps
	lx-version
	delete
	continue
	END
}

in_the_kernel()
{
	breakpoints && has '^#0 +start_kernel \(\) at .*init/main\.c:[0-9]+$' &&
		has '^#1 .* start_kernel_proc .* at .*process\.c:[0-9]+$'
}

in_a_probe()
{
	sed -n '/^in the probe/,$p' out >after
	mv after out
	has '^#0 +echo_probe \(vdev=0x[0-9a-f]+\) at .*:[0-9]+$' &&
		has '^#1 .* virtio_dev_probe .* at .*/virtio\.c:[0-9]+$' &&
		has '^0x[0-9a-f]+ +umtt_echo +[0-9]+' &&
		has '^Linux version 6'
}

# The pause is longer than both limits.
the_same()
{
	lab without --wall-limit 8s --stall-limit 3s
	succeeded && grep -aE '^(64 bytes|[0-9.]+ [0-9.]+$)' out >want || return
	debug --wall-limit 8s --stall-limit 3s <<-'END'
	break icmp_rcv
	continue
	shell sleep 10
	backtrace 2
	delete
	continue
	END
	has '^#0 +icmp_rcv ' &&
		grep -aE '^(64 bytes|[0-9.]+ [0-9.]+$)' out | cmp - want &&
		"$UMTT" diff with without
}

goes_on_when_gdb_leaves()
{
	debug <<-'END'
	quit
	END
}

ends_when_gdb_kills()
{
	debug <<-'END'
	kill
	END
	equal status "$status" 125 && has '^umtt: node1: the kernel was ended by signal 9'
}

on_a_terminal()
{
	cat >steps <<-'END'
	wait (gdb)
	type info threads\r
	wait Thread
	wait (gdb)
	type continue\r
	wait working
	type \x03
	wait SIGINT
	wait (gdb)
	type quit\r
	wait finished
	END
	# shellcheck disable=SC2016	# a script for the node
	timeout -k 5 100 "$here/on_terminal.py" steps "$UMTT" run --kernel "$linux" \
		--gdb node1 -- sh -c 'echo working; for i in $(seq 300); do sleep 1000; done; echo finished' \
		>out 2>err
	status=$?
	succeeded
}

without_gdb()
{
	mkdir -p empty
	PATH=$work/empty "$UMTT" run --kernel "$linux" --gdb node1 -- true >out 2>err
	equal status "$?" 125 && said '^umtt: --gdb: there is no gdb in PATH'
}

is_refused()
{
	want=$1
	shift
	run "$@"
	[ "$status" = 125 ] && said "$want"
}

begin 8
check breakpoint_in_the_kernel in_the_kernel
check breakpoint_in_a_module_probe in_a_probe
check a_pause_costs_no_time_and_all_is_the_same the_same
check the_node_goes_on_when_gdb_leaves goes_on_when_gdb_leaves
check the_run_ends_when_gdb_kills_the_node ends_when_gdb_kills
check on_a_terminal on_a_terminal
check gdb_is_missing without_gdb
check no_such_node is_refused '^umtt: --gdb nobody: the lab has no such node' --gdb nobody -- true
finish
