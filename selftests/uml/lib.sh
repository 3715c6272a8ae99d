# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh
#
# What the tests on real kernels share; sourced by the tests beside it.
#
# UMTT is the program (it may be one with sanitizers), UMTT_KERNEL the directory
# with the kernel, its "release" and its "modules". A test works in a directory of
# its own, $work, and in it is $TMPDIR, which must be empty at the end.

top=$(cd "$(dirname "$0")/../.." && pwd)
UMTT=${UMTT:-$top/build/umtt}
UMTT_KERNEL=${UMTT_KERNEL:-$top/build/kernel/6.12}
UMTT=$(readlink -f "$UMTT")
case $UMTT_KERNEL in /*) ;; *) UMTT_KERNEL=$PWD/$UMTT_KERNEL ;; esac
linux=$UMTT_KERNEL/linux
release=$(cat "$UMTT_KERNEL/release" 2>/dev/null)
# shellcheck disable=SC2034	# for who sources this
echo_ko=$UMTT_KERNEL/modules/umtt_echo.ko
tests=0
failed=0
skipped=0
status=

# skip_all REASON: when nothing here can be done
skip_all()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

[ -x "$UMTT" ] || skip_all "no $UMTT: make"
[ -x "$linux" ] || skip_all "no $linux: make kernel"

work=$(mktemp -d "${TMPDIR:-/tmp}/uml-test.XXXXXX") || exit 1
work=$(cd "$work" && pwd -P)
mkdir "$work/tmp"
: >"$work/out"
: >"$work/err"
cd "$work" || exit 1
export TMPDIR="$work/tmp"
export ASAN_OPTIONS="log_path=$work/report:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="log_path=$work/report:print_stacktrace=1:${UBSAN_OPTIONS:-}"
# By this the processes of this test are known: programs inherit it, and what
# does not (the kernels) works below $work.
mark=UMTT_TEST_DIR=$work
export UMTT_TEST_DIR="$work"

shell=$(readlink "/proc/$$/exe")

# Process ids of what this test has started and what is still there, but for
# shells: this one and its children.
own_processes()
{
	{
		find /proc/[0-9]*/cwd -prune \( -lname "$work" -o -lname "$work/*" \)
		UMTT_TEST_DIR='' grep -laF "$mark" /proc/[0-9]*/environ
	} 2>/dev/null | cut -d / -f 3 | sort -u | while read -r p; do
		# Those that have been looked at and are gone meanwhile have none.
		exe=$(readlink "/proc/$p/exe") || continue
		[ "$exe" = "$shell" ] || echo "$p"
	done
}

describe_processes()
{
	for p; do
		echo "left behind: process $p: $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null)"
	done
}

cleanup()
{
	left=$(own_processes)
	# shellcheck disable=SC2086
	[ -z "$left" ] || kill -KILL $left 2>/dev/null
	wait
	cd / && rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# begin COUNT: so many tests follow, and the one of finish()
begin()
{
	echo "KTAP version 1"
	echo "1..$(($1 + 1))"
	planned=$(($1 + 1))
}

# What may help to see why a test has failed
explain()
{
	sed 's/^/# /' "$work/why"
	tail -n "${explain_lines:-15}" "$work/err" | sed 's/^/# stderr: /'
	# What parts on their own (parts.sh) have said
	for part_err in "$work"/*.err; do
		[ -s "$part_err" ] || continue
		part_name=${part_err##*/}
		tail -n "${explain_lines:-15}" "$part_err" |
			sed "s/^/# ${part_name%.err}: /"
	done
}

# check NAME COMMAND...: a test that passes when the command does. What the
# command prints is shown when it fails.
check()
{
	check_name=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/why" 2>&1; then
		echo "ok $tests $check_name"
	else
		echo "not ok $tests $check_name"
		explain
		failed=$((failed + 1))
	fi
}

# skip NAME REASON
skip()
{
	tests=$((tests + 1))
	skipped=$((skipped + 1))
	echo "ok $tests $1 # SKIP $2"
}

# umtt ARGS...: the program, but not for ever
umtt()
{
	timeout -k 5 "${limit:-100}" "$UMTT" "$@"
}

# run ARGS...: a lab; leaves $status, $work/out and $work/err
run()
{
	umtt run --kernel "$linux" --wall-limit 80s "$@" >"$work/out" \
		2>"$work/err" </dev/null
	status=$?
	return 0
}

# start ARGS...: a lab in the background, in a session of its own; its process is
# $lab. What it is told by signals counts: a shell's jobs would ignore SIGINT.
start()
{
	# A reader must not find what an earlier one has written.
	: >"$work/out"
	: >"$work/err"
	setsid env --default-signal "$UMTT" run --kernel "$linux" \
		--wall-limit 80s "$@" >"$work/out" 2>"$work/err" </dev/null &
	lab=$!
	wait_for 10 runs_umtt "$lab"
}

runs_umtt()
{
	[ "$(readlink "/proc/$1/exe")" = "$UMTT" ] || is_gone "$1"
}

# ended SECONDS: the lab of start() has; leaves $status
ended()
{
	if ! wait_for "$1" is_gone "$lab"; then
		echo "umtt is still there after $1 s"
		kill -KILL "$lab"
		wait "$lab"
		return 1
	fi
	wait "$lab"
	status=$?
}

# A child of this shell that has ended is a zombie until it is waited for.
is_gone()
{
	! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null
}

# node_pid NAME: the process of that node's kernel
node_pid()
{
	for p in $(own_processes); do
		if [ "$(awk '/^PPid/ { print $2 }' "/proc/$p/status" 2>/dev/null)" = "$lab" ] &&
		   tr '\0' ' ' <"/proc/$p/cmdline" | grep -q " umid=$1 "; then
			echo "$p"
		fi
	done
}

# succeeded: did the last run return 0?
succeeded()
{
	[ "$status" = 0 ] && return
	echo "exit status $status"
	return 1
}

# works ARGS...: a lab that returns 0
works()
{
	run "$@"
	succeeded
}

# equal WHAT GOT WANT
equal()
{
	[ "$2" = "$3" ] && return
	echo "$1: $2, expected $3"
	return 1
}

# between WHAT GOT LEAST MOST
between()
{
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] && return
	echo "$1: $2, expected $3 to $4"
	return 1
}

# said PATTERN: in stderr of the last run
said()
{
	grep -qE -e "$1" "$work/err" && return
	echo "not in stderr: $1"
	return 1
}

# printed PATTERN: in stdout of the last run
printed()
{
	grep -qE -e "$1" "$work/out" && return
	echo "not in stdout: $1"
	sed 's/^/stdout: /' "$work/out" | tail -n 25
	return 1
}

# counter FILE SECTION NAME: a value of --stats, of the section with that title
counter()
{
	awk -v section="$2:" -v name="$3" '
	/:$/ { on = $0 == section }
	on && $1 == name { print $2; exit }' "$1"
}

# exact COUNT FIRST NS FILE: COUNT round trips of NS each as rtt says them, the
# first of FIRST, since the neighbour's address had to be asked for.
#
# A guest's clock has steps of 256 ns, and each look at it takes one step. A
# round trip measured from inside is then the two latencies and one look, as a
# multiple of 256 ns below or above. Nothing else adds to it, so that the sum of
# many is right within one step, and their mean within a nanosecond or two.
exact()
{
	awk -v count="$1" -v first="$2" -v ns="$3" '
	function bad(why) { print "round trip " NR ": " $0 " ns, " why; err = 1; exit }
	function check(want) {
		if ($1 < want - want % 256 || $1 >= want - want % 256 + 512)
			bad(want " and less than a step of the clock expected")
	}
	BEGIN { step = 256 }
	!/^[0-9]+$/ { bad("lost") }
	NR == 1 { check(first + step); next }
	{ check(ns + step); sum += $1 - ns - step }
	END {
		if (!err && NR != count) { print NR " round trips"; err = 1 }
		if (!err && (sum < -step || sum > step)) {
			print "over all, " sum " ns too much"; err = 1
		}
		exit err
	}' "$4"
}

# Linux before MAJOR.MINOR: kernel_before 6 11
kernel_before()
{
	echo "$release" | awk -F. -v major="$1" -v minor="$2" '
	{ exit !($1 < major || ($1 == major && $2 + 0 < minor)) }'
}

# modes: how kernels and calendar talk, as arguments for "for"
# shellcheck disable=SC2034	# for who sources this
modes="shared_memory messages_only"

# mode_option MODE
mode_option()
{
	[ "$1" = shared_memory ] || echo --no-shm
}

# mode_missing MODE: true when this kernel cannot do it; says why
mode_missing()
{
	[ "$1" = shared_memory ] && kernel_before 6 11 &&
		echo "Linux $release knows messages only"
}

# compile PROGRAM: selftests/uml/PROGRAM.c to $work/PROGRAM
compile()
{
	${CC:-cc} -O2 -Wall -Wextra -o "$work/$1" "$top/selftests/uml/$1.c" &&
		return
	echo "Bail out! cannot compile $1.c"
	exit 1
}

# wait_for SECONDS COMMAND...: until it is true
wait_for()
{
	tries=$(($1 * 50))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.02
	done
}

none_left()
{
	[ -z "$(own_processes)" ] && [ -z "$(ls -A "$TMPDIR")" ]
}

# Nothing but this shell is there any more, and nothing of what it has done.
nothing_left()
{
	if ! wait_for 10 none_left; then
		# shellcheck disable=SC2046
		describe_processes $(own_processes)
		find "$TMPDIR" | sed 's/^/left behind: /'
		return 1
	fi
}

no_reports()
{
	for f in "$work"/report*; do
		[ -e "$f" ] || continue
		head -n 60 "$f"
		return 1
	done
}

clean_end()
{
	nothing_left && no_reports
}

# The last test of each file, and its exit status
finish()
{
	check nothing_is_left_behind clean_end
	if [ "$tests" != "$planned" ]; then
		echo "# planned $planned tests, ran $tests: see begin in $0"
		failed=1
	fi
	[ $failed -eq 0 ] || exit 1
	[ "$((tests - 1))" -gt "$skipped" ] || exit 4
	exit 0
}
