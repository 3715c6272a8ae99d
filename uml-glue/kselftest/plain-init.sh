#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The first process of a kernel that runs by itself, in real time: makes what
# umtt's nodes have, and runs guest.sh, whose arguments it is given. Standard
# output is the second serial line.

here=${0%/*}
out=$1
mark=$2
test=$3		# UML adds arguments of its own
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C TERM=dumb

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mkdir /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t mqueue mqueue /dev/mqueue
mount -t debugfs debugfs /sys/kernel/debug
mount -t configfs configfs /sys/kernel/config
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# What is tested stays visible where it is.
for dir in /dev/shm /run /var/tmp /tmp; do
	case $out/ in
	"$dir"/*) ;;
	*) mount -t tmpfs -o mode=1777 tmpfs $dir ;;
	esac
done
ip link set lo up
/bin/sh "$here/guest.sh" "$out" "$mark" "$test"
# As the first process: a panic, which ends the kernel
exit 0
