# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Calendar, slaves and kernels as processes of their own, started by hand as
# Documentation/time-protocol.rst shows; sourced after lib.sh.
#
# Each part has a name, and below $work: NAME.pid, NAME.out, NAME.err. A kernel's
# script sees $work/share as /mnt, where it can write.

mkdir share

# pid NAME
pid()
{
	cat "$1.pid"
}

# begin_part NAME COMMAND...
begin_part()
{
	part=$1
	shift
	"$@" >"$part.out" 2>"$part.err" </dev/null &
	echo $! >"$part.pid"
}

# new_parts: forget what was there before
new_parts()
{
	end_parts
	rm -rf share ./*.sock ./*.pid ./*.err
	mkdir share
}

# calendar ARGS...: part "calendar", at cal.sock
calendar()
{
	rm -f cal.sock
	begin_part calendar "$UMTT" calendar --socket cal.sock "$@"
	wait_for 10 test -S cal.sock
}

# slave NAME SOCKET ARGS...: ready when the last of its sockets is there
slave()
{
	slave_name=$1
	slave_socket=$2
	shift 2
	rm -f "$slave_socket"
	begin_part "$slave_name" "$UMTT" slave "$@"
	wait_for 10 test -S "$slave_socket"
}

# kernel NAME CALENDAR DEVICES [ARGS...]: CALENDAR is "ID", "" for a kernel in
# real time; DEVICES are "SOCKET:VIRTIO_ID", separated by spaces. Its script is
# on stdin.
kernel()
{
	kernel_name=$1
	kernel_id=$2
	kernel_devices=$3
	shift 3
	{
		cat <<-'END'
		#!/bin/sh
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t debugfs debugfs /sys/kernel/debug
		END
		echo "mount -t hostfs none /mnt -o $work/share"
		echo "exec >/mnt/$kernel_name 2>&1 </dev/null"
		echo "cd /mnt"
		cat
		echo "echo status \$? >>/mnt/$kernel_name"
		echo "exec poweroff -ff"
	} >"$kernel_name.sh"
	chmod +x "$kernel_name.sh"
	for kernel_device in $kernel_devices; do
		set -- "$@" "virtio_uml.device=$kernel_device"
	done
	[ -z "$kernel_id" ] || set -- "$@" "time-travel=ext:$kernel_id:cal.sock"
	begin_part "$kernel_name" "$linux" mem=64M noreboot panic=-1 \
		umid="$kernel_name" uml_dir="$TMPDIR" con=null con0=null,fd:1 ssl=null \
		ipv6.disable=1 "$@" root=/dev/root rootfstype=hostfs ro \
		init="$work/$kernel_name.sh"
}

part_gone()
{
	is_gone "$(pid "$1")"
}

# wait_part SECONDS NAME: until it has ended; leaves $status
wait_part()
{
	if ! wait_for "$1" part_gone "$2"; then
		echo "$2 is still there after $1 s"
		return 1
	fi
	wait "$(pid "$2")"
	status=$?
}

# ends NAME STATUS: so it must
ends()
{
	wait_part 40 "$1" && equal "exit status of $1" "$status" "$2"
}

# ran NAME...: kernels that have come to the end of their scripts with 0
ran()
{
	for ran_name; do
		wait_part 60 "$ran_name" || return
		grep -q '^status 0$' "share/$ran_name" && continue
		echo "the script of $ran_name has not ended with 0:"
		tail -n 20 "share/$ran_name"
		tail -n 20 "$ran_name.out"
		return 1
	done
}

# kill_part NAME...: as hard as can be. A kernel leads a group of its own. Of its
# processes, one that it had just made may not notice its end, and would keep its
# sockets: a signal at the end of its parent is what it asks for a moment later.
kill_part()
{
	for killed; do
		kill -s KILL "$(pid "$killed")" 2>/dev/null
		kill -s KILL -- "-$(pid "$killed")" 2>/dev/null
	done
}

# end_parts: all that are still there
end_parts()
{
	for part in *.pid; do
		[ -e "$part" ] || continue
		kill -s KILL "$(cat "$part")" 2>/dev/null
		wait "$(cat "$part")" 2>/dev/null
	done
	# shellcheck disable=SC2046
	kill -s KILL $(own_processes) 2>/dev/null
	rm -rf "${TMPDIR:?}"/*
}

# part_said NAME PATTERN: in its stderr
part_said()
{
	grep -qE -e "$2" "$1.err" && return
	echo "$1 has not said: $2"
	sed "s/^/$1: /" "$1.err"
	return 1
}

# no_news NAME...: they have said nothing at all
no_news()
{
	for quiet; do
		[ -s "$quiet.err" ] || continue
		sed "s/^/$quiet: /" "$quiet.err"
		return 1
	done
}

# The echo driver's tests, of the script "cat $selftest"
# shellcheck disable=SC2034	# for who sources this
selftest=/sys/kernel/debug/umtt_echo/selftest

# echo_passed NAME [OFTEN]
echo_passed()
{
	equal "tests passed in $1" "$(grep -c '^ok [0-9]* [a-z0-9_]*$' "share/$1")" \
		$((23 * ${2:-1})) && return
	grep -vE '^ok|^KTAP|^1\.\.' "share/$1"
	return 1
}

# net_up N: lines for a script: eth0 is 10.0.0.N
net_up()
{
	echo "ip addr add 10.0.0.$1/24 dev eth0 && ip link set eth0 up &&"
}

# What may help to see why one does not end
describe_parts()
{
	for part in *.pid; do
		part=${part%.pid}
		part_gone "$part" && echo "$part has ended" && continue
		echo "$part: $(tail -n 1 "$part.out") $(tail -n 1 "$part.err")"
		grep -h -E '^(State|SigPnd|ShdPnd):' "/proc/$(pid "$part")/status"
		cat "/proc/$(pid "$part")/wchan"
		echo
	done
}

# What a kernel does with its devices until they are gone, and after that. Reading
# random numbers for ever keeps kicks and calls in flight all the time.
# shellcheck disable=SC2034	# for who sources this
worker="(while head -c 4096 /dev/hwrng >/dev/null 2>&1; do :; done) &
sleep \$seconds & wait \$!; ping -c 1 -W 1 10.0.0.2 >/dev/null 2>&1; echo goes on;
dmesg | grep -c -i virtio; touch /mnt/end; true"
