#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Two guests on a link of one slave, in real time: 50 MB from one to the other.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs
add_net a lan mac=52:54:00:00:00:01
args_a=$qemu_args
qemu_args=
add_net b lan mac=52:54:00:00:00:02
# shellcheck disable=SC2086
start_slave --link lan $slave_args --stats -v
held=$(slave_holds)
# shellcheck disable=SC2086
boot a $args_a
# shellcheck disable=SC2086
boot b $qemu_args
boot_wait a
boot_wait b
guest a 'ip addr add 10.0.0.1/24 dev eth0; ip link set dev eth0 up'
guest b 'ip addr add 10.0.0.2/24 dev eth0; ip link set dev eth0 up'
# shellcheck disable=SC2016
guest b 'nc -l -p 7 <>/never >/got & server=$!'
guest a 'dd if=/dev/urandom of=/big bs=1M count=50 2>/dev/null'
guest a 'nc 10.0.0.2 7 </big >/dev/null'
ok it_is_sent $?
# shellcheck disable=SC2016
guest b 'wait $server'
sum=$(guest a 'md5sum </big')
[ -n "$sum" ] && [ "$(guest b 'md5sum </got')" = "$sum" ]
ok it_is_the_same_there $?
no_complaint a && no_complaint b
ok guests_have_no_complaint $?
end a
end b
ok_nothing_stays nothing_of_the_sessions_stays "$held"
stop_slave
ok slave_ends_cleanly $?
guests_finish
