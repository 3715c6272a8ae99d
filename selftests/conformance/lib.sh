# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh
#
# Runs of vu-conformance as one KTAP program. Sourced by the tests beside it.

VU_CONFORMANCE=${VU_CONFORMANCE:-$top/build/vu-conformance}
work=$(mktemp -d)
nr=0
failed=0

trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

echo "KTAP version 1"

# suite NAME OPTIONS...: a run, its tests renumbered and named NAME.TEST; what
# the back-end says is shown when something has failed.
suite()
{
	name=$1
	shift
	"$VU_CONFORMANCE" "$@" >"$work/out" 2>"$work/err"
	status=$?
	planned=$(sed -n 's/^1\.\.//p' "$work/out")
	seen=$(grep -cE '^(not )?ok ' "$work/out")
	awk -v nr="$nr" -v name="$name" '
		/^KTAP/ || /^1\.\./ { next }
		/^ok / || /^not ok / {
			sub(/ok [0-9]+ /, "ok " ++nr " " name ".")
		}
		{ print }' "$work/out"
	nr=$((nr + seen))
	[ "$status" -eq 0 ] && [ "$seen" = "$planned" ] && return
	failed=1
	sed 's/^/# /' "$work/err" | tail -n 20
	[ "$seen" = "$planned" ] && [ "$status" -eq 1 ] && return
	nr=$((nr + 1))
	echo "not ok $nr $name.ends_as_planned"
	echo "# exit status $status, $seen tests of ${planned:-none}"
}

finish()
{
	echo "1..$nr"
	exit "$failed"
}
