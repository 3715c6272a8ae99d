#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The example of Documentation/adding-a-device.rst, taken from the text: it
# compiles, umtt knows it, and a kernel reads from it.

set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
text=$top/Documentation/adding-a-device.rst
build=${BUILD:-build}
kernel=${UMTT_KERNEL:-$top/$build/kernel/6.12}/linux
n=0
fail=0

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# result NAME STATUS [FILE]: the file says what went wrong.
result()
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		[ -z "${3:-}" ] || sed 's/^/# /' "$3"
		fail=1
	fi
}

# The blocks of language $1 in the text, one after the other.
blocks()
{
	awk -v start=".. code-block:: $1" '
	$0 == start { on = 1; next }
	on && /^[^\t]/ { on = 0 }
	on { sub(/^\t/, ""); print }' "$text"
}

# A copy of the source with the device in it. Objects come along, so that only
# what the device touches is compiled.
make_copy()
{
	mkdir -p "$dir/build" &&
	cp -a Makefile src uml-glue "$dir/" &&
	{ [ ! -d "$build/obj" ] || cp -a "$build/obj" "$dir/build/"; } &&
	blocks c >"$dir/src/dev/metronome.c" &&
	echo 'DEV(metronome)' >>"$dir/src/dev/devices.def" &&
	blocks yaml >"$dir/metronome.yaml"
}

# Every line "beat N at T ns", T = N * $1, later than the line before; then the
# node's clock, that shows the last of them (hundredths of a second).
check_beats()
{
	awk -v period="$1" '
	function bad(why) { print "line " NR ": " why ": " $0; err = 1; exit }
	$1 == "beat" {
		if (NF != 5 || $3 != "at" || $5 != "ns") bad("form")
		if ($4 != $2 * period) bad("not a beat")
		if ($4 <= last) bad("time went back")
		last = $4; beats++; next
	}
	$1 * 1e9 < last || $1 * 1e9 > last + 2e7 { bad("the clocks differ") }
	END { if (!err && beats != 4) { print beats + 0 " beats"; err = 1 } exit err }'
}

run_lab()
{
	"$dir/build/umtt" run "$dir/metronome.yaml" --kernel "$kernel" \
		--wall-limit 60s
}

[ -x "$kernel" ] || skip_all "no kernel: $kernel"
dir=$(mktemp -d "${TMPDIR:-/tmp}/umtt-doc.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT

echo "KTAP version 1"
echo "1..6"

make_copy >"$dir/log" 2>&1 &&
	make -C "$dir" BUILD=build umtt >"$dir/log" 2>&1
result builds $? "$dir/log"

"$dir/build/umtt" slave --help >"$dir/log" 2>&1
grep -q '^ *metronome (virtio device id 4)$' "$dir/log" &&
	grep -q '^ *period=TIME ' "$dir/log"
result is_listed $? "$dir/log"

"$dir/build/umtt" slave --device "metronome,period=0,socket=$dir/m.sock" \
	>"$dir/log" 2>&1
[ $? -eq 125 ] && grep -q 'period=0' "$dir/log"
result refuses_a_bad_option $? "$dir/log"

run_lab >"$dir/first" 2>"$dir/log"
result guest_reads_it $? "$dir/log"

check_beats 250000000 <"$dir/first" >"$dir/log" 2>&1
result beats_are_on_time $? "$dir/log"

run_lab >"$dir/second" 2>"$dir/log" &&
	cmp "$dir/first" "$dir/second" >>"$dir/log" 2>&1
result same_in_the_next_run $? "$dir/log"

exit $fail
