#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Calendar, slaves and kernels by themselves do what they do in umtt run.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/parts.sh
. "$top/selftests/uml/parts.sh"

link=lan,latency=100us
# For a kernel that only has to be there. It takes turns with one that may be in
# a test of an hour.
until_end="while ! [ -e /mnt/end ]; do sleep 1000; done"

# quiet_end SLAVE...: the kernels have powered off. The calendar has nothing to
# do without them, and the slaves leave with it.
quiet_end()
{
	ends calendar 0 && no_news calendar || return
	for each; do
		ends "$each" 0 && part_said "$each" 'has left, and so do we' || return
	done
}

# two_kernels CALENDAR_OPTION...: one slave with a port for each
two_kernels()
{
	new_parts
	cp rtt share/
	calendar --clients 3 "$@"
	slave slave b.sock --calendar cal.sock --id 0 --link "$link" \
		--device net,socket=a.sock --device net,socket=b.sock
	{ net_up 1; echo "sleep 1; ./rtt 10.0.0.2 200 && touch /mnt/end"; } |
		kernel a 1 a.sock:1
	{ net_up 2; echo "$until_end"; } |
		kernel b 2 b.sock:1
	ran a b && quiet_end slave || return
	grep -v status share/a >trips
	exact 200 400000 200000 trips
}

# echo_alone CALENDAR_OPTION...
echo_alone()
{
	new_parts
	cp "$echo_ko" share/
	calendar --clients 2 "$@"
	slave slave e.sock --calendar cal.sock --id 0 --device echo,socket=e.sock
	echo "insmod umtt_echo.ko && cat $selftest" | kernel a 1 e.sock:63
	ran a && quiet_end slave && echo_passed a
}

# Its devices come from two slaves, and each has a time of its own to find out.
two_slaves()
{
	new_parts
	cp "$echo_ko" rtt share/
	calendar --clients 4 "$@"
	slave ports b.sock --calendar cal.sock --id 10 --link "$link" \
		--device net,socket=a.sock --device net,socket=b.sock
	slave others f.sock --calendar cal.sock --id 11 --device rng,socket=r.sock \
		--device echo,socket=e.sock --device echo,kick-latency=2us,socket=f.sock
	{
		net_up 1
		echo "sleep 1; ./rtt 10.0.0.2 200 >/mnt/trips && insmod umtt_echo.ko &&"
		echo "cat $selftest && head -c 100 /dev/hwrng | wc -c && touch /mnt/end"
	} | kernel a 1 "a.sock:1 r.sock:4 e.sock:63"
	{
		net_up 2
		echo "insmod umtt_echo.ko && cat $selftest &&"
		echo "$until_end"
	} | kernel b 2 "b.sock:1 f.sock:63"
	ran a b && quiet_end ports others && echo_passed a && echo_passed b &&
		exact 200 400000 200000 share/trips &&
		equal "random bytes" "$(grep -x 100 share/a)" 100
}

# kernel b comes when a has been there for long: its clock starts at 0 then.
late()
{
	new_parts
	cp "$echo_ko" rtt share/
	calendar --clients 2 "$@"
	slave slave e.sock --calendar cal.sock --id 0 --link "$link" \
		--device net,socket=a.sock --device net,socket=b.sock \
		--device echo,socket=e.sock
	{
		net_up 1
		echo "sleep 100; touch /mnt/up; $until_end"
	} | kernel a 1 a.sock:1
	wait_for 40 test -e share/up || { echo "a is not up"; return 1; }
	{
		net_up 2
		echo "sleep 1; ./rtt 10.0.0.1 200 >/mnt/trips && cat /proc/uptime &&"
		echo "insmod umtt_echo.ko && cat $selftest; touch /mnt/end"
	} | kernel b 2 "b.sock:1 e.sock:63"
	ran a b && quiet_end slave && exact 200 400000 200000 share/trips &&
		echo_passed b && between "uptime of b, s" "$(sed -n 's/^\([0-9]*\)\.[0-9]* .*/\1/p' \
			share/b)" 1 9
}

# A kernel that asks for nothing of the slave, with one that does
one_without_devices()
{
	new_parts
	calendar --clients 3
	slave slave r.sock --calendar cal.sock --id 0 --device rng,socket=r.sock
	echo "head -c 1000 /dev/hwrng | wc -c" | kernel a 1 r.sock:4
	echo "sleep 1000; cat /proc/uptime" | kernel b 2 ""
	ran a b && quiet_end slave && equal "random bytes" "$(head -n 1 share/a)" 1000
}

# The same seed and names give the same bytes as in umtt run.
same_random_bytes()
{
	new_parts
	calendar --clients 2
	slave slave r.sock --calendar cal.sock --id 0 --seed 42 \
		--device rng,name=node1.rng0,socket=r.sock
	echo "head -c 5000 /dev/hwrng | sha256sum" | kernel a 1 r.sock:4
	ran a && quiet_end slave || return
	run --seed 42 -- sh -c 'head -c 5000 /dev/hwrng | sha256sum'
	succeeded && equal "bytes" "$(head -n 1 share/a)" "$(cat out)"
}

# Sessions one after the other with the same slave: nothing is left of the first.
one_after_the_other()
{
	new_parts
	cp "$echo_ko" share/
	# Somebody has to stay, or the calendar ends.
	calendar --clients 2
	slave slave e.sock --calendar cal.sock --id 0 --device echo,socket=e.sock
	echo "touch /mnt/up; $until_end" | kernel stays 1 ""
	wait_for 40 test -e share/up || return
	for n in 2 3 4; do
		echo "insmod umtt_echo.ko && cat $selftest" | kernel a "$n" e.sock:63
		ran a && echo_passed a || return
	done
	touch share/end
	ran stays && quiet_end slave
}

time_limit()
{
	new_parts
	calendar --clients 2 --time-limit 100s --stats
	slave slave r.sock --calendar cal.sock --id 0 --device rng,socket=r.sock
	echo "sleep 98; echo before; sleep 4; echo after" | kernel a 1 r.sock:4
	ends calendar 124 && part_said calendar 'time limit' &&
		part_said calendar 'simulated 100\.0 s' && ends slave 0 &&
		wait_part 20 a && equal output "$(cat share/a)" before
}

begin 12
compile rtt
[ -f "$echo_ko" ] || skip_all "no $echo_ko: make kernel"
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in ping echo two_slaves late; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	option=$(mode_option "$mode")
	check "ping_$mode" two_kernels ${option:+"$option"}
	check "echo_$mode" echo_alone ${option:+"$option"}
	check "two_slaves_$mode" two_slaves ${option:+"$option"}
	check "late_$mode" late ${option:+"$option"}
done
check one_without_devices one_without_devices
check same_random_bytes same_random_bytes
check one_after_the_other one_after_the_other
check time_limit time_limit
end_parts
finish
