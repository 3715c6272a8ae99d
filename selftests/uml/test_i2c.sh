#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The i2c device with the kernel's own driver, and drivers of chips on the bus: a
# clock, a thermometer, a memory; and how long transfers take, to the nanosecond.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

chips='client 0x48 tmp117; client 0x68 ds1307 time=1700000000; client 0x50 regs8; client 0x51 regs16'
bus=/dev/i2c-0

# with_bus OPTIONS COMMAND: in the mode of $mode
with_bus()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device "i2c,$1" -- sh -c "$2"
}

# takes NS OPTIONS RESULT MSG...: each of 100 transfers. A look at the clock takes
# 256 ns, a step of it. So each is right within a step, and the sum of all, too.
takes()
{
	ns=$1
	options=$2
	result=$3
	shift 3
	with_bus "$options" "./i2cmsg $bus 100 $*"
	succeeded || return
	awk -v ns="$ns" -v result="$result" '
	{
		more = $1 - ns - 256
		if (more <= -256 || more >= 256) print "transfer " NR ": " more " ns too much"
		sum += more
		sub(/^[0-9]* /, "")
		if ($0 != result) print "transfer " NR ": " $0
	}
	END {
		if (NR != 100) print NR " transfers"
		if (sum <= -512 || sum >= 512) print "over all, " sum " ns too much"
	}' out >wrong
	head -n 5 wrong
	[ ! -s wrong ]
}

# By the driver rtc-ds1307. The chip's second begins with that of simulated time,
# until it is set; hwclock waits for the begin of a second to do so.
clock()
{
	with_bus "record=record,events=$chips" "
		echo ds1307 0x68 >/sys/bus/i2c/devices/i2c-0/new_device
		cat /sys/class/rtc/rtc1/since_epoch
		sleep 1d; cat /sys/class/rtc/rtc1/since_epoch
		hwclock -f /dev/rtc1 --set --date '2031-12-31 23:59:58' --utc --noadjfile --delay=0 || exit
		sleep 10
		cat /sys/class/rtc/rtc1/date /sys/class/rtc/rtc1/time
		echo 0x68 >/sys/bus/i2c/devices/i2c-0/delete_device
		echo ds1307 0x68 >/sys/bus/i2c/devices/i2c-0/new_device
		cat /sys/class/rtc/rtc1/date"
	succeeded && equal "time" "$(tr '\n' ' ' <out)" \
		"1700000001 1700086401 2032-01-01 00:00:09 2032-01-01 " &&
		grep -q 'reg 0x68 0x06 0x31$' record
}

# What is read is the second at the START of the reading message: 180 us after
# that of the whole transfer, which is two looks at the clock after the time given.
second_begins()
{
	with_bus "events=$chips" "
		./i2cmsg $bus @2999819000 0x68 w00 r1; ./i2cmsg $bus @3999820000 0x68 w00 r1"
	succeeded && equal seconds "$(cut -d ' ' -f 3 out | tr '\n' ' ')" "22 24 "
}

# By the driver tmp117
thermometer()
{
	with_bus "events=$chips; temp 0x48 -3.5; at 3s temp 0x48 25; after 1s every 1s times 2 reg 0x48 0 0x1000" "
		echo tmp117 0x48 >/sys/bus/i2c/devices/i2c-0/new_device
		cd /sys/bus/iio/devices/iio:device0
		for i in 1 2 3 4; do cat in_temp_raw; sleep 1; done"
	succeeded && equal values "$(tr '\n' ' ' <out)" "-448 -448 3200 4096 "
}

# By the driver at24
memory()
{
	with_bus "speed=1M,record=record,events=$chips; reg 0x50 16 0x41 0x42 0x0a" "
		echo 24c02 0x50 >/sys/bus/i2c/devices/i2c-0/new_device
		cd /sys/bus/i2c/devices/0-0050
		dd if=eeprom bs=1 skip=16 count=3 status=none
		seq 100 | head -c 256 >eeprom; cat eeprom"
	succeeded && { echo AB; seq 100 | head -c 256; } >want && cmp want out || return
	# The record is a script: another run begins with what this one has written.
	# (Times are not wanted then.)
	{ echo "client 0x50 regs8"; cut -d ' ' -f 3- record; } >script
	with_bus script=script "echo 24c02 0x50 >/sys/bus/i2c/devices/i2c-0/new_device
		cat /sys/bus/i2c/devices/0-0050/eeprom"
	succeeded && seq 100 | head -c 256 >want && cmp want out
}

# By i2cdetect's way, and the result of a transfer whose second message fails
faults()
{
	with_bus "events=$chips; nak 0x50 2; error 0x50 5; at 2s absent 0x50; at 3s present 0x50" "
		for i in 1 2 3; do ./i2cmsg $bus 1 0x50 w00 r1; done
		sleep 1; ./i2cmsg $bus 1 0x50 w00 r1
		sleep 1; ./i2cmsg $bus 1 0x50 w00 r1"
	succeeded && equal results "$(cut -d ' ' -f 2 out | tr '\n' ' ')" "1 2 0 0 2 "
}

# The driver goes with chips' drivers on its bus, and a transfer under way.
driver_comes_and_goes()
{
	cat >run.sh <<-'END'
	driver=/sys/bus/virtio/drivers/i2c_virtio
	[ -d $driver ] || driver=/sys/bus/virtio/drivers/virtio_i2c
	for device in $driver/virtio*; do device=${device##*/}; done
	i=0
	while [ $i -lt 10 ]; do
		echo tmp117 0x48 >/sys/bus/i2c/devices/i2c-0/new_device || exit
		./i2cmsg /dev/i2c-0 1 0x50 w00 r3000 >/dev/null &
		sleep 0.0$i
		echo $device >$driver/unbind && echo $device >$driver/bind || exit
		wait
		i=$((i + 1))
	done
	for i in 1 2 3; do
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +2 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
		./i2cmsg /dev/i2c-0 1 0x48 w0f r2
	done
	dmesg | grep -E 'WARNING|BUG:|Oops|hung'
	true
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device "i2c,events=$chips" -- sh run.sh
	succeeded && equal results "$(cut -d ' ' -f 2- out | tr '\n' ' ')" "2 0117 2 0117 2 0117 "
}

same_twice()
{
	for i in 1 2; do
		with_bus "speed=400k,record=record,events=$chips; at 1s every 777us reg 0x50 3 7" "
			echo ds1307 0x68 >/sys/bus/i2c/devices/i2c-0/new_device
			for n in 1 2 3; do ./i2cmsg $bus 20 0x50 w0\$n r5 z20 & done; wait
			./i2cmsg $bus 9 0x68 w00 r8"
		succeeded || return
		cat out record >"out.$i"
	done
	diff -u out.1 out.2
}

wrong_script()
{
	printf '# chips\nclient 0x48 tmp118\n' >script
	run --device i2c,script=script -- true
	equal "exit status" "$status" 125 &&
		said 'node1.i2c0: script, line 2: tmp118: not regs8'
}

grep -q i2c_virtio "$linux" || skip_all "this kernel has no i2c-virtio: make kernel"
compile i2cmsg
begin 22
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in read write clock second_begins thermometer \
			driver_comes_and_goes same_twice; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "read_$mode" takes 630000 "events=$chips; reg 0x50 7 1 2 3 0xff" "2 010203ff" 0x50 w07 r4
	check "write_$mode" takes 360000 "events=$chips" 1 0x51 w070102
	check "clock_$mode" clock
	check "second_begins_$mode" second_begins
	check "thermometer_$mode" thermometer
	check "driver_comes_and_goes_$mode" driver_comes_and_goes
	check "same_twice_$mode" same_twice
done
mode=shared_memory
check speed takes 22500 "speed=400k,events=$chips" 1 0x50 w
check odd_speed takes 27001 "speed=333333,events=$chips" 1 0x50 w
check long_read takes 360270000 "events=$chips" "2 $(printf '%08000d' 0)" 0x50 w00 r4000
check nobody takes 90000 "events=$chips" "0 00000000" 0x10 w0011 r4
check many_messages takes 900000 "events=$chips" "4 0000 0000" 0x51 w00 r2 w02 r2
check memory memory
check faults faults
check wrong_script wrong_script
finish
