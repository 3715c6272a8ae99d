#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Drivers that come and go, and kernels that sleep and leave, while
# requests are under way. Afterwards all is as at first, to the nanosecond, and
# no request has been lost or answered twice.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/parts.sh
. "$top/selftests/uml/parts.sh"

[ -f "$echo_ko" ] || skip_all "no $echo_ko: make kernel"

# For scripts of guests. What a kernel logs of its devices without being asked,
# but for a link that comes up, is a complaint.
cat >guest.sh <<'GUEST'
echo_dir=/sys/kernel/debug/umtt_echo

# device DRIVER: sets $driver and $device, the first one that it drives
device()
{
	driver=/sys/bus/virtio/drivers/$1
	for device in "$driver"/virtio*; do break; done
	device=${device##*/}
}

rebind()
{
	echo "$device" >"$driver/unbind" && echo "$device" >"$driver/bind"
}

# suspend SECONDS: Linux 6.1 does not notice in simulated time that its alarm is over
suspend()
{
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	echo "+$1" >/sys/class/rtc/rtc0/wakealarm && echo "${2:-mem}" >/sys/power/state
}

load()
{
	echo 16 "$1" >$echo_dir/load
}

# All that go round come to an end, none of them is wrong, and none late by a nanosecond.
load_ends()
{
	echo 0 >$echo_dir/load || { echo "requests are lost:"; cat $echo_dir/load; return 1; }
	awk -v simulated="$(grep -c time-travel=ext /proc/cmdline)" '
	{ n[$1] = $2 }
	function wrong() {
		return n["returned"] < 32 || n["returned"] != n["submitted"] ||
			n["wrong"] || n["in_flight"] || (simulated && n["late"])
	}
	END { exit wrong() }' $echo_dir/load && return
	cat $echo_dir/load
	return 1
}

# After all that: under load, and the driver's own tests
works_again()
{
	load 1000000 && sleep 0.02 && load_ends || return
	cat $echo_dir/selftest
}

no_complaint()
{
	! dmesg | grep -E '[Vv]irtio|vhost|umtt_echo|WARNING|BUG:|Oops|hung|timed out' |
		grep -vE 'Registering device|command line|Command line|out-of-tree|link becomes ready'
}
GUEST

# script: for the guest, on stdin; it has those functions
script()
{
	cat guest.sh - >guest-run.sh
}

# passed COUNT: the echo driver's tests, and nothing else was printed
passed()
{
	succeeded || { tail -n 30 out; return 1; }
	equal "tests passed" "$(grep -c '^ok [0-9]* [a-z0-9_]*$' out)" $((23 * $1)) &&
		equal "other lines" "$(grep -v '^ok [0-9]* [a-z0-9_]*$' out |
			grep -cvE '^(KTAP version 1|1\.\.23)$')" 0 && quiet
}

# umtt has said nothing
quiet()
{
	[ ! -s err ] && return
	cat err
	return 1
}

# echo_lab MODE OPTIONS: the script, with an echo device
echo_lab()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --device "echo$2" --module "$echo_ko" -- sh guest-run.sh
}

# Under load the driver goes at any moment, with 32 requests out.
unbind_echo()
{
	script <<-'END'
	device umtt_echo
	i=0
	while [ $i -lt 30 ]; do
		load 1000000 || exit
		sleep 0.00$((i % 7))$((i % 10))
		rebind || exit
		i=$((i + 1))
	done
	works_again && no_complaint
	END
	echo_lab "$1" "$2"
	passed 1
}

reload_echo()
{
	cp "$echo_ko" .
	script <<-'END'
	for i in 1 2 3 4 5 6 7 8 9 10; do
		load 1000000 || exit
		sleep 0.00$i
		rmmod umtt_echo && insmod ./umtt_echo.ko || exit
	done
	works_again && no_complaint
	END
	echo_lab "$1" "$2"
	passed 1
}

# What is out when the kernel suspends comes again when it resumes.
suspend_echo()
{
	script <<-'END'
	load 200000000 || exit
	for i in 1 2 3 4 5 6 7 8 9 10; do
		suspend 2 || exit
		sleep 0.$i
	done
	load_ends || exit

	works_again && no_complaint
	END
	echo_lab "$1" "$2"
	: >err
	passed 1
}

# Twice the same, with all that a kernel that resumes does by itself
suspend_is_reproducible()
{
	script <<-'END'
	load 200000000 || exit
	for i in 1 2 3 4 5 6 7 8 9 10; do
		suspend 2 || exit
		cat $echo_dir/load /proc/uptime
		sleep 0.3
	done
	END
	echo_lab "$1" ""
	succeeded && mv out first && quiet || return
	for _ in 1 2; do
		echo_lab "$1" ""
		succeeded && diff first out || return
	done
}

# Its only buffer is with the device all the time.
rng()
{
	script <<-'END'
	device virtio_rng
	i=0
	while [ $i -lt 10 ]; do
		head -c 10000 /dev/hwrng >/dev/null 2>&1 &
		sleep 0.0$((i % 10))7
		rebind || exit
		wait
		i=$((i + 1))
	done
	for i in 1 2 3; do
		suspend 2 || exit
		head -c 1000 /dev/hwrng | wc -c
	done
	no_complaint
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --device "rng,rate=64k$2" -- sh guest-run.sh
	succeeded && quiet && equal "bytes read" "$(tr '\n' ' ' <out)" "1000 1000 1000 "
}

# A kernel is switched off with requests under way; the other one's lab goes on.
power_off()
{
	script <<-'END'
	load 1000000 && sleep 2 && load_ends && works_again && no_complaint
	END
	{ cat guest.sh; echo 'load 300000 && sleep 0.5; poweroff -ff'; } >guest-off.sh
	{
		echo "nodes:"
		for node in run off; do
			cat <<-END
			  - name: $node
			    devices: ["echo$2"]
			    modules: [$echo_ko]
			    command: sh guest-$node.sh
			    needed: false
			END
		done
	} >lab.yaml
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") lab.yaml
	: >err
	passed 1
}

#
# The same with processes of their own: here one sees what a slave keeps open
#

# share_script: the script on stdin, with the functions, as a kernel of parts.sh
share_script()
{
	cp "$echo_ko" share/
	{ cat guest.sh; echo "insmod umtt_echo.ko || exit"; cat; } >share/run.sh
	echo "sh ./run.sh"
}

open_files()
{
	find "/proc/$(pid slave)/fd" -type l | wc -l
}

settled()
{
	[ "$(open_files)" = "$1" ]
}

life='
	device umtt_echo
	for i in 1 2 3 4 5 6 7 8 9 10; do
		load 1000000 || exit
		sleep 0.00$i
		rebind || exit
	done
	load 20000000 || exit
	suspend 1 || exit
	sleep 0.1
	suspend 1 || exit
	load_ends && rmmod umtt_echo && insmod umtt_echo.ko && works_again >/mnt/tests &&
		no_complaint'

# lived: the kernel a has done all that
lived()
{
	ran a || return
	equal "tests failed" "$(grep -c '^not ok' share/tests)" 0 &&
		equal "tests passed" "$(grep -c '^ok' share/tests)" 23
}

life_with_calendar()
{
	new_parts
	# shellcheck disable=SC2046	# none, or one
	calendar $(mode_option "$1")
	slave slave e.sock --calendar cal.sock --device "echo,socket=e.sock$2"
	echo "$life" | share_script | kernel a 1 e.sock:63
	lived && ends calendar 0 && ends slave 0 && no_news calendar
}

# Two kernels, one after the other: the second finds all as the first.
life_in_real_time()
{
	new_parts
	slave slave e.sock --device "echo,socket=e.sock$1"
	files=$(open_files)
	for _ in 1 2; do
		echo "$life" | share_script | kernel a "" e.sock:63
		lived || return
		wait_for 5 settled "$files" || equal "open files" "$(open_files)" "$files" || return
	done
	kill -s TERM "$(pid slave)"
	ends slave 0 && no_news slave
}

begin 21
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in unbind_echo reload_echo suspend_echo \
			suspend_is_reproducible rng power_off life_with_calendar; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "unbind_echo_$mode" unbind_echo "$mode" ""
	check "reload_echo_$mode" reload_echo "$mode" ""
	check "suspend_echo_$mode" suspend_echo "$mode" ""
	check "suspend_is_reproducible_$mode" suspend_is_reproducible "$mode"
	check "rng_$mode" rng "$mode" ""
	check "power_off_$mode" power_off "$mode" ""
	check "life_with_calendar_$mode" life_with_calendar "$mode" ""
done
# Packed rings are the usual ones; the rings of old, with and without extras
split=,packed=off
plain=,packed=off,event-idx=off,indirect=off
check unbind_echo_split unbind_echo messages_only $split
check suspend_echo_split suspend_echo messages_only $split
check rng_split rng messages_only $split
check unbind_echo_plain unbind_echo messages_only $plain
check suspend_echo_plain suspend_echo messages_only $plain
check life_in_real_time life_in_real_time ""
check life_in_real_time_split life_in_real_time $split
end_parts
finish
