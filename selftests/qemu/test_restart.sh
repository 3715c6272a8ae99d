#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The slave is killed and started again while a guest works. QEMU connects
# again; its guest notices that something took longer, and nothing else.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs
truncate -s 64M "$work/image"
slave_args="--link lan"
chardev_options=,reconnect=1
add_net here lan mac=52:54:00:00:00:01
add_net there lan mac=52:54:00:00:00:02
add_blk disk "file=$work/image,read-latency=1ms,write-latency=60ms"

slave()
{
	# shellcheck disable=SC2086
	start_slave $slave_args --stats -v
}

# Up to half a second: at any point of what the guest does
a_while()
{
	sleep "$(od -An -N2 -tu2 /dev/urandom | awk '{print $1 / 131072}')"
}

slave
held=$(slave_holds)
# shellcheck disable=SC2086
boot g $qemu_args
boot_wait g
guest g pair 0
guest g pings 0 | grep -q '^5 packets transmitted, 5 packets received'
ok network_works $?
guest g disk_load 4
guest g disk_progress
ok disk_works $?
n=0
status=0
while [ $n -lt 10 ] && [ $status -eq 0 ]; do
	a_while
	kill -KILL "$slave"
	wait "$slave" 2>/dev/null
	slave
	guest g disk_progress || status=1
	n=$((n + 1))
done
ok disk_goes_on_after_each_of_ten_kills $status
guest g disk_unload
ok all_sectors_are_right $?
guest g until_carrier eth0
ok carrier_is_there_again $?
guest g pings 0 | grep -q '^5 packets transmitted, 5 packets received'
ok pings_go_on $?
no_complaint g
ok guest_has_no_complaint $?
end g
ok_nothing_stays nothing_of_the_session_stays "$held"
stop_slave
ok slave_ends_cleanly $?
guests_finish
