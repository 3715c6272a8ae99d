#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The gpio device with the kernel's own driver: levels, outputs, and edges with
# their times to the nanosecond; bouncing lines, keys and an alarm's pin.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

chip=/dev/gpiochip0

# with_gpio OPTIONS COMMAND: in the mode of $mode
with_gpio()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device "gpio,$1" -- sh -c "$2"
}

# came FILE: lines "NS EDGE", the edges that are expected in out, and when. A
# guest's clock has steps of 256 ns, and each look at it takes one: the edge has the
# time of the step that it is in, and who waits for it is there one step later.
came()
{
	awk '
	function bad(why) { print "edge " FNR ": " $0 ": " why; err = 1; exit }
	NR == FNR { ns[NR] = $1; edge[NR] = $2; n = NR; next }
	$1 == "ready" { next }
	{
		i++
		t = ns[i] - ns[i] % 256
		if ($3 != edge[i] || $4 != i) bad("expected is " edge[i] " " i)
		if ($2 != t) bad($2 - t " ns too late")
		if ($1 != t + 256) bad("woken " $1 - t - 256 " ns too late")
	}
	END {
		if (!err && i != n) { print i " edges, expected " n; err = 1 }
		exit err
	}' "$1" out
}

names()
{
	with_gpio "lines=5,names=A//LONG-NAME,events=name 4 E" "./gpioline $chip info"
	succeeded && equal lines "$(tr '\n' ' ' <out)" \
		"lines 5 line 0 'A' line 1 '' line 2 'LONG-NAME' line 3 '' line 4 'E' "
}

levels()
{
	with_gpio "events=set 1 1; at 2s set 1 0 ; at 2s set 2 toggle" "
		for i in 0 1 2; do ./gpioline $chip get \$i; done; sleep 1
		for i in 0 1 2; do ./gpioline $chip get \$i; done"
	succeeded && equal levels "$(tr '\n' ' ' <out)" "0 1 0 0 0 1 "
}

# An output's changes, 20 ms apart, as they are recorded; and what is there at the end
outputs()
{
	run --device gpio,names=A/LED,record=record --stats=all -- \
		./gpioline "$chip" blink 1 6 20000
	succeeded && equal outputs "$(counter err node1.gpio0 outputs)" 7 &&
		equal record "$(cut -d ' ' -f 3- record | tr '\n' ';')" \
		"set LED 0;set LED 1;set LED 0;set LED 1;set LED 0;set LED 1;set LED 0;" || return
	# Each within a step of the guest's clock
	awk '{ t = $2 + 0 }
		NR > 2 && (t - last < 19999488 || t - last > 20000512) { print; bad = 1 }
		{ last = t }
		END { exit bad }' record
}

# Each of 100 requests, and all together: within a step of the clock
latency()
{
	with_gpio latency=123457ns "./gpioline $chip time 0 100"
	succeeded || return
	awk '{ more = $1 - 123457 - 256; sum += more }
		more <= -256 || more >= 256 { print "request " NR ": " more " ns too much"; bad = 1 }
		END {
			if (sum <= -512 || sum >= 512) { print "over all, " sum " ns too much"; bad = 1 }
			exit bad || NR != 100
		}' out
}

edges()
{
	with_gpio "events=at 1.5s every 123456789ns times 20 set 3 toggle" \
		"./gpioline $chip events 3 20 both"
	succeeded || return
	seq 0 19 | awk '{ printf "%.0f %d\n", 1500000000 + $1 * 123456789, 1 + $1 % 2 }' >want
	came want
}

rising_edges()
{
	with_gpio "events=at 1.5s every 1234567ns times 40 set 3 toggle" \
		"./gpioline $chip events 3 20 rising"
	succeeded || return
	seq 0 2 38 | awk '{ printf "%.0f 1\n", 1500000000 + $1 * 1234567 }' >want
	came want
}

# Pressed at 1.5 s and released at 2 s, each bouncing for 4 ms; and a glitch
bounces='at 1.5s every 500us times 9 set KEY toggle; at 2s every 500us times 9 set KEY toggle;
	at 3s every 500us times 10 set KEY toggle'

# Without debouncing each bounce is seen.
bouncing_line()
{
	with_gpio "names=KEY,events=$bounces" "./gpioline $chip events 0 28 both"
	succeeded || return
	{
		seq 0 8 | awk '{ printf "%.0f %d\n", 1500000000 + $1 * 500000, 1 + $1 % 2 }'
		seq 0 8 | awk '{ printf "%.0f %d\n", 2000000000 + $1 * 500000, 2 - $1 % 2 }'
		seq 0 9 | awk '{ printf "%.0f %d\n", 3000000000 + $1 * 500000, 1 + $1 % 2 }'
	} >want
	came want
}

# The kernel's debouncing waits for its own clock of 10 ms: 5 ms after the last
# bounce are at the second tick after it. The glitch is not seen.
debounced_line()
{
	with_gpio "names=KEY,events=$bounces; at 4s set KEY 1" \
		"./gpioline $chip events 0 3 both 5000"
	succeeded && equal edges "$(sed 1d out | cut -d ' ' -f 3-4 | tr '\n' ';')" "1 1;2 2;1 3;" &&
		equal times "$(sed 1d out | cut -d ' ' -f 2 | cut -c 1-4 | tr '\n' ' ')" "1520 2020 4020 "
}

# Two lines of a chip, and one of another node's
wires()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    devices: ["gpio,names=OUT/IN,events=wire OUT w; wire IN w"]
	    command: |
	      ./gpioline $chip events 1 4 both & sleep 1
	      ./gpioline $chip blink 0 4 100000; wait
	  - name: b
	    devices: ["gpio,events=wire 5 w,record=b"]
	    command: ./gpioline $chip events 5 4 both
	    wait: true
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") lab.yaml
	succeeded && grep -v '^b: ' out | sed 1d >a && sed -n 's/^b: //p' out | sed 1d >b &&
		equal edges "$(cut -d ' ' -f 3-4 a | tr '\n' ';')" "1 1;2 2;1 3;2 4;" &&
		cut -d ' ' -f 2- a >a.edges && cut -d ' ' -f 2- b >b.edges && diff -u a.edges b.edges
}

# Lines that are in use when the driver goes; and kernels that sleep with a buffer
# lent: an edge meanwhile is there when they wake. (Where somebody waits for edges
# when the driver goes, Linux warns of an interrupt that is freed too late; and the
# driver warns of itself when the kernel wakes.) Linux 6.1 does not use the number
# of a chip again that was in use when it went.
driver_comes_and_goes()
{
	cat >run.sh <<-'END'
	driver=/sys/bus/virtio/drivers/gpio_virtio
	[ -d $driver ] || driver=/sys/bus/virtio/drivers/virtio_gpio
	for device in $driver/virtio*; do device=${device##*/}; done
	i=0
	while [ $i -lt 20 ]; do
		timeout 0.3 ./gpioline /dev/gpiochip* blink 1 1000 777 &
		sleep 0.0$((i % 10))$i
		echo $device >$driver/unbind && echo $device >$driver/bind || exit
		wait
		i=$((i + 1))
	done 2>/dev/null
	echo $device >$driver/unbind && echo $device >$driver/bind || exit
	dmesg | grep -E 'WARNING|BUG:|Oops|hung'
	./gpioline /dev/gpiochip* events 2 2 both >/tmp/edges &
	sleep 0.1
	for i in 1 2 3; do
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +20 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
	done
	wait
	cut -d ' ' -f 3 /tmp/edges
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device \
		"gpio,events=at 1s every 3333us set 0 toggle; at 30s set 2 1; at 51s set 2 0" -- sh run.sh
	succeeded && equal edges "$(tr '\n' ' ' <out)" "ready 1 2 "
}

same_twice()
{
	for i in 1 2; do
		with_gpio "record=record,events=wire 1 w; wire 2 w; at 1.1s every 777777ns set 0 toggle" "
			./gpioline $chip events 0 200 both & ./gpioline $chip events 2 20 rising &
			sleep 0.1; ./gpioline $chip blink 1 40 1500; wait"
		succeeded || return
		cat out record >"out.$i"
	done
	diff -u out.1 out.2
}

# chip DEVICE: it, in a device tree, with the label pins
chip()
{
	cat <<-END
	chip {
		compatible = "virtio,uml";
		umtt,device = "$1";
		pins: gpio {
			compatible = "virtio,device29";
			gpio-controller;
			#gpio-cells = <2>;
			interrupt-controller;
			#address-cells = <0>;
			#interrupt-cells = <2>;
		};
	};
	END
}

# With a device tree: a key, which the driver gpio-keys debounces for 20 ms with a
# timer of its own that is exact to some looks at the clock
keys()
{
	cat >keys.dts <<-END
	#include <dt-bindings/gpio/gpio.h>
	/dts-v1/;
	/ {
		$(chip "gpio,names=KEY,script=bounces")
		keys {
			compatible = "gpio-keys";
			key-a {
				label = "a";
				linux,code = <30>;
				gpios = <&pins 0 GPIO_ACTIVE_HIGH>;
				debounce-interval = <20>;
			};
		};
	};
	END
	echo "$bounces" | tr ';' '\n' >bounces
	run --dts keys.dts -- ./evread /dev/input/event0 events 2
	succeeded && equal events "$(sed 1d out | cut -d ' ' -f 3- | tr '\n' ';')" \
		"1 30 1;0 0 0;1 30 0;0 0 0;" &&
		equal times "$(sed 1d out | cut -d ' ' -f 2 | tr '\n' ' ')" \
		"1530000 1530000 2030000 2030000 "
}

# A clock on an I2C bus, whose pin is at two lines. Its driver sets an alarm and is
# told of it, and somebody looks at the other line; the chip's second begins when it
# is set.
alarm()
{
	cat >alarm.dts <<-END
	#include <dt-bindings/interrupt-controller/irq.h>
	/dts-v1/;
	/ {
		$(chip "gpio,events=wire 0 alarm; wire 1 alarm")
		bus {
			compatible = "virtio,uml";
			umtt,device = "i2c,record=record,events=client 0x68 ds1339 time=1700000000 wire=alarm";
			i2c {
				compatible = "virtio,device22";
				#address-cells = <1>;
				#size-cells = <0>;
				rtc@68 {
					compatible = "dallas,ds1339";
					reg = <0x68>;
					interrupts-extended = <&pins 0 IRQ_TYPE_LEVEL_LOW>;
				};
			};
		};
	};
	END
	run --dts alarm.dts -- sh -c '
		for rtc in /sys/class/rtc/rtc*; do
			case $(cat $rtc/name) in *ds1307*) break ;; esac
		done
		./gpioline /dev/gpiochip0 events 1 1 falling >/tmp/edge &
		./rtcalarm /dev/${rtc##*/}; wait; cat /tmp/edge'
	succeeded && equal "time" "$(sed -n 2p out)" "2031-1 00:00:05" &&
		between ns "$(sed -n 1p out)" 15000000000 15005000000 || return
	# The pin falls so long after the end of the message that has set the seconds.
	ns=$(sed -n 's/^at \([0-9]*\)ns reg 0x68 0x00 0x50$/\1/p' record)
	sed -i 1,2d out
	echo "$((ns + 15000000000)) 2" >want
	came want
}

wrong_script()
{
	printf 'set 0 1\nat 1s set 9 1\n' >script
	run --device gpio,script=script -- true
	equal "exit status" "$status" 125 &&
		said 'node1.gpio0: script, line 2: 9: there is no such line of 8'
}

# with_irqs NAME COMMAND...: a test that needs interrupts of lines
with_irqs()
{
	if [ "$irqs" ]; then
		check "$@"
	else
		skip "$1" "this kernel has no interrupt numbers to spare"
	fi
}

grep -q virtio_gpio "$linux" || skip_all "this kernel has no gpio-virtio: make kernel"
compile gpioline
compile evread
compile rtcalarm
# Those that are not built with the patch for it do not.
run --device "gpio,events=at 1.1s set 0 1" -- ./gpioline "$chip" events 0 1 rising
irqs=yes
[ "$status" = 0 ] || ! grep -q 'No such device or address' err || irqs=
begin 22
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in latency edges rising_edges bouncing_line debounced_line \
			wires driver_comes_and_goes same_twice; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "latency_$mode" latency
	with_irqs "edges_$mode" edges
	with_irqs "rising_edges_$mode" rising_edges
	with_irqs "bouncing_line_$mode" bouncing_line
	with_irqs "debounced_line_$mode" debounced_line
	with_irqs "wires_$mode" wires
	with_irqs "driver_comes_and_goes_$mode" driver_comes_and_goes
	with_irqs "same_twice_$mode" same_twice
done
mode=shared_memory
check names names
check levels levels
check outputs outputs
with_irqs keys keys
with_irqs alarm alarm
check wrong_script wrong_script
finish
