#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Lab files: several nodes, links between them, a command in each.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# router_lab COMMAND_OF_A COMMAND_OF_B KEYS_OF_B: two links and a router between
router_lab()
{
	cat >lab.yaml <<-END
	links:
	  - {name: left, latency: 1ms}
	  - {name: right, latency: 2ms, bandwidth: 100Mbit}
	nodes:
	  - name: a
	    devices: ["net,link=left,ip=10.0.1.2/24,gw=10.0.1.1"]
	    kernel-args: ipv6.disable=1
	    command: $1
	  - name: router
	    memory: 64M
	    devices: ["net,link=left,ip=10.0.1.1/24", "net,link=right,ip=10.0.2.1/24"]
	    kernel-args: ipv6.disable=1
	    command: echo 1 >/proc/sys/net/ipv4/ip_forward
	  - name: b
	    devices: ["net,link=right,ip=10.0.2.2/24,gw=10.0.2.1"]
	    kernel-args: ipv6.disable=1
	    command: $2
	    $3
	END
}

# 6 ms for the links, and twice 98 bytes at 100 Mbit/s, 7.84 us each. At first
# two addresses have to be asked for: 6 ms, and 42 bytes each way, 3.36 us.
routed()
{
	router_lab "sleep 1; exec ./rtt 10.0.2.2 200" "true"
	run "$1" lab.yaml
	succeeded && exact 200 12022400 6015680 out
}

# Who answers when the time to live ends on the way
hops()
{
	router_lab "sleep 1; ping -c 1 -t 1 b; ping -c 1 -t 2 b" "true"
	run lab.yaml
	succeeded && printed 'From (router|10\.0\.1\.1).* Time to live exceeded' &&
		equal answers "$(grep -c '^64 bytes from .*ttl=63' out)" 1
}

tcp()
{
	head -c 1000000 /dev/urandom >data
	# That end which has nothing to send would close the connection.
	router_lab "sleep 1; busybox nc b 99 <data" \
		"sleep 100 | busybox nc -l -p 99 | sha256sum" "wait: yes"
	run lab.yaml
	succeeded && equal "sum of what came" "$(cat out)" "b: $(sha256sum <data)"
}

# The first node's output is ours, that of the others has their names.
names()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: first
	    command: hostname; echo error >&2
	  - name: second
	    command: hostname; echo error >&2; echo; printf 'no newline'
	    wait: yes
	  - name: third-1
	    command: sleep 5; hostname; printf 'one\ntwo\nthree' >&2; sleep 5
	    wait: yes
	END
	run lab.yaml
	# Which of the nodes is first is theirs to say.
	# An empty line of the second node is but its name.
	succeeded && equal "stdout of first" "$(grep -v '^[st].*: ' out)" "first" &&
		equal "stdout of others" "$(grep '^[st].*: ' out | sed 's/ $/_/' | LC_ALL=C sort)" "second: no newline
second: second
second:_
third-1: third-1" && equal stderr "$(sort err)" "error
second: error
third-1: one
third-1: three
third-1: two"
}

# COMMAND takes the place of the first node's; the others keep theirs.
own_commands()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    command: echo of the file
	  - name: b
	    command: [sh, -c, 'echo list "\$0" "\$1"', 'a b', c]
	    wait: yes
	END
	run lab.yaml
	succeeded && equal stdout "$(sort out)" "b: list a b c
of the file" || return
	run lab.yaml -- echo "of the" "caller"
	succeeded && equal stdout "$(sort out)" "b: list a b c
of the caller"
}

# The lab ends when all have that are waited for; the first failure counts.
waits()
{
	cat >lab.yaml <<-END
	nodes:
	  - {name: a, command: sleep 10; exit $1}
	  - {name: b, command: sleep 20; exit $2, wait: yes}
	  - {name: c, command: sleep 1000; echo too late}
	  - {name: d, command: sleep 30; echo in time; exit $3, wait: yes}
	END
	run --stats lab.yaml
	equal "exit status" "$status" "$4" && equal stdout "$(cat out)" "d: in time" &&
		said '^umtt: simulated [3-9][0-9]\.[0-9] s in '
}

waited_for()
{
	waits 0 0 0 0 && waits 0 6 7 6 && waits 5 0 7 5
}

# All begin at the same time, of one clock.
one_clock()
{
	{
		echo 'nodes:'
		for node in a b c d; do
			echo "  - {name: $node, wait: yes, command: cat /proc/uptime; date}"
		done
	} >lab.yaml
	run --tod 2040-01-01 lab.yaml
	sed -i 's/^[bcd]: //; s/^\([0-9.]*\) [0-9.]*$/\1/' out
	succeeded && equal lines "$(wc -l <out)" 8 &&
		equal "different lines" "$(sort -u out | wc -l)" 2 &&
		equal uptime "$(head -n 1 out)" 1.00
}

memory_of_each()
{
	cat >lab.yaml <<-END
	nodes:
	  - {name: a, memory: 40M, command: grep MemTotal /proc/meminfo}
	  - {name: b, memory: 100M, wait: yes, command: grep MemTotal /proc/meminfo}
	END
	run lab.yaml
	succeeded && between "kB of a" "$(awk '$1 == "MemTotal:" { print $2 }' out)" 28000 40960 &&
		between "kB of b" "$(awk '$1 == "b:" { print $3 }' out)" 84000 102400
}

# Files that a lab names are beside it, wherever it is called from.
relative_names()
{
	mkdir -p sub
	cp "$linux" sub/kernel-copy
	echo garbage >sub/module.ko
	cat >sub/lab.yaml <<-END
	kernel: kernel-copy
	nodes:
	  - {name: a, command: echo works}
	END
	umtt run --wall-limit 80s sub/lab.yaml >"$work/out" 2>"$work/err" </dev/null
	status=$?
	rm sub/kernel-copy
	succeeded && equal stdout "$(cat out)" works
}

# Node b's program says another release than it boots, to be told apart.
own_kernels()
{
	mkdir -p sub
	cat >sub/other <<-END
	#!/bin/sh
	[ "\$1" != --version ] || exec echo 6.12.0-other
	exec $linux "\$@"
	END
	chmod +x sub/other
	cat >sub/lab.yaml <<-END
	nodes:
	  - {name: a, command: uname -r}
	  - {name: b, command: uname -r, wait: yes, kernel: other}
	  - {name: c, command: uname -r, wait: yes, kernel: $linux}
	END
	run --trace trace sub/lab.yaml
	succeeded && equal stdout "$(sort out | xargs)" "$release b: $release c: $release" &&
		equal "kernels in the trace" "$(kernels_of trace)" "c.=$release b.=6.12.0-other =$release" || return
	umtt run --wall-limit 80s --replay trace >out 2>err &&
		said 'all [0-9]+ records are the same$' || return
	sed -i 's/kernel: other/kernel: another/' sub/lab.yaml
	run sub/lab.yaml
	equal "exit status" "$status" 125 &&
		said "lab.yaml:3: key 'nodes\[1\].kernel': there is no file sub/another"
}

# "NODE.=RELEASE" of each kernel that the trace says was run
kernels_of()
{
	grep -aoE '([abc]\.)?kernel-release=[0-9.a-z-]+' "$1" |
		sed 's/kernel-release//' | LC_ALL=C sort -r | xargs
}

# One port on each of two links, in one node, and a node without any
ports()
{
	cat >lab.yaml <<-END
	links:
	  - {name: one, mtu: 1200}
	  - {name: two, mtu: 9000}
	nodes:
	  - name: a
	    devices:
	      - net,link=two,ip=10.2.0.1/24
	      - rng
	      - net,link=one,ip=10.1.0.1/24
	    command: >
	      cat /sys/class/net/eth0/mtu /sys/class/net/eth1/mtu &&
	      ping -c 1 -M do -s 8000 10.2.0.2 | grep -c '1 received' &&
	      ping -c 1 10.1.0.2 | grep -c '1 received';
	      ping -c 1 -W 1 10.1.0.3 | grep -c ' 0 received'
	  - {name: b, devices: ["net,link=two,ip=10.2.0.2/24", "net,link=one,ip=10.1.0.2/24"]}
	  - {name: c, command: ls /sys/class/net, wait: yes}
	END
	run lab.yaml
	succeeded && equal stdout "$(grep -v '^c: ' out | xargs)" "9000 1200 1 1 1" &&
		equal "interfaces of c" "$(grep '^c: ' out | grep -v dummy0 | xargs)" "c: lo"
}

# Those in directories are run by test_labs.sh.
labs=$(find "$top/uml-glue/labs" -maxdepth 1 -name '*.yaml' | sort)
# shellcheck disable=SC2086	# names without spaces
set -- $labs
begin $((12 + $#))
compile rtt
check router routed --cpu=none
if why=$(mode_missing shared_memory); then
	skip router_messages_only "$why"
else
	check router_messages_only routed --no-shm
fi
check hops hops
check tcp_through_the_router tcp
check names_in_the_output names
check each_its_own_command own_commands
check waited_for waited_for
check one_clock one_clock
check memory_of_each memory_of_each
check files_beside_the_lab relative_names
check kernel_of_each own_kernels
check ports ports
for lab in $labs; do
	check "lab_$(basename "$lab" .yaml)" works "$lab"
done
finish
