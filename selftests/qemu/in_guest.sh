# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh
#
# What the shell in a guest of guests.sh knows. All of it is busybox.

# Something to read from that never comes.
mkfifo /never

# feature DEVICE BIT: 0 or 1. DEVICE is the directory of a virtio device.
feature()
{
	cut -c $(($2 + 1)) "$1/features"
}

# ring DEVICE: what was agreed on: packed, event index, indirect
ring()
{
	echo "$(feature "$1" 34)$(feature "$1" 29)$(feature "$1" 28)"
}

# Random number generators, from 0 on
rng_dev()
{
	find /sys/bus/virtio/drivers/virtio_rng/virtio* -prune | sort -V |
		sed -n "$(($1 + 1))p"
}

rng_use()
{
	tr ' ' '\n' </sys/class/misc/hw_random/rng_available | grep virtio |
		sort -V | sed -n "$(($1 + 1))p" \
		>/sys/class/misc/hw_random/rng_current
}

# rng_read KIB: how many bytes, and how many different ones
rng_read()
{
	dd if=/dev/hwrng of=/rng bs=1024 count="$1" iflag=fullblock 2>/rng.said ||
		cat /rng.said >&2
	echo "$(wc -c </rng) bytes, $(od -An -v -tu1 -w1 /rng | sort -u | wc -l) kinds"
}

# pair N: eth0 and eth1 (2N and 2N+1) can talk to each other, since eth1 is in
# a namespace of its own. Their addresses are 10.0.N.1 and 10.0.N.2.
pair()
{
	unshare -n sh -c ": >/ns$1; exec sleep 1000" &
	echo $! >"/peer$1"
	until [ -e "/ns$1" ]; do usleep 20000; done
	ip link set dev "eth$((2 * $1 + 1))" netns "$(cat "/peer$1")"
	there "$1" ip addr add "10.0.$1.2/24" dev "eth$((2 * $1 + 1))"
	there "$1" ip link set dev "eth$((2 * $1 + 1))" up
	ip addr add "10.0.$1.1/24" dev "eth$((2 * $1))"
	ip link set dev "eth$((2 * $1))" up
	ping -c 1 -W 5 "10.0.$1.2" >/dev/null
}

# there N COMMAND...: in the other namespace of pair N
there()
{
	peer=$(cat "/peer$1")
	shift
	nsenter -t "$peer" -n "$@"
}

# pings N: five large ones
pings()
{
	ping -c 5 -A -s 1400 "10.0.$1.2" | grep transmitted
}

# transfer N FILE: over TCP; is it the same there?
transfer()
{
	there "$1" nc -l -p 7 <>/never >/got &
	until there "$1" netstat -ltn | grep -q :7; do usleep 20000; done
	nc "10.0.$1.2" 7 <"$2" >/dev/null
	wait $!
	cmp "$2" /got
}

# load: rng, pings and transfers over pair 0, until unload. What went well is
# in /good, what did not in /bad.
load()
{
	: >/loaded; : >/good; : >/bad
	[ -e /big ] || dd if=/dev/urandom of=/big bs=256k count=4 2>/dev/null
	again rng_read_all & pids=$!
	again transfer 0 /big & pids="$pids $!"
	again ping -c 20 -A -s 1400 10.0.0.2 & pids="$pids $!"
}

again()
{
	while [ -e /loaded ]; do
		if "$@" >"/said.$1" 2>&1; then
			echo "$1" >>/good
		else
			{ echo "$*:"; cat "/said.$1"; } >>/bad
		fi
	done
}

rng_read_all()
{
	# There is no device while the test binds the driver anew.
	while rng_read 4 >/rng.got 2>&1; grep -q 'No such device' /rng.got; do :; done
	grep '^4096 bytes' /rng.got || { cat /rng.got; false; }
}

# unload: what was bad; true if all kinds were good at least once.
unload()
{
	rm /loaded
	# shellcheck disable=SC2086
	wait $pids
	cat /bad
	for what in rng_read_all transfer ping; do
		grep -q $what /good || echo "no $what"
	done
	[ ! -s /bad ] && [ "$(sort -u /good | wc -l)" = 3 ]
}

# progress: each kind of load got something done from now on.
progress()
{
	: >/good
	until [ "$(sort -u /good | wc -l)" = 3 ]; do usleep 50000; done
}

# has_kib N: more than that many KiB of memory
has_kib()
{
	[ "$(awk '/^MemTotal/ {print $2}' /proc/meminfo)" -gt "$1" ]
}

# disk_load WRITERS: each writes, reads back and compares, in four slots of
# 1 MiB of its own, until disk_unload. Beside the cache, so that what is
# compared comes from the disk, and each is in one or a few requests.
disk_load()
{
	: >/disk.loaded; : >/disk.bad
	[ -e /p7 ] || for p in 0 1 2 3 4 5 6 7; do
		dd if=/dev/urandom of=/p$p bs=1M count=1 2>/dev/null
	done
	writers=
	w=0
	while [ $w -lt "$1" ]; do
		disk_writer $w & writers="$writers $!"
		w=$((w + 1))
	done
}

# What slot S of writer W holds is pattern /slot.W.S
disk_writer()
{
	g=$1
	echo 0 >"/disk.$1"
	while [ -e /disk.loaded ]; do
		s=$((g % 4))
		dd if="/p$((g % 8))" of=/dev/vda bs=1M count=1 \
			seek=$(($1 * 4 + s)) oflag=direct conv=notrunc 2>"/said.disk.$1" ||
			cat "/said.disk.$1" >>/disk.bad
		echo $((g % 8)) >"/slot.$1.$s"
		# The one before last, while others write
		disk_check "$1" $(((g + 2) % 4))
		g=$((g + 1))
		echo "$g" >"/disk.$1"
	done
}

# disk_check W S
disk_check()
{
	[ -e "/slot.$1.$2" ] || return 0
	dd if=/dev/vda of="/read.$1" bs=1M count=1 skip=$(($1 * 4 + $2)) \
		iflag=direct 2>"/said.disk.$1" || cat "/said.disk.$1" >>/disk.bad
	cmp "/read.$1" "/p$(cat "/slot.$1.$2")" >>/disk.bad 2>&1 && return
	echo "writer $1, slot $2, pattern $(cat "/slot.$1.$2"): not what was written" >>/disk.bad
}

# disk_progress: each writer has gone on from now on
disk_progress()
{
	for d in /disk.[0-9]*; do
		was=$(cat "$d")
		until [ "$(cat "$d")" != "$was" ]; do usleep 20000; done
	done
}

# disk_unload: what was bad; all is checked once more, and true if it is right.
disk_unload()
{
	rm /disk.loaded
	# shellcheck disable=SC2086
	wait $writers
	for d in /slot.*; do
		w=${d#/slot.}
		disk_check "${w%.*}" "${w#*.}"
	done
	echo "# written: $(cat /disk.[0-9]* | tr '\n' ' ')MiB"
	cat /disk.bad
	[ ! -s /disk.bad ]
}

# until_carrier INTERFACE
until_carrier()
{
	until [ "$(cat "/sys/class/net/$1/carrier")" = 1 ]; do usleep 50000; done
}

# reread MIB: of /dev/vda, one of six parts of so many MiB after the other, into
# the cache, and then, from there: is it what it was? Until /rereading is
# removed. What the disk wrote to memory stays there for a while before it is
# looked at; and few pages get the same again that they had before.
reread()
{
	: >/rereading; : >/reread.bad; echo 0 >/reread.n
	# With the last who has it open, the cache of a disk goes.
	exec 9</dev/vda
	for p in 0 1 2 3 4 5; do
		part "$1" $p | md5sum >/reread.$p
	done
	n=0
	while [ -e /rereading ]; do
		p=$((n % 6))
		echo 1 >/proc/sys/vm/drop_caches
		part "$1" $p >/dev/null
		part "$1" $p | md5sum | cmp - /reread.$p ||
			echo "pass $n is not what it was" >>/reread.bad
		n=$((n + 1))
		echo $n >/reread.new
		mv /reread.new /reread.n
	done
}

part()
{
	dd if=/dev/vda bs=1M count="$1" skip=$(($1 * $2)) 2>/dev/null
}

# reread_progress N: as many passes from now on
reread_progress()
{
	until=$(($(cat /reread.n) + $1))
	until [ "$(cat /reread.n)" -ge $until ]; do usleep 50000; done
}

reread_end()
{
	rm /rereading
	# shellcheck disable=SC2154	# whoever started it has set it
	wait "$rereader"
	cat /reread.n /reread.bad
	[ ! -s /reread.bad ]
}
