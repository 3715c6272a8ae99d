#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The same lab and seed: the same bytes, whatever the host does meanwhile. And
# that what would make a difference makes one here. RUNS is how often each lab
# is run in each mode.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

RUNS=${RUNS:-2}
seed=7

# What a guest knows of itself and the world, and what it draws at random
cat >look.sh <<'END'
cat /proc/sys/kernel/random/boot_id /proc/cpuinfo /proc/cmdline
od -A n -t x4 -N 32 /dev/urandom
[ "$1" = 1 ] || ping -c 5 -i 0.1 10.0.0.2
[ "$1" = 1 ] || ping -c 3 -i 0.2 "10.0.0.$1"
sleep 1000
ip -s addr
date
uname -a
id
stat /tmp /run /dev /proc/1
cat /proc/self/maps /proc/interrupts /proc/meminfo /proc/stat
dmesg
END

# lab NODES ARGS...: all that comes of it, into the file "all"
lab()
{
	nodes=$1
	shift
	rm -rf logs
	run --seed "$seed" --node "$nodes" --link lan,latency=50us,loss=5% \
		--out logs --trace trace "$@" -- sh look.sh "$nodes"
	cat logs/*.log out >all
	# The callers, and their kernels, may differ here.
	"$UMTT" trace trace | sed '/ identity /d' >>all
	# Where there is no tmpfs, a kernel says so.
	sed -i '/on tmpfs/d' all
}

# repeat NAME NODES MODE: until "bytes" is not what it was, or RUNS times
repeat()
{
	for _ in $(seq "$RUNS"); do
		# shellcheck disable=SC2046	# none, or one
		lab "$2" $(mode_option "$3")
		succeeded && same_as "$1" || return
	done
}

# same_as NAME: the last run's bytes are those of the first run of that name
same_as()
{
	[ -e "want.$1" ] || cp all "want.$1"
	cmp all "want.$1" && return
	diff all "want.$1" | head -n 60; cp all "want.$1" /tmp
	return 1
}

# other_than NAME
other_than()
{
	! cmp -s all "want.$1" && return
	echo "nothing is different"
	return 1
}

busy_host()
{
	for _ in 1 2 3; do
		(while :; do :; done) &
		load="$load $!"
	done
}

idle_host()
{
	# shellcheck disable=SC2086
	kill $load
	# shellcheck disable=SC2086
	wait $load 2>/dev/null
	load=
}

under_load()
{
	busy_host
	repeat "$@"
	result=$?
	idle_host
	return "$result"
}

other_cpus()
{
	lab 2 --cpu none
	succeeded && same_as 2.shared_memory
}

# Another directory, home and user, as far as we may become one. The node sees
# the directory, so its name is as long as the other's, and as deep in /tmp. How
# much memory it uses for files depends on which of them the user may open.
other_caller()
{
	user=
	there=$(mktemp -d "${work%.*}.XXXXXX")
	cp look.sh "$there"
	if [ "$(id -u)" = 0 ]; then
		user="setpriv --reuid 65534 --regid 65534 --clear-groups"
		chmod 755 "$work"
		chown 65534:65534 "$there"
	fi
	# shellcheck disable=SC2086
	(cd "$there" && HOME=$work USER=nobody LOGNAME=nobody TMPDIR=$there \
		$user timeout -k 5 100 "$UMTT" run --kernel "$linux" \
		--seed "$seed" --node 2 --link lan,latency=50us,loss=5% \
		--out logs --trace trace -- sh look.sh 2) >out 2>err </dev/null
	status=$?
	{
		cat "$there"/logs/*.log out
		"$UMTT" trace "$there/trace" | sed '/ identity /d'
	} | sed '/on tmpfs/d; / kB/d' >all
	rm -rf "$there"
	sed '/ kB/d' want.2.shared_memory >want.caller
	succeeded && same_as caller
}

# wrapper NAME: a kernel that is started as the lines on stdin say
wrapper()
{
	{
		echo '#!/bin/sh'
		echo "[ \"\$1\" != --version ] || exec '$linux' --version"
		cat
	} >"$1"
	chmod +x "$1"
}

# The kernels come up, and connect, in the opposite order.
connect_order()
{
	wrapper late <<-END
	case \$* in *umid=node1*) sleep 0.4 ;; esac
	exec '$linux' "\$@"
	END
	lab 2 --kernel ./late
	succeeded && same_as 2.shared_memory
}

other_seed()
{
	seed=8
	lab 2
	seed=7
	succeeded && other_than 2.shared_memory
}

host_pid()
{
	wrapper pid <<-END
	exec '$linux' "\$@" "pid=\$\$"
	END
	lab 2 --kernel ./pid
	succeeded && other_than 2.shared_memory
}

wall_clock()
{
	lab 2 --tod now
	succeeded && other_than 2.shared_memory
}

# setarch without options switches randomization on again.
random_layout()
{
	wrapper aslr <<-END
	exec setarch x86_64 '$linux' "\$@"
	END
	lab 2 --kernel ./aslr
	succeeded && other_than 2.shared_memory
}

host_entropy()
{
	wrapper entropy <<-END
	unset LD_PRELOAD
	exec '$linux' "\$@"
	END
	lab 2 --kernel ./entropy
	succeeded && other_than 2.shared_memory
}

begin 16

for mode in $modes; do
	for nodes in 1 2 8; do
		name=${nodes}_nodes_$mode
		if why=$(mode_missing "$mode"); then
			skip "$name" "$why"
		else
			check "$name" repeat "$nodes.$mode" "$nodes" "$mode"
		fi
	done
	check "under_load_$mode" under_load "8.$mode" 8 "$mode"
done
check other_cpus other_cpus
check other_caller other_caller
check connect_order_makes_no_difference connect_order
check another_seed_does other_seed
check as_does_a_pid host_pid
check as_does_the_wall_clock wall_clock
check as_does_a_random_layout random_layout
check as_does_entropy_of_the_host host_entropy
finish
