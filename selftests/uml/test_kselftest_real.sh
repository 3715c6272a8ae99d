#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A few of the kernel's own tests, built and run: minutes of simulated time, the
# same bytes again.
#
# UMTT_KSELFTEST_BUILD is a directory with tests that have been built already.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

case $UMTT_KERNEL in
*/6.12) ;;
*) skip_all "only with the kernel that is built for them, Linux 6.12" ;;
esac

limit=290

# ks ARGS...: leaves $status, $work/out and $work/err
ks()
{
	umtt kselftest ${UMTT_KSELFTEST_BUILD:+--build-dir "$UMTT_KSELFTEST_BUILD"} \
		${built:+--no-build} \
		-t timers:nsleep-lat -t timers:set-timer-lat -t timers:raw_skew \
		-t timers:adjtick -t timers:leap-a-day \
		-t timers:alarmtimer-suspend -t rtc:rtctest -t futex:run.sh \
		"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}
built=${UMTT_KSELFTEST_BUILD:-}

is_built()
{
	ks --dry-run
	succeeded || return
	built=y
	equal "tests" "$(grep -c : "$work/out")" 8
}

all_pass()
{
	ks --jobs 2 --ktap "$work/a.ktap" --out "$work/a"
	[ "$status" != 0 ] && grep -vE '^ +(not )?ok' "$work/out" | tail -n 60
	succeeded && printed '^# Totals: passed 8, failed 0, skipped 0'
}

# results NAME: how many of its results are ok and not skipped
results()
{
	awk -v name="$1" '
	/^  ok / && !/# SKIP/ { n++ }
	/^  not ok / { bad++ }
	/^(not )?ok / { if (index($0, name)) { print n + 0, bad + 0; exit } n = bad = 0 }
	' "$work/a.ktap"
}

# simulated NAME LEAST MOST: seconds that it took
took()
{
	seconds=$(awk -v name="$1" '
	/^# simulated: / { s = int($3) }
	/^(not )?ok / && index($0, name) { print s; exit }' "$work/a.ktap")
	between "$1" "${seconds:-0}" "$2" "$3"
}

minutes_pass()
{
	took nsleep-lat 120 135 && took set-timer-lat 119 121 &&
		took raw_skew 119 121 && took adjtick 125 135 &&
		took leap-a-day 129 132 && took alarmtimer-suspend 300 301
}

same_again()
{
	ks --jobs 1 --ktap "$work/b.ktap" --out "$work/b"
	succeeded && diff "$work/a.ktap" "$work/b.ktap" &&
		diff -rq "$work/a" "$work/b"
}

begin 6
check they_are_built is_built
check they_pass all_pass
check rtctest_passes_8_of_8 equal "results" "$(results rtc:rtctest)" "8 0"
check futex_passes_47_of_47 equal "results" "$(results futex:run.sh)" "47 0"
check minutes_have_passed minutes_pass
check the_same_bytes_again same_again
finish
