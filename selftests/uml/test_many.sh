#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# 64 kernels on one switch: each reaches every other.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

nodes=64

lab_file()
{
	printf 'links:\n  - {name: lan, latency: 10us}\nnodes:\n'
	i=1
	while [ $i -le $nodes ]; do
		printf '  - name: n%d\n    memory: 32M\n    wait: true\n' $i
		printf '    command: [%s, "%d", "%d"]\n' "$work/reach" $i $nodes
		printf '    devices: ["net,ip=10.0.0.%d/24"]\n' $i
		i=$((i + 1))
	done
}

all_reached()
{
	run --stats=all lab.yaml
	succeeded || return
	equal "nodes reached by all others" \
		"$(grep -c "reached by $((nodes - 1)) of $((nodes - 1))$" out)" "$nodes"
}

# What was sent has arrived, or is counted as lost; but for the few frames that
# are on the link when the lab ends, each on its way to all.
add_up()
{
	awk -v n="$nodes" '
	$1 == "sent" { sent = $2 }
	$1 == "delivered" { delivered = $2 }
	$1 == "flooded" { flooded = $2 }
	$1 ~ /^dropped_/ { dropped += $2 }
	$1 ~ /^rx_(frames|dropped|down|too_small)$/ { received += $2 }
	END {
		want = sent - flooded - dropped + flooded * (n - 1)
		if (delivered > want || delivered < want - 4 * n)
			print "sent", sent, "flooded", flooded, "dropped",
			      dropped, "but delivered", delivered
		if (received != delivered)
			print "delivered", delivered, "but the ports saw", received
	}' err >sums
	cat sums
	[ -s err ] && [ ! -s sums ]
}

compile reach
lab_file >lab.yaml
begin 2
check each_of_64_reaches_the_others all_reached
check frames_add_up add_up
finish
