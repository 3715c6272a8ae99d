#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Options of umtt run, each seen to do what it says.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

memory()
{
	for mb in 48 200; do
		run --mem "${mb}M" -- sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo
		succeeded && between "kB of memory" "$(cat out)" $((mb * 750)) $((mb * 1024)) ||
			return
	done
}

kernel_arguments()
{
	run --append 'first=1 second' --append third -- cat /proc/cmdline
	succeeded && printed ' first=1 second third ' || return
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    kernel-args: of=file
	    command: cat /proc/cmdline
	END
	run --append of=option lab.yaml
	succeeded && printed ' of=file of=option '
}

cpus_of()
{
	sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$1/status"
}

# cpus_are PATTERN OPTION...: of umtt and of its kernel
cpus_are()
{
	want=$1
	shift
	start "$@" -- sh -c 'echo up; while :; do sleep 1; done'
	wait_for 20 grep -q up out || return
	umtts=$(cpus_of "$lab")
	kernels=$(cpus_of "$(node_pid node1)")
	kill "$lab"
	ended 20
	equal "CPUs of umtt" "$(echo "$umtts" | grep -xE "$want")" "$umtts" &&
		equal "CPUs of umtt" "$umtts" "$(echo "$umtts" | grep .)" &&
		equal "CPUs of the kernel" "$kernels" "$umtts"
}

cpu_option()
{
	all=$(cpus_of $$)
	last=$(echo "$all" | sed 's/.*[-,]//')
	cpus_are '[0-9]+' && cpus_are "$last" --cpu "$last" && cpus_are "$all" --cpu none
}

# A system that has nothing but busybox
root()
{
	busybox=$(command -v busybox) || { echo "no busybox"; return 1; }
	mkdir -p root/bin root/proc root/sys root/dev root/tmp root/etc
	cp "$busybox" root/bin/
	for name in sh ls cat ping uname; do
		ln -sf busybox "root/bin/$name"
	done
	echo "of the root" >root/etc/what
	run --node 2 --root root -- sh -c 'cat /etc/what; ls / | xargs; pwd; uname -n
		ping -c 1 10.0.0.2 | grep -c "1 packets received"; exit 4'
	equal "exit status" "$status" 4 && equal stdout "$(cat out)" "of the root
bin dev etc proc sys tmp
/
node1
1"
}

random_bytes()
{
	run --seed "$1" --node 2 -- sh -c 'head -c 4000 /dev/hwrng | sha256sum
		cat /sys/class/net/eth0/address'
	succeeded
}

seed()
{
	random_bytes 5 && cp out five && random_bytes 5 && cmp five out &&
		random_bytes 6 || return
	if grep -qFf five out; then
		echo "the same with another seed"
		return 1
	fi
	random_bytes 18446744073709551615
}

# Two nodes of one seed have a generator of their own each.
seed_of_nodes()
{
	cat >lab.yaml <<-END
	nodes:
	  - {name: a, devices: [rng], command: head -c 4000 /dev/hwrng | sha256sum}
	  - {name: b, devices: [rng], wait: yes, command: head -c 4000 /dev/hwrng | sha256sum}
	END
	run lab.yaml
	sed -i 's/^b: //' out
	succeeded && equal "different lines" "$(sort -u out | wc -l)" 2
}

verbose()
{
	run -v -- echo output
	succeeded && equal stdout "$(cat out)" output &&
		said '^node1\| .*Linux version' && said '^umtt: node1: the command has ended' || return
	run -v -v -- echo output
	succeeded && equal stdout "$(cat out)" output && said 'VRING_KICK' &&
		said '^umtt: tt: .* WAITING -> RUNNING'
}

quiet()
{
	run -- echo output
	succeeded && equal stdout "$(cat out)" output && equal stderr "$(cat err)" ""
}

statistics()
{
	run --stats -- sleep 20
	succeeded && equal lines "$(wc -l <err)" 3 &&
		said '^umtt: simulated [0-9]+\.[0-9] s in [0-9]+\.[0-9] (ms|s)$' &&
		said '^umtt: calendar: [1-9][0-9]* messages received, [1-9][0-9]* sent; devices: [1-9][0-9]* kicks, [1-9][0-9]* calls, [1-9][0-9]* messages received, [1-9][0-9]* sent; io_uring_enter: [1-9][0-9]*$' &&
		said '^umtt: CPU time: calendar and devices [0-9]+ ms, nodes [1-9][0-9]* ms$'
}

# Every counter of every device and link, in sections
all_statistics()
{
	run --stats=all --node 2 -- ping -c 3 10.0.0.2
	succeeded || return
	for section in node1.rng0 node1.net0 node2.rng0 node2.net0 'link lan'; do
		said "^$section:$" || return
	done
	between "bytes of the rng" "$(counter err node1.rng0 bytes)" 64 100000 &&
		between "frames sent" "$(counter err node1.net0 tx_frames)" 4 50 &&
		between "frames of the other" "$(counter err node2.net0 rx_frames)" 4 50 &&
		equal "frames lost" "$(counter err 'link lan' dropped_lost)" 0
}

logs()
{
	run --out logs --node 2 -- true
	succeeded && equal "logs" "$(echo logs/*)" "logs/node1.log logs/node2.log" &&
		grep -q 'Linux version' logs/node1.log && grep -q 'Linux version' logs/node2.log
}

names()
{
	run --node 3 -- sh -c 'hostname; ping -c 1 node3 | grep -c "1 received"
		getent hosts node2 | xargs'
	succeeded && equal stdout "$(cat out)" "node1
1
10.0.0.2 node2"
}

devices()
{
	run --device net,link=other,ip=192.168.5.6/28,gw=192.168.5.1,mac=02:00:00:00:00:55,mtu=1400 \
		--device net,ip=fd00::7/64 -- sh -c '
		ip -o addr show dev eth1 | grep -c "192.168.5.6/28 .*"
		ip route | grep -c "^default via 192.168.5.1 dev eth1"
		ip link show dev eth1 | grep -c "mtu 1400"
		cat /sys/class/net/eth1/address
		ip -o addr show dev eth2 | grep -c fd00::7/64'
	succeeded && equal stdout "$(xargs <out)" "1 1 1 02:00:00:00:00:55 1"
}

module()
{
	[ -f "$echo_ko" ] || { echo "no $echo_ko"; return 1; }
	run --module "$echo_ko" -- cut -d ' ' -f 1 /proc/modules
	succeeded && equal modules "$(cat out)" umtt_echo
}

# It takes the place of the file's.
link()
{
	cat >lab.yaml <<-END
	links:
	  - {name: lan, latency: 300ms, mtu: 1300}
	nodes:
	  - {name: a, devices: ["net,ip=10.0.0.1/24"],
	     command: "cat /sys/class/net/eth0/mtu; ping -c 2 b | sed -n 's/.*seq=2.*time=//p'"}
	  - {name: b, devices: ["net,ip=10.0.0.2/24"]}
	END
	run lab.yaml
	succeeded && equal stdout "$(xargs <out)" "1300 600 ms" || return
	run lab.yaml --link lan,latency=50ms
	succeeded && equal stdout "$(xargs <out)" "1500 100 ms"
}

messages_only()
{
	run --no-shm --stats -- sleep 100
	without=$(sed -n 's/.*calendar: \([0-9]*\) messages received.*/\1/p' err)
	run --stats -- sleep 100
	with=$(sed -n 's/.*calendar: \([0-9]*\) messages received.*/\1/p' err)
	succeeded && between "messages without shared memory, with it $with" "$without" \
		$((with * 3)) 1000000
}

help_texts()
{
	for c in run calendar slave; do
		umtt "$c" --help >"$work/out" 2>"$work/err"
		equal "exit status" $? 0 && printed "^Usage: umtt $c " && equal stderr "$(cat err)" "" ||
			return
	done
	umtt --help >"$work/out" 2>"$work/err"
	equal "exit status" $? 0 && printed calendar && printed slave
}

begin 18
check quiet_by_default quiet
check verbose verbose
check mem memory
check append kernel_arguments
check cpu cpu_option
check root_of_busybox root
check seed_of_the_rng seed
check each_node_its_own_rng seed_of_nodes
check stats statistics
check stats_all all_statistics
check out_keeps_logs logs
check names_of_nodes names
check device_options devices
check module module
check link_replaces_that_of_the_file link
if why=$(mode_missing shared_memory); then
	skip no_shm_costs_messages "$why"
else
	check no_shm_costs_messages messages_only
fi
check help help_texts
check lab_and_command works "$top/uml-glue/labs/ping.yaml" -- true
finish
