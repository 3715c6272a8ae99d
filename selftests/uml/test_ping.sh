#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Two kernels on a link: how long a round trip takes, and what is lost.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# pings MODE LINK COUNT PAYLOAD: nobody else sends on this link
pings()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --append ipv6.disable=1 --node 2 \
		--link "lan,$2" -- ./rtt 10.0.0.2 "$3" "$4"
}

# trips MODE LINK COUNT PAYLOAD FIRST NS
trips()
{
	pings "$1" "$2" "$3" "$4"
	succeeded && exact "$3" "$5" "$6" out
}

# What ping(8) makes of it: it looks at the clock in units of 1 us, and twice
ping_says()
{
	# shellcheck disable=SC2046	# none, or one
	run $(mode_option "$1") --append ipv6.disable=1 --node 2 \
		--link lan,latency=100us -- ping -c 10 -i 0.3 10.0.0.2
	succeeded || return
	sed -n 's/.*icmp_seq=[0-9]* .* time=\(.*\) ms/\1/p' out >took
	equal answers "$(wc -l <took)" 10 &&
		equal "first time" "$(head -n 1 took | grep -vxE '0\.(399|40[01])')" "" &&
		equal "other times" "$(tail -n +2 took | grep -vxE '0\.(199|20[01])')" ""
}

# The device looks 3 us after each kick; a frame is kicked twice on its way.
kick_latency()
{
	cat >lab.yaml <<-END
	links:
	  - {name: lan, latency: 100us}
	nodes:
	  - {name: a, devices: ["net,link=lan,kick-latency=3us,ip=10.0.0.1/24"]}
	  - {name: b, devices: ["net,link=lan,kick-latency=3us,ip=10.0.0.2/24"]}
	END
	run lab.yaml -- ./rtt 10.0.0.2 256
	succeeded && exact 256 412000 206000 out
}

# lossy SEED NAME: 200 pings over a link that loses 10 %. No other frames are
# sent, so that what is lost depends on the link's seed alone.
lossy()
{
	cat >lab.yaml <<-END
	links:
	  - {name: lan, latency: 100us, loss: 10%}
	nodes:
	  - name: a
	    devices: ["net,link=lan,mac=02:00:00:00:00:01,ip=10.0.0.1/24"]
	    kernel-args: ipv6.disable=1
	    command: >
	      ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent &&
	      sleep 1 && exec ./rtt 10.0.0.2 200
	  - name: b
	    devices: ["net,link=lan,mac=02:00:00:00:00:02,ip=10.0.0.2/24"]
	    kernel-args: ipv6.disable=1
	    command: ip neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	END
	run lab.yaml --seed "$1" --stats=all
	cp out "$2.out"
	cp "err" "$2.err"
	succeeded
}

some_lost()
{
	lost=$(grep -c lost one.out)
	# 19 % of the round trips are expected, 38; 6 sigma on both sides
	between "round trips lost" "$lost" 5 71 &&
		equal "round trips with another time" \
			"$(grep -vxE 'lost|200192|200448' one.out)" ""
}

same_losses()
{
	lossy 7 two && equal "lost round trips" "$(grep -n lost two.out)" \
			"$(grep -n lost one.out)" &&
		equal "frames lost" "$(counter two.err "link lan" dropped_lost)" \
			"$(counter one.err "link lan" dropped_lost)"
}

other_losses()
{
	lossy 8 three || return
	[ "$(grep -n lost three.out)" != "$(grep -n lost one.out)" ] &&
		return
	echo "seeds 7 and 8 lost the same frames"
	return 1
}

# Every frame is somewhere.
counters_add_up()
{
	f=one.err
	sent=$(counter "$f" "link lan" sent)
	delivered=$(counter "$f" "link lan" delivered)
	dropped=$(awk '/:$/ { on = $0 == "link lan:" }
		on && /^dropped/ { n += $2 } END { print n + 0 }' "$f")
	tx=0
	rx=0
	for node in a.net0 b.net0; do
		tx=$((tx + $(counter "$f" "$node" tx_frames)))
		for c in rx_frames rx_dropped rx_down rx_too_small; do
			rx=$((rx + $(counter "$f" "$node" "$c")))
		done
	done
	equal "frames sent by the ports, and on the link" "$tx" "$sent" &&
		equal "frames that arrived" "$((delivered + dropped))" "$sent" &&
		equal "frames delivered, and received or counted" "$rx" "$delivered" &&
		between "lost round trips, each a frame at least" \
			"$(counter "$f" "link lan" dropped_lost)" \
			"$(grep -c lost one.out)" 400
}

begin 20
compile rtt
for mode in $modes; do
	if why=$(mode_missing "$mode"); then
		for t in 0 100us 1ms 1s bandwidth as_ping_says; do
			skip "round_trip_${t}_$mode" "$why"
		done
		continue
	fi
	check "round_trip_0_$mode" trips "$mode" latency=0 256 56 0 0
	check "round_trip_100us_$mode" trips "$mode" latency=100us 256 56 400000 200000
	check "round_trip_1ms_$mode" trips "$mode" latency=1ms 256 56 4000000 2000000
	check "round_trip_1s_$mode" trips "$mode" latency=1s 256 56 4000000000 2000000000
	# 1442 bytes take 11.536 ms at 1 Mbit/s, a question for an address
	# and its answer, 42 bytes each, 0.336 ms.
	check "round_trip_bandwidth_$mode" trips "$mode" latency=100us,bandwidth=1Mbit \
		64 1400 24144000 23272000
	check "round_trip_as_ping_says_$mode" ping_says "$mode"
done
check kick_latency_adds_on_each_way kick_latency
check loss_seed_7 lossy 7 one
check some_are_lost some_lost
check counters_add_up counters_add_up
check same_seed_same_losses same_losses
check other_seed_other_losses other_losses
check odd_latency trips shared_memory latency=12345ns 256 0 49380 24690
check large_frames trips shared_memory latency=10us,mtu=9000 64 8192 40000 20000
finish
