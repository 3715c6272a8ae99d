#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Writes files, the first ones with fsync, until the power fails; looks what is left.

disk=/dev/vda
driver=/sys/bus/virtio/drivers/virtio_blk
fail=0

power_comes_back()
{
	dev=$(basename "$(readlink -f /sys/block/vda/device)")
	echo "$dev" >$driver/unbind
	echo "$dev" >$driver/bind
}

mkfs.ext4 -q $disk || exit
mount $disk /mnt || exit
up=$(cut -d . -f 1 /proc/uptime)
sleep $((18 - up))
for i in 1 2 3 4 5; do
	echo "promised" | dd of=/mnt/synced$i conv=fsync status=none
	echo "fsync of file $i has returned at $(cut -d ' ' -f 1 /proc/uptime)"
done
for i in 1 2 3 4 5; do
	echo "hoped for" >/mnt/not-synced$i
done
sleep 30
echo "the power has failed"
umount /mnt
power_comes_back
mount $disk /mnt || exit
for i in 1 2 3 4 5; do
	[ "$(cat /mnt/synced$i)" = promised ] || fail=1
done
echo "files that were there after it: $(find /mnt -name '*synced*' | wc -l)"
exit $fail
