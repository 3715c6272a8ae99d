#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The blk device with the kernel's own driver: what is stored, how long it
# takes to the nanosecond, and faults as a guest sees them.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# with_disk OPTIONS COMMAND: in the mode of $mode
with_disk()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device "blk,$1" -- sh -c "$2"
}

# An image of 8 MiB without a pattern
make_image()
{
	head -c 8388608 /dev/urandom >disk.img
	sum=$(md5sum <disk.img)
}

image_is_read()
{
	make_image
	with_disk file=disk.img,readonly "md5sum </dev/vda; cat /sys/block/vda/size /sys/block/vda/ro /sys/block/vda/serial"
	succeeded || return
	printf '%s\n16384\n1\nnode1.blk0' "$sum" >want
	diff -u want out
}

image_is_written()
{
	make_image
	with_disk file=disk.img "head -c 1000000 /dev/vda | tail -c 700000 >/tmp/x
		dd if=/tmp/x of=/dev/vda bs=4096 seek=500 status=none conv=fsync"
	succeeded || return
	head -c 1000000 disk.img | tail -c 700000 >part
	tail -c +2048001 disk.img | head -c 700000 | cmp - part
}

cow_leaves_the_image()
{
	make_image
	with_disk file=disk.img,cow "dd if=/dev/zero of=/dev/vda bs=1M count=3 status=none conv=fsync
		echo 3 >/proc/sys/vm/drop_caches; head -c 3145728 /dev/vda | tr -d '\\0' | wc -c
		tail -c 1000 /dev/vda | md5sum"
	succeeded && equal "the image" "$(md5sum <disk.img)" "$sum" &&
		equal "zeros" "$(head -n 1 out)" 0 &&
		equal "the end" "$(tail -n 1 out)" "$(tail -c 1000 disk.img | md5sum)"
}

write_is_refused()
{
	make_image
	with_disk file=disk.img,readonly "dd if=/dev/zero of=/dev/vda count=1 conv=fsync"
	equal "exit status" "$status" 1 && equal "the image" "$(md5sum <disk.img)" "$sum"
}

file_system()
{
	with_disk "size=64Mi,latency=50us" "mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt &&
		seq 100000 >/mnt/a && cp /mnt/a /mnt/b && umount /mnt && e2fsck -fn /dev/vda &&
		mount -o discard /dev/vda /mnt && cmp /mnt/a /mnt/b && rm /mnt/a && fstrim /mnt &&
		umount /mnt && e2fsck -fn /dev/vda"
	succeeded
}

# takes NS OPTIONS WHAT BYTES: each request takes so much longer than with a disk
# that takes no time. Looks at the clock, the test's and the kernel's own, take
# 256 ns each; they are the same for both. So the sum is right within a step of
# the clock at either end.
takes()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device blk,size=2Mi --device "blk,$2" -- \
		sh -c "$work/blkio /dev/vda $3 100 $4; $work/blkio /dev/vdb $3 100 $4"
	succeeded || return
	awk -v ns="$1" '
	NR <= 100 { base[NR] = $1; next }
	{
		more = $1 - base[NR - 100] - ns
		if (more < -512 || more > 512)
			print "request " NR - 100 ": " more " ns too much"
		sum += more
	}
	END {
		if (NR != 200) print NR " requests"
		if (sum < -512 || sum > 512) print "over all, " sum " ns too much"
	}' out >wrong
	cat wrong
	[ ! -s wrong ]
}

# Six at a time: two in work, then two, then two
parallel()
{
	with_disk "size=1Mi,read-latency=1s,parallel=2" "
		for i in 1 2 3 4 5 6; do
			dd if=/dev/vda of=/dev/null bs=4096 skip=\$((i * 9)) count=1 iflag=direct status=none &
		done
		read -r begin rest </proc/uptime; wait
		read -r end rest </proc/uptime; echo \$begin \$end"
	succeeded && equal seconds "$(awk '{ print $2 - $1 }' out)" 3
}

bad_sector()
{
	with_disk "size=1Mi,error-sector=1000-1001" "
		dd if=/dev/vda of=/dev/null bs=512 skip=999 count=1 iflag=direct status=none && echo good
		dd if=/dev/vda of=/dev/null bs=512 skip=1000 count=1 iflag=direct status=none || echo bad
		dd if=/dev/zero of=/dev/vda bs=512 seek=1001 count=1 oflag=direct status=none || echo bad
		dd if=/dev/vda of=/dev/null bs=512 skip=1002 count=1 iflag=direct status=none && echo good"
	succeeded && equal result "$(tr '\n' ' ' <out)" "good bad bad good " &&
		equal "errors seen" "$(grep -c 'dd: error .*Input/output error' err)" 2
}

errors_for_a_while()
{
	with_disk "size=1Mi,error=write@3s-5s" "
		for i in 1 2 3 4 5; do
			dd if=/dev/zero of=/dev/vda bs=512 count=1 oflag=direct status=none && echo good || echo bad
			sleep 1
		done"
	succeeded && equal result "$(tr '\n' ' ' <out)" "good good bad bad good "
}

# Before it, /a is synced and /b is not. The driver is taken away and comes again.
power_cut()
{
	with_disk "size=64Mi,power-cut=any@5s" "
		mkfs.ext4 -q /dev/vda; mount /dev/vda /mnt
		echo synced >/mnt/a; sync
		echo not >/mnt/b
		sleep 6
		dd if=/dev/vda of=/dev/null count=1 iflag=direct 2>/dev/null || echo without power
		umount /mnt
		dev=\$(basename \$(readlink -f /sys/block/vda/device))
		echo \$dev >/sys/bus/virtio/drivers/virtio_blk/unbind
		echo \$dev >/sys/bus/virtio/drivers/virtio_blk/bind
		mount /dev/vda /mnt; ls /mnt; cat /mnt/a; umount /mnt; e2fsck -fn /dev/vda >/dev/null 2>&1 && echo clean"
	succeeded && equal result "$(tr '\n' ' ' <out)" \
		"without power a lost+found synced clean "
}

# A write that hangs does not keep the lab from ending.
hang()
{
	with_disk "size=1Mi,hang=write@1" "
		dd if=/dev/zero of=/dev/vda count=1 oflag=direct status=none & sleep 100; echo still here"
	succeeded && printed 'still here'
}

same_twice()
{
	make_image
	for i in 1 2; do
		with_disk "file=disk.img,cow,read-latency=33us,write-latency=77us,rate=100M,parallel=3,error=read@400/write@3" "
			for n in 1 2 3; do
				dd if=/dev/vda of=/dev/null bs=64k skip=\$n count=20 iflag=direct status=none &
				dd if=/dev/vda of=/dev/vda bs=4k skip=\$n seek=7\$n oflag=direct count=9 status=none &
			done
			wait; md5sum </dev/vda; $work/blkio /dev/vda r 50 4096; $work/blkio /dev/vda f 5 0; cat /proc/diskstats"
		succeeded || return
		mv out "out.$i"
	done
	diff -u out.1 out.2
}

file_in_use()
{
	make_image
	run --device blk,file=disk.img --device "blk,file=$work/disk.img" -- true
	equal "exit status" "$status" 125 &&
		said 'node1.blk1: cannot use .*disk.img: another device or program uses it' ||
		return
	run --device blk,file=disk.img,cow --device blk,file=disk.img,readonly -- \
		sh -c 'cmp /dev/vda /dev/vdb'
	succeeded
}

relative_to_the_lab()
{
	make_image
	mkdir -p sub
	cp disk.img sub/other.img
	cat >sub/lab.yaml <<-END
	nodes:
	  - name: a
	    command: md5sum </dev/vda
	    devices: ["blk,file=other.img,readonly"]
	END
	run sub/lab.yaml
	succeeded && equal "the image" "$(cat out)" "$sum"
}

counters()
{
	with_disk size=1Mi "true"
	run --device blk,size=1Mi --stats=all -- sh -c "$work/blkio /dev/vda w 7 4096"
	succeeded && equal writes "$(counter err node1.blk0 writes)" 8 &&
		equal bytes "$(counter err node1.blk0 written_bytes)" 32768
}

grep -q virtio_blk "$linux" || skip_all "this kernel has no virtio-blk: make kernel"
compile blkio
begin 34
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in image_is_read image_is_written cow_leaves_the_image \
			file_system read write flush rate parallel bad_sector \
			power_cut same_twice; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "image_is_read_$mode" image_is_read
	check "image_is_written_$mode" image_is_written
	check "cow_leaves_the_image_$mode" cow_leaves_the_image
	check "file_system_$mode" file_system
	check "read_$mode" takes 123457 "size=1Mi,read-latency=123457ns" r 4096
	check "write_$mode" takes 1000000 "size=1Mi,write-latency=1ms" w 4096
	check "flush_$mode" takes 7000 "size=1Mi,flush-latency=7us" f 0
	check "rate_$mode" takes 665360 "size=1Mi,latency=10us,rate=100M" r 65536
	check "parallel_$mode" parallel
	check "bad_sector_$mode" bad_sector
	check "power_cut_$mode" power_cut
	check "same_twice_$mode" same_twice
done
mode=shared_memory
check write_to_readonly_is_refused write_is_refused
check errors_for_a_while errors_for_a_while
check hang hang
check no_latency takes 0 size=1Mi r 4096
check kick_latency takes 7000 size=1Mi,kick-latency=5us,read-latency=2us r 512
check on_a_file takes 300000 file=disk.img,cow,read-latency=300us r 65536
check file_in_use file_in_use
check relative_to_the_lab relative_to_the_lab
check counters counters
check blocks_of_4k takes 1000000 "size=1Mi,logical-block=4096,read-latency=1ms" r 4096
finish
