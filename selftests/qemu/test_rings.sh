#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# All kinds of rings that QEMU and its guest can ask for, in one guest: rng,
# and pairs of network cards of which the second is in another namespace.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs

# What a guest is offered, and what it must have taken: packed, event, indirect
kinds='
011 packed=off
111 packed=on
001 packed=off,event_idx=off
101 packed=on,event_idx=off
010 packed=off,indirect_desc=off
110 packed=on,indirect_desc=off
000 packed=off,event_idx=off,indirect_desc=off
100 packed=on,event_idx=off,indirect_desc=off
'

# rings BITS: in words, for a test's name
rings()
{
	case $1 in 1*) printf packed ;; *) printf split ;; esac
	case $1 in ?0?) printf _no_event_index ;; esac
	case $1 in ??0) printf _not_indirect ;; esac
}

n=0
for props in $(echo "$kinds" | sed -n 's/^... //p'); do
	slave_args="$slave_args --link lan$n"
	add_rng rng$n "$props"
	add_net here$n lan$n "mac=52:54:00:00:01:0$n,$props"
	add_net there$n lan$n "mac=52:54:00:00:02:0$n,$props"
	n=$((n + 1))
done
# shellcheck disable=SC2086
start_slave $slave_args --stats -v
held=$(slave_holds)
# shellcheck disable=SC2086
boot g $qemu_args
boot_wait g
guest g 'dd if=/dev/urandom of=/big bs=1M count=4 2>/dev/null'
n=0
for bits in $(echo "$kinds" | sed -n 's/ .*//p'); do
	# shellcheck disable=SC2016
	[ "$(guest g 'ring $(rng_dev' "$n)")" = "$bits" ] &&
		[ "$(guest g ring /sys/class/net/eth$((2 * n))/device)" = "$bits" ]
	ok "$(rings "$bits")_is_what_was_agreed" $?
	guest g rng_use $n
	[ "$(guest g rng_read 32)" = '32768 bytes, 256 kinds' ]
	ok "$(rings "$bits")_rng" $?
	guest g pair $n
	guest g pings $n | grep -q '^5 packets transmitted, 5 packets received'
	ok "$(rings "$bits")_net_pings" $?
	guest g transfer $n /big
	ok "$(rings "$bits")_net_transfer" $?
	n=$((n + 1))
done
no_complaint g
ok guest_has_no_complaint $?
end g
ok_nothing_stays nothing_of_the_session_stays "$held"
stop_slave
ok slave_ends_cleanly $?
guests_finish
