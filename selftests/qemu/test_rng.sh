#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# vhost-user-rng-pci of QEMU on a slave without a calendar.

# shellcheck source=selftests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"

need_qemu
echo "KTAP version 1"
make_initramfs <<'EOS'
cat /sys/class/misc/hw_random/rng_current | sed 's/^/rng: /'
dd if=/dev/hwrng of=/tmp.bin bs=1024 count=16 iflag=fullblock 2>/dev/null
echo "bytes: $(wc -c </tmp.bin)"
echo "kinds: $(od -An -v -tu1 -w1 /tmp.bin | sort -u | wc -l)"
EOS
start_slave --device rng,socket="$work/sock" --stats -v
qemu -chardev socket,id=c0,path="$work/sock" -device vhost-user-rng-pci,chardev=c0
said 'guest: end'
ok guest_ran_to_its_end $?
said 'rng: virtio_rng'
ok driver_found_the_device $?
said 'bytes: 16384'
ok all_bytes_came $?
said 'kinds: 256'
ok and_they_look_random $?
stop_slave
ok slave_ends_cleanly $?
grep -q 'bytes' "$work/slave.log"
ok slave_counted_them $?
finish
