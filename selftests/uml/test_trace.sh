#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# What is made of a trace: numbers, and a capture of the frames on links.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# Three round trips, and the two frames by which addresses are found
lab()
{
	works --node 2 --link lan,latency=50us --append ipv6.disable=1 --trace trace -- \
		ping -c 3 -i 0.1 10.0.0.2
}

trace()
{
	umtt trace "$@" trace >out 2>err
}

summary()
{
	trace --summary --from 1s && printed '^lan +8 +672 +8  0$' &&
		printed '^node1.net0 +1 +4 +4 +4 +0 +[0-9]+ +0$' &&
		printed '^node1.net0 +0 +4 +0\.0{9}( +0\.0{9}){4}$' || return
	trace --summary && printed '^node2 +[0-9]+ +[0-9]+ +[0-9.]+%$' &&
		printed "^$(umtt trace trace | wc -l) records, from "
}

summary_of_one_device()
{
	trace --summary --device node2.net0 &&
		printed '^node2.net0 +1 ' && ! printed '^node1.net0 ' >/dev/null
}

capture()
{
	trace --format pcapng --out capture --from 1s || return
	TZ=UTC tcpdump -ttttnr capture >out 2>err || return
	equal frames "$(wc -l <out)" 8 &&
		printed '^2030-01-01 00:00:01\.0+[0-9]+ ARP, Request who-has 10.0.0.2 ' &&
		equal requests "$(grep -c 'ICMP echo request.*seq [123],' out)" 3 &&
		equal replies "$(grep -c 'ICMP echo reply.*seq [123],' out)" 3
}

capture_of_one_device()
{
	trace --format pcapng --out capture --device node2.net0 --from 1s || return
	tcpdump -nr capture >out 2>err || return
	equal frames "$(wc -l <out)" 4 && ! printed 'echo request' >/dev/null
}

# Of these links there are none: a file nevertheless
capture_of_nothing()
{
	trace --format pcapng --out capture --link none || return
	tcpdump -nr capture >out 2>err && equal frames "$(wc -l <out)" 0
}

damaged()
{
	{ cat trace; printf '\377'; } >bad
	for o in --summary --format=pcapng --format=text; do
		umtt trace "$o" bad >out 2>err
		equal "status of $o" $? 125 &&
			said 'bad: damaged: what is at byte [0-9]+ is no record' || return
	done
}

begin 7
check lab lab
check summary summary
check summary_of_one_device summary_of_one_device
for t in capture capture_of_one_device capture_of_nothing; do
	if command -v tcpdump >/dev/null; then
		check "$t" "$t"
	else
		skip "$t" "no tcpdump"
	fi
done
check damaged damaged
finish
