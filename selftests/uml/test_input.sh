#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The input device with the kernel's own driver, read through evdev: what it is,
# and when its events come, to the nanosecond.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# with_input OPTIONS COMMAND: in the mode of $mode
with_input()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device "input,$1" -- sh -c "$2"
}

# came FILE: lines "NS TYPE CODE VALUE", the events that are expected in out, and
# when. A guest's clock has steps of 256 ns, and each look at it takes one: who
# is woken by an event at T reads the step that T is in, plus one. The event's own
# time was taken before, in microseconds.
came()
{
	awk '
	function bad(why) { print "event " FNR ": " $0 ": " why; err = 1; exit }
	NR == FNR { ns[NR] = $1; what[NR] = $2 " " $3 " " $4; n = NR; next }
	FNR == 1 && $1 == "ready" { next }
	{
		i++
		t = ns[i] - ns[i] % 256
		if ($3 " " $4 " " $5 != what[i]) bad("expected is " what[i])
		if ($1 != t + 256) bad("woken " $1 - t - 256 " ns too late")
		if ($2 != (t - t % 1000) / 1000) bad("expected at " ns[i] " ns")
	}
	END {
		if (!err && i != n) { print i " events, expected " n; err = 1 }
		exit err
	}' "$1" out
}

# Times of any remainder by the step of the clock
keys()
{
	seq 40 | awk '{
		printf "at %.0fns KEY_A press\nafter 7777777ns KEY_A release\n", 1200000000 + $1 * 33333333
	}' >script
	seq 40 | awk '{
		t = 1200000000 + $1 * 33333333
		printf "%.0f 1 30 1\n%.0f 0 0 0\n", t, t
		t += 7777777
		printf "%.0f 1 30 0\n%.0f 0 0 0\n", t, t
	}' >want
	with_input script=script "./evread /dev/input/event0 events 80"
	succeeded && came want
}

repeated()
{
	with_input "events=at 1.5s every 123456789ns times 9 REL_X 3 + REL_Y -4" \
		"./evread /dev/input/event0 events 9"
	succeeded || return
	seq 0 8 | awk '{ t = 1500000000 + $1 * 123456789
		printf "%.0f 2 0 3\n%.0f 2 1 -4\n%.0f 0 0 0\n", t, t, t }' >want
	came want
}

# The kernel repeats a key that is held, for a keyboard: after 250 ms, each 33 ms,
# by its own clock of 10 ms.
autorepeat()
{
	with_input "kind=keyboard,events=at 2s KEY_B press; after 500ms KEY_B release" \
		"./evread /dev/input/event0 events 7"
	succeeded && equal repetitions "$(grep -c ' 1 48 2$' out)" 5 &&
		equal first "$(awk '/ 1 48 2$/ { print $2; exit }' out)" 2260000
}

# All at once, more than the driver has buffers (64): none is lost on the way to
# it. The reader has not been woken by then, and evdev tells it of what it missed.
many_at_once()
{
	seq 100 | awk '{ print "at 1.5s REL_X " $1 }' >script
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device input,script=script --stats=all -- \
		./evread /dev/input/event0 events 2
	succeeded && equal events "$(counter err node1.input0 events)" 200 &&
		equal dropped "$(counter err node1.input0 dropped)" 0 &&
		printed '^1500000256 1500000 0 3 0$'
}

touch_panel()
{
	with_input "kind=touchscreen,abs=ABS_MT_POSITION_X:0:1919:8,events=
		at 1500ms ABS_MT_TRACKING_ID 7 + ABS_MT_POSITION_X 100 + ABS_MT_POSITION_Y 200 + BTN_TOUCH press;
		after 16666667ns ABS_MT_POSITION_X 110;
		after 16666667ns ABS_MT_TRACKING_ID -1 + BTN_TOUCH release" \
		"./evread /dev/input/event0 show; ./evread /dev/input/event0 events 3"
	succeeded && printed 'axis 53: 0 to 1919, resolution 8, fuzz 0, flat 0' &&
		printed 'props 1' && printed 'abss 0 1 47 53 54 57' || return
	sed -i '1,/^ready/d' out
	cat >want <<-END
	1500000000 3 57 7
	1500000000 3 53 100
	1500000000 3 54 200
	1500000000 1 330 1
	1500000000 0 0 0
	1516666667 3 53 110
	1516666667 0 0 0
	1533333334 3 57 -1
	1533333334 1 330 0
	1533333334 0 0 0
	END
	came want
}

identity()
{
	with_input "kind=mouse,label=Rat,,1,serial=X5,ids=0003:046d:c077:0111" \
		"./evread /dev/input/event0 show"
	succeeded && printed '^name Rat,1$' && printed '^serial X5$' &&
		printed '^id 0003:046d:c077:0111$' && printed '^rels 0 1 6 8$' &&
		printed '^keys 272 273 274 275 276$'
}

# What the guest does is recorded with its time: so long after the one before.
leds()
{
	run --device input,kind=keyboard,record=record --stats=all -- sh -c "
		for i in 1 2 3; do ./evread /dev/input/event0 led 1 \$((i % 2)); sleep 1; done
		./evread /dev/input/event0 led 0 1"
	succeeded && equal led "$(counter err node1.input0 LED_NUML)" 1 &&
		equal led "$(counter err node1.input0 LED_CAPSL)" 1 &&
		equal record "$(cut -d ' ' -f 3- record | tr '\n' ';')" \
			"LED_CAPSL 1;LED_CAPSL 0;LED_CAPSL 1;LED_NUML 1;" || return
	# A sleep ends at a step of 10 ms of the kernel, at the latest.
	awk '{ t = $2 + 0; if (NR > 1 && (t - last < 1000000000 || t - last > 1030000000)) { print; bad = 1 } last = t }
		END { exit bad }' record
}

# What happens while there is no driver is lost; then all is as before.
driver_comes_and_goes()
{
	cat >script <<-END
	at 2s KEY_A press
	at 3s every 100ms times 20 KEY_B tap
	at 8s KEY_C tap
	at 20s KEY_D tap
	END
	cat >run.sh <<-'END'
	driver=/sys/bus/virtio/drivers/virtio_input
	for device in $driver/virtio*; do device=${device##*/}; done
	i=0
	while [ $i -lt 25 ]; do
		sleep 0.1
		echo $device >$driver/unbind && echo $device >$driver/bind || exit
		i=$((i + 1))
	done
	echo $device >$driver/unbind && sleep 1 && echo $device >$driver/bind || exit
	sleep 0.5
	timeout 5 ./evread /dev/input/event0 events 2 >/tmp/keys || exit
	for i in 1 2 3; do
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +2 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
	done
	./evread /dev/input/event0 events 2 && cat /tmp/keys
	! dmesg | grep -E 'WARNING|BUG:|Oops|hung'
	END
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --device input,kind=keyboard,script=script -- sh run.sh
	succeeded && equal keys "$(grep -cE ' 1 (46|32) 1$' out)" 2
}

same_twice()
{
	for i in 1 2; do
		with_input "kind=keyboard,events=at 1.1s every 12345us KEY_A tap" \
			"./evread /dev/input/event0 events 200"
		succeeded || return
		mv out "out.$i"
	done
	diff -u out.1 out.2
}

wrong_script()
{
	printf 'at 1s KEY_A tap\n\nat 2s KEY_FOO tap\n' >script
	run --device input,script=script -- true
	equal "exit status" "$status" 125 &&
		said 'node1.input0: script, line 3: KEY_FOO: not a name of an event'
}

relative_to_the_lab()
{
	mkdir -p sub
	echo 'at 1500ms SW_LID 1' >sub/events
	cat >sub/lab.yaml <<-END
	nodes:
	  - name: a
	    command: $work/evread /dev/input/event0 events 1
	    devices: ["input,script=events,record=done"]
	END
	run sub/lab.yaml
	succeeded && printf '1500000000 5 0 1\n1500000000 0 0 0\n' >want && came want &&
		[ -e sub/done ]
}

grep -q virtio_input "$linux" || skip_all "this kernel has no virtio-input: make kernel"
compile evread
begin 17
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in keys repeated many_at_once touch_panel \
			driver_comes_and_goes same_twice; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "keys_$mode" keys
	check "repeated_$mode" repeated
	check "many_at_once_$mode" many_at_once
	check "touch_panel_$mode" touch_panel
	check "driver_comes_and_goes_$mode" driver_comes_and_goes
	check "same_twice_$mode" same_twice
done
mode=shared_memory
check autorepeat autorepeat
check identity identity
check leds leds
check wrong_script wrong_script
check relative_to_the_lab relative_to_the_lab
finish
