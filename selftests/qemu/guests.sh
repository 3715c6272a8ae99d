# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh
#
# Guests that a test talks to while they run: a shell on their second serial
# line, QEMU's monitor beside it. Sourced by the tests beside it.
#
# A guest has a name, and its files in $work begin with it: NAME.console (the
# kernel), NAME.out (the shell), NAME.qmp (the monitor), NAME.err (QEMU).

# shellcheck source=selftests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"

guest_pids=
guest_names=

make_guest_initramfs()
{
	mkdir -p "$work/root"
	cp "$top/selftests/qemu/in_guest.sh" "$work/root/functions"
	make_initramfs <<-'END'
	exec </dev/ttyS1 >/dev/ttyS1 2>&1
	stty raw -echo
	. /functions
	ip link set lo up
	echo "=up"
	while read -r line; do
		eval "$line"
		echo "=$?"
	done
	END
}

# Devices, by name: what slave and QEMU have to be told of them
slave_args=
qemu_args=
sock=

chardev()
{
	sock=$work/$1
	qemu_args="$qemu_args -chardev socket,id=c$1,path=$sock${chardev_options:-}"
}

# add_rng NAME [PROPERTIES]
add_rng()
{
	slave_args="$slave_args --device rng,name=$1,socket=$work/$1"
	chardev "$1"
	qemu_args="$qemu_args -device vhost-user-rng-pci,chardev=c$1${2:+,$2}"
}

# add_net NAME LINK [PROPERTIES]. vectors=0: see test_net.sh
add_net()
{
	slave_args="$slave_args --device net,name=$1,link=$2,socket=$work/$1"
	chardev "$1"
	qemu_args="$qemu_args -netdev vhost-user,id=n$1,chardev=c$1"
	qemu_args="$qemu_args -device virtio-net-pci,netdev=n$1,vectors=0${3:+,$3}"
}

# add_blk NAME OPTIONS [PROPERTIES]
add_blk()
{
	slave_args="$slave_args --device blk,name=$1,socket=$work/$1,$2"
	chardev "$1"
	qemu_args="$qemu_args -device vhost-user-blk-pci,chardev=c$1${3:+,$3}"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# count PATTERN FILE; true if there are more than @than: more THAN PATTERN FILE
count()
{
	grep -ac -- "$1" "$2" 2>/dev/null
}

more()
{
	[ "$(count "$2" "$3")" -gt "$1" ]
}

# boot NAME ARGS...: start it; boot_wait when its shell is needed. With
# init_on_alloc the guest would write to each page before a device does, so that
# a migration would not need to know of the latter.
boot()
{
	name=$1
	shift
	mkfifo "$work/$name.sh" "$work/$name.mon.in" "$work/$name.mon.out"
	# shellcheck disable=SC2094	# both ends are ours, so it has no end
	cat <>"$work/$name.mon.out" >"$work/$name.qmp" &
	guest_pids="$guest_pids $!"
	# shellcheck disable=SC2086
	timeout -k 5 250 qemu-system-x86_64 -accel tcg -display none -nodefaults \
		-machine q35,memory-backend=mem ${guest_options:--m 256M -no-reboot} \
		-object memory-backend-memfd,id=mem,size=256M,share=on \
		-kernel "$cloud/vmlinuz" -initrd "$work/initrd" \
		-append "console=ttyS0 panic=-1 quiet memhp_default_state=online init_on_alloc=0" \
		-serial "file:$work/$name.console" -serial stdio \
		-chardev pipe,id=mon,path="$work/$name.mon" \
		-mon chardev=mon,mode=control "$@" \
		<>"$work/$name.sh" >"$work/$name.out" 2>"$work/$name.err" &
	eval "pid_$name=$!"
	guest_pids="$guest_pids $!"
	guest_names="$guest_names $name"
	echo '{"execute":"qmp_capabilities"}' >"$work/$name.mon.in"
}

# boot_wait NAME [N]: its shell is there (for the Nth time). Else all is over.
boot_wait()
{
	wait_for 60 up_or_gone "$1" $((${2:-1} - 1)) &&
		more $((${2:-1} - 1)) '^=up' "$work/$1.out" && return
	ok "$1_comes_up" 1
	guests_finish
}

up_or_gone()
{
	more "$2" '^=up' "$work/$1.out" || eval "! kill -0 \$pid_$1 2>/dev/null"
}

# guest NAME COMMAND...: run it there, print its output; its status is ours.
guest()
{
	name=$1
	shift
	[ ! -e "$work/$name.dumb" ] || return 1
	said=$(count '^=[0-9]' "$work/$name.out")
	lines=$(wc -l <"$work/$name.out")
	echo "$*" >"$work/$name.sh"
	if ! wait_for "${guest_limit:-30}" more "$said" '^=[0-9]' "$work/$name.out"; then
		echo "# $name does not answer: $*" >&2
		: >"$work/$name.dumb"
		return 1
	fi
	tail -n "+$((lines + 1))" "$work/$name.out" | grep -av '^=[0-9u]'
	return "$(grep -a '^=[0-9]' "$work/$name.out" | tail -n 1 | tr -dc 0-9)"
}

# no_complaint NAME: of its kernel
no_complaint()
{
	guest "$1" dmesg >"$work/dmesg" &&
		! grep -E 'I/O error|not a head|rejected|BUG|WARNING' "$work/dmesg"
}

# monitor NAME COMMAND...: of the human monitor. It says nothing if it is well.
monitor()
{
	name=$1
	shift
	said=$(count '^{"\(return\|error\)' "$work/$name.qmp")
	printf '{"execute":"human-monitor-command","arguments":{"command-line":"%s"}}\n' \
		"$*" >"$work/$name.mon.in"
	if ! wait_for 30 more "$said" '^{"\(return\|error\)' "$work/$name.qmp"; then
		echo "# the monitor of $name does not answer: $*"
		return 1
	fi
	answer=$(grep -a '^{"\(return\|error\)' "$work/$name.qmp" | tail -n 1 | tr -d '\r')
	[ "$answer" = '{"return": ""}' ] && return
	echo "$answer"
	case $answer in
	'{"error"'* | *Error:*) return 1 ;;
	esac
}

# end NAME: without asking the guest.
end()
{
	monitor "$1" quit >/dev/null
	eval "wait \$pid_$1"
}

# What a slave holds: file descriptors, and mappings of guest memory.
slave_fds()
{
	find "/proc/$slave/fd" -mindepth 1 -maxdepth 1 | wc -l
}

slave_maps()
{
	grep -c memfd: "/proc/$slave/maps"
}

slave_holds()
{
	echo "$(slave_fds) fds, $(slave_maps) mappings"
}

holds_again()
{
	[ "$(slave_holds)" = "$1" ]
}

# The slave lets go a moment after the front-end has.
ok_nothing_stays()
{
	wait_for 5 holds_again "$2"
	status=$?
	[ $status -eq 0 ] || {
		echo "# before: $2, now: $(slave_holds)"
		find "/proc/$slave/fd" -printf '# %f %l\n'
	}
	ok "$1" $status
}

guests_cleanup()
{
	# shellcheck disable=SC2086
	[ -z "$guest_pids" ] || kill $guest_pids 2>/dev/null
	cleanup
}
trap guests_cleanup EXIT

# As finish, with what all guests have said.
guests_finish()
{
	: >"$work/console"
	for name in $guest_names; do
		for f in err qmp out console; do
			tail -n 12 "$work/$name.$f" | sed "s/^/$name $f: /"
		done
	done >"$work/console"
	[ $failed -eq 0 ] || sed 's/^/# /' "$work/console"
	: >"$work/console"
	finish
}
