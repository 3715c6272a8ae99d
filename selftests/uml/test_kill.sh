#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A slave, a calendar or a kernel dies at any moment: the others end or go on.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/parts.sh
. "$top/selftests/uml/parts.sh"

# three SECONDS: calendar, slave, kernel a at work, kernel b to talk to
three()
{
	new_parts
	calendar --clients 3
	slave slave b.sock --calendar cal.sock --id 0 --device net,socket=a.sock \
		--device rng,rate=1M,socket=r.sock --device net,socket=b.sock
	{ net_up 1; echo "seconds=$1; $worker"; } | kernel a 1 "a.sock:1 r.sock:4"
	{ net_up 2; echo "while ! [ -e /mnt/end ]; do sleep 100; done"; } |
		kernel b 2 b.sock:1
	# Before time begins, the calendar would wait for who has died to come again.
	wait_for 60 grep -q 'Linux version' a.out
}

# slave_dies_at MS...: the kernels live on, and the calendar says who has gone
slave_dies_at()
{
	for ms; do
		three 1000
		sleep "0.$ms"
		kill_part slave
		if ! ran a; then
			echo "the slave was killed after $ms ms"
			describe_parts
			return 1
		fi
		grep -q '^goes on$' share/a || return
		ends calendar 0 || return
		end_parts
	done
}

# A slave in the place of one that was killed serves the next kernel.
slave_again()
{
	new_parts
	for round in 1 2; do
		calendar --clients 2
		slave slave r.sock --calendar cal.sock --id 0 --device rng,socket=r.sock
		echo "head -c 64 /dev/hwrng | wc -c" | kernel a 1 r.sock:4
		if ! ran a; then
			echo "round $round"
			describe_parts
			return 1
		fi
		grep -q '^64$' share/a || return
		[ "$round" = 2 ] || kill_part slave
		wait_part 20 calendar || return
		rm -f share/a
	done
}

calendar_dies()
{
	three 1000
	sleep 0.3
	kill_part calendar
	wait_part 20 a && wait_part 20 b && wait_part 20 slave &&
		part_said slave 'the calendar at cal.sock has left'
}

kernel_dies()
{
	three 2
	sleep 0.3
	kill_part b
	ran a && grep -q '^goes on$' share/a && ends calendar 0 && ends slave 0
}

begin 5
check slave_dies_early slave_dies_at 001 010 020 030 040 050 060 080 100 120
check slave_dies_later slave_dies_at 140 160 180 200 230 260 290 320 350 400
check slave_is_started_again slave_again
check calendar_dies calendar_dies
check kernel_dies kernel_dies
end_parts
finish
