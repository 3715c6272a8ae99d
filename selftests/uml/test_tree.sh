#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Device trees: the devices that they describe are there, are as any others, and
# what is wrong with a tree is said in one line.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

grep -q '^CONFIG_OF=y' "$UMTT_KERNEL/build/.config" 2>/dev/null ||
	skip_all "this kernel has no device trees"

# tree FILE: the nodes on stdin
tree()
{
	{
		echo '/dts-v1/;'
		echo '/ {'
		cat
		echo '};'
	} >"$1"
}

# slot PROPERTIES [INSIDE]
slot()
{
	echo "slot { compatible = \"virtio,uml\"; $1 $2 };"
}

tree rng.dts <<'END'
	random {
		compatible = "virtio,uml";
		umtt,device = "rng,rate=64k";

		source: rng {
			compatible = "virtio,device4";
			us,what = "here";
		};
	};
	named {
		compatible = "virtio,uml";
		umtt,name = "rng0";
	};
	off {
		compatible = "virtio,uml";
		status = "disabled";
	};
END
dtc -q -I dts -O dtb -o rng.dtb rng.dts

look='cd /sys/bus/virtio/devices
	for d in *; do
		parent=$(readlink -f "$d"); parent=${parent%/*}
		echo "${parent##*/} $(cat "$d/device") $(tr "\0" "\n" 2>/dev/null <"$d/of_node/us,what")."
	done
	tr " " "\n" </proc/cmdline | grep -e virtio_uml -e dtb=
	head -c 1000 /dev/hwrng | wc -c'

as_described()
{
	succeeded && equal stderr "$(cat err)" "" && equal stdout "$(cat out)" 'random 0x0004 here.
named 0x0004 .
virtio-uml.1 0x0001 .
virtio_uml.device=node1.net0.sock:1:1
dtb=node1.dtb
1000'
}

source_file()
{
	run --dts rng.dts -- sh -c "$look"
	as_described
}

blob_file()
{
	run --dtb rng.dtb -- sh -c "$look"
	as_described
}

# Nodes of a lab each have their own; paths are relative to the lab file.
lab_file()
{
	mkdir -p lab
	cp rng.dts rng.dtb lab
	cat >lab/lab.yaml <<-END
	nodes:
	  - {name: a, devices: [rng], dts: rng.dts, command: ls /sys/devices/platform/random}
	  - {name: b, devices: [rng], dtb: rng.dtb, command: ls /sys/devices/platform/named, wait: true}
	  - {name: c, command: ls -d /sys/firmware/devicetree/base/random, wait: true}
	END
	run lab/lab.yaml
	equal status "$status" 2 && equal stdout "$(grep virtio out | cut -c 1-6 | sort | xargs)" "b: vir virtio"
}

# Through the preprocessor, with the kernel's headers and the user's
includes()
{
	echo '#define RATE "rng,rate=64k"' >rate.h
	{
		echo '#include "rate.h"'
		echo '#include <dt-bindings/gpio/gpio.h>'
		slot 'umtt,device = RATE; flag = <GPIO_ACTIVE_LOW>;'
	} | tree in.dts
	run --dts in.dts -- sh -c 'od -A n -t x1 /sys/devices/platform/slot/of_node/flag'
	succeeded && equal stdout "$(cat out)" ' 00 00 00 01'
}

# The echo driver's own tests look at every time, to the nanosecond.
echo_driver()
{
	slot 'umtt,device = "echo";' | tree echo.dts
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --dts echo.dts --module "$echo_ko" -- sh -c '
		cat /sys/kernel/debug/umtt_echo/selftest
		cd /sys/bus/virtio/drivers/umtt_echo
		d=$(echo virtio*)
		echo $d >unbind && echo $d >bind || exit
		echo +2 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state || exit
		cat /sys/kernel/debug/umtt_echo/selftest'
	succeeded && equal "tests passed" "$(grep -c '^ok [0-9]* [a-z0-9_]*$' out)" 46
}

# Of the files that made the tree, nothing is needed.
replayed()
{
	cp rng.dts gone.dts
	run --dts gone.dts --trace trace -- sh -c "$look; echo; od -x -N 64 /dev/hwrng"
	rm gone.dts
	succeeded && cp out want || return
	umtt run --wall-limit 80s --replay trace >out 2>err
	status=$?
	succeeded && said 'replay: all [0-9]+ records are the same$' && cmp out want
}

# Another tree is another run, and that is said.
replay_differs()
{
	umtt run --wall-limit 80s --replay trace --dtb rng.dtb >out 2>err
	said 'recorded with node1.tree=.*, now node1.tree=' || return
	slot 'umtt,device = "rng";' | tree other.dts
	umtt run --wall-limit 80s --replay trace --dts other.dts >out 2>err
	equal status $? 123 && said 'recorded with node1.tree-data='
}

# A back-end that is not ours is left alone.
foreign()
{
	slot 'socket-path = "/nowhere.sock"; virtio-device-id = <4>;' | tree foreign.dts
	run --dts foreign.dts -- sh -c 'tr "\0" "\n" </sys/devices/platform/slot/of_node/socket-path
		ls -d /sys/devices/platform/slot/virtio* | wc -l'
	succeeded && equal stdout "$(cat out)" "/nowhere.sock
0"
}

# refused WHY SLOT [INSIDE] -- OPTIONS: one line, and nothing is run
refused()
{
	why="umtt: $1"
	slot "$2" "$3" | tree bad.dts
	shift 3
	run --dts bad.dts "$@" -- echo it runs
	equal "exit status" "$status" 125 && equal lines "$(wc -l <err)" 1 &&
		equal stdout "$(cat out)" "" && said "$why"
}

nodes_refused()
{
	refused '.*/bad.dts: node /slot: no device: give it umtt,device' '' '' &&
	refused '.*: node /slot: property umtt,name: node .node1. of the lab has no other device .keys.; --device TYPE,name=NAME makes one$' \
		'umtt,name = "keys";' '' &&
	refused '.*: node /two: property umtt,name: .* no other device .keys.' 'umtt,name = "keys";' \
		'}; two { compatible = "virtio,uml"; umtt,name = "keys";' --device rng,name=keys &&
	refused '.*: node /slot: has both umtt,device and umtt,name' 'umtt,name = "a"; umtt,device = "rng";' '' &&
	refused '.*: node /slot: has both umtt,device and socket-path' 'socket-path = "a"; umtt,device = "rng";' '' &&
	refused '.*: node /slot: has socket-path, but no virtio-device-id' 'socket-path = "a";' '' &&
	refused '.*: node /slot: property umtt,device: a string is expected' 'umtt,device = "a", "b";' '' &&
	refused '.*: node /slot: property umtt,name: a string is expected' 'umtt,name = <1>;' '' &&
	refused '.*: node /slot: its child gpio is not compatible with virtio,deviceID' \
		'umtt,device = "rng";' 'gpio { compatible = "gpio-keys"; };' &&
	refused '.*: node /slot: its child is for virtio device 29, and the device is one with id 4: compatible = "virtio,device4"' \
		'umtt,device = "rng";' 'gpio { compatible = "virtio,device29"; };' &&
	refused '.*: node /slot: has 2 children; the kernel wants one at most' \
		'umtt,device = "rng";' 'a { compatible = "virtio,device4"; }; b { compatible = "virtio,device4"; };'
}

devices_refused()
{
	refused '.*there is no device type .nothing.' 'umtt,device = "nothing,a=1";' '' &&
	refused "node1.rng1: device type 'rng' has no option 'x'" 'umtt,device = "rng,x=1";' '' &&
	refused 'node1.net1: option ip=10.0.0.9/24: not for a device of a device tree' \
		'umtt,device = "net,link=lan,ip=10.0.0.9/24";' ''
}

# one_line STATUS WHY ARGS...
one_line()
{
	want=$1
	why=$2
	shift 2
	run "$@" -- echo it runs
	equal "exit status" "$status" "$want" && equal stdout "$(cat out)" "" && said "$why"
}

files_refused()
{
	echo hello >text.dtb
	: >empty.dtb
	echo '/dts-v1/; / { a = };' >wrong.dts
	printf 'nodes: [{ name: a, dts: rng.dts, dtb: rng.dtb, command: "true" }]\n' >both.yaml
	printf 'nodes: [{ name: a, dts: none.dts, command: "true" }]\n' >none.yaml
	one_line 125 '/text.dtb: this is not a device tree blob' --dtb text.dtb &&
	one_line 125 '/empty.dtb: this is not a device tree blob' --dtb empty.dtb &&
	one_line 125 'none.dtb: not a file' --dtb none.dtb &&
	one_line 125 '/wrong.dts: cannot compile this device tree$' --dts wrong.dts &&
	said 'wrong.dts:1.* syntax error' &&
	one_line 125 '--dtb and --dts both' --dts rng.dts --dtb rng.dtb &&
	one_line 125 "both.yaml:1: key 'nodes\[0\].dts': there is a dtb already" both.yaml &&
	one_line 125 "none.yaml:1: key 'nodes\[0\].dts': there is no file none.dts" none.yaml
}

no_compiler()
{
	mkdir -p bin
	ln -sf "$(command -v sh)" bin/sh
	PATH=$work/bin "$UMTT" run --kernel "$linux" --dts rng.dts -- true >out 2>err
	equal "exit status" $? 125 && equal lines "$(wc -l <err)" 1 &&
		said 'needs dtc and cpp: install device-tree-compiler'
}

begin 13
check source_file source_file
check blob_file blob_file
check lab_file lab_file
if [ -d "$UMTT_KERNEL/source/include/dt-bindings" ]; then
	check includes includes
else
	skip includes "no source of this kernel"
fi
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		skip "echo_driver_$mode" "$why"
	else
		check "echo_driver_$mode" echo_driver "$mode"
	fi
done
check replayed replayed
check replay_differs replay_differs
check foreign foreign
check nodes_refused nodes_refused
check devices_refused devices_refused
check files_refused files_refused
check no_compiler no_compiler
finish
