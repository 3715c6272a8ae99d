#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Kernels without time-travel= on a slave without a calendar: in band as well, but
# in the time of the host. A call before the ack of a kick would hang them.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/parts.sh
. "$top/selftests/uml/parts.sh"

# The slave goes on when its kernels have left, until it is told to end.
slave_ends()
{
	kill -s TERM "$(pid slave)"
	ends slave 0 && no_news slave
}

random_numbers()
{
	new_parts
	slave slave r.sock --device rng,socket=r.sock
	echo "head -c 65536 /dev/hwrng | od -An -v -tu1 -w1 | sort -u | wc -l" |
		kernel a "" r.sock:4
	ran a && slave_ends && equal "kinds of bytes" "$(grep -v status share/a)" 256
}

ping_another()
{
	new_parts
	slave slave b.sock --link lan --device net,socket=a.sock --device net,socket=b.sock
	{ net_up 1; echo "sleep 1; ping -c 3 -i 0.2 10.0.0.2; touch /mnt/end"; } |
		kernel a "" a.sock:1
	{ net_up 2; echo "while ! [ -e /mnt/end ]; do sleep 0.1; done"; } |
		kernel b "" b.sock:1
	ran a b && slave_ends && grep -q ' 3 received, 0% packet loss' share/a && return
	cat share/a
	return 1
}

# Those about time say that they need simulated time; the others pass.
echo_payloads()
{
	new_parts
	cp "$echo_ko" share/
	slave slave e.sock --device echo,socket=e.sock
	echo "insmod umtt_echo.ko && cat $selftest" | kernel a "" e.sock:63
	ran a && slave_ends || return
	grep '^not ok' share/a && return 1
	equal "tests skipped" "$(grep -c '# SKIP' share/a)" 14 &&
		equal "tests passed" "$(grep '^ok' share/a | grep -vc '# SKIP')" 9
}

begin 3
check rng random_numbers
check net ping_another
check echo echo_payloads
end_parts
finish
