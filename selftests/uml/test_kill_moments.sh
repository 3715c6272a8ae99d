#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A slave, a calendar, a kernel or a whole lab dies at any moment: the others end
# or go on, and nothing is left behind.
#
# POINTS=300 SEED=7 sh selftests/uml/test_kill_moments.sh
#	so many moments, drawn from that seed

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/parts.sh
. "$top/selftests/uml/parts.sh"

# Who dies, and when: "VICTIM MS", drawn from the seed. Moments are more dense at
# first: a kernel boots in 100 ms, and is done after 300.
points()
{
	awk -v n="$1" -v seed="$2" '
	BEGIN {
		split("calendar slave a b run", who)
		srand(seed)
		for (i = 0; i < n; i++) {
			late = rand()
			printf "%s %d\n", who[1 + int(rand() * 5)], 400 * late * late
		}
	}'
}

# sleep_ms MS
sleep_ms()
{
	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# Time had not begun, which is so until the first kernel speaks: the calendar goes
# on waiting, also for who has died before it heard of it.
waits_for_more()
{
	part_gone calendar && return 1
	grep -q 'has left before time began' calendar.err || ! [ -s a.out ] ||
		return 1
	kill_part calendar slave a b
	:
}

# everybody_ends NAME...: each within so many seconds that it is not a matter of time
everybody_ends()
{
	for survivor; do
		wait_part 60 "$survivor" || return
	done
}

point_calendar()
{
	everybody_ends a b slave && equal "status of the slave" "$status" 0 &&
		part_said slave 'the calendar at cal.sock has left'
}

point_slave()
{
	wait_for 2 some_end a calendar
	waits_for_more && return
	everybody_ends a b calendar && equal "status of the calendar" "$status" 0 &&
		grep -q '^goes on$' share/a
}

# When one of two kernels has gone, the other one does not wait for it.
point_a()
{
	: >share/end
	wait_for 2 some_end b calendar
	waits_for_more && return
	everybody_ends b slave && equal "status of the slave" "$status" 0 &&
		ends calendar 0
}

point_b()
{
	wait_for 2 some_end a calendar
	waits_for_more && return
	everybody_ends a slave && equal "status of the slave" "$status" 0 &&
		ends calendar 0 && grep -q '^goes on$' share/a
}

# some_end NAME...: one of them has, or time cannot begin
some_end()
{
	grep -q 'has left before time began' calendar.err && return
	for survivor; do
		part_gone "$survivor" && return
	done
	return 1
}

# parts_die VICTIM MS
parts_die()
{
	new_parts
	calendar --clients 3
	slave slave b.sock --calendar cal.sock --id 0 --device net,socket=a.sock \
		--device rng,rate=100k,socket=r.sock --device net,socket=b.sock
	{ net_up 1; echo "seconds=1; $worker"; } | kernel a 1 "a.sock:1 r.sock:4"
	{ net_up 2; echo "while ! [ -e /mnt/end ]; do sleep 1; done"; } |
		kernel b 2 b.sock:1
	sleep_ms "$2"
	kill_part "$1"
	if ! "point_$1"; then
		describe_parts
		return 1
	fi
	new_parts
	nothing_left
}

# run_dies MS: a lab; who is left is the guard
run_dies()
{
	start "$lab_file"
	sleep_ms "$1"
	kill -s KILL "$lab" 2>/dev/null
	wait "$lab" 2>/dev/null
	# It may have come to its end before, but not to one that is not good.
	status=$?
	[ "$status" = 0 ] || equal "status of umtt run" "$status" 137 || return
	nothing_left
}

# One after the other, until one fails.
any_moment()
{
	lab_file=$top/uml-glue/labs/two-nodes.yaml
	points "$1" "$2" >moments
	while read -r victim ms; do
		if [ "$victim" = run ]; then
			run_dies "$ms"
		else
			parts_die "$victim" "$ms"
		fi </dev/null && continue
		echo "$victim was killed after $ms ms"
		return 1
	done <moments
}

begin 1
check any_moment any_moment "${POINTS:-30}" "${SEED:-1}"
end_parts
finish
