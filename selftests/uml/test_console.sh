#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The console device with the kernel's own driver: no byte is lost or changed,
# and each comes when it should, to the nanosecond.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# scripts for the guest
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

ports=/dev/virtio-ports

# with_console OPTIONS COMMAND: in the mode of $mode
with_console()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$mode") --trace trace --device "console,$1" -- sh -c "$2"
}

# What a guest has written when it ends, in whatever way, is in the file.
# written STATUS HOW
written()
{
	{ seq 50000; echo last; } >want
	run --time-limit 20s --device console,ports=log/result,result.out=result -- \
		sh -c "seq 50000 >$ports/result; echo last >$ports/result; $2"
	equal "exit status" "$status" "$1" && cmp want result
}

both_ways()
{
	head -c 1000000 /dev/urandom >big
	with_console ports=in/out,in.in=big,in.eof,out.out=copy \
		"cat $ports/in >$ports/out"
	succeeded && cmp big copy
}

terminal()
{
	printf 'at 1100ms send tty echo $((6 * 7)); tty\nat 1400ms resize tty 100x30
		at 1500ms send tty stty size; exit\n' >keys
	with_console ports=tty,tty.tty,tty.size=132x43,script=keys,tty.out=screen \
		'(sleep 0.01; stty size) </dev/hvc0
		setsid -cw sh -i </dev/hvc0 >/dev/hvc0 2>&1; cat /proc/uptime'
	succeeded && equal size "$(head -n 1 out)" "43 132" &&
		equal uptime "$(tail -n 1 out | cut -c 1-3)" 1.5 || return
	for line in 42 /dev/hvc0 '30 100'; do
		tr -d '\r' <screen | grep -qx "$line" && continue
		echo "not on the screen: $line"
		cat screen
		return 1
	done
}

# pushes VQ: when the device has given buffers of that queue to the driver, in
# seconds, and how many bytes were in each
pushes()
{
	umtt trace trace |
		sed -nE "s/^ *([0-9.]+) push +node1.console0 vq=$1 .*written=([0-9]*)/\1 \2/p"
}

# seen COUNT TIMES: a reader sees the clock's step, of 256 ns, after the one in
# which the bytes came.
seen()
{
	awk -v count="$1" 'NR == FNR { split($1, t, "."); at[NR] = t[1] * 1000000000 + t[2]; next }
	/^[0-9]/ {
		n++
		late = $1 - at[n]
		if (late < 0 || late > 512) print "byte " n " came at " at[n] ", was read at " $1
	}
	END { if (n != count) print n " reads" }' "$2" out >wrong
	cat wrong
	[ ! -s wrong ]
}

script()
{
	printf 'at 1100ms send a one\n# comment\nat 1200000123ns send a two\\c\nafter 600ns send a three\n' >lines
	with_console ports=a,script=lines "$work/portio $ports/a r 3"
	succeeded && pushes 0 >when_pushed || return
	printf '1.100000000 4\n1.200000123 3\n1.200000723 6\n' >want
	diff -u want when_pushed &&
		between "first read" "$(sed -n '2s/ .*//p' out)" 1100000000 1100000512
}

# 700 bytes a second: the byte n at start + n / 700, rounded up, without drift
rate_in()
{
	seq 100 >bytes
	with_console ports=x/a,a.in=bytes,a.at=1200ms,a.rate=700 "$work/portio $ports/a r 100"
	succeeded && pushes 4 >when_pushed || return
	awk 'BEGIN { for (n = 1; n <= 100; n++) {
		ns = int((n * 1000000000 + 699) / 700) + 200000000
		printf "%d.%09d 1\n", 1 + int(ns / 1000000000), ns % 1000000000 } }' >want
	head -n 100 when_pushed | diff -u want - && seen 100 when_pushed
}

# A driver of terminals waits for each write, at most 16 bytes of it at a time.
# Two looks at the clock are within, and something of the driver's own.
rate_out()
{
	with_console ports=a,a.tty,a.rate=100000,a.out=copy "$work/portio /dev/hvc0 w 50 16"
	succeeded && equal bytes "$(wc -c <copy)" 800 || return
	awk '/^open/ { next }
	$1 < 160000 || $1 > 161024 { print "write took " $1 " ns" }
	{ n++ }
	END { if (n != 50) print n " writes" }' out >wrong
	cat wrong
	[ ! -s wrong ]
}

# A buffer goes back when its last byte has left.
rate_out_vport()
{
	with_console ports=x/a,a.rate=3000,a.out=copy "
		for i in 1 2 3; do head -c 1000 /dev/zero >$ports/a; done; sleep 2"
	succeeded && equal bytes "$(wc -c <copy)" 3000 || return
	umtt trace trace | sed -nE 's/^ *([0-9.]+) (pop|push) +node1.console0 vq=5 .*/\1 \2/p' |
		awk '{ split($1, t, "."); ns = t[1] * 1000000000 + t[2] }
		$2 == "pop" && !start { start = ns }
		$2 == "push" { print ns - start }' >got
	printf '333333334\n666666667\n1000000000\n' | diff -u - got
}

suspend='
	suspend()
	{
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +1 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state
	}'

# Bytes are on both lines each time.
suspended()
{
	seq 2000 >numbers
	with_console ports=x/in/out,in.in=numbers,in.eof,in.rate=2000,out.out=copy,out.rate=2000 "$suspend
		cat $ports/in >/tmp/got &
		for i in 1 2 3 4; do
			seq 100 >$ports/out; sleep 0.0\${i}3; suspend || exit
		done
		wait; cat /tmp/got; sleep 5
		dmesg | grep -E 'WARNING|BUG|Oops|hung' && exit 1; true"
	succeeded && diff -u numbers out || return
	for _ in 1 2 3 4; do seq 100; done | diff -u - copy
}

# The driver goes, with bytes on the line, and comes again.
rebound()
{
	seq 300 >numbers
	with_console ports=x/in/out,in.in=numbers,in.rate=1000,out.out=copy "
		drv=/sys/bus/virtio/drivers/virtio_console
		for dev in \$drv/virtio*; do dev=\${dev##*/}; done
		node() { grep -lx \$1 /sys/class/virtio-ports/*/name | cut -d / -f 5; }
		for i in 1 2 3 4 5; do
			echo run \$i >/dev/\$(node out)
			cat /dev/\$(node in) >>/tmp/got & sleep 0.1; kill \$!; wait
			echo \$dev >\$drv/unbind && echo \$dev >\$drv/bind && sleep 0.01 || exit
		done
		cat /tmp/got
		dmesg | grep -E 'WARNING|BUG|Oops|hung' && exit 1; true"
	succeeded || return
	for i in 1 2 3 4 5; do echo "run $i"; done | diff -u - copy &&
		head -c "$(wc -c <out)" numbers | diff -u - out &&
		between "bytes read" "$(wc -c <out)" 400 520
}

many_ports()
{
	names=$(seq -s / 1 31)
	options=$(for i in $(seq 31); do printf ',%s.out=port%s' "$i" "$i"; done)
	with_console "ports=$names$options" "for i in \$(seq 31); do echo \$i >$ports/\$i; done"
	succeeded || return
	for i in $(seq 31); do
		equal "port $i" "$(cat "port$i")" "$i" || return
	done
}

same_twice()
{
	seq 1000 >numbers
	for i in 1 2; do
		with_console ports=t/in/out,t.tty,t.out=screen,t.rate=1000000,in.in=numbers,in.rate=5000,in.eof,out.out=copy "
			cat $ports/in | tee $ports/out >/dev/hvc0; cat /proc/uptime"
		succeeded || return
		cat out screen copy >"all.$i"
		umtt trace trace | grep ' node1.console0 ' >"trace.$i"
	done
	cmp all.1 all.2 && cmp trace.1 trace.2
}

in_a_lab()
{
	mkdir -p sub
	echo question >sub/question
	echo 'at 1s send s now' >sub/script
	cat >sub/lab.yaml <<-END
	nodes:
	  - name: a
	    command: read q <$ports/q && read s <$ports/s && echo "answer to \$q, \$s" >$ports/r
	    devices: ["console,ports=q/r/s,q.in=question,script=script,r.out=answer,s.out=$work/other"]
	END
	run sub/lab.yaml
	succeeded && equal answer "$(cat sub/answer)" "answer to question, now"
}

refused()
{
	echo x >file
	run --device console,ports=a/b,a.out=file,b.out=file -- true
	equal "exit status" "$status" 125 &&
		said 'node1.console0: cannot use file: another device or program uses it' || return
	run --device console,ports=a,a.out=/dev/null -- true
	equal "exit status" "$status" 125 &&
		said 'cannot use /dev/null: it is not a regular file' || return
	run --device console,ports=a,a.in=nothing -- true
	equal "exit status" "$status" 125 && said 'cannot use nothing: No such file' || return
	run --device console,ports=a,b.out=file -- true
	equal "exit status" "$status" 125 && said "no option 'b.out'"
}

# It is said, once, that the result is not complete.
no_space()
{
	mount -t tmpfs -o size=64k none full || return
	run --device console,ports=a,a.out=full/file -- sh -c "seq 100000 >$ports/a"
	umount full
	succeeded && said 'node1.console0: full/file: what the guest has written is lost: No space left' &&
		equal lines "$(grep -c 'is lost' err)" 1
}

grep -q virtio_console "$linux" || skip_all "this kernel has no virtio-console: make kernel"
compile portio
begin 25
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in both_ways terminal script rate_in rate_out suspended \
			rebound same_twice; do
			skip "${t}_$mode" "$why"
		done
		continue
	fi
	check "both_ways_$mode" both_ways
	check "terminal_$mode" terminal
	check "script_$mode" script
	check "rate_in_$mode" rate_in
	check "rate_out_$mode" rate_out
	check "suspended_$mode" suspended
	check "rebound_$mode" rebound
	check "same_twice_$mode" same_twice
done
mode=shared_memory
check written_exit written 0 "exit 0"
check written_panic written 2 "echo c >/proc/sysrq-trigger"
check written_time_limit written 124 "sleep 1000"
check rate_out_vport rate_out_vport
check many_ports many_ports
check in_a_lab in_a_lab
check refused refused
if mkdir -p full && mount -t tmpfs -o size=64k none full 2>/dev/null; then
	umount full
	check no_space no_space
else
	skip no_space "cannot mount a file system"
fi
check counters works --device console,ports=a -- sh -c "echo x >$ports/a"
finish
