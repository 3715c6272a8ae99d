#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# What a ping and an echo cost in messages and system calls of umtt. One more of
# either per piece is a regression, and fails.
#
# A ping over a link, back to back, in shared memory:
#
#	a	VRING_KICK of the request, and its answer		2
#		VRING_CALL for the sent frame (within the kick)		2
#		WAIT							1
#	b	VRING_CALL for the request, RUN				3
#		VRING_KICK of the reply, VRING_CALL for it as sent	4
#		WAIT							1
#	a	VRING_CALL for the reply, RUN				3
#								       16
#
# umtt enters the kernel once for each of the 8 that it receives. An echo is a
# kick, a WAIT, a call and a RUN: 6, of which 3 are received. By messages alone
# requests, times and horizons are messages as well.
#
# Both are differences of two runs, since booting is not meant. The kernels' own
# timers may wake them in between: that is less than one in fifty pieces.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

short=200
long=1200
pieces=$((long - short))

# total FILE: messages, enters, kicks, calls of a run
total()
{
	awk '/ calendar: / { gsub(/[^0-9 ]/, ""); print $1 + $2 + $5 + $6, $7, $3, $4 }' "$1"
}

# per MESSAGES ENTERS KICKS CALLS: so many, give or take one in fifty pieces, since
# one of the two runs may have met a timer more
per()
{
	read -r messages enters kicks calls <spent
	slack=$((pieces / 50))
	between messages "$messages" $(($1 * pieces - slack)) $(($1 * pieces + $1 * slack)) &&
		between io_uring_enter "$enters" $(($2 * pieces - slack)) $(($2 * pieces + $2 * slack)) &&
		between kicks "$kicks" $(($3 * pieces - slack)) $(($3 * pieces + slack)) &&
		between calls "$calls" $(($4 * pieces - slack)) $(($4 * pieces + slack))
}

difference()
{
	paste -d ' ' "total.$short" "total.$long" |
		awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }' >spent
}

pings()
{
	for count in $short $long; do
		# shellcheck disable=SC2046	# none, or one
		run $(mode_option "$1") --stats --node 2 --link lan,latency=100us -- \
			ping -q -A -c "$count" 10.0.0.2
		succeeded || return
		total err >"total.$count"
	done
	shift
	difference && per "$@"
}

echoes()
{
	for count in $short $long; do
		# shellcheck disable=SC2046	# none, or one
		run $(mode_option "$1") --stats --device echo --module "$echo_ko" -- \
			sh -c "echo $count >/sys/kernel/debug/umtt_echo/bench; cat /sys/kernel/debug/umtt_echo/bench"
		succeeded || return
		total err >"total.$count"
	done
	shift
	difference && per "$@"
}

# in_mode NAME MODE COMMAND...
in_mode()
{
	why=$(mode_missing "$2")
	if [ -n "$why" ]; then
		skip "$1" "$why"
	else
		name=$1
		mode=$2
		work_of=$3
		shift 3
		check "$name" "$work_of" "$mode" "$@"
	fi
}

begin 4
in_mode ping_in_shared_memory shared_memory pings 16 8 2 4
in_mode echo_in_shared_memory shared_memory echoes 6 3 1 1
in_mode ping_by_messages messages_only pings 48 24 2 4
in_mode echo_by_messages messages_only echoes 20 10 1 1
finish
