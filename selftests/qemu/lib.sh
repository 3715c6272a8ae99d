# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh
#
# QEMU as a front-end: Debian's cloud kernel and a busybox initramfs, under
# TCG. Sourced by the tests beside it.

top=$(cd "$(dirname "$0")/../.." && pwd)
UMTT=${UMTT:-$top/build/umtt}
work=$(mktemp -d)
cloud=$top/build/cloud-kernel
slave=
tests=0
failed=0

skip_all()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

cleanup()
{
	[ -z "$slave" ] || kill "$slave" 2>/dev/null
	wait
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# ok NAME STATUS: one test line.
ok()
{
	tests=$((tests + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $tests $1"
	else
		echo "not ok $tests $1"
		failed=1
	fi
}

need_qemu()
{
	command -v qemu-system-x86_64 >/dev/null || skip_all "no qemu-system-x86_64"
	command -v busybox >/dev/null || skip_all "no busybox"
	bash "$top/uml-glue/kernel/fetch-cloud-kernel.sh" "$cloud" >"$work/fetch.log" 2>&1 ||
		skip_all "no cloud kernel: $(tail -n 1 "$work/fetch.log")"
}

# An initramfs that loads the modules, then runs the script on stdin.
make_initramfs()
{
	root=$work/root
	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/modules"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$cloud"/modules/* "$root/modules/"
	{
		cat <<-'END'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		while read -r m; do insmod /modules/$m; done </modules/order
		echo guest: begin
		END
		cat
		echo 'echo guest: end'
		echo 'poweroff -f'
	} >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
}

# start_slave ARGS...: serve until the end of the test.
start_slave()
{
	"$UMTT" slave "$@" >>"$work/slave.log" 2>&1 &
	slave=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -S "${sock:-$work/sock}" ] && return
		sleep 0.2
	done
	echo "# the slave did not start: $(cat "$work/slave.log")"
}

# qemu ARGS...: boot; what the guest says is in $work/console.
qemu()
{
	timeout -k 5 120 qemu-system-x86_64 -accel tcg -m 256M -no-reboot -nographic -nodefaults \
		-machine q35,memory-backend=mem \
		-object memory-backend-memfd,id=mem,size=256M,share=on \
		-kernel "$cloud/vmlinuz" -initrd "$work/initrd" \
		-append "console=ttyS0 panic=-1 quiet" -serial stdio "$@" \
		</dev/null >"$work/console" 2>&1
}

said()
{
	grep -aq "$1" "$work/console"
}

# The slave is told to end: it must do so at once, with 0 and without complaint.
stop_slave()
{
	kill -TERM "$slave"
	wait "$slave"
	status=$?
	slave=
	[ $status -eq 0 ] || echo "# slave: exit status $status"
	! grep -E 'ERROR|runtime error|BUG' "$work/slave.log" && [ $status -eq 0 ]
}

finish()
{
	if [ $failed -ne 0 ]; then
		sed 's/^/# slave: /' "$work/slave.log"
		tail -n 30 "$work/console" | tr -d '\r' | sed 's/^/# guest: /'
	fi
	echo "1..$tests"
	exit $failed
}
