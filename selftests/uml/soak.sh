#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The same labs again and again: two nodes RUNS times, eight nodes a tenth of
# that, half of the runs with all CPUs busy elsewhere. Trace and output must be
# the same bytes each time. ARGS is added to the arguments, as --no-shm.

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(readlink -f "${BUILD:-$top/build}")
kout=$(readlink -f "${KOUT:-$build/kernel/6.12}")
umtt=$(readlink -f "${UMTT:-$build/umtt}")
runs=${RUNS:-1000}
load=
done=0
bad=0
work=$(mktemp -d "${TMPDIR:-/tmp}/umtt-soak.XXXXXX") || exit 1

idle_host()
{
	# shellcheck disable=SC2086	# a list
	[ -z "$load" ] || kill $load 2>/dev/null
	load=
}

end()
{
	idle_host
	cd / && rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1

busy_host()
{
	for _ in $(seq "$(nproc)"); do
		(while :; do :; done) &
		load="$load $!"
	done
}

# once NODES: one run, and whether it is like the first one
once()
{
	# shellcheck disable=SC2086	# words
	"$umtt" run ${ARGS:-} --kernel "$kout/linux" --seed 7 --node "$1" --wall-limit 300s \
		--link lan,latency=50us,loss=5% --trace trace -- sh -c "
		od -A n -t x4 -N 32 /dev/urandom
		ping -c 10 -i 0.1 10.0.0.2
		ping -c 3 -i 0.2 10.0.0.$1
		sleep 1000; date; dmesg | tail -n 5" >out 2>err </dev/null
	echo "status $?" >>out
	[ -e "trace.$1" ] || { cp trace "trace.$1" && cp out "out.$1"; }
	done=$((done + 1))
	cmp -s trace "trace.$1" && cmp -s out "out.$1" && return
	bad=$((bad + 1))
	echo "run $done, of $1 nodes, differs:"
	tail -n 5 err
	"$umtt" diff "trace.$1" trace
	diff "out.$1" out | head -n 20
}

# rounds COUNT NODES
rounds()
{
	i=0
	while [ "$i" -lt "$1" ]; do
		once "$2"
		i=$((i + 1))
		[ $((i % 50)) -ne 0 ] || echo "$2 nodes: $i of $1${load:+, on a busy host}"
	done
}

# So many in all: the first half on a host that is as idle as it is
all()
{
	rounds $((($1 + 1) / 2)) "$2"
	busy_host
	rounds $(($1 / 2)) "$2"
	idle_host
}

all "$runs" 2
all $(((runs + 9) / 10)) 8
echo "$done runs, $bad of them different"
[ "$bad" -eq 0 ]
