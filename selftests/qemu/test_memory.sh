#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Memory is plugged into a guest, and taken out again, while it works.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs
slave_args="--link lan"
add_rng rng
add_net here lan mac=52:54:00:00:00:01
add_net there lan mac=52:54:00:00:00:02
# shellcheck disable=SC2086
start_slave $slave_args --stats -v
held=$(slave_holds)

# plug N: 128 MiB, far above the rest, so that the guest's kernel takes what it
# needs from there from now on
plug()
{
	monitor g object_add "memory-backend-memfd,id=m$1,size=128M,share=on" &&
		monitor g device_add "pc-dimm,id=d$1,memdev=m$1" &&
		wait_for 20 guest g has_kib $((200000 + ($1 - 1) * 131072))
}

# shellcheck disable=SC2317	# by wait_for
mapped()
{
	[ "$(slave_maps)" -eq "$1" ]
}

guest_options="-m 256M,slots=4,maxmem=1G -no-reboot"
# shellcheck disable=SC2086
boot g $qemu_args
boot_wait g
guest g pair 0
guest g load
for n in 1 2; do
	maps=$(slave_maps)
	plug $n && guest g progress
	ok "memory_${n}_is_plugged_in" $?
	[ "$(slave_maps)" -eq $((maps + 3)) ]
	ok "each_device_has_mapped_it" $?
done
# New rings and buffers, all of them in memory that was not there at first
# shellcheck disable=SC2016
guest g 'd=$(basename $(rng_dev 0)) && cd /sys/bus/virtio/drivers/virtio_rng && echo $d >unbind && echo $d >bind && rng_use 0' &&
	guest g progress
ok rings_in_new_memory $?
# Only what is movable can be freed again
guest g 'echo online_movable >/sys/devices/system/memory/auto_online_blocks'
maps=$(slave_maps)
plug 3 && guest g progress
ok memory_3_is_plugged_in $?
monitor g device_del d3
wait_for 20 more 0 DEVICE_DELETED "$work/g.qmp" && guest g progress &&
	wait_for 5 mapped "$maps"
ok memory_3_is_taken_out_again $?
monitor g object_del m3
ok and_its_file_is_closed $?
guest g progress
guest g unload
ok all_that_was_done_meanwhile_is_right $?
no_complaint g
ok guest_has_no_complaint $?
[ "$(count 'has connected' "$work/slave.log")" -eq 3 ] && ! grep -E 'left|ended|broken|stopped' "$work/slave.log"
ok no_session_has_ended $?
end g
ok_nothing_stays nothing_of_the_session_stays "$held"
stop_slave
ok slave_ends_cleanly $?
guests_finish
