#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A run is repeated from its trace alone, and where it differs is said; two
# traces are compared; a run that fails tells what came before.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

cat >talk.sh <<'END'
od -A n -t x4 -N 8 /dev/urandom
echo "$GREETING $PWD $1"
ping -c 3 -i 0.1 10.0.0.2
exit 3
END

record()
{
	GREETING='hello  there' run --seed 7 --node 2 --append 'x=1 y=2' \
		--link lan,latency=50us,loss=5% --device echo --trace trace "$@" \
		-- sh talk.sh "two words"
}

# In another directory, and with another environment
replay()
{
	mkdir -p elsewhere
	(cd elsewhere && GREETING=no umtt run --wall-limit 80s --replay ../trace "$@") \
		>"$work/out" 2>"$work/err" </dev/null
	status=$?
}

the_same()
{
	record
	cp out want.out
	cp trace want
	replay --trace ../again
	equal status "$status" 3 && said 'replay: all [0-9]+ records are the same$' &&
		cmp out want.out && cmp trace again
}

without_a_trace_of_its_own()
{
	replay
	equal status "$status" 3 && said 'replay: all [0-9]+ records are the same$'
}

messages_only()
{
	record --no-shm
	replay
	cp want trace
	equal status "$status" 3 && said 'replay: all [0-9]+ records are the same$'
}

# differs AT: the last replay, first where the trace has AT as recorded
differs()
{
	equal status "$status" 123 && said 'is not the recorded one:$' &&
		said "^expected .*$1" && said '^seen '
}

other_seed()
{
	replay --seed 8
	differs 'GET_CONFIG' && said 'replay: recorded with seed=7, now seed=8'
}

other_lab()
{
	replay --device rng
	differs "device .*node2" && said 'replay: recorded without node1.device=rng'
}

other_command()
{
	replay -- true
	equal status "$status" 123 && said 'recorded with node1.command=sh, now node1.command=true'
}

# A file by which kernels are started, and that says nothing of what follows
wrapper()
{
	printf '%s\n' '#!/bin/sh' \
		"[ \"\$1\" != --version ] || exec '$linux' --version" \
		"$2" >"$1"
	chmod +x "$1"
}

# The kernel's process id is in its command line; the node's command shows it.
# There is no device to which anything random could happen before.
injected_difference()
{
	echo 'nodes: [{ name: node1 }]' >alone.yaml
	wrapper linux "exec '$linux' \"\$@\" \"pid=\$\$\""
	run alone.yaml --trace trace --kernel ./linux -- \
		sh -c 'sleep 1; cat /proc/cmdline; sleep 1'
	succeeded || return
	replay
	cp want trace
	differs 'console .*node1 .*pid='
}

changed_kernel()
{
	wrapper linux "exec '$linux' \"\$@\""
	run --trace trace --kernel ./linux -- true
	succeeded || return
	wrapper linux "exec '$linux' \"\$@\" z=3"
	replay
	cp want trace
	said 'recorded with kernel-build=hash:.*, now kernel-build=hash:'
}

# The script is a file of the lab's directory; what comes later is another one.
changed_script()
{
	mkdir -p su,b
	echo 'at 2s set 1 1' >'su,b/a,b'
	echo "nodes: [{ name: node1, devices: ['gpio,script=a,,b'] }]" >su,b/scripted.yaml
	run su,b/scripted.yaml --trace trace -- true
	succeeded || return
	replay
	equal status "$status" 0 && ! said 'recorded with' >/dev/null || return
	echo 'at 3s set 1 1' >'su,b/a,b'
	replay
	mv trace before
	cp want trace
	said 'recorded with node1.device-file=su,b/a,b hash:.*, now node1.device-file=su,b/a,b hash:' || return
	run su,b/scripted.yaml --trace after -- true
	umtt diff before after >out 2>err
	printed '^A node1.device-file=' && printed '^B node1.device-file='
}

# The same of a device that is said in a device tree
changed_input()
{
	echo one >words
	cat >tree.dts <<-'END'
	/dts-v1/;
	/ {
		a { compatible = "virtio,uml"; umtt,device = "console,ports=p,p.in=words"; };
	};
	END
	run --dts tree.dts --trace trace -- true
	succeeded || return
	echo two >words
	replay
	cp want trace
	said 'recorded with node1.device-file=words hash:.*, now node1.device-file=words hash:'
}

lost_directory()
{
	mkdir gone
	cd gone || return
	run --trace ../trace -- true
	cd ..
	rmdir gone
	replay
	cp want trace
	equal status "$status" 125 && said '/gone: this is where the recorded run'
}

# A run that was killed is compared up to there.
killed()
{
	start --trace "$work/trace" --node 2 -- sh -c \
		'while :; do ping -q -c 1 10.0.0.2 >/dev/null; echo ping; done'
	wait_for 20 has_pings || return
	kill -KILL "$lab"
	wait "$lab" 2>/dev/null
	wait_for 10 none_left
	replay
	cp want trace
	equal status "$status" 137 &&
		said 'the first [0-9]+ records are the same; then the recording ends'
}

has_pings()
{
	[ "$(wc -l <"$work/out")" -ge 5 ]
}

damaged()
{
	head -c 2000 want >trace
	replay
	said 'damaged|the recording ends' || return
	{ cat want; printf '\377'; } >trace
	for f in trace /dev/null /etc/passwd "$work"; do
		umtt run --replay "$f" >out 2>err
		equal "status of $f" $? 125 || [ "$f" = trace ] || return
	done
	umtt diff want trace >out 2>err
	equal "status of diff" $? 125 && said 'trace: damaged: what is at byte [0-9]+ is no record'
	result=$?
	cp want trace
	return "$result"
}

wrong_options()
{
	for o in --node=2 lab.yaml; do
		run --replay trace "$o"
		equal "status of $o" "$status" 125 && said 'has a lab already' || return
	done
	run --replay trace --trace trace
	equal status "$status" 125 && said 'this is the recording' && cmp trace want
}

diff_of_two()
{
	umtt diff want again >out 2>err
	equal status $? 0 && printed '^All [0-9]+ records are the same.$' || return
	run --seed 8 --node 2 --append 'x=1 y=2' --device echo \
		--link lan,latency=50us,loss=5% --trace other -- sh talk.sh "two words"
	umtt diff --context 2 want other >out 2>err
	equal status $? 1 && printed '^A seed=7' && printed '^B seed=8' &&
		printed '^After [0-9]+ records' && printed '^A .* vu-reply ' &&
		printed '^B .* vu-reply ' &&
		equal "lines of A" "$(grep -c '^A  ' out)" 3
}

identity_is_shown()
{
	run --seed 9 -v -- true
	said 'identity: seed=9' && said 'identity: kernel-build=build:[0-9a-f]{40}' &&
		said 'identity: node1.command=true'
}

story()
{
	run --node 2 --time-limit 3s -- ping -c 100 -i 0.05 10.0.0.2
	equal status "$status" 124 && said '^umtt: the last events' &&
		said '^ +2\.[0-9]{9} node2 kicks queue 1 of node2.net0$' &&
		said '^ +2\.[0-9]{9} node2.net0 sends frame [0-9]+ of [0-9]+ bytes to lan$' &&
		said '^ +2\.[0-9]{9} node1.net0 gets frame ' &&
		said '^ +2\.[0-9]{9} node1.net0 calls node1 for queue 0$' &&
		said '^node1 waits until 3\.[0-9]{9}; since 2\.'
}

# With a trace the last records are read from it.
story_of_a_trace()
{
	mv err without
	run --node 2 --time-limit 3s --trace story -- ping -c 100 -i 0.05 10.0.0.2
	equal status "$status" 124 && said '^umtt: seed 1, Linux ' &&
		grep -v '^umtt: seed 1, Linux ' err >story.err && cmp story.err without
}

no_story()
{
	run -- sh -c 'exit 7'
	equal status "$status" 7 && ! said 'last events' >/dev/null
}

begin 19
check the_same the_same
check without_a_trace_of_its_own without_a_trace_of_its_own
check messages_only messages_only
check other_seed other_seed
check other_lab other_lab
check other_command other_command
check injected_difference injected_difference
check changed_kernel changed_kernel
check changed_script changed_script
check changed_input changed_input
check lost_directory lost_directory
check killed killed
check damaged damaged
check wrong_options wrong_options
check diff_of_two diff_of_two
check identity_is_shown identity_is_shown
check story story
check story_of_a_trace story_of_a_trace
check no_story no_story
finish
