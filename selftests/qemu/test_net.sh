#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Two QEMUs with -netdev vhost-user ping each other over a link of the slave.

# shellcheck source=selftests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"

need_qemu
echo "KTAP version 1"
make_initramfs <<'EOS'
case $(cat /sys/class/net/eth0/address) in
*:01) me=1; other=2 ;;
*) me=2; other=1 ;;
esac
ip addr add 10.0.0.$me/24 dev eth0
ip link set eth0 up
if [ $me = 1 ]; then
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ping -c 1 -W 1 10.0.0.2 >/dev/null && break
	done
	ping -c 5 10.0.0.2
	ping -c 3 -s 1400 10.0.0.2 | sed 's/^/large: /'
else
	sleep 60
fi
EOS
# vectors=0: without KVM, QEMU 7.2 dies of its own accord when virtio-net has
# both MSI-X and a vhost back-end, whichever that is.
port()
{
	echo "-chardev socket,id=c0,path=$1 -netdev vhost-user,id=n0,chardev=c0 -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0$2,vectors=0"
}
start_slave --link lan,latency=1ms --device net,socket="$work/sock" \
	--device net,socket="$work/sock2" --stats -v
# shellcheck disable=SC2046
timeout -k 5 120 qemu-system-x86_64 -accel tcg -m 256M -no-reboot -nographic -nodefaults \
	-machine q35,memory-backend=mem \
	-object memory-backend-memfd,id=mem,size=256M,share=on \
	-kernel "$cloud/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 quiet" -serial "file:$work/console2" \
	$(port "$work/sock2" 2) </dev/null >/dev/null 2>&1 &
other=$!
# shellcheck disable=SC2046
qemu $(port "$work/sock" 1)
kill $other 2>/dev/null
wait $other 2>/dev/null
said 'guest: end'
ok guest_ran_to_its_end $?
said '^5 packets transmitted, 5 packets received, 0% packet loss'
ok five_of_five_pings $?
said 'large: 3 packets transmitted, 3 packets received, 0% packet loss'
ok and_large_ones $?
stop_slave
ok slave_ends_cleanly $?
finish
