#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Runs test programs that print KTAP, and counts what they said.
#
# Usage: runner.sh [-t SECONDS] [-o DIR] [-j JOBS] PROGRAM...
#
# JOBS programs run at a time; what they said is printed when they have ended.
#
# Verdicts are never guessed: a program whose plan is missing or not kept, or
# that failed without saying so, counts as a failure. The tally is appended to
# DIR/tally ("passed failed skipped", a line per program).

set -u

limit=300
out=${TMPDIR:-/tmp}/umtt-selftests
jobs=1
while getopts t:o:j: opt; do
	case $opt in
	j) jobs=$OPTARG ;;
	t) limit=$OPTARG ;;
	o) out=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
mkdir -p "$out"

# Prints "passed failed skipped" for the KTAP on stdin; $1: exit status.
count()
{
	awk -v status="$1" '
	/^1\.\.[0-9]+/ { sub(/^1\.\./, ""); plan = $1 + 0; planned = 1 }
	/^ok [0-9]/ && / # SKIP/ { skip++; next }
	/^ok [0-9]/ { pass++ }
	/^not ok [0-9]/ { fail++ }
	END {
		if (planned && plan == 0 && status == 4)
			skip++
		else if (!planned || plan != pass + fail + skip)
			fail++
		else if (status != 0 && status != 4 && !fail)
			fail++
		print pass + 0, fail + 0, skip + 0
	}'
}

run_one()
{
	name=$(basename "$1")
	log=$out/$name.log

	timeout -k 5 "$limit" "$1" >"$log" 2>&1 </dev/null
	status=$?
	# shellcheck disable=SC2046
	set -- $(count "$status" <"$log")
	echo "$*" >>"$out/tally"
	printf '  %-28s %s passed, %s failed, %s skipped\n' "$name" "$1" "$2" "$3"
	if [ "$2" -gt 0 ]; then
		[ "$status" = 124 ] && echo "    ended after $limit s"
		grep -v '^ok ' "$log" | tail -n 40 | sed 's/^/    /'
		echo "    (exit status $status, all of it in $log)"
		return 1
	fi
	grep '^ok .* # SKIP' "$log" | sed 's/^/    /'
	return 0
}

if [ "$jobs" -gt 1 ] && [ $# -gt 1 ]; then
	printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' "$0" -t "$limit" -o "$out" '{}'
	exit
fi
fail=0
for t in "$@"; do
	result=$(run_one "$t") || fail=1
	printf '%s\n' "$result"
done
exit $fail
